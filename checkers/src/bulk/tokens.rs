//! What stands at the beginning of some bytes: whole numbers and plain texts, eight bytes at a time.
//!
//! Never allocates, never copies, and never takes for plain what JSON would write otherwise.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
/// The longest number that is read: longer ones may not fit.
const DIGITS_MAX: usize = 18;

/// A whole number without leading zeros, and what stands behind it.
#[inline]
pub(super) fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // Most numbers but index and time have one digit.
    match bytes {
        [digit @ b'0'..=b'9', behind, ..] if !behind.is_ascii_digit() => Some((u64::from(digit - b'0'), &bytes[1..])),
        _ => longer_number(bytes),
    }
}

#[inline]
fn longer_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = (0_u64, 0);
    while let Some(word) = bytes[length..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let digits = leading_digits(word);
        value = value.wrapping_mul(POWERS[digits]).wrapping_add(value_of(word, digits));
        length += digits;
        if digits < 8 {
            return finished(value, length, bytes);
        }
    }
    for byte in bytes[length..].iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        length += 1;
    }
    finished(value, length, bytes)
}

#[inline]
fn finished(value: u64, length: usize, bytes: &[u8]) -> Option<(u64, &[u8])> {
    if length == 0 || length > DIGITS_MAX || length > 1 && bytes[0] == b'0' {
        return None;
    }
    Some((value, &bytes[length..]))
}

const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// How many digits a word begins with; its first byte is the lowest.
#[inline]
fn leading_digits(word: u64) -> usize {
    let above_nine = word.wrapping_add(ONES * (0x7f - 0x39));
    let below_zero = word.wrapping_sub(ONES * 0x30);
    let other = (above_nine | below_zero | word) & HIGH;
    other.trailing_zeros() as usize / 8
}

/// The value of the first digits of a word: pairs first, then fours, then eight.
#[inline]
fn value_of(word: u64, digits: usize) -> u64 {
    if digits == 0 {
        return 0;
    }
    // The digits move to the end; zeros stand before them.
    let word = (word & (ONES * 0x0f)) << (64 - 8 * digits);
    let pairs = word.wrapping_mul(1 + (10 << 8)) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(1 + (100 << 16)) >> 16 & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// How many bytes are plain text: ASCII without quotes, escapes and control characters.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * 0x22));
        let escape = zero(word ^ (ONES * 0x5c));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let ends = (quote | escape | control | word) & HIGH;
        if ends != 0 {
            return 8 * at + ends.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |b: &u8| matches!(b, 0x20..0x80) && !matches!(b, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(|b| !is_plain(b)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digit_by_digit(text: &str) -> Option<(u64, &str)> {
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = text.split_at(length);
        let is_fine = (1..=18).contains(&length) && (length == 1 || !digits.starts_with('0'));
        is_fine.then(|| (digits.parse().unwrap(), behind))
    }

    #[test]
    fn a_number_may_be_all_that_there_is() {
        assert_eq!(number(b"0"), Some((0, &b""[..])));
        assert_eq!(number(b"00"), None);
        assert_eq!(number(b"999999999999999999"), Some((999_999_999_999_999_999, &b""[..])));
        assert_eq!(number(b"1000000000000000000"), None);
        assert_eq!(number(b"100000000000000000000000,"), None);
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_digit_by_digit(digits in "[0-9]{0,20}", behind in "[ -~]{0,10}") {
            let text = digits + &behind;
            let read = number(text.as_bytes());
            prop_assert_eq!(read, digit_by_digit(&text).map(|(n, behind)| (n, behind.as_bytes())));
        }

        #[test]
        fn any_byte_ends_a_number(digits in "[1-9][0-9]{0,16}", byte: u8) {
            let mut bytes = digits.clone().into_bytes();
            bytes.extend([byte, b'x', b'x', b'x', b'x', b'x', b'x', b'x', b'x']);
            if !byte.is_ascii_digit() {
                let value: u64 = digits.parse().unwrap();
                prop_assert_eq!(number(&bytes), Some((value, &bytes[digits.len()..])));
            }
        }

        #[test]
        fn texts_end_where_json_has_more_to_say(bytes in proptest::collection::vec(any::<u8>(), 0..40), ascii: bool) {
            let bytes: Vec<u8> = bytes.iter().map(|b| if ascii { b & 0x7f | 0x20 } else { *b }).collect();
            let end = bytes.iter().position(|b| !(0x20..0x80).contains(b) || *b == b'"' || *b == b'\\');
            prop_assert_eq!(plain(&bytes), end.unwrap_or(bytes.len()));
        }
    }
}

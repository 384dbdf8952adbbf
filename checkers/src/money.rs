//! Money, exactly: decimal text to minor units, and the credit counts that coded amounts leave in a balance.
//!
//! Never goes through binary floating point: a balance that a `DOUBLE` column printed as `1.11111e16` or
//! `0.30000000000000004` is read digit by digit, and what does not fit the scale is reported, not rounded away.

use std::fmt;

/// The largest number of digits behind the point that minor units of an `i128` can carry.
pub const SCALE_MAX: u32 = 38;

/// A remainder with more leading zeros than this is written with an exponent.
const REMAINDER_ZEROS_MAX: usize = 60;

/// An amount read from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Money {
    /// The text is a whole number of minor units.
    Exact(i128),
    /// The text carries digits beyond the scale.
    Inexact {
        /// The nearest whole number of minor units (halves away from zero).
        nearest: i128,
        /// What is left, in minor units and signed: the text's value minus `nearest`.
        remainder: String,
    },
}

impl Money {
    /// The value, or the nearest whole number of minor units.
    pub fn nearest(&self) -> i128 {
        match self {
            Money::Exact(minor) => *minor,
            Money::Inexact { nearest, .. } => *nearest,
        }
    }

    /// True when the text was a whole number of minor units.
    pub fn is_exact(&self) -> bool {
        matches!(self, Money::Exact(_))
    }

    /// True when the value is exact, or off by less than a tenth of a minor unit: the drift of binary floating
    /// point, which leaves no doubt about the amount that was meant.
    pub fn is_near(&self) -> bool {
        match self {
            Money::Exact(_) => true,
            Money::Inexact { remainder, .. } => {
                let digits = remainder.trim_start_matches('-');
                digits.starts_with("0.0") || digits.contains('e')
            }
        }
    }
}

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("expected a decimal number, found {0:?}")]
    Malformed(String),
    /// More digits than minor units of an `i128` can hold.
    #[error("the amount {0:?} is too large")]
    TooLarge(String),
    /// The scale itself is out of bounds.
    #[error("a scale of {0} digits is more than {SCALE_MAX}")]
    Scale(u32),
}

/// Reads `text` (major units, an exponent allowed) as minor units with `scale` digits behind the point.
///
/// ```
/// use paytwice_checkers::money::{Money, parse};
/// assert_eq!(parse("11.10", 2), Ok(Money::Exact(1110)));
/// assert_eq!(parse("1.11111e16", 2), Ok(Money::Exact(1_111_110_000_000_000_000)));
/// let drift = Money::Inexact { nearest: 30, remainder: "0.000000000000004".into() };
/// assert_eq!(parse("0.30000000000000004", 2), Ok(drift));
/// ```
pub fn parse(text: &str, scale: u32) -> Result<Money, MoneyError> {
    if scale > SCALE_MAX {
        return Err(MoneyError::Scale(scale));
    }
    let number = Number::read(text).ok_or_else(|| MoneyError::Malformed(shorten(text)))?;
    number.minor(scale).ok_or_else(|| MoneyError::TooLarge(shorten(text)))
}

/// True when `text` has the exponent form that only a floating-point column prints.
pub fn has_exponent(text: &str) -> bool {
    text.contains(['e', 'E'])
}

/// Minor units as major units: `1000` with scale 2 is `10.00`.
pub fn major(minor: i128, scale: u32) -> Major {
    Major { minor, scale }
}

/// Displays minor units as major units; made by [`major`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Major {
    minor: i128,
    scale: u32,
}

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = self.minor.unsigned_abs().to_string();
        let scale = self.scale as usize;
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

/// How often each coded amount is contained in a difference; made by [`decode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// `counts[k]` is how often `base^k` is contained.
    pub counts: Vec<u32>,
    /// What the counts leave: the part from `base^(k_max + 1)` up, or the whole difference where it is
    /// negative (no set of credits makes a balance smaller).
    pub residue: i128,
}

/// Reads the digits of `difference` in `base`: how often each of `base^0 ..= base^k_max` was credited.
///
/// Unique as long as no amount was credited `base` times or more. None when `base` is below 2.
///
/// ```
/// use paytwice_checkers::money::decode;
/// let digits = decode(1201, 10, 3).unwrap();
/// assert_eq!((digits.counts, digits.residue), (vec![1, 0, 2, 1], 0));
/// ```
pub fn decode(difference: i128, base: u32, k_max: u32) -> Option<Digits> {
    if base < 2 {
        return None;
    }
    let base = i128::from(base);
    let mut counts = Vec::new();
    let mut rest = difference;
    let mut weight = Some(1_i128);
    for _ in 0..=k_max {
        let Some(w) = weight.filter(|_| difference >= 0) else {
            counts.push(0);
            continue;
        };
        counts.push(u32::try_from(rest % base).unwrap_or(0));
        rest /= base;
        weight = w.checked_mul(base);
    }
    let residue = if difference < 0 {
        difference
    } else {
        rest.checked_mul(weight.unwrap_or(0)).unwrap_or(0)
    };
    Some(Digits { counts, residue })
}

/// The position `k` with `base^k == amount`, if there is one.
pub fn position(amount: i128, base: u32) -> Option<u32> {
    if base < 2 || amount < 1 {
        return None;
    }
    let k = amount.ilog(i128::from(base));
    (i128::from(base).checked_pow(k) == Some(amount)).then_some(k)
}

/// A decimal number as its parts: `digits * 10^exponent`, without leading zeros in `digits`.
struct Number {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Number {
    fn read(text: &str) -> Option<Number> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|b| *b == b'0')
            .collect();
        let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).ok()?);
        Some(Number {
            negative,
            digits,
            exponent,
        })
    }

    fn minor(&self, scale: u32) -> Option<Money> {
        if self.digits.is_empty() {
            return Some(Money::Exact(0));
        }
        let shift = self.exponent.saturating_add(i64::from(scale));
        if shift >= 0 {
            let power = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
            return Some(Money::Exact(self.signed(whole(&self.digits)?.checked_mul(power)?)));
        }
        let behind = usize::try_from(shift.unsigned_abs()).ok()?;
        let split = self.digits.len().saturating_sub(behind);
        let (front, back) = self.digits.split_at(split);
        let front = whole(front)?;
        if back.iter().all(|b| *b == b'0') {
            return Some(Money::Exact(self.signed(front)));
        }
        let zeros = behind - back.len();
        let up = zeros == 0 && back[0] >= b'5';
        let nearest = if up { front.checked_add(1)? } else { front };
        Some(Money::Inexact {
            nearest: self.signed(nearest),
            remainder: remainder(back, zeros, up, self.negative),
        })
    }

    fn signed(&self, value: i128) -> i128 {
        if self.negative { -value } else { value }
    }
}

fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // An exponent that does not fit is far beyond any amount; saturate and let the value decide.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Some(if text.starts_with('-') { -size } else { size })
}

fn whole(digits: &[u8]) -> Option<i128> {
    digits.iter().try_fold(0_i128, |value, digit| {
        value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
    })
}

/// The part behind the point in minor units, or, where the value was rounded up, one minus it, negated.
fn remainder(back: &[u8], zeros: usize, up: bool, negative: bool) -> String {
    let mut digits: Vec<u8> = if up { complement(back) } else { back.to_vec() };
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let sign = if up == negative { "" } else { "-" };
    let digits = String::from_utf8_lossy(&digits);
    if zeros > REMAINDER_ZEROS_MAX {
        return format!("{sign}0.{digits}e-{zeros}");
    }
    format!("{sign}0.{}{digits}", "0".repeat(zeros))
}

/// The digits of one minus `0.digits`.
fn complement(digits: &[u8]) -> Vec<u8> {
    let last = digits.iter().rposition(|b| *b != b'0').unwrap_or(0);
    let flip = |(i, b): (usize, &u8)| match i.cmp(&last) {
        std::cmp::Ordering::Less => b'9' - (b - b'0'),
        std::cmp::Ordering::Equal => b'0' + (10 - (b - b'0')) % 10,
        std::cmp::Ordering::Greater => b'0',
    };
    digits.iter().enumerate().map(flip).collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inexact(nearest: i128, remainder: &str) -> Result<Money, MoneyError> {
        Ok(Money::Inexact {
            nearest,
            remainder: remainder.into(),
        })
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, scale, minor) in [
            ("0", 2, 0),
            ("-0.00", 2, 0),
            ("10", 2, 1000),
            ("10.5", 2, 1050),
            ("10.50000", 2, 1050),
            ("+.01", 2, 1),
            ("1.", 2, 100),
            ("-3.21", 2, -321),
            ("1e16", 2, 1_000_000_000_000_000_000),
            ("1.11111E+16", 2, 1_111_110_000_000_000_000),
            ("1500e-3", 1, 15),
            (
                "170141183460469231731687303715884105727",
                0,
                170_141_183_460_469_231_731_687_303_715_884_105_727,
            ),
            ("0e999999999999999999999", 2, 0),
        ] {
            assert_eq!(parse(text, scale), Ok(Money::Exact(minor)), "{text}");
        }
    }

    #[test]
    fn digits_beyond_the_scale_are_a_remainder() {
        assert_eq!(parse("0.30000000000000004", 2), inexact(30, "0.000000000000004"));
        assert_eq!(parse("0.29999999999999999", 2), inexact(30, "-0.000000000000001"));
        assert_eq!(parse("-0.30000000000000004", 2), inexact(-30, "-0.000000000000004"));
        assert_eq!(parse("-0.29999", 2), inexact(-30, "0.001"));
        assert_eq!(parse("1.005", 2), inexact(101, "-0.5"));
        assert_eq!(parse("1.004", 2), inexact(100, "0.4"));
        assert_eq!(parse("1e-999999999999999999", 2).map(|m| m.nearest()), Ok(0));
        assert!(parse("0.30000000000000004", 2).is_ok_and(|m| m.is_near() && !m.is_exact()));
        assert!(parse("1.004", 2).is_ok_and(|m| !m.is_near()));
    }

    #[test]
    fn what_is_no_amount_is_an_error() {
        for text in [
            "", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "1,000", " 1", "NaN", "1e1e1", "٣",
        ] {
            assert!(matches!(parse(text, 2), Err(MoneyError::Malformed(_))), "{text}");
        }
        assert!(matches!(parse("1e99", 2), Err(MoneyError::TooLarge(_))));
        assert!(matches!(
            parse("999999999999999999999999999999999999999", 0),
            Err(MoneyError::TooLarge(_))
        ));
        assert_eq!(parse("1", 39), Err(MoneyError::Scale(39)));
    }

    #[test]
    fn major_units_have_all_their_digits() {
        assert_eq!(major(1000, 2).to_string(), "10.00");
        assert_eq!(major(-5, 2).to_string(), "-0.05");
        assert_eq!(major(0, 2).to_string(), "0.00");
        assert_eq!(major(42, 0).to_string(), "42");
    }

    #[test]
    fn digits_count_credits() {
        assert_eq!(
            decode(1101, 10, 3),
            Some(Digits {
                counts: vec![1, 0, 1, 1],
                residue: 0
            })
        );
        assert_eq!(
            decode(5_201, 10, 2),
            Some(Digits {
                counts: vec![1, 0, 2],
                residue: 5_000
            })
        );
        assert_eq!(
            decode(-7, 10, 1),
            Some(Digits {
                counts: vec![0, 0],
                residue: -7
            })
        );
        assert_eq!(
            decode(7, 2, 2),
            Some(Digits {
                counts: vec![1, 1, 1],
                residue: 0
            })
        );
        assert_eq!(decode(7, 1, 2), None);
        assert_eq!(decode(i128::MAX, 10, 60).map(|d| d.residue), Some(0));
    }

    #[test]
    fn positions_are_exact_powers() {
        assert_eq!(position(1, 10), Some(0));
        assert_eq!(position(1000, 10), Some(3));
        assert_eq!(position(1001, 10), None);
        assert_eq!(position(0, 10), None);
        assert_eq!(position(8, 2), Some(3));
        assert_eq!(position(8, 1), None);
    }
}

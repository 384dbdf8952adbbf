//! Numbers, as EDN and JSON write them.

/// What a number's text stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    /// Neither holds it exactly: it stays text.
    Text,
}

/// A whole number of at most 18 digits, the common case.
#[inline]
pub(crate) fn int(token: &[u8]) -> Option<i64> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Reads EDN's numbers: `12`, `12N`, `1.5`, `1e9`, `1.5M`, `1/3`. None where the token is none.
pub(crate) fn edn(token: &str) -> Option<Number> {
    if let Some(digits) = token.strip_suffix('N') {
        return whole(digits);
    }
    if let Some(decimal) = token.strip_suffix('M') {
        return float(decimal).or_else(|| whole(decimal)).map(|_| Number::Text);
    }
    if let Some((above, below)) = token.split_once('/') {
        let ratio = whole(above).is_some() && !below.is_empty() && below.bytes().all(|b| b.is_ascii_digit());
        return ratio.then_some(Number::Text);
    }
    whole(token).or_else(|| float(token))
}

/// Reads JSON's numbers, whose grammar is stricter. None where the token is none.
pub(crate) fn json(token: &str) -> Option<Number> {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if leading_zero || token.starts_with('+') {
        return None;
    }
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let dangling = mantissa.ends_with('.') || mantissa.starts_with('.') || exponent.is_empty();
    if dangling {
        return None;
    }
    whole(token).or_else(|| float(token))
}

fn whole(token: &str) -> Option<Number> {
    let digits = token.strip_prefix(['-', '+']).unwrap_or(token);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(token.parse().map_or(Number::Text, Number::Int))
}

fn float(token: &str) -> Option<Number> {
    // Beside numbers, what Rust reads as a float are words: `inf`, `nan`.
    let value: f64 = token
        .parse()
        .ok()
        .filter(|_| token.bytes().any(|b| b.is_ascii_digit()))?;
    Some(if value.is_finite() {
        Number::Float(value)
    } else {
        Number::Text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_numbers_or_nothing() {
        assert_eq!(int(b"-12"), Some(-12));
        assert_eq!(int(b"1234567890123456789"), None);
        assert_eq!(int(b""), None);
        assert_eq!(int(b"-"), None);
        assert_eq!(edn("9223372036854775807"), Some(Number::Int(i64::MAX)));
        assert_eq!(edn("9223372036854775808"), Some(Number::Text));
        assert_eq!(edn("12N"), Some(Number::Int(12)));
        assert_eq!(edn("1.5M"), Some(Number::Text));
        assert_eq!(edn("-1/3"), Some(Number::Text));
        assert_eq!(edn("1e999"), Some(Number::Text));
        assert_eq!(edn("1.5"), Some(Number::Float(1.5)));
        for token in ["1x", "1/", "1//2", "N", "1.2.3", "1e", "0x1f"] {
            assert_eq!(edn(token), None, "{token}");
        }
        for token in ["01", "+1", "1.", "1e", "-", "1_0", "NaN", "inf"] {
            assert_eq!(json(token), None, "{token}");
        }
        assert_eq!(json("-0.5e1"), Some(Number::Float(-5.0)));
        assert_eq!(json("0"), Some(Number::Int(0)));
    }
}

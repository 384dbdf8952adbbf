//! Money for people: minor units with their point, written as the databases write it, so that it can be searched for.
//!
//! Never: rounds, or goes through binary floating point.

use paytwice_checkers::history::Minor;

/// `Minor(123456)` at scale 2 is `1234.56`.
pub(crate) fn show(amount: Minor, scale: u32) -> String {
    let scale = usize::try_from(scale).unwrap_or(usize::MAX).min(60);
    let digits = format!("{:0>width$}", amount.0.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if amount.0 < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_stands_where_the_scale_says() {
        assert_eq!(show(Minor(0), 2), "0.00");
        assert_eq!(show(Minor(7), 2), "0.07");
        assert_eq!(show(Minor(-123_456), 2), "-1234.56");
        assert_eq!(show(Minor(123_456), 0), "123456");
        assert_eq!(show(Minor(i128::MIN), 2), "-1701411834604692317316873037158841057.28");
    }
}

//! How counts, times and shares are written, the same in every output.

use std::fmt::Write as _;

use paytwice_checkers::history::Minor;

use crate::money;

/// `12345` as `12,345`.
pub(crate) fn count(n: u64) -> String {
    group(&n.to_string())
}

/// Puts a comma between each three digits.
pub(crate) fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 payment`, `2 payments`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A moment of the run: `12.345 s`.
pub(crate) fn moment(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1000)
}

/// A span of time, as precise as it is worth reading: `850 µs`, `12.3 ms`, `1.24 s`, `95.1 s`.
pub(crate) fn span_us(us: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.2} ms", value / 1e3),
        10_000..100_000 => format!("{:.1} ms", value / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", value / 1e3),
        1_000_000..10_000_000 => format!("{:.2} s", value / 1e6),
        _ => format!("{:.1} s", value / 1e6),
    }
}

/// A span given in nanoseconds.
pub(crate) fn span_ns(ns: u64) -> String {
    span_us(ns / 1000)
}

/// A share as a percentage, cut and never rounded up: only all of it is `100 %`.
pub(crate) fn percent(share: f64) -> String {
    if share >= 1.0 {
        return "100 %".to_owned();
    }
    // A hair more than the share, so that 0.9344 is not shown as 93.43 % for want of a binary fraction.
    format!("{:.2} %", (share.max(0.0) * 1e4 + 1e-6).floor() / 100.0)
}

/// A figure by its name: the unit stands last in it (`convergence_ms`), and `credited_by_query` is a count.
/// Money is shown in major units.
pub(crate) fn figure(name: &str, value: f64, scale: u32) -> (String, String) {
    let (stem, shown) = if let Some(stem) = name.strip_suffix("_ms") {
        (stem, span_ms(value))
    } else if let Some(stem) = name.strip_suffix("_us") {
        (stem, span_ms(value / 1e3))
    } else if let Some(stem) = name.strip_suffix("_ns") {
        (stem, span_ms(value / 1e6))
    } else if let Some(stem) = name.strip_suffix("_per_s") {
        (stem, format!("{value:.1} / s"))
    } else if let Some(stem) = name.strip_suffix("_s") {
        (stem, span_ms(value * 1e3))
    } else if let Some(stem) = name.strip_suffix("_minor_units") {
        return (format!("{} amount", words(stem)), major_units(value, scale));
    } else if let Some(stem) = name.strip_suffix("_share") {
        (stem, percent(value))
    } else {
        (name, number(value))
    };
    (words(stem), shown)
}

fn words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// A span given in milliseconds.
pub(crate) fn span_ms(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return number(ms);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "finite and not negative; saturates"
    )]
    span_us((ms * 1e3).round() as u64)
}

/// A figure of money is a measure, not a balance: beyond 53 bits its last digits are not told.
fn major_units(value: f64, scale: u32) -> String {
    if value.fract() != 0.0 || value.abs() >= 1e15 {
        return format!("{:.3e}", value / 10f64.powi(i32::try_from(scale).unwrap_or(0)));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    let minor = Minor(value as i128);
    money::show(minor, scale)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        let whole = value as i64;
        let digits = group(&whole.unsigned_abs().to_string());
        return if whole < 0 { format!("-{digits}") } else { digits };
    }
    format!("{value:.3}")
}

/// Text of others, made safe for a terminal: no escape sequence, no line break, no direction override survives.
pub(crate) fn plain(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_unsafe(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `max` characters, the last of them `…` when something was left out.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "payment"), "1 payment");
        assert_eq!(plural(2000, "payment"), "2,000 payments");
    }

    #[test]
    fn spans_keep_three_digits() {
        let shown: Vec<_> = [7, 850, 1_234, 12_345, 123_456, 1_240_000, 95_100_000]
            .map(span_us)
            .into();
        assert_eq!(
            shown,
            ["7 µs", "850 µs", "1.23 ms", "12.3 ms", "123 ms", "1.24 s", "95.1 s"]
        );
        assert_eq!(moment(12_345_678_901), "12.345 s");
    }

    #[test]
    fn only_everything_is_a_hundred_percent() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_999), "99.99 %");
        assert_eq!(percent(0.9344), "93.44 %");
        assert_eq!(percent(0.5), "50.00 %");
        assert_eq!(percent(0.0), "0.00 %");
    }

    #[test]
    fn figures_are_read_by_their_unit() {
        assert_eq!(
            figure("convergence_ms", 1840.0, 2),
            ("convergence".into(), "1.84 s".into())
        );
        assert_eq!(
            figure("credited_by_query", 12.0, 2),
            ("credited by query".into(), "12".into())
        );
        assert_eq!(figure("rate_per_s", 41.25, 2), ("rate".into(), "41.2 / s".into()));
        assert_eq!(
            figure("rpo_minor_units", 1200.0, 2),
            ("rpo amount".into(), "12.00".into())
        );
        assert_eq!(figure("odd", f64::NAN, 2).1, "NaN");
    }

    #[test]
    fn text_of_others_cannot_drive_a_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb c");
        assert_eq!(plain("acct-3 →"), "acct-3 →");
    }
}

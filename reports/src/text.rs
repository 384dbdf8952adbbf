//! How counts, times, shares and nouns are written, the same in every output.

use std::fmt::Write as _;

pub(crate) use paytwice_checkers::plural_of;

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

/// `1 order`, `2 orders`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    if n == 1 {
        return format!("1 {noun}");
    }
    format!("{} {}", count(n), plural_of(noun))
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
    // Floating point: without the small addition 0.9344 would be shown as 93.43 %.
    format!("{:.2} %", (share.max(0.0) * 1e4 + 1e-6).floor() / 100.0)
}

/// A figure by its name, which ends with its unit (`convergence_ms`); without one it is a count (`effects_by_repair`).
pub(crate) fn figure(name: &str, value: f64) -> (String, String) {
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
        (stem, format!("{} minor units", number(value)))
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

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        let whole = value as i64;
        let digits = group(&whole.unsigned_abs().to_string());
        return if whole < 0 { format!("-{digits}") } else { digits };
    }
    format!("{value:.3}")
}

/// Text of the history, made safe for a terminal: no escape sequence, no line break, no direction override survives.
pub(crate) fn escaped(text: &str) -> String {
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

/// Text as [`escaped`], with words that nobody reads to their end abridged.
pub(crate) fn plain(text: &str) -> String {
    abridged(&escaped(text))
}

/// Text of several lines for a terminal: a line of a log or a message of a server moves no cursor and fills no screen.
#[must_use]
pub fn lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// Words that are longer than any id is, such as an id of 100 kB, by their beginning and their length.
pub(crate) fn abridged(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.chars().count() {
        length if length > WORD_CHARS_MAX => {
            let head: String = word.chars().take(WORD_CHARS_HEAD).collect();
            format!("{head}…({length} characters)")
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The longest word that is written out.
const WORD_CHARS_MAX: usize = 300;
/// How much of a longer one is.
const WORD_CHARS_HEAD: usize = 100;

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
    }

    #[test]
    fn no_text_moves_a_cursor_or_fills_a_screen() {
        let id = "x".repeat(100_000);
        let shown = lines(&format!("at \u{1b}[2Jboot\r\n  id {id} twice\u{202e}"));
        assert_eq!(
            shown,
            format!(
                "at \\u{{1b}}[2Jboot \n  id {}…(100000 characters) twice\\u{{202e}}",
                "x".repeat(100)
            )
        );
        assert_eq!(plain("an id-7 of two  gaps"), "an id-7 of two  gaps");
    }

    #[test]
    fn nouns_have_plurals() {
        assert_eq!(plural(1, "order"), "1 order");
        assert_eq!(plural(2000, "order"), "2,000 orders");
        assert_eq!(
            ["delivery", "day", "branch", "process"].map(plural_of),
            ["deliveries", "days", "branches", "processes"]
        );
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
        let shown = |name, value| {
            let (name, value) = figure(name, value);
            format!("{name}: {value}")
        };
        assert_eq!(shown("convergence_ms", 1840.0), "convergence: 1.84 s");
        assert_eq!(shown("effects_by_repair", 12.0), "effects by repair: 12");
        assert_eq!(shown("rate_per_s", 41.25), "rate: 41.2 / s");
        assert_eq!(shown("rpo_minor_units", 1200.0), "rpo: 1,200 minor units");
        assert_eq!(shown("odd", f64::NAN), "odd: NaN");
    }

    #[test]
    fn text_of_the_history_cannot_drive_a_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb c");
        assert_eq!(plain("order-3 →"), "order-3 →");
    }
}

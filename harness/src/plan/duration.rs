//! Durations as humans write them: `30s`, `500ms`, `2m`, `1.5s`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A duration in a file, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// The milliseconds of `30s`, `500ms`, `2m`, `1h` or `1.5s`. A number without a unit is an error: it could be either.
///
/// ```
/// assert_eq!(paytwice::plan::duration_ms("1.5s"), Ok(1500));
/// assert!(paytwice::plan::duration_ms("30").is_err());
/// ```
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim_start());
    if text.starts_with('-') {
        return Err(format!("{text:?} is below 0; write 30s, 500ms or 2m"));
    }
    if number.is_empty() {
        return Err(format!("{text:?} is not a duration; write 30s, 500ms or 2m"));
    }
    let per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "" => return Err(format!("{text:?} has no unit; write {number}s or {number}ms")),
        other => return Err(format!("{text:?} has the unit {other:?}; it can be ms, s, m or h")),
    };
    exact_ms(number, per_unit).ok_or_else(|| format!("{text:?} is not a duration in whole milliseconds"))
}

/// Milliseconds as [`duration_ms`] reads them, in the unit that is shortest.
pub fn show_ms(ms: u64) -> String {
    match (ms / 1000, ms % 1000) {
        (0, 0) => "0s".to_owned(),
        (s, 0) if s % 3600 == 0 => format!("{}h", s / 3600),
        (s, 0) if s % 60 == 0 && s > 60 => format!("{}m", s / 60),
        (0, ms) => format!("{ms}ms"),
        (s, 0) => format!("{s}s"),
        (s, ms) => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a duration like "30s""#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        duration_ms(text).map(Span).map_err(E::custom)
    }
}

fn exact_ms(number: &str, per_unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.checked_mul(per_unit)?;
    (scaled % scale == 0).then_some(scaled / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_humans_write() {
        let good = [
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1.25s", 1250),
            (" 3 s ", 3000),
            ("1h", 3_600_000),
        ];
        for (text, ms) in good {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
        for text in [
            "",
            "s",
            "30",
            "-1s",
            "1.5ms",
            "1.2.3s",
            "5 apples",
            "99999999999999999999s",
        ] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_what_it_reads() {
        for ms in [0, 1, 999, 1000, 1001, 1500, 30_000, 60_000, 61_250, 120_000, 3_600_000] {
            assert_eq!(duration_ms(&show_ms(ms)), Ok(ms));
        }
    }
}

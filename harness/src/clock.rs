//! The wall clock: the one place that reads it. It names runs and draws seeds; it decides nothing else.

use chrono::{DateTime, Utc};

/// The moment at which a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now(DateTime<Utc>);

impl Now {
    /// Reads the clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn read() -> Now {
        Now(Utc::now())
    }

    /// UTC, RFC 3339, to the second.
    pub fn rfc3339(&self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// UTC, as a folder is named: sorts by time, no colons.
    pub fn folder(&self) -> String {
        self.0.format("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Whole seconds from now until a date as HTTP and mail write it; negative when it is past.
    pub fn seconds_until(&self, date: &str) -> Option<i64> {
        let date = DateTime::parse_from_rfc2822(date).ok()?;
        Some(date.timestamp() - self.0.timestamp())
    }

    /// A seed for a run whose user named none: small enough to be typed again.
    pub fn seed(&self) -> u64 {
        // A multiplicative hash spreads neighbouring microseconds over the range.
        let micros = self.0.timestamp_micros().unsigned_abs();
        micros.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
    }
}

//! The bounds of numbers, for manifests, requests and stored plans alike.

use std::ops::RangeInclusive;

use super::Check;

/// How long a workload can last, milliseconds.
pub(crate) const TIME_MS: RangeInclusive<u64> = 500..=24 * 3_600_000;
/// The highest rate.
pub(crate) const RATE_MAX: f64 = 100_000.0;
/// How many rates can follow one another.
pub(crate) const STAGES_MAX: usize = 100;
/// How many clients there can be.
pub(crate) const CLIENTS: RangeInclusive<u32> = 1..=10_000;
/// How many subjects of a kind there can be beforehand.
pub(crate) const COUNT_MAX: u32 = 1_000_000;
/// How many subjects a run can start, its reserve included: more fit no history.
pub(crate) const SUBJECTS_MAX: u32 = 100_000_000;
/// How long a client can wait for an answer, milliseconds.
pub(crate) const OP_TIMEOUT_MS: RangeInclusive<u64> = 50..=600_000;
/// How often an action can be tried.
pub(crate) const ATTEMPTS: RangeInclusive<u32> = 1..=100;
/// How long a client can wait before it tries again, milliseconds.
pub(crate) const RETRY_AFTER_MS: RangeInclusive<u64> = 0..=600_000;

/// Whether it can be the rate of a workload.
pub(crate) fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate <= RATE_MAX
}

/// What a share can be.
pub(crate) const SHARE: RangeInclusive<f64> = 0.0..=1.0;

impl Check<'_> {
    /// A number must be in a range.
    pub(super) fn within(&mut self, key: &str, n: u32, range: &RangeInclusive<u32>) {
        if !range.contains(&n) {
            let (min, max) = (range.start(), range.end());
            self.say(format!("{key} is {n}; it can be {min} to {max}"));
        }
    }

    pub(super) fn share(&mut self, key: &str, share: Option<f64>) {
        if let Some(share) = share.filter(|share| !SHARE.contains(share)) {
            self.say(format!("{key} is {share}; a share is 0 to 1"));
        }
    }

    pub(super) fn rate(&mut self, key: &str, rate: f64) {
        if !is_rate(rate) {
            self.say(format!("{key} is {rate}; it must be above 0 and at most {RATE_MAX}"));
        }
    }
}

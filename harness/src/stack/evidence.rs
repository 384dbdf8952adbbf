//! What was seen of a party: evidence of what was done to it, how it ended, and the kernel's counters.
//! Data only. Never: claims an effect that was not seen.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What was asked of the stack, and what was then seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The party.
    pub party: String,
    /// `kill`, `start`, `pause`, `unpause`.
    pub asked: &'static str,
    /// What was seen, in words: "exit code 137 after 12 ms; process 4711 gone".
    pub seen: String,
    /// From the request until the effect was seen.
    pub took: Duration,
    /// The numbers behind it.
    pub counts: BTreeMap<String, u64>,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.asked, self.party, self.seen)
    }
}

/// How a party ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitInfo {
    /// The party.
    pub party: String,
    /// Its exit code; 137 is SIGKILL.
    pub code: i64,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// The last lines that it wrote.
    pub log: String,
}

/// A party that does not run although nobody here stopped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallen {
    /// Its process ended.
    Ended(String),
    /// Somebody else has removed it, with all that it ran in.
    Removed {
        /// The party.
        party: String,
        /// What it ran in, by the name that others see.
        container: String,
    },
}

/// What the kernel counts of a party's processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Microseconds that it may use in each period of 100 ms; none is no limit.
    pub quota_us: Option<u64>,
    /// Periods in which it ran out of time.
    pub throttled: u64,
}

/// What the kernel counts of a party's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// The limit, bytes; none is no limit.
    pub limit_bytes: Option<u64>,
    /// In use, bytes.
    pub used_bytes: u64,
    /// How often the limit was run into.
    pub hits: u64,
    /// How many processes the kernel ended for it.
    pub kills: u64,
}

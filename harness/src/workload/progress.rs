//! Counters that a terminal shows while a workload runs. They decide nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use paytwice_checkers::history::Kind;

/// What the clients have seen so far.
#[derive(Debug, Default)]
pub struct Progress {
    /// Payments begun.
    pub begun: AtomicU64,
    /// Recharges answered ok.
    pub ok: AtomicU64,
    /// Recharges answered fail.
    pub fail: AtomicU64,
    /// Recharges whose outcome is unknown.
    pub info: AtomicU64,
}

impl Progress {
    /// Counts the end of one recharge.
    pub fn recharge(&self, kind: Kind) {
        let counter = match kind {
            Kind::Ok => &self.ok,
            Kind::Fail => &self.fail,
            Kind::Info | Kind::Invoke => &self.info,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// [`Progress`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Payments begun.
    pub begun: u64,
    /// Recharges answered ok.
    pub ok: u64,
    /// Recharges answered fail.
    pub fail: u64,
    /// Recharges whose outcome is unknown.
    pub info: u64,
}

impl Progress {
    /// The counters now.
    pub fn counts(&self) -> Counts {
        Counts {
            begun: self.begun.load(Ordering::Relaxed),
            ok: self.ok.load(Ordering::Relaxed),
            fail: self.fail.load(Ordering::Relaxed),
            info: self.info.load(Ordering::Relaxed),
        }
    }
}

//! Counters that a terminal shows while a workload runs. They decide nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use paytwice_checkers::history::Kind;

/// What the clients have seen so far.
#[derive(Debug, Default)]
pub struct Progress {
    /// Subjects begun.
    pub begun: AtomicU64,
    /// Requests that start one, answered ok.
    pub ok: AtomicU64,
    /// Requests that start one, answered fail.
    pub fail: AtomicU64,
    /// Requests that start one, whose outcome is unknown.
    pub info: AtomicU64,
}

impl Progress {
    /// Counts the end of one request.
    pub fn answered(&self, kind: Kind) {
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
    /// Subjects begun.
    pub begun: u64,
    /// Requests that start one, answered ok.
    pub ok: u64,
    /// Requests that start one, answered fail.
    pub fail: u64,
    /// Requests that start one, whose outcome is unknown.
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

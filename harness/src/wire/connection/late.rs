//! Copies of frames that set out later than the frames. What comes behind a frame does not wait for its copies.
//! Never: keeps a copy longer than its rule is in force or its way is open.

use std::sync::Arc;

use paytwice_checkers::history::Deed;
use tokio::time::Instant;

use super::Connection;
use crate::wire::active::ActiveRule;
use crate::wire::core::Way;
use crate::wire::lane::{Holding, LANE_BYTES_MAX, Load, Orders};

/// A copy that sets out later.
pub(super) struct Late {
    holding: Holding,
    way: Way,
    load: Load,
    at: Instant,
    /// It is the first copy of its frame.
    first: bool,
}

impl Late {
    pub(super) fn new(rule: &Arc<ActiveRule>, way: Way, load: Load, at: Instant, first: bool) -> Late {
        Late {
            holding: Holding::new(rule),
            way,
            load,
            at,
            first,
        }
    }

    /// When it sets out.
    pub(super) fn at(&self) -> Instant {
        self.at
    }
}

impl Connection {
    /// Copies whose time has come, or whose rule is lifted, set out.
    pub(super) fn send_late(&mut self, now: Instant) {
        if self.late.is_empty() {
            return;
        }
        let waits = |copy: &mut Late| copy.at > now && self.rules.iter().any(|rule| copy.holding.is_by(rule));
        let mut due: Vec<Late> = self.late.extract_if(.., |copy| !waits(copy)).collect();
        due.sort_by_key(|copy| copy.at);
        for copy in due {
            if copy.first {
                copy.holding.rule().count_duplicate();
            }
            self.push(copy.way, copy.load, Orders::default(), now);
        }
    }

    /// Nothing more comes this way: what was to set out later does so now.
    pub(super) fn hurry_late(&mut self, way: Way, now: Instant) {
        for copy in self.late.iter_mut().filter(|copy| copy.way == way) {
            copy.at = now;
        }
        self.send_late(now);
    }

    /// Whether so many bytes wait that nothing more may be read.
    pub(super) fn late_is_full(&self) -> bool {
        self.late.iter().map(|copy| copy.load.cost()).sum::<usize>() >= LANE_BYTES_MAX
    }

    /// The connection is over.
    pub(super) fn lose_late(&mut self) {
        for copy in std::mem::take(&mut self.late) {
            if let Load::Frame(frame) | Load::Aside(frame) = copy.load {
                self.record(frame, [Deed::Lost]);
            }
        }
    }
}

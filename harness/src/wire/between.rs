//! Transactions between two points: those that have come to the first and not yet to the second, which may be a point of
//! another link ("recorded and not yet credited").
//!
//! Counted as frames come in, before anything is done to them. Never: counts a transaction that has come to the second
//! point, however often it comes to the first again; or grows with the length of a run.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many transactions that are past both points are remembered; the oldest are forgotten.
const PAST_MAX: usize = 65_536;

/// How many transactions a rule waits for between two points, and which there are.
#[derive(Debug)]
pub struct Between {
    wanted: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    inside: BTreeSet<String>,
    past: BTreeSet<String>,
    /// What is in `past`, the oldest first.
    order: VecDeque<String>,
    met: Option<Vec<String>>,
}

impl Between {
    /// Waits until so many transactions are between its points at once.
    pub fn new(wanted: u64) -> Arc<Between> {
        Arc::new(Between {
            wanted,
            state: Mutex::default(),
        })
    }

    /// The transactions that were between the points when there were as many as wanted for the first time.
    pub fn met(&self) -> Option<Vec<String>> {
        self.state().met.clone()
    }

    /// These come to the first point. True once: when as many as wanted are in between with them.
    pub(super) fn enter<'a>(&self, txs: impl Iterator<Item = &'a str>) -> bool {
        let mut state = self.state();
        if state.met.is_some() {
            return false;
        }
        for tx in txs {
            if !state.past.contains(tx) {
                state.inside.insert(tx.to_owned());
            }
        }
        if (state.inside.len() as u64) < self.wanted {
            return false;
        }
        state.met = Some(std::mem::take(&mut state.inside).into_iter().collect());
        state.past = BTreeSet::new();
        state.order = VecDeque::new();
        true
    }

    /// These come to the second point.
    pub(super) fn leave<'a>(&self, txs: impl Iterator<Item = &'a str>) {
        let mut state = self.state();
        if state.met.is_some() {
            return;
        }
        for tx in txs {
            state.inside.remove(tx);
            if state.past.insert(tx.to_owned()) {
                state.order.push_back(tx.to_owned());
            }
        }
        while state.order.len() > PAST_MAX {
            if let Some(oldest) = state.order.pop_front() {
                state.past.remove(&oldest);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(between: &Between, tx: &str) -> bool {
        between.enter(tx.split(' '))
    }

    #[test]
    fn so_many_at_once_and_no_sooner() {
        let between = Between::new(3);
        assert!(!enter(&between, "t1"));
        assert!(!enter(&between, "t1 t2"), "the same again is no further one");
        between.leave(["t1", "t9"].into_iter());
        assert!(!enter(&between, "t3"));
        assert!(!enter(&between, "t1 t9"), "past both points, in whatever order");
        assert_eq!(between.met(), None);
        assert!(enter(&between, "t4"));
        assert_eq!(between.met().unwrap(), ["t2", "t3", "t4"]);
        assert!(!enter(&between, "t5 t6 t7"), "once");
        assert_eq!(between.met().unwrap(), ["t2", "t3", "t4"]);
    }

    #[test]
    fn it_forgets_the_oldest_that_are_past() {
        let between = Between::new(1);
        for n in 0..PAST_MAX + 10 {
            between.leave([n.to_string().as_str()].into_iter());
        }
        assert_eq!(between.state().past.len(), PAST_MAX);
        assert!(!enter(&between, "10"));
        assert!(enter(&between, "9"));
    }
}

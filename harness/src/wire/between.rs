//! Keys between two points: those that have come to the first and not yet to the second, which may be a point of another
//! link ("recorded and not yet booked"). Each key is counted by itself, by its values.
//!
//! Counted as frames come in, before anything is done to them. Never: counts a value that has come to the second point,
//! however often it comes to the first again; or grows with the length of a run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// This many values of a key that are past both points are remembered; the oldest are forgotten.
const PAST_MAX: usize = 65_536;

/// How many values of a key a rule waits for between two points, and which there are.
#[derive(Debug)]
pub struct Between {
    wanted: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    keys: BTreeMap<String, Values>,
    met: Option<Vec<String>>,
}

/// The values of one key.
#[derive(Debug, Default)]
struct Values {
    inside: BTreeSet<String>,
    past: BTreeSet<String>,
    /// What is in `past`, the oldest first.
    order: VecDeque<String>,
}

impl Between {
    /// Waits until this many values of one key are between its points at once.
    pub fn new(wanted: u64) -> Arc<Between> {
        Arc::new(Between {
            wanted,
            state: Mutex::default(),
        })
    }

    /// The values that were between the points when there were as many as wanted for the first time.
    pub fn met(&self) -> Option<Vec<String>> {
        self.state().met.clone()
    }

    /// These keys and values come to the first point. True once: when as many values of one key as wanted are in between
    /// with them.
    pub(super) fn enter<'a>(&self, keys: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let mut state = self.state();
        if state.met.is_some() {
            return false;
        }
        for (key, value) in keys {
            let values = state.of(key);
            if !values.past.contains(value) {
                values.inside.insert(value.to_owned());
            }
        }
        let is_met = |values: &&mut Values| values.inside.len() as u64 >= self.wanted;
        let Some(met) = state.keys.values_mut().find(is_met) else {
            return false;
        };
        state.met = Some(std::mem::take(&mut met.inside).into_iter().collect());
        state.keys.clear();
        true
    }

    /// These keys and values come to the second point.
    pub(super) fn leave<'a>(&self, keys: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut state = self.state();
        if state.met.is_some() {
            return;
        }
        for (key, value) in keys {
            state.of(key).leave(value);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, key: &str) -> &mut Values {
        self.keys.entry(key.to_owned()).or_default()
    }
}

impl Values {
    fn leave(&mut self, value: &str) {
        self.inside.remove(value);
        if self.past.insert(value.to_owned()) {
            self.order.push_back(value.to_owned());
        }
        if self.order.len() > PAST_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.past.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keys::Keys;

    fn enter(between: &Between, keys: &str) -> bool {
        between.enter(Keys::of(keys).iter())
    }

    fn leave(between: &Between, keys: &str) {
        between.leave(Keys::of(keys).iter());
    }

    #[test]
    fn so_many_at_once_and_no_sooner() {
        let between = Between::new(3);
        assert!(!enter(&between, "tx=t1"));
        assert!(!enter(&between, "tx=t1 tx=t2"), "the same again is no further one");
        leave(&between, "tx=t1 tx=t9");
        assert!(!enter(&between, "tx=t3"));
        assert!(!enter(&between, "tx=t1 tx=t9"), "past both points, in whatever order");
        assert_eq!(between.met(), None);
        assert!(enter(&between, "tx=t4"));
        assert_eq!(between.met().unwrap(), ["t2", "t3", "t4"]);
        assert!(!enter(&between, "tx=t5 tx=t6 tx=t7"), "once");
        assert_eq!(between.met().unwrap(), ["t2", "t3", "t4"]);
    }

    #[test]
    fn each_key_is_counted_by_itself() {
        let between = Between::new(2);
        assert!(!enter(&between, "tx=t1 order=o1"), "two keys with one value each");
        leave(&between, "order=t1");
        assert!(
            !enter(&between, "tx=t1 order=o1"),
            "a value of another key is another value"
        );
        assert!(enter(&between, "tx=t1 order=o2"));
        assert_eq!(between.met().unwrap(), ["o1", "o2"]);
    }

    #[test]
    fn it_forgets_the_oldest_that_are_past() {
        let between = Between::new(1);
        for n in 0..PAST_MAX + 10 {
            between.leave([("tx", n.to_string().as_str())].into_iter());
        }
        assert_eq!(between.state().keys["tx"].past.len(), PAST_MAX);
        assert!(!enter(&between, "tx=10"));
        assert!(enter(&between, "tx=9"));
    }
}

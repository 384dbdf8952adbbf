//! How much a search may spend. There is no clock here: steps and bytes are counted, and a caller who wants to stop
//! by time hands in a predicate.

/// How often the stop predicate is asked and all bytes are counted, in steps.
const POLL_EVERY_STEPS: u64 = 4096;

/// All bytes are counted, too, when those of the states have grown by this part of what may be held.
const POLL_EVERY_BYTES_PART: usize = 64;

/// What the search for one part's order may spend before it says unknown.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Steps of the model tried, remembered ones included. About ten million a second.
    pub steps_max: u64,
    /// Bytes of remembered configurations and states.
    pub bytes_max: usize,
    /// Asked now and then; true ends the search.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self {
            steps_max: 50_000_000,
            bytes_max: 1 << 30,
            stop: None,
        }
    }
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stop = self.stop.map(|_| "Fn() -> bool");
        f.debug_struct("Budget")
            .field("steps_max", &self.steps_max)
            .field("bytes_max", &self.bytes_max)
            .field("stop", &stop)
            .finish()
    }
}

/// Counts what one search spends.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    budget: Budget<'a>,
    steps: u64,
    poll_at: u64,
    poll_at_bytes: usize,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(budget: Budget<'a>) -> Self {
        let poll_at = budget.steps_max.min(POLL_EVERY_STEPS);
        Self {
            budget,
            steps: 0,
            poll_at,
            poll_at_bytes: budget.bytes_max / POLL_EVERY_BYTES_PART,
        }
    }

    /// True if every step is spent.
    pub(crate) fn is_spent(&self) -> bool {
        self.steps >= self.budget.steps_max
    }

    /// Spends one step.
    pub(crate) fn step(&mut self) {
        self.spend(1);
    }

    /// Spends several steps.
    pub(crate) fn spend(&mut self, steps: u64) {
        self.steps += steps;
    }

    /// Why the search has to end, if it has to. Cheap: counts all bytes and asks the predicate only now and then, or
    /// when the bytes of the states, which are known at once, have grown much.
    pub(crate) fn exhausted(&mut self, state_bytes: usize, bytes: impl FnOnce() -> usize) -> Option<String> {
        if self.steps < self.poll_at && state_bytes < self.poll_at_bytes {
            return None;
        }
        self.poll_at_bytes = state_bytes.saturating_add((self.budget.bytes_max / POLL_EVERY_BYTES_PART).max(1));
        self.poll_at = (self.steps + POLL_EVERY_STEPS).min(self.budget.steps_max);
        let Budget {
            steps_max,
            bytes_max,
            stop,
        } = self.budget;
        if self.steps >= steps_max {
            return Some(format!("the search used up its {steps_max} steps"));
        }
        if bytes() > bytes_max {
            return Some(format!(
                "the search used up its {bytes_max} bytes after {} steps",
                self.steps
            ));
        }
        let stopped = stop.is_some_and(|stop| stop());
        stopped.then(|| format!("the search was stopped after {} steps", self.steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_steps_is_spent_with_the_last_of_them() {
        let mut meter = Meter::new(Budget {
            steps_max: 3,
            ..Budget::default()
        });
        for spent in [false, false, true] {
            assert_eq!(meter.exhausted(0, || 0), None);
            meter.step();
            assert_eq!(meter.is_spent(), spent);
        }
        let why = meter.exhausted(0, || 0);
        assert_eq!(why.as_deref(), Some("the search used up its 3 steps"));
    }

    #[test]
    fn all_bytes_are_counted_when_those_of_the_states_have_grown_much() {
        let counted = std::cell::Cell::new(0);
        let mut meter = Meter::new(Budget {
            bytes_max: 6_400,
            ..Budget::default()
        });
        let mut exhausted = |state_bytes, bytes| {
            counted.set(0);
            let count = || {
                counted.set(counted.get() + 1);
                bytes
            };
            (meter.exhausted(state_bytes, count), counted.get())
        };
        for (state_bytes, counts) in [(99, 0), (100, 1), (199, 0), (200, 1), (299, 0)] {
            assert_eq!(exhausted(state_bytes, 6_400), (None, counts), "{state_bytes}");
        }
        let why = Some("the search used up its 6400 bytes after 0 steps".to_owned());
        assert_eq!(exhausted(300, 6_401), (why, 1));
    }

    #[test]
    fn a_budget_says_what_it_is() {
        let stop = || false;
        let budget = Budget {
            steps_max: 5,
            bytes_max: 7,
            stop: Some(&stop),
        };
        assert_eq!(
            format!("{budget:?}"),
            "Budget { steps_max: 5, bytes_max: 7, stop: Some(\"Fn() -> bool\") }"
        );
    }
}

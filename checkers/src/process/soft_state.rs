//! Soft state: how long things stay half done, and how long the system takes to recover from a fault.
//!
//! For histories that show when something enters an intermediate state (a payment that is being processed, a frozen
//! amount) and when it leaves it, and when a fault was healed.
//! - `window-exceeded`: something stayed longer than [`Options::window_ns_max`].
//! - `p99-exceeded`: more than one in a hundred stayed longer than [`SoftState::p99_ns_max`] allows.
//! - `recovery-exceeded`: after a fault was healed, what was half done then took longer than
//!   [`Options::recovery_ns_max`] to be done.
//! - `unfinished`: still half done when the run was over ([`Event::Ended`]), if it is older than the window allows (or
//!   at all, where no window is promised).
//!
//! A limit for recovery needs a fault to recover from: the verdict is unknown where none was healed.
//! Without limits it only measures: quantiles of the windows and of the recovery times, and the most that was half
//! done at once. Recovery is counted from the healing to the moment when the last of what was half done at the
//! healing is done; 0 when there was nothing.
//!
//! Sees: what it is told, at the times it is told. Cannot see: soft state that nobody reads. O(1) per event, and O(faults
//! being recovered from) per leaving; 24 bytes per id, 8 bytes per finished window.

use crate::run::percentile;
use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, add_quantiles, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "soft-state";

/// What is promised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How long something may stay half done.
    pub window_ns_max: Option<u64>,
    /// How long recovery may take.
    pub recovery_ns_max: Option<u64>,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something is half done from now on.
    Entered(u32),
    /// It is done.
    Left(u32),
    /// A fault, with its number, was healed.
    Healed(u32),
    /// The run is over.
    Ended,
}

#[derive(Clone, Copy, Default)]
struct Item {
    since_ns: u64,
    entered_at: Mark,
    /// How many faults had been healed when it entered.
    healed_before: u32,
    inside: bool,
}

/// A fault that was healed, and how much of what was half done then still is.
#[derive(Clone, Copy)]
struct Recovery {
    /// How many faults had been healed before it.
    healed_before: u32,
    fault: u32,
    healed_ns: u64,
    healed_at: Mark,
    left: u64,
}

/// Something that took too long.
#[derive(Clone, Copy)]
struct Slow {
    id: u32,
    took_ns: u64,
    marks: [Mark; 2],
}

/// The checker.
#[derive(Default)]
pub struct SoftState {
    options: Options,
    p99_ns_max: Option<u64>,
    items: Dense<Item>,
    inside: u64,
    inside_max: u64,
    entered: u64,
    windows_ns: Vec<u64>,
    recoveries_ns: Vec<u64>,
    recovering: Vec<Recovery>,
    windows: Capped<Slow>,
    recoveries: Capped<Slow>,
    healed: u32,
    ended: Option<(u64, Mark)>,
}

impl SoftState {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> SoftState {
        SoftState {
            options,
            ..SoftState::default()
        }
    }

    /// How long 99 of 100 may stay half done.
    #[must_use]
    pub fn p99_ns_max(mut self, ns: Option<u64>) -> SoftState {
        self.p99_ns_max = ns;
        self
    }

    #[inline]
    fn leave(&mut self, at: At, id: u32) {
        let item = self.items.at(id);
        if !item.inside {
            return;
        }
        item.inside = false;
        self.inside -= 1;
        let Item {
            since_ns,
            entered_at,
            healed_before,
            ..
        } = *item;
        let took_ns = at.time.saturating_sub(since_ns);
        self.windows_ns.push(took_ns);
        if self.options.window_ns_max.is_some_and(|max| took_ns > max) {
            self.windows.push(Slow {
                id,
                took_ns,
                marks: [entered_at, Mark::new(at.index)],
            });
        }
        if !self.recovering.is_empty() {
            self.recover(at, healed_before);
        }
    }

    /// Something that entered when so many faults had been healed is done: so much for every fault healed since.
    fn recover(&mut self, at: At, healed_before: u32) {
        for recovery in self.recovering.iter_mut().filter(|r| healed_before <= r.healed_before) {
            recovery.left -= 1;
            if recovery.left == 0 {
                let took_ns = at.time.saturating_sub(recovery.healed_ns);
                self.recoveries_ns.push(took_ns);
                if self.options.recovery_ns_max.is_some_and(|max| took_ns > max) {
                    let marks = [recovery.healed_at, Mark::new(at.index)];
                    self.recoveries.push(Slow {
                        id: recovery.fault,
                        took_ns,
                        marks,
                    });
                }
            }
        }
        self.recovering.retain(|recovery| recovery.left > 0);
    }

    fn heal(&mut self, at: At, fault: u32) {
        if self.inside == 0 {
            self.recoveries_ns.push(0);
        } else {
            let healed_at = Mark::new(at.index);
            let healed_before = self.healed;
            self.recovering.push(Recovery {
                fault,
                healed_before,
                healed_ns: at.time,
                healed_at,
                left: self.inside,
            });
        }
        self.healed += 1;
    }
}

impl Streaming for SoftState {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Entered(id) => {
                let item = self.items.at(id);
                if !item.inside {
                    *item = Item {
                        since_ns: at.time,
                        entered_at: Mark::new(at.index),
                        healed_before: self.healed,
                        inside: true,
                    };
                    self.entered += 1;
                    self.inside += 1;
                    self.inside_max = self.inside_max.max(self.inside);
                }
            }
            Event::Left(id) => self.leave(at, id),
            Event::Healed(fault) => self.heal(at, fault),
            Event::Ended => self.ended = Some((at.time, Mark::new(at.index))),
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let ms = |ns: u64| ns / 1_000_000;
        tally.anomalies("window-exceeded", &self.windows, |slow| Case {
            subject: names.id(slow.id),
            sentence: format!("{} was half done for {} ms", names.said("", slow.id), ms(slow.took_ns)),
            witness: at(slow.marks),
        });
        tally.anomalies("recovery-exceeded", &self.recoveries, |slow| Case {
            subject: names.key(slow.id),
            sentence: format!("recovery from {} took {} ms", names.key(slow.id), ms(slow.took_ns)),
            witness: at(slow.marks),
        });
        if let Some((end_ns, ended_at)) = self.ended {
            self.unfinished(end_ns, ended_at, names, &mut tally);
        } else {
            tally.doubt("the run was not seen to be over: what never ends cannot be told");
        }
        self.slow_p99(&mut tally);
        if self.entered == 0 {
            tally.doubt("nothing was half done: there is nothing to judge");
        }
        if self.options.recovery_ns_max.is_some() && self.healed == 0 {
            tally.doubt("no fault was healed: there is no recovery to judge");
        }
        for (name, value) in [
            ("entered", self.entered),
            ("left", self.windows_ns.len() as u64),
            ("inside-max", self.inside_max),
            ("recovered", self.recoveries_ns.len() as u64),
        ] {
            tally.count(name, value);
        }
        add_quantiles(&mut tally, "window", self.windows_ns);
        add_quantiles(&mut tally, "recovery", self.recoveries_ns);
        tally.result(NAME)
    }
}

impl SoftState {
    /// Whether more than one in a hundred of what is done took longer than it may.
    fn slow_p99(&self, tally: &mut Tally) {
        let mut sorted = self.windows_ns.clone();
        sorted.sort_unstable();
        let slow = percentile(&sorted, 0.99)
            .zip(self.p99_ns_max)
            .filter(|(took, max)| took > max);
        if let Some((took, max)) = slow {
            tally.anomaly("p99-exceeded", || Case {
                subject: "p99".to_owned(),
                sentence: format!(
                    "99 of 100 were half done for up to {} ms; {} ms are promised",
                    took / 1_000_000,
                    max / 1_000_000
                ),
                witness: Vec::new(),
            });
        }
    }

    /// What is still half done at the end, and faults that are still being recovered from.
    fn unfinished(&self, end_ns: u64, ended_at: Mark, names: &dyn Names, tally: &mut Tally) {
        for recovery in &self.recovering {
            let took_ns = end_ns.saturating_sub(recovery.healed_ns);
            if self.options.recovery_ns_max.is_some_and(|max| took_ns > max) {
                tally.anomaly("recovery-exceeded", || Case {
                    subject: names.key(recovery.fault),
                    sentence: format!(
                        "recovery from {} was not over after {} ms",
                        names.key(recovery.fault),
                        took_ns / 1_000_000
                    ),
                    witness: at([recovery.healed_at, ended_at]),
                });
            }
        }
        for (id, item) in self.items.iter().filter(|(_, item)| item.inside) {
            let took_ns = end_ns.saturating_sub(item.since_ns);
            if self.options.window_ns_max.is_none_or(|max| took_ns > max) {
                tally.anomaly("unfinished", || Case {
                    subject: names.id(id),
                    sentence: format!(
                        "{} was still half done at the end, after {} ms",
                        names.said("", id),
                        took_ns / 1_000_000
                    ),
                    witness: at([item.entered_at, ended_at]),
                });
            }
        }
    }
}

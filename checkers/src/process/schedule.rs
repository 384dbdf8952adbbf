//! Schedule: attempts come when they were promised, and none comes once there was an answer.
//!
//! For histories of notifications, retries or charges that are promised at given times: after 0 s, 15 s, 1 min, ...
//! until the receiver acknowledges.
//! - `early`, `late`: an attempt outside its time by more than the tolerance.
//! - `missing`: an attempt that was due before the history ended, while nothing had been acknowledged. Unknown
//!   without [`Event::Ended`].
//! - `extra`: an attempt after the last one of the schedule.
//! - `after-ack`: an attempt that began after the acknowledgement, by more than [`Options::silence_ns`].
//!
//! Times are those of the events. Sees: attempts as they arrive. Cannot see: whether an attempt that never arrived was
//! made. An attempt is judged against the number it has by count: where one never arrives, those after it are late.
//! O(1) per event, 40 bytes per id.

use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, at, plural};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "schedule";

/// What the times of a schedule count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// The moment it was due to begin, see [`Event::Due`].
    #[default]
    Begin,
    /// The attempt before (the first: the moment it was due to begin).
    Previous,
}

/// The schedule.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// When each attempt is due, in nanoseconds.
    pub delays_ns: Vec<u64>,
    /// From when they count.
    pub since: Since,
    /// How much too early is still right.
    pub early_ns_max: u64,
    /// How much too late is still right.
    pub late_ns_max: u64,
    /// An attempt may be under way already when the acknowledgement comes.
    pub silence_ns: u64,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The schedule of an id begins now. Without it, it begins with the first attempt, less its delay.
    Due(u32),
    /// An attempt began.
    Attempt(u32),
    /// An attempt was acknowledged.
    Acked(u32),
    /// An attempt may have been acknowledged: an overdue one of this id makes the verdict unknown.
    AckUnknown(u32),
    /// The next attempt of an id may be so much later than the schedule says: something stood in its way.
    Allowed {
        /// The id.
        id: u32,
        /// By how much, in nanoseconds.
        ns: u64,
    },
    /// The history ends here; attempts were observed until now.
    Ended,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    /// What the next attempt counts from; before the history began, where the first attempt tells it.
    base_ns: i64,
    acked_ns: u64,
    /// How much later the next attempt may be.
    allowed_ns: u64,
    attempts: u32,
    begun: bool,
    ack_unknown: bool,
    last_at: Mark,
    acked_at: Mark,
}

/// An attempt that is not as promised.
#[derive(Clone, Copy)]
struct Off {
    id: u32,
    attempt: u32,
    by_ns: u64,
    marks: [Mark; 2],
}

/// The checker.
#[derive(Default)]
pub struct Schedule {
    options: Options,
    progress: Dense<Progress>,
    early: Capped<Off>,
    late: Capped<Off>,
    extra: Capped<Off>,
    after_ack: Capped<Off>,
    attempts: u64,
    acked: u64,
    ended: Option<(u64, Mark)>,
}

impl Schedule {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Schedule {
        Schedule {
            options,
            ..Schedule::default()
        }
    }

    fn attempt(&mut self, at: At, id: u32) {
        self.attempts += 1;
        let options = &self.options;
        let progress = self.progress.at(id);
        let now = Mark::new(at.index);
        let marks = [progress.last_at, now];
        let due = options.delays_ns.get(progress.attempts as usize).copied();
        if !progress.begun {
            progress.begun = true;
            progress.base_ns = signed(at.time) - signed(due.unwrap_or(0));
        }
        progress.attempts = progress.attempts.saturating_add(1);
        progress.last_at = now;
        let late_ns_max = signed(
            options
                .late_ns_max
                .saturating_add(std::mem::take(&mut progress.allowed_ns)),
        );
        let base_ns = progress.base_ns;
        if options.since == Since::Previous {
            progress.base_ns = signed(at.time);
        }
        let off = |by_ns, marks| Off {
            id,
            attempt: progress.attempts,
            by_ns,
            marks,
        };
        if progress.acked_at != Mark::NONE {
            let after_ns = at.time.saturating_sub(progress.acked_ns);
            if after_ns > options.silence_ns {
                self.after_ack.push(off(after_ns, [progress.acked_at, now]));
            }
        } else if let Some(delay) = due {
            let late_ns = signed(at.time).saturating_sub(base_ns.saturating_add(signed(delay)));
            if late_ns < -signed(options.early_ns_max) {
                self.early.push(off(late_ns.unsigned_abs(), marks));
            } else if late_ns > late_ns_max {
                self.late.push(off(late_ns.unsigned_abs(), marks));
            }
        } else {
            self.extra.push(off(0, marks));
        }
    }

    /// By how much the next attempt of an id is overdue at some time, if it is.
    fn overdue_ns(&self, progress: &Progress, now_ns: u64) -> Option<u64> {
        if !progress.begun || progress.acked_at != Mark::NONE {
            return None;
        }
        let delay = *self.options.delays_ns.get(progress.attempts as usize)?;
        let late_ns = signed(now_ns).saturating_sub(progress.base_ns.saturating_add(signed(delay)));
        let late_ns_max = self.options.late_ns_max.saturating_add(progress.allowed_ns);
        (late_ns > signed(late_ns_max)).then(|| late_ns.unsigned_abs())
    }

    fn report_off(&self, names: &dyn Names, tally: &mut Tally) {
        let case = |off: &Off, how: String| {
            let name = names.id(off.id);
            let sentence = format!("attempt {} of {} came {how}", off.attempt, names.said("", off.id));
            Case {
                subject: name,
                sentence,
                witness: at(off.marks),
            }
        };
        tally.anomalies("early", &self.early, |off| {
            case(off, format!("{} too early", duration(off.by_ns)))
        });
        tally.anomalies("late", &self.late, |off| {
            case(off, format!("{} too late", duration(off.by_ns)))
        });
        tally.anomalies("extra", &self.extra, |off| {
            case(off, "after the last one of the schedule".into())
        });
        tally.anomalies("after-ack", &self.after_ack, |off| {
            case(off, format!("{} after the acknowledgement", duration(off.by_ns)))
        });
    }

    fn report_missing(&self, end_ns: u64, ended_at: Mark, names: &dyn Names, tally: &mut Tally) {
        let mut unsure = 0;
        for (id, progress) in self.progress.iter() {
            let Some(overdue_ns) = self.overdue_ns(progress, end_ns) else {
                continue;
            };
            if progress.ack_unknown {
                unsure += 1;
                continue;
            }
            tally.anomaly("missing", || {
                let name = names.id(id);
                let (attempt, overdue) = (progress.attempts + 1, duration(overdue_ns));
                let said = names.said("", id);
                let sentence = format!("attempt {attempt} of {said} was {overdue} overdue when the history ended");
                Case {
                    subject: name,
                    sentence,
                    witness: at([progress.last_at, ended_at]),
                }
            });
        }
        if unsure > 0 {
            tally.doubt(format!(
                "{} overdue when the history ended, unless an attempt of unknown outcome was acknowledged",
                plural(unsure, "schedule")
            ));
        }
    }
}

/// Nanoseconds as a signed number; 292 years and more are 292 years.
fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// `1500 ms`, `17 us`.
fn duration(ns: u64) -> String {
    if ns >= 1_000_000 {
        format!("{} ms", ns / 1_000_000)
    } else {
        format!("{} us", ns / 1_000)
    }
}

impl Streaming for Schedule {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Due(id) => {
                let progress = self.progress.at(id);
                if !progress.begun {
                    (progress.begun, progress.base_ns) = (true, signed(at.time));
                    progress.last_at = Mark::new(at.index);
                }
            }
            Event::Attempt(id) => self.attempt(at, id),
            Event::Acked(id) => {
                self.acked += 1;
                let progress = self.progress.at(id);
                if progress.acked_at == Mark::NONE {
                    (progress.acked_at, progress.acked_ns) = (Mark::new(at.index), at.time);
                }
            }
            Event::Allowed { id, ns } => self.progress.at(id).allowed_ns = ns,
            Event::AckUnknown(id) => self.progress.at(id).ack_unknown = true,
            Event::Ended => self.ended = Some((at.time, Mark::new(at.index))),
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        self.report_off(names, &mut tally);
        if let Some((end_ns, ended_at)) = self.ended {
            self.report_missing(end_ns, ended_at, names, &mut tally);
        } else {
            tally.doubt("it is not known until when attempts were observed: a missing one cannot be told");
        }
        if self.attempts == 0 && tally.total("missing") == 0 {
            tally.doubt("no attempt was seen: there is nothing to judge");
        }
        let ids = self.progress.iter().filter(|(_, progress)| progress.begun).count();
        for (name, value) in [
            ("ids", ids as u64),
            ("attempts", self.attempts),
            ("acknowledged", self.acked),
        ] {
            tally.count(name, value);
        }
        tally.result(NAME)
    }
}

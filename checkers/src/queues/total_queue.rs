//! Total queue: what goes in must come out. Valid when every acknowledged enqueue was dequeued and nothing else was.
//!
//! For histories of enqueues and dequeues that end by draining the queue. The same value may be enqueued more than
//! once; counts are of a multiset.
//! - `lost`: acknowledged more often than dequeued.
//! - `unexpected`: dequeued, but never asked to be enqueued.
//! - `duplicated`: dequeued more often than asked to be enqueued. Only counted, as in Jepsen: queues that redeliver
//!   promise no less. With [`Options::exactly_once`] an element is a message of its own, which may be asked for
//!   again but must come out once; then a second delivery is an anomaly,
//! - `aborted`: and so is a delivery of a message whose every enqueue definitely failed.
//! - `recovered` (counted): dequeued, though not acknowledged.
//!
//! After `checker/total-queue` of Jepsen. Sees: values. Cannot see: order; a loss that a later duplicate of the same
//! value hides. A dequeue that ended info may have taken an element with it: Jepsen calls that element lost, and so
//! does this unless [`Options::info_dequeues_take`] is set; a drain that ended info may have taken all of them. O(1) per event, 28 bytes per element.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, times};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "total-queue";

/// How strict it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Every element is one message and comes out once, however often it was asked for.
    pub exactly_once: bool,
    /// As many lost elements as dequeues ended info are unknown, not invalid; any number where a drain did.
    pub info_dequeues_take: bool,
}

/// What happened to an element. An enqueue that ended info is told by its invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An enqueue was invoked.
    Enqueue(u32),
    /// An enqueue ended ok.
    Enqueued(u32),
    /// An enqueue definitely failed.
    EnqueueFailed(u32),
    /// A dequeue (or one element of a drain) ended ok.
    Dequeued(u32),
    /// A dequeue ended info: it may have taken an element.
    DequeueUnknown,
    /// A drain ended info: it may have taken any number of elements.
    DrainUnknown,
}

#[derive(Clone, Copy, Default)]
struct Element {
    attempts: u32,
    acks: u32,
    fails: u32,
    dequeues: u32,
    attempted: Mark,
    acked: Mark,
    dequeued: Mark,
}

/// The checker.
#[derive(Default)]
pub struct TotalQueue {
    options: Options,
    elements: Dense<Element>,
    unknown_dequeues: u64,
    unknown_drains: u64,
}

impl TotalQueue {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> TotalQueue {
        TotalQueue {
            options,
            ..TotalQueue::default()
        }
    }
}

impl Streaming for TotalQueue {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Enqueue(id) => {
                let element = self.elements.at(id);
                element.attempts = element.attempts.saturating_add(1);
                element.attempted.first(at.index);
            }
            Event::Enqueued(id) => {
                let element = self.elements.at(id);
                element.acks = element.acks.saturating_add(1);
                element.acked.first(at.index);
            }
            Event::EnqueueFailed(id) => {
                let element = self.elements.at(id);
                element.fails = element.fails.saturating_add(1);
            }
            Event::Dequeued(id) => {
                let element = self.elements.at(id);
                element.dequeues = element.dequeues.saturating_add(1);
                element.dequeued = Mark::new(at.index);
            }
            Event::DequeueUnknown => self.unknown_dequeues += 1,
            Event::DrainUnknown => self.unknown_drains += 1,
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut totals = Totals::default();
        let mut tally = Tally::default();
        let (dequeues, drains) = (self.unknown_dequeues, self.unknown_drains);
        let takeable = if drains > 0 { u64::MAX } else { dequeues };
        let losses_excused = self.options.info_dequeues_take && takeable > 0 && self.losses() <= takeable;
        for (id, element) in self.elements.iter() {
            totals.add(element, self.options.exactly_once);
            self.judge(element, losses_excused, || names.id(id), &mut tally);
        }
        if totals.acknowledged == 0 && totals.dequeued == 0 {
            tally.doubt("no enqueue was acknowledged and nothing was dequeued: there is nothing to judge");
        }
        if losses_excused && totals.lost > 0 {
            let takers = match (dequeues, drains) {
                (dequeues, 0) => format!("{dequeues} dequeues"),
                (0, drains) => format!("{drains} drains"),
                (dequeues, drains) => format!("{dequeues} dequeues and {drains} drains"),
            };
            tally.doubt(format!(
                "{} lost, and {takers} ended info, which may have taken them",
                totals.lost
            ));
        }
        if totals.duplicated > 0 && !self.options.exactly_once {
            tally.remark("elements came out more often than they went in; a total queue may do that");
        }
        totals.count(&mut tally);
        tally.count("unknown-dequeues", dequeues);
        tally.count("unknown-drains", drains);
        tally.result(NAME)
    }
}

impl TotalQueue {
    fn losses(&self) -> u64 {
        self.elements.iter().map(|(_, element)| element.lost()).sum()
    }

    fn judge(&self, element: &Element, losses_excused: bool, name: impl Fn() -> String, tally: &mut Tally) {
        let Element {
            attempts,
            acks,
            fails,
            dequeues,
            ..
        } = *element;
        let case = |sentence: String| Case {
            subject: name(),
            sentence: format!("element {} {sentence}", name()),
            witness: at([element.attempted, element.acked, element.dequeued]),
        };
        let taken = times(u64::from(dequeues));
        if element.lost() > 0 && !losses_excused {
            tally.anomaly("lost", || {
                let came_out = if dequeues == 0 {
                    "never dequeued".into()
                } else {
                    format!("dequeued only {taken}")
                };
                case(format!("was acknowledged {} and {came_out}", times(u64::from(acks))))
            });
        }
        if element.unexpected() > 0 {
            tally.anomaly("unexpected", || case("was dequeued and never enqueued".into()));
        } else if self.options.exactly_once && element.duplicated(true) > 0 {
            tally.anomaly("duplicated", || case(format!("was dequeued {taken}")));
        }
        if self.options.exactly_once && dequeues > 0 && attempts > 0 && fails >= attempts {
            tally.anomaly("aborted", || {
                case("was dequeued, and every enqueue of it failed".into())
            });
        }
    }
}

impl Element {
    fn lost(&self) -> u64 {
        u64::from(self.acks.saturating_sub(self.dequeues))
    }

    fn unexpected(&self) -> u64 {
        if self.attempts == 0 {
            u64::from(self.dequeues)
        } else {
            0
        }
    }

    fn duplicated(&self, exactly_once: bool) -> u64 {
        let allowed = if exactly_once {
            self.attempts.min(1)
        } else {
            self.attempts
        };
        if self.attempts == 0 {
            0
        } else {
            u64::from(self.dequeues.saturating_sub(allowed))
        }
    }
}

/// Sizes of Jepsen's multisets.
#[derive(Default)]
struct Totals {
    attempt: u64,
    acknowledged: u64,
    dequeued: u64,
    ok: u64,
    unexpected: u64,
    duplicated: u64,
    lost: u64,
    recovered: u64,
}

impl Totals {
    fn add(&mut self, element: &Element, exactly_once: bool) {
        let ok = element.dequeues.min(element.attempts);
        self.attempt += u64::from(element.attempts);
        self.acknowledged += u64::from(element.acks);
        self.dequeued += u64::from(element.dequeues);
        self.ok += u64::from(ok);
        self.unexpected += element.unexpected();
        self.duplicated += element.duplicated(exactly_once);
        self.lost += element.lost();
        self.recovered += u64::from(ok.saturating_sub(element.acks));
    }

    fn count(&self, tally: &mut Tally) {
        for (name, value) in [
            ("attempt", self.attempt),
            ("acknowledged", self.acknowledged),
            ("ok", self.ok),
            ("unexpected", self.unexpected),
            ("duplicated", self.duplicated),
            ("lost", self.lost),
            ("recovered", self.recovered),
        ] {
            tally.count(name, value);
        }
    }
}

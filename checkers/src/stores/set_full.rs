//! Set, every read: when did each element become visible, and did it stay? Valid when no element that is known to
//! exist vanished for good.
//!
//! For histories of adds of unique elements and reads of the whole set. An element is *known* once its add ended ok
//! or a read that ended ok held it.
//! - `lost`: known, and missing from the read that began last of those that could tell. As in Jepsen, reads follow each
//!   other by their invocations: one that began before and ended later may hold it still.
//! - `stale` (counted; an anomaly with [`Options::linearizable`]): there in the end, but missing from a read that
//!   began when it was known.
//! - `duplicated`: held more than once by a single read.
//! - `stable`, `never-read` (counted): there in every read after some moment; neither stable nor lost.
//! - `unexpected` (counted; an anomaly with [`Options::no_unexpected`]): read, though no add of it had been invoked.
//!
//! After `checker/set-full` of Jepsen, with two differences: staleness is decided by the order of the history and not
//! by milliseconds, and an element that is added again keeps its first add. Latencies (from known to stable, from
//! known to lost) are counted as quantiles by nearest rank, in microseconds.
//!
//! Sees: which reads hold what. Cannot see: an element that no read began after.
//! Jepsen looks at every element at every read. This looks only at the elements that a read lists: absences are the
//! gaps between presences, and the gap's latest read is found on a stack of suffix maxima. O(1) per element listed
//! (O(log reads) after a gap), 40 bytes per element.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, add_quantiles, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "set-full";

/// How strict it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The set is linearizable: stale elements are anomalies.
    pub linearizable: bool,
    /// Elements that were read before any add of them was invoked are anomalies. Jepsen ignores them.
    pub no_unexpected: bool,
}

/// What happened. Operations that failed or ended info are told by their invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An add was invoked.
    Add(u32),
    /// An add ended ok.
    Added(u32),
    /// A process invoked a read.
    ReadInvoked {
        /// The process.
        process: u32,
    },
    /// Its read ended ok and returned these elements.
    Read {
        /// The process.
        process: u32,
        /// What it returned.
        elements: &'a [u32],
    },
}

/// A moment in the history.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    at: Mark,
    time: u64,
}

/// One element. Reads are numbered from 1 in the order of their ends; 0 is no read.
#[derive(Clone, Copy, Default)]
struct Element {
    known: Moment,
    asked_at: Mark,
    /// A read that held it before any add of it was invoked.
    early: Mark,
    /// Up to here its reads are decided: those that ended before its add was invoked, then the last that held it.
    looked: u32,
    /// The read that held it and began last.
    present: u32,
    /// The read that lacked it and began last.
    absent: u32,
}

/// The checker.
#[derive(Default)]
pub struct SetFull {
    options: Options,
    elements: Dense<Element>,
    begun: Dense<Option<Moment>>,
    reads: Reads,
    /// The first read that held an element more than once.
    duplicated: Dense<Mark>,
}

impl SetFull {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> SetFull {
        SetFull {
            options,
            ..SetFull::default()
        }
    }

    fn read(&mut self, at: At, process: u32, listed: &[u32]) {
        let now = Moment {
            at: Mark::new(at.index),
            time: at.time,
        };
        let begun = self.begun.at(process).take();
        // A read whose invocation is not on record began when it ended.
        let read = self.reads.begin(begun.unwrap_or(now), now.at);
        for id in listed {
            let element = self.elements.at(*id);
            if element.asked_at == Mark::NONE {
                element.early.first(at.index);
                continue;
            }
            if element.looked == read {
                self.duplicated.at(*id).first(at.index);
                continue;
            }
            if element.looked + 1 < read {
                element.absent = self
                    .reads
                    .later(element.absent, self.reads.latest_after(element.looked));
            }
            element.looked = read;
            element.present = self.reads.later(element.present, read);
            if element.known.at == Mark::NONE {
                element.known = now;
            }
        }
        self.reads.end(read);
    }
}

/// The reads that ended ok.
struct Reads {
    /// When each began, and its end.
    all: Vec<(Moment, Mark)>,
    /// Reads that began later than every read that ended after them. The read that began last of those after any
    /// read `n` is the first of these that ended after `n`.
    maxima: Vec<u32>,
}

impl Default for Reads {
    fn default() -> Self {
        Reads {
            all: vec![(Moment::default(), Mark::NONE)],
            maxima: Vec::new(),
        }
    }
}

impl Reads {
    /// How many there are.
    fn count(&self) -> u32 {
        u32::try_from(self.all.len() - 1).expect("fewer reads than a u32 counts")
    }

    fn began(&self, read: u32) -> Moment {
        self.all[read as usize].0
    }

    fn ended(&self, read: u32) -> Mark {
        self.all[read as usize].1
    }

    /// Adds a read, and numbers it. It is not yet among the maxima.
    fn begin(&mut self, began: Moment, ended: Mark) -> u32 {
        self.all.push((began, ended));
        self.count()
    }

    /// Adds a read to the maxima.
    fn end(&mut self, read: u32) {
        let began = self.began(read).at;
        while self
            .maxima
            .last()
            .is_some_and(|last| self.began(*last).at.is_before(began))
        {
            self.maxima.pop();
        }
        self.maxima.push(read);
    }

    /// Of two reads, the one that began later; any rather than none.
    fn later(&self, a: u32, b: u32) -> u32 {
        if a == 0 || self.began(a).at.is_before(self.began(b).at) {
            b
        } else {
            a
        }
    }

    /// The read that began last of those that ended after `after`.
    fn latest_after(&self, after: u32) -> u32 {
        let from = self.maxima.partition_point(|read| *read <= after);
        self.maxima.get(from).copied().unwrap_or(0)
    }
}

impl Streaming for SetFull {
    type Event<'a> = Event<'a>;

    #[inline]
    fn push(&mut self, at: At, event: Event<'_>) {
        match event {
            Event::Add(id) => {
                let reads = self.reads.count();
                let element = self.elements.at(id);
                if element.asked_at == Mark::NONE {
                    element.asked_at = Mark::new(at.index);
                    element.looked = reads;
                }
            }
            Event::Added(id) => {
                let element = self.elements.at(id);
                if element.known.at == Mark::NONE {
                    element.known = Moment {
                        at: Mark::new(at.index),
                        time: at.time,
                    };
                }
            }
            Event::ReadInvoked { process } => {
                *self.begun.at(process) = Some(Moment {
                    at: Mark::new(at.index),
                    time: at.time,
                });
            }
            Event::Read { process, elements } => self.read(at, process, elements),
        }
    }

    fn finish_named(mut self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut totals = Totals::default();
        let elements = std::mem::take(&mut self.elements);
        for (id, element) in elements.iter() {
            if element.early != Mark::NONE {
                totals.unexpected += 1;
                if self.options.no_unexpected {
                    tally.anomaly("unexpected", || Case {
                        subject: names.id(id),
                        sentence: format!("element {} was read before any add of it was invoked", names.id(id)),
                        witness: at([element.early]),
                    });
                }
            }
            if element.asked_at != Mark::NONE {
                self.judge(*element, names, id, &mut totals, &mut tally);
            }
        }
        for (id, read_at) in self.duplicated.iter().filter(|(_, read)| **read != Mark::NONE) {
            tally.anomaly("duplicated", || Case {
                subject: names.id(id),
                sentence: format!("element {} is in one read more than once", names.id(id)),
                witness: at([*read_at]),
            });
        }
        if totals.stable == 0 {
            tally.doubt("no element was seen to stay: there is nothing to judge");
        }
        totals.count(&mut tally, self.reads.count());
        tally.result(NAME)
    }
}

impl SetFull {
    fn judge(&self, mut element: Element, names: &dyn Names, id: u32, totals: &mut Totals, tally: &mut Tally) {
        let reads = &self.reads;
        element.absent = reads.later(element.absent, reads.latest_after(element.looked));
        let Element {
            known, present, absent, ..
        } = element;
        // No read began at no moment, which is before none and at time 0.
        let (seen, missed) = (reads.began(present), reads.began(absent));
        let missed_known = known.at.is_before(missed.at);
        let stays = present > 0 && (absent == 0 || missed.at.is_before(seen.at));
        let case = |sentence: String| Case {
            subject: names.id(id),
            sentence: format!("element {} {sentence}", names.id(id)),
            witness: at([
                element.asked_at,
                known.at,
                reads.ended(present),
                missed.at,
                reads.ended(absent),
            ]),
        };
        totals.attempt += 1;
        if stays {
            totals.stable += 1;
            totals.stable_ns.push(missed.time.saturating_sub(known.time));
            totals.stale += u64::from(missed_known);
            if missed_known && self.options.linearizable {
                tally.anomaly("stale", || {
                    case("was known, and missing from a read that began after that".into())
                });
            }
        } else if missed_known {
            totals.lost_ns.push(seen.time.saturating_sub(known.time));
            let seen = if present > 0 {
                "was read, and is missing from the read that began last"
            } else {
                "was known, and never read"
            };
            tally.anomaly("lost", || case(seen.into()));
        } else {
            totals.never_read += 1;
        }
    }
}

#[derive(Default)]
struct Totals {
    attempt: u64,
    stable: u64,
    stale: u64,
    never_read: u64,
    unexpected: u64,
    stable_ns: Vec<u64>,
    lost_ns: Vec<u64>,
}

impl Totals {
    fn count(self, tally: &mut Tally, reads: u32) {
        for (name, value) in [
            ("attempt", self.attempt),
            ("stable", self.stable),
            ("lost", self.lost_ns.len() as u64),
            ("stale", self.stale),
            ("never-read", self.never_read),
            ("unexpected", self.unexpected),
            ("duplicated", tally.total("duplicated")),
            ("reads", reads.into()),
        ] {
            tally.count(name, value);
        }
        add_quantiles(tally, "stable-latency", self.stable_ns);
        add_quantiles(tally, "lost-latency", self.lost_ns);
    }
}

//! Set: what was added is there at the end. Valid when the final read holds every acknowledged element and only
//! elements that an add was asked for.
//!
//! For histories of adds followed by a read of the whole set; of several reads that ended ok, the last one counts.
//! - `lost`: acknowledged, and not in the final read.
//! - `unexpected`: in the final read, and never asked for.
//! - `recovered` (counted): in the final read, asked for, not acknowledged.
//!
//! After `checker/set` of Jepsen. Sees: values. Cannot see: elements that were lost and came back, an element read
//! whose add failed (Jepsen allows it), multiplicities; [`set_full`](super::set_full) looks at every read.
//! O(1) per element listed, 12 bytes per element.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "set";

/// What happened. An add that failed or ended info is told by its invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An add was invoked.
    Add(u32),
    /// An add ended ok.
    Added(u32),
    /// A read ended ok and returned these elements.
    Read(&'a [u32]),
}

#[derive(Clone, Copy, Default)]
struct Element {
    asked_at: Mark,
    acked_at: Mark,
    /// Number of the last read that held it; 0 for none.
    read: u32,
}

/// The checker.
#[derive(Default)]
pub struct Set {
    elements: Dense<Element>,
    reads: u32,
    read_at: Mark,
}

impl Set {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Set {
        Set::default()
    }
}

impl Streaming for Set {
    type Event<'a> = Event<'a>;

    #[inline]
    fn push(&mut self, at: At, event: Event<'_>) {
        match event {
            Event::Add(id) => self.elements.at(id).asked_at.first(at.index),
            Event::Added(id) => self.elements.at(id).acked_at.first(at.index),
            Event::Read(elements) => {
                self.reads += 1;
                self.read_at = Mark::new(at.index);
                for id in elements {
                    self.elements.at(*id).read = self.reads;
                }
            }
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let [mut attempt, mut acknowledged, mut ok, mut recovered, mut present] = [0_u64; 5];
        for (id, element) in self.elements.iter() {
            let asked = element.asked_at != Mark::NONE;
            let acked = element.acked_at != Mark::NONE;
            let read = element.read == self.reads && self.reads > 0;
            attempt += u64::from(asked);
            acknowledged += u64::from(acked);
            present += u64::from(read);
            ok += u64::from(asked && read);
            recovered += u64::from(asked && read && !acked);
            let mut report = |kind, how| {
                tally.anomaly(kind, || Case {
                    subject: names.id(id),
                    sentence: format!("{} {how}", names.said("element", id)),
                    witness: at([element.asked_at, element.acked_at, self.read_at]),
                });
            };
            if read && !asked {
                report("unexpected", "is in the final read and was never added");
            } else if acked && !read && self.reads > 0 {
                report("lost", "was added and is not in the final read");
            }
        }
        if self.reads == 0 {
            tally.doubt("the set was never read");
        } else if acknowledged == 0 && present == 0 {
            tally.doubt("no add was acknowledged and the final read is empty: there is nothing to judge");
        }
        for (name, value) in [
            ("attempt", attempt),
            ("acknowledged", acknowledged),
            ("ok", ok),
            ("recovered", recovered),
        ] {
            tally.count(name, value);
        }
        for kind in ["lost", "unexpected"] {
            tally.count(kind, tally.total(kind));
        }
        tally.count("reads", self.reads.into());
        tally.result(NAME)
    }
}

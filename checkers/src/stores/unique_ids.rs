//! Unique ids: a generator of ids never repeats itself.
//!
//! For histories of `generate` operations. Valid when no id was returned by two operations that ended ok.
//! - `duplicated`: an id that was returned more than once; counted per id, as in Jepsen.
//!
//! After `checker/unique-ids` of Jepsen. Sees: returned ids. Cannot see: an id given to an operation that ended info.
//! O(1) per event, 12 bytes per id.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, times};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "unique-ids";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An id was asked for.
    Generate,
    /// An id was returned: the number that the caller gave to it.
    Generated(u32),
}

#[derive(Clone, Copy, Default)]
struct Id {
    returned: u32,
    first_at: Mark,
    last_at: Mark,
}

/// The checker.
#[derive(Default)]
pub struct UniqueIds {
    ids: Dense<Id>,
    attempted: u64,
    acknowledged: u64,
}

impl UniqueIds {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> UniqueIds {
        UniqueIds::default()
    }
}

impl Streaming for UniqueIds {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Generate => self.attempted += 1,
            Event::Generated(id) => {
                self.acknowledged += 1;
                let id = self.ids.at(id);
                id.returned = id.returned.saturating_add(1);
                id.first_at.first(at.index);
                id.last_at = Mark::new(at.index);
            }
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        for (id, seen) in self.ids.iter().filter(|(_, seen)| seen.returned > 1) {
            tally.anomaly("duplicated", || Case {
                subject: names.id(id),
                sentence: format!("id {} was returned {}", names.id(id), times(seen.returned.into())),
                witness: at([seen.first_at, seen.last_at]),
            });
        }
        if self.acknowledged == 0 {
            tally.doubt("no id was returned: there is nothing to judge");
        }
        tally.count("attempted", self.attempted);
        tally.count("acknowledged", self.acknowledged);
        tally.count("duplicated", tally.total("duplicated"));
        tally.result(NAME)
    }
}

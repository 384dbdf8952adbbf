//! Leftovers: at quiescence nothing is left of what is only meant to exist for a while.
//!
//! For histories that show when something temporary appears and disappears: a prepared transaction, a frozen amount,
//! a lock, an unsent outbox row, an unacknowledged message. Each is of a kind that the caller numbers as a key.
//! - `leftover`: still there when the system had come to rest ([`Event::Quiescent`]; the last one counts).
//!
//! Something that appears again is a new one. Without quiescence the verdict is unknown, when something appears after
//! it, and when nothing ever appeared, unless everything was looked for ([`Event::Searched`]). Counts `appeared`, `disappeared`, and `unknown-origin` (disappeared without having appeared).
//!
//! Sees: what it is told. Cannot see: something temporary that nobody reads. O(1) per event, 16 bytes per id.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "leftovers";

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something is there, or was found to be there.
    Appeared {
        /// What.
        id: u32,
        /// Of which kind.
        kind: u32,
    },
    /// It is gone.
    Disappeared(u32),
    /// Everything temporary was looked for: what was not found is not there.
    Searched,
    /// The system has come to rest: nothing in flight, nothing to be retried.
    Quiescent,
}

/// Whether something is there.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Unseen,
    There,
    Gone,
}

#[derive(Clone, Copy, Default)]
struct Temporary {
    kind: u32,
    appeared_at: Mark,
    gone_at: Mark,
    stage: Stage,
}

impl Temporary {
    /// Whether it was there at some moment.
    fn was_there(&self, moment: Mark) -> bool {
        let gone_before = self.stage == Stage::Gone && self.gone_at.is_before(moment);
        self.stage != Stage::Unseen && self.appeared_at.is_before(moment) && !gone_before
    }
}

/// The checker.
#[derive(Default)]
pub struct Leftovers {
    temporaries: Dense<Temporary>,
    rested_at: Mark,
    /// What was there when the system last came to rest, went after that, and appeared again.
    again: Vec<(u32, Temporary)>,
    appeared: u64,
    appeared_since: u64,
    disappeared: u64,
    unknown_origin: u64,
    searched: bool,
}

impl Leftovers {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Leftovers {
        Leftovers::default()
    }
}

impl Streaming for Leftovers {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Appeared { id, kind } => {
                let known = self.temporaries.at(id);
                if known.stage == Stage::There {
                    return;
                }
                if known.stage == Stage::Gone && known.was_there(self.rested_at) {
                    self.again.push((id, *known));
                }
                *known = Temporary {
                    kind,
                    appeared_at: Mark::new(at.index),
                    gone_at: Mark::NONE,
                    stage: Stage::There,
                };
                self.appeared += 1;
                self.appeared_since += 1;
            }
            Event::Disappeared(id) => {
                let known = self.temporaries.at(id);
                if known.stage == Stage::There {
                    (known.stage, known.gone_at) = (Stage::Gone, Mark::new(at.index));
                    self.disappeared += 1;
                } else {
                    self.unknown_origin += 1;
                }
            }
            Event::Searched => self.searched = true,
            Event::Quiescent => {
                self.rested_at = Mark::new(at.index);
                self.appeared_since = 0;
                self.again.clear();
            }
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let still = self.temporaries.iter().map(|(id, known)| (id, *known));
        for (id, left) in self
            .again
            .iter()
            .copied()
            .chain(still)
            .filter(|(_, known)| known.was_there(self.rested_at))
        {
            tally.anomaly("leftover", || {
                let (name, kind) = (names.said("", id), names.key(left.kind));
                let later = if left.stage == Stage::Gone {
                    "; it went later"
                } else {
                    ""
                };
                Case {
                    sentence: format!("{name} ({kind}) was still there when the system had come to rest{later}"),
                    subject: names.id(id),
                    witness: at([left.appeared_at, self.rested_at, left.gone_at]),
                }
            });
        }
        if self.rested_at == Mark::NONE {
            tally.doubt("the system was not seen to come to rest");
        } else if self.appeared == 0 && !self.searched {
            tally.doubt("nothing temporary was seen: there is nothing to judge");
        } else if self.appeared_since > 0 {
            tally.doubt(format!(
                "{} appeared after the system had come to rest",
                self.appeared_since
            ));
        }
        for (name, value) in [
            ("appeared", self.appeared),
            ("disappeared", self.disappeared),
            ("unknown-origin", self.unknown_origin),
        ] {
            tally.count(name, value);
        }
        tally.result(NAME)
    }
}

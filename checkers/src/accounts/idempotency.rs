//! Idempotency, for any requests: one request number means one payload and one record, however often it is sent.
//!
//! For histories of requests that carry a number of their own and a payload, are sent again (with the same payload: a
//! duplicate; with another: a divergence), and of final reads of what was recorded. Duplicates and divergences are
//! allowed; answering or recording them wrongly is not:
//! - `duplicate`: recorded more than once with the same payload.
//! - `divergence`: two payloads of one number were both accepted or both recorded, or another payload is recorded
//!   than was accepted.
//! - `lost`: accepted, and not recorded.
//! - `unexpected`: recorded with a payload that was never sent under this number.
//! - `aborted`: recorded with a payload whose every send was definitely refused.
//!
//! A send that ended info is resolved by the final reads (`info-recorded`, `info-absent`). Records are judged only
//! when the final reads are complete ([`Event::ReadComplete`]); the verdict is unknown otherwise, and also when
//! something is sent after them.
//!
//! This is how ledger databases are tested. Sees: answers and final records. Cannot see: a record that came and went;
//! whether a refusal of a duplicate gave the right reason. O(1) per event, 32 bytes per number; only numbers with
//! several payloads are looked up in a hash table.

use std::collections::HashMap;

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, times};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "idempotency";

/// What happened. Payloads are numbered by the caller: equal payloads have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was sent, for the first time or again. A send that ended info is told by this alone.
    Sent {
        /// Its number.
        id: u32,
        /// What it asks for.
        payload: u32,
    },
    /// A send was accepted.
    Accepted {
        /// Its number.
        id: u32,
        /// What it asked for.
        payload: u32,
    },
    /// A send was definitely refused, without effect of its own.
    Refused {
        /// Its number.
        id: u32,
        /// What it asked for.
        payload: u32,
    },
    /// The final read shows a record. One read: a record that two reads show is told once.
    Recorded {
        /// The number of the request.
        id: u32,
        /// What is recorded.
        payload: u32,
    },
    /// The final reads showed everything that is recorded.
    ReadComplete,
}

/// What happened to one payload of one number. Counters saturate, but for the one that decides what is possible.
#[derive(Clone, Copy, Default)]
struct Fate {
    /// Sends less those that were refused.
    standing: i32,
    sent: u16,
    accepted: u8,
    recorded: u8,
    sent_at: Mark,
    accepted_at: Mark,
    recorded_at: Mark,
}

impl Fate {
    fn witness(&self) -> [Mark; 3] {
        [self.sent_at, self.accepted_at, self.recorded_at]
    }

    /// Whether it may rightly be recorded.
    fn is_possible(&self) -> bool {
        self.accepted > 0 || self.standing > 0
    }

    /// Whether a send of it ended info, and none was accepted.
    fn is_open(&self) -> bool {
        self.accepted == 0 && self.standing > 0
    }
}

/// A number: its first payload here, the others in a table.
#[derive(Clone, Copy, Default)]
struct Request {
    /// Number of the first payload, plus one; 0 for none.
    payload: u64,
    fate: Fate,
    has_others: bool,
}

const _: () = assert!(size_of::<Request>() == 32, "as the page says");

/// The checker.
#[derive(Default)]
pub struct Idempotency {
    requests: Dense<Request>,
    others: HashMap<u32, Vec<(u32, Fate)>>,
    complete: bool,
    sends: u64,
    accepted: u64,
    recorded: u64,
}

impl Idempotency {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Idempotency {
        Idempotency::default()
    }

    #[inline]
    fn fate(&mut self, id: u32, payload: u32) -> &mut Fate {
        let request = self.requests.at(id);
        let named = u64::from(payload) + 1;
        if request.payload == 0 {
            request.payload = named;
        }
        if request.payload == named {
            return &mut request.fate;
        }
        request.has_others = true;
        let others = self.others.entry(id).or_default();
        let known = others.iter().position(|(other, _)| *other == payload);
        let known = known.unwrap_or_else(|| {
            others.push((payload, Fate::default()));
            others.len() - 1
        });
        &mut others[known].1
    }
}

impl Streaming for Idempotency {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Sent { id, payload } => {
                self.complete = false;
                self.sends += 1;
                let fate = self.fate(id, payload);
                fate.sent = fate.sent.saturating_add(1);
                fate.standing = fate.standing.saturating_add(1);
                fate.sent_at.first(at.index);
            }
            Event::Accepted { id, payload } => {
                self.complete = false;
                self.accepted += 1;
                let fate = self.fate(id, payload);
                fate.accepted = fate.accepted.saturating_add(1);
                fate.accepted_at.first(at.index);
            }
            Event::Refused { id, payload } => {
                let fate = self.fate(id, payload);
                fate.standing = fate.standing.saturating_sub(1);
            }
            Event::Recorded { id, payload } => {
                self.recorded += 1;
                let fate = self.fate(id, payload);
                fate.recorded = fate.recorded.saturating_add(1);
                fate.recorded_at.first(at.index);
            }
            Event::ReadComplete => self.complete = true,
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut totals = Totals::default();
        for (id, request) in self.requests.iter().filter(|(_, request)| request.payload > 0) {
            let others = if request.has_others {
                self.others[&id].as_slice()
            } else {
                &[]
            };
            let fates = || std::iter::once(&request.fate).chain(others.iter().map(|(_, fate)| fate));
            totals.add(fates().copied());
            for (kind, how, marks) in judge(fates, self.complete).into_iter().flatten() {
                tally.anomaly(kind, || Case {
                    subject: names.id(id),
                    sentence: format!("request {} {how}", names.id(id)),
                    witness: marks.iter().copied().flat_map(|mark| at([mark])).collect(),
                });
            }
        }
        if self.accepted == 0 && self.recorded == 0 {
            tally.doubt("nothing was accepted and nothing is recorded: there is nothing to judge");
        } else if !self.complete {
            tally.doubt("the final reads are incomplete: what is recorded is not known");
        }
        for (name, value) in [
            ("sent", self.sends),
            ("accepted", self.accepted),
            ("recorded", self.recorded),
        ] {
            tally.count(name, value);
        }
        totals.count(&mut tally);
        tally.result(NAME)
    }
}

type Wrong = (&'static str, String, Vec<Mark>);

/// What is wrong with a number, given what happened to each of its payloads: with its answers and records together,
/// and with each record. Half of it is known only when the reads are complete.
fn judge<'a, I: Iterator<Item = &'a Fate>>(fates: impl Fn() -> I, complete: bool) -> [Option<Wrong>; 4] {
    let marks = |which: &dyn Fn(&Fate) -> bool| fates().filter(|f| which(f)).flat_map(Fate::witness).collect();
    let accepted = fates().filter(|fate| fate.accepted > 0).count();
    // Records of payloads that were never sent or always refused are told as such.
    let recorded = fates().filter(|fate| fate.recorded > 0 && fate.is_possible()).count();
    let stranger = fates().find(|fate| fate.recorded > 0 && !fate.is_possible() && fate.sent == 0);
    let refused = fates().find(|fate| fate.recorded > 0 && !fate.is_possible() && fate.sent > 0);
    let twice = fates().find(|fate| fate.recorded > 1);
    let taken = |f: &Fate| f.accepted > 0 || f.recorded > 0 && f.is_possible();
    let involved = fates().filter(|fate| taken(fate)).count();
    let divergence = (involved > 1).then(|| {
        let how = if accepted > 1 {
            format!("was accepted with {accepted} payloads")
        } else if accepted == 1 {
            "is recorded with another payload than was accepted".to_owned()
        } else {
            format!("is recorded with {recorded} payloads")
        };
        ("divergence", how, marks(&taken))
    });
    let duplicate = twice.map(|fate| {
        (
            "duplicate",
            format!("is recorded {}", times(fate.recorded.into())),
            fate.witness().to_vec(),
        )
    });
    let lost = (complete && accepted > 0 && recorded == 0).then(|| {
        (
            "lost",
            "was accepted and is not recorded".to_owned(),
            marks(&|f| f.accepted > 0),
        )
    });
    let stray = stranger
        .map(|fate| {
            (
                "unexpected",
                "is recorded with a payload that was never sent".to_owned(),
                fate.witness().to_vec(),
            )
        })
        .or_else(|| {
            refused.map(|fate| {
                (
                    "aborted",
                    "is recorded, and every send of it was refused".to_owned(),
                    fate.witness().to_vec(),
                )
            })
        });
    [divergence, duplicate, lost, stray]
}

/// Numbers, and how open sends were resolved.
#[derive(Default)]
struct Totals {
    requests: u64,
    duplicates: u64,
    divergences: u64,
    info_recorded: u64,
    info_absent: u64,
}

impl Totals {
    fn add(&mut self, fates: impl Iterator<Item = Fate>) {
        self.requests += 1;
        let mut payloads = 0;
        for fate in fates.filter(|fate| fate.sent > 0) {
            payloads += 1;
            self.duplicates += u64::from(fate.sent - 1);
            if fate.is_open() {
                self.info_recorded += u64::from(fate.recorded > 0);
                self.info_absent += u64::from(fate.recorded == 0);
            }
        }
        self.divergences += u64::from(payloads > 1);
    }

    fn count(&self, tally: &mut Tally) {
        for (name, value) in [
            ("requests", self.requests),
            ("duplicate-sends", self.duplicates),
            ("divergent-requests", self.divergences),
            ("info-recorded", self.info_recorded),
            ("info-absent", self.info_absent),
        ] {
            tally.count(name, value);
        }
    }
}

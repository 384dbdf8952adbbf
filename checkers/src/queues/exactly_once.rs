//! Exactly once, for any effects: what was asked for and acknowledged took effect once, and nothing else did.
//!
//! For histories in which every message has an id of its own and its effects (rows, credits, calls) can be counted.
//! Retries and redeliveries are fine as long as one of them takes effect.
//! - `lost`: acknowledged, and without effect at the end.
//! - `duplicated`: took effect more than once.
//! - `unexpected`: took effect, but was never asked for.
//! - `aborted`: took effect, though every attempt definitely failed.
//!
//! An attempt that ended info may have taken effect once. [`Event::Settled`] says that every effect has been observed;
//! without it, or when something is asked for or takes effect after it, a missing effect is unknown and not lost, and
//! what looks right is unknown too.
//!
//! Sees: counts. Cannot see: an effect undone before it is counted, the order of effects. One pass with saturating
//! counters per id: O(1) per event, 20 bytes per id, one cache line touched.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, times};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "exactly-once";

/// What happened to a message. An attempt that ended info is told by its invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was asked for, for the first time or again.
    Attempted(u32),
    /// An attempt ended ok.
    Acked(u32),
    /// An attempt definitely failed.
    Failed(u32),
    /// It was delivered to who applies it.
    Delivered(u32),
    /// It took effect.
    Applied(u32),
    /// Every effect of the events before has been observed.
    Settled,
}

/// Counters saturate: 255 effects are as wrong as 300. Which attempts may still take effect is counted exactly.
#[derive(Clone, Copy, Default)]
struct Message {
    /// Attempts less those that failed.
    standing: i32,
    attempted: u8,
    acked: u8,
    delivered: u8,
    applied: u8,
    asked_at: Mark,
    acked_at: Mark,
    applied_at: Mark,
}

const _: () = assert!(size_of::<Message>() == 20, "as the page says");

/// The checker.
#[derive(Default)]
pub struct ExactlyOnce {
    messages: Dense<Message>,
    settled: bool,
}

impl ExactlyOnce {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> ExactlyOnce {
        ExactlyOnce::default()
    }
}

impl Streaming for ExactlyOnce {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        self.settled = matches!(event, Event::Settled) || self.settled && matches!(event, Event::Delivered(_));
        match event {
            Event::Attempted(id) => {
                let message = self.messages.at(id);
                message.attempted = message.attempted.saturating_add(1);
                message.standing = message.standing.saturating_add(1);
                message.asked_at.first(at.index);
            }
            Event::Acked(id) => {
                let message = self.messages.at(id);
                message.acked = message.acked.saturating_add(1);
                message.acked_at.first(at.index);
            }
            Event::Failed(id) => {
                let message = self.messages.at(id);
                message.standing = message.standing.saturating_sub(1);
            }
            Event::Delivered(id) => {
                let message = self.messages.at(id);
                message.delivered = message.delivered.saturating_add(1);
            }
            Event::Applied(id) => {
                let message = self.messages.at(id);
                message.applied = message.applied.saturating_add(1);
                message.applied_at = Mark::new(at.index);
            }
            Event::Settled => {}
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut totals = Totals::default();
        for (id, message) in self.messages.iter() {
            totals.add(message);
            if let Some((kind, how)) = message.verdict(self.settled) {
                tally.anomaly(kind, || Case {
                    subject: names.id(id),
                    sentence: format!("message {} {how}", names.id(id)),
                    witness: at([message.asked_at, message.acked_at, message.applied_at]),
                });
            }
        }
        if totals.acknowledged == 0 && totals.applied == 0 {
            tally.doubt("nothing was acknowledged and nothing took effect: there is nothing to judge");
        } else if !self.settled {
            tally.doubt(format!(
                "effects were not observed to the end; {} acknowledged without effect so far",
                totals.missing
            ));
        }
        totals.count(&mut tally);
        tally.result(NAME)
    }
}

impl Message {
    /// What is wrong with it, if anything.
    fn verdict(&self, settled: bool) -> Option<(&'static str, String)> {
        if self.applied > 0 && self.attempted == 0 {
            return Some((
                "unexpected",
                format!("took effect {} and was never asked for", times(self.applied.into())),
            ));
        }
        if self.applied > 0 && self.standing <= 0 {
            return Some(("aborted", "took effect, and every attempt failed".to_owned()));
        }
        if self.applied > 1 {
            let (applied, delivered) = (times(self.applied.into()), times(self.delivered.into()));
            return Some((
                "duplicated",
                format!("took effect {applied}; it was delivered {delivered}"),
            ));
        }
        if settled && self.missing() {
            let delivered = times(self.delivered.into());
            return Some((
                "lost",
                format!("was acknowledged and never took effect; it was delivered {delivered}"),
            ));
        }
        None
    }

    fn missing(&self) -> bool {
        self.acked > 0 && self.applied == 0
    }
}

/// Messages by what happened to them.
#[derive(Default)]
struct Totals {
    attempted: u64,
    acknowledged: u64,
    delivered: u64,
    applied: u64,
    redelivered: u64,
    recovered: u64,
    missing: u64,
}

impl Totals {
    fn add(&mut self, message: &Message) {
        self.attempted += u64::from(message.attempted > 0);
        self.acknowledged += u64::from(message.acked > 0);
        self.delivered += u64::from(message.delivered > 0);
        self.applied += u64::from(message.applied > 0);
        self.redelivered += u64::from(message.delivered > 1);
        self.recovered += u64::from(message.applied > 0 && message.attempted > 0 && message.acked == 0);
        self.missing += u64::from(message.missing());
    }

    fn count(&self, tally: &mut Tally) {
        for (name, value) in [
            ("attempted", self.attempted),
            ("acknowledged", self.acknowledged),
            ("delivered", self.delivered),
            ("applied", self.applied),
            ("redelivered", self.redelivered),
            ("recovered", self.recovered),
        ] {
            tally.count(name, value);
        }
    }
}

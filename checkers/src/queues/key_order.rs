//! Per-key order: messages of one key come out in the order in which they went in.
//!
//! For histories of sends with one consumer (or one consumer group) whose deliveries are told in order; where
//! deliveries of several consumers overlap, their order is unknown, and what only that order would show is counted
//! (`unordered`) and makes the verdict unknown. A key is
//! whatever orders: a partition, an account, or a pair of producer and partition that the caller numbers. A message
//! went in before another of its key when its send ended ok before the other's was invoked; concurrent sends, and
//! sends that ended info, may come out in any order. Only first deliveries count: a redelivery is no disorder.
//! - `out-of-order`: delivered for the first time after a message that was sent after it.
//! - `unexpected`: delivered, but never sent.
//!
//! Sees: order of first deliveries per key. Cannot see: losses and duplicates (see
//! [`total_queue`](super::total_queue)). Complete: of the messages delivered already, the one whose send began last
//! is the only one that has to be compared. O(1) per event, 16 bytes per message and 12 per key.

use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, at, plural};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "key-order";

/// What happened to a message. A send that failed or ended info is told by its invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its send was invoked.
    Send {
        /// The message, sent once.
        id: u32,
        /// What it is ordered by.
        key: u32,
    },
    /// Its send ended ok.
    Sent(u32),
    /// It was delivered, after whatever was told as delivered before it.
    Delivered(u32),
    /// It was delivered by an operation that began at this index: whether before or after what was delivered since,
    /// by other operations, is not known.
    DeliveredSince {
        /// The message.
        id: u32,
        /// Index of the operation's invocation.
        began: u64,
    },
}

#[derive(Clone, Copy, Default)]
struct Message {
    key: u32,
    sent_at: Mark,
    acked_at: Mark,
    delivered: bool,
}

/// Of the messages of a key that were delivered, the one whose send began last.
#[derive(Clone, Copy, Default)]
struct Latest {
    id: u32,
    sent_at: Mark,
    delivered_at: Mark,
}

/// A message overtaken by a later one.
#[derive(Clone, Copy)]
struct Overtaken {
    id: u32,
    by: Latest,
    key: u32,
    sent_at: Mark,
    acked_at: Mark,
    delivered_at: Mark,
}

/// The checker.
#[derive(Default)]
pub struct KeyOrder {
    messages: Dense<Message>,
    keys: Dense<Latest>,
    overtaken: Capped<Overtaken>,
    unexpected: Capped<(u32, Mark)>,
    sent: u64,
    delivered: u64,
    redelivered: u64,
    unordered: u64,
}

impl KeyOrder {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> KeyOrder {
        KeyOrder::default()
    }

    #[inline]
    fn deliver(&mut self, at: At, began: u64, id: u32) {
        let message = self.messages.at(id);
        if message.sent_at == Mark::NONE {
            self.unexpected.push((id, Mark::new(at.index)));
            return;
        }
        if message.delivered {
            self.redelivered += 1;
            return;
        }
        message.delivered = true;
        self.delivered += 1;
        let Message {
            key, sent_at, acked_at, ..
        } = *message;
        let delivered_at = Mark::new(at.index);
        let latest = self.keys.at(key);
        if acked_at.is_before(latest.sent_at) {
            let by = *latest;
            if by.delivered_at != delivered_at && !by.delivered_at.is_before(Mark::new(began)) {
                self.unordered += 1;
                return;
            }
            self.overtaken.push(Overtaken {
                id,
                by,
                key,
                sent_at,
                acked_at,
                delivered_at,
            });
        }
        if latest.sent_at == Mark::NONE || latest.sent_at.is_before(sent_at) {
            *latest = Latest {
                id,
                sent_at,
                delivered_at,
            };
        }
    }
}

impl Streaming for KeyOrder {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Send { id, key } => {
                let message = self.messages.at(id);
                self.sent += 1;
                message.key = key;
                message.sent_at.first(at.index);
            }
            Event::Sent(id) => self.messages.at(id).acked_at.first(at.index),
            Event::Delivered(id) => self.deliver(at, at.index, id),
            Event::DeliveredSince { id, began } => self.deliver(at, began, id),
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        tally.anomalies("out-of-order", &self.overtaken, |o| {
            let (id, by, key) = (names.said("message", o.id), names.id(o.by.id), names.key(o.key));
            Case {
                subject: names.id(o.id),
                sentence: format!("{id} of key {key} was sent before {by} was, and delivered after it"),
                witness: at([o.sent_at, o.acked_at, o.by.sent_at, o.by.delivered_at, o.delivered_at]),
            }
        });
        tally.anomalies("unexpected", &self.unexpected, |(id, delivered_at)| Case {
            subject: names.id(*id),
            sentence: format!("{} was delivered and never sent", names.said("message", *id)),
            witness: at([*delivered_at]),
        });
        if self.delivered == 0 {
            tally.doubt("nothing that was sent was delivered: there is no order to judge");
        }
        if self.unordered > 0 {
            tally.doubt(format!(
                "{} came by an operation that overlaps with the one that brought a later message of the same key: \
                 which came first is not known",
                plural(self.unordered, "message")
            ));
        }
        tally.count("sent", self.sent);
        tally.count("delivered", self.delivered);
        tally.count("redelivered", self.redelivered);
        tally.count("unordered", self.unordered);
        tally.result(NAME)
    }
}

//! Log: a Kafka-style queue. Messages are appended to keys (partitions), get offsets, and are polled in their order.
//!
//! For histories of sends and polls, alone or in transactions, by processes that assign themselves keys or subscribe
//! to topics. A message is sent once; its number stands for key and value.
//! - `lost-write`: committed, at or below an offset that was read, and never read.
//! - `duplicate`: one message at more than one offset.
//! - `inconsistent-offsets`: one offset with more than one message.
//! - `unseen`: acknowledged and never read, though nothing proves that it should have been. Only counted with
//!   [`Options::undrained`]. The count `unseen` holds the lost ones too, as in Jepsen.
//! - `nonmonotonic-send`, `int-nonmonotonic-send`: a process sent a message after another and to a lower offset, from
//!   one operation to the next or within one.
//! - `nonmonotonic-poll`, `int-nonmonotonic-poll`: a process polled an offset at or below the one before.
//! - `poll-skip`, `int-poll-skip`: a process polled past a message that exists. Between operations this and the
//!   nonmonotonic poll are only counted with [`Options::subscribe`]: a rebalance between them is no anomaly.
//! - `G1a`: read by an operation that ended ok, though its send definitely failed.
//! - `precommitted-read`: polled by the transaction that sends it.
//! - `unexpected`: polled, and never sent.
//! - `int-send-skip` (counted): others' messages between two sends of one operation; that is normal.
//!
//! Counts `worst-realtime-lag-us`: the longest that the last message a process had polled was known to be the last no
//! more when it polled again.
//!
//! After `jepsen.tests.kafka`, with these differences: polls are compared by the offsets that they report (Jepsen
//! looks values up in the version order, so that a duplicate shows as a nonmonotonic poll as well); a polled message
//! without an offset is read but has no place. Cycles of transactions (G0, G1c) are not looked for.
//!
//! Sees: offsets and messages. Cannot see: a message that was acknowledged without an offset and is never polled, other
//! than as `unseen`. Which offsets exist is known at the end, so gaps that a poll jumped over are kept until then (with
//! transactions, whose markers take offsets, that is one per marker). O(1) per message sent or polled, except
//! O(log keys of the process); 32 bytes per message, 4 per offset, 16 per completed send, all in arrays.

mod cursor;
mod judge;
mod partition;

use std::collections::HashSet;

use cursor::{Consumer, Cursor, Position};
use judge::Judgement;
use partition::Partition;

use crate::streaming::{At, Capped, Dense, Mark, Names, Streaming};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "log";

/// What is promised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Consumers subscribe, so that keys may move between their operations.
    pub subscribe: bool,
    /// The history does not end by polling everything.
    pub undrained: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Ok,
    /// It definitely did not.
    Fail,
    /// It may have.
    Info,
}

/// A message sent or polled by an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: u32,
    /// Its key.
    pub key: u32,
    /// Its offset, where it is known.
    pub offset: Option<u64>,
}

/// What a process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It invoked an operation that sends these messages and may poll.
    Invoked {
        /// The process.
        process: u32,
        /// Messages it is about to send.
        sends: &'a [u32],
    },
    /// Its operation ended.
    Ended {
        /// The process.
        process: u32,
        /// How.
        outcome: Outcome,
        /// What it sent, in order.
        sent: &'a [Message],
        /// What it polled, in order; None when it did not poll.
        polled: Option<&'a [Message]>,
        /// Keys that were reassigned while it ran.
        rebalanced: &'a [u32],
    },
    /// It assigned itself these keys and no others (and did not definitely fail to).
    Assigned {
        /// The process.
        process: u32,
        /// The keys.
        keys: &'a [u32],
    },
    /// It subscribed to the topics of these keys and no others (and did not definitely fail to).
    Subscribed {
        /// The process.
        process: u32,
        /// The keys.
        keys: &'a [u32],
    },
}

/// How far the send of a message is known. Of several sends the one that stands highest here counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Sent {
    #[default]
    Never,
    Fail,
    Open,
    Info,
    /// Ended info, and something that the same operation sent was read.
    Proven,
    Ok,
}

/// No offset.
const NOWHERE: u64 = u64::MAX;

/// What is known of a message.
#[derive(Clone, Copy)]
struct Record {
    /// Where it was first seen in the log.
    place: u64,
    key: u32,
    /// The message that its process sent before it to the same key, or itself.
    after: u32,
    sent_at: Mark,
    /// The operation that ended ok and read it first.
    read_at: Mark,
    polled_at: Mark,
    sent: Sent,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            place: NOWHERE,
            key: 0,
            after: u32::MAX,
            sent_at: Mark::NONE,
            read_at: Mark::NONE,
            polled_at: Mark::NONE,
            sent: Sent::Never,
        }
    }
}

/// A send that ended info: its offset counts if its operation is proven to have taken effect.
#[derive(Clone, Copy)]
struct InfoSend {
    op: Mark,
    message: Message,
}

/// Two polls (or sends) in a row, and where they were.
#[derive(Clone, Copy)]
struct Step {
    process: u32,
    key: u32,
    from: Position,
    to: Position,
    internal: bool,
}

/// The checker.
#[derive(Default)]
pub struct Log {
    options: Options,
    records: Dense<Record>,
    partitions: Dense<Partition>,
    consumers: Dense<Consumer>,
    info_sends: Vec<InfoSend>,
    /// Messages at offsets that others have: key, offset, message.
    conflicts: HashSet<(u32, u64, u32)>,
    /// Messages at offsets other than their first.
    elsewhere: HashSet<(u32, u64)>,
    backwards: Capped<Step>,
    int_backwards: Capped<Step>,
    jumps: Vec<Step>,
    precommitted: Capped<(u32, Mark)>,
    worst_lag: Option<Lag>,
}

/// How far a process was behind.
#[derive(Clone, Copy)]
struct Lag {
    process: u32,
    key: u32,
    ns: u64,
}

impl Log {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Log {
        Log {
            options,
            ..Log::default()
        }
    }

    /// A message is in the log at this offset.
    #[inline]
    fn place(&mut self, message: Message, offset: u64) {
        let Message { id, key, .. } = message;
        if self.partitions.at(key).put(offset, id).is_some_and(|there| there != id) {
            self.conflicts.insert((key, offset, id));
        }
        let record = self.records.at(id);
        if record.place == NOWHERE {
            record.place = offset;
        } else if record.place != offset {
            self.elsewhere.insert((id, offset));
        }
    }

    #[inline]
    fn send(&mut self, now: Mark, process: u32, outcome: Outcome, message: Message) {
        let record = self.records.at(message.id);
        record.key = message.key;
        let sent = match outcome {
            Outcome::Ok => Sent::Ok,
            Outcome::Info => Sent::Info,
            Outcome::Fail => Sent::Fail,
        };
        // A message that was sent again is as certain as its most certain send.
        if sent >= record.sent || record.sent == Sent::Open {
            (record.sent, record.sent_at) = (sent, now);
        }
        if outcome == Outcome::Fail {
            return;
        }
        let cursor = self.consumers.at(process).cursor(message.key);
        record.after = cursor.sent.replace(message.id).unwrap_or(message.id);
        match (outcome, message.offset) {
            (Outcome::Ok, Some(offset)) => self.place(message, offset),
            (Outcome::Info, _) => self.info_sends.push(InfoSend { op: now, message }),
            _ => {}
        }
    }

    #[inline]
    fn poll(&mut self, now: Mark, process: u32, outcome: Outcome, message: Message, rebalanced: &[u32]) {
        let record = self.records.at(message.id);
        if record.sent == Sent::Never {
            record.key = message.key;
        }
        if record.polled_at == Mark::NONE {
            record.polled_at = now;
        }
        if outcome == Outcome::Ok && record.read_at == Mark::NONE {
            record.read_at = now;
        }
        if record.sent_at == now && now.get().is_some() {
            self.precommitted.push((message.id, now));
        }
        if let Some(offset) = message.offset {
            self.place(message, offset);
        }
        let to = Position {
            at: now,
            offset: message.offset,
            message: message.id,
        };
        let cursor = self.consumers.at(process).cursor(message.key);
        if let Some((from, internal)) = cursor.poll(to, outcome == Outcome::Ok)
            && !(internal && rebalanced.contains(&message.key))
        {
            self.step(Step {
                process,
                key: message.key,
                from,
                to,
                internal,
            });
        }
    }

    #[inline]
    fn step(&mut self, step: Step) {
        let (Some(from), Some(to)) = (step.from.offset, step.to.offset) else {
            return;
        };
        if to <= from {
            let kind = if step.internal {
                &mut self.int_backwards
            } else {
                &mut self.backwards
            };
            kind.push(step);
        } else if to - from > 1 {
            self.jumps.push(step);
        }
    }

    /// What an operation shows of how long the logs are, and of how far its process is behind.
    fn lag(&mut self, at: At, process: u32, outcome: Outcome, messages: [&[Message]; 2], polled: bool) {
        for message in messages.into_iter().flatten() {
            let Some(offset) = message.offset else { continue };
            self.partitions.at(message.key).reaches(offset, at.time);
            if outcome == Outcome::Ok {
                self.consumers.at(process).cursor(message.key).reach(offset);
            }
        }
        let consumer = self.consumers.at(process);
        if !polled || outcome != Outcome::Ok {
            return;
        }
        let invoked_ns = consumer.invoked_ns;
        for Cursor { key, next, .. } in consumer.cursors.iter().filter(|cursor| cursor.tracked) {
            let ns = self.partitions.at(*key).lag(*next, invoked_ns);
            if self.worst_lag.is_none_or(|worst| worst.ns < ns) {
                self.worst_lag = Some(Lag { process, key: *key, ns });
            }
        }
    }
}

impl Streaming for Log {
    type Event<'a> = Event<'a>;

    #[inline]
    fn push(&mut self, at: At, event: Event<'_>) {
        match event {
            Event::Invoked { process, sends } => {
                self.consumers.at(process).invoked_ns = at.time;
                for id in sends {
                    let record = self.records.at(*id);
                    record.sent = record.sent.max(Sent::Open);
                }
            }
            Event::Ended {
                process,
                outcome,
                sent,
                polled,
                rebalanced,
            } => {
                let now = Mark::new(at.index);
                for message in sent {
                    self.send(now, process, outcome, *message);
                }
                for message in polled.unwrap_or_default() {
                    self.poll(now, process, outcome, *message, rebalanced);
                }
                if outcome != Outcome::Fail {
                    self.lag(
                        at,
                        process,
                        outcome,
                        [sent, polled.unwrap_or_default()],
                        polled.is_some(),
                    );
                }
            }
            Event::Assigned { process, keys } => self.consumers.at(process).assign(keys),
            Event::Subscribed { process, keys } => self.consumers.at(process).subscribe(keys),
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        Judgement::of(self, names)
    }
}

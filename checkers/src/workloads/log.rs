//! `log`: a Kafka-style queue, as Jepsen's kafka workload writes it; judged by [`log`](crate::queues::log).
//!
//! `send`, `poll` and `txn` hold `[:send k v]`, once acknowledged `[:send k [offset v]]`, and `[:poll]`, once answered
//! `[:poll {k [[offset v] ...]}]`; `assign` and `subscribe` hold keys. An operation of unknown outcome may tell offsets,
//! too: they count, as its other sends do, once anything that it sent was read. Other `f`s (`crash`, `debug-topic-partitions`)
//! say nothing about messages.

use crate::ops::{Kind, Op, Ref};
use crate::queues::log::{Event, Log, Message, Options as Judged, Outcome};
use crate::streaming::{At, Streaming};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Forms, Misfit, Named, Processes, at, client, decided, misfit};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "log",
    about: "a log keeps every message at one offset, and polls skip none",
    options: &[
        ("subscribe", "true: consumers subscribe, so that keys move between them"),
        ("undrained", "true: the history does not end by polling everything"),
    ],
    decides: &[decided(
        "each kind of anomaly, from the offsets on record; cycles of transactions (G0, G1c) are not looked for",
    )],
    make,
};

const SHAPE: &str = "a list of [:send k v], [:send k [offset v]], [:poll] or [:poll {k [[offset v] ...]}]";

struct Kafka {
    log: Log,
    /// A message is its key and its value.
    messages: Forms,
    keys: Forms,
    processes: Processes,
    clients: Clients<Vec<Message>>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let log = Log::new(Judged {
        subscribe: context.options.flag("subscribe")?,
        undrained: context.options.flag("undrained")?,
    });
    Ok(Box::new(Kafka {
        log,
        messages: Forms::default(),
        keys: Forms::default(),
        processes: Processes::default(),
        clients: Clients::default(),
    }))
}

impl Workload for Kafka {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        let process = self.processes.id(client);
        match op.f {
            "send" | "poll" | "txn" => self.messages(op, client, process),
            "assign" | "subscribe" if !matches!(op.kind, Kind::Fail | Kind::Invoke) => {
                let items = op.value.items();
                let items = items.ok_or_else(|| misfit(op, "a list of keys", op.value))?;
                let keys: Vec<u32> = items.map(|key| self.keys.id(key)).collect();
                let keys = &keys[..];
                let event = if op.f == "assign" {
                    Event::Assigned { process, keys }
                } else {
                    Event::Subscribed { process, keys }
                };
                self.log.push(at(op), event);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (client, index, asked) in self.clients.rest() {
            let event = Event::Ended {
                process: self.processes.id(client),
                outcome: Outcome::Info,
                sent: &asked,
                polled: None,
                rebalanced: &[],
            };
            self.log.push(At { index, time: 0 }, event);
        }
        self.log.finish_named(&Named {
            ids: &self.messages,
            keys: &self.keys,
        })
    }
}

/// What an operation sent and polled.
#[derive(Default)]
struct Mops {
    sent: Vec<Message>,
    polled: Option<Vec<Message>>,
}

impl Kafka {
    fn messages(&mut self, op: &Op, client: i64, process: u32) -> Result<(), Misfit> {
        let mut mops = Mops::default();
        if !(op.value.is_nil() && op.kind == Kind::Info) {
            self.mops(op.value, &mut mops).map_err(|form| misfit(op, SHAPE, form))?;
        }
        if op.kind == Kind::Invoke {
            let sends: Vec<u32> = mops.sent.iter().map(|message| message.id).collect();
            self.log.push(at(op), Event::Invoked { process, sends: &sends });
            return self.clients.begin(client, op, mops.sent);
        }
        let Some((_, asked)) = self.clients.end(client, op)? else {
            return Ok(());
        };
        let outcome = match op.kind {
            Kind::Ok => Outcome::Ok,
            Kind::Fail => Outcome::Fail,
            Kind::Info | Kind::Invoke => Outcome::Info,
        };
        let sent = match outcome {
            Outcome::Ok => mops.sent,
            Outcome::Info => told(asked, &mops.sent),
            Outcome::Fail => asked,
        };
        let event = Event::Ended {
            process,
            outcome,
            sent: &sent,
            polled: mops.polled.as_deref(),
            rebalanced: &[],
        };
        self.log.push(at(op), event);
        Ok(())
    }

    /// Adds what a list of sends and polls says; the error is the form that says neither.
    fn mops<'a>(&mut self, value: Ref<'a>, mops: &mut Mops) -> Result<(), Ref<'a>> {
        for form in value.items().ok_or(value)? {
            let mut items = form.items().ok_or(form)?;
            match (items.next().and_then(Ref::name), items.len()) {
                (Some("send"), 2) => {
                    let (key, value) = items.next().zip(items.next()).ok_or(form)?;
                    let (offset, value) = offset(value);
                    mops.sent.push(self.message(key, value, offset));
                }
                (Some("poll"), 0) => {}
                (Some("poll"), 1) => {
                    let polled = mops.polled.get_or_insert_default();
                    let entries = items.next().and_then(Ref::entries).ok_or(form)?;
                    for (key, list) in entries {
                        for pair in list.items().ok_or(form)? {
                            let (offset, value) = offset(pair);
                            polled.push(self.message(key, value, offset));
                        }
                    }
                }
                _ => return Err(form),
            }
        }
        Ok(())
    }

    fn message(&mut self, key: Ref, value: Ref, offset: Option<u64>) -> Message {
        let id = self.messages.id_of_pair(key, value);
        Message {
            id,
            key: self.keys.id(key),
            offset,
        }
    }
}

/// What an operation of unknown outcome was asked to send, with the offsets that it was told.
fn told(mut asked: Vec<Message>, told: &[Message]) -> Vec<Message> {
    for message in told.iter().filter(|message| message.offset.is_some()) {
        match asked
            .iter_mut()
            .find(|sent| sent.id == message.id && sent.offset.is_none())
        {
            Some(sent) => sent.offset = message.offset,
            None => asked.push(*message),
        }
    }
    asked
}

/// The offset and the value of `[offset value]`; no offset where it is a value alone, or not known.
fn offset(form: Ref) -> (Option<u64>, Ref) {
    match form.pair() {
        Some((offset, value)) => (offset.int().and_then(|n| u64::try_from(n).ok()), value),
        None => (None, form),
    }
}

//! `key-order`: `send [k v]`, `receive [k v]` and `poll [[k v] ...]`, judged by [`key_order`](crate::queues::key_order).
//!
//! A message is its key and its value. `receive` tells one delivery and `poll` several, in the order in which they
//! came; deliveries of unknown outcome were seen by nobody, and do not count. In which order two deliveries came that
//! overlap, nothing says: such a one cannot be out of order.

use crate::ops::{Kind, Op, Ref};
use crate::queues::key_order::{Event, KeyOrder};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Forms, Misfit, Named, at, client, decided, keyed, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "key-order",
    about: "messages of one key come out in the order in which they went in",
    options: &[],
    decides: &[decided(
        "the first delivery of every message against all of its key that were sent after it was acknowledged; unknown where overlapping deliveries have no order",
    )],
    make,
};

const SHAPE: &str = "a message [k v]";

#[derive(Default)]
struct Messages {
    order: KeyOrder,
    messages: Forms,
    keys: Forms,
    sends: Clients<u32>,
    receives: Clients<()>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Messages::default()))
}

impl Workload for Messages {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("send", Kind::Invoke) => {
                let (key, value) = keyed(op, SHAPE)?;
                let id = self.messages.id_of_pair(key, value);
                let key = self.keys.id(key);
                self.order.push(at(op), Event::Send { id, key });
                self.sends.begin(client, op, id)?;
            }
            ("send", kind) => {
                if let Some((_, id)) = self.sends.end(client, op)?
                    && kind == Kind::Ok
                {
                    self.order.push(at(op), Event::Sent(id));
                }
            }
            ("receive" | "poll", Kind::Invoke) => self.receives.begin(client, op, ())?,
            ("receive" | "poll", kind) => {
                let began = self.receives.close(client).map_or(op.index, |(began, ())| began);
                if kind == Kind::Ok {
                    self.receive(op, began)?;
                }
            }
            _ => return Err(unknown_f(op, "send, receive or poll")),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.order.finish_named(&Named {
            ids: &self.messages,
            keys: &self.keys,
        })
    }
}

impl Messages {
    /// What an operation that began at `began` was handed; it began when it ended where no invocation is on record.
    fn receive(&mut self, op: &Op, began: u64) -> Result<(), Misfit> {
        if op.f == "receive" {
            let (key, value) = keyed(op, SHAPE)?;
            self.deliver(op, began, key, value);
            return Ok(());
        }
        let items = op.value.items();
        for item in items.ok_or_else(|| misfit(op, "a list of messages [k v]", op.value))? {
            let (key, value) = item.pair().ok_or_else(|| misfit(op, SHAPE, item))?;
            self.deliver(op, began, key, value);
        }
        Ok(())
    }

    fn deliver(&mut self, op: &Op, began: u64, key: Ref, value: Ref) {
        let id = self.messages.id_of_pair(key, value);
        self.order.push(at(op), Event::DeliveredSince { id, began });
    }
}

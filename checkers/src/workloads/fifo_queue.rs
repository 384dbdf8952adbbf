//! `fifo-queue`: `enqueue v` and `dequeue`, judged for linearizability ([`fifo`](crate::linear::fifo)). A dequeue that
//! ended ok with nil found nothing.

use crate::linear::fifo::{self, Begun};
use crate::linear::{Budget, FifoHistory};
use crate::ops::{Kind, Op};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Misfit, client, decided, identity_of, index, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "fifo-queue",
    about: "linearizability of a first-in first-out queue",
    options: &[],
    decides: &[decided(
        "linearizability: by four conditions where each value is enqueued once (Henzinger, Sezgin and Vafeiadis 2013), else by a search for the order of dequeues; unknown where its budget ends",
    )],
    make,
};

#[derive(Default)]
struct FifoQueue {
    history: FifoHistory,
    clients: Clients<(Begun, bool)>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(FifoQueue::default()))
}

impl Workload for FifoQueue {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        self.clients.follow(op)?;
        let at = index(op)?;
        if op.kind == Kind::Invoke {
            let begun = match op.f {
                "enqueue" => {
                    let value = self.history.values.id(identity_of(op.value).as_bytes());
                    (self.history.enqueue(value, at), true)
                }
                "dequeue" => (self.history.dequeue(at), false),
                _ => return Err(unknown_f(op, "enqueue or dequeue")),
            };
            return self.clients.begin(client, op, begun);
        }
        let Some((_, (begun, enqueues))) = self.clients.end(client, op)? else {
            return Ok(());
        };
        match op.kind {
            Kind::Ok if enqueues => self.history.ok(begun, at),
            Kind::Ok => {
                let value = (!op.value.is_nil()).then(|| self.history.values.id(identity_of(op.value).as_bytes()));
                self.history.took(begun, value, at);
            }
            Kind::Fail => self.history.fail(begun),
            Kind::Info | Kind::Invoke => {}
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        fifo::check(ENTRY.name, &self.history, Budget::default())
    }
}

//! `total-queue`: `enqueue v`, `dequeue` and `drain`, judged by [`total_queue`](crate::queues::total_queue).
//!
//! A dequeue of nil found nothing. Dequeues and drains that do not end are of unknown outcome.

use crate::ops::{Kind, Op};
use crate::queues::total_queue::{Event, Options as Judged, TotalQueue};
use crate::streaming::{At, Streaming};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Forms, Misfit, Named, at, client, decided, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "total-queue",
    about: "what goes into a queue comes out of it, and nothing else does",
    options: &[
        ("exactly-once", "true: every element comes out once"),
        (
            "info-dequeues-take",
            "true: a dequeue of unknown outcome may have taken an element, and a drain any number",
        ),
    ],
    decides: &[decided(
        "the multisets of what was asked for, acknowledged and taken out are compared; the order is not looked at, nor whether a second delivery took the place of a lost one of the same value",
    )],
    make,
};

struct Queue {
    queue: TotalQueue,
    elements: Forms,
    /// Dequeues and drains that are open.
    takes: Clients<Take>,
}

/// What takes elements out of the queue.
#[derive(Clone, Copy)]
enum Take {
    Dequeue,
    Drain,
}

impl Take {
    /// One of unknown outcome.
    fn unknown(self) -> Event {
        match self {
            Take::Dequeue => Event::DequeueUnknown,
            Take::Drain => Event::DrainUnknown,
        }
    }
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let queue = TotalQueue::new(Judged {
        exactly_once: context.options.flag("exactly-once")?,
        info_dequeues_take: context.options.flag("info-dequeues-take")?,
    });
    Ok(Box::new(Queue {
        queue,
        elements: Forms::default(),
        takes: Clients::default(),
    }))
}

impl Workload for Queue {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        if op.kind != Kind::Invoke && matches!(op.f, "dequeue" | "drain") {
            self.takes.close(client);
        }
        let event = match (op.f, op.kind) {
            ("enqueue", Kind::Invoke) => Event::Enqueue(self.elements.id(op.value)),
            ("enqueue", Kind::Ok) => Event::Enqueued(self.elements.id(op.value)),
            ("enqueue", Kind::Fail) => Event::EnqueueFailed(self.elements.id(op.value)),
            ("dequeue", Kind::Invoke) => return self.takes.begin(client, op, Take::Dequeue),
            ("drain", Kind::Invoke) => return self.takes.begin(client, op, Take::Drain),
            // It found nothing.
            ("dequeue", Kind::Ok) if op.value.is_nil() => return Ok(()),
            ("dequeue", Kind::Ok) => Event::Dequeued(self.elements.id(op.value)),
            ("dequeue", Kind::Info) => Take::Dequeue.unknown(),
            ("drain", Kind::Info) => Take::Drain.unknown(),
            ("drain", Kind::Ok) => {
                let items = op.value.items();
                for item in items.ok_or_else(|| misfit(op, "a list of elements", op.value))? {
                    let event = Event::Dequeued(self.elements.id(item));
                    self.queue.push(at(op), event);
                }
                return Ok(());
            }
            ("enqueue" | "dequeue" | "drain", _) => return Ok(()),
            _ => return Err(unknown_f(op, "enqueue, dequeue or drain")),
        };
        self.queue.push(at(op), event);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (_, index, take) in self.takes.rest() {
            self.queue.push(At { index, time: 0 }, take.unknown());
        }
        self.queue.finish_named(&Named {
            ids: &self.elements,
            keys: &self.elements,
        })
    }
}

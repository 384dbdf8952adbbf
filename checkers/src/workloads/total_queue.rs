//! `total-queue`: `enqueue v`, `dequeue` and `drain`, judged by [`total_queue`](crate::queues::total_queue).

use crate::ops::{Kind, Op};
use crate::queues::total_queue::{Event, Options as Judged, TotalQueue};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, at, client, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "total-queue",
    about: "what goes into a queue comes out of it, and nothing else does",
    options: &[
        ("exactly-once", "true: every element comes out once"),
        (
            "info-dequeues-take",
            "true: a dequeue of unknown outcome may have taken an element",
        ),
    ],
    make,
};

struct Queue {
    queue: TotalQueue,
    elements: Forms,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let queue = TotalQueue::new(Judged {
        exactly_once: context.options.flag("exactly-once")?,
        info_dequeues_take: context.options.flag("info-dequeues-take")?,
    });
    Ok(Box::new(Queue {
        queue,
        elements: Forms::default(),
    }))
}

impl Workload for Queue {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if client(op).is_none() {
            return Ok(());
        }
        let event = match (op.f, op.kind) {
            ("enqueue", Kind::Invoke) => Event::Enqueue(self.elements.id(op.value)),
            ("enqueue", Kind::Ok) => Event::Enqueued(self.elements.id(op.value)),
            ("enqueue", Kind::Fail) => Event::EnqueueFailed(self.elements.id(op.value)),
            ("dequeue", Kind::Ok) => Event::Dequeued(self.elements.id(op.value)),
            ("dequeue" | "drain", Kind::Info) => Event::DequeueUnknown,
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

    fn finish(self: Box<Self>) -> CheckerResult {
        self.queue.finish_named(&Named {
            ids: &self.elements,
            keys: &self.elements,
        })
    }
}

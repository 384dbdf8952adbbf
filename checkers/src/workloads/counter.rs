//! `counter`: `add n` and `read`, judged by [`counter`](crate::stores::counter).

use crate::ops::{Kind, Op};
use crate::stores::counter::{Counter, Event};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Misfit, Processes, at, client, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "counter",
    about: "every read of a counter is a sum that its adds explain",
    options: &[],
    make,
};

#[derive(Default)]
struct Adds {
    counter: Counter,
    processes: Processes,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Adds::default()))
}

impl Workload for Adds {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        let process = self.processes.id(client);
        let int = || op.value.int().ok_or_else(|| misfit(op, "a whole number", op.value));
        let event = match (op.f, op.kind) {
            ("add", Kind::Invoke) => Event::Add {
                process,
                amount: int()?,
            },
            ("add", Kind::Ok) => Event::Added(process),
            ("add", Kind::Fail) => Event::AddFailed(process),
            ("add", Kind::Info) => Event::AddUnknown(process),
            ("read", Kind::Invoke) => Event::ReadInvoked(process),
            ("read", Kind::Ok) => Event::Read { process, value: int()? },
            ("read", _) => return Ok(()),
            _ => return Err(unknown_f(op, "add or read")),
        };
        self.counter.push(at(op), event);
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.counter.finish()
    }
}

//! `counter`: `add n` and `read`, judged by [`counter`](crate::stores::counter).

use crate::ops::{Kind, Op};
use crate::stores::counter::{Counter, Event};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Misfit, Processes, at, client, decided, misfit, misfit_as, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "counter",
    about: "every read of a counter is a sum that its adds explain",
    options: &[],
    decides: &[decided(
        "each read on its own, against what must and what may have been added by then; not whether two of them contradict each other within those bounds",
    )],
    make,
};

#[derive(Default)]
struct Adds {
    counter: Counter,
    processes: Processes,
    /// Whether each process has an add open.
    adding: Vec<bool>,
}

impl Adds {
    /// Takes in whether a process has an add open, and returns whether it had one.
    fn is_adding(&mut self, process: u32, adding: bool) -> bool {
        let at = process as usize;
        if self.adding.len() <= at {
            self.adding.resize(at + 1, false);
        }
        std::mem::replace(&mut self.adding[at], adding)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Adds::default()))
}

impl Workload for Adds {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        let process = self.processes.id(client);
        let added = op.f == "add" && !self.is_adding(process, op.kind == Kind::Invoke) && op.kind == Kind::Ok;
        if added {
            // Reads before it may have seen it.
            let expected = "the end of an operation that was invoked";
            return Err(misfit_as(op, expected, "no invocation of its process"));
        }
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

//! `set-full`: `add v` and `read`, judged by every read ([`set_full`](crate::stores::set_full)).

use crate::ops::{Kind, Op};
use crate::stores::set_full::{Event, Options as Judged, SetFull};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, Processes, at, client, decided, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "set-full",
    about: "what was added to a set becomes visible and stays",
    options: &[
        (
            "linearizable",
            "true: an element that a read misses after it was known is an anomaly",
        ),
        (
            "no-unexpected",
            "true: an element that was read before it was added is an anomaly",
        ),
    ],
    decides: &[decided("each element against every read that began after it was known")],
    make,
};

struct Adds {
    set: SetFull,
    elements: Forms,
    processes: Processes,
    read: Vec<u32>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let set = SetFull::new(Judged {
        linearizable: context.options.flag("linearizable")?,
        no_unexpected: context.options.flag("no-unexpected")?,
    });
    Ok(Box::new(Adds {
        set,
        elements: Forms::default(),
        processes: Processes::default(),
        read: Vec::new(),
    }))
}

impl Workload for Adds {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("add", Kind::Invoke) => self.set.push(at(op), Event::Add(self.elements.id(op.value))),
            ("add", Kind::Ok) => self.set.push(at(op), Event::Added(self.elements.id(op.value))),
            ("read", Kind::Invoke) => {
                let process = self.processes.id(client);
                self.set.push(at(op), Event::ReadInvoked { process });
            }
            ("read", Kind::Ok) => {
                let items = op.value.items();
                let items = items.ok_or_else(|| misfit(op, "a set of elements", op.value))?;
                self.read.clear();
                self.read.extend(items.map(|item| self.elements.id(item)));
                let event = Event::Read {
                    process: self.processes.id(client),
                    elements: &self.read,
                };
                self.set.push(at(op), event);
            }
            ("add" | "read", _) => {}
            _ => return Err(unknown_f(op, "add or read")),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.set.finish_named(&Named {
            ids: &self.elements,
            keys: &self.elements,
        })
    }
}

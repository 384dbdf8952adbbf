//! `set`: `add v` and `read`, judged by its last read ([`set`](crate::stores::set)).

use crate::ops::{Kind, Op};
use crate::stores::set::{Event, Set};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, at, client, decided, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "set",
    about: "what was added to a set is in its final read",
    options: &[],
    decides: &[decided(
        "the last read against what was asked for and acknowledged; reads before it are not looked at",
    )],
    make,
};

#[derive(Default)]
struct Adds {
    set: Set,
    elements: Forms,
    read: Vec<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Adds::default()))
}

impl Workload for Adds {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if client(op).is_none() {
            return Ok(());
        }
        match (op.f, op.kind) {
            ("add", Kind::Invoke) => self.set.push(at(op), Event::Add(self.elements.id(op.value))),
            ("add", Kind::Ok) => self.set.push(at(op), Event::Added(self.elements.id(op.value))),
            ("read", Kind::Ok) => {
                let items = op.value.items();
                let items = items.ok_or_else(|| misfit(op, "a set of elements", op.value))?;
                self.read.clear();
                self.read.extend(items.map(|item| self.elements.id(item)));
                self.set.push(at(op), Event::Read(&self.read));
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

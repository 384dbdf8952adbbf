//! `unique-ids`: `generate`, judged by [`unique_ids`](crate::stores::unique_ids).

use crate::ops::{Kind, Op};
use crate::stores::unique_ids::{Event, UniqueIds};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, at, client, decided, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "unique-ids",
    about: "no id is given out twice",
    options: &[],
    decides: &[decided("every id that was returned against all others")],
    make,
};

#[derive(Default)]
struct Ids {
    checker: UniqueIds,
    ids: Forms,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Ids::default()))
}

impl Workload for Ids {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if client(op).is_none() {
            return Ok(());
        }
        match (op.f, op.kind) {
            ("generate", Kind::Invoke) => self.checker.push(at(op), Event::Generate),
            ("generate", Kind::Ok) => self.checker.push(at(op), Event::Generated(self.ids.id(op.value))),
            ("generate", _) => {}
            _ => return Err(unknown_f(op, "generate")),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.checker.finish_named(&Named {
            ids: &self.ids,
            keys: &self.ids,
        })
    }
}

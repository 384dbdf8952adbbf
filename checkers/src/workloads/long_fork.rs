//! `long-fork`: `write [[:w k v]]` and `read [[:r k v] ...]` of groups of keys, judged by
//! [`long_fork`](crate::stores::long_fork).

use crate::ops::{Kind, Op};
use crate::stores::long_fork::{Event, LongFork, Options as Judged};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, at, client, decided, misfit, mop};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "long-fork",
    about: "no two reads saw two writes in opposite orders",
    options: &[("group-size", "keys per group; 2 by default")],
    decides: &[decided(
        "reads of a whole group against each other; unknown where an operation is not of the workload's shape",
    )],
    make,
};

const SHAPE: &str = "a transaction of [:w k v] or [:r k v]";

struct Groups {
    forks: LongFork,
    keys: Forms,
    values: Forms,
    read: Vec<(u32, Option<u32>)>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let group_size = context.options.value("group-size", "a number of keys")?;
    let forks = LongFork::new(group_size.map_or_else(Judged::default, |group_size| Judged { group_size }));
    Ok(Box::new(Groups {
        forks,
        keys: Forms::default(),
        values: Forms::default(),
        read: Vec::new(),
    }))
}

impl Workload for Groups {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if client(op).is_none() || !matches!(op.kind, Kind::Invoke | Kind::Ok) {
            return Ok(());
        }
        let mops = op.value.items().ok_or_else(|| misfit(op, SHAPE, op.value))?;
        self.read.clear();
        for form in mops {
            let (f, key, value) = mop(form).ok_or_else(|| misfit(op, SHAPE, form))?;
            let key = self.keys.id(key);
            match f {
                "w" if op.kind == Kind::Invoke => self.forks.push(at(op), Event::Write(key)),
                "w" => {}
                "r" => {
                    let value = value.filter(|value| !value.is_nil());
                    self.read.push((key, value.map(|value| self.values.id(value))));
                }
                _ => return Err(misfit(op, SHAPE, form)),
            }
        }
        if op.kind == Kind::Ok && !self.read.is_empty() {
            self.forks.push(at(op), Event::Read(&self.read));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.forks.finish_named(&Named {
            ids: &self.values,
            keys: &self.keys,
        })
    }
}

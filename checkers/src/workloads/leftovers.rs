//! `leftovers`: what appears and disappears, judged by [`leftovers`](crate::process::leftovers).
//!
//! `appear [kind id]` and `vanish [kind id]` tell each change as it is observed, `read [[kind id] ...]` all that is
//! there. `settle`, behind the last of them, tells that the system has come to rest.

use std::collections::BTreeSet;

use crate::ops::{Kind, Op, Ref};
use crate::process::leftovers::{Event, Leftovers};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{
    Clients, Forms, Misfit, Named, at, client, decided, keyed, misfit, observed, overlapping, unknown_f,
};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "leftovers",
    about: "nothing temporary is left when the system has come to rest",
    options: &[],
    decides: &[decided(
        "what appeared and did not vanish, when everything had come to rest; unknown until that is told",
    )],
    make,
};

const SHAPE: &str = "something temporary, [kind id]";

#[derive(Default)]
struct Temporaries {
    checker: Leftovers,
    ids: Forms,
    kinds: Forms,
    there: BTreeSet<u32>,
    /// Of each id, the operation that last told that it came or went.
    changed: Vec<u64>,
    reads: Clients<()>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Temporaries::default()))
}

impl Workload for Temporaries {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("appear" | "vanish", _) => {
                if observed(op)? {
                    let (kind, id) = keyed(op, SHAPE)?;
                    let (id, kind) = self.ids(kind, id);
                    self.change(op, id, (op.f == "appear").then_some(kind));
                }
            }
            ("read", Kind::Invoke) => self.reads.begin(client, op, ())?,
            ("read", kind) => {
                if let Some((invoke, ())) = self.reads.end(client, op)?
                    && kind == Kind::Ok
                {
                    self.read(op, invoke)?;
                }
            }
            ("settle", Kind::Ok) => self.checker.push(at(op), Event::Quiescent),
            ("settle", _) => {}
            _ => return Err(unknown_f(op, "appear, vanish, read or settle")),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.checker.finish_named(&Named {
            ids: &self.ids,
            keys: &self.kinds,
        })
    }
}

impl Temporaries {
    fn ids(&mut self, kind: Ref, id: Ref) -> (u32, u32) {
        let id = self.ids.id_of_pair(kind, id);
        if id as usize >= self.changed.len() {
            self.changed.resize(id as usize + 1, 0);
        }
        (id, self.kinds.id(kind))
    }

    /// Something is there from now on, as a thing of this kind, or no more.
    fn change(&mut self, op: &Op, id: u32, kind: Option<u32>) {
        self.changed[id as usize] = op.index;
        let event = match kind {
            Some(kind) => {
                self.there.insert(id);
                Event::Appeared { id, kind }
            }
            None => {
                self.there.remove(&id);
                Event::Disappeared(id)
            }
        };
        self.checker.push(at(op), event);
    }

    /// Exactly this was there at some moment since `began`.
    fn read(&mut self, op: &Op, began: u64) -> Result<(), Misfit> {
        let items = op.value.items();
        let mut gone = self.there.clone();
        let mut changes = Vec::new();
        for item in items.ok_or_else(|| misfit(op, "a list of what is there, [[kind id] ...]", op.value))? {
            let (kind, id) = item.pair().ok_or_else(|| misfit(op, SHAPE, item))?;
            let (id, kind) = self.ids(kind, id);
            gone.remove(&id);
            if !self.there.contains(&id) {
                changes.push((id, Some(kind)));
            }
        }
        changes.extend(gone.into_iter().map(|id| (id, None)));
        for (id, kind) in changes {
            let changed = self.changed[id as usize];
            if began < changed {
                return Err(overlapping(op, changed));
            }
            self.change(op, id, kind);
        }
        Ok(())
    }
}

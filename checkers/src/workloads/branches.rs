//! `branches`: transactions and which of their branches are in effect, judged by
//! [`branches`](crate::process::branches).
//!
//! `begin [t n]` gives a transaction its branches, 0 to n - 1; `commit t` and `rollback t` are what the client was told
//! about it. `apply [t b]` and `revert [t b]` tell each change of a branch as it is observed, `read [t [b ...]]` (or a
//! map `{t [b ...]}`) all that are in effect. `settle`, behind the last of them, tells that nothing more will change.

use crate::ops::{Kind, Op, Ref};
use crate::process::branches::{BRANCHES_MAX, Branches, Event};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{
    Clients, Forms, Misfit, Named, at, client, decided, keyed, keyed_each, misfit, observed, overlapping, unknown_f,
};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "branches",
    about: "all branches of a transaction take effect, or none",
    options: &[],
    decides: &[decided(
        "the branches of each transaction at the end; unknown until it is told",
    )],
    make,
};

/// What is known of a transaction: the branches in effect, and the operation that last changed them.
#[derive(Clone, Copy, Default)]
struct Known {
    applied: u64,
    changed: u64,
}

#[derive(Default)]
struct Transactions {
    checker: Branches,
    transactions: Forms,
    known: Vec<Known>,
    reads: Clients<()>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Transactions::default()))
}

impl Workload for Transactions {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        let event = match (op.f, op.kind) {
            ("begin", Kind::Invoke | Kind::Ok) => {
                let (id, branches) = keyed(op, "a transaction and how many branches it has, [t n]")?;
                let branches = small(branches).ok_or_else(|| misfit(op, "a number of branches", branches))?;
                let id = self.transactions.id(id);
                Event::Begun { id, branches }
            }
            ("commit", Kind::Ok) => Event::Committed(self.transactions.id(op.value)),
            ("rollback", Kind::Ok) => Event::RolledBack(self.transactions.id(op.value)),
            ("apply" | "revert", _) => {
                if observed(op)? {
                    let (id, branch) = keyed(op, "a transaction and its branch, [t b]")?;
                    let branch = branch_of(op, branch)?;
                    let id = self.transactions.id(id);
                    self.change(op, id, branch, op.f == "apply");
                }
                return Ok(());
            }
            ("read", Kind::Invoke) => return self.reads.begin(client, op, ()),
            ("read", kind) => {
                let Some((invoke, ())) = self.reads.end(client, op)? else {
                    return Ok(());
                };
                if kind != Kind::Ok {
                    return Ok(());
                }
                let shape = "a transaction and its branches in effect, [t [b ...]], or a map of them";
                return keyed_each(op, shape, |id, branches| self.read(op, invoke, id, branches));
            }
            ("settle", Kind::Ok) => Event::Settled,
            ("begin" | "commit" | "rollback" | "settle", _) => return Ok(()),
            _ => return Err(unknown_f(op, "begin, apply, revert, commit, rollback, read or settle")),
        };
        self.checker.push(at(op), event);
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.checker.finish_named(&Named {
            ids: &self.transactions,
            keys: &self.transactions,
        })
    }
}

impl Transactions {
    fn known(&mut self, id: u32) -> &mut Known {
        let id = id as usize;
        if id >= self.known.len() {
            self.known.resize(id + 1, Known::default());
        }
        &mut self.known[id]
    }

    fn change(&mut self, op: &Op, id: u32, branch: u8, applied: bool) {
        let known = self.known(id);
        known.changed = op.index;
        if branch < BRANCHES_MAX {
            known.applied = known.applied & !(1 << branch) | u64::from(applied) << branch;
        }
        let event = if applied {
            Event::Applied { id, branch }
        } else {
            Event::Reverted { id, branch }
        };
        self.checker.push(at(op), event);
    }

    /// Exactly these branches were in effect at some moment since `began`.
    fn read(&mut self, op: &Op, began: u64, id: Ref, branches: Ref) -> Result<(), Misfit> {
        let items = branches.items();
        let items = items.ok_or_else(|| misfit(op, "a list of branches in effect", branches))?;
        let id = self.transactions.id(id);
        let before = *self.known(id);
        let mut shown = 0;
        for item in items {
            let branch = branch_of(op, item)?;
            if branch < BRANCHES_MAX {
                shown |= 1 << branch;
            } else {
                self.change(op, id, branch, true);
            }
        }
        if shown != before.applied && began < before.changed {
            return Err(overlapping(op, before.changed));
        }
        for branch in 0..BRANCHES_MAX {
            if (shown ^ before.applied) >> branch & 1 == 1 {
                self.change(op, id, branch, shown >> branch & 1 == 1);
            }
        }
        Ok(())
    }
}

fn branch_of(op: &Op, form: Ref) -> Result<u8, Misfit> {
    small(form).ok_or_else(|| misfit(op, "a branch, as a number from 0", form))
}

/// A number from 0; what is too large is as large as can be told.
fn small(form: Ref) -> Option<u8> {
    let number = form.int().filter(|number| *number >= 0)?;
    Some(u8::try_from(number).unwrap_or(u8::MAX))
}

//! `list-append`: transactions of `[:append k v]` and `[:r k [v ...]]`, judged by
//! [`list_append`](crate::isolation::list_append).

use crate::isolation::{ListAppend, Options as Judged, Outcome, Txn};
use crate::ops::{Kind, Op, Ref};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Kept, Misfit, client, misfit, mop, scalar};
use super::{Context, Entry, Workload, rw_register};

pub(super) const ENTRY: Entry = Entry {
    name: "list-append",
    about: "isolation of transactions that append to lists and read them",
    options: &[
        (
            "model",
            "the consistency models it should satisfy, joined by +; strict-serializable by default",
        ),
        ("consistency-models", "the same"),
    ],
    make,
};

const SHAPE: &str = "a transaction of [:append k v] and [:r k [v ...]]";

struct ListAppends {
    judged: Judged,
    txns: ListAppend,
    clients: Clients<Kept>,
    /// Kept forms that are free again.
    free: Vec<Kept>,
    scratch: [String; 2],
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(ListAppends {
        judged: rw_register::judged(&context.options)?,
        txns: ListAppend::new(),
        clients: Clients::default(),
        free: Vec::new(),
        scratch: Default::default(),
    }))
}

impl Workload for ListAppends {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        self.clients.follow(op)?;
        if op.kind == Kind::Invoke {
            let mut kept = self.free.pop().unwrap_or_default();
            kept.keep(op.value);
            return self.clients.begin(client, op, kept);
        }
        let Some((invoke, kept)) = self.clients.end(client, op)? else {
            return Ok(());
        };
        let outcome = rw_register::outcome(op.kind);
        let txn = Txn {
            process: client.cast_unsigned(),
            invoke,
            complete: Some(op.index),
            outcome,
        };
        let value = if outcome == Outcome::Ok { op.value } else { kept.form() };
        add(&mut self.txns, txn, value, &mut self.scratch).map_err(|form| misfit(op, SHAPE, form))?;
        self.free.push(kept);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (client, invoke, kept) in self.clients.rest() {
            let txn = Txn {
                process: client.cast_unsigned(),
                invoke,
                complete: None,
                outcome: Outcome::Info,
            };
            // What is wrong with the value of an operation that never ended tells nothing.
            let _ = add(&mut self.txns, txn, kept.form(), &mut self.scratch);
        }
        self.txns.check(&self.judged).into_result()
    }
}

/// Adds a transaction; the error is the form that is none.
fn add<'a>(txns: &mut ListAppend, txn: Txn, value: Ref<'a>, scratch: &mut [String; 2]) -> Result<(), Ref<'a>> {
    let mops = value.items().ok_or(value)?;
    txns.begin(txn);
    let [key_scratch, value_scratch] = scratch;
    for form in mops {
        let (f, key, value) = mop(form).ok_or(form)?;
        let key = scalar(key, key_scratch);
        match (f, value) {
            ("append", Some(value)) => txns.append(key, scalar(value, value_scratch)),
            ("r", value) if txn.outcome != Outcome::Ok => {
                let _ = value;
                txns.read_unknown(key);
            }
            ("r", None) => txns.read(key, std::iter::empty::<i64>()),
            ("r", Some(value)) => read(txns, key, value, value_scratch).ok_or(form)?,
            _ => return Err(form),
        }
    }
    Ok(())
}

/// A read of a list; nil is the empty one.
fn read(txns: &mut ListAppend, key: crate::isolation::Scalar, value: Ref, scratch: &mut String) -> Option<()> {
    if value.is_nil() {
        txns.read(key, std::iter::empty::<i64>());
        return Some(());
    }
    let items = value.items()?;
    let mut each = items;
    if each.all(|item| item.int().is_some()) {
        txns.read(key, items.filter_map(Ref::int));
        return Some(());
    }
    let mut texts: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        texts.push(match scalar(item, scratch) {
            crate::isolation::Scalar::Str(text) => text.to_owned(),
            crate::isolation::Scalar::Int(_) => String::new(),
        });
    }
    txns.read(
        key,
        items.zip(&texts).map(|(item, text)| match item.int() {
            Some(int) => crate::isolation::Scalar::Int(int),
            None => crate::isolation::Scalar::Str(text),
        }),
    );
    Some(())
}

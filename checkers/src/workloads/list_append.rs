//! `list-append`: transactions of `[:append k v]` and `[:r k [v ...]]`, judged by
//! [`list_append`](crate::isolation::list_append).

use crate::isolation::{LISTS_DECIDE, ListAppend, Options as Judged, Outcome, Txn};
use crate::ops::{Op, Ref};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Misfit, mop, scalar};
use super::txns::{self, Begun};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "list-append",
    about: "isolation of transactions that append to lists and read them",
    options: &[txns::MODEL, txns::CONSISTENCY_MODELS],
    decides: &LISTS_DECIDE,
    make,
};

const SHAPE: &str = "a transaction of [:append k v] and [:r k [v ...]]";

struct ListAppends {
    judged: Judged,
    txns: ListAppend,
    begun: Begun,
    scratch: [String; 2],
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(ListAppends {
        judged: txns::judged(&context.options)?,
        txns: ListAppend::new(),
        begun: Begun::default(),
        scratch: Default::default(),
    }))
}

impl Workload for ListAppends {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let (txns, scratch) = (&mut self.txns, &mut self.scratch);
        self.begun.push(op, SHAPE, |txn, value| add(txns, txn, value, scratch))
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        let (txns, scratch) = (&mut self.txns, &mut self.scratch);
        self.begun.rest(|txn, value| add(txns, txn, value, scratch));
        self.judged.order = self.begun.order();
        self.txns.late(self.begun.late());
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

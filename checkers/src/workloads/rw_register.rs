//! `rw-register`: transactions of `[:w k v]` and `[:r k v]`, judged by [`rw_register`](crate::isolation::rw_register).

use crate::isolation::{Options as Judged, Outcome, REGISTERS_DECIDE, RwRegister, Txn, rw_register::Assumptions};
use crate::ops::{Op, Ref, Tape};
use crate::verdict::CheckerResult;

use super::options::{OptionError, wrong};
use super::support::{Misfit, form_of_option, mop, scalar};
use super::txns::{self, Begun};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "rw-register",
    about: "isolation of transactions that read and write registers",
    options: &[
        txns::MODEL,
        txns::CONSISTENCY_MODELS,
        ("wfr-keys", "true: writes of a transaction follow its reads"),
        ("sequential-keys", "true: each key is sequentially consistent"),
        ("linearizable-keys", "true: each key is linearizable"),
        (
            "closed",
            "true: nobody else writes; so it is in formats that tell the initial versions",
        ),
        (
            "initial",
            "what every key held before the first transaction, as EDN or JSON; inferred by default",
        ),
    ],
    decides: &REGISTERS_DECIDE,
    make,
};

const SHAPE: &str = "a transaction of [:w k v] and [:r k v]";

struct RwRegisters {
    judged: Judged,
    assumptions: Assumptions,
    txns: RwRegister,
    begun: Begun,
    scratch: [String; 2],
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let options = &context.options;
    let mut txns = RwRegister::new();
    if let Some(text) = options.get("initial") {
        initially(&mut txns, text)?;
    }
    Ok(Box::new(RwRegisters {
        judged: txns::judged(options)?,
        assumptions: Assumptions {
            wfr_keys: options.flag("wfr-keys")?,
            sequential_keys: options.flag("sequential-keys")?,
            linearizable_keys: options.flag("linearizable-keys")?,
            closed: options.flag("closed")? || context.format.is_whole(),
        },
        txns,
        begun: Begun::default(),
        scratch: Default::default(),
    }))
}

/// Takes in what every key held at first.
fn initially(txns: &mut RwRegister, text: &str) -> Result<(), OptionError> {
    let wrong = || wrong("initial", text, "a number, a text, true, false or nil");
    let (mut tape, mut scratch) = (Tape::default(), String::new());
    let form = form_of_option(text, &mut tape).ok_or_else(wrong)?;
    match form.is_nil() || text == "null" {
        true => txns.initially::<i64>(None),
        false => txns.initially(Some(scalar(form, &mut scratch))),
    }
    Ok(())
}

impl Workload for RwRegisters {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let (txns, scratch) = (&mut self.txns, &mut self.scratch);
        self.begun.push(op, SHAPE, |txn, value| add(txns, txn, value, scratch))
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        let (txns, scratch) = (&mut self.txns, &mut self.scratch);
        self.begun.rest(|txn, value| add(txns, txn, value, scratch));
        self.judged.order = self.begun.order();
        self.txns.late(self.begun.late());
        self.txns.check(&self.judged, &self.assumptions).into_result()
    }
}

/// Adds a transaction; the error is the form that is none.
fn add<'a>(txns: &mut RwRegister, txn: Txn, value: Ref<'a>, scratch: &mut [String; 2]) -> Result<(), Ref<'a>> {
    let mops = value.items().ok_or(value)?;
    txns.begin(txn);
    let [key_scratch, value_scratch] = scratch;
    for form in mops {
        let (f, key, value) = mop(form).ok_or(form)?;
        let key = scalar(key, key_scratch);
        let value = value.filter(|value| !value.is_nil());
        match f {
            "w" => txns.write(key, value.map(|value| scalar(value, value_scratch))),
            "r" if txn.outcome != Outcome::Ok => txns.read_unknown(key),
            "r" => txns.read(key, value.map(|value| scalar(value, value_scratch))),
            _ => return Err(form),
        }
    }
    Ok(())
}

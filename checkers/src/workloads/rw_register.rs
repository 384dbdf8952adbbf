//! `rw-register`: transactions of `[:w k v]` and `[:r k v]`, judged by [`rw_register`](crate::isolation::rw_register).

use crate::formats::UnknownName;
use crate::isolation::{Model, Options as Judged, Outcome, RwRegister, Txn, rw_register::Assumptions};
use crate::ops::{Kind, Op, Ref};
use crate::verdict::CheckerResult;

use super::options::{OptionError, Options};
use super::support::{Clients, Kept, Misfit, client, misfit, mop, scalar};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "rw-register",
    about: "isolation of transactions that read and write registers",
    options: &[
        (
            "model",
            "the consistency models it should satisfy, joined by +; strict-serializable by default",
        ),
        ("consistency-models", "the same"),
        ("wfr-keys", "true: writes of a transaction follow its reads"),
        ("sequential-keys", "true: each key is sequentially consistent"),
        ("linearizable-keys", "true: each key is linearizable"),
        ("closed", "true: nobody else writes"),
    ],
    make,
};

const SHAPE: &str = "a transaction of [:w k v] and [:r k v]";

struct RwRegisters {
    judged: Judged,
    assumptions: Assumptions,
    txns: RwRegister,
    clients: Clients<Kept>,
    /// Kept forms that are free again.
    free: Vec<Kept>,
    scratch: [String; 2],
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let options = &context.options;
    Ok(Box::new(RwRegisters {
        judged: judged(options)?,
        assumptions: Assumptions {
            wfr_keys: options.flag("wfr-keys")?,
            sequential_keys: options.flag("sequential-keys")?,
            linearizable_keys: options.flag("linearizable-keys")?,
            closed: options.flag("closed")?,
        },
        txns: RwRegister::new(),
        clients: Clients::default(),
        free: Vec::new(),
        scratch: Default::default(),
    }))
}

/// The models asked for.
pub(super) fn judged(options: &Options) -> Result<Judged, OptionError> {
    let Some(names) = options.get("model").or_else(|| options.get("consistency-models")) else {
        return Ok(Judged::default());
    };
    let model = |name: &str| {
        let known = Model::all().map(Model::name);
        name.trim()
            .parse::<Model>()
            .map_err(|_| UnknownName::new("model", name.trim(), known))
    };
    let models = names
        .split('+')
        .map(model)
        .collect::<Result<Vec<Model>, UnknownName>>()?;
    Ok(Judged {
        models,
        ..Judged::default()
    })
}

pub(super) fn outcome(kind: Kind) -> Outcome {
    match kind {
        Kind::Ok => Outcome::Ok,
        Kind::Fail => Outcome::Fail,
        Kind::Info | Kind::Invoke => Outcome::Info,
    }
}

impl Workload for RwRegisters {
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
        let outcome = outcome(op.kind);
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

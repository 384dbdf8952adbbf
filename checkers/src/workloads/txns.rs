//! Transactions from their invocation to their end, as list-append and rw-register take them in.
//!
//! What a transaction asked for is kept until it ends: only one that ended ok says itself what it did.

use crate::isolation::{Model, Options as Judged, Outcome, Txn};
use crate::names::UnknownName;
use crate::ops::{Kind, Op, Ref};

use super::options::{OptionError, Options};
use super::support::{Clients, Kept, Misfit, client, misfit};

/// The options that name models.
pub(super) const MODEL: (&str, &str) = (
    "model",
    "the consistency models it should satisfy, joined by +; strict-serializable by default",
);
/// The same under Elle's name.
pub(super) const CONSISTENCY_MODELS: (&str, &str) = ("consistency-models", "the same");

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

/// Transactions that have begun.
#[derive(Debug, Default)]
pub(super) struct Begun {
    clients: Clients<Kept>,
    /// Kept forms that are free again.
    free: Vec<Kept>,
}

impl Begun {
    /// Takes in an operation, and hands the transaction that it ends to `add`, whose error is the form that is none.
    pub(super) fn push(
        &mut self,
        op: &Op,
        shape: &str,
        add: impl for<'a> FnOnce(Txn, Ref<'a>) -> Result<(), Ref<'a>>,
    ) -> Result<(), Misfit> {
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
        let outcome = match op.kind {
            Kind::Ok => Outcome::Ok,
            Kind::Fail => Outcome::Fail,
            Kind::Info | Kind::Invoke => Outcome::Info,
        };
        let txn = Txn {
            process: client.cast_unsigned(),
            invoke,
            complete: Some(op.index),
            outcome,
        };
        let value = if outcome == Outcome::Ok { op.value } else { kept.form() };
        add(txn, value).map_err(|form| misfit(op, shape, form))?;
        self.free.push(kept);
        Ok(())
    }

    /// Hands the transactions that never ended to `add`. What is wrong with the value of one tells nothing.
    pub(super) fn rest(&mut self, mut add: impl for<'a> FnMut(Txn, Ref<'a>) -> Result<(), Ref<'a>>) {
        for (client, invoke, kept) in self.clients.rest() {
            let txn = Txn {
                process: client.cast_unsigned(),
                invoke,
                complete: None,
                outcome: Outcome::Info,
            };
            let _ = add(txn, kept.form());
        }
    }
}

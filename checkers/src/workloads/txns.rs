//! Transactions from their invocation to their end, as list-append and rw-register take them in.
//!
//! What a transaction asked for is kept until it ends: only one that ended ok says itself what it did.
//!
//! A history of completions only, as Elle takes it: each is a transaction. They tell the order of each process, and not
//! what ran at once.

use std::collections::BTreeMap;

use crate::isolation::{Model, Options as Judged, Order, Outcome, Txn};
use crate::names::UnknownName;
use crate::ops::{Kind, Op, Process, Ref};

use super::options::{OptionError, Options};
use super::support::{Clients, Kept, Misfit, client, misfit, misfit_as};

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
    /// Whether anything was invoked.
    invoked: bool,
    /// The first completion of a history of completions only.
    completed: Option<u64>,
    /// Whether one of them names no process.
    nobody: bool,
    /// The latest time so far.
    latest: u64,
    /// Operations behind one of a later time: index and time.
    early: Vec<(u64, u64)>,
    /// Index and time of the completions.
    ends: Vec<(u64, u64)>,
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
        self.time(op);
        if op.kind == Kind::Invoke {
            if let Some(completed) = self.completed {
                let found = format!("an invocation, but none of operation {completed}");
                return Err(misfit_as(op, "completions only, or invocations of all", &found));
            }
            self.invoked = true;
            let mut kept = self.free.pop().unwrap_or_default();
            kept.keep(op.value);
            return self.clients.begin(client, op, kept);
        }
        let outcome = match op.kind {
            Kind::Ok => Outcome::Ok,
            Kind::Fail => Outcome::Fail,
            Kind::Info | Kind::Invoke => Outcome::Info,
        };
        if !self.invoked && op.kind != Kind::Info {
            self.completed.get_or_insert(op.index);
        }
        let begun = match self.completed {
            Some(_) => None,
            None => self.clients.end(client, op)?,
        };
        let Some((invoke, kept)) = begun else {
            return self.alone(client, outcome, op, shape, add);
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

    /// A completion whose invocation is not on record. One that did not commit need not say what it asked for; and an info
    /// among invocations need not be of a transaction.
    fn alone(
        &mut self,
        client: i64,
        outcome: Outcome,
        op: &Op,
        shape: &str,
        add: impl for<'a> FnOnce(Txn, Ref<'a>) -> Result<(), Ref<'a>>,
    ) -> Result<(), Misfit> {
        let only = self.completed.is_some();
        self.nobody |= only && op.process == Process::Nobody;
        if outcome != Outcome::Ok && op.value.is_nil() {
            return Ok(());
        }
        let txn = Txn {
            process: client.cast_unsigned(),
            invoke: if only { op.index } else { 0 },
            complete: Some(op.index),
            outcome,
        };
        match add(txn, op.value) {
            Err(form) if only => Err(misfit(op, shape, form)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What the indices tell of the order of the transactions.
    pub(super) fn order(&self) -> Order {
        match self.completed {
            None => Order::Realtime,
            Some(_) if self.nobody => Order::Data,
            Some(_) => Order::Process,
        }
    }

    fn time(&mut self, op: &Op) {
        let Some(time) = op.time else { return };
        if time < self.latest {
            self.early.push((op.index, time));
        }
        self.latest = self.latest.max(time);
        if op.kind == Kind::Ok {
            self.ends.push((op.index, time));
        }
    }

    /// The completions behind which stands an operation of an earlier time, and the last such operation: what stands in
    /// between is before them by its time and behind them by its place, so neither says which came first.
    pub(super) fn late(&self) -> BTreeMap<u64, u64> {
        // Of what stands behind each of them the earliest time.
        let mut earliest: Vec<(u64, u64)> = self.early.clone();
        for at in (1..earliest.len()).rev() {
            earliest[at - 1].1 = earliest[at - 1].1.min(earliest[at].1);
        }
        let last = |(index, time): &(u64, u64)| {
            let behind = earliest.partition_point(|(at, _)| at <= index);
            let before = earliest[behind..].partition_point(|(_, earliest)| earliest < time);
            let (at, _) = earliest[behind..behind + before].last()?;
            Some((*index, *at))
        };
        let ends = self.ends.iter().filter(|_| !self.early.is_empty());
        ends.filter_map(last).collect()
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

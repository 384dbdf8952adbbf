//! Linearizability of any object: split by key, search each part, on all cores.
//!
//! Decides: histories of an object given by a [`Model`], info operations included. Exponential in the number of
//! operations that overlap, at worst: then it says unknown, when the [`Budget`] of a part is used up. Cannot see:
//! effects that no operation of the history observed.

use std::collections::HashMap;

use crate::verdict::CheckerResult;

use super::budget::Budget;
use super::model::Model;
use super::operation::Operation;
use super::parallel;
use super::report::{self, Told, Totals, Trouble};
use super::solve::{Outcome, solve};

/// Judges a history of `model`.
pub fn check<M: Model>(model: &M, history: &[Operation<M::Input, M::Output>], budget: Budget<'_>) -> CheckerResult
where
    Operation<M::Input, M::Output>: Sync,
{
    let mut parts: Vec<(Option<M::Key>, Vec<&Operation<M::Input, M::Output>>)> = Vec::new();
    let mut by_key: HashMap<Option<M::Key>, usize> = HashMap::new();
    for op in history {
        let key = model.key(&op.input);
        let at = *by_key.entry(key.clone()).or_insert_with(|| {
            parts.push((key, Vec::new()));
            parts.len() - 1
        });
        parts[at].1.push(op);
    }
    drop(by_key);
    let parts: Vec<(String, Vec<&Operation<M::Input, M::Output>>)> = parts
        .into_iter()
        .map(|(key, ops)| (key.map(|key| model.describe_key(&key)).unwrap_or_default(), ops))
        .collect();
    let troubles = parallel::each(parts.len(), |(): &mut (), part| trouble(model, &parts[part].1, budget));
    let ok = history.iter().filter(|op| op.ret.is_some()).count() as u64;
    let totals = Totals {
        ops: history.len() as u64,
        ok,
        info: history.len() as u64 - ok,
        parts: parts.len() as u64,
        searched: parts.len() as u64,
    };
    let named = troubles
        .into_iter()
        .map(|(part, trouble)| (parts[part].0.clone(), trouble));
    report::result(model.name(), totals, named.collect())
}

/// What keeps the operations of one part from being known to have an order.
pub(crate) fn trouble<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    budget: Budget<'_>,
) -> Option<Trouble> {
    match solve(model, ops, budget) {
        Outcome::Linearizable(_) => None,
        Outcome::Impossible(why) => Some(Trouble::Impossible(report::told(model, ops, &why))),
        Outcome::Unknown(why) => Some(Trouble::Unknown(why)),
    }
}

/// A part without an order, told in one sentence.
pub(crate) fn impossible(sentence: String, mut witness: Vec<u64>) -> Option<Trouble> {
    witness.sort_unstable();
    witness.dedup();
    Some(Trouble::Impossible(Told { sentence, witness }))
}

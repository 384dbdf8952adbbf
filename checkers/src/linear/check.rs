//! Linearizability of any object: split by key, search each part, on all cores.
//!
//! Decides: histories of an object given by a [`Model`], info operations included. Exponential in the number of
//! operations that overlap, at worst: then it says unknown, when the [`Budget`] of a part is used up. Cannot see:
//! effects that no operation of the history observed.

use std::collections::HashMap;

use crate::parallel;
use crate::verdict::CheckerResult;

use super::budget::Budget;
use super::model::Model;
use super::operation::Operation;
use super::report::{self, TOLD_MAX, Told, Totals, Trouble};
use super::solve::{Detail, Outcome, solve_in};

/// Operations of one part.
type Part<'a, M> = Vec<&'a Operation<<M as Model>::Input, <M as Model>::Output>>;

/// Judges a history of `model`.
pub fn check<M: Model>(model: &M, history: &[Operation<M::Input, M::Output>], budget: Budget<'_>) -> CheckerResult {
    let (names, parts) = split(model, history);
    let troubles = troubles(parts.len(), |(): &mut (), part, detail| {
        trouble(model, &parts[part], budget, detail)
    });
    let ok = history.iter().filter(|op| op.ret.is_some()).count() as u64;
    let observes = |op: &&Operation<_, _>| op.ret.is_some() && model.observes(&op.input, op.output.as_ref());
    let observed = history.iter().filter(observes).count() as u64;
    let totals = Totals {
        ops: history.len() as u64,
        ok,
        info: history.len() as u64 - ok,
        parts: parts.len() as u64,
        searched: parts.len() as u64,
        observed,
    };
    let named = troubles
        .into_iter()
        .map(|(part, trouble)| (names[part].clone(), trouble));
    report::result(model.name(), totals, named.collect())
}

/// The operations by key, and what the keys are called.
fn split<'a, M: Model>(model: &M, history: &'a [Operation<M::Input, M::Output>]) -> (Vec<String>, Vec<Part<'a, M>>) {
    let (mut names, mut parts) = (Vec::new(), Vec::<Part<'a, M>>::new());
    let mut by_key: HashMap<Option<M::Key>, usize> = HashMap::new();
    for op in history {
        let key = model.key(&op.input);
        let part = *by_key.entry(key).or_insert_with_key(|key| {
            names.push(key.as_ref().map(|key| model.describe_key(key)).unwrap_or_default());
            parts.push(Vec::new());
            parts.len() - 1
        });
        parts[part].push(op);
    }
    (names, parts)
}

/// How much is to be said of each part at first: of many, only whether there is an order.
pub(crate) fn first_detail(parts: usize) -> Detail {
    if parts <= TOLD_MAX { Detail::Full } else { Detail::Brief }
}

/// What is wrong with which part. Of the parts without an order, the first few are told in full.
pub(crate) fn troubles<S: Default>(
    parts: usize,
    decide: impl Fn(&mut S, usize, Detail) -> Option<Trouble> + Sync,
) -> Vec<(usize, Trouble)> {
    let first = first_detail(parts);
    let mut troubles = parallel::each(parts, |scratch: &mut S, part| decide(scratch, part, first));
    if first == Detail::Full {
        return troubles;
    }
    let mut scratch = S::default();
    let impossible = troubles
        .iter_mut()
        .filter(|(_, trouble)| matches!(trouble, Trouble::Impossible(_)));
    for (part, trouble) in impossible.take(TOLD_MAX) {
        // Stopped on the second visit, it stays as it was: impossible, told in brief.
        if let Some(told @ Trouble::Impossible(_)) = decide(&mut scratch, *part, Detail::Full) {
            *trouble = told;
        }
    }
    troubles
}

/// What keeps the operations of one part from being known to have an order.
pub(crate) fn trouble<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    budget: Budget<'_>,
    detail: Detail,
) -> Option<Trouble> {
    trouble_of(model, ops, solve_in(model, ops, budget, detail))
}

/// What an outcome says of one part.
pub(crate) fn trouble_of<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    outcome: Outcome,
) -> Option<Trouble> {
    match outcome {
        Outcome::Linearizable(_) => None,
        Outcome::Impossible(why) => Some(Trouble::Impossible(report::told(model, ops, &why))),
        Outcome::Unknown(why) => Some(Trouble::Unknown(why)),
    }
}

/// A part without an order, told in one sentence.
pub(crate) fn impossible((sentence, mut witness): (String, Vec<u64>)) -> Trouble {
    witness.sort_unstable();
    witness.dedup();
    Trouble::Impossible(Told { sentence, witness })
}

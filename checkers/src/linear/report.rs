//! From what was decided about each part to one result: counts, sentences, witnesses.

use crate::findings::Findings;
use crate::verdict::CheckerResult;
use crate::words::plural;

use super::model::Model;
use super::operation::Operation;
use super::solve::Impossible;

/// Name of the anomaly.
pub const NONLINEARIZABLE: &str = "nonlinearizable";

/// How many parts without an order are told in full; the others are counted.
pub(crate) const TOLD_MAX: usize = 16;

/// How many operations of a window a witness names, the last ones.
const WITNESS_OPS_MAX: usize = 64;

/// How many operations a sentence names.
const NAMED_MAX: usize = 4;

/// A part that has no order, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) sentence: String,
    pub(crate) witness: Vec<u64>,
}

/// What came out for one part, beyond "there is an order".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Impossible(Told),
    Unknown(String),
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) ops: u64,
    pub(crate) ok: u64,
    pub(crate) info: u64,
    pub(crate) parts: u64,
    pub(crate) searched: u64,
    /// Operations whose result says something about what the object held.
    pub(crate) observed: u64,
}

/// The result for all parts; `troubles` in the order of parts, each with the part's name.
pub(crate) fn result(name: &str, totals: Totals, troubles: Vec<(String, Trouble)>) -> CheckerResult {
    let mut findings = Findings::default();
    findings.count("operations", totals.ops);
    findings.count("ok", totals.ok);
    findings.count("info", totals.info);
    findings.count("keys", totals.parts);
    findings.count("keys-searched", totals.searched);
    let (mut impossible, mut unknown) = (0, 0);
    for (part, trouble) in troubles {
        let of = if part.is_empty() {
            String::new()
        } else {
            format!("key {part}: ")
        };
        match trouble {
            Trouble::Impossible(told) => {
                impossible += 1;
                if impossible <= TOLD_MAX as u64 {
                    findings.anomaly(NONLINEARIZABLE, &part, format!("{of}{}", told.sentence), told.witness);
                }
            }
            Trouble::Unknown(why) => {
                unknown += 1;
                findings.doubt(format!("{of}{why}"));
            }
        }
    }
    findings.count("undecided", unknown);
    if totals.ok == 0 {
        findings.doubt("no operation is known to have happened");
    } else if totals.observed == 0 && impossible + unknown == 0 {
        findings.doubt("no operation returned what the object held: nothing could contradict the others");
    }
    let mut result = findings.result(name);
    result.counts.insert(NONLINEARIZABLE.to_owned(), impossible);
    result
}

/// Tells what a search found.
pub(crate) fn told<M: Model>(model: &M, ops: &[&Operation<M::Input, M::Output>], why: &Impossible) -> Told {
    let culprit = ops[why.culprit];
    let words = |op: &Operation<M::Input, M::Output>| {
        let words = model.describe(&op.input, op.output.as_ref());
        format!("\"{words}\" ({})", span(op))
    };
    let others: Vec<&Operation<_, _>> = why
        .members
        .iter()
        .filter(|at| **at != why.culprit)
        .map(|at| ops[*at])
        .collect();
    let last = &others[others.len().saturating_sub(NAMED_MAX)..];
    let mut beside: Vec<String> = last.iter().map(|op| words(op)).collect();
    if others.len() > last.len() {
        beside.insert(0, format!("{} more", others.len() - last.len()));
    }
    let beside = if beside.is_empty() {
        String::new()
    } else {
        format!(" beside {}", beside.join(", "))
    };
    let held = match &why.states[..] {
        [] => String::new(),
        states => format!(": by then the object could only be {}", states.join(" or ")),
    };
    let upto = match why.relaxed {
        false => "Up to there an order exists",
        true => "That is so even if operations of unknown outcome happened any number of times",
    };
    let sentence = format!(
        "{} has no place{beside}{held}. {upto}; from {} to {} none does, {} tried",
        words(culprit),
        why.window.0,
        why.window.1,
        plural(why.tried as usize, "configuration"),
    );
    let from = others.len().saturating_sub(WITNESS_OPS_MAX);
    let shown = others[from..].iter().chain([&culprit]);
    let done = |op: &Operation<_, _>| op.done_index.filter(|_| op.ret.is_some_and(|ret| ret <= why.window.1));
    let witness = shown.flat_map(|op| [Some(op.index), done(op)]).flatten().collect();
    Told { sentence, witness }
}

/// `12 to 40`, `12 to ?`.
fn span<I, O>(op: &Operation<I, O>) -> String {
    match op.done_index {
        Some(done) => format!("{} to {done}", op.index),
        None => format!("{} to ?", op.index),
    }
}

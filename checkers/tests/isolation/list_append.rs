//! Lists: verdicts against the exhaustive references.

use std::collections::BTreeMap;

use paytwice_checkers::isolation::{Kind, ListAppend, Model, Options, Outcome, Report};
use paytwice_checkers::verdict::Verdict;
use proptest::prop_assert;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::executions::{Axioms, Given, WEAK, executes};
use crate::histories::{Mop, Op, cases, observes, plans, run};
use crate::reference::{Level, MODELS, Tally, satisfies};

pub(crate) fn check(ops: &[Op]) -> Report {
    check_for(ops, &Options::default())
}

/// Asked for all models at once.
pub(crate) fn check_all(ops: &[Op]) -> Report {
    check_for(ops, &all_models())
}

pub(crate) fn all_models() -> Options {
    Options {
        models: Model::all().collect(),
        ..Options::default()
    }
}

fn check_for(ops: &[Op], options: &Options) -> Report {
    let mut history = ListAppend::new();
    for op in ops {
        history.begin(op.txn);
        for mop in &op.mops {
            match mop {
                Mop::Write(key, value) => history.append(*key, *value),
                Mop::Read(key, Some(found)) => history.read(*key, found.iter().copied()),
                Mop::Read(key, None) => history.read_unknown(*key),
            }
        }
    }
    history.check(options)
}

/// Whether two transactions appended to one key what no committed read shows: then nothing tells their order.
fn hides_an_order(ops: &[Op]) -> bool {
    let ok = ops.iter().filter(|op| op.txn.outcome == Outcome::Ok);
    let reads: Vec<(i64, i64)> = ok.flat_map(|op| &op.mops).flat_map(shown).collect();
    let mut hidden: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (nth, op) in ops.iter().enumerate().filter(|(_, op)| op.txn.outcome != Outcome::Fail) {
        for mop in &op.mops {
            if let Mop::Write(key, value) = mop
                && !reads.contains(&(*key, *value))
            {
                hidden.entry(*key).or_default().push(nth);
            }
        }
    }
    hidden.values().any(|nths| nths.iter().any(|nth| *nth != nths[0]))
}

fn shown(mop: &Mop) -> Vec<(i64, i64)> {
    match mop {
        Mop::Read(key, Some(found)) => found.iter().map(|value| (*key, *value)).collect(),
        _ => Vec::new(),
    }
}

/// Equal to the reference at every level. Unknown is right only where the module says that the order is hidden, or that
/// the model does not say what a list shows.
#[test]
fn verdicts_are_those_of_an_exhaustive_search() {
    let tally = Tally::default();
    let initial = BTreeMap::new();
    let outcome = TestRunner::new(cases(1000)).run(&plans(6), |plans| {
        let ops = run(&plans, false);
        let report = check_all(&ops);
        let given = |whole| Given {
            ops: &ops,
            register: false,
            whole,
            initial: &initial,
        };
        for (model, level, order) in MODELS.into_iter().filter(|_| observes(&ops)) {
            let satisfied = |whole| satisfies(given(whole), level, order);
            let one_sided = match level {
                Level::ReadUncommitted => report.kinds().contains_key(&Kind::IncompatibleOrder),
                Level::SnapshotIsolation => hides_an_order(&ops),
                Level::MonotonicAtomicView => report.kinds().contains_key(&Kind::Internal),
                Level::ReadCommitted | Level::Serializable => false,
            };
            let last = satisfied(false);
            let expected = [
                last,
                if level == Level::MonotonicAtomicView {
                    satisfied(true)
                } else {
                    last
                },
            ];
            compare(model, expected, one_sided, &report, &ops, &tally)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    tally.conclude();
}

/// The same for the models that say what is visible.
#[test]
fn verdicts_on_visibility_are_those_of_all_abstract_executions() {
    let tally = Tally::default();
    let initial = BTreeMap::new();
    let outcome = TestRunner::new(cases(300)).run(&plans(5), |plans| {
        let ops = run(&plans, false);
        let report = check_all(&ops);
        for (model, axioms, sessions) in WEAK.into_iter().filter(|_| observes(&ops)) {
            let executed = |whole| {
                let given = Given {
                    ops: &ops,
                    register: false,
                    whole,
                    initial: &initial,
                };
                executes(given, axioms, sessions)
            };
            let one_sided = matches!(axioms, Axioms::UpdateAtomic | Axioms::ParallelSnapshot) && hides_an_order(&ops);
            compare(
                model,
                [executed(false), executed(true)],
                one_sided,
                &report,
                &ops,
                &tally,
            )?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    tally.conclude();
}

/// Whether a verdict is what two references allow: lists that show their last append alone, and all of them. Where these
/// differ, and where the verdict may be one-sided, it is neither valid nor invalid for nothing.
fn compare(
    model: Model,
    [last, whole]: [bool; 2],
    one_sided: bool,
    report: &Report,
    ops: &[Op],
    tally: &Tally,
) -> Result<(), TestCaseError> {
    let verdict = report.verdict(model);
    let right = verdict
        == match (last, whole) {
            (true, true) => Verdict::Valid,
            (false, _) => Verdict::Invalid,
            (true, false) => Verdict::Unknown,
        };
    tally.add(model, last, right);
    prop_assert!(
        right || one_sided && verdict == Verdict::Unknown,
        "{model}: {verdict:?}, expected {last}, {whole}\n{report:#?}\n{ops:#?}"
    );
    Ok(())
}

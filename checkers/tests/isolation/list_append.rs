//! Lists: verdicts against the exhaustive references.

use std::collections::BTreeMap;

use paytwice_checkers::isolation::{Kind, ListAppend, Options, Outcome, Report};
use paytwice_checkers::verdict::Verdict;
use proptest::prop_assert;
use proptest::test_runner::TestRunner;

use crate::histories::{Mop, Op, cases, observes, plans, run};
use crate::reference::{Level, MODELS, Tally, satisfies};

pub(crate) fn check(ops: &[Op]) -> Report {
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
    history.check(&Options::default())
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

/// Equal to the reference at every level, but where the module says that the order is hidden.
#[test]
fn verdicts_are_those_of_an_exhaustive_search() {
    let tally = Tally::default();
    let outcome = TestRunner::new(cases(1500)).run(&plans(6), |plans| {
        let ops = run(&plans, false);
        let report = check(&ops);
        for (model, level, order) in MODELS.into_iter().filter(|_| observes(&ops)) {
            let expected = satisfies(&ops, false, level, order);
            let verdict = report.verdict(model);
            let one_sided = match level {
                Level::ReadUncommitted => report.kinds().contains_key(&Kind::IncompatibleOrder),
                Level::SnapshotIsolation => hides_an_order(&ops),
                Level::ReadCommitted | Level::Serializable => false,
            };
            let right = verdict == if expected { Verdict::Valid } else { Verdict::Invalid };
            let missed = one_sided && !expected && verdict == Verdict::Valid;
            tally.add(model, expected, right);
            prop_assert!(
                right || missed,
                "{model}: {verdict:?}, expected {expected}\n{report:#?}\n{ops:#?}"
            );
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    tally.conclude();
}

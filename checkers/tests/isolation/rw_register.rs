//! Registers: verdicts against the exhaustive references, one-sided where the order of versions is not known.

use std::collections::BTreeMap;

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{Kind, Model, Options, Outcome, Report, RwRegister, Txn};
use paytwice_checkers::verdict::Verdict;
use proptest::test_runner::{TestCaseError, TestRunner};
use proptest::{prop_assert, prop_assert_eq};

use crate::executions::{Axioms, Given, WEAK, executes};
use crate::histories::{Mop, Op, cases, plans, run};
use crate::list_append::all_models;
use crate::reference::{Level, MODELS, Tally, satisfies};

pub(crate) fn check(ops: &[Op], assumptions: &Assumptions) -> Report {
    check_for(ops, &Options::default(), assumptions)
}

/// Asked for all models at once.
pub(crate) fn check_all(ops: &[Op], assumptions: &Assumptions) -> Report {
    check_for(ops, &all_models(), assumptions)
}

fn check_for(ops: &[Op], options: &Options, assumptions: &Assumptions) -> Report {
    let mut history = RwRegister::new();
    for op in ops {
        history.begin(op.txn);
        for mop in &op.mops {
            match mop {
                Mop::Write(key, value) => history.write(*key, Some(*value)),
                Mop::Read(key, Some(found)) => history.read(*key, found.first().copied()),
                Mop::Read(key, None) => history.read_unknown(*key),
            }
        }
    }
    history.check(options, assumptions)
}

/// What the keys held at first, as far as it is not nothing: the value that nobody wrote, where all reads that began
/// before a write was over and that found no write found it.
fn initial(ops: &[Op]) -> BTreeMap<i64, i64> {
    let mops = || ops.iter().flat_map(|op| op.mops.iter().map(move |mop| (op, mop)));
    let written = |key: i64, value: i64| mops().any(|(_, mop)| *mop == Mop::Write(key, value));
    let mut initial = BTreeMap::new();
    for key in 0..3 {
        let ok = mops().filter(|(op, _)| op.txn.outcome == Outcome::Ok);
        let writes = ok
            .clone()
            .filter(|(_, mop)| matches!(mop, Mop::Write(k, _) if *k == key));
        let over = writes.filter_map(|(op, _)| op.txn.complete).min().unwrap_or(u64::MAX);
        let mut first: Vec<Option<i64>> = Vec::new();
        for op in ops
            .iter()
            .filter(|op| op.txn.outcome == Outcome::Ok && op.txn.invoke < over)
        {
            let before = op
                .mops
                .iter()
                .take_while(|mop| !matches!(mop, Mop::Write(k, _) if *k == key));
            first.extend(before.filter_map(|mop| match mop {
                Mop::Read(k, Some(found)) if *k == key => Some(found.first().copied()),
                _ => None,
            }));
        }
        first.retain(|value| value.is_none_or(|value| !written(key, value)));
        if let Some(Some(value)) = first.first()
            && first.iter().all(|other| *other == Some(*value))
        {
            initial.insert(key, *value);
        }
    }
    initial
}

/// The history with a transaction for each value that came from elsewhere: it may have been written at any time, once.
fn with_elsewhere(ops: &[Op], initial: &BTreeMap<i64, i64>) -> Vec<Op> {
    let mut all = ops.to_vec();
    let mops = || ops.iter().flat_map(|op| &op.mops);
    for key in 0..3 {
        let read = mops().any(|mop| *mop == Mop::Read(key, Some(vec![99])));
        if read && initial.get(&key) != Some(&99) {
            let txn = Txn {
                process: 1_000 + key.unsigned_abs(),
                invoke: 0,
                complete: None,
                outcome: Outcome::Info,
            };
            let mops = vec![Mop::Write(key, 99)];
            all.push(Op { txn, mops });
        }
    }
    all
}

/// Valid only where the reference finds a way, invalid only where it finds none; one of them where the model is decided
/// and nothing is in doubt.
#[test]
fn verdicts_have_the_explanation_of_an_exhaustive_search_or_none() {
    let tally = Tally::default();
    let outcome = TestRunner::new(cases(1000)).run(&plans(6), |plans| {
        let ops = run(&plans, true);
        let report = check_all(&ops, &Assumptions::default());
        let initial = initial(&ops);
        let all = with_elsewhere(&ops, &initial);
        for (model, level, order) in MODELS {
            let given = Given {
                ops: &all,
                register: true,
                whole: false,
                initial: &initial,
            };
            let expected = satisfies(given, level, order);
            let decided = match level {
                Level::ReadUncommitted | Level::ReadCommitted => true,
                Level::MonotonicAtomicView => !report.kinds().contains_key(&Kind::Internal),
                Level::SnapshotIsolation | Level::Serializable => true,
            };
            compare(model, expected, decided, &report, &ops, &tally)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    tally.conclude();
}

/// The same for the models that say what is visible.
#[test]
fn verdicts_on_visibility_have_an_abstract_execution_or_none() {
    let tally = Tally::default();
    let outcome = TestRunner::new(cases(300)).run(&plans(5), |plans| {
        let ops = run(&plans, true);
        let report = check_all(&ops, &Assumptions::default());
        let initial = initial(&ops);
        let all = with_elsewhere(&ops, &initial);
        for (model, axioms, sessions) in WEAK {
            let given = Given {
                ops: &all,
                register: true,
                whole: false,
                initial: &initial,
            };
            let expected = executes(given, axioms, sessions);
            let decided = matches!(axioms, Axioms::ReadAtomic | Axioms::Causal);
            compare(model, expected, decided, &report, &ops, &tally)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    tally.conclude();
}

fn compare(
    model: Model,
    expected: bool,
    decided: bool,
    report: &Report,
    ops: &[Op],
    tally: &Tally,
) -> Result<(), TestCaseError> {
    let verdict = report.verdict(model);
    let right = verdict == if expected { Verdict::Valid } else { Verdict::Invalid };
    let doubted = report.is_in_doubt();
    if !doubted && expected_to_fail(model) {
        tally.add(model, expected, right);
    }
    prop_assert!(
        right || verdict == Verdict::Unknown && (doubted || !decided),
        "{model}: {verdict:?}, expected {expected}\n{report:#?}\n{ops:#?}"
    );
    Ok(())
}

/// Registers cannot violate read uncommitted.
fn expected_to_fail(model: Model) -> bool {
    ![
        Model::ReadUncommitted,
        Model::StrongSessionReadUncommitted,
        Model::StrongReadUncommitted,
    ]
    .contains(&model)
}

/// From read committed on, writes that follow reads need not be assumed: they are known.
#[test]
fn to_assume_that_writes_follow_reads_changes_nothing_from_read_committed_on() {
    let wfr = Assumptions {
        wfr_keys: true,
        ..Assumptions::default()
    };
    let outcome = TestRunner::new(cases(1000)).run(&plans(10), |plans| {
        let ops = run(&plans, true);
        let (plain, assumed) = (check_all(&ops, &Assumptions::default()), check_all(&ops, &wfr));
        let weak = [
            Model::ReadUncommitted,
            Model::StrongSessionReadUncommitted,
            Model::StrongReadUncommitted,
        ];
        for model in Model::all().filter(|model| !weak.contains(model)) {
            prop_assert_eq!(plain.verdict(model), assumed.verdict(model), "{}: {:#?}", model, ops);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

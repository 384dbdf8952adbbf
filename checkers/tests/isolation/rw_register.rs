//! Registers: verdicts against the exhaustive references, one-sided where the order of versions is not known.

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{Model, Options, Report, RwRegister};
use paytwice_checkers::verdict::Verdict;
use proptest::test_runner::TestRunner;
use proptest::{prop_assert, prop_assert_eq};

use crate::histories::{Mop, Op, cases, observes, plans, run};
use crate::reference::{Level, MODELS, Tally, satisfies};

pub(crate) fn check(ops: &[Op], assumptions: &Assumptions) -> Report {
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
    history.check(&Options::default(), assumptions)
}

/// Never invalid where the reference finds a way; equal to it for read committed, and for read uncommitted, which
/// registers cannot violate.
#[test]
fn what_is_ruled_out_has_no_explanation_in_an_exhaustive_search() {
    let tally = Tally::default();
    let outcome = TestRunner::new(cases(1500)).run(&plans(6), |plans| {
        let ops = run(&plans, true);
        let report = check(&ops, &Assumptions::default());
        for (model, level, order) in MODELS.into_iter().filter(|_| observes(&ops)) {
            let expected = satisfies(&ops, true, level, order);
            let verdict = report.verdict(model);
            let right = verdict == if expected { Verdict::Valid } else { Verdict::Invalid };
            let complete = matches!(level, Level::ReadUncommitted | Level::ReadCommitted);
            let missed = !complete && !expected && verdict == Verdict::Valid;
            if level != Level::ReadUncommitted {
                tally.add(model, expected, right);
            }
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

/// From read committed on, writes that follow reads need not be assumed: they are known.
#[test]
fn to_assume_that_writes_follow_reads_changes_nothing_from_read_committed_on() {
    let wfr = Assumptions {
        wfr_keys: true,
        ..Assumptions::default()
    };
    let outcome = TestRunner::new(cases(1000)).run(&plans(10), |plans| {
        let ops = run(&plans, true);
        let (plain, assumed) = (check(&ops, &Assumptions::default()), check(&ops, &wfr));
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

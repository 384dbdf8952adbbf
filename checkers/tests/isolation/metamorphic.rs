//! Changes to a history that must not change what is said of it.

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{ListAppend, Model, Options, Outcome, Report, RwRegister, Txn};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::histories::{Mop, Op, cases, observes, plans, run};
use crate::{list_append, rw_register};

fn check(ops: &[Op], register: bool) -> Report {
    if register {
        rw_register::check(ops, &Assumptions::default())
    } else {
        list_append::check(ops)
    }
}

fn verdicts(report: &Report) -> Vec<(Model, Verdict)> {
    Model::all().map(|model| (model, report.verdict(model))).collect()
}

/// The same history, its keys and values as text.
fn check_renamed(ops: &[Op], register: bool) -> Report {
    let key = |key: &i64| format!("account/{key}");
    let value = |value: &i64| format!("transfer number {value}");
    let (mut lists, mut registers) = (ListAppend::new(), RwRegister::new());
    for op in ops {
        lists.begin(op.txn);
        registers.begin(op.txn);
        for mop in &op.mops {
            match mop {
                Mop::Write(k, v) => {
                    lists.append(&*key(k), &*value(v));
                    registers.write(&*key(k), Some(&*value(v)));
                }
                Mop::Read(k, Some(found)) => {
                    let found: Vec<String> = found.iter().map(value).collect();
                    lists.read(&*key(k), found.iter().map(String::as_str));
                    registers.read(&*key(k), found.last().map(String::as_str));
                }
                Mop::Read(k, None) => {
                    lists.read_unknown(&*key(k));
                    registers.read_unknown(&*key(k));
                }
            }
        }
    }
    let options = Options::default();
    if register {
        registers.check(&options, &Assumptions::default())
    } else {
        lists.check(&options)
    }
}

/// Indices further apart and later.
fn shifted(ops: &[Op]) -> Vec<Op> {
    let shift = |op: &Op| {
        let mut op = op.clone();
        op.txn.invoke = 1_000_000 + 1000 * op.txn.invoke;
        op.txn.complete = op.txn.complete.map(|at| 1_000_000 + 1000 * at);
        op
    };
    ops.iter().map(shift).collect()
}

/// A key of their own for three transactions that run beside all the others.
fn with_another_key(ops: &[Op]) -> Vec<Op> {
    let mut ops: Vec<Op> = shifted(ops);
    for (n, mops) in [
        vec![Mop::Write(77, 1)],
        vec![Mop::Read(77, Some(vec![1]))],
        vec![Mop::Read(77, Some(vec![]))],
    ]
    .into_iter()
    .enumerate()
    {
        let n = n as u64;
        let txn = Txn {
            process: 900 + n,
            invoke: n,
            complete: Some(1 << 40 | n),
            outcome: Outcome::Ok,
        };
        ops.push(Op { txn, mops });
    }
    ops
}

/// Without the transactions of unknown end that no read can have seen.
fn without_unobserved(ops: &[Op]) -> Vec<Op> {
    let shown = |key: i64, value: i64| {
        ops.iter().flat_map(|op| &op.mops).any(|mop| match mop {
            Mop::Read(k, Some(found)) => *k == key && found.contains(&value),
            _ => false,
        })
    };
    let unobserved = |op: &&Op| {
        op.txn.outcome == Outcome::Info
            && op
                .mops
                .iter()
                .all(|mop| !matches!(mop, Mop::Write(key, value) if shown(*key, *value)))
    };
    ops.iter().filter(|op| !unobserved(op)).cloned().collect()
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn verdicts_do_not_depend_on_what_is_beside_the_point(plans in plans(12), register: bool) {
        let ops = run(&plans, register);
        let report = check(&ops, register);
        let expected = verdicts(&report);
        let kinds = report.kinds();
        let again = check_renamed(&ops, register);
        prop_assert_eq!((verdicts(&again), again.kinds()), (expected.clone(), kinds), "renamed");
        let again = check(&shifted(&ops), register);
        prop_assert_eq!((verdicts(&again), again.kinds()), (expected.clone(), kinds), "shifted");
        let backwards: Vec<Op> = ops.iter().rev().cloned().collect();
        let again = check(&backwards, register);
        prop_assert_eq!(verdicts(&again), expected.clone(), "added in another order");
        let again = check(&without_unobserved(&ops), register);
        prop_assert_eq!((verdicts(&again), again.kinds()), (expected.clone(), kinds), "without unobserved");
        if observes(&ops) && !report.is_in_doubt() {
            let again = check(&with_another_key(&ops), register);
            prop_assert_eq!((verdicts(&again), again.kinds()), (expected, kinds), "with another key");
        }
    }

    /// The same history gives the same report, to the letter.
    #[test]
    fn reports_are_deterministic(plans in plans(12), register: bool) {
        let ops = run(&plans, register);
        let (one, two) = (check(&ops, register).into_result(), check(&ops, register).into_result());
        prop_assert_eq!(one, two);
    }
}

//! Histories of transactions as plain data, and arbitrary ones that are mostly, but not always, in order.

use paytwice_checkers::isolation::{Outcome, Txn};
use proptest::prelude::*;

/// Lists or registers: what a key holds is a sequence of writes, of which a register shows the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mop {
    Write(i64, i64),
    /// What was found: a list, or for a register a list of one or none; None when nothing is known.
    Read(i64, Option<Vec<i64>>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) txn: Txn,
    pub(crate) mops: Vec<Mop>,
}

impl Op {
    /// Whether this one is before `other` in real time: it was certainly over before the other began.
    pub(crate) fn before(&self, other: &Op) -> bool {
        self.txn.outcome == Outcome::Ok && self.txn.complete.is_some_and(|over| over < other.txn.invoke)
    }

    /// The same, if one process ran both.
    pub(crate) fn before_in_session(&self, other: &Op) -> bool {
        self.before(other) && self.txn.process == other.txn.process
    }
}

/// Whether any transaction that is known to have committed says what it read.
pub(crate) fn observes(ops: &[Op]) -> bool {
    let ok = ops.iter().filter(|op| op.txn.outcome == Outcome::Ok);
    ok.flat_map(|op| &op.mops)
        .any(|mop| matches!(mop, Mop::Read(_, Some(_))))
}

/// How many cases of a property are run: more when `PAYTWICE_PROPTEST_CASES` says so.
pub(crate) fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("PAYTWICE_PROPTEST_CASES")
        .ok()
        .map(|n| n.parse().expect("a number of cases"));
    ProptestConfig {
        cases: cases.unwrap_or(default),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A transaction to be run: it sees the store as it was `lag` transactions before, when it lags.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    outcome: Outcome,
    takes_effect: bool,
    process: u64,
    lag: usize,
    before: u64,
    after: u64,
    mops: Vec<PlannedMop>,
}

#[derive(Clone, Debug)]
struct PlannedMop {
    key: i64,
    write: bool,
    /// Below 230: as it is.
    twist: u8,
}

fn plan() -> impl Strategy<Value = Plan> {
    let outcome = prop_oneof![7 => Just(Outcome::Ok), 2 => Just(Outcome::Info), 1 => Just(Outcome::Fail)];
    let lag = prop_oneof![3 => Just(0_usize), 2 => Just(1), 1 => 2..5_usize];
    let effect = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let mop = (0..3_i64, any::<bool>(), any::<u8>()).prop_map(|(key, write, twist)| PlannedMop { key, write, twist });
    (
        outcome,
        effect,
        any::<bool>(),
        0..3_u64,
        lag,
        0..25_u64,
        0..25_u64,
        prop::collection::vec(mop, 1..4),
    )
        .prop_map(|(outcome, effect, half, process, lag, before, after, mops)| {
            let usual = outcome == Outcome::Ok || outcome == Outcome::Info && half;
            Plan {
                outcome,
                takes_effect: effect.unwrap_or(usual),
                process,
                lag,
                before,
                after,
                mops,
            }
        })
}

/// Up to `txns_max` transactions.
pub(crate) fn plans(txns_max: usize) -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(plan(), 1..=txns_max)
}

/// Runs the plans one after the other against a store that forgets, reorders and leaks, as they say. They run twice,
/// so that a read may know what is yet to be written.
pub(crate) fn run(plans: &[Plan], register: bool) -> Vec<Op> {
    let nothing = vec![Vec::new(); 3];
    let (_, last) = run_knowing(plans, &nothing, register);
    in_sequence(run_knowing(plans, &last, register).0)
}

fn run_knowing(plans: &[Plan], to_come: &[Vec<i64>], register: bool) -> (Vec<Op>, Vec<Vec<i64>>) {
    let mut past: Vec<Vec<Vec<i64>>> = vec![vec![Vec::new(); 3]];
    let mut value = 0;
    let mut ops: Vec<Op> = Vec::new();
    for plan in plans {
        let before = past.last().expect("the initial state");
        let mut store = before.clone();
        let mut view = past[past.len() - 1 - plan.lag.min(past.len() - 1)].clone();
        let mut mops = Vec::new();
        for mop in &plan.mops {
            let key = mop.key as usize;
            if mop.write {
                value += 1;
                mops.push(Mop::Write(mop.key, value));
                view[key].push(value);
                let at = if mop.twist >= 245 {
                    store[key].len().saturating_sub(1)
                } else {
                    store[key].len()
                };
                store[key].insert(at, value);
            } else {
                let found = found(&view[key], &store[key], &to_come[key], mop.twist, register);
                let told = plan.outcome == Outcome::Ok || mop.twist % 3 == 0;
                mops.push(Mop::Read(mop.key, told.then_some(found)));
            }
        }
        let after = if plan.takes_effect { store } else { before.clone() };
        past.push(after);
        ops.push(Op {
            txn: timed(plan, ops.len()),
            mops,
        });
    }
    (ops, past.pop().expect("the final state"))
}

fn found(view: &[i64], store: &[i64], to_come: &[i64], twist: u8, register: bool) -> Vec<i64> {
    let mut list = view.to_vec();
    match twist {
        0..200 => {}
        200..215 => list.truncate(list.len().saturating_sub(1)),
        215..225 => list = store.to_vec(),
        225..245 => list = to_come[..to_come.len().min(list.len() + 1)].to_vec(),
        245..247 => list.extend(list.last().copied()),
        247..249 => list.push(99),
        249..252 => list.reverse(),
        _ => drop(list.drain(..list.len().min(1))),
    }
    if register {
        list = list.last().copied().into_iter().collect();
    }
    list
}

/// Times are tenths of places; [`in_sequence`] turns them into indices.
fn timed(plan: &Plan, place: usize) -> Txn {
    let commit = 100 + place as u64 * 10;
    let complete = (plan.outcome != Outcome::Info || plan.after.is_multiple_of(2)).then_some(commit + plan.after);
    Txn {
        process: plan.process,
        invoke: commit - plan.before,
        complete,
        outcome: plan.outcome,
    }
}

/// Gives each invocation and completion an index of its own, and each transaction a process that is free.
fn in_sequence(mut ops: Vec<Op>) -> Vec<Op> {
    let mut events: Vec<(u64, bool, usize)> = Vec::new();
    for (nth, op) in ops.iter().enumerate() {
        events.push((op.txn.invoke, false, nth));
        events.extend(op.txn.complete.map(|at| (at, true, nth)));
    }
    events.sort_unstable();
    let mut busy: Vec<u64> = Vec::new();
    for (index, (_, completes, nth)) in events.into_iter().enumerate() {
        let txn = &mut ops[nth].txn;
        if completes {
            txn.complete = Some(index as u64);
            // A process whose transaction is open for ever is not heard of again.
            busy.retain(|process| *process != txn.process || txn.outcome == Outcome::Info);
        } else {
            txn.invoke = index as u64;
            while busy.contains(&txn.process) {
                txn.process += 3;
            }
            busy.push(txn.process);
        }
    }
    ops
}

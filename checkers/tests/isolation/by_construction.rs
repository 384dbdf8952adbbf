//! Histories of stores that keep their promises are valid by them; one planted anomaly is found, and it alone.

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{Class, Kind, Model, Order, Outcome, Report, Txn};
use paytwice_checkers::verdict::Verdict;

use crate::histories::{Mop, Op};
use crate::stores::{Promise, history};
use crate::{list_append, rw_register};

pub(crate) fn check(ops: &[Op], register: bool) -> Report {
    if register {
        rw_register::check(ops, &Assumptions::default())
    } else {
        list_append::check(ops)
    }
}

fn check_all(ops: &[Op], register: bool) -> Report {
    if register {
        rw_register::check_all(ops, &Assumptions::default())
    } else {
        list_append::check_all(ops)
    }
}

fn histories_of(promise: Promise, model: Model, broken: Option<Model>) {
    for register in [false, true] {
        let reports: Vec<Report> = (0..40)
            .map(|seed| check_all(&history(promise, register, seed, 150), register))
            .collect();
        for (seed, report) in reports.iter().enumerate() {
            assert_eq!(
                report.verdict(model),
                Verdict::Valid,
                "{promise:?}, seed {seed}: {report:#?}"
            );
        }
        if let Some(stronger) = broken {
            let invalid = reports
                .iter()
                .filter(|report| report.verdict(stronger) == Verdict::Invalid)
                .count();
            let expected = if register { 4 } else { 30 };
            assert!(
                invalid > expected,
                "{promise:?}, register: {register}: {invalid} are not {stronger}"
            );
        }
    }
}

#[test]
fn a_serial_store_is_strictly_serializable() {
    histories_of(Promise::Serial, Model::StrictSerializable, None);
}

#[test]
fn the_registers_of_a_serial_store_keep_every_assumption() {
    let all = Assumptions {
        wfr_keys: true,
        sequential_keys: true,
        linearizable_keys: true,
        closed: true,
    };
    for seed in 0..40 {
        let report = rw_register::check(&history(Promise::Serial, true, seed, 150), &all);
        assert_eq!(
            report.verdict(Model::StrictSerializable),
            Verdict::Valid,
            "seed {seed}: {report:#?}"
        );
    }
}

/// What the order of versions is not known from, the assumption supplies.
#[test]
fn assumptions_reveal_what_the_registers_alone_do_not() {
    let linearizable = Assumptions {
        linearizable_keys: true,
        ..Assumptions::default()
    };
    let ops = [
        ok(0, 0, 1, &[w(X, 1), w(Y, 1)]),
        ok(1, 2, 3, &[w(X, 2)]),
        ok(2, 4, 9, &[r(X, &[1]), w(Z, 1)]),
        ok(3, 5, 8, &[r(Z, &[1]), r(X, &[2])]),
    ];
    let kinds = |assumptions| {
        rw_register::check(&ops, &assumptions)
            .kinds()
            .keys()
            .copied()
            .collect::<Vec<_>>()
    };
    // What real time tells is told for the models that promise it, without any assumption.
    assert_eq!(kinds(Assumptions::default()), [Kind::CyclicVersions(Order::Realtime)]);
    assert_eq!(kinds(linearizable), [Kind::CyclicVersions(Order::Data)]);
    let skew = at_once(&[&[r(X, &[1]), w(Y, 2)], &[r(Y, &[1]), w(X, 2)]]);
    let later = skew
        .into_iter()
        .map(|op| ok(op.txn.process, op.txn.invoke + 10, op.txn.invoke + 200, &op.mops));
    let ops: Vec<Op> = [ok(9, 0, 1, &[w(X, 1), w(Y, 1)])].into_iter().chain(later).collect();
    let kinds = |assumptions| {
        rw_register::check(&ops, &assumptions)
            .kinds()
            .keys()
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(Assumptions::default()), [cycle(Class::G2Item, Order::Realtime)]);
    assert_eq!(kinds(linearizable), [cycle(Class::G2Item, Order::Data)]);
}

#[test]
fn a_snapshot_store_is_strongly_snapshot_isolated_and_not_serializable() {
    histories_of(
        Promise::Snapshot,
        Model::StrongSnapshotIsolation,
        Some(Model::Serializable),
    );
}

#[test]
fn a_store_with_write_locks_is_strongly_read_committed_and_not_snapshot_isolated() {
    histories_of(
        Promise::ReadCommitted,
        Model::StrongReadCommitted,
        Some(Model::SnapshotIsolation),
    );
}

/// Keys of the planted transactions.
pub(crate) const X: i64 = 100;
pub(crate) const Y: i64 = 101;
const Z: i64 = 102;
const W: i64 = 103;

pub(crate) fn w(key: i64, value: i64) -> Mop {
    Mop::Write(key, value)
}

pub(crate) fn r(key: i64, found: &[i64]) -> Mop {
    Mop::Read(key, Some(found.to_vec()))
}

/// A committed transaction.
pub(crate) fn ok(process: u64, from: u64, to: u64, mops: &[Mop]) -> Op {
    let txn = Txn {
        process,
        invoke: from,
        complete: Some(to),
        outcome: Outcome::Ok,
    };
    Op {
        txn,
        mops: mops.to_vec(),
    }
}

/// Transactions that run all at once, in processes 0, 1, 2, ...
pub(crate) fn at_once(txns: &[&[Mop]]) -> Vec<Op> {
    txns.iter()
        .enumerate()
        .map(|(n, mops)| ok(n as u64, n as u64, 100 + n as u64, mops))
        .collect()
}

pub(crate) fn failed(mut op: Op) -> Op {
    op.txn.outcome = Outcome::Fail;
    op
}

/// The kinds found when the transactions follow a history that is in order.
fn planted(ops: &[Op], register: bool) -> Vec<Kind> {
    let mut all = history(Promise::Serial, register, 7, 60);
    let after = 1000;
    all.extend(ops.iter().cloned().map(|mut op| {
        op.txn.process += 10_000;
        op.txn.invoke += after;
        op.txn.complete = op.txn.complete.map(|at| at + after);
        op
    }));
    let report = check_all(&all, register);
    assert!(
        report
            .anomalies()
            .iter()
            .all(|(_, anomaly)| anomaly.witness.iter().all(|index| *index >= after))
    );
    report.kinds().keys().copied().collect()
}

fn cycle(class: Class, order: Order) -> Kind {
    Kind::Cycle(class, order)
}

fn both(ops: &[Op], kinds: &[Kind]) {
    assert_eq!(planted(ops, false), kinds, "lists");
    assert_eq!(planted(ops, true), kinds, "registers");
}

fn lists(ops: &[Op], kinds: &[Kind]) {
    assert_eq!(planted(ops, false), kinds);
}

#[test]
fn anomalies_without_a_graph() {
    both(
        &[failed(ok(0, 0, 2, &[w(X, 1)])), ok(1, 1, 3, &[r(X, &[1])])],
        &[Kind::G1a],
    );
    both(&at_once(&[&[r(X, &[1]), w(X, 1)]]), &[Kind::FutureRead]);
    both(&at_once(&[&[w(X, 1), r(X, &[])]]), &[Kind::Internal]);
    both(
        &at_once(&[&[w(X, 1)], &[r(X, &[]), r(X, &[1])]]),
        &[Kind::Internal, cycle(Class::GSingle, Order::Data)],
    );
    lists(&at_once(&[&[r(X, &[9])]]), &[Kind::GarbageRead]);
    lists(&at_once(&[&[w(X, 1)], &[r(X, &[1, 1])]]), &[Kind::DuplicateElements]);
    lists(
        &at_once(&[&[w(X, 1)], &[w(X, 2)], &[r(X, &[1, 2])], &[r(X, &[2, 1])]]),
        &[Kind::IncompatibleOrder],
    );
    lists(
        &at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[2, 1])]]),
        &[Kind::IncompatibleOrder, Kind::G1b],
    );
}

/// These imply another anomaly, which is found with them.
#[test]
fn anomalies_that_do_not_come_alone() {
    let single = cycle(Class::GSingle, Order::Data);
    lists(&at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[1])]]), &[Kind::G1b, single]);
    assert_eq!(
        planted(&at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[1])]]), true),
        [Kind::G1b]
    );
    let skew = cycle(Class::G2Item, Order::Data);
    both(
        &at_once(&[&[r(X, &[]), w(X, 1)], &[r(X, &[]), w(X, 2)]]),
        &[Kind::LostUpdate, skew],
    );
    let dirty = [
        failed(ok(0, 0, 9, &[w(X, 1)])),
        ok(1, 1, 8, &[w(X, 2)]),
        ok(2, 2, 7, &[r(X, &[1, 2])]),
    ];
    lists(&dirty, &[Kind::G1a, Kind::DirtyUpdate]);
}

#[test]
fn cycles_of_data() {
    let data = |class| [cycle(class, Order::Data)];
    let with = |kind, class| [kind, cycle(class, Order::Data)];
    lists(
        &at_once(&[
            &[w(X, 1), w(Y, 1)],
            &[w(X, 2), w(Y, 2)],
            &[r(X, &[1, 2]), r(Y, &[2, 1])],
        ]),
        &data(Class::G0),
    );
    both(
        &at_once(&[&[w(X, 1), r(Y, &[1])], &[w(Y, 1), r(X, &[1])]]),
        &data(Class::G1c),
    );
    both(
        &at_once(&[&[w(X, 1), w(Y, 1)], &[r(X, &[1]), r(Y, &[])]]),
        &with(Kind::VanishedTransaction, Class::GSingle),
    );
    both(
        &at_once(&[&[w(X, 1), w(Y, 1)], &[r(Y, &[]), r(X, &[1])]]),
        &with(Kind::FracturedRead(Order::Data), Class::GSingle),
    );
    let cause: [&[Mop]; 3] = [&[w(X, 1)], &[r(X, &[1]), w(Y, 1)], &[r(Y, &[1]), r(X, &[])]];
    both(
        &at_once(&cause),
        &with(Kind::CausalityViolation(Order::Data), Class::GSingle),
    );
    // Each overwrote half of what the other read.
    lists(
        &at_once(&[&[r(X, &[]), w(Y, 1)], &[w(X, 1), w(Y, 2)], &[r(Y, &[1, 2])]]),
        &[],
    );
    lists(
        &at_once(&[&[w(Y, 1), w(X, 1)], &[r(X, &[]), w(Y, 2)], &[r(Y, &[1, 2])]]),
        &with(Kind::UnseenConflict, Class::GSingle),
    );
    let fork: [&[Mop]; 4] = [
        &[r(W, &[1]), r(X, &[])],
        &[w(X, 1), w(Y, 1)],
        &[r(Y, &[1]), r(Z, &[])],
        &[w(Z, 1), w(W, 1)],
    ];
    both(
        &at_once(&fork),
        &with(Kind::PrefixViolation(Order::Data), Class::GNonadjacent),
    );
    both(
        &at_once(&[&[r(X, &[]), w(Y, 1)], &[r(Y, &[]), w(X, 1)]]),
        &data(Class::G2Item),
    );
}

/// The same transactions, once by one process and once by two.
#[test]
fn cycles_of_processes_and_of_real_time() {
    for (order, p) in [(Order::Process, 0), (Order::Realtime, 1)] {
        let kinds = |class| vec![cycle(class, order)];
        let session = |kind, class| {
            let of_session = if p == 0 { vec![kind] } else { Vec::new() };
            [of_session, kinds(class)].concat()
        };
        let writes = [
            ok(0, 0, 1, &[w(X, 1)]),
            ok(p, 2, 3, &[w(X, 2)]),
            ok(5, 0, 9, &[r(X, &[2, 1])]),
        ];
        lists(&writes, &kinds(Class::G0));
        both(
            &[ok(0, 0, 1, &[r(X, &[1])]), ok(p, 2, 3, &[w(X, 1)])],
            &kinds(Class::G1c),
        );
        let stale = [ok(0, 0, 1, &[w(X, 1)]), ok(p, 2, 3, &[r(X, &[])])];
        let found = session(Kind::FracturedRead(order), Class::GSingle);
        lists(&stale, &found);
        assert_eq!(
            planted(&stale, true),
            [vec![Kind::CyclicVersions(order)], found].concat()
        );
        let fork = [
            ok(0, 0, 4, &[w(Y, 1)]),
            ok(p, 5, 6, &[r(X, &[])]),
            ok(6, 1, 9, &[w(X, 1), w(Z, 1)]),
            ok(7, 2, 8, &[r(Z, &[1]), r(Y, &[])]),
        ];
        both(&fork, &session(Kind::PrefixViolation(order), Class::GNonadjacent));
        let skew = [
            ok(0, 0, 4, &[w(Y, 1)]),
            ok(p, 5, 6, &[r(X, &[])]),
            ok(6, 1, 9, &[w(X, 1), r(Y, &[])]),
        ];
        both(&skew, &kinds(Class::G2Item));
    }
}

#[test]
fn registers_under_assumptions() {
    let reads: Vec<Op> = (0..3)
        .map(|n| ok(2, 10 + 2 * n, 11 + 2 * n, &[r(X, &[1 + n as i64 % 2])]))
        .collect();
    let ops = [vec![ok(0, 0, 50, &[w(X, 1)]), ok(1, 1, 51, &[w(X, 2)])], reads].concat();
    let kinds = |assumptions| {
        rw_register::check(&ops, &assumptions)
            .kinds()
            .keys()
            .copied()
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(Assumptions::default()), [Kind::CyclicVersions(Order::Process)]);
    assert_eq!(
        kinds(Assumptions {
            sequential_keys: true,
            ..Assumptions::default()
        }),
        [Kind::CyclicVersions(Order::Data)]
    );
    assert_eq!(
        kinds(Assumptions {
            linearizable_keys: true,
            ..Assumptions::default()
        }),
        [Kind::CyclicVersions(Order::Data)]
    );

    let stale = [
        ok(0, 0, 1, &[w(X, 1)]),
        ok(1, 2, 3, &[w(X, 2)]),
        ok(2, 4, 5, &[r(X, &[1])]),
    ];
    let linearizable = Assumptions {
        linearizable_keys: true,
        ..Assumptions::default()
    };
    let inferred = rw_register::check_all(&stale, &Assumptions::default());
    assert_eq!(
        inferred.kinds().keys().collect::<Vec<_>>(),
        [&Kind::CyclicVersions(Order::Realtime)]
    );
    assert_eq!(
        [Model::StrongSnapshotIsolation, Model::StrongSessionSerializable].map(|model| inferred.verdict(model)),
        [Verdict::Invalid, Verdict::Valid]
    );
    let kinds: Vec<Kind> = rw_register::check(&stale, &linearizable)
        .kinds()
        .keys()
        .copied()
        .collect();
    assert_eq!(kinds, [Kind::CyclicVersions(Order::Data)]);

    let unwritten = [ok(0, 0, 1, &[r(X, &[9])])];
    let closed = Assumptions {
        closed: true,
        ..Assumptions::default()
    };
    assert_eq!(
        rw_register::check(&unwritten, &Assumptions::default()).verdict(Model::StrictSerializable),
        Verdict::Unknown
    );
    assert_eq!(
        rw_register::check(&unwritten, &closed).verdict(Model::ReadUncommitted),
        Verdict::Invalid
    );
}

#[test]
fn what_cannot_be_judged_is_unknown() {
    for register in [false, true] {
        let nothing = check(&[failed(ok(0, 0, 1, &[w(X, 1)]))], register).into_result();
        assert_eq!(nothing.verdict, Verdict::Unknown);
        assert_eq!(nothing.reason.as_deref(), Some("no transaction committed"));
        let twice = [
            ok(0, 0, 1, &[w(X, 1)]),
            ok(1, 2, 3, &[w(X, 1)]),
            ok(2, 4, 5, &[r(X, &[1])]),
        ];
        let twice = check(&twice, register).into_result();
        assert_eq!(twice.verdict, Verdict::Unknown);
        assert!(twice.reason.unwrap().contains("must differ"));
    }
}

#[test]
fn a_cycle_reads_like_a_proof() {
    let skew = at_once(&[&[w(X, 1), w(Y, 1)], &[r(X, &[1]), r(Y, &[])]]);
    let result = list_append::check(&skew).into_result();
    assert_eq!(result.verdict, Verdict::Invalid);
    assert_eq!(
        result.anomalies[0].sentence,
        "T101 had observed T100, but T101 did not observe T100's append of 1 to 101"
    );
    assert_eq!(
        result.anomalies[1].sentence,
        "T101 comes before T100, because T101 did not observe T100's append of 1 to 101; \
         but T100 comes before T101, because T101 observed T100's append of 1 to 100"
    );
    assert_eq!(result.anomalies[1].witness, [101, 100]);
    assert_eq!(
        result.reason.as_deref(),
        Some(
            "judged by strict-serializable; seen: observed-transaction-vanishes, G-single; not monotonic-atomic-view, \
             consistent-view; the strongest that may hold: monotonic-view, monotonic-snapshot-read, \
             cursor-stability, strong-read-committed"
        )
    );
}

/// The other reader is the one of the same key, though a list of the same length was read of another key before.
#[test]
fn an_order_that_is_incompatible_names_both_readers() {
    let ops = at_once(&[
        &[w(Y, 5), w(Y, 6)],
        &[r(Y, &[5, 6])],
        &[w(X, 1)],
        &[w(X, 2)],
        &[r(X, &[1, 2])],
        &[r(X, &[2])],
    ]);
    let result = check(&ops, false).into_result();
    let told = result
        .anomalies
        .iter()
        .find(|anomaly| anomaly.kind == "incompatible-order");
    assert_eq!(
        told.unwrap().sentence,
        "T105 read [2] of 100, and T104 read [1 2]: neither continues the other"
    );
}

//! What is said of an anomaly, on which transactions, and what is counted beside it.

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{Class, Kind, Model, Options, Order, Outcome, Report};

use paytwice_checkers::verdict::Verdict;

use crate::by_construction::{X, Y, at_once, check, failed, ok, r, w};
use crate::histories::{Mop, Op};
use crate::rw_register;

/// The anomalies of one kind: subject, sentence, witness.
fn told(report: &Report, kind: Kind) -> Vec<(&str, &str, &[u64])> {
    let of_kind = report.anomalies().iter().filter(|(of, _)| *of == kind);
    of_kind.map(|(_, a)| (&*a.subject, &*a.sentence, &*a.witness)).collect()
}

/// The kinds found and how often.
fn found(ops: &[Op], register: bool) -> Vec<(Kind, u64)> {
    let report = check(ops, register);
    let kinds = report.kinds().iter();
    kinds.map(|(kind, times)| (*kind, *times)).collect()
}

fn info(mut op: Op) -> Op {
    op.txn.outcome = Outcome::Info;
    op
}

#[test]
fn each_anomaly_of_a_list_has_a_sentence_and_its_transactions() {
    for (kind, ops, subject, sentence, witness) in [
        (
            Kind::G1a,
            vec![failed(ok(0, 0, 10, &[w(X, 1)])), ok(1, 1, 11, &[r(X, &[1])])],
            "T11",
            "T11 observed T10's append of 1 to 100, which failed",
            &[11, 10][..],
        ),
        (
            Kind::FutureRead,
            at_once(&[&[r(X, &[1]), w(X, 1)]]),
            "T100",
            "T100 read 1 in 100 before it appended it",
            &[100],
        ),
        (
            Kind::Internal,
            at_once(&[&[w(X, 1), r(X, &[])]]),
            "T100",
            "T100 read [] of 100, where its own reads and appends before lead to a list that ends with [1]",
            &[100],
        ),
        (
            Kind::Internal,
            at_once(&[&[w(X, 1)], &[r(X, &[1]), w(Y, 7), w(X, 2), r(X, &[1])]]),
            "T101",
            "T101 read [1] of 100, where its own reads and appends before lead to [1 2]",
            &[101],
        ),
        (
            Kind::GarbageRead,
            at_once(&[&[r(X, &[9])]]),
            "T100",
            "T100 read 9 in 100, which no transaction appended",
            &[100],
        ),
        (
            Kind::DuplicateElements,
            at_once(&[&[w(X, 1)], &[r(X, &[1, 1])]]),
            "T101",
            "T101 read 1 more than once in 100",
            &[101],
        ),
        (
            Kind::IncompatibleOrder,
            at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[2, 1])]]),
            "T100",
            "T100 appended 1 to 100 before 2, but no read shows them so",
            &[100],
        ),
        (
            Kind::G1b,
            at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[1])]]),
            "T101",
            "T101 read 100 up to T100's append of 1 to 100, after which that transaction appended more",
            &[101, 100],
        ),
        (
            Kind::DirtyUpdate,
            vec![
                failed(ok(0, 0, 9, &[w(X, 1)])),
                ok(1, 1, 8, &[w(X, 2)]),
                ok(2, 2, 7, &[r(X, &[1, 2])]),
            ],
            "T8",
            "T8's append of 2 to 100 follows T9's append of 1 to 100, which failed",
            &[8, 9],
        ),
        (
            Kind::LostUpdate,
            at_once(&[
                &[r(X, &[]), w(X, 1)],
                &[r(X, &[]), w(X, 2)],
                &[w(X, 3), r(X, &[]), w(X, 4)],
            ]),
            "T100, T101",
            "T100, T101 all read 100 as [] and then appended to it",
            &[100, 101],
        ),
    ] {
        let report = check(&ops, false);
        assert_eq!(told(&report, kind), [(subject, sentence, witness)], "{sentence}");
    }
}

#[test]
fn the_middle_of_a_long_list_is_left_out() {
    for (length, list) in [
        (12, "[0 1 2 3 4 5 6 7 8 9 10 11]"),
        (13, "[0 1 2 3 4 5 (1 more) 7 8 9 10 11 12]"),
        (30, "[0 1 2 3 4 5 (18 more) 24 25 26 27 28 29]"),
    ] {
        let values: Vec<i64> = (0..length).collect();
        let writes: Vec<Mop> = values.iter().map(|value| w(X, *value)).collect();
        let ops = at_once(&[&writes, &[r(X, &values), r(X, &[])]]);
        let report = check(&ops, false);
        let sentence = format!("T101 read [] of 100, where its own reads and appends before lead to {list}");
        assert_eq!(told(&report, Kind::Internal)[0].1, sentence);
    }
}

#[test]
fn a_cycle_of_writes_says_which_of_them_no_read_shows() {
    let ops = at_once(&[&[w(X, 1), w(Y, 2)], &[w(X, 2), w(Y, 1)], &[r(X, &[1]), r(Y, &[1, 2])]]);
    let report = check(&ops, false);
    let g0 = told(&report, Kind::Cycle(Class::G0, Order::Data));
    assert_eq!(
        g0[0].1,
        "T100 comes before T101, because T101 appended 2, which no read shows, after T100's append of 1 to 100; but T101 \
         comes before T100, because T100 appended 2 after T101's append of 1 to 101"
    );
}

#[test]
fn of_many_transactions_the_first_twelve_are_named() {
    for (txns, more) in [(12, ""), (14, ", 2 more")] {
        let mops: Vec<[Mop; 2]> = (0..txns).map(|n| [r(X, &[]), w(X, n)]).collect();
        let mops: Vec<&[Mop]> = mops.iter().map(|mops| &mops[..]).collect();
        let report = check(&at_once(&mops), false);
        let lost = told(&report, Kind::LostUpdate);
        assert!(lost[0].0.ends_with(&format!(", T110, T111{more}")), "{}", lost[0].0);
        assert!(!lost[0].0.contains("T112"));
    }
    // Each observes what the one before wrote, all the way round.
    for (txns, so_on) in [(13, None), (15, Some("and so on over 2 more transactions up to"))] {
        let mops: Vec<[Mop; 2]> = (0..txns).map(|n| [w(X + n, 1), r(X + (n + 1) % txns, &[1])]).collect();
        let mops: Vec<&[Mop]> = mops.iter().map(|mops| &mops[..]).collect();
        let report = check(&at_once(&mops), false);
        let ring = told(&report, Kind::Cycle(Class::G1c, Order::Data));
        assert_eq!(ring[0].1.matches(" comes before ").count(), 13, "{}", ring[0].1);
        match so_on {
            Some(so_on) => assert!(ring[0].1.contains(so_on), "{}", ring[0].1),
            None => assert!(!ring[0].1.contains("and so on"), "{}", ring[0].1),
        }
        assert_eq!(ring[0].2.len(), txns as usize);
    }
}

#[test]
fn each_reader_is_told_what_it_read_and_no_more() {
    let garbage_behind_a_duplicate = at_once(&[&[w(X, 1)], &[w(X, 2)], &[r(X, &[1, 1, 2, 9])], &[r(X, &[1, 1, 2])]]);
    assert_eq!(
        found(&garbage_behind_a_duplicate, false),
        [(Kind::GarbageRead, 1), (Kind::DuplicateElements, 2)]
    );
    // What nobody appended makes no update dirty, neither before what was committed nor behind what failed.
    let garbage_first = at_once(&[&[w(X, 1)], &[w(X, 2)], &[r(X, &[9, 1, 2])]]);
    assert_eq!(found(&garbage_first, false), [(Kind::GarbageRead, 1)]);
    let garbage_last = [failed(ok(0, 0, 10, &[w(X, 1)])), ok(1, 1, 11, &[r(X, &[1, 9])])];
    assert_eq!(found(&garbage_last, false), [(Kind::GarbageRead, 1), (Kind::G1a, 1)]);
    // Two lists continue the first; the shorter of them is the one that does not fit.
    let forked = at_once(&[
        &[w(X, 1)],
        &[w(X, 2)],
        &[w(X, 3)],
        &[w(X, 4)],
        &[r(X, &[1])],
        &[r(X, &[1, 2])],
        &[r(X, &[1, 3, 4])],
    ]);
    assert!(
        found(&forked, false).contains(&(Kind::IncompatibleOrder, 1)),
        "{:?}",
        found(&forked, false)
    );
}

#[test]
fn a_list_that_fits_nowhere_is_looked_into_all_the_same() {
    let ops = [
        failed(ok(0, 0, 100, &[w(X, 5)])),
        ok(1, 1, 101, &[w(X, 1)]),
        ok(2, 2, 102, &[w(X, 2)]),
        ok(3, 3, 103, &[w(X, 3)]),
        ok(4, 4, 104, &[r(X, &[1, 2, 3, 1, 2, 3])]),
        ok(5, 5, 105, &[r(X, &[2, 2])]),
        ok(6, 6, 106, &[r(X, &[3, 9])]),
        ok(7, 7, 107, &[r(X, &[2, 5])]),
    ];
    let report = check(&ops, false);
    let of = |kind| {
        told(&report, kind)
            .iter()
            .map(|(subject, ..)| (*subject).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(Kind::DuplicateElements), ["T104", "T105"]);
    assert_eq!(of(Kind::GarbageRead), ["T106"]);
    assert_eq!(of(Kind::G1a), ["T107"]);
    assert_eq!(of(Kind::IncompatibleOrder), ["T105", "T106", "T107"]);
}

#[test]
fn a_transaction_of_unknown_end_that_was_observed_counts_with_all_it_did() {
    let ops = [
        info(ok(0, 0, 100, &[w(X, 1), w(Y, 1)])),
        ok(1, 1, 101, &[r(X, &[1]), r(Y, &[])]),
        ok(2, 2, 102, &[r(Y, &[1])]),
    ];
    for register in [false, true] {
        assert_eq!(
            found(&ops, register),
            [
                (Kind::VanishedTransaction, 1),
                (Kind::Cycle(Class::GSingle, Order::Data), 1)
            ],
            "{register}"
        );
    }
    // Also where the list that shows it is not the longest.
    let ops = [
        info(ok(0, 0, 100, &[w(X, 1), r(X, &[])])),
        ok(1, 1, 101, &[w(X, 2)]),
        ok(2, 2, 102, &[w(X, 3)]),
        ok(3, 3, 103, &[r(X, &[2, 3])]),
        ok(4, 4, 104, &[r(X, &[1])]),
    ];
    assert!(found(&ops, false).contains(&(Kind::Internal, 1)));
    assert_eq!(found(&ops[..4], false), []);
}

#[test]
fn a_report_counts_what_it_judged() {
    for register in [false, true] {
        let ops = [
            failed(ok(0, 0, 10, &[w(X, 1)])),
            ok(1, 1, 11, &[r(X, &[1])]),
            ok(2, 2, 12, &[r(X, &[1]), Mop::Read(Y, None)]),
            ok(3, 3, 13, &[w(X + 2, 1)]),
            info(ok(4, 4, 14, &[r(X + 2, &[1])])),
            ok(5, 5, 15, &[r(X + 2, &[1])]),
        ];
        let result = check(&ops, register).into_result();
        let names = ["transactions", "ok", "fail", "info", "G1a", "keys"];
        let counts = names.map(|name| result.counts.get(name).copied().unwrap_or_default());
        assert_eq!(counts[..5], [6, 4, 1, 1, 2], "{register}");
        if !register {
            assert_eq!(counts[5], 3);
        }
        assert_eq!(result.counts["dependencies"], 1, "{register}: {:?}", result.counts);
    }
}

#[test]
fn reads_of_values_from_elsewhere_are_remarked_on_unless_there_is_no_elsewhere() {
    let ops = at_once(&[&[w(X, 1)], &[r(X, &[7])], &[r(X, &[8])]]);
    let result = rw_register::check(&ops, &Assumptions::default()).into_result();
    let doubt = "2 reads of values that no transaction wrote and that were not there at first: who else wrote, and when, is \
                 not known; no recorded write was read by another transaction: nothing binds the history";
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Unknown, Some(doubt))
    );
    assert_eq!(result.counts["unwritten-reads"], 2);
    let closed = Assumptions {
        closed: true,
        ..Assumptions::default()
    };
    let result = rw_register::check(&ops, &closed).into_result();
    assert_eq!(
        (result.counts["unwritten-reads"], result.counts["garbage-read"]),
        (2, 2)
    );
    assert!(!result.reason.unwrap_or_default().contains("who else"));
    let result = rw_register::check(&ops[..1], &Assumptions::default()).into_result();
    assert!(!result.reason.unwrap_or_default().contains("who else"));
}

#[test]
fn models_and_kinds_are_called_by_their_names() {
    assert_eq!(Model::SnapshotIsolation.to_string(), "snapshot-isolation");
    assert_eq!(
        Kind::Cycle(Class::GSingle, Order::Realtime).to_string(),
        "G-single-realtime"
    );
    let options = Options::model(Model::SnapshotIsolation);
    assert_eq!(options.models, [Model::SnapshotIsolation]);
    assert_eq!((options.witnesses_max, options.search_edges_max), (16, 64_000_000));
}

/// What is said of one kind, of registers under assumptions.
fn of_registers(ops: &[Op], assumptions: Assumptions, kind: Kind) -> (String, String, Vec<u64>) {
    let report = rw_register::check(ops, &assumptions);
    let told = told(&report, kind);
    let (subject, sentence, witness) = told.first().unwrap_or_else(|| panic!("{kind}: {:?}", report.kinds()));
    ((*subject).to_owned(), (*sentence).to_owned(), witness.to_vec())
}

#[test]
fn each_anomaly_of_a_register_has_a_sentence_and_its_transactions() {
    let none = Assumptions::default();
    let closed = Assumptions { closed: true, ..none };
    let sequential = Assumptions {
        sequential_keys: true,
        ..none
    };
    let circle = [
        ok(0, 0, 50, &[w(X, 1)]),
        ok(1, 1, 51, &[w(X, 2)]),
        ok(2, 10, 11, &[r(X, &[1])]),
        ok(2, 12, 13, &[r(X, &[2])]),
        ok(2, 14, 15, &[r(X, &[1])]),
    ];
    for (kind, assumptions, ops, subject, sentence, witness) in [
        (
            Kind::G1a,
            none,
            vec![failed(ok(0, 0, 10, &[w(X, 1)])), ok(1, 1, 11, &[r(X, &[1])])],
            "T11",
            "T11 read 100 = 1, which T10 wrote and which failed",
            &[11, 10][..],
        ),
        (
            Kind::FutureRead,
            none,
            at_once(&[&[r(X, &[1]), w(X, 1)]]),
            "T100",
            "T100 read 100 = 1 before it wrote it",
            &[100],
        ),
        (
            Kind::Internal,
            none,
            at_once(&[&[r(Y, &[]), w(Y, 2), r(Y, &[])]]),
            "T100",
            "T100 read 101 = nil after it had read or written 101 = 2",
            &[100],
        ),
        (
            Kind::Internal,
            none,
            at_once(&[&[w(X, 1)], &[r(Y, &[]), r(X, &[]), r(Y, &[]), r(X, &[1])]]),
            "T101",
            "T101 read 100 = 1 after it had read or written 100 = nil",
            &[101],
        ),
        (
            Kind::Internal,
            none,
            at_once(&[&[w(X, 1)], &[w(Y, 2), r(Y, &[])]]),
            "T101",
            "T101 read 101 = nil after it had read or written 101 = 2",
            &[101],
        ),
        (
            Kind::FutureRead,
            none,
            at_once(&[&[r(Y, &[]), r(X, &[1]), w(X, 1)]]),
            "T100",
            "T100 read 100 = 1 before it wrote it",
            &[100],
        ),
        (
            Kind::CyclicVersions(Order::Data),
            sequential,
            vec![
                ok(0, 0, 50, &[w(X, 1)]),
                ok(2, 10, 11, &[r(X, &[1])]),
                ok(2, 12, 13, &[r(X, &[])]),
            ],
            "100",
            "100 = 1, 100 = nil precede each other in a circle",
            &[50],
        ),
        (
            Kind::GarbageRead,
            closed,
            at_once(&[&[r(X, &[9])]]),
            "T100",
            "T100 read 100 = 9, which no transaction wrote",
            &[100],
        ),
        (
            Kind::G1b,
            none,
            at_once(&[&[w(X, 1), w(X, 2)], &[r(X, &[1])]]),
            "T101",
            "T101 read 100 = 1, which T100 wrote and then overwrote itself",
            &[101, 100],
        ),
        (
            Kind::LostUpdate,
            none,
            at_once(&[&[r(X, &[]), w(X, 1)], &[r(X, &[]), w(X, 2)]]),
            "T100, T101",
            "T100, T101 all read 100 = nil and then overwrote it",
            &[100, 101],
        ),
        (
            Kind::CyclicVersions(Order::Data),
            sequential,
            circle.to_vec(),
            "100",
            "100 = 1, 100 = 2 precede each other in a circle",
            &[50, 51],
        ),
    ] {
        let (found_subject, found_sentence, found_witness) = of_registers(&ops, assumptions, kind);
        assert_eq!(
            (&*found_subject, &*found_sentence, &*found_witness),
            (subject, sentence, witness)
        );
    }
}

#[test]
fn a_cycle_of_registers_reads_like_a_proof() {
    let none = Assumptions::default();
    let data = |class| Kind::Cycle(class, Order::Data);
    // Beside what decides there are reads and writes of other keys.
    let single = at_once(&[&[w(Y, 7), w(X, 1), w(Y, 8)], &[r(X + 5, &[]), r(X, &[1]), r(Y, &[])]]);
    assert_eq!(
        of_registers(&single, none, data(Class::GSingle)).1,
        "T101 comes before T100, because T101 read 101 = nil, and T100 set 101 = 8 later; but T100 comes before T101, \
         because T101 read 100 = 1, which T100 wrote"
    );
    let update = at_once(&[
        &[w(X, 1), w(Y, 2)],
        &[r(X, &[1]), w(X, 2), w(Y, 3)],
        &[r(Y, &[3]), r(X, &[1])],
    ]);
    assert_eq!(
        of_registers(&update, none, data(Class::GSingle)).1,
        "T102 comes before T101, because T102 read 100 = 1, and T101 set 100 = 2 later; but T101 comes before T102, \
         because T102 read 101 = 3, which T101 wrote"
    );
    let followed = Assumptions { wfr_keys: true, ..none };
    let writes = at_once(&[&[r(Y, &[2]), w(X, 1), w(Y, 1)], &[r(X, &[1]), w(X, 2), w(Y, 2)]]);
    let (_, told, _) = of_registers(&writes, followed, data(Class::G0));
    assert_eq!(
        told,
        "T100 comes before T101, because T101 set 100 = 2 after T100 had set 100 = 1; but T101 comes before T100, \
         because T100 set 101 = 1 after T101 had set 101 = 2"
    );
}

#[test]
fn writes_at_once_both_come_before_what_began_after_them() {
    let linearizable = Assumptions {
        linearizable_keys: true,
        ..Assumptions::default()
    };
    for stale in [1, 2] {
        let ops = [
            ok(0, 0, 5, &[w(X, 1)]),
            ok(1, 1, 6, &[w(X, 2)]),
            ok(2, 7, 8, &[w(X, 3)]),
            ok(3, 9, 10, &[r(X, &[stale])]),
        ];
        let kinds = rw_register::check(&ops, &linearizable).kinds().clone();
        assert_eq!(
            kinds.keys().copied().collect::<Vec<_>>(),
            [Kind::CyclicVersions(Order::Data)],
            "{stale}"
        );
    }
}

#[test]
fn an_update_of_a_value_that_two_wrote_is_not_told_as_lost() {
    let ops = at_once(&[&[w(X, 1)], &[w(X, 1)], &[r(X, &[1]), w(X, 2)], &[r(X, &[1]), w(X, 3)]]);
    assert_eq!(found(&ops, true), []);
}

#[test]
fn a_transaction_of_unknown_end_is_before_nothing_in_real_time() {
    let ops = [
        info(ok(0, 0, 1, &[w(X, 1)])),
        ok(1, 2, 3, &[r(X, &[])]),
        ok(1, 4, 5, &[r(X, &[1])]),
    ];
    for register in [false, true] {
        assert_eq!(found(&ops, register), [], "{register}");
    }
}

#[test]
fn a_cycle_says_which_process_ran_what_first() {
    for register in [false, true] {
        let ops = [
            ok(3, 0, 1, &[w(X, 1)]),
            ok(7, 0, 2, &[r(Y, &[])]),
            ok(7, 3, 4, &[w(Y, 1)]),
            ok(3, 5, 6, &[r(X, &[])]),
        ];
        let report = check(&ops, register);
        let told = told(&report, Kind::Cycle(Class::GSingle, Order::Process));
        assert!(
            told[0].1.ends_with("because process 3 ran T1 and then T6"),
            "{}",
            told[0].1
        );
    }
}

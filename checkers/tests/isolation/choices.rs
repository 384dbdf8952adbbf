//! Which of several operations an edge of a cycle is told by, what nil decides, what a budget leaves open, and very many
//! transactions and values.

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{Class, Kind, ListAppend, Model, Options, Order, Outcome, Report, RwRegister, Txn};
use paytwice_checkers::verdict::Verdict;

use crate::by_construction::{at_once, ok, r, w};
use crate::histories::Mop;
use crate::rw_register;

/// The first cycle of registers.
fn told(txns: &[&[Mop]]) -> String {
    let report = rw_register::check(&at_once(txns), &Assumptions::default());
    let mut cycles = report.anomalies().iter();
    let cycle = cycles.find(|(kind, _)| matches!(kind, Kind::Cycle(..)));
    cycle.expect("a cycle").1.sentence.clone()
}

#[test]
fn who_read_of_two_is_told_with_what_this_one_wrote() {
    let told = told(&[&[w(1, 1), r(2, &[2])], &[r(3, &[3]), r(1, &[1]), w(2, 2)], &[w(3, 3)]]);
    assert!(told.contains("T101 read 1 = 1, which T100 wrote"), "{told}");
}

#[test]
fn an_overwrite_that_is_known_for_certain_is_told_before_others() {
    // T101 wrote 5 without having read it, and 6 after it had.
    let told = told(&[
        &[r(5, &[1]), r(6, &[1]), r(7, &[2])],
        &[r(8, &[1]), w(5, 2), r(6, &[1]), w(6, 2), w(7, 2)],
        &[w(8, 1), w(5, 1), w(6, 1)],
    ]);
    assert!(told.contains("T100 read 6 = 1, and T101 set 6 = 2 later"), "{told}");
}

#[test]
fn a_write_after_nil_follows_no_other_write_for_certain() {
    let wfr = Assumptions {
        wfr_keys: true,
        ..Assumptions::default()
    };
    // The second follows the first by key 2, and by key 1 as far as anybody knows; whatever they are numbered.
    for first in [
        &[r(9, &[1]), w(9, 2), w(1, 1), w(2, 1)][..],
        &[r(9, &[1]), w(9, 2), w(2, 1), w(1, 1)],
        &[w(1, 1), w(2, 1), r(9, &[1]), w(9, 2)],
    ] {
        for second in [
            &[r(1, &[]), w(1, 2), r(2, &[1]), w(2, 2), w(9, 1)][..],
            &[r(2, &[1]), r(1, &[]), w(1, 2), w(2, 2), w(9, 1)],
        ] {
            for (txns, told) in [
                ([first, second], "T101 set 2 = 2 after T100 had set 2 = 1"),
                ([second, first], "T100 set 2 = 2 after T101 had set 2 = 1"),
            ] {
                let report = rw_register::check(&at_once(&txns), &wfr);
                let of_writes = report.anomalies().iter().find(|(kind, _)| *kind == WRITES);
                let sentence = &of_writes.expect("a cycle of writes").1.sentence;
                assert!(sentence.contains(told), "{sentence}");
            }
        }
    }
}

/// Two transactions that read 1 of a key and then wrote nothing to it.
fn both_took_away(first_key: i64, key: i64) -> Report {
    let mut history = RwRegister::new();
    let mut txn = |process: u64, mops: &dyn Fn(&mut RwRegister)| {
        history.begin(Txn {
            process,
            invoke: process,
            complete: Some(10 + process),
            outcome: Outcome::Ok,
        });
        mops(&mut history);
    };
    txn(0, &|history| {
        history.write(first_key, Some(7));
        history.write(key, Some(1));
    });
    for process in 1..3 {
        txn(process, &|history| {
            history.read(key, Some(1));
            history.write::<i64>(key, None);
        });
    }
    history.check(&Options::default(), &Assumptions::default())
}

#[test]
fn a_write_of_nil_is_no_update_whichever_key_it_is_of() {
    for (first_key, key) in [(1, 2), (2, 2), (2, 1)] {
        let report = both_took_away(first_key, key);
        let lost = report.kinds().get(&Kind::LostUpdate);
        assert_eq!(lost, None, "{first_key} {key}: {report:?}");
    }
}

const WRITES: Kind = Kind::Cycle(Class::G0, Order::Data);
const SINGLE: Kind = Kind::Cycle(Class::GSingle, Order::Data);
const SEVERAL: Kind = Kind::Cycle(Class::GNonadjacent, Order::Data);

/// How many cycles have one anti-dependency, and of how many that is not told apart.
fn told_apart(txns: &[Vec<Mop>], search_edges_max: u64) -> [u64; 2] {
    let mut history = RwRegister::new();
    for op in at_once(&txns.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
        history.begin(op.txn);
        for mop in &op.mops {
            match mop {
                Mop::Write(key, value) => history.write(*key, Some(*value)),
                Mop::Read(key, found) => history.read(*key, found.clone().unwrap_or_default().first().copied()),
            }
        }
    }
    let options = Options {
        search_edges_max,
        ..Options::default()
    };
    let report = history.check(&options, &Assumptions::default());
    [SINGLE, SEVERAL].map(|kind| report.kinds().get(&kind).copied().unwrap_or(0))
}

/// A ring of so many transactions, each of which read what the one before wrote, but for some that read nil before the
/// next one wrote.
fn ring(first_key: i64, txns: i64, nil: impl Fn(i64) -> bool) -> Vec<Vec<Mop>> {
    let key = |at: i64| first_key + at % txns;
    let link = |at: i64, reads: bool| match (reads, nil(at % txns)) {
        (true, true) => r(key(at), &[]),
        (true, false) => r(key(at), &[1]),
        (false, _) => w(key(at), 1),
    };
    // Link n leads from transaction n to the next: a write that is read, or a read of nil that is overwritten.
    (0..txns)
        .map(|at| {
            let onward = link(at, nil(at));
            let before = at + txns - 1;
            let back = link(before, !nil(before % txns));
            vec![back, onward]
        })
        .collect()
}

#[test]
fn one_large_group_leaves_most_of_the_budget_to_the_others() {
    // Of the ring with two no cycle has one alone, which takes a look at all of it.
    let large = ring(1_000, 2_000, |at| at % 1_000 == 0);
    let small = |first_key: i64| ring(first_key, 4, |at| at == 0);
    let all = [small(1), large, small(11)].concat();
    assert_eq!(told_apart(&all, 1_000_000), [2, 1]);
    assert_eq!(told_apart(&all, 1_600), [2, 1]);
    assert_eq!(told_apart(&all, 0), [0, 3]);
}

#[test]
fn a_budget_is_spent_by_all_groups_together() {
    let rings = |n: i64| -> Vec<Vec<Mop>> { (0..n).flat_map(|n| ring(10 * n, 4, |at| at == 0)).collect() };
    let apart = |n: i64| told_apart(&rings(n), 160);
    assert_eq!(apart(4), [4, 0]);
    let [single, several] = apart(60);
    assert!(single >= 4 && several > 20, "{single} {several}");
    assert_eq!(single + several, 60);
}

#[test]
fn many_readers_of_what_many_overwrote_are_few_dependencies() {
    let mut txns: Vec<Vec<Mop>> = (0..300).map(|_| vec![r(1, &[])]).collect();
    txns.extend((0..300).map(|n| vec![w(1, n)]));
    let mut ops = at_once(&txns.iter().map(Vec::as_slice).collect::<Vec<_>>());
    ops.iter_mut()
        .for_each(|op| op.txn.complete = Some(1_000 + op.txn.invoke));
    let result = rw_register::check(&ops, &Assumptions::default()).into_result();
    let dependencies = result.counts["dependencies"];
    assert!((600..3_000).contains(&dependencies), "{dependencies}");
}

#[test]
fn a_transaction_that_begins_where_another_ends_is_beside_it() {
    for (invoke, ordered) in [(5, false), (6, true)] {
        let reads_ahead = ok(0, 0, 5, &[r(1, &[1])]);
        let writes = ok(0, invoke, 9, &[w(1, 1)]);
        let report = rw_register::check(&[reads_ahead, writes], &Assumptions::default());
        assert_eq!(report.kinds().is_empty(), !ordered, "{invoke}: {report:?}");
        let linearizable = Assumptions {
            linearizable_keys: true,
            ..Assumptions::default()
        };
        let finds_nothing = ok(1, invoke, 9, &[r(1, &[])]);
        let report = rw_register::check(&[ok(0, 0, 5, &[w(1, 1)]), finds_nothing], &linearizable);
        assert_eq!(report.kinds().is_empty(), !ordered, "{invoke}: {report:?}");
    }
}

#[test]
fn a_key_of_which_nothing_is_known_is_counted() {
    let ops = at_once(&[&[w(1, 1), r(1, &[1]), Mop::Read(2, None)]]);
    let result = rw_register::check(&ops, &Assumptions::default()).into_result();
    assert_eq!(result.counts["keys"], 2);
}

/// So many that halves of their hashes are the same.
const MANY: i64 = 200_000;

#[test]
fn of_very_many_values_of_a_key_none_is_taken_for_another() {
    let txn = |process: u64| Txn {
        process,
        invoke: process,
        complete: Some(10 + process),
        outcome: Outcome::Ok,
    };
    let mut list = ListAppend::new();
    let mut register = RwRegister::new();
    list.begin(txn(0));
    register.begin(txn(0));
    for value in 0..MANY {
        list.append(1, value);
        register.write(1, Some(value));
        register.read(1, Some(value));
    }
    list.read(1, 0..MANY);
    register.begin(txn(1));
    register.read(1, Some(MANY - 1));
    let reports = [
        list.check(&Options::default()),
        register.check(&Options::default(), &Assumptions::default()),
    ];
    for report in reports {
        assert_eq!(report.verdict(Model::StrictSerializable), Verdict::Valid, "{report:?}");
        assert!(report.kinds().is_empty(), "{report:?}");
    }
}

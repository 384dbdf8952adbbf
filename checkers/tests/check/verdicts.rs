//! What each workload decides: right from wrong, and unknown where nothing was judged.

use paytwice_checkers::check::catalogue;
use paytwice_checkers::verdict::{Completeness, Verdict};
use paytwice_checkers::workloads::WORKLOADS;

use crate::support::{checked, needed, verdict};

#[test]
fn every_workload_tells_right_from_wrong() {
    let (valid, invalid) = (Verdict::Valid, Verdict::Invalid);
    for (as_, options, lines, expected) in [
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read 1"][..],
            valid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read 2"],
            invalid,
        ),
        ("cas-register", "initial=2", &["0 invoke read", "0 ok read 2"], valid),
        ("cas-register", "-", &["0 invoke cas [1 2]", "0 ok cas [1 2]"], invalid),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 fail write 1", "0 invoke read", "0 ok read 1"],
            invalid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 info write nil", "1 invoke read", "1 ok read 1"],
            valid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "1 invoke read", "1 ok read 1"],
            valid,
        ),
        (
            "cas-register",
            "independent=true",
            &[
                "0 invoke write [x 1]",
                "0 ok write [x 1]",
                "0 invoke read [y nil]",
                "0 ok read [y 1]",
            ],
            invalid,
        ),
        (
            "cas-register",
            "nil-reads=initial",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read nil"],
            invalid,
        ),
        (
            "cas-register",
            "failed-cas=refused",
            &[
                "0 invoke write 1",
                "0 ok write 1",
                "0 invoke cas [1 2]",
                "0 fail cas [1 2]",
            ],
            invalid,
        ),
        (
            "cas-register",
            "failed-cas=nothing",
            &[
                "0 invoke write 1",
                "0 ok write 1",
                "0 invoke cas [1 2]",
                "0 fail cas [1 2]",
                "0 invoke read",
                "0 ok read 1",
            ],
            valid,
        ),
        (
            "kv",
            "-",
            &[
                "0 invoke append \"a\"",
                "0 ok append \"a\"",
                "0 invoke append \"b\"",
                "0 ok append \"b\"",
                "0 invoke get",
                "0 ok get \"ab\"",
            ],
            valid,
        ),
        (
            "kv",
            "-",
            &["0 invoke put \"a\"", "0 ok put \"a\"", "0 invoke get", "0 ok get \"\""],
            invalid,
        ),
        (
            "multi-register",
            "-",
            &[
                "0 invoke txn [[:write x 1] [:write y 1]]",
                "0 ok txn [[:write x 1] [:write y 1]]",
                "0 invoke txn [[:read x nil] [:read y nil]]",
                "0 ok txn [[:read x 1] [:read y 1]]",
            ],
            valid,
        ),
        (
            "multi-register",
            "initial=0",
            &[
                "0 invoke txn [[:write x 1] [:write y 1]]",
                "0 ok txn [[:write x 1] [:write y 1]]",
                "0 invoke txn [[:read x nil] [:read y nil]]",
                "0 ok txn [[:read x 1] [:read y 0]]",
            ],
            invalid,
        ),
        (
            "mutex",
            "-",
            &[
                "0 invoke acquire",
                "0 ok acquire",
                "1 invoke acquire",
                "0 invoke release",
                "0 ok release",
                "1 ok acquire",
            ],
            valid,
        ),
        (
            "mutex",
            "-",
            &["0 invoke acquire", "0 ok acquire", "1 invoke acquire", "1 ok acquire"],
            invalid,
        ),
        (
            "fifo-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke enqueue 2",
                "0 ok enqueue 2",
                "0 invoke dequeue",
                "0 ok dequeue 1",
            ],
            valid,
        ),
        (
            "fifo-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke enqueue 2",
                "0 ok enqueue 2",
                "0 invoke dequeue",
                "0 ok dequeue 2",
                "0 invoke dequeue",
                "0 ok dequeue 1",
            ],
            invalid,
        ),
        (
            "total-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain [1]",
            ],
            valid,
        ),
        (
            "total-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain []",
            ],
            invalid,
        ),
        (
            "total-queue",
            "exactly-once=true",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain [1 1]",
            ],
            invalid,
        ),
        (
            "set",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read #{1}"],
            valid,
        ),
        (
            "set",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read #{}"],
            invalid,
        ),
        (
            "set-full",
            "-",
            &[
                "0 invoke add [1 a]",
                "0 ok add [1 a]",
                "0 invoke read",
                "0 ok read [(1 a)]",
            ],
            valid,
        ),
        (
            "set-full",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read []"],
            invalid,
        ),
        ("bank", "total=3", &["0 invoke read", "0 ok read {a 1, b 2}"], valid),
        ("bank", "total=3", &["0 invoke read", "0 ok read {a 1, b 1}"], invalid),
        (
            "bank",
            "negative-balances=true",
            &["0 invoke read", "0 ok read {a -1, b 2}"],
            valid,
        ),
        (
            "counter",
            "-",
            &["0 invoke add 2", "0 ok add 2", "0 invoke read", "0 ok read 2"],
            valid,
        ),
        (
            "counter",
            "-",
            &["0 invoke add 2", "0 ok add 2", "0 invoke read", "0 ok read 1"],
            invalid,
        ),
        (
            "long-fork",
            "-",
            &[
                "0 invoke write [[:w 0 1]]",
                "0 ok write [[:w 0 1]]",
                "0 invoke write [[:w 1 1]]",
                "0 ok write [[:w 1 1]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 1] [:r 1 nil]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 nil] [:r 1 1]]",
            ],
            invalid,
        ),
        (
            "long-fork",
            "-",
            &[
                "0 invoke write [[:w 0 1]]",
                "0 ok write [[:w 0 1]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 nil] [:r 1 nil]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 1] [:r 1 nil]]",
            ],
            valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate 1",
                "0 invoke generate",
                "0 ok generate 2",
            ],
            valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate 1",
                "0 invoke generate",
                "0 ok generate 1",
            ],
            invalid,
        ),
        (
            "log",
            "-",
            &[
                "0 invoke send [[:send k 1]]",
                "0 ok send [[:send k [0 1]]]",
                "1 invoke poll [[:poll]]",
                "1 ok poll [[:poll {k [[0 1]]}]]",
            ],
            valid,
        ),
        (
            "log",
            "-",
            &[
                "0 invoke send [[:send k 1]]",
                "0 ok send [[:send k [0 1]]]",
                "0 invoke send [[:send k 2]]",
                "0 ok send [[:send k [1 2]]]",
                "1 invoke poll [[:poll]]",
                "1 ok poll [[:poll {k [[1 2]]}]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x [1]]]",
            ],
            valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 fail txn nil",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x [1]]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x nil]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "model=serializable",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x nil]]",
            ],
            valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "1 invoke txn [[:r x nil]]",
                "1 ok txn [[:r x [1]]]",
            ],
            valid,
        ),
        (
            "rw-register",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 ok txn [[:w x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x 1]]",
            ],
            valid,
        ),
        (
            "rw-register",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 fail txn [[:w x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x 1]]",
            ],
            invalid,
        ),
    ] {
        assert_eq!(verdict(as_, options, lines), expected, "{as_} {options} {lines:?}");
    }
}

#[test]
fn every_workload_says_unknown_of_a_history_that_is_empty() {
    for entry in WORKLOADS {
        assert_eq!(
            verdict(entry.name, needed(entry.name), &[]),
            Verdict::Unknown,
            "{}",
            entry.name
        );
        assert!(catalogue().contains(entry.name));
    }
}

#[test]
fn every_workload_says_how_far_its_verdicts_go() {
    let catalogue = catalogue();
    let isolation = ["list-append", "rw-register"];
    for entry in WORKLOADS.iter().filter(|entry| !isolation.contains(&entry.name)) {
        assert!(!entry.decides.is_empty(), "{}", entry.name);
        for row in entry.decides {
            assert!(catalogue.contains(row.how), "{}: {}", entry.name, row.how);
        }
    }
    let lines = ["0 invoke generate", "0 ok generate 1"];
    let result = checked("unique-ids", "-", &lines).unwrap().results.remove(0);
    assert_eq!(result.completeness, Some(Completeness::Decided));
}

#[test]
fn a_nemesis_is_no_client() {
    for entry in WORKLOADS {
        let nemesis = ["0 invoke read", ":nemesis info start {:a 1}", ":nemesis info stop"];
        assert_eq!(
            verdict(entry.name, needed(entry.name), &nemesis[1..]),
            Verdict::Unknown,
            "{}",
            entry.name
        );
    }
}

//! What single operations mean to each workload: how they end, what they are called, and whose they are.

use paytwice_checkers::verdict::Verdict::{self, Invalid, Unknown, Valid};

use crate::support::{anomalies, checked, refused, verdict};

/// A workload, its options, lines, and the verdict.
type Case = (&'static str, &'static str, &'static [&'static str], Verdict);

fn decide(cases: &[Case]) {
    for (as_, options, lines, expected) in cases {
        assert_eq!(verdict(as_, options, lines), *expected, "{as_} {lines:#?}");
    }
}

fn counts<const N: usize>(as_: &str, options: &str, lines: &[&str], names: [&str; N]) -> [u64; N] {
    let result = checked(as_, options, lines).unwrap().results.remove(0);
    names.map(|name| result.counts[name])
}

#[test]
fn an_operation_may_fail_or_end_as_nobody_knows() {
    decide(&[
        (
            "counter",
            "-",
            &["0 invoke add 1", "0 fail add 1", "1 invoke read", "1 ok read 0"],
            Valid,
        ),
        (
            "counter",
            "-",
            &["0 invoke add 1", "0 fail add 1", "1 invoke read", "1 ok read 1"],
            Invalid,
        ),
        (
            "counter",
            "-",
            &[
                "0 invoke add 1",
                "0 info add 1",
                "1 invoke read",
                "1 ok read 1",
                "1 invoke read",
                "1 ok read 1",
            ],
            Valid,
        ),
        (
            "counter",
            "-",
            &["1 invoke read", "1 fail read", "1 invoke read", "1 ok read 0"],
            Valid,
        ),
        // The read began before.
        (
            "counter",
            "-",
            &["1 invoke read", "0 invoke add 1", "0 ok add 1", "1 ok read 0"],
            Valid,
        ),
        (
            "set-full",
            "-",
            &[
                "0 invoke add a",
                "0 fail add a",
                "1 invoke read",
                "1 info read",
                "2 invoke read",
                "2 ok read #{}",
            ],
            Unknown,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 fail generate",
                "1 invoke generate",
                "1 info generate",
                "2 invoke generate",
                "2 ok generate 1",
            ],
            Valid,
        ),
        (
            "total-queue",
            "-",
            &[
                "0 invoke dequeue",
                "0 fail dequeue",
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke dequeue",
                "0 ok dequeue 1",
            ],
            Valid,
        ),
        (
            "log",
            "-",
            &[
                "0 invoke send [[:send k 1]]",
                "0 info send nil",
                "1 invoke poll [[:poll]]",
                "1 ok poll [[:poll {k [[0 1]]}]]",
            ],
            Valid,
        ),
        // An info that ends nothing.
        ("key-order", "-", &["5 info send nil"], Unknown),
        ("postings", "-", &["5 info credit nil"], Unknown),
    ]);
    let lines = [
        "0 invoke enqueue 1",
        "0 fail enqueue 1",
        "1 invoke dequeue",
        "1 info dequeue",
        "2 invoke drain",
        "2 info drain",
    ];
    let names = ["attempt", "acknowledged", "unknown-dequeues", "unknown-drains"];
    assert_eq!(counts("total-queue", "-", &lines, names), [1, 0, 1, 1]);
    let lines = [
        "0 invoke generate",
        "0 ok generate 1",
        "1 invoke generate",
        "1 info generate",
    ];
    assert_eq!(counts("unique-ids", "-", &lines, ["attempted", "acknowledged"]), [2, 1]);
}

#[test]
fn a_settle_counts_where_it_ended_ok() {
    decide(&[
        (
            "exactly-once-effects",
            "-",
            &[
                "0 invoke send m",
                "0 ok send m",
                "1 ok deliver m",
                "1 ok apply m",
                "1 invoke settle",
                "1 ok settle",
            ],
            Valid,
        ),
        (
            "leftovers",
            "-",
            &[
                "0 ok appear [k 1]",
                "0 ok vanish [k 1]",
                "1 invoke settle",
                "1 ok settle",
            ],
            Valid,
        ),
        (
            "leftovers",
            "-",
            &[
                "0 ok appear [k 1]",
                "0 ok vanish [k 1]",
                "1 invoke settle",
                "1 fail settle",
            ],
            Unknown,
        ),
        (
            "schedule",
            "delays-ms=0",
            &[
                "@0 0 ok due x",
                "@0 0 invoke attempt x",
                "@0 0 ok attempt x",
                "@9000 1 invoke settle",
                "@9001 1 ok settle",
            ],
            Valid,
        ),
        (
            "schedule",
            "delays-ms=0",
            &[
                "@0 0 ok due x",
                "@9000 0 invoke attempt x",
                "@9000 0 ok attempt x",
                "@9001 1 ok settle",
            ],
            Invalid,
        ),
        (
            "state-machine",
            "transitions=a:b",
            &["0 ok enter [x a]", "0 ok enter [x b]", "1 invoke settle", "1 ok settle"],
            Valid,
        ),
        (
            "soft-state",
            "-",
            &[
                "@0 0 ok enter x",
                "@1 0 ok leave x",
                "@2 1 invoke settle",
                "@3 1 ok settle",
            ],
            Valid,
        ),
    ]);
}

#[test]
fn operations_of_a_process_belong_together() {
    decide(&[
        (
            "counter",
            "-",
            &[
                "0 invoke add 1",
                "1 invoke add 2",
                "0 ok add 1",
                "1 ok add 2",
                "2 invoke read",
                "2 ok read 3",
            ],
            Valid,
        ),
        // A transfer is two postings, beside those of another process.
        (
            "postings",
            "-",
            &[
                "0 invoke transfer {:from a, :to b, :amount 5}",
                "1 invoke transfer {:from b, :to c, :amount 7}",
                "0 ok transfer {:from a, :to b, :amount 5}",
                "1 ok transfer {:from b, :to c, :amount 7}",
                "2 invoke read [a nil]",
                "2 ok read [a -5]",
                "2 invoke read [b nil]",
                "2 ok read [b -2]",
                "2 invoke read [c nil]",
                "2 ok read [c 7]",
            ],
            Valid,
        ),
        (
            "postings",
            "-",
            &[
                "0 invoke credit [a 5N]",
                "0 ok credit [a 5N]",
                "1 invoke read [a nil]",
                "1 ok read [a 5N]",
            ],
            Valid,
        ),
    ]);
    for (as_, lines) in [
        ("total-queue", ["0 invoke dequeue", "0 invoke dequeue"]),
        ("key-order", ["0 invoke send [k 1]", "0 invoke send [k 2]"]),
    ] {
        let error = refused(as_, "-", &lines);
        assert!(error.contains("one operation of a process at a time"), "{error}");
    }
    let error = refused("key-order", "-", &["0 ok send [k 1]"]);
    assert!(error.contains("the end of an operation that was invoked"), "{error}");
    // What is no client's is no operation.
    let lines = [
        ":nemesis info kill nil",
        ":nemesis ok kill nil",
        "0 invoke txn [[:w x 1]]",
        "0 ok txn [[:w x 1]]",
        "0 invoke txn [[:r x nil] [:r y nil]]",
        "0 ok txn [[:r x 1] [:r y nil]]",
    ];
    assert_eq!(verdict("long-fork", "-", &lines), Valid);
}

#[test]
fn values_are_the_same_whatever_they_are_written_as() {
    decide(&[
        (
            "set-full",
            "-",
            &[
                "0 invoke add #{1 2}",
                "0 ok add #{2 1}",
                "1 invoke read",
                "1 ok read [#{2 1}]",
            ],
            Valid,
        ),
        (
            "set-full",
            "-",
            &[
                "0 invoke add {:a 1, :b 2}",
                "0 ok add {:b 2, :a 1}",
                "1 invoke read",
                "1 ok read [{:b 2, :a 1}]",
            ],
            Valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate [1 2]",
                "0 invoke generate",
                "0 ok generate [12]",
            ],
            Valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate [1 2]",
                "0 invoke generate",
                "0 ok generate (1 2)",
            ],
            Invalid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append :x 1]]",
                "0 ok txn [[:append :x 1]]",
                "1 invoke txn [[:r :x nil]]",
                "1 ok txn [[:r :x [1]]]",
            ],
            Valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "1 invoke txn [[:r x nil]]",
                "1 ok txn [[:r x [\"1\"]]]",
            ],
            Invalid,
        ),
    ]);
    let error = refused("postings", "-", &["0 invoke credit [a 39614081257132168796771975168]"]);
    assert!(error.contains("an amount, as a whole number"), "{error}");
    let lines = [
        "0 invoke credit [a 39614081257132168796771975167]",
        "0 ok credit nil",
        "1 invoke read [a nil]",
        "1 ok read [a 39614081257132168796771975167]",
    ];
    assert_eq!(verdict("postings", "-", &lines), Valid);
}

#[test]
fn reads_of_transactions_that_did_not_commit_say_nothing() {
    decide(&[
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "1 invoke txn [[:r x nil] [:append x 2]]",
                "1 info txn [[:r x nil] [:append x 2]]",
                "2 invoke txn [[:r x nil]]",
                "2 ok txn [[:r x [1 2]]]",
            ],
            Valid,
        ),
        (
            "rw-register",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 ok txn [[:w x 1]]",
                "1 invoke txn [[:r x nil] [:w x 2]]",
                "1 info txn [[:r x nil] [:w x 2]]",
                "2 invoke txn [[:r x nil]]",
                "2 ok txn [[:r x 2]]",
            ],
            Valid,
        ),
        // Without a value, what was read is the empty list.
        (
            "list-append",
            "-",
            &["0 invoke txn [[:r x]]", "0 ok txn [[:r x]]"],
            Valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x]]",
                "0 ok txn [[:r x]]",
            ],
            Invalid,
        ),
    ]);
}

#[test]
fn a_long_fork_counts_writes_when_they_are_called() {
    decide(&[
        (
            "long-fork",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 info txn nil",
                "1 invoke txn [[:w x 2]]",
                "1 info txn nil",
                "2 invoke txn [[:r x nil] [:r y nil]]",
                "2 ok txn [[:r x 1] [:r y nil]]",
            ],
            Unknown,
        ),
        (
            "long-fork",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 ok txn [[:w x 1]]",
                "2 invoke txn [[:r x nil] [:r y nil]]",
                "2 ok txn [[:r x 1] [:r y nil]]",
            ],
            Valid,
        ),
    ]);
    let lines = [
        "0 invoke txn [[:r x nil] [:r y nil]]",
        "0 ok txn [[:r x nil] [:r y nil]]",
        "0 invoke txn [[:w x 1]]",
        "0 ok txn [[:w x 1]]",
    ];
    assert_eq!(counts("long-fork", "-", &lines, ["early-reads", "late-reads"]), [1, 0]);
}

/// Two messages, polled twice from the beginning by process 1, with something between.
fn polled_again(between: &'static [&'static str]) -> Verdict {
    let send = |n: u32| {
        [
            format!("0 invoke send [[:send k {n}]]"),
            format!("0 ok send [[:send k [{n} {n}]]]"),
        ]
    };
    let poll = [
        "1 invoke poll [[:poll]]".to_owned(),
        "1 ok poll [[:poll {k [[0 0] [1 1]]}]]".to_owned(),
    ];
    let between: Vec<String> = between.iter().map(|line| (*line).to_owned()).collect();
    let lines = [&send(0)[..], &send(1), &poll, &between, &poll].concat();
    verdict("log", "-", &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_consumer_begins_again_where_it_was_assigned_anew() {
    assert_eq!(polled_again(&[]), Invalid);
    assert_eq!(polled_again(&["1 invoke assign []", "1 ok assign []"]), Valid);
    assert_eq!(polled_again(&["1 invoke assign []", "1 info assign []"]), Valid);
    assert_eq!(polled_again(&["1 invoke assign []", "1 fail assign []"]), Invalid);
    assert_eq!(polled_again(&["1 invoke assign [k]", "1 ok assign [k]"]), Invalid);
    // The place of a message is known from its send.
    let lines = [
        "0 invoke send [[:send k 1]]",
        "0 ok send [[:send k [0 1]]]",
        "0 invoke send [[:send k 2]]",
        "0 ok send [[:send k [0 2]]]",
    ];
    let found = anomalies("log", "-", &lines);
    assert!(
        found.iter().any(|(kind, ..)| kind == "inconsistent-offsets"),
        "{found:?}"
    );
}

/// A send of unknown outcome that was told where some of its messages are, and what others were told and polled.
const TOLD: [&str; 4] = [
    "0 invoke send [[:send x 1] [:send y 1]]",
    "0 info send [[:send x [0 1]] [:send y 1]]",
    "1 invoke send [[:send x 2]]",
    "1 ok send [[:send x [0 2]]]",
];

#[test]
fn offsets_that_a_send_of_unknown_outcome_was_told_count_once_it_is_known_to_have_happened() {
    let kinds = |told: &[&str], polls: &[&str]| {
        let lines = [told, polls].concat();
        let mut kinds: Vec<String> = anomalies("log", "undrained=true", &lines)
            .into_iter()
            .map(|(kind, ..)| kind)
            .collect();
        kinds.sort_unstable();
        kinds
    };
    let polled = |of: &'static str| ["2 invoke poll [[:poll]]", of];
    // Nothing shows that it happened.
    assert_eq!(kinds(&TOLD, &polled("2 ok poll [[:poll {x [[0 2]]}]]")), [""; 0]);
    // Its other message was read: both stand at offset 0.
    let read = polled("2 ok poll [[:poll {x [[0 2]], y [[5 1]]}]]");
    assert!(kinds(&TOLD, &read).contains(&"inconsistent-offsets".to_owned()));
    // Where it was told nothing, nothing contradicts the others.
    let untold = [TOLD[0], "0 info send", TOLD[2], TOLD[3]];
    assert_eq!(kinds(&untold, &read), [""; 0]);
    let elsewhere = [TOLD[0], "0 info send [[:send x [1 1]] [:send y 1]]", TOLD[2], TOLD[3]];
    assert_eq!(kinds(&elsewhere, &read), [""; 0]);
    // A message that was passed is lost with the others of its operation (Jepsen: atomic).
    let sends = [
        "0 invoke send [[:send x a] [:send y b]]",
        "0 info send [[:send x a] [:send y [0 b]]]",
        "1 invoke send [[:send y c]]",
        "1 info send [[:send y c]]",
        "3 invoke poll [[:poll]]",
        "3 ok poll [[:poll {y [[1 c]]}]]",
    ];
    assert_eq!(kinds(&sends, &[]), [""; 0]);
    assert_eq!(
        kinds(&sends, &polled("2 ok poll [[:poll {x [[0 a]]}]]")),
        ["lost-write"]
    );
}

#[test]
fn appends_of_unknown_outcome_on_a_key_of_a_map_are_decided() {
    let asked = [
        "4 invoke append [0 \"1\"]",
        "5 invoke append [0 \"2\"]",
        "6 invoke put [0 \"3\"]",
        "5 info append [0 \"2\"]",
        "3 invoke append [0 \"11\"]",
        "2 invoke append [0 \"19\"]",
        "0 invoke put [0 \"20\"]",
        "10 invoke put [0 \"22\"]",
        "12 invoke put [0 \"23\"]",
        "14 invoke append [0 \"24\"]",
        "13 invoke put [0 \"25\"]",
        "10 ok put [0 \"22\"]",
        "2 ok append [0 \"19\"]",
        "14 ok append [0 \"24\"]",
        "12 ok put [0 \"23\"]",
        "13 ok put [0 \"25\"]",
        "0 ok put [0 \"20\"]",
        "11 invoke get [0 nil]",
    ];
    for (found, expected) in [
        ("38", Invalid),
        ("3241911", Valid),
        ("32424", Invalid),
        ("2011921", Invalid),
        ("2011192", Valid),
    ] {
        let found = format!("11 ok get [0 \"{found}\"]");
        let lines = [&asked[..], &[&found]].concat();
        assert_eq!(verdict("kv", "-", &lines), expected, "{found}");
    }
}

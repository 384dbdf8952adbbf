//! Lines that prove less than they seem to: operations whose invocation is not on record, and times that contradict the
//! order of the lines.

use std::collections::{BTreeSet, HashMap, VecDeque};

use paytwice_checkers::verdict::Verdict::{self, Invalid, Unknown, Valid};
use proptest::prelude::*;

use crate::support::{anomalies, checked, verdict};

/// A history that is wrong without its line `9 info ...`, and valid with it.
const STRAYS: [(&str, &str, &[&str]); 16] = [
    (
        "idempotent-requests",
        "-",
        &[
            "9 info request [4 a]",
            "3 invoke request [1 b]",
            "3 ok request [1 b]",
            "3 invoke read",
            "3 ok read [[1 b] [4 a]]",
        ],
    ),
    (
        "cas-register",
        "-",
        &[
            "3 invoke write 1",
            "3 ok write 1",
            "9 info write 4",
            "3 invoke read nil",
            "3 ok read 4",
        ],
    ),
    (
        "cas-register",
        "-",
        &[
            "3 invoke write 1",
            "3 ok write 1",
            "3 invoke read nil",
            "3 ok read 4",
            "9 info cas [1 4]",
        ],
    ),
    (
        "kv",
        "-",
        &[
            "3 invoke put \"a\"",
            "3 ok put \"a\"",
            "3 invoke get nil",
            "3 ok get \"ab\"",
            "9 info append \"b\"",
        ],
    ),
    (
        "multi-register",
        "initial=0",
        &[
            "9 info txn [[:write x 4]]",
            "3 invoke txn [[:read x nil]]",
            "3 ok txn [[:read x 4]]",
        ],
    ),
    ("mutex", "-", &["3 invoke release", "3 ok release", "9 info acquire"]),
    (
        "fifo-queue",
        "-",
        &["9 info enqueue 4", "3 invoke dequeue nil", "3 ok dequeue 4"],
    ),
    (
        "fifo-queue",
        "-",
        &[
            "3 invoke enqueue 1",
            "3 ok enqueue 1",
            "3 invoke enqueue 2",
            "3 ok enqueue 2",
            "3 invoke dequeue nil",
            "3 ok dequeue 2",
            "9 info dequeue nil",
        ],
    ),
    (
        "total-queue",
        "-",
        &["3 invoke dequeue nil", "3 ok dequeue 4", "9 info enqueue 4"],
    ),
    ("set", "-", &["9 info add 4", "3 invoke read nil", "3 ok read [4]"]),
    (
        "set-full",
        "no-unexpected=true",
        &["3 invoke read nil", "3 ok read [4]", "9 info add 4"],
    ),
    ("counter", "-", &["3 invoke read nil", "3 ok read 4", "9 info add 4"]),
    (
        "postings",
        "-",
        &["3 invoke read [a nil]", "3 ok read [a 4]", "9 info credit [a 4]"],
    ),
    (
        "key-order",
        "-",
        &["9 info send [k 4]", "3 invoke receive nil", "3 ok receive [k 4]"],
    ),
    (
        "log",
        "-",
        &[
            "9 info send [[:send k 4]]",
            "3 invoke poll [[:poll]]",
            "3 ok poll [[:poll {k [[0 4]]}]]",
        ],
    ),
    (
        "exactly-once-effects",
        "-",
        &["9 info send 4", "3 invoke read nil", "3 ok read [4]"],
    ),
];

#[test]
fn an_operation_of_unknown_outcome_may_have_begun_before_its_line() {
    for (as_, options, lines) in STRAYS {
        assert_eq!(verdict(as_, options, lines), Valid, "{as_} {lines:?}");
        let without: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with('9')).collect();
        assert_eq!(verdict(as_, options, &without), Invalid, "{as_} {without:?}");
        // Another one does not explain it; a smaller amount in the case of sums.
        let instead = if ["counter", "postings"].contains(&as_) {
            "3"
        } else {
            "5"
        };
        let other: Vec<String> = lines
            .iter()
            .map(|line| match line.strip_prefix("9 info ") {
                Some(rest) => format!("9 info {}", rest.replace('4', instead).replace("\"b\"", "\"c\"")),
                None => (*line).to_owned(),
            })
            .collect();
        let other: Vec<&str> = other.iter().map(String::as_str).collect();
        let says_nothing = ["mutex", "fifo-queue"].contains(&as_) && !other.iter().any(|line| line.contains(instead));
        if !says_nothing {
            assert_eq!(verdict(as_, options, &other), Invalid, "{as_} {other:?}");
        }
    }
}

#[test]
fn what_is_wrong_besides_stays_wrong_and_keeps_its_words() {
    let lines = [
        "9 info enqueue 4",
        "3 invoke dequeue nil",
        "3 ok dequeue 5",
        "2 invoke enqueue 7",
        "2 info enqueue 7",
    ];
    let found = anomalies("total-queue", "-", &lines);
    assert_eq!(
        found,
        [(
            "unexpected".to_owned(),
            "element 5 was dequeued and never enqueued".to_owned(),
            vec![2]
        )]
    );
    // One that does not say what it was may have been anything.
    let lines = ["9 info cas nil", "3 invoke read nil", "3 ok read 4"];
    let result = checked("cas-register", "-", &lines).unwrap().results.remove(0);
    assert_eq!(result.verdict, Unknown);
    assert_eq!(
        result.reason.as_deref(),
        Some("the invocation of operation 0 is not on record, and its end does not say what it asked for")
    );
}

#[test]
fn an_end_is_proof_that_something_was_asked_for() {
    for (as_, lines) in [
        (
            "total-queue",
            &["0 ok enqueue 4", "1 invoke dequeue nil", "1 ok dequeue 4"][..],
        ),
        ("set", &["0 ok add 4", "1 invoke read nil", "1 ok read [4]"]),
        (
            "set-full",
            &[
                "1 invoke read nil",
                "1 ok read [4]",
                "0 ok add 4",
                "1 invoke read nil",
                "1 ok read [4]",
            ],
        ),
    ] {
        let options = if as_ == "set-full" { "no-unexpected=true" } else { "-" };
        assert_eq!(verdict(as_, options, lines), Valid, "{as_}");
    }
    let lost = ["0 ok add 4", "1 invoke read nil", "1 ok read []"];
    assert_eq!(verdict("set", "-", &lost), Invalid);
}

/// A history whose lines are wrong and whose times are not. With the times of its lines it stays wrong.
const SHUFFLED: [(&str, &str, &[&str]); 11] = [
    (
        "set",
        "-",
        &[
            "@100 1 invoke add 1",
            "@110 1 ok add 1",
            "@300 2 invoke read",
            "@310 2 ok read [1]",
            "@120 3 invoke read",
            "@130 3 ok read []",
        ],
    ),
    (
        "set-full",
        "-",
        &[
            "@100 1 invoke add 1",
            "@110 1 ok add 1",
            "@300 2 invoke read",
            "@310 2 ok read [1]",
            "@120 3 invoke read",
            "@130 3 ok read []",
        ],
    ),
    (
        "cas-register",
        "-",
        &[
            "@100 1 invoke write 5",
            "@300 1 ok write 5",
            "@130 3 invoke write 6",
            "@140 3 ok write 6",
            "@310 2 invoke read nil",
            "@320 2 ok read 5",
        ],
    ),
    (
        "kv",
        "-",
        &[
            "@100 1 invoke append \"a\"",
            "@300 1 ok append \"a\"",
            "@130 3 invoke put \"b\"",
            "@140 3 ok put \"b\"",
            "@310 2 invoke get nil",
            "@320 2 ok get \"ba\"",
        ],
    ),
    (
        "multi-register",
        "-",
        &[
            "@100 1 invoke txn [[:write x 5]]",
            "@300 1 ok txn [[:write x 5]]",
            "@130 3 invoke txn [[:write x 6]]",
            "@140 3 ok txn [[:write x 6]]",
            "@310 2 invoke txn [[:read x nil]]",
            "@320 2 ok txn [[:read x 5]]",
        ],
    ),
    (
        "mutex",
        "-",
        &[
            "@100 1 invoke release",
            "@300 1 ok release",
            "@130 3 invoke acquire",
            "@140 3 ok acquire",
        ],
    ),
    (
        "fifo-queue",
        "-",
        &[
            "@100 1 invoke enqueue 1",
            "@300 1 ok enqueue 1",
            "@130 3 invoke enqueue 2",
            "@140 3 ok enqueue 2",
            "@310 2 invoke dequeue",
            "@320 2 ok dequeue 2",
            "@330 2 invoke dequeue",
            "@340 2 ok dequeue 1",
        ],
    ),
    (
        "set-full",
        "linearizable=true",
        &[
            "@100 1 invoke add 1",
            "@300 1 ok add 1",
            "@130 3 invoke read",
            "@140 3 ok read []",
            "@310 2 invoke read",
            "@320 2 ok read [1]",
        ],
    ),
    (
        "counter",
        "-",
        &[
            "@100 1 invoke add 1",
            "@300 1 ok add 1",
            "@130 3 invoke read",
            "@140 3 ok read 0",
        ],
    ),
    (
        "postings",
        "-",
        &[
            "@100 1 invoke credit [a 1]",
            "@300 1 ok credit [a 1]",
            "@130 3 invoke read [a nil]",
            "@140 3 ok read [a 0]",
        ],
    ),
    (
        "key-order",
        "-",
        &[
            "@100 1 invoke send [k 1]",
            "@300 1 ok send [k 1]",
            "@130 3 invoke send [k 2]",
            "@140 3 ok send [k 2]",
            "@310 2 invoke receive",
            "@320 2 ok receive [k 2]",
            "@330 2 invoke receive",
            "@340 2 ok receive [k 1]",
        ],
    ),
];

/// The lines with other times, or with none.
fn timed(lines: &[&str], time: impl Fn(usize) -> Option<usize>) -> Vec<String> {
    let plain = |(nth, line): (usize, &&str)| {
        let (_, line) = line.split_once(' ').unwrap_or(("", line));
        match time(nth) {
            Some(time) => format!("@{time} {line}"),
            None => line.to_owned(),
        }
    };
    lines.iter().enumerate().map(plain).collect()
}

fn verdict_of(as_: &str, options: &str, lines: &[String]) -> Verdict {
    verdict(as_, options, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn lines_that_their_times_contradict_accuse_nobody() {
    for (as_, options, lines) in SHUFFLED {
        let result = checked(as_, options, lines).unwrap().results.remove(0);
        assert_eq!(result.verdict, Unknown, "{as_}: {result:?}");
        let reason = result.reason.unwrap_or_default();
        assert!(
            reason.starts_with("by the times of the operations, which contradict the order of the lines"),
            "{as_}: {reason}"
        );
        assert!(result.anomalies.is_empty(), "{as_}");
        // In order, at one moment, or without times, the lines are what there is.
        for lines in [
            timed(lines, |nth| Some(nth + 1)),
            timed(lines, |_| Some(7)),
            timed(lines, |_| None),
        ] {
            assert_eq!(verdict_of(as_, options, &lines), Invalid, "{as_}: {lines:?}");
        }
    }
}

#[test]
fn a_few_shuffled_lines_hide_nothing_elsewhere() {
    // The process goes on before its end is told: under another number, which changes nothing.
    let lines = [
        "@100 1 invoke write 5",
        "@300 1 ok write 5",
        "@305 1 invoke write 7",
        "@306 1 ok write 7",
        "@130 3 invoke write 6",
        "@140 3 ok write 6",
        "@310 2 invoke read nil",
        "@320 2 ok read 5",
    ];
    assert_eq!(verdict("cas-register", "-", &lines), Unknown);
    for wrong in [
        ["@330 2 invoke read nil", "@340 2 ok read 9"],
        ["@330 2 invoke read nil", "@340 2 ok read 6"],
    ] {
        let lines = [&lines[..], &wrong].concat();
        let found = anomalies("cas-register", "-", &lines);
        assert_eq!(found.len(), 1, "{wrong:?}");
        assert!(found[0].2.iter().all(|index| *index < 10), "{found:?}");
    }
    // What is valid by its lines is valid, whatever the times.
    let valid = [
        "@100 1 invoke write 5",
        "@300 1 ok write 5",
        "@200 2 invoke read nil",
        "@210 2 ok read 5",
    ];
    assert_eq!(verdict("cas-register", "-", &valid), Valid);
}

#[test]
fn sessions_have_the_order_of_their_lines() {
    let lines = [
        "@1 0 invoke send [[:send k 1] [:send k 2]]",
        "@9 0 ok send [[:send k [0 1]] [:send k [1 2]]]",
        "@3 1 invoke poll [[:poll]]",
        "@8 1 ok poll [[:poll {k [[1 2]]}]]",
        "@4 1 invoke poll [[:poll]]",
        "@5 1 ok poll [[:poll {k [[0 1]]}]]",
    ];
    let found = anomalies("log", "-", &lines);
    assert_eq!(found[0].0, "nonmonotonic-poll", "{found:?}");
}

#[test]
fn what_has_no_sense_by_its_times_is_unknown() {
    let lines = [
        "@1 9 invoke commit 1",
        "@2 9 ok commit 1",
        "@3 0 invoke read [1 nil]",
        "@9 0 ok read [1 []]",
        "@5 8 ok apply [1 0]",
        "@6 7 invoke read [1 nil]",
        "@10 7 ok read [1 [0]]",
        "@12 9 invoke rollback 1",
        "@13 9 ok rollback 1",
        "@20 9 ok settle",
    ];
    // It was reported committed and rolled back; but by its times the first read saw what was there before it ended.
    let result = checked("branches", "-", &lines).unwrap().results.remove(0);
    assert_eq!((result.verdict, result.anomalies.len()), (Unknown, 0));
    let reason = result.reason.unwrap_or_default();
    assert!(
        reason.starts_with("lines contradict their times, or operations have no invocation: without them, expected"),
        "{reason}"
    );
    let in_order = timed(&lines, |nth| Some(nth + 1));
    assert_eq!(verdict_of("branches", "-", &in_order), Invalid);
}

/// A store that does what it is asked: the answer to each operation, where it has one.
#[derive(Default)]
struct Store {
    register: Option<u8>,
    queue: VecDeque<u8>,
    sum: u32,
    set: BTreeSet<u8>,
}

impl Store {
    fn apply(&mut self, f: &str, value: u8) -> String {
        match f {
            "write" => self.register = Some(value),
            "enqueue" => self.queue.push_back(value),
            "add" => {
                self.sum += u32::from(value);
                self.set.insert(value);
            }
            "dequeue" => {
                return self
                    .queue
                    .pop_front()
                    .map_or("nil".to_owned(), |value| value.to_string());
            }
            _ => {}
        }
        value.to_string()
    }

    fn read(&self, as_: &str) -> String {
        match as_ {
            "counter" => self.sum.to_string(),
            "set-full" => format!("{:?}", self.set)
                .replace(['{', '}'], "|")
                .replacen('|', "[", 1)
                .replace('|', "]")
                .replace(',', ""),
            _ => self.register.map_or("nil".to_owned(), |value| value.to_string()),
        }
    }
}

/// What a client does, and where it is with it.
#[derive(Clone)]
struct Doing {
    f: &'static str,
    value: u8,
    answer: Option<String>,
    info: bool,
}

/// Lines of a history of a store, in the order of their times; a choice after the other.
fn recorded(as_: &str, choices: &[u8]) -> Vec<String> {
    let choices = choices.iter().copied();
    let (mut store, mut lines, mut fresh) = (Store::default(), Vec::new(), 4);
    let mut clients: Vec<(i64, Option<Doing>)> = (0..4).map(|client| (client, None)).collect();
    let (mut value, mut now) = (0, 0);
    for choice in choices {
        now += 1 + u64::from(choice % 3);
        let (client, doing) = &mut clients[usize::from(choice / 64)];
        match doing {
            None => {
                let f = match (as_, choice % 2) {
                    ("fifo-queue", 0) => "enqueue",
                    ("fifo-queue", _) => "dequeue",
                    ("cas-register", 0) => "write",
                    (_, 0) => "add",
                    _ => "read",
                };
                value += 1;
                let told = if ["read", "dequeue"].contains(&f) {
                    "nil".to_owned()
                } else {
                    value.to_string()
                };
                lines.push(format!("@{now} {client} invoke {f} {told}"));
                let info = choice % 5 == 0;
                let answer = None;
                *doing = Some(Doing { f, value, answer, info });
            }
            Some(Doing { f, value, answer, info }) if answer.is_none() && !(*info && choice % 7 == 0) => {
                *answer = Some(if *f == "read" {
                    store.read(as_)
                } else {
                    store.apply(f, *value)
                });
            }
            Some(Doing { f, value, answer, info }) => {
                let told = if ["read", "dequeue"].contains(f) {
                    "nil".to_owned()
                } else {
                    value.to_string()
                };
                match answer {
                    Some(answer) if !*info => lines.push(format!("@{now} {client} ok {f} {answer}")),
                    _ => {
                        lines.push(format!("@{now} {client} info {f} {told}"));
                        (*client, fresh) = (fresh, fresh + 1);
                    }
                }
                *doing = None;
            }
        }
    }
    lines
}

/// The same without the invocations of what ended info.
fn without_invocations(lines: &[String]) -> Vec<String> {
    let of = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut open: HashMap<String, usize> = HashMap::new();
    let mut dropped = BTreeSet::new();
    for (nth, line) in lines.iter().enumerate() {
        if line.contains(" invoke ") {
            open.insert(of(line), nth);
        } else if line.contains(" info ") {
            dropped.extend(open.remove(&of(line)));
        }
    }
    let kept = lines.iter().enumerate().filter(|(nth, _)| !dropped.contains(nth));
    kept.map(|(_, line)| line.clone()).collect()
}

/// The same with some lines before those that stood before them; each client's stay in order.
fn shuffled(mut lines: Vec<String>, moves: &[u8]) -> Vec<String> {
    let of = |line: &String| line.split(' ').nth(1).unwrap_or_default().to_owned();
    for (at, by) in moves.iter().enumerate() {
        let mut at = at * 3 + 1;
        for _ in 0..by % 6 {
            if at < lines.len() && at > 0 && of(&lines[at]) != of(&lines[at - 1]) {
                lines.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    lines
}

const STORES: [(&str, &str); 4] = [
    ("cas-register", "nil-reads=initial"),
    ("fifo-queue", "-"),
    ("counter", "-"),
    ("set-full", "linearizable=true,no-unexpected=true"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_that_does_what_it_is_asked_is_never_accused(
        store in 0..STORES.len(),
        choices in prop::collection::vec(any::<u8>(), 20..120),
        moves in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let (as_, options) = STORES[store];
        let lines = recorded(as_, &choices);
        for (what, lines) in [
            ("as it was", lines.clone()),
            ("without invocations", without_invocations(&lines)),
            ("shuffled", shuffled(lines.clone(), &moves)),
            ("both", shuffled(without_invocations(&lines), &moves)),
        ] {
            prop_assert_ne!(verdict_of(as_, options, &lines), Invalid, "{} {}: {:#?}", as_, what, lines);
        }
    }

    #[test]
    fn a_store_that_makes_something_up_is_accused_all_the_same(
        store in 0..STORES.len(),
        choices in prop::collection::vec(any::<u8>(), 20..80),
        moves in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let (as_, options) = STORES[store];
        let mut lines = shuffled(without_invocations(&recorded(as_, &choices)), &moves);
        let (f, made_up) = match as_ {
            "fifo-queue" => ("dequeue", "9999"),
            "set-full" => ("read", "[9999]"),
            _ => ("read", "9999"),
        };
        lines.push(format!("@5000 900 invoke {f} nil"));
        lines.push(format!("@5001 900 ok {f} {made_up}"));
        prop_assert_eq!(verdict_of(as_, options, &lines), Invalid, "{}: {:#?}", as_, lines);
    }
}

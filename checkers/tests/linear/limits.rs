//! Budgets, empty histories, malformed ones, and what a failure says.

use std::sync::atomic::{AtomicU32, Ordering};

use paytwice_checkers::linear::models::keyed::Keyed;
use paytwice_checkers::linear::models::queue::{self, Queue};
use paytwice_checkers::linear::models::register::{Answer, Ask, Register};
use paytwice_checkers::linear::{Budget, FifoHistory, MapHistory, Operation, check, fifo, map};
use paytwice_checkers::verdict::Verdict;

/// Operations that all overlap and change nothing, and a read of what they could have left: all has to be tried.
fn hard(writes: u32) -> MapHistory {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let values = [&b"v0"[..], b"v1", b"v2"].map(|value| history.values.id(value));
    let cas = |n: u32| map::Ask::Cas(values[n as usize % 3], values[(n as usize + 1) % 3]);
    let begun: Vec<_> = (0..writes).map(|n| history.begin(key, cas(n), n)).collect();
    for (index, op) in (writes..).zip(begun) {
        history.ok(op, map::Answer::Unseen, index);
    }
    let read = history.begin(key, map::Ask::Read, 2 * writes);
    let value = history.values.id(b"v1");
    history.ok(read, map::Answer::Value(value), 2 * writes + 1);
    history
}

#[test]
fn a_search_that_uses_up_its_steps_is_unknown_and_says_so() {
    let budget = Budget {
        steps_max: 20,
        ..Budget::default()
    };
    let result = map::check("cas-register", &hard(12), budget);
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(result.reason.as_deref(), Some("the search used up its 20 steps"));
    assert_eq!(
        map::check("cas-register", &hard(12), Budget::default()).verdict,
        Verdict::Invalid
    );
}

#[test]
fn a_search_that_uses_up_its_bytes_is_unknown() {
    let budget = Budget {
        bytes_max: 1000,
        ..Budget::default()
    };
    let result = check(&Register { initial: 0 }, &puzzle(18), budget);
    assert_eq!(result.verdict, Verdict::Unknown);
    assert!(
        result
            .reason
            .is_some_and(|why| why.starts_with("the search used up its 1000 bytes"))
    );
}

#[test]
fn a_search_that_is_stopped_is_unknown() {
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 2;
    let budget = Budget {
        stop: Some(&stop),
        ..Budget::default()
    };
    let result = check(&Register { initial: 0 }, &puzzle(18), budget);
    assert_eq!(result.verdict, Verdict::Unknown);
    assert!(
        result
            .reason
            .is_some_and(|why| why.starts_with("the search was stopped"))
    );
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

/// Overlapping writes of different values, then a read that saw none: subsets of them make the search long.
fn puzzle(writes: u32) -> Vec<Operation<Ask<u32>, Answer<u32>>> {
    let write = |n: u32| Operation::ok(0, Ask::Write(n + 1), u64::from(n), Answer::Done, u64::from(n + writes));
    let end = u64::from(2 * writes);
    let read = Operation::ok(0, Ask::Read, end, Answer::Value(99), end + 1);
    (0..writes).map(write).chain([read]).collect()
}

#[test]
fn a_history_in_which_nothing_is_known_to_have_happened_is_unknown() {
    let history = [Operation::info(0, Ask::Write(1), 0)];
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(
        map::check("kv", &MapHistory::new(b""), Budget::default()).verdict,
        Verdict::Unknown
    );
    assert_eq!(
        fifo::check("queue", &FifoHistory::default(), Budget::default()).verdict,
        Verdict::Unknown
    );
}

#[test]
fn an_operation_that_returns_before_its_call_is_unknown() {
    let history = [Operation::ok(0, Ask::Write(1), 5, Answer::Done, 4)];
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(
        result.reason.as_deref(),
        Some("operation 5 returns before it is called")
    );
}

#[test]
fn of_many_broken_keys_the_first_are_told_and_all_are_counted() {
    let model = Keyed::new(Register { initial: 0 });
    let read = |key: u64| Operation::ok(0, (key, Ask::Read), 2 * key, Answer::Value(1), 2 * key + 1);
    let history: Vec<_> = (0..40).map(read).collect();
    let result = check(&model, &history, Budget::default());
    assert_eq!((result.verdict, result.anomalies.len()), (Verdict::Invalid, 16));
    assert_eq!(result.counts["nonlinearizable"], 40);
    assert_eq!(result.anomalies[3].subject, "3");
    assert_eq!(result.anomalies[3].witness, [6, 7]);
    assert_eq!(
        result.anomalies[3].sentence,
        "key 3: \"read -> 1\" (6 to 7) has no place: by then the object could only be 0. Up to there an order \
         exists; from 6 to 7 none does, 1 configuration tried"
    );
}

#[test]
fn the_window_leaves_out_what_came_before() {
    let mut history: Vec<_> = (0..50)
        .map(|n| Operation::ok(0, Ask::Write(n % 3), 2 * n, Answer::Done, 2 * n + 1))
        .collect();
    history.push(Operation::ok(0, Ask::Read, 100, Answer::Value(2), 101));
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    assert_eq!(result.anomalies[0].witness, [98, 99, 100, 101]);
}

#[test]
fn every_key_that_is_told_is_told_with_its_window_however_many_there_are() {
    let model = Keyed::new(Register { initial: 0 });
    for keys in [1, 20] {
        let history: Vec<_> = (0..keys)
            .flat_map(|key| {
                let at = 6 * key;
                [
                    Operation::ok(0, (key, Ask::Write(1)), at, Answer::Done, at + 1),
                    Operation::ok(0, (key, Ask::Write(2)), at + 2, Answer::Done, at + 3),
                    Operation::ok(0, (key, Ask::Read), at + 4, Answer::Value(1), at + 5),
                ]
            })
            .collect();
        let result = check(&model, &history, Budget::default());
        assert_eq!(result.counts["nonlinearizable"], keys);
        for (key, anomaly) in (0..).zip(&result.anomalies) {
            let window = format!("from {} to {} none does", 6 * key + 2, 6 * key + 5);
            assert!(anomaly.sentence.contains(&window), "{keys} keys: {}", anomaly.sentence);
        }
    }
}

#[test]
fn a_stretch_may_leave_out_what_began_before_it() {
    let history = [
        Operation::ok(0, Ask::Write(1), 0, Answer::Done, 1),
        Operation::ok(1, Ask::Write(2), 2, Answer::Done, 5),
        Operation::ok(0, Ask::Read, 3, Answer::Value(1), 4),
        Operation::ok(0, Ask::Read, 6, Answer::Value(1), 7),
    ];
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    let told = &result.anomalies[0].sentence;
    assert!(told.contains("from 2 to 7 none does"), "{told}");
}

#[test]
fn a_stretch_begins_where_the_history_does_when_the_object_held_too_much() {
    for (writes, from) in [(255, 508), (256, 0)] {
        let mut history: Vec<_> = (0..writes)
            .map(|n| Operation::ok(0, Ask::Write(n + 1), 2 * n, Answer::Done, 2 * n + 1))
            .collect();
        history.push(Operation::ok(
            0,
            Ask::Read,
            2 * writes,
            Answer::Value(1),
            2 * writes + 1,
        ));
        let result = check(&Register { initial: 0 }, &history, Budget::default());
        let told = &result.anomalies[0].sentence;
        let window = format!("from {from} to {} none does", 2 * writes + 1);
        assert!(told.contains(&window), "{told}");
    }
}

#[test]
fn of_what_overlaps_and_what_could_be_held_a_few_are_named() {
    let mut history: Vec<_> = (0..10)
        .map(|n| Operation::ok(0, Ask::Write(n + 1), n, Answer::Done, n + 30))
        .collect();
    history.push(Operation::ok(0, Ask::Read, 20, Answer::Value(99), 21));
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    let told = &result.anomalies[0].sentence;
    let named = "\"write 7\" (6 to 36), \"write 8\" (7 to 37), \"write 9\" (8 to 38), \"write 10\" (9 to 39): by then";
    assert!(told.contains(named), "{told}");
    assert!(
        told.starts_with("\"read -> 99\" (20 to 21) has no place beside 6 more, "),
        "{told}"
    );
    assert_eq!(told.matches(" or ").count(), 7, "{told}");
    assert!(!told.ends_with(", 1 configuration tried"), "{told}");
}

#[test]
fn reads_that_fit_are_no_configurations() {
    let mut history: Vec<_> = (0..10)
        .map(|n| Operation::ok(0, Ask::Read, n, Answer::Value(0), n + 10))
        .collect();
    history.push(Operation::ok(0, Ask::Read, 20, Answer::Value(1), 21));
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    let told = &result.anomalies[0].sentence;
    assert!(told.ends_with(", 1 configuration tried"), "{told}");
}

#[test]
fn operations_are_counted_by_how_they_ended() {
    let history = [
        Operation::ok(0, Ask::Write(1), 0, Answer::Done, 1),
        Operation::info(1, Ask::Write(2), 2),
        Operation::ok(0, Ask::Read, 3, Answer::Value(1), 4),
    ];
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    let counts = ["operations", "ok", "info", "keys"].map(|name| result.counts[name]);
    assert_eq!((result.verdict, counts), (Verdict::Valid, [3, 2, 1, 1]));
}

#[test]
fn a_stale_read_is_told_by_its_zones() {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let [one, two] = [&b"1"[..], b"2"].map(|value| history.values.id(value));
    let steps = [
        (map::Ask::Write(one), map::Answer::Done),
        (map::Ask::Read, map::Answer::Value(one)),
        (map::Ask::Write(two), map::Answer::Done),
        (map::Ask::Read, map::Answer::Value(one)),
    ];
    for (nth, (ask, answer)) in (0..).zip(steps) {
        let op = history.begin(key, ask, 2 * nth);
        history.ok(op, answer, 2 * nth + 1);
    }
    let result = map::check("register", &history, Budget::default());
    assert_eq!(result.counts["keys-searched"], 0);
    assert_eq!(
        result.anomalies[0].sentence,
        "from 1 to 6 it must have held 1 throughout, but some time from 4 to 5 it held 2. Up to 7 an order exists"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1, 4, 5, 6, 7]);
}

#[test]
fn an_overtaken_value_is_told_by_name() {
    let mut history = FifoHistory::default();
    let [a, b] = [&b"a"[..], b"b"].map(|value| history.values.id(value));
    for (value, index) in [(a, 0), (b, 2)] {
        let op = history.enqueue(value, index);
        history.ok(op, index + 1);
    }
    for (value, index) in [(b, 4), (a, 6)] {
        let op = history.dequeue(index);
        history.took(op, Some(value), index + 1);
    }
    let result = fifo::check("fifo-queue", &history, Budget::default());
    assert_eq!(
        result.anomalies[0].sentence,
        "a was enqueued (by 1) before b (from 2), which was dequeued by 5; until then no dequeue was called that can have \
         taken a. Up to 5 an order exists"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn info_operations_are_told_apart_only_where_that_matters() {
    // Compare-and-sets of unknown outcome lead everywhere but to 9, round and round, among writes that overlap.
    let mut history = Vec::new();
    for n in 0..1500 {
        let value = n as u32;
        history.push(Operation::ok(
            0,
            Ask::Write(value * 7 % 5),
            3 * n,
            Answer::Done,
            3 * n + 8,
        ));
        history.push(Operation::info(0, Ask::Cas(value % 5, (value * 3 + 1) % 5), 3 * n + 1));
    }
    history.push(Operation::ok(0, Ask::Read, 9000, Answer::Value(9), 9001));
    let result = check(&Register { initial: 0 }, &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Invalid);
    assert!(
        result.anomalies[0].sentence.contains("happened any number of times"),
        "{:?}",
        result.anomalies
    );
}

/// A queue that is filled, then takes values of which each may be the next, and gives out one that it never got.
fn deep(filled: u64, overlapping: u64) -> Vec<Operation<queue::Ask<u64>, queue::Answer<u64>>> {
    let enqueue = |value, call, ret| Operation::ok(0, queue::Ask::Enqueue(value), call, queue::Answer::Done, ret);
    let from = 2 * filled;
    let mut history: Vec<_> = (0..filled).map(|n| enqueue(n, 2 * n, 2 * n + 1)).collect();
    history.extend((0..overlapping).map(|n| enqueue(filled + n, from + n, from + overlapping + n)));
    let end = from + 2 * overlapping;
    history.push(Operation::ok(
        0,
        queue::Ask::Dequeue,
        end,
        queue::Answer::Value(u64::MAX),
        end + 1,
    ));
    history
}

#[test]
fn large_states_use_up_the_bytes_before_many_steps_are_taken() {
    let budget = Budget {
        bytes_max: 1 << 20,
        ..Budget::default()
    };
    let result = check(&Queue::default(), &deep(4_000, 8), budget);
    let reason = result.reason.unwrap();
    let steps = reason.strip_prefix("the search used up its 1048576 bytes after ");
    let steps = steps.and_then(|rest| rest.strip_suffix(" steps"));
    let steps: u64 = steps.unwrap_or_else(|| panic!("{reason}")).parse().unwrap();
    // A state is up to 64 KiB; bytes that were counted every 4096 steps alone would come to far more.
    assert!(steps < 1_000, "{steps}");
}

#[test]
fn the_order_that_suggests_itself_is_tried_no_longer_than_may_be() {
    let asked = AtomicU32::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 0;
    let history: Vec<_> = (0..20_000)
        .map(|n| Operation::ok(0, Ask::Write(1), 2 * n, Answer::Done, 2 * n + 1))
        .chain([Operation::ok(0, Ask::Read, 40_000, Answer::Value(1), 40_001)])
        .collect();
    let run = |stop: Option<&(dyn Fn() -> bool + Sync)>| {
        let budget = Budget {
            stop,
            ..Budget::default()
        };
        check(&Register { initial: 0 }, &history, budget).verdict
    };
    assert_eq!(run(None), Verdict::Valid);
    assert_eq!(run(Some(&stop)), Verdict::Unknown);
}

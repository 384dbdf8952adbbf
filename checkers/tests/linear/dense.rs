//! Registers of many values without a search, zones that touch, and what a search may hold.

use paytwice_checkers::linear::models::register::{Answer, Ask, Register};
use paytwice_checkers::linear::{Budget, MapHistory, Operation, check, map};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

/// Values that are written and read one after the other, beside others that nobody reads; between two of them there are
/// so many that another register holds.
fn in_turn(values: u32, unread: u32, apart: u32) -> CheckerResult {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let names = (0..(values + unread) * apart).map(|value| history.values.id(format!("v{value}").as_bytes()));
    let names: Vec<u32> = names.step_by(apart as usize).collect();
    for value in &names[values as usize..] {
        history.begin(key, map::Ask::Write(*value), 0);
    }
    for (value, at) in names[..values as usize].iter().zip((1..).step_by(4)) {
        let write = history.begin(key, map::Ask::Write(*value), at);
        history.ok(write, map::Answer::Done, at + 1);
        let read = history.begin(key, map::Ask::Read, at + 2);
        history.ok(read, map::Answer::Value(*value), at + 3);
    }
    map::check("register", &history, Budget::default())
}

#[test]
fn however_many_values_a_register_holds_none_is_taken_for_another() {
    let assert_decided = |values: u32, unread: u32, apart: u32| {
        let result = in_turn(values, unread, apart);
        assert_eq!(
            (result.verdict, result.counts["keys-searched"]),
            (Verdict::Valid, 0),
            "{values} {unread} {apart}"
        );
    };
    for values in (1..100).chain([1_000]) {
        for unread in [0, 1, values / 2] {
            assert_decided(values, unread, 1);
        }
    }
    for (values, apart) in [(60, 100), (60, 1_024), (100, 512)] {
        assert_decided(values, values / 2, apart);
    }
}

#[test]
fn a_value_held_for_one_moment_is_inside_another_that_was_held_around_it() {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let [a, b] = [&b"a"[..], b"b"].map(|value| history.values.id(value));
    let mut done = |ask: map::Ask, answer: map::Answer, from: u32, to: u32| {
        let begun = history.begin(key, ask, from);
        history.ok(begun, answer, to);
    };
    done(map::Ask::Write(a), map::Answer::Done, 0, 1);
    // Where the write of b ends, the read of it begins.
    done(map::Ask::Write(b), map::Answer::Done, 2, 4);
    done(map::Ask::Read, map::Answer::Value(b), 4, 6);
    done(map::Ask::Read, map::Answer::Value(a), 7, 8);
    let result = map::check("register", &history, Budget::default());
    assert_eq!((result.verdict, result.counts["keys-searched"]), (Verdict::Invalid, 0));
    let sentence = &result.anomalies[0].sentence;
    assert!(
        sentence.contains("from 1 to 7 it must have held a throughout, but some time from 4 to 4 it held b"),
        "{sentence}"
    );
}

#[test]
fn a_value_that_was_found_too_early_is_told_by_who_found_it_first() {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let value = history.values.id(b"a");
    let mut done = |ask: map::Ask, answer: map::Answer, from: u32, to: u32| {
        let begun = history.begin(key, ask, from);
        history.ok(begun, answer, to);
    };
    done(map::Ask::Read, map::Answer::Value(value), 0, 3);
    done(map::Ask::Read, map::Answer::Value(value), 2, 7);
    done(map::Ask::Write(value), map::Answer::Done, 4, 5);
    let result = map::check("register", &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Invalid);
    assert_eq!(result.anomalies[0].witness, [0, 3]);
}

/// Writes that overlap, some of which may not have happened, then a read of what none of them wrote.
fn puzzle(writes: u32, unknown: u32) -> Vec<Operation<Ask<u32>, Answer<u32>>> {
    let write = |n: u32| Operation::ok(0, Ask::Write(n + 1), u64::from(n), Answer::Done, u64::from(n + writes));
    let open = |n: u32| Operation::info(0, Ask::Cas(n + 500, n + 501), 0);
    let end = u64::from(2 * writes);
    let read = Operation::ok(0, Ask::Read, end, Answer::Value(99), end + 1);
    (0..writes)
        .map(write)
        .chain((0..unknown).map(open))
        .chain([read])
        .collect()
}

#[test]
fn a_search_may_hold_what_it_may_hold_and_no_more() {
    let verdict = |ops: &[_], bytes_max: usize| {
        let budget = Budget {
            bytes_max,
            ..Budget::default()
        };
        check(&Register { initial: 0 }, ops, budget).verdict
    };
    for unknown in [0, 3] {
        let ops = puzzle(12, unknown);
        // More than 24,000 configurations of three words.
        assert_eq!(verdict(&ops, 200 << 10), Verdict::Unknown, "{unknown}");
        assert_eq!(verdict(&ops, 16 << 20), Verdict::Invalid, "{unknown}");
    }
}

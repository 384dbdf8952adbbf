//! Operations of unknown outcome are used up once: what adds up (appends, enqueues, additions) makes no end of states.

use paytwice_checkers::linear::models::counter::{self, Counter};
use paytwice_checkers::linear::models::queue::{self, Queue};
use paytwice_checkers::linear::{Budget, FifoHistory, MapHistory, Operation, check, fifo, map};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

/// Far less than the default: what takes more is not decided soon.
fn little() -> Budget<'static> {
    Budget {
        steps_max: 200_000,
        bytes_max: 8 << 20,
        stop: None,
    }
}

/// Puts and appends of two texts that all overlap, many of unknown outcome, and a get at the end.
fn appended(infos: u32, found: &str) -> CheckerResult {
    let mut history = MapHistory::new(b"");
    let key = history.keys.id(b"0");
    let mut value = |text: String| history.values.id(text.as_bytes());
    let pieces: Vec<u32> = (10..10 + infos + 6).map(|n| value(n.to_string())).collect();
    let found = value(found.to_owned());
    let asks = (0..).zip(&pieces).map(|(nth, piece)| match nth % 3 {
        0 => map::Ask::Write(*piece),
        _ => map::Ask::Append(*piece),
    });
    let begun: Vec<_> = (0..).zip(asks).map(|(at, ask)| history.begin(key, ask, at)).collect();
    for (at, op) in (1000..).zip(begun.into_iter().skip(infos as usize)) {
        history.ok(op, map::Answer::Done, at);
    }
    let get = history.begin(key, map::Ask::Read, 2000);
    history.ok(get, map::Answer::Value(found), 2001);
    map::check("kv", &history, little())
}

#[test]
fn appends_of_unknown_outcome_are_used_once() {
    for infos in [3, 5, 12, 39] {
        let result = appended(infos, "38");
        assert_eq!(result.verdict, Verdict::Invalid, "{infos}: {:?}", result.reason);
        // The last one put, and each append after it at most once.
        let last = 10 + infos + 5;
        let put = (10..=last).rev().find(|n| (n - 10) % 3 == 0).expect("a put");
        assert_eq!(appended(infos, &format!("{put}{last}")).verdict, Verdict::Valid);
        assert_eq!(appended(infos, &format!("{put}{last}{last}")).verdict, Verdict::Invalid);
        // One of unknown outcome, the second of all, may come last, and only once.
        assert_eq!(appended(infos, &format!("{put}11{last}")).verdict, Verdict::Valid);
        assert_eq!(appended(infos, &format!("{put}1111{last}")).verdict, Verdict::Invalid);
    }
}

/// Enqueues of a few values that all overlap, some of unknown outcome, then dequeues one after the other.
fn queued(enqueues: &[(u32, bool)], unseen: u32, taken: &[Option<u32>]) -> CheckerResult {
    let mut history = FifoHistory::default();
    let ids: Vec<u32> = (0..10)
        .map(|v: u32| history.values.id(v.to_string().as_bytes()))
        .collect();
    let begun: Vec<_> = (0..)
        .zip(enqueues)
        .map(|(at, (value, ok))| (history.enqueue(ids[*value as usize], at), *ok))
        .collect();
    for (at, (op, _)) in (100..).zip(begun.into_iter().filter(|(_, ok)| *ok)) {
        history.ok(op, at);
    }
    for at in 200..200 + unseen {
        history.dequeue(at);
    }
    for (at, value) in (150..).zip(taken) {
        let op = history.dequeue(2 * at);
        history.took(op, value.map(|value| ids[value as usize]), 2 * at + 1);
    }
    fifo::check("fifo-queue", &history, little())
}

#[test]
fn enqueues_and_dequeues_of_unknown_outcome_are_used_once() {
    let (ok, info) = (true, false);
    let twice: Vec<(u32, bool)> = (0..20).map(|n| (n % 4, n % 5 == 0 || n >= 16)).collect();
    for (enqueues, unseen, taken, expected) in [
        // Two of 1 are in the queue, one of them perhaps.
        (
            &[(1, ok), (1, info), (2, ok)][..],
            0,
            &[Some(1), Some(1), Some(2), None][..],
            Verdict::Valid,
        ),
        (
            &[(1, ok), (1, info), (2, ok)],
            0,
            &[Some(1), Some(2), Some(1), None],
            Verdict::Valid,
        ),
        (
            &[(1, ok), (1, info), (2, ok)],
            0,
            &[Some(1), Some(1), Some(1)],
            Verdict::Invalid,
        ),
        (
            &[(1, ok), (1, ok), (2, ok)],
            1,
            &[Some(1), Some(2), None],
            Verdict::Valid,
        ),
        (&[(1, ok), (1, ok), (2, ok)], 1, &[Some(1), None], Verdict::Invalid),
        (&[(1, ok), (1, ok), (2, ok)], 2, &[Some(1), None], Verdict::Valid),
        (
            &[(1, ok), (1, ok), (2, info)],
            0,
            &[Some(1), Some(1), None, Some(2), None],
            Verdict::Valid,
        ),
        (
            &[(1, ok), (1, ok), (2, info)],
            0,
            &[Some(1), Some(1), Some(2), Some(2)],
            Verdict::Invalid,
        ),
        // Many that overlap.
        (
            &twice,
            0,
            &[Some(3), Some(0), Some(2), Some(1), Some(9)],
            Verdict::Invalid,
        ),
        (
            &twice,
            0,
            &[Some(3), Some(0), Some(2), Some(1), Some(1)],
            Verdict::Valid,
        ),
        (
            &twice,
            2,
            &[Some(3), Some(0), Some(2), Some(1), Some(3), None],
            Verdict::Invalid,
        ),
        (
            &twice,
            3,
            &[Some(3), Some(0), Some(2), Some(1), Some(3), None],
            Verdict::Valid,
        ),
    ] {
        let result = queued(enqueues, unseen, taken);
        assert_eq!(result.verdict, expected, "{enqueues:?} {unseen} {taken:?}: {result:?}");
    }
}

#[test]
fn a_dequeue_that_has_no_place_is_told_with_what_there_was() {
    let (ok, info) = (true, false);
    let result = queued(&[(1, ok), (1, ok), (2, info)], 0, &[Some(1), Some(2), None]);
    assert_eq!(
        result.anomalies[0].sentence,
        "\"dequeue -> nothing\" (304 to 305) has no place: of what was enqueued by then, what overlaps it finds [1]. Up to \
         there an order exists, 5 configurations tried"
    );
    assert!(result.anomalies[0].witness.ends_with(&[304, 305]), "{result:?}");
}

#[test]
fn additions_of_unknown_outcome_are_used_once() {
    let counter = Counter { initial: 0, scale: 0 };
    for (read, expected) in [
        (7, Verdict::Valid),
        (3, Verdict::Valid),
        (8, Verdict::Invalid),
        (1 << 20, Verdict::Invalid),
    ] {
        let mut history: Vec<_> = [1, 2, 4]
            .map(|n| Operation::info(0, counter::Ask::Add(n), n as u64))
            .to_vec();
        history.push(Operation::ok(
            0,
            counter::Ask::Read,
            10,
            counter::Answer::Value(read),
            11,
        ));
        let result = check(&counter, &history, Budget::default());
        assert_eq!(result.verdict, expected, "{read}: {result:?}");
    }
    // Nor does the search that repeats what changes nothing look at more and more of them.
    let mut history: Vec<_> = (0..10)
        .map(|n| Operation::info(0, counter::Ask::Add(1 << n), n))
        .collect();
    history.push(Operation::ok(0, counter::Ask::Read, 20, counter::Answer::Value(-1), 21));
    let result = check(&counter, &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Invalid, "{result:?}");
}

#[test]
fn a_queue_searched_as_any_object_has_an_end_of_states() {
    let mut history: Vec<_> = (0..5)
        .map(|n| Operation::info(0, queue::Ask::Enqueue(n % 3), n))
        .collect();
    history.push(Operation::ok(0, queue::Ask::Dequeue, 10, queue::Answer::Value(7), 11));
    let result = check(&Queue::default(), &history, Budget::default());
    assert_eq!(result.verdict, Verdict::Invalid, "{result:?}");
}

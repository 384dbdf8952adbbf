//! What the ways around the search decide by themselves, and on how short a prefix.

use paytwice_checkers::linear::models::mutex::Ask;
use paytwice_checkers::linear::models::register;
use paytwice_checkers::linear::{Budget, FifoHistory, MapHistory, Operation, check, fifo, locks, map};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

/// Calls and returns of a queue, in order: `>1` and `1>` are an enqueue of 1, `<` a dequeue's call and `1<` its end with
/// 1 (`-<` with nothing); the letter before says whose operation it is. `=` before that: at the position of the one before.
fn queue(events: &str) -> CheckerResult {
    let mut history = FifoHistory::default();
    let mut open = std::collections::HashMap::new();
    let mut next = 0;
    for event in events.split_whitespace() {
        let same = event.strip_prefix('=');
        let (event, index) = same.map_or((event, next), |event| (event, next - 1));
        next = index + 1;
        let (who, what) = event.split_at(1);
        if let Some(value) = what.strip_prefix('>') {
            let value = history.values.id(value.as_bytes());
            open.insert(who, history.enqueue(value, index));
        } else if what == "<" {
            open.insert(who, history.dequeue(index));
        } else if let Some(value) = what.strip_suffix('<') {
            let value = (value != "-").then(|| history.values.id(value.as_bytes()));
            history.took(open[who], value, index);
        } else {
            history.ok(open[who], index);
        }
    }
    fifo::check("fifo-queue", &history, Budget::default())
}

#[test]
fn queues_of_distinct_values_need_no_search() {
    for (events, expected) in [
        // A dequeue of unknown outcome beside others.
        ("a>1 a1> b< c>2 c2> d< d2<", Verdict::Valid),
        // Nobody dequeues 1, and still nothing is found.
        ("a>1 a1> b< b-<", Verdict::Invalid),
        ("a>1 a1> b< b1< b< b-<", Verdict::Valid),
        ("a>1 b< b-< a1>", Verdict::Valid),
        // What begins where another ends is beside it, not behind it.
        ("a>1 a1> =b< b1< c< c-<", Verdict::Valid),
        ("a>1 a1> a>2 a2> b< b2< =c< c1<", Verdict::Valid),
        ("a>1 a1> =b>2 b2> c< c2< d< d1<", Verdict::Valid),
        // The dequeue of unknown outcome began no later than 1 was overtaken.
        ("a>1 a1> a>2 a2> b< b2< =c<", Verdict::Valid),
        ("a>1 a1> a>2 a2> b< b2< c<", Verdict::Invalid),
    ] {
        let result = queue(events);
        assert_eq!(
            (result.verdict, result.counts["keys-searched"]),
            (expected, 0),
            "{events}"
        );
    }
}

#[test]
fn a_dequeue_that_has_not_returned_breaks_nothing_yet() {
    // 2 is dequeued from 0 to 9: what is wrong comes before.
    let result = queue("a< b>1 b1> b< b1< b< b1< b>2 b2> a2<");
    let sentence = "1 was dequeued twice (by 4 and 6). Up to 6 an order exists";
    assert_eq!(
        (result.verdict, result.anomalies[0].sentence.as_str()),
        (Verdict::Invalid, sentence)
    );
}

#[test]
fn a_value_that_is_asked_for_too_late_is_told_with_what_overtook_it() {
    // The dequeue of unknown outcome could have taken 1, until another one did.
    let result = queue("a>1 a1> a>2 a2> c< b< b2< b< b1<");
    let sentence = "1 was enqueued (by 1) before 2 (from 2), which was dequeued by 6, before 1 was asked for. Up to 8 an \
                    order exists";
    assert_eq!(
        (result.verdict, result.anomalies[0].sentence.as_str()),
        (Verdict::Invalid, sentence)
    );
    assert_eq!(result.anomalies[0].witness, [0, 1, 2, 3, 5, 6, 7, 8]);
}

#[test]
fn a_dequeue_that_found_nothing_is_told_with_what_was_there() {
    for (events, sentence, witness) in [
        (
            "a>1 a1> b>2 c< c1< b2> e>3 d< d-< e3>",
            "a dequeue found nothing (from 7 to 8) while something was there all along. Up to 8 an order exists",
            &[2, 5, 7, 8][..],
        ),
        (
            "a>2 a2> d< a>4 a4> f< d-< f2<",
            "a dequeue found nothing (from 2 to 6) while something was there all along. Up to 6 an order exists",
            &[0, 1, 2, 3, 4, 5, 6],
        ),
    ] {
        let result = queue(events);
        assert_eq!(
            (result.verdict, result.anomalies[0].sentence.as_str()),
            (Verdict::Invalid, sentence)
        );
        assert_eq!(result.anomalies[0].witness, witness, "{events}");
    }
}

/// What is said of a broken queue, and by which events.
fn told(events: &str) -> (String, Vec<u64>) {
    let result = queue(events);
    assert_eq!(
        (result.verdict, result.counts["keys-searched"]),
        (Verdict::Invalid, 0),
        "{events}"
    );
    let anomaly = &result.anomalies[0];
    (anomaly.sentence.clone(), anomaly.witness.clone())
}

#[test]
fn an_order_exists_up_to_the_very_return_that_breaks_it() {
    for (events, sentence) in [
        // Another dequeue returned just before.
        (
            "a>1 a1> b< c< b1< c7<",
            "7 was dequeued (by 5) and was never enqueued. Up to 5 an order exists",
        ),
        (
            "a>1 a1> b< c< b1< c1<",
            "1 was dequeued twice (by 4 and 5). Up to 5 an order exists",
        ),
        // Until the first has returned, only the second has taken it.
        (
            "a>1 a1> b< c< c1< b1<",
            "1 was dequeued twice (by 5 and 4). Up to 5 an order exists",
        ),
    ] {
        assert_eq!(told(events).0, sentence, "{events}");
    }
}

#[test]
fn what_shares_a_position_is_not_told_as_earlier_or_later() {
    let (sentence, witness) = told("a>1 a1> =b>2 b2> c>3 c3> d< d2< d< d3<");
    assert_eq!(
        sentence,
        "1 was enqueued (by 1) before 3 (from 3), which was dequeued by 8; until then no dequeue was called that can \
         have taken 1. Up to 8 an order exists"
    );
    assert_eq!(witness, [0, 1, 3, 4, 7, 8]);
    // 1 is asked for, and 3 put in, where the dequeue that found nothing begins and ends; only 2 was there.
    let (_, witness) = told("a>1 a1> a>2 a2> b< =c< c1< d>3 b-< =d3>");
    assert_eq!(witness, [2, 3, 4, 7]);
}

#[test]
fn operations_of_a_queue_are_counted_by_how_they_ended() {
    let mut history = FifoHistory::default();
    let [one, two] = [&b"1"[..], b"2"].map(|value| history.values.id(value));
    let put = history.enqueue(one, 0);
    // The return may share the call's position.
    history.ok(put, 0);
    history.enqueue(two, 1);
    let refused = history.dequeue(2);
    history.fail(refused);
    let taken = history.dequeue(3);
    history.took(taken, Some(one), 4);
    let result = fifo::check("fifo-queue", &history, Budget::default());
    let counts = ["operations", "ok", "info"].map(|name| result.counts[name]);
    assert_eq!((result.verdict, counts), (Verdict::Valid, [3, 2, 1]));
    let early = history.dequeue(9);
    history.took(early, None, 8);
    let result = fifo::check("fifo-queue", &history, Budget::default());
    assert_eq!(
        result.reason.as_deref(),
        Some("operation 9 returns before it is called")
    );
}

/// Calls and returns of a register that is nil at first: `w1` and `ok` are a write of 1, `r` a read's call and `=1` its
/// end with 1; the letter before says whose operation it is.
fn registers(events: &str) -> CheckerResult {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let mut open = std::collections::HashMap::new();
    for (index, event) in (0..).zip(events.split_whitespace()) {
        let (who, what) = event.split_at(1);
        if let Some(value) = what.strip_prefix('w') {
            let value = history.values.id(value.as_bytes());
            open.insert(who, history.begin(key, map::Ask::Write(value), index));
        } else if what == "r" {
            open.insert(who, history.begin(key, map::Ask::Read, index));
        } else if let Some(value) = what.strip_prefix('=') {
            let value = history.values.id(value.as_bytes());
            history.ok(open[who], map::Answer::Value(value), index);
        } else {
            history.ok(open[who], map::Answer::Done, index);
        }
    }
    map::check("register", &history, Budget::default())
}

#[test]
fn registers_of_distinct_values_are_told_by_their_zones() {
    for (events, sentence, witness) in [
        (
            "ar a=9",
            "9 was found (by 1) and nothing ever left it. Up to 1 an order exists",
            &[0, 1][..],
        ),
        (
            "ar a=9 aw9 aok",
            "9 was found (by 1) before anything that could leave it was called (at 2). Up to 1 an order exists",
            &[0, 1],
        ),
        (
            "aw1 bw2 aok bok ar a=1 br b=2 ar a=1",
            "from 2 to 4 it must have held 1 throughout, and from 3 to 6 it must have held 2 throughout. Up to 7 an order \
             exists",
            &[0, 1, 2, 3, 4, 5, 6, 7],
        ),
        (
            "aw1 aok ar a=nil",
            "from the beginning to 2 it must have held nil throughout, but some time from 0 to 1 it held 1. Up to 3 an \
             order exists",
            &[0, 1, 2, 3],
        ),
        (
            "aw1 aok aw2 bw3 bok ar a=1",
            "from 1 to 5 it must have held 1 throughout, but some time from 3 to 4 it held 3. Up to 6 an order exists",
            &[0, 1, 3, 4, 5, 6],
        ),
    ] {
        let result = registers(events);
        assert_eq!(
            (result.verdict, result.counts["keys-searched"]),
            (Verdict::Invalid, 0),
            "{events}"
        );
        assert_eq!(result.anomalies[0].sentence, sentence, "{events}");
        assert_eq!(result.anomalies[0].witness, witness, "{events}");
    }
}

#[test]
fn a_value_that_nobody_read_may_be_written_often() {
    // Before 1 was written, and after it was read.
    let result = registers("aw5 bw1 bok cw5 dr d=1 aok er e=1 cok");
    assert_eq!((result.verdict, result.counts["keys-searched"]), (Verdict::Valid, 0));
}

#[test]
fn many_values_are_told_apart() {
    let written = |n: u32| format!("aw{n} aok br b={n} ");
    let mut events: String = (0..2_000).map(written).collect();
    let result = registers(&events);
    assert_eq!((result.verdict, result.counts["keys-searched"]), (Verdict::Valid, 0));
    events += "br b=7";
    assert_eq!(registers(&events).verdict, Verdict::Invalid);
}

#[test]
fn a_value_that_was_written_twice_takes_a_search() {
    let mut history = MapHistory::new(b"nil");
    let key = history.keys.id(b"x");
    let [one, two] = [&b"1"[..], b"2"].map(|value| history.values.id(value));
    let mut called = |ask, call, answer, ret| {
        let op = history.begin(key, ask, call);
        history.ok(op, answer, ret);
    };
    // In the order of their ends, and told in the order of their calls.
    called(map::Ask::Write(one), 0, map::Answer::Done, 1);
    called(map::Ask::Write(one), 2, map::Answer::Done, 3);
    called(map::Ask::Write(two), 5, map::Answer::Done, 6);
    called(map::Ask::Write(two), 4, map::Answer::Done, 7);
    called(map::Ask::Read, 8, map::Answer::Value(one), 9);
    let refused = history.begin(key, map::Ask::Write(one), 10);
    history.fail(refused);
    history.begin(key, map::Ask::Write(one), 11);
    assert_eq!(
        (history.len(), history.is_empty(), history.values.is_empty()),
        (7, false, false)
    );
    let result = map::check("register", &history, Budget::default());
    let counts = ["operations", "ok", "info", "keys", "keys-searched"].map(|name| result.counts[name]);
    assert_eq!((result.verdict, counts), (Verdict::Invalid, [6, 5, 1, 1, 1]));
    let told = &result.anomalies[0].sentence;
    let beside = "\"read -> 1\" (8 to 9) has no place beside \"write 2\" (4 to 7), \"write 2\" (5 to 6): by then";
    assert!(told.starts_with(beside), "{told}");
}

#[test]
fn keys_are_searched_once_each_however_many_are_broken() {
    let mut history = MapHistory::new(b"0");
    assert!(history.is_empty() && history.keys.is_empty());
    for n in 0..20_u32 {
        let key = history.keys.id(format!("k{n}").as_bytes());
        let [from, to] = [&b"0"[..], b"1"].map(|value| history.values.id(value));
        for (nth, answer) in [(0, map::Answer::Done), (1, map::Answer::Done)] {
            let op = history.begin(key, map::Ask::Cas(from, to), 4 * n + 2 * nth);
            history.ok(op, answer, 4 * n + 2 * nth + 1);
        }
    }
    let result = map::check("cas-register", &history, Budget::default());
    let counts = ["nonlinearizable", "keys", "keys-searched"].map(|name| result.counts[name]);
    assert_eq!(counts, [20, 20, 20]);
}

#[test]
fn a_value_that_only_a_later_compare_and_set_could_leave_is_told_with_it() {
    let mut history = MapHistory::new(b"0");
    let key = history.keys.id(b"x");
    let [zero, nine] = [&b"0"[..], b"9"].map(|value| history.values.id(value));
    let read = history.begin(key, map::Ask::Read, 0);
    history.ok(read, map::Answer::Value(nine), 1);
    let set = history.begin(key, map::Ask::Cas(zero, nine), 2);
    history.ok(set, map::Answer::Done, 3);
    let result = map::check("cas-register", &history, Budget::default());
    assert_eq!(
        result.anomalies[0].sentence,
        "9 was found (by 1) before anything that could leave it was called (at 2). Up to 1 an order exists"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1]);
}

#[test]
fn a_key_that_is_appended_to_is_a_text() {
    let verdict = |found: &[u8]| {
        let mut history = MapHistory::new(b"");
        let key = history.keys.id(b"x");
        let [a, b, c] = [&b"a"[..], b"b", b"c"].map(|value| history.values.id(value));
        let found = history.values.id(found);
        let steps = [
            (map::Ask::Append(a), map::Answer::Done),
            (map::Ask::Write(b), map::Answer::Done),
            (map::Ask::Append(c), map::Answer::Done),
            (map::Ask::Read, map::Answer::Value(found)),
        ];
        for (nth, (ask, answer)) in (0..).zip(steps) {
            let op = history.begin(key, ask, 2 * nth);
            history.ok(op, answer, 2 * nth + 1);
        }
        map::check("kv", &history, Budget::default()).verdict
    };
    assert_eq!(verdict(b"bc"), Verdict::Valid);
    assert_eq!([&b"abc"[..], b"ac", b"c"].map(verdict), [Verdict::Invalid; 3]);
}

#[test]
fn a_key_whose_operation_returns_before_its_call_is_unknown() {
    for (ret, reason) in [(4, Some("operation 5 returns before it is called")), (5, None)] {
        let mut history = MapHistory::new(b"0");
        let key = history.keys.id(b"x");
        let read = history.begin(key, map::Ask::Read, 5);
        let zero = history.values.id(b"0");
        history.ok(read, map::Answer::Value(zero), ret);
        let result = map::check("register", &history, Budget::default());
        assert_eq!(result.reason.as_deref(), reason);
    }
}

#[test]
fn a_mutex_is_told_by_what_it_lacks() {
    let take = |at| Operation::ok(0, Ask::Acquire, at, (), at + 1);
    let give = |at| Operation::ok(0, Ask::Release, at, (), at + 1);
    for (history, sentence, witness) in [
        (
            &[take(0), take(2)][..],
            "the mutex was acquired (2 to 3) while it was held since 0: every release called by then is needed before. Up \
             to there an order exists",
            &[0, 1, 2, 3][..],
        ),
        (
            &[give(0)],
            "the mutex was released (0 to 1) while it was free: every acquire called by then is needed before. Up to there \
             an order exists",
            &[0, 1],
        ),
    ] {
        let result = locks::check(history);
        assert_eq!(
            (result.verdict, result.anomalies[0].sentence.as_str()),
            (Verdict::Invalid, sentence)
        );
        assert_eq!(result.anomalies[0].witness, witness);
    }
    let early = [Operation::ok(0, Ask::Acquire, 5, (), 4)];
    assert_eq!(
        locks::check(&early).reason.as_deref(),
        Some("operation 5 returns before it is called")
    );
    let open = [
        Operation::info(1, Ask::Acquire, 0),
        Operation::info(1, Ask::Release, 1),
        take(2),
    ];
    let counts = locks::check(&open).counts;
    assert_eq!([counts["operations"], counts["info"]], [3, 2], "{counts:?}");
}

#[test]
fn a_chain_of_compare_and_sets_may_have_as_many_values_as_it_likes() {
    let mut history = MapHistory::new(b"0");
    let key = history.keys.id(b"x");
    for n in 0..40_u32 {
        let [from, to] = [n, n + 1].map(|value| history.values.id(value.to_string().as_bytes()));
        let op = history.begin(key, map::Ask::Cas(from, to), 2 * n);
        history.ok(op, map::Answer::Done, 2 * n + 1);
    }
    assert_eq!(
        map::check("cas-register", &history, Budget::default()).verdict,
        Verdict::Valid
    );
}

#[test]
fn what_the_object_could_be_is_told_of_the_furthest_that_the_search_got() {
    let write =
        |value: u32, call, ret| Operation::ok(0, register::Ask::Write(value), call, register::Answer::Done, ret);
    let history = [
        write(7, 0, 3),
        write(8, 1, 4),
        write(5, 5, 6),
        Operation::ok(0, register::Ask::Read, 7, register::Answer::Value(9), 8),
    ];
    let result = check(&register::Register { initial: 0 }, &history, Budget::default());
    let told = &result.anomalies[0].sentence;
    assert!(
        told.starts_with("\"read -> 9\" (7 to 8) has no place: by then the object could only be 5. "),
        "{told}"
    );
}

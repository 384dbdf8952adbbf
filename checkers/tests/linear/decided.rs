//! What the ways around the search decide by themselves, and on how short a prefix.

use paytwice_checkers::linear::{Budget, FifoHistory, fifo};
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

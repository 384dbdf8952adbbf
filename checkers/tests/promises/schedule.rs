use paytwice_checkers::history::{Deed, FaultStage, Kind, Role};
use paytwice_checkers::verdict::CheckerResult;
use serde_json::{Value, json};

use crate::shop::{MS, Run, S, anomaly, messages, unknown, valid, with, without};

const REQUEST: &str = "notifier->receiver POST /notify request";
const REPLY: &str = "notifier->receiver POST /notify reply";

/// Again after 1 s, 5 s and 10 s.
fn promise() -> Value {
    json!({
        "checker": "schedule", "point": REQUEST, "key": "tx", "steps": ["1m", "5m", "10m"], "factor": 0.016_666_666_7,
        "tolerance": "100ms", "until": REPLY,
    })
}

/// A run in which attempts for o1 come at these times, in milliseconds, and the history goes on until the last of them.
fn attempts(run: &mut Run, times_ms: &[u64]) -> Vec<u64> {
    let attempt = |ms: &u64| run.at(ms * MS).wire(REQUEST, json!({ "tx": ["o1"] }));
    times_ms.iter().map(attempt).collect()
}

fn ended(mut run: Run, end_ms: u64) -> CheckerResult {
    run.at(end_ms * MS);
    run.rest(|_| ())
}

#[test]
fn attempts_as_promised_until_the_last_step_are_valid() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500, 1_500, 6_550, 16_500]);
    let result = ended(run, 60_000);
    valid(&result);
    assert_eq!(result.counts["attempts"], 4);
}

#[test]
fn no_attempt_is_due_once_one_was_acknowledged_on_its_connection() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500, 1_500]);
    run.wire(REPLY, json!({}));
    let result = ended(run, 60_000);
    valid(&result);
    assert_eq!(result.counts["acknowledged"], 1);
}

#[test]
fn an_attempt_after_the_acknowledgement_is_one_too_many() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500]);
    let acked = run.wire(REPLY, json!({ "tx": ["o1"] }));
    let attempt = attempts(&mut run, &[1_501])[0];
    let result = ended(run, 60_000);
    let sentence = "attempt 2 of order o1 came 1000 ms after the acknowledgement";
    anomaly(&result, "after-ack", "o1", sentence, &[acked, attempt]);
}

#[test]
fn a_reply_that_never_arrived_acknowledges_nothing() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500]);
    run.frame(REPLY, 1, json!({}), Role::Plain, &[Deed::Dropped]);
    run.frame(REPLY, 1, json!({}), Role::Plain, &[Deed::Answered(503)]);
    attempts(&mut run, &[1_500, 6_500, 16_500]);
    valid(&ended(run, 60_000));
}

#[test]
fn a_reply_to_a_sender_that_was_stopped_at_it_leaves_what_is_due_unknown() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500]);
    run.frame(REPLY, 1, json!({}), Role::Plain, &[Deed::StoppedAfter]);
    let result = ended(run, 60_000);
    let reason = "1 schedule overdue when the history ended, unless an attempt of unknown outcome was acknowledged";
    unknown(&result, reason);
}

#[test]
fn an_attempt_that_was_dropped_is_one_and_its_copy_is_none() {
    let mut run = Run::new(promise());
    run.at(500 * MS)
        .frame(REQUEST, 1, json!({ "tx": ["o1"] }), Role::Plain, &[Deed::Dropped]);
    run.frame(REQUEST, 1, json!({ "tx": ["o1"] }), Role::Plain, &[Deed::Copy]);
    attempts(&mut run, &[1_500, 6_500, 16_500]);
    valid(&ended(run, 60_000));
}

#[test]
fn attempts_outside_their_time_are_early_or_late() {
    let mut run = Run::new(promise());
    let seen = attempts(&mut run, &[500, 1_000]);
    let result = ended(run, 1_100);
    anomaly(
        &result,
        "early",
        "o1",
        "attempt 2 of order o1 came 500 ms too early",
        &seen,
    );
    let mut run = Run::new(promise());
    let seen = attempts(&mut run, &[500, 4_500]);
    let result = ended(run, 4_600);
    anomaly(
        &result,
        "late",
        "o1",
        "attempt 2 of order o1 came 2999 ms too late",
        &seen,
    );
}

#[test]
fn an_attempt_may_be_late_by_as_long_as_a_fault_was_in_force_but_never_early() {
    let with_fault = |second: u64| {
        let mut run = Run::new(promise());
        attempts(&mut run, &[500]);
        run.at(S).fault(1, "kill", "notifier", FaultStage::Done);
        run.at(4 * S).fault(1, "kill", "notifier", FaultStage::Healed);
        attempts(&mut run, &[second]);
        ended(run, second + 100)
    };
    valid(&with_fault(4_500));
    assert_eq!(with_fault(4_700).anomalies[0].kind, "late");
    let mut run = Run::new(promise());
    attempts(&mut run, &[500, 1_500]);
    run.fault(1, "kill", "notifier", FaultStage::Done);
    run.at(3 * S).fault(1, "kill", "notifier", FaultStage::Healed);
    attempts(&mut run, &[3_100]);
    let result = ended(run, 3_200);
    assert_eq!(
        result.anomalies[0].sentence,
        "attempt 3 of order o1 came 3400 ms too early"
    );
}

#[test]
fn an_attempt_that_was_due_and_never_came_is_missing() {
    let mut run = Run::new(promise());
    let seen = attempts(&mut run, &[500, 1_500]);
    let mut end = 0;
    run.at(8_500 * MS);
    run.settle(Kind::Ok);
    let result = run.finals(|run| end = run.phase("x", Kind::Invoke) + 1, Kind::Ok);
    let sentence = &result.anomalies[0].sentence;
    assert!(sentence.starts_with("attempt 3 of order o1 was 20"), "{sentence}");
    assert!(sentence.ends_with(" ms overdue when the history ended"), "{sentence}");
    let sentence = sentence.clone();
    anomaly(&result, "missing", "o1", &sentence, &[seen[1], end]);
}

#[test]
fn an_attempt_beyond_the_last_step_is_extra() {
    let mut run = Run::new(promise());
    let seen = attempts(&mut run, &[500, 1_500, 6_500, 16_500, 17_000]);
    let result = ended(run, 60_000);
    anomaly(
        &result,
        "extra",
        "o1",
        "attempt 5 of order o1 came after the last one of the schedule",
        &seen[3..],
    );
}

#[test]
fn steps_may_count_from_the_first_attempt() {
    let mut promise = promise();
    promise["since"] = json!("first");
    let mut run = Run::new(promise);
    attempts(&mut run, &[500, 1_500, 5_500, 10_500]);
    valid(&ended(run, 60_000));
}

#[test]
fn what_was_not_seen_is_unknown() {
    unknown(
        &ended(Run::new(promise()), 1),
        &format!("no frame of {REQUEST} was seen"),
    );
    let mut run = Run::new(promise());
    run.wire(REQUEST, json!({ "number": ["1"] }));
    unknown(&ended(run, 1), &format!("no frame of {REQUEST} carried tx"));
    let mut run = Run::new(promise());
    attempts(&mut run, &[500, 1_500]);
    let result = run.cut_short();
    assert!(result.reason.unwrap().starts_with("the history is cut short"));
}

#[test]
fn a_mistake_in_its_options_is_said() {
    let with = |key: &str, value: Value| with(promise(), key, value);
    let without = |key: &str| without(promise(), key);
    messages(&[
        (
            without("point"),
            "promises[0].point is missing; for example point = \"notifier->receiver POST /notify request\"",
        ),
        (
            with("point", json!("POST /notify request")),
            "promises[0].point is \"POST /notify request\"; expected a link and a point, as in \"account->mysql COMMIT reply\"",
        ),
        (without("key"), "promises[0].key is missing; for example key = \"tx\""),
        (
            with("key", json!("txn")),
            "promises[0].key refers to key \"txn\"; this target has number, tx (did you mean tx?)",
        ),
        (
            without("steps"),
            "promises[0].steps is missing; for example steps = [\"1m\", \"5m\"]",
        ),
        (
            with("steps", json!(["1m", "5 minutes"])),
            "promises[0].steps[1] is \"5 minutes\"; expected a length of time like \"200ms\", \"5s\" or \"2m\"",
        ),
        (
            with("factor", json!(0)),
            "promises[0].factor is 0; it can be from 0.000001 to 1000",
        ),
        (
            with("since", json!("begin")),
            "promises[0].since is \"begin\"; it can be \"previous\" or \"first\"",
        ),
        (
            with("tolerance", json!("5")),
            "promises[0].tolerance is \"5\"; expected a length of time like \"200ms\", \"5s\" or \"2m\"",
        ),
        (
            with("until", json!("reply")),
            "promises[0].until is \"reply\"; expected a link and a point, as in \"account->mysql COMMIT reply\"",
        ),
    ]);
}

#[test]
fn one_attempt_of_each_and_no_time_for_a_second_is_unknown() {
    let mut run = Run::new(promise());
    attempts(&mut run, &[500]);
    let reason = "the history ended before a second attempt was due: no step was judged";
    unknown(&ended(run, 600), reason);
    // It was acknowledged, and nothing came after it.
    let mut run = Run::new(promise());
    attempts(&mut run, &[500]);
    run.wire(REPLY, json!({ "tx": ["o1"] }));
    valid(&ended(run, 600));
}

use paytwice_checkers::history::{Deed, FaultStage, Kind, Role};
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{MS, Run, S, anomaly, messages, unknown, valid, with, without};

const POINT: &str = "rocketmq->stock DELIVER orders";

fn promise() -> Value {
    json!({ "checker": "soft-state", "from": { "action": "order" }, "to": { "role": "delivered" }, "max": "5s" })
}

fn delivered(run: &mut Run, tx: &str) -> u64 {
    run.frame(POINT, 1, json!({ "tx": [tx] }), Role::Delivered, &[])
}

#[test]
fn windows_within_their_limits_are_valid() {
    let mut run = Run::new(promise());
    run.at(S).order_answered(0, "o1", Kind::Ok, json!({ "tx": "77" }));
    run.frame(POINT, 1, json!({ "tx": ["77"] }), Role::Delivered, &[Deed::Dropped]);
    run.at(4 * S);
    delivered(&mut run, "77");
    run.at(30 * S);
    delivered(&mut run, "77");
    // Delivered before its client knew: never half done.
    run.op(1, Kind::Invoke, "order", "o2", json!({}), json!({}));
    delivered(&mut run, "o2");
    run.op(1, Kind::Ok, "order", "o2", json!({}), json!({}));
    // It failed: nothing has to follow.
    run.order(2, "o3", Kind::Fail);
    let result = run.rest(|_| ());
    valid(&result);
    assert_eq!((result.counts["entered"], result.counts["left"]), (2, 2));
    assert_eq!(
        (result.counts["window-us-p0"], result.counts["window-us-p100"]),
        (0, 2_999_000)
    );
}

#[test]
fn one_that_took_too_long_exceeds_the_window() {
    let mut run = Run::new(promise());
    let begun = run.at(S).order(0, "o1", Kind::Ok);
    run.at(7 * S);
    let ended = delivered(&mut run, "o1");
    anomaly(
        &run.rest(|_| ()),
        "window-exceeded",
        "o1",
        "order o1 was half done for 5999 ms",
        &[begun, ended],
    );
}

#[test]
fn one_that_never_ends_is_unfinished() {
    let mut run = Run::new(promise());
    let begun = run.at(S).order(0, "o1", Kind::Ok);
    run.order(1, "o2", Kind::Ok);
    delivered(&mut run, "o2");
    run.at(20 * S);
    let result = run.rest(|_| ());
    let found = &result.anomalies[0];
    assert_eq!(
        (found.kind.as_str(), found.subject.as_str(), found.witness[0]),
        ("unfinished", "o1", begun)
    );
    assert!(
        found
            .sentence
            .starts_with("order o1 was still half done at the end, after 19"),
        "{}",
        found.sentence
    );
}

#[test]
fn more_than_one_in_a_hundred_exceed_the_p99() {
    let promise = json!({
        "checker": "soft-state", "key": "tx", "from": { "point": "orders->mysql COMMIT reply" }, "to": { "point": POINT }, "p99": "1s",
    });
    let with_slow = |slow: u64| {
        let mut run = Run::new(promise.clone());
        for n in 0..100 {
            let tx = format!("o{n}");
            run.wire("orders->mysql COMMIT reply", json!({ "tx": [tx] }));
            if n < slow {
                run.at((n + 1) * 10 * S);
            }
            delivered(&mut run, &tx);
        }
        run.rest(|_| ())
    };
    valid(&with_slow(1));
    let result = with_slow(2);
    assert_eq!((result.verdict, result.counts["p99-exceeded"]), (Verdict::Invalid, 1));
    let sentence = &result.anomalies[0].sentence;
    assert!(
        sentence.starts_with("99 of 100 were half done for up to 9"),
        "{sentence}"
    );
    assert!(sentence.ends_with(" ms; 1000 ms are promised"), "{sentence}");
}

#[test]
fn a_recovery_that_takes_too_long_is_told_with_its_fault() {
    let mut promise = promise();
    promise["recovery"] = json!("1s");
    promise["max"] = json!("60s");
    let mut run = Run::new(promise.clone());
    run.order(0, "o1", Kind::Ok);
    run.fault(1, "kill", "stock", FaultStage::Done);
    let healed = run.at(S).fault(1, "kill", "stock", FaultStage::Healed);
    run.at(4 * S + MS);
    let done = delivered(&mut run, "o1");
    let sentence = "recovery from kill stock #1 took 3001 ms";
    anomaly(
        &run.rest(|_| ()),
        "recovery-exceeded",
        "kill stock #1",
        sentence,
        &[healed, done],
    );
    let mut run = Run::new(promise);
    run.order(0, "o1", Kind::Ok);
    delivered(&mut run, "o1");
    unknown(&run.rest(|_| ()), "no fault was healed: there is no recovery to judge");
}

#[test]
fn what_was_not_seen_is_unknown() {
    let run = Run::new(promise());
    unknown(
        &run.rest(|_| ()),
        "no order ended ok; no frame that is delivered carried tx",
    );
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Ok);
    unknown(&run.rest(|_| ()), "no frame that is delivered carried tx");
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Ok);
    delivered(&mut run, "o1");
    assert!(run.cut_short().reason.unwrap().starts_with("the history is cut short"));
    let mut promise = promise();
    promise.as_object_mut().unwrap().remove("max");
    promise["p99"] = json!("1s");
    let mut run = Run::new(promise);
    run.order(0, "o1", Kind::Ok);
    delivered(&mut run, "o1");
    run.order(0, "o2", Kind::Ok);
    run.settle(Kind::Info);
    unknown(
        &run.finals(|_| (), Kind::Ok),
        "the target did not come to rest in settle: lag 3 after 60 s",
    );
}

#[test]
fn a_mistake_in_its_options_is_said() {
    let with = |key: &str, value: Value| with(promise(), key, value);
    let without = |key: &str| without(promise(), key);
    messages(&[
        (
            without("from"),
            "promises[0].from is missing; for example from = { action = \"order\" }",
        ),
        (
            without("to"),
            "promises[0].to is missing; for example to = { role = \"delivered\" }",
        ),
        (
            without("max"),
            "promises[0].max is missing: a promise has a limit, max = \"30s\", p99 = \"5s\" or recovery = \"30s\"",
        ),
        (
            with("from", json!({ "action": "oder" })),
            "promises[0].from.action refers to action \"oder\"; this target has order, query, query-stock (did you mean order?)",
        ),
        (
            with("from", json!({ "action": "query-stock" })),
            "promises[0].key is missing; for example key = \"tx\"",
        ),
        (
            with("from", json!({})),
            "promises[0].from has to say one of action, point and role, as in { action = \"order\" }",
        ),
        (
            with("to", json!({ "action": "query" })),
            "promises[0].to.action is no end; it can be a point or a role",
        ),
        (
            with("to", json!({ "role": "deliverd" })),
            "promises[0].to.role has role \"deliverd\"; the roles are sent, delivered, acknowledged, prepared, committed, \
             rolled-back, asked-back (did you mean delivered?)",
        ),
        (
            with("max", json!("5")),
            "promises[0].max is \"5\"; expected a length of time like \"200ms\", \"5s\" or \"2m\"",
        ),
    ]);
}

#[test]
fn one_that_is_half_done_when_the_history_ends_is_not_yet_judged() {
    for end in [Kind::Ok, Kind::Info] {
        let mut run = Run::new(promise());
        run.order(0, "o1", Kind::Ok);
        run.order(1, "o2", Kind::Ok);
        run.order(2, "o3", Kind::Ok);
        delivered(&mut run, "o1");
        run.settle(end);
        let result = run.finals(|_| (), Kind::Ok);
        let reason =
            "order o2 was still half done when the history ended, after 8 ms; 5000 ms are promised (and 1 more)";
        unknown(&result, reason);
    }
}

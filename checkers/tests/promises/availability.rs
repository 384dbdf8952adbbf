use paytwice_checkers::history::{FaultStage, Kind};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise(when: &str) -> Value {
    json!({ "checker": "availability", "action": "order", "while": when, "at_least": 0.5 })
}

/// One order before logistics is killed, then these while it is down, then one more.
fn while_down(when: &str, ends: &[Kind]) -> (paytwice_checkers::verdict::CheckerResult, u64) {
    let mut run = Run::new(promise(when));
    run.order(0, "before", Kind::Ok);
    let killed = run.fault(1, "kill", "logistics", FaultStage::Done);
    for (client, end) in (1..).zip(ends) {
        run.order(client, &format!("o{client}"), *end);
    }
    run.fault(1, "kill", "logistics", FaultStage::Healed);
    run.order(100, "after", Kind::Info);
    (run.rest(|_| ()), killed)
}

#[test]
fn enough_definite_answers_while_a_party_is_down_are_valid() {
    let (result, _) = while_down("down:logistics", &[Kind::Ok, Kind::Fail, Kind::Info, Kind::Info]);
    valid(&result);
    assert_eq!((result.counts["invoked"], result.counts["answered"]), (4, 2));
}

#[test]
fn too_few_are_not() {
    let (result, killed) = while_down("down:logistics", &[Kind::Ok, Kind::Info, Kind::Info]);
    let sentence = "1 of 3 order operations (33.3 %) had a definite answer while logistics was down; 50 % are promised";
    anomaly(
        &result,
        "unavailable",
        "order",
        sentence,
        &[killed, killed + 3, killed + 5],
    );
    let (result, _) = while_down("fault:kill", &[Kind::Info]);
    let sentence = "0 of 1 order operation (0.0 %) had a definite answer while a kill was in force; 50 % are promised";
    assert_eq!(result.anomalies[0].sentence, sentence);
    let (result, _) = while_down("always", &[Kind::Info, Kind::Info]);
    let sentence = "1 of 4 order operations (25.0 %) had a definite answer during the workload; 50 % are promised";
    assert_eq!(result.anomalies[0].sentence, sentence);
}

#[test]
fn an_operation_that_never_ended_has_no_answer() {
    let mut run = Run::new(promise("always"));
    run.op(0, Kind::Invoke, "order", "o1", json!({}), json!({}));
    let result = run.rest(|_| ());
    assert_eq!((result.counts["invoked"], result.counts["answered"]), (1, 0));
}

#[test]
fn a_refused_connection_is_no_answer() {
    let mut run = Run::new(promise("always"));
    run.order(0, "o0", Kind::Fail);
    run.order_unsent(1, "o1");
    run.order_unsent(2, "o2");
    let result = run.rest(|_| ());
    assert_eq!((result.counts["invoked"], result.counts["answered"]), (3, 1));
    assert_eq!(result.anomalies[0].kind, "unavailable");
}

#[test]
fn what_never_was_so_is_unknown() {
    let (result, _) = while_down("down:logistics", &[]);
    unknown(&result, "no order was invoked while logistics was down");
    let (result, _) = while_down("down:mail", &[Kind::Info]);
    unknown(&result, "mail was never down (by kill, pause or power-loss)");
    let (result, _) = while_down("fault:cut", &[Kind::Info]);
    unknown(&result, "no cut was in force");
    unknown(
        &Run::new(promise("always")).rest(|_| ()),
        "no order was invoked during the workload",
    );
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "availability", "at_least": 0.9 }),
            "promises[0].action is missing; for example action = \"order\"",
        ),
        (
            json!({ "checker": "availability", "action": "oder", "at_least": 0.9 }),
            "promises[0].action refers to action \"oder\"; this target has order, query, query-stock (did you mean order?)",
        ),
        (
            json!({ "checker": "availability", "action": "order" }),
            "promises[0].at_least is missing; for example at_least = 0.99",
        ),
        (
            json!({ "checker": "availability", "action": "order", "at_least": 99 }),
            "promises[0].at_least is 99; a share is above 0 and at most 1",
        ),
        (
            json!({ "checker": "availability", "action": "order", "at_least": 0.9, "while": "logistics" }),
            "promises[0].while is \"logistics\"; it can be \"always\", \"down:PARTY\" or \"fault:KIND\"",
        ),
    ]);
}

#[test]
fn exactly_the_share_that_is_promised_is_enough() {
    for (least, answered) in [(0.55, 55), (0.07, 7), (0.56, 56), (0.29, 29), (1.0, 100)] {
        let mut promise = promise("always");
        promise["at_least"] = json!(least);
        let told = |answered: u64| {
            let mut run = Run::new(promise.clone());
            for client in 0..100 {
                let end = if client < answered { Kind::Ok } else { Kind::Info };
                run.order(client, &format!("o{client}"), end);
            }
            run.rest(|_| ())
        };
        valid(&told(answered));
        let result = told(answered - 1);
        let sentence = format!(
            "{few} of 100 order operations ({few}.0 %) had a definite answer during the workload; {answered} % are promised",
            few = answered - 1
        );
        assert_eq!(result.anomalies[0].sentence, sentence);
    }
}

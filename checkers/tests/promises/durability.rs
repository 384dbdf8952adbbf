use paytwice_checkers::history::{Kind, Moment};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise() -> Value {
    json!({
        "checker": "durability", "view": "orders", "acknowledged": { "state": ["PAID"] }, "in_effect": { "state": ["PAID"] },
    })
}

fn paid(tx: &str) -> Value {
    json!({ "tx": tx, "state": "PAID" })
}

#[test]
fn what_was_acknowledged_and_is_there_is_valid() {
    let mut run = Run::new(promise());
    run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    run.order_answered(1, "o2", Kind::Ok, json!({ "state": "PENDING" }));
    run.order(2, "o3", Kind::Info);
    // A row that nobody asked for is another promise's.
    let result = run.rest(|run| run.view("orders", Moment::Final, json!([paid("o1"), paid("o9")])));
    valid(&result);
    assert_eq!((result.counts["asked"], result.counts["acknowledged"]), (3, 1));
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_a_lost_write() {
    let mut run = Run::new(promise());
    let answered = run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    let mut read = 0;
    let result = run.rest(|run| read = run.view("orders", Moment::Final, json!([{ "tx": "o1", "state": "NEW" }])));
    let sentence = "order o1 was acknowledged, and view orders does not show it at the end";
    anomaly(&result, "lost-write", "o1", sentence, &[answered - 1, answered, read]);
}

#[test]
fn it_is_there_under_the_key_that_its_server_gave() {
    let mut run = Run::new(json!({ "checker": "durability", "view": "orders", "key": "id" }));
    run.order_answered(0, "order-1", Kind::Ok, json!({ "tx": "77" }));
    valid(&run.rest(|run| run.view("orders", Moment::Final, json!([{ "id": "77" }]))));
}

#[test]
fn what_was_not_acknowledged_or_not_read_is_unknown() {
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Info);
    unknown(
        &run.rest(|run| run.view("orders", Moment::Final, json!([]))),
        "no order was acknowledged",
    );
    let acknowledged = || {
        let mut run = Run::new(promise());
        run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
        run
    };
    unknown(&acknowledged().rest(|_| ()), "no final read of view orders");
    let result = acknowledged().rest(|run| run.view_failed("orders", Moment::Final));
    unknown(&result, "the final read of view orders failed: connection refused");
    let mut run = acknowledged();
    run.settle(Kind::Info);
    let result = run.finals(|run| run.view("orders", Moment::Final, json!([])), Kind::Ok);
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
    let result = acknowledged().cut_short();
    assert!(result.reason.unwrap().starts_with("the history is cut short"));
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "durability" }),
            "promises[0].view is missing; for example view = \"orders\"",
        ),
        (
            json!({ "checker": "durability", "view": "early" }),
            "promises[0].view needs early at \"final\", and it is read at rest: add \"final\" to views.early.at",
        ),
        (
            json!({ "checker": "durability", "view": "orders", "in_effect": { "state": 1 } }),
            "promises[0].in_effect.state is 1; expected a list of texts",
        ),
        (
            json!({ "checker": "durability", "view": "orders", "key": ["tx"] }),
            "promises[0].key is [\"tx\"]; expected a text",
        ),
    ]);
}

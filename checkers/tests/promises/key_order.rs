use paytwice_checkers::history::{Deed, Kind, Moment, Role};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise() -> Value {
    json!({ "checker": "key-order", "view": "log", "key": "sku", "sequence": "number" })
}

fn rows(numbers: &[(&str, &str)]) -> Value {
    numbers
        .iter()
        .map(|(sku, number)| json!({ "sku": sku, "number": number }))
        .collect()
}

#[test]
fn rows_in_the_order_of_their_numbers_are_valid_and_a_repeated_one_is_no_disorder() {
    let shown = rows(&[
        ("s1", "1"),
        ("s2", "9"),
        ("s1", "2"),
        ("s2", "10"),
        ("s1", "1"),
        ("s1", "30"),
    ]);
    let result = Run::new(promise()).rest(|run| run.view("log", Moment::Final, shown));
    valid(&result);
    assert_eq!((result.counts["delivered"], result.counts["redelivered"]), (5, 1));
}

#[test]
fn a_row_behind_a_later_one_of_its_key_is_out_of_order() {
    let mut read = 0;
    let shown = rows(&[("s1", "1"), ("s1", "3"), ("s2", "1"), ("s1", "2")]);
    let result = Run::new(promise()).rest(|run| read = run.view("log", Moment::Final, shown));
    let sentence = "message s1/2 of key s1 was sent before s1/3 was, and delivered after it";
    anomaly(&result, "out-of-order", "s1/2", sentence, &[read]);
}

#[test]
fn a_column_of_positions_says_in_what_order_rows_came_out() {
    let mut promise = promise();
    promise["position"] = json!("id");
    let row = |id: &str, number: &str| json!({ "id": id, "sku": "s1", "number": number });
    let told = |rows: Value| Run::new(promise.clone()).rest(|run| run.view("log", Moment::Final, rows));
    valid(&told(json!([row("10", "2"), row("9", "1")])));
    assert_eq!(told(json!([row("9", "2"), row("10", "1")])).counts["out-of-order"], 1);
}

fn on_wire() -> Value {
    json!({ "checker": "key-order", "point": "rocketmq->stock DELIVER orders", "key": "tx", "sequence": "number" })
}

fn delivered(run: &mut Run, number: &str, did: &[Deed]) -> u64 {
    let keys = json!({ "tx": ["o1"], "number": [number] });
    run.frame("rocketmq->stock DELIVER orders", 1, keys, Role::Delivered, did)
}

#[test]
fn deliveries_are_in_order_too() {
    let mut run = Run::new(on_wire());
    delivered(&mut run, "2", &[Deed::Dropped]);
    delivered(&mut run, "1", &[]);
    delivered(&mut run, "2", &[]);
    delivered(&mut run, "1", &[]);
    valid(&run.rest(|_| ()));
    let mut run = Run::new(on_wire());
    let (later, earlier) = (delivered(&mut run, "2", &[]), delivered(&mut run, "1", &[]));
    let sentence = "message o1/1 of key order o1 was sent before o1/2 was, and delivered after it";
    anomaly(&run.rest(|_| ()), "out-of-order", "o1/1", sentence, &[later, earlier]);
}

#[test]
fn what_was_not_seen_is_unknown() {
    unknown(&Run::new(promise()).rest(|_| ()), "no final read of view log");
    let told = |rows: Value| Run::new(promise()).rest(|run| run.view("log", Moment::Final, rows));
    let reason = "the final read of view log failed: number is \"first\", which is no number";
    unknown(&told(rows(&[("s1", "first")])), reason);
    let reason = "the final read of view log failed: it has no column sku; it shows number";
    unknown(&told(json!([{ "number": "1" }])), reason);
    unknown(
        &told(json!([])),
        "nothing that was sent was delivered: there is no order to judge",
    );
    let point = "rocketmq->stock DELIVER orders";
    unknown(
        &Run::new(on_wire()).rest(|_| ()),
        &format!("no frame of {point} was seen"),
    );
    let mut run = Run::new(on_wire());
    run.wire(point, json!({ "tx": ["o1"] }));
    unknown(
        &run.rest(|_| ()),
        &format!("no frame of {point} carried one tx and one number"),
    );
    let mut run = Run::new(promise());
    run.settle(Kind::Info);
    let result = run.finals(|run| run.view("log", Moment::Final, rows(&[("s1", "1")])), Kind::Ok);
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "key-order", "key": "sku", "sequence": "number" }),
            "promises[0].view is missing; for example view = \"orders\"",
        ),
        (
            json!({ "checker": "key-order", "view": "log", "sequence": "number" }),
            "promises[0].key is missing; for example key = \"account\"",
        ),
        (
            json!({ "checker": "key-order", "view": "log", "key": "sku" }),
            "promises[0].sequence is missing; for example sequence = \"number\"",
        ),
        (
            json!({ "checker": "key-order", "view": "log", "point": "a->b C", "key": "tx", "sequence": "number" }),
            "promises[0].view and point exclude each other: order is seen in a view or on the wire",
        ),
        (
            json!({ "checker": "key-order", "point": "a->b C", "key": "tx", "sequence": "number", "position": "id" }),
            "promises[0].position is of a view; on the wire the order is that of the frames",
        ),
        (
            json!({ "checker": "key-order", "point": "a->b C", "key": "tx", "sequence": "numbr" }),
            "promises[0].sequence refers to key \"numbr\"; this target has number, tx (did you mean number?)",
        ),
    ]);
}

#[test]
fn a_frame_with_several_keys_does_not_say_which_number_is_whose() {
    let told = |keys: Value| {
        let mut run = Run::new(on_wire());
        delivered(&mut run, "1", &[]);
        run.frame("rocketmq->stock DELIVER orders", 1, keys, Role::Delivered, &[]);
        delivered(&mut run, "2", &[]);
        run.rest(|_| ())
    };
    let reason =
        "1 frame of rocketmq->stock DELIVER orders did not carry one tx and one number: their order is not known";
    unknown(&told(json!({ "tx": ["o1", "o2"], "number": ["5", "1"] })), reason);
    unknown(&told(json!({ "tx": ["o1"], "number": ["7", "7"] })), reason);
    unknown(&told(json!({ "tx": ["o1"] })), reason);
    // Of a frame that carries neither there is nothing to say.
    valid(&told(json!({})));
}

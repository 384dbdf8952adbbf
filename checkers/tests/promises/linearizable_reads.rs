use paytwice_checkers::history::{Kind, Moment};
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{Run, messages, unknown, valid, with, without};

/// A stock of 10 of each sku, that orders take from.
fn promise() -> Value {
    json!({
        "checker": "linearizable-reads", "writes": "order", "field": "quantity", "effect": "subtract", "initial": 10,
        "reads": "query-stock", "answer": "available", "by": "sku",
    })
}

fn begin(run: &mut Run, client: u64, tx: &str, quantity: &str) -> u64 {
    run.op(
        client,
        Kind::Invoke,
        "order",
        tx,
        json!({ "sku": "s1", "quantity": quantity }),
        json!({}),
    )
}

fn end(run: &mut Run, client: u64, kind: Kind, tx: &str, quantity: &str) -> u64 {
    run.op(
        client,
        kind,
        "order",
        tx,
        json!({ "sku": "s1", "quantity": quantity }),
        json!({}),
    )
}

fn read(run: &mut Run, client: u64, available: &str) -> [u64; 2] {
    let args = json!({ "sku": "s1" });
    let begun = run.op(client, Kind::Invoke, "query-stock", "s1", args.clone(), json!({}));
    [
        begun,
        run.op(
            client,
            Kind::Ok,
            "query-stock",
            "s1",
            args,
            json!({ "available": available }),
        ),
    ]
}

#[test]
fn reads_between_writes_are_valid() {
    let mut run = Run::new(promise());
    read(&mut run, 0, "10");
    begin(&mut run, 1, "o1", "2");
    read(&mut run, 0, "8.00");
    end(&mut run, 1, Kind::Info, "o1", "2");
    // The second try of an order is the same write.
    begin(&mut run, 2, "o1", "2");
    end(&mut run, 2, Kind::Ok, "o1", "2");
    begin(&mut run, 2, "o2", "5");
    end(&mut run, 2, Kind::Fail, "o2", "5");
    read(&mut run, 0, "8");
    valid(&run.rest(|_| ()));
}

#[test]
fn a_read_that_misses_a_write_that_was_done_is_not_linearizable() {
    let mut run = Run::new(promise());
    let began = begin(&mut run, 1, "o1", "2");
    end(&mut run, 1, Kind::Ok, "o1", "2");
    let stale = read(&mut run, 0, "10");
    let result = run.rest(|_| ());
    assert_eq!((result.verdict, result.anomalies.len()), (Verdict::Invalid, 1));
    let found = &result.anomalies[0];
    assert_eq!((found.kind.as_str(), found.subject.as_str()), ("nonlinearizable", "s1"));
    assert!(found.sentence.contains("read -> 10"), "{}", found.sentence);
    assert!(
        found.witness.contains(&began) && found.witness.contains(&stale[1]),
        "{:?}",
        found.witness
    );
}

#[test]
fn a_register_holds_what_was_written_last() {
    let promise = json!({
        "checker": "linearizable-reads", "writes": ["order"], "field": "quantity", "reads": ["query"], "answer": "quantity",
    });
    let told = |seen: &str| {
        let mut run = Run::new(promise.clone());
        let ask = |run: &mut Run, seen: Value| {
            run.op(1, Kind::Invoke, "query", "o1", json!({}), json!({}));
            run.op(1, Kind::Ok, "query", "o1", json!({}), seen);
        };
        ask(&mut run, json!({}));
        begin(&mut run, 0, "o1", "2");
        end(&mut run, 0, Kind::Ok, "o1", "2");
        ask(&mut run, json!({ "quantity": seen }));
        run.rest(|_| ())
    };
    valid(&told("2"));
    assert_eq!(told("3").verdict, Verdict::Invalid);
}

#[test]
fn a_view_took_place_since_it_was_read_before() {
    let promise = json!({
        "checker": "linearizable-reads", "writes": "order", "field": "quantity", "effect": "subtract", "initial": "10",
        "by": "sku", "view": "stock", "key": "sku", "value": "available",
    });
    let told = |last: &str| {
        let mut run = Run::new(promise.clone());
        let row = |available: &str| json!([{ "sku": "s1", "available": available }]);
        begin(&mut run, 0, "o1", "2");
        end(&mut run, 0, Kind::Ok, "o1", "2");
        run.view("stock", Moment::Look, row("10"));
        run.view("stock", Moment::Look, row(last));
        run.rest(|_| ())
    };
    valid(&told("8"));
    assert_eq!(told("10").verdict, Verdict::Invalid);
}

#[test]
fn what_was_not_seen_is_unknown() {
    unknown(&Run::new(promise()).rest(|_| ()), "no order was invoked");
    let mut run = Run::new(promise());
    begin(&mut run, 1, "o1", "2");
    unknown(&run.rest(|_| ()), "no query-stock ended ok");
    let mut run = Run::new(promise());
    run.op(1, Kind::Invoke, "order", "o1", json!({ "sku": "s1" }), json!({}));
    unknown(
        &run.rest(|_| ()),
        "event 2: order has no quantity; no order was invoked",
    );
    let mut run = Run::new(promise());
    begin(&mut run, 1, "o1", "2");
    read(&mut run, 0, "many");
    unknown(&run.rest(|_| ()), "\"many\" is written or read, which is no number");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    let with = |key: &str, value: Value| with(promise(), key, value);
    let without = |key: &str| without(promise(), key);
    messages(&[
        (
            without("writes"),
            "promises[0].writes is missing; for example writes = \"order\"",
        ),
        (
            without("field"),
            "promises[0].field is missing; for example field = \"quantity\"",
        ),
        (
            without("reads"),
            "promises[0].reads is missing; for example reads = \"query-stock\"",
        ),
        (
            without("answer"),
            "promises[0].answer is missing; for example answer = \"available\"",
        ),
        (
            with("writes", json!("oder")),
            "promises[0].writes refers to action \"oder\"; this target has order, query, query-stock (did you mean order?)",
        ),
        (
            with("field", json!("quantiy")),
            "promises[0].field refers to field \"quantiy\"; this target has quantity, sku (did you mean quantity?)",
        ),
        (
            with("effect", json!("take")),
            "promises[0].effect is \"take\"; it can be \"set\", \"add\" or \"subtract\"",
        ),
        (
            with("initial", json!("full")),
            "promises[0].initial is \"full\"; expected a number, as in 100",
        ),
        (
            with("view", json!("stock")),
            "promises[0].reads and view exclude each other: reads come from actions or from a view",
        ),
    ]);
}

/// A register of each order.
fn register() -> Value {
    json!({
        "checker": "linearizable-reads", "writes": ["order"], "field": "quantity", "reads": ["query"], "answer": "quantity",
    })
}

fn ask(run: &mut Run, subject: &str, seen: Value) {
    run.op(1, Kind::Invoke, "query", subject, json!({}), json!({}));
    run.op(1, Kind::Ok, "query", subject, json!({}), seen);
}

#[test]
fn a_key_of_the_server_is_that_of_its_order() {
    let told = |seen: &str| {
        let mut run = Run::new(register());
        let args = json!({ "quantity": "5" });
        run.op(0, Kind::Invoke, "order", "order-1", args.clone(), json!({}));
        run.op(0, Kind::Ok, "order", "order-1", args, json!({ "tx": "42" }));
        ask(&mut run, "42", json!({ "quantity": seen }));
        run.rest(|_| ())
    };
    valid(&told("5"));
    let result = told("4");
    assert_eq!(
        (result.verdict, result.anomalies[0].subject.as_str()),
        (Verdict::Invalid, "order-1")
    );
    let mut view = register();
    view.as_object_mut()
        .unwrap()
        .retain(|key, _| !["reads", "answer"].contains(&key.as_str()));
    view["view"] = json!("orders");
    view["key"] = json!("tx");
    view["value"] = json!("quantity");
    let mut run = Run::new(view);
    run.op(
        0,
        Kind::Invoke,
        "order",
        "order-1",
        json!({ "quantity": "5" }),
        json!({}),
    );
    run.op(
        0,
        Kind::Ok,
        "order",
        "order-1",
        json!({ "quantity": "5" }),
        json!({ "tx": "42" }),
    );
    valid(&run.rest(|run| run.view("orders", Moment::Final, json!([{ "tx": "42", "quantity": "5" }]))));
}

#[test]
fn an_answer_that_nobody_gives_is_unknown() {
    let mut run = Run::new(register());
    begin(&mut run, 0, "o1", "2");
    end(&mut run, 0, Kind::Ok, "o1", "2");
    ask(&mut run, "o1", json!({ "qty": "2" }));
    unknown(&run.rest(|_| ()), "no query that ended ok said quantity");
}

#[test]
fn a_read_that_does_not_say_of_what_is_a_doubt() {
    let mut run = Run::new(promise());
    begin(&mut run, 1, "o1", "2");
    end(&mut run, 1, Kind::Ok, "o1", "2");
    read(&mut run, 0, "8");
    run.op(0, Kind::Invoke, "query-stock", "s1", json!({}), json!({}));
    let silent = run.op(0, Kind::Ok, "query-stock", "s1", json!({}), json!({ "available": "3" }));
    unknown(&run.rest(|_| ()), &format!("event {silent}: query-stock has no sku"));
}

#[test]
fn reads_of_what_nobody_wrote_are_unknown() {
    let mut run = Run::new(register());
    begin(&mut run, 0, "o1", "2");
    end(&mut run, 0, Kind::Ok, "o1", "2");
    ask(&mut run, "o9", json!({}));
    ask(&mut run, "o9", json!({ "quantity": "nothing" }));
    unknown(
        &run.rest(|_| ()),
        "nothing that was read was written: o9 was read, for example, and o1 was written",
    );
}

#[test]
fn sums_that_are_too_large_are_unknown() {
    let mut promise = promise();
    promise["effect"] = json!("add");
    let mut run = Run::new(promise);
    for tx in ["o1", "o2"] {
        begin(&mut run, 1, tx, "100000000000000000000000000");
        end(&mut run, 1, Kind::Ok, tx, "100000000000000000000000000");
    }
    read(&mut run, 0, "170141183460469231731687303");
    unknown(&run.rest(|_| ()), "what is written adds up to more than can be told");
}

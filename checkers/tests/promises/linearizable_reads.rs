use paytwice_checkers::history::{Kind, Moment};
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{Run, messages, unknown, valid};

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
    let with = |key: &str, value: Value| {
        let mut promise = promise();
        promise[key] = value;
        promise
    };
    let without = |key: &str| {
        let mut promise = promise();
        promise.as_object_mut().unwrap().remove(key);
        promise
    };
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
            "promises[0].writes refers to action \"oder\"; this target has order, query and query-stock (did you mean order?)",
        ),
        (
            with("field", json!("quantiy")),
            "promises[0].field refers to field \"quantiy\"; this target has quantity and sku (did you mean quantity?)",
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

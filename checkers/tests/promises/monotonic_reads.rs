use paytwice_checkers::history::{Kind, Moment};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise() -> Value {
    json!({ "checker": "monotonic-reads", "reads": "query", "answer": "version" })
}

fn ask(run: &mut Run, client: u64, tx: &str, version: &str) -> u64 {
    run.op(client, Kind::Invoke, "query", tx, json!({}), json!({}));
    run.op(client, Kind::Ok, "query", tx, json!({}), json!({ "version": version }))
}

#[test]
fn what_each_client_reads_only_grows() {
    let mut run = Run::new(promise());
    ask(&mut run, 0, "o1", "3");
    ask(&mut run, 1, "o1", "2");
    ask(&mut run, 0, "o2", "1");
    ask(&mut run, 0, "o1", "3");
    ask(&mut run, 0, "o1", "10");
    let result = run.rest(|_| ());
    valid(&result);
    assert_eq!(result.counts["reads"], 5);
}

#[test]
fn less_than_before_is_an_older_read() {
    let mut run = Run::new(promise());
    let before = ask(&mut run, 0, "o1", "10");
    let now = ask(&mut run, 0, "o1", "9");
    let sentence = "client 0 read 9 of order o1 after 10: an older value of what only grows";
    anomaly(&run.rest(|_| ()), "older-read", "o1", sentence, &[before, now]);
}

#[test]
fn a_view_has_one_reader() {
    let promise = json!({ "checker": "monotonic-reads", "view": "stock", "key": "sku", "value": "version" });
    let mut run = Run::new(promise.clone());
    let row = |version: Value| json!([{ "sku": "s1", "version": version }]);
    run.view("stock", Moment::Initial, row(json!(null)));
    let before = run.view("stock", Moment::Look, row(json!("2")));
    run.view_failed("stock", Moment::Look);
    let now = run.view("stock", Moment::Look, row(json!("1")));
    let sentence = "view stock showed 1 of sku s1 after 2: an older value of what only grows";
    anomaly(&run.rest(|_| ()), "older-read", "s1", sentence, &[before, now]);
    unknown(&Run::new(promise.clone()).rest(|_| ()), "no row of view stock was read");
    let mut run = Run::new(promise);
    run.view_failed("stock", Moment::Initial);
    unknown(&run.rest(|_| ()), "a read of view stock failed: connection refused");
}

#[test]
fn what_was_not_seen_is_unknown() {
    unknown(&Run::new(promise()).rest(|_| ()), "no query that ended ok said version");
    let mut run = Run::new(promise());
    ask(&mut run, 0, "o1", "new");
    unknown(&run.rest(|_| ()), "\"new\" was read, which is no number");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "monotonic-reads", "answer": "version" }),
            "promises[0].reads is missing; for example reads = \"query-balance\"",
        ),
        (
            json!({ "checker": "monotonic-reads", "reads": "query" }),
            "promises[0].answer is missing; for example answer = \"version\"",
        ),
        (
            json!({ "checker": "monotonic-reads", "view": "stock", "key": "sku" }),
            "promises[0].value is missing; for example value = \"version\"",
        ),
        (
            json!({ "checker": "monotonic-reads", "view": "stock", "key": "sku", "value": "version", "answer": "version" }),
            "promises[0].answer and view exclude each other: reads come from actions or from a view",
        ),
    ]);
}

#[test]
fn one_read_of_each_is_compared_with_nothing() {
    let mut run = Run::new(promise());
    ask(&mut run, 0, "o1", "3");
    ask(&mut run, 1, "o1", "2");
    ask(&mut run, 0, "o2", "1");
    let reason = "nothing was read twice by one reader: there is nothing to compare";
    unknown(&run.rest(|_| ()), reason);
}

#[test]
fn a_look_that_cannot_be_understood_hides_no_older_read() {
    let promise = json!({ "checker": "monotonic-reads", "view": "stock", "key": "sku", "value": "version" });
    let told = |second: &str| {
        let mut run = Run::new(promise.clone());
        let row = |sku: &str, version: &str| json!({ "sku": sku, "version": version });
        run.view("stock", Moment::Look, json!([row("s1", "9")]));
        run.view("stock", Moment::Look, json!([row("s0", "n/a"), row("s1", second)]));
        run.rest(|run| run.view("stock", Moment::Final, json!([row("s1", "9")])))
    };
    let reason = "a read of view stock cannot be understood: \"n/a\" was read, which is no number";
    unknown(&told("9"), reason);
    let result = told("3");
    assert_eq!(
        (result.counts["older-read"], result.reason.as_deref()),
        (1, Some(reason))
    );
    let mut run = Run::new(promise);
    run.view("stock", Moment::Look, json!([{ "sku": "s1", "version": "1" }]));
    run.view("stock", Moment::Look, json!([{ "sku": "s1", "v": "1" }]));
    let result = run.rest(|run| run.view("stock", Moment::Final, json!([{ "sku": "s1", "version": "1" }])));
    unknown(
        &result,
        "a read of view stock cannot be understood: it has no column version; it shows sku, v",
    );
}

#[test]
fn a_read_that_does_not_say_of_what_is_a_doubt() {
    let mut promise = promise();
    promise["by"] = json!("sku");
    let mut run = Run::new(promise);
    ask(&mut run, 0, "o1", "3");
    unknown(&run.rest(|_| ()), "a query that ended ok does not say sku");
}

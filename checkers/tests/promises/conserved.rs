use paytwice_checkers::history::{Kind, Moment};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise() -> Value {
    json!({ "checker": "conserved", "view": "stock", "sum": ["available", "frozen"], "by": "sku" })
}

fn stock(sku: &str, available: &str, frozen: &str) -> Value {
    json!({ "sku": sku, "available": available, "frozen": frozen })
}

/// A run whose reads show these rows: initially, at a look, and at the end.
fn told(promise: Value, [initial, look, end]: [Value; 3]) -> (paytwice_checkers::verdict::CheckerResult, [u64; 3]) {
    let mut run = Run::new(promise);
    let initial = run.view("stock", Moment::Initial, initial);
    let look = run.view("stock", Moment::Look, look);
    let mut last = 0;
    let result = run.rest(|run| last = run.view("stock", Moment::Final, end));
    (result, [initial, look, last])
}

#[test]
fn sums_that_stay_the_same_are_valid() {
    let reads = [
        json!([stock("s1", "100", "0"), stock("s2", "50.50", "0")]),
        json!([
            stock("s1", "98", "2"),
            stock("s2", "50.5", "0.00"),
            stock("s3", "7", "0")
        ]),
        json!([stock("s1", "99", "1"), stock("s2", "50.5", "0"), stock("s3", "5", "2")]),
    ];
    // A group that appears later begins with what it has then.
    let (result, _) = told(promise(), reads);
    assert_eq!((result.counts["sums"], result.counts["reads"]), (3, 3));
    valid(&result);
}

#[test]
fn a_sum_that_changes_is_a_wrong_total() {
    let one = || json!([stock("s1", "98", "2.5")]);
    let (result, reads) = told(promise(), [one(), json!([stock("s1", "98", "0")]), one()]);
    let sentence = "available + frozen of sku s1 in view stock adds up to 98 instead of 100.5";
    anomaly(&result, "wrong-total", "s1", sentence, &[reads[1]]);
}

#[test]
fn a_group_that_is_gone_adds_up_to_nothing() {
    let one = || json!([stock("s1", "98", "2")]);
    let (result, reads) = told(promise(), [one(), one(), json!([])]);
    let sentence = "available + frozen of sku s1 in view stock adds up to 0 instead of 100";
    anomaly(&result, "wrong-total", "s1", sentence, &[reads[2]]);
}

#[test]
fn a_total_that_is_promised_is_held_to_from_the_first_read_on() {
    let promise =
        json!({ "checker": "conserved", "view": "stock", "sum": "available", "total": 150, "moments": "final" });
    let told = |rows: Value| {
        let mut read = 0;
        let result = Run::new(promise.clone()).rest(|run| read = run.view("stock", Moment::Final, rows));
        (result, read)
    };
    let (result, _) = told(json!([{ "available": "100" }, { "available": "50" }]));
    valid(&result);
    let (result, read) = told(json!([{ "available": "100" }, { "available": "49" }]));
    anomaly(
        &result,
        "wrong-total",
        "stock",
        "available in view stock adds up to 149 instead of 150",
        &[read],
    );
}

#[test]
fn null_is_no_number_to_add() {
    let one = || json!([stock("s1", "98", "2")]);
    let null = json!([{ "sku": "s1", "available": "98", "frozen": null }]);
    let (result, reads) = told(promise(), [one(), null, one()]);
    let sentence = "a read shows frozen of sku s1 in view stock, without a balance";
    anomaly(&result, "nil-balance", "frozen", sentence, &[reads[1]]);
}

#[test]
fn a_broken_sum_counts_where_the_end_was_not_seen() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Initial, json!([stock("s1", "98", "2")]));
    run.view("stock", Moment::Look, json!([stock("s1", "98", "1")]));
    let result = run.rest(|run| run.view_failed("stock", Moment::Final));
    assert_eq!(result.verdict, paytwice_checkers::verdict::Verdict::Invalid);
    assert_eq!(
        result.reason.as_deref(),
        Some("the final read of view stock failed: connection refused")
    );
}

#[test]
fn reads_that_never_came_are_unknown() {
    let one = || json!([stock("s1", "98", "2")]);
    let mut run = Run::new(promise());
    run.view("stock", Moment::Initial, one());
    unknown(
        &run.rest(|run| run.view("stock", Moment::Final, one())),
        "no look at view stock",
    );
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, one());
    unknown(
        &run.rest(|run| run.view("stock", Moment::Final, one())),
        "no initial read of view stock",
    );
    let mut run = Run::new(promise());
    run.view("stock", Moment::Initial, one());
    run.view(
        "stock",
        Moment::Look,
        json!([{ "sku": "s1", "available": "many", "frozen": "2" }]),
    );
    let result = run.rest(|run| run.view("stock", Moment::Final, one()));
    unknown(
        &result,
        "a look at view stock cannot be understood: its column available is \"many\", which is no number",
    );
    let (result, _) = told(promise(), [json!([]), json!([]), json!([])]);
    unknown(&result, "view stock showed no row: there is nothing to add up");
    let mut run = Run::new(promise());
    run.view("stock", Moment::Initial, one());
    run.view("stock", Moment::Look, one());
    run.settle(Kind::Ok);
    let result = run.finals(|run| run.view("stock", Moment::Final, one()), Kind::Info);
    unknown(&result, "the final reads are incomplete: two reads of orders differ");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "conserved", "view": "stock" }),
            "promises[0].sum is missing; for example sum = [\"available\", \"frozen\"]",
        ),
        (
            json!({ "checker": "conserved", "view": "stock", "sum": [] }),
            "promises[0].sum is empty; for example sum = [\"available\", \"frozen\"]",
        ),
        (
            json!({ "checker": "conserved", "view": "stock", "sum": ["available", "available"] }),
            "promises[0].sum has \"available\" twice",
        ),
        (
            json!({ "checker": "conserved", "view": "orders", "sum": ["quantity"] }),
            "promises[0].view is \"orders\", which is read once: read it at more moments, views.orders.at, or say the total",
        ),
        (
            json!({ "checker": "conserved", "view": "stock", "sum": ["available"], "total": "lots" }),
            "promises[0].total is \"lots\"; expected a number, as in 100 or \"100.00\"",
        ),
        (
            json!({ "checker": "conserved", "sum": ["available"] }),
            "promises[0].view is missing; for example view = \"orders\"",
        ),
    ]);
}

#[test]
fn a_look_that_cannot_be_understood_is_a_doubt_beside_good_ones() {
    let one = || json!([stock("s1", "98", "2")]);
    let told = |strange: Value| {
        let mut run = Run::new(promise());
        run.view("stock", Moment::Initial, one());
        run.view("stock", Moment::Look, strange);
        run.view_failed("stock", Moment::Look);
        run.view("stock", Moment::Look, one());
        run.rest(|run| run.view("stock", Moment::Final, one()))
    };
    unknown(
        &told(json!([stock("s1", "many", "2")])),
        "a look at view stock cannot be understood: its column available is \"many\", which is no number",
    );
    unknown(
        &told(json!([stock("s1", "98.0000000000004", "2")])),
        "a look at view stock cannot be understood: its column available is \"98.0000000000004\", with more than 12 digits behind \
         the point",
    );
    unknown(
        &told(json!([{ "sku": "s1", "available": "98" }])),
        "a look at view stock cannot be understood: it has no column frozen; it shows available, sku",
    );
}

#[test]
fn what_was_read_once_is_compared_with_nothing() {
    let mut promise = promise();
    promise["moments"] = json!(["look"]);
    let mut run = Run::new(promise.clone());
    run.view("stock", Moment::Look, json!([stock("s1", "98", "2")]));
    let reason = "no sum of view stock was read twice: there is nothing to compare";
    unknown(&run.rest(|_| ()), reason);
    let mut run = Run::new(promise.clone());
    run.view("stock", Moment::Look, json!([]));
    run.view("stock", Moment::Look, json!([stock("s1", "98", "2")]));
    unknown(&run.rest(|_| ()), reason);
    // Without groups, too, nothing is what no row adds up to.
    promise.as_object_mut().unwrap().remove("by");
    let mut run = Run::new(promise);
    run.view("stock", Moment::Look, json!([]));
    run.view("stock", Moment::Look, json!([]));
    unknown(
        &run.rest(|_| ()),
        "view stock showed no row: there is nothing to add up",
    );
}

#[test]
fn a_sum_that_is_too_large_is_unknown() {
    let large = "100000000000000000000000000";
    let told = |rows: Value| told(promise(), [rows.clone(), rows.clone(), rows]).0;
    let reason = |sum: &str| {
        format!(
            "the initial read of view stock failed: the sum of {sum} is too large to be told; a look at view stock cannot be \
             understood: the sum of {sum} is too large to be told; the final read of view stock failed: the sum of {sum} is too \
             large to be told"
        )
    };
    let result = told(json!([stock("s1", large, "0"), stock("s1", large, "0")]));
    unknown(&result, &reason("available"));
    let result = told(json!([stock("s1", large, large)]));
    unknown(&result, &reason("available + frozen"));
}

use paytwice_checkers::history::{Kind, Moment};
use serde_json::json;

use crate::shop::{Run, anomaly, header, messages, unknown, valid};

#[test]
fn no_row_at_any_moment_is_valid() {
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "stock" }));
    run.view("stock", Moment::Initial, json!([]));
    run.view("stock", Moment::Look, json!([]));
    let result = run.rest(|run| run.view("stock", Moment::Final, json!([])));
    valid(&result);
    assert_eq!(result.counts["reads"], 3);
}

#[test]
fn a_row_at_a_look_is_unwanted_whatever_comes_later() {
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "stock", "key": "sku" }));
    run.view("stock", Moment::Initial, json!([]));
    let look = run.view("stock", Moment::Look, json!([{ "available": "-2", "sku": "s1" }]));
    run.view("stock", Moment::Look, json!([]));
    let result = run.rest(|run| run.view_failed("stock", Moment::Final));
    let sentence = "view stock shows available -2, sku s1 during the run; it must show nothing";
    anomaly(&result, "unwanted-row", "s1", sentence, &[look]);
    assert_eq!(
        result.reason.as_deref(),
        Some("the final read of view stock failed: connection refused")
    );
}

#[test]
fn a_row_at_the_end_is_unwanted_and_the_first_column_says_of_what() {
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "unsent", "moments": "final" }));
    run.order(0, "o1", Kind::Ok);
    let mut read = 0;
    let result = run.rest(|run| {
        run.view("unsent", Moment::Final, json!([{ "tx": "o1" }, { "tx": "o2" }]));
        read = run.view("unsent", Moment::Final, json!([{ "tx": "o2" }]));
    });
    anomaly(
        &result,
        "unwanted-row",
        "o2",
        "view unsent shows tx o2 at the end; it must show nothing",
        &[read],
    );
}

#[test]
fn more_rows_than_are_worded_are_counted() {
    let run = Run::new(json!({ "checker": "no-rows", "view": "orders" }));
    let rows: Vec<_> = (0..40).map(|n| json!({ "tx": format!("o{n}") })).collect();
    let result = run.rest(|run| run.view("orders", Moment::Final, json!(rows)));
    assert_eq!((result.counts["unwanted-row"], result.anomalies.len()), (40, 16));
}

#[test]
fn a_row_proves_nothing_where_the_target_was_still_at_work() {
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "orders" }));
    run.settle(Kind::Info);
    let result = run.finals(
        |run| run.view("orders", Moment::Final, json!([{ "tx": "o1" }])),
        Kind::Ok,
    );
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
}

#[test]
fn a_view_that_was_not_read_is_unknown() {
    let run = Run::new(json!({ "checker": "no-rows", "view": "stock" }));
    let result = run.rest(|_| ());
    unknown(
        &result,
        "no initial read of view stock; no final read of view stock; no look at view stock",
    );
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "stock", "moments": ["look"] }));
    run.view_failed("stock", Moment::Look);
    unknown(&run.rest(|_| ()), "every look at view stock failed: connection refused");
}

#[test]
fn a_look_that_fails_among_others_is_a_remark() {
    let mut run = Run::new(json!({ "checker": "no-rows", "view": "stock", "moments": ["look"] }));
    run.view_failed("stock", Moment::Look);
    run.view("stock", Moment::Look, json!([]));
    let result = run.rest(|_| ());
    assert_eq!(result.verdict, paytwice_checkers::verdict::Verdict::Valid);
    assert_eq!(
        result.reason.as_deref(),
        Some("1 look at view stock failed: connection refused")
    );
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "no-rows" }),
            "promises[0].view is missing; for example view = \"orders\"",
        ),
        (
            json!({ "checker": "no-rows", "view": "stok" }),
            "promises[0].view refers to view \"stok\"; this target has early, log, orders, payments, points, stock, unsent \
             (did you mean stock?)",
        ),
        (
            json!({ "checker": "no-rows", "view": "stock", "moments": ["rest"] }),
            "promises[0].moments has \"rest\"; it can have initial, look, final",
        ),
    ]);
}

#[test]
fn a_row_without_the_key_column_is_shown_whole() {
    let rows = json!([{ "id": "7", "left": "-2" }]);
    let mut run =
        Run::new(json!({ "checker": "no-rows", "view": "stock", "key": "sku", "moments": ["look", "final"] }));
    let look = run.view("stock", Moment::Look, rows.clone());
    let result = run.rest(|run| run.view("stock", Moment::Final, json!([])));
    let sentence = "view stock shows id 7, left -2 during the run; it must show nothing";
    anomaly(&result, "unwanted-row", "id 7, left -2", sentence, &[look]);
    let run = Run::new(json!({ "checker": "no-rows", "view": "stock", "key": "sku", "moments": ["final"] }));
    let result = run.rest(|run| run.view("stock", Moment::Final, rows));
    assert_eq!(result.counts["unwanted-row"], 1);
}

#[test]
fn a_view_that_no_phase_came_to_read_is_unknown() {
    let mut header = header(json!({ "checker": "no-rows", "view": "early" }));
    header.views.insert("early".into(), vec![Moment::AfterRepair]);
    unknown(&Run::of(header).rest(|_| ()), "view early was never read");
}

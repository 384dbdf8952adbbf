use paytwice_checkers::history::{Kind, Moment};
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

fn promise() -> Value {
    json!({
        "checker": "branches",
        "branches": [{ "view": "orders", "in_effect": { "state": ["PAID"] } }, { "view": "payments", "key": "order_tx" }],
        "committed": { "state": ["PAID"] },
        "rolled_back": { "state": ["CANCELLED"] },
    })
}

/// An order that is in effect in both branches, or in neither, or in one.
fn reads(run: &mut Run, orders: Value, payments: Value) -> [u64; 2] {
    [
        run.view("orders", Moment::Final, orders),
        run.view("payments", Moment::Final, payments),
    ]
}

fn paid(tx: &str) -> Value {
    json!({ "tx": tx, "state": "PAID" })
}

#[test]
fn all_or_none_is_valid() {
    let mut run = Run::new(promise());
    run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    run.order_answered(1, "o2", Kind::Ok, json!({ "state": "CANCELLED" }));
    run.order(2, "o3", Kind::Info);
    let result = run.rest(|run| {
        let orders = json!([paid("o1"), { "tx": "o2", "state": "CANCELLED" }, { "tx": "o3", "state": "NEW" }]);
        reads(run, orders, json!([{ "order_tx": "o1" }]));
    });
    valid(&result);
    assert_eq!(
        (
            result.counts["transactions"],
            result.counts["committed"],
            result.counts["applied"]
        ),
        (3, 1, 2)
    );
}

#[test]
fn the_last_of_several_final_reads_counts() {
    let mut run = Run::new(promise());
    run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    let result = run.rest(|run| {
        reads(run, json!([paid("o1")]), json!([]));
        reads(run, json!([paid("o1")]), json!([{ "order_tx": "o1" }]));
    });
    valid(&result);
}

#[test]
fn a_branch_without_the_others_is_partial() {
    let mut run = Run::new(promise());
    let answered = run.order(0, "o1", Kind::Ok);
    let mut read = [0; 2];
    let result = run.rest(|run| read = reads(run, json!([paid("o1")]), json!([])));
    let sentence = "order o1 is in effect in orders and not in payments";
    anomaly(&result, "partial", "o1", sentence, &[answered - 1, read[0]]);
}

#[test]
fn a_key_that_no_client_knows_is_held_to_it_too_but_not_one_from_before_the_run() {
    let promise = json!({ "checker": "branches", "branches": [{ "view": "points" }, { "view": "payments" }] });
    let mut run = Run::new(promise);
    run.view("points", Moment::Initial, json!([{ "tx": "old" }]));
    run.order(0, "o1", Kind::Info);
    let mut read = 0;
    let result = run.rest(|run| {
        read = run.view("points", Moment::Final, json!([{ "tx": "old" }, { "tx": "server-7" }]));
        run.view("payments", Moment::Final, json!([]));
    });
    let sentence = "order server-7 is in effect in points and not in payments";
    anomaly(&result, "partial", "server-7", sentence, &[read]);
}

#[test]
fn a_key_of_the_server_is_that_of_its_order() {
    let promise =
        json!({ "checker": "branches", "branches": [{ "view": "orders" }, { "view": "payments" }], "committed": {} });
    let mut run = Run::new(promise);
    let answered = run.order_answered(0, "order-1", Kind::Ok, json!({ "tx": "77" }));
    let mut read = 0;
    let result = run.rest(|run| {
        read = run.view("orders", Moment::Final, json!([{ "tx": "77" }]));
        run.view("payments", Moment::Final, json!([]));
    });
    let sentence = "order order-1 is in effect in orders and not in payments";
    anomaly(&result, "partial", "order-1", sentence, &[answered - 1, answered, read]);
}

#[test]
fn committed_and_nowhere_is_lost() {
    let mut run = Run::new(promise());
    let answered = run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    let result = run.rest(|run| reads(run, json!([{ "tx": "o1", "state": "NEW" }]), json!([])));
    let sentence = "order o1 was reported committed, and no branch is in effect";
    anomaly(&result, "lost", "o1", sentence, &[answered - 1, answered]);
}

#[test]
fn every_try_failed_and_everywhere_is_aborted() {
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Fail);
    let failed = run.order(0, "o1", Kind::Fail);
    let mut read = [0; 2];
    let result = run.rest(|run| read = reads(run, json!([paid("o1")]), json!([{ "order_tx": "o1" }])));
    let sentence = "order o1 was reported rolled back, and every branch is in effect";
    anomaly(&result, "aborted", "o1", sentence, &[failed - 3, failed, read[1]]);
}

#[test]
fn a_try_that_failed_before_one_that_did_not_rolls_nothing_back() {
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Fail);
    run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    valid(&run.rest(|run| reads(run, json!([paid("o1")]), json!([{ "order_tx": "o1" }]))));
}

#[test]
fn two_answers_that_exclude_each_other_are_a_contradiction_even_where_reads_failed() {
    let mut run = Run::new(promise());
    let first = run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
    let second = run.order_answered(1, "o1", Kind::Ok, json!({ "state": "CANCELLED" }));
    let result = run.rest(|run| run.view_failed("orders", Moment::Final));
    let sentence = "order o1 was reported committed and rolled back";
    anomaly(&result, "contradiction", "o1", sentence, &[first - 1, first, second]);
    let reason = "the final read of view orders failed: connection refused; no final read of view payments";
    assert_eq!(result.reason.as_deref(), Some(reason));
}

#[test]
fn every_subscriber_is_a_branch() {
    let promise = json!({
        "checker": "branches",
        "branches": [{ "view": "points", "per": "service", "subscribers": ["mail", "points", "stock"] }],
    });
    let told = |rows: Value| {
        let mut run = Run::new(promise.clone());
        run.order(0, "o1", Kind::Ok);
        run.rest(|run| run.view("points", Moment::Final, rows))
    };
    let row = |service: &str| json!({ "tx": "o1", "service": service });
    valid(&told(json!([row("mail"), row("points"), row("stock"), row("audit")])));
    let result = told(json!([row("mail"), row("stock")]));
    assert_eq!(
        result.anomalies[0].sentence,
        "order o1 is in effect in mail, stock and not in points"
    );
}

#[test]
fn what_was_not_seen_is_unknown() {
    let ordered = || {
        let mut run = Run::new(promise());
        run.order(0, "o1", Kind::Ok);
        run
    };
    let result = ordered().rest(|run| run.view("orders", Moment::Final, json!([paid("o1")])));
    unknown(&result, "no final read of view payments");
    let result = ordered().rest(|run| reads(run, json!([{ "id": "o1" }]), json!([])));
    unknown(
        &result,
        "the final read of view orders failed: it has no column tx; it shows id",
    );
    let result = Run::new(promise()).rest(|run| reads(run, json!([]), json!([])));
    assert_eq!(result.verdict, Verdict::Unknown);
    let why = "no transaction had a branch in effect or was committed: there is nothing to judge";
    assert_eq!(result.reason.as_deref(), Some(why));
}

#[test]
fn what_had_not_come_to_rest_or_was_not_read_to_the_end_is_unknown() {
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Ok);
    run.settle(Kind::Info);
    let result = run.finals(|run| reads(run, json!([paid("o1")]), json!([])), Kind::Ok);
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
    let mut run = Run::new(promise());
    run.order(0, "o1", Kind::Ok);
    run.settle(Kind::Ok);
    let result = run.finals(|run| reads(run, json!([paid("o1")]), json!([])), Kind::Info);
    unknown(&result, "the final reads are incomplete: two reads of orders differ");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    let branches = json!([{ "view": "orders" }, { "view": "payments" }]);
    messages(&[
        (
            json!({ "checker": "branches" }),
            "promises[0].branches is missing; for example branches = [{ view = \"orders\" }, { view = \"stock\" }]",
        ),
        (
            json!({ "checker": "branches", "branches": "orders" }),
            "promises[0].branches is \"orders\"; expected a list of tables, as in [{ view = \"orders\" }, { view = \"stock\" }]",
        ),
        (
            json!({ "checker": "branches", "branches": [{ "view": "orders" }] }),
            "promises[0].branches has one branch; all or none takes two, as in [{ view = \"orders\" }, { view = \"stock\" }]",
        ),
        (
            json!({ "checker": "branches", "branches": [{ "view": "orders" }, { "view": "paymets" }] }),
            "promises[0].branches[1].view refers to view \"paymets\"; this target has early, log, orders, payments, points, \
             stock, unsent (did you mean payments?)",
        ),
        (
            json!({ "checker": "branches", "branches": [{ "view": "orders" }, { "view": "early" }] }),
            "promises[0].branches[1].view needs early at \"final\", and it is read at rest: add \"final\" to views.early.at",
        ),
        (
            json!({ "checker": "branches", "branches": [{ "view": "orders", "in_efect": {} }, { "view": "payments" }] }),
            "promises[0].branches[0].in_efect is unknown; branches[0] has view, key, in_effect, per, subscribers \
             (did you mean in_effect?)",
        ),
        (
            json!({ "checker": "branches", "branches": [{ "view": "orders", "per": "service" }, { "view": "payments" }] }),
            "promises[0].branches[0].per and subscribers go together, as in per = \"subscriber\", subscribers = \
             [\"mail\", \"points\"]",
        ),
        (
            json!({ "checker": "branches", "branches": branches, "committed": "PAID" }),
            "promises[0].committed is \"PAID\"; expected a table of columns with their values, as in { result = [\"success\"] }",
        ),
        (
            json!({ "checker": "branches", "branches": branches, "subject": "sku" }),
            "promises[0].subject refers to subject with a key \"sku\"; this target has order",
        ),
        (
            json!({ "checker": "branches", "branches": branches, "started": ["query"] }),
            "promises[0].started refers to an action that starts a order \"query\"; this target has order",
        ),
        (
            json!({ "checker": "branches", "branches": branches, "comitted": {} }),
            "promises[0].comitted is no option of branches; it has name, subject, started, branches, committed, rolled_back \
             (did you mean committed?)",
        ),
    ]);
}

#[test]
fn what_no_answer_reports_as_done_is_unknown_and_a_partial_one_is_still_seen() {
    let mut promise = promise();
    promise["committed"] = json!({ "stat": ["PAID"] });
    let told = |payments: Value| {
        let mut run = Run::new(promise.clone());
        run.order_answered(0, "o1", Kind::Ok, json!({ "state": "PAID" }));
        run.rest(|run| reads(run, json!([paid("o1")]), payments))
    };
    let reason = "none of 1 ok answer has the stat that committed asks for";
    unknown(&told(json!([{ "order_tx": "o1" }])), reason);
    let result = told(json!([]));
    assert_eq!((result.verdict, result.counts["partial"]), (Verdict::Invalid, 1));
}

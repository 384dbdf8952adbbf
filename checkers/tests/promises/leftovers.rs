use paytwice_checkers::history::{Kind, Moment};
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid};

/// The workload is over, the target comes to rest, and these samples are taken meanwhile.
fn settled(run: &mut Run, samples: &[Value]) -> Vec<u64> {
    run.phase("workload", Kind::Ok);
    run.phase("settle", Kind::Invoke);
    let taken = samples.iter().map(|counters| run.sample(counters.clone())).collect();
    run.phase("settle", Kind::Ok);
    taken
}

fn promise() -> Value {
    json!({ "checker": "leftovers", "views": ["unsent", "orders"], "key": "tx", "samples": ["half"] })
}

#[test]
fn nothing_left_is_valid() {
    let mut run = Run::new(promise());
    settled(&mut run, &[json!({ "half": 4 }), json!({ "half": 0 })]);
    let reads = |run: &mut Run| {
        run.view("unsent", Moment::Final, json!([{ "tx": "o1" }]));
        run.view("unsent", Moment::Final, json!([]));
        run.view("orders", Moment::Final, json!([]));
    };
    valid(&run.finals(reads, Kind::Ok));
}

#[test]
fn a_row_that_is_left_is_a_leftover() {
    let mut run = Run::new(promise());
    settled(&mut run, &[json!({ "half": 0 })]);
    let mut read = 0;
    let reads = |run: &mut Run| {
        read = run.view("unsent", Moment::Final, json!([{ "tx": "o1" }, { "tx": "o1" }]));
        run.view("orders", Moment::Final, json!([]));
    };
    let result = run.finals(reads, Kind::Ok);
    let sentence = "order o1 (unsent) was still there when the system had come to rest";
    anomaly(&result, "leftover", "o1", sentence, &[read]);
}

#[test]
fn a_row_without_a_key_is_called_by_all_of_it() {
    let mut run = Run::new(json!({ "checker": "leftovers", "views": ["unsent"] }));
    run.order(0, "o1", Kind::Ok);
    let mut read = 0;
    let result = run.rest(|run| read = run.view("unsent", Moment::Final, json!([{ "id": "7", "state": null }])));
    let sentence = "id 7, state NULL (unsent) was still there when the system had come to rest";
    anomaly(&result, "leftover", "id 7, state NULL", sentence, &[read]);
}

#[test]
fn a_counter_that_is_not_zero_is_a_leftover() {
    let mut run = Run::new(json!({ "checker": "leftovers", "samples": ["half"] }));
    let sampled = settled(&mut run, &[json!({ "half": 0 }), json!({ "half": 2, "lag": 0 })]);
    let result = run.finals(|_| (), Kind::Ok);
    let sentence = "half (2 in the last sample) was still there when the system had come to rest";
    anomaly(&result, "leftover", "half", sentence, &sampled[1..]);
}

#[test]
fn what_was_left_at_rest_and_went_later_is_a_leftover_of_that_moment() {
    let mut run =
        Run::new(json!({ "checker": "leftovers", "views": ["unsent"], "key": "tx", "moments": ["rest", "final"] }));
    run.settle(Kind::Ok);
    let read = run.view("unsent", Moment::Rest, json!([{ "tx": "o1" }]));
    let result = run.finals(|run| run.view("unsent", Moment::Final, json!([])), Kind::Ok);
    let sentence = "order o1 (unsent at rest) was still there when the system had come to rest";
    anomaly(&result, "leftover", "o1", sentence, &[read]);
}

#[test]
fn what_was_left_at_rest_counts_where_the_end_was_not_seen() {
    let mut run =
        Run::new(json!({ "checker": "leftovers", "views": ["unsent"], "key": "tx", "moments": ["rest", "final"] }));
    run.settle(Kind::Ok);
    let read = run.view("unsent", Moment::Rest, json!([{ "tx": "o1" }]));
    let result = run.finals(|run| run.view_failed("unsent", Moment::Final), Kind::Ok);
    let sentence = "order o1 (unsent at rest) was still there when the system had come to rest";
    anomaly(&result, "leftover", "o1", sentence, &[read]);
    assert_eq!(
        result.reason.as_deref(),
        Some("the final read of view unsent failed: connection refused")
    );
}

#[test]
fn what_was_not_looked_for_is_unknown() {
    let result = Run::new(promise()).rest(|run| run.view("unsent", Moment::Final, json!([])));
    unknown(
        &result,
        "no final read of view orders; no sample of the settle phase counted half",
    );
    let mut run = Run::new(json!({ "checker": "leftovers", "samples": ["half"] }));
    settled(&mut run, &[json!({ "half": 0 }), json!({ "lag": 1, "retry": 0 })]);
    unknown(
        &run.finals(|_| (), Kind::Ok),
        "the last sample did not count half; samples count half, lag, retry",
    );
    let run = Run::new(json!({ "checker": "leftovers", "views": ["unsent"], "key": "tx" }));
    let result = run.rest(|run| run.view("unsent", Moment::Final, json!([{ "id": "o1" }])));
    unknown(
        &result,
        "the final read of view unsent failed: it has no column tx; it shows id",
    );
}

#[test]
fn what_is_left_while_the_target_works_is_unknown() {
    let mut run = Run::new(json!({ "checker": "leftovers", "views": ["unsent"] }));
    run.settle(Kind::Info);
    let result = run.finals(
        |run| run.view("unsent", Moment::Final, json!([{ "tx": "o1" }])),
        Kind::Ok,
    );
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "leftovers" }),
            "promises[0].views is missing; for example views = [\"unsent\"], or samples = [\"half\"]",
        ),
        (
            json!({ "checker": "leftovers", "views": ["unset"] }),
            "promises[0].views refers to view \"unset\"; this target has early, log, orders, payments, points, stock, unsent \
             (did you mean unsent?)",
        ),
        (
            json!({ "checker": "leftovers", "views": ["early"] }),
            "promises[0].views needs early at \"final\", and it is read at rest: add \"final\" to views.early.at",
        ),
        (
            json!({ "checker": "leftovers", "views": ["unsent"], "moments": ["look"] }),
            "promises[0].moments has \"look\"; it can have rest, after-repair, final",
        ),
        (
            json!({ "checker": "leftovers", "views": ["unsent"], "moments": [] }),
            "promises[0].moments is empty; for example [\"final\"]",
        ),
        (
            json!({ "checker": "leftovers", "views": ["unsent"], "key": 1 }),
            "promises[0].key is 1; expected a text",
        ),
        (
            json!({ "checker": "leftovers", "samples": [1] }),
            "promises[0].samples is [1]; expected a text or a list of texts",
        ),
    ]);
}

#[test]
fn a_sample_of_the_workload_says_nothing_about_the_end() {
    for half in [0, 3] {
        let mut run = Run::new(json!({ "checker": "leftovers", "samples": ["half"] }));
        run.sample(json!({ "half": half }));
        settled(&mut run, &[json!({ "lag": 0 })]);
        unknown(
            &run.finals(|_| (), Kind::Ok),
            "the last sample did not count half; samples count lag",
        );
    }
}

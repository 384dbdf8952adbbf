use paytwice_checkers::history::{Deed, Kind, Moment, Role};
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{Run, anomaly, messages, unknown, valid, with, without};

fn promise() -> Value {
    json!({
        "checker": "state-machine", "view": "stock", "key": ["tx", "branch"],
        "transitions": { "TRY": ["CONFIRM", "CANCEL"], "NEW": ["TRY"] }, "start": ["NEW"], "terminal": ["CONFIRM", "CANCEL"],
    })
}

fn row(state: &str) -> Value {
    json!([{ "tx": "o1", "branch": "b1", "state": state }])
}

#[test]
fn states_that_the_table_leads_to_are_valid_even_where_one_passed_unseen() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, row("NEW"));
    run.view_failed("stock", Moment::Look);
    let result = run.rest(|run| {
        run.view("stock", Moment::Final, row("CONFIRM"));
        run.view("stock", Moment::Final, row("CONFIRM"));
    });
    valid(&result);
    assert_eq!(
        (
            result.counts["ids"],
            result.counts["seen"],
            result.counts["transitions"]
        ),
        (1, 3, 1)
    );
}

#[test]
fn a_way_that_the_table_does_not_lead_is_an_illegal_transition() {
    let mut run = Run::new(promise());
    let first = run.view("stock", Moment::Look, row("CANCEL"));
    let mut last = 0;
    let result = run.rest(|run| last = run.view("stock", Moment::Final, row("CONFIRM")));
    anomaly(
        &result,
        "illegal-transition",
        "o1/b1",
        "order o1/b1 went from CANCEL to CONFIRM",
        &[first, last],
    );
}

#[test]
fn a_state_that_is_in_no_table_is_unknown_to_it() {
    let mut run = Run::new(promise());
    let seen = run.view("stock", Moment::Look, row("BROKEN"));
    let result = run.rest(|run| run.view("stock", Moment::Final, row("CONFIRM")));
    anomaly(
        &result,
        "unknown-state",
        "o1/b1",
        "order o1/b1 was in state BROKEN, which is not in the table",
        &[seen],
    );
}

#[test]
fn a_state_that_does_not_end_is_stuck() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, row("NEW"));
    let mut last = 0;
    let result = run.rest(|run| last = run.view("stock", Moment::Final, row("TRY")));
    anomaly(&result, "stuck", "o1/b1", "order o1/b1 is TRY at the end", &[last]);
}

/// States are points of the wire.
fn on_wire() -> Value {
    json!({
        "checker": "state-machine", "key": "tx", "transitions": { "TRY": ["CONFIRM", "CANCEL"] }, "start": ["TRY"],
        "points": {
            "TRY": "tcc->stock POST /try request", "CONFIRM": "tcc->stock POST /confirm request",
            "CANCEL": "tcc->stock POST /cancel request",
        },
    })
}

fn call(run: &mut Run, name: &str, did: &[Deed]) -> u64 {
    run.frame(
        &format!("tcc->stock POST /{name} request"),
        1,
        json!({ "tx": ["o1"] }),
        Role::Plain,
        did,
    )
}

#[test]
fn frames_that_arrive_are_states_too() {
    let mut run = Run::new(on_wire());
    call(&mut run, "confirm", &[Deed::Dropped]);
    call(&mut run, "try", &[]);
    call(&mut run, "confirm", &[]);
    call(&mut run, "cancel", &[Deed::Copy]);
    call(&mut run, "confirm", &[]);
    valid(&run.rest(|_| ()));
    let mut run = Run::new(on_wire());
    let seen = call(&mut run, "cancel", &[]);
    anomaly(
        &run.rest(|_| ()),
        "illegal-start",
        "o1",
        "order o1 began as CANCEL",
        &[seen],
    );
}

#[test]
fn what_was_not_seen_is_unknown() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, row("NEW"));
    unknown(&run.rest(|_| ()), "no final read of view stock");
    let result = Run::new(promise()).rest(|run| run.view("stock", Moment::Final, row("NEW")));
    unknown(&result, "no look at view stock");
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, json!([]));
    unknown(
        &run.rest(|run| run.view("stock", Moment::Final, json!([]))),
        "view stock showed no row: there is nothing to judge",
    );
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, json!([]));
    let result = run.rest(|run| run.view("stock", Moment::Final, json!([{ "tx": "o1", "state": "NEW" }])));
    unknown(
        &result,
        "the final read of view stock failed: it has no column branch; it shows state, tx",
    );
    let points = "tcc->stock POST /cancel request, tcc->stock POST /confirm request, tcc->stock POST /try request";
    unknown(
        &Run::new(on_wire()).rest(|_| ()),
        &format!("no frame of {points} was seen"),
    );
    let mut run = Run::new(on_wire());
    run.wire("tcc->stock POST /try request", json!({}));
    unknown(&run.rest(|_| ()), &format!("no frame of {points} carried tx"));
}

#[test]
fn two_rows_of_one_key_have_no_state() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, json!([]));
    let row = |state: &str| json!({ "tx": "o1", "branch": "b1", "state": state });
    let result = run.rest(|run| run.view("stock", Moment::Final, json!([row("NEW"), row("TRY")])));
    let reason =
        "view stock shows o1/b1 more than once: which row is its state is not known; key takes several columns";
    unknown(&result, reason);
}

#[test]
fn what_is_not_at_its_end_while_the_target_works_is_unknown() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, row("NEW"));
    run.settle(Kind::Info);
    let result = run.finals(|run| run.view("stock", Moment::Final, row("TRY")), Kind::Ok);
    assert_eq!(result.verdict, Verdict::Unknown);
    unknown(&result, "the target did not come to rest in settle: lag 3 after 60 s");
}

#[test]
fn a_mistake_in_its_options_is_said() {
    let with = |key: &str, value: Value| with(promise(), key, value);
    let without = |key: &str| without(promise(), key);
    let wire = |points: Value| crate::shop::with(on_wire(), "points", points);
    let states: Vec<String> = (0..65).map(|n| format!("S{n}")).collect();
    messages(&[
        (
            without("transitions"),
            "promises[0].transitions is missing; for example transitions = { NEW = [\"PAID\", \"CANCELLED\"] }",
        ),
        (
            without("start"),
            "promises[0].start is missing; for example start = [\"NEW\"]",
        ),
        (
            without("view"),
            "promises[0].view is missing; for example view = \"orders\"",
        ),
        (without("key"), "promises[0].key is missing; for example key = \"tx\""),
        (
            with("terminal", json!(["CONFIRMED"])),
            "promises[0].terminal has state \"CONFIRMED\"; the states are NEW, TRY, CONFIRM, CANCEL \
             (did you mean CONFIRM?)",
        ),
        (
            json!({ "checker": "state-machine", "view": "orders", "key": "tx", "start": "A", "transitions": { "A": ["A"] } }),
            "promises[0].terminal is missing, and every state leads to another: say where one may end",
        ),
        (
            with("states", json!(states)),
            "promises[0].transitions has 69 states; a table has at most 64",
        ),
        (
            with("points", json!({})),
            "promises[0].view and points exclude each other: states are seen in a view or on the wire",
        ),
        (
            wire(json!({ "TRIED": "tcc->stock POST /try request" })),
            "promises[0].points has state \"TRIED\"; the states are TRY, CONFIRM, CANCEL",
        ),
        (
            wire(json!({ "TRY": "POST" })),
            "promises[0].points.TRY is \"POST\"; expected a link and a point, as in \"account->mysql COMMIT reply\"",
        ),
        (
            wire(json!("TRY")),
            "promises[0].points is \"TRY\"; expected a table, as in { PAID = \"pay->mysql COMMIT reply\" }",
        ),
    ]);
}

#[test]
fn a_look_that_cannot_be_understood_is_a_doubt_beside_good_ones() {
    let mut run = Run::new(promise());
    run.view("stock", Moment::Look, row("NEW"));
    run.view(
        "stock",
        Moment::Look,
        json!([{ "tx": "o1", "branch": "b1", "status": "BROKEN" }]),
    );
    let result = run.rest(|run| run.view("stock", Moment::Final, row("CONFIRM")));
    unknown(
        &result,
        "a look at view stock cannot be understood: it has no column state; it shows branch, status, tx",
    );
}

#[test]
fn two_states_at_one_point_are_refused() {
    let mut promise = on_wire();
    promise["points"]["CONFIRM"] = promise["points"]["TRY"].clone();
    let message = "promises[0].points has \"CONFIRM\" and \"TRY\" at the same point, tcc->stock POST /try request: a frame there \
                   shows one state";
    messages(&[(promise, message)]);
}

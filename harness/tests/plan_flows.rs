//! Subjects, fields and actions of any target: the shortest manifest, what a history is told of it, names and keys, bodies.

mod plan_common;

use paytwice::plan::{Count, Manifest, PlanRequest, Target, WireDetail, expand};
use paytwice_checkers::history::Moment;
use plan_common::{CHAIN, chain, pay_account};
use serde_json::json;

/// The least that gives a verdict: a service, what starts a subject, and a balance that it shows.
const SHORTEST: &str = r#"
version = 1
name = "shop"
services.shop = { image = "shop:1", port = 80, ready = "/" }
keys.tx = { at = ["http:/tx"] }
subjects.account = { count = 40 }

[subjects.payment]
key = "tx"
fields = { account = "account", amount = { coded = "account" } }

[actions.pay]
starts = "payment"
call = "POST shop /payments"
body = { tx = "${tx}", account = "${account}", amount = "${amount}" }

[views.balances]
call = "GET shop /accounts/${account}"
each = "account"
columns = { balance = "/balance" }
at = ["initial", "rest", "final"]

[[promises]]
checker = "exactly-once"
subject = "payment"
effect = { view = "balances", by = "amount" }
"#;

#[test]
fn the_shortest_manifest_leads_to_a_plan() {
    let manifest = Manifest::parse("target.toml", SHORTEST).unwrap_or_else(|e| panic!("{e}"));
    let pay = &manifest.actions["pay"];
    assert_eq!(pay.ok, [200, 201, 202, 204]);
    assert_eq!((pay.retry.attempts, pay.retry.after.0, pay.weight), (4, 200, 1));
    let request = PlanRequest {
        seed: Some(1),
        ..PlanRequest::default()
    };
    let plan = expand(&Target::new(".", manifest), &request).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(plan.workload.counts["account"], Count { all: 40, late: 0 });
}

#[test]
fn a_promise_over_points_needs_the_frames() {
    let over_points = "effect = { point = \"client->shop POST /payments reply\" }";
    let request = PlanRequest {
        seed: Some(1),
        wire_detail: Some(WireDetail::Off),
        ..PlanRequest::default()
    };
    let target = |text: &str| {
        let manifest = Manifest::parse("target.toml", text).unwrap_or_else(|e| panic!("{e}"));
        Target::new(".", manifest)
    };
    expand(&target(SHORTEST), &request).unwrap_or_else(|e| panic!("{e}"));
    let text = SHORTEST.replace("effect = { view = \"balances\", by = \"amount\" }", over_points);
    let error = expand(&target(&text), &request)
        .expect_err("off and a point")
        .to_string();
    assert_eq!(
        error,
        "--wire-detail: is off, and the promise exactly-once reads points of the wire; leave it out, or say points"
    );
}

#[test]
fn what_a_manifest_says_is_what_a_history_says() {
    let header = pay_account().manifest.header();
    assert_eq!(header.keys["tx"].len(), 8);
    assert_eq!(header.subjects["payment"].key.as_deref(), Some("tx"));
    assert_eq!(header.subjects["account"].key, None);
    let amount = header.subjects["payment"].fields["amount"].coded.as_ref().unwrap();
    assert_eq!((amount.per.as_str(), amount.base, amount.scale), ("account", 10, 2));
    assert_eq!(
        header.subjects["payment"].fields["account"].names.as_deref(),
        Some("account")
    );
    assert_eq!(header.actions["recharge"].starts.as_deref(), Some("payment"));
    assert_eq!(header.actions["recharge"].service.as_deref(), Some("pay"));
    assert_eq!(header.actions["open-account"].opens.as_deref(), Some("account"));
    assert_eq!(header.actions["open-account"].service, None);
    assert_eq!(header.views["balances"], [Moment::Initial, Moment::Rest, Moment::Final]);
    let checkers: Vec<&str> = header.promises.iter().map(|promise| promise.checker.as_str()).collect();
    assert_eq!(
        checkers,
        [
            "exactly-once",
            "balance-convergence",
            "idempotent-requests",
            "honest-answers"
        ]
    );
    assert_eq!(
        header.promises[0].options["effect"],
        json!({ "view": "balances", "by": "amount" })
    );
    let header = chain().manifest.header();
    assert_eq!(header.actions["open-shelf"].service.as_deref(), Some("front"));
}

#[test]
fn clients_have_a_link_to_every_service_that_they_call() {
    let links: Vec<String> = chain().links().into_iter().map(|link| link.name).collect();
    // The ledger is called by a view alone.
    assert_eq!(
        links,
        ["client->front", "client->ledger", "front->ledger", "ledger->store"]
    );
}

#[test]
fn subjects_have_names_and_keys() {
    let manifest = pay_account().manifest;
    assert_eq!(manifest.name_of("account", 7), "a007");
    assert_eq!(manifest.key_of("payment", 17, 42), "t00017-2a");
    let manifest = chain().manifest;
    assert_eq!(manifest.name_of("shelf", 7), "shelf-7");
    assert_eq!(manifest.key_of("order", 0, 1), "o00000-1");
}

#[test]
fn a_body_is_json_of_any_shape() {
    let lookup = |name: &str| match name {
        "shelf" => Some("s\"1".to_owned()),
        "pieces" => Some("3".to_owned()),
        _ => None,
    };
    let fill = |text: &str| {
        let text = CHAIN.replacen("body = '", &format!("body = {text} #"), 1);
        let manifest = Manifest::parse("target.toml", &text).unwrap_or_else(|e| panic!("{e}"));
        let filled = manifest.actions["order"].body.as_ref().unwrap().fill(&lookup).unwrap();
        serde_json::from_str::<serde_json::Value>(&filled).unwrap()
    };
    assert_eq!(
        fill(r#"{ a = ["${shelf}", 1, true, { b = 1.5 }], c = "n ${pieces}" }"#),
        json!({ "a": ["s\"1", 1, true, { "b": 1.5 }], "c": "n 3" })
    );
    assert_eq!(
        fill(r#"'{ "a": "${shelf}", "n": ${pieces}, "more": [null] }'"#),
        json!({ "a": "s\"1", "n": 3, "more": [null] })
    );
}

//! Rules at points against the sample target: what fits is taken, what does not is refused with what would.

mod plan_common;

use paytwice::plan::{Plan, PlanRequest, Target, expand, points};
use plan_common::{chain, pay_account};

fn planned(rule: &str) -> Result<Plan, String> {
    planned_for(&pay_account(), rule)
}

fn planned_for(target: &Target, rule: &str) -> Result<Plan, String> {
    let request = PlanRequest {
        seed: Some(7),
        rules: vec![rule.to_owned()],
        ..PlanRequest::default()
    };
    expand(target, &request).map_err(|e| e.to_string())
}

#[test]
fn what_a_rule_asks_for_must_fit_its_point() {
    for (rule, names) in [
        (
            "pay->mysql COMMIT reply: fail and close",
            ["send or receive messages", "`reset before`"],
        ),
        (
            "client->pay POST /pay/recharge reply: fail and close",
            ["send or receive messages", "`reset after`"],
        ),
        (
            "pay->rocketmq SEND half topic_notifymsg request: rewind",
            ["SEND half topic_notifymsg request", "`DELIVER ...`"],
        ),
        ("pay->mysql COMMIT reply: twice", ["COMMIT reply", "`DELIVER ...`"]),
        (
            "account->rocketmq DELIVER topic_notifymsg: duplicate 2",
            ["`rewind`", "`twice`"],
        ),
        (
            "account->rocketmq DELIVER topic_notifymsg: duplicate after 1s",
            ["`duplicate after 1s`", "`twice`"],
        ),
        (
            "pay->mysql COMMIT request: duplicate",
            ["cannot arrive twice", "HTTP requests"],
        ),
        (
            "client->pay POST /pay/recharge reply: duplicate",
            ["cannot arrive twice", "HTTP requests"],
        ),
        (
            "between pay->mysql COMMIT reply and account->mysql COMIT reply #3: trigger cut account->mysql",
            ["account->mysql has no point \"COMIT reply\"", "near it: COMMIT reply"],
        ),
        (
            "between pay->mysql COMIT reply and account->mysql COMMIT reply: drop",
            ["pay->mysql has no point", "near it: COMMIT reply"],
        ),
        (
            "between pay->mysql COMMIT reply and acount->mysql COMMIT reply: drop",
            ["no link \"acount->mysql\"", "did you mean account->mysql"],
        ),
    ] {
        let error = planned(rule).unwrap_err();
        for name in names {
            assert!(error.contains(name), "{rule}: {error}");
        }
    }
}

#[test]
fn what_fits_is_stored_and_read_back() {
    for rule in [
        "pay->mysql XA COMMIT reply: drop",
        "pay->mysql XA PREPARE request tx=g1: crash pay before restart 500ms",
        "account->rocketmq UPDATE_CONSUMER_OFFSET topic_notifymsg request: drop",
        "pay->rocketmq SEND half topic_notifymsg reply #2: fail and close",
        "account->rocketmq DELIVER topic_notifymsg tx=*: rewind",
        "account->rocketmq DELIVER topic_notifymsg: twice",
        "account->rocketmq DELIVER topic_notifymsg: duplicate",
        "pay->rocketmq SEND half topic_notifymsg request: duplicate 3 after 200ms",
        "client->pay POST /pay/recharge request: duplicate 2",
        "account->mysql COMMIT reply: hold for 5s",
        "between pay->mysql COMMIT reply and account->mysql COMMIT reply #3: rest 2s",
        "between pay->mysql COMMIT reply and account->mysql COMMIT reply #3: trigger cut account->mysql 3s",
    ] {
        let plan = planned(rule).unwrap();
        let stored = Plan::from_toml("plan.toml", &plan.to_toml()).unwrap();
        assert_eq!(stored, plan, "{rule}");
        stored.check_against(&pay_account()).unwrap();
    }
}

#[test]
fn points_come_from_calls_and_from_places_of_keys() {
    let target = chain();
    let all = points(&target);
    let on = |link: &str, name: &str| all.iter().any(|point| point.link == link && point.name == name);
    // Calls of clients, by the template of the key's path where one fits.
    assert!(on("client->front", "POST /orders request"));
    assert!(on("client->front", "POST /login reply"));
    assert!(on("client->front", "GET /orders/{order} reply"));
    assert!(on("client->front", "PUT /shelves/${shelf} request"));
    // A view.
    assert!(on("client->ledger", "GET /shelves/${shelf} reply"));
    // A path that no client calls is one between services, of any method.
    assert!(on("front->ledger", "PUT /book/{order} request"));
    assert!(!on("client->ledger", "PUT /book/{order} request"));
    assert!(!on("front->ledger", "GET /orders/{order} request"));
    // A table that no schema file makes.
    assert!(on("ledger->store", "INSERT entries reply"));
    // Between services other calls are possible; what is nearly a known name is a mistake.
    planned_for(&target, "front->ledger POST /ship request: drop").unwrap();
    for (rule, says) in [
        (
            "front->ledger POST /bok/{order} request: drop",
            "near it: POST /book/{order} request",
        ),
        ("front->ledger FETCH /ship request: drop", "has no point"),
        ("client->front POST /ship request: drop", "has no point"),
    ] {
        let error = planned_for(&target, rule).unwrap_err();
        assert!(error.contains(says), "{rule}: {error}");
    }
}

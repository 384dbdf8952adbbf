//! Single runs, each with the sentence that an engineer reads.

mod common;

use common::{
    Conflict, Fault, MS, PLANTS, QUERY_ACCOUNT, RECHARGE, Row, Scenario, Shown, Try, jsonl, run_of_one as run,
};
use paytwice_checkers::history::{Body, Event, Kind, read};
use paytwice_checkers::run::ENDED_BY_ITSELF;
use paytwice_checkers::verdict::{CheckerResult, Results, Verdict};
use paytwice_checkers::{judge, promises};

/// A run whose second account has three more payments; the last, t3, is the one to break.
fn run_with_victim() -> (Scenario, usize) {
    let mut scenario = run();
    scenario.pay(1, 100);
    scenario.pay(1, 200);
    let victim = scenario.pay(1, 300);
    (scenario, victim)
}

fn checker<'a>(results: &'a Results, name: &str) -> &'a CheckerResult {
    results
        .checkers
        .iter()
        .find(|c| c.name == name)
        .expect("it is among the checkers")
}

fn sentence_of(results: &Results, kind: &str) -> String {
    let mut anomalies = results.checkers.iter().flat_map(|c| &c.anomalies);
    let found = anomalies.find(|a| a.kind == kind);
    found.map_or_else(|| format!("no {kind}: {}", results.sentence), |a| a.sentence.clone())
}

fn planted(name: &str) -> Results {
    let (mut scenario, victim) = run_with_victim();
    scenario.payments.pop();
    let plant = PLANTS.iter().find(|p| p.name == name).expect("it is among the plants");
    let planted = plant.apply(&mut scenario, 1, 300);
    assert!(
        planted.subject == format!("t{victim}") || planted.subject.starts_with('a') || planted.subject == "stranger"
    );
    judge(&scenario.history())
}

#[test]
fn a_double_credit_names_the_deliveries_and_the_fault_between_them() {
    let (mut scenario, victim) = run_with_victim();
    scenario.payments[victim].deliveries = 3;
    scenario.credit(victim, 2);
    scenario.faults = vec![Fault {
        fault: "kill",
        on: "account",
        from_ms: 360,
        to_ms: 370,
    }];
    let results = judge(&scenario.history());
    assert_eq!(
        results.sentence,
        "INVALID: payment t3 (account a1, 1.00) was credited twice: delivered 3 times, once after account was killed \
         (and 1 more anomaly)"
    );
    assert_eq!(
        sentence_of(&results, "wrong-balance"),
        "account a1: expected 101.11, found 102.11: payment t3 (k=2, 1.00) was credited twice"
    );
    let double = &checker(&results, "exactly-once").anomalies[0];
    let events = scenario.history().events;
    let told: Vec<&str> = double
        .witness
        .iter()
        .map(|i| events[usize::try_from(*i).unwrap()].body.f())
        .collect();
    assert_eq!(
        told,
        [
            "view", RECHARGE, RECHARGE, "wire", "wire", "fault", "wire", "view", "view"
        ]
    );
}

#[test]
fn every_kind_has_a_sentence_of_its_own() {
    for (name, kind, sentence) in [
        (
            "lost",
            "lost",
            "payment t3 (account a1, 1.00) was never credited: delivered once",
        ),
        (
            "ghost, not recorded",
            "ghost",
            "payment t3 (account a1, 1.00) was credited once although it is not recorded: delivered once",
        ),
        (
            "ghost, declined",
            "ghost",
            "payment t3 (account a1, 1.00) was credited once although it is recorded as \"fail\": delivered once",
        ),
        (
            "ghost, money of nobody",
            "ghost",
            "account a1 gained 10.00 that no payment explains",
        ),
        (
            "late",
            "late",
            "payment t3 (account a1, 1.00) was credited only when its client asked for it once everything was at rest: delivered once",
        ),
        (
            "lost write",
            "lost-write",
            "payment t3 (account a1, 1.00) was acknowledged as \"success\" but is not recorded: no delivery of it was seen",
        ),
        (
            "wrong account, a fresh one",
            "wrong-account",
            "payment t3 (account a1, 1.00) was credited to account a2 instead: delivered once",
        ),
        (
            "wrong amount",
            "wrong-amount",
            "payment t3 (account a1, 1.00) was credited with 10.00 instead: delivered once",
        ),
        (
            "recorded with another account",
            "wrong-account",
            "payment t3 (account a1, 1.00) was recorded with account a2, 1.00 instead",
        ),
        (
            "recorded with another amount",
            "wrong-amount",
            "payment t3 (account a1, 1.00) was recorded with 7.00 instead",
        ),
        (
            "duplicate record",
            "duplicate-record",
            "payment t3 (account a1, 1.00) is recorded twice (again, t3) after 2 requests of its client",
        ),
        (
            "payload overwritten",
            "payload-overwritten",
            "payment t3 (account a1, 1.00) is recorded with account a1, 7.00 after a conflicting request",
        ),
        (
            "conflict accepted",
            "conflict-accepted",
            "payment t3 (account a1, 1.00): a second request with its tx but account a1, 7.00 was accepted",
        ),
        (
            "divergent number",
            "divergent-answer",
            "payment t3 (account a1, 1.00) was answered differently: first with tx t3, then with tx other",
        ),
        (
            "answered fail, recorded as success",
            "answer-contradicted",
            "payment t3 (account a1, 1.00) was answered \"fail\" but is recorded as \"success\"",
        ),
        (
            "refused, recorded as success",
            "answer-contradicted",
            "payment t3 (account a1, 1.00) was refused but is recorded as successful",
        ),
        (
            "false fail",
            "false-fail",
            "payment t3 (account a1, 1.00) is recorded as successful, but account said in 1 answer that it failed",
        ),
        (
            "false success",
            "false-success",
            "payment t3 (account a1, 1.00) is not recorded, but pay said in 1 answer that it succeeded",
        ),
        (
            "unexpected record",
            "unexpected-record",
            "payment stranger (account a1, 10.00) is recorded but no client asked for it",
        ),
        (
            "null balance",
            "null-balance",
            "account a1: its balance is NULL, to which nothing can be added",
        ),
        (
            "missing account",
            "missing-account",
            "account a1 was there and is not among the final balances",
        ),
        (
            "inexact",
            "inexact",
            "account a1: the balance 101.110000000004 is 0.0000000004 minor units off any exact amount: its money is not decimal",
        ),
        (
            "two rows of one account",
            "duplicate-account",
            "account a1 has 2 rows, each of which takes effect",
        ),
    ] {
        assert_eq!(sentence_of(&planted(name), kind), sentence, "{name}");
    }
}

#[test]
fn a_sentence_names_the_queries_and_the_account_that_was_not_there_yet() {
    let mut scenario = run();
    let account = scenario.account(0);
    scenario.accounts[account].late = true;
    let early = scenario.pay(account, 1);
    scenario.credit(early, 0);
    let asked = scenario.pay(account, 60);
    scenario.payments[asked].queries = vec![(QUERY_ACCOUNT, "success")];
    scenario.credit(asked, 2);
    let results = judge(&scenario.history());
    assert_eq!(
        sentence_of(&results, "lost"),
        "payment t1 (account a2, 0.01) was never credited: delivered once, before its account was opened"
    );
    assert_eq!(
        sentence_of(&results, "double"),
        "payment t2 (account a2, 0.10) was credited twice: delivered once; account was asked for it once"
    );
    let history = scenario.history();
    let told = |kind: &str| -> Vec<&str> {
        let anomaly = results
            .anomalies()
            .into_iter()
            .find(|a| a.kind == kind)
            .expect("it is found");
        let events = anomaly
            .witness
            .iter()
            .map(|i| &history.events[usize::try_from(*i).unwrap()]);
        events.map(|e| e.body.f()).filter(|f| *f != "view").collect()
    };
    assert_eq!(told("lost"), [RECHARGE, RECHARGE, "wire", "open-account"]);
    assert_eq!(
        told("double"),
        [RECHARGE, RECHARGE, "wire", QUERY_ACCOUNT, QUERY_ACCOUNT]
    );
}

#[test]
fn a_valid_run_says_what_it_saw() {
    let (scenario, _) = run_with_victim();
    let results = judge(&scenario.history());
    assert_eq!(
        results.sentence,
        "VALID: 4 payments attempted, 4 recorded as successful, each of these credited exactly once"
    );
    let counts = &checker(&results, "exactly-once").counts;
    for (name, count) in [
        ("attempted", 4),
        ("acknowledged", 4),
        ("delivered", 4),
        ("in-effect", 4),
        ("redelivered", 0),
    ] {
        assert_eq!(counts.get(name), Some(&count), "{name}");
    }
    let fate = &results.fates[3];
    let fields = [("account", "a1"), ("amount", "1.00"), ("card", "4242")].map(|(name, of)| (name.into(), of.into()));
    assert_eq!((fate.kind.as_str(), fate.subject.as_str()), ("payment", "t3"));
    assert_eq!(fate.fields, std::collections::BTreeMap::<String, String>::from(fields));
    assert_eq!((fate.attempts, fate.recorded, fate.delivered), (1, Some(1), 1));
    assert_eq!((fate.effects, fate.effects_before_repair), (Some(1), Some(1)));
    assert_eq!((fate.outcome, fate.result.as_deref()), (Kind::Ok, Some("success")));
    assert!(fate.first_invoke_ns < fate.answered_ns.unwrap());
    assert!(fate.answered_ns < fate.first_delivered_ns.map(|t| t + 10 * MS));
    assert_eq!(results.phases.len(), 7);
    let words = results.words.as_ref().expect("a kind of subject was followed");
    assert_eq!(
        [&words.subject, &words.recorded, &words.effect],
        ["payment", "recorded", "credited"]
    );
    assert_eq!(words.holder.as_deref(), Some("account"));
}

#[test]
fn one_lost_and_one_double_of_the_same_amount_are_two_anomalies_when_deliveries_say_so() {
    let (mut scenario, victim) = run_with_victim();
    let other = scenario.account(0);
    for _ in 0..3 {
        scenario.pay(other, 400);
    }
    scenario.credit(victim, 0);
    let twin = scenario.payments.len() - 1;
    scenario.payments[twin].deliveries = 2;
    scenario.credit(twin, 2);
    let results = judge(&scenario.history());
    let kinds: Vec<_> = checker(&results, "exactly-once")
        .anomalies
        .iter()
        .map(|a| (&*a.kind, &*a.subject))
        .collect();
    assert_eq!(kinds, [("double", "t6"), ("lost", "t3")]);
}

#[test]
fn a_payment_recorded_twice_is_owed_two_credits() {
    let (mut scenario, victim) = run_with_victim();
    let again = Row {
        tx: "again".into(),
        ..scenario.payments[victim].rows[0].clone()
    };
    scenario.payments[victim].rows.push(again);
    let results = judge(&scenario.history());
    assert_eq!(
        sentence_of(&results, "lost"),
        "payment t3 (account a1, 1.00) was recorded twice as successful but credited once: delivered once"
    );
    assert!(sentence_of(&results, "duplicate-record").contains("(t3, again)"));
}

#[test]
fn a_conflict_may_come_first_where_no_answer_was_given() {
    let (mut scenario, victim) = run_with_victim();
    scenario.forget(victim);
    scenario.payments[victim].conflict = Some(Conflict::amount(300, Kind::Ok));
    let results = judge(&scenario.history());
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    assert_eq!(
        checker(&results, "idempotent-requests").counts["conflicts-before-an-answer"],
        1
    );
}

#[test]
fn a_conflict_is_told_by_the_fields_that_differ() {
    let (mut scenario, victim) = run_with_victim();
    let amount = scenario.amount(victim);
    scenario.payments[victim].conflict = Some(Conflict {
        amount,
        card: Some("5555"),
        kind: Kind::Ok,
    });
    assert_eq!(
        sentence_of(&judge(&scenario.history()), "conflict-accepted"),
        "payment t3 (account a1, 1.00): a second request with its tx but card 5555 was accepted"
    );
}

#[test]
fn a_conflict_that_got_a_number_of_its_own_is_accepted_and_its_money_explained() {
    let (mut scenario, victim) = run_with_victim();
    scenario.server_ids = true;
    scenario.payments[victim].conflict = Some(Conflict::amount(300, Kind::Info));
    scenario.rows.push(Row {
        tx: "s99".into(),
        account: 1,
        amount: 300,
        result: Some("success"),
    });
    scenario.accounts[1].stray = 300;
    let results = judge(&scenario.history());
    let found: Vec<_> = results.checkers.iter().flat_map(|c| &c.anomalies).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].sentence.ends_with("but account a1, 3.00 was recorded as s99"),
        "{}",
        found[0].sentence
    );
}

#[test]
fn a_floating_point_balance_in_exponent_form_is_inexact_not_a_double() {
    let mut scenario = run();
    let account = scenario.account(0);
    for _ in 0..19 {
        scenario.pay(account, 50);
    }
    // 11111111111111111.11 in a DOUBLE column.
    scenario.accounts[account].shown = Shown::Text("1.1111111111111112e16".into());
    let results = judge(&scenario.history());
    let found: Vec<_> = results
        .checkers
        .iter()
        .flat_map(|c| &c.anomalies)
        .map(|a| &*a.kind)
        .collect();
    assert_eq!(found, ["inexact"], "{}", results.sentence);
}

#[test]
fn a_balance_that_fell_is_wrong_and_its_credits_are_unknown() {
    let (mut scenario, _) = run_with_victim();
    scenario.accounts[1].shown = Shown::Text("99.99".into());
    let results = judge(&scenario.history());
    assert_eq!(
        results.sentence,
        "INVALID: account a1: expected 101.11, found 99.99: its balance is below what effects can explain"
    );
    assert_eq!(checker(&results, "exactly-once").verdict, Verdict::Unknown);
    assert_eq!(results.fates[1].effects, None);
}

#[test]
fn numbers_made_by_the_service_lead_back_to_the_payment() {
    let (mut scenario, victim) = run_with_victim();
    scenario.number_by_the_service();
    // The client never learnt this number: only account and amount lead to it.
    scenario.payments[victim].tries = vec![Try::ended(Kind::Info)];
    scenario.payments[victim].queries = vec![(QUERY_ACCOUNT, "fail")];
    let results = judge(&scenario.history());
    let fate = &results.fates[victim];
    assert_eq!((fate.recorded, fate.delivered, fate.effects), (Some(1), 1, Some(1)));
    assert_eq!(fate.anomalies, ["false-fail"]);
}

#[test]
fn the_promises_list_every_kind_they_report() {
    for plant in &PLANTS {
        let results = planted_anywhere(plant.name);
        let listed = results.checkers.iter().filter_map(|c| promises::find(&c.name).ok());
        let owners = listed.filter(|p| p.anomalies.contains(&plant.kind));
        assert_eq!(owners.count(), 1, "{}", plant.kind);
        for checker in &results.checkers {
            let listed = promises::find(&checker.name).expect("it is listed").anomalies;
            assert!(checker.anomalies.iter().all(|a| listed.contains(&a.kind.as_str())));
        }
    }
    let unknown = promises::find("exactly-onse").unwrap_err().to_string();
    assert!(unknown.contains("did you mean exactly-once?"), "{unknown}");
}

fn planted_anywhere(name: &str) -> Results {
    let (mut scenario, _) = run_with_victim();
    let plant = PLANTS.iter().find(|p| p.name == name).expect("it is among the plants");
    plant.apply(&mut scenario, 0, 500);
    let text = jsonl(&scenario.history());
    judge(&read(text.as_bytes(), "history.jsonl").expect("it is readable"))
}

#[test]
fn errors_of_phases_and_ends_that_nobody_asked_for_are_troubles() {
    let (scenario, _) = run_with_victim();
    let mut history = scenario.history();
    let workload = |event: &Event| matches!(&event.body, Body::Phase(phase) if phase.name == "workload");
    let at = history.events.iter().rposition(workload).unwrap();
    assert!(judge(&history).troubles.is_empty());
    history.events.truncate(at + 1);
    let end = history.events.last_mut().unwrap();
    (end.kind, end.error) = (Kind::Info, Some("pay was removed\n  see who did it".to_owned()));
    let mut ended = history.events[at].clone();
    ended.time = 4_250_000_000;
    ended.body = Body::Other(
        ENDED_BY_ITSELF.to_owned(),
        serde_json::json!({ "party": "pay", "code": 3 }),
    );
    history.events.insert(at, ended.clone());
    history.events.insert(at, ended);
    for (index, event) in (0..).zip(&mut history.events) {
        event.index = index;
        event.time = event.time.max(if index > at as u64 { 4_250_000_000 } else { 0 });
    }
    let results = judge(&history);
    assert_eq!(
        results.troubles,
        [
            "workload: pay was removed",
            "pay ended by itself 2 times, first at 4.2 s with exit code 3"
        ]
    );
    assert_eq!(results.verdict, Verdict::Unknown);
    assert!(
        results
            .sentence
            .contains("the run stopped in workload: pay was removed"),
        "{}",
        results.sentence
    );
}

//! What is wrong with the promises of a header: each mistake with its key, what is there, and what was probably meant.

mod common;

use common::{Scenario, run_of_four};
use paytwice_checkers::history::Header;
use paytwice_checkers::promises::{PROMISES, find, problems};
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::{Judging, judge};
use serde_json::{Value, json};

/// The problems of the target of payments, where its promises are these.
fn said(promises: &Value) -> Vec<String> {
    problems(&with(promises))
}

fn with(promises: &Value) -> Header {
    Header {
        promises: serde_json::from_value(promises.clone()).expect("they are promises"),
        ..Scenario::empty().header()
    }
}

/// The first promise of payments with one value changed: `effect.view` names a key within a table.
fn changed(key: &str, value: Value) -> Value {
    let header = Scenario::empty().header();
    let mut promise = serde_json::to_value(&header.promises[0]).expect("it is JSON");
    let mut place = &mut promise;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() && value.is_null() {
            place.as_object_mut().expect("a table").remove(part);
            return json!([promise]);
        }
        place = &mut place[part];
    }
    *place = value;
    json!([promise])
}

#[test]
fn a_target_that_keeps_to_its_own_names_has_no_problem() {
    assert_eq!(problems(&Scenario::empty().header()), [""; 0]);
    assert_eq!(said(&json!([])), [""; 0]);
}

#[test]
fn each_mistake_is_told_with_what_is_there() {
    let views = "this target has balances, credits, payments";
    for (key, value, problem) in [
        (
            "checker",
            json!("exactly-onse"),
            "promises[0].checker: promise \"exactly-onse\" is not known (did you mean exactly-once?)",
        ),
        (
            "colour",
            json!("red"),
            "promises[0].colour is no option of exactly-once; it has ",
        ),
        (
            "subjekt",
            json!("payment"),
            "promises[0].subjekt is no option of exactly-once; it has name, subject, started, recorded, effect, listed, words, late (did you mean subject?)",
        ),
        (
            "subject",
            Value::Null,
            "promises[0].subject is missing; for example subject = \"payment\"",
        ),
        (
            "subject",
            json!("paymant"),
            "promises[0].subject refers to subject \"paymant\"; this target has account, payment (did you mean payment?)",
        ),
        (
            "subject",
            json!("account"),
            "promises[0].subject is \"account\", which has no `key`: what has none cannot be followed",
        ),
        ("subject", json!(7), "promises[0].subject is 7; expected a text"),
        (
            "started",
            json!("query-pay"),
            "promises[0].started refers to an action that starts a payment \"query-pay\"; this target has recharge",
        ),
        (
            "started",
            json!(["recharge", "rechrge"]),
            "promises[0].started refers to an action that starts a payment \"rechrge\"; this target has recharge (did you mean recharge?)",
        ),
        (
            "started",
            json!([7]),
            "promises[0].started is [7]; expected a text or a list of texts",
        ),
        (
            "recorded",
            json!("payments"),
            "promises[0].recorded is \"payments\"; expected a table",
        ),
        (
            "recorded.view",
            Value::Null,
            "promises[0].recorded.view is missing; for example recorded.view = \"balances\"",
        ),
        (
            "recorded.view",
            json!("payment"),
            &format!("promises[0].recorded.view refers to view \"payment\"; {views} (did you mean payments?)"),
        ),
        (
            "recorded.where",
            json!("x"),
            "promises[0].recorded.where is unknown; recorded has view, success, failed",
        ),
        (
            "recorded.success",
            json!("success"),
            "promises[0].recorded.success is \"success\"; expected a table",
        ),
        (
            "recorded.success.result",
            json!(7),
            "promises[0].recorded.success.result is 7; expected a list of texts",
        ),
        (
            "effect",
            Value::Null,
            "promises[0].effect is missing; for example effect = { view = \"balances\", by = \"amount\" }",
        ),
        (
            "effect.view",
            json!("balence"),
            &format!("promises[0].effect.view refers to view \"balence\"; {views} (did you mean balances?)"),
        ),
        (
            "effect.by",
            Value::Null,
            "promises[0].effect.by is missing; for example effect.by = \"rows\"",
        ),
        (
            "effect.by",
            json!("card"),
            "promises[0].effect.by is \"card\"; it can be amount (a coded field), or \"rows\"",
        ),
        (
            "effect.pre",
            json!("x"),
            "promises[0].effect.pre is unknown; effect has view, by, per, subscribers, value (did you mean per?)",
        ),
        (
            "effect",
            json!({ "point": "COMMIT" }),
            "promises[0].effect.point is \"COMMIT\"; expected a link and a point, as in \"account->mysql COMMIT reply\"",
        ),
        (
            "effect",
            json!({ "point": "a->b COMMIT reply", "by": "rows" }),
            "promises[0].effect.by is unknown; effect has point",
        ),
        (
            "listed.view",
            json!("credit"),
            &format!("promises[0].listed.view refers to view \"credit\"; {views} (did you mean credits?)"),
        ),
        (
            "words.effekt",
            json!("paid"),
            "promises[0].words.effekt is unknown; words has recorded, effect (did you mean effect?)",
        ),
        (
            "words.effect",
            json!(true),
            "promises[0].words.effect is true; expected a text",
        ),
        (
            "late",
            json!("never"),
            "promises[0].late is \"never\"; it can be \"invalid\" or \"valid\"",
        ),
    ] {
        let said = said(&changed(key, value));
        assert!(
            said.iter().any(|said| said.starts_with(problem)),
            "{key}: {said:#?}\nshould be\n{problem}"
        );
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let mut promises = changed("effect.view", json!("balence"));
    promises[0]["late"] = json!("never");
    promises[0]["colour"] = json!("red");
    assert_eq!(said(&promises).len(), 3, "{:?}", said(&promises));
}

#[test]
fn a_kind_that_no_action_starts_cannot_be_followed() {
    let mut header = Scenario::empty().header();
    header.promises[0].options.remove("started");
    assert_eq!(problems(&header), [""; 0]);
    header.actions.remove("recharge");
    let said = problems(&header);
    assert!(
        said[0].starts_with("promises[0].subject is \"payment\", which no action starts"),
        "{said:?}"
    );
}

#[test]
fn a_coded_field_is_named_only_where_there_is_one() {
    let mut header = Scenario::empty().header();
    header.subjects.get_mut("payment").expect("it is there").fields.clear();
    let said = problems(&header);
    assert_eq!(said[0], "promises[0].effect.by is \"amount\"; it can be \"rows\"");
}

#[test]
fn what_says_nothing_of_what_it_follows_takes_it_from_the_exactly_once_promise() {
    let alone = said(&json!([{ "checker": "honest-answers" }]));
    assert_eq!(
        alone,
        [
            "promises[0] (honest-answers) says nothing of what it follows, and there is no exactly-once promise to take it \
          from: give it subject, recorded and effect"
        ]
    );
    let mut promises = changed("effect.view", json!("balances"));
    promises
        .as_array_mut()
        .expect("a list")
        .push(json!({ "checker": "honest-answers", "subject": "payment" }));
    assert_eq!(said(&promises), [""; 0]);
    promises[1]["subject"] = json!("account");
    assert_eq!(said(&promises).len(), 1, "{:?}", said(&promises));
}

#[test]
fn two_promises_of_one_checker_need_names() {
    let mut promises = changed("late", json!("invalid"));
    let second = promises[0].clone();
    promises.as_array_mut().expect("a list").push(second);
    assert_eq!(
        said(&promises),
        ["promises[1] is another \"exactly-once\"; give it a name of its own, name = \"...\""]
    );
    promises[1]["name"] = json!("late is fine");
    promises[1]["late"] = json!("valid");
    assert_eq!(said(&promises), [""; 0]);
    // Each is judged by its own words, under its own name.
    let mut scenario = run_of_four();
    scenario.payments[3].repair = Some("success");
    scenario.payments[3].credits_before = 0;
    let mut history = scenario.history();
    history.header.promises = with(&promises).promises;
    let verdicts: Vec<_> = judge(&history)
        .checkers
        .into_iter()
        .map(|c| (c.name, c.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("exactly-once".to_owned(), Verdict::Invalid),
            ("late is fine".to_owned(), Verdict::Valid)
        ]
    );
}

#[test]
fn a_header_without_promises_is_unknown() {
    let mut history = run_of_four().history();
    history.header.promises.clear();
    let results = judge(&history);
    assert_eq!(results.verdict, Verdict::Unknown);
    assert_eq!(
        results.sentence,
        "UNKNOWN: the target makes no promise: there is nothing to judge"
    );
    assert!(results.fates.is_empty() && results.words.is_none() && results.checkers.is_empty());
}

#[test]
fn a_promise_that_is_wrong_is_unknown_with_its_problems_and_the_others_are_judged() {
    let mut history = run_of_four().history();
    history.header.promises[1].checker = "balance-convergance".into();
    let results = judge(&history);
    let verdicts: Vec<_> = results.checkers.iter().map(|c| c.verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Valid, Verdict::Unknown, Verdict::Valid, Verdict::Valid]
    );
    let why = results.checkers[1].reason.as_deref().unwrap_or_default();
    assert!(why.contains("did you mean balance-convergence?"), "{why}");
}

#[test]
fn every_promise_is_found_by_its_name_and_says_what_it_takes() {
    for entry in PROMISES {
        assert_eq!(find(entry.name).expect("it is there").about, entry.about);
        // What a program of the user finds, it names itself.
        let finds = !entry.anomalies.is_empty() || entry.name == "command";
        assert!(!entry.about.is_empty() && finds, "{entry:?}");
        assert!(
            entry
                .options
                .iter()
                .any(|(name, about)| *name == "name" && !about.is_empty()),
            "{entry:?}"
        );
    }
}

#[test]
fn events_are_judged_one_by_one_as_they_are_together() {
    let mut scenario = run_of_four();
    scenario.credit(3, 2);
    let history = scenario.history();
    let mut judging = Judging::new(&history.header);
    history.events.iter().for_each(|event| judging.observe(event));
    assert_eq!(judging.finish(false), judge(&history));
    let mut judging = Judging::new(&history.header);
    history.events.iter().for_each(|event| judging.observe(event));
    assert_eq!(judging.checkers(false), judge(&history).checkers);
}

use std::collections::BTreeSet;

use paytwice_checkers::check::{self, Request, check_file};
use paytwice_checkers::history::{HistoryBuilder, Kind, to_line};
use paytwice_checkers::judge;
use paytwice_checkers::promises::{PROMISES, find, needs, of_command};
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;
use serde_json::{Value, json};

use crate::shop::{header, problems};

#[test]
fn every_promise_has_one_name_and_says_what_its_options_mean() {
    let names: BTreeSet<&str> = PROMISES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), PROMISES.len());
    for entry in PROMISES {
        assert_eq!(find(entry.name).unwrap().name, entry.name);
        let options: BTreeSet<&str> = entry.options.iter().map(|(name, _)| *name).collect();
        assert_eq!(options.len(), entry.options.len(), "{}", entry.name);
        assert!(options.contains("name"), "{}", entry.name);
        assert!(
            !entry.about.is_empty() && entry.options.iter().all(|(_, about)| !about.is_empty()),
            "{}",
            entry.name
        );
    }
    let error = find("leftover").unwrap_err().to_string();
    assert!(error.contains("did you mean leftovers"), "{error}");
}

#[test]
fn no_promise_takes_an_option_that_it_does_not_have() {
    for entry in PROMISES {
        let found = problems(json!({ "checker": entry.name, "subject": "order", "no-such-option": 1 }));
        let expected = format!("promises[0].no-such-option is no option of {}; ", entry.name);
        assert!(
            found.iter().any(|found| found.starts_with(&expected)),
            "{}: {found:?}",
            entry.name
        );
    }
}

#[test]
fn what_a_promise_says_beside_nothing_to_follow_is_not_passed_over() {
    let found = problems(json!({ "checker": "honest-answers", "late": "valid" }));
    let expected = "promises[0].late says nothing without recorded and effect: give these here, too, or say it in the \
                    exactly-once promise";
    assert_eq!(found, [expected]);
}

#[test]
fn a_result_from_elsewhere_takes_the_place_of_its_promise() {
    let header = header(json!({ "checker": "command", "run": ["check"], "name": "stock" }));
    let mut history = HistoryBuilder::new(header);
    // Of a run that ended early nothing is valid.
    let mut cut = judge(&history.clone().build());
    cut.put(of_command("stock", br#"{"verdict":"valid"}"#));
    assert_eq!(cut.sentence, "UNKNOWN: stock: the history ends before the run did");
    for kind in [Kind::Invoke, Kind::Ok] {
        history.phase("final-reads", kind);
    }
    let mut results = judge(&history.build());
    assert_eq!(
        results.sentence,
        "UNKNOWN: stock: a program decides this: the harness runs it"
    );
    results.put(of_command("stock", br#"{"verdict":"valid"}"#));
    assert_eq!(
        (results.verdict, results.sentence.as_str()),
        (Verdict::Valid, "VALID: 1 promise held")
    );
    let invalid = br#"{"verdict":"invalid","anomalies":[{"kind":"k","subject":"s1","sentence":"sku s1 is odd"}]}"#;
    results.put(of_command("another", invalid));
    assert_eq!(
        (results.checkers.len(), results.sentence.as_str()),
        (2, "INVALID: sku s1 is odd")
    );
}

#[test]
fn a_name_of_both_is_listed_once_and_judges_a_run_as_its_promise() {
    let text = check::catalogue();
    for entry in PROMISES {
        assert_eq!(
            text.matches(&format!("\n{:<20} ", entry.name)).count(),
            1,
            "{}",
            entry.name
        );
        assert!(
            text.contains(&format!("{:<20} {}\n", entry.name, entry.about)),
            "{}",
            entry.name
        );
    }
    let branches = text.split("\nbranches ").nth(1).unwrap();
    let branches = branches.split("\nleftovers ").next().unwrap();
    for part in [
        "of runs:",
        "  rolled_back: ",
        "  finds partial, lost, aborted, contradiction",
        "of files: all branches",
    ] {
        assert!(branches.contains(part), "{part} is not in {branches}");
    }
    let header = header(json!({ "checker": "branches", "branches": [{ "view": "orders" }, { "view": "payments" }] }));
    let history = HistoryBuilder::new(header).build();
    let lines: Vec<String> = history
        .events
        .iter()
        .map(|event| to_line(event).unwrap() + "\n")
        .collect();
    let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    std::fs::write(file.path(), lines.concat()).unwrap();
    let request = Request {
        path: file.path().to_owned(),
        format: None,
        as_: "branches".to_owned(),
        options: Options::default(),
    };
    let checked = check_file(&request).unwrap();
    let reason = checked.results[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("the history is cut short"), "{reason}");
}

#[test]
fn the_columns_that_promises_need_of_views_are_named() {
    let told = |promise: Value| -> Vec<String> {
        let needs = needs(&header(promise)).into_iter();
        needs
            .map(|need| format!("{} {} {}", need.option, need.view, need.column))
            .collect()
    };
    let cases = [
        (
            json!({ "checker": "no-rows", "view": "stock", "key": "sku" }),
            &["promises[0].key stock sku"][..],
        ),
        (json!({ "checker": "no-rows", "view": "stock" }), &[]),
        (
            json!({ "checker": "conserved", "view": "stock", "sum": ["available", "frozen"], "by": "sku" }),
            &[
                "promises[0].sum stock available",
                "promises[0].sum stock frozen",
                "promises[0].by stock sku",
            ],
        ),
        (
            json!({ "checker": "leftovers", "views": ["unsent", "orders"], "key": "tx" }),
            &["promises[0].key unsent tx", "promises[0].key orders tx"],
        ),
        (
            json!({ "checker": "monotonic-reads", "view": "stock", "key": "sku", "value": "version" }),
            &["promises[0].key stock sku", "promises[0].value stock version"],
        ),
        (
            json!({
                "checker": "linearizable-reads", "writes": "order", "field": "quantity", "by": "sku", "view": "stock", "key": "sku",
                "value": "available",
            }),
            &["promises[0].key stock sku", "promises[0].value stock available"],
        ),
        (
            json!({ "checker": "key-order", "view": "log", "key": "sku", "sequence": "number", "position": "id" }),
            &[
                "promises[0].key log sku",
                "promises[0].sequence log number",
                "promises[0].position log id",
            ],
        ),
        (
            json!({
                "checker": "state-machine", "view": "stock", "key": ["tx", "branch"], "transitions": { "NEW": ["DONE"] },
                "start": ["NEW"],
            }),
            &[
                "promises[0].key stock tx",
                "promises[0].key stock branch",
                "promises[0].state stock state",
            ],
        ),
        (
            json!({ "checker": "durability", "view": "orders", "in_effect": { "state": ["PAID"] } }),
            &["promises[0].in_effect orders state", "promises[0].key orders tx"],
        ),
        (
            json!({
                "checker": "branches", "branches": [
                    { "view": "orders", "in_effect": { "state": ["PAID"] } },
                    { "view": "payments", "key": "order_tx" },
                ],
            }),
            &[
                "promises[0].branches orders state",
                "promises[0].branches orders tx",
                "promises[0].branches payments order_tx",
            ],
        ),
        (json!({ "checker": "no-rows", "view": "stok", "key": "sku" }), &[]),
    ];
    for (promise, expected) in cases {
        assert_eq!(told(promise.clone()), expected, "{promise}");
    }
}

//! `junit.xml` and `results.json`, as other programs read them.

mod fixture;

use paytwice_checkers::verdict::Results;
use paytwice_reports::{json, junit};

fn xml(run: &fixture::Run) -> String {
    junit::render(&run.report()).expect("rendered")
}

#[test]
fn a_valid_run_passes() {
    insta::assert_snapshot!(xml(&fixture::valid(120)));
}

#[test]
fn an_invalid_promise_is_a_failure() {
    insta::assert_snapshot!(xml(&fixture::invalid(120)));
}

#[test]
fn an_unknown_promise_is_an_error() {
    insta::assert_snapshot!(xml(&fixture::truncated(120)));
}

#[test]
fn every_promise_is_a_test_case() {
    insta::assert_snapshot!(xml(&fixture::shipping()));
}

#[test]
fn names_in_the_history_stay_inside_their_attributes() {
    let xml = xml(&fixture::hostile("\"/><failure/>\u{0}"));
    assert!(!xml.contains("<failure/>"), "{xml}");
}

#[test]
fn many_sentences_are_counted() {
    let xml = xml(&fixture::invalid(10_000));
    let failure = xml.split("</failure>").next().expect("there is a failure");
    let sentences = failure
        .lines()
        .filter(|line| line.contains(": payment ") && !line.contains("<property"));
    assert_eq!(sentences.count(), 100);
    assert!(xml.contains(" more in results.json"));
}

#[test]
fn results_come_back_as_they_went() {
    let run = fixture::invalid(120);
    let text = json::render(&run.report()).expect("rendered");
    assert!(text.ends_with("}\n"));
    let back: Results = serde_json::from_str(&text).expect("parsed");
    assert!(back.checkers == run.results.checkers && back.fates == run.results.fates);
    assert_eq!(json::render(&run.report()).expect("rendered"), text);
}

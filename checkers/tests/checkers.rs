//! Every checker against histories by construction: a valid one is valid, one planted anomaly is that anomaly.

mod common;

use common::{PLANTS, QUERY_PAY, Scenario, renumber, scenario};
use paytwice_checkers::history::{Body, Kind};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{Results, Verdict};
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Every anomaly as (kind, subject).
fn found(results: &Results) -> Vec<(String, String)> {
    let anomalies = results.checkers.iter().flat_map(|c| &c.anomalies);
    anomalies.map(|a| (a.kind.clone(), a.subject.clone())).collect()
}

fn assert_valid(results: &Results) {
    let judged: Vec<_> = results
        .checkers
        .iter()
        .map(|c| (&c.name, c.verdict, &c.reason))
        .collect();
    assert_eq!(results.verdict, Verdict::Valid, "{}\n{judged:#?}", results.sentence);
    assert!(results.sentence.starts_with("VALID: "), "{}", results.sentence);
}

/// The victim alone is named, by exactly the planted kind; only sums of the touched accounts may disagree too.
fn assert_planted(scenario: &mut Scenario, plant: &common::Plant, account: usize, start_ms: u64) {
    let planted = plant.apply(scenario, account, start_ms);
    let history = scenario.history();
    let results = judge(&history);
    let mut rest = found(&results);
    let wanted = (planted.kind.to_owned(), planted.subject.clone());
    let at = rest.iter().position(|found| *found == wanted);
    let at = at.unwrap_or_else(|| panic!("{}: not found: {rest:?}\n{}", plant.name, results.sentence));
    rest.remove(at);
    rest.retain(|(kind, subject)| kind != "wrong-balance" || !planted.accounts.contains(subject));
    assert_eq!(rest, [], "{}: found beside it", plant.name);
    assert_eq!(results.verdict, Verdict::Invalid);
    let anomalies = results.checkers.iter().flat_map(|c| &c.anomalies);
    for anomaly in anomalies {
        assert!(!anomaly.witness.is_empty(), "{anomaly:?}");
        assert!(anomaly.witness.is_sorted(), "{anomaly:?}");
        assert!(
            anomaly.witness.iter().all(|i| *i < history.events.len() as u64),
            "{anomaly:?}"
        );
        assert!(anomaly.sentence.contains(&anomaly.subject), "{anomaly:?}");
    }
    for fate in &results.fates {
        let expected = usize::from(fate.subject == planted.subject);
        assert_eq!(fate.anomalies.len(), expected, "{}: {fate:?}", plant.name);
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_valid_run_is_valid(scenario in scenario()) {
        assert_valid(&judge(&scenario.history()));
    }
}

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn one_planted_anomaly_is_exactly_that(
        mut scenario in scenario(),
        plant in 0..PLANTS.len(),
        account in 0_usize..4,
        start_ms in 0_u64..2_000,
    ) {
        assert_planted(&mut scenario, &PLANTS[plant], account, start_ms);
    }
}

#[test]
fn each_plant_is_found_in_an_otherwise_quiet_run() {
    for plant in &PLANTS {
        let mut scenario = Scenario::empty();
        scenario.account(0);
        scenario.account(250);
        let first = scenario.pay(0, 1);
        scenario.payments[first].queries = vec![(QUERY_PAY, "success")];
        assert_planted(&mut scenario, plant, 1, 50);
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn judging_is_deterministic(mut scenario in scenario(), plant in 0..PLANTS.len()) {
        PLANTS[plant].apply(&mut scenario, 0, 77);
        let history = scenario.history();
        let text = |r: &Results| serde_json::to_string(r).expect("results are JSON");
        let (first, second) = (judge(&history), judge(&history));
        prop_assert_eq!(text(&first), text(&second));
        let mut back: Results = serde_json::from_str(&text(&first)).expect("results are read back");
        // JSON readers may be off by the last bit of a float.
        back.figures.clone_from(&first.figures);
        back.windows.clone_from(&first.windows);
        prop_assert_eq!(back, first);
    }

    /// Deliveries and faults explain; they never decide.
    #[test]
    fn what_crossed_the_wire_does_not_change_the_verdict(
        mut scenario in scenario(),
        plant in proptest::option::of(0..PLANTS.len()),
    ) {
        let planted = plant.map(|plant| PLANTS[plant].apply(&mut scenario, 0, 77));
        let mut history = scenario.history();
        history.events.retain(|e| !matches!(e.body, Body::Wire(_) | Body::Fault(_)));
        renumber(&mut history);
        let verdict = if planted.is_some() { Verdict::Invalid } else { Verdict::Valid };
        prop_assert_eq!(judge(&history).verdict, verdict);
    }

    /// A target that did not come to rest may still credit: nothing lost, nothing late, nothing valid.
    #[test]
    fn a_restless_run_is_unknown(mut scenario in scenario(), missing in any::<bool>()) {
        scenario.settle = Kind::Info;
        if missing {
            scenario.credit(0, 0);
        }
        let results = judge(&scenario.history());
        prop_assert_eq!(results.verdict, Verdict::Unknown, "{}", results.sentence);
    }
}

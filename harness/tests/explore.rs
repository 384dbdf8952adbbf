//! Exploring on real servers: a deliberate defect is found where it is, an exploration goes on where it stopped, second
//! faults follow first ones, and rules drawn from a seed are the same for the same seed.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use common::require_docker;
use paytwice::Campaign;
use paytwice::explore::{ExploreOptions, Explored, explore};
use paytwice::run::Observer;
use paytwice_checkers::verdict::Verdict;
use paytwice_reports::explore::{CaseKind, CaseOutcome, Exploration};

/// A budget in which a case begins, whatever it takes to choose it, and none after that: each takes many seconds.
const FOR_ONE: Duration = Duration::from_secs(2);

fn store(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("paytwice-explore-{name}-{}", std::process::id()))
}

async fn explored(campaign: &Campaign, options: &ExploreOptions) -> (Exploration, PathBuf) {
    explore(campaign, options, &Observer::silent()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_is_found_at_its_point() {
    require_docker!();
    let store = store("defect");
    let campaign = Campaign::target("pay-account")
        .policy("ack", "before-credit")
        .seed(11)
        .store(&store);
    let options = ExploreOptions {
        only: Some("account->mysql COMMIT request".to_owned()),
        fail_fast: true,
        ..ExploreOptions::default()
    };
    let (exploration, folder) = explored(&campaign, &options).await;
    let last = exploration.cases.last().unwrap();
    assert_eq!(last.outcome, CaseOutcome::Invalid, "{exploration:#?}");
    assert!(
        last.kinds.iter().any(|kind| kind == "lost" || kind == "late"),
        "{last:#?}"
    );
    assert!(
        last.tried
            .iter()
            .any(|tried| tried.point == last.point && tried.action == last.column),
        "the frame was seen to suffer what the case is named for: {last:#?}"
    );
    assert_eq!(exploration.verdict(), Verdict::Invalid);
    assert!(folder.join("explore.html").is_file());
    std::fs::remove_dir_all(store).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_where_it_stopped_and_then_tries_pairs() {
    require_docker!();
    let store = store("pairs");
    let campaign = Campaign::target("pay-account").seed(11).store(&store);
    let mut options = ExploreOptions {
        only: Some("POST /pay/recharge reply".to_owned()),
        budget: Some(Duration::ZERO),
        ..ExploreOptions::default()
    };
    let (nothing, folder) = explored(&campaign, &options).await;
    assert_eq!((nothing.cases.len(), nothing.verdict()), (0, Verdict::Unknown));
    assert!(!nothing.planned.is_empty());
    options.resume = Some(folder.clone());
    options.budget = None;
    options.jobs = 2;
    let (singles, resumed) = explored(&campaign, &options).await;
    assert_eq!(resumed, folder);
    assert_eq!(singles.cases.len(), singles.planned.len(), "{}", singles.total());
    assert!(singles.pairs.left > 0, "{:?}", singles.pairs);
    assert_eq!(
        singles.cases.len(),
        singles
            .cases
            .iter()
            .map(|case| &case.action)
            .collect::<BTreeSet<_>>()
            .len(),
        "two at a time, and none of them twice"
    );
    options.jobs = 1;
    options.budget = Some(FOR_ONE);
    let (exploration, _) = explored(&campaign, &options).await;
    let pairs = exploration.cases.iter().filter(|case| case.kind == CaseKind::Pair);
    assert_eq!(pairs.count(), 1, "{:#?}", exploration.cases);
    assert_eq!(exploration.cases.len(), singles.cases.len() + 1);
    let pair = exploration.cases.last().unwrap();
    assert!(
        pair.tried
            .iter()
            .any(|tried| tried.point == pair.point && tried.action == pair.column),
        "the second fault was seen: {pair:#?}"
    );
    assert_eq!(exploration.pairs.left + 1, singles.pairs.left);
    let bad = exploration
        .cases
        .iter()
        .find(|case| case.outcome != CaseOutcome::Valid && case.outcome != CaseOutcome::NotMet);
    assert_eq!(bad, None);
    std::fs::remove_dir_all(store).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_drawn_from_a_seed_are_tried_until_time_is_up() {
    require_docker!();
    let store = store("random");
    let campaign = Campaign::target("pay-account").seed(5).store(&store);
    let mut options = ExploreOptions {
        what: Explored::Random,
        ..ExploreOptions::default()
    };
    let endless = explore(&campaign, &options, &Observer::silent()).await.unwrap_err();
    assert!(endless.to_string().contains("--budget"), "{endless}");
    options.budget = Some(FOR_ONE);
    let (exploration, _) = explored(&campaign, &options).await;
    assert_eq!(exploration.cases.len(), 1);
    assert!(exploration.cases.iter().all(|case| case.kind == CaseKind::Random));
    assert!(
        !exploration.coverage().tried.is_empty(),
        "something was done to a payment"
    );
    assert_eq!(exploration.count(CaseOutcome::Invalid), 0, "{:#?}", exploration.cases);
    std::fs::remove_dir_all(store).unwrap();
}

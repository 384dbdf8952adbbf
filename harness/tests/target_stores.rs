//! Targets that stand on what they name: one MySQL server called `store` and no broker; two of them, with a service of
//! two replicas and one without a port. Real runs under faults, carried out by the names of the manifest.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::require_docker;
use paytwice::{Campaign, Run, Session};
use paytwice_checkers::history::{Body, FaultStage};

fn target(name: &str) -> String {
    format!("{}/tests/targets/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What was done to whom, of the faults that were seen to take effect and seen to be healed.
fn carried_out(run: &Run) -> BTreeSet<String> {
    let steps = run.history().events.iter().filter_map(|event| match &event.body {
        Body::Fault(step) => Some(step),
        _ => None,
    });
    let (mut seen, mut healed) = (BTreeSet::new(), BTreeSet::new());
    for step in steps {
        let fault = format!("{} {}", step.fault, step.on);
        match step.step {
            FaultStage::Seen => seen.insert(fault),
            FaultStage::Healed => healed.insert(fault),
            FaultStage::Failed => panic!("{fault}: {}", step.detail),
            _ => false,
        };
    }
    seen.intersection(&healed).cloned().collect()
}

/// Names of the links that frames crossed.
fn crossed(run: &Run) -> BTreeSet<&str> {
    let links = run.history().events.iter().filter_map(|event| match &event.body {
        Body::Wire(wire) => Some(wire.link.as_str()),
        _ => None,
    });
    links.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_called_store_is_killed_paused_and_cut_by_that_name() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let campaign = Campaign::target(target("store-only"))
        .store(dir.path())
        .seed(3)
        .time(Duration::from_secs(12))
        .faults([
            "kill:store@1s+1s",
            "pause:store@5s+1500ms",
            "cut:shop->store:both@8s+2s",
        ]);
    let session = Session::up(&campaign).await.unwrap();
    let run = session.run(&campaign, (1, 1)).await.unwrap();
    run.assert_valid();
    let all = ["cut shop->store", "kill store", "pause store"];
    assert_eq!(carried_out(&run), all.map(str::to_owned).into());
    assert_eq!(crossed(&run), ["client->shop", "shop->store"].into());

    // Its points and a crash at one of them, on the same stack.
    let campaign = Campaign::target(target("store-only"))
        .store(dir.path())
        .seed(4)
        .time(Duration::from_secs(6))
        .rule("shop->store COMMIT request #20: crash store before")
        .rule("shop->store INSERT entries request #40: error 1213");
    let run = session.run(&campaign, (1, 1)).await.unwrap();
    session.down().await.unwrap();
    run.assert_valid();
    assert_eq!(carried_out(&run), ["rule shop->store".to_owned()].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_on_two_servers_stay_valid_under_every_fault() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let campaign = Campaign::target(target("two-stores"))
        .store(dir.path())
        .seed(4)
        .time(Duration::from_secs(12))
        .faults([
            "kill:books@1s+500ms",
            "pause:store@4s+1s",
            "kill:front-2@6s+500ms",
            "kill:relay@6500ms+500ms",
            "cut:relay->ledger:both@8s+1500ms",
        ]);
    let session = Session::up(&campaign).await.unwrap();
    let run = session.run(&campaign, (1, 1)).await.unwrap();
    session.down().await.unwrap();
    run.assert_valid();
    let all = [
        "cut relay->ledger",
        "kill books",
        "kill front-2",
        "kill relay",
        "pause store",
    ];
    assert_eq!(carried_out(&run), all.map(str::to_owned).into());
    let links = [
        "client->front-1",
        "client->front-2",
        "front-1->store",
        "front-2->store",
        "ledger->books",
        "relay->ledger",
        "relay->store",
    ];
    assert_eq!(crossed(&run), links.into());
    // Calls go round: neither replica has many more than the other.
    let calls = |link: &str| {
        let events = run.history().events.iter();
        let on = events.filter(|e| matches!(&e.body, Body::Wire(w) if w.link == link && w.point.ends_with("request")));
        on.count()
    };
    let (first, second) = (calls("client->front-1"), calls("client->front-2"));
    assert!(first.abs_diff(second) * 4 < first + second, "{first} and {second}");
}

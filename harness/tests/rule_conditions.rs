//! Faults that depend on points: a fault begins exactly when enough payments are between two of them. Read from the history
//! of a real run, by another way than the link counts.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::require_docker;
use paytwice::Campaign;
use paytwice::plan::{PlanRequest, Target, expand};
use paytwice_checkers::history::{Body, Event, FaultStage, FaultStep, Kind, Op, Text, Wire};

const FIRST: (&str, &str) = ("pay->rocketmq", "END_TRANSACTION commit request");
const SECOND: (&str, &str) = ("account->mysql", "COMMIT reply");
const AT_ONCE: usize = 3;

/// From the frame that brings a payment in between to the cut that its rule triggers, and from an event to its line in the
/// history.
const SLACK: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_cut_when_three_payments_are_committed_and_not_yet_credited() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let request = PlanRequest {
        seed: Some(7),
        time_ms: Some(14_000),
        rate: Some(6.0),
        rules: vec![
            // From a while on credits take so long that payments meet in between.
            "account->mysql COMMIT request: delay 1s".to_owned(),
            format!(
                "between {} {} and {} {} #{AT_ONCE}: trigger cut account->mysql 2s",
                FIRST.0, FIRST.1, SECOND.0, SECOND.1
            ),
        ],
        ..PlanRequest::default()
    };
    let mut plan = expand(&Target::find("pay-account").unwrap(), &request).unwrap();
    // A declined payment is never credited, and would stay in between.
    plan.workload.likeliest = true;
    // A consumer pulls for the first time a while after its start: the first payments would meet in any case.
    plan.faults[1].at_ms = 4000;
    plan.faults[0].at_ms = 8000;
    let run = Campaign::from_plan(plan).store(dir.path()).run().await.unwrap();
    run.assert_valid();

    let in_force = step(&run.history().events, FaultStage::Done).0.index;
    let events = &run.history().events[in_force as usize..];
    let seen = step(events, FaultStage::Seen);
    let (_, list) = seen.1.detail.rsplit_once("between the points: ").expect(&seen.1.detail);
    let between: BTreeSet<&str> = list.split(", ").collect();
    assert_eq!(between.len(), AT_ONCE, "{}", seen.1.detail);

    // The frame with which the third came in: until then there were never so many.
    let (mut now_between, mut past) = (BTreeSet::new(), BTreeSet::new());
    let met = events.iter().find(|event| {
        let Some(wire) = wire(event) else { return false };
        let txs = wire.key("tx").iter().map(Text::as_str);
        if is(wire, FIRST) {
            now_between.extend(txs.filter(|tx| !past.contains(tx)));
        } else if is(wire, SECOND) {
            for tx in txs {
                now_between.remove(tx);
                past.insert(tx);
            }
        }
        now_between.len() == AT_ONCE
    });
    let met = met.expect("three at once");
    assert_eq!(now_between, between, "another moment than the history's");
    assert!(
        seen.1.detail.contains(wire(met).unwrap().key("tx")[0].as_str()),
        "{}",
        seen.1.detail
    );
    assert!(!past.is_empty(), "others had been credited before");

    // From there on nothing passes to or from the database until the cut is healed; in the end all three are credited.
    let healing = step(events, FaultStage::Healing).0;
    let cut = met.time + nanos(SLACK)..healing.time;
    assert!(cut.end - cut.start > nanos(Duration::from_millis(1500)), "{cut:?}");
    let passed = |event: &&Event| wire(event).is_some_and(|wire| wire.link == SECOND.0) && cut.contains(&event.time);
    assert_eq!(events.iter().find(passed), None);
    for tx in between {
        let fate = run.results().fates.iter().find(|fate| fate.subject == tx).unwrap();
        assert_eq!(fate.effects, Some(1), "{tx}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_rest_from_the_fourth_commit_on() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let run = Campaign::target("pay-account")
        .seed(7)
        .time(Duration::from_secs(6))
        .rate(10.0)
        .rule(format!("{} {} #4: rest 2s", FIRST.0, FIRST.1))
        .store(dir.path())
        .run()
        .await
        .unwrap();
    run.assert_valid();
    let events = &run.history().events;
    let (seen, healing) = (step(events, FaultStage::Seen).0, step(events, FaultStage::Healing).0);
    let rest = seen.time + nanos(SLACK)..healing.time;
    assert!(rest.end - rest.start > nanos(Duration::from_millis(1500)), "{rest:?}");
    let begun: Vec<u64> = events
        .iter()
        .filter(|event| begins(event))
        .map(|event| event.time)
        .collect();
    assert_eq!(begun.iter().filter(|time| rest.contains(time)).count(), 0);
    let ended = events
        .iter()
        .filter(|event| starts(event).is_some() && event.kind == Kind::Ok);
    let commits = events
        .iter()
        .filter(|event| wire(event).is_some_and(|wire| is(wire, FIRST)));
    assert_eq!(commits.take_while(|event| event.time <= seen.time).count(), 4);
    assert!(begun.iter().any(|time| *time > rest.end), "and then they go on");
    assert!(ended.count() > 20);
}

/// Whether a client begins a payment.
fn begins(event: &Event) -> bool {
    starts(event).is_some_and(|op| op.attempt == 1 && op.changed.is_empty()) && event.kind == Kind::Invoke
}

/// The operation of a client that starts a payment.
fn starts(event: &Event) -> Option<&Op> {
    match &event.body {
        Body::Op(op) if op.action == "recharge" => Some(op),
        _ => None,
    }
}

/// The step of the rule with the condition (the second in the plan).
fn step(events: &[Event], stage: FaultStage) -> (&Event, &FaultStep) {
    let steps = events.iter().filter_map(|event| match &event.body {
        Body::Fault(step) => Some((event, step)),
        _ => None,
    });
    let of = |(_, step): &(&Event, &FaultStep)| step.on == FIRST.0 && step.step == stage;
    steps
        .into_iter()
        .find(of)
        .unwrap_or_else(|| panic!("no step {stage:?}"))
}

fn wire(event: &Event) -> Option<&Wire> {
    match &event.body {
        Body::Wire(wire) => Some(wire),
        _ => None,
    }
}

fn is(wire: &Wire, (link, point): (&str, &str)) -> bool {
    wire.link == link && wire.point == point
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap()
}

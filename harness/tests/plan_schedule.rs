//! The fault schedule: any seed obeys the rules, every run holds what catches wrong decisions, and three neighbouring
//! seeds break everything that can be broken.

mod plan_common;

use std::collections::BTreeSet;

use paytwice::plan::{Direction, Duplicated, FaultSpec, Plan, PlanRequest, PlannedFault, Target, expand};
use plan_common::{chain, pay_account};
use proptest::prelude::*;

/// A plan with its faults by the clock; the exact moments have tests of their own.
fn plan(target: &Target, seed: u64, time_ms: u64) -> Plan {
    let mut plan = whole(target, seed, time_ms);
    plan.faults.retain(|fault| fault.fault.kind() != "rule");
    plan
}

fn whole(target: &Target, seed: u64, time_ms: u64) -> Plan {
    let request = PlanRequest {
        seed: Some(seed),
        time_ms: Some(time_ms),
        ..PlanRequest::default()
    };
    expand(target, &request).unwrap_or_else(|e| panic!("{e}"))
}

fn end(fault: &PlannedFault) -> u64 {
    fault.at_ms + fault.for_ms
}

fn overlap(a: &PlannedFault, b: &PlannedFault) -> u64 {
    end(a).min(end(b)).saturating_sub(a.at_ms.max(b.at_ms))
}

fn is_heavy(fault: &PlannedFault) -> bool {
    matches!(fault.fault.kind(), "kill" | "pause" | "cut")
}

/// Kind and party or link; duplicates apart by what is duplicated.
fn pair(fault: &FaultSpec) -> String {
    match fault {
        FaultSpec::Duplicate { on, what, .. } => format!("duplicate {what} {on}"),
        other => format!("{} {}", other.kind(), other.on()),
    }
}

/// What every schedule obeys, however long it is.
fn check_rules(plan: &Plan) {
    let time = plan.workload.time_ms;
    let faults = &plan.faults;
    assert!(faults.is_sorted_by_key(|f| f.at_ms), "ordered by start");
    assert!(faults.iter().zip(1u32..).all(|(f, id)| f.id == id), "numbered from 1");
    for (n, a) in faults.iter().enumerate() {
        assert!(end(a) <= time - 2000.min(time / 5), "{a:?} is undone before the end");
        for b in &faults[n + 1..] {
            let calm = |f: &PlannedFault| matches!(f.fault.kind(), "delay" | "duplicate");
            let apart = a.fault.on() != b.fault.on() || (a.fault.kind() != b.fault.kind() && calm(a) && calm(b));
            assert!(apart || overlap(a, b) == 0, "{a:?} and {b:?} overlap");
        }
    }
    let stopped: u64 = (0..time)
        .step_by(10)
        .filter(|t| faults.iter().any(|f| is_heavy(f) && f.at_ms <= *t && *t < end(f)))
        .count() as u64
        * 10;
    assert!(stopped * 100 <= time * 60, "stopped {stopped} of {time} ms");
}

/// `b` is inside `a`, from at least `lead_ms` after its start.
fn inside(a: &PlannedFault, b: &PlannedFault, lead_ms: u64) -> bool {
    a.at_ms + lead_ms <= b.at_ms && b.at_ms < end(a)
}

/// What every run of half a minute against pay-account holds.
fn check_always(plan: &Plan) {
    let all = |kind: &'static str, on: &'static str| {
        plan.faults
            .iter()
            .filter(move |f| f.fault.kind() == kind && f.fault.on() == on)
    };
    let killed_in = |who, link| all("kill", who).any(|k| all("delay", link).any(|d| inside(d, k, 1000)));
    let seed = plan.seed;
    assert!(
        killed_in("pay", "pay->mysql"),
        "seed {seed}: pay is killed while its database is slow"
    );
    assert!(
        killed_in("account", "account->mysql"),
        "seed {seed}: account is killed while its database is slow"
    );
    assert!(
        killed_in("mysql", "pay->mysql") || killed_in("mysql", "account->mysql"),
        "seed {seed}: mysql is killed while it is slow"
    );
    let reply = |f: &&PlannedFault| {
        matches!(
            f.fault,
            FaultSpec::Cut {
                direction: Direction::Reply,
                ..
            }
        )
    };
    assert!(
        all("cut", "pay->rocketmq").filter(reply).any(|f| f.for_ms >= 4000),
        "seed {seed}: send replies are lost"
    );
    assert!(
        all("cut", "client->pay").filter(reply).any(|f| f.for_ms >= 2500),
        "seed {seed}: answers to clients are lost"
    );
    assert!(
        all("cut", "account->pay").any(|f| f.for_ms >= 2000),
        "seed {seed}: account is cut off from pay"
    );
    let delivery = |f: &&PlannedFault| {
        matches!(
            f.fault,
            FaultSpec::Duplicate {
                what: Duplicated::Delivery,
                ..
            }
        )
    };
    let slow = |f: &&PlannedFault| matches!(f.fault, FaultSpec::Delay { fixed_ms, .. } if fixed_ms >= 100);
    let twice = all("duplicate", "account->rocketmq").filter(delivery);
    let together = twice
        .flat_map(|a| all("delay", "account->mysql").filter(slow).map(|b| overlap(a, b)))
        .max();
    assert!(
        together >= Some(1500),
        "seed {seed}: duplicate deliveries while the database is slow"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn half_a_minute_holds_what_catches_wrong_decisions(seed in 0..=i64::MAX as u64) {
        let plan = plan(&pay_account(), seed, 30_000);
        check_rules(&plan);
        check_always(&plan);
    }

    #[test]
    fn any_time_obeys_the_rules(seed in 0..=i64::MAX as u64, time_ms in 500u64..100_000) {
        check_rules(&plan(&pay_account(), seed, time_ms));
        check_rules(&plan(&chain(), seed, time_ms));
    }

    #[test]
    fn expanding_twice_gives_the_same(seed in 0..=i64::MAX as u64, time_ms in 500u64..60_000) {
        let target = pay_account();
        prop_assert_eq!(plan(&target, seed, time_ms), plan(&target, seed, time_ms));
    }

    #[test]
    fn neighbouring_seeds_differ(seed in 0..1_000_000u64) {
        let target = pay_account();
        prop_assert_ne!(plan(&target, seed, 30_000).faults, plan(&target, seed + 1, 30_000).faults);
    }
}

fn possible(target: &Target) -> BTreeSet<String> {
    // A long run deals every hand more than once.
    plan(target, 0, 180_000).faults.iter().map(|f| pair(&f.fault)).collect()
}

#[test]
fn three_neighbouring_seeds_break_nearly_everything() {
    let target = pay_account();
    let possible = possible(&target);
    // 7 links cut, delayed and reset; 5 duplicates; 5 parties killed and paused.
    assert_eq!(possible.len(), 7 * 3 + 5 + 5 * 2);
    let mut worst = possible.len();
    for first in 0..40u64 {
        let seen: BTreeSet<String> = (first..first + 3)
            .flat_map(|seed| plan(&target, seed, 30_000).faults)
            .map(|f| pair(&f.fault))
            .collect();
        let missed: Vec<&String> = possible.difference(&seen).collect();
        println!(
            "seeds {first}-{}: {} of {}, missed {missed:?}",
            first + 2,
            seen.len(),
            possible.len()
        );
        worst = worst.min(seen.len());
    }
    assert!(
        worst * 100 >= possible.len() * 90,
        "at worst {worst} of {}",
        possible.len()
    );
}

#[test]
fn a_full_half_minute_is_full() {
    let target = pay_account();
    for seed in 0..20 {
        let plan = plan(&target, seed, 30_000);
        let heavy = plan.faults.iter().filter(|f| is_heavy(f)).count();
        let light = plan.faults.len() - heavy;
        println!("seed {seed}: {heavy} heavy, {light} light");
        assert!(
            (8..=12).contains(&heavy) && light >= 6,
            "seed {seed}: {heavy} heavy, {light} light"
        );
    }
}

#[test]
fn long_runs_repeat_the_deck() {
    let target = pay_account();
    let long = plan(&target, 3, 120_000);
    check_rules(&long);
    for from in [0, 30_000, 60_000, 90_000] {
        let begun = long
            .faults
            .iter()
            .filter(|f| (from..from + 30_000).contains(&f.at_ms))
            .count();
        assert!(begun >= 12, "{begun} begin in the half minute from {from} ms");
    }
}

#[test]
fn short_runs_begin_differently_with_each_seed() {
    let target = pay_account();
    let first: BTreeSet<String> = (0..20)
        .map(|seed| {
            let plan = plan(&target, seed, 8000);
            check_rules(&plan);
            let heavy = plan
                .faults
                .iter()
                .find(|f| is_heavy(f))
                .expect("even a short run is disturbed");
            pair(&heavy.fault)
        })
        .collect();
    assert!(first.len() >= 4, "{first:?}");
}

#[test]
fn a_target_of_another_shape_has_its_own_schedule() {
    let target = chain();
    let faults = plan(&target, 1, 30_000).faults;
    let on = |kind: &str| -> BTreeSet<&str> {
        faults
            .iter()
            .filter(|f| f.fault.kind() == kind)
            .map(|f| f.fault.on())
            .collect()
    };
    assert!(
        on("kill").is_superset(&["front", "ledger", "store"].into()),
        "{:?}",
        on("kill")
    );
    assert!(on("cut").contains("client->front") && on("cut").contains("front->ledger"));
    assert!(on("duplicate").is_subset(&["client->front", "client->ledger", "front->ledger"].into()));
    assert!(faults.iter().all(|f| !f.fault.on().contains("rocketmq")));
}

/// The rules of a plan, as users write them.
fn rules(plan: &Plan) -> Vec<String> {
    let rules = plan.faults.iter().filter_map(|fault| match &fault.fault {
        FaultSpec::Rule(rule) => Some(rule.to_string()),
        _ => None,
    });
    rules.collect()
}

#[test]
fn a_full_schedule_holds_the_exact_moments_that_decide() {
    let target = pay_account();
    let wanted = [
        ("COMMIT request", ": crash "),
        ("COMMIT reply", ": crash "),
        ("COMMIT request", ": delay 6000ms+0ms"),
        ("COMMIT reply", ": reset before"),
        (" DELIVER ", ": "),
        (" request", ": error 12"),
    ];
    for seed in 0..40 {
        let plan = whole(&target, seed, 30_000);
        let rules = rules(&plan);
        assert_eq!(rules.len(), wanted.len(), "{rules:?}");
        for (rule, (point, action)) in rules.iter().zip(wanted) {
            assert!(rule.contains(point) && rule.contains(action), "{rule}");
            // One frame each, and one that comes by while there are subjects to start.
            let nth: u32 = rule
                .split_once('#')
                .unwrap()
                .1
                .split(':')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!((1..=plan.workload.subjects_max / 3).contains(&nth), "{rule}");
        }
        let whole_time = |fault: &&PlannedFault| fault.fault.kind() == "rule";
        for fault in plan.faults.iter().filter(whole_time) {
            assert_eq!((fault.at_ms, fault.for_ms), (0, 30_000));
        }
    }
    // Over some seeds every link on which a transaction commits has its turn.
    let crashed: BTreeSet<String> = (0..20)
        .flat_map(|seed| rules(&whole(&target, seed, 30_000)))
        .filter_map(|rule| Some(rule.split_once(": crash ")?.1.split(' ').next()?.to_owned()))
        .collect();
    assert_eq!(crashed, ["account".to_owned(), "pay".to_owned()].into());
}

#[test]
fn a_target_without_a_broker_has_the_moments_that_it_can_have() {
    let rules = rules(&whole(&chain(), 1, 30_000));
    assert!(
        !rules.is_empty() && rules.iter().all(|rule| !rule.contains("DELIVER")),
        "{rules:?}"
    );
}

fn chosen(faults: &str, seed: u64, time_ms: u64) -> Plan {
    let request = PlanRequest {
        seed: Some(seed),
        time_ms: Some(time_ms),
        faults: Some(faults.to_owned()),
        ..PlanRequest::default()
    };
    expand(&pay_account(), &request).unwrap_or_else(|e| panic!("{faults}: {e}"))
}

#[test]
fn chosen_faults_are_the_only_ones() {
    assert_eq!(chosen("none", 1, 30_000).faults, []);
    let kills = chosen("kill:pay", 1, 30_000).faults;
    assert!(
        kills.len() >= 4 && kills.iter().all(|f| pair(&f.fault) == "kill pay"),
        "{kills:?}"
    );
    let delays = chosen("delay:pay->rocketmq:200ms+100ms:reply", 1, 30_000).faults;
    let wanted = FaultSpec::Delay {
        on: "pay->rocketmq".to_owned(),
        direction: Direction::Reply,
        fixed_ms: 200,
        jitter_ms: 100,
    };
    assert!(!delays.is_empty() && delays.iter().all(|f| f.fault == wanted));
    let twice = chosen("duplicate:account->rocketmq:delivery:100%", 1, 10_000).faults;
    assert!(
        twice
            .iter()
            .all(|f| matches!(f.fault, FaultSpec::Duplicate { share, .. } if share == 1.0))
    );
    let parties: BTreeSet<String> = chosen("kill", 5, 60_000)
        .faults
        .iter()
        .map(|f| pair(&f.fault))
        .collect();
    assert_eq!(parties.len(), 5);
    for seed in 0..20 {
        check_rules(&chosen("kill,pause,cut,delay,duplicate,reset", seed, 30_000));
        check_rules(&chosen("kill:pay,pause:pay", seed, 10_000));
    }
}

#[test]
fn a_place_in_time_is_kept() {
    let faults = chosen(
        "kill:pay@5s+1500ms, cut:account->mysql:reply@6s+2s, reset:pay->mysql",
        1,
        20_000,
    )
    .faults;
    let at = |kind: &str| {
        faults
            .iter()
            .filter(|f| f.fault.kind() == kind)
            .map(|f| (f.at_ms, f.for_ms))
            .collect::<Vec<_>>()
    };
    assert_eq!(at("kill"), [(5000, 1500)]);
    assert_eq!(at("cut"), [(6000, 2000)]);
    assert!(!at("reset").is_empty());
}

#[test]
fn the_schedule_of_a_seed_is_the_same_for_ever() {
    let lines: Vec<String> = plan(&pay_account(), 7, 30_000)
        .faults
        .iter()
        .map(|f| format!("{:>5} +{:<4} {}", f.at_ms, f.for_ms, f.fault))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

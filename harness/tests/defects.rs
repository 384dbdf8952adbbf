//! Every defect that a target offers is found, and its correct services are found correct.
//!
//! One stack for each target. A defect is a wrong value of a policy: its manifest says what provokes it and which anomalies
//! give it away. Each gets up to three runs with neighbouring seeds.

mod common;

use std::path::Path;
use std::time::Duration;

use common::require_docker;
use paytwice::plan::{PlanRequest, Target};
use paytwice::{Campaign, Session};
use paytwice_checkers::verdict::Verdict;

/// Runs per defect before it counts as missed.
const RUNS_MAX: u32 = 3;

/// Something wrong on purpose, a request that brings it out, and the anomalies that give it away.
struct Defect {
    name: String,
    request: PlanRequest,
    finds: Vec<String>,
}

/// The wrong values of a target's policies. One that says nothing of how it is found is a mistake of the target.
fn defects(target: &Target) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (policy, def) in &target.manifest.policies {
        for (value, of) in def.values.iter().filter(|(_, of)| of.defect.is_some()) {
            let name = format!("{policy}={value}");
            let request = target
                .provoke(policy, value)
                .unwrap_or_else(|| panic!("{}: {name} says nothing of how it is provoked", target.manifest.name));
            assert!(!of.finds.is_empty(), "{name} says nothing of how it is found");
            let finds = of.finds.clone();
            defects.push(Defect { name, request, finds });
        }
    }
    defects
}

/// The presets that choose wrong values: each is provoked as one of them is, and any anomaly of theirs gives it away.
fn presets(target: &Target) -> Vec<Defect> {
    let presets = target.manifest.presets.iter().filter_map(|(preset, def)| {
        let wrong = def.policies.iter().filter_map(|(policy, value)| {
            let finds = &target.manifest.policies[policy].values[value].finds;
            Some((target.provoke(policy, value)?, finds))
        });
        let wrong: Vec<_> = wrong.collect();
        let (request, _) = wrong
            .iter()
            .find(|(request, _)| request.faults.as_deref() != Some("none"))?;
        let request = PlanRequest {
            preset: Some(preset.clone()),
            policies: [].into(),
            ..request.clone()
        };
        Some(Defect {
            name: preset.clone(),
            request,
            finds: wrong.iter().flat_map(|(_, finds)| finds.iter().cloned()).collect(),
        })
    });
    presets.collect()
}

fn campaign(request: PlanRequest, store: &Path) -> Campaign {
    Campaign::from_request(request).seed_unless_given(1).store(store)
}

fn correct(target: &Target, seed: u64, store: &Path) -> Campaign {
    Campaign::target(target.dir.display().to_string())
        .seed(seed)
        .time(Duration::from_secs(8))
        // What a client leaves behind that never tries again, no retry mends.
        .give_up(0.7)
        .faults(["all"])
        .store(store)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_found_and_the_correct_services_are_valid() {
    require_docker!();
    let store = std::env::temp_dir().join(format!("paytwice-defects-{}", std::process::id()));
    let mut missed = Vec::new();
    let known = Target::known();
    assert!(!known.is_empty(), "no target is here");
    for name in known {
        let target = Target::find(&name).unwrap_or_else(|e| panic!("{e}"));
        missed.extend(missed_of(&target, &store).await);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
    std::fs::remove_dir_all(store).unwrap();
}

/// What went wrong with one target.
async fn missed_of(target: &Target, store: &Path) -> Vec<String> {
    let session = Session::up(&correct(target, 1, store))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let mut missed = Vec::new();
    for defect in defects(target).into_iter().chain(presets(target)) {
        missed.extend(find(&session, defect, store).await.err());
    }
    for seed in [1, 2] {
        let run = session
            .run(&correct(target, seed, store), (1, 1))
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        eprintln!(
            "{}, all faults, seed {seed}: {}",
            target.manifest.name,
            run.results().sentence
        );
        if run.verdict() != Verdict::Valid {
            missed.push(run.summary());
        }
    }
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
    missed
}

/// Runs with wrong decisions until they are found; the last summary where they never are.
async fn find(session: &Session, defect: Defect, store: &Path) -> Result<(), String> {
    let Defect { name, request, finds } = defect;
    let finds: Vec<&str> = finds.iter().map(String::as_str).collect();
    let campaign = campaign(request, store);
    let mut last = String::new();
    for number in 1..=RUNS_MAX {
        let run = session
            .run(&campaign, (number, RUNS_MAX))
            .await
            .map_err(|e| format!("{name}: {e}"))?;
        if let Some(found) = run.finds(&finds) {
            eprintln!("{name}: run {number}: {}: {}", found.kind, found.sentence);
            assert!(!found.witness.is_empty(), "an anomaly without events: {found:?}");
            assert!(
                found.sentence.contains(&found.subject),
                "an anomaly that names nobody: {found:?}"
            );
            return Ok(());
        }
        last = run.summary();
    }
    Err(format!(
        "{name} was not found in {RUNS_MAX} runs; expected one of {finds:?}\n{last}"
    ))
}

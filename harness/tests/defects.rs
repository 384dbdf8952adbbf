//! Every deliberate defect of the sample target is found, and the correct services are found correct.
//!
//! One stack for all of it. Each defect gets up to three runs with neighbouring seeds, as a user would give it, with
//! a short workload and faults of the kind that its wrong decision is about.

mod common;

use std::time::Duration;

use common::require_docker;
use paytwice::{Campaign, Session};
use paytwice_checkers::verdict::Verdict;

/// Runs per defect before it counts as missed.
const RUNS_MAX: u32 = 3;

/// A defect, the faults that bring it out, and the anomalies that give it away.
struct Defect {
    policy: (&'static str, &'static str),
    faults: &'static [&'static str],
    finds: &'static [&'static str],
}

const DEFECTS: &[Defect] = &[
    Defect {
        policy: ("notify", "send-before-commit"),
        // Commits are in the air, on their way to a server that dies.
        faults: &["delay:pay->mysql:180ms:request@500ms+6s", "kill:mysql@3s+500ms"],
        finds: &["ghost"],
    },
    Defect {
        policy: ("notify", "plain-send"),
        // What was committed is not known yet to a service that dies.
        faults: &["delay:pay->mysql:180ms:reply@500ms+6s", "kill:pay@3s+500ms"],
        finds: &["late", "lost"],
    },
    Defect {
        policy: ("notify", "undo-on-send-error"),
        faults: &["cut:pay->rocketmq:reply@1s+6s"],
        finds: &["ghost"],
    },
    Defect {
        policy: ("request_id", "server"),
        faults: &["cut:client->pay:reply@1s+4s"],
        finds: &["duplicate-payment"],
    },
    Defect {
        policy: ("money", "double"),
        faults: &["none"],
        finds: &["inexact"],
    },
    Defect {
        policy: ("dedup", "none"),
        faults: &["duplicate:account->rocketmq:delivery:50%@1s+6s"],
        finds: &["double"],
    },
    Defect {
        policy: ("dedup", "check-then-insert-no-key"),
        faults: &[
            "delay:account->mysql:150ms@1s+6s",
            "duplicate:account->rocketmq:delivery:60%@1s+6s",
        ],
        finds: &["double"],
    },
    Defect {
        policy: ("dedup", "credit-first"),
        faults: &["delay:account->mysql:150ms@1s+6s", "kill:account@3s+500ms"],
        finds: &["double"],
    },
    Defect {
        policy: ("credit", "two-transactions"),
        faults: &["delay:account->mysql:150ms@1s+6s", "kill:account@3s+500ms"],
        finds: &["lost"],
    },
    Defect {
        policy: ("ack", "before-credit"),
        faults: &["delay:account->mysql:150ms@1s+6s", "kill:account@3s+500ms"],
        finds: &["late", "lost"],
    },
    Defect {
        policy: ("missing_account", "ignore"),
        faults: &["none"],
        finds: &["lost"],
    },
    Defect {
        policy: ("result", "ignore"),
        faults: &["none"],
        finds: &["ghost"],
    },
    Defect {
        policy: ("query_fallback", "fail"),
        faults: &["reset:account->pay@1s+6s"],
        finds: &["false-fail"],
    },
];

fn short(seed: u64) -> Campaign {
    let store = std::env::temp_dir().join(format!("paytwice-defects-{}", std::process::id()));
    Campaign::target("pay-account")
        .seed(seed)
        .time(Duration::from_secs(8))
        // What a client leaves behind that never tries again, no retry mends.
        .give_up_share(0.7)
        .store(store)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_found_and_the_correct_services_are_valid() {
    require_docker!();
    let session = Session::up(&short(1)).await.unwrap_or_else(|e| panic!("{e}"));
    let mut missed = Vec::new();
    for defect in DEFECTS {
        let (policy, value) = defect.policy;
        let campaign = short(1).policy(policy, value).faults(defect.faults.iter().copied());
        missed.extend(
            find(&session, &format!("{policy}={value}"), &campaign, defect.finds)
                .await
                .err(),
        );
    }
    let published = short(1)
        .preset("published")
        .faults(["delay:pay->mysql:180ms:request@500ms+6s", "kill:mysql@3s+500ms"]);
    missed.extend(
        find(&session, "published", &published, &["ghost", "double"])
            .await
            .err(),
    );
    for seed in [1, 2] {
        let campaign = short(seed).faults(["all"]);
        let run = session.run(&campaign, (1, 1)).await.unwrap_or_else(|e| panic!("{e}"));
        eprintln!("correct, all faults, seed {seed}: {}", run.results().sentence);
        if run.verdict() != Verdict::Valid {
            missed.push(run.summary());
        }
    }
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// Runs with wrong decisions until they are found; the last summary where they never are.
async fn find(session: &Session, name: &str, campaign: &Campaign, finds: &[&str]) -> Result<(), String> {
    let mut last = String::new();
    for number in 1..=RUNS_MAX {
        let run = session
            .run(campaign, (number, RUNS_MAX))
            .await
            .map_err(|e| e.to_string())?;
        if let Some(found) = run.finds(finds) {
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

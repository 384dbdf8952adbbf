//! `paytwice run`: a campaign of one or more runs against a target.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use paytwice_checkers::verdict::Verdict;
use paytwice_reports::campaign::CampaignRow;
use paytwice_reports::{campaign, terminal};
use tokio::time::Instant;

use super::interrupt::interrupted;
use super::{HARNESS_FAILED, Outcome, progress};
use crate::campaign::{Campaign, Run, Session};
use crate::plan::{Plan, PlanRequest};
use crate::run::{Observer, RunError};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The target: a name under `targets/`, or the path of a folder with a `target.toml`.
    #[arg(default_value = "pay-account")]
    target: String,
    /// Decides everything the harness decides; drawn and printed when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// What is broken: `all`, `none`, or a comma list of kind[:on][:parameters][@start+length].
    #[arg(long)]
    faults: Option<String>,
    /// A policy of the target and its value; may be repeated.
    #[arg(long = "policy", value_name = "NAME=VALUE")]
    policies: Vec<String>,
    /// A named choice of policies.
    #[arg(long)]
    preset: Option<String>,
    /// How long clients begin new payments: 30s, 500ms, 2m.
    #[arg(long)]
    time: Option<String>,
    /// New payments per second.
    #[arg(long)]
    rate: Option<f64>,
    /// Clients at work at the same time.
    #[arg(long)]
    clients: Option<u32>,
    /// Accounts.
    #[arg(long)]
    accounts: Option<u32>,
    /// Runs on the same stack, with the seeds SEED, SEED+1, ...
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// A plan file: a request, or the `plan.toml` of a stored run to replay it.
    #[arg(long, conflicts_with_all = ["seed", "faults", "policies", "preset", "time", "rate", "clients", "accounts"])]
    plan: Option<PathBuf>,
    /// An image for a dependency (mysql, rocketmq); may be repeated.
    #[arg(long = "image", value_name = "DEPENDENCY=IMAGE")]
    images: Vec<String>,
    /// Where runs are stored.
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Join services and dependencies without links, to compare speeds (no wire fault is possible then).
    #[arg(long)]
    direct: bool,
}

/// Runs, prints, and says how it ended.
pub(crate) async fn run(args: RunArgs) -> Result<Outcome, RunError> {
    let campaign = campaign(&args)?;
    tokio::select! {
        outcome = carry_out(&campaign, args.runs) => outcome,
        // Everything that was started is dropped here, which removes it, before the program ends.
        signal = interrupted() => Err(RunError::Interrupted(signal)),
    }
}

async fn carry_out(campaign: &Campaign, runs: u32) -> Result<Outcome, RunError> {
    let session = Session::up(campaign).await?;
    let mut rows = Vec::new();
    let mut last = None;
    for number in 1..=runs {
        let begun = Instant::now();
        let ran = session.run(campaign, (number, runs)).await;
        let seed = campaign.seed_of(number);
        rows.push(CampaignRun {
            seed,
            outcome: outcome_of(&ran),
            wall: begun.elapsed(),
        });
        match ran {
            Ok(run) => {
                print(&run, runs > 1);
                last = Some(run);
            }
            // One run that the harness could not carry out does not end the others of its campaign.
            Err(e) if runs > 1 && !e.is_users() => eprintln!("error: {e}"),
            Err(e) => return Err(e),
        }
    }
    session.down().await?;
    if runs > 1 {
        print!("{}", campaign::render(&rows, &color()));
        if let Some(run) = last {
            println!("{}", run.replay());
        }
    }
    Ok(worst(&rows))
}

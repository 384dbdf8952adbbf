//! `paytwice check`: judges a stored run again, anywhere, without Docker.

use std::path::PathBuf;

use clap::Args;
use paytwice_reports::{RunReport, terminal};

use super::Outcome;
use super::run::color;
use crate::run::{RunError, judge_folder, recheck_line, store};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The run: its folder, its history, its name in the store, or `latest`.
    #[arg(default_value = "latest")]
    run: String,
    /// Where runs are stored.
    #[arg(long, default_value = "store")]
    store: PathBuf,
}

/// Judges, writes the reports beside the history, and prints the summary.
pub(crate) fn check(args: &CheckArgs) -> Result<Outcome, RunError> {
    let folder = store::find(&args.store, &args.run)?;
    let judged = judge_folder(&folder)?;
    let recheck = recheck_line(&folder);
    judged.write(&recheck)?;
    let report = RunReport::new(&judged.results, &judged.history.events, &recheck);
    print!("{}", terminal::render(&report, &color()));
    Ok(Outcome::Judged(judged.results.verdict))
}

//! The command line: one file per subcommand.
//!
//! Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments or plan, 255 the harness itself failed.

mod check;
mod clean;
mod doctor;
mod interrupt;
mod list;
mod progress;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use paytwice_checkers::verdict::Verdict;
use tracing_subscriber::EnvFilter;

use crate::run::RunError;

/// Exit code for bad arguments, plans and manifests.
pub const BAD_ARGUMENTS: u8 = 254;
/// Exit code for a failure of the harness.
pub const HARNESS_FAILED: u8 = 255;

/// Starts a real payment stack, breaks it on purpose, and proves that money was credited exactly once.
#[derive(Debug, Parser)]
#[command(name = "paytwice", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a target under faults and judge what happened.
    Run(Box<run::RunArgs>),
    /// Judge a stored run again, without Docker.
    Check(check::CheckArgs),
    /// List targets, faults, checkers or the policies of a target.
    List(list::ListArgs),
    /// Say what this machine can do, and what to do about what it cannot.
    Doctor,
    /// Remove what runs that were killed have left behind.
    Clean(clean::CleanArgs),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it was asked, and there was nothing to judge.
    Done,
    /// Something was judged.
    Judged(Verdict),
    /// Runs of one campaign failed in the harness, and the others say no worse.
    HarnessFailed,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Outcome::Done | Outcome::Judged(Verdict::Valid) => 0,
            Outcome::Judged(Verdict::Invalid) => 1,
            Outcome::Judged(Verdict::Unknown) => 2,
            Outcome::HarnessFailed => HARNESS_FAILED,
        }
    }
}

/// Parses the arguments, does what they say, and turns the outcome into an exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no mistakes.
            let code = if e.use_stderr() { BAD_ARGUMENTS } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("paytwice=warn")))
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: cannot start: {e}");
            return ExitCode::from(HARNESS_FAILED);
        }
    };
    let outcome = runtime.block_on(dispatch(cli.command));
    // Whatever still holds a stack lets go of it here, before anything is said about it.
    drop(runtime);
    let code = match outcome {
        Ok(outcome) => outcome.code(),
        Err(e) => {
            eprintln!("error: {e}");
            if e.is_users() { BAD_ARGUMENTS } else { HARNESS_FAILED }
        }
    };
    ExitCode::from(code)
}

async fn dispatch(command: Command) -> Result<Outcome, RunError> {
    match command {
        Command::Run(args) => run::run(*args).await,
        Command::Check(args) => check::check(&args),
        Command::List(args) => list::list(&args),
        Command::Doctor => doctor::doctor().await,
        Command::Clean(args) => clean::clean(&args).await,
    }
}

//! The command line: one file per subcommand.
//!
//! Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments or plan, 255 the harness itself failed.

/// Writes a line to standard output. That nobody reads it any more changes no outcome.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Writes to standard error; what services and servers wrote is in it, so that it is escaped. That nobody reads it changes no outcome either, and ends nothing: `eprintln!` panics.
macro_rules! warn {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let text = paytwice_reports::terminal::lines(&format!($($text)*));
        let _ = writeln!(std::io::stderr(), "{text}");
    }};
}

mod check;
mod clean;
mod convert;
mod doctor;
mod interrupt;
mod list;
mod progress;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use paytwice_checkers::check::{CheckError, CorpusError};
use paytwice_checkers::formats::ConvertError;
use paytwice_checkers::verdict::Verdict;
use tracing_subscriber::EnvFilter;

use crate::run::RunError;

/// Exit code for bad arguments, plans and manifests.
pub const BAD_ARGUMENTS: u8 = 254;
/// Exit code for a failure of the harness.
pub const HARNESS_FAILED: u8 = 255;

/// Starts a real stack of services, database and message broker, breaks it on purpose, and proves that everything took
/// effect exactly once.
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
    /// Judge a stored run again, or anybody's history, without Docker.
    Check(check::CheckArgs),
    /// Write a history in another format: the binary form, JSON lines, EDN, JSON.
    Convert(convert::ConvertArgs),
    /// List targets, checkers, and the faults, wire points or policies of a target.
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
    /// Something that a run needs is not there.
    NotReady,
    /// Runs of one campaign failed in the harness, and the others say no worse.
    HarnessFailed,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Outcome::Done | Outcome::Judged(Verdict::Valid) => 0,
            Outcome::Judged(Verdict::Invalid) | Outcome::NotReady => 1,
            Outcome::Judged(Verdict::Unknown) => 2,
            Outcome::HarnessFailed => HARNESS_FAILED,
        }
    }
}

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file that was to be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A folder of recorded histories.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A file that was to be converted.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Arguments(String),
    /// Results that cannot be printed.
    #[error("the results cannot be printed: {0}")]
    Print(String),
}

impl CliError {
    /// True when the command line, or a file that it names, must be changed: exit code 254.
    fn is_users(&self) -> bool {
        match self {
            CliError::Run(error) => error.is_users(),
            CliError::Check(error) => error.is_users(),
            CliError::Corpus(_) | CliError::Arguments(_) => true,
            CliError::Convert(ConvertError::Write(_)) | CliError::Print(_) => false,
            CliError::Convert(_) => true,
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
        .with_writer(|| Unheard(std::io::stderr()))
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            warn!("error: cannot start: {e}");
            return ExitCode::from(HARNESS_FAILED);
        }
    };
    let outcome = runtime.block_on(dispatch(cli.command));
    // Whatever still holds a stack lets go of it here, before anything is said about it.
    drop(runtime);
    let code = match outcome {
        Ok(outcome) => outcome.code(),
        Err(e) => {
            warn!("error: {e}");
            if e.is_users() { BAD_ARGUMENTS } else { HARNESS_FAILED }
        }
    };
    ExitCode::from(code)
}

/// Standard error for the log: what cannot be written is dropped, or the log would panic about itself.
struct Unheard(std::io::Stderr);

impl std::io::Write for Unheard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

async fn dispatch(command: Command) -> Result<Outcome, CliError> {
    let outcome = match command {
        Command::Check(args) => return check::check(&args),
        Command::Convert(args) => return convert::convert(&args),
        Command::Run(args) => run::run(*args).await,
        Command::List(args) => list::list(&args),
        Command::Doctor => doctor::doctor().await,
        Command::Clean(args) => clean::clean(&args).await,
    };
    Ok(outcome?)
}

//! `paytwice clean`: removes containers, networks and volumes of runs whose harness is gone.

use clap::Args;

use super::Outcome;
use crate::run::RunError;
use crate::stack;

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Remove everything that carries our label, also of runs that are still going.
    #[arg(long)]
    all: bool,
}

/// Cleans, and says what was removed.
pub(crate) async fn clean(args: &CleanArgs) -> Result<Outcome, RunError> {
    let swept = stack::sweep(args.all).await?;
    say!("{swept}");
    Ok(Outcome::Done)
}

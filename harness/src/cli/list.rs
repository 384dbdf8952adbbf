//! `paytwice list`: what there is to choose from.

use clap::{Args, ValueEnum};

use super::Outcome;
use crate::plan::{Target, catalogue};
use crate::run::RunError;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to list.
    what: What,
    /// The target whose policies, faults or points are listed: its name or its folder. Default: the only one there is.
    target: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Targets that can be run from here.
    Targets,
    /// Faults, and what each can be done to in a target.
    Faults,
    /// Checkers: those that a target can promise, and those that `paytwice check --as` takes.
    Checkers,
    /// Wire points of a target, and what rules can do there.
    Points,
    /// Policies of a target: their values, which one is the default, which are defects, and the anomalies that show them.
    Policies,
}

/// Prints the list.
pub(crate) fn list(args: &ListArgs) -> Result<Outcome, RunError> {
    let target = || Target::find_or_only(args.target.as_deref());
    let text = match args.what {
        What::Targets => catalogue::targets()?,
        What::Faults => catalogue::faults(&target()?),
        What::Points => catalogue::points(&target()?),
        What::Checkers => paytwice_checkers::check::catalogue(),
        What::Policies => catalogue::policies(&target()?),
    };
    say!("{}", text.trim_end());
    Ok(Outcome::Done)
}

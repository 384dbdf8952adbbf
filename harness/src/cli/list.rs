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
    /// The target whose policies or faults are listed.
    #[arg(default_value = "pay-account")]
    target: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Targets that can be run from here.
    Targets,
    /// Faults, and what they can be done to.
    Faults,
    /// Checkers, and what they decide.
    Checkers,
    /// Wire points of a target, and what rules can do there.
    Points,
    /// Policies of a target: values, defaults, defects and the anomalies that give them away.
    Policies,
}

/// Prints the list.
pub(crate) fn list(args: &ListArgs) -> Result<Outcome, RunError> {
    let text = match args.what {
        What::Targets => catalogue::targets()?,
        What::Faults => catalogue::faults(&Target::find(&args.target)?),
        What::Points => catalogue::points(&Target::find(&args.target)?),
        What::Checkers => catalogue::checkers() + &paytwice_checkers::check::catalogue(),
        What::Policies => catalogue::policies(&Target::find(&args.target)?),
    };
    println!("{}", text.trim_end());
    Ok(Outcome::Done)
}

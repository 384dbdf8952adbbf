//! `paytwice doctor`: what this machine can do, and what to do about what it cannot.

use super::Outcome;
use crate::run::RunError;
use crate::stack;

/// Looks, and prints one line per capability.
pub(crate) async fn doctor() -> Result<Outcome, RunError> {
    let checks = stack::doctor(&crate::dependency::images()).await;
    for check in &checks {
        say!("{check}");
    }
    Ok(Outcome::Done)
}

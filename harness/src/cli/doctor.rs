//! `paytwice doctor`: what this machine can do, and what to do about what it cannot.

use super::Outcome;
use crate::run::RunError;
use crate::stack::{self, CheckState};

/// Looks, and prints one line per capability. Where something is missing, a run would not start: exit code 1.
pub(crate) async fn doctor() -> Result<Outcome, RunError> {
    let checks = stack::doctor(&crate::dependency::images(), &crate::dependency::full_disks()).await;
    for check in &checks {
        say!("{check}");
    }
    let missing = checks.iter().any(|check| check.state == CheckState::Missing);
    Ok(if missing { Outcome::NotReady } else { Outcome::Done })
}

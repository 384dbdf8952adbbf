//! Faults: one file per kind, each a guard with evidence.
//!
//! A fault says what was asked, what was done, how it was seen to take effect, and how it was seen to be undone.
//! It must never claim an effect that was not looked at.

mod at_point;
mod clock;
mod cpu;
mod cut;
mod delay;
mod disk_full;
mod drift;
mod duplicate;
mod kill;
mod loss;
mod memory;
mod pause;
mod power_loss;
mod read_only;
mod reset;
mod wire_rule;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::plan::{FaultSpec, MachineFault, MachineKind};
use crate::sut::RunningTarget;
use crate::wire::RuleStats;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In words.
    pub detail: String,
    /// In numbers.
    pub counts: BTreeMap<String, u64>,
}

impl Evidence {
    /// Evidence in words alone.
    pub fn words(detail: impl Into<String>) -> Evidence {
        Evidence {
            detail: detail.into(),
            counts: BTreeMap::new(),
        }
    }

    /// Evidence in words and one number.
    fn count(detail: impl Into<String>, name: &str, n: u64) -> Evidence {
        Evidence {
            detail: detail.into(),
            counts: BTreeMap::from([(name.to_owned(), n)]),
        }
    }

    /// What a rule counted.
    fn counted(stats: &RuleStats) -> Evidence {
        let counts = stats.named_counts().into_iter().filter(|(_, n)| *n > 0);
        Evidence {
            detail: stats.to_string(),
            counts: counts.map(|(name, n)| (name.to_owned(), n)).collect(),
        }
    }
}

/// Why a fault could not be done or undone.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The plan names a link that this run does not have.
    #[error("there is no link {0} in this run")]
    NoLink(String),
    /// The stack could not do it.
    #[error(transparent)]
    Stack(#[from] crate::stack::StackError),
    /// Its undoing did not show.
    #[error("{0}")]
    NotHealed(String),
}

/// One disturbance.
pub trait Fault: Send {
    /// Does it; the evidence says what was done.
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>>;

    /// Waits until it is seen to take effect. Dropped when the fault's time is over.
    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>>;

    /// How long it lasts once it was seen, where that and not its time ends it.
    fn after_seen(&self) -> Option<Duration> {
        None
    }

    /// Undoes it and waits until it is seen to be undone.
    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>>;
}

/// Makes the fault that a plan describes. `seed` decides what it draws per frame.
pub fn make(spec: &FaultSpec, seed: u64) -> Box<dyn Fault> {
    match spec.clone() {
        FaultSpec::Kill { on } => Box::new(kill::Kill::new(on)),
        FaultSpec::Pause { on } => Box::new(pause::Pause::new(on)),
        FaultSpec::Cut { on, direction } => Box::new(cut::cut(on, direction, seed)),
        FaultSpec::Delay {
            on,
            direction,
            fixed_ms,
            jitter_ms,
        } => Box::new(delay::delay(on, direction, fixed_ms, jitter_ms, seed)),
        FaultSpec::Duplicate { on, what, share } => Box::new(duplicate::duplicate(on, what, share, seed)),
        FaultSpec::Reset { on } => Box::new(reset::reset(on, seed)),
        FaultSpec::Rule(rule) => Box::new(at_point::AtPoint::new(*rule, seed)),
        FaultSpec::Machine(fault) => machine(fault),
    }
}

fn machine(fault: MachineFault) -> Box<dyn Fault> {
    let MachineFault { on, what } = fault;
    match what {
        MachineKind::Cpu { percent } => Box::new(cpu::Cpu::new(on, percent)),
        MachineKind::Memory { limit_mib } => Box::new(memory::Memory::new(on, limit_mib)),
        MachineKind::PowerLoss => Box::new(power_loss::PowerLoss::new(on)),
        MachineKind::DiskFull => Box::new(disk_full::DiskFull::new(on)),
        MachineKind::ReadOnly => Box::new(read_only::ReadOnly::new(on)),
        MachineKind::Clock { offset_ms } => Box::new(clock::Clock::new(on, offset_ms)),
        MachineKind::Drift { ms_per_s } => Box::new(drift::Drift::new(on, ms_per_s)),
        MachineKind::Loss { percent } => Box::new(loss::Loss::new(on, percent)),
    }
}

/// The stack's evidence in the words of a history.
fn from_stack(seen: crate::stack::Evidence) -> Evidence {
    Evidence {
        detail: seen.seen,
        counts: seen.counts,
    }
}

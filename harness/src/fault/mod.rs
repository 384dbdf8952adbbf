//! Faults: one file per kind, each a guard with evidence.
//!
//! A fault says what was asked, what was done, how it was seen to take effect, and how it was seen to be undone.
//! It must never claim an effect that was not looked at.

mod cut;
mod delay;
mod duplicate;
mod kill;
mod pause;
mod probe;
mod reset;

pub use probe::LinkProbe;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::plan::{Direction, FaultSpec};
use crate::run::Ground;
use crate::wire::{Action, Rule, RuleGuard, RuleStats};

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
    fn begin<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>>;

    /// Waits until it is seen to take effect. Dropped when the fault's time is over.
    fn seen<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>>;

    /// Undoes it and waits until it is seen to be undone.
    fn end<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>>;
}

/// Makes the fault that a plan describes. `seed` decides what it draws per frame.
pub fn make(spec: &FaultSpec, seed: u64) -> Box<dyn Fault> {
    match spec.clone() {
        FaultSpec::Kill { on } => Box::new(kill::Kill::new(on)),
        FaultSpec::Pause { on } => Box::new(pause::Pause::new(on)),
        FaultSpec::Cut { on, direction } => Box::new(cut::Cut::new(on, direction, seed)),
        FaultSpec::Delay {
            on,
            direction,
            fixed_ms,
            jitter_ms,
        } => Box::new(delay::Delay::new(on, direction, fixed_ms, jitter_ms, seed)),
        FaultSpec::Duplicate { on, what, share } => Box::new(duplicate::Duplicate::new(on, what, share, seed)),
        FaultSpec::Reset { on } => Box::new(reset::Reset::new(on, seed)),
    }
}

/// How often a link's counters are looked at while an effect is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a link may be quiet before a question is sent through it.
const QUIET: Duration = Duration::from_millis(400);
/// How long such a question waits.
const PROBE_PATIENCE: Duration = Duration::from_millis(300);
/// How long a healed link may take to pass a question: what is behind it may be down by another fault.
const PASSES_TIMEOUT: Duration = Duration::from_secs(60);
/// How long what a rule held may take to get on its way after healing.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A rule on a link: what the wire faults share.
struct WireRule {
    on: String,
    rule: Rule,
    guard: Option<RuleGuard>,
}

impl WireRule {
    fn new(on: String, direction: Direction, action: Action, seed: u64) -> WireRule {
        let rule = Rule {
            direction,
            action,
            seed,
        };
        WireRule { on, rule, guard: None }
    }

    fn install(&mut self, ground: &Ground) -> Result<Evidence, FaultError> {
        let link = ground
            .link(&self.on)
            .ok_or_else(|| FaultError::NoLink(self.on.clone()))?;
        self.guard = Some(link.install(self.rule.clone()));
        Ok(Evidence::words("rule in force"))
    }

    /// Waits until the rule is seen to act on something. Where nothing crosses the link of itself, a question does.
    async fn seen(&self, ground: &Ground) -> Evidence {
        let quiet_until = tokio::time::Instant::now() + QUIET;
        let mut asked = false;
        loop {
            if let Some(stats) = self.guard.as_ref().map(RuleGuard::stats)
                && stats.took_effect()
            {
                let mut evidence = counted(&stats);
                if asked {
                    evidence.detail.push_str(" (after a probe was sent)");
                }
                return evidence;
            }
            if !asked && tokio::time::Instant::now() >= quiet_until {
                asked = true;
                if let Some(probe) = ground.probes.get(&self.on) {
                    // Its answer, or the want of one, shows in the counters of the rule.
                    let _ = probe.ask(PROBE_PATIENCE).await;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lifts the rule, and waits until what it held is on its way and a question through the link is answered.
    async fn lift(&mut self, ground: &Ground) -> Result<Evidence, FaultError> {
        let mut evidence = self.drain().await?;
        if let Some(probe) = ground.probes.get(&self.on) {
            let answer = probe.until_answer(PASSES_TIMEOUT).await;
            let took = answer.map_err(|e| FaultError::NotHealed(format!("no answer through the link: {e}")))?;
            evidence
                .detail
                .push_str(&format!("; a probe passes after {} ms", took.as_millis()));
        }
        Ok(evidence)
    }

    async fn drain(&mut self) -> Result<Evidence, FaultError> {
        let Some(guard) = self.guard.take() else {
            return Ok(Evidence::words("was never in force"));
        };
        let healed = guard.heal();
        let deadline = tokio::time::Instant::now() + DRAIN_TIMEOUT;
        loop {
            let stats = healed.stats();
            if stats.holding == 0 {
                return Ok(counted(&stats));
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(FaultError::NotHealed(format!(
                    "{} frames are still held",
                    stats.holding
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn counted(stats: &RuleStats) -> Evidence {
    let counts = [
        ("delayed", stats.delayed),
        ("held", stats.held),
        ("held_bytes", stats.held_bytes),
        ("duplicated", stats.duplicated),
        ("reset", stats.reset),
        ("refused", stats.refused),
        ("kept_waiting", stats.kept_waiting),
    ];
    Evidence {
        detail: stats.to_string(),
        counts: counts
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| (name.to_owned(), n))
            .collect(),
    }
}

/// The stack's evidence in the words of a history.
fn from_stack(seen: crate::stack::Evidence) -> Evidence {
    Evidence {
        detail: seen.seen,
        counts: seen.counts,
    }
}

//! What the faults of the wire share: a rule on a link, which is installed, watched, lifted and asked through.
//! Never: says that it took effect because it was installed.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError};
use crate::plan::Direction;
use crate::sut::RunningTarget;
use crate::wire::{Action, Rule, RuleGuard};

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
pub(super) struct WireRule {
    on: String,
    rule: Rule,
    guard: Option<RuleGuard>,
}

impl WireRule {
    pub(super) fn new(on: String, direction: Direction, action: Action, seed: u64) -> WireRule {
        let rule = Rule {
            at: None,
            direction,
            action,
            seed,
        };
        WireRule { on, rule, guard: None }
    }

    fn install(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        let link = target
            .link(&self.on)
            .ok_or_else(|| FaultError::NoLink(self.on.clone()))?;
        self.guard = Some(link.install(self.rule.clone()));
        Ok(Evidence::words("rule in force"))
    }

    /// Waits until the rule is seen to act on something. Where nothing crosses the link of itself, a question does.
    async fn take_effect(&self, target: &RunningTarget) -> Evidence {
        let quiet_until = tokio::time::Instant::now() + QUIET;
        let mut asked = false;
        loop {
            if let Some(stats) = self.guard.as_ref().map(RuleGuard::stats)
                && stats.took_effect()
            {
                let mut evidence = Evidence::counted(&stats);
                if asked {
                    evidence.detail.push_str(" (after a probe was sent)");
                }
                return evidence;
            }
            if !asked && tokio::time::Instant::now() >= quiet_until {
                asked = true;
                if let Some(probe) = target.probes.get(&self.on) {
                    // Its answer, or the want of one, shows in the counters of the rule.
                    let _ = probe.ask(PROBE_PATIENCE).await;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lifts the rule, and waits until what it held is on its way and a question through the link is answered.
    async fn lift(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        let evidence = self.drain().await?;
        passes(&self.on, target, evidence).await
    }

    async fn drain(&mut self) -> Result<Evidence, FaultError> {
        match self.guard.take() {
            Some(guard) => drained(guard).await,
            None => Ok(Evidence::words("was never in force")),
        }
    }
}

/// Waits until a question through a healed link is answered, and adds that to the evidence.
pub(super) async fn passes(link: &str, target: &RunningTarget, mut evidence: Evidence) -> Result<Evidence, FaultError> {
    if let Some(probe) = target.probes.get(link) {
        let answer = probe.until_answer(PASSES_TIMEOUT).await;
        let took = answer.map_err(|e| FaultError::NotHealed(format!("no answer through the link: {e}")))?;
        let took = format!("; a probe passes after {} ms", took.as_millis());
        evidence.detail.push_str(&took);
    }
    Ok(evidence)
}

/// Lifts a rule, and waits until what it held is on its way; what it has counted.
pub(super) async fn drained(guard: RuleGuard) -> Result<Evidence, FaultError> {
    let healed = guard.heal();
    let deadline = tokio::time::Instant::now() + DRAIN_TIMEOUT;
    loop {
        let stats = healed.stats();
        if stats.holding == 0 {
            return Ok(Evidence::counted(&stats));
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

impl Fault for WireRule {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.install(target) })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(self.take_effect(target).await) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.lift(target).await })
    }
}

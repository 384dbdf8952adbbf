//! A rule at a wire point: something is done to the very frames that the point names, or to a process at the very
//! moment when such a frame passes.
//!
//! A crash is exact: in the step that delivers the frame (or withholds it) the party's gate is shut on every link;
//! then the process is killed. Whatever it still does in between, nobody sees. The evidence is the frame, the exit of
//! the process, and the first frame that it sends after its restart.
//! Never: says that a frame was met that was not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::wire_rule::drained;
use super::{Evidence, Fault, FaultError, from_stack};
use crate::plan::{Direction, Moment, PointAction, PointRule, PointSelection};
use crate::sut::RunningTarget;
use crate::wire::{Action, At, Between, Fired, Gate, Rule, RuleGuard};
use crate::workload::Resting;

/// How often counters are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a restarted process is given to send its first frame, before the evidence says that there was none yet.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(3);

/// A rule at a point, in force or over.
pub(super) struct AtPoint {
    rule: PointRule,
    seed: u64,
    guard: Option<RuleGuard>,
    /// What the rule waits for between two points, and what counts those that come to the second.
    between: Vec<(Arc<Between>, RuleGuard)>,
    /// Waits for the other point of `hold until`.
    until: Option<RuleGuard>,
    gate: Option<Arc<Gate>>,
    /// The fault that the point has begun.
    triggered: Option<Box<dyn Fault>>,
    /// What has the clients rest.
    resting: Option<Resting>,
    /// What was done to a process, so that it is undone.
    stopped: bool,
}

impl AtPoint {
    pub(super) fn new(rule: PointRule, seed: u64) -> AtPoint {
        AtPoint {
            rule,
            seed,
            guard: None,
            between: Vec::new(),
            until: None,
            gate: None,
            triggered: None,
            resting: None,
            stopped: false,
        }
    }

    fn install(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        if let PointAction::HoldUntil(until) = self.rule.action.clone() {
            self.until = Some(self.put(target, &until, Direction::Both, Action::Watch(Moment::After))?);
        }
        self.gate = self.rule.action.party().map(|party| target.gates.of(party));
        let (direction, action) = self.action();
        let at = self.rule.at.clone();
        self.guard = Some(self.put(target, &at, direction, action)?);
        Ok(Evidence::words("rule in force"))
    }

    fn put(
        &mut self,
        target: &RunningTarget,
        at: &PointSelection,
        direction: Direction,
        action: Action,
    ) -> Result<RuleGuard, FaultError> {
        let install = |link: &str, at: At, direction: Direction, action: Action| {
            let link = target.link(link).ok_or_else(|| FaultError::NoLink(link.to_owned()))?;
            Ok(link.install(Rule {
                at: Some(at),
                direction,
                action,
                seed: self.seed,
            }))
        };
        let mut point = At {
            nth: at.nth,
            key: at.tx.clone(),
            share: at.share,
            ..At::point(&at.point)
        };
        if let Some(other) = &at.not_yet {
            let between = Between::new(at.nth.unwrap_or(1));
            let leave = Action::Leave(Arc::clone(&between));
            // First: nobody comes to the first point uncounted at the second.
            let leaving = install(&other.link, At::point(&other.name), Direction::Both, leave)?;
            point.between = Some(Arc::clone(&between));
            self.between.push((between, leaving));
        }
        install(&at.link, point, direction, action)
    }

    /// Which values were between the points of the rule when it was met.
    fn in_between(&self) -> Option<String> {
        let met: Vec<String> = self
            .between
            .iter()
            .filter_map(|(between, _)| between.met())
            .flatten()
            .collect();
        (!met.is_empty()).then(|| format!("; between the points: {}", met.join(", ")))
    }

    /// What the link is told to do.
    fn action(&self) -> (Direction, Action) {
        let both = |action| (Direction::Both, action);
        match &self.rule.action {
            PointAction::Delay { fixed_ms, jitter_ms } => both(Action::Delay {
                fixed: Duration::from_millis(*fixed_ms),
                jitter: Duration::from_millis(*jitter_ms),
            }),
            PointAction::Drop => both(Action::Drop),
            PointAction::Duplicate { copies, after_ms } => both(Action::Duplicate {
                what: None,
                share: 1.0,
                copies: *copies,
                after: Duration::from_millis(*after_ms),
            }),
            PointAction::Redeliver(how) => both(Action::Redeliver(*how)),
            PointAction::FailAndClose => both(Action::FailAndClose),
            PointAction::HoldUntil(_) => both(Action::Hold),
            PointAction::Reorder { behind } => both(Action::Reorder { behind: *behind }),
            PointAction::Cut { direction, .. } => (*direction, Action::Cut),
            PointAction::Reset(moment) => both(Action::Sever(*moment)),
            PointAction::Throttle { bytes_per_s } => both(Action::Throttle {
                bytes_per_s: *bytes_per_s,
            }),
            PointAction::Error(refusal) => both(Action::Refuse(*refusal)),
            PointAction::Trigger { .. } | PointAction::Rest { .. } => both(Action::Watch(Moment::After)),
            PointAction::Corrupt { from_end } => both(Action::Corrupt { from_end: *from_end }),
            PointAction::Crash { moment, .. } | PointAction::Pause { moment, .. } => match &self.gate {
                Some(gate) => both(Action::Shut(Arc::clone(gate), *moment)),
                None => both(Action::Watch(*moment)),
            },
        }
    }

    /// Waits until the rule has met its frame, and does what is to be done then.
    async fn strike(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        let Some(guard) = self.guard.as_ref() else {
            return Ok(Evidence::default());
        };
        match &self.rule.action {
            PointAction::Delay { .. }
            | PointAction::Duplicate { .. }
            | PointAction::Redeliver(_)
            | PointAction::Throttle { .. } => loop {
                let stats = guard.stats();
                // A frame that is still waiting is not through it yet.
                if stats.took_effect() && stats.holding == 0 {
                    return Ok(Evidence::counted(&stats));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            },
            PointAction::HoldUntil(_) => {
                let held = guard.fired().await;
                if let Some(until) = &self.until {
                    let until = until.fired().await;
                    let seen = format!("{held} was held until {until}");
                    self.drain().await?;
                    return Ok(Evidence::words(seen));
                }
                Ok(met(&held))
            }
            PointAction::Crash { party, .. } => {
                let last = guard.fired().await;
                self.stopped = true;
                let mut evidence = from_stack(target.stack.killing()?.kill(party).await?);
                if let Some(gate) = &self.gate {
                    gate.dead();
                }
                evidence.detail = format!("at {last}; {}", evidence.detail);
                Ok(evidence)
            }
            PointAction::Trigger { fault, .. } => {
                let at = guard.fired().await;
                let triggered = self.triggered.insert(super::make(fault, self.seed));
                triggered.begin(target).await?;
                let mut evidence = triggered.seen(target).await?;
                evidence.detail = format!("at {at}; {}", evidence.detail);
                Ok(evidence)
            }
            PointAction::Rest { .. } => {
                let at = guard.fired().await;
                self.resting = Some(target.pace.rest());
                Ok(Evidence::words(format!("at {at}; clients begin nothing new")))
            }
            PointAction::Pause { party, .. } => {
                let last = guard.fired().await;
                self.stopped = true;
                let mut evidence = from_stack(target.stack.pausing()?.pause(party).await?);
                // From here on the kernel of the paused process takes what is sent to it, as for any process that stands still.
                if let Some(gate) = &self.gate {
                    gate.open();
                }
                evidence.detail = format!("at {last}; {}", evidence.detail);
                Ok(evidence)
            }
            _ => Ok(met(&guard.fired().await)),
        }
    }

    /// Lifts the rule and undoes what was done to a process.
    async fn lift(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        self.until = None;
        self.resting = None;
        self.between.clear();
        if let Some(mut triggered) = self.triggered.take() {
            self.guard = None;
            return triggered.end(target).await;
        }
        let mut evidence = match &self.rule.action {
            // A rule that nothing met has nothing to drain; what it counted is the evidence otherwise.
            PointAction::Crash { .. } | PointAction::Pause { .. } => {
                self.guard = None;
                Evidence::default()
            }
            _ => self.drain().await?,
        };
        let Some(gate) = &self.gate else { return Ok(evidence) };
        match &self.rule.action {
            PointAction::Crash { party, .. } if self.stopped => {
                gate.reborn();
                evidence = from_stack(target.stack.killing()?.start(party).await?);
                evidence.detail = format!("{}; {}", evidence.detail, first_frame(gate).await);
            }
            PointAction::Pause { party, .. } if self.stopped => {
                evidence = from_stack(target.stack.pausing()?.unpause(party).await?);
            }
            _ => {
                gate.expect_no_last_frame();
                evidence = Evidence::words("was never met");
            }
        }
        Ok(evidence)
    }

    async fn drain(&mut self) -> Result<Evidence, FaultError> {
        match self.guard.take() {
            Some(guard) => drained(guard).await,
            None => Ok(Evidence::words("lifted")),
        }
    }
}

fn met(at: &Fired) -> Evidence {
    Evidence::words(format!("at {at}"))
}

/// What a restarted process sent first.
async fn first_frame(gate: &Gate) -> String {
    let deadline = tokio::time::Instant::now() + FIRST_FRAME_TIMEOUT;
    loop {
        if let Some(first) = gate.first_after() {
            return format!("first frame after the restart: {first}");
        }
        if tokio::time::Instant::now() >= deadline {
            return "no named frame since the restart yet".to_owned();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Fault for AtPoint {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.install(target) })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let mut evidence = self.strike(target).await?;
            evidence.detail.extend(self.in_between());
            Ok(evidence)
        })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.lift(target).await })
    }

    fn after_seen(&self) -> Option<Duration> {
        match &self.rule.action {
            PointAction::Crash { restart_ms: ms, .. }
            | PointAction::Pause { for_ms: ms, .. }
            | PointAction::Cut { for_ms: ms, .. }
            | PointAction::Rest { for_ms: ms }
            | PointAction::Trigger { for_ms: ms, .. } => Some(Duration::from_millis(*ms)),
            PointAction::HoldUntil(_) => Some(Duration::ZERO),
            // It has met the one frame that it was for, and can do no more.
            PointAction::Delay { .. } | PointAction::Reset(_) | PointAction::Error(_) if self.rule.at.nth.is_some() => {
                Some(Duration::ZERO)
            }
            _ => None,
        }
    }
}

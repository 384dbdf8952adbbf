//! The faults of a run as spans of time, and which of them were in force when.

use crate::history::{Event, FaultStage, FaultStep};
use crate::verdict::FaultSummary;

/// One fault, from its first step to its last.
#[derive(Clone, Debug)]
pub struct FaultSpan {
    /// Number in the plan.
    pub id: u32,
    /// Kind: `kill`, `pause`, ...
    pub fault: String,
    /// What it was done to.
    pub on: String,
    /// When it was asked for (its first step).
    pub asked_ns: u64,
    /// Index and time of the step that did it; None when it never was.
    pub done: Option<(u64, u64)>,
    /// When it was seen to take effect.
    pub seen_ns: Option<u64>,
    /// When it was seen healed.
    pub healed_ns: Option<u64>,
    /// Whether it was never seen to take effect.
    pub idle: bool,
    /// Whether its undoing began, and was not seen.
    pub stuck: bool,
    /// Evidence in words, in order.
    pub evidence: Vec<String>,
}

impl FaultSpan {
    pub(super) fn new(step: &FaultStep, time: u64) -> FaultSpan {
        FaultSpan {
            id: step.id,
            fault: step.fault.clone(),
            on: step.on.clone(),
            asked_ns: time,
            done: None,
            seen_ns: None,
            healed_ns: None,
            idle: false,
            stuck: false,
            evidence: Vec::new(),
        }
    }

    pub(super) fn observe(&mut self, step: &FaultStep, event: &Event) {
        match step.step {
            FaultStage::Asked => {}
            FaultStage::Healing => self.stuck = true,
            FaultStage::Done => self.done = self.done.or(Some((event.index, event.time))),
            FaultStage::Seen => self.seen_ns = self.seen_ns.or(Some(event.time)),
            FaultStage::Healed => {
                self.healed_ns = Some(event.time);
                self.stuck = false;
            }
            FaultStage::Failed => self.idle = self.seen_ns.is_none(),
        }
        if !step.detail.is_empty() {
            self.evidence.push(step.detail.clone());
        }
    }

    /// From when to when it was in force; open where it was never undone. None when it was never done. A rule waits for its
    /// frame until it is seen.
    pub fn in_force(&self) -> Option<(u64, Option<u64>)> {
        let (_, done) = self.done?;
        let from = if self.fault == "rule" { self.seen_ns? } else { done };
        Some((from, self.healed_ns))
    }

    /// True when it was done, or its undoing begun, and nothing says that it is over.
    pub fn is_open(&self) -> bool {
        (self.done.is_some() || self.stuck) && self.healed_ns.is_none()
    }

    /// `account was killed`.
    pub fn words(&self) -> String {
        let FaultSpan { fault, on, .. } = self;
        match fault.as_str() {
            "kill" => format!("{on} was killed"),
            "pause" => format!("{on} was paused"),
            "cut" => format!("{on} was cut"),
            "delay" => format!("{on} was delayed"),
            "duplicate" => format!("{on} was duplicated"),
            "reset" => format!("{on} was reset"),
            "power-loss" => format!("{on} lost its power"),
            "disk-full" => format!("the disk of {on} was full"),
            "read-only" => format!("the disk of {on} was read-only"),
            other => format!("{on} was under {other}"),
        }
    }

    /// `kill account #3`.
    pub fn name(&self) -> String {
        format!("{} {} #{}", self.fault, self.on, self.id)
    }

    /// What the results say about it.
    pub fn summary(&self) -> FaultSummary {
        FaultSummary {
            id: self.id,
            fault: self.fault.clone(),
            on: self.on.clone(),
            from_ns: self.in_force().map_or(self.asked_ns, |(from, _)| from),
            to_ns: self.healed_ns,
            seen: self.seen_ns.is_some(),
            evidence: self.evidence.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Body, Kind, Process};

    fn in_force(fault: &str, steps: &[(u64, FaultStage)]) -> Option<(u64, Option<u64>)> {
        let step = |step| FaultStep {
            id: 1,
            fault: fault.to_owned(),
            on: "pay->mysql".to_owned(),
            step,
            detail: String::new(),
            counts: [].into(),
        };
        let mut span = FaultSpan::new(&step(FaultStage::Asked), 0);
        for (time, stage) in steps {
            let step = step(*stage);
            let event = Event {
                index: *time,
                time: *time,
                process: Process::Named("nemesis".into()),
                kind: Kind::Info,
                body: Body::Fault(step.clone()),
                error: None,
            };
            span.observe(&step, &event);
        }
        span.in_force()
    }

    #[test]
    fn a_rule_is_in_force_from_the_frame_that_it_met() {
        use FaultStage::{Done, Failed, Healed, Seen};
        let met = [(1, Done), (50, Seen), (60, Healed)];
        assert_eq!(in_force("rule", &met), Some((50, Some(60))));
        assert_eq!(in_force("delay", &met), Some((1, Some(60))));
        assert_eq!(in_force("rule", &[(1, Done), (50, Failed), (60, Healed)]), None);
    }
}

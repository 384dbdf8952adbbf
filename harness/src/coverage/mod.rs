//! How much of a target's space a run has tried: what can be done at the wire points that payments pass, what was done,
//! and in which state of the payment.
//!
//! Everything is read from the events of the wire: whatever a frame of a payment was seen to suffer counts, whether a
//! rule at its point did it or a fault of the whole link. Must never count what was only asked for.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::history::{Body, Deed, Event, Role, Wire};
use paytwice_reports::coverage::{Coverage, PointActions, Tried};

pub use cases::{Case, cases};

use crate::plan::{FaultSpec, Moment, Plan, Point, PointAction, PointRule, Refusal, Target, WireDetail, points};

/// A frame that waits as long as this outlives the time-outs of clients: it counts as held, what is shorter as delayed.
const HELD_FROM_MS: u64 = 3000;
/// The state of a payment that has nothing behind it.
const NOTHING: &str = "nothing yet";

/// A frame of a payment at a named point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The payment's transaction number.
    pub tx: String,
    /// The point.
    pub point: Point,
    /// Which of the payment's frames at this point it was, from 1.
    pub nth: u64,
    /// What the payment had behind it, in the order of names: `pay->mysql COMMIT, pay->rocketmq SEND topic_notifymsg`.
    pub state: String,
    /// What was done to it, in the words of a [`Case`]'s column; others where it is no case.
    pub suffered: Vec<&'static str>,
}

/// What a run has tried. Its plan tells a crash from a pause. None where the history does not hold what just passed.
pub fn coverage(target: &Target, plan: &Plan, events: &[Event]) -> Option<Coverage> {
    if plan.wire_detail == WireDetail::Off {
        return None;
    }
    let passages = passages(plan, events);
    let known = points(target);
    let mut passed: Vec<Point> = Vec::new();
    let mut tried: BTreeMap<(String, &str, &str), u64> = BTreeMap::new();
    for passage in &passages {
        if known.contains(&passage.point) && !passed.contains(&passage.point) {
            passed.push(passage.point.clone());
        }
        for action in &passage.suffered {
            *tried
                .entry((passage.point.to_string(), action, &passage.state))
                .or_default() += 1;
        }
    }
    let mut coverage = Coverage::default();
    for case in cases(target, &passed) {
        let (point, column) = (case.point.to_string(), case.column.to_owned());
        match coverage.points.last_mut().filter(|last| last.point == point) {
            Some(last) => last.actions.push(column),
            None => coverage.points.push(PointActions {
                point,
                actions: vec![column],
            }),
        }
    }
    let tried = tried.into_iter().map(|((point, action, state), times)| Tried {
        point,
        action: action.to_owned(),
        state: state.to_owned(),
        times,
    });
    coverage.tried = tried.collect();
    Some(coverage)
}

/// Every named frame of every payment, in the order of the history.
pub fn passages(plan: &Plan, events: &[Event]) -> Vec<Passage> {
    let rules: Vec<&PointRule> = plan
        .faults
        .iter()
        .filter_map(|planned| match &planned.fault {
            FaultSpec::Rule(rule) => Some(&**rule),
            _ => None,
        })
        .collect();
    let mut payments: BTreeMap<&str, Payment> = BTreeMap::new();
    let mut passages = Vec::new();
    for event in events {
        let Body::Wire(wire) = &event.body else { continue };
        // No rule is asked about what the link made itself.
        if wire.is_of_the_link() {
            continue;
        }
        for tx in wire.key_values() {
            passages.push(payments.entry(tx).or_default().pass(tx, wire, &rules));
        }
    }
    passages
}

/// Where one payment stands.
#[derive(Default)]
struct Payment {
    behind: BTreeSet<String>,
    frames: BTreeMap<Point, u64>,
}

impl Payment {
    fn pass(&mut self, tx: &str, wire: &Wire, rules: &[&PointRule]) -> Passage {
        let point = Point {
            link: wire.link.clone(),
            name: wire.point.clone(),
        };
        let nth = self.frames.entry(point.clone()).or_default();
        *nth += 1;
        let suffered = suffered(
            wire,
            &Met {
                tx,
                nth: *nth,
                point: &point,
                rules,
            },
        );
        let passage = Passage {
            tx: tx.to_owned(),
            nth: *nth,
            state: match self.behind.is_empty() {
                true => NOTHING.to_owned(),
                false => Vec::from_iter(self.behind.iter().map(String::as_str)).join(", "),
            },
            point,
            suffered,
        };
        if wire.arrived()
            && let Some(step) = step(wire)
        {
            self.behind.insert(step);
        }
        passage
    }
}

/// What a payment has behind it once this frame has arrived: something that outlives every process and connection.
fn step(wire: &Wire) -> Option<String> {
    let name = wire.point.strip_suffix(" request")?;
    let lasts = matches!(wire.role, Role::Sent | Role::Prepared | Role::Committed);
    lasts.then(|| format!("{} {name}", wire.link))
}

/// A frame of a payment, for which the rule is looked for that did something to it.
struct Met<'a> {
    tx: &'a str,
    nth: u64,
    point: &'a Point,
    rules: &'a [&'a PointRule],
}

/// What was done to a frame.
fn suffered(wire: &Wire, met: &Met<'_>) -> Vec<&'static str> {
    let lost = wire.did.iter().any(|deed| deed.loses_connection());
    let suffered = wire.did.iter().filter_map(|deed| suffering(*deed, lost, met));
    let mut all: Vec<&str> = suffered.collect();
    all.dedup();
    // A frame that was stopped or held is lost with its connection in the end: that is no reset of its own.
    if all.is_empty() && lost {
        all.push("reset");
    }
    all
}

/// The column of a deed. What was to be done to a frame that is lost was not done, unless it had waited or its way was shut
/// before.
fn suffering(deed: Deed, lost: bool, met: &Met<'_>) -> Option<&'static str> {
    match deed {
        Deed::DelayedMs(ms) | Deed::HeldMs(ms) if ms >= HELD_FROM_MS => Some("hold"),
        Deed::DelayedMs(_) | Deed::HeldMs(_) => (!lost).then_some("delay"),
        Deed::Dropped => Some("drop"),
        Deed::Failed => Some("fail and close"),
        Deed::StoppedBefore => met.stopped(Moment::Before),
        Deed::NotPassedOn => met.refused(),
        _ if lost => None,
        Deed::StoppedAfter => met.stopped(Moment::After),
        Deed::Corrupted => Some("corrupt"),
        Deed::Duplicated(_) => Some("duplicate"),
        Deed::Overtaken(_) => Some("reorder"),
        _ => None,
    }
}

impl Met<'_> {
    /// The rules that mean this very frame: those that name its payment, then those that name none.
    fn rules(&self) -> impl Iterator<Item = &PointRule> {
        let here = |rule: &&PointRule| rule.at.link == self.point.link && rule.at.point == self.point.name;
        let own = move |rule: &&PointRule| {
            here(rule) && rule.at.tx.as_deref() == Some(self.tx) && rule.at.nth.is_none_or(|nth| nth == self.nth)
        };
        let any = move |rule: &&PointRule| here(rule) && rule.at.tx.as_deref().is_none_or(|tx| tx == "*");
        let all = || self.rules.iter().copied();
        all().filter(own).chain(all().filter(any))
    }

    /// With which error a rule had a request answered.
    fn refused(&self) -> Option<&'static str> {
        self.rules().find_map(|rule| match &rule.action {
            PointAction::Error(Refusal::Deadlock) => Some("deadlock"),
            PointAction::Error(_) => Some("error"),
            _ => None,
        })
    }

    /// Which process a rule stopped at a point, and how. A process at neither end is none of the point's cases.
    fn stopped(&self, at: Moment) -> Option<&'static str> {
        let (from, to) = self.point.link.split_once("->")?;
        // Behind a RocketMQ link it is the broker that sees payments.
        let to = if to == "rocketmq" { "broker" } else { to };
        self.rules().find_map(|rule| match &rule.action {
            PointAction::Crash { party, moment, .. } if *moment == at => match (party == from, party == to, at) {
                (true, _, Moment::Before) => Some("crash left <"),
                (true, _, Moment::After) => Some("crash left >"),
                (_, true, Moment::Before) => Some("crash right <"),
                (_, true, Moment::After) => Some("crash right >"),
                _ => Some("crash elsewhere"),
            },
            PointAction::Pause { moment, .. } if *moment == at => Some("pause"),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use paytwice_checkers::history::{Again, Kind, Process};

    use super::*;

    fn role(point: &str) -> Role {
        match point.split(' ').next() {
            Some("COMMIT") => Role::Committed,
            Some("SEND") => Role::Sent,
            _ => Role::Plain,
        }
    }

    fn events(wire: &[(&str, &str, &str, &[Deed])]) -> Vec<Event> {
        let event = |(index, (tx, link, point, did)): (usize, &(&str, &str, &str, &[Deed]))| Event {
            index: index as u64,
            time: index as u64,
            process: Process::Named("wire".to_owned()),
            kind: Kind::Info,
            body: Body::Wire(Wire {
                link: (*link).to_owned(),
                conn: 1,
                point: (*point).to_owned(),
                role: role(point),
                keys: [("tx".to_owned(), vec![(*tx).to_owned()])].into(),
                bytes: 10,
                did: did.to_vec(),
                ..Wire::default()
            }),
            error: None,
        };
        wire.iter().enumerate().map(event).collect()
    }

    fn plan(rules: &[&str]) -> (Target, Plan) {
        let target = Target::find("pay-account").unwrap();
        let request = crate::plan::PlanRequest {
            seed: Some(1),
            rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
            ..Default::default()
        };
        let plan = crate::plan::expand(&target, &request).unwrap();
        (target, plan)
    }

    #[test]
    fn each_payment_suffers_its_own_rule() {
        let (_, plan) = plan(&[
            "pay->mysql COMMIT request #1 tx=t1: crash pay before",
            "pay->mysql COMMIT request #1 tx=t2: crash mysql before",
            "pay->mysql COMMIT request #1 tx=t3: pause pay before",
            "pay->mysql COMMIT request #1 tx=t4: crash account before",
        ]);
        let stopped = |tx| (tx, "pay->mysql", "COMMIT request", &[Deed::StoppedBefore][..]);
        let passages = passages(&plan, &events(&["t1", "t2", "t3", "t4"].map(stopped)));
        let suffered: Vec<&str> = passages.iter().flat_map(|p| p.suffered.iter().copied()).collect();
        assert_eq!(suffered, ["crash left <", "crash right <", "pause", "crash elsewhere"]);
    }

    #[test]
    fn the_state_is_what_has_arrived_and_lasts() {
        let (_, plan) = plan(&["pay->mysql COMMIT request: crash pay before"]);
        let passages = passages(
            &plan,
            &events(&[
                ("t1", "pay->mysql", "COMMIT request", &[Deed::StoppedBefore, Deed::Lost]),
                ("t1", "pay->mysql", "COMMIT reply", &[Deed::Answered(1213)]),
                ("t1", "pay->mysql", "COMMIT request", &[]),
                ("t2", "pay->mysql", "COMMIT request", &[Deed::Dropped]),
                ("t1", "pay->mysql", "COMMIT reply", &[Deed::DelayedMs(3200), Deed::Lost]),
                (
                    "t1",
                    "pay->rocketmq",
                    "SEND topic_notifymsg request",
                    &[Deed::Duplicated(Again::Frame)],
                ),
                ("t1", "pay->rocketmq", "SEND topic_notifymsg request", &[Deed::Copy]),
                ("t1", "account->mysql", "COMMIT request", &[Deed::HeldMs(20)]),
                (
                    "t1",
                    "account->mysql",
                    "COMMIT request",
                    &[Deed::StoppedAfter, Deed::Lost],
                ),
            ]),
        );
        let told: Vec<_> = passages
            .iter()
            .map(|p| (p.tx.as_str(), p.nth, p.state.as_str(), p.suffered.as_slice()))
            .collect();
        let both = "pay->mysql COMMIT, pay->rocketmq SEND topic_notifymsg";
        let all = "account->mysql COMMIT, pay->mysql COMMIT, pay->rocketmq SEND topic_notifymsg";
        assert_eq!(
            told,
            [
                ("t1", 1, "nothing yet", &["crash left <"][..]),
                ("t1", 2, "nothing yet", &[]),
                ("t2", 1, "nothing yet", &["drop"]),
                ("t1", 1, "pay->mysql COMMIT", &["hold"]),
                ("t1", 1, "pay->mysql COMMIT", &["duplicate"]),
                ("t1", 1, both, &["delay"]),
                ("t1", 2, all, &["reset"]),
            ]
        );
    }

    #[test]
    fn only_what_was_suffered_is_covered() {
        let (target, plan) = plan(&["pay->mysql COMMIT reply: drop", "pay->mysql COMMIT request: error 1213"]);
        let coverage = coverage(
            &target,
            &plan,
            &events(&[
                ("t1", "pay->mysql", "COMMIT request", &[]),
                ("t1", "pay->mysql", "COMMIT reply", &[Deed::Lost]),
            ]),
        )
        .unwrap();
        assert_eq!(coverage.points.len(), 2);
        let commit = &coverage.points[0];
        assert!(commit.actions.contains(&"crash left <".to_owned()), "{commit:?}");
        assert_eq!(coverage.times("pay->mysql COMMIT reply", "reset"), 1);
        assert_eq!(coverage.times("pay->mysql COMMIT reply", "drop"), 0);
        let cases = coverage.cases();
        let never: usize = coverage.never().iter().map(|at| at.actions.len()).sum();
        assert_eq!(never, cases - 1);
    }
}

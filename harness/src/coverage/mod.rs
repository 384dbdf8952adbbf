//! How much of a target's space a run has tried: what can be done at the wire points that payments pass, what was done,
//! and in which state of the payment.
//!
//! Everything is read from the events of the wire: whatever a frame of a payment was seen to suffer counts, whether a
//! rule at its point did it or a fault of the whole link. Must never count what was only asked for.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::history::{Body, Event, WireEvent};
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
    let passages = passages(target, plan, events);
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
pub fn passages(target: &Target, plan: &Plan, events: &[Event]) -> Vec<Passage> {
    let behind: BTreeMap<String, String> = target
        .links()
        .into_iter()
        .map(|link| (link.name, link.behind))
        .collect();
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
        if is_of_the_link(wire) {
            continue;
        }
        for tx in &wire.tx {
            let behind = behind.get(&wire.link).map_or("", String::as_str);
            passages.push(payments.entry(tx).or_default().pass(tx, wire, behind, &rules));
        }
    }
    passages
}

/// Frames that the harness made itself, which no rule is asked about: copies, answers, and what a refusal needs besides.
fn is_of_the_link(wire: &WireEvent) -> bool {
    words(wire).any(|word| {
        word == "duplicate"
            || word == "sent by the link"
            || word.starts_with("answer to a ")
            // What the link answers a request with that it does not pass on.
            || word.starts_with("error ")
    })
}

fn words(wire: &WireEvent) -> impl Iterator<Item = &str> {
    wire.did.iter().flat_map(|did| did.split(", "))
}

/// Where one payment stands.
#[derive(Default)]
struct Payment {
    behind: BTreeSet<String>,
    frames: BTreeMap<Point, u64>,
}

impl Payment {
    fn pass(&mut self, tx: &str, wire: &WireEvent, behind: &str, rules: &[&PointRule]) -> Passage {
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
                behind,
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
        if arrived(wire)
            && let Some(step) = step(wire)
        {
            self.behind.insert(step);
        }
        passage
    }
}

/// What a payment has behind it once this frame has arrived: something that outlives every process and connection.
fn step(wire: &WireEvent) -> Option<String> {
    let name = wire.point.strip_suffix(" request")?;
    let lasts = name == "COMMIT" || name.starts_with("SEND ") || name.starts_with("END_TRANSACTION");
    lasts.then(|| format!("{} {name}", wire.link))
}

fn arrived(wire: &WireEvent) -> bool {
    !words(wire).any(|word| {
        word == "dropped" || word.starts_with("lost with the connection") || word == BEFORE || word == ANSWERED
    })
}

const BEFORE: &str = "stopped before it arrived";
const AFTER: &str = "stopped right after it arrived";
const ANSWERED: &str = "answered by the link";
const LOST: &str = "lost with the connection";

/// A frame of a payment, for which the rule is looked for that did something to it.
struct Met<'a> {
    tx: &'a str,
    nth: u64,
    point: &'a Point,
    /// The party that does what the frame asks for.
    behind: &'a str,
    rules: &'a [&'a PointRule],
}

/// What was done to a frame.
fn suffered(wire: &WireEvent, met: &Met<'_>) -> Vec<&'static str> {
    let lost = words(wire).any(|word| word.starts_with(LOST));
    let mut all: Vec<&str> = words(wire).filter_map(|word| suffering(word, lost, met)).collect();
    all.dedup();
    // A frame that was stopped or held is lost with its connection in the end: that is no reset of its own.
    if all.is_empty() && lost {
        all.push("reset");
    }
    all
}

/// The column of a word that an event uses for what was done. What was to be done to a frame that is lost was not done,
/// unless it had waited or its way was shut before.
fn suffering(word: &str, lost: bool, met: &Met<'_>) -> Option<&'static str> {
    let waited = word.strip_prefix("delayed ").or_else(|| word.strip_prefix("held "));
    if let Some(ms) = waited.and_then(|rest| rest.strip_suffix(" ms")?.parse::<u64>().ok()) {
        return match ms >= HELD_FROM_MS {
            true => Some("hold"),
            false => (!lost).then_some("delay"),
        };
    }
    match word {
        "dropped" => Some("drop"),
        "which failed at it" => Some("fail and close"),
        BEFORE => met.stopped(Moment::Before),
        ANSWERED => met.refused(),
        _ if lost => None,
        AFTER => met.stopped(Moment::After),
        "one byte changed" => Some("corrupt"),
        _ if word.starts_with("duplicated") => Some("duplicate"),
        _ if word.starts_with("overtaken by") => Some("reorder"),
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
        let (from, _) = self.point.link.split_once("->")?;
        let to = self.behind;
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
    use paytwice_checkers::history::{Kind, Process};

    use super::*;

    fn events(wire: &[(&str, &str, &str, Option<&str>)]) -> Vec<Event> {
        let event = |(index, (tx, link, point, did)): (usize, &(&str, &str, &str, Option<&str>))| Event {
            index: index as u64,
            time: index as u64,
            process: Process::Named("wire".to_owned()),
            kind: Kind::Info,
            body: Body::Wire(WireEvent {
                link: (*link).to_owned(),
                conn: 1,
                point: (*point).to_owned(),
                tx: vec![(*tx).to_owned()],
                bytes: 10,
                did: did.map(str::to_owned),
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
        let (target, plan) = plan(&[
            "pay->mysql COMMIT request #1 tx=t1: crash pay before",
            "pay->mysql COMMIT request #1 tx=t2: crash mysql before",
            "pay->mysql COMMIT request #1 tx=t3: pause pay before",
            "pay->mysql COMMIT request #1 tx=t4: crash account before",
        ]);
        let stopped = |tx| (tx, "pay->mysql", "COMMIT request", Some(BEFORE));
        let passages = passages(&target, &plan, &events(&["t1", "t2", "t3", "t4"].map(stopped)));
        let suffered: Vec<&str> = passages.iter().flat_map(|p| p.suffered.iter().copied()).collect();
        assert_eq!(suffered, ["crash left <", "crash right <", "pause", "crash elsewhere"]);
    }

    #[test]
    fn the_state_is_what_has_arrived_and_lasts() {
        let (target, plan) = plan(&["pay->mysql COMMIT request: crash pay before"]);
        let passages = passages(
            &target,
            &plan,
            &events(&[
                (
                    "t1",
                    "pay->mysql",
                    "COMMIT request",
                    Some("stopped before it arrived, lost with the connection"),
                ),
                ("t1", "pay->mysql", "COMMIT reply", Some("error 1213")),
                ("t1", "pay->mysql", "COMMIT request", None),
                ("t2", "pay->mysql", "COMMIT request", Some("dropped")),
                (
                    "t1",
                    "pay->mysql",
                    "COMMIT reply",
                    Some("delayed 3200 ms, lost with the connection"),
                ),
                (
                    "t1",
                    "pay->rocketmq",
                    "SEND topic_notifymsg request",
                    Some("duplicated"),
                ),
                ("t1", "pay->rocketmq", "SEND topic_notifymsg request", Some("duplicate")),
                ("t1", "account->mysql", "COMMIT request", Some("held 20 ms")),
                (
                    "t1",
                    "account->mysql",
                    "COMMIT request",
                    Some("stopped right after it arrived, lost with the connection"),
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
                ("t1", "pay->mysql", "COMMIT request", None),
                ("t1", "pay->mysql", "COMMIT reply", Some("lost with the connection")),
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

//! How much of a target's space a run has tried: what can be done at the wire points that its subjects pass, what was
//! done, and in which state of the subject.
//!
//! Everything is read from the events of the wire: whatever a frame of a subject was seen to suffer counts, whether a
//! rule at its point did it or a fault of the whole link. Must never count what was only asked for.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::history::{Body, Deed, Event, Role, Wire};
use paytwice_reports::coverage::{Coverage, PointActions, Tried};

pub use cases::{Case, cases};

use crate::plan::{
    FaultSpec, LinkDef, Moment, Plan, Point, PointAction, PointRule, Refusal, Target, WireDetail, points,
};

/// A frame that waits as long as this outlives the time-outs of clients: it counts as held, what is shorter as delayed.
const HELD_FROM_MS: u64 = 3000;
/// The state of a subject that nothing has come of yet.
const BEGUN: &str = "begun";

/// A frame of a subject at a named point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The subject's key.
    pub key: String,
    /// The point.
    pub point: Point,
    /// Which of the subject's frames at this point it was, from 1.
    pub nth: u64,
    /// What had come of the subject: `orders->mysql committed, orders->rocketmq sent`, in the order of names.
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
    let known: BTreeSet<Point> = points(target).into_iter().collect();
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

/// Every named frame of every subject, in the order of the history.
pub fn passages(target: &Target, plan: &Plan, events: &[Event]) -> Vec<Passage> {
    let keys: BTreeSet<&str> = target
        .manifest
        .subjects
        .values()
        .filter_map(|subject| subject.key.as_deref())
        .collect();
    let links = target.links();
    let links: BTreeMap<&str, &LinkDef> = links.iter().map(|link| (link.name.as_str(), link)).collect();
    let rules: Vec<&PointRule> = plan
        .faults
        .iter()
        .filter_map(|planned| match &planned.fault {
            FaultSpec::Rule(rule) => Some(&**rule),
            _ => None,
        })
        .collect();
    let mut subjects: BTreeMap<&str, Subject> = BTreeMap::new();
    let mut passages = Vec::new();
    for event in events {
        let Body::Wire(wire) = &event.body else { continue };
        // No rule is asked about what the link made itself.
        if wire.is_of_the_link() {
            continue;
        }
        let of_subjects = wire.keys.iter().filter(|(name, _)| keys.contains(name.as_str()));
        for key in of_subjects.flat_map(|(_, values)| values) {
            let met = Met {
                link: links.get(wire.link.as_str()).copied(),
                key,
                wire,
                rules: &rules,
            };
            passages.push(subjects.entry(key).or_default().pass(&met));
        }
    }
    passages
}

/// Where one subject stands.
#[derive(Default)]
struct Subject {
    reached: BTreeSet<String>,
    frames: BTreeMap<Point, u64>,
}

impl Subject {
    fn pass(&mut self, met: &Met<'_>) -> Passage {
        let wire = met.wire;
        let point = Point {
            link: wire.link.to_string(),
            name: wire.point.to_string(),
        };
        let nth = self.frames.entry(point.clone()).or_default();
        *nth += 1;
        let passage = Passage {
            key: met.key.to_owned(),
            nth: *nth,
            state: match self.reached.is_empty() {
                true => BEGUN.to_owned(),
                false => Vec::from_iter(self.reached.iter().map(String::as_str)).join(", "),
            },
            suffered: met.suffered(*nth),
            point,
        };
        if wire.arrived()
            && let Some(step) = step(wire)
        {
            self.reached.insert(step);
        }
        passage
    }
}

/// What has come of a subject once this frame has arrived, by what the frame means in its protocol.
fn step(wire: &Wire) -> Option<String> {
    let reached = match wire.role {
        Role::Sent => "sent",
        Role::Delivered => "delivered",
        Role::Acknowledged => "acknowledged",
        Role::Prepared => "prepared",
        Role::Committed => "committed",
        Role::RolledBack => "rolled back",
        Role::AskedBack | Role::Plain => return None,
    };
    // The request brings it about; the reply only tells of it.
    (!wire.is_reply()).then(|| format!("{} {reached}", wire.link))
}

/// A frame of a subject, for which the rule is looked for that did something to it.
struct Met<'a> {
    link: Option<&'a LinkDef>,
    key: &'a str,
    wire: &'a Wire,
    rules: &'a [&'a PointRule],
}

impl Met<'_> {
    /// What was done to the frame, the subject's n-th at its point.
    fn suffered(&self, nth: u64) -> Vec<&'static str> {
        let did = &self.wire.did;
        let lost = did.iter().any(|deed| deed.loses_connection());
        let mut all: Vec<&str> = did.iter().filter_map(|deed| self.suffering(*deed, lost, nth)).collect();
        all.dedup();
        // A frame that was stopped or held is lost with its connection in the end: that is no reset of its own.
        if all.is_empty() && lost {
            all.push("reset");
        }
        all
    }

    /// The column of a deed. What was to be done to a frame that is lost was not done, unless it had waited or its way
    /// was shut before.
    fn suffering(&self, deed: Deed, lost: bool, nth: u64) -> Option<&'static str> {
        match deed {
            Deed::DelayedMs(ms) | Deed::HeldMs(ms) if ms >= HELD_FROM_MS => Some("hold"),
            Deed::Dropped => Some("drop"),
            Deed::Failed => Some("fail and close"),
            Deed::StoppedBefore => self.stopped(Moment::Before, nth),
            Deed::NotPassedOn => self.refused(nth),
            _ if lost => None,
            Deed::DelayedMs(_) | Deed::HeldMs(_) => Some("delay"),
            Deed::StoppedAfter => self.stopped(Moment::After, nth),
            Deed::Corrupted => Some("corrupt"),
            Deed::Duplicated(_) => Some("duplicate"),
            Deed::Overtaken(_) => Some("reorder"),
            _ => None,
        }
    }

    /// The rules that mean this very frame: those that name its subject, then those that name none.
    fn rules(&self, nth: u64) -> impl Iterator<Item = &PointRule> {
        let here = |rule: &&PointRule| rule.at.link == self.wire.link && rule.at.point == self.wire.point;
        let own = move |rule: &&PointRule| {
            here(rule) && rule.at.tx.as_deref() == Some(self.key) && rule.at.nth.is_none_or(|of| of == nth)
        };
        let any = move |rule: &&PointRule| here(rule) && rule.at.tx.as_deref().is_none_or(|key| key == "*");
        let all = || self.rules.iter().copied();
        all().filter(own).chain(all().filter(any))
    }

    /// With which error a rule had a request answered.
    fn refused(&self, nth: u64) -> Option<&'static str> {
        self.rules(nth).find_map(|rule| match &rule.action {
            PointAction::Error(Refusal::Deadlock) => Some("deadlock"),
            PointAction::Error(_) => Some("error"),
            _ => None,
        })
    }

    /// Which process a rule stopped at a point, and how. A process at neither end is none of the point's cases.
    fn stopped(&self, at: Moment, nth: u64) -> Option<&'static str> {
        let LinkDef { from, behind: to, .. } = self.link?;
        self.rules(nth).find_map(|rule| match &rule.action {
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
    use crate::sample;

    type Frame<'a> = (&'a str, &'a str, &'a str, Role, &'a [Deed]);

    fn events(frames: &[Frame<'_>]) -> Vec<Event> {
        let event = |(index, (key, link, point, role, did)): (usize, &Frame<'_>)| Event {
            index: index as u64,
            time: index as u64,
            process: Process::Named("wire".into()),
            kind: Kind::Info,
            body: Body::Wire(Wire {
                link: (*link).into(),
                conn: 1,
                point: (*point).into(),
                role: *role,
                keys: [("tx".into(), vec![(*key).into()])].into(),
                bytes: 10,
                outcome: None,
                did: did.to_vec(),
            }),
            error: None,
        };
        frames.iter().enumerate().map(event).collect()
    }

    fn plan(rules: &[&str]) -> (Target, Plan) {
        let target = sample::target();
        let plan = sample::plan(&target, rules);
        (target, plan)
    }

    const COMMIT: (&str, &str, Role) = ("orders->mysql", "COMMIT request", Role::Committed);

    #[test]
    fn each_subject_suffers_its_own_rule() {
        let (target, plan) = plan(&[
            "orders->mysql COMMIT request #1 tx=t1: crash orders before",
            "orders->mysql COMMIT request #1 tx=t2: crash mysql before",
            "orders->mysql COMMIT request #1 tx=t3: pause orders before",
            "orders->mysql COMMIT request #1 tx=t4: crash till before",
        ]);
        let (link, point, role) = COMMIT;
        let stopped = |key| (key, link, point, role, &[Deed::StoppedBefore][..]);
        let passages = passages(&target, &plan, &events(&["t1", "t2", "t3", "t4"].map(stopped)));
        let suffered: Vec<&str> = passages.iter().flat_map(|p| p.suffered.iter().copied()).collect();
        assert_eq!(suffered, ["crash left <", "crash right <", "pause", "crash elsewhere"]);
    }

    #[test]
    fn a_broker_is_the_right_end_of_its_link() {
        let (target, plan) = plan(&["orders->rocketmq SEND order_paid request #1 tx=t1: crash broker after"]);
        let sent = (
            "t1",
            "orders->rocketmq",
            "SEND order_paid request",
            Role::Sent,
            &[Deed::StoppedAfter][..],
        );
        assert_eq!(
            passages(&target, &plan, &events(&[sent]))[0].suffered,
            ["crash right >"]
        );
    }

    #[test]
    fn the_state_is_what_has_arrived() {
        let (target, plan) = plan(&["orders->mysql COMMIT request: crash orders before"]);
        let (link, request, role) = COMMIT;
        let commit = |key, did: &'static [Deed]| (key, link, request, role, did);
        let reply = |did: &'static [Deed]| ("t1", link, "COMMIT reply", role, did);
        let send = |did: &'static [Deed]| ("t1", "orders->rocketmq", "SEND order_paid request", Role::Sent, did);
        let applied = |did: &'static [Deed]| ("t1", "till->mysql", request, role, did);
        let passages = passages(
            &target,
            &plan,
            &events(&[
                commit("t1", &[Deed::StoppedBefore, Deed::Lost]),
                reply(&[Deed::Answered(1213)]),
                commit("t1", &[]),
                commit("t2", &[Deed::Dropped]),
                reply(&[Deed::DelayedMs(3200), Deed::Lost]),
                send(&[Deed::Duplicated(Again::Frame)]),
                send(&[Deed::Copy]),
                applied(&[Deed::HeldMs(20)]),
                applied(&[Deed::StoppedAfter, Deed::Lost]),
            ]),
        );
        let told: Vec<_> = passages
            .iter()
            .map(|p| (p.key.as_str(), p.nth, p.state.as_str(), p.suffered.as_slice()))
            .collect();
        let both = "orders->mysql committed, orders->rocketmq sent";
        let all = "orders->mysql committed, orders->rocketmq sent, till->mysql committed";
        assert_eq!(
            told,
            [
                ("t1", 1, BEGUN, &["crash left <"][..]),
                ("t1", 2, BEGUN, &[]),
                ("t2", 1, BEGUN, &["drop"]),
                ("t1", 1, "orders->mysql committed", &["hold"]),
                ("t1", 1, "orders->mysql committed", &["duplicate"]),
                ("t1", 1, both, &["delay"]),
                ("t1", 2, all, &["reset"]),
            ]
        );
    }

    #[test]
    fn only_what_was_suffered_is_covered() {
        let (target, plan) = plan(&[
            "orders->mysql COMMIT reply: drop",
            "orders->mysql COMMIT request: error 1213",
        ]);
        let (link, request, role) = COMMIT;
        let coverage = coverage(
            &target,
            &plan,
            &events(&[
                ("t1", link, request, role, &[]),
                ("t1", link, "COMMIT reply", role, &[Deed::Lost]),
            ]),
        )
        .unwrap();
        assert_eq!(coverage.points.len(), 2);
        let commit = &coverage.points[0];
        assert!(commit.actions.contains(&"crash left <".to_owned()), "{commit:?}");
        assert_eq!(coverage.times("orders->mysql COMMIT reply", "reset"), 1);
        assert_eq!(coverage.times("orders->mysql COMMIT reply", "drop"), 0);
        let cases = coverage.cases();
        let never: usize = coverage.never().iter().map(|at| at.actions.len()).sum();
        assert_eq!(never, cases - 1);
    }
}

//! Which cases there are: each point with each action that means something there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::plan::{CLIENT, LinkDef, Moment, Point, PointAction, PointRule, PointSelection, Refusal, Target, points_of};
use crate::wire::PointDef;

/// Longer than any time-out of a client or a service that waits for an answer.
const HOLD_MS: u64 = 4000;
/// How long a crashed process stays down.
const RESTART_MS: u64 = 300;

/// One point with one action.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The point.
    pub point: Point,
    /// The action.
    pub action: PointAction,
    /// The column of the table that it stands in.
    pub column: &'static str,
}

impl Case {
    /// The case as a rule for the first such frame of the subject with this key.
    pub(crate) fn rule(&self, key: &str) -> PointRule {
        PointRule {
            at: PointSelection {
                link: self.point.link.clone(),
                point: self.point.name.clone(),
                nth: Some(1),
                tx: Some(key.to_owned()),
                share: 1.0,
                not_yet: None,
            },
            action: self.action.clone(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.point, self.action)
    }
}

/// Every case of these points, point by point.
pub fn cases(target: &Target, points: &[Point]) -> Vec<Case> {
    let links: BTreeMap<String, (LinkDef, BTreeSet<PointDef>)> = target
        .links()
        .into_iter()
        .map(|link| (link.name.clone(), (link.clone(), points_of(target, &link))))
        .collect();
    let found = points.iter().filter_map(|point| {
        let (link, known) = links.get(&point.link)?;
        let def = known.iter().find(|def| def.name == point.name)?;
        Some(at(point, def, link))
    });
    found.flatten().collect()
}

fn at(point: &Point, def: &PointDef, link: &LinkDef) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |column: &'static str, action: PointAction| {
        cases.push(Case {
            point: point.clone(),
            action,
            column,
        });
    };
    add("drop", PointAction::Drop);
    if def.twice.is_some() {
        add("duplicate", PointAction::Duplicate { copies: 1, after_ms: 0 });
    }
    add(
        "hold",
        PointAction::Delay {
            fixed_ms: HOLD_MS,
            jitter_ms: 0,
        },
    );
    add("reset", PointAction::Reset(Moment::Before));
    for refusal in def.refusals {
        let column = match refusal {
            Refusal::Deadlock => "deadlock",
            _ => "error",
        };
        add(column, PointAction::Error(*refusal));
    }
    for (party, columns) in [
        (&link.from, ["crash left <", "crash left >"]),
        (&link.behind, ["crash right <", "crash right >"]),
    ] {
        if party == CLIENT {
            continue;
        }
        for (moment, column) in [Moment::Before, Moment::After].into_iter().zip(columns) {
            add(
                column,
                PointAction::Crash {
                    party: party.clone(),
                    moment,
                    restart_ms: RESTART_MS,
                },
            );
        }
    }
    cases
}

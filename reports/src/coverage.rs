//! How much of what can be done to a target's payments was done: points, actions and states of a payment.
//!
//! A case is a wire point that payments pass, with something that can be done there. Never: counts a case because it was
//! planned; only what a frame of a payment was seen to suffer counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::layout::wrap;
use crate::terminal::Options;
use crate::text::{self, plain};

/// What was tried, of what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The points that payments passed, in the order in which they first did, with what can be done at each.
    pub points: Vec<PointActions>,
    /// What was done to payments, each in the state that they were in.
    pub tried: Vec<Tried>,
}

/// A point with some of its actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointActions {
    /// The point: `pay->mysql COMMIT reply`.
    pub point: String,
    /// The actions: `drop`, `crash left >`.
    pub actions: Vec<String>,
}

/// Something that was done to payments in one state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tried {
    /// The point.
    pub point: String,
    /// The action; one that is not among the point's actions counts in its own right, but is no case.
    pub action: String,
    /// What the payment had behind it: `pay->mysql COMMIT`, in the order of names; `nothing yet`.
    pub state: String,
    /// How often.
    pub times: u64,
}

impl Coverage {
    /// Adds what another run did, and where it came by.
    pub fn merge(&mut self, other: &Coverage) {
        for theirs in &other.points {
            match self.points.iter_mut().find(|ours| ours.point == theirs.point) {
                Some(ours) => {
                    let new = theirs.actions.iter().filter(|action| !ours.actions.contains(action));
                    let new: Vec<String> = new.cloned().collect();
                    ours.actions.extend(new);
                }
                None => self.points.push(theirs.clone()),
            }
        }
        let key = |tried: &Tried| (tried.point.clone(), tried.action.clone(), tried.state.clone());
        let mut all: BTreeMap<_, u64> = BTreeMap::new();
        for tried in self.tried.iter().chain(&other.tried) {
            *all.entry(key(tried)).or_default() += tried.times;
        }
        let all = all.into_iter().map(|((point, action, state), times)| Tried {
            point,
            action,
            state,
            times,
        });
        self.tried = all.collect();
    }

    /// How often a case was tried, in whatever state.
    pub fn times(&self, point: &str, action: &str) -> u64 {
        let of = |tried: &&Tried| tried.point == point && tried.action == action;
        self.tried.iter().filter(of).map(|tried| tried.times).sum()
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.points.iter().map(|point| point.actions.len()).sum()
    }

    /// The cases that never were tried, by point.
    pub fn never(&self) -> Vec<PointActions> {
        let done: BTreeSet<(&str, &str)> = self.tried.iter().map(|t| (&*t.point, &*t.action)).collect();
        let left = self.points.iter().map(|at| PointActions {
            point: at.point.clone(),
            actions: at
                .actions
                .iter()
                .filter(|action| !done.contains(&(&*at.point, &***action)))
                .cloned()
                .collect(),
        });
        left.filter(|at| !at.actions.is_empty()).collect()
    }

    /// How many cases never were tried.
    pub fn never_count(&self) -> usize {
        self.never().iter().map(|at| at.actions.len()).sum()
    }

    /// One line; None where no payment passed a point that has a name.
    pub fn total(&self) -> Option<String> {
        if self.points.is_empty() {
            return None;
        }
        Some(format!(
            "{} of {} tried at {} that payments passed: {}",
            text::count((self.cases() - self.never_count()) as u64),
            text::plural(self.cases() as u64, "case"),
            text::plural(self.points.len() as u64, "point"),
            self.combinations()
        ))
    }

    /// How many combinations of point, action and state of a payment came up.
    pub fn combinations(&self) -> String {
        let states: BTreeSet<&str> = self.tried.iter().map(|tried| &*tried.state).collect();
        format!(
            "{} of point, action and state, in {} of a payment",
            text::plural(self.tried.len() as u64, "combination"),
            text::plural(states.len() as u64, "state")
        )
    }
}

/// What of a campaign's cases was tried, and by name what never was, with a final line break.
pub fn render(coverage: &Coverage, options: &Options) -> String {
    let Some(total) = coverage.total() else {
        return String::new();
    };
    let mut lines = vec![total];
    for at in coverage.never() {
        let text = format!("never at {}: {}", at.point, at.actions.join(", "));
        lines.extend(wrap(&plain(&text), options.columns.max(80), "  ", "    "));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(point: &str, actions: &[&str]) -> PointActions {
        PointActions {
            point: point.to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
        }
    }

    fn tried(point: &str, action: &str, state: &str, times: u64) -> Tried {
        Tried {
            point: point.to_owned(),
            action: action.to_owned(),
            state: state.to_owned(),
            times,
        }
    }

    #[test]
    fn runs_add_up_and_what_never_was_is_named() {
        let mut all = Coverage {
            points: vec![at("a", &["drop", "hold"])],
            tried: vec![tried("a", "drop", "nothing yet", 2)],
        };
        all.merge(&Coverage {
            points: vec![at("b", &["drop"]), at("a", &["drop", "error"])],
            tried: vec![
                tried("a", "drop", "nothing yet", 1),
                tried("a", "drop", "committed", 1),
                tried("a", "delay", "nothing yet", 9),
            ],
        });
        assert_eq!(all.times("a", "drop"), 4);
        assert_eq!(all.never(), [at("a", &["hold", "error"]), at("b", &["drop"])]);
        assert_eq!(
            all.total().unwrap(),
            "1 of 4 cases tried at 2 points that payments passed: 3 combinations of point, action and state, in 2 states of a \
             payment"
        );
        let shown = render(&all, &Options::default());
        assert!(
            shown.ends_with("  never at a: hold, error\n  never at b: drop\n"),
            "{shown}"
        );
        assert_eq!(render(&Coverage::default(), &Options::default()), "");
    }
}

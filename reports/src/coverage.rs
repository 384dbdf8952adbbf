//! How many cases of a target were tried: wire points, actions and states of a subject.
//!
//! A case is one action at one wire point that subjects pass. Never: counts a case because it was planned. A case counts
//! when a frame of a subject was seen to meet the action.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::layout::wrap;
use crate::terminal::Options;
use crate::text::{self, plain};

/// The cases of a target, and those that were tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The points that subjects passed, in the order in which they first did, with the actions that are possible there.
    pub points: Vec<PointActions>,
    /// The actions that subjects met, each with the state of the subject.
    pub tried: Vec<Tried>,
}

/// A point with some of its actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointActions {
    /// The point: `shop->mysql COMMIT reply`.
    pub point: String,
    /// The actions: `drop`, `crash left >`.
    pub actions: Vec<String>,
}

/// An action that subjects met in one state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tried {
    /// The point.
    pub point: String,
    /// The action. One that is not among the point's actions is counted, but is no case.
    pub action: String,
    /// What had happened to the subject before, by name: `shop->mysql COMMIT`, or `nothing yet`.
    pub state: String,
    /// How often.
    pub times: u64,
}

impl Coverage {
    /// Adds the points and the tried actions of another run.
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

    /// How often a case was tried, in any state.
    pub fn times(&self, point: &str, action: &str) -> u64 {
        let of = |tried: &&Tried| tried.point == point && tried.action == action;
        self.tried.iter().filter(of).map(|tried| tried.times).sum()
    }

    /// How many cases there are.
    pub fn cases(&self) -> usize {
        self.points.iter().map(|point| point.actions.len()).sum()
    }

    /// The cases that were never tried, by point.
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

    /// How many cases were never tried.
    pub fn never_count(&self) -> usize {
        self.never().iter().map(|at| at.actions.len()).sum()
    }

    /// One line; None where no subject passed a named point.
    pub fn total(&self) -> Option<String> {
        if self.points.is_empty() {
            return None;
        }
        Some(format!(
            "{} of {} tried at {}: {}",
            text::count((self.cases() - self.never_count()) as u64),
            text::plural(self.cases() as u64, "case"),
            text::plural(self.points.len() as u64, "point"),
            self.combinations()
        ))
    }

    /// How many combinations of point, action and state were met.
    pub fn combinations(&self) -> String {
        let states: BTreeSet<&str> = self.tried.iter().map(|tried| &*tried.state).collect();
        format!(
            "{} of point, action and state, in {}",
            text::plural(self.tried.len() as u64, "combination"),
            text::plural(states.len() as u64, "state")
        )
    }
}

/// How many cases of a campaign were tried, and the names of the others, with a final line break.
pub fn render(coverage: &Coverage, options: &Options) -> String {
    let Some(total) = coverage.total() else {
        return String::new();
    };
    let mut lines = vec![total];
    for at in coverage.never() {
        let text = format!("never tried at {}: {}", at.point, at.actions.join(", "));
        lines.extend(wrap(&plain(&text), options.width(), "  ", "    "));
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
    fn runs_add_up_and_cases_that_were_not_tried_are_named() {
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
            "1 of 4 cases tried at 2 points: 3 combinations of point, action and state, in 2 states"
        );
        let shown = render(&all, &Options::default());
        assert!(
            shown.ends_with("  never tried at a: hold, error\n  never tried at b: drop\n"),
            "{shown}"
        );
        assert_eq!(render(&Coverage::default(), &Options::default()), "");
    }
}

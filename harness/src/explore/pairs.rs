//! Second faults: what can be done to a payment after something has been done to it.
//!
//! A first fault leads a payment on a way that it does not go otherwise: a client asks again, a message comes twice, a
//! process starts anew. Where that way passes a point in a state in which nothing was done there yet, a second fault is
//! tried. Must never try what was tried at the same point in the same state: that is skipped, and counted.

use std::collections::BTreeSet;

use paytwice_reports::explore::{CaseKind, CaseOutcome, Exploration, Pairs};

use super::TRIED;
use crate::coverage::{Case, cases};
use crate::plan::{Draw, Target};

/// Draws of the order in which pairs are tried.
const STREAM: u64 = 7;

/// Two faults for one payment, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) first: Case,
    pub(super) second: Case,
    /// What the payment has behind it when the second one comes.
    pub(super) state: String,
    /// Which of its frames at the second point it is, for each payment that comes by there.
    pub(super) nth: [Option<u64>; TRIED as usize],
}

/// What can be done at a point in a state: point, column, state.
type Key = (String, String, String);

/// The pairs that are left, in the order of the seed, and how many were skipped.
pub(super) fn pairs(target: &Target, exploration: &Exploration, singles: &[Case]) -> (Vec<Pair>, Pairs) {
    let tried = exploration.cases.iter().flat_map(|case| &case.tried);
    let mut known: BTreeSet<Key> = tried
        .map(|tried| (tried.point.clone(), tried.action.clone(), tried.state.clone()))
        .collect();
    // A pair that was tried without meeting its frame is not tried again either.
    let done: BTreeSet<&str> = exploration
        .cases
        .iter()
        .filter(|case| case.kind == CaseKind::Pair)
        .map(|case| case.action.as_str())
        .collect();
    let (mut pairs, mut skipped) = (Vec::new(), 0);
    let firsts = exploration
        .cases
        .iter()
        .filter(|case| case.kind == CaseKind::Single && case.outcome == CaseOutcome::Valid);
    for result in firsts {
        let is_it = |case: &&Case| case.point.to_string() == result.point && case.column == result.column;
        let Some(first) = singles.iter().find(is_it) else {
            continue;
        };
        let mut here: Vec<Pair> = Vec::new();
        for after in &result.after {
            let Some(point) = singles.iter().find(|case| case.point.to_string() == after.point) else {
                continue;
            };
            for second in cases(target, std::slice::from_ref(&point.point)) {
                let same = |pair: &&mut Pair| pair.second == second && pair.state == after.state;
                if let Some(pair) = here.iter_mut().find(same) {
                    pair.nth[after.payment].get_or_insert(after.nth);
                    continue;
                }
                let key = (after.point.clone(), second.column.to_owned(), after.state.clone());
                if !known.insert(key) {
                    skipped += 1;
                    continue;
                }
                let mut nth = [None; TRIED as usize];
                nth[after.payment] = Some(after.nth);
                here.push(Pair {
                    first: first.clone(),
                    second,
                    state: after.state.clone(),
                    nth,
                });
            }
        }
        pairs.extend(
            here.into_iter()
                .filter(|pair| !done.contains(pair.to_string().as_str())),
        );
    }
    Draw::new(exploration.seed, STREAM).shuffle(&mut pairs);
    let left = pairs.len();
    (pairs, Pairs { left, skipped })
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, then {} with {} behind it", self.first, self.second, self.state)
    }
}

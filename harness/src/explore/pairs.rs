//! Second faults: what can be done to a subject after something has been done to it.
//!
//! A first fault leads a subject on a way that it does not go otherwise: a client asks again, a message comes twice, a
//! process starts anew. Where that way passes a point in a state in which nothing was done there yet, a second fault is
//! tried. Must never try what was tried at the same point in the same state: that is skipped, and counted.

use std::collections::BTreeSet;

use paytwice_reports::explore::{CaseKind, CaseOutcome, Exploration, Pairs};

use super::TRIED;
use crate::coverage::Case;
use crate::plan::{Draw, PointRule};

/// Draws of the order in which pairs are tried.
const STREAM: u64 = 7;

/// Two faults for one subject, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) first: Case,
    pub(super) second: Case,
    /// The state of the subject when the second one comes.
    pub(super) state: String,
    /// Which of its frames at the second point it is, for each subject that passes it.
    pub(super) nth: [Option<u64>; TRIED as usize],
}

/// What can be done at a point in a state: point, column, state.
type Key = (String, String, String);

/// The pairs that are left, in the order of the seed, and how many were skipped.
pub(super) fn pairs(exploration: &Exploration, singles: &[Case]) -> (Vec<Pair>, Pairs) {
    let known = exploration.cases.iter().flat_map(|case| &case.tried);
    let tried: BTreeSet<Key> = known
        .map(|tried| (tried.point.clone(), tried.action.clone(), tried.state.clone()))
        .collect();
    // Pairs that were tried, whether they met their frame or not.
    let done: BTreeSet<&str> = exploration
        .cases
        .iter()
        .filter(|case| case.kind == CaseKind::Pair)
        .map(|case| case.action.as_str())
        .collect();
    let (mut pairs, mut queued, mut skipped) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
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
            for second in singles.iter().filter(|case| case.point.to_string() == after.point) {
                let same = |pair: &&mut Pair| pair.second == *second && pair.state == after.state;
                if let Some(pair) = here.iter_mut().find(same) {
                    pair.nth[after.subject].get_or_insert(after.nth);
                    continue;
                }
                let mut nth = [None; TRIED as usize];
                nth[after.subject] = Some(after.nth);
                let pair = Pair {
                    first: first.clone(),
                    second: second.clone(),
                    state: after.state.clone(),
                    nth,
                };
                let name = pair.to_string();
                if done.contains(name.as_str()) {
                    continue;
                }
                let key = (after.point.clone(), second.column.to_owned(), after.state.clone());
                if tried.contains(&key) {
                    skipped.insert(name);
                } else if queued.insert(key) {
                    here.push(pair);
                }
            }
        }
        pairs.extend(here);
    }
    Draw::new(exploration.seed, STREAM).shuffle(&mut pairs);
    let (left, skipped) = (pairs.len(), skipped.len());
    (pairs, Pairs { left, skipped })
}

impl Pair {
    /// The rules for a subject that is tried, and whether each is decisive: the second one is.
    pub(super) fn rules(&self, subject: usize, key: &str) -> Vec<(PointRule, bool)> {
        let mut rules = vec![(self.first.rule(key), false)];
        if let Some(nth) = self.nth[subject] {
            let mut second = self.second.rule(key);
            second.at.nth = Some(nth);
            rules.push((second, true));
        }
        rules
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, then {} once {}", self.first, self.second, self.state)
    }
}

#[cfg(test)]
mod tests {
    use paytwice_reports::coverage::Tried;
    use paytwice_reports::explore::{After, CaseResult};

    use super::*;
    use crate::plan::{Point, PointAction};

    fn case(point: &str) -> Case {
        Case {
            point: Point {
                link: "orders->mysql".to_owned(),
                name: point.to_owned(),
            },
            action: PointAction::Drop,
            column: "drop",
        }
    }

    fn result(kind: CaseKind, case: &Case, tried: &[(&Case, &str)], after: &[(usize, &Case, u64, &str)]) -> CaseResult {
        CaseResult {
            kind,
            point: case.point.to_string(),
            action: case.action.to_string(),
            column: case.column.to_owned(),
            outcome: CaseOutcome::Valid,
            sentence: String::new(),
            kinds: Vec::new(),
            run: None,
            replay: None,
            wall_ms: 0,
            tried: tried
                .iter()
                .map(|(case, state)| Tried {
                    point: case.point.to_string(),
                    action: case.column.to_owned(),
                    state: (*state).to_owned(),
                    times: 1,
                })
                .collect(),
            after: after
                .iter()
                .map(|(subject, case, nth, state)| After {
                    subject: *subject,
                    point: case.point.to_string(),
                    nth: *nth,
                    state: (*state).to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn what_was_tried_in_a_state_is_skipped_and_what_is_queued_is_not() {
        let (a, b) = (case("COMMIT request"), case("COMMIT reply"));
        let singles = [a.clone(), b.clone()];
        let mut exploration = Exploration {
            seed: 1,
            cases: vec![
                result(
                    CaseKind::Single,
                    &a,
                    &[(&a, "new")],
                    &[(0, &b, 1, "new"), (1, &b, 2, "committed"), (1, &b, 3, "committed")],
                ),
                // The same state by another way: one of the two ways is enough.
                result(CaseKind::Single, &b, &[(&b, "new")], &[(0, &b, 2, "committed")]),
            ],
            ..Exploration::default()
        };
        let (left, counts) = pairs(&exploration, &singles);
        assert_eq!((counts.left, counts.skipped), (1, 1));
        assert_eq!((left[0].nth, left[0].state.as_str()), ([None, Some(2)], "committed"));
        // Tried, and its frame not met: the other way is tried then.
        let mut missed = result(CaseKind::Pair, &b, &[], &[]);
        missed.action = left[0].to_string();
        missed.outcome = CaseOutcome::NotMet;
        exploration.cases.push(missed);
        let (left, counts) = pairs(&exploration, &singles);
        assert_eq!((counts.left, counts.skipped), (1, 1));
        assert_eq!(left[0].first, b);
        exploration.cases[2].tried = result(CaseKind::Pair, &b, &[(&b, "committed")], &[]).tried;
        let (left, counts) = pairs(&exploration, &singles);
        assert_eq!((left.len(), counts.skipped), (0, 2));
    }
}

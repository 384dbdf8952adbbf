//! Rules drawn from a seed: a few subjects at once, each with none, one or two things done to it.
//!
//! What was tried seldom is drawn more often. Must never draw anything that the seed and what was tried before do not
//! decide.

use paytwice_reports::coverage::Coverage;

use super::{Base, planned};
use crate::coverage::Case;
use crate::plan::{Draw, Plan, PointRule};

/// Subjects of a run, of which the last ones are controls.
const SUBJECTS: u32 = 8;
const CONTROLS: usize = 2;
/// Clients at work at the same time.
const CLIENTS: u32 = 2;
/// Draws of the rules.
const STREAM: u64 = 8;
/// Weight of a case that was never tried; each time that it was divides it.
const WEIGHT: u64 = 1 << 16;

/// The plan of the n-th such run, from 1.
pub(super) fn plan(base: &Base, n: u64, cases: &[Case], coverage: &Coverage) -> Plan {
    let mut plan = base.plan.clone();
    plan.seed = base.plan.seed.wrapping_add(n);
    plan.workload.subjects_max = SUBJECTS;
    plan.workload.clients = CLIENTS;
    let mut draw = Draw::new(plan.seed, STREAM);
    let weights: Vec<u64> = cases
        .iter()
        .map(|case| WEIGHT / (1 + coverage.times(&case.point.to_string(), case.column)))
        .collect();
    let mut rules: Vec<PointRule> = Vec::new();
    let subjects = base.subjects(&plan);
    let tried = subjects.len().saturating_sub(CONTROLS);
    for subject in &subjects[..tried] {
        for _ in 0..draw.below(3) {
            let mut at = draw.below(weights.iter().sum());
            let drawn = cases.iter().zip(&weights).find(|(_, weight)| {
                let here = at < **weight;
                at = at.saturating_sub(**weight);
                here
            });
            let Some((case, _)) = drawn else { continue };
            let mut rule = case.rule(&subject.name);
            // Now and then the second time that it comes by.
            rule.at.nth = Some(1 + u64::from(draw.one_in(4)));
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    let faults = rules
        .into_iter()
        .zip(1..)
        .map(|(rule, id)| planned(id, rule, &base.plan));
    plan.faults = faults.collect();
    plan
}

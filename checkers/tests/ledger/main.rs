//! Subjects one by one: what is said of each, on which events, and what is counted.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod balances;
mod credits;
mod holders;
mod ledger;

use common::{Scenario, renumber, run_of_four as run};
use paytwice_checkers::history::Event;
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{CheckerResult, Results};

const VICTIM: usize = 3;

/// A run in which t3 was never credited.
fn run_with_a_loss() -> Scenario {
    let mut scenario = run();
    scenario.credit(VICTIM, 0);
    scenario
}

fn edited(scenario: &Scenario, edit: impl FnOnce(&mut Vec<Event>)) -> Results {
    let mut history = scenario.history();
    edit(&mut history.events);
    renumber(&mut history);
    judge(&history)
}

fn checker<'a>(results: &'a Results, name: &str) -> &'a CheckerResult {
    let mut checkers = results.checkers.iter();
    checkers.find(|c| c.name == name).expect("it is among the checkers")
}

/// Kind, subject and sentence of what a checker found.
fn found<'a>(results: &'a Results, name: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let anomalies = checker(results, name).anomalies.iter();
    anomalies.map(|a| (&*a.kind, &*a.subject, &*a.sentence)).collect()
}

fn kinds<'a>(results: &'a Results, name: &str) -> Vec<(&'a str, &'a str)> {
    let found = found(results, name).into_iter();
    found.map(|(kind, subject, _)| (kind, subject)).collect()
}

fn reason<'a>(results: &'a Results, name: &str) -> Option<&'a str> {
    checker(results, name).reason.as_deref()
}

fn counts<const N: usize>(results: &Results, name: &str, of: [&str; N]) -> [u64; N] {
    of.map(|count| checker(results, name).counts[count])
}

/// What the events of the first anomaly of a checker are.
fn proof(scenario: &Scenario, results: &Results, name: &str) -> Vec<&'static str> {
    let history = scenario.history();
    let witness = checker(results, name).anomalies[0].witness.iter();
    let events = witness.map(|index| &history.events[usize::try_from(*index).unwrap()]);
    events
        .map(|event| String::leak(event.body.f().to_owned()) as &str)
        .collect()
}

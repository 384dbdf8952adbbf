//! Flows in which no sum is coded: effects by rows, by rows for each subscriber, by frames of a point.

mod anomalies;
mod effects;
mod shop;
mod undone;

use paytwice_checkers::verdict::{CheckerResult, Results};

fn checker<'a>(results: &'a Results, name: &str) -> &'a CheckerResult {
    let mut checkers = results.checkers.iter();
    checkers.find(|c| c.name == name).expect("it is among the checkers")
}

/// Kind, subject and sentence of everything found.
fn found(results: &Results) -> Vec<(&str, &str, &str)> {
    let anomalies = results.anomalies().into_iter();
    anomalies.map(|a| (&*a.kind, &*a.subject, &*a.sentence)).collect()
}

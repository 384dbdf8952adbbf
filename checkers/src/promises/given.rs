//! Checkers from elsewhere: a user's, in Rust or as a program. What they say is held to the rules of every other checker.
//!
//! Never trusts: one that panics, or contradicts itself, is unknown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::findings::unknown;
use crate::history::History;
use crate::verdict::{CheckerResult, Verdict};

/// A checker given from Rust: a pure function of a history.
///
/// ```
/// use paytwice_checkers::Findings;
/// use paytwice_checkers::history::{Body, History, HistoryBuilder};
/// use paytwice_checkers::promises::{Checker, check_given};
/// use paytwice_checkers::verdict::{CheckerResult, Verdict};
///
/// /// No client asks twice.
/// fn once(history: &History) -> CheckerResult {
///     let mut findings = Findings::default();
///     for event in &history.events {
///         match &event.body {
///             Body::Op(op) if op.attempt > 1 => {
///                 let sentence = format!("{} was asked for again", op.subject);
///                 findings.anomaly("again", &op.subject, sentence, vec![event.index]);
///             }
///             _ => {}
///         }
///     }
///     findings.result("once")
/// }
///
/// let history = HistoryBuilder::new(Default::default()).build();
/// let result = check_given("once", &once, &history);
/// assert_eq!(result.verdict, Verdict::Valid);
/// ```
pub trait Checker {
    /// Decides from the history alone.
    fn check(&self, history: &History) -> CheckerResult;
}

impl<F: Fn(&History) -> CheckerResult> Checker for F {
    fn check(&self, history: &History) -> CheckerResult {
        self(history)
    }
}

/// What a checker given from Rust says of a history, under a name. Unknown where it panics, names an event that is not there,
/// or contradicts itself.
pub fn check_given(name: &str, checker: &dyn Checker, history: &History) -> CheckerResult {
    let checked = catch_unwind(AssertUnwindSafe(|| checker.check(history)));
    let Ok(result) = checked else {
        return unknown(name, &format!("the checker {name} panicked"));
    };
    let events = history.events.len() as u64;
    let beyond = result
        .anomalies
        .iter()
        .flat_map(|anomaly| &anomaly.witness)
        .find(|index| **index >= events);
    if let Some(index) = beyond {
        let why = format!("the checker {name} names event {index} as a witness, and the history has {events} events");
        return unknown(name, &why);
    }
    consistent(name, result).unwrap_or_else(|why| unknown(name, &format!("the checker {name} {why}")))
}

/// A result under a name, or how it contradicts itself.
pub(super) fn consistent(name: &str, mut result: CheckerResult) -> Result<CheckerResult, String> {
    let anomalies = result.anomalies.len();
    match result.verdict {
        Verdict::Invalid if anomalies == 0 => return Err("says invalid, and names no anomaly".to_owned()),
        Verdict::Valid | Verdict::Unknown if anomalies > 0 => {
            let said = if result.verdict == Verdict::Valid {
                "valid"
            } else {
                "unknown"
            };
            let names = crate::words::plural(anomalies, "anomaly");
            return Err(format!("says {said}, and names {names}"));
        }
        Verdict::Unknown if result.reason.as_ref().is_none_or(String::is_empty) => {
            result.reason = Some("no reason was given".to_owned());
        }
        _ => {}
    }
    for anomaly in &mut result.anomalies {
        anomaly.witness.sort_unstable();
        anomaly.witness.dedup();
    }
    name.clone_into(&mut result.name);
    Ok(result)
}

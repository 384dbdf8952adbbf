//! Exactly-once crediting and the ledger of long histories: the results of [`exactly_once`] and
//! [`balance_convergence`], without holding the history.
//!
//! One pass over the file counts, per payment and per account, in dense numbers: recorded as successful, delivered,
//! acknowledged; and adds up what every account should have gained. An account that gained exactly that, with rows and
//! answers that agree with what its clients asked for, is *settled*: no checker has anything to say about it but its
//! counts. What is left is judged by the checkers themselves, from a history that holds the events of the unsettled
//! accounts and the events about no account at all. So the verdict, the reasons, the counts and the anomalies are the
//! very ones of [`judge`](crate::judge); a run that is valid costs one pass.
//!
//! For histories of payments, as JSON lines or in the binary form. Whatever is not as the harness writes it (a line that
//! is malformed, an index out of order, a final read that comes twice) is left to the slow way, with the same result.
//!
//! O(events) time, O(payments + accounts) memory, about 40 bytes per payment and as many per distinct text. Cannot see
//! more than the checkers do.

mod binary;
mod events;
mod fields;
mod found;
mod jsonl;
mod line;
mod pass;
mod relay;
mod rows;
mod scanner;
mod select;
mod settle;
mod shape;
mod tokens;

use std::path::Path;

use crate::formats::{self, Format, Reader};
use crate::history::{self, Event, History};
use crate::ledger::{Elsewhere, Ledger};
use crate::ops::write_op_json;
use crate::verdict::{CheckerResult, Verdict};
use crate::{balance_convergence, exactly_once};

use pass::Pass;

/// What was decided about a history of payments.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkResults {
    /// Of [`exactly_once`].
    pub exactly_once: CheckerResult,
    /// Of [`balance_convergence`].
    pub balance_convergence: CheckerResult,
    /// Events in the history.
    pub events: u64,
    /// Whether the file ends in the middle of an event.
    pub truncated: bool,
    /// Why the history was read as a whole after all; None where it was not.
    pub slow: Option<String>,
}

impl BulkResults {
    /// The worse of the two verdicts.
    pub fn verdict(&self) -> Verdict {
        self.exactly_once.verdict.merge(self.balance_convergence.verdict)
    }
}

/// Why a history of payments could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// Its lines.
    #[error(transparent)]
    History(#[from] history::ReadError),
    /// Its file.
    #[error(transparent)]
    Format(#[from] formats::ReadError),
}

/// What the fast way does not take on: the reason.
#[derive(Debug)]
pub(crate) struct Odd(String);

/// Judges the history of payments at `path`, as JSON lines or in the binary form.
pub fn check_path(path: &Path, format: Format) -> Result<BulkResults, BulkError> {
    let fast = match format {
        Format::Binary => binary::read(path)?,
        _ => jsonl::read(path)?,
    };
    match fast {
        Ok(results) => Ok(results),
        Err(odd) => slowly(path, format, odd),
    }
}

/// Reads the whole history, and judges it.
fn slowly(path: &Path, format: Format, odd: Odd) -> Result<BulkResults, BulkError> {
    let history = match format {
        Format::Binary => from_ops(path)?,
        _ => history::read_path(path)?,
    };
    let results = crate::judge(&history);
    let checker = |name: &str| results.checkers.iter().find(|c| c.name == name).cloned();
    let missing = || crate::findings::unknown("", "no such checker");
    Ok(BulkResults {
        exactly_once: checker(exactly_once::NAME).unwrap_or_else(missing),
        balance_convergence: checker(balance_convergence::NAME).unwrap_or_else(missing),
        events: results.events,
        truncated: history.truncated,
        slow: Some(odd.0),
    })
}

/// A history of payments from generic operations.
pub fn from_ops(path: &Path) -> Result<History, BulkError> {
    let mut reader = Reader::open(path, Some(Format::Binary))?;
    let mut lines = String::new();
    while let Some(op) = reader.next()? {
        write_op_json(&op, &mut lines);
        lines.push('\n');
    }
    let mut history = history::read(lines.as_bytes(), &path.display().to_string())?;
    history.truncated |= reader.cut_off().is_some();
    Ok(history)
}

/// Judges what one pass has left: the settled accounts by their counts, the others by the checkers.
fn conclude(pass: &Pass, events: Vec<Event>, truncated: bool) -> Result<BulkResults, Odd> {
    let Some(header) = pass.header() else {
        return Err(Odd("it does not begin with its header".into()));
    };
    let history = History {
        header,
        events,
        truncated,
    };
    let settled = pass.settled();
    let mut ledger = Ledger::of(&history);
    ledger.deliveries_seen = pass.deliveries_seen();
    ledger.makes_numbers |= pass.makes_numbers();
    ledger.elsewhere = Elsewhere {
        acknowledged: settled.any_ok,
        recorded: settled.successful > 0,
    };
    if ledger.contradiction.is_some() {
        return Err(Odd("its events contradict each other".into()));
    }
    let mut exactly_once = exactly_once::check(&ledger);
    let mut balance_convergence = balance_convergence::check(&ledger);
    settled.add_to(&mut exactly_once, &mut balance_convergence);
    exactly_once
        .anomalies
        .sort_by_key(|anomaly| crate::weight(&anomaly.kind));
    balance_convergence
        .anomalies
        .sort_by_key(|anomaly| crate::weight(&anomaly.kind));
    Ok(BulkResults {
        exactly_once,
        balance_convergence,
        events: pass.events(),
        truncated,
        slow: None,
    })
}

#[cfg(test)]
mod tests;

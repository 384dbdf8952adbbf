//! What every streaming checker has in common: events come one at a time, an outcome at the end.
//!
//! A checker is told typed events in the order of the history and keeps only what its promise needs. Ids are dense
//! `u32`: number whatever the history names (elements, accounts, keys, processes) by first appearance, from 0. They
//! index plain arrays, so an event costs one cache line and not a hash table, and memory follows the largest id.
//!
//! ```
//! use paytwice_checkers::queues::total_queue::{Event, Options, TotalQueue};
//! use paytwice_checkers::streaming::{At, Streaming};
//! use paytwice_checkers::verdict::Verdict;
//!
//! let mut queue = TotalQueue::new(Options::default());
//! for (index, event) in (0..).zip([Event::Enqueue(0), Event::Enqueued(0), Event::Enqueue(1), Event::Enqueued(1)]) {
//!     queue.push(At { index, time: 0 }, event);
//! }
//! queue.push(At { index: 4, time: 0 }, Event::Dequeued(1));
//! let result = queue.finish();
//! assert_eq!(result.verdict, Verdict::Invalid);
//! assert_eq!(result.anomalies[0].sentence, "element 0 was acknowledged once and never dequeued");
//! assert_eq!(result.anomalies[0].witness, [0, 1]);
//! ```
//!
//! Anomalies are listed up to [`ANOMALIES_PER_KIND_MAX`] of each kind; `counts` has the exact totals.

mod dense;
mod tally;

pub(crate) use dense::{Dense, Mark};
pub use tally::ANOMALIES_PER_KIND_MAX;
pub(crate) use tally::{Capped, Case, Tally, add_quantiles, at, plural, times};

use crate::verdict::CheckerResult;

/// Where an event stands in its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Index of the operation: what witnesses are made of. Strictly increasing.
    pub index: u64,
    /// Nanoseconds since the history began; 0 where the history has no times. Never decreasing.
    pub time: u64,
}

/// A checker that is told a history event by event.
pub trait Streaming {
    /// What it is told.
    type Event<'a>;

    /// Takes in the next event. O(1), or O(elements listed) for an event that lists elements, unless the checker's
    /// page says otherwise.
    fn push(&mut self, at: At, event: Self::Event<'_>);

    /// Decides, and words the anomalies with the caller's names.
    fn finish_named(self, names: &dyn Names) -> CheckerResult;

    /// Decides, and words the anomalies with the numbers themselves.
    fn finish(self) -> CheckerResult
    where
        Self: Sized,
    {
        self.finish_named(&Numbers)
    }
}

/// What the dense numbers stand for, for sentences and subjects.
pub trait Names {
    /// An element, message, request or transaction.
    fn id(&self, id: u32) -> String {
        id.to_string()
    }

    /// A key, account, partition or kind.
    fn key(&self, key: u32) -> String {
        key.to_string()
    }

    /// An id in a sentence: behind the checker's noun for it, or behind the caller's own.
    fn said(&self, noun: &str, id: u32) -> String {
        if noun.is_empty() {
            self.id(id)
        } else {
            format!("{noun} {}", self.id(id))
        }
    }

    /// A branch of a transaction; None where branches have no names.
    fn branch(&self, _branch: u8) -> Option<String> {
        None
    }

    /// A sum in its smallest units.
    fn amount(&self, minor: i128) -> String {
        minor.to_string()
    }

    /// What holds one balance of a total, by its name.
    fn holder(&self, name: &str) -> String {
        format!("account {name}")
    }

    /// What a total is of: as a subject, and in a sentence.
    fn total(&self) -> (String, String) {
        ("total".to_owned(), "a read of all accounts".to_owned())
    }
}

/// Names everything by its number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers;

impl Names for Numbers {}

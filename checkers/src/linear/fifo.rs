//! First-in first-out queues that are empty at first: enqueues, dequeues, dequeues that found nothing.
//!
//! Values that are enqueued once need no search ([`FifoHistory`] is then judged by the four conditions of
//! Henzinger, Sezgin and Vafeiadis, 2013: values out of nowhere, values twice, values overtaken, nothing found where
//! something was): O(n) time and memory for positions that are dense, as they are when only the queue is recorded,
//! O(n log n) otherwise. Where values are enqueued more than once, where a dequeue returned and nobody saw what, and
//! where dequeues of unknown outcome may decide whether a queue was empty, a search for the order of dequeues decides.
//!
//! Cannot see: values that were in the queue before the history began. A history in which no dequeue returned is
//! unknown.

use crate::verdict::CheckerResult;

use super::aspects::{self, Aspects};
use super::budget::Budget;
use super::check::impossible;
use super::interner::NONE;
use super::map::OPEN;
use super::models::queue::{Answer, Ask, Queue};
use super::names::{Name, Names};
use super::operation::Operation;
use super::replay;
use super::report::{self, Totals, Trouble};
use super::takes;

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Enqueue,
    Dequeue,
    /// A dequeue that found nothing.
    Empty,
    /// A dequeue of which nobody saw what it took.
    Unseen,
    /// It did not happen.
    Nothing,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) call: u32,
    /// [`OPEN`] for info.
    pub(crate) ret: u32,
    pub(crate) value: u32,
    pub(crate) act: Act,
}

/// A history of a queue, compactly: 16 bytes per operation, values as numbers.
#[derive(Debug, Default)]
pub struct FifoHistory {
    /// The values.
    pub values: Names,
    pub(crate) entries: Vec<Entry>,
}

/// An operation of a [`FifoHistory`] that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(usize);

impl FifoHistory {
    /// An enqueue is called at `index`. It is info until something else is said of it.
    pub fn enqueue(&mut self, value: u32, index: u32) -> Begun {
        self.begin(Act::Enqueue, value, index)
    }

    /// A dequeue is called at `index`. It is info until something else is said of it.
    pub fn dequeue(&mut self, index: u32) -> Begun {
        self.begin(Act::Unseen, NONE, index)
    }

    /// The enqueue returned at `index`, or the dequeue did and nobody saw what it took.
    pub fn ok(&mut self, op: Begun, index: u32) {
        self.entries[op.0].ret = index;
    }

    /// The dequeue returned this value, or found nothing, at `index`.
    pub fn took(&mut self, op: Begun, value: Option<u32>, index: u32) {
        let entry = &mut self.entries[op.0];
        entry.ret = index;
        (entry.act, entry.value) = match value {
            Some(value) => (Act::Dequeue, value),
            None => (Act::Empty, NONE),
        };
    }

    /// The operation is known not to have happened.
    pub fn fail(&mut self, op: Begun) {
        self.entries[op.0].act = Act::Nothing;
    }

    fn begin(&mut self, act: Act, value: u32, call: u32) -> Begun {
        let ret = OPEN;
        self.entries.push(Entry { call, ret, value, act });
        Begun(self.entries.len() - 1)
    }
}

/// Judges a history. `name` is the checker's.
pub fn check(name: &str, history: &FifoHistory, budget: Budget<'_>) -> CheckerResult {
    let happened = history.entries.iter().filter(|entry| entry.act != Act::Nothing);
    let (ops, ok, observed) = happened.fold((0, 0, 0), |(ops, ok, observed), entry| {
        let returned = entry.ret != OPEN;
        let observes = returned && matches!(entry.act, Act::Dequeue | Act::Empty);
        (ops + 1, ok + u64::from(returned), observed + u64::from(observes))
    });
    let (searched, trouble) = decide(history, budget);
    let totals = Totals {
        ops,
        ok,
        info: ops - ok,
        parts: 1,
        searched: u64::from(searched),
        observed,
    };
    report::result(
        name,
        totals,
        trouble.into_iter().map(|trouble| (String::new(), trouble)).collect(),
    )
}

/// Whether it took a search, and what is wrong.
fn decide(history: &FifoHistory, budget: Budget<'_>) -> (bool, Option<Trouble>) {
    let entries = &history.entries;
    if let Some(entry) = entries.iter().find(|entry| entry.ret < entry.call) {
        let why = format!("operation {} returns before it is called", entry.call);
        return (false, Some(Trouble::Unknown(why)));
    }
    match aspects::judge(entries, history.values.len(), OPEN) {
        Aspects::Orderly => (false, None),
        Aspects::Broken(_) => (false, Some(impossible(aspects::explain(history)))),
        Aspects::Undecided => (true, search(history, budget)),
    }
}

fn search(history: &FifoHistory, budget: Budget<'_>) -> Option<Trouble> {
    let value = |id| history.values.name(id);
    let happened = history.entries.iter().filter(|entry| entry.act != Act::Nothing);
    let ops: Vec<_> = happened.map(|entry| as_queue(entry, value)).collect();
    match replay::order(&Queue::default(), &ops.iter().collect::<Vec<_>>(), budget) {
        Some(_) => None,
        None => takes::judge(history, budget),
    }
}

fn as_queue<'a>(entry: &Entry, value: impl Fn(u32) -> Name<'a>) -> Operation<Ask<Name<'a>>, Answer<Name<'a>>> {
    let (input, output) = match entry.act {
        Act::Enqueue => (Ask::Enqueue(value(entry.value)), Some(Answer::Done)),
        Act::Dequeue => (Ask::Dequeue, Some(Answer::Value(value(entry.value)))),
        Act::Empty => (Ask::Dequeue, Some(Answer::Empty)),
        Act::Unseen | Act::Nothing => (Ask::Dequeue, None),
    };
    let ret = Some(u64::from(entry.ret)).filter(|_| entry.ret != OPEN);
    Operation {
        process: 0,
        call: u64::from(entry.call),
        ret,
        input,
        output,
        index: u64::from(entry.call),
        done_index: ret,
    }
}

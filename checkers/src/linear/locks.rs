//! Mutexes, without a search.
//!
//! Decides: histories of [`super::models::mutex`]. Acquires are interchangeable, and so are releases, but for their
//! intervals. So an operation takes place only when it has to, at its return; if the mutex stands in its way, one
//! of the other kind goes first: of those called by then, the one that has to return first, and one that never has
//! to only if there is no other. Exchanging two operations of a kind turns any order into this one.
//! O(n log n) time, O(n) memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::verdict::CheckerResult;

use super::check::impossible;
use super::model::Model;
use super::models::mutex::{Ask, Mutex};
use super::operation::Operation;
use super::report::{self, Totals, Trouble};

/// Operations of one kind that were called and have no place yet, by return.
type Waiting = BinaryHeap<Reverse<(u64, usize)>>;

/// Judges a history of a mutex that is free at first.
pub fn check(history: &[Operation<Ask, ()>]) -> CheckerResult {
    let ok = history.iter().filter(|op| op.ret.is_some()).count() as u64;
    let totals = Totals {
        ops: history.len() as u64,
        ok,
        info: history.len() as u64 - ok,
        parts: 1,
        searched: 0,
        observed: ok,
    };
    let trouble = trouble(history).map(|trouble| (String::new(), trouble));
    report::result(Mutex.name(), totals, trouble.into_iter().collect())
}

fn trouble(history: &[Operation<Ask, ()>]) -> Option<Trouble> {
    if let Some(op) = history.iter().find(|op| op.ret.is_some_and(|ret| ret < op.call)) {
        return Some(Trouble::Unknown(format!(
            "operation {} returns before it is called",
            op.index
        )));
    }
    let mut events: Vec<(u64, bool, usize)> = Vec::with_capacity(history.len() * 2);
    for (at, op) in history.iter().enumerate() {
        events.push((op.call, false, at));
        events.extend(op.ret.map(|ret| (ret, true, at)));
    }
    events.sort_unstable();
    let mut placed = vec![false; history.len()];
    let mut waiting: [Waiting; 2] = Default::default();
    let mut held = false;
    let mut last = None;
    for (_, returns, at) in events {
        let op = &history[at];
        let kind = op.input;
        if !returns {
            waiting[kind as usize].push(Reverse((op.ret.unwrap_or(u64::MAX), at)));
            continue;
        }
        if placed[at] {
            continue;
        }
        if held == (kind == Ask::Acquire) {
            let other = waiting[usize::from(kind == Ask::Acquire)].pop();
            let Some(Reverse((_, other))) = other else {
                return tell(history, at, last);
            };
            placed[other] = true;
            held = !held;
        }
        // Of its kind it has to return first: it is at the top.
        waiting[kind as usize].pop();
        placed[at] = true;
        held = !held;
        last = Some(at);
    }
    None
}

fn tell(history: &[Operation<Ask, ()>], at: usize, last: Option<usize>) -> Option<Trouble> {
    let op = &history[at];
    let (did, state, missing) = match op.input {
        Ask::Acquire => ("acquired", "held", "release"),
        Ask::Release => ("released", "free", "acquire"),
    };
    let since = last.map_or_else(String::new, |last| format!(" since {}", history[last].index));
    let sentence = format!(
        "the mutex was {did} ({} to {}) while it was {state}{since}: every {missing} called by then is needed before. \
         Up to there an order exists",
        op.index,
        op.done_index.unwrap_or(op.index),
    );
    let ops = last.into_iter().chain([at]).map(|at| &history[at]);
    let witness = ops.flat_map(|op| [Some(op.index), op.done_index]).flatten().collect();
    Some(impossible((sentence, witness)))
}

//! Every order of a few transactions: what is left where inference finds neither a cycle nor an order.
//!
//! A transaction takes its snapshot when what it read is there, and commits when nobody is left who has to read what it
//! overwrites: that never comes back. Serially both are one step. A commit that is possible does no harm, and neither does
//! a transaction that only reads, so these are never put off; what remains is tried, state by state, each state once.

use std::collections::HashSet;

use super::super::kind::Order;
use super::decide::Judged;
use super::scan::{Held, Touch};

/// With more transactions than these nothing is tried.
const TXNS_MAX: usize = 64;
/// How many states are tried.
const STATES_MAX: usize = 100_000;

/// What a key holds that nobody reads.
const NOBODY_READS: Held = u32::MAX;

/// Whether some order that keeps `order` explains every read; None where there are too many to try.
pub(super) fn some_order_explains(judged: &Judged<'_>, order: Order, snapshots: bool) -> Option<bool> {
    let txns: Vec<u32> = (0..judged.history.txns.len() as u32)
        .filter(|txn| judged.committed[*txn as usize])
        .collect();
    if txns.len() > TXNS_MAX {
        return None;
    }
    let touches: Vec<&[Touch]> = txns.iter().map(|txn| judged.seen.of(*txn)).collect();
    let search = Search {
        before: before(judged, &txns, order),
        conflicts: conflicts(&touches),
        all: if txns.len() == 64 {
            u64::MAX
        } else {
            (1 << txns.len()) - 1
        },
        touches,
        snapshots,
    };
    let keys = 0..judged.history.keys.len() as u32;
    let holds = keys.map(|key| judged.seen.initial.held(key).unwrap_or(NOBODY_READS));
    search.run(State {
        begun: 0,
        committed: 0,
        holds: holds.collect(),
    })
}

/// Per transaction those that must have committed before it begins.
fn before(judged: &Judged<'_>, txns: &[u32], order: Order) -> Vec<u64> {
    let table = &judged.history.txns;
    let precedes = |earlier: u32, later: u32| match order {
        Order::Data => false,
        Order::Process => {
            let over = table.over_in_session(earlier);
            table.process(earlier) == table.process(later) && over.is_some_and(|over| over < table.invoke(later))
        }
        Order::Realtime => table.over(earlier).is_some_and(|over| over < table.invoke(later)),
    };
    let of = |later: &u32| {
        let earlier = txns
            .iter()
            .enumerate()
            .filter(|(_, earlier)| precedes(**earlier, *later));
        earlier.fold(0_u64, |mask, (nth, _)| mask | 1 << nth)
    };
    txns.iter().map(of).collect()
}

/// Per transaction the others that write one of its keys.
fn conflicts(touches: &[&[Touch]]) -> Vec<u64> {
    let writes = |of: &[Touch], key: u32| of.iter().any(|touch| touch.key == key && touch.writes());
    let of = |(nth, own): (usize, &&[Touch])| {
        let others = touches.iter().enumerate().filter(|(other, others)| {
            *other != nth && own.iter().any(|touch| touch.writes() && writes(others, touch.key))
        });
        others.fold(0_u64, |mask, (other, _)| mask | 1 << other)
    };
    touches.iter().enumerate().map(of).collect()
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    begun: u64,
    committed: u64,
    holds: Vec<Held>,
}

struct Search<'s> {
    touches: Vec<&'s [Touch]>,
    before: Vec<u64>,
    conflicts: Vec<u64>,
    all: u64,
    snapshots: bool,
}

impl Search<'_> {
    fn run(&self, first: State) -> Option<bool> {
        let mut known: HashSet<State> = HashSet::new();
        let mut open = vec![first];
        while let Some(mut state) = open.pop() {
            self.settle(&mut state);
            if state.committed == self.all {
                return Some(true);
            }
            if !known.insert(state.clone()) {
                continue;
            }
            if known.len() > STATES_MAX {
                return None;
            }
            for nth in self.waiting(&state) {
                let mut next = state.clone();
                next.begun |= 1 << nth;
                if self.snapshots {
                    open.push(next);
                } else if self.may_commit(nth, &next) {
                    self.commit(nth, &mut next);
                    open.push(next);
                }
            }
        }
        Some(false)
    }

    /// Takes every step that does no harm.
    fn settle(&self, state: &mut State) {
        loop {
            let open = state.begun & !state.committed;
            let commits = (0..self.touches.len()).find(|nth| open >> nth & 1 == 1 && self.may_commit(*nth, state));
            let reads = || {
                let mut waiting = self.waiting(state).into_iter();
                waiting.find(|nth| !self.touches[*nth].iter().any(Touch::writes))
            };
            let Some(nth) = commits.or_else(reads) else { return };
            state.begun |= 1 << nth;
            self.commit(nth, state);
        }
    }

    /// Those that can take their snapshots.
    fn waiting(&self, state: &State) -> Vec<usize> {
        let open = state.begun & !state.committed;
        let can = |nth: &usize| {
            state.begun >> nth & 1 == 0
                && self.before[*nth] & !state.committed == 0
                && self.conflicts[*nth] & open == 0
                && self.touches[*nth]
                    .iter()
                    .all(|touch| touch.read.is_none_or(|read| state.holds[touch.key as usize] == read))
        };
        (0..self.touches.len()).filter(can).collect()
    }

    /// Whether nobody has yet to read what it overwrites.
    fn may_commit(&self, nth: usize, state: &State) -> bool {
        let mut overwritten = self.touches[nth].iter().filter(|touch| touch.writes());
        overwritten.all(|touch| {
            let holds = state.holds[touch.key as usize];
            let mut others = (0..self.touches.len()).filter(|other| state.begun >> other & 1 == 0);
            holds == NOBODY_READS || !others.any(|other| self.touches[other].iter().any(|t| t.read == Some(holds)))
        })
    }

    fn commit(&self, nth: usize, state: &mut State) {
        state.committed |= 1 << nth;
        for touch in self.touches[nth].iter().filter(|touch| touch.writes()) {
            state.holds[touch.key as usize] = touch.wrote.unwrap_or(NOBODY_READS);
        }
    }
}

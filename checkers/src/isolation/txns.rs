//! The transactions of a history as columns: who ran them, when, and how they ended.

use std::collections::BTreeMap;

use super::kind::Order;
use super::scalars::{IdTable, mix};

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It committed.
    Ok,
    /// It certainly did not commit.
    Fail,
    /// It may have committed, or may yet commit.
    Info,
}

/// One transaction, apart from what it read and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Txn {
    /// The process that ran it: one transaction at a time.
    pub process: u64,
    /// Index of the operation that invoked it. Indices grow with time. Where that is not on record: of its completion in a
    /// history of completions only, 0 otherwise.
    pub invoke: u64,
    /// Index of the operation that completed it, if any did.
    pub complete: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// The columns. A transaction's number is its place in them, in the order in which it was added.
#[derive(Default)]
pub(super) struct Txns {
    invoke: Vec<u64>,
    /// `u64::MAX` when nothing completed it.
    complete: Vec<u64>,
    outcome: Vec<Outcome>,
    /// Where the index of a completion does not say when the transaction was over: the index from which on it was.
    late: BTreeMap<u64, u64>,
    process: Vec<u32>,
    processes: IdTable,
    process_names: Vec<u64>,
    /// Where its operations begin; they end where those of the next one begin.
    mops_from: Vec<u32>,
    order: Order,
}

impl Txns {
    /// Adds a transaction whose operations begin at `mops_from`.
    pub(super) fn push(&mut self, txn: Txn, mops_from: usize) {
        self.invoke.push(txn.invoke);
        self.complete.push(txn.complete.unwrap_or(u64::MAX));
        self.outcome.push(txn.outcome);
        let process = self.process_number(txn.process);
        self.process.push(process);
        self.mops_from
            .push(u32::try_from(mops_from).expect("a history of fewer than 2^32 reads and writes"));
    }

    /// What its indices tell: real time unless this says less.
    pub(super) fn tell(&mut self, order: Order) {
        self.order = order;
    }

    pub(super) fn tells(&self, order: Order) -> bool {
        self.order >= order
    }

    fn process_number(&mut self, process: u64) -> u32 {
        let names = &mut self.process_names;
        self.processes
            .find(mix(process), |id| names[id as usize] == process)
            .unwrap_or_else(|| {
                names.push(process);
                self.processes.insert(mix(process), names.len() as u32 - 1);
                names.len() as u32 - 1
            })
    }

    pub(super) fn len(&self) -> usize {
        self.outcome.len()
    }

    pub(super) fn processes(&self) -> usize {
        self.process_names.len()
    }

    pub(super) fn outcome(&self, txn: u32) -> Outcome {
        self.outcome[txn as usize]
    }

    /// Its process, numbered from 0.
    pub(super) fn process(&self, txn: u32) -> u32 {
        self.process[txn as usize]
    }

    /// Its process, as the history names it.
    pub(super) fn process_name(&self, txn: u32) -> u64 {
        self.process_names[self.process(txn) as usize]
    }

    pub(super) fn invoke(&self, txn: u32) -> u64 {
        self.invoke[txn as usize]
    }

    /// When it was certainly over: None for one that may yet take effect, and where real time is not known.
    pub(super) fn over(&self, txn: u32) -> Option<u64> {
        self.ended(txn).filter(|_| self.tells(Order::Realtime))
    }

    /// The same as its own process saw it: None where that is not known.
    pub(super) fn over_in_session(&self, txn: u32) -> Option<u64> {
        self.ended(txn).filter(|_| self.tells(Order::Process))
    }

    /// When it ended, if it certainly did; what that tells of others is another matter.
    pub(super) fn ended(&self, txn: u32) -> Option<u64> {
        let complete = self.complete[txn as usize];
        let complete = self.late.get(&complete).map_or(complete, |late| complete.max(*late));
        (self.outcome(txn) == Outcome::Ok && complete != u64::MAX).then_some(complete)
    }

    /// Completions that were not over before the operation of another index.
    pub(super) fn late(&mut self, completions: BTreeMap<u64, u64>) {
        self.late = completions;
    }

    /// The index by which it is named: that of its completion, or else of its invocation.
    pub(super) fn index(&self, txn: u32) -> u64 {
        match self.complete[txn as usize] {
            u64::MAX => self.invoke(txn),
            complete => complete,
        }
    }

    /// The range of its operations among `mops` in total.
    pub(super) fn mops(&self, txn: u32, mops: usize) -> std::ops::Range<usize> {
        let from = self.mops_from[txn as usize] as usize;
        from..self.mops_from.get(txn as usize + 1).map_or(mops, |next| *next as usize)
    }

    /// The transactions in the order of their invocations.
    pub(super) fn by_invocation(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|txn| self.invoke(*txn));
        order
    }

    /// Each of these transactions and the next of its process, where the one was over before the other was invoked.
    pub(super) fn sessions(&self, committed: impl Fn(u32) -> bool) -> Vec<(u32, u32)> {
        let mut last: Vec<Option<(u32, u64)>> = vec![None; self.processes()];
        let mut pairs = Vec::new();
        for txn in self.by_invocation().into_iter().filter(|txn| committed(*txn)) {
            let last = &mut last[self.process(txn) as usize];
            pairs.extend(
                last.filter(|(_, over)| *over < self.invoke(txn))
                    .map(|(before, _)| (before, txn)),
            );
            if let Some(over) = self.over_in_session(txn) {
                *last = Some((txn, over));
            }
        }
        pairs
    }

    /// How many ended so.
    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        self.outcome.iter().filter(|o| **o == outcome).count() as u64
    }
}

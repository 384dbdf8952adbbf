//! Registers that transactions read and write.
//!
//! Decides: which consistency models a history of such transactions can satisfy, and names each anomaly with a
//! witness.
//!
//! For: histories in which every write to a key has its own value. A read does not tell the order of the versions before
//! it, so that order is only partly known: what a key held at first is first, and a transaction's write directly or later
//! follows the version that it read before. The latter is certain from read committed on, for a version that follows its
//! own reader is circular information flow (G1c); so where read committed itself is not excluded otherwise, such an order
//! makes G1c of what would be G0. What a session saw and wrote is in order where its own past is visible to it (causal and
//! up), what real time separates where snapshots are not old (strong snapshot isolation and up): these models imply
//! sequential and linearizable keys. [`Assumptions`] take the same for granted whatever the model.
//!
//! What is ruled out cannot hold. Read uncommitted, read committed, monotonic atomic view, read atomic and causal are
//! decided. For the models above, to decide is NP-complete (Papadimitriou, "The Serializability of Concurrent Database
//! Updates", 1979): such a model is shown by an order of the transactions that explains every read, which is searched
//! for without going back, and unknown where none is found. Of up to 64 transactions all orders are tried, within a budget.
//!
//! A value that was read and never written was there before, if all reads of its key that began before a write of it was
//! over and found no recorded write agree on it. Any other such value came from elsewhere: what overwrote it still comes
//! after its readers, but nothing is shown to hold. With [`Assumptions::closed`] it is an anomaly. The same goes for a
//! history of which no recorded write was ever read: nothing binds it.
//!
//! A transaction that may or may not have committed (info) counts as committed once a committed one read what it
//! wrote. Where a value was written twice to a key and then read, the history is not judged, unless it is invalid by
//! what remains.
//!
//! Complexity: linear in the history, but for sorting; for causal, transactions times reads over 512. The pairs of versions
//! that sessions and real time give are at most as many as operations times concurrency.
//!
//! Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", 2020; for the models
//! that are decided, Biswas and Enea, "On the Complexity of Checking Transactional Consistency", 2019.

mod decide;
mod exhaust;
mod explain;
mod initial;
mod register_words;
mod saturate;
mod scan;
mod versions;
mod visibility;

use std::collections::BTreeMap;

use super::cycles;
use super::graph::GraphBuilder;
use super::report::{Findings, Options, Report};
use super::scalars::{Code, IdTable, Keys, Scalar, Scalars, mix};
use super::txns::{Outcome, Txn, Txns};
use decide::Judged;
use initial::Initial;

/// The checker's name.
pub const NAME: &str = "rw-register";

/// What is taken for granted about the registers; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Writes of a transaction follow its reads, even below read committed.
    pub wfr_keys: bool,
    /// Each key is sequentially consistent: a process sees the versions of a key in their order.
    pub sequential_keys: bool,
    /// Each key is linearizable: its versions follow real time.
    pub linearizable_keys: bool,
    /// Nobody else writes: a read of a value that no transaction wrote is an anomaly.
    pub closed: bool,
}

/// A history of transactions over registers, gathered one operation at a time.
///
/// Transactions are added when they end, in any order: [`begin`](Self::begin), then what they did, in order.
#[derive(Default)]
pub struct RwRegister {
    scalars: Scalars,
    keys: Keys,
    txns: Txns,
    mops: Vec<Mop>,
    versions: Versions,
    /// Per key whether nil was written to it: then nil tells nothing.
    nil_written: Vec<bool>,
    /// Reads of transactions that ended ok.
    reads: u64,
    /// What every key held at first, where that was said.
    initial: Option<Option<Code>>,
}

/// One read or write.
#[derive(Clone, Copy)]
struct Mop {
    key: u32,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A write of a version.
    Write(u32),
    /// A read of a version.
    Read(u32),
    /// A read that found nothing.
    ReadNil,
    /// A write of nothing.
    WriteNil,
    /// A read of which nothing is known.
    Unknown,
}

/// A version that no transaction wrote.
const NOBODY: u32 = u32::MAX;

/// The values that keys were seen to hold, as columns.
#[derive(Default)]
struct Versions {
    key: Vec<u32>,
    code: Vec<Code>,
    /// The transaction that wrote it, or `NOBODY`.
    writer: Vec<u32>,
    /// Whether its own transaction wrote the key again.
    intermediate: Vec<bool>,
    /// Whether it was written more than once.
    ambiguous: Vec<bool>,
    table: IdTable,
    /// The last version written to each key.
    last: Vec<u32>,
}

impl Versions {
    fn hash(key: u32, code: Code) -> u64 {
        mix(code.bits() ^ mix(u64::from(key)))
    }

    fn find(&self, key: u32, code: Code) -> Option<u32> {
        let is_it = |id: u32| self.code[id as usize] == code && self.key[id as usize] == key;
        self.table.find(Self::hash(key, code), is_it)
    }

    fn number(&mut self, key: u32, code: Code) -> u32 {
        self.find(key, code).unwrap_or_else(|| {
            let hash = Self::hash(key, code);
            let id = self.key.len() as u32;
            self.table.insert(hash, id);
            self.key.push(key);
            self.code.push(code);
            self.writer.push(NOBODY);
            self.intermediate.push(false);
            self.ambiguous.push(false);
            id
        })
    }

    fn write(&mut self, version: u32, txn: u32) {
        let at = version as usize;
        if self.writer[at] != NOBODY {
            self.ambiguous[at] = true;
            return;
        }
        self.writer[at] = txn;
        let key = self.key[at] as usize;
        if self.last.len() <= key {
            self.last.resize(key + 1, NOBODY);
        }
        let last = std::mem::replace(&mut self.last[key], version);
        if last != NOBODY && self.writer[last as usize] == txn {
            self.intermediate[last as usize] = true;
        }
    }

    fn len(&self) -> usize {
        self.key.len()
    }

    /// The one transaction that wrote a version.
    fn writer(&self, version: u32) -> Option<u32> {
        let writer = self.writer[version as usize];
        (writer != NOBODY && !self.ambiguous[version as usize]).then_some(writer)
    }
}

impl RwRegister {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        RwRegister::default()
    }

    /// Every key held this value before any transaction; None is nil. Where it is not said, it is inferred.
    pub fn initially<'a, S: Into<Scalar<'a>>>(&mut self, value: Option<S>) {
        self.initial = Some(value.map(|value| self.scalars.code(value.into())));
    }

    /// Completions by their indices that were not over before the operation of another index: what is numbered in between
    /// may have come before them.
    pub fn late(&mut self, completions: BTreeMap<u64, u64>) {
        self.txns.late(completions);
    }

    /// Adds a transaction; the operations that follow are its own, in their order.
    pub fn begin(&mut self, txn: Txn) {
        self.txns.push(txn, self.mops.len());
    }

    /// The transaction wrote `value` to `key`; None is nil.
    pub fn write<'a, S: Into<Scalar<'a>>>(&mut self, key: impl Into<Scalar<'a>>, value: Option<S>) {
        let key = self.key(key.into());
        let what = match value {
            Some(value) => {
                let code = self.scalars.code(value.into());
                let version = self.versions.number(key, code);
                self.versions.write(version, self.txns.len() as u32 - 1);
                What::Write(version)
            }
            None => {
                self.nil_written[key as usize] = true;
                What::WriteNil
            }
        };
        self.mops.push(Mop { key, what });
    }

    /// The transaction read `key` and found `value`; None is nil.
    pub fn read<'a, S: Into<Scalar<'a>>>(&mut self, key: impl Into<Scalar<'a>>, value: Option<S>) {
        let key = self.key(key.into());
        let outcome = self.txns.outcome(self.txns.len() as u32 - 1);
        self.reads += u64::from(outcome == Outcome::Ok);
        let what = match value {
            _ if outcome == Outcome::Fail => What::Unknown,
            Some(value) => {
                let code = self.scalars.code(value.into());
                What::Read(self.versions.number(key, code))
            }
            None => What::ReadNil,
        };
        self.mops.push(Mop { key, what });
    }

    /// The transaction read `key`; what it found is not known.
    pub fn read_unknown<'a>(&mut self, key: impl Into<Scalar<'a>>) {
        let key = self.key(key.into());
        self.mops.push(Mop {
            key,
            what: What::Unknown,
        });
    }

    fn key(&mut self, key: Scalar<'_>) -> u32 {
        let code = self.scalars.code(key);
        let key = self.keys.number(code);
        if self.nil_written.len() <= key as usize {
            self.nil_written.push(false);
        }
        key
    }

    /// Judges the history.
    #[must_use]
    pub fn check(mut self, options: &Options, assumptions: &Assumptions) -> Report {
        self.txns.tell(options.order);
        let mut findings = Findings::new(options.witnesses_max);
        findings.count("keys", self.keys.len() as u64);
        findings.observed(self.reads);
        let committed = self.committed();
        let initial = Initial::of(&mut self, &committed, assumptions);
        let mut edges = GraphBuilder::new(&self.txns, self.mops.len());
        let seen = scan::scan(&self, &committed, initial, assumptions, &mut findings);
        versions::link(&self, &committed, &seen, assumptions, &mut edges, &mut findings);
        let graph = edges.build(&self.txns, |txn| committed[txn as usize]);
        let cycles = cycles::find(&graph, options.witnesses_max, options.search_edges_max);
        findings.count("dependencies", graph.edges() as u64);
        findings.add_cycles(cycles, &self.txns, |step| register_words::why(&self, step));
        if seen.ambiguous.is_none() {
            let judged = Judged {
                history: &self,
                committed: &committed,
                seen: &seen,
                assumptions,
                options,
            };
            decide::decide(&judged, &graph, &mut findings);
        }
        match seen.ambiguous {
            Some(version) => {
                let why = register_words::ambiguous(&self, version);
                findings.unjudged(NAME, &self.txns, options, why)
            }
            None => findings.report(NAME, &self.txns, options),
        }
    }

    fn mops(&self, txn: u32) -> &[Mop] {
        &self.mops[self.txns.mops(txn, self.mops.len())]
    }

    /// Which transactions committed: those that say so, and those of unknown end whose writes such a one read.
    fn committed(&self) -> Vec<bool> {
        let all = 0..self.txns.len() as u32;
        let mut committed: Vec<bool> = all.map(|txn| self.txns.outcome(txn) == Outcome::Ok).collect();
        let mut queue: Vec<u32> = (0..self.txns.len() as u32)
            .filter(|txn| committed[*txn as usize])
            .collect();
        while let Some(txn) = queue.pop() {
            for mop in self.mops(txn) {
                let What::Read(version) = mop.what else { continue };
                let writer = self
                    .versions
                    .writer(version)
                    .filter(|w| self.txns.outcome(*w) == Outcome::Info);
                if let Some(writer) = writer.filter(|writer| !committed[*writer as usize]) {
                    committed[writer as usize] = true;
                    queue.push(writer);
                }
            }
        }
        committed
    }
}

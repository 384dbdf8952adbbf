//! Lists that transactions append to and read whole.
//!
//! Decides: which consistency models a history of such transactions can satisfy, from read-uncommitted to
//! strict-serializable, and names each anomaly with a witness.
//!
//! For: histories in which every append to a key has its own value. A read tells the order of all appends before it,
//! so the longest read of a key is the order of its versions, and the others must be prefixes of it. A transaction
//! that may or may not have committed (info) counts as committed once a committed one observed it, and its reads
//! count then, too; what nobody observed is taken as not committed, which never hurts. Appends of a committed
//! transaction that no read shows come after all that were read.
//!
//! Complete: for read committed, repeatable read, serializability and their session and real-time forms, prefix and
//! causal consistency, read atomic and monotonic atomic view, what is valid has an order of the transactions that
//! explains it (over items: there are no predicates). For read-uncommitted too, unless reads of one key contradict each
//! other. Where a key has two committed appends that no read shows, nothing says which of those came first: snapshot
//! isolation, its parallel form, consistent view and update atomic are then shown by the order in which they completed,
//! by a stronger model, or not at all. What is not shown is unknown.
//!
//! Cannot see: predicates, hence phantoms; a lost append by a transaction that is not known to have committed. G-cursor,
//! G-monotonic and the like are not looked for: the models that forbid these alone are unknown, unless a stronger one
//! holds.
//!
//! Complexity: linear in the history, but for one sort of the invocations and for the search for witnesses.
//! Reads are stored as lengths, so memory does not grow with the lists.
//!
//! Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", 2020;
//! Adya, Liskov and O'Neil, "Generalized Isolation Level Definitions", 2000.

mod decide;
mod list_words;
mod orders;
mod scan;
mod visibility;

use std::collections::BTreeMap;

use super::cycles;
use super::graph::GraphBuilder;
use super::kind::Kind;
use super::report::{Findings, Options, Report};
use super::scalars::{Code, IdTable, Keys, Scalar, Scalars, mix};
use super::txns::{Outcome, Txn, Txns};
use orders::Orders;

/// The checker's name.
pub const NAME: &str = "list-append";

/// A history of transactions over lists, gathered one operation at a time.
///
/// Transactions are added when they end, in any order: [`begin`](Self::begin), then what they did, in order.
#[derive(Default)]
pub struct ListAppend {
    scalars: Scalars,
    keys: Keys,
    txns: Txns,
    mops: Vec<Mop>,
    appends: Appends,
    /// Per key the longest list read so far, of those that continue the first one read.
    longest: Vec<Vec<Code>>,
    /// Reads that are no prefixes of it.
    raw: Lists,
    /// Empty between reads.
    scratch: Vec<Code>,
    /// Reads of transactions that ended ok.
    reads: u64,
}

/// One read or append.
#[derive(Clone, Copy)]
struct Mop {
    key: u32,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// An append, by its number.
    Append(u32),
    /// A read of so many elements, the first of the key's order.
    Read(u32),
    /// A read of something else, by its number.
    Raw(u32),
    /// A read of which nothing is known.
    Unknown,
}

/// The appends, as columns.
#[derive(Default)]
struct Appends {
    key: Vec<u32>,
    code: Vec<Code>,
    txn: Vec<u32>,
    /// Whether its own transaction appended to the key again.
    intermediate: Vec<bool>,
    table: IdTable,
    /// The last append to each key.
    last: Vec<u32>,
    /// An append whose value another one had appended to its key before.
    repeated: Option<u32>,
}

impl Appends {
    fn hash(key: u32, code: Code) -> u64 {
        mix(code.bits() ^ mix(u64::from(key)))
    }

    /// The append of a value to a key.
    fn find(&self, key: u32, code: Code) -> Option<u32> {
        let is_it = |id: u32| self.code[id as usize] == code && self.key[id as usize] == key;
        self.table.find(Self::hash(key, code), is_it)
    }

    fn push(&mut self, key: u32, code: Code, txn: u32) -> u32 {
        let id = self.txn.len() as u32;
        if self.find(key, code).is_some() {
            self.repeated.get_or_insert(id);
        } else {
            self.table.insert(Self::hash(key, code), id);
        }
        self.key.push(key);
        self.code.push(code);
        self.txn.push(txn);
        self.intermediate.push(false);
        if self.last.len() <= key as usize {
            self.last.resize(key as usize + 1, u32::MAX);
        }
        let last = std::mem::replace(&mut self.last[key as usize], id);
        if last != u32::MAX && self.txn[last as usize] == txn {
            self.intermediate[last as usize] = true;
        }
        id
    }

    fn len(&self) -> usize {
        self.txn.len()
    }
}

/// Lists, one behind the other.
#[derive(Default)]
struct Lists {
    codes: Vec<Code>,
    ends: Vec<usize>,
}

impl Lists {
    fn push(&mut self, head: &[Code], tail: &[Code]) -> u32 {
        self.codes.extend_from_slice(head);
        self.codes.extend_from_slice(tail);
        self.ends.push(self.codes.len());
        self.ends.len() as u32 - 1
    }

    fn get(&self, id: u32) -> &[Code] {
        let from = id.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.codes[from..self.ends[id as usize]]
    }
}

impl ListAppend {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        ListAppend::default()
    }

    /// Adds a transaction; the operations that follow are its own, in their order.
    pub fn begin(&mut self, txn: Txn) {
        self.txns.push(txn, self.mops.len());
    }

    /// Completions by their indices that were not over before the operation of another index: what is numbered in between
    /// may have come before them.
    pub fn late(&mut self, completions: BTreeMap<u64, u64>) {
        self.txns.late(completions);
    }

    /// The transaction appended `value` to `key`.
    pub fn append<'a>(&mut self, key: impl Into<Scalar<'a>>, value: impl Into<Scalar<'a>>) {
        let key = self.key(key.into());
        let code = self.scalars.code(value.into());
        let append = self.appends.push(key, code, self.txns.len() as u32 - 1);
        self.mops.push(Mop {
            key,
            what: What::Append(append),
        });
    }

    /// The transaction read `key` and found these values.
    pub fn read<'a, S: Into<Scalar<'a>>>(&mut self, key: impl Into<Scalar<'a>>, values: impl IntoIterator<Item = S>) {
        let key = self.key(key.into());
        let values = values.into_iter();
        let what = match self.txns.outcome(self.txns.len() as u32 - 1) {
            Outcome::Ok => {
                self.reads += 1;
                self.place(key, values)
            }
            Outcome::Info => self.raw(key, 0, values),
            Outcome::Fail => What::Unknown,
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
        if self.longest.len() <= key as usize {
            self.longest.push(Vec::new());
        }
        key
    }

    /// A list as a length of the longest one, which it may continue.
    fn place<'a, S: Into<Scalar<'a>>>(&mut self, key: u32, mut values: impl Iterator<Item = S>) -> What {
        let longest = &mut self.longest[key as usize];
        let mut len = 0;
        while let Some(value) = values.next() {
            let code = self.scalars.code(value.into());
            match longest.get(len) {
                Some(known) if *known != code => {
                    self.scratch.push(code);
                    return self.raw(key, len, values);
                }
                Some(_) => {}
                None => longest.push(code),
            }
            len += 1;
        }
        What::Read(len as u32)
    }

    /// A list that begins with the first `common` elements of the longest one, then what is in the scratch list, then
    /// the values.
    fn raw<'a, S: Into<Scalar<'a>>>(&mut self, key: u32, common: usize, values: impl Iterator<Item = S>) -> What {
        let scalars = &mut self.scalars;
        self.scratch.extend(values.map(|value| scalars.code(value.into())));
        let raw = self.raw.push(&self.longest[key as usize][..common], &self.scratch);
        self.scratch.clear();
        What::Raw(raw)
    }

    /// Judges the history.
    #[must_use]
    pub fn check(mut self, options: &Options) -> Report {
        self.txns.tell(options.order);
        let mut findings = Findings::new(options.witnesses_max);
        findings.count("keys", self.keys.len() as u64);
        findings.observed(self.reads);
        if let Some(repeated) = self.appends.repeated {
            let why = list_words::repeated(&self, repeated);
            return findings.unjudged(NAME, &self.txns, options, why);
        }
        let orders = Orders::resolve(&mut self);
        let mut edges = GraphBuilder::new(&self.txns, self.mops.len());
        scan::scan(&self, &orders, &mut edges, &mut findings);
        let graph = edges.build(&self.txns, |txn| orders.committed(txn));
        let cycles = cycles::find(&graph, options.witnesses_max, options.search_edges_max);
        findings.count("dependencies", graph.edges() as u64);
        let told_apart = !cycles.undecided;
        findings.add_cycles(cycles, &self.txns, |step| list_words::why(&self, &orders, step));
        decide::decide(&self, &orders, &graph, told_apart, options, &mut findings);
        findings.report(NAME, &self.txns, options)
    }

    fn mops(&self, txn: u32) -> &[Mop] {
        &self.mops[self.txns.mops(txn, self.mops.len())]
    }

    /// The elements that a read returned.
    fn list(&self, key: u32, read: What) -> &[Code] {
        match read {
            What::Read(len) => &self.longest[key as usize][..len as usize],
            What::Raw(id) => self.raw.get(id),
            What::Append(_) | What::Unknown => &[],
        }
    }
}

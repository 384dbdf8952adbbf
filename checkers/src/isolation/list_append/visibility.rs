//! Models that say which transactions a reader sees, and nothing of the order in which snapshots are taken: monotonic
//! atomic view, read atomic, update atomic and causal.
//!
//! Each of them has a set of transactions that must be visible to a reader: whose appends it read (in the order of its
//! operations, for monotonic atomic view), whose appends its own follow (update atomic), what its session did before,
//! and for causal what was visible to those in turn. The model holds if and only if nothing that is visible appended to
//! a key behind what was read of it, as long as the session order and the dependencies have no cycle (Cerone, Bernardi
//! and Gotsman, "A Framework for Transactional Consistency Models with Atomic Visibility", 2015; Bailis et al., "Highly
//! Available Transactions", 2013).
//!
//! Whether a list shows only its last append (it is a version, and one transaction wrote it) or every append in it, these
//! sources do not say, for they know registers. A model is ruled out only where the last appends alone rule it out, and
//! shown only where all appends together allow it; in between it is left open.
//!
//! O(operations) but for causal: transactions times dependencies over 512, among those that are in a cycle with
//! anti-dependencies at all.

use std::collections::HashMap;

use super::super::components::Components;
use super::super::graph::Graph;
use super::super::kind::{Kind, Order};
use super::super::model::Model;
use super::super::reach::{Dag, Mask, has, is_empty, set};
use super::super::report::{Findings, Options};
use super::orders::{Orders, UNSEEN};
use super::{ListAppend, What, list_words};

/// A key, and how far its list goes for a transaction: the length that it read, or the place of its append.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Access {
    key: u32,
    at: u32,
    /// Whether the transaction had appended to the key before: then it read its own version.
    own: bool,
}

/// Lists of accesses, one per transaction.
#[derive(Default)]
struct Rows {
    from: Vec<u32>,
    all: Vec<Access>,
}

impl Rows {
    fn of(&self, txn: u32) -> &[Access] {
        &self.all[self.from[txn as usize] as usize..self.from[txn as usize + 1] as usize]
    }

    fn at(&self, txn: u32, key: u32) -> Option<u32> {
        self.of(txn)
            .iter()
            .find(|access| access.key == key)
            .map(|access| access.at)
    }
}

/// A read that misses an append of a transaction that is visible to the reader.
#[derive(Clone, Copy)]
pub(super) struct Missed {
    pub(super) reader: u32,
    pub(super) key: u32,
    pub(super) writer: u32,
}

/// Finds reads that miss something; whether all appends of a list are visible to its reader, or the last one.
type Find = for<'a, 'h> fn(&'a Views<'h>, bool) -> Vec<Missed>;

/// Judges the models, where the dependencies have cycles through anti-dependencies; where they have none, all of them
/// hold.
pub(super) fn judge(
    history: &ListAppend,
    orders: &Orders,
    graph: &Graph,
    cyclic: &Components,
    hidden: bool,
    options: &Options,
    findings: &mut Findings,
) {
    if findings.has(|kind| kind == Kind::Internal) {
        return findings.leave_open(
            &[Model::MonotonicAtomicView],
            "a transaction contradicts its own reads and appends: what else it saw is not known",
        );
    }
    let views = Views::of(history, orders);
    let finds: [(Kind, Model, Find); 4] = [
        (Kind::VanishedTransaction, Model::MonotonicAtomicView, |views, whole| {
            views.vanished(whole)
        }),
        (Kind::FracturedRead(Order::Data), Model::ReadAtomic, |views, whole| {
            views.fractured(whole)
        }),
        (Kind::UnseenConflict, Model::UpdateAtomic, |views, whole| {
            views.conflicts(whole)
        }),
        (
            Kind::FracturedRead(Order::Process),
            Model::StrongSessionReadAtomic,
            |views, whole| views.fractured_in_sessions(whole),
        ),
    ];
    for (kind, model, find) in finds {
        // Of appends that no read shows each may be the one behind which the other is.
        let hidden = hidden && kind == Kind::UnseenConflict;
        let find = |whole| Some(find(&views, whole)).filter(|missed| !(hidden && whole && missed.is_empty()));
        conclude(history, orders, kind, model, find, findings);
    }
    for (order, model) in [(Order::Data, Model::CausalCerone), (Order::Process, Model::Causal)] {
        if findings.wants(model, options) {
            let kind = Kind::CausalityViolation(order);
            let find = |whole| views.causes((graph, cyclic), options, order == Order::Process, whole);
            conclude(history, orders, kind, model, find, findings);
        }
    }
}

/// Rules the model out, shows it, or leaves it open.
fn conclude(
    history: &ListAppend,
    orders: &Orders,
    kind: Kind,
    model: Model,
    find: impl Fn(bool) -> Option<Vec<Missed>>,
    findings: &mut Findings,
) {
    if findings.ruled_out().contains(model) || findings.shows(model) {
        return;
    }
    for missed in find(false).into_iter().flatten() {
        findings.add(kind, || list_words::missed(history, orders, kind, missed));
    }
    if findings.ruled_out().contains(model) {
        return;
    }
    match find(true).map(|missed| missed.is_empty()) {
        Some(true) => findings.show(model),
        Some(false) => findings.leave_open(&[model], BELOW_THE_LAST),
        None => {}
    }
}

pub(super) const BELOW_THE_LAST: &str = "only an append below the last one of a list shows what a read missed: whether such a list \
                              shows all of its appends, the models do not say";

struct Views<'h> {
    history: &'h ListAppend,
    orders: &'h Orders,
    /// What each transaction read of others' appends, in its order; repetitions in a row once.
    reads: Rows,
    /// Its last append to each key.
    writes: Rows,
    /// Its first append to each key.
    follows: Rows,
    /// Per pair of keys: for elements of the first whose transaction appended to the second, too, the place behind the
    /// element and the last such place of the second so far, with who appended there.
    pairs: HashMap<(u32, u32), Vec<Behindmost>>,
}

/// The place behind an element of one key, the last place of another key so far, and who appended there.
type Behindmost = (u32, u32, u32);

impl<'h> Views<'h> {
    fn of(history: &'h ListAppend, orders: &'h Orders) -> Self {
        let mut views = Views {
            history,
            orders,
            reads: Rows::default(),
            writes: Rows::default(),
            follows: Rows::default(),
            pairs: HashMap::new(),
        };
        for txn in 0..history.txns.len() as u32 {
            views.begin();
            if orders.committed(txn) {
                views.take(txn);
            }
        }
        views.begin();
        for key in 0..history.keys.len() as u32 {
            views.pair(key);
        }
        views
    }

    fn begin(&mut self) {
        for rows in [&mut self.reads, &mut self.writes, &mut self.follows] {
            rows.from.push(rows.all.len() as u32);
        }
    }

    fn take(&mut self, txn: u32) {
        let [reads, writes, follows] = [&mut self.reads, &mut self.writes, &mut self.follows];
        let first = [reads.all.len(), writes.all.len()];
        let mut own: HashMap<u32, u32> = HashMap::new();
        for mop in self.history.mops(txn) {
            match mop.what {
                What::Append(append) => {
                    let at = self.orders.place(append);
                    let access = Access {
                        key: mop.key,
                        at,
                        own: true,
                    };
                    *own.entry(mop.key).or_default() += 1;
                    match writes.all[first[1]..].iter_mut().find(|access| access.key == mop.key) {
                        Some(last) => last.at = last.at.max(at),
                        None => {
                            writes.all.push(access);
                            follows.all.push(access);
                        }
                    }
                }
                What::Read(len) => {
                    let own = own.get(&mop.key).copied().unwrap_or(0);
                    let access = Access {
                        key: mop.key,
                        at: len.saturating_sub(own),
                        own: own > 0,
                    };
                    if reads.all[first[0]..].last() != Some(&access) {
                        reads.all.push(access);
                    }
                }
                What::Raw(_) | What::Unknown => {}
            }
        }
    }

    fn pair(&mut self, key: u32) {
        for (at, append) in self.orders.of_key(key).iter().enumerate() {
            let Some(writer) = self.orders.writer(self.history, *append) else {
                continue;
            };
            for write in self.writes.of(writer).iter().filter(|write| write.key != key) {
                let rows = self.pairs.entry((key, write.key)).or_default();
                let known = rows.last().map_or((0, writer), |(_, place, who)| (*place, *who));
                let (place, who) = if rows.is_empty() || write.at > known.0 {
                    (write.at, writer)
                } else {
                    known
                };
                rows.push((at as u32 + 1, place, who));
            }
        }
    }

    /// Who appended to `key` at or behind `len`, of those who appended one of the first `seen` elements of another key.
    fn behind(&self, other: u32, seen: u32, key: u32, len: u32) -> Option<u32> {
        let rows = self.pairs.get(&(other, key))?;
        let (_, place, who) = rows[..rows.partition_point(|(at, ..)| *at <= seen)].last()?;
        (*place >= len).then_some(*who)
    }

    /// Who appended the last of the first `len` elements of a key.
    fn last(&self, key: u32, len: u32) -> Option<u32> {
        let append = self.orders.of_key(key)[len.checked_sub(1)? as usize];
        self.orders.writer(self.history, append)
    }

    /// Who is visible by a read, and appended to `key` behind `len`.
    fn shown(&self, read: &Access, (key, len): (u32, u32), whole: bool) -> Option<u32> {
        let (other, seen) = (read.key, read.at);
        let last = self.last(other, seen).filter(|_| whole || !read.own);
        let by_last = last.filter(|who| self.writes.at(*who, key).is_some_and(|place| place >= len));
        by_last.or_else(|| {
            if whole {
                self.behind(other, seen, key, len)
            } else {
                None
            }
        })
    }

    fn committed(&self) -> impl Iterator<Item = u32> {
        let all = 0..self.history.txns.len() as u32;
        all.filter(|txn| self.orders.committed(*txn))
    }

    /// Reads that miss what a transaction appended that an earlier read of the same transaction had seen.
    fn vanished(&self, whole: bool) -> Vec<Missed> {
        self.missed(|reads, nth, (key, len), _| {
            let earlier = reads[..nth].iter();
            let mut seen = earlier.map(|read| self.shown(read, (key, len), whole));
            seen.find_map(|seen| seen)
        })
    }

    /// Reads that miss what a transaction appended that any read of the same transaction had seen.
    fn fractured(&self, whole: bool) -> Vec<Missed> {
        self.missed(|reads, _, (key, len), _| {
            let mut seen = reads.iter().filter(|read| read.key != key);
            seen.find_map(|read| self.shown(read, (key, len), whole))
        })
    }

    /// The same, and reads that miss what a transaction appended behind which this one appended to another key.
    fn conflicts(&self, whole: bool) -> Vec<Missed> {
        self.missed(|reads, _, (key, len), reader| {
            let mut seen = reads.iter().filter(|read| read.key != key);
            let read = seen.find_map(|read| self.shown(read, (key, len), whole));
            let own = self.follows.of(reader).iter();
            let mut overwritten = own.map(|own| {
                let end = own.at.min(self.orders.of_key(own.key).len() as u32);
                if own.key != key {
                    return self.behind(own.key, end, key, len);
                }
                // What stands between the read and its own append was not seen.
                let between = (len..end).rev().map(|at| self.last(key, at + 1));
                between.flatten().find(|who| *who != reader)
            });
            read.or_else(|| overwritten.find_map(|missed| missed))
        })
    }

    fn missed(&self, find: impl Fn(&[Access], usize, (u32, u32), u32) -> Option<u32>) -> Vec<Missed> {
        let mut missed = Vec::new();
        for reader in self.committed() {
            let reads = self.reads.of(reader);
            // What its own version lacks is behind its own append: a cycle of writes and reads, which is known by now.
            let mut each = reads.iter().enumerate().filter(|(_, read)| !read.own);
            missed.extend(each.find_map(|(nth, read)| {
                let writer = find(reads, nth, (read.key, read.at), reader).filter(|writer| *writer != reader)?;
                Some(Missed {
                    reader,
                    key: read.key,
                    writer,
                })
            }));
        }
        missed
    }

    /// Fractured reads, and reads that miss what their own session appended before.
    fn fractured_in_sessions(&self, whole: bool) -> Vec<Missed> {
        let mut missed = self.fractured(whole);
        let mut past: HashMap<(u32, u32), (u32, u32)> = HashMap::new();
        let mut pending: Vec<Vec<u32>> = vec![Vec::new(); self.history.txns.processes()];
        for reader in self.history.txns.by_invocation() {
            if !self.orders.committed(reader) {
                continue;
            }
            let process = self.history.txns.process(reader);
            let invoke = self.history.txns.invoke(reader);
            let over = |txn: &u32| {
                self.history
                    .txns
                    .over_in_session(*txn)
                    .is_some_and(|over| over < invoke)
            };
            for done in pending[process as usize].extract_if(.., |txn| over(txn)) {
                for write in self.writes.of(done) {
                    let last = past.entry((process, write.key)).or_insert((write.at, done));
                    if write.at >= last.0 {
                        *last = (write.at, done);
                    }
                }
            }
            pending[process as usize].push(reader);
            missed.extend(self.reads.of(reader).iter().filter(|read| !read.own).find_map(|read| {
                let (_, writer) = past.get(&(process, read.key)).filter(|(place, _)| *place >= read.at)?;
                Some(Missed {
                    reader,
                    key: read.key,
                    writer: *writer,
                })
            }));
        }
        missed
    }

    /// Reads that miss what a transaction appended that causally precedes the reader. None where that takes too long.
    fn causes(
        &self,
        (graph, cyclic): (&Graph, &Components),
        options: &Options,
        sessions: bool,
        whole: bool,
    ) -> Option<Vec<Missed>> {
        let txns = self.history.txns.len();
        let mut component = vec![0; txns];
        for node in 0..graph.nodes() as u32 {
            if let Some(txn) = graph.txn(node) {
                component[txn as usize] = cyclic.of(node);
            }
        }
        let mut edges: Vec<(u32, u32)> = Vec::new();
        let mut link = |from: u32, to: u32| {
            if from != to && component[from as usize] != 0 && component[from as usize] == component[to as usize] {
                edges.push((from, to));
            }
        };
        for reader in self.committed() {
            let reads = self.reads.of(reader).iter().filter(|read| whole || !read.own);
            for writer in reads.filter_map(|read| self.last(read.key, read.at)) {
                link(writer, reader);
            }
        }
        if sessions {
            let sessions = self.history.txns.sessions(|txn| self.orders.committed(txn));
            sessions.into_iter().for_each(|(from, to)| link(from, to));
        }
        if whole {
            self.elements(&component, &mut edges);
        }
        let budget = u128::from(options.search_edges_max) * 16;
        if edges.len() as u128 * (txns / 512 + 1) as u128 > budget {
            return None;
        }
        let dag = Dag::new(txns + self.orders.elements(), &edges)?;
        let mut missed: HashMap<u32, Missed> = HashMap::new();
        let mut behind = Behind::new(self.history.keys.len());
        let is_source = |node: u32| {
            let txn = (node as usize) < txns && component[node as usize] != 0;
            txn && !self.writes.of(node).is_empty()
        };
        let readers: Vec<u32> = self.committed().filter(|txn| component[*txn as usize] != 0).collect();
        dag.sweep(is_source, |sources, reached| {
            behind.take((0..).zip(sources).flat_map(|(bit, source)| {
                let writes = self.writes.of(*source).iter();
                writes.map(move |write| (write.key, write.at, bit))
            }));
            for reader in readers.iter().filter(|reader| !is_empty(reached.mask(**reader))) {
                let mask = reached.mask(*reader);
                let writer = |bit: u16| Some(sources[usize::from(bit)]).filter(|writer| writer != reader);
                let reads = self.reads.of(*reader).iter().filter(|read| !read.own);
                let unseen = reads.clone().find_map(|read| {
                    let writer = behind.find(read.key, read.at, mask, writer)?;
                    Some(Missed {
                        reader: *reader,
                        key: read.key,
                        writer,
                    })
                });
                if let Some(unseen) = unseen {
                    missed.entry(*reader).or_insert(unseen);
                }
            }
        });
        let mut missed: Vec<Missed> = missed.into_values().collect();
        missed.sort_unstable_by_key(|missed| missed.reader);
        Some(missed)
    }

    /// Every element of a list is seen with those behind it: a chain of nodes behind the transactions.
    fn elements(&self, component: &[u32], edges: &mut Vec<(u32, u32)>) {
        let node = |key: u32, at: u32| (self.history.txns.len() + self.orders.start(key)) as u32 + at;
        for key in 0..self.history.keys.len() as u32 {
            let mut before = 0;
            for at in 0..self.orders.of_key(key).len() as u32 {
                let writer = self.last(key, at + 1);
                let here = writer.map_or(0, |writer| component[writer as usize]);
                if let Some(writer) = writer.filter(|_| here != 0) {
                    edges.push((writer, node(key, at)));
                    if here == before {
                        edges.push((node(key, at - 1), node(key, at)));
                    }
                }
                before = here;
            }
        }
        for reader in self.committed() {
            for read in self.reads.of(reader).iter().filter(|read| read.at > 0) {
                let writer = self.last(read.key, read.at);
                let here = writer.map_or(0, |writer| component[writer as usize]);
                if here != 0 && here == component[reader as usize] && writer != Some(reader) {
                    edges.push((node(read.key, read.at - 1), reader));
                }
            }
        }
    }
}

/// The appends of a batch of transactions, by key and place.
struct Behind {
    /// Per key where its entries begin and end, if it has any in this batch.
    of: Vec<(u32, u32)>,
    keys: Vec<u32>,
    /// Place and transaction, in the order of the places; with each all transactions from there on in its key.
    entries: Vec<(u32, u16, Mask)>,
}

impl Behind {
    fn new(keys: usize) -> Self {
        Behind {
            of: vec![(0, 0); keys],
            keys: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Takes a batch in the place of the one before: key, place, transaction.
    fn take(&mut self, appends: impl Iterator<Item = (u32, u32, u16)>) {
        self.keys.drain(..).for_each(|key| self.of[key as usize] = (0, 0));
        self.entries.clear();
        let mut sorted: Vec<(u32, u32, u16)> = appends.collect();
        sorted.sort_unstable();
        for of_key in sorted.chunk_by(|a, b| a.0 == b.0) {
            let from = self.entries.len();
            self.entries
                .extend(of_key.iter().map(|(_, place, bit)| (*place, *bit, Mask::default())));
            let mut mask = Mask::default();
            for (_, bit, from_here) in self.entries[from..].iter_mut().rev() {
                set(&mut mask, *bit);
                *from_here = mask;
            }
            self.of[of_key[0].0 as usize] = (from as u32, self.entries.len() as u32);
            self.keys.push(of_key[0].0);
        }
    }

    /// The first transaction of the mask that appended to a key at or behind a place and that `writer` accepts.
    fn find(&self, key: u32, place: u32, mask: &Mask, writer: impl Fn(u16) -> Option<u32>) -> Option<u32> {
        let (from, to) = self.of[key as usize];
        let entries = &self.entries[from as usize..to as usize];
        let entries = &entries[entries.partition_point(|(at, ..)| *at < place)..];
        let (.., all) = entries.first()?;
        if all.iter().zip(mask).all(|(a, b)| a & b == 0) {
            return None;
        }
        let mut reached = entries.iter().filter(|(_, bit, _)| has(mask, *bit));
        reached.find_map(|(_, bit, _)| writer(*bit))
    }
}

/// The first append of a transaction to a key at or behind a place, for words.
pub(super) fn append_behind(history: &ListAppend, orders: &Orders, txn: u32, key: u32, len: u32) -> Option<u32> {
    history.mops(txn).iter().find_map(|mop| match mop.what {
        What::Append(append) if mop.key == key => {
            let place = orders.place(append);
            (place == UNSEEN || place >= len).then_some(append)
        }
        _ => None,
    })
}

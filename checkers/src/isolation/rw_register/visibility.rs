//! Models that say which transactions a reader sees: monotonic atomic view, read atomic and causal.
//!
//! Whoever is visible to a reader and wrote a key is arbitrated before the writer of what the reader found there, and
//! cannot be visible at all where that was there at first. The model holds if and only if these orders, the reads and
//! (with sessions) the order of each session have no cycle (Biswas and Enea, "On the Complexity of Checking Transactional
//! Consistency", 2019, over the framework of Cerone, Bernardi and Gotsman, 2015).
//!
//! O(operations) but for causal: transactions times reads over 512.

use std::collections::HashMap;

use super::super::cycles;
use super::super::graph::{Edges, GraphBuilder};
use super::super::kind::{Kind, Order};
use super::super::model::Model;
use super::super::reach::{Dag, Mask, clear, has, is_empty, minus, set};
use super::super::report::Findings;
use super::decide::Judged;
use super::scan::{Held, Touch};
use super::{What, register_words};

/// A reader found something else in a key than what a transaction wrote that is visible to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Passed {
    /// The visible transaction.
    pub(super) writer: u32,
    /// Whoever wrote what the reader found; None where it was there at first.
    pub(super) found: Option<u32>,
    pub(super) reader: u32,
    pub(super) key: u32,
    /// What the reader found.
    pub(super) read: Held,
}

/// Judges the models that are neither shown nor ruled out.
pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let views = Views { judged };
    for (kind, model) in [
        (Kind::VanishedTransaction, Model::MonotonicAtomicView),
        (Kind::FracturedRead(Order::Data), Model::ReadAtomic),
        (Kind::FracturedRead(Order::Process), Model::StrongSessionReadAtomic),
        (Kind::CausalityViolation(Order::Data), Model::CausalCerone),
        (Kind::CausalityViolation(Order::Process), Model::Causal),
    ] {
        // What a transaction that contradicts itself saw of a key is not one thing: only each of its reads is.
        let internal = findings.has(|kind| kind == Kind::Internal) && kind != Kind::VanishedTransaction;
        let far = matches!(kind, Kind::CausalityViolation(_));
        if internal
            || findings.shows(model)
            || findings.ruled_out().contains(model)
            || far && !findings.wants(model, judged.options)
        {
            continue;
        }
        let (passed, order) = match kind {
            Kind::VanishedTransaction => (Some(views.vanished()), Order::Data),
            Kind::FracturedRead(Order::Data) => (Some(views.fractured()), Order::Data),
            Kind::FracturedRead(_) => (Some([views.fractured(), views.sessions()].concat()), Order::Process),
            Kind::CausalityViolation(Order::Data) => (views.causes(false), Order::Data),
            _ => (views.causes(true), Order::Process),
        };
        match passed {
            Some(passed) => views.conclude(kind, model, order, passed, findings),
            None => findings.leave_open(&[model], "what causes what was not decided within the budget"),
        }
    }
}

struct Views<'h> {
    judged: &'h Judged<'h>,
}

impl Views<'_> {
    /// Reports what cannot be, and shows the model where nothing is left that could be wrong.
    fn conclude(&self, kind: Kind, model: Model, order: Order, mut passed: Vec<Passed>, findings: &mut Findings) {
        let Judged { history, options, .. } = self.judged;
        passed.sort_unstable();
        passed.dedup_by_key(|passed| (passed.writer, passed.found));
        for missed in passed.iter().filter(|passed| passed.found.is_none()) {
            findings.add(kind, || register_words::missed(history, *missed));
        }
        let mut edges = GraphBuilder::new(&history.txns, passed.len());
        self.reads()
            .for_each(|(writer, reader)| edges.link(writer, reader, Edges::WR));
        let mut why: HashMap<(u32, u32), Passed> = HashMap::new();
        for passed in &passed {
            if let Some(found) = passed.found {
                edges.link(passed.writer, found, Edges::VISIBLE);
                why.insert((passed.writer, found), *passed);
            }
        }
        super::versions::link_assumed(self.judged, &mut edges);
        let graph = edges.build(&history.txns, |txn| self.judged.committed[txn as usize]);
        let allowed = cycles::ordered(Edges::WR.with(Edges::VISIBLE).with(Edges::WW), order);
        let cycles = cycles::find_all(&graph, kind, allowed, options.witnesses_max);
        findings.add_cycles(cycles, &history.txns, |step| match step.edge {
            Edges::VISIBLE => register_words::passed(history, why[&(step.from, step.to)]),
            _ => register_words::why(history, step),
        });
        if self.judged.seen.touches.iter().any(|touch| touch.wrote_nil) {
            findings.leave_open(
                &[model],
                "nil was written: who wrote the nil that was read is not known",
            );
        } else {
            findings.show(model);
        }
    }

    fn touches(&self, txn: u32) -> &[Touch] {
        self.judged.seen.of(txn)
    }

    fn committed(&self) -> impl Iterator<Item = u32> {
        (0..self.judged.history.txns.len() as u32).filter(|txn| self.judged.committed[*txn as usize])
    }

    /// The transaction that wrote what was read, if it is another one that committed.
    fn writer(&self, held: Held, reader: u32) -> Option<u32> {
        let versions = &self.judged.history.versions;
        let writer = (held < versions.len() as u32).then(|| versions.writer(held)).flatten();
        writer.filter(|writer| *writer != reader && self.judged.committed[*writer as usize])
    }

    /// Each writer and who read from it.
    fn reads(&self) -> impl Iterator<Item = (u32, u32)> {
        let reads = self.judged.seen.reads.iter();
        reads.filter_map(|(held, reader)| Some((self.writer(*held, *reader)?, *reader)))
    }

    /// What follows from a transaction that is visible where a reader found something in a key.
    fn pass(&self, writer: u32, reader: u32, key: u32, read: Held) -> Option<Passed> {
        let wrote = self
            .touches(writer)
            .iter()
            .any(|touch| touch.key == key && touch.wrote.is_some());
        let found = self.writer(read, reader);
        let first = self.judged.seen.is_first(read, key);
        let other = wrote && writer != reader && found != Some(writer) && (first || found.is_some());
        other.then_some(Passed {
            writer,
            found,
            reader,
            key,
            read,
        })
    }

    /// Of each read, whom an earlier one of its transaction had read from.
    fn vanished(&self) -> Vec<Passed> {
        let history = self.judged.history;
        let mut passed = Vec::new();
        let mut before: Vec<u32> = Vec::new();
        for reader in self.committed() {
            before.clear();
            for mop in history.mops(reader) {
                let read = match mop.what {
                    What::Read(version) => version,
                    What::ReadNil => history.versions.len() as u32 + mop.key,
                    _ => continue,
                };
                // What it wrote itself tells nothing of others.
                let own = history.versions.writer.get(read as usize) == Some(&reader);
                if !own {
                    passed.extend(
                        before
                            .iter()
                            .filter_map(|writer| self.pass(*writer, reader, mop.key, read)),
                    );
                    before.extend(self.writer(read, reader));
                }
            }
        }
        passed
    }

    /// Of each read, whom its transaction read from anywhere.
    fn fractured(&self) -> Vec<Passed> {
        let mut passed = Vec::new();
        for reader in self.committed() {
            let reads = self
                .touches(reader)
                .iter()
                .filter_map(|touch| Some((touch.key, touch.read?)));
            for writer in reads.clone().filter_map(|(_, read)| self.writer(read, reader)) {
                let each = reads.clone();
                passed.extend(each.filter_map(|(key, read)| self.pass(writer, reader, key, read)));
            }
        }
        passed
    }

    /// Of each read, who of its session wrote the key last before.
    fn sessions(&self) -> Vec<Passed> {
        let txns = &self.judged.history.txns;
        let mut passed = Vec::new();
        let mut past: HashMap<(u32, u32), u32> = HashMap::new();
        let mut pending: Vec<Vec<u32>> = vec![Vec::new(); txns.processes()];
        for reader in txns.by_invocation() {
            if !self.judged.committed[reader as usize] {
                continue;
            }
            let process = txns.process(reader);
            let over = |txn: u32| txns.over_in_session(txn).is_some_and(|over| over < txns.invoke(reader));
            for done in pending[process as usize].extract_if(.., |txn| over(*txn)) {
                let writes = self.judged.seen.of(done).iter().filter(|touch| touch.wrote.is_some());
                past.extend(writes.map(|touch| ((process, touch.key), done)));
            }
            pending[process as usize].push(reader);
            for touch in self.touches(reader) {
                let writer = past.get(&(process, touch.key)).zip(touch.read);
                passed.extend(writer.and_then(|(writer, read)| self.pass(*writer, reader, touch.key, read)));
            }
        }
        passed
    }

    /// Of each read, who causally precedes its transaction. None if the causes have a cycle.
    fn causes(&self, sessions: bool) -> Option<Vec<Passed>> {
        let txns = &self.judged.history.txns;
        let mut edges: Vec<(u32, u32)> = self.reads().collect();
        if sessions {
            edges.extend(txns.sessions(|txn| self.judged.committed[txn as usize]));
        }
        let budget = u128::from(self.judged.options.search_edges_max) * 16;
        if edges.len() as u128 * (txns.len() / 512 + 1) as u128 > budget {
            return None;
        }
        let dag = Dag::new(txns.len(), &edges)?;
        let is_source = |txn: u32| {
            let committed = self.judged.committed[txn as usize];
            committed && self.touches(txn).iter().any(|touch| touch.wrote.is_some())
        };
        let reads: Vec<&Touch> = (self.judged.seen.touches.iter())
            .filter(|touch| touch.read.is_some())
            .collect();
        let mut passed = Vec::new();
        let mut writers = Writers::new(self.judged.history.keys.len());
        dag.sweep(is_source, |sources, reached| {
            writers.take((0..).zip(sources).flat_map(|(bit, source)| {
                let writes = self.touches(*source).iter().filter(|touch| touch.wrote.is_some());
                writes.map(move |touch| (touch.key, bit))
            }));
            let own: HashMap<u32, u16> = sources.iter().copied().zip(0..).collect();
            // Each version once for every set of writers that is before some reader of it.
            let mut known: HashMap<Held, Mask> = HashMap::new();
            for touch in &reads {
                let (reader, key) = (touch.txn, touch.key);
                let Some(of_key) = writers.of_key(key).filter(|_| !is_empty(reached.mask(reader))) else {
                    continue;
                };
                let read = touch.read.unwrap_or_default();
                let found = self.writer(read, reader);
                let mut mask = *reached.mask(reader);
                mask.iter_mut().zip(of_key).for_each(|(m, o)| *m &= o);
                if let Some(bit) = own.get(&reader) {
                    clear(&mut mask, *bit);
                }
                if let Some(found) = found {
                    // These are before it anyway.
                    minus(&mut mask, reached.mask(found));
                    let known = known.entry(read).or_default();
                    minus(&mut mask, known);
                    known.iter_mut().zip(&mask).for_each(|(k, m)| *k |= m);
                }
                // The latest of a chain stand for those before them.
                for bit in (0..sources.len() as u16).rev() {
                    if !has(&mask, bit) {
                        continue;
                    }
                    let writer = sources[usize::from(bit)];
                    let mut earlier = *reached.mask(writer);
                    clear(&mut earlier, bit);
                    minus(&mut mask, &earlier);
                    passed.extend(self.pass(writer, reader, key, read));
                }
            }
        });
        Some(passed)
    }
}

/// Who of a batch wrote each key.
pub(super) struct Writers {
    of: Vec<u32>,
    keys: Vec<u32>,
    masks: Vec<Mask>,
}

impl Writers {
    pub(super) fn new(keys: usize) -> Self {
        Writers {
            of: vec![u32::MAX; keys],
            keys: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// Takes a batch in the place of the one before.
    pub(super) fn take(&mut self, writes: impl Iterator<Item = (u32, u16)>) {
        self.keys.drain(..).for_each(|key| self.of[key as usize] = u32::MAX);
        self.masks.clear();
        for (key, bit) in writes {
            let slot = &mut self.of[key as usize];
            if *slot == u32::MAX {
                *slot = self.masks.len() as u32;
                self.masks.push(Mask::default());
                self.keys.push(key);
            }
            set(&mut self.masks[*slot as usize], bit);
        }
    }

    pub(super) fn of_key(&self, key: u32) -> Option<&Mask> {
        self.masks.get(self.of[key as usize] as usize)
    }
}

//! The partial order of the versions of each key, and the dependencies that follow from it.

use super::super::components::{Digraph, components};
use super::super::graph::{Edges, GraphBuilder};
use super::super::kind::{Kind, Order};
use super::super::report::Findings;
use super::super::txns::Txns;
use super::scan::{Held, Seen, Touch};
use super::{Assumptions, Judged, NOBODY, RwRegister, register_words};

/// One version precedes another, as the assumptions say.
type Pair = (Held, Held);

/// Adds the dependencies of a history to a graph.
pub(super) fn link(
    history: &RwRegister,
    committed: &[bool],
    seen: &Seen,
    assumptions: &Assumptions,
    edges: &mut GraphBuilder,
    findings: &mut Findings,
) {
    let links = Links {
        history,
        committed,
        seen,
    };
    links.reads(edges);
    links.first(edges);
    links.updates(assumptions, edges);
    let mut circles = Vec::new();
    let pairs = links.acyclic(
        assumed(history, seen, assumptions, false),
        Order::Data,
        &mut circles,
        findings,
    );
    links.pairs(&pairs, [Edges::WW, Edges::RW], edges);
    // What is assumed of all models need not be inferred for some.
    if assumptions.linearizable_keys {
        return;
    }
    if !assumptions.sequential_keys {
        let sequential = Assumptions {
            sequential_keys: true,
            ..Assumptions::default()
        };
        let pairs = links.acyclic(
            assumed(history, seen, &sequential, true),
            Order::Process,
            &mut circles,
            findings,
        );
        links.pairs(&pairs, [Edges::WW_PROCESS, Edges::RW_PROCESS], edges);
    }
    let linearizable = Assumptions {
        linearizable_keys: true,
        ..Assumptions::default()
    };
    let pairs = links.acyclic(
        assumed(history, seen, &linearizable, true),
        Order::Realtime,
        &mut circles,
        findings,
    );
    links.pairs(&pairs, [Edges::WW_REALTIME, Edges::RW_REALTIME], edges);
}

/// Adds the order of writes that is assumed of all models.
pub(super) fn link_assumed(judged: &Judged<'_>, edges: &mut GraphBuilder) {
    let Judged {
        history,
        committed,
        seen,
        assumptions,
        ..
    } = *judged;
    let links = Links {
        history,
        committed,
        seen,
    };
    links.pairs(
        &assumed(history, seen, assumptions, false),
        [Edges::WW, Edges::RW],
        edges,
    );
}

struct Links<'s> {
    history: &'s RwRegister,
    committed: &'s [bool],
    seen: &'s Seen,
}

impl Links<'_> {
    /// The transaction that wrote a version, if one did and it committed.
    fn writer(&self, held: Held) -> Option<u32> {
        let versions = &self.history.versions;
        let writer = (held < versions.len() as u32).then(|| versions.writer(held)).flatten();
        writer.filter(|writer| self.committed[*writer as usize])
    }

    fn readers(&self, held: Held) -> Vec<u32> {
        let reads = &self.seen.reads;
        let from = reads.partition_point(|(h, _)| *h < held);
        reads[from..]
            .iter()
            .take_while(|(h, _)| *h == held)
            .map(|(_, txn)| *txn)
            .collect()
    }

    /// Whoever read a version comes after its writer.
    fn reads(&self, edges: &mut GraphBuilder) {
        for (held, reader) in &self.seen.reads {
            if let Some(writer) = self.writer(*held) {
                edges.link(writer, *reader, Edges::WR);
            }
        }
    }

    /// Whoever read what a key held at first comes before all who wrote the key.
    fn first(&self, edges: &mut GraphBuilder) {
        let mut wanted = vec![false; self.history.keys.len()];
        let reads = self.seen.reads.iter().map(|(held, txn)| (self.key(*held), *held, *txn));
        let first: Vec<(u32, Held, u32)> = reads.filter(|(key, held, _)| self.seen.is_first(*held, *key)).collect();
        first.iter().for_each(|(key, ..)| wanted[*key as usize] = true);
        let writes = self.seen.touches.iter();
        let writes = writes.filter(|touch| touch.wrote.is_some() && wanted[touch.key as usize]);
        let mut writers: Vec<(u32, u32)> = writes.map(|touch| (touch.key, touch.txn)).collect();
        writers.sort_unstable();
        for readers in first.chunk_by(|a, b| a.0 == b.0) {
            let key = readers[0].0;
            let from = writers.partition_point(|(k, _)| *k < key);
            let writers: Vec<u32> = writers[from..]
                .iter()
                .take_while(|(k, _)| *k == key)
                .map(|(_, t)| *t)
                .collect();
            let readers: Vec<u32> = readers.iter().map(|(.., txn)| *txn).collect();
            edges.link_all(&readers, &writers, Edges::RW);
        }
    }

    /// The key of what was held.
    fn key(&self, held: Held) -> u32 {
        match held.checked_sub(self.history.versions.len() as u32) {
            Some(key) => key,
            None => self.history.versions.key[held as usize],
        }
    }

    /// Whoever read a version and then wrote the key comes after the writer of that version and its other readers.
    fn updates(&self, assumptions: &Assumptions, edges: &mut GraphBuilder) {
        let order = if assumptions.wfr_keys {
            Edges::WW
        } else {
            Edges::WW_INFERRED
        };
        let mut updates: Vec<(Held, u32)> = updates(self.history, self.seen)
            .map(|(read, touch, _)| (read, touch.txn))
            .collect();
        updates.sort_unstable();
        for group in updates.chunk_by(|a, b| a.0 == b.0) {
            let txns: Vec<u32> = group.iter().map(|(_, txn)| *txn).collect();
            self.overwrite(group[0].0, &txns, [order, Edges::RW], edges);
        }
    }

    /// The transactions wrote versions that come after `held`.
    fn overwrite(&self, held: Held, txns: &[u32], [ww, rw]: [Edges; 2], edges: &mut GraphBuilder) {
        if let Some(writer) = self.writer(held) {
            txns.iter().for_each(|txn| edges.link(writer, *txn, ww));
        }
        edges.link_all(&self.readers(held), txns, rw);
    }

    fn pairs(&self, pairs: &[Pair], kinds: [Edges; 2], edges: &mut GraphBuilder) {
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let mut txns: Vec<u32> = group.iter().filter_map(|(_, later)| self.writer(*later)).collect();
            txns.sort_unstable();
            txns.dedup();
            self.overwrite(group[0].0, &txns, kinds, edges);
        }
    }

    /// Reports versions that precede each other in a circle, unless one of `circles` is among them, and drops the pairs
    /// among them: they tell nothing. What a key held at first precedes every version.
    fn acyclic(
        &self,
        mut pairs: Vec<Pair>,
        order: Order,
        reported: &mut Vec<Held>,
        findings: &mut Findings,
    ) -> Vec<Pair> {
        let mut all = pairs.clone();
        for held in pairs.iter().flat_map(|(earlier, later)| [*earlier, *later]) {
            let first = self.seen.initial.held(self.key(held));
            all.extend(first.filter(|first| *first != held).map(|first| (first, held)));
        }
        all.sort_unstable();
        all.dedup();
        let graph = VersionGraph {
            nodes: self.history.versions.len() + self.history.keys.len(),
            pairs: all,
        };
        let circles = components(&graph, graph.pairs.iter().map(|(earlier, _)| *earlier));
        for circle in circles.members() {
            if !circle.iter().any(|held| reported.contains(held)) {
                findings.add(Kind::CyclicVersions(order), || {
                    register_words::cyclic(self.history, circle)
                });
                reported.extend(circle);
            }
        }
        pairs.retain(|(earlier, later)| circles.of(*earlier) == 0 || circles.of(*earlier) != circles.of(*later));
        pairs
    }
}

/// The transactions that read a version, other than nil, and then wrote the key: what was read, who, what was written.
fn updates<'s>(history: &'s RwRegister, seen: &'s Seen) -> impl Iterator<Item = (Held, &'s Touch, u32)> {
    seen.touches.iter().filter_map(move |touch| {
        let (read, wrote) = (touch.read?, touch.wrote?);
        let version = read < history.versions.len() as u32
            && seen.known(history, read, touch.key)
            && !seen.is_first(read, touch.key);
        (version && history.versions.writer(read) != Some(touch.txn)).then_some((read, touch, wrote))
    })
}

/// The order that the assumptions give, sorted, without repetitions.
fn assumed(history: &RwRegister, seen: &Seen, assumptions: &Assumptions, implied: bool) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    if assumptions.wfr_keys {
        pairs.extend(updates(history, seen).map(|(read, _, wrote)| (read, wrote)));
    }
    let mut touches: Vec<Touch> = seen.touches.clone();
    // When what came from elsewhere came, and whether once, nobody knows: an assumption says that it, too, is in order,
    // what a model implies does not.
    let foreign = |held: Held, key: u32| {
        let version = history.versions.writer.get(held as usize);
        implied && version == Some(&NOBODY) && !seen.is_first(held, key)
    };
    for touch in &mut touches {
        touch.read = touch.read.filter(|read| !foreign(*read, touch.key));
    }
    touches.retain(|touch| first(touch).is_some_and(|held| seen.known(history, held, touch.key)));
    let process = |touch: &Touch| history.txns.process(touch.txn);
    let invoke = |touch: &Touch| history.txns.invoke(touch.txn);
    // Of a linearizable key without real time what is left is that each process sees its versions in their order.
    if assumptions.sequential_keys || assumptions.linearizable_keys && !history.txns.tells(Order::Realtime) {
        touches.sort_unstable_by_key(|touch| (touch.key, process(touch), invoke(touch)));
        touches
            .chunk_by(|a, b| a.key == b.key && process(a) == process(b))
            .for_each(|touches| follow(history, touches, Txns::over_in_session, &mut pairs));
    }
    if assumptions.linearizable_keys {
        touches.sort_unstable_by_key(|touch| (touch.key, invoke(touch)));
        touches
            .chunk_by(|a, b| a.key == b.key)
            .for_each(|touches| follow(history, touches, Txns::over, &mut pairs));
    }
    pairs.retain(|(earlier, later)| earlier != later);
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// The first version that a transaction had to do with.
fn first(touch: &Touch) -> Option<Held> {
    touch.read.or(touch.wrote)
}

/// Pairs the versions of touches of one key, in the order of their invocations: each is preceded by those that were
/// over before and are not preceded by others that were. These are as many as run at once.
fn follow(history: &RwRegister, touches: &[Touch], over: fn(&Txns, u32) -> Option<u64>, pairs: &mut Vec<Pair>) {
    let over_at = |touch: &Touch| over(&history.txns, touch.txn);
    let mut over: Vec<(u64, &Touch)> = touches
        .iter()
        .filter_map(|touch| Some((over_at(touch)?, touch)))
        .collect();
    over.sort_unstable_by_key(|(at, _)| *at);
    let mut over = over.into_iter().peekable();
    let mut frontier: Vec<&Touch> = Vec::new();
    for touch in touches {
        let invoke = history.txns.invoke(touch.txn);
        while let Some((_, done)) = over.next_if(|(at, _)| *at < invoke) {
            let began = history.txns.invoke(done.txn);
            frontier.retain(|before| over_at(before).is_some_and(|at| at > began));
            frontier.push(done);
        }
        for before in &frontier {
            if let (Some(earlier), Some(later)) = (before.wrote.or(before.read), first(touch)) {
                pairs.push((earlier, later));
            }
        }
    }
}

/// Pairs of versions as a graph.
struct VersionGraph {
    nodes: usize,
    pairs: Vec<Pair>,
}

impl Digraph for VersionGraph {
    fn nodes(&self) -> usize {
        self.nodes
    }

    fn next(&self, node: u32, nth: u32) -> Option<(u32, u32)> {
        let from = self.pairs.partition_point(|(earlier, _)| *earlier < node);
        let (earlier, later) = self.pairs.get(from + nth as usize)?;
        (*earlier == node).then_some((nth, *later))
    }
}

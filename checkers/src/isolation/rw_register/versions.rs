//! The partial order of the versions of each key, and the dependencies that follow from it.

use super::super::components::{Digraph, components};
use super::super::graph::{Edges, GraphBuilder};
use super::super::kind::{Kind, Order};
use super::super::report::Findings;
use super::super::txns::Txns;
use super::scan::{Held, Seen, Touch, known};
use super::{Assumptions, RwRegister, register_words};

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
    links.nil(edges);
    links.updates(assumptions, edges);
    let mut pairs = assumed(history, seen, assumptions);
    if !pairs.is_empty() {
        drop_cyclic(history, &mut pairs, findings);
        links.pairs(&pairs, edges);
    }
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

    /// Whoever read nil comes before all who wrote the key.
    fn nil(&self, edges: &mut GraphBuilder) {
        let nils = self.history.versions.len() as u32;
        let from = self.seen.reads.partition_point(|(held, _)| *held < nils);
        let read_nil = &self.seen.reads[from..];
        let mut wanted = vec![false; self.history.keys.len()];
        read_nil
            .iter()
            .for_each(|(held, _)| wanted[(held - nils) as usize] = true);
        let writes = self
            .seen
            .touches
            .iter()
            .filter(|touch| touch.wrote.is_some() && wanted[touch.key as usize]);
        let mut writers: Vec<(u32, u32)> = writes.map(|touch| (touch.key, touch.txn)).collect();
        writers.sort_unstable();
        for readers in read_nil.chunk_by(|a, b| a.0 == b.0) {
            let key = readers[0].0 - nils;
            let from = writers.partition_point(|(k, _)| *k < key);
            let writers: Vec<u32> = writers[from..]
                .iter()
                .take_while(|(k, _)| *k == key)
                .map(|(_, t)| *t)
                .collect();
            let readers: Vec<u32> = readers.iter().map(|(_, txn)| *txn).collect();
            edges.link_all(&readers, &writers, Edges::RW);
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
            self.overwrite(group[0].0, &txns, order, edges);
        }
    }

    /// The transactions wrote versions that come after `held`.
    fn overwrite(&self, held: Held, txns: &[u32], order: Edges, edges: &mut GraphBuilder) {
        if let Some(writer) = self.writer(held) {
            txns.iter().for_each(|txn| edges.link(writer, *txn, order));
        }
        edges.link_all(&self.readers(held), txns, Edges::RW);
    }

    fn pairs(&self, pairs: &[Pair], edges: &mut GraphBuilder) {
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let mut txns: Vec<u32> = group.iter().filter_map(|(_, later)| self.writer(*later)).collect();
            txns.sort_unstable();
            txns.dedup();
            self.overwrite(group[0].0, &txns, Edges::WW, edges);
        }
    }
}

/// The transactions that read a version, other than nil, and then wrote the key: what was read, who, what was written.
fn updates<'s>(history: &'s RwRegister, seen: &'s Seen) -> impl Iterator<Item = (Held, &'s Touch, u32)> {
    seen.touches.iter().filter_map(move |touch| {
        let (read, wrote) = (touch.read?, touch.wrote?);
        let version = read < history.versions.len() as u32 && known(history, read, touch.key);
        (version && history.versions.writer(read) != Some(touch.txn)).then_some((read, touch, wrote))
    })
}

/// The order that the assumptions give, sorted, without repetitions.
fn assumed(history: &RwRegister, seen: &Seen, assumptions: &Assumptions) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    if assumptions.wfr_keys {
        pairs.extend(updates(history, seen).map(|(read, _, wrote)| (read, wrote)));
    }
    let mut touches: Vec<Touch> = seen.touches.clone();
    touches.retain(|touch| first(touch).is_some_and(|held| known(history, held, touch.key)));
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

/// Pairs of versions as a graph, with nil before every version.
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

/// Reports versions that precede each other in a circle, and drops the pairs among them: they tell nothing.
fn drop_cyclic(history: &RwRegister, pairs: &mut Vec<Pair>, findings: &mut Findings) {
    let versions = history.versions.len() as u32;
    let mut all = pairs.clone();
    let held = pairs
        .iter()
        .flat_map(|(earlier, later)| [*earlier, *later])
        .filter(|held| *held < versions);
    all.extend(held.map(|held| (versions + history.versions.key[held as usize], held)));
    all.sort_unstable();
    all.dedup();
    let graph = VersionGraph {
        nodes: versions as usize + history.keys.len(),
        pairs: all,
    };
    let circles = components(&graph, graph.pairs.iter().map(|(earlier, _)| *earlier));
    for circle in circles.members() {
        findings.add(Kind::CyclicVersions, || register_words::cyclic(history, circle));
    }
    pairs.retain(|(earlier, later)| circles.of(*earlier) == 0 || circles.of(*earlier) != circles.of(*later));
}

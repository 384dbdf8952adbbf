//! The graph of dependencies between transactions, in compressed sparse rows.
//!
//! Nodes are the transactions in the order of their invocations, then junctions, then epochs. A junction stands for
//! a product of edges (all readers of a version before all its overwriters) by a linear number of edges. The epochs
//! are a chain that carries real time: a transaction leads to the first epoch after it was over, an epoch leads to
//! the transactions invoked in it and to the next epoch. So "completed before the other was invoked" is a path, and
//! the relation, which is quadratic, needs two edges per transaction.

use super::txns::Txns;

/// A set of kinds of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edges(u16);

impl Edges {
    pub(super) const NONE: Edges = Edges(0);
    /// One transaction's version directly precedes the other's.
    pub(super) const WW: Edges = Edges(1);
    /// The same, but certain only if aborted and circular reads are excluded.
    pub(super) const WW_INFERRED: Edges = Edges(2);
    /// One transaction read the other's version.
    pub(super) const WR: Edges = Edges(4);
    /// One transaction read a version that the other overwrote.
    pub(super) const RW: Edges = Edges(8);
    /// One process ran one transaction after the other.
    pub(super) const PROCESS: Edges = Edges(16);
    /// One transaction was over before the other was invoked.
    pub(super) const REALTIME: Edges = Edges(32);
    /// Out of a junction: no dependency of its own, it continues the one that led there.
    pub(super) const ONWARD: Edges = Edges(64);
    /// `WW` and `RW` by an order of versions that the sessions give: certain only where a session sees its own past.
    pub(super) const WW_PROCESS: Edges = Edges(128);
    pub(super) const RW_PROCESS: Edges = Edges(256);
    /// The same by real time: certain only where a snapshot holds all that was over before.
    pub(super) const WW_REALTIME: Edges = Edges(512);
    pub(super) const RW_REALTIME: Edges = Edges(1024);
    /// One transaction was visible to a reader, who read what the other wrote: that one arbitrates later.
    pub(super) const VISIBLE: Edges = Edges(2048);
    /// A list that ends with a transaction's own append shows what another one appended before.
    pub(super) const WR_BELOW: Edges = Edges(4096);

    /// Every anti-dependency, by whichever order.
    pub(super) const ANTI: Edges = Edges::RW.with(Edges::RW_PROCESS).with(Edges::RW_REALTIME);
    /// Every order of two writes.
    pub(super) const WRITES: Edges = Edges::WW
        .with(Edges::WW_INFERRED)
        .with(Edges::WW_PROCESS)
        .with(Edges::WW_REALTIME);

    pub(super) const fn with(self, other: Edges) -> Edges {
        Edges(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Edges) -> bool {
        self.0 & other.0 != 0
    }
}

/// The graph.
pub(super) struct Graph {
    txns: usize,
    /// The transaction of each of the first nodes.
    txn_of: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    kind: Vec<Edges>,
    /// Per transaction: the epoch it leads to, or `NO_EPOCH`.
    epoch_after: Vec<u32>,
    /// Per epoch: the first node invoked in it; the last epoch ends with the transactions.
    epoch_from: Vec<u32>,
    junctions: usize,
}

const NO_EPOCH: u32 = u32::MAX;

impl Graph {
    /// Nodes of all sorts.
    pub(super) fn nodes(&self) -> usize {
        self.txns + self.junctions + self.epoch_from.len()
    }

    /// How many of the nodes are transactions and junctions; the others are epochs.
    pub(super) fn epochs_from(&self) -> usize {
        self.txns + self.junctions
    }

    /// The edges between transactions, real time apart.
    pub(super) fn edges(&self) -> usize {
        self.to.len()
    }

    /// Whether it has real time: the orders of processes are part of it.
    pub(super) fn has_real_time(&self) -> bool {
        !self.epoch_from.is_empty()
    }

    /// The transaction at a node, if one is there.
    pub(super) fn txn(&self, node: u32) -> Option<u32> {
        self.txn_of.get(node as usize).copied()
    }

    /// The `nth` edge out of a node: where it leads, and its kind. None behind the last one.
    pub(super) fn edge(&self, node: u32, nth: u32) -> Option<(u32, Edges)> {
        let at = node as usize;
        if at >= self.txns + self.junctions {
            return self.epoch_edge(at - self.txns - self.junctions, nth);
        }
        let edge = self.from[at] + nth;
        if edge < self.from[at + 1] {
            return Some((self.to[edge as usize], self.kind[edge as usize]));
        }
        let epoch = *self.epoch_after.get(at)?;
        (edge == self.from[at + 1] && epoch != NO_EPOCH).then(|| (self.epoch_node(epoch), Edges::REALTIME))
    }

    fn epoch_node(&self, epoch: u32) -> u32 {
        (self.txns + self.junctions) as u32 + epoch
    }

    fn epoch_edge(&self, epoch: usize, nth: u32) -> Option<(u32, Edges)> {
        let next = self.epoch_from.get(epoch + 1).copied();
        let txn = self.epoch_from[epoch] + nth;
        if txn < next.unwrap_or(self.txns as u32) {
            Some((txn, Edges::ONWARD))
        } else {
            (txn == next?).then(|| (self.epoch_node(epoch as u32 + 1), Edges::ONWARD))
        }
    }
}

/// Gathers edges, then lays them out.
pub(super) struct GraphBuilder {
    txn_of: Vec<u32>,
    node_of: Vec<u32>,
    edges: Vec<(u32, u32, Edges)>,
    junctions: usize,
}

/// Up to this many edges a product is written out.
const PRODUCT_MAX: usize = 16;

impl GraphBuilder {
    pub(super) fn new(txns: &Txns, edges_expected: usize) -> Self {
        let txn_of = txns.by_invocation();
        let mut node_of = vec![0; txn_of.len()];
        for (node, txn) in txn_of.iter().enumerate() {
            node_of[*txn as usize] = node as u32;
        }
        GraphBuilder {
            txn_of,
            node_of,
            edges: Vec::with_capacity(edges_expected),
            junctions: 0,
        }
    }

    /// Adds an edge between two transactions; none from a transaction to itself.
    pub(super) fn link(&mut self, from: u32, to: u32, kind: Edges) {
        if from != to {
            self.edges
                .push((self.node_of[from as usize], self.node_of[to as usize], kind));
        }
    }

    /// Adds an edge from each of `sources` to each of `targets` (each of them listed once) but itself, in a number of
    /// edges that is linear in both: sources that are no targets lead to a chain of junctions over all targets, and
    /// the i-th target leads to the chain over those before it and to the chain over those behind it.
    pub(super) fn link_all(&mut self, sources: &[u32], targets: &[u32], kind: Edges) {
        if sources.len() * targets.len() <= PRODUCT_MAX.max(2 * (sources.len() + targets.len())) {
            for from in sources {
                targets.iter().for_each(|to| self.link(*from, *to, kind));
            }
            return;
        }
        let before = self.chain(targets.iter());
        let mut behind = self.chain(targets.iter().rev());
        behind.reverse();
        let mut place: Vec<(u32, usize)> = targets.iter().enumerate().map(|(i, txn)| (*txn, i)).collect();
        place.sort_unstable();
        for from in sources {
            let node = self.node_of[*from as usize];
            match place.binary_search_by_key(from, |(txn, _)| *txn) {
                Ok(at) => {
                    let i = place[at].1;
                    let around = [i.checked_sub(1).map(|j| before[j]), behind.get(i + 1).copied()];
                    self.edges
                        .extend(around.into_iter().flatten().map(|to| (node, to, kind)));
                }
                Err(_) => self.edges.push((node, behind[0], kind)),
            }
        }
    }

    /// A chain of junctions: the i-th leads to the i-th target and to the junction before it.
    fn chain<'t>(&mut self, targets: impl Iterator<Item = &'t u32>) -> Vec<u32> {
        let mut chain: Vec<u32> = Vec::new();
        for target in targets {
            let junction = (self.txn_of.len() + self.junctions) as u32;
            self.junctions += 1;
            self.edges
                .push((junction, self.node_of[*target as usize], Edges::ONWARD));
            self.edges
                .extend(chain.last().map(|last| (junction, *last, Edges::ONWARD)));
            chain.push(junction);
        }
        chain
    }

    /// Adds the orders of the processes over the transactions that committed, lays the rows out, and adds real time; as far
    /// as the history tells them.
    pub(super) fn build(mut self, txns: &Txns, committed: impl Fn(u32) -> bool) -> Graph {
        self.link_processes(txns, &committed);
        let (from, to, kind) = self.rows();
        let (epoch_after, epoch_from) = self.epochs(txns, committed);
        Graph {
            txns: self.txn_of.len(),
            txn_of: self.txn_of,
            from,
            to,
            kind,
            epoch_after,
            epoch_from,
            junctions: self.junctions,
        }
    }

    fn link_processes(&mut self, txns: &Txns, committed: impl Fn(u32) -> bool) {
        for (before, txn) in txns.sessions(committed) {
            self.link(before, txn, Edges::PROCESS);
        }
    }

    /// Sorts the edges into rows by counting.
    fn rows(&mut self) -> (Vec<u32>, Vec<u32>, Vec<Edges>) {
        let edges = std::mem::take(&mut self.edges);
        let nodes = self.txn_of.len() + self.junctions;
        let mut from = vec![0_u32; nodes + 2];
        for (source, ..) in &edges {
            from[*source as usize + 2] += 1;
        }
        for node in 2..from.len() {
            from[node] += from[node - 1];
        }
        let mut to = vec![0; edges.len()];
        let mut kind = vec![Edges::NONE; edges.len()];
        for (source, target, edge) in edges {
            let at = &mut from[source as usize + 1];
            to[*at as usize] = target;
            kind[*at as usize] = edge;
            *at += 1;
        }
        from.pop();
        (from, to, kind)
    }

    /// Per transaction the epoch after it, and where each epoch begins. An epoch begins wherever some transaction
    /// was over since the invocation before.
    fn epochs(&self, txns: &Txns, committed: impl Fn(u32) -> bool) -> (Vec<u32>, Vec<u32>) {
        let nodes = self.txn_of.len();
        let mut over: Vec<(u64, u32)> = (0..nodes as u32)
            .filter(|node| committed(self.txn_of[*node as usize]))
            .filter_map(|node| txns.over(self.txn_of[node as usize]).map(|at| (at, node)))
            .collect();
        over.sort_unstable();
        let mut after = vec![NO_EPOCH; nodes];
        let mut from: Vec<u32> = Vec::new();
        let mut next = 0;
        for (at, node) in over {
            while next < nodes && txns.invoke(self.txn_of[next]) <= at {
                next += 1;
            }
            if next == nodes {
                break;
            }
            if from.last() != Some(&(next as u32)) {
                from.push(next as u32);
            }
            after[node as usize] = from.len() as u32 - 1;
        }
        (after, from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::txns::{Outcome, Txn};
    use super::*;

    /// Transactions that run one after the other, or all at once.
    fn txns(n: u64, at_once: bool) -> Txns {
        let mut txns = Txns::default();
        for i in 0..n {
            let (invoke, complete) = if at_once { (i, n + i) } else { (2 * i, 2 * i + 1) };
            txns.push(
                Txn {
                    process: i,
                    invoke,
                    complete: Some(complete),
                    outcome: Outcome::Ok,
                },
                0,
            );
        }
        txns
    }

    /// The transactions reached from one by an edge, over junctions and epochs.
    fn next(graph: &Graph, txn: u32) -> BTreeSet<u32> {
        let mut reached = BTreeSet::new();
        let mut open = vec![txn];
        while let Some(node) = open.pop() {
            for (to, _) in (0..).map_while(|nth| graph.edge(node, nth)) {
                match graph.txn(to) {
                    Some(_) => drop(reached.insert(to)),
                    None => open.push(to),
                }
            }
        }
        reached
    }

    #[test]
    fn junctions_lead_from_each_source_to_each_target_but_itself_by_few_edges() {
        let txns = txns(60, true);
        let (sources, targets): (Vec<u32>, Vec<u32>) = ((0..40).collect(), (20..60).rev().collect());
        let mut builder = GraphBuilder::new(&txns, 0);
        builder.link_all(&sources, &targets, Edges::RW);
        let graph = builder.build(&txns, |_| true);
        assert!(graph.junctions > 0 && graph.edges() < 300, "{} edges", graph.edges());
        for source in sources {
            let expected = (20..60).filter(|target| *target != source).collect();
            assert_eq!(next(&graph, source), expected);
        }
        assert!((40..60).all(|txn| next(&graph, txn).is_empty()));
    }

    #[test]
    fn epochs_lead_to_what_was_invoked_after() {
        let txns = txns(30, false);
        let graph = GraphBuilder::new(&txns, 0).build(&txns, |txn| txn != 7);
        for txn in 0..30 {
            let expected = if txn == 7 {
                BTreeSet::new()
            } else {
                (txn + 1..30).collect()
            };
            assert_eq!(next(&graph, txn), expected);
        }
        assert_eq!(graph.edges(), 0);
        assert!(graph.epoch_from.len() < 30);
    }
}

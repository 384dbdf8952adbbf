//! More of the order of the versions, from what must come before what.
//!
//! Where a transaction that wrote a key must be seen by a reader of the key, it wrote before what the reader found; and
//! where it must come after what was found, it comes after the reader. Each such order may give others: they are added
//! until nothing changes. Serially, a path of dependencies makes a transaction seen; under snapshot isolation one that has
//! no two anti-dependencies in a row and does not end with one (Cerone and Gotsman, "Analysing Snapshot Isolation",
//! 2016), so nodes come twice, as in the search for cycles.
//!
//! Sound, not complete. O(rounds times transactions times dependencies over 512).

use std::collections::BTreeSet;

use super::super::cycles::{self, DEPENDENCIES, anti, ordered};
use super::super::graph::{Edges, Graph, GraphBuilder};
use super::super::kind::{Class, Kind, Order};
use super::super::reach::{Dag, Mask, clear, has, is_empty, minus};
use super::super::report::Findings;
use super::decide::Judged;
use super::register_words;
use super::scan::Held;
use super::visibility::Writers;

/// How often what was added is looked at anew.
const ROUNDS_MAX: usize = 16;

/// One transaction comes before another: by whose read of which key, and how.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Forced {
    from: u32,
    to: u32,
    anti: bool,
    reader: u32,
    key: u32,
}

/// The graph with all that follows; None where it has a cycle, which is reported, or where that would take too long.
pub(super) fn saturate(judged: &Judged<'_>, order: Order, snapshots: bool, findings: &mut Findings) -> Option<Graph> {
    let mut forced: BTreeSet<Forced> = BTreeSet::new();
    let allowed = ordered(anti(DEPENDENCIES, order), order).with(Edges::VISIBLE);
    for _ in 0..ROUNDS_MAX {
        let graph = build(judged, &forced);
        let copies = Copies::new(judged, &graph, order, snapshots);
        let edges = copies.edges(allowed);
        let budget = u128::from(judged.options.search_edges_max) * 16;
        if edges.len() as u128 * (judged.history.txns.len() / 512 + 1) as u128 > budget {
            return None;
        }
        let Some(dag) = Dag::new(copies.nodes(), &edges) else {
            report(judged, &graph, order, snapshots, &forced, findings);
            return None;
        };
        let known = forced.len();
        copies.force(&dag, &mut forced);
        if forced.len() == known {
            return Some(graph);
        }
    }
    None
}

fn build(judged: &Judged<'_>, forced: &BTreeSet<Forced>) -> Graph {
    let history = judged.history;
    let mut edges = GraphBuilder::new(&history.txns, history.mops.len());
    let mut ignored = Findings::new(0);
    super::versions::link(
        history,
        judged.committed,
        judged.seen,
        judged.assumptions,
        &mut edges,
        &mut ignored,
    );
    let mut last = None;
    for forced in forced {
        let edge = (forced.from, forced.to, forced.anti);
        if last.replace(edge) != Some(edge) {
            let kind = if forced.anti { Edges::RW } else { Edges::VISIBLE };
            edges.link(forced.from, forced.to, kind);
        }
    }
    edges.build(&history.txns, |txn| judged.committed[txn as usize])
}

/// Reports the cycle that the orders make.
fn report(
    judged: &Judged<'_>,
    graph: &Graph,
    order: Order,
    snapshots: bool,
    forced: &BTreeSet<Forced>,
    findings: &mut Findings,
) {
    let options = judged.options;
    let allowed = ordered(anti(DEPENDENCIES, order), order).with(Edges::VISIBLE);
    let class = if snapshots { Class::GNonadjacent } else { Class::G2Item };
    let cycles = cycles::find_saturated(
        graph,
        Kind::Cycle(class, order),
        allowed,
        snapshots,
        options.witnesses_max,
    );
    findings.add_cycles(cycles, &judged.history.txns, |step| {
        let anti = Edges::ANTI.has(step.edge);
        let why = forced
            .iter()
            .find(|f| (f.from, f.to, f.anti) == (step.from, step.to, anti));
        match why {
            Some(forced) if step.edge == Edges::VISIBLE || step.edge == Edges::RW => {
                register_words::forced(judged.history, step, forced.reader, forced.key)
            }
            _ => register_words::why(judged.history, step),
        }
    });
}

/// The nodes of a graph, twice with `snapshots`: `2 n + 1` was entered by an anti-dependency, and none leads out of it.
struct Copies<'g> {
    judged: &'g Judged<'g>,
    graph: &'g Graph,
    snapshots: bool,
    nodes: usize,
    node_of: Vec<u32>,
}

impl<'g> Copies<'g> {
    fn new(judged: &'g Judged<'g>, graph: &'g Graph, order: Order, snapshots: bool) -> Self {
        let nodes = match order {
            Order::Realtime => graph.nodes(),
            Order::Data | Order::Process => graph.epochs_from(),
        };
        let mut node_of = vec![0; judged.history.txns.len()];
        for node in 0..nodes as u32 {
            if let Some(txn) = graph.txn(node) {
                node_of[txn as usize] = node;
            }
        }
        Copies {
            judged,
            graph,
            snapshots,
            nodes,
            node_of,
        }
    }

    fn nodes(&self) -> usize {
        self.nodes * if self.snapshots { 2 } else { 1 }
    }

    fn id(&self, node: u32) -> u32 {
        if self.snapshots { node * 2 } else { node }
    }

    fn of_txn(&self, txn: u32) -> u32 {
        self.id(self.node_of[txn as usize])
    }

    /// The transaction whose ways begin at a node: under snapshot isolation none begins with an anti-dependency.
    fn begins(&self, id: u32) -> Option<u32> {
        match self.snapshots {
            true => self.graph.txn(id / 2).filter(|_| id % 2 == 1),
            false => self.graph.txn(id),
        }
    }

    fn edges(&self, allowed: Edges) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        for node in 0..self.nodes as u32 {
            for (to, kind) in (0..).map_while(|nth| self.graph.edge(node, nth)) {
                let onward = kind == Edges::ONWARD;
                if to as usize >= self.nodes || !(onward || allowed.has(kind)) {
                    continue;
                }
                if !self.snapshots {
                    edges.push((node, to));
                    continue;
                }
                let anti = Edges::ANTI.has(kind);
                for entered in [0, 1] {
                    if !(anti && entered == 1) {
                        let ends = anti || onward && entered == 1;
                        edges.push((node * 2 + entered, to * 2 + u32::from(ends)));
                    }
                }
            }
        }
        edges
    }

    /// What must come before a transaction: all of it, by any way.
    fn before(&self, txn: u32, reached: &super::super::reach::Reached<'_>) -> Mask {
        let mut mask = *reached.mask(self.of_txn(txn));
        if self.snapshots {
            let more = reached.mask(self.of_txn(txn) + 1);
            mask.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
        }
        mask
    }

    /// Adds the orders that follow from who is reached from whom.
    fn force(&self, dag: &Dag, forced: &mut BTreeSet<Forced>) {
        let Judged { history, seen, .. } = self.judged;
        let writes = |txn: u32| seen.of(txn).iter().filter(|touch| touch.wrote.is_some());
        let committed = |txn: u32| self.judged.committed[txn as usize];
        let is_source = |id: u32| {
            self.begins(id)
                .is_some_and(|txn| committed(txn) && writes(txn).next().is_some())
        };
        let mut writers = Writers::new(history.keys.len());
        dag.sweep(is_source, |ids, reached| {
            let sources: Vec<u32> = ids.iter().filter_map(|id| self.begins(*id)).collect();
            let own: std::collections::HashMap<u32, u16> = sources.iter().copied().zip(0..).collect();
            writers.take(
                (0..)
                    .zip(&sources)
                    .flat_map(|(bit, source)| writes(*source).map(move |touch| (touch.key, bit))),
            );
            for touch in &seen.touches {
                let Some(of_key) = writers.of_key(touch.key) else {
                    continue;
                };
                let among = |mask: &Mask| {
                    let mut mask = *mask;
                    mask.iter_mut().zip(of_key).for_each(|(m, o)| *m &= o);
                    if let Some(bit) = own.get(&touch.txn) {
                        clear(&mut mask, *bit);
                    }
                    mask
                };
                if let Some((read, found)) = touch.read.and_then(|read| Some((read, self.found(read, touch.txn)?))) {
                    let mut seen_by = among(reached.mask(self.of_txn(touch.txn)));
                    if !is_empty(&seen_by) {
                        minus(&mut seen_by, &self.before(found, reached));
                        self.latest(&mut seen_by, &sources, reached, |writer| {
                            if Some(writer) != self.found(read, touch.txn) {
                                forced.insert(Forced {
                                    from: writer,
                                    to: found,
                                    anti: false,
                                    reader: touch.txn,
                                    key: touch.key,
                                });
                            }
                        });
                    }
                }
                if touch.wrote.is_some() {
                    let mut earlier = among(&self.before(touch.txn, reached));
                    self.latest(&mut earlier, &sources, reached, |writer| {
                        self.overwrite(writer, touch.txn, touch.key, forced);
                    });
                }
            }
        });
    }

    /// The transaction that wrote what was read, if it is another one.
    fn found(&self, read: Held, reader: u32) -> Option<u32> {
        let versions = &self.judged.history.versions;
        let writer = (read < versions.len() as u32).then(|| versions.writer(read)).flatten();
        writer.filter(|writer| *writer != reader && self.judged.committed[*writer as usize])
    }

    /// Shows `each` the transactions of a mask, but for those before others of them.
    fn latest(
        &self,
        mask: &mut Mask,
        sources: &[u32],
        reached: &super::super::reach::Reached<'_>,
        mut each: impl FnMut(u32),
    ) {
        for bit in (0..sources.len() as u16).rev() {
            if has(mask, bit) {
                let writer = sources[usize::from(bit)];
                let mut earlier = self.before(writer, reached);
                clear(&mut earlier, bit);
                minus(mask, &earlier);
                each(writer);
            }
        }
    }

    /// `earlier` and `later` wrote a key in this order: whoever read what the first wrote comes before the second.
    fn overwrite(&self, earlier: u32, later: u32, key: u32, forced: &mut BTreeSet<Forced>) {
        let Judged { history, seen, .. } = self.judged;
        let wrote = seen
            .of(earlier)
            .iter()
            .find(|touch| touch.key == key)
            .and_then(|touch| touch.wrote);
        let Some(wrote) = wrote else { return };
        let from = seen.reads.partition_point(|(held, _)| *held < wrote);
        let readers = seen.reads[from..].iter().take_while(|(held, _)| *held == wrote);
        for (_, reader) in readers.filter(|(_, reader)| *reader != later && *reader != earlier) {
            forced.insert(Forced {
                from: *reader,
                to: later,
                anti: true,
                reader: *reader,
                key,
            });
        }
        if self.snapshots {
            forced.insert(Forced {
                from: earlier,
                to: later,
                anti: false,
                reader: later,
                key,
            });
        }
        debug_assert!(history.versions.key[wrote as usize] == key);
    }
}

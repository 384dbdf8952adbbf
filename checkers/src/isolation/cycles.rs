//! Cycles of the dependency graph: which classes occur, and a short witness of each.
//!
//! One pass of Tarjan's algorithm over the whole graph decides whether there is any cycle at all. Only where there
//! is, the classes are looked for inside the components, the gravest first, each in the part of the graph that it may
//! use. Cycles without two anti-dependencies in a row are the cycles of the graph over (transaction, whether it was
//! entered by an anti-dependency), so they are found in linear time too. In each component at most one cycle of a
//! class is reported, and none whose class is implied by one found there already.
//!
//! The witness is a shortest one among the searches that [`Budget`] allows: exact for components up to some thousand
//! transactions. What the budget may leave open is only whether a cycle that rules out snapshot isolation has one
//! anti-dependency or several (`undecided`): to decide it takes a search per anti-dependency.

use std::collections::{BTreeMap, VecDeque};

use super::components::{Components, Digraph, components};
use super::graph::{Edges, Graph};
use super::kind::{Class, Kind, Order};

/// One dependency of a cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) edge: Edges,
}

/// A cycle: each step begins where the one before it ended.
pub(super) struct Cycle {
    pub(super) kind: Kind,
    pub(super) steps: Vec<Step>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Cycles {
    /// The first cycles of each kind, `witnesses_max` at the most.
    pub(super) found: Vec<Cycle>,
    /// Per kind, in how many components.
    pub(super) totals: BTreeMap<Kind, u64>,
    /// Whether G-single could not be told from G-nonadjacent somewhere.
    pub(super) undecided: bool,
}

/// How many edges the search for short witnesses may look at.
struct Budget {
    left: u64,
    /// In one component.
    component: u64,
}

pub(super) const DEPENDENCIES: Edges = Edges::WW.with(Edges::WW_INFERRED).with(Edges::WR);

/// What the orders add to the edges of the data.
pub(super) fn ordered(edges: Edges, order: Order) -> Edges {
    match order {
        Order::Data => edges,
        Order::Process => edges.with(Edges::PROCESS),
        Order::Realtime => edges.with(Edges::PROCESS).with(Edges::REALTIME),
    }
}

/// What they add to those of the versions.
pub(super) fn anti(edges: Edges, order: Order) -> Edges {
    let edges = edges.with(Edges::RW);
    let session = edges.with(Edges::WW_PROCESS).with(Edges::RW_PROCESS);
    match order {
        Order::Data => edges,
        Order::Process => session,
        Order::Realtime => session.with(Edges::WW_REALTIME).with(Edges::RW_REALTIME),
    }
}

/// Finds the cycles of a graph, at most `witnesses_max` of each kind, looking at about `search_edges_max` edges.
pub(super) fn find(graph: &Graph, witnesses_max: usize, search_edges_max: u64) -> Cycles {
    let time = if graph.has_real_time() {
        Order::Realtime
    } else {
        Order::Process
    };
    let cyclic = cyclic(graph, ordered(anti(DEPENDENCIES, Order::Realtime), time));
    let mut finder = Finder::new(graph, &cyclic, witnesses_max, search_edges_max);
    if !cyclic.members().is_empty() {
        for order in [Order::Data, Order::Process, Order::Realtime] {
            for class in [Class::G0, Class::G1c, Class::GNonadjacent, Class::G2Item] {
                finder.look_for(class, order);
            }
        }
    }
    finder.cycles
}

/// The components that edges of these kinds make.
pub(super) fn cyclic(graph: &Graph, allowed: Edges) -> Components {
    let level = Level {
        graph,
        allowed,
        anti: Anti::Anywhere,
        within: None,
    };
    components(&level, 0..graph.nodes() as u32)
}

/// Finds cycles in which every anti-dependency directly follows a read dependency or the order of a session. Prefix
/// consistency has none: what a transaction saw stands before whatever it missed (Cerone, Bernardi and Gotsman, 2015).
pub(super) fn find_prefix(graph: &Graph, order: Order, witnesses_max: usize, search_edges_max: u64) -> Cycles {
    let allowed = ordered(anti(DEPENDENCIES.with(Edges::WR_BELOW), order), order);
    let cyclic = cyclic(graph, allowed);
    let mut finder = Finder::new(graph, &cyclic, witnesses_max, search_edges_max);
    finder.each(
        Kind::PrefixViolation(order),
        Anti::AfterRead,
        allowed,
        Class::GNonadjacent,
    );
    finder.cycles
}

/// Finds cycles of edges of these kinds, one in each component, and calls them `kind`.
pub(super) fn find_all(graph: &Graph, kind: Kind, allowed: Edges, witnesses_max: usize) -> Cycles {
    let cyclic = cyclic(graph, allowed);
    let mut finder = Finder::new(graph, &cyclic, witnesses_max, 0);
    finder.each(kind, Anti::Anywhere, allowed, Class::G1c);
    finder.cycles
}

/// The same with no two anti-dependencies in a row, if they must be `apart`.
pub(super) fn find_saturated(graph: &Graph, kind: Kind, allowed: Edges, apart: bool, witnesses_max: usize) -> Cycles {
    let cyclic = cyclic(graph, allowed);
    let mut finder = Finder::new(graph, &cyclic, witnesses_max, 0);
    let anti = if apart { Anti::Apart } else { Anti::Anywhere };
    finder.each(kind, anti, allowed, Class::G1c);
    finder.cycles
}

/// Where in a cycle an anti-dependency may stand. Unless it is anywhere, nodes come twice in a level, `2 n + 1` for one
/// that was entered so that no anti-dependency may lead out of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anti {
    Anywhere,
    /// Not behind another.
    Apart,
    /// Behind a read dependency or the order of a session.
    AfterRead,
}

impl Anti {
    /// Whether none may follow an edge.
    fn ends(self, kind: Edges) -> bool {
        match self {
            Anti::Anywhere => false,
            Anti::Apart => Edges::ANTI.has(kind),
            Anti::AfterRead => Edges::ANTI.with(Edges::WRITES).has(kind),
        }
    }
}

/// The part of the graph that a class of cycles may use.
#[derive(Clone, Copy)]
struct Level<'g> {
    graph: &'g Graph,
    allowed: Edges,
    anti: Anti,
    within: Option<&'g Components>,
}

impl Level<'_> {
    fn paired(&self) -> bool {
        self.anti != Anti::Anywhere
    }

    fn id(&self, node: u32) -> u32 {
        if self.paired() { node * 2 } else { node }
    }

    fn node(&self, id: u32) -> u32 {
        if self.paired() { id / 2 } else { id }
    }

    /// Its own components, within those of all edges.
    fn components(&self, cyclic: &Components) -> Components {
        let roots = cyclic.members().iter().flatten().map(|node| self.id(*node));
        components(self, roots)
    }

    /// The first allowed edge from number `nth` on: its number, where it leads, its kind.
    fn edge(&self, id: u32, mut nth: u32) -> Option<(u32, u32, Edges)> {
        let node = self.node(id);
        let ended = self.paired() && id % 2 == 1;
        let here = self.within.map(|components| components.of(node));
        loop {
            let (to, kind) = self.graph.edge(node, nth)?;
            let onward = kind == Edges::ONWARD;
            let inside = self.within.map(|components| components.of(to)) == here;
            if inside && (onward || self.allowed.has(kind)) && !(Edges::ANTI.has(kind) && ended) {
                let ends = self.anti.ends(kind) || onward && ended;
                return Some((nth, self.id(to) + u32::from(ends), kind));
            }
            nth += 1;
        }
    }
}

impl Digraph for Level<'_> {
    fn nodes(&self) -> usize {
        self.id(self.graph.nodes() as u32) as usize
    }

    fn next(&self, node: u32, nth: u32) -> Option<(u32, u32)> {
        self.edge(node, nth).map(|(nth, to, _)| (nth, to))
    }
}

struct Finder<'g> {
    graph: &'g Graph,
    cyclic: &'g Components,
    /// Per node of a cycle found: the kinds.
    marks: BTreeMap<u32, Vec<(Class, Order)>>,
    budget: Budget,
    witnesses_max: usize,
    cycles: Cycles,
}

impl<'g> Finder<'g> {
    fn new(graph: &'g Graph, cyclic: &'g Components, witnesses_max: usize, search_edges_max: u64) -> Self {
        Finder {
            graph,
            cyclic,
            marks: BTreeMap::new(),
            budget: Budget {
                left: search_edges_max,
                component: (search_edges_max / 16).max(1),
            },
            witnesses_max,
            cycles: Cycles::default(),
        }
    }

    /// Reports a cycle of these edges in each component: one of the class, under the name of `kind`.
    fn each(&mut self, kind: Kind, anti: Anti, allowed: Edges, class: Class) {
        let level = Level {
            graph: self.graph,
            allowed,
            anti,
            within: Some(self.cyclic),
        };
        let inside = level.components(self.cyclic);
        for members in inside.members() {
            let searched = Searched::of(level, &inside, members);
            let mut left = self.budget.left.min(self.budget.component);
            if let Some(steps) = searched.shortest(class, &mut left) {
                self.report(kind, steps);
            }
        }
    }

    /// Looks for cycles of one class in each component of its level; for G-nonadjacent, for G-single first.
    fn look_for(&mut self, class: Class, order: Order) {
        let level = self.level(class, order);
        let inside = level.components(self.cyclic);
        for members in inside.members() {
            let searched = Searched::of(level, &inside, members);
            if class == Class::GNonadjacent && self.look_inside(&searched, Class::GSingle, order) {
                continue;
            }
            self.look_inside(&searched, class, order);
        }
    }

    fn level(&self, class: Class, order: Order) -> Level<'g> {
        let data = match class {
            Class::G0 => Edges::WW,
            Class::G1c => DEPENDENCIES,
            Class::GSingle | Class::GNonadjacent | Class::G2Item => anti(DEPENDENCIES, order),
        };
        Level {
            graph: self.graph,
            allowed: ordered(data, order),
            anti: match class {
                Class::GNonadjacent => Anti::Apart,
                _ => Anti::Anywhere,
            },
            within: Some(self.cyclic),
        }
    }

    /// Reports a cycle of this class in the component, unless a graver one is known there. Whether one is known now.
    fn look_inside(&mut self, searched: &Searched<'_>, class: Class, order: Order) -> bool {
        let known = |(c, o): &(Class, Order)| c.implies(class) && *o <= order;
        if searched
            .nodes
            .iter()
            .filter_map(|node| self.marks.get(node))
            .flatten()
            .any(known)
        {
            return true;
        }
        let mut left = self.budget.left.min(self.budget.component);
        let allowance = left;
        let cycle = searched.shortest(class, &mut left);
        self.budget.left -= allowance - left;
        self.cycles.undecided |= class == Class::GSingle && cycle.is_none() && left == 0;
        let Some(steps) = cycle else { return false };
        for step in &steps {
            self.marks.entry(step.from).or_default().push((class, order));
        }
        self.report(Kind::Cycle(class, order), steps);
        true
    }

    fn report(&mut self, kind: Kind, mut steps: Vec<Step>) {
        let total = self.cycles.totals.entry(kind).or_default();
        *total += 1;
        if *total <= self.witnesses_max as u64 {
            let txn = |node| {
                self.graph
                    .txn(node)
                    .expect("a step leads from a transaction to a transaction")
            };
            for step in &mut steps {
                (step.from, step.to) = (txn(step.from), txn(step.to));
            }
            self.cycles.found.push(Cycle { kind, steps });
        }
    }
}

/// A component of a level.
struct Searched<'g> {
    level: Level<'g>,
    inside: &'g Components,
    component: u32,
    /// The nodes of the component, each once.
    nodes: Vec<u32>,
}

impl<'g> Searched<'g> {
    fn of(level: Level<'g>, inside: &'g Components, members: &[u32]) -> Searched<'g> {
        let mut nodes: Vec<u32> = members.iter().map(|id| level.node(*id)).collect();
        nodes.dedup();
        Searched {
            level,
            inside,
            component: inside.of(members[0]),
            nodes,
        }
    }

    /// The shortest cycle of a class among those that the budget allows to look for.
    fn shortest(&self, class: Class, left: &mut u64) -> Option<Vec<Step>> {
        let anti = class >= Class::GSingle;
        let mut walk = Walk::default();
        let mut best: Option<Vec<Step>> = None;
        let starts = |node: &&u32| {
            self.level.graph.txn(**node).is_some() && self.inside.of(self.level.id(**node)) == self.component
        };
        for node in self.nodes.iter().filter(starts) {
            let shorter_than = best.as_ref().map_or(u32::MAX, |steps| steps.len() as u32);
            if shorter_than <= 2 || (*left == 0 && (best.is_some() || class == Class::GSingle)) {
                break;
            }
            let found = walk.around(self, *node, anti, class == Class::GSingle, shorter_than, left);
            best = found.or(best);
        }
        best
    }

    fn edge(&self, id: u32, nth: u32) -> Option<(u32, u32, Edges)> {
        let (mut nth, mut to, mut kind) = self.level.edge(id, nth)?;
        while self.inside.of(to) != self.component {
            (nth, to, kind) = self.level.edge(id, nth + 1)?;
        }
        Some((nth, to, kind))
    }
}

/// A breadth-first search in which edges out of junctions and epochs cost nothing.
#[derive(Default)]
struct Walk {
    /// Per node reached: from where, by what kind of edge, over how many steps.
    reached: std::collections::HashMap<u32, (u32, Edges, u32)>,
    queue: VecDeque<(u32, u32)>,
}

impl Walk {
    /// The shortest cycle through `start`, if it is shorter than `shorter_than`; with `anti` it begins with an
    /// anti-dependency, with `single` it has no other.
    fn around(
        &mut self,
        searched: &Searched<'_>,
        start: u32,
        anti: bool,
        single: bool,
        shorter_than: u32,
        left: &mut u64,
    ) -> Option<Vec<Step>> {
        self.reached.clear();
        self.queue.clear();
        let goal = searched.level.id(start);
        self.expand(searched, goal, 0, |kind| !anti || Edges::ANTI.has(kind), left);
        while let Some((id, steps)) = self.queue.pop_front() {
            if steps >= shorter_than {
                return None;
            }
            if id == goal {
                return Some(self.steps(&searched.level, goal));
            }
            if self.reached[&id].2 == steps {
                self.expand(searched, id, steps, |kind| !single || !Edges::ANTI.has(kind), left);
            }
        }
        None
    }

    fn expand(&mut self, searched: &Searched<'_>, id: u32, steps: u32, may: impl Fn(Edges) -> bool, left: &mut u64) {
        let mut nth = 0;
        while let Some((at, to, kind)) = searched.edge(id, nth) {
            nth = at + 1;
            *left = left.saturating_sub(1);
            if !may(kind) {
                continue;
            }
            let free = kind == Edges::ONWARD;
            let steps = steps + u32::from(!free);
            if self.reached.get(&to).is_none_or(|(.., known)| steps < *known) {
                self.reached.insert(to, (id, kind, steps));
                if free {
                    self.queue.push_front((to, steps));
                } else {
                    self.queue.push_back((to, steps));
                }
            }
        }
    }

    /// The way back from the goal to itself, as steps between transactions.
    fn steps(&self, level: &Level<'_>, goal: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut end = level.node(goal);
        let mut id = goal;
        loop {
            let (before, edge, _) = self.reached[&id];
            let node = level.node(before);
            if level.graph.txn(node).is_some() {
                steps.push(Step {
                    from: node,
                    to: end,
                    edge,
                });
                end = node;
            }
            id = before;
            if id == goal {
                steps.reverse();
                return steps;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::GraphBuilder;
    use super::super::txns::{Outcome, Txn, Txns};
    use super::*;

    /// The cycles of a graph over transactions that run at once.
    fn cycles(txns: u64, edges: &[(u32, u32, Edges)], search_edges_max: u64) -> Cycles {
        let mut table = Txns::default();
        for i in 0..txns {
            let txn = Txn {
                process: i,
                invoke: i,
                complete: Some(txns + i),
                outcome: Outcome::Ok,
            };
            table.push(txn, 0);
        }
        let mut builder = GraphBuilder::new(&table, 0);
        edges
            .iter()
            .for_each(|(from, to, kind)| builder.link(*from, *to, *kind));
        find(&builder.build(&table, |_| true), 16, search_edges_max)
    }

    fn ring(from: u32, to: u32, kind: Edges) -> Vec<(u32, u32, Edges)> {
        (from..to)
            .map(|n| (n, if n + 1 == to { from } else { n + 1 }, kind))
            .collect()
    }

    #[test]
    fn the_shortest_cycle_of_a_component_is_the_witness() {
        let edges = [ring(0, 40, Edges::WW), vec![(20, 17, Edges::WW)]].concat();
        let cycles = cycles(40, &edges, 100_000);
        assert_eq!(
            cycles.totals,
            BTreeMap::from([(Kind::Cycle(Class::G0, Order::Data), 1)])
        );
        let path: Vec<u32> = cycles.found[0].steps.iter().map(|step| step.from).collect();
        assert_eq!(path, [17, 18, 19, 20]);
    }

    #[test]
    fn each_component_has_its_own_witness_and_only_so_many_are_kept() {
        let edges: Vec<_> = (0..40).flat_map(|n| ring(5 * n, 5 * n + 5, Edges::WR)).collect();
        let cycles = cycles(200, &edges, 1000);
        assert_eq!(
            cycles.totals,
            BTreeMap::from([(Kind::Cycle(Class::G1c, Order::Data), 40)])
        );
        assert_eq!(cycles.found.len(), 16);
    }

    #[test]
    fn without_budget_a_cycle_against_snapshot_isolation_is_found_but_not_told_apart() {
        let mut edges = ring(0, 10, Edges::WR);
        edges[3].2 = Edges::RW;
        let kinds = |budget| cycles(10, &edges, budget).totals.into_keys().collect::<Vec<_>>();
        assert_eq!(kinds(1000), [Kind::Cycle(Class::GSingle, Order::Data)]);
        assert_eq!(kinds(0), [Kind::Cycle(Class::GNonadjacent, Order::Data)]);
        assert!(cycles(10, &edges, 0).undecided && !cycles(10, &edges, 1000).undecided);
    }
}

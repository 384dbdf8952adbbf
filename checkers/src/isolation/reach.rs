//! Who is reached from whom in an acyclic graph, for many sources at once.
//!
//! Sources are taken in batches of [`WIDTH`]: one bit each, carried along the edges in topological order. O(sources / 512
//! times edges) time, O(nodes) memory: the whole relation, which is quadratic, is never held.

/// How many sources go at once.
pub(super) const WIDTH: usize = 512;

/// One bit per source of a batch.
pub(super) type Mask = [u64; WIDTH / 64];

const NO_BIT: u16 = u16::MAX;

/// An acyclic graph over the nodes `0..nodes`, by the edges into each node.
pub(super) struct Dag {
    from: Vec<u32>,
    before: Vec<u32>,
    /// The nodes, each behind all that lead to it.
    order: Vec<u32>,
}

impl Dag {
    /// A graph of these edges; None if they have a cycle.
    pub(super) fn new(nodes: usize, edges: &[(u32, u32)]) -> Option<Dag> {
        let (from, before) = rows(nodes, edges.iter().map(|(from, to)| (*to, *from)));
        let (behind_from, behind) = rows(nodes, edges.iter().copied());
        let mut left: Vec<u32> = from.windows(2).map(|ends| ends[1] - ends[0]).collect();
        let mut order: Vec<u32> = (0..nodes as u32).filter(|node| left[*node as usize] == 0).collect();
        let mut at = 0;
        while let Some(node) = order.get(at).copied() {
            at += 1;
            for to in &behind[behind_from[node as usize] as usize..behind_from[node as usize + 1] as usize] {
                left[*to as usize] -= 1;
                if left[*to as usize] == 0 {
                    order.push(*to);
                }
            }
        }
        (order.len() == nodes).then_some(Dag { from, before, order })
    }

    fn before(&self, node: u32) -> &[u32] {
        &self.before[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }

    /// Shows `each` every batch of the nodes that are sources, and who is reached from it.
    pub(super) fn sweep(&self, is_source: impl Fn(u32) -> bool, mut each: impl FnMut(&[u32], &Reached<'_>)) {
        let mut bit = vec![NO_BIT; self.order.len()];
        let mut masks: Vec<Mask> = vec![Mask::default(); self.order.len()];
        let sources: Vec<(usize, u32)> = (self.order.iter().copied().enumerate())
            .filter(|(_, node)| is_source(*node))
            .collect();
        let mut cleared = 0;
        for batch in sources.chunks(WIDTH) {
            let nodes: Vec<u32> = batch.iter().map(|(_, node)| *node).collect();
            for (nth, node) in nodes.iter().enumerate() {
                bit[*node as usize] = nth as u16;
            }
            // Nothing stands before the first source that is reached from it.
            let first = batch[0].0;
            self.order[cleared..first]
                .iter()
                .for_each(|node| masks[*node as usize] = Mask::default());
            cleared = first;
            for node in &self.order[first..] {
                let mut mask = Mask::default();
                for before in self.before(*node) {
                    let reached = &masks[*before as usize];
                    mask.iter_mut().zip(reached).for_each(|(word, more)| *word |= more);
                }
                if bit[*node as usize] != NO_BIT {
                    set(&mut mask, bit[*node as usize]);
                }
                masks[*node as usize] = mask;
            }
            each(&nodes, &Reached { masks: &masks });
            nodes.iter().for_each(|node| bit[*node as usize] = NO_BIT);
        }
    }
}

/// Who is reached from the sources of a batch.
pub(super) struct Reached<'m> {
    masks: &'m [Mask],
}

impl Reached<'_> {
    /// From which sources a node is reached; a source is reached from itself.
    pub(super) fn mask(&self, node: u32) -> &Mask {
        &self.masks[node as usize]
    }
}

pub(super) fn set(mask: &mut Mask, bit: u16) {
    mask[usize::from(bit / 64)] |= 1 << (bit % 64);
}

pub(super) fn clear(mask: &mut Mask, bit: u16) {
    mask[usize::from(bit / 64)] &= !(1 << (bit % 64));
}

/// Takes the bits of the other away.
pub(super) fn minus(mask: &mut Mask, other: &Mask) {
    mask.iter_mut().zip(other).for_each(|(word, other)| *word &= !other);
}

pub(super) fn has(mask: &Mask, bit: u16) -> bool {
    mask[usize::from(bit / 64)] >> (bit % 64) & 1 == 1
}

pub(super) fn is_empty(mask: &Mask) -> bool {
    mask.iter().all(|word| *word == 0)
}

/// Edges as rows by their first end.
fn rows(nodes: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> (Vec<u32>, Vec<u32>) {
    let mut from = vec![0_u32; nodes + 1];
    for (source, _) in edges.clone() {
        from[source as usize + 1] += 1;
    }
    for node in 1..from.len() {
        from[node] += from[node - 1];
    }
    let mut at = from.clone();
    let mut to = vec![0; from[nodes] as usize];
    for (source, target) in edges {
        to[at[source as usize] as usize] = target;
        at[source as usize] += 1;
    }
    (from, to)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Three edges out of each node, and what they lead to in the end.
    #[test]
    fn each_node_is_reached_from_what_leads_to_it_over_several_batches() {
        const NODES: u32 = 1_500;
        let mut edges = Vec::new();
        for node in 0..NODES {
            let ends = [node + 1, node + 7, node * 2 + 3].into_iter();
            edges.extend(ends.filter(|to| *to < NODES && node % 5 != 4).map(|to| (node, to)));
        }
        let mut reached = vec![BTreeSet::new(); NODES as usize];
        for node in 0..NODES {
            let into: Vec<u32> = edges
                .iter()
                .filter(|(_, to)| *to == node)
                .map(|(from, _)| *from)
                .collect();
            for before in into {
                let more: Vec<u32> = reached[before as usize].iter().copied().collect();
                reached[node as usize].extend(more);
            }
            reached[node as usize].insert(node);
        }
        let dag = Dag::new(NODES as usize, &edges).expect("edges lead upwards");
        let mut batches = 0;
        dag.sweep(
            |node| node % 2 == 0,
            |sources, masks| {
                batches += 1;
                for (bit, source) in sources.iter().enumerate() {
                    for node in 0..NODES {
                        let found = has(masks.mask(node), bit as u16);
                        assert_eq!(found, reached[node as usize].contains(source), "{source} {node}");
                    }
                }
            },
        );
        assert_eq!(batches, 2);
    }

    #[test]
    fn a_cycle_is_no_acyclic_graph() {
        assert!(Dag::new(3, &[(0, 1), (1, 2), (2, 1)]).is_none());
        assert!(Dag::new(3, &[(0, 1), (0, 1), (1, 2)]).is_some());
    }
}

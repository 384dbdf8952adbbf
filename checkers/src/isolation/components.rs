//! Strongly connected components by Tarjan's algorithm ("Depth-First Search and Linear Graph Algorithms", 1972),
//! without recursion. O(nodes + edges).

/// A directed graph over the nodes `0..nodes()`.
pub(super) trait Digraph {
    /// How many nodes.
    fn nodes(&self) -> usize;

    /// The first edge out of `node` from number `nth` on that this graph has: its number, and where it leads.
    fn next(&self, node: u32, nth: u32) -> Option<(u32, u32)>;
}

/// The components of more than one node.
pub(super) struct Components {
    /// Per node its component, from 1; 0 for a node that is in no cycle.
    of: Vec<u32>,
    members: Vec<Vec<u32>>,
}

impl Components {
    /// The component of a node, if it is in a cycle.
    pub(super) fn of(&self, node: u32) -> u32 {
        self.of[node as usize]
    }

    /// The nodes of each component, ascending; the components ordered by their first nodes.
    pub(super) fn members(&self) -> &[Vec<u32>] {
        &self.members
    }
}

struct Frame {
    node: u32,
    nth: u32,
    low: u32,
}

/// Finds the components among the nodes that can be reached from `roots`.
pub(super) fn components(graph: &impl Digraph, roots: impl Iterator<Item = u32>) -> Components {
    let mut search = Search {
        number: vec![0; graph.nodes()],
        next: 1,
        open: Vec::new(),
        members: Vec::new(),
    };
    for root in roots {
        if search.number[root as usize] == 0 {
            search.visit(graph, root);
        }
    }
    let Search {
        number: mut of,
        mut members,
        ..
    } = search;
    of.fill(0);
    members.iter_mut().for_each(|nodes| nodes.sort_unstable());
    members.sort_unstable_by_key(|nodes| nodes[0]);
    for (component, nodes) in members.iter().enumerate() {
        nodes.iter().for_each(|node| of[*node as usize] = component as u32 + 1);
    }
    Components { of, members }
}

/// A node whose component is known.
const CLOSED: u32 = u32::MAX;

struct Search {
    /// The order of discovery, from 1; 0 for a node not seen.
    number: Vec<u32>,
    next: u32,
    /// Nodes whose component is not known yet.
    open: Vec<u32>,
    members: Vec<Vec<u32>>,
}

impl Search {
    fn visit(&mut self, graph: &impl Digraph, root: u32) {
        let mut path = vec![self.discover(root)];
        while let Some(frame) = path.last_mut() {
            if let Some((nth, to)) = graph.next(frame.node, frame.nth) {
                frame.nth = nth + 1;
                match self.number[to as usize] {
                    0 => path.push(self.discover(to)),
                    CLOSED => {}
                    number => frame.low = frame.low.min(number),
                }
            } else {
                let Frame { node, low, .. } = *frame;
                path.pop();
                if low == self.number[node as usize] {
                    self.close(node);
                } else if let Some(parent) = path.last_mut() {
                    parent.low = parent.low.min(low);
                }
            }
        }
    }

    fn discover(&mut self, node: u32) -> Frame {
        let low = self.next;
        self.number[node as usize] = low;
        self.next += 1;
        self.open.push(node);
        Frame { node, nth: 0, low }
    }

    fn close(&mut self, root: u32) {
        let at = self
            .open
            .iter()
            .rposition(|node| *node == root)
            .expect("a root is open until it is closed");
        if self.open.len() - at > 1 {
            self.members.push(self.open[at..].to_vec());
        }
        for node in self.open.drain(at..) {
            self.number[node as usize] = CLOSED;
        }
    }
}

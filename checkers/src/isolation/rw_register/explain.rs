//! An order of the transactions that explains every read: whoever finds one has shown the model.
//!
//! Transactions are placed one after the other, each only when what it read is there, when all that must come before it
//! is placed, and when nobody is left who has to read what it overwrites. For snapshot isolation a snapshot may be taken
//! long before the commit, if no other transaction that writes one of its keys commits in between. Of those that can be
//! placed, the one that completed first is, and nothing is ever taken back: where this finds no order there may still be
//! one. O((transactions + dependencies) log transactions).

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::super::cycles::{DEPENDENCIES, anti, ordered};
use super::super::graph::{Edges, Graph};
use super::super::kind::Order;
use super::Judged;
use super::scan::{Held, Touch};

/// What a key holds that nobody reads.
const NOBODY_READS: Held = u32::MAX;

/// Whether such an order is found that keeps `order`; with `snapshots` for snapshot isolation, without them serially.
pub(super) fn explains(judged: &Judged<'_>, graph: &Graph, order: Order, snapshots: bool) -> bool {
    Schedule::new(judged, graph, order, snapshots).run()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not placed.
    Waiting,
    /// Its snapshot is taken.
    Open,
    Committed,
}

struct Schedule<'s> {
    judged: &'s Judged<'s>,
    graph: &'s Graph,
    allowed: Edges,
    /// Nodes from here on are left out: epochs, where real time does not count.
    nodes: u32,
    snapshots: bool,
    state: Vec<State>,
    /// Per node how much must come before its snapshot, and before its commit.
    before_snapshot: Vec<u32>,
    before_commit: Vec<u32>,
    /// Per key what it holds, and who holds a snapshot and is going to write it.
    holds: Vec<Held>,
    writing: Vec<bool>,
    /// Per version how many have yet to read it, and who waits for it to be there, or for those readers.
    readers: Vec<u32>,
    waiting: Vec<Vec<u32>>,
    /// Per key who waits for a writer to commit.
    waiting_for_key: Vec<Vec<u32>>,
    /// Per transaction when it seems to have taken effect.
    rank: Vec<(u64, u64)>,
    ready: BinaryHeap<Reverse<((u64, u64), u32)>>,
    /// Who could take a snapshot, but not commit yet.
    early: BTreeSet<((u64, u64), u32)>,
    left: usize,
}

impl<'s> Schedule<'s> {
    fn new(judged: &'s Judged<'s>, graph: &'s Graph, order: Order, snapshots: bool) -> Self {
        let history = judged.history;
        let nodes = match order {
            Order::Realtime => graph.nodes(),
            Order::Data | Order::Process => graph.epochs_from(),
        };
        let keys = history.keys.len();
        let held = history.versions.len() + keys;
        let mut readers = vec![0; held];
        for touch in &judged.seen.touches {
            if let Some(read) = touch.read {
                readers[read as usize] += 1;
            }
        }
        let initial = |key| judged.seen.initial.held(key).unwrap_or(NOBODY_READS);
        let mut schedule = Schedule {
            judged,
            graph,
            allowed: ordered(anti(DEPENDENCIES, order), order)
                .with(Edges::VISIBLE)
                .with(Edges::ONWARD),
            nodes: nodes as u32,
            snapshots,
            state: vec![State::Waiting; history.txns.len()],
            before_snapshot: vec![0; nodes],
            before_commit: vec![0; nodes],
            holds: (0..keys as u32).map(initial).collect(),
            writing: vec![false; keys],
            readers,
            waiting: vec![Vec::new(); held],
            waiting_for_key: vec![Vec::new(); keys],
            rank: Vec::new(),
            ready: BinaryHeap::new(),
            early: BTreeSet::new(),
            left: judged.committed.iter().filter(|committed| **committed).count(),
        };
        schedule.rank();
        for node in 0..schedule.nodes {
            for (to, kind) in schedule.edges(node) {
                if schedule.is_of_commit(node, kind) {
                    schedule.before_commit[to as usize] += 1;
                } else {
                    schedule.before_snapshot[to as usize] += 1;
                }
            }
        }
        schedule
    }

    /// When each transaction seems to have taken effect: when it was over, or before that when somebody who read what it
    /// wrote was.
    fn rank(&mut self) {
        let txns = &self.judged.history.txns;
        let over = |txn: u32| txns.ended(txn).unwrap_or(u64::MAX);
        self.rank = (0..txns.len() as u32)
            .map(|txn| (over(txn), txns.invoke(txn)))
            .collect();
        for touch in &self.judged.seen.touches {
            let read = touch
                .read
                .filter(|read| (*read as usize) < self.judged.history.versions.len());
            if let Some(writer) = read.and_then(|read| self.judged.history.versions.writer(read)) {
                let rank = &mut self.rank[writer as usize];
                rank.0 = rank.0.min(over(touch.txn));
            }
        }
    }

    fn edges(&self, node: u32) -> Vec<(u32, Edges)> {
        let edges = (0..).map_while(|nth| self.graph.edge(node, nth));
        edges
            .filter(|(to, kind)| *to < self.nodes && self.allowed.has(*kind))
            .collect()
    }

    /// Whether an edge leads to a commit: an anti-dependency does, and what carries it on.
    fn is_of_commit(&self, from: u32, kind: Edges) -> bool {
        let junction = self.graph.txn(from).is_none() && (from as usize) < self.graph.epochs_from();
        Edges::ANTI.has(kind) || junction
    }

    fn run(mut self) -> bool {
        for node in 0..self.nodes {
            if self.graph.txn(node).is_none() {
                self.pass(node);
            } else if self.before_snapshot[node as usize] == 0 {
                self.wake(node);
            }
        }
        while self.left > 0 {
            if let Some(Reverse((_, node))) = self.ready.pop() {
                self.attempt(node);
            } else if let Some((_, node)) = self.early.pop_first() {
                self.open(node);
            } else {
                return false;
            }
        }
        true
    }

    fn txn(&self, node: u32) -> Option<u32> {
        self.graph.txn(node).filter(|txn| self.judged.committed[*txn as usize])
    }

    fn touches(&self, txn: u32) -> &'s [Touch] {
        self.judged.seen.of(txn)
    }

    /// The transaction at a node may have become possible.
    fn wake(&mut self, node: u32) {
        if let Some(txn) = self
            .txn(node)
            .filter(|txn| self.state[*txn as usize] != State::Committed)
        {
            self.ready.push(Reverse((self.rank[txn as usize], node)));
        }
    }

    /// Commits the transaction at a node, with a snapshot just then unless it has one, or lets it wait for what it lacks.
    fn attempt(&mut self, node: u32) {
        let Some(txn) = self.txn(node) else { return };
        if self.state[txn as usize] == State::Committed {
            return;
        }
        let entry = (self.rank[txn as usize], node);
        self.early.remove(&entry);
        let waits = self.state[txn as usize] == State::Waiting;
        if waits && !self.can_begin(node, txn) {
            return;
        }
        if self.can_commit(node, txn) {
            if waits {
                self.begin(node, txn);
            }
            self.commit(node, txn);
        } else if waits && self.snapshots {
            self.early.insert(entry);
        }
    }

    /// Takes the snapshot of the transaction at a node ahead of its commit.
    fn open(&mut self, node: u32) {
        let Some(txn) = self.txn(node) else { return };
        if self.state[txn as usize] == State::Waiting && self.can_begin(node, txn) {
            self.begin(node, txn);
            self.wake(node);
        }
    }

    /// Whether its reads are there and no one is about to write what it writes; or else it waits for that.
    fn can_begin(&mut self, node: u32, txn: u32) -> bool {
        if self.before_snapshot[node as usize] > 0 {
            return false;
        }
        for touch in self.touches(txn) {
            let key = touch.key as usize;
            if let Some(read) = touch.read.filter(|read| self.holds[key] != *read) {
                self.waiting[read as usize].push(node);
                return false;
            }
            if touch.writes() && self.writing[key] {
                self.waiting_for_key[key].push(node);
                return false;
            }
        }
        true
    }

    /// Whether nobody has yet to read what it overwrites; or else it waits for that.
    fn can_commit(&mut self, node: u32, txn: u32) -> bool {
        if self.before_commit[node as usize] > 0 {
            return false;
        }
        let waits = self.state[txn as usize] == State::Waiting;
        for touch in self.touches(txn).iter().filter(|touch| touch.writes()) {
            let holds = self.holds[touch.key as usize];
            let own = u32::from(waits && touch.read == Some(holds));
            if holds != NOBODY_READS && self.readers[holds as usize] > own {
                self.waiting[holds as usize].push(node);
                return false;
            }
        }
        true
    }

    fn begin(&mut self, node: u32, txn: u32) {
        self.state[txn as usize] = State::Open;
        for touch in self.touches(txn) {
            if let Some(read) = touch.read {
                self.readers[read as usize] -= 1;
                if self.readers[read as usize] == 0 {
                    self.wake_all(read);
                }
            }
            if touch.writes() {
                self.writing[touch.key as usize] = true;
            }
        }
        self.follow(node, true);
    }

    fn commit(&mut self, node: u32, txn: u32) {
        self.state[txn as usize] = State::Committed;
        self.left -= 1;
        for touch in self.touches(txn).iter().filter(|touch| touch.writes()) {
            let key = touch.key as usize;
            self.holds[key] = touch.wrote.unwrap_or(NOBODY_READS);
            self.writing[key] = false;
            if let Some(wrote) = touch.wrote {
                self.wake_all(wrote);
            }
            for waiting in std::mem::take(&mut self.waiting_for_key[key]) {
                self.wake(waiting);
            }
        }
        self.follow(node, false);
    }

    fn wake_all(&mut self, held: Held) {
        for waiting in std::mem::take(&mut self.waiting[held as usize]) {
            self.wake(waiting);
        }
    }

    /// What was waiting for the snapshot of a transaction, or for its commit, waits no longer.
    fn follow(&mut self, node: u32, snapshot: bool) {
        for (to, kind) in self.edges(node) {
            if Edges::ANTI.has(kind) == snapshot {
                self.arrive(node, to, kind);
            }
        }
    }

    fn arrive(&mut self, from: u32, to: u32, kind: Edges) {
        let left = if self.is_of_commit(from, kind) {
            &mut self.before_commit[to as usize]
        } else {
            &mut self.before_snapshot[to as usize]
        };
        *left -= 1;
        if *left > 0 {
            return;
        }
        if self.graph.txn(to).is_none() {
            self.pass(to);
        } else {
            self.wake(to);
        }
    }

    /// A junction or an epoch before which nothing is left leads on.
    fn pass(&mut self, node: u32) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if self.before_snapshot[node as usize] + self.before_commit[node as usize] > 0 {
                continue;
            }
            // It leads on once.
            self.before_snapshot[node as usize] = u32::MAX / 2;
            for (to, kind) in self.edges(node) {
                let of_commit = self.is_of_commit(node, kind);
                let left = if of_commit {
                    &mut self.before_commit[to as usize]
                } else {
                    &mut self.before_snapshot[to as usize]
                };
                *left -= 1;
                if *left == 0 {
                    match self.graph.txn(to) {
                        Some(_) => self.wake(to),
                        None => open.push(to),
                    }
                }
            }
        }
    }
}

//! Exhaustive references: a history satisfies a model if some way of running it does. Nothing here knows of graphs.
//!
//! Every choice of info transactions that took effect and every order of the transactions (for snapshot isolation:
//! of their starts and commits) is tried.
//! - Read uncommitted: some serial order of the writes; every read shows a part of the list to come, from its
//!   beginning, if what failed transactions wrote is left out.
//! - Read committed: some serial order; every read shows a state that some transaction before it left behind, or what
//!   was there and some of its own writes.
//! - Monotonic atomic view: read committed, and no read shows less of a transaction than an earlier read of its own
//!   transaction showed that it saw.
//! - Snapshot isolation: every read shows the state at the start and the own writes; of two transactions that write
//!   the same key, one commits before the other starts.
//! - Serializable: every read shows what is there.

use std::cell::RefCell;
use std::collections::BTreeMap;

use paytwice_checkers::isolation::{Model, Outcome};

use crate::executions::Given;
use crate::histories::{Mop, Op};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    ReadUncommitted,
    ReadCommitted,
    MonotonicAtomicView,
    SnapshotIsolation,
    Serializable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Any,
    Session,
    Realtime,
}

/// What has a reference, and the model it is called.
pub(crate) const MODELS: [(Model, Level, Order); 14] = [
    (Model::MonotonicAtomicView, Level::MonotonicAtomicView, Order::Any),
    (Model::ReadUncommitted, Level::ReadUncommitted, Order::Any),
    (
        Model::StrongSessionReadUncommitted,
        Level::ReadUncommitted,
        Order::Session,
    ),
    (Model::StrongReadUncommitted, Level::ReadUncommitted, Order::Realtime),
    (Model::ReadCommitted, Level::ReadCommitted, Order::Any),
    (Model::StrongSessionReadCommitted, Level::ReadCommitted, Order::Session),
    (Model::StrongReadCommitted, Level::ReadCommitted, Order::Realtime),
    (Model::SnapshotIsolation, Level::SnapshotIsolation, Order::Any),
    (
        Model::StrongSessionSnapshotIsolation,
        Level::SnapshotIsolation,
        Order::Session,
    ),
    (
        Model::StrongSnapshotIsolation,
        Level::SnapshotIsolation,
        Order::Realtime,
    ),
    (Model::RepeatableRead, Level::Serializable, Order::Any),
    (Model::Serializable, Level::Serializable, Order::Any),
    (Model::StrongSessionSerializable, Level::Serializable, Order::Session),
    (Model::StrictSerializable, Level::Serializable, Order::Realtime),
];

/// How often the reference said what, so that a property that never saw a bad history fails.
#[derive(Default)]
pub(crate) struct Tally(RefCell<BTreeMap<Model, (u64, u64, u64)>>);

impl Tally {
    /// Counts one comparison.
    pub(crate) fn add(&self, model: Model, satisfied: bool, agreed: bool) {
        let mut tally = self.0.borrow_mut();
        let (good, bad, missed) = tally.entry(model).or_default();
        *(if satisfied { good } else { bad }) += 1;
        *missed += u64::from(!agreed);
    }

    /// Prints the counts; each model was satisfied and violated often.
    pub(crate) fn conclude(&self) {
        for (model, (good, bad, missed)) in self.0.borrow().iter() {
            println!("{model}: {good} satisfy it, {bad} do not, of which {missed} were not recognized");
            assert!(
                good + bad < 100 || *good.min(bad) * 100 > good + bad,
                "{model} was hardly tested"
            );
        }
    }
}

/// Whether the history satisfies a level and an order. With `register` a read shows the last write alone.
pub(crate) fn satisfies(given: Given<'_>, level: Level, order: Order) -> bool {
    let Given { ops, register, .. } = given;
    let search = Search {
        given,
        ops,
        register,
        level,
        order,
        written: written(ops),
    };
    let state = State {
        placed: 0,
        started: 0,
        store: BTreeMap::new(),
        open: BTreeMap::new(),
    };
    if level == Level::SnapshotIsolation {
        search.interleave(&state)
    } else {
        search.serially(&state)
    }
}

/// Who wrote what: by key and value.
fn written(ops: &[Op]) -> BTreeMap<(i64, i64), usize> {
    let mut written = BTreeMap::new();
    for (nth, op) in ops.iter().enumerate() {
        for mop in &op.mops {
            if let Mop::Write(key, value) = mop {
                written.insert((*key, *value), nth);
            }
        }
    }
    written
}

/// Per key the writes so far, and the lengths at which a transaction ended.
type Store = BTreeMap<i64, (Vec<i64>, Vec<usize>)>;

#[derive(Clone)]
struct State {
    placed: u32,
    started: u32,
    store: Store,
    /// Snapshots of the transactions that started: the store, and whether a key was written since.
    open: BTreeMap<usize, Store>,
}

struct Search<'h> {
    given: Given<'h>,
    ops: &'h [Op],
    register: bool,
    level: Level,
    order: Order,
    written: BTreeMap<(i64, i64), usize>,
}

impl Search<'_> {
    fn must_precede(&self, a: usize, b: usize) -> bool {
        match self.order {
            Order::Any => false,
            Order::Session => self.ops[a].before_in_session(&self.ops[b]),
            Order::Realtime => self.ops[a].before(&self.ops[b]),
        }
    }

    /// Whether every transaction that must come before `nth` and is sure to commit is in the set.
    fn ready(&self, nth: usize, placed: u32) -> bool {
        (0..self.ops.len()).all(|other| placed >> other & 1 == 1 || !self.must_precede(other, nth))
    }

    fn candidates(&self, done: u32) -> impl Iterator<Item = usize> {
        (0..self.ops.len()).filter(move |nth| done >> nth & 1 == 0 && self.ops[*nth].txn.outcome != Outcome::Fail)
    }

    /// Whether all transactions that certainly committed are placed.
    fn complete(&self, placed: u32) -> bool {
        self.ops
            .iter()
            .enumerate()
            .all(|(nth, op)| op.txn.outcome != Outcome::Ok || placed >> nth & 1 == 1)
    }

    fn serially(&self, state: &State) -> bool {
        if self.complete(state.placed) && (self.level != Level::ReadUncommitted || self.shown(state, false)) {
            return true;
        }
        if self.level == Level::ReadUncommitted && !self.shown(state, true) {
            return false;
        }
        self.candidates(state.placed).any(|nth| {
            let fits = self.ready(nth, state.placed)
                && (self.level == Level::ReadUncommitted || self.reads_fit(nth, &state.store));
            let placed = state.placed | 1 << nth;
            fits && self.serially(&State {
                placed,
                store: self.after(nth, &state.store),
                ..state.clone()
            })
        })
    }

    fn after(&self, nth: usize, store: &Store) -> Store {
        let mut store = store.clone();
        for mop in &self.ops[nth].mops {
            if let Mop::Write(key, value) = mop {
                store.entry(*key).or_default().0.push(*value);
            }
        }
        for (list, ends) in store.values_mut() {
            if ends.last() != Some(&list.len()) {
                ends.push(list.len());
            }
        }
        store
    }

    /// Whether each read of a transaction may be what it is, when the store is this before it.
    fn reads_fit(&self, nth: usize, store: &Store) -> bool {
        let monotonic = self.level != Level::MonotonicAtomicView || self.monotonic(nth, store);
        monotonic && self.reads_committed(nth, store)
    }

    /// Whether each read shows whatever an earlier read of the transaction saw to be there.
    fn monotonic(&self, nth: usize, store: &Store) -> bool {
        let mut saw: Vec<usize> = Vec::new();
        self.ops[nth].mops.iter().all(|mop| {
            let Mop::Read(key, Some(found)) = mop else { return true };
            let others = found
                .iter()
                .filter_map(|value| self.written.get(&(*key, *value)).copied());
            let others: Vec<usize> = others.filter(|other| *other != nth).collect();
            let own = found
                .iter()
                .any(|value| self.written.get(&(*key, *value)) == Some(&nth));
            if own && others.is_empty() {
                return true;
            }
            let list = store.get(key).map_or(&[][..], |(list, _)| list);
            let last = found
                .iter()
                .rev()
                .find(|value| self.written.get(&(*key, **value)) != Some(&nth));
            let shown = last
                .and_then(|last| list.iter().position(|value| value == last))
                .map_or(0, |at| at + 1);
            let missed = |other: &usize| {
                let writer = |value: &i64| self.written.get(&(*key, *value)) == Some(other);
                list[shown..].iter().any(writer)
            };
            let complete = !saw.iter().any(missed);
            // A list that ends with its own append is its own version, whatever stands before.
            let seen = match (self.given.whole, own) {
                (true, _) => &others[..],
                (false, true) => &[],
                (false, false) => &others[others.len().saturating_sub(1)..],
            };
            saw.extend(seen);
            complete
        })
    }

    fn reads_committed(&self, nth: usize, store: &Store) -> bool {
        let nothing = (Vec::new(), Vec::new());
        let mut own: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let mut last: BTreeMap<i64, Option<i64>> = BTreeMap::new();
        self.ops[nth].mops.iter().all(|mop| match mop {
            Mop::Write(key, value) => {
                own.entry(*key).or_default().push(*value);
                last.insert(*key, Some(*value));
                true
            }
            Mop::Read(_, None) => true,
            Mop::Read(key, Some(found)) => {
                let (list, ends) = store.get(key).unwrap_or(&nothing);
                let own = own.get(key).map_or(&[][..], |own| own);
                let mut allowed = vec![[&list[..], own].concat()];
                let committed = matches!(self.level, Level::ReadCommitted | Level::MonotonicAtomicView);
                if committed {
                    allowed.extend((1..own.len()).map(|len| [&list[..], &own[..len]].concat()));
                    allowed.push(Vec::new());
                    allowed.extend(ends.iter().map(|end| list[..*end].to_vec()));
                }
                let before = last.insert(*key, found.last().copied());
                let steady = committed || before.is_none_or(|b| b == found.last().copied());
                self.fits(*key, found, &allowed) && (!self.register || steady)
            }
        })
    }

    fn fits(&self, key: i64, found: &[i64], allowed: &[Vec<i64>]) -> bool {
        if !self.register {
            return allowed.iter().any(|list| list == found);
        }
        let initial = self.given.initial.get(&key);
        let unwritten = match found.first() {
            Some(value) => !self.written.contains_key(&(key, *value)) && initial != Some(value),
            None => initial.is_some(),
        };
        unwritten || allowed.iter().any(|list| list.last().or(initial) == found.first())
    }

    /// Read uncommitted: whether the reads of those placed are parts of the lists, failed writes apart. With `so_far`
    /// the lists may yet grow.
    fn shown(&self, state: &State, so_far: bool) -> bool {
        let placed = (0..self.ops.len()).filter(|nth| state.placed >> nth & 1 == 1);
        placed.flat_map(|nth| &self.ops[nth].mops).all(|mop| {
            let Mop::Read(key, Some(found)) = mop else { return true };
            if self.register {
                return true;
            }
            let failed = |nth: &usize| self.ops[*nth].txn.outcome == Outcome::Fail;
            let once = found.iter().enumerate().all(|(at, value)| !found[..at].contains(value));
            let known = found.iter().all(|value| self.written.contains_key(&(*key, *value)));
            let kept = found
                .iter()
                .filter(|value| !self.written.get(&(*key, **value)).is_some_and(failed));
            let list = state.store.get(key).map_or(&[][..], |(list, _)| list);
            let kept: Vec<i64> = kept.copied().collect();
            once && known && (list.starts_with(&kept) || so_far && kept.starts_with(list))
        })
    }

    /// Snapshot isolation: the next event is a start or a commit.
    fn interleave(&self, state: &State) -> bool {
        if self.complete(state.placed) {
            return true;
        }
        let commits = state.open.iter().any(|(nth, snapshot)| {
            let written = |mop: &Mop| match mop {
                Mop::Write(key, _) => state.store.get(key) != snapshot.get(key),
                Mop::Read(..) => false,
            };
            let first = !self.ops[*nth].mops.iter().any(written);
            first && self.interleave(&self.commit(*nth, state))
        });
        commits
            || self.candidates(state.started).any(|nth| {
                let fits = self.ready(nth, state.placed) && self.reads_fit(nth, &state.store);
                fits && self.interleave(&self.start(nth, state))
            })
    }

    fn start(&self, nth: usize, state: &State) -> State {
        let mut next = state.clone();
        next.started |= 1 << nth;
        next.open.insert(nth, state.store.clone());
        next
    }

    fn commit(&self, nth: usize, state: &State) -> State {
        let mut next = state.clone();
        next.placed |= 1 << nth;
        next.open.remove(&nth);
        next.store = self.after(nth, &state.store);
        next
    }
}

//! Exhaustive references of the models that say what is visible: a history satisfies one if some abstract execution does.
//!
//! Every choice of info transactions that took effect, every order of arbitration and every visibility within it is
//! tried (Cerone, Bernardi and Gotsman, 2015). Nothing here knows of graphs.

use std::collections::BTreeMap;

use paytwice_checkers::isolation::{Model, Outcome};

use crate::histories::{Mop, Op};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axioms {
    ReadAtomic,
    /// Read atomic, and of two that write one key one is visible to the other.
    UpdateAtomic,
    /// What is visible to what is visible is visible.
    Causal,
    /// Whatever is arbitrated before what is visible is visible.
    Prefix,
    /// Causal and update atomic.
    ParallelSnapshot,
}

/// What has a reference: whether sessions count.
pub(crate) const WEAK: [(Model, Axioms, bool); 9] = [
    (Model::ReadAtomic, Axioms::ReadAtomic, false),
    (Model::StrongSessionReadAtomic, Axioms::ReadAtomic, true),
    (Model::UpdateAtomic, Axioms::UpdateAtomic, false),
    (Model::CausalCerone, Axioms::Causal, false),
    (Model::Causal, Axioms::Causal, true),
    (Model::Prefix, Axioms::Prefix, false),
    (Model::StrongSessionPrefix, Axioms::Prefix, true),
    (Model::ParallelSnapshotIsolation, Axioms::ParallelSnapshot, false),
    (
        Model::StrongSessionParallelSnapshotIsolation,
        Axioms::ParallelSnapshot,
        true,
    ),
];

/// A history and what its keys held at first.
#[derive(Clone, Copy)]
pub(crate) struct Given<'h> {
    pub(crate) ops: &'h [Op],
    pub(crate) register: bool,
    /// Whether a list shows all of its appends, or the last one alone.
    pub(crate) whole: bool,
    pub(crate) initial: &'h BTreeMap<i64, i64>,
}

/// Whether some abstract execution explains the history.
pub(crate) fn executes(given: Given<'_>, axioms: Axioms, sessions: bool) -> bool {
    let search = Search {
        given,
        axioms,
        sessions,
        written: given
            .ops
            .iter()
            .flat_map(|op| &op.mops)
            .filter_map(|mop| match mop {
                Mop::Write(key, value) => Some((*key, *value)),
                Mop::Read(..) => None,
            })
            .collect(),
    };
    search.place(&mut Vec::new(), &mut vec![0; given.ops.len()])
}

struct Search<'h> {
    given: Given<'h>,
    axioms: Axioms,
    sessions: bool,
    written: Vec<(i64, i64)>,
}

impl Search<'_> {
    /// Whether the transactions arbitrated so far, each with what is visible to it, can be completed.
    fn place(&self, order: &mut Vec<usize>, visible: &mut Vec<u32>) -> bool {
        let ops = self.given.ops;
        let placed = order.iter().fold(0_u32, |all, nth| all | 1 << nth);
        let is_placed = |nth: usize| placed >> nth & 1 == 1;
        if (0..ops.len()).all(|nth| is_placed(nth) || ops[nth].txn.outcome != Outcome::Ok) {
            return true;
        }
        (0..ops.len()).any(|nth| {
            let before = |other: usize| self.sessions && ops[other].before_in_session(&ops[nth]);
            let fits = !is_placed(nth)
                && ops[nth].txn.outcome != Outcome::Fail
                && (0..ops.len()).all(|other| is_placed(other) || !before(other));
            fits && self.views(nth, order, visible).into_iter().any(|view| {
                visible[nth] = view;
                order.push(nth);
                let found = self.place(order, visible);
                order.pop();
                found
            })
        })
    }

    /// Everything that may be visible to a transaction that comes next.
    fn views(&self, nth: usize, order: &[usize], visible: &[u32]) -> Vec<u32> {
        let mut views = Vec::new();
        for choice in 0..1_u32 << order.len() {
            let chosen = order.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
            let view = chosen.fold(0_u32, |view, (_, nth)| view | 1 << nth);
            if self.allows(nth, order, visible, choice, view) && self.reads(nth, order, view) {
                views.push(view);
                // What is visible to others depends on it only where visibility is transitive.
                if !matches!(self.axioms, Axioms::Causal | Axioms::ParallelSnapshot) {
                    break;
                }
            }
        }
        views
    }

    fn allows(&self, nth: usize, order: &[usize], visible: &[u32], choice: u32, view: u32) -> bool {
        let ops = self.given.ops;
        let in_view = |other: usize| view >> other & 1 == 1;
        let writes = |op: usize, key: i64| {
            ops[op]
                .mops
                .iter()
                .any(|mop| matches!(mop, Mop::Write(k, _) if *k == key))
        };
        let conflict = |other: usize| {
            ops[nth]
                .mops
                .iter()
                .any(|mop| matches!(mop, Mop::Write(key, _) if writes(other, *key)))
        };
        let sessions = order
            .iter()
            .all(|other| !self.sessions || in_view(*other) || !ops[*other].before_in_session(&ops[nth]));
        let transitive = || {
            order
                .iter()
                .filter(|other| in_view(**other))
                .all(|other| visible[*other] & !view == 0)
        };
        let updates = || order.iter().all(|other| in_view(*other) || !conflict(*other));
        sessions
            && match self.axioms {
                Axioms::ReadAtomic => true,
                Axioms::UpdateAtomic => updates(),
                Axioms::Causal => transitive(),
                Axioms::Prefix => choice & (choice + 1) == 0,
                Axioms::ParallelSnapshot => transitive() && updates(),
            }
    }

    /// Whether a transaction that sees just these reads what it read.
    fn reads(&self, nth: usize, order: &[usize], view: u32) -> bool {
        let mut own: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        // What it read last of a key, and wrote since then.
        let mut known: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        self.given.ops[nth].mops.iter().all(|mop| match mop {
            Mop::Write(key, value) => {
                own.entry(*key).or_default().push(*value);
                if let Some(known) = known.get_mut(key) {
                    known.push(*value);
                }
                true
            }
            Mop::Read(_, None) => true,
            Mop::Read(key, Some(found)) => {
                let own = own.get(key).map_or(&[][..], Vec::as_slice);
                let before = known.insert(*key, found.clone());
                let steady = match before {
                    Some(before) if self.given.register => before.last() == found.last(),
                    Some(before) => before == *found,
                    None => true,
                };
                steady
                    && if self.given.register {
                        self.register(*key, found, own, order, view)
                    } else {
                        self.list(*key, found, own, order, view)
                    }
            }
        })
    }

    /// The writes of a key in the order of arbitration, each with its transaction.
    fn writes(&self, key: i64, order: &[usize]) -> Vec<(usize, i64)> {
        let of = |nth: &usize| {
            let nth = *nth;
            self.given.ops[nth].mops.iter().filter_map(move |mop| match mop {
                Mop::Write(k, value) if *k == key => Some((nth, *value)),
                _ => None,
            })
        };
        order.iter().flat_map(of).collect()
    }

    fn register(&self, key: i64, found: &[i64], own: &[i64], order: &[usize], view: u32) -> bool {
        let initial = self.given.initial.get(&key);
        let elsewhere = match found.first() {
            Some(value) => !self.written.contains(&(key, *value)) && initial != Some(value),
            None => initial.is_some(),
        };
        let mut seen = self
            .writes(key, order)
            .into_iter()
            .filter(|(nth, _)| view >> nth & 1 == 1);
        let value = own
            .last()
            .copied()
            .or(seen.next_back().map(|(_, value)| value))
            .or(initial.copied());
        own.is_empty() && elsewhere || found.first().copied() == value
    }

    fn list(&self, key: i64, found: &[i64], own: &[i64], order: &[usize], view: u32) -> bool {
        let writes = self.writes(key, order);
        let in_view = |(nth, _): &(usize, i64)| view >> nth & 1 == 1;
        // Behind what it appended itself stands all that is arbitrated before.
        let end = match own.is_empty() {
            true => writes.iter().rposition(in_view).map_or(0, |at| at + 1),
            false => writes.len(),
        };
        let shown = &writes[..end];
        let list: Vec<i64> = shown
            .iter()
            .map(|(_, value)| *value)
            .chain(own.iter().copied())
            .collect();
        list == found && (!self.given.whole || shown.iter().all(in_view))
    }
}

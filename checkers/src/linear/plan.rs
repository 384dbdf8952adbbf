//! A history laid out for the search: definite operations by return, info operations by class.
//!
//! By return, the configurations stay small: when the first operation without a place is the one that returns at
//! r, all that returned earlier have one, and the later ones that have one overlap r. So a slot per overlapping
//! operation, reused after its return, says which: as many bits as operations overlap, however long the history.

use super::interner::NONE;
use super::machine::Class;

/// An operation, reduced to what the search needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) call: u64,
    /// Position of the return; [`OPEN`] if it need not happen.
    pub(crate) ret: u64,
    pub(crate) class: Class,
    /// Which operation it is, for the caller.
    pub(crate) op: u32,
}

/// The return of an operation that may never happen.
pub(crate) const OPEN: u64 = u64::MAX;

/// Info operations of one class: the earlier called, the earlier used.
#[derive(Debug)]
pub(crate) struct Infos {
    pub(crate) class: Class,
    /// Positions of the calls, ascending, and which operations they are.
    pub(crate) calls: Vec<(u64, u32)>,
}

/// The layout.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Definite operations by return.
    pub(crate) items: Vec<Item>,
    /// The slot of each.
    slot: Vec<u32>,
    /// In order of call.
    by_call: Vec<u32>,
    /// Words that hold one bit per slot.
    pub(crate) mask_words: usize,
    /// Neighbours in order of call; the last entry is the ring's head.
    next: Vec<u32>,
    prev: Vec<u32>,
    pub(crate) infos: Vec<Infos>,
}

impl Plan {
    pub(crate) fn new(items: impl Iterator<Item = Item>) -> Self {
        let (mut items, open): (Vec<Item>, Vec<Item>) = items.partition(|item| item.ret != OPEN);
        items.sort_by_key(|item| (item.ret, item.call));
        let mut by_call: Vec<u32> = (0..items.len() as u32).collect();
        by_call.sort_by_key(|rank| (items[*rank as usize].call, *rank));
        let (slot, slots) = slots(&items, &by_call);
        let (next, prev) = ring(&by_call);
        Self {
            items,
            slot,
            by_call,
            mask_words: slots.div_ceil(64),
            next,
            prev,
            infos: infos(open),
        }
    }

    /// Takes every operation's place away again, after a search that gave up.
    pub(crate) fn reset(&mut self) {
        (self.next, self.prev) = ring(&self.by_call);
    }

    /// How many definite operations there are.
    pub(crate) fn len(&self) -> u32 {
        self.items.len() as u32
    }

    /// Word and bit of an operation in the mask.
    pub(crate) fn bit(&self, rank: u32) -> (usize, u64) {
        let slot = self.slot[rank as usize];
        (slot as usize / 64, 1 << (slot % 64))
    }

    /// The first operation without a place that was called no later than `limit`, after `rank` (or the head) in
    /// order of call.
    pub(crate) fn after(&self, rank: u32, limit: u64) -> Option<u32> {
        let next = self.next[rank as usize];
        let item = self.items.get(next as usize)?;
        (item.call <= limit).then_some(next)
    }

    /// Takes an operation out of the ring.
    pub(crate) fn lift(&mut self, rank: u32) {
        let (next, prev) = (self.next[rank as usize], self.prev[rank as usize]);
        self.next[prev as usize] = next;
        self.prev[next as usize] = prev;
    }

    /// Puts back the operation that was taken out last.
    pub(crate) fn unlift(&mut self, rank: u32) {
        let (next, prev) = (self.next[rank as usize], self.prev[rank as usize]);
        self.next[prev as usize] = rank;
        self.prev[next as usize] = rank;
    }
}

/// A slot for each operation, no two overlapping ones sharing theirs, and how many slots that took.
fn slots(items: &[Item], by_call: &[u32]) -> (Vec<u32>, usize) {
    let mut slot = vec![NONE; items.len()];
    let mut free: Vec<u32> = Vec::new();
    let (mut used, mut returned) = (0, 0);
    for rank in by_call {
        let call = items[*rank as usize].call;
        while returned < items.len() && items[returned].ret < call {
            free.push(slot[returned]);
            returned += 1;
        }
        slot[*rank as usize] = free.pop().unwrap_or_else(|| {
            used += 1;
            used - 1
        });
    }
    (slot, used as usize)
}

fn ring(by_call: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let head = by_call.len() as u32;
    let (mut next, mut prev) = (vec![head; by_call.len() + 1], vec![head; by_call.len() + 1]);
    let mut last = head;
    for rank in by_call {
        next[last as usize] = *rank;
        prev[*rank as usize] = last;
        last = *rank;
    }
    next[last as usize] = head;
    prev[head as usize] = last;
    (next, prev)
}

/// Info operations by class, the classes in order of their first call.
fn infos(mut open: Vec<Item>) -> Vec<Infos> {
    open.sort_by_key(|item| (item.class, item.call, item.op));
    let mut infos: Vec<Infos> = open
        .chunk_by(|a, b| a.class == b.class)
        .map(|same| Infos {
            class: same[0].class,
            calls: same.iter().map(|item| (item.call, item.op)).collect(),
        })
        .collect();
    infos.sort_by_key(|info| info.calls[0]);
    infos
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(intervals: impl Iterator<Item = (u64, u64)>) -> Plan {
        Plan::new((0..).zip(intervals).map(|(op, (call, ret))| Item {
            call,
            ret,
            class: 0,
            op,
        }))
    }

    #[test]
    fn a_mask_has_as_many_bits_as_operations_overlap() {
        let apart = plan((0..200).map(|n| (2 * n, 2 * n + 1)));
        assert_eq!(apart.mask_words, 1);
        assert!((0..200).all(|rank| apart.bit(rank) == (0, 1)));
        for (overlapping, words) in [(64, 1), (65, 2)] {
            let beside = plan((0..overlapping).map(|n| (n, n + 100)));
            assert_eq!(beside.mask_words, words);
            let mut bits: Vec<_> = (0..overlapping as u32).map(|rank| beside.bit(rank)).collect();
            bits.sort_unstable();
            bits.dedup();
            assert_eq!(bits.len(), overlapping as usize);
            assert!(bits.iter().all(|(word, _)| *word < words));
        }
    }

    #[test]
    fn operations_that_share_a_position_share_no_bit() {
        let plan = plan([(0, 5), (5, 9)].into_iter());
        assert_ne!(plan.bit(0), plan.bit(1));
    }

    #[test]
    fn a_plan_that_was_reset_has_every_operation_again() {
        let mut plan = plan((0..3).map(|n| (n, n + 10)));
        plan.lift(1);
        plan.lift(0);
        plan.reset();
        let head = plan.len();
        assert_eq!(
            [head, 0, 1, 2].map(|rank| plan.after(rank, 9)),
            [Some(0), Some(1), Some(2), None]
        );
    }
}

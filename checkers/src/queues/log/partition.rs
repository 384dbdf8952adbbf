//! The log of one key: which message is at which offset, and since when it is known to be how long.

use std::collections::BTreeMap;

/// Offsets may begin this far below the first one seen and still be in the array.
const BELOW_FIRST: u64 = 1024;

/// The array may have this many times as many slots as messages, and a few more; other offsets go into a map.
const SLOTS_PER_MESSAGE: u64 = 4;
const SLOTS_MIN: u64 = 4096;

/// One key.
#[derive(Clone, Default)]
pub(super) struct Partition {
    /// Offset of the first slot.
    base: u64,
    /// One more than the message at each offset from `base`; 0 for none.
    slots: Vec<u32>,
    sparse: BTreeMap<u64, u32>,
    messages: u64,
    /// When it was first known to have this many offsets; both increase.
    lengths: Vec<(u64, u64)>,
}

impl Partition {
    /// Puts a message at an offset, or says which one is there.
    #[inline]
    pub(super) fn put(&mut self, offset: u64, message: u32) -> Option<u32> {
        if self.messages == 0 {
            self.base = offset.saturating_sub(BELOW_FIRST);
        }
        let room = SLOTS_MIN + SLOTS_PER_MESSAGE * self.messages;
        let Some(slot) = offset
            .checked_sub(self.base)
            .filter(|slot| *slot < room.max(self.slots.len() as u64))
        else {
            return self.put_sparse(offset, message);
        };
        let slot = usize::try_from(slot).unwrap_or(usize::MAX);
        if slot >= self.slots.len() {
            if let Some(there) = self.sparse.get(&offset) {
                return Some(*there);
            }
            self.slots.resize(slot + 1, 0);
        }
        match self.slots[slot] {
            0 if self.sparse.contains_key(&offset) => self.sparse.get(&offset).copied(),
            0 => {
                self.slots[slot] = message + 1;
                self.messages += 1;
                None
            }
            there => Some(there - 1),
        }
    }

    #[cold]
    fn put_sparse(&mut self, offset: u64, message: u32) -> Option<u32> {
        if let Some(there) = self.sparse.get(&offset) {
            return Some(*there);
        }
        self.sparse.insert(offset, message);
        self.messages += 1;
        None
    }

    /// An offset is known to exist.
    #[inline]
    pub(super) fn reaches(&mut self, offset: u64, time: u64) {
        let length = offset.saturating_add(1);
        if self.lengths.last().is_none_or(|(_, known)| *known < length) {
            self.lengths.push((time, length));
        }
    }

    /// For how long, at a time, offset `next` had been known to exist.
    #[inline]
    pub(super) fn lag(&self, next: u64, now_ns: u64) -> u64 {
        if self.lengths.last().is_none_or(|(_, known)| *known <= next) {
            return 0;
        }
        // Readers are near the end: look there first, further and further back.
        let (mut upto, mut back) = (self.lengths.len(), 1);
        let from = loop {
            let from = upto.saturating_sub(back);
            if from == 0 || self.lengths[from].1 <= next {
                break from;
            }
            (upto, back) = (from, back * 2);
        };
        let since = from + self.lengths[from..upto].partition_point(|(_, known)| *known <= next);
        now_ns.saturating_sub(self.lengths[since].0)
    }

    /// The message at an offset.
    pub(super) fn get(&self, offset: u64) -> Option<u32> {
        let slot = offset
            .checked_sub(self.base)
            .and_then(|slot| usize::try_from(slot).ok());
        let dense = slot
            .and_then(|slot| self.slots.get(slot))
            .filter(|message| **message > 0)
            .map(|m| m - 1);
        dense.or_else(|| self.sparse.get(&offset).copied())
    }

    /// Every offset that is known, in order.
    pub(super) fn offsets(&self) -> Vec<u64> {
        let dense = (self.base..)
            .zip(&self.slots)
            .filter(|(_, message)| **message > 0)
            .map(|(offset, _)| offset);
        let mut offsets: Vec<u64> = dense.chain(self.sparse.keys().copied()).collect();
        offsets.sort_unstable();
        offsets
    }
}

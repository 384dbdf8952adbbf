//! The log of one key: which message is at which offset, and since when it is known to be how long.

use std::collections::BTreeMap;

/// Offsets may begin this far below the first one seen and still be in the array.
const BELOW_FIRST: u64 = 16;

/// The array may have this many times as many slots as messages, and a few more; other offsets go into a map.
const SLOTS_PER_MESSAGE: u64 = 4;
const SLOTS_MIN: u64 = 64;

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
        if let Some(there) = self.slots.get(slot).filter(|there| **there > 0) {
            return Some(there - 1);
        }
        if let Some(there) = self.sparse.get(&offset) {
            return Some(*there);
        }
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] = message + 1;
        self.messages += 1;
        None
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

#[cfg(test)]
mod tests {
    use super::Partition;

    #[test]
    fn every_offset_keeps_its_first_message() {
        let mut partition = Partition::default();
        // From the array, above it, below it, and above it once it has grown so far.
        let far = 1 << 40;
        let offsets = [1_000, 1_001, 990, 983, 1_064, 1_100, far, u64::MAX - 1, 3];
        for (message, offset) in (0..).zip(offsets) {
            assert_eq!((partition.get(offset), partition.put(offset, message)), (None, None));
        }
        for offset in 1_002..1_064 {
            assert_eq!(partition.put(offset, 99), None);
        }
        assert_eq!(partition.put(1_100, 98), Some(5));
        for offset in 1_065..1_100 {
            assert_eq!(partition.put(offset, 99), None);
        }
        for (message, offset) in (0..).zip(offsets) {
            assert_eq!(
                (partition.get(offset), partition.put(offset, 98)),
                (Some(message), Some(message))
            );
        }
        let known = partition.offsets();
        assert!(known.is_sorted() && known.len() == offsets.len() + 62 + 35);
        assert!(partition.slots.len() < 256);
        assert!(partition.sparse.keys().eq(&[3, 983, 1_064, 1_100, far, u64::MAX - 1]));
    }

    #[test]
    fn the_array_has_room_for_four_offsets_per_message_and_64() {
        for (offset, in_map) in [(83, 1), (84, 0), (151, 0), (152, 1)] {
            let mut partition = Partition::default();
            partition.put(100, 0);
            partition.put(offset, 1);
            assert_eq!(partition.sparse.len(), in_map, "{offset}");
        }
        let mut partition = Partition::default();
        (0..10).for_each(|offset| assert_eq!(partition.put(offset, 0), None));
        partition.put(103, 1);
        partition.put(108, 1);
        partition.put(111, 1);
        assert!(partition.sparse.keys().eq(&[108]));
    }

    #[test]
    fn an_offset_is_known_to_exist_since_the_log_was_that_long() {
        let mut partition = Partition::default();
        assert_eq!(partition.lag(0, 50), 0);
        for time in 0..40 {
            partition.reaches(time * 2 + 1, time);
            partition.reaches(time, time);
        }
        for next in 0..80 {
            assert_eq!(partition.lag(next, 100), 100 - next / 2, "{next}");
        }
        assert_eq!((partition.lag(80, 100), partition.lag(79, 3)), (0, 0));
        partition.reaches(u64::MAX, 99);
        assert_eq!(partition.lag(80, 100), 1);
    }
}

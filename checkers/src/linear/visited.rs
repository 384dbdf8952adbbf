//! Configurations that the search has been in, and which of them make a new one superfluous.
//!
//! A configuration is the first operation (by return) that has no place yet, the object's state, the later
//! operations that already have one (a bit per slot: as many bits as operations overlap) and the info operations
//! used up. Whatever can be completed after using up some info operations can also be completed after using up
//! fewer of them: a configuration is superfluous when one with the same first three parts used up no more.

use super::interner::{NONE, Slots, fold};
use super::tally::{EMPTY, Tallies};

/// The set of configurations visited.
#[derive(Debug)]
pub(crate) struct Visited {
    /// Words of one entry: first operation and state, then the mask.
    stride: usize,
    words: Vec<u64>,
    slots: Slots,
    /// Per entry the newest link of its tallies; empty for histories without info operations.
    heads: Vec<u32>,
    /// Tally, next link.
    links: Vec<(u32, u32)>,
    tallied: bool,
    key: Vec<u64>,
    len: u64,
}

impl Visited {
    /// For masks of `mask_words` words; `tallied` if there are info operations.
    pub(crate) fn new(mask_words: usize, tallied: bool) -> Self {
        Self {
            stride: mask_words + 1,
            words: Vec::new(),
            slots: Slots::default(),
            heads: Vec::new(),
            links: Vec::new(),
            tallied,
            key: Vec::new(),
            len: 0,
        }
    }

    /// How many configurations were visited.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Visits a configuration; false if that is superfluous.
    pub(crate) fn visit(&mut self, base: u32, state: u32, mask: &[u64], tally: u32, tallies: &Tallies) -> bool {
        debug_assert!(self.tallied || tally == EMPTY);
        let Self {
            stride,
            words,
            slots,
            key,
            ..
        } = self;
        key.clear();
        key.push(u64::from(base) << 32 | u64::from(state));
        key.extend_from_slice(mask);
        let entry = |id: u32| &words[id as usize * *stride..][..*stride];
        let hash = fold(&key[..]);
        match slots.find(hash, |id| entry(id) == &key[..]) {
            Ok(id) => self.tallied && self.add_tally(id, tally, tallies),
            Err(at) => {
                let id = (words.len() / *stride) as u32;
                assert!(id != NONE, "fewer than 2^32 configurations");
                slots.put(at, hash, id);
                words.extend_from_slice(key);
                if self.tallied {
                    self.heads.push(NONE);
                    self.link(id, tally);
                }
                self.len += 1;
                true
            }
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * 8 + self.slots.bytes() + self.heads.capacity() * 4 + self.links.capacity() * 8
    }

    fn add_tally(&mut self, id: u32, tally: u32, tallies: &Tallies) -> bool {
        let mut at = self.heads[id as usize];
        while at != NONE {
            let (seen, next) = self.links[at as usize];
            if tallies.within(seen, tally) {
                return false;
            }
            at = next;
        }
        self.link(id, tally);
        self.len += 1;
        true
    }

    fn link(&mut self, id: u32, tally: u32) {
        let head = std::mem::replace(&mut self.heads[id as usize], self.links.len() as u32);
        self.links.push((tally, head));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_visited_once() {
        let tallies = Tallies::default();
        let mut visited = Visited::new(1, false);
        for _ in 0..2 {
            for base in 0..50 {
                let fresh = visited.len() == u64::from(base) * 4;
                for (state, mask) in [(0, [0]), (1, [0]), (0, [1]), (1, [1])] {
                    assert_eq!(visited.visit(base, state, &mask, EMPTY, &tallies), fresh);
                }
            }
        }
        assert_eq!(visited.len(), 200);
        // 400 words grew to 512, and 200 of 512 slots.
        assert_eq!(visited.bytes(), 512 * 8 + 512 * 8);
    }

    #[test]
    fn using_up_no_less_than_before_is_superfluous() {
        let mut tallies = Tallies::default();
        let one = tallies.add(EMPTY, 1);
        let two = tallies.add(EMPTY, 2);
        let both = tallies.add(one, 2);
        let mut visited = Visited::new(1, true);
        let mut visit = |tally| visited.visit(0, 0, &[0], tally, &tallies);
        assert_eq!(
            [one, one, both, two, two, both].map(&mut visit),
            [true, false, false, true, false, false]
        );
        assert_eq!([EMPTY, one].map(&mut visit), [true, false]);
        assert_eq!(visited.len(), 3);
        // 4 words, 16 slots, 4 heads and 4 links.
        assert_eq!(visited.bytes(), 4 * 8 + 16 * 8 + 4 * 4 + 4 * 8);
    }
}

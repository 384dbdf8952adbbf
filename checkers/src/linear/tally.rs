//! Multisets of info operations that a configuration has used up, hash-consed.
//!
//! A multiset is a list of (class, how many), newest class first. Lists share their tails, so that one more use of
//! a recent class costs the few newer entries and not the whole list, equal multisets have equal numbers, and a
//! comparison ends where the lists meet.

use super::interner::{Interner, NONE};

/// The empty multiset.
pub(crate) const EMPTY: u32 = NONE;

/// Every multiset met.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Class, how many, rest.
    nodes: Interner<(u32, u32, u32)>,
    newer: Vec<(u32, u32)>,
}

impl Tallies {
    /// `tally` with one more of `class`.
    pub(crate) fn add(&mut self, tally: u32, class: u32) -> u32 {
        let mut rest = tally;
        let mut count = 1;
        while rest != EMPTY {
            let (head, many, tail) = self.nodes[rest];
            if head < class {
                break;
            }
            rest = tail;
            if head == class {
                count += many;
                break;
            }
            self.newer.push((head, many));
        }
        let mut grown = self.nodes.id((class, count, rest)).0;
        while let Some((head, many)) = self.newer.pop() {
            grown = self.nodes.id((head, many, grown)).0;
        }
        grown
    }

    /// True if `a` has no more of anything than `b`.
    pub(crate) fn within(&self, mut a: u32, mut b: u32) -> bool {
        loop {
            if a == b || a == EMPTY {
                return true;
            }
            if b == EMPTY {
                return false;
            }
            let (class_a, many_a, rest_a) = self.nodes[a];
            let (class_b, many_b, rest_b) = self.nodes[b];
            if class_a > class_b || (class_a == class_b && many_a > many_b) {
                return false;
            }
            if class_a == class_b {
                a = rest_a;
            }
            b = rest_b;
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(tallies: &mut Tallies, classes: &[u32]) -> u32 {
        classes.iter().fold(EMPTY, |tally, class| tallies.add(tally, *class))
    }

    #[test]
    fn order_of_use_does_not_matter() {
        let mut tallies = Tallies::default();
        let a = tally(&mut tallies, &[1, 3, 2, 3, 1]);
        let b = tally(&mut tallies, &[3, 3, 1, 1, 2]);
        assert_eq!(a, b);
        assert_ne!(a, tally(&mut tallies, &[1, 2, 3]));
    }

    #[test]
    fn a_part_is_within_the_whole_and_not_the_other_way_round() {
        let mut tallies = Tallies::default();
        let whole = tally(&mut tallies, &[0, 1, 1, 4, 7]);
        for part in [&[][..], &[1], &[1, 1], &[0, 7], &[4, 1, 0], &[0, 1, 1, 4, 7]] {
            let part = tally(&mut tallies, part);
            assert!(tallies.within(part, whole));
            assert_eq!(tallies.within(whole, part), whole == part);
        }
        for other in [&[2][..], &[1, 1, 1], &[0, 0], &[7, 8]] {
            let other = tally(&mut tallies, other);
            assert!(!tallies.within(other, whole) && !tallies.within(whole, other));
        }
    }

    #[test]
    fn bytes_are_those_of_the_lists() {
        let mut tallies = Tallies::default();
        tally(&mut tallies, &[0, 1, 2]);
        // 4 nodes of 12 bytes, 16 slots.
        assert_eq!(tallies.bytes(), 4 * 12 + 16 * 8);
    }
}

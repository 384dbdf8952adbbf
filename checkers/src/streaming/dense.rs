//! Arrays by dense id, and op indices in four bytes.

/// An array that grows to the largest id it is asked for. Ids are dense by contract: a sparse one costs memory.
#[derive(Clone, Debug)]
pub(crate) struct Dense<T>(Vec<T>);

impl<T> Default for Dense<T> {
    fn default() -> Self {
        Dense(Vec::new())
    }
}

impl<T: Default + Clone> Dense<T> {
    /// The slot of `id`.
    #[inline]
    pub(crate) fn at(&mut self, id: u32) -> &mut T {
        let slot = id as usize;
        if slot >= self.0.len() {
            self.grow(slot);
        }
        &mut self.0[slot]
    }

    #[cold]
    fn grow(&mut self, slot: usize) {
        self.0.resize((slot | 63) + 1, T::default());
    }
}

impl<T> Dense<T> {
    /// The slot of `id`, if it is there already.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.0.get(id as usize)
    }

    /// Every slot with its id, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        (0..).zip(&mut self.0)
    }

    /// Every slot with its id; the last ones may be untouched.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.0)
    }
}

/// The index of an operation in four bytes, or none. Beyond four billion operations all are one, which is before none
/// of the others and which a witness leaves out: anomalies may go unseen there, but none is invented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u32);

impl Default for Mark {
    fn default() -> Self {
        Mark::NONE
    }
}

impl Mark {
    pub(crate) const NONE: Mark = Mark(u32::MAX);

    const BEYOND: Mark = Mark(u32::MAX - 1);

    #[inline]
    pub(crate) fn new(index: u64) -> Mark {
        Mark(u32::try_from(index).unwrap_or(u32::MAX).min(Mark::BEYOND.0))
    }

    /// Keeps the first index it is given.
    #[inline]
    pub(crate) fn first(&mut self, index: u64) {
        if *self == Mark::NONE {
            *self = Mark::new(index);
        }
    }

    /// Whether both are known and this one comes first.
    #[inline]
    pub(crate) fn is_before(self, other: Mark) -> bool {
        self.0 < other.0 && other != Mark::NONE
    }

    pub(crate) fn get(self) -> Option<u64> {
        (self.0 < Mark::BEYOND.0).then_some(u64::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dense, Mark};

    #[test]
    fn a_slot_is_there_when_it_is_asked_for() {
        let mut dense: Dense<u8> = Dense::default();
        assert_eq!(dense.get(3), None);
        *dense.at(3) = 7;
        assert_eq!(dense.iter().filter(|(_, v)| **v != 0).collect::<Vec<_>>(), [(3, &7)]);
        assert_eq!(
            (*dense.at(3), *dense.at(0), dense.get(63), dense.get(64)),
            (7, 0, Some(&0), None)
        );
        *dense.at(64) = 1;
        assert_eq!((*dense.at(3), dense.get(127), dense.get(128)), (7, Some(&0), None));
    }

    #[test]
    fn a_mark_keeps_the_first_index() {
        let mut mark = Mark::default();
        assert_eq!(mark.get(), None);
        mark.first(5);
        mark.first(9);
        assert_eq!(mark.get(), Some(5));
        assert!(mark.is_before(Mark::new(6)) && !mark.is_before(Mark::new(5)));
        assert!(!mark.is_before(Mark::NONE) && !Mark::NONE.is_before(mark) && !Mark::NONE.is_before(Mark::NONE));
    }

    #[test]
    fn an_index_beyond_four_bytes_is_left_out() {
        let last = u64::from(u32::MAX) - 2;
        assert_eq!(Mark::new(last).get(), Some(last));
        let beyond = [Mark::new(last + 1), Mark::new(last + 2), Mark::new(u64::MAX)];
        assert!(
            beyond
                .iter()
                .all(|m| m.get().is_none() && *m != Mark::NONE && *m == beyond[0])
        );
    }
}

//! Draws from the seed of a plan: the same numbers on every machine and with every version of the random library.
//!
//! Everything is made from whole 64-bit words of ChaCha8, so that a change in how a library picks from a range
//! cannot change a stored seed's schedule.

use std::ops::RangeInclusive;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of that number under a seed. Streams of one seed are independent.
    pub(crate) fn new(seed: u64, stream: u64) -> Draw {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Draw(rng)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number of the range, in steps of ten: plans are read by humans.
    pub(crate) fn ms(&mut self, range: RangeInclusive<u64>) -> u64 {
        let steps = (range.end() - range.start()) / 10;
        range.start() + 10 * self.below(steps + 1)
    }

    /// True with a chance of one in `n`.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or(0))
    }

    /// Puts them into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change() {
        let mut draw = Draw::new(7, 2);
        let drawn: Vec<u64> = (0..6).map(|_| draw.below(1000)).collect();
        assert_eq!(drawn, [300, 377, 249, 315, 688, 320]);
        let mut items = [1, 2, 3, 4, 5, 6];
        draw.shuffle(&mut items);
        assert_eq!(items, [3, 4, 6, 2, 5, 1]);
    }

    #[test]
    fn draws_stay_in_range() {
        let mut draw = Draw::new(1, 1);
        for _ in 0..1000 {
            assert!((100..=250).contains(&draw.ms(100..=250)));
        }
        assert_eq!(draw.below(0), 0);
        assert_eq!(draw.ms(5..=5), 5);
    }
}

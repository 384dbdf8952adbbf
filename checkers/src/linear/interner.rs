//! Values as small numbers: equal values get equal numbers, in order of first appearance.
//! One flat table of numbers beside the values themselves; nothing is stored twice.

use std::hash::{Hash, Hasher};

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

/// Hashes by folded multiplication: fast, the same in every run. Not meant against an adversary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fold(u64);

impl Fold {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ Self::PRIME) * 0x8bb8_4b93_962e_acc9_u128;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(last) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.word(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.word(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// The hash of one value.
pub(crate) fn fold<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut fold = Fold::default();
    value.hash(&mut fold);
    fold.finish()
}

/// Open addressing over numbers whose values lie elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Number and half of its hash, enough to grow by; `NONE` where empty. A power of two, at most three quarters
    /// full.
    table: Vec<(u32, u32)>,
    len: usize,
}

impl Slots {
    /// The number stored under `hash` for which `same` holds, or else the place where it belongs.
    pub(crate) fn find(&mut self, hash: u64, same: impl Fn(u32) -> bool) -> Result<u32, usize> {
        if self.len * 4 >= self.table.len() * 3 {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let half = hash as u32;
        let mut at = half as usize & mask;
        loop {
            match self.table[at] {
                (NONE, _) => return Err(at),
                (id, other) if other == half && same(id) => return Ok(id),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Stores `id` at the place that [`Slots::find`] named.
    pub(crate) fn put(&mut self, at: usize, hash: u64, id: u32) {
        self.table[at] = (id, hash as u32);
        self.len += 1;
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.table.len() * size_of::<(u32, u32)>()
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(16);
        let old = std::mem::replace(&mut self.table, vec![(NONE, 0); size]);
        for (id, half) in old.into_iter().filter(|(id, _)| *id != NONE) {
            let mut at = half as usize & (size - 1);
            while self.table[at].0 != NONE {
                at = (at + 1) & (size - 1);
            }
            self.table[at] = (id, half);
        }
    }
}

/// Interned values, numbered from 0.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    items: Vec<T>,
    slots: Slots,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            slots: Slots::default(),
        }
    }
}

impl<T: Eq + Hash> Interner<T> {
    /// The number of `item`, and whether it is new.
    pub(crate) fn id(&mut self, item: T) -> (u32, bool) {
        let Self { items, slots } = self;
        let hash = fold(&item);
        match slots.find(hash, |id| items[id as usize] == item) {
            Ok(id) => (id, false),
            Err(at) => {
                let id = u32::try_from(items.len())
                    .ok()
                    .filter(|id| *id != NONE)
                    .expect("fewer than 2^32 values");
                slots.put(at, hash, id);
                items.push(item);
                (id, true)
            }
        }
    }

    /// All values, by number.
    pub(crate) fn items(&self) -> &[T] {
        &self.items
    }

    /// Bytes held, without what the values own elsewhere.
    pub(crate) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>() + self.slots.bytes()
    }
}

impl<T> std::ops::Index<u32> for Interner<T> {
    type Output = T;

    fn index(&self, id: u32) -> &T {
        &self.items[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// No two of these have the same hash, and few the same place in a table four times as large.
    fn spreads<T: Hash>(what: &str, values: impl Iterator<Item = T>) {
        let hashes: Vec<u64> = values.map(|value| fold(&value)).collect();
        let size = (hashes.len() * 4).next_power_of_two() as u64;
        let places: HashSet<u64> = hashes.iter().map(|hash| hash & (size - 1)).collect();
        let all: HashSet<u64> = hashes.iter().copied().collect();
        assert_eq!(all.len(), hashes.len(), "{what}");
        assert!(places.len() * 10 > hashes.len() * 8, "{what}: {}", places.len());
    }

    #[test]
    fn hashes_of_different_values_are_far_apart() {
        spreads("bytes", 0..=u8::MAX);
        spreads("small numbers", 0..10_000_u32);
        spreads("numbers", 0..10_000_u64);
        spreads("high numbers", (0..10_000_u64).map(|n| n << 40));
        spreads("sizes", 0..10_000_usize);
        spreads("pairs", (0..10_000_u64).map(|n| (n % 100, n / 100)));
        spreads("flags beside", (0..10_000_u32).map(|n| (n / 2, n % 2 == 1)));
        spreads("texts", (0..10_000).map(|n| format!("{n}")));
        spreads(
            "long texts",
            (0..10_000).map(|n| format!("a key of an account {n} somewhere")),
        );
        spreads(
            "names",
            (0..10_000).map(|id| crate::linear::names::Name { id, text: b"" }),
        );
        spreads("zeros", (0..100).map(|n| vec![0_u8; n]));
        spreads(
            "texts of eight",
            (0..10_000).map(|n| format!("{n:08}").into_bytes().into_boxed_slice()),
        );
    }

    #[test]
    fn every_value_has_a_number_of_its_own() {
        // So many that halves of their hashes are the same.
        let mut interner = Interner::default();
        for n in 0..100_000_u64 {
            assert_eq!(interner.id(n * 3), (n as u32, true));
        }
        assert_eq!(interner.id(3 * 66_666), (66_666, false));
    }

    #[test]
    fn a_table_is_no_larger_than_it_has_to_be() {
        let mut interner = Interner::default();
        for n in 0..1_000_u32 {
            interner.id(n);
        }
        assert_eq!(interner.slots.bytes(), 2048 * 8);
        assert_eq!(interner.bytes(), 2048 * 8 + interner.items.capacity() * 4);
    }
}

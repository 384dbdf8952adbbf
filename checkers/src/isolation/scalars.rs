//! Keys and values as small numbers: integers stand for themselves, everything else is kept once.
//!
//! Never: compares two values as text where a code would do.

use std::fmt;

/// A key or a value as it is written in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar<'a> {
    /// An integer.
    Int(i64),
    /// Anything else, as text.
    Str(&'a str),
}

impl From<i64> for Scalar<'_> {
    fn from(value: i64) -> Self {
        Scalar::Int(value)
    }
}

impl<'a> From<&'a str> for Scalar<'a> {
    fn from(value: &'a str) -> Self {
        Scalar::Str(value)
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Int(value) => write!(f, "{value}"),
            Scalar::Str(value) => f.write_str(value),
        }
    }
}

/// A scalar in eight bytes: equal codes of one [`Scalars`] are equal scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Code(u64);

impl Code {
    /// A number to hash by.
    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

enum Word {
    Int(i64),
    Text { from: usize, to: usize },
}

/// The scalars that do not fit into a code.
#[derive(Default)]
pub(super) struct Scalars {
    words: Vec<Word>,
    text: String,
    table: IdTable,
}

impl Scalars {
    pub(super) fn code(&mut self, scalar: Scalar<'_>) -> Code {
        match scalar {
            Scalar::Int(value) if (value << 1) >> 1 == value => Code((value << 1).cast_unsigned()),
            _ => Code(u64::from(self.word(scalar)) << 1 | 1),
        }
    }

    pub(super) fn scalar(&self, code: Code) -> Scalar<'_> {
        if code.0 & 1 == 0 {
            Scalar::Int(code.0.cast_signed() >> 1)
        } else {
            self.at((code.0 >> 1) as u32)
        }
    }

    fn at(&self, word: u32) -> Scalar<'_> {
        match self.words[word as usize] {
            Word::Int(value) => Scalar::Int(value),
            Word::Text { from, to } => Scalar::Str(&self.text[from..to]),
        }
    }

    fn word(&mut self, scalar: Scalar<'_>) -> u32 {
        let mut table = std::mem::take(&mut self.table);
        let found = table.find(hash_scalar(scalar), |id| self.at(id) == scalar);
        let id = found.unwrap_or_else(|| {
            let id = self.words.len() as u32;
            self.words.push(match scalar {
                Scalar::Int(value) => Word::Int(value),
                Scalar::Str(text) => {
                    let from = self.text.len();
                    self.text.push_str(text);
                    Word::Text {
                        from,
                        to: self.text.len(),
                    }
                }
            });
            table.insert(hash_scalar(scalar), id);
            id
        });
        self.table = table;
        id
    }
}

fn hash_scalar(scalar: Scalar<'_>) -> u64 {
    match scalar {
        Scalar::Int(value) => mix(value.cast_unsigned()),
        Scalar::Str(text) => text.as_bytes().chunks(8).fold(text.len() as u64, |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(hash ^ u64::from_le_bytes(word))
        }),
    }
}

/// Spreads the bits of a number over a hash (the finalizer of SplitMix64).
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// An open-addressing table from hashes to ids of rows that are kept elsewhere. A slot holds the upper half of the
/// hash, which also says where it belongs, and the id: a row is looked at only when it is almost surely the one sought.
#[derive(Default)]
pub(super) struct IdTable {
    slots: Vec<u64>,
    len: usize,
}

const EMPTY: u64 = u64::MAX;
const SLOTS_MIN: usize = 16;

impl IdTable {
    /// The id of the row that `is_it` accepts among those of this hash.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = (hash >> 32) as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if (slot ^ hash) >> 32 == 0 && is_it(slot as u32) {
                return Some(slot as u32);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds the id of a row that is not in it. An id is below `u32::MAX`.
    pub(super) fn insert(&mut self, hash: u64, id: u32) {
        if self.len * 2 >= self.slots.len() {
            let slots = (self.slots.len() * 2).max(SLOTS_MIN);
            let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
            old.into_iter()
                .filter(|slot| *slot != EMPTY)
                .for_each(|slot| self.place(slot));
        }
        self.len += 1;
        self.place(hash >> 32 << 32 | u64::from(id));
    }

    fn place(&mut self, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = (slot >> 32) as usize & mask;
        while self.slots[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }
}

/// The keys, numbered.
#[derive(Default)]
pub(super) struct Keys {
    codes: Vec<Code>,
    table: IdTable,
}

impl Keys {
    pub(super) fn number(&mut self, code: Code) -> u32 {
        let hash = mix(code.bits());
        self.table
            .find(hash, |id| self.codes[id as usize] == code)
            .unwrap_or_else(|| {
                let id = self.codes.len() as u32;
                self.codes.push(code);
                self.table.insert(hash, id);
                id
            })
    }

    pub(super) fn code(&self, key: u32) -> Code {
        self.codes[key as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scalars_have_equal_codes_and_codes_give_the_scalars_back() {
        let mut scalars = Scalars::default();
        let words: Vec<String> = (0..100).map(|n| format!("word {n}, longer than eight bytes")).collect();
        let mut all: Vec<Scalar<'_>> = words.iter().map(|w| Scalar::Str(w)).collect();
        all.extend([0, -1, 1, i64::MAX, i64::MIN, 1 << 62, (1 << 62) - 1, -(1 << 62)].map(Scalar::Int));
        all.push(Scalar::Str("0"));
        let codes: Vec<Code> = all.iter().map(|s| scalars.code(*s)).collect();
        for (i, scalar) in all.iter().enumerate() {
            assert_eq!(scalars.code(*scalar), codes[i]);
            assert_eq!(scalars.scalar(codes[i]), *scalar);
            assert_eq!(codes.iter().filter(|c| **c == codes[i]).count(), 1);
        }
    }

    /// Of a few thousand values no two share the half of a hash that a table goes by, and few a place in it.
    #[test]
    fn hashes_of_different_scalars_are_far_apart() {
        let spreads = |what: &str, hashes: Vec<u64>| {
            let count = |bits: u32| {
                let mut places: Vec<u64> = hashes.iter().map(|hash| hash >> 32 & ((1 << bits) - 1)).collect();
                places.sort_unstable();
                places.dedup();
                places.len()
            };
            assert_eq!(count(32), hashes.len(), "{what}");
            assert!(count(14) * 10 > hashes.len() * 8, "{what}: {}", count(14));
        };
        let number = |n: i64| hash_scalar(Scalar::Int(n));
        let text = |text: String| hash_scalar(Scalar::Str(&text));
        spreads("numbers", (0..4_000).map(number).collect());
        spreads("high numbers", (0..4_000).map(|n| number(n << 40)).collect());
        spreads("texts", (0..4_000).map(|n| text(format!("{n}"))).collect());
        spreads(
            "long texts",
            (0..4_000).map(|n| text(format!("account {n} of somebody"))).collect(),
        );
        spreads("zeros", (0..100).map(|n| text("\0".repeat(n))).collect());
        let mut scalars = Scalars::default();
        let codes = (0..4_000).map(|n| scalars.code(Scalar::Int(n)));
        spreads("codes", codes.map(|code| mix(code.bits())).collect());
        assert!(scalars.words.is_empty());
    }

    #[test]
    fn every_text_has_a_code_of_its_own() {
        // So many that halves of their hashes are the same.
        let mut scalars = Scalars::default();
        for n in 0..200_000_u64 {
            let code = scalars.code(Scalar::Str(&n.to_string()));
            assert_eq!(code.bits() >> 1, n);
        }
        assert_eq!(scalars.table.slots.len(), 1 << 19);
    }
}

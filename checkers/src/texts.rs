//! Texts as dense numbers: each distinct text gets the next number, from 0.
//!
//! One buffer for all texts, one open-addressed table of numbers: 8 bytes of table and 4 of end per text, no allocation
//! per text.

/// Distinct texts, numbered in order of their first sight.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    text: Vec<u8>,
    /// Where each text ends in `text`; it begins where the one before it ends.
    ends: Vec<u64>,
    /// Upper half: the hash, which says the slot, too. Lower half: the number plus one, 0 for an empty slot.
    table: Vec<u64>,
    mask: usize,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            text: Vec::new(),
            ends: Vec::new(),
            table: vec![0; 64],
            mask: 63,
        }
    }
}

impl Texts {
    /// The number of a text.
    #[inline]
    pub(crate) fn id(&mut self, text: &[u8]) -> u32 {
        let hash = hash(text);
        match self.find(text, hash) {
            Ok(id) => id,
            Err(slot) => self.insert(text, hash, slot),
        }
    }

    /// The text of a number.
    #[inline]
    pub(crate) fn text(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.text[start as usize..self.ends[id] as usize]
    }

    /// The text of a number that was given to a string; empty where it is none.
    pub(crate) fn str(&self, id: u32) -> &str {
        std::str::from_utf8(self.text(id)).unwrap_or_default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    fn slot(&self, hash: u32) -> usize {
        hash as usize & self.mask
    }

    #[inline]
    fn find(&self, text: &[u8], hash: u32) -> Result<u32, usize> {
        let mut slot = self.slot(hash);
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                return Err(slot);
            }
            if entry >> 32 == u64::from(hash) {
                let id = (entry as u32) - 1;
                if is_same(self.text(id), text) {
                    return Ok(id);
                }
            }
            slot = (slot + 1) & self.mask;
        }
    }

    #[cold]
    fn insert(&mut self, text: &[u8], hash: u32, slot: usize) -> u32 {
        let id = u32::try_from(self.ends.len()).unwrap_or(u32::MAX - 1);
        self.text.extend_from_slice(text);
        self.ends.push(self.text.len() as u64);
        self.table[slot] = u64::from(hash) << 32 | u64::from(id + 1);
        if self.ends.len() * 2 > self.table.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        self.mask = size - 1;
        let old = std::mem::replace(&mut self.table, vec![0; size]);
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            let mut slot = self.slot((entry >> 32) as u32);
            while self.table[slot] != 0 {
                slot = (slot + 1) & self.mask;
            }
            self.table[slot] = entry;
        }
    }
}

/// Folded multiplication over words of 8 bytes: a few nanoseconds for a transaction number.
#[inline]
fn hash(text: &[u8]) -> u32 {
    const A: u64 = 0x9e37_79b9_7f4a_7c15;
    const B: u64 = 0xd1b5_4a32_d192_ed03;
    let fold = |x: u64, y: u64| {
        let product = u128::from(x) * u128::from(y);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = A ^ text.len() as u64;
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        state = fold(state ^ u64::from_le_bytes(*word), B);
    }
    // Where there are words, the last eight bytes, some of them for the second time.
    let last = text
        .last_chunk::<8>()
        .map_or_else(|| short(rest), |last| u64::from_le_bytes(*last));
    state = fold(state ^ last, B);
    (fold(state, A) >> 32) as u32
}

/// Less than eight bytes as a number.
#[inline]
fn short(text: &[u8]) -> u64 {
    text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Whether two texts are the same: short ones word by word, where a call would take longer than the comparison.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() || a.len() > 32 {
        return a == b;
    }
    let (Some(last_of_a), Some(last_of_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return short(a) == short(b);
    };
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    words.fold(last_of_a == last_of_b, |same, (a, b)| same & (a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_numbers() {
        let mut texts = Texts::default();
        let names: Vec<String> = (0..10_000).map(|n| format!("t{n}")).collect();
        for (n, name) in (0..).zip(&names) {
            assert_eq!(texts.id(name.as_bytes()), n);
        }
        for (n, name) in (0..).zip(&names) {
            assert_eq!(texts.id(name.as_bytes()), n);
            assert_eq!(texts.text(n), name.as_bytes());
        }
        assert_eq!(texts.len(), names.len());
        assert_eq!((texts.id(b""), texts.id(b"")), (10_000, 10_000));
    }

    #[test]
    fn texts_that_differ_in_one_byte_or_in_length_are_not_the_same() {
        for length in 0..40 {
            let text = vec![b'x'; length];
            assert!(is_same(&text, &text.clone()));
            assert!(!is_same(&text, &vec![b'x'; length + 1]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'y';
                assert!(!is_same(&text, &other), "{length} bytes, another at {at}");
            }
        }
    }
}

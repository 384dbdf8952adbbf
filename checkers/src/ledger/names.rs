//! Names as small numbers: a history repeats the same few strings millions of times.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::texts::Texts;

/// Number of an interned name. Only means something to the [`Names`] that gave it.
pub type Id = u32;

/// What is known by the numbers of names.
pub(crate) type ById<V> = HashMap<Id, V, BuildHasherDefault<IdHasher>>;

/// Spreads numbers that count up from 0: nobody chooses them, so nothing stronger is needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Interned names, numbered from 0 in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Names(Texts);

impl Names {
    /// The number of `name`, new or known.
    pub(crate) fn id(&mut self, name: &str) -> Id {
        self.0.id(name.as_bytes())
    }

    /// The name with this number.
    pub fn name(&self, id: Id) -> &str {
        self.0.str(id)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! Keys and values as small numbers and back: one buffer of bytes, one flat table.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::interner::{NONE, Slots, fold};
use super::map::NO_TEXT;

/// Interned texts, numbered from 0 in order of first appearance.
#[derive(Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<usize>,
    slots: Slots,
}

impl Names {
    /// The number of `name`, new or known.
    ///
    /// # Panics
    /// With 2^32 - 1 different names.
    pub fn id(&mut self, name: &[u8]) -> u32 {
        let Self { bytes, ends, slots } = self;
        let hash = fold(name);
        match slots.find(hash, |id| text(bytes, ends, id) == name) {
            Ok(id) => id,
            Err(at) => {
                let id = ends.len() as u32;
                assert!(id != NONE && ends.len() < NONE as usize, "fewer than 2^32 - 1 names");
                slots.put(at, hash, id);
                bytes.extend_from_slice(name);
                ends.push(bytes.len());
                id
            }
        }
    }

    /// The text with this number.
    ///
    /// # Panics
    /// For a number that these names did not give.
    pub fn name(&self, id: u32) -> Name<'_> {
        Name {
            id,
            text: text(&self.bytes, &self.ends, id),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn text<'a>(bytes: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[start..ends[id]]
}

/// An interned text: equal when the numbers are.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// Its number.
    pub id: u32,
    /// What it says.
    pub text: &'a [u8],
}

impl Name<'_> {
    /// Whether it is a text, and not another value with a mark before it.
    pub(crate) fn is_text(&self) -> bool {
        !self.text.starts_with(&[NO_TEXT as u8])
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(self.id);
    }
}

impl AsRef<[u8]> for Name<'_> {
    fn as_ref(&self) -> &[u8] {
        self.text
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(String::from_utf8_lossy(self.text).trim_start_matches(NO_TEXT))
    }
}

//! Names as small numbers: a history repeats the same few strings millions of times.

use crate::intern::Texts;

/// Number of an interned name. Only means something to the [`Names`] that gave it.
pub type Id = u32;

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

//! Names as small numbers: a history repeats the same few strings millions of times.

use std::collections::HashMap;

/// Number of an interned name. Only means something to the [`Names`] that gave it.
pub type Id = u32;

/// Interned names, numbered from 0 in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Names {
    ids: HashMap<Box<str>, Id>,
    names: Vec<Box<str>>,
}

impl Names {
    /// The number of `name`, new or known.
    pub(super) fn id(&mut self, name: &str) -> Id {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = Id::try_from(self.names.len()).unwrap_or(Id::MAX);
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }

    /// The name with this number.
    pub fn name(&self, id: Id) -> &str {
        &self.names[id as usize]
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

//! What a link remembers beyond one connection: keys, by the id of a message or of a transaction.
//!
//! Never: grows with the length of a run; the oldest ids are forgotten.

use std::collections::{HashMap, VecDeque};

use crate::wire::keys::Keys;

/// This many ids are remembered.
const IDS_MAX: usize = 65_536;

/// Keys by id.
#[derive(Debug, Default)]
pub(super) struct KeyMemory {
    keys: HashMap<String, Keys>,
    order: VecDeque<String>,
}

impl KeyMemory {
    /// Adds to the keys of an id.
    pub(super) fn learn(&mut self, id: &str, keys: &Keys) {
        if keys.is_empty() {
            return;
        }
        if let Some(known) = self.keys.get_mut(id) {
            return known.join(keys);
        }
        self.keys.insert(id.to_owned(), keys.clone());
        self.order.push_back(id.to_owned());
        if self.order.len() > IDS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    /// The keys of the first id that is known.
    pub(super) fn of<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Keys {
        let known = ids.into_iter().find_map(|id| self.keys.get(id));
        known.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_oldest_ids() {
        let mut memory = KeyMemory::default();
        for n in 0..IDS_MAX + 10 {
            memory.learn(&n.to_string(), &Keys::of("tx=t"));
        }
        assert_eq!((memory.keys.len(), memory.order.len()), (IDS_MAX, IDS_MAX));
        assert!(memory.of(["0"]).is_empty());
        assert_eq!(memory.of(["0", "50"]), Keys::of("tx=t"));
        memory.learn("50", &Keys::of("tx=u"));
        assert_eq!(memory.of(["50"]), Keys::of("tx=t tx=u"));
    }
}

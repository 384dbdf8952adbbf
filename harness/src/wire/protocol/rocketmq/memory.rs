//! What a link remembers beyond one connection: whose message is whose, and what was delivered again already.
//!
//! Never: grows with the length of a run.

use std::collections::{BTreeMap, HashMap, VecDeque};

/// So many ids are remembered; the oldest are forgotten.
const IDS_MAX: usize = 65_536;

/// What a link remembers.
#[derive(Debug, Default)]
pub(in crate::wire::protocol) struct Memory {
    tx_of: HashMap<String, Vec<String>>,
    order: VecDeque<String>,
    /// By topic and queue: messages before this offset are not delivered again a further time.
    duplicated_before: BTreeMap<(String, i32), i64>,
}

impl Memory {
    /// Notes the transaction numbers of a message under one of its ids.
    pub(super) fn learn(&mut self, id: &str, tx: &[String]) {
        if tx.is_empty() || self.tx_of.insert(id.to_owned(), tx.to_vec()).is_some() {
            return;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > IDS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.tx_of.remove(&oldest);
        }
    }

    /// The transaction numbers of the first id that is known.
    pub(super) fn tx_of<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        ids.into_iter()
            .find_map(|id| self.tx_of.get(id))
            .cloned()
            .unwrap_or_default()
    }

    /// True once for each message: a message that is delivered again is not duplicated again, or it would never end.
    pub(super) fn may_duplicate(&mut self, topic: &str, queue: i32, last_offset: i64) -> bool {
        let before = self
            .duplicated_before
            .entry((topic.to_owned(), queue))
            .or_insert(i64::MIN);
        let may = last_offset >= *before;
        if may {
            *before = last_offset + 1;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_oldest_ids() {
        let mut memory = Memory::default();
        for n in 0..IDS_MAX + 10 {
            memory.learn(&n.to_string(), &["t".to_owned()]);
        }
        assert_eq!((memory.tx_of.len(), memory.order.len()), (IDS_MAX, IDS_MAX));
        assert!(memory.tx_of(["0"]).is_empty());
        assert_eq!(memory.tx_of(["0", "50"]), ["t"]);
    }

    #[test]
    fn a_message_is_duplicated_once() {
        let mut memory = Memory::default();
        assert!(memory.may_duplicate("t", 0, 4));
        assert!(!memory.may_duplicate("t", 0, 4));
        assert!(memory.may_duplicate("t", 1, 4));
        assert!(memory.may_duplicate("t", 0, 5));
    }
}

//! What a link remembers beyond one connection: the keys of messages, and what was delivered again already.
//!
//! Never: grows with the length of a run.

use std::collections::BTreeMap;

use crate::wire::protocol::memory::KeyMemory;

/// What a link remembers.
#[derive(Debug, Default)]
pub(in crate::wire::protocol) struct Memory {
    /// Keys of messages, by each of a message's ids.
    pub(super) messages: KeyMemory,
    /// By topic and queue: messages before this offset are not delivered again a further time.
    duplicated_before: BTreeMap<(String, i32), i64>,
}

impl Memory {
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
    fn a_message_is_duplicated_once() {
        let mut memory = Memory::default();
        assert!(memory.may_duplicate("t", 0, 4));
        assert!(!memory.may_duplicate("t", 0, 4));
        assert!(memory.may_duplicate("t", 1, 4));
        assert!(memory.may_duplicate("t", 0, 5));
    }
}

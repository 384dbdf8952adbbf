//! The last read of everything: what final reads of records and effects have in common.
//!
//! Every read that ended ok shows all there is, so that the last one takes the place of those before it. Whether it is
//! final is told by what came since it began: a request that was sent or answered then may have taken effect unseen.

use std::collections::HashMap;

use crate::ops::{Kind, Op};
use crate::streaming::At;

use super::support::at;

/// The last read, in numbers.
#[derive(Debug)]
pub(super) struct LastRead<T> {
    /// How often something was sent or answered, and how often it had been when each open read began.
    moves: u64,
    open: HashMap<i64, u64>,
    last: Option<(At, u64, Vec<T>)>,
}

impl<T> Default for LastRead<T> {
    fn default() -> Self {
        LastRead {
            moves: 0,
            open: HashMap::new(),
            last: None,
        }
    }
}

impl<T> LastRead<T> {
    /// Something was sent or answered.
    pub(super) fn moved(&mut self) {
        self.moves += 1;
    }

    /// A read begins, or ends without an answer.
    pub(super) fn pass(&mut self, client: i64, op: &Op) {
        match op.kind {
            Kind::Invoke => self.open.insert(client, self.moves),
            _ => self.open.remove(&client),
        };
    }

    /// A read ended ok, and showed this.
    pub(super) fn read(&mut self, client: i64, op: &Op, shown: Vec<T>) {
        let began = self.open.remove(&client).unwrap_or(self.moves);
        self.last = Some((at(op), began, shown));
    }

    /// What the last read showed, when, and whether nothing was sent or answered since it began.
    pub(super) fn take(&mut self) -> Option<(At, Vec<T>, bool)> {
        let (at, began, shown) = self.last.take()?;
        Some((at, shown, began == self.moves))
    }
}

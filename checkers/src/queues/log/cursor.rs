//! Where a process is in the logs of the keys it reads and writes.

use crate::streaming::Mark;

/// A message that was polled or sent, by which operation and where.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) at: Mark,
    pub(super) offset: Option<u64>,
    pub(super) message: u32,
}

/// Where a process is in one key.
#[derive(Clone, Copy)]
pub(super) struct Cursor {
    pub(super) key: u32,
    /// The last message it sent, by an operation that did not fail.
    pub(super) sent: Option<u32>,
    /// The last message it polled.
    polled: Option<Position>,
    /// The last message it polled by an operation that ended ok.
    kept: Option<Position>,
    /// One more than the highest offset it knows, for the lag.
    pub(super) next: u64,
    /// Whether its lag is meaningful.
    pub(super) tracked: bool,
}

impl Cursor {
    fn new(key: u32) -> Cursor {
        Cursor {
            key,
            sent: None,
            polled: None,
            kept: None,
            next: 0,
            tracked: false,
        }
    }

    /// Moves to a polled message. Returns the position to compare with, and whether it is of the same operation.
    #[inline]
    pub(super) fn poll(&mut self, to: Position, keep: bool) -> Option<(Position, bool)> {
        let internal = self.polled.filter(|from| from.at == to.at);
        let from = match internal {
            Some(from) => Some((from, true)),
            None => self.kept.map(|from| (from, false)),
        };
        self.polled = Some(to);
        if keep {
            self.kept = Some(to);
        }
        from
    }

    /// It knows an offset.
    #[inline]
    pub(super) fn reach(&mut self, offset: u64) {
        self.next = self.next.max(offset.saturating_add(1));
        self.tracked = true;
    }

    fn forget(&mut self) {
        *self = Cursor::new(self.key);
    }
}

/// One process.
#[derive(Clone, Default)]
pub(super) struct Consumer {
    /// When its operation was invoked.
    pub(super) invoked_ns: u64,
    /// By key.
    pub(super) cursors: Vec<Cursor>,
}

impl Consumer {
    #[inline]
    pub(super) fn cursor(&mut self, key: u32) -> &mut Cursor {
        let found = self.cursors.binary_search_by_key(&key, |cursor| cursor.key);
        let slot = found.unwrap_or_else(|slot| {
            self.cursors.insert(slot, Cursor::new(key));
            slot
        });
        &mut self.cursors[slot]
    }

    /// Keeps its place in the keys it goes on with, and forgets the others.
    fn keep(&mut self, keys: &[u32]) {
        for cursor in self.cursors.iter_mut().filter(|cursor| !keys.contains(&cursor.key)) {
            cursor.forget();
        }
    }

    pub(super) fn assign(&mut self, keys: &[u32]) {
        self.keep(keys);
        for key in keys {
            self.cursor(*key).tracked = true;
        }
    }

    /// A subscription may be to nothing: what it lags behind is known when it polls.
    pub(super) fn subscribe(&mut self, keys: &[u32]) {
        self.keep(keys);
        for cursor in &mut self.cursors {
            (cursor.next, cursor.tracked) = (0, false);
        }
    }
}

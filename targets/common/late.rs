//! A part of the service that comes up after the service does.
//!
//! The HTTP port answers from the first moment on, so that a probe sees "not ready" rather than
//! nothing; what needs a broker is put in place when the broker is there, and taken out to stop it.

use tokio::sync::{RwLock, RwLockReadGuard};

/// A slot that is empty until its part has started.
#[derive(Debug)]
pub struct Late<T> {
    slot: RwLock<Option<T>>,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self {
            slot: RwLock::new(None),
        }
    }
}

impl<T> Late<T> {
    /// Puts the part in place.
    pub async fn put(&self, part: T) {
        *self.slot.write().await = Some(part);
    }

    /// The part, if it has started. While the guard lives, [`Late::take`] waits.
    pub async fn get(&self) -> Option<RwLockReadGuard<'_, T>> {
        RwLockReadGuard::try_map(self.slot.read().await, Option::as_ref).ok()
    }

    /// Whether the part has started.
    pub async fn is_there(&self) -> bool {
        self.slot.read().await.is_some()
    }

    /// Takes the part out, once nobody uses it any more.
    pub async fn take(&self) -> Option<T> {
        self.slot.write().await.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_is_there_between_put_and_take() {
        let late = Late::default();
        assert!(late.get().await.is_none());
        late.put(7).await;
        assert_eq!(late.get().await.as_deref(), Some(&7));
        assert_eq!(late.take().await, Some(7));
        assert!(!late.is_there().await);
    }
}

//! The pace of the clients: whether they start new subjects, or rest. What has begun goes on.
//! Never: lets a rest outlast its guard.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether clients start new subjects.
#[derive(Clone, Debug)]
pub struct Pace(Arc<watch::Sender<usize>>);

/// Has the clients rest for as long as it lives.
#[derive(Debug)]
#[must_use = "clients go on when it is dropped"]
pub struct Resting(Pace);

impl Default for Pace {
    fn default() -> Pace {
        Pace(Arc::new(watch::Sender::new(0)))
    }
}

impl Pace {
    /// From now on no client starts a new subject.
    pub fn rest(&self) -> Resting {
        self.0.send_modify(|resting| *resting += 1);
        Resting(self.clone())
    }

    /// Waits until nobody has the clients rest.
    pub(super) async fn free(&self) {
        // An error would mean that nobody can have them rest any more; the sender is this very pace.
        let _ = self.0.subscribe().wait_for(|resting| *resting == 0).await;
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.0.send_modify(|resting| *resting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn clients_rest_until_the_last_guard_is_gone() {
        let pace = Pace::default();
        let free = || pace.free().now_or_never().is_some();
        assert!(free());
        let (first, second) = (pace.rest(), pace.rest());
        drop(first);
        assert!(!free());
        drop(second);
        assert!(free());
    }
}

//! From the broker client's synchronous callbacks into the asynchronous world.
//!
//! The callbacks run on blocking threads. The work is spawned on the runtime and waited for on a
//! channel, with a bound: this neither panics inside a runtime nor hangs when the runtime stops,
//! which blocking on the future itself could.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Handle;

/// The work did not end in time, panicked, or the runtime is stopping. It may still have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the work did not end within {0:?}")]
pub struct NoAnswer(Duration);

/// A way to run asynchronous work from a blocking thread.
#[derive(Debug, Clone)]
pub struct Bridge {
    runtime: Handle,
    bound: Duration,
}

impl Bridge {
    /// A bridge to the current runtime.
    ///
    /// `bound` is a safety net: the work is expected to bound itself, and sooner.
    ///
    /// # Panics
    /// When called outside a runtime.
    #[must_use]
    pub fn to_current_runtime(bound: Duration) -> Self {
        Self {
            runtime: Handle::current(),
            bound,
        }
    }

    /// Runs the work to its end and waits for it.
    ///
    /// # Errors
    /// When there is no answer; the work itself goes on in that case.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, NoAnswer> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody listens any more after the bound; that is not an error of the work.
            let _ = sender.send(work.await);
        });
        receiver.recv_timeout(self.bound).map_err(|_| NoAnswer(self.bound))
    }

    /// Starts the work and does not wait.
    pub fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn more_callbacks_than_workers_all_get_their_answer() {
        let bridge = Bridge::to_current_runtime(Duration::from_secs(10));
        let callbacks: Vec<_> = (0..20)
            .map(|number| {
                let bridge = bridge.clone();
                tokio::task::spawn_blocking(move || {
                    bridge.run(async move {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        number
                    })
                })
            })
            .collect();
        for (number, callback) in callbacks.into_iter().enumerate() {
            assert_eq!(callback.await.unwrap(), Ok(number));
        }
    }

    #[tokio::test]
    async fn work_that_panics_or_hangs_is_no_answer() {
        let bridge = Bridge::to_current_runtime(Duration::from_millis(50));
        let panicking = bridge.clone();
        let answer = tokio::task::spawn_blocking(move || panicking.run::<()>(async { panic!("on purpose") }));
        assert!(answer.await.unwrap().is_err());
        let answer = tokio::task::spawn_blocking(move || bridge.run(std::future::pending::<()>()));
        assert!(answer.await.unwrap().is_err());
    }
}

//! The one thread that all links of a run share.
//!
//! A frame that crosses a link is recorded in the same step in which it is handed to the kernel, so what it brings about
//! on any link of the run comes to this thread later and is recorded after it. However busy the rest of the harness is,
//! frames do not wait for it. Never: blocks, or runs what is not of a link.

use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread. It ends when this is dropped, with everything that still runs on it.
pub(super) struct WireThread {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl WireThread {
    pub(super) fn start() -> io::Result<WireThread> {
        let (started, starting) = mpsc::sync_channel(1);
        let (end, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name("paytwice-wire".to_owned()).spawn(
            move || match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    let _ = started.send(Ok(runtime.handle().clone()));
                    // The sender is never used: this ends when it is dropped.
                    let _ = runtime.block_on(ended);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            },
        )?;
        let handle = starting.recv().map_err(io::Error::other)??;
        Ok(WireThread { handle, _end: end })
    }

    /// Where to spawn what belongs to a link.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn it_ends_with_all_that_runs_on_it() {
        let thread = WireThread::start().unwrap();
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let running = thread.handle().spawn(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        drop(thread);
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

//! The thread that every link of this process runs on.
//!
//! A frame crosses a link without another thread being woken for it, and however busy the rest of the harness is, it
//! does not wait for that. Never: runs anything that blocks, or that is not of a link.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle};

static THREAD: Mutex<Option<Handle>> = Mutex::new(None);

/// Where to spawn what belongs to a link; the thread is started at the first call and ends with the process.
pub(super) fn handle() -> io::Result<Handle> {
    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*thread {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("paytwice-wire".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *thread = Some(handle.clone());
    Ok(handle)
}

//! Read-only: the device under the data directory reports an error, and its file system takes no write any more, as
//! ext4 does by default on many systems. It is healed as such a disk is: the party is ended, the file system mended
//! and mounted for writing, the party started.
//! Never: fails a read.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, from_stack};
use crate::sut::RunningTarget;

/// A disk that takes no write.
pub(super) struct ReadOnly {
    on: String,
    seen: Option<Evidence>,
}

impl ReadOnly {
    pub(super) fn new(on: String) -> ReadOnly {
        ReadOnly { on, seen: None }
    }
}

impl Fault for ReadOnly {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let evidence = from_stack(target.stack.disks()?.break_disk(&self.on).await?);
            self.seen = Some(evidence.clone());
            Ok(evidence)
        })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        // It was only taken as done once a write was refused.
        Box::pin(async move { Ok(self.seen.clone().unwrap_or_default()) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(from_stack(target.stack.disks()?.mend_disk(&self.on).await?)) })
    }
}

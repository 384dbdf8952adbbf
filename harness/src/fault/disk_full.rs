//! Disk full: the file system under the data directory has no free block, until it is freed.
//! Never: touches a file of the party.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, from_stack};
use crate::sut::RunningTarget;

/// A disk without a free block.
pub(super) struct DiskFull {
    on: String,
    seen: Option<Evidence>,
}

impl DiskFull {
    pub(super) fn new(on: String) -> DiskFull {
        DiskFull { on, seen: None }
    }
}

impl Fault for DiskFull {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let evidence = from_stack(target.stack.disks()?.fill_disk(&self.on).await?);
            self.seen = Some(evidence.clone());
            Ok(evidence)
        })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        // It was only taken as done once a write was refused.
        Box::pin(async move { Ok(self.seen.clone().unwrap_or_default()) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(from_stack(target.stack.disks()?.free_disk(&self.on).await?)) })
    }
}

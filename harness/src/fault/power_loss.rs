//! Power loss: the party ends at once, and what its disk was not told to keep is gone with it. Then the power is back:
//! the file system replays its journal, and the party starts on what is left.
//! Never: loses what was synced, or lets the party answer anything after the moment.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, from_stack};
use crate::stack::Content;
use crate::sut::RunningTarget;

/// A party whose power fails.
pub(super) struct PowerLoss {
    on: String,
    seen: Option<Evidence>,
    /// What the disk seemed to hold in the last moment.
    content: Option<Content>,
}

impl PowerLoss {
    pub(super) fn new(on: String) -> PowerLoss {
        PowerLoss {
            on,
            seen: None,
            content: None,
        }
    }
}

impl Fault for PowerLoss {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let (evidence, content) = target.stack.disks()?.cut_power(&self.on).await?;
            self.seen = Some(from_stack(evidence));
            self.content = Some(content);
            Ok(Evidence::words("power cut"))
        })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(self.seen.clone().unwrap_or_default()) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let content = self.content.take();
            if content.is_none() && target.stack.is_running(&self.on).await? {
                return Ok(Evidence::words("its power was never cut"));
            }
            Ok(from_stack(
                target.stack.disks()?.restore_power(&self.on, content).await?,
            ))
        })
    }
}

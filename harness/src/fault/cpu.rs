//! CPU: the party gets so much of one core, as on a machine that others keep busy.
//! Never: takes time from another party.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError};
use crate::stack::LOOK_EVERY;
use crate::sut::RunningTarget;

/// A party that is short of processor time.
pub(super) struct Cpu {
    on: String,
    percent: u32,
    /// Periods in which it ran out of time before it was limited.
    throttled_before: u64,
}

impl Cpu {
    pub(super) fn new(on: String, percent: u32) -> Cpu {
        Cpu {
            on,
            percent,
            throttled_before: 0,
        }
    }

    async fn since(&self, target: &RunningTarget) -> Result<u64, FaultError> {
        let now = target.stack.limits()?.throttling(&self.on).await?.throttled;
        // A party that was started again counts from nothing.
        Ok(now.checked_sub(self.throttled_before).unwrap_or(now))
    }
}

impl Fault for Cpu {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            self.throttled_before = target.stack.limits()?.throttling(&self.on).await?.throttled;
            let set = target.stack.limits()?.limit_cpu(&self.on, self.percent).await?;
            let quota = set.quota_us.unwrap_or_default();
            Ok(Evidence::words(format!(
                "quota {quota} us of every 100 ms, read back from the kernel"
            )))
        })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            loop {
                let throttled = self.since(target).await?;
                if throttled > 0 {
                    return Ok(Evidence::count(
                        format!("out of time in {throttled} periods so far"),
                        "throttled_periods",
                        throttled,
                    ));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let throttled = self.since(target).await.unwrap_or(0);
            target.stack.limits()?.unlimit_cpu(&self.on).await?;
            Ok(Evidence::count(
                format!("no quota, read back from the kernel; out of time in {throttled} periods"),
                "throttled_periods",
                throttled,
            ))
        })
    }
}

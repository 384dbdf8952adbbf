//! Memory: the party may take so much and no more; when it needs more, the kernel ends it, and it is started again.
//! Never: counts a limit that was not run into as one that was.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError};
use crate::stack::{LOOK_EVERY, MemoryUse};
use crate::sut::RunningTarget;

/// How long the limit may be in force before the evidence says that it was not run into yet.
const HIT_PATIENCE: Duration = Duration::from_secs(1);

/// A party that is short of memory.
pub(super) struct Memory {
    on: String,
    limit_mib: u64,
    before: MemoryUse,
    last: MemoryUse,
}

impl Memory {
    pub(super) fn new(on: String, limit_mib: u64) -> Memory {
        Memory {
            on,
            limit_mib,
            before: MemoryUse::default(),
            last: MemoryUse::default(),
        }
    }

    fn hits(&self) -> u64 {
        self.last.hits.saturating_sub(self.before.hits)
    }

    async fn put(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        self.before = target.stack.limits()?.memory(&self.on).await?;
        let limited = target
            .stack
            .limits()?
            .limit_memory(&self.on, self.limit_mib << 20)
            .await?;
        let (wanted, limit) = (self.limit_mib << 20, limited.limit_bytes.unwrap_or_default());
        self.last = limited;
        let in_use = format!("{} MiB were in use", self.before.used_bytes >> 20);
        let detail = if limit > wanted {
            format!(
                "limit {} MiB, read back: the kernel takes none below what is in use; {in_use}",
                limit >> 20
            )
        } else {
            format!("limit {} MiB, read back; {in_use}", limit >> 20)
        };
        Ok(Evidence::count(detail, "limit_bytes", limit))
    }

    async fn watch(&mut self, target: &RunningTarget) -> Result<Evidence, FaultError> {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(exit) = target.stack.exit_info(&self.on).await? {
                let why = if exit.out_of_memory {
                    "out of memory"
                } else {
                    "not for memory, says the engine"
                };
                return Ok(Evidence::count(
                    format!("ended with exit code {}: {why}", exit.code),
                    "oom_killed",
                    u64::from(exit.out_of_memory),
                ));
            }
            if let Ok(now) = target.stack.limits()?.memory(&self.on).await {
                self.last = now;
            }
            let hits = self.hits();
            if begun.elapsed() >= HIT_PATIENCE {
                let used = self.last.used_bytes >> 20;
                let detail = format!("limit read back, {used} MiB in use, run into {hits} times so far");
                return Ok(Evidence::count(detail, "limit_hits", hits));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Fault for Memory {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.put(target).await })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.watch(target).await })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            if let Ok(now) = target.stack.limits()?.memory(&self.on).await {
                self.last = now;
            }
            target.stack.limits()?.unlimit_memory(&self.on).await?;
            let back = target.stack.limits()?.back_to_life(&self.on).await?;
            let hits = self.hits();
            Ok(Evidence::count(
                format!("limit lifted; run into {hits} times; {back}"),
                "limit_hits",
                hits,
            ))
        })
    }
}

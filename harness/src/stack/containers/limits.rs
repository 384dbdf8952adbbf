//! Limits of a party's processor and memory: set by the engine, read back from the kernel.
//! Never: says that a limit holds because the engine took it.

use async_trait::async_trait;
use bollard::models::ContainerUpdateBody;

use super::ContainerStack;
use super::cgroup::Cgroup;
use super::error::{Doing, StackError};
use crate::stack::{Limits, MemoryUse, Stack, Throttling};

/// The kernel hands out processor time in periods of this, microseconds.
const PERIOD_US: i64 = 100_000;
/// Above its present use, where the kernel cannot make a party smaller than it is.
const ROOM_BYTES: u64 = 256 << 10;
/// How often a limit is tried just above the present use.
const TRIES: u32 = 5;

#[async_trait]
impl Limits for ContainerStack {
    /// Leaves a party that share of one core.
    async fn limit_cpu(&self, party: &str, percent: u32) -> Result<Throttling, StackError> {
        self.change(party, |p| p.limited = true);
        self.set_quota(party, PERIOD_US * i64::from(percent) / 100).await?;
        let wanted = (PERIOD_US as u64) * u64::from(percent) / 100;
        let read = self.throttling(party).await?;
        match read.quota_us {
            Some(quota) if quota == wanted => Ok(read),
            other => Err(not_read_back(party, "a quota of the processor", &format!("{other:?}"))),
        }
    }

    /// Gives a party all the processor time again.
    async fn unlimit_cpu(&self, party: &str) -> Result<Throttling, StackError> {
        self.set_quota(party, -1).await?;
        let read = self.throttling(party).await.unwrap_or_default();
        match read.quota_us {
            None => Ok(read),
            Some(quota) => Err(not_read_back(
                party,
                "no quota of the processor",
                &format!("{quota} us"),
            )),
        }
    }

    /// The kernel's counters of a party's processor time.
    async fn throttling(&self, party: &str) -> Result<Throttling, StackError> {
        let group = self.cgroup(party, "cpu").await?;
        Ok(Throttling {
            quota_us: group.number(if group.first { "cpu.cfs_quota_us" } else { "cpu.max" }),
            throttled: group.entry("cpu.stat", "nr_throttled").unwrap_or(0),
        })
    }

    /// Limits the memory of a party. Where the kernel refuses a limit below what is in use (the first version of
    /// cgroups does), the limit is what is in use, and the next page is one too many.
    async fn limit_memory(&self, party: &str, bytes: u64) -> Result<MemoryUse, StackError> {
        self.change(party, |p| p.limited = true);
        let mut wanted = bytes;
        let mut refused = self.set_memory(party, wanted).await.err();
        for _ in 0..TRIES {
            if refused.is_none() {
                break;
            }
            wanted = bytes.max(self.memory(party).await?.used_bytes + ROOM_BYTES);
            refused = self.set_memory(party, wanted).await.err();
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let read = self.memory(party).await;
        match read {
            Ok(read) if read.limit_bytes.is_some_and(|limit| limit <= wanted) => Ok(read),
            Ok(read) => Err(not_read_back(
                party,
                "a limit of memory",
                &format!("{:?}", read.limit_bytes),
            )),
            // It may be gone already: that is what the limit is for.
            Err(_) if !self.is_running(party).await? => Ok(MemoryUse {
                limit_bytes: Some(wanted),
                ..MemoryUse::default()
            }),
            Err(e) => Err(e),
        }
    }

    /// Lifts the limit of a party's memory: it may take all that the machine has.
    async fn unlimit_memory(&self, party: &str) -> Result<(), StackError> {
        let total = machine_bytes();
        self.set_memory(party, total).await?;
        match self.memory(party).await.ok().and_then(|read| read.limit_bytes) {
            Some(limit) if limit < total / 4096 * 4096 => {
                Err(not_read_back(party, "no limit of memory", &format!("{limit} bytes")))
            }
            _ => Ok(()),
        }
    }

    /// The kernel's counters of a party's memory.
    async fn memory(&self, party: &str) -> Result<MemoryUse, StackError> {
        let group = self.cgroup(party, "memory").await?;
        Ok(if group.first {
            MemoryUse {
                limit_bytes: group.number("memory.limit_in_bytes"),
                used_bytes: group.number("memory.usage_in_bytes").unwrap_or(0),
                hits: group.number("memory.failcnt").unwrap_or(0),
                kills: group.entry("memory.oom_control", "oom_kill").unwrap_or(0),
            }
        } else {
            MemoryUse {
                limit_bytes: group.number("memory.max"),
                used_bytes: group.number("memory.current").unwrap_or(0),
                hits: group.entry("memory.events", "max").unwrap_or(0),
                kills: group.entry("memory.events", "oom_kill").unwrap_or(0),
            }
        })
    }

    async fn back_to_life(&self, party: &str) -> Result<String, StackError> {
        self.revive(party).await
    }
}

impl ContainerStack {
    /// Lifts whatever limit a run that was broken off has left.
    pub(super) async fn lift_limits(&self, party: &str) -> Result<(), StackError> {
        if self.party(party)?.limited {
            self.set_quota(party, -1).await?;
            self.set_memory(party, machine_bytes()).await?;
            self.change(party, |p| p.limited = false);
        }
        Ok(())
    }

    async fn set_quota(&self, party: &str, quota_us: i64) -> Result<(), StackError> {
        let body = ContainerUpdateBody {
            cpu_period: Some(PERIOD_US),
            cpu_quota: Some(quota_us),
            ..ContainerUpdateBody::default()
        };
        self.update(party, body).await
    }

    async fn set_memory(&self, party: &str, bytes: u64) -> Result<(), StackError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let body = ContainerUpdateBody {
            memory: Some(bytes),
            memory_swap: Some(bytes),
            ..ContainerUpdateBody::default()
        };
        self.update(party, body).await
    }

    async fn update(&self, party: &str, body: ContainerUpdateBody) -> Result<(), StackError> {
        let container = self.party(party)?.container;
        let updated = self.engine.api_client().update_container(&container, body).await;
        updated.doing(|| format!("change the limits of {party}"))
    }

    /// The party's group under a controller.
    pub(super) async fn cgroup(&self, party: &str, controller: &str) -> Result<Cgroup, StackError> {
        let pid = self.pid(party).await?;
        Cgroup::of(pid, controller).ok_or_else(|| StackError::Machine {
            doing: format!("read what the kernel counts for {party}"),
            cause: format!("no cgroup with {controller} is seen for its process {pid}"),
        })
    }
}

fn not_read_back(party: &str, asked: &str, seen: &str) -> StackError {
    StackError::NoEffect {
        party: party.to_string(),
        asked: asked.to_string(),
        seen: format!("the kernel says {seen}"),
    }
}

/// All the memory of the machine.
fn machine_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.map_or(1 << 40, |kib| kib << 10)
}

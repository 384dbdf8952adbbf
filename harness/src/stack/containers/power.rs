//! What a disk of a party's own makes possible: its power fails, it is full, its device refuses writes.
//!
//! A loss of power is one moment: the party is frozen, its disk is cut off, and its processes are ended without ever
//! running again. So whatever it has answered it has answered before that moment.
//! Never: lets a process run on a disk whose power is gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::ContainerStack;
use super::disk::{Content, Disk};
use super::error::{Doing, StackError};
use crate::stack::{Evidence, Kill, Stack};

/// How long a process may take to be gone after it was thawed.
const GONE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a write may take once there is room for it again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

#[async_trait]
impl crate::stack::Disk for ContainerStack {
    /// Cuts the power of a party: what its disk was not told to keep is gone. Returns what the disk seemed to hold.
    async fn cut_power(&self, party: &str) -> Result<(Evidence, Content), StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let pid = self.freeze(party).await?;
        let cut = blocking(move || {
            let content = disk.content()?;
            disk.cut_power()?;
            Ok(content)
        });
        let cut = cut.await;
        // Whatever happened: it must not go on as if nothing had.
        self.end_frozen(party).await?;
        let content = cut?;
        let took = begun.elapsed();
        let code = self.exit_info(party).await?.map_or(0, |exit| exit.code);
        let seen = format!(
            "power cut: file system shut down without flush, process {pid} ended frozen, exit code {code} after {} ms",
            took.as_millis()
        );
        let numbers = [("exit_code", code), ("pid", pid)];
        Ok((
            super::party::evidence(party, "power-loss", seen, took, numbers),
            content,
        ))
    }

    /// Gives a party its power back: its file system is mounted again, with its journal replayed, and it is started.
    async fn restore_power(&self, party: &str, before: Option<Content>) -> Result<Evidence, StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let (replayed, lost) = blocking(move || {
            disk.unmount()?;
            let replayed = disk.needs_recovery();
            disk.mount()?;
            let now = disk.content()?;
            Ok((replayed, before.map(|before| before.lost(&now))))
        })
        .await?;
        let started = self.start(party).await?;
        let took = begun.elapsed();
        let journal = if replayed {
            "journal replayed"
        } else {
            "journal was clean"
        };
        let lost_words = lost.map_or(String::new(), |lost| format!("; {lost}"));
        let seen = format!("mounted again, {journal}{lost_words}; {}", started.seen);
        let lost = lost.unwrap_or_default();
        let mut evidence = super::party::evidence(party, "power-on", seen, took, []);
        evidence.counts.extend(started.counts);
        evidence.counts.insert("lost_blocks".to_string(), lost.blocks);
        evidence.counts.insert("lost_files".to_string(), lost.files);
        Ok(evidence)
    }

    /// Fills the disk of a party to its last block, and sees that it is full.
    async fn fill_disk(&self, party: &str) -> Result<Evidence, StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let (taken, refused) = blocking(move || Ok((disk.fill()?, disk.refuses()))).await?;
        let refused = refused.ok_or_else(|| no_effect(party, "disk-full", "a new file can still be written"))?;
        let seen = format!("{} MiB taken; a new file: {refused}", taken >> 20);
        let numbers = [("taken_mib", (taken >> 20) as i64)];
        Ok(super::party::evidence(
            party,
            "disk-full",
            seen,
            begun.elapsed(),
            numbers,
        ))
    }

    /// Frees the disk again, and starts the party if it has died of it, or if it takes no write although it could.
    async fn free_disk(&self, party: &str) -> Result<Evidence, StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let free = blocking(move || {
            disk.free()?;
            match disk.refuses() {
                None => Ok(disk.free_bytes() >> 20),
                Some(refused) => Err(StackError::Machine {
                    doing: "write to a disk that was freed".to_string(),
                    cause: refused.to_string(),
                }),
            }
        })
        .await?;
        let mut back = self.revive(party).await?;
        let taken = match self.party(party)?.spec.health.hurt_by_a_full_disk() {
            Some(why) => Err(why.to_string()),
            None => self.takes_a_write(party).await,
        };
        if let Err(why) = taken {
            self.kill(party).await?;
            let started = self.start(party).await?;
            let written = self.takes_a_write(party).await;
            written.map_err(|seen| no_effect(party, "free-disk", &seen))?;
            back = format!("{back}; ended and started again ({why}); {}", started.seen);
        }
        let seen = format!("{free} MiB free, a new file can be written; {back}");
        Ok(super::party::evidence(party, "free-disk", seen, begun.elapsed(), []))
    }

    /// Has the device of the disk report an error: its file system refuses every write from now on.
    async fn break_disk(&self, party: &str) -> Result<Evidence, StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let refused = blocking(move || {
            disk.break_device()?;
            Ok(disk.refuses())
        })
        .await?;
        let refused = refused.ok_or_else(|| no_effect(party, "read-only", "a new file can still be written"))?;
        let seen = format!("a new file: {refused}");
        Ok(super::party::evidence(party, "read-only", seen, begun.elapsed(), []))
    }

    /// Ends the party, mends its disk, mounts it for writing, and starts the party again.
    async fn mend_disk(&self, party: &str) -> Result<Evidence, StackError> {
        let disk = self.disk(party)?;
        let begun = Instant::now();
        let died = !self.is_running(party).await?;
        if !died {
            self.freeze(party).await?;
            self.end_frozen(party).await?;
        }
        let said = blocking(move || {
            disk.unmount()?;
            let said = disk.repair()?;
            disk.mount()?;
            match disk.refuses() {
                None => Ok(said),
                Some(refused) => Err(StackError::Machine {
                    doing: "write to a disk that was mended".to_string(),
                    cause: refused.to_string(),
                }),
            }
        })
        .await?;
        let started = self.start(party).await?;
        let end = if died { "it had ended by itself" } else { "it was ended" };
        let mended = said
            .lines()
            .last()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_string();
        let seen = format!(
            "{end}; disk mended ({mended}), a new file can be written; {}",
            started.seen
        );
        Ok(super::party::evidence(party, "mend-disk", seen, begun.elapsed(), []))
    }

    /// Has on the disks what was written so far: what set-up has made was there long before the first subject.
    async fn sync_disks(&self) -> Result<(), StackError> {
        let disks: Vec<Arc<Disk>> = self.disks().values().cloned().collect();
        for disk in disks {
            blocking(move || disk.sync()).await?;
        }
        Ok(())
    }
}

impl ContainerStack {
    /// Brings a disk back that a run has left broken. Its party is ended for it.
    pub(super) async fn restore_disk(&self, party: &str) -> Result<(), StackError> {
        let Some(disk) = self.disk_of(party) else {
            return Ok(());
        };
        let whole = blocking(move || {
            let mounted = disk.is_mounted();
            if mounted {
                // Where it refuses, the repair below frees it.
                let _ = disk.free();
            }
            Ok(mounted && disk.refuses().is_none())
        })
        .await?;
        if whole {
            return Ok(());
        }
        if self.is_running(party).await? {
            self.freeze(party).await?;
            self.end_frozen(party).await?;
        }
        let disk = self.disk(party)?;
        blocking(move || {
            disk.unmount()?;
            disk.repair()?;
            disk.mount()?;
            disk.free()
        })
        .await
    }

    /// A party that died is started; one that lives is only waited for.
    pub(super) async fn revive(&self, party: &str) -> Result<String, StackError> {
        let Some(exit) = self.exit_info(party).await? else {
            self.await_ready(party).await?;
            return Ok("it lived on".to_string());
        };
        let started = self.start(party).await?;
        let why = if exit.out_of_memory { ", out of memory" } else { "" };
        Ok(format!(
            "it had ended with exit code {}{why}; {}",
            exit.code, started.seen
        ))
    }

    /// Whether a party takes a write, as its health says.
    async fn takes_a_write(&self, party: &str) -> Result<(), String> {
        let health = self.party(party).map_err(|e| e.to_string())?.spec.health;
        match tokio::time::timeout(WRITE_TIMEOUT, health.takes_a_write(self, party)).await {
            Ok(written) => written,
            Err(_) => Err(format!("no answer within {WRITE_TIMEOUT:?}")),
        }
    }

    /// Freezes every process of the party; returns the first of them.
    async fn freeze(&self, party: &str) -> Result<i64, StackError> {
        let pid = self.pid(party).await?;
        let container = self.party(party)?.container;
        let frozen = self.engine.api_client().pause_container(&container).await;
        frozen.doing(|| format!("freeze {party}"))?;
        Ok(pid)
    }

    /// Ends every process of a frozen party. None of them runs again: what waits for it when it is thawed is SIGKILL.
    async fn end_frozen(&self, party: &str) -> Result<(), StackError> {
        let group = self.cgroup(party, "pids").await?;
        self.change(party, |p| p.down_on_purpose = true);
        for process in group.processes() {
            if let Some(process) = rustix::process::Pid::from_raw(process) {
                // One that is gone already is what was wanted.
                let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }
        }
        let container = self.party(party)?.container;
        let thawed = self.engine.api_client().unpause_container(&container).await;
        let begun = Instant::now();
        while self.is_running(party).await? {
            if begun.elapsed() > GONE_TIMEOUT {
                thawed.doing(|| format!("thaw {party}"))?;
                return Err(no_effect(party, "SIGKILL", "it still runs"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn disk(&self, party: &str) -> Result<Arc<Disk>, StackError> {
        self.disk_of(party).ok_or_else(|| StackError::Machine {
            doing: format!("find the disk of {party}"),
            cause: "this stack was started without one; the campaign that it was started for must name the fault"
                .to_string(),
        })
    }
}

fn no_effect(party: &str, asked: &str, seen: &str) -> StackError {
    StackError::NoEffect {
        party: party.to_string(),
        asked: asked.to_string(),
        seen: seen.to_string(),
    }
}

/// Work on disks, off the threads that carry the traffic.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StackError> + Send + 'static,
) -> Result<T, StackError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
        Err(StackError::Machine {
            doing: "work on a disk".to_string(),
            cause: e.to_string(),
        })
    })
}

//! Which faults of the machine this machine can do: each is tried, on something of its own, or looked for.
//! Never: leaves anything of a trial behind.

use std::io;
use std::process::Command;

use super::cgroup::Cgroup;
use super::disk::{self, Disk};
use super::docker::Engine;
use super::doctor::{Check, CheckState};
use super::error::StackError;
use super::owner::StackId;
use super::power::blocking;
use super::wall_clock;

/// The kinds of faults, in the order of their listing.
const KINDS: [&str; 7] = ["cpu", "memory", "power-loss", "disk-full", "read-only", "clock", "loss"];

/// Why this machine cannot do a fault: what is missing, and what to do.
type Want = (String, &'static str);

/// One line for each fault of the machine.
pub(super) async fn checks() -> Vec<Check> {
    let engine = Engine::connect().await.ok();
    let mut checks = Vec::new();
    for kind in KINDS {
        checks.push(check(engine.as_ref(), kind).await);
    }
    checks
}

/// What this machine cannot do of these kinds of faults.
pub async fn unsupported(kinds: &[&str]) -> Result<Vec<Check>, StackError> {
    let engine = Engine::connect().await?;
    let mut wanting = Vec::new();
    for kind in KINDS.iter().filter(|kind| kinds.contains(*kind)) {
        let check = check(Some(&engine), kind).await;
        if check.state != CheckState::Ok {
            wanting.push(check);
        }
    }
    Ok(wanting)
}

async fn check(engine: Option<&Engine>, kind: &'static str) -> Check {
    let found = match engine {
        Some(engine) if engine.is_local() => look(engine, kind).await,
        Some(_) => Err((
            "the engine runs elsewhere".to_string(),
            "run paytwice on the machine that the engine runs on",
        )),
        None => Err(("there is no Docker".to_string(), "see above")),
    };
    let name = format!("fault {kind}");
    match found {
        Ok(found) => Check {
            name,
            state: CheckState::Ok,
            detail: format!("extra: {found}"),
            remedy: None,
        },
        Err((missing, remedy)) => Check {
            name,
            state: CheckState::Unsupported,
            detail: format!("extra, not here: {missing}"),
            remedy: Some(remedy.to_string()),
        },
    }
}

async fn look(engine: &Engine, kind: &'static str) -> Result<String, Want> {
    match kind {
        "cpu" => limit(engine, "cpu", "a quota of the processor").await,
        "memory" => limit(engine, "memory", "a limit of memory").await,
        "clock" => clock(),
        "loss" => blocking(|| Ok(loss()))
            .await
            .unwrap_or_else(|e| Err((e.to_string(), "see above"))),
        _ => blocking(move || Ok(own_disk(kind)))
            .await
            .unwrap_or_else(|e| Err((e.to_string(), "see above"))),
    }
}

async fn limit(engine: &Engine, controller: &'static str, what: &str) -> Result<String, Want> {
    let info = engine.api_client().info().await.unwrap_or_default();
    let has = match controller {
        "cpu" => info.cpu_cfs_quota,
        _ => info.memory_limit,
    };
    if has == Some(false) {
        let missing = format!("the engine says that this kernel has no {what}");
        return Err((
            missing,
            "enable the cgroup controller on the kernel's command line, and start Docker again",
        ));
    }
    if !Cgroup::is_possible(controller) {
        let missing = format!("cgroups with {controller} are not mounted here");
        return Err((
            missing,
            "run paytwice on the machine itself, not in a container, with cgroups mounted",
        ));
    }
    Ok(format!("{what} by cgroups"))
}

fn clock() -> Result<String, Want> {
    match wall_clock::library() {
        Some(path) => Ok(path.display().to_string()),
        None => Err((
            "libfaketime is not installed".to_string(),
            "apt-get install libfaketime, or name libfaketimeMT.so.1 in PAYTWICE_FAKETIME",
        )),
    }
}

/// Tried in a network namespace that is gone with the trial.
fn loss() -> Result<String, Want> {
    is_root()?;
    on_path(
        &["unshare", "nsenter", "iptables"],
        "apt-get install iptables util-linux",
    )?;
    let words = "--net iptables -w -A INPUT -p tcp -m statistic --mode random --probability 0.1 -j DROP";
    let output = Command::new("unshare").args(words.split(' ')).output();
    match output {
        Ok(output) if output.status.success() => Ok("iptables statistic in a network namespace".to_string()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let missing = format!("iptables: {}", said.lines().next().unwrap_or_default());
            Err((
                missing,
                "use a kernel with network namespaces and the iptables match statistic",
            ))
        }
        Err(e) => Err((format!("unshare: {e}"), "apt-get install util-linux")),
    }
}

/// Tried on a disk that is removed again.
fn own_disk(kind: &str) -> Result<String, Want> {
    is_root()?;
    on_path(
        &["mkfs.ext4", "e2fsck", "mount", "umount"],
        "apt-get install e2fsprogs mount",
    )?;
    let stack = StackId::fresh();
    let tried = try_disk(&stack, kind);
    let removed = disk::remove(&stack);
    let remedy = "use a kernel with loop devices and ext4, and a machine (or container) that may mount";
    match tried.and_then(|tried| removed.map(|_| tried)) {
        Ok(tried) => Ok(tried),
        Err(e) => Err((e.to_string(), remedy)),
    }
}

fn try_disk(stack: &StackId, kind: &str) -> Result<String, StackError> {
    let disk = Disk::make(stack, "doctor")?;
    let not_seen = |what: &str| StackError::Machine {
        doing: format!("try a {kind}"),
        cause: what.to_string(),
    };
    let refused = |wanted: rustix::io::Errno| {
        let refused = disk.refuses().and_then(|e| e.raw_os_error());
        refused == Some(wanted.raw_os_error())
    };
    match kind {
        "power-loss" => {
            let path = disk.data().join("unsynced");
            std::fs::write(&path, "gone").map_err(|e| not_seen(&e.to_string()))?;
            disk.cut_power()?;
            disk.unmount()?;
            disk.mount()?;
            match path.exists() {
                false => Ok("ext4 on a loop device, shut down without flush".to_string()),
                true => Err(not_seen("what was not synced was still there")),
            }
        }
        "disk-full" => {
            disk.fill()?;
            match refused(rustix::io::Errno::NOSPC) {
                true => Ok("ext4 on a loop device, filled".to_string()),
                false => Err(not_seen("a full disk took another file")),
            }
        }
        _ => {
            disk.break_device()?;
            match refused(rustix::io::Errno::ROFS) {
                true => Ok("ext4 on a loop device, after an error".to_string()),
                false => Err(not_seen("a broken disk took another file")),
            }
        }
    }
}

fn is_root() -> Result<(), Want> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(("it needs root".to_string(), "run paytwice as root")),
    }
}

fn on_path(programs: &[&str], remedy: &'static str) -> Result<(), Want> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let there = |program: &str| folders.iter().any(|folder| folder.join(program).is_file());
    match programs.iter().find(|program| !there(program)) {
        None => Ok(()),
        Some(program) => Err((
            format!("{program}: {}", io::Error::from(io::ErrorKind::NotFound)),
            remedy,
        )),
    }
}

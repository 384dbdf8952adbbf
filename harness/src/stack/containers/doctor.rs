//! What this machine can do, and what to do about what it cannot.
//! Never: calls something present that was not tried or looked at, or leaves anything behind.

use std::fmt;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::Command;

use super::docker::Engine;
use super::error::StackError;
use super::images;
use super::launch::Launch;
use super::leftovers::Leftovers;
use super::machine;
use super::network;
use super::owner::StackId;
use super::watchdog::Watchdog;
use crate::stack::ImageChoice;

const REACH_TIMEOUT: Duration = Duration::from_secs(15);
const DISK_FREE_MIN_MIB: u64 = 2048;
const MEMORY_FREE_MIN_MIB: u64 = 2048;

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub state: CheckState,
    /// The finding in words.
    pub detail: String,
    /// What to do, where something is amiss.
    pub remedy: Option<String>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// There.
    Ok,
    /// Needed, and not there.
    Missing,
    /// There, and little of it: a run starts, and may fail for it.
    Scarce,
    /// An extra that this machine does not have.
    Unsupported,
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CheckState::Ok => "ok",
            CheckState::Missing => "missing",
            CheckState::Scarce => "scarce",
            CheckState::Unsupported => "unsupported",
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {:<17} {}", self.state, self.name, self.detail)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n{:<30} -> {remedy}", ""),
            None => Ok(()),
        }
    }
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Check {
        Check {
            name: name.to_string(),
            state: CheckState::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn missing(name: &str, detail: impl Into<String>, remedy: &str) -> Check {
        Check {
            state: CheckState::Missing,
            remedy: Some(remedy.to_string()),
            ..Check::ok(name, detail)
        }
    }

    fn scarce(name: &str, detail: impl Into<String>, remedy: &str) -> Check {
        Check {
            state: CheckState::Scarce,
            ..Check::missing(name, detail, remedy)
        }
    }

    fn unsupported(name: &str, detail: impl Into<String>) -> Check {
        Check {
            state: CheckState::Unsupported,
            ..Check::ok(name, detail)
        }
    }
}

/// Looks at everything that a run needs, then at the extras. `full` says which kinds of dependency refuse writes from which
/// share of the disk in use on, in percent.
pub async fn doctor(images: &[ImageChoice], full: &[(&str, u64)]) -> Vec<Check> {
    let mut checks = Vec::new();
    match Engine::connect().await {
        Ok(engine) => {
            let found = format!("{} (API {}) at {}", engine.version(), engine.api(), engine.address());
            checks.push(Check::ok("docker", found));
            for choice in images {
                checks.push(image(&engine, choice).await);
            }
            checks.push(links(&engine, images).await);
            if let (true, Some(folder)) = (engine.is_local(), engine.data_folder().await) {
                checks.push(disk("disk of docker", &folder, full).await);
            }
        }
        Err(error) => {
            let text = error.to_string();
            let (detail, remedy) = text.split_once("\n  ").unwrap_or((&text, "start Docker"));
            checks.push(Check::missing("docker", detail, remedy));
        }
    }
    checks.push(watchdog());
    checks.push(program("cargo", "builds the services of a target; images work without it").await);
    checks.push(
        program(
            "ldd",
            "finds a binary's libraries for its image; images work without it",
        )
        .await,
    );
    checks.push(program("strip", "makes a service's image small; it works without").await);
    checks.push(disk("disk", ".", &[]).await);
    checks.push(this_machine());
    checks.extend(machine::checks().await);
    checks
}

async fn image(engine: &Engine, choice: &ImageChoice) -> Check {
    let name = format!("image {}", choice.kind);
    match images::present(engine, choice).await {
        Ok(Some(image)) => Check::ok(&name, image),
        Ok(None) => {
            let wanted = images::wanted(choice);
            let remedy = format!(
                "docker pull {wanted}; where nothing can be pulled: ci/images (as root on Debian), or name another in {}",
                choice.variable
            );
            Check::missing(&name, format!("{wanted} is not here; a run tries to pull it"), &remedy)
        }
        Err(error) => Check::missing(&name, error.to_string(), "see above"),
    }
}

/// Tries what every link stands on: a container that reaches a listener of this process by the gateway's address.
async fn links(engine: &Engine, choices: &[ImageChoice]) -> Check {
    let remedy = "run paytwice on the machine (and in the network namespace) that the engine runs on, \
                  and let its firewall accept connections from Docker's bridges";
    for choice in choices {
        let Ok(Some(image)) = images::present(engine, choice).await else {
            continue;
        };
        return match reach_gateway(engine, &image).await {
            Ok(Ok(took)) => Check::ok(
                "links",
                format!("a container reached the gateway after {} ms", took.as_millis()),
            ),
            Ok(Err(cause)) => Check::missing("links", cause, remedy),
            Err(error) => Check::missing("links", error.to_string(), remedy),
        };
    }
    let kinds: Vec<&str> = choices.iter().map(|choice| choice.kind).collect();
    Check::unsupported(
        "links",
        format!("not tried: it takes an image of {}", kinds.join(" or ")),
    )
}

async fn reach_gateway(engine: &Engine, image: &str) -> Result<Result<Duration, String>, StackError> {
    let stack = StackId::fresh();
    let leftovers = Leftovers::of(&stack, false);
    let network = network::create(engine, &stack, "doctor").await?;
    let outcome = match TcpListener::bind((network.gateway, 0)).await {
        Ok(listener) => {
            let port = listener.local_addr().map_or(0, |address| address.port());
            let script = format!("exec 3<>/dev/tcp/{}/{port} && read -t 5 -u 3 line", network.gateway);
            let launch = Launch {
                party: "doctor".to_string(),
                container: stack.name_of("doctor"),
                image: image.to_string(),
                network: network.name,
                labels: stack.labels("doctor"),
                command: ["bash", "-c", &script].map(str::to_string).to_vec(),
                ..Launch::default()
            };
            let begun = std::time::Instant::now();
            let accepted = tokio::time::timeout(REACH_TIMEOUT, async {
                tokio::join!(launch.start(engine), listener.accept())
            });
            match accepted.await {
                Ok((Ok(()), Ok(_))) => Ok(begun.elapsed()),
                Ok((Err(error), _)) => Err(error.to_string()),
                Ok((_, Err(error))) => Err(error.to_string()),
                Err(_) => Err(format!(
                    "no container reached a listener at {} within {REACH_TIMEOUT:?}",
                    network.gateway
                )),
            }
        }
        Err(error) => Err(format!(
            "the gateway's address {} is not one of this machine: {error}",
            network.gateway
        )),
    };
    leftovers.remove(engine).await?;
    Ok(outcome)
}

fn watchdog() -> Check {
    if Watchdog::is_possible() {
        Check::ok("watchdog", "removes a stack whose harness was killed")
    } else {
        let detail = "needs sh and docker on PATH; what a killed harness leaves is swept by the next run";
        Check::unsupported("watchdog", detail)
    }
}

async fn program(name: &str, purpose: &str) -> Check {
    let output = Command::new(name).arg("--version").output().await;
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Check::ok(name, text.lines().next().unwrap_or_default().trim())
        }
        _ => Check::unsupported(name, purpose),
    }
}

async fn disk(name: &str, folder: &str, full: &[(&str, u64)]) -> Check {
    let remedy = "make room, or keep the store (or Docker's data) on another disk";
    let Some(Space { free_mib, used_percent }) = space(folder).await else {
        return Check::unsupported(name, format!("free space in {folder} is unknown"));
    };
    let detail = format!("{free_mib} MiB free in {folder}, {used_percent} % used");
    if free_mib < DISK_FREE_MIN_MIB {
        return Check::missing(name, format!("{detail}; {DISK_FREE_MIN_MIB} MiB are wanted"), remedy);
    }
    match full.iter().find(|(_, percent)| used_percent >= *percent) {
        Some((kind, percent)) => {
            let refuses = format!("{detail}; {kind} refuses every write from {percent} % on");
            Check::scarce(name, refuses, remedy)
        }
        None => Check::ok(name, detail),
    }
}

/// Warns of a disk of the engine on which a dependency refuses writes; `full` as for the doctor.
pub async fn nearly_full(engine: &Engine, full: &[(&str, u64)]) -> Option<String> {
    if full.is_empty() || !engine.is_local() {
        return None;
    }
    let folder = engine.data_folder().await?;
    let check = disk("disk of docker", &folder, full).await;
    (check.state != CheckState::Ok).then_some(check.detail)
}

/// What is left of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) free_mib: u64,
    pub(super) used_percent: u64,
}

/// What is left of the disk that a folder is on; none where nothing tells.
pub(super) async fn space(folder: &str) -> Option<Space> {
    let output = Command::new("df").args(["-Pm", folder]).output().await.ok()?;
    space_in(&String::from_utf8_lossy(&output.stdout))
}

/// Reads what `df -Pm` prints.
fn space_in(text: &str) -> Option<Space> {
    let words: Vec<&str> = text.lines().nth(1)?.split_whitespace().collect();
    // A device may have spaces in its name: the numbers stand before the percentage.
    let percent = words.iter().position(|word| word.ends_with('%'))?;
    Some(Space {
        free_mib: words.get(percent.checked_sub(1)?)?.parse().ok()?,
        used_percent: words[percent].trim_end_matches('%').parse().ok()?,
    })
}

fn this_machine() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(free) = free_memory_mib() else {
        return Check::ok("machine", format!("{cores} cores"));
    };
    let detail = format!("{cores} cores, {free} MiB of memory available");
    if free < MEMORY_FREE_MIN_MIB {
        return Check::scarce("machine", detail, "a stack takes about 1 GiB: end other programs");
    }
    Check::ok("machine", detail)
}

fn free_memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_disk_is_read() {
        let head = "Filesystem 1048576-blocks Used Available Capacity Mounted on\n";
        let left = |free_mib, used_percent| Some(Space { free_mib, used_percent });
        assert_eq!(
            space_in(&format!("{head}/dev/vda 257899 234000 23899 91% /\n")),
            left(23899, 91)
        );
        assert_eq!(space_in(&format!("{head}my disk 10 9 1 90% /a b\n")), left(1, 90));
        assert_eq!(space_in(head), None);
        assert_eq!(space_in(""), None);
    }

    #[tokio::test]
    async fn a_disk_on_which_a_dependency_refuses_writes_is_scarce() {
        let used = space(".").await.unwrap();
        let full = disk("disk", ".", &[("queue", used.used_percent)]).await;
        assert_eq!(full.state, CheckState::Scarce, "{full}");
        assert!(full.to_string().contains("queue refuses every write"), "{full}");
        let well = disk("disk", ".", &[("queue", 101)]).await;
        assert_eq!(well.state, CheckState::Ok, "{well}");
    }

    #[test]
    fn a_line_names_the_finding_and_the_way_out() {
        let line = Check::missing("disk", "1 MiB free here", "make room").to_string();
        assert_eq!(
            line,
            "missing      disk              1 MiB free here\n                               -> make room"
        );
    }
}

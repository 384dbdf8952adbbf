//! What faults do to a party, each with evidence: killed, started again, paused, resumed; and whether it is ready.
//! Never: claims an effect that was not seen.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::models::{
    ContainerState, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
    VolumeCreateRequest,
};
use bollard::query_parameters::{KillContainerOptionsBuilder, StartContainerOptions};

use crate::remoting::halves_kept;

use super::archive::{extract_logs, read_file};
use super::containers::{ContainerStack, Party};
use super::error::{Doing, StackError};
use super::rocketmq::{BROKER, BROKER_LOGS, BROKER_OFFSETS, NAMESRV};

/// A party that is not ready after this time will not be.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const PROBE_EVERY: Duration = Duration::from_millis(50);
const LOOK_EVERY: Duration = Duration::from_millis(250);
const EFFECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A party that answers within this time is not paused.
const PAUSED_PROBE_TIMEOUT: Duration = Duration::from_millis(300);
const LOG_LINES: usize = 15;

/// What was asked of the engine, and what was then seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The party.
    pub party: String,
    /// `kill`, `start`, `pause`, `unpause`.
    pub asked: &'static str,
    /// What was seen, in words: "exit code 137 after 12 ms; process 4711 gone".
    pub seen: String,
    /// From the request until the effect was seen.
    pub took: Duration,
    /// The numbers behind it.
    pub counts: BTreeMap<String, u64>,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.asked, self.party, self.seen)
    }
}

/// How a party ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitInfo {
    /// The party.
    pub party: String,
    /// Its exit code; 137 is SIGKILL.
    pub code: i64,
    /// Whether the kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// The last lines that it wrote.
    pub log: String,
}

impl ContainerStack {
    /// Ends the party's process at once (SIGKILL). Its data stays.
    pub async fn kill(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let before = self.state(&target).await?;
        if !is_running(&before) && target.down_on_purpose {
            return Err(no_effect(party, "kill", "it was down already".to_string()));
        }
        if !is_running(&before) {
            return Err(self.died(&target).await?);
        }
        let pid = before.pid.unwrap_or_default();
        self.change(party, |p| {
            p.down_on_purpose = true;
            p.kills += 1;
        });
        let begun = Instant::now();
        if before.paused == Some(true) {
            // The engine kills no frozen process.
            self.engine
                .api_client()
                .unpause_container(&target.container)
                .await
                .doing(|| format!("resume {party}"))?;
        }
        let signal = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        self.engine
            .api_client()
            .kill_container(&target.container, Some(signal))
            .await
            .doing(|| format!("kill {party}"))?;
        let after = self.await_state(&target, "kill", |state| !is_running(state)).await?;
        let took = begun.elapsed();

        let code = after.exit_code.unwrap_or_default();
        if code != 137 {
            return Err(no_effect(
                party,
                "kill",
                format!("it ended with exit code {code} instead of 137"),
            ));
        }
        let gone = await_process_gone(pid).await;
        if gone == Some(false) {
            return Err(no_effect(party, "kill", format!("its process {pid} is still there")));
        }
        let process = if gone.is_some() {
            format!("; process {pid} gone")
        } else {
            String::new()
        };
        Ok(evidence(
            party,
            "kill",
            format!("exit code {code} after {} ms{process}", took.as_millis()),
            took,
            [("exit_code", code), ("pid", pid)],
        ))
    }

    /// Starts the same container again and waits until it is ready. One that runs is only waited for.
    pub async fn start(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        // Two faults may want the same party back at the same moment: the second one finds it running.
        let one_at_a_time = self.starting.lock().await;
        if !is_running(&self.state(&target).await?) {
            self.pin_address(&self.party(party)?).await?;
            self.engine
                .api_client()
                .start_container(&target.container, None::<StartContainerOptions>)
                .await
                .doing(|| format!("start {party}"))?;
            self.logs.follow(&self.engine, party, &target.container);
        }
        drop(one_at_a_time);
        self.change(party, |p| p.down_on_purpose = false);
        let ready = match self.find_address(&target).await {
            Ok(address) => self.await_ready(party).await.map(|()| address),
            Err(error) => Err(error),
        };
        let address = match ready {
            Ok(address) => address,
            // Not this start's failure: another fault has killed it before it was ready, and will start it again.
            Err(_) if self.party(party)?.kills != target.kills => {
                let seen = "started, and killed again by another fault before it was ready".to_string();
                return Ok(evidence(party, "start", seen, begun.elapsed(), []));
            }
            Err(error) => return Err(error),
        };
        let took = begun.elapsed();
        let pid = self.state(&target).await?.pid.unwrap_or_default();
        let seen = format!("process {pid} ready at {address} after {} ms", took.as_millis());
        Ok(evidence(party, "start", seen, took, [("pid", pid)]))
    }

    /// Freezes every process of the party.
    pub async fn pause(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        self.engine
            .api_client()
            .pause_container(&target.container)
            .await
            .doing(|| format!("pause {party}"))?;
        self.await_state(&target, "pause", |state| state.paused == Some(true))
            .await?;
        let took = begun.elapsed();
        if self.ask(&target, PAUSED_PROBE_TIMEOUT).await.is_ok() {
            return Err(no_effect(party, "pause", "it still answers".to_string()));
        }
        let seen = format!(
            "state paused after {} ms; a probe had no answer within {} ms",
            took.as_millis(),
            PAUSED_PROBE_TIMEOUT.as_millis()
        );
        Ok(evidence(party, "pause", seen, took, []))
    }

    /// Lets a paused party go on and waits until it is ready. One that is not paused (any more) is only waited for.
    pub async fn unpause(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        let state = self.state(&target).await?;
        if state.paused == Some(true) {
            self.engine
                .api_client()
                .unpause_container(&target.container)
                .await
                .doing(|| format!("resume {party}"))?;
            self.await_state(&target, "unpause", |state| state.paused != Some(true))
                .await?;
        } else if !is_running(&state) && target.down_on_purpose {
            let seen = "not paused any more: it was killed meanwhile".to_string();
            return Ok(evidence(party, "unpause", seen, begun.elapsed(), []));
        } else if !is_running(&state) {
            return Err(self.died(&target).await?);
        }
        self.await_ready(party).await?;
        let took = begun.elapsed();
        Ok(evidence(
            party,
            "unpause",
            format!("ready after {} ms", took.as_millis()),
            took,
            [],
        ))
    }

    /// Undoes whatever was done to a party: resumes it or starts it again, and waits until it is ready.
    pub async fn bring_back(&self, party: &str) -> Result<Evidence, StackError> {
        self.lift_limits(party).await?;
        self.restore_disk(party).await?;
        if self.is_running(party).await? {
            self.unpause(party).await
        } else {
            self.start(party).await
        }
    }

    /// Whether the party answers as its clients expect: asked once.
    pub async fn ready(&self, party: &str) -> Result<(), StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        match self.ask(&target, PROBE_TIMEOUT).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.not_ready(&target, begun.elapsed(), cause).await),
        }
    }

    /// Asks until the party is ready. One that ends meanwhile is noticed at once.
    pub async fn await_ready(&self, party: &str) -> Result<(), StackError> {
        let begun = Instant::now();
        let mut looked = Instant::now();
        loop {
            let target = self.party(party)?;
            let Err(cause) = self.ask(&target, PROBE_TIMEOUT).await else {
                return Ok(());
            };
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                if !is_running(&self.state(&target).await?) {
                    return Err(self.died(&target).await?);
                }
            }
            if begun.elapsed() > READY_TIMEOUT {
                return Err(self.not_ready(&target, begun.elapsed(), cause).await);
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    /// Whether the party's process runs (a paused one does).
    pub async fn is_running(&self, party: &str) -> Result<bool, StackError> {
        Ok(is_running(&self.state(&self.party(party)?).await?))
    }

    /// The first process of the party.
    pub(super) async fn pid(&self, party: &str) -> Result<i64, StackError> {
        let target = self.party(party)?;
        match self.state(&target).await?.pid {
            Some(pid) if pid > 0 => Ok(pid),
            _ => Err(self.died(&target).await?),
        }
    }

    /// How the party ended; none while it runs.
    pub async fn exit_info(&self, party: &str) -> Result<Option<ExitInfo>, StackError> {
        let target = self.party(party)?;
        let state = self.state(&target).await?;
        if is_running(&state) {
            return Ok(None);
        }
        Ok(Some(ExitInfo {
            party: party.to_string(),
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed == Some(true),
            log: self.engine.last_lines(&target.container, LOG_LINES).await,
        }))
    }

    /// Parties that ended although nobody killed them.
    pub async fn ended_by_themselves(&self) -> Result<Vec<ExitInfo>, StackError> {
        let expected: Vec<String> = self
            .parties()
            .values()
            .filter(|p| !p.down_on_purpose)
            .map(|p| p.name.clone())
            .collect();
        let mut ended = Vec::new();
        for party in expected {
            if let Some(exit) = self.exit_info(&party).await?
                && !self.party(&party)?.down_on_purpose
            {
                ended.push(exit);
            }
        }
        Ok(ended)
    }

    /// Names of all parties that were started.
    pub fn party_names(&self) -> Vec<String> {
        self.parties().keys().cloned().collect()
    }

    /// Where a party listens, past every link. A restart keeps the address.
    pub fn addr(&self, party: &str, port: u16) -> Result<SocketAddr, StackError> {
        Ok(SocketAddr::from((self.party(party)?.address, port)))
    }

    /// Copies the broker's own log files to `folder`, as `broker-<file>`; returns how many there were.
    pub async fn save_broker_logs(&self, folder: &Path) -> Result<usize, StackError> {
        let broker = self.party(BROKER)?;
        extract_logs(&self.engine, &broker.container, BROKER_LOGS, folder, BROKER).await
    }

    /// How many half messages are resolved by what the broker has written down: it does so every five seconds, and what
    /// it has not written it does not know any more once it was killed. None where nothing is written down of them.
    pub async fn halves_on_disk(&self) -> Result<Option<i64>, StackError> {
        let broker = self.party(BROKER)?;
        // The file comes into being five seconds after the broker.
        let read = read_file(&self.engine, &broker.container, BROKER_OFFSETS, BROKER)
            .await
            .ok();
        Ok(read.as_deref().and_then(halves_kept))
    }

    pub(super) async fn create_volume(&self, name: &str, party: &str) -> Result<(), StackError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_string()),
            labels: Some(self.id.labels(party)),
            ..VolumeCreateRequest::default()
        };
        let made = self.engine.api_client().create_volume(request).await;
        made.map(|_| ()).doing(|| format!("create volume {name}"))
    }

    /// Where the running container is, which is also remembered; one that has ended by now is an error.
    pub(super) async fn find_address(&self, party: &Party) -> Result<Ipv4Addr, StackError> {
        let found = self.engine.inspect(&party.container).await?;
        let networks = found.network_settings.and_then(|s| s.networks).unwrap_or_default();
        let endpoint = networks.get(&party.network).and_then(|e| e.ip_address.as_ref());
        let Some(address) = endpoint.and_then(|text| text.parse().ok()) else {
            return Err(self.died(party).await?);
        };
        self.change(&party.name, |p| p.address = address);
        Ok(address)
    }

    /// Fixes the address that the engine chose at the first start: another container that starts at the same time
    /// would otherwise be given it.
    async fn pin_address(&self, party: &Party) -> Result<(), StackError> {
        if party.pinned {
            return Ok(());
        }
        let client = self.engine.api_client();
        let leave = NetworkDisconnectRequest {
            container: party.container.clone(),
            force: Some(true),
        };
        client
            .disconnect_network(&party.network, leave)
            .await
            .doing(|| format!("take {} off its network", party.name))?;
        let join = NetworkConnectRequest {
            container: party.container.clone(),
            endpoint_config: Some(EndpointSettings {
                ipam_config: Some(EndpointIpamConfig {
                    ipv4_address: Some(party.address.to_string()),
                    ..EndpointIpamConfig::default()
                }),
                ..EndpointSettings::default()
            }),
        };
        client
            .connect_network(&party.network, join)
            .await
            .doing(|| format!("give {} the address {} again", party.name, party.address))?;
        self.change(&party.name, |p| p.pinned = true);
        Ok(())
    }

    async fn ask(&self, party: &Party, bound: Duration) -> Result<(), String> {
        let namesrv = self.party(NAMESRV).ok().map(|namesrv| namesrv.address);
        party.probe.ask(party.address, namesrv, bound).await
    }

    async fn state(&self, party: &Party) -> Result<ContainerState, StackError> {
        Ok(self.engine.inspect(&party.container).await?.state.unwrap_or_default())
    }

    async fn await_state(
        &self,
        party: &Party,
        asked: &str,
        wanted: impl Fn(&ContainerState) -> bool,
    ) -> Result<ContainerState, StackError> {
        let begun = Instant::now();
        loop {
            let state = self.state(party).await?;
            if wanted(&state) {
                return Ok(state);
            }
            if begun.elapsed() > EFFECT_TIMEOUT {
                let status = state.status.map(|s| s.to_string()).unwrap_or_default();
                return Err(no_effect(
                    &party.name,
                    asked,
                    format!("it is still {status} after {EFFECT_TIMEOUT:?}"),
                ));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn died(&self, party: &Party) -> Result<StackError, StackError> {
        let code = self.state(party).await?.exit_code.unwrap_or_default();
        Ok(died(
            &party.name,
            code,
            self.engine.last_lines(&party.container, LOG_LINES).await,
        ))
    }

    async fn not_ready(&self, party: &Party, waited: Duration, cause: String) -> StackError {
        StackError::NotReady {
            party: party.name.clone(),
            waited,
            cause,
            log: self.engine.last_lines(&party.container, LOG_LINES).await,
            remedy: "a machine under load may need longer; a service may listen on another port or path than its \
                     manifest says; paytwice doctor shows whether containers can be reached from here"
                .to_string(),
        }
    }
}

pub(super) fn evidence<const N: usize>(
    party: &str,
    asked: &'static str,
    seen: String,
    took: Duration,
    numbers: [(&str, i64); N],
) -> Evidence {
    let mut counts: BTreeMap<String, u64> = numbers
        .into_iter()
        .map(|(name, n)| (name.to_string(), u64::try_from(n).unwrap_or(0)))
        .collect();
    counts.insert("took_ms".to_string(), took.as_millis() as u64);
    Evidence {
        party: party.to_string(),
        asked,
        seen,
        took,
        counts,
    }
}

fn is_running(state: &ContainerState) -> bool {
    state.running == Some(true)
}

fn no_effect(party: &str, asked: &str, seen: String) -> StackError {
    StackError::NoEffect {
        party: party.to_string(),
        asked: asked.to_string(),
        seen,
    }
}

fn died(party: &str, code: i64, log: String) -> StackError {
    let remedy = match code {
        137 => "it was killed from outside, or the machine is out of memory",
        127 => "a program or library is missing in its image",
        _ => "its last lines say why; check its environment in the manifest",
    };
    StackError::Died {
        party: party.to_string(),
        code,
        log,
        remedy: remedy.to_string(),
    }
}

/// Whether the process is gone; none where its number means nothing here (an engine elsewhere).
async fn await_process_gone(pid: i64) -> Option<bool> {
    let process = std::path::PathBuf::from(format!("/proc/{pid}"));
    if pid <= 0 || !Path::new("/proc/self").exists() {
        return None;
    }
    let begun = Instant::now();
    while process.exists() {
        if begun.elapsed() > EFFECT_TIMEOUT {
            return Some(false);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Some(true)
}

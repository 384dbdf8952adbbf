//! One container: whether it is ready, where it is, what state it is in, and how its end is told.
//! Never: claims an effect that was not seen.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bollard::models::{
    ContainerState, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest,
    VolumeCreateRequest,
};
use bollard::query_parameters::RemoveVolumeOptions;

use super::error::{Doing, StackError, is_absent};
use super::{ContainerStack, Party};
use crate::stack::{Evidence, ExitInfo};

/// A party that is not ready after this time will not be.
pub(super) const READY_TIMEOUT: Duration = Duration::from_secs(90);
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(50);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
pub(super) const EFFECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const LOG_LINES: usize = 15;

impl ContainerStack {
    /// Whether the party answers as its clients expect: asked once.
    pub async fn ready(&self, party: &str) -> Result<(), StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        match self.ask(&target, PROBE_TIMEOUT).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.not_ready(&target, begun.elapsed(), cause).await),
        }
    }

    /// The first process of the party.
    pub(super) async fn pid(&self, party: &str) -> Result<i64, StackError> {
        let target = self.party(party)?;
        match self.state(&target).await?.pid {
            Some(pid) if pid > 0 => Ok(pid),
            _ => Err(self.died(&target).await?),
        }
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

    /// Removes the volume of a party's data, where it has one.
    pub(super) async fn remove_volume(&self, party: &str) -> Result<(), StackError> {
        let name = self.id.name_of(&format!("{party}-data"));
        let client = self.engine.api_client();
        match client.remove_volume(&name, None::<RemoveVolumeOptions>).await {
            Err(error) if is_absent(&error) => Ok(()),
            removed => removed.doing(|| format!("remove volume {name}")),
        }
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
    pub(super) async fn pin_address(&self, party: &Party) -> Result<(), StackError> {
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

    pub(super) async fn ask(&self, party: &Party, bound: Duration) -> Result<(), String> {
        let asking = party.spec.health.ask(self, &party.name);
        let answered = tokio::time::timeout(bound, asking).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {bound:?}")))
    }

    pub(super) async fn state(&self, party: &Party) -> Result<ContainerState, StackError> {
        match self.engine.find(&party.container).await? {
            Some(found) => Ok(found.state.unwrap_or_default()),
            None => Err(StackError::Removed {
                party: party.name.clone(),
                container: party.container.clone(),
            }),
        }
    }

    pub(super) async fn await_state(
        &self,
        party: &Party,
        asked: &str,
        wanted: impl Fn(&ContainerState) -> bool + Send,
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

    pub(super) async fn died(&self, party: &Party) -> Result<StackError, StackError> {
        let state = self.state(party).await?;
        Ok(StackError::died(self.exit_of(party, &state).await))
    }

    pub(super) async fn exit_of(&self, party: &Party, state: &ContainerState) -> ExitInfo {
        ExitInfo {
            party: party.name.clone(),
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed == Some(true),
            log: self.engine.last_lines(&party.container, LOG_LINES).await,
        }
    }

    pub(super) async fn not_ready(&self, party: &Party, waited: Duration, cause: String) -> StackError {
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

pub(super) fn is_running(state: &ContainerState) -> bool {
    state.running == Some(true)
}

pub(super) fn no_effect(party: &str, asked: &str, seen: String) -> StackError {
    StackError::NoEffect {
        party: party.to_string(),
        asked: asked.to_string(),
        seen,
    }
}

//! The target's services: started from an image with the run's own environment, removed when the run is over.
//! Never: gives a service anything but environment variables, host names, a network and the certificates that it is to
//! trust (and libfaketime, where the plan sets its clock wrong).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bollard::query_parameters::RemoveContainerOptionsBuilder;

use super::containers::ContainerStack;
use super::error::{StackError, explain, is_absent};
use super::launch::Launch;
use super::probe::Probe;
use super::wall_clock::{self, OwnClock};

/// A service to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSpec {
    /// Its name, which is also the party's.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Files that it finds in its container: path and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names that it reaches its links under, usually each with the gateway of its network.
    pub extra_hosts: BTreeMap<String, Ipv4Addr>,
    /// The port that it listens on.
    pub port: u16,
    /// HTTP path that answers 2xx once it is ready.
    pub ready_path: String,
    /// Put it into the network of the dependencies instead of one of its own: it then reaches every party by
    /// [`ContainerStack::host_name`], past every link.
    pub beside_dependencies: bool,
    /// Start it so that its wall clock can be set wrong.
    pub own_clock: bool,
}

/// A service that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its container's address.
    pub address: Ipv4Addr,
    /// From the request until it was ready.
    pub ready_after: Duration,
}

impl ContainerStack {
    /// Starts a service and waits until it is ready; one of the same name is removed first.
    pub async fn start_service(&self, spec: ServiceSpec) -> Result<Started, StackError> {
        let begun = Instant::now();
        let name = spec.name.clone();
        self.stop_service(&name).await?;
        let network = if spec.beside_dependencies {
            self.party(super::mysql::PARTY)?.network
        } else {
            self.service_network(&name).await?.name
        };
        let mut clock = OwnClock::default();
        if spec.own_clock {
            clock = wall_clock::own_clock()?;
        }
        let launch = Launch {
            party: name.clone(),
            container: self.id.name_of(&name),
            image: spec.image,
            network,
            labels: self.id.labels(&name),
            env: spec.env.into_iter().chain(clock.env).collect(),
            files: spec.files.into_iter().chain(clock.files).collect(),
            hosts: spec.extra_hosts.into_iter().collect(),
            ..Launch::default()
        };
        self.launch(
            launch,
            Probe::Http {
                port: spec.port,
                path: spec.ready_path,
            },
        )
        .await?;
        Ok(Started {
            address: self.party(&name)?.address,
            ready_after: begun.elapsed(),
        })
    }

    /// The name under which containers in the same network reach a party.
    pub fn host_name(&self, party: &str) -> String {
        self.id.name_of(party)
    }

    /// Removes a service's container, whatever it does. Its network stays for the next run.
    pub async fn stop_service(&self, name: &str) -> Result<(), StackError> {
        self.parties().remove(name);
        let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self
            .engine
            .api_client()
            .remove_container(&self.id.name_of(name), Some(force))
            .await
        {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(StackError::Engine {
                doing: format!("remove {name}"),
                cause: explain(&error),
            }),
        }
    }
}

//! Removes what stacks left behind: containers, networks and volumes with our labels, and disks in our folder.
//! Never: touches anything without our label, or, unless told so, anything whose owner may still live.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use futures_util::future::join_all;

use super::disk;
use super::docker::Engine;
use super::error::{Doing, StackError, explain, is_absent};
use super::owner::{LABEL_OWNER, LABEL_STACK, Owner, StackId};
use super::power::blocking;

/// Another sweep (a watchdog, another process) may be at the same parts on a machine under load.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(60);
const PASS_EVERY: Duration = Duration::from_millis(100);

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The stacks it belonged to.
    pub stacks: Vec<String>,
    /// Containers removed.
    pub containers: usize,
    /// Networks removed.
    pub networks: usize,
    /// Volumes removed.
    pub volumes: usize,
    /// Disks of parties removed.
    pub disks: usize,
}

impl Swept {
    /// Whether there was nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.containers + self.networks + self.volumes + self.disks == 0
    }

    fn add(&mut self, other: Swept) {
        for stack in other.stacks {
            if !self.stacks.contains(&stack) {
                self.stacks.push(stack);
            }
        }
        self.containers += other.containers;
        self.networks += other.networks;
        self.volumes += other.volumes;
        self.disks += other.disks;
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing to remove");
        }
        write!(
            f,
            "removed {} containers, {} networks, {} volumes",
            self.containers, self.networks, self.volumes
        )?;
        if self.disks > 0 {
            write!(f, ", {} disks", self.disks)?;
        }
        write!(f, " of {} stacks", self.stacks.len())
    }
}

/// Removes the stacks whose owner is gone, or, with `all`, everything with our label.
pub async fn sweep(all: bool) -> Result<Swept, StackError> {
    let engine = Engine::connect().await?;
    if all {
        sweep_all(&engine).await
    } else {
        sweep_dead(&engine).await
    }
}

/// Removes one stack, whoever owns it.
pub async fn sweep_stack(engine: &Engine, stack: &StackId) -> Result<Swept, StackError> {
    let mut swept = sweep_label(engine, &format!("{LABEL_STACK}={stack}")).await?;
    swept.add(sweep_disks(stack).await?);
    Ok(swept)
}

/// Removes the disks of a stack whose containers are gone.
async fn sweep_disks(stack: &StackId) -> Result<Swept, StackError> {
    let of = stack.clone();
    let disks = blocking(move || disk::remove(&of)).await?;
    Ok(Swept {
        stacks: if disks > 0 { vec![stack.to_string()] } else { Vec::new() },
        disks,
        ..Swept::default()
    })
}

/// Removes the stacks whose owner is gone.
pub async fn sweep_dead(engine: &Engine) -> Result<Swept, StackError> {
    let mut swept = Swept::default();
    for (stack, owner) in Leftovers::find(engine, LABEL_STACK).await?.stacks() {
        let dead = Owner::parse(&owner).is_none_or(|owner| owner.is_dead(engine));
        if dead {
            swept.add(sweep_stack(engine, &StackId::from_label(&stack)).await?);
        }
    }
    for (stack, owner) in disk::stacks() {
        if Owner::parse(&owner).is_none_or(|owner| owner.is_dead(engine)) {
            swept.add(sweep_stack(engine, &stack).await?);
        }
    }
    Ok(swept)
}

/// Removes everything with our label, stacks in use included.
pub async fn sweep_all(engine: &Engine) -> Result<Swept, StackError> {
    let mut swept = sweep_label(engine, LABEL_STACK).await?;
    for (stack, _) in disk::stacks() {
        swept.add(sweep_disks(&stack).await?);
    }
    Ok(swept)
}

/// Removes until a pass finds nothing: the engine may still finish what it was asked to make.
async fn sweep_label(engine: &Engine, label: &str) -> Result<Swept, StackError> {
    let mut swept = Swept::default();
    let mut refused = None;
    let begun = Instant::now();
    while begun.elapsed() < SWEEP_TIMEOUT {
        let found = Leftovers::find(engine, label).await?;
        if found.is_empty() {
            return Ok(swept);
        }
        let stacks = found.stacks().into_keys().collect();
        let (removed, error) = found.remove(engine).await;
        swept.add(Swept { stacks, ..removed });
        if let Some(error) = error {
            refused = Some(error);
            tokio::time::sleep(PASS_EVERY).await;
        }
    }
    Err(refused.unwrap_or_else(|| StackError::Engine {
        doing: format!("remove everything labelled {label}"),
        cause: "new parts keep appearing".to_string(),
    }))
}

type Labels = HashMap<String, String>;

/// What carries a label, in the order of removal.
struct Leftovers {
    containers: Vec<(String, Labels)>,
    networks: Vec<(String, Labels)>,
    volumes: Vec<(String, Labels)>,
}

impl Leftovers {
    async fn find(engine: &Engine, label: &str) -> Result<Leftovers, StackError> {
        let filters = HashMap::from([("label", vec![label])]);
        let client = engine.api_client();
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let (containers, networks, volumes) = tokio::try_join!(
            client.list_containers(Some(containers)),
            client.list_networks(Some(networks)),
            client.list_volumes(Some(volumes)),
        )
        .doing(|| format!("list what is labelled {label}"))?;
        Ok(Leftovers {
            containers: containers
                .into_iter()
                .filter_map(|c| Some((c.id?, c.labels.unwrap_or_default())))
                .collect(),
            networks: networks
                .into_iter()
                .filter_map(|n| Some((n.id?, n.labels.unwrap_or_default())))
                .collect(),
            volumes: volumes
                .volumes
                .unwrap_or_default()
                .into_iter()
                .map(|v| (v.name, v.labels))
                .collect(),
        })
    }

    fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// The stacks, each with the label of its owner.
    fn stacks(&self) -> BTreeMap<String, String> {
        let all = self.containers.iter().chain(&self.networks).chain(&self.volumes);
        all.filter_map(|(_, labels)| {
            Some((
                labels.get(LABEL_STACK)?.clone(),
                labels.get(LABEL_OWNER).cloned().unwrap_or_default(),
            ))
        })
        .collect()
    }

    /// One pass; what is refused (a network whose container is just being removed) is left to the next.
    async fn remove(self, engine: &Engine) -> (Swept, Option<StackError>) {
        let client = engine.api_client();
        let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let containers = join_all(
            self.containers
                .iter()
                .map(|(id, _)| client.remove_container(id, Some(force.clone()))),
        );
        let (containers, mut error) = count(containers.await, "remove a container");
        let networks = join_all(self.networks.iter().map(|(id, _)| client.remove_network(id)));
        let (networks, network_error) = count(networks.await, "remove a network");
        let force = RemoveVolumeOptionsBuilder::new().force(true).build();
        let volumes = join_all(
            self.volumes
                .iter()
                .map(|(name, _)| client.remove_volume(name, Some(force.clone()))),
        );
        let (volumes, volume_error) = count(volumes.await, "remove a volume");
        error = error.or(network_error).or(volume_error);
        (
            Swept {
                stacks: Vec::new(),
                containers,
                networks,
                volumes,
                disks: 0,
            },
            error,
        )
    }
}

fn count(results: Vec<Result<(), bollard::errors::Error>>, deed: &str) -> (usize, Option<StackError>) {
    let mut removed = 0;
    let mut refused = None;
    for result in results {
        match result {
            Ok(()) => removed += 1,
            // Somebody else (the watchdog, another sweep) was faster.
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                refused = Some(StackError::Engine {
                    doing: deed.to_string(),
                    cause: explain(&error),
                });
            }
        }
    }
    (removed, refused)
}

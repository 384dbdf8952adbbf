//! The stack of Docker containers: parties up by probe and gone without a trace.
//! Never: leaves anything behind (it removes all that carries its label, also when dropped in a panic), publishes a
//! port, touches what carries no label of ours, or knows what runs in a container.

mod archive;
mod cgroup;
mod context;
mod disk;
mod docker;
mod doctor;
mod images;
mod kill;
mod launch;
mod leftovers;
mod limits;
mod logs;
mod machine;
mod network;
mod owner;
mod packets;
mod party;
mod power;
mod service_image;
mod stack;
mod sweep;
mod wall_clock;
mod watchdog;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use disk::Disk;
use launch::Launch;
use leftovers::Leftovers;
use logs::Logs;
use network::StackNetwork;
use power::blocking;

pub use disk::{Content, Lost};
pub use docker::Engine;
pub use doctor::{Check, CheckState, doctor, nearly_full};
pub use machine::unsupported;
pub use owner::{LABEL_OWNER, LABEL_PARTY, LABEL_STACK, StackId};
pub use service_image::{ServiceSource, service_image};
pub use sweep::{Swept, sweep, sweep_all, sweep_dead, sweep_stack};

use super::error::{self, StackError};
use super::spec::{PartySpec, Place};

/// Receives one line per step, for people who wait.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// What a stack is made of, before any party is in it.
#[derive(Clone, Default)]
pub struct StackOptions {
    /// Parties that get a file system of their own, for what can be done to a disk.
    pub disks: Vec<String>,
    /// Who is told about the steps.
    pub progress: Option<Progress>,
}

/// A stack that is up. Shared by reference between the phases and faults of a run.
pub struct ContainerStack {
    engine: Engine,
    id: StackId,
    logs: Logs,
    progress: Option<Progress>,
    parties: Mutex<BTreeMap<String, Party>>,
    networks: tokio::sync::Mutex<BTreeMap<String, StackNetwork>>,
    disks: Mutex<BTreeMap<String, Arc<Disk>>>,
    ready_after: Mutex<BTreeMap<String, Duration>>,
    /// Held while a container is given its address and started again.
    starting: tokio::sync::Mutex<()>,
    leftovers: Leftovers,
}

/// One container of the stack.
#[derive(Clone, Debug)]
struct Party {
    spec: PartySpec,
    name: String,
    container: String,
    network: String,
    address: Ipv4Addr,
    /// Whether its address is fixed (it is chosen by the engine at the first start, and fixed before the second).
    pinned: bool,
    /// Whether it was stopped on purpose.
    down_on_purpose: bool,
    /// How often it was killed.
    kills: u32,
    /// Whether its processor or memory was limited.
    limited: bool,
}

/// The network of the dependencies. No party can have this name: names of parties have no dot.
const BACKEND: &str = "net.backend";

impl ContainerStack {
    /// Sweeps what dead owners left, then makes the disks and the network of the dependencies. No party is started yet.
    pub async fn up(options: StackOptions) -> Result<ContainerStack, StackError> {
        let engine = Engine::connect().await?;
        match sweep_dead(&engine).await {
            Ok(swept) if !swept.is_empty() => say(options.progress.as_ref(), &format!("leftovers: {swept}")),
            Ok(_) => {}
            Err(error) => tracing::warn!("leftovers of earlier runs stay: {error}"),
        }
        let stack = ContainerStack::empty(engine, options.progress);
        stack.say(&format!("stack {}", stack.id));
        let made = async {
            stack.make_disks(options.disks).await?;
            network::check_is_here(&stack.network(BACKEND).await?)
        };
        match made.await {
            Ok(()) => Ok(stack),
            Err(error) => {
                stack.leftovers.remove(&stack.engine).await?;
                Err(error)
            }
        }
    }

    fn empty(engine: Engine, progress: Option<Progress>) -> ContainerStack {
        let id = StackId::fresh();
        ContainerStack {
            leftovers: Leftovers::of(&id, true),
            engine,
            id,
            logs: Logs::default(),
            progress,
            parties: Mutex::default(),
            networks: tokio::sync::Mutex::default(),
            disks: Mutex::default(),
            ready_after: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
        }
    }

    async fn make_disks(&self, parties: Vec<String>) -> Result<(), StackError> {
        for party in parties {
            let (id, name) = (self.id.clone(), party.clone());
            let disk = blocking(move || Disk::make(&id, &name)).await?;
            self.disks().insert(party, Arc::new(disk));
        }
        Ok(())
    }

    fn disk_folder(&self, party: &str) -> Option<String> {
        let disks = self.disks();
        Some(disks.get(party)?.data().display().to_string())
    }

    /// The disk of a party, where it has one of its own.
    fn disk_of(&self, party: &str) -> Option<Arc<Disk>> {
        self.disks().get(party).cloned()
    }

    /// The disks of this stack by party.
    fn disks(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Disk>>> {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its spec means for a container of this stack.
    async fn container_of(&self, spec: &PartySpec) -> Result<Launch, StackError> {
        let name = spec.name.as_str();
        let place = match spec.place {
            Place::Behind => BACKEND,
            Place::Own => name,
        };
        let mut launch = Launch {
            party: name.to_string(),
            container: self.id.name_of(name),
            image: spec.image.clone(),
            network: self.network(place).await?.name,
            labels: self.id.labels(name),
            env: spec.env.clone().into_iter().collect(),
            command: spec.command.clone(),
            hosts: spec.hosts.clone().into_iter().collect(),
            files: spec.files.clone(),
            ..Launch::default()
        };
        if let Some(data) = &spec.data {
            match self.disk_folder(name) {
                Some(folder) => launch.folder = Some((folder, data.path.clone())),
                None if data.volume => {
                    let volume = self.id.name_of(&format!("{name}-data"));
                    self.create_volume(&volume, name).await?;
                    launch.volume = Some((volume, data.path.clone()));
                }
                None => {}
            }
        }
        if spec.own_clock {
            let clock = wall_clock::own_clock()?;
            launch.env.extend(clock.env);
            launch.files.extend(clock.files);
        }
        Ok(launch)
    }

    /// Starts a container for a party that has none, and waits until it is ready.
    async fn start_container(&self, spec: PartySpec) -> Result<(), StackError> {
        let begun = Instant::now();
        let launch = self.container_of(&spec).await?;
        let (name, container, network) = (launch.party.clone(), launch.container.clone(), launch.network.clone());
        launch.start(&self.engine).await?;
        let party = Party {
            spec,
            name: name.clone(),
            container,
            network,
            address: Ipv4Addr::UNSPECIFIED,
            pinned: false,
            down_on_purpose: false,
            kills: 0,
            limited: false,
        };
        self.logs.forget(&name);
        self.logs.follow(&self.engine, &name, &party.container);
        // Known from now on, also if it ends before it can be given an address.
        self.parties().insert(name, party.clone());
        self.find_address(&party).await?;
        self.await_first_ready(&party, begun).await
    }

    async fn await_first_ready(&self, party: &Party, begun: Instant) -> Result<(), StackError> {
        super::Stack::await_ready(self, &party.name).await?;
        let took = begun.elapsed();
        self.ready_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(party.name.clone(), took);
        self.say(&format!("{} ready after {:.1} s", party.name, took.as_secs_f64()));
        Ok(())
    }

    /// The name of this stack in labels and container names.
    pub fn id(&self) -> &StackId {
        &self.id
    }

    /// The engine that it runs on.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How long each party took from its creation until it was ready for the first time.
    pub fn ready_after(&self) -> BTreeMap<String, Duration> {
        self.ready_after.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A network of this stack, made if need be.
    async fn network(&self, name: &str) -> Result<StackNetwork, StackError> {
        let mut networks = self.networks.lock().await;
        if let Some(network) = networks.get(name) {
            return Ok(network.clone());
        }
        let label = if name == BACKEND {
            BACKEND.to_string()
        } else {
            format!("net-{name}")
        };
        let network = network::create(&self.engine, &self.id, &label).await?;
        networks.insert(name.to_string(), network.clone());
        Ok(network)
    }

    fn say(&self, line: &str) {
        say(self.progress.as_ref(), line);
    }

    fn parties(&self) -> MutexGuard<'_, BTreeMap<String, Party>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn party(&self, name: &str) -> Result<Party, StackError> {
        let parties = self.parties();
        parties.get(name).cloned().ok_or_else(|| StackError::UnknownParty {
            party: name.to_string(),
            known: parties.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Party)) {
        if let Some(party) = self.parties().get_mut(name) {
            change(party);
        }
    }
}

fn say(progress: Option<&Progress>, line: &str) {
    tracing::debug!("{line}");
    if let Some(progress) = progress {
        progress(line);
    }
}

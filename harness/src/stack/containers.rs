//! The stack of containers: MySQL, name server, broker and services, up by probe and gone without a trace.
//! Never: leaves anything behind (it removes all that carries its label, also when dropped in a panic), publishes a
//! port, or touches another stack.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlPool;

use super::disk::Disk;
use super::docker::Engine;
use super::error::StackError;
use super::launch::Launch;
use super::leftovers::Leftovers;
use super::logs::Logs;
use super::network::StackNetwork;
use super::owner::StackId;
use super::power::blocking;
use super::probe::Probe;
use super::sweep::sweep_dead;
use super::{archive, images, mysql, network, rocketmq};

/// Receives one line per step, for people who wait.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// What a stack is made of.
#[derive(Clone, Default)]
pub struct StackOptions {
    /// Images by dependency (`mysql`, `rocketmq`), where the user named one.
    pub images: BTreeMap<String, String>,
    /// Parties that get a file system of their own, for what can be done to a disk.
    pub disks: Vec<String>,
    /// When `mysql` and `broker` write to their disk, where the user chose it.
    pub flush: BTreeMap<String, String>,
    /// Services that will be started: their networks are made along with the rest.
    pub services: Vec<String>,
    /// Who is told about the steps.
    pub progress: Option<Progress>,
}

/// A stack that is up. Shared by reference between the phases and faults of a run.
pub struct ContainerStack {
    pub(super) engine: Engine,
    pub(super) id: StackId,
    pub(super) logs: Logs,
    progress: Option<Progress>,
    parties: Mutex<BTreeMap<String, Party>>,
    networks: tokio::sync::Mutex<BTreeMap<String, StackNetwork>>,
    disks: Mutex<BTreeMap<String, Arc<Disk>>>,
    flush: BTreeMap<String, String>,
    ready_after: Mutex<BTreeMap<String, Duration>>,
    /// Held while a container is given its address and started again.
    pub(super) starting: tokio::sync::Mutex<()>,
    leftovers: Leftovers,
}

/// One container of the stack.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub name: String,
    pub container: String,
    pub network: String,
    pub address: Ipv4Addr,
    pub probe: Probe,
    /// Whether its address is fixed (it is chosen by the engine at the first start, and fixed before the second).
    pub pinned: bool,
    /// Whether it was stopped on purpose.
    pub down_on_purpose: bool,
    /// How often it was killed.
    pub kills: u32,
    /// Whether its processor or memory was limited.
    pub limited: bool,
}

impl ContainerStack {
    /// Sweeps what dead owners left, then brings up networks, MySQL, name server and broker side by side.
    pub async fn up(options: StackOptions) -> Result<ContainerStack, StackError> {
        let engine = Engine::connect().await?;
        match sweep_dead(&engine).await {
            Ok(swept) if !swept.is_empty() => say(options.progress.as_ref(), &format!("leftovers: {swept}")),
            Ok(_) => {}
            Err(error) => tracing::warn!("leftovers of earlier runs stay: {error}"),
        }
        let (mysql, rocketmq) = tokio::try_join!(
            images::MYSQL.resolve(&engine, &options.images),
            images::ROCKETMQ.resolve(&engine, &options.images)
        )?;

        let stack = ContainerStack::empty(engine, options.progress, options.flush);
        stack.say(&format!("stack {}: {mysql}, {rocketmq}", stack.id));
        let started = async {
            stack.make_disks(options.disks).await?;
            stack.start_dependencies(&mysql, &rocketmq, &options.services).await
        };
        match started.await {
            Ok(()) => Ok(stack),
            Err(error) => {
                stack.down().await?;
                Err(error)
            }
        }
    }

    fn empty(engine: Engine, progress: Option<Progress>, flush: BTreeMap<String, String>) -> ContainerStack {
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
            flush,
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

    async fn start_dependencies(&self, mysql: &str, rocketmq: &str, services: &[String]) -> Result<(), StackError> {
        let backend = network::create(&self.engine, &self.id, "backend").await?;
        network::check_is_here(&backend)?;
        tokio::try_join!(
            self.start_mysql(mysql, &backend),
            self.start_rocketmq(rocketmq, &backend),
            async {
                for service in services {
                    self.gateway(service).await?;
                }
                Ok(())
            }
        )?;
        Ok(())
    }

    async fn start_mysql(&self, image: &str, backend: &StackNetwork) -> Result<(), StackError> {
        let flush = self.flush.get(mysql::PARTY).map(String::as_str);
        let mut launch = mysql::launch(&self.id, image, &backend.name, flush);
        match self.disk_folder(mysql::PARTY) {
            Some(folder) => {
                launch.volume = None;
                launch.folder = Some((folder, mysql::DATA.to_string()));
            }
            None => self.create_volume(&mysql::volume(&self.id), mysql::PARTY).await?,
        }
        self.launch(launch, Probe::Mysql).await
    }

    /// The broker looks for the name server only when it has started, which takes longer than the name server.
    async fn start_rocketmq(&self, image: &str, backend: &StackNetwork) -> Result<(), StackError> {
        let begun = Instant::now();
        let namesrv = rocketmq::launch_namesrv(&self.id, image, &backend.name);
        let broker = self.broker_launch(image, &backend.name);
        let (namesrv, broker) = tokio::try_join!(
            self.start_container(namesrv, Probe::NameServer),
            self.start_container(broker, Probe::Broker)
        )?;
        tokio::try_join!(
            self.await_first_ready(&namesrv, begun),
            self.await_first_ready(&broker, begun)
        )?;
        Ok(())
    }

    /// The broker as this stack wants it.
    pub(super) fn broker_launch(&self, image: &str, network: &str) -> Launch {
        let folder = self.disk_folder(rocketmq::BROKER);
        let store = rocketmq::BrokerStore {
            flush_first: self.flush.get(rocketmq::BROKER).is_some_and(|value| value == "sync"),
            folder: folder.as_deref(),
        };
        rocketmq::launch_broker(&self.id, image, network, store)
    }

    fn disk_folder(&self, party: &str) -> Option<String> {
        let disks = self.disks();
        Some(disks.get(party)?.data().display().to_string())
    }

    /// The disk of a party, where it has one of its own.
    pub(super) fn disk_of(&self, party: &str) -> Option<Arc<Disk>> {
        self.disks().get(party).cloned()
    }

    /// The disks of this stack by party.
    pub(super) fn disks(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Disk>>> {
        self.disks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a container and waits until it is ready.
    pub(super) async fn launch(&self, launch: Launch, probe: Probe) -> Result<(), StackError> {
        let begun = Instant::now();
        let party = self.start_container(launch, probe).await?;
        self.await_first_ready(&party, begun).await
    }

    async fn start_container(&self, launch: Launch, probe: Probe) -> Result<Party, StackError> {
        let (name, container, network) = (launch.party.clone(), launch.container.clone(), launch.network.clone());
        launch.start().await?;
        let party = Party {
            probe,
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
        let address = self.find_address(&party).await?;
        Ok(Party { address, ..party })
    }

    async fn await_first_ready(&self, party: &Party, begun: Instant) -> Result<(), StackError> {
        self.await_ready(&party.name).await?;
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

    /// The host's own address in the network of `service`, where its links listen. The network is made if need be.
    pub async fn gateway(&self, service: &str) -> Result<Ipv4Addr, StackError> {
        Ok(self.service_network(service).await?.gateway)
    }

    pub(super) async fn service_network(&self, service: &str) -> Result<StackNetwork, StackError> {
        let mut networks = self.networks.lock().await;
        if let Some(network) = networks.get(service) {
            return Ok(network.clone());
        }
        let network = network::create(&self.engine, &self.id, &format!("net-{service}")).await?;
        networks.insert(service.to_string(), network.clone());
        Ok(network)
    }

    /// Makes a database and runs its schema in it.
    pub async fn create_database(&self, name: &str, schema_sql: &str) -> Result<(), StackError> {
        mysql::create_database(self.party(mysql::PARTY)?.address, name, schema_sql).await
    }

    /// Removes a database, if it is there.
    pub async fn drop_database(&self, name: &str) -> Result<(), StackError> {
        mysql::drop_database(self.party(mysql::PARTY)?.address, name).await
    }

    /// A pool straight to the database, past every link: for set-up and final reads.
    pub fn mysql_pool(&self, database: &str) -> Result<MySqlPool, StackError> {
        Ok(mysql::pool(self.party(mysql::PARTY)?.address, database))
    }

    /// The certificate of the authority that MySQL made for itself, as PEM: for services that reach it past every link.
    pub async fn mysql_certificate(&self) -> Result<Vec<u8>, StackError> {
        let container = self.party(mysql::PARTY)?.container;
        archive::read_file(&self.engine, &container, mysql::CERTIFICATE, mysql::PARTY).await
    }

    /// From now on every container's lines go to `folder`, one file per party.
    pub fn attach_logs(&self, folder: &Path) -> Result<(), StackError> {
        self.logs.attach(folder)
    }

    /// The run that attached the logs is over.
    pub fn detach_logs(&self) {
        self.logs.detach();
    }

    /// Leaves every container up when this process ends, to be looked at. The next stack, or `paytwice clean`,
    /// removes them.
    pub fn keep(&self) {
        self.leftovers.keep();
    }

    /// Removes every container, network and volume of this stack. What is left to others then fails.
    pub async fn down(&self) -> Result<(), StackError> {
        self.leftovers.remove(&self.engine).await
    }

    pub(super) fn say(&self, line: &str) {
        say(self.progress.as_ref(), line);
    }

    pub(super) fn parties(&self) -> MutexGuard<'_, BTreeMap<String, Party>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn party(&self, name: &str) -> Result<Party, StackError> {
        let parties = self.parties();
        parties.get(name).cloned().ok_or_else(|| StackError::UnknownParty {
            party: name.to_string(),
            known: parties.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Party)) {
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

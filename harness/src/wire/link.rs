//! Links: the listeners of one connection kind between two parties, and everything that lives behind them.
//!
//! Never: binds anything but the addresses it was given, or leaves a task behind once it is closed.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::WireDetail;
use super::active::{RuleGuard, RuleSet};
use super::connection::{Connection, Handle};
use super::core::{Session, WireSink};
use super::correlation::{Correlation, KeyStats, Tables};
use super::gate::{Gate, Gates, Parties};
use super::protocol::{Protocol, Terms};
use super::rule::{Action, Rule, refusal};
use super::socket::{prepare, reset};
use super::thread::WireThread;
use super::tls::Tls;

/// Pause after an error of `accept` (no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a link is to be.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// Its name: `account->mysql`.
    pub name: String,
    /// The party that connects: `account`.
    pub from: String,
    /// The gates of the run. Links with the same gates run on the same thread.
    pub gates: Gates,
    /// Which of its frames are told to the sink.
    pub detail: WireDetail,
    /// Its listeners, one for each port of the dependency that the service reaches.
    pub legs: Vec<LegSpec>,
    /// Where keys stand, and what the run's own names stand for.
    pub correlation: Correlation,
    /// Where clients learn a server's address from another one: what they are told, as the service reaches it. Port 0, or
    /// no address at all, stands for what the protocol's announced leg is bound to.
    pub advertise: Option<SocketAddr>,
}

/// One listener of a link.
#[derive(Clone, Debug)]
pub struct LegSpec {
    /// Its name within the link; any where there is one leg.
    pub name: String,
    /// Where it listens: exactly this IP address.
    pub listen: SocketAddr,
    /// Whether it must be this port. If not, a free port is taken where this one is in use.
    pub fixed_port: bool,
    /// Where it leads; None until [`Link::set_upstream`] says.
    pub upstream: Option<SocketAddr>,
    /// The party that it leads to.
    pub party: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// Ends TLS here instead of withholding it, so that the frames of a service that insists on it can be read.
    pub tls: Option<Tls>,
}

/// Why a link cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Another program has the address.
    #[error(
        "link {link}: {addr} is in use by another program; stop it (`ss -ltnp 'sport = :{port}'` shows it) or let the \
         link take a free port",
        port = .addr.port()
    )]
    InUse {
        /// The link.
        link: String,
        /// The address.
        addr: SocketAddr,
    },
    /// The address cannot be bound.
    #[error("link {link}: cannot listen on {addr}: {source}; is it an address of this machine?")]
    Bind {
        /// The link.
        link: String,
        /// The address.
        addr: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// An address that stands for every interface.
    #[error("link {link}: {addr} would listen on every interface; name one address")]
    Unspecified {
        /// The link.
        link: String,
        /// The address.
        addr: SocketAddr,
    },
    /// The thread that links run on cannot be started.
    #[error(
        "link {link}: cannot start the thread that links run on: {source}; are threads or file descriptors used up?"
    )]
    Thread {
        /// The link.
        link: String,
        /// Why not.
        source: io::Error,
    },
    /// A link whose clients would be told an address that leads nowhere.
    #[error("link {link}: it needs a leg named `{leg}`, or a full address to advertise")]
    NoAnnouncedLeg {
        /// The link.
        link: String,
        /// The name of the leg.
        leg: &'static str,
    },
}

/// What passed a link so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Connections for which the upstream could not be reached.
    pub refused: u64,
    /// Frames that were taken in.
    pub frames: u64,
    /// Bytes that were forwarded.
    pub bytes: u64,
    /// Bytes that passed without being understood, where a protocol should have.
    pub unparsed_bytes: u64,
    /// How often each key was found.
    pub keys: BTreeMap<String, KeyStats>,
}

/// A link at work. Dropping it ends it without waiting; [`Link::close`] waits.
pub struct Link {
    shared: Arc<Shared>,
    legs: Vec<Arc<Leg>>,
    closing: watch::Sender<bool>,
    listeners: JoinSet<()>,
    /// Ends when no link of the run needs it.
    _thread: Arc<WireThread>,
}

/// One listener of a link, as its connections see it.
pub(super) struct Leg {
    name: String,
    protocol: Protocol,
    tls: Option<Tls>,
    gate: Arc<Gate>,
    bound: SocketAddr,
    upstream: RwLock<Option<SocketAddr>>,
}

/// What all connections of a link share.
pub(super) struct Shared {
    name: String,
    from: Arc<Gate>,
    detail: WireDetail,
    sink: Arc<dyn WireSink>,
    terms: Arc<Terms>,
    pub(super) rules: RuleSet,
    connections: Mutex<HashMap<u64, Arc<Handle>>>,
    asides: Mutex<JoinSet<()>>,
    accepted: AtomicU64,
    refused: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    unparsed_bytes: AtomicU64,
}

impl Link {
    /// Opens every leg. The link runs on the thread of its run, whichever runtime the caller is on.
    pub async fn open(spec: LinkSpec, sink: Arc<dyn WireSink>) -> Result<Link, WireError> {
        let link = spec.name.clone();
        let failed = |source| WireError::Thread { link, source };
        let thread = match spec.gates.thread() {
            Ok(thread) => thread,
            Err(source) => return Err(failed(source)),
        };
        let opening = thread.handle().spawn(Link::open_here(spec, sink, Arc::clone(&thread)));
        opening.await.map_err(|error| failed(io::Error::other(error)))?
    }

    async fn open_here(spec: LinkSpec, sink: Arc<dyn WireSink>, thread: Arc<WireThread>) -> Result<Link, WireError> {
        let mut listeners = Vec::new();
        for leg in &spec.legs {
            listeners.push(bind(&spec.name, leg).await?);
        }
        let legs: Vec<_> = spec
            .legs
            .into_iter()
            .zip(&listeners)
            .map(|(leg, (_, bound))| Leg::new(leg, *bound, &spec.gates))
            .collect();
        let terms = Arc::new(Terms::new(
            spec.correlation,
            advertised(&spec.name, spec.advertise, &legs)?,
        ));
        let from = spec.gates.of(&spec.from);
        let shared = Arc::new(Shared::new(spec.name, Arc::clone(&from), spec.detail, sink, terms));
        from.register(&shared);
        legs.iter().for_each(|leg| leg.gate.register(&shared));
        let (closing, _) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for ((listener, _), leg) in listeners.into_iter().zip(&legs) {
            tasks.spawn(serve(
                listener,
                Arc::clone(leg),
                Arc::clone(&shared),
                closing.subscribe(),
            ));
        }
        Ok(Link {
            shared,
            legs,
            closing,
            listeners: tasks,
            _thread: thread,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The address that a leg is bound to.
    pub fn listen_addr(&self, leg: &str) -> Option<SocketAddr> {
        self.leg(leg).map(|leg| leg.bound)
    }

    /// The certificate that a service must trust to verify the link, as PEM; None where no leg ends TLS.
    pub fn authority_pem(&self) -> Option<&str> {
        self.legs.iter().find_map(|leg| leg.tls()).map(Tls::authority_pem)
    }

    /// The addresses that its legs are bound to.
    pub fn listen_addrs(&self) -> Vec<SocketAddr> {
        self.legs.iter().map(|leg| leg.bound).collect()
    }

    /// Has new connections of a leg lead elsewhere (a container that was restarted has a new address). False where
    /// there is no such leg.
    pub fn set_upstream(&self, leg: &str, upstream: SocketAddr) -> bool {
        let Some(leg) = self.leg(leg) else {
            return false;
        };
        *leg.upstream.write().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
        true
    }

    /// Tells the link the columns of the tables behind it, so that it finds keys in rows that name no column.
    pub fn learn_tables(&self, tables: Tables) {
        self.shared.terms.finder().learn(tables);
    }

    /// Puts a rule in force until its guard is dropped.
    pub fn install(&self, rule: Rule) -> RuleGuard {
        let resets = rule.at.is_none() && matches!(rule.action, Action::Reset { .. });
        let rule = self.shared.rules.add(rule);
        if resets {
            let connections = self.shared.connections();
            rule.counters
                .reset
                .fetch_add(connections.len() as u64, Ordering::Relaxed);
            connections.values().for_each(|connection| connection.reset());
        } else {
            self.shared.wake();
        }
        let shared = Arc::clone(&self.shared);
        RuleGuard::new(rule, move |rule| {
            shared.rules.remove(rule);
            shared.wake();
        })
    }

    /// What passed so far.
    pub fn stats(&self) -> LinkStats {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        LinkStats {
            connections: get(&self.shared.accepted),
            open: self.shared.connections().len() as u64,
            refused: get(&self.shared.refused),
            frames: get(&self.shared.frames),
            bytes: get(&self.shared.bytes),
            unparsed_bytes: get(&self.shared.unparsed_bytes),
            keys: self.shared.terms.finder().stats(),
        }
    }

    /// Ends every listener and connection; nothing of the link runs any more when this returns.
    pub async fn close(mut self) {
        self.closing.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        let mut asides = std::mem::take(&mut *self.shared.asides());
        asides.shutdown().await;
    }

    fn leg(&self, name: &str) -> Option<&Arc<Leg>> {
        self.legs.iter().find(|leg| leg.name == name)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.asides().abort_all();
    }
}

impl Leg {
    fn new(spec: LegSpec, bound: SocketAddr, gates: &Gates) -> Arc<Leg> {
        Arc::new(Leg {
            name: spec.name,
            gate: gates.of(&spec.party),
            protocol: spec.protocol,
            tls: spec.tls,
            bound,
            upstream: RwLock::new(spec.upstream),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How TLS is ended on this leg.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn upstream(&self) -> Option<SocketAddr> {
        *self.upstream.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh session of this leg's protocol.
    pub(super) fn session(&self, shared: &Shared) -> Box<dyn Session> {
        self.protocol.session(&shared.terms, self.tls.is_some())
    }
}

impl Shared {
    fn new(name: String, from: Arc<Gate>, detail: WireDetail, sink: Arc<dyn WireSink>, terms: Arc<Terms>) -> Shared {
        Shared {
            name,
            from,
            detail,
            sink,
            terms,
            rules: RuleSet::default(),
            connections: Mutex::default(),
            asides: Mutex::default(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            unparsed_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn detail(&self) -> WireDetail {
        self.detail
    }

    pub(super) fn sink(&self) -> &Arc<dyn WireSink> {
        &self.sink
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_unparsed(&self, bytes: u64) {
        self.unparsed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Runs something that belongs to the link but to no connection.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut asides = self.asides();
        while asides.try_join_next().is_some() {}
        asides.spawn(task);
    }

    /// Has every connection look at its rules and gates again.
    pub(super) fn wake(&self) {
        self.for_each_connection(Handle::wake);
    }

    pub(super) fn for_each_connection(&self, mut f: impl FnMut(&Handle)) {
        self.connections().values().for_each(|connection| f(connection));
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Arc<Handle>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asides(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.asides.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn bind(link: &str, leg: &LegSpec) -> Result<(TcpListener, SocketAddr), WireError> {
    let (link, addr) = (link.to_owned(), leg.listen);
    if addr.ip().is_unspecified() {
        return Err(WireError::Unspecified { link, addr });
    }
    let bound = match TcpListener::bind(addr).await {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse && !leg.fixed_port => {
            TcpListener::bind(SocketAddr::new(addr.ip(), 0)).await
        }
        other => other,
    };
    let bound = bound.and_then(|listener| listener.local_addr().map(|addr| (listener, addr)));
    bound.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => WireError::InUse { link, addr },
        _ => WireError::Bind { link, addr, source },
    })
}

/// The address that answers name; None for a link whose protocols announce none.
fn advertised(link: &str, wanted: Option<SocketAddr>, legs: &[Arc<Leg>]) -> Result<Option<SocketAddr>, WireError> {
    let Some(announced) = legs.iter().find_map(|leg| leg.protocol.announced_leg()) else {
        return Ok(None);
    };
    let bound = legs.iter().find(|leg| leg.name == announced).map(|leg| leg.bound);
    match (wanted, bound) {
        (Some(addr), _) if addr.port() != 0 => Ok(Some(addr)),
        (Some(addr), Some(bound)) => Ok(Some(SocketAddr::new(addr.ip(), bound.port()))),
        (None, Some(bound)) => Ok(Some(bound)),
        (_, None) => Err(WireError::NoAnnouncedLeg {
            link: link.to_owned(),
            leg: announced,
        }),
    }
}

/// Accepts connections until the link closes, and takes its connections with it.
async fn serve(listener: TcpListener, leg: Arc<Leg>, shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = async { let _ = closing.wait_for(|closing| *closing).await; } => break,
            Some(ended) = connections.join_next() => if let Err(error) = ended {
                tracing::error!(link = shared.name(), %error, "a connection of the link failed");
            },
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => admit(client, &leg, &shared, &mut connections),
                Err(error) => {
                    tracing::warn!(link = shared.name(), %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

fn admit(client: TcpStream, leg: &Arc<Leg>, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    let number = shared.accepted.fetch_add(1, Ordering::Relaxed) + 1;
    let handle = Arc::new(Handle::new(Parties {
        from: Arc::clone(&shared.from),
        to: Arc::clone(&leg.gate),
    }));
    // From here on a reset rule that is installed finds it; one that is in force already is found below.
    shared.connections().insert(number, Arc::clone(&handle));
    let registered = Registered {
        shared: Arc::clone(shared),
        number,
    };
    if let Some(rule) = refusal(&shared.rules.get()) {
        rule.counters.refused.fetch_add(1, Ordering::Relaxed);
        reset(&client);
        return;
    }
    if prepare(&client).is_err() {
        return; // It is gone already.
    }
    let connection = Connection::new(Arc::clone(shared), Arc::clone(leg), number, handle, client);
    connections.spawn(async move {
        connection.run().await;
        drop(registered);
    });
}

/// Takes a connection off the list when it ends, however it ends.
struct Registered {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.connections().remove(&self.number);
    }
}

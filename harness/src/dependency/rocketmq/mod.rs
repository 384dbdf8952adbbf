//! RocketMQ: a name server and a broker.
//!
//! The parties are `broker` and `namesrv` where it is the only one of its kind, else `NAME-broker` and `NAME-namesrv`; with
//! a `replica` in the manifest there is `broker-replica`, too. Links lead to the primary alone: route answers name no other.
//! Never: lets the broker drop a half message after a few checks (a loss that no service could help).

mod admin;
mod client;
mod counters;
mod launch;
mod points;
mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::manifest::Dependency;
use super::{Declared, Kind, LaunchOptions, Leg, PartyDef, PartyKind, PointsOf, Server};
use crate::remoting::codes;
use crate::stack::{ImageChoice, PartySpec, Stack};
use crate::wire::{Ask, BROKER_LEG, PointDef, Protocol};

pub use admin::{Admin, BrokerRoute};
pub use client::{Client, RemotingError, Response};
pub use counters::Counters;

const NAME_SERVER_PORT: u16 = 9876;
const BROKER_PORT: u16 = 10911;
/// Where the broker listens for clients that have their VIP channel on: they reckon it from the port in the route answer.
const VIP_PORT: u16 = BROKER_PORT - 2;
/// When the broker writes to its disk; the first is the default.
const FLUSH: &[&str] = &["async", "sync"];

/// RocketMQ.
#[derive(Debug)]
pub(super) struct RocketMq;

/// The names of the parties of one RocketMQ.
#[derive(Clone, Debug)]
struct Parties {
    broker: String,
    /// Keeps a copy of what the broker has, where the manifest says so.
    replica: Option<String>,
    name_server: String,
}

impl Parties {
    fn of(of: Declared<'_>) -> Parties {
        let name = |part: &str| match of.alone {
            true => part.to_owned(),
            false => format!("{}-{part}", of.name),
        };
        Parties {
            broker: name("broker"),
            replica: of.entry.replica.map(|_| name("broker-replica")),
            name_server: name("namesrv"),
        }
    }
}

impl Kind for RocketMq {
    fn name(&self) -> &'static str {
        "rocketmq"
    }

    fn image(&self) -> Option<ImageChoice> {
        Some(ImageChoice {
            kind: "rocketmq",
            official: "apache/rocketmq:5.3.2",
            local: "paytwice/rocketmq:local",
            variable: "PAYTWICE_ROCKETMQ_IMAGE",
        })
    }

    /// The broker's `diskSpaceWarningLevelRatio`, whose default is 0.90.
    fn refuses_writes_from_percent(&self) -> Option<u64> {
        Some(90)
    }

    fn port(&self) -> Option<u16> {
        Some(NAME_SERVER_PORT)
    }

    fn keys(&self) -> &'static [&'static str] {
        &["topics", "groups", "config", "replica"]
    }

    fn check(&self, key: &str, entry: &Dependency) -> Vec<String> {
        let wrong = entry.config.keys().filter(|name| !launch::can_be_set(name));
        let wrong = wrong.map(|name| {
            format!(
                "{key}.config.{name} is set by paytwice itself (addresses, names and paths of the broker); leave it out"
            )
        });
        wrong.collect()
    }

    fn parties(&self, of: Declared<'_>) -> Vec<PartyDef> {
        let names = Parties::of(of);
        let party = |name: String, kind, recovery_ms| PartyDef {
            name,
            kind,
            of: of.name.to_owned(),
            has_data: false,
            flush: &[],
            kill_ms: (1000, 2000),
            pause_ms: (1500, 3000),
            recovery_ms,
        };
        let broker = |name| PartyDef {
            has_data: true,
            flush: FLUSH,
            ..party(name, PartyKind::Queue, 5000)
        };
        let mut parties = vec![broker(names.broker)];
        parties.extend(names.replica.map(broker));
        parties.push(party(names.name_server, PartyKind::Directory, 2500));
        parties
    }

    fn protocol(&self) -> Protocol {
        Protocol::RocketMq
    }

    fn legs(&self, of: Declared<'_>) -> Vec<Leg> {
        let names = Parties::of(of);
        let name_server = Leg {
            name: "name-server".to_owned(),
            party: names.name_server,
            port: NAME_SERVER_PORT,
            usual_port: of.entry.port(),
            protocol: Protocol::RocketMq,
            announced: false,
        };
        // Clients learn the broker's port from the route answer.
        let broker = Leg {
            name: BROKER_LEG.to_owned(),
            party: names.broker,
            port: BROKER_PORT,
            usual_port: BROKER_PORT,
            protocol: Protocol::RocketMq,
            announced: true,
        };
        let vip = Leg {
            name: "broker-vip".to_owned(),
            port: VIP_PORT,
            usual_port: VIP_PORT,
            ..broker.clone()
        };
        vec![name_server, broker, vip]
    }

    /// Name servers see no messages.
    fn behind(&self, of: Declared<'_>) -> String {
        Parties::of(of).broker
    }

    fn points(&self, of: &PointsOf<'_>) -> BTreeSet<PointDef> {
        points::points(of)
    }

    fn question(&self, addr: SocketAddr) -> Arc<dyn Ask> {
        Arc::new(WhichBrokers { addr })
    }

    fn launch(&self, of: Declared<'_>, image: &str, stack: &dyn Stack, options: &LaunchOptions) -> Vec<PartySpec> {
        let names = Parties::of(of);
        let mut specs = vec![launch::name_server(&names, image)];
        specs.extend(launch::brokers(&names, image, of.entry, stack, options));
        specs
    }

    fn server(&self, of: Declared<'_>, stack: &Arc<dyn Stack>) -> Arc<dyn Server> {
        Arc::new(server::RocketMqServer::new(Parties::of(of), stack))
    }
}

/// A question to a name server.
struct WhichBrokers {
    addr: SocketAddr,
}

#[async_trait]
impl Ask for WhichBrokers {
    async fn ask(&self, patience: Duration) -> Result<(), String> {
        let client = Client::connect(self.addr, patience).await.map_err(|e| e.to_string())?;
        let answer = client.request(codes::GET_BROKER_CLUSTER_INFO, &[], b"").await;
        answer.map(|_| ()).map_err(|e| e.to_string())
    }
}

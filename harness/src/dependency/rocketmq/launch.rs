//! How name server and broker are started, and how they are asked whether they serve.
//! Never: leaves a broker to a setting that would drop messages in silence.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;

use super::super::LaunchOptions;
use super::client::Client;
use super::{BROKER_PORT, NAME_SERVER_PORT, Parties};
use crate::dependency::manifest::{Dependency, Synchrony};
use crate::remoting::codes;
use crate::stack::{DataFolder, Health, PartySpec, Stack};

/// Where the broker's store is.
pub(super) const STORE: &str = "/home/rocketmq/store";
const BROKER_CONF: &str = "/tmp/paytwice-broker.conf";
/// Bounds one question; the stack's own bound is shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// The official image chooses G1 and touches its whole heap: both are undone. TLS is not spoken here, and would cost
/// each start a fresh certificate.
const JAVA: &str =
    "-Dtls.server.mode=disabled -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-AlwaysPreTouch -Xshare:auto";
const NAME_SERVER_HEAP: &str = "-Xms64m -Xmx256m -Xmn32m";
const BROKER_HEAP: &str = "-Xms256m -Xmx512m -Xmn128m -XX:MaxDirectMemorySize=512m";

/// What a manifest cannot set: links, probes and disks stand on it.
const FIXED: [&str; 9] = [
    "brokerClusterName",
    "brokerName",
    "brokerId",
    "brokerRole",
    "flushDiskType",
    "storePathRootDir",
    "storePathCommitLog",
    "listenPort",
    "brokerIP1",
];

/// Retries start at level 3; levels a second apart keep them quick. Checks of half messages end only after hours.
/// The broker announces its container's address, which a restart keeps. The flush of transaction metrics would spin
/// for its first seconds without an interval, and the timer wheel (delays by level do without it) would never rest.
///
/// Resolved half messages are marked one by one (a size of 1 wakes the marking at each) and never by interval: once
/// nothing was marked for an interval, the marking thread of brokers up to 5.5.0 at least spins and takes a whole core
/// (apache/rocketmq issue 10966).
const CONF: &str = "\
brokerClusterName=DefaultCluster
brokerName=broker-a
autoCreateTopicEnable=false
registerNameServerPeriod=10000
transactionTimeOut=2000
transactionCheckInterval=1000
transactionOpMsgMaxSize=1
transactionOpBatchInterval=86400000
transactionCheckMax=10000
mappedFileSizeCommitLog=67108864
mappedFileSizeConsumeQueue=300000
diskMaxUsedSpaceRatio=98
transactionMetricFlushInterval=1000
timerWheelEnable=false
messageDelayLevel=1s 2s 3s 4s 5s 6s 7s 8s 9s 10s 11s 12s 13s 14s 15s 16s 17s 18s
";

/// Whether a manifest may set that value of the broker.
pub(super) fn can_be_set(name: &str) -> bool {
    !FIXED.contains(&name)
}

/// The name server.
pub(super) fn name_server(names: &Parties, image: &str) -> PartySpec {
    let mut spec = PartySpec::new(&names.name_server, image, NameServerServes);
    spec.command = words("sh mqnamesrv");
    spec.env = [java(NAME_SERVER_HEAP)].into();
    spec
}

/// The broker, and its replica where it has one. They look for the name server only when they have started, which takes
/// longer than the name server.
pub(super) fn brokers(
    names: &Parties,
    image: &str,
    entry: &Dependency,
    stack: &dyn Stack,
    options: &LaunchOptions,
) -> Vec<PartySpec> {
    let name_server = stack.host_name(&names.name_server);
    let broker = |party: &String, role: Role| {
        let health = BrokerServes {
            name_server: names.name_server.clone(),
        };
        let mut spec = PartySpec::new(party, image, health);
        spec.command = words(&format!(
            "sh mqbroker -n {name_server}:{NAME_SERVER_PORT} -c {BROKER_CONF}"
        ));
        spec.env = [java(BROKER_HEAP)].into();
        let flush = options.flush.get(party).map(String::as_str);
        spec.files = vec![(BROKER_CONF.to_owned(), conf(entry, role, flush).into_bytes())];
        spec.data = Some(DataFolder {
            path: STORE.to_owned(),
            volume: false,
        });
        spec
    };
    let mut specs = vec![broker(&names.broker, Role::Primary)];
    specs.extend(names.replica.iter().map(|party| broker(party, Role::Replica)));
    specs
}

/// What a broker is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Primary,
    Replica,
}

/// The later of two lines for one value wins.
fn conf(entry: &Dependency, role: Role, flush: Option<&str>) -> String {
    let replica = entry.replica.unwrap_or_default();
    let (id, role, usual) = match (role, replica.replication) {
        (Role::Replica, _) => (1, "SLAVE", replica.flush),
        (Role::Primary, Synchrony::Sync) => (0, "SYNC_MASTER", Synchrony::Async),
        (Role::Primary, Synchrony::Async) => (0, "ASYNC_MASTER", Synchrony::Async),
    };
    let flush = match flush.map_or(usual == Synchrony::Sync, |flush| flush == "sync") {
        true => "SYNC_FLUSH",
        false => "ASYNC_FLUSH",
    };
    let mut conf = format!(
        "{CONF}brokerId={id}\nbrokerRole={role}\nflushDiskType={flush}\n\
         storePathRootDir={STORE}\nstorePathCommitLog={STORE}/commitlog\n"
    );
    if replica.replication == Synchrony::Sync {
        // Brokers from 5.0 on count themselves: with one in sync they would wait for nobody.
        conf.push_str("inSyncReplicas=2\n");
    }
    for (name, value) in &entry.config {
        conf.push_str(&format!("{name}={value}\n"));
    }
    conf
}

/// Ready when it lists its brokers.
#[derive(Debug)]
struct NameServerServes;

#[async_trait]
impl Health for NameServerServes {
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let addr = address(stack, party, NAME_SERVER_PORT)?;
        request(addr, codes::GET_BROKER_CLUSTER_INFO, b"").await.map(drop)
    }
}

/// Ready when it answers, and the name server leads to it.
#[derive(Debug)]
struct BrokerServes {
    name_server: String,
}

#[async_trait]
impl Health for BrokerServes {
    /// A broker that starts quickly registers before it has looked for the name server, in vain, and again only after
    /// 10 s. Setting its permission to what it is makes it register at once.
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let addr = address(stack, party, BROKER_PORT)?;
        request(addr, codes::GET_BROKER_RUNTIME_INFO, b"").await?;
        let name_server = address(stack, &self.name_server, NAME_SERVER_PORT)?;
        let brokers = request(name_server, codes::GET_BROKER_CLUSTER_INFO, b"").await;
        let brokers = brokers.map_err(|error| format!("the name server: {error}"))?;
        if String::from_utf8_lossy(&brokers).contains(&format!("\"{addr}\"")) {
            return Ok(());
        }
        request(addr, codes::UPDATE_BROKER_CONFIG, b"brokerPermission=6\n").await?;
        Err(format!("the name server does not list {addr} yet"))
    }

    /// RocketMQ 5.5 writes through a mapping of its log, where a full disk is a fault of memory that it does not
    /// recover from.
    fn hurt_by_a_full_disk(&self) -> Option<&'static str> {
        Some("its log may have a hole")
    }
}

async fn request(addr: SocketAddr, code: i32, body: &[u8]) -> Result<Vec<u8>, String> {
    let client = Client::connect(addr, PATIENCE).await.map_err(|e| e.to_string())?;
    let response = client.request(code, &[], body).await.map_err(|e| e.to_string())?;
    let response = response.success().map_err(|e| e.to_string())?;
    Ok(response.body().to_vec())
}

fn address(stack: &dyn Stack, party: &str, port: u16) -> Result<SocketAddr, String> {
    stack.addr(party, port).map_err(|e| e.to_string())
}

fn java(heap: &str) -> (String, String) {
    ("JAVA_OPT_EXT".to_owned(), format!("{heap} {JAVA}"))
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Dependency {
        toml::from_str(text).unwrap()
    }

    fn has(conf: &str, lines: &[&str]) -> bool {
        lines.iter().all(|wanted| conf.lines().any(|line| line == *wanted))
    }

    #[test]
    fn a_broker_alone_waits_for_nobody() {
        let alone = entry("kind = 'rocketmq'\nconfig = { diskMaxUsedSpaceRatio = 90 }");
        let text = conf(&alone, Role::Primary, None);
        assert!(
            has(
                &text,
                &["brokerId=0", "brokerRole=ASYNC_MASTER", "flushDiskType=ASYNC_FLUSH"]
            ),
            "{text}"
        );
        assert!(
            text.ends_with("diskMaxUsedSpaceRatio=90\n") && !text.contains("inSyncReplicas"),
            "{text}"
        );
        assert!(has(
            &conf(&alone, Role::Primary, Some("sync")),
            &["flushDiskType=SYNC_FLUSH"]
        ));
    }

    #[test]
    fn a_pair_is_told_how_to_replicate_and_when_to_flush() {
        let pair = entry("kind = 'rocketmq'\nreplica = { replication = 'sync', flush = 'sync' }");
        let (primary, replica) = (conf(&pair, Role::Primary, None), conf(&pair, Role::Replica, None));
        let lines = [
            "brokerRole=SYNC_MASTER",
            "flushDiskType=ASYNC_FLUSH",
            "inSyncReplicas=2",
        ];
        assert!(has(&primary, &lines), "{primary}");
        assert!(
            has(
                &replica,
                &["brokerId=1", "brokerRole=SLAVE", "flushDiskType=SYNC_FLUSH"]
            ),
            "{replica}"
        );
        assert!(has(
            &conf(&pair, Role::Replica, Some("async")),
            &["flushDiskType=ASYNC_FLUSH"]
        ));
    }
}

//! RocketMQ of the stack: name server and broker, and how they are started.
//! Never: lets the broker drop a half message after a few checks (a loss that no service could help).

use bollard::query_parameters::RemoveContainerOptionsBuilder;

use super::containers::ContainerStack;
use super::error::{Doing, StackError};
use super::launch::Launch;
use super::owner::StackId;
use super::power::blocking;
use super::probe::{NAMESRV_PORT, Probe};

pub(super) const NAMESRV: &str = "namesrv";
pub(super) const BROKER: &str = "broker";
/// Where the images keep the broker's log files.
pub(super) const BROKER_LOGS: &str = "/home/rocketmq/logs/rocketmqlogs";

/// Where the broker's store is when it has a disk of its own.
pub(super) const BROKER_STORE: &str = "/home/rocketmq/store";
/// Where it writes down how far each group has come.
pub(super) const BROKER_OFFSETS: &str = "/home/rocketmq/store/config/consumerOffset.json";
const BROKER_CONF: &str = "/tmp/paytwice-broker.conf";

/// The official image chooses G1 and touches its whole heap: both are undone. TLS is not spoken here, and would cost
/// each start a fresh certificate.
const JAVA: &str =
    "-Dtls.server.mode=disabled -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-AlwaysPreTouch -Xshare:auto";
const NAMESRV_HEAP: &str = "-Xms64m -Xmx256m -Xmn32m";
const BROKER_HEAP: &str = "-Xms256m -Xmx512m -Xmn128m -XX:MaxDirectMemorySize=512m";

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
brokerId=0
brokerRole=ASYNC_MASTER
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

pub(super) fn launch_namesrv(stack: &StackId, image: &str, network: &str) -> Launch {
    Launch {
        command: words("sh mqnamesrv"),
        env: java(NAMESRV_HEAP),
        ..base(stack, NAMESRV, image, network)
    }
}

/// What a broker does with its disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BrokerStore<'a> {
    /// Whether a message is on the disk before it is acknowledged.
    pub(super) flush_first: bool,
    /// The folder that holds the store, where it has a disk of its own.
    pub(super) folder: Option<&'a str>,
}

pub(super) fn launch_broker(stack: &StackId, image: &str, network: &str, store: BrokerStore<'_>) -> Launch {
    let namesrv = stack.name_of(NAMESRV);
    let flush = if store.flush_first { "SYNC_FLUSH" } else { "ASYNC_FLUSH" };
    let mut conf = format!("{CONF}flushDiskType={flush}\n");
    if store.folder.is_some() {
        conf.push_str(&format!(
            "storePathRootDir={BROKER_STORE}\nstorePathCommitLog={BROKER_STORE}/commitlog\n"
        ));
    }
    Launch {
        command: words(&format!("sh mqbroker -n {namesrv}:{NAMESRV_PORT} -c {BROKER_CONF}")),
        env: java(BROKER_HEAP),
        files: vec![(BROKER_CONF.to_string(), conf.into_bytes())],
        folder: store
            .folder
            .map(|folder| (folder.to_string(), BROKER_STORE.to_string())),
        ..base(stack, BROKER, image, network)
    }
}

impl ContainerStack {
    /// Replaces the broker by a fresh one with an empty store, and waits until it is ready.
    pub async fn renew_broker(&self) -> Result<(), StackError> {
        let old = self.party(BROKER)?;
        let image = self
            .engine
            .inspect(&old.container)
            .await?
            .config
            .and_then(|config| config.image);
        let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self
            .engine
            .api_client()
            .remove_container(&old.container, Some(force))
            .await;
        removed.doing(|| format!("remove {BROKER}"))?;
        if let Some(disk) = self.disk_of(BROKER) {
            blocking(move || disk.renew()).await?;
        }
        let broker = self.broker_launch(&image.unwrap_or_default(), &old.network);
        self.launch(broker, Probe::Broker).await
    }
}

fn base(stack: &StackId, party: &str, image: &str, network: &str) -> Launch {
    Launch {
        party: party.to_string(),
        container: stack.name_of(party),
        image: image.to_string(),
        network: network.to_string(),
        labels: stack.labels(party),
        ..Launch::default()
    }
}

fn java(heap: &str) -> Vec<(String, String)> {
    vec![("JAVA_OPT_EXT".to_string(), format!("{heap} {JAVA}"))]
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_string).collect()
}

//! A link to a real broker, and a small producer and consumer that go through it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use paytwice::dependency::rocketmq::{Admin, Client, Counters, RemotingError, Response};
use paytwice::plan::{Direction, Duplicated, WireDetail};
use paytwice::remoting::{Records, codes};
use paytwice::stack::{ContainerStack, Stack as _};
use paytwice::wire::{Action, At, Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, Rule, RuleGuard};

use super::{Seen, leg, rule};

pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// The run's own names, and the manifest's.
pub(crate) const TOPIC: &str = "topic_notifymsg__r7";
pub(crate) const SHOWN: &str = "topic_notifymsg";
pub(crate) const GROUP: &str = "consumer_group__r7";
pub(crate) const PRODUCERS: &str = "producer_group__r7";

/// A link to a real broker, and what is asked of both.
pub(crate) struct Bench {
    pub(crate) admin: Admin,
    pub(crate) link: Link,
    pub(crate) gates: Gates,
    pub(crate) name_server: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl Bench {
    pub(crate) async fn open(stack: &ContainerStack) -> Bench {
        let (name_server, broker) = (
            stack.addr("namesrv", 9876).unwrap(),
            stack.addr("broker", 10911).unwrap(),
        );
        let admin = Admin::connect(broker).await.unwrap();
        admin.create_topic(TOPIC, 1, true).await.unwrap();
        admin.create_topic(TOPIC, 1, true).await.expect("again");
        admin.create_group(GROUP).await.unwrap();
        let correlation = Correlation {
            names: [(TOPIC, SHOWN), (GROUP, "consumer_group")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .into(),
            ..Correlation::default()
        };
        let correlation = correlation.with_key("tx", &["message:key", "message:/tx_no"]).unwrap();
        let seen = Seen::new();
        let gates = Gates::default();
        let spec = LinkSpec {
            name: "pay->rocketmq".to_owned(),
            from: "pay".to_owned(),
            gates: gates.clone(),
            detail: WireDetail::Points,
            legs: vec![
                leg("name-server", name_server, Protocol::RocketMq),
                LegSpec {
                    party: "broker".to_owned(),
                    ..leg("broker", broker, Protocol::RocketMq)
                },
                LegSpec {
                    party: "broker".to_owned(),
                    ..leg("broker-vip", stack.addr("broker", 10909).unwrap(), Protocol::RocketMq)
                },
            ],
            correlation,
            advertise: None,
        };
        let sink: Arc<Seen> = Arc::clone(&seen);
        let link = Link::open(spec, sink).await.unwrap();
        Bench {
            admin,
            link,
            gates,
            name_server,
            seen,
        }
    }

    /// A client that goes through the link.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.link.listen_addr("broker").unwrap(), PATIENCE)
            .await
            .unwrap()
    }

    pub(crate) async fn stored(&self) -> i64 {
        self.admin.max_offsets(TOPIC, 1).await.unwrap()[0]
    }

    /// The broker shows a message in its queue a moment after it has acknowledged it.
    pub(crate) async fn until_stored(&self, count: i64) {
        let begun = Instant::now();
        while self.stored().await < count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count} stored", self.stored().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.stored().await, count);
    }

    pub(crate) async fn counters(&self) -> Counters {
        self.admin.counters(GROUP, TOPIC).await.unwrap()
    }

    /// A rule at a point of the link.
    pub(crate) fn at(&self, at: At, action: Action) -> RuleGuard {
        self.link.install(Rule {
            at: Some(at),
            direction: Direction::Both,
            action,
            seed: 7,
        })
    }

    pub(crate) fn duplicate(&self, what: Duplicated) -> RuleGuard {
        self.link.install(rule(
            Direction::Both,
            Action::Duplicate {
                what: Some(what),
                share: 1.0,
                copies: 1,
                after: Duration::ZERO,
            },
        ))
    }

    pub(crate) async fn until_counters(&self, what: &str, good: impl Fn(&Counters) -> bool) -> Counters {
        let begun = Instant::now();
        loop {
            let counters = self.counters().await;
            if good(&counters) {
                eprintln!("{what} after {} ms: {counters:?}", begun.elapsed().as_millis());
                return counters;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}: {counters:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The broker discards half messages that were born before its files' reserved time: no made-up date will do.
#[expect(clippy::disallowed_methods, reason = "the broker compares it with its own clock")]
fn born_now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_millis().to_string()
}

/// Stores what a producer of today sends to a topic: request code, system flag, properties, body.
pub(crate) async fn send_v2(
    client: &Client,
    topic: &str,
    (code, batch): (i32, bool),
    sysflag: &str,
    properties: &str,
    body: &[u8],
) -> Result<Response, RemotingError> {
    let born = born_now();
    let fields = [
        ("a", PRODUCERS),
        ("b", topic),
        ("c", "TBW102"),
        ("d", "4"),
        ("e", "0"),
        ("f", sysflag),
        ("g", &born),
        ("h", "0"),
        ("i", properties),
        ("j", "0"),
        ("k", "false"),
        ("m", if batch { "true" } else { "false" }),
    ];
    client.request(code, &fields, body).await?.success()
}

/// A message of a batch as a producer writes it.
pub(crate) fn batched(properties: &str, body: &[u8]) -> Vec<u8> {
    let size = (22 + body.len() + properties.len()) as u32;
    let (body_bytes, properties_bytes) = (body.len() as u32, properties.len() as u16);
    [
        &size.to_be_bytes()[..],
        &[0; 12],
        &body_bytes.to_be_bytes(),
        body,
        &properties_bytes.to_be_bytes(),
        properties.as_bytes(),
    ]
    .concat()
}

/// Takes a message from a queue as POP consumers do; the answer.
pub(crate) async fn pop(client: &Client, topic: &str, group: &str) -> Response {
    let born = born_now();
    let fields = [
        ("consumerGroup", group),
        ("topic", topic),
        ("queueId", "0"),
        ("maxMsgNums", "8"),
        ("invisibleTime", "60000"),
        ("pollTime", "2000"),
        ("bornTime", &born),
        ("initMode", "0"),
        ("expType", "TAG"),
        ("exp", "*"),
    ];
    client.request(codes::POP_MESSAGE, &fields, b"").await.unwrap()
}

/// Stores one message; `half` as the half of a transaction.
pub(crate) async fn send(client: &Client, tx: &str, half: bool) -> Result<Response, RemotingError> {
    let tran = if half { "TRAN_MSG\u{1}true\u{2}" } else { "" };
    let properties =
        format!("KEYS\u{1}{tx}\u{2}UNIQ_KEY\u{1}U-{tx}\u{2}PGROUP\u{1}{PRODUCERS}\u{2}{tran}WAIT\u{1}true");
    let born = born_now();
    let fields = [
        ("producerGroup", PRODUCERS),
        ("topic", TOPIC),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("queueId", "0"),
        ("sysFlag", if half { "4" } else { "0" }),
        ("bornTimestamp", &born),
        ("flag", "0"),
        ("properties", &properties),
        ("reconsumeTimes", "0"),
        ("unitMode", "false"),
        ("batch", "false"),
    ];
    let body = format!(r#"{{"tx_no":"{tx}"}}"#);
    client
        .request(codes::SEND_MESSAGE, &fields, body.as_bytes())
        .await?
        .success()
}

pub(crate) async fn commit(client: &Client, tx: &str, sent: &Response) {
    let field = |name: &str| sent.header().field(name).unwrap().to_owned();
    let log_offset = i64::from_str_radix(&field("msgId")[16..], 16).unwrap().to_string();
    let (id, offset) = (format!("U-{tx}"), field("queueOffset"));
    let fields = [
        ("producerGroup", PRODUCERS),
        ("tranStateTableOffset", &offset),
        ("commitLogOffset", &log_offset),
        ("commitOrRollback", "8"),
        ("fromTransactionCheck", "false"),
        ("msgId", &id),
        ("transactionId", &id),
    ];
    client.oneway(codes::END_TRANSACTION, &fields, b"").await.unwrap();
}

/// Asks for messages; with `suspend` the broker waits until there is one.
async fn ask(client: &Client, topic: &str, offset: i64, max: u32, suspend: bool) -> Response {
    let (offset, max) = (offset.to_string(), max.to_string());
    let (flags, wait_ms) = if suspend { ("6", "15000") } else { ("4", "0") };
    let fields = [
        ("consumerGroup", GROUP),
        ("topic", topic),
        ("queueId", "0"),
        ("queueOffset", &offset),
        ("maxMsgNums", &max),
        ("sysFlag", flags),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", wait_ms),
        ("subscription", "*"),
        ("subVersion", "0"),
        ("expressionType", "TAG"),
    ];
    client.request(codes::PULL_MESSAGE, &fields, b"").await.unwrap()
}

/// A pull that waits at the broker for the first message of a topic; the code of its answer.
pub(crate) async fn pull_and_wait(client: &Client, topic: &str) -> i32 {
    ask(client, topic, 0, 1, true).await.code()
}

/// The code of a pull of one message.
pub(crate) async fn pull_one(client: &Client, offset: i64) -> i32 {
    ask(client, TOPIC, offset, 1, false).await.code()
}

/// One pull: the keys that came, and where to go on.
pub(crate) async fn pull(client: &Client, offset: i64, max: u32) -> (Vec<String>, i64) {
    let response = ask(client, TOPIC, offset, max, false).await;
    let next = response.header().number("nextBeginOffset").unwrap();
    if response.code() == codes::PULL_NOT_FOUND {
        return (Vec::new(), next);
    }
    let response = response.success().unwrap();
    let keys = Records::new(response.body()).map(|r| r.unwrap().properties.keys().next().unwrap().to_owned());
    (keys.collect(), next)
}

/// Pulls everything from `from` on: how often each key came.
pub(crate) async fn pull_all(client: &Client, from: i64, to: i64, max: u32) -> BTreeMap<String, usize> {
    let (mut offset, mut count) = (from, BTreeMap::new());
    while offset < to {
        let (keys, next) = pull(client, offset, max).await;
        assert!(next >= offset, "went back by more than what came");
        keys.into_iter().for_each(|key| *count.entry(key).or_default() += 1);
        offset = next;
    }
    count
}

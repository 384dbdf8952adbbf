//! A link to the real pay service of the sample target, which stands on a real MySQL and a real broker past every link.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use paytwice::dependency::rocketmq::Admin;
use paytwice::plan::{Direction, WireDetail};
use paytwice::stack::{ContainerStack, HttpReady, PartySpec, Stack as _};
use paytwice::wire::{Action, At, Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, Rule, RuleGuard};
use sqlx::MySqlPool;

use super::databases::Databases as _;
use super::{Seen, leg};

const SCHEMA: &str = include_str!("../../../targets/pay-account/schema/bank1_pay.sql");
const TOPIC: &str = "topic_notifymsg";
/// A client waits no longer for an answer.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// A link to a pay service, and the table in which it records payments.
pub(crate) struct Pay {
    pub(crate) link: Link,
    pub(crate) gates: Gates,
    pub(crate) pool: MySqlPool,
    pub(crate) addr: SocketAddr,
    client: reqwest::Client,
}

impl Pay {
    /// Starts the service, who makes the transaction number of a recharge being as told (`client` or `server`).
    pub(crate) async fn start(stack: &ContainerStack, image: &str, request_id: &str) -> Pay {
        let database = format!("pay_{request_id}");
        stack.create_database(&database, SCHEMA).await.unwrap();
        let admin = Admin::connect(stack.addr("broker", 10911).unwrap()).await.unwrap();
        admin.create_topic(TOPIC, 4, true).await.unwrap();
        let mysql = stack.host_name("mysql");
        let env = [
            ("LISTEN_ADDR", "0.0.0.0:8080".to_owned()),
            (
                "DATABASE_URL",
                format!("mysql://root@{mysql}:3306/{database}?ssl-mode=DISABLED"),
            ),
            ("ROCKETMQ_NAMESRV", format!("{}:9876", stack.host_name("namesrv"))),
            ("TOPIC", TOPIC.to_owned()),
            ("PRODUCER_GROUP", format!("producers_{request_id}")),
            ("POLICY_REQUEST_ID", request_id.to_owned()),
        ];
        let health = HttpReady {
            port: 8080,
            path: "/healthz".to_owned(),
        };
        let mut spec = PartySpec::new("pay", image, health);
        spec.env = BTreeMap::from(env.map(|(name, value)| (name.to_owned(), value)));
        stack.launch(spec).await.unwrap();
        let gates = Gates::default();
        let spec = LinkSpec {
            name: "client->pay".to_owned(),
            from: "client".to_owned(),
            gates: gates.clone(),
            detail: WireDetail::Points,
            legs: vec![LegSpec {
                party: "pay".to_owned(),
                ..leg("main", stack.addr("pay", 8080).unwrap(), Protocol::Http)
            }],
            correlation: Correlation::default().with_key("tx", &["http:/tx_no"]).unwrap(),
            advertise: None,
        };
        let link = Link::open(spec, Seen::new()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        Pay {
            addr: link.listen_addr("main").unwrap(),
            link,
            gates,
            pool: stack.mysql_pool(&database),
            client: client.timeout(PATIENCE).build().unwrap(),
        }
    }

    /// Recharges on a connection of its own; the status of the answer, None without one.
    pub(crate) async fn recharge(&self, tx: &str) -> Option<u16> {
        let body = serde_json::json!({
            "tx_no": tx, "account_no": tx, "amount": "1.00", "card": "4242424242424242",
        });
        let url = format!("http://{}/pay/recharge", self.addr);
        let answer = self.client.post(url).json(&body).send().await.ok()?;
        let status = answer.status().as_u16();
        // Without the rest of it, it is none.
        answer.bytes().await.ok().map(|_| status)
    }

    /// How many payments into an account (each test has its own) are recorded now.
    pub(crate) async fn rows(&self, account: &str) -> i64 {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM account_pay WHERE account_no = ? AND result = 'success'");
        count.bind(account).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until so many are recorded.
    pub(crate) async fn until_rows(&self, account: &str, wanted: i64) {
        let begun = std::time::Instant::now();
        while self.rows(account).await != wanted {
            assert!(begun.elapsed() < PATIENCE * 10, "never {wanted} rows of {account}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// A rule for every frame of a point of the link.
    pub(crate) fn at(&self, point: &str, action: Action) -> RuleGuard {
        self.rule(At::point(point), action)
    }

    /// A rule for some frames of a point of the link.
    pub(crate) fn rule(&self, at: At, action: Action) -> RuleGuard {
        self.link.install(Rule {
            at: Some(at),
            direction: Direction::Both,
            action,
            seed: 7,
        })
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
        self.link.close().await;
    }
}

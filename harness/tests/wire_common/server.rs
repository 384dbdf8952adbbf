//! A link to a real MySQL server, and how to reach the server through it and past it.

use std::net::SocketAddr;

use paytwice::plan::{Direction, WireDetail};
use paytwice::stack::ContainerStack;
use paytwice::wire::{Action, At, Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, Rule, RuleGuard};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};

use super::{Seen, leg};

/// The one database of these tests.
const DATABASE: &str = "wire";

/// A link from `pay` to a server, with a database.
pub(crate) struct Server {
    pub(crate) link: Link,
    pub(crate) gates: Gates,
    /// Where the link listens.
    pub(crate) addr: SocketAddr,
    /// Straight to the server.
    pub(crate) pool: MySqlPool,
}

impl Server {
    pub(crate) async fn open(stack: &ContainerStack, schema: &str) -> Server {
        stack.create_database(DATABASE, schema).await.unwrap();
        let gates = Gates::default();
        let spec = LinkSpec {
            name: "pay->mysql".to_owned(),
            from: "pay".to_owned(),
            gates: gates.clone(),
            detail: WireDetail::Points,
            legs: vec![LegSpec {
                party: "mysql".to_owned(),
                ..leg("main", stack.addr("mysql", 3306).unwrap(), Protocol::MySql)
            }],
            correlation: Correlation::default(),
            advertise: None,
        };
        let link = Link::open(spec, Seen::new()).await.unwrap();
        let addr = link.listen_addr("main").unwrap();
        let pool = stack.mysql_pool(DATABASE).unwrap();
        Server {
            link,
            gates,
            addr,
            pool,
        }
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

    pub(crate) async fn close(self) {
        self.pool.close().await;
        self.link.close().await;
    }
}

/// A connection through the link that listens there.
pub(crate) async fn connect(addr: SocketAddr) -> MySqlConnection {
    let options = MySqlConnectOptions::new()
        .host(&addr.ip().to_string())
        .port(addr.port())
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .database(DATABASE);
    options.connect().await.unwrap()
}

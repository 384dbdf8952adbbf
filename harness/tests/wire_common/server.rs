//! A link to a real MySQL server, and how to reach the server through it and past it.

use std::net::SocketAddr;
use std::sync::Arc;

use paytwice::plan::{Direction, WireDetail};
use paytwice::stack::{ContainerStack, Stack as _};
use paytwice::wire::{Action, At, Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, Rule, RuleGuard};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::databases::Databases as _;
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
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    pub(crate) async fn open(stack: &ContainerStack, schema: &str) -> Server {
        Server::with(stack, schema, Correlation::default()).await
    }

    /// A server whose link finds keys.
    pub(crate) async fn with(stack: &ContainerStack, schema: &str, correlation: Correlation) -> Server {
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
            correlation,
            advertise: None,
        };
        let seen = Seen::new();
        let sink: Arc<Seen> = Arc::clone(&seen);
        let link = Link::open(spec, sink).await.unwrap();
        let addr = link.listen_addr("main").unwrap();
        let pool = stack.mysql_pool(DATABASE);
        Server {
            link,
            gates,
            addr,
            pool,
            seen,
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

/// A connection through the link that listens there, on which statements can be written without waiting for answers.
pub(crate) async fn log_in(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    packet(&mut stream).await;
    // Long password, a database, protocol 4.1, transactions, secure connection, the name of the method.
    let capabilities: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
    let mut response = capabilities.to_le_bytes().to_vec();
    response.extend((1u32 << 24).to_le_bytes());
    response.push(45);
    response.extend([0; 23]);
    response.extend(b"root\0");
    // No password.
    response.push(0);
    response.extend(format!("{DATABASE}\0caching_sha2_password\0").bytes());
    stream.write_all(&framed(1, &response)).await.unwrap();
    assert_eq!(packet(&mut stream).await[0], 0, "logged in");
    stream
}

/// A statement as it is written.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    framed(0, &[b"\x03", sql.as_bytes()].concat())
}

/// A statement as it is written, in whatever character set.
pub(crate) fn query_bytes(sql: &[u8]) -> Vec<u8> {
    framed(0, &[b"\x03", sql].concat())
}

/// What is in the next packet of the server.
pub(crate) async fn packet(stream: &mut TcpStream) -> Vec<u8> {
    let patience = std::time::Duration::from_secs(10);
    let reading = async {
        let header = stream.read_u32_le().await.unwrap();
        let mut payload = vec![0; (header & 0xff_ffff) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        payload
    };
    tokio::time::timeout(patience, reading)
        .await
        .expect("the server answers")
}

fn framed(number: u8, payload: &[u8]) -> Vec<u8> {
    let header = payload.len() as u32 | u32::from(number) << 24;
    [&header.to_le_bytes(), payload].concat()
}

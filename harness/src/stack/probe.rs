//! One question to a party, one answer: whether it serves, asked the way its clients ask.
//! Never: waits longer than its bound, or goes through a link.

use std::net::Ipv4Addr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const MYSQL_PORT: u16 = 3306;
pub(super) const NAMESRV_PORT: u16 = 9876;
pub(super) const BROKER_PORT: u16 = 10911;

const UPDATE_BROKER_CONFIG: u32 = 25;
const GET_BROKER_RUNTIME_INFO: u32 = 28;
const GET_BROKER_CLUSTER_INFO: u32 = 106;
const FRAME_MAX: usize = 4 << 20;

/// How a party is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// `SELECT 1`.
    Mysql,
    /// The name server lists its brokers.
    NameServer,
    /// The broker answers, and the name server leads to it.
    Broker,
    /// A GET that is answered with 2xx.
    Http { port: u16, path: String },
}

impl Probe {
    /// Asks once; the error is what was seen instead. `namesrv` is where the name server is.
    pub(super) async fn ask(
        &self,
        address: Ipv4Addr,
        namesrv: Option<Ipv4Addr>,
        bound: Duration,
    ) -> Result<(), String> {
        let asking = async {
            match self {
                Probe::Mysql => mysql(address).await,
                Probe::NameServer => remoting(address, NAMESRV_PORT, GET_BROKER_CLUSTER_INFO, b"")
                    .await
                    .map(drop),
                Probe::Broker => broker(address, namesrv).await,
                Probe::Http { port, path } => http(address, *port, path).await,
            }
        };
        tokio::time::timeout(bound, asking)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {bound:?}")))
    }
}

/// The server itself, without TLS: for set-up, probes and final reads.
pub(super) fn mysql_options(address: Ipv4Addr) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(&address.to_string())
        .port(MYSQL_PORT)
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .disable_statement_logging()
}

async fn mysql(address: Ipv4Addr) -> Result<(), String> {
    let mut connection = mysql_options(address).connect().await.map_err(|e| e.to_string())?;
    sqlx::query("SELECT 1")
        .execute(&mut connection)
        .await
        .map_err(|e| e.to_string())?;
    connection.close().await.map_err(|e| e.to_string())
}

/// A broker that starts quickly registers before it has looked for the name server, in vain, and again only after
/// 10 s. Setting its permission to what it is makes it register at once.
async fn broker(address: Ipv4Addr, namesrv: Option<Ipv4Addr>) -> Result<(), String> {
    remoting(address, BROKER_PORT, GET_BROKER_RUNTIME_INFO, b"").await?;
    let namesrv = namesrv.ok_or("there is no name server yet")?;
    let brokers = remoting(namesrv, NAMESRV_PORT, GET_BROKER_CLUSTER_INFO, b"")
        .await
        .map_err(|error| format!("the name server: {error}"))?;
    let listed = format!("\"{address}:{BROKER_PORT}\"");
    if String::from_utf8_lossy(&brokers).contains(&listed) {
        return Ok(());
    }
    remoting(address, BROKER_PORT, UPDATE_BROKER_CONFIG, b"brokerPermission=6\n").await?;
    Err(format!("the name server does not list {address}:{BROKER_PORT} yet"))
}

/// One request of the remoting protocol that needs no header but its code; returns the body of a successful answer.
async fn remoting(address: Ipv4Addr, port: u16, code: u32, body: &[u8]) -> Result<Vec<u8>, String> {
    let header = format!(r#"{{"code":{code},"flag":0,"language":"JAVA","opaque":1,"version":0}}"#);
    let lengths = [(4 + header.len() + body.len()) as u32, header.len() as u32].map(u32::to_be_bytes);
    let frame = [lengths.as_flattened(), header.as_bytes(), body].concat();

    let mut stream = TcpStream::connect((address, port)).await.map_err(|e| e.to_string())?;
    stream.write_all(&frame).await.map_err(|e| e.to_string())?;
    let length = stream.read_u32().await.map_err(|e| e.to_string())? as usize;
    if !(4..=FRAME_MAX).contains(&length) {
        return Err(format!("not a remoting answer (length {length})"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await.map_err(|e| e.to_string())?;
    let body_at = 4 + u32::from_be_bytes([0, answer[1], answer[2], answer[3]]) as usize;
    let header = answer.get(4..body_at).ok_or("a header longer than its frame")?;
    let header: serde_json::Value = serde_json::from_slice(header).map_err(|e| e.to_string())?;
    match header["code"].as_i64() {
        Some(0) => Ok(answer.split_off(body_at)),
        code => Err(format!(
            "answered code {code:?}: {}",
            header["remark"].as_str().unwrap_or_default()
        )),
    }
}

/// By hand: no proxy of the environment, no redirect, no pool.
async fn http(address: Ipv4Addr, port: u16, path: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect((address, port)).await.map_err(|e| e.to_string())?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < 1024 {
        if stream.read_buf(&mut head).await.map_err(|e| e.to_string())? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(&head);
    let line = line.lines().next().unwrap_or_default();
    match line.split_whitespace().nth(1) {
        Some(status) if line.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
        Some(status) if line.starts_with("HTTP/1.") => Err(format!("GET {path} answered {status}")),
        _ => Err(format!("GET {path}: the connection was closed without an answer")),
    }
}

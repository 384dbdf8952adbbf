//! A question through a link, as the party on its left would ask it: does anything come back?
//!
//! It makes an effect visible where no traffic happens to cross, and shows that a healed link passes again. It never
//! changes anything at the other end: a greeting, a readiness path, a question to the name server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::remoting::{Client, codes};

/// Pause between two questions while an answer is awaited.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// One question waits this long while an answer is awaited.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How to ask through a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkProbe {
    /// HTTP: the readiness path of the service behind it; any status is an answer.
    Http {
        /// Where the link listens.
        addr: SocketAddr,
        /// The path.
        path: String,
    },
    /// MySQL: the server's greeting.
    Mysql {
        /// Where the link listens.
        addr: SocketAddr,
    },
    /// RocketMQ: a question to the name server.
    Rocketmq {
        /// Where the link listens.
        addr: SocketAddr,
    },
}

impl LinkProbe {
    /// Asks once.
    pub async fn ask(&self, patience: Duration) -> Result<(), String> {
        match timeout(patience, self.exchange(patience)).await {
            Ok(answered) => answered,
            Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
        }
    }

    /// Asks until there is an answer, and says how long that took.
    pub async fn until_answer(&self, patience: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        loop {
            match self.ask(ANSWER_TIMEOUT).await {
                Ok(()) => return Ok(begun.elapsed()),
                Err(e) if begun.elapsed() >= patience => return Err(e),
                Err(_) => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    async fn exchange(&self, patience: Duration) -> Result<(), String> {
        let say = |e: std::io::Error| e.to_string();
        match self {
            LinkProbe::Http { addr, path } => {
                let mut stream = TcpStream::connect(addr).await.map_err(say)?;
                let request = format!("GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).await.map_err(say)?;
                first_byte(&mut stream).await
            }
            LinkProbe::Mysql { addr } => first_byte(&mut TcpStream::connect(addr).await.map_err(say)?).await,
            LinkProbe::Rocketmq { addr } => {
                let client = Client::connect(*addr, patience).await.map_err(|e| e.to_string())?;
                let answer = client.request(codes::GET_BROKER_CLUSTER_INFO, &[], b"").await;
                answer.map(|_| ()).map_err(|e| e.to_string())
            }
        }
    }
}

async fn first_byte(stream: &mut TcpStream) -> Result<(), String> {
    match stream.read(&mut [0; 1]).await {
        Ok(0) => Err("closed without an answer".to_owned()),
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

//! A question through a link, as the party on its left would ask it: does anything come back?
//!
//! It makes an effect visible where no traffic happens to cross, and shows that a healed link passes again. It never
//! changes anything at the other end: a greeting, a readiness path, what a kind of dependency asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Pause between two questions while an answer is awaited.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// One question waits this long while an answer is awaited.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// One question, and whether there is an answer.
#[async_trait]
pub trait Ask: Send + Sync {
    /// Asks once. `patience` is how long is waited in all; the caller sees to it.
    async fn ask(&self, patience: Duration) -> Result<(), String>;
}

/// How to ask through a link.
#[derive(Clone)]
pub struct LinkProbe(Arc<dyn Ask>);

/// A GET; any status is an answer.
#[derive(Clone, Debug)]
pub struct HttpGet {
    /// Where the link listens.
    pub addr: SocketAddr,
    /// The path.
    pub path: String,
}

/// Waits for what the server says of itself.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// Where the link listens.
    pub addr: SocketAddr,
}

/// Opens a connection, and sees whether it stays open: a link closes one whose other end cannot be reached.
#[derive(Clone, Debug)]
pub struct Connecting {
    /// Where the link listens.
    pub addr: SocketAddr,
}

impl LinkProbe {
    /// Asks in this way.
    pub fn new(question: Arc<dyn Ask>) -> LinkProbe {
        LinkProbe(question)
    }

    /// Asks once.
    pub async fn ask(&self, patience: Duration) -> Result<(), String> {
        match timeout(patience, self.0.ask(patience)).await {
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
}

#[async_trait]
impl Ask for HttpGet {
    async fn ask(&self, _patience: Duration) -> Result<(), String> {
        let mut stream = connect(self.addr).await?;
        let request = format!("GET {} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n", self.path);
        stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
        first_byte(&mut stream).await
    }
}

#[async_trait]
impl Ask for Greeting {
    async fn ask(&self, _patience: Duration) -> Result<(), String> {
        first_byte(&mut connect(self.addr).await?).await
    }
}

/// A server that waits to be asked says nothing: so long without an end is an answer.
const STAYS_OPEN: Duration = Duration::from_millis(200);

#[async_trait]
impl Ask for Connecting {
    async fn ask(&self, _patience: Duration) -> Result<(), String> {
        let mut stream = connect(self.addr).await?;
        match timeout(STAYS_OPEN, first_byte(&mut stream)).await {
            Ok(answered) => answered,
            Err(_) => Ok(()),
        }
    }
}

async fn connect(addr: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(addr).await.map_err(|e| e.to_string())
}

async fn first_byte(stream: &mut TcpStream) -> Result<(), String> {
    match stream.read(&mut [0; 1]).await {
        Ok(0) => Err("closed without an answer".to_owned()),
        Ok(_) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}

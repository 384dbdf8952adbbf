//! One question to a party, one answer: whether it serves, asked the way its clients ask.
//! Never: goes through a link. The stack bounds how long an answer may take.

use std::fmt;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Stack;

/// How a party is asked whether it serves.
#[async_trait]
pub trait Health: Send + Sync + fmt::Debug {
    /// Asks once; the error is what was seen instead.
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String>;

    /// Whether only a process that runs can answer. Where not, an answer does not speak against a pause.
    fn needs_a_running_process(&self) -> bool {
        true
    }

    /// Whether the party takes a write, asked after its disk was full.
    async fn takes_a_write(&self, _stack: &dyn Stack, _party: &str) -> Result<(), String> {
        Ok(())
    }

    /// Why the party must be started again once its disk was full, where it must.
    fn hurt_by_a_full_disk(&self) -> Option<&'static str> {
        None
    }

    /// Where an answer by HTTP can be seen: port and path.
    fn http(&self) -> Option<(u16, &str)> {
        None
    }
}

/// Ready when a GET is answered with 2xx.
#[derive(Clone, Debug)]
pub struct HttpReady {
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
}

/// Ready when a connection to a port is accepted.
#[derive(Clone, Debug)]
pub struct PortReady {
    /// The port.
    pub port: u16,
}

/// Ready when a command inside the party ends with 0.
#[derive(Clone, Debug)]
pub struct CommandReady {
    /// Program and arguments.
    pub command: Vec<String>,
}

/// Ready when the party has written a line since it was started.
#[derive(Clone, Debug)]
pub struct LogReady {
    /// What the line must match.
    pub pattern: regex::Regex,
}

#[async_trait]
impl Health for HttpReady {
    /// By hand: no proxy of the environment, no redirect, no pool.
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let (addr, path) = (address(stack, party, self.port)?, &self.path);
        let mut stream = TcpStream::connect(addr).await.map_err(|e| e.to_string())?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
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

    fn http(&self) -> Option<(u16, &str)> {
        Some((self.port, &self.path))
    }
}

#[async_trait]
impl Health for PortReady {
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let addr = address(stack, party, self.port)?;
        let connected = TcpStream::connect(addr).await;
        connected.map(drop).map_err(|e| format!("port {}: {e}", self.port))
    }

    fn needs_a_running_process(&self) -> bool {
        // The kernel accepts connections for a process that stands still.
        false
    }
}

#[async_trait]
impl Health for CommandReady {
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let done = stack.exec(party, &self.command).await.map_err(|e| e.to_string())?;
        match done {
            (0, _) => Ok(()),
            (code, said) => Err(format!("{:?} ended with {code}: {}", self.command, said.trim())),
        }
    }
}

#[async_trait]
impl Health for LogReady {
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let log = stack.log_since_start(party).await.map_err(|e| e.to_string())?;
        match log.lines().any(|line| self.pattern.is_match(line)) {
            true => Ok(()),
            false => Err(format!("no line matches {:?} yet", self.pattern.as_str())),
        }
    }

    fn needs_a_running_process(&self) -> bool {
        false
    }
}

fn address(stack: &dyn Stack, party: &str, port: u16) -> Result<std::net::SocketAddr, String> {
    stack.addr(party, port).map_err(|e| e.to_string())
}

//! The protocols of links: how bytes become frames, what frames are called, and how they are duplicated.
//!
//! One file per protocol. Never: I/O, clocks, or a byte that is not passed on.

mod facts;
mod http;
mod inflate;
mod memory;
mod mysql;
mod refusal;
mod rocketmq;
#[cfg(test)]
mod soak;
mod tcp;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::facts::BROKER_LEG;
use self::memory::KeyMemory;
pub use self::refusal::{Refusal, UnknownRefusal};
use super::core::Session;
use super::correlation::{Correlation, Finder};

/// What is spoken on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Bytes, as they are read.
    Tcp,
    /// MySQL, without compression, and without encryption where the leg does not end it; with them it passes as bytes.
    MySql,
    /// HTTP/1.1; anything else passes as bytes.
    Http,
    /// RocketMQ remoting, to a name server or a broker.
    RocketMq,
}

/// What all sessions of a link share.
pub(super) struct Terms {
    finder: Finder,
    advertise: Option<SocketAddr>,
    memory: Mutex<rocketmq::Memory>,
    branches: Mutex<KeyMemory>,
}

impl Terms {
    pub(super) fn new(correlation: Correlation, advertise: Option<SocketAddr>) -> Terms {
        Terms {
            finder: Finder::new(correlation),
            advertise,
            memory: Mutex::default(),
            branches: Mutex::default(),
        }
    }

    /// What finds keys, and counts them.
    pub(super) fn finder(&self) -> &Finder {
        &self.finder
    }

    /// What was seen in the branches of XA transactions, by their gtrid.
    fn branches(&self) -> MutexGuard<'_, KeyMemory> {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, rocketmq::Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Protocol {
    /// A fresh session; `ends_tls` where the leg can go on in TLS.
    pub(super) fn session(self, terms: &Arc<Terms>, ends_tls: bool) -> Box<dyn Session> {
        match self {
            Protocol::Tcp => Box::new(tcp::Bytewise),
            Protocol::MySql => Box::new(mysql::MySql::new(Arc::clone(terms), ends_tls)),
            Protocol::Http => Box::new(http::Http::new(Arc::clone(terms))),
            Protocol::RocketMq => Box::new(rocketmq::RocketMq::new(Arc::clone(terms))),
        }
    }
}

//! What a target stands on: MySQL servers, RocketMQ, or any image at all. One folder per kind, one line in [`KINDS`].
//!
//! [`Kind`] is what is known of a kind from the manifest alone: its parties, legs, points, and how it is launched.
//! [`Server`] is one dependency that runs: prepared for a run, read, and looked at until it is at rest. No file outside
//! the folder of a kind names the kind. Never: reaches a dependency through a link.

mod container;
mod database;
pub mod manifest;
mod mysql;
mod names;
mod party;
pub mod rocketmq;
mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use paytwice_checkers::history::Rows;

use self::manifest::Dependency;
use crate::stack::{ImageChoice, PartySpec, Stack};
use crate::wire::{Ask, PointDef, Protocol, Tables};

pub use database::{Database, Databases, StatementError};
pub use names::Names;
pub use party::{PartyDef, PartyKind};
pub(crate) use running::every;
pub use running::{Dependencies, DependencyError, RunOf};

/// Every kind of dependency.
pub static KINDS: [&dyn Kind; 3] = [&mysql::MySql, &rocketmq::RocketMq, &container::Container];

/// A dependency as the manifest declares it.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is the only one of its kind.
    pub alone: bool,
    /// What the manifest says of it.
    pub entry: &'a Dependency,
}

/// One port of a dependency that services reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Its name within a link.
    pub name: String,
    /// The party that listens behind it.
    pub party: String,
    /// The party's own port.
    pub port: u16,
    /// The port that services reach it under.
    pub usual_port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether services learn the port from the dependency itself, so that any port will do.
    pub announced: bool,
}

/// What the names of the points of a link are made from.
pub struct PointsOf<'a> {
    /// The dependency.
    pub of: Declared<'a>,
    /// Every dependency of the target.
    pub all: &'a BTreeMap<String, Dependency>,
    /// The databases, topics and groups that the service at the other end is told of: `database.NAME`, `group.NAME`.
    pub told: BTreeSet<String>,
    /// Whether keys stand in the names of XA transactions.
    pub xa: bool,
    /// The tables in which keys stand.
    pub keyed: BTreeSet<&'a str>,
    /// Reads a file of the target's folder; empty where it cannot be read.
    pub file: &'a dyn Fn(&str) -> String,
}

/// How a plan wants a dependency started.
#[derive(Clone, Debug, Default)]
pub struct LaunchOptions {
    /// Images by dependency, where the user named one.
    pub images: BTreeMap<String, String>,
    /// When parties write to their disk, where the user chose it.
    pub flush: BTreeMap<String, String>,
}

/// A figure of a dependency that is still at work, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name: `lag`.
    pub name: &'static str,
    /// Its value.
    pub value: i64,
    /// Whether it must be 0 at rest. Others must only stand still.
    pub zero_at_rest: bool,
}

/// What is known of a kind from the manifest alone.
pub trait Kind: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> &'static str;

    /// Its usual image, where it has one.
    fn image(&self) -> Option<ImageChoice> {
        None
    }

    /// The share of the disk in use, in percent, from which on it refuses writes, where it looks at that.
    fn refuses_writes_from_percent(&self) -> Option<u64> {
        None
    }

    /// The port under which services usually reach it, where it has one.
    fn port(&self) -> Option<u16>;

    /// The keys of a manifest's entry that it has a meaning for, beside `kind`, `port` and `image`.
    fn keys(&self) -> &'static [&'static str];

    /// What is wrong with an entry, beside keys that it has no meaning for; `key` leads to it.
    fn check(&self, _key: &str, _entry: &Dependency) -> Vec<String> {
        Vec::new()
    }

    /// Its processes.
    fn parties(&self, of: Declared<'_>) -> Vec<PartyDef>;

    /// What is spoken on links to it.
    fn protocol(&self) -> Protocol;

    /// Its ports. The first one is what services mean by its name.
    fn legs(&self, of: Declared<'_>) -> Vec<Leg>;

    /// The party that does what the frames of a link ask for.
    fn behind(&self, of: Declared<'_>) -> String {
        of.name.to_owned()
    }

    /// The wire points of a link to it.
    fn points(&self, _of: &PointsOf<'_>) -> BTreeSet<PointDef> {
        BTreeSet::new()
    }

    /// A question through a link, asked at where the link's first leg listens.
    fn question(&self, addr: SocketAddr) -> Arc<dyn Ask>;

    /// Its parties, as the stack starts them.
    fn launch(&self, of: Declared<'_>, image: &str, stack: &dyn Stack, options: &LaunchOptions) -> Vec<PartySpec>;

    /// The dependency, once its parties run.
    fn server(&self, of: Declared<'_>, stack: &Arc<dyn Stack>) -> Arc<dyn Server>;
}

/// Why a dependency has not what a run needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrepareError {
    /// The user's files or manifest must be changed: what is wrong, and where.
    Mistake(String),
    /// It did not do it.
    Failed(String),
}

impl From<String> for PrepareError {
    fn from(said: String) -> PrepareError {
        PrepareError::Failed(said)
    }
}

/// A dependency that runs. Every method asks it directly, past every link; an error is what it said, in words.
#[async_trait]
pub trait Server: Send + Sync {
    /// Makes what a run needs: databases with their tables, topics, groups.
    async fn prepare(&self, _run: &RunOf<'_>) -> Result<(), PrepareError> {
        Ok(())
    }

    /// Removes what an earlier run made.
    async fn forget(&self, _entry: &Dependency, _names: &Names) -> Result<(), String> {
        Ok(())
    }

    /// What must come to rest, as it stands now.
    async fn counters(&self, _entry: &Dependency, _names: &Names) -> Result<Vec<Counter>, String> {
        Ok(Vec::new())
    }

    /// The columns of each table of a database, in the order in which a row without names of columns is stored.
    async fn tables(&self, _database: &str) -> Result<Tables, StatementError> {
        Ok(Tables::new())
    }

    /// Rows of a database by its name on the server: every value as text as the server prints it.
    async fn rows(&self, _database: &str, _sql: &str) -> Result<Rows, StatementError> {
        Err(no_rows())
    }

    /// The columns of a query, in a database by its name on the server; None where they are not known beforehand.
    async fn columns(&self, _database: &str, _sql: &str) -> Result<Option<Vec<String>>, StatementError> {
        Ok(None)
    }

    /// Executes statements in a database by its name on the server.
    async fn execute(&self, _database: &str, _sql: &str) -> Result<(), StatementError> {
        Err(no_rows())
    }

    /// A value as it stands between single quotes in a statement.
    fn quoted(&self, value: &str) -> String {
        value.replace('\'', "''")
    }

    /// An earlier run left something in it that no later run can bring to rest: it starts anew where that helps.
    /// Says whether it did.
    async fn start_anew(&self) -> Result<bool, String> {
        Ok(false)
    }

    /// Waits until parties that will be ended in the next run know what earlier runs did, also after their end.
    /// Says in words what it had to do, where that is worth a line.
    async fn remember(&self, _ended: &(dyn for<'a> Fn(&'a str) -> bool + Sync)) -> Result<Option<String>, String> {
        Ok(None)
    }

    /// Copies log files that it keeps itself.
    async fn save_logs(&self, _to: &Path) -> Result<(), String> {
        Ok(())
    }

    /// The certificate that services must trust to reach it past every link, as PEM.
    async fn certificate(&self) -> Result<Vec<u8>, String> {
        Err("has no certificate".to_owned())
    }
}

fn no_rows() -> StatementError {
    StatementError::Refused("holds no rows".to_owned())
}

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.into_iter().find(|kind| kind.name() == name)
}

/// The kinds that refuse writes on a disk that is nearly full, with the share in use, in percent, from which on.
pub fn full_disks() -> Vec<(&'static str, u64)> {
    let limit = |kind: &&dyn Kind| Some((kind.name(), kind.refuses_writes_from_percent()?));
    KINDS.iter().filter_map(limit).collect()
}

/// The usual images of all kinds, for the doctor.
pub fn images() -> Vec<ImageChoice> {
    KINDS.iter().filter_map(|kind| kind.image()).collect()
}

//! What a stack is told of a party before it starts it.
//! Data only. Never: knows what runs in a party.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use super::health::Health;

/// A party to start.
#[derive(Clone, Debug)]
pub struct PartySpec {
    /// Its name.
    pub name: String,
    /// The image it runs.
    pub image: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its command; empty for that of the image.
    pub command: Vec<String>,
    /// Files that it finds: path and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names that it reaches addresses under: those of its links.
    pub hosts: BTreeMap<String, Ipv4Addr>,
    /// Where it keeps its data.
    pub data: Option<DataFolder>,
    /// Where it stands.
    pub place: Place,
    /// Start it so that its wall clock can be set wrong.
    pub own_clock: bool,
    /// How it is asked whether it serves.
    pub health: Arc<dyn Health>,
}

/// The folder in which a party keeps its data. Its content stays over a kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    /// The path inside the party.
    pub path: String,
    /// Whether it is a volume where the party has no disk of its own; else it is part of the party's own file system.
    pub volume: bool,
}

/// Where a party stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the network of the dependencies, past every link.
    Behind,
    /// In a network of its own, which leads to its links alone.
    Own,
}

/// A party that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its address.
    pub address: Ipv4Addr,
    /// From the request until it was ready.
    pub ready_after: Duration,
}

/// The usual image of a kind of dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageChoice {
    /// The name of the kind.
    pub kind: &'static str,
    /// The official image.
    pub official: &'static str,
    /// The one that `ci/images` makes where nothing can be pulled.
    pub local: &'static str,
    /// The environment variable that names another.
    pub variable: &'static str,
}

impl PartySpec {
    /// A party in the network of the dependencies, with nothing but an image.
    pub fn new(name: &str, image: &str, health: impl Health + 'static) -> PartySpec {
        PartySpec {
            name: name.to_owned(),
            image: image.to_owned(),
            env: BTreeMap::new(),
            command: Vec::new(),
            files: Vec::new(),
            hosts: BTreeMap::new(),
            data: None,
            place: Place::Behind,
            own_clock: false,
            health: Arc::new(health),
        }
    }
}

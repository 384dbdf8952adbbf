//! `[dependencies.NAME]`: a server that services stand on, as the manifest writes it.
//!
//! The keys are those of all kinds together; which of them a kind has a meaning for is the kind's to say, and every
//! other is refused. Must never know a kind by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{KINDS, Kind, kind};
use crate::stack::Ready;

/// A server that services stand on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// What it is.
    pub kind: DependencyKind,
    /// The port that services reach it under, where it is not the usual one of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Image, where the usual one of its kind will not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Settings of the server by name, as its own configuration knows them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// What links do with the TLS that the server offers; withheld where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<LinkTls>,
    /// Databases, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, Database>,
    /// Topics, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topics: BTreeMap<String, Topic>,
    /// Producer and consumer groups, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
    /// A second server that keeps a copy of everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<Replica>,
    /// The ports that services reach it under, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// When it is ready; when its first port takes connections, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// Its environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Its command, where it is not that of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

impl Dependency {
    /// Whether links end the TLS that it offers.
    pub fn ends_tls(&self) -> bool {
        self.tls == Some(LinkTls::End)
    }

    /// The port that services mean by its name; 0 where it has none.
    pub fn port(&self) -> u16 {
        self.ports().first().copied().unwrap_or(0)
    }

    /// The ports that services reach it under, the one that they mean by its name first.
    pub fn ports(&self) -> Vec<u16> {
        let named = self.port.into_iter().chain(self.ports.iter().copied());
        let mut ports: Vec<u16> = named.collect();
        if ports.is_empty() {
            ports.extend(self.kind.facts().port());
        }
        ports
    }

    /// The keys that are given and that not every kind has a meaning for.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let all = [
            ("config", !self.config.is_empty()),
            ("tls", self.tls.is_some()),
            ("databases", !self.databases.is_empty()),
            ("topics", !self.topics.is_empty()),
            ("groups", !self.groups.is_empty()),
            ("replica", self.replica.is_some()),
            ("ports", !self.ports.is_empty()),
            ("ready", self.ready.is_some()),
            ("env", !self.env.is_empty()),
            ("command", !self.command.is_empty()),
        ];
        all.into_iter()
            .filter(|(_, given)| *given)
            .map(|(key, _)| key)
            .collect()
    }
}

/// Every database with the dependency that holds it.
pub fn databases(declared: &BTreeMap<String, Dependency>) -> impl Iterator<Item = (&str, &str, &Database)> {
    declared.iter().flat_map(|(dependency, d)| {
        d.databases
            .iter()
            .map(move |(name, database)| (dependency.as_str(), name.as_str(), database))
    })
}

/// A kind of dependency by its name.
#[derive(Clone, Copy)]
pub struct DependencyKind(&'static dyn Kind);

impl DependencyKind {
    /// What is known of the kind.
    pub fn facts(self) -> &'static dyn Kind {
        self.0
    }
}

impl PartialEq for DependencyKind {
    fn eq(&self, other: &DependencyKind) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for DependencyKind {}

impl fmt::Debug for DependencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DependencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Serialize for DependencyKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for DependencyKind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        let unknown = || {
            let known = KINDS.map(|kind| format!("`{}`", kind.name())).join(", ");
            D::Error::custom(format!("unknown variant `{name}`, expected one of {known}"))
        };
        kind(&name).map(DependencyKind).ok_or_else(unknown)
    }
}

/// A setting of a server: a text, a number, or true or false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue(String);

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ConfigValue {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConfigValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl Visitor<'_> for ConfigVisitor {
    type Value = ConfigValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, or true or false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ConfigValue, E> {
        match text.contains(['\n', '\r']) {
            true => Err(E::custom("has more than one line")),
            false => Ok(ConfigValue(text.to_owned())),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<ConfigValue, E> {
        Ok(ConfigValue(number.to_string()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<ConfigValue, E> {
        Ok(ConfigValue(value.to_string()))
    }
}

/// A second server that keeps a copy of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// Whether what is acknowledged is on both servers.
    #[serde(default)]
    pub replication: Synchrony,
    /// Whether the replica has it on its disk before it says that it has it; `--flush` says otherwise for one run.
    #[serde(default)]
    pub flush: Synchrony,
}

/// Whether something is waited for before an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Synchrony {
    /// It is not.
    #[default]
    Async,
    /// It is.
    Sync,
}

/// What links do with the TLS that a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkTls {
    /// Services are not offered it. One that insists on it cannot connect.
    Withhold,
    /// Services are offered it, with a certificate of the run. A link ends it on both sides, and reads what is inside.
    End,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// File with its tables, relative to the target's folder.
    pub schema: String,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Queues for reading and writing.
    #[serde(default = "four")]
    pub queues: u32,
    /// What kind of messages it carries.
    #[serde(rename = "type", default)]
    pub kind: TopicKind,
}

/// Kinds of messages a topic carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopicKind {
    /// Plain messages.
    #[default]
    Normal,
    /// Transaction messages.
    Transaction,
    /// Ordered messages.
    Fifo,
    /// Delayed messages.
    Delay,
}

/// A producer group, or, with a topic, a consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The topic that it consumes; none for a producer group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
}

fn four() -> u32 {
    4
}

//! `[dependencies.*]`: the servers that services stand on.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A server that services stand on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// What it is.
    pub kind: DependencyKind,
    /// The port that services reach it under.
    pub port: u16,
    /// Image, where the usual one of its kind will not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// MySQL: what links do with the TLS that the server offers; withheld where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<LinkTls>,
    /// MySQL: databases, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, Database>,
    /// RocketMQ: topics, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub topics: BTreeMap<String, Topic>,
    /// RocketMQ: producer and consumer groups, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
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

/// Kinds of dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyKind {
    /// MySQL.
    Mysql,
    /// RocketMQ: a name server and a broker.
    Rocketmq,
}

impl fmt::Display for DependencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DependencyKind::Mysql => "mysql",
            DependencyKind::Rocketmq => "rocketmq",
        })
    }
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

impl Dependency {
    /// Whether links end the TLS that it offers.
    pub fn ends_tls(&self) -> bool {
        self.tls == Some(LinkTls::End)
    }
}

fn four() -> u32 {
    4
}

//! `[services.NAME]`: a process under test, as the manifest writes it.
//! Types only; what they mean for parties and links is in `target`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stack::Ready;

/// One process of the target, or several alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The binary of a workspace of ours that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cargo: Option<CargoBin>,
    /// The image it comes in; one of `cargo` and `image` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The port that it listens on; none for a service that nobody calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The ports that it listens on, where there are several. The first one is meant by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// When it is ready.
    pub ready: Ready,
    /// Whether it is started again when it ends by itself.
    #[serde(default, skip_serializing_if = "Restart::is_always")]
    pub restart: Restart,
    /// How many run side by side, each a party with links of its own.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub replicas: u32,
    /// How far downstream it is, from 1; where nothing is said, 1 for a service at which clients start subjects
    /// and 2 for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u32>,
    /// Dependencies and services that it talks to.
    #[serde(default)]
    pub links: Vec<String>,
    /// Its environment; `${...}` is filled in per run.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Whether a service is started again when it ends by itself, as Kubernetes' `restartPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Restart {
    /// Always, with a pause that grows.
    #[default]
    Always,
    /// Never: it stays down.
    Never,
}

impl Restart {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_always(&self) -> bool {
        *self == Restart::Always
    }
}

impl Service {
    /// The ports that it listens on, the one that is meant by its name first.
    pub fn ports(&self) -> Vec<u16> {
        self.port.into_iter().chain(self.ports.iter().copied()).collect()
    }

    /// The names of its parties: its own, or one per replica.
    pub fn parties(&self, name: &str) -> Vec<String> {
        match self.replicas {
            1 => vec![name.to_owned()],
            several => (1..=several).map(|n| format!("{name}-{n}")).collect(),
        }
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

/// A binary of a cargo package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CargoBin {
    /// The package.
    pub package: String,
    /// The binary.
    pub bin: String,
}

//! `[services.*]`: the processes under test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One process of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The binary of a workspace of ours that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cargo: Option<CargoBin>,
    /// The image it comes in; one of `cargo` and `image` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The port that it listens on.
    pub port: u16,
    /// HTTP path that answers 200 once it is ready.
    pub ready: String,
    /// Dependencies and services that it talks to.
    #[serde(default)]
    pub links: Vec<String>,
    /// Its environment; `${...}` is filled in per run.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
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

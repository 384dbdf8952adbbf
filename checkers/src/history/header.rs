//! The first line of a history: what a reader must know to judge it on its own.
//!
//! The names of subjects, fields, actions and promises are the target's. Nothing here knows a target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Moment;

/// The version of the history format that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

/// The first event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// `paytwice-history`.
    pub format: String,
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// Name of the target.
    pub target: String,
    /// Name of the run (its folder).
    pub run: String,
    /// What the target stood on: `containers`, ...
    pub stack: String,
    /// The seed that decided everything the harness decides.
    pub seed: u64,
    /// Start of the run, UTC, RFC 3339.
    pub started_at: String,
    /// Chosen policies (name -> value), defaults included.
    pub policies: BTreeMap<String, String>,
    /// Keys, and where each stands in what crosses the wire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<String>>,
    /// What promises are about.
    #[serde(default)]
    pub subjects: BTreeMap<String, Subject>,
    /// What clients do.
    #[serde(default)]
    pub actions: BTreeMap<String, Action>,
    /// Views, and when each is read.
    #[serde(default)]
    pub views: BTreeMap<String, Vec<Moment>>,
    /// What the target promises: a run is judged by these, and by nothing else.
    #[serde(default)]
    pub promises: Vec<Promise>,
}

/// A kind of thing that is followed from end to end (a payment, an order), or that is there beforehand (an account).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The key by which it is followed; None for what is there beforehand, which is known by its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The values that its workload draws.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
}

/// A field of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The kind of subject that its values name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// How its values are coded, so that a sum tells what it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coded: Option<Coded>,
}

/// Within a holder the k-th subject has the value `base^k`, in units of `10^-scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coded {
    /// The field that names the holder of the sum.
    pub per: String,
    /// The base of the code.
    pub base: u32,
    /// Digits behind the point.
    pub scale: u32,
}

/// What clients do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// It starts a subject of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// It asks about a subject of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<String>,
    /// It brings a subject of this kind to its end: the compensation path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairs: Option<String>,
    /// It makes a subject of this kind, which is there beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// The service that it calls; None for a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A checker, and where its inputs come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Its checker.
    pub checker: String,
    /// Everything else that was said of it; the checker knows what it means.
    #[serde(flatten)]
    pub options: Map<String, Value>,
}

//! One event of a history: what a line of `history.jsonl` says, typed.
//!
//! The core fields are Jepsen's: `index`, `time` (nanoseconds since the run began), `process`, `type`, `f`,
//! `value`, `error`. What `value` holds depends on `f`; an `f` that is not known here is kept as it stands, so
//! that histories of other programs survive a round trip.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Header, Op, Text, View, Wire};

/// One line of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Position in the history, from 0, without gaps.
    pub index: u64,
    /// Nanoseconds since the run began, on a monotonic clock.
    pub time: u64,
    /// Who: a client's process number, or a named part of the run.
    pub process: Process,
    /// Jepsen's `type`: invoke, ok, fail or info.
    pub kind: Kind,
    /// What: `f` and `value` together.
    pub body: Body,
    /// Why a `fail` or `info` is one.
    pub error: Option<String>,
}

/// Who an event belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Process {
    /// A logical client process. Never used again after an `info`.
    Client(u64),
    /// A named part of the run: `run`, `nemesis`, `wire`, `final`.
    Named(Text),
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An operation begins.
    Invoke,
    /// It certainly happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// It may or may not have happened; or, for a named process, a remark.
    Info,
}

/// `f` and `value` of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `history`: the first line; what the run promised to check.
    Header(Box<Header>),
    /// `phase`: a phase of the run begins or ends.
    Phase(Phase),
    /// The name of an action: a client does something.
    Op(Op),
    /// `view`: rows, read at a moment.
    View(View),
    /// `wire`: something crossed a link.
    Wire(Wire),
    /// `fault`: a step in the life of a fault.
    Fault(FaultStep),
    /// `sample`: what quiescence looked like at a moment (lag, half messages, retries, ...).
    Sample(Sample),
    /// Anything else, as it stands: its `f` and its `value`.
    Other(String, Value),
}

/// Names of `f` that no action can have.
pub const RESERVED: [&str; 6] = ["history", "phase", "view", "wire", "fault", "sample"];

/// A phase of the run. `begin` is an `invoke` event, its end an `ok` (or `info` with an error when cut short).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// `setup`, `workload`, `heal`, `settle`, `repair`, `settle-repair`, `final-reads`.
    pub name: String,
}

/// A step in the life of one fault (process `nemesis`, type `info`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultStep {
    /// Number of the fault in the plan, from 1.
    pub id: u32,
    /// `kill`, `pause`, `cut`, `delay`, `duplicate`, `reset`.
    pub fault: String,
    /// What it is done to: a service, a dependency or a link, e.g. `pay`, `mysql`, `account->mysql`.
    pub on: String,
    /// Where in its life: asked, done, seen, healing, healed, failed.
    pub step: FaultStage,
    /// Parameters and evidence in words ("exit code 137 after 12 ms", "41 frames delayed").
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Numbers behind the evidence.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub counts: std::collections::BTreeMap<String, u64>,
}

/// Steps of a fault, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultStage {
    /// The nemesis asked for it.
    Asked,
    /// The engine or the link did it.
    Done,
    /// It was seen to take effect.
    Seen,
    /// Its undoing began.
    Healing,
    /// It was seen to be undone.
    Healed,
    /// It could not be done, or was never seen to take effect; `detail` says why.
    Failed,
}

/// A sample of what must come to rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Named counters: `lag`, `half`, `retry`, `delayed`, `dead`, `discarded`, `in-flight`, `rows`.
    #[serde(flatten)]
    pub counters: std::collections::BTreeMap<String, i64>,
}

impl Body {
    /// The event's `f`.
    pub fn f(&self) -> &str {
        match self {
            Body::Header(_) => "history",
            Body::Phase(_) => "phase",
            Body::Op(op) => &op.action,
            Body::View(_) => "view",
            Body::Wire(_) => "wire",
            Body::Fault(_) => "fault",
            Body::Sample(_) => "sample",
            Body::Other(f, _) => f,
        }
    }

    /// True for operations of clients, which are invoked and then end as ok, fail or info.
    pub fn is_op(&self) -> bool {
        matches!(self, Body::Op(_))
    }
}

impl<'de> Deserialize<'de> for Process {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct ProcessVisitor;
        impl de::Visitor<'_> for ProcessVisitor {
            type Value = Process;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a process: a number or a name")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Process, E> {
                Ok(Process::Client(number))
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Process, E> {
                Ok(Process::Named(name.into()))
            }
        }
        d.deserialize_any(ProcessVisitor)
    }
}

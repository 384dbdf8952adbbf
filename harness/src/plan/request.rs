//! What a user asks for: on the command line, with the builder, or in a file (`paytwice run --plan FILE`).
//!
//! Everything is optional; what is not asked for gets its default when the plan is expanded. A plan file is either
//! such a request or the expanded `plan.toml` of a stored run, which is then replayed as it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::check::COUNT_MAX;
use super::duration::Span;
use super::error::PlanError;
use super::manifest::Stage;
use super::read;
use super::types::Plan;
use crate::wire::WireDetail;

/// What is asked of a run. `None` and empty mean: the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanRequest {
    /// Name or path of the target.
    pub target: Option<String>,
    /// The seed of everything that is drawn.
    pub seed: Option<u64>,
    /// A preset of the target; `policies` win over it.
    pub preset: Option<String>,
    /// Policies with their values.
    pub policies: BTreeMap<String, String>,
    /// How long clients start new subjects.
    pub time_ms: Option<u64>,
    /// New subjects per second, over all clients.
    pub rate: Option<f64>,
    /// Rates that follow one another, in place of one rate and a time.
    pub shape: Vec<Stage>,
    /// Clients at work at the same time.
    pub clients: Option<u32>,
    /// How many subjects there are beforehand, by kind.
    pub counts: BTreeMap<String, u64>,
    /// How many of them are opened only while the workload runs, by kind.
    pub late: BTreeMap<String, u64>,
    /// A client gives up on an answer after this time.
    pub op_timeout_ms: Option<u64>,
    /// Attempts of every action, the first included.
    pub attempts: Option<u32>,
    /// Pause before the second attempt of every action.
    pub retry_after_ms: Option<u64>,
    /// Share of subjects whose client gives up at the first unknown outcome.
    pub give_up: Option<f64>,
    /// Share of subjects after which the same key is sent with another value of a field.
    pub conflict: Option<f64>,
    /// Share of subjects whose request is sent again though its answer is known.
    pub repeat: Option<f64>,
    /// Share of subjects after whose start a client asks about a recent one.
    pub ask: Option<f64>,
    /// `all`, `none`, or a comma list of items.
    pub faults: Option<String>,
    /// What of the wire goes into the history.
    pub wire_detail: Option<WireDetail>,
    /// Rules at wire points, as `--rule` takes them.
    pub rules: Vec<String>,
    /// How long to wait for quiescence.
    pub settle_timeout_ms: Option<u64>,
    /// Images by dependency.
    pub images: BTreeMap<String, String>,
    /// When parties of dependencies write to their disk, as `--flush` takes it.
    pub flush: BTreeMap<String, String>,
}

/// What a plan file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanFile {
    /// Wishes; what they leave open is drawn and filled in.
    Request(Box<PlanRequest>),
    /// A plan of a stored run.
    Plan(Box<Plan>),
}

impl PlanFile {
    /// Reads a plan file.
    pub fn read(path: &Path) -> Result<PlanFile, PlanError> {
        let text = std::fs::read_to_string(path).map_err(|source| PlanError::Unreadable {
            file: path.to_path_buf(),
            source,
        })?;
        PlanFile::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a plan file; `file` is its name in messages. An expanded plan has a `[workload]`, whose numbers are keys
    /// of their own in a request.
    pub fn parse(file: &str, text: &str) -> Result<PlanFile, PlanError> {
        if read::table(file, text)?.contains_key("workload") {
            Plan::from_toml(file, text).map(|plan| PlanFile::Plan(Box::new(plan)))
        } else {
            PlanRequest::from_toml(file, text).map(|request| PlanFile::Request(Box::new(request)))
        }
    }
}

impl PlanRequest {
    /// Reads a request; `file` is its name in messages.
    pub fn from_toml(file: &str, text: &str) -> Result<PlanRequest, PlanError> {
        let read: RequestFile = read::from_toml(file, text)?;
        Ok(read.into())
    }

    /// This request, with what it leaves open taken from another: the command line over a file.
    #[must_use]
    pub fn or(self, other: PlanRequest) -> PlanRequest {
        let mut policies = other.policies;
        // A preset that was named here is not mixed with policies that were named there.
        if self.preset.is_some() {
            policies.clear();
        }
        policies.extend(self.policies);
        // A shape that was asked for there is no shape of what is asked for here.
        let own_pace = self.rate.is_some() || !self.shape.is_empty();
        PlanRequest {
            target: self.target.or(other.target),
            seed: self.seed.or(other.seed),
            preset: self.preset.or(other.preset),
            policies,
            time_ms: self.time_ms.or(other.time_ms),
            rate: if own_pace { self.rate } else { other.rate },
            shape: if own_pace { self.shape } else { other.shape },
            clients: self.clients.or(other.clients),
            counts: over(self.counts, other.counts),
            late: over(self.late, other.late),
            op_timeout_ms: self.op_timeout_ms.or(other.op_timeout_ms),
            attempts: self.attempts.or(other.attempts),
            retry_after_ms: self.retry_after_ms.or(other.retry_after_ms),
            give_up: self.give_up.or(other.give_up),
            conflict: self.conflict.or(other.conflict),
            repeat: self.repeat.or(other.repeat),
            ask: self.ask.or(other.ask),
            faults: self.faults.or(other.faults),
            rules: if self.rules.is_empty() { other.rules } else { self.rules },
            wire_detail: self.wire_detail.or(other.wire_detail),
            settle_timeout_ms: self.settle_timeout_ms.or(other.settle_timeout_ms),
            images: over(self.images, other.images),
            flush: over(self.flush, other.flush),
        }
    }
}

/// Two tables as one; what stands in both is taken from the first.
fn over<T>(first: BTreeMap<String, T>, mut second: BTreeMap<String, T>) -> BTreeMap<String, T> {
    second.extend(first);
    second
}

/// `k=n`, as `--count` and `--late` take it.
pub fn key_number(text: &str) -> Result<(String, u64), String> {
    let (key, number) = key_value(text).map_err(|_| format!("{text:?} is not NAME=N"))?;
    match number.parse() {
        Ok(number) => Ok((key, number)),
        Err(_) => Err(format!(
            "{number:?} is no whole number up to {COUNT_MAX}; write {key}=20"
        )),
    }
}

/// `k=v`, as `--policy` and `--image` take it.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("{text:?} is not NAME=VALUE")),
    }
}

/// A request as a file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    target: Option<String>,
    seed: Option<u64>,
    preset: Option<String>,
    #[serde(default)]
    policies: BTreeMap<String, String>,
    time: Option<Span>,
    rate: Option<f64>,
    #[serde(default)]
    shape: Vec<Stage>,
    clients: Option<u32>,
    #[serde(default)]
    count: BTreeMap<String, u64>,
    #[serde(default)]
    late: BTreeMap<String, u64>,
    op_timeout: Option<Span>,
    attempts: Option<u32>,
    retry_after: Option<Span>,
    give_up: Option<f64>,
    conflict: Option<f64>,
    repeat: Option<f64>,
    ask: Option<f64>,
    faults: Option<Faults>,
    #[serde(default)]
    rules: Vec<String>,
    wire_detail: Option<WireDetail>,
    settle_timeout: Option<Span>,
    #[serde(default)]
    images: BTreeMap<String, String>,
    #[serde(default)]
    flush: BTreeMap<String, String>,
}

/// Faults in a file: one string as `--faults` takes it, or a list of items.
struct Faults(String);

impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(FaultsVisitor)
    }
}

struct FaultsVisitor;

impl<'de> Visitor<'de> for FaultsVisitor {
    type Value = Faults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#""all", "none" or a list of items like "kill:NAME""#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Faults, E> {
        Ok(Faults(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Faults, A::Error> {
        let mut items: Vec<String> = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Faults(if items.is_empty() {
            "none".to_owned()
        } else {
            items.join(",")
        }))
    }
}

impl From<RequestFile> for PlanRequest {
    fn from(file: RequestFile) -> Self {
        let ms = |span: Option<Span>| span.map(|span| span.0);
        PlanRequest {
            target: file.target,
            seed: file.seed,
            preset: file.preset,
            policies: file.policies,
            time_ms: ms(file.time),
            rate: file.rate,
            shape: file.shape,
            clients: file.clients,
            counts: file.count,
            late: file.late,
            op_timeout_ms: ms(file.op_timeout),
            attempts: file.attempts,
            retry_after_ms: ms(file.retry_after),
            give_up: file.give_up,
            conflict: file.conflict,
            repeat: file.repeat,
            ask: file.ask,
            faults: file.faults.map(|faults| faults.0),
            rules: file.rules,
            wire_detail: file.wire_detail,
            settle_timeout_ms: ms(file.settle_timeout),
            images: file.images,
            flush: file.flush,
        }
    }
}

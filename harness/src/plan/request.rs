//! What a user asks for: on the command line, with the builder, or in a file (`paytwice run --plan FILE`).
//!
//! Everything is optional; what is not asked for gets its default when the plan is expanded. A plan file is either
//! such a request or the expanded `plan.toml` of a stored run, which is then replayed as it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::duration::duration_ms;
use super::error::PlanError;
use super::manifest::Late;
use super::read;
use super::types::{Plan, WireDetail};

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
    /// How long clients begin new payments.
    pub time_ms: Option<u64>,
    /// New payments per second, over all clients.
    pub rate: Option<f64>,
    /// Clients at work at the same time.
    pub clients: Option<u32>,
    /// Accounts.
    pub accounts: Option<u32>,
    /// How many of them are opened only after their first recharge.
    pub late_accounts: Option<u32>,
    /// A client gives up on an answer after this time.
    pub op_timeout_ms: Option<u64>,
    /// Attempts per payment, the first included.
    pub attempts: Option<u32>,
    /// Pause before a retry.
    pub retry_after_ms: Option<u64>,
    /// Share of payments with a card that is declined.
    pub declined_share: Option<f64>,
    /// Share of payments after which the same number is sent with another payload.
    pub conflict_share: Option<f64>,
    /// Share of payments whose client gives up at the first unknown outcome.
    pub give_up_share: Option<f64>,
    /// Queries per payment.
    pub query_share: Option<f64>,
    /// `all`, `none`, or a comma list of items.
    pub faults: Option<String>,
    /// What of the wire goes into the history.
    pub wire_detail: Option<WireDetail>,
    /// Rules at wire points, as `--rule` takes them.
    pub rules: Vec<String>,
    /// How long to wait for quiescence.
    pub settle_timeout_ms: Option<u64>,
    /// Whether a credit that only the compensation brought is accepted; the target's word when absent.
    pub late: Option<Late>,
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

    /// Reads the text of a plan file; `file` is its name in messages. An expanded plan has a `[workload]`.
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
        let mut images = other.images;
        images.extend(self.images);
        let mut flush = other.flush;
        flush.extend(self.flush);
        PlanRequest {
            target: self.target.or(other.target),
            seed: self.seed.or(other.seed),
            preset: self.preset.or(other.preset),
            policies,
            time_ms: self.time_ms.or(other.time_ms),
            rate: self.rate.or(other.rate),
            clients: self.clients.or(other.clients),
            accounts: self.accounts.or(other.accounts),
            late_accounts: self.late_accounts.or(other.late_accounts),
            op_timeout_ms: self.op_timeout_ms.or(other.op_timeout_ms),
            attempts: self.attempts.or(other.attempts),
            retry_after_ms: self.retry_after_ms.or(other.retry_after_ms),
            declined_share: self.declined_share.or(other.declined_share),
            conflict_share: self.conflict_share.or(other.conflict_share),
            give_up_share: self.give_up_share.or(other.give_up_share),
            query_share: self.query_share.or(other.query_share),
            faults: self.faults.or(other.faults),
            rules: if self.rules.is_empty() { other.rules } else { self.rules },
            wire_detail: self.wire_detail.or(other.wire_detail),
            settle_timeout_ms: self.settle_timeout_ms.or(other.settle_timeout_ms),
            late: self.late.or(other.late),
            images,
            flush,
        }
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
    clients: Option<u32>,
    accounts: Option<u32>,
    late_accounts: Option<u32>,
    op_timeout: Option<Span>,
    attempts: Option<u32>,
    retry_after: Option<Span>,
    declined_share: Option<f64>,
    conflict_share: Option<f64>,
    give_up_share: Option<f64>,
    query_share: Option<f64>,
    faults: Option<Faults>,
    #[serde(default)]
    rules: Vec<String>,
    wire_detail: Option<WireDetail>,
    settle_timeout: Option<Span>,
    late: Option<Late>,
    #[serde(default)]
    images: BTreeMap<String, String>,
    #[serde(default)]
    flush: BTreeMap<String, String>,
}

/// A duration in a file.
struct Span(u64);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a duration like "30s""#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        duration_ms(text).map(Span).map_err(E::custom)
    }
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
            clients: file.clients,
            accounts: file.accounts,
            late_accounts: file.late_accounts,
            op_timeout_ms: ms(file.op_timeout),
            attempts: file.attempts,
            retry_after_ms: ms(file.retry_after),
            declined_share: file.declined_share,
            conflict_share: file.conflict_share,
            give_up_share: file.give_up_share,
            query_share: file.query_share,
            faults: file.faults.map(|faults| faults.0),
            rules: file.rules,
            wire_detail: file.wire_detail,
            settle_timeout_ms: ms(file.settle_timeout),
            late: file.late,
            images: file.images,
            flush: file.flush,
        }
    }
}

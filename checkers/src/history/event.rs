//! One event of a history: what a line of `history.jsonl` says, typed.
//!
//! The core fields are Jepsen's: `index`, `time` (nanoseconds since the run began), `process`, `type`, `f`,
//! `value`, `error`. What `value` holds depends on `f`; an `f` that is not known here is kept as it stands, so
//! that histories of other programs survive a round trip.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::Wire;

/// The version of the history format that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

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
    Named(String),
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
    /// `recharge`: a client pays into an account.
    Recharge(Recharge),
    /// `query-pay`, `query-account`, `compensate`: a client asks for the result of a payment.
    Query(QueryPath, Query),
    /// `balance`: a client asks for a balance.
    Balance(Balance),
    /// `open-account`: an account is created by another system.
    OpenAccount(OpenAccount),
    /// `fault`: a step in the life of a fault.
    Fault(FaultStep),
    /// `wire`: something crossed a link.
    Wire(Wire),
    /// `read`: rows read straight from a database.
    Read(Read),
    /// `sample`: what quiescence looked like at a moment (lag, half messages, retries, ...).
    Sample(Sample),
    /// Anything else, as it stands: its `f` and its `value`.
    Other(String, Value),
}

/// The first event: what a reader must know to judge the history on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    pub policies: std::collections::BTreeMap<String, String>,
    /// What the target promises, and how amounts are coded.
    pub promise: Promise,
}

/// What the target promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Base of the coded amounts: the k-th payment of an account is `base^k` minor units.
    pub base: u32,
    /// Decimal digits behind the point of an amount.
    pub scale: u32,
    /// Whether a credit that only the compensation phase brought is accepted.
    pub late_is_valid: bool,
    /// Values of `result` that mean success.
    pub success: Vec<String>,
    /// Values of `result` that mean failure.
    pub failed: Vec<String>,
}

/// A phase of the run. `begin` is an `invoke` event, its end an `ok` (or `info` with an error when cut short).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// `setup`, `workload`, `heal`, `settle`, `compensate`, `settle-compensate`, `final-reads`.
    pub name: String,
}

/// A recharge. `invoke` carries what was asked; `ok`, `fail` and `info` repeat it and add the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recharge {
    /// The transaction number that the client chose.
    pub tx: String,
    /// The account.
    pub account: String,
    /// Minor units, as a decimal string (amounts may exceed 64 bits).
    pub amount: Minor,
    /// Position of the payment in its account: `amount == base^k`. None for a deliberate conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    /// 1 for the first try, counting up with each retry of the same payment.
    pub attempt: u32,
    /// What the client expects the payment to end as: false for a card that is declined.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub good: bool,
    /// True when the client deliberately sent a known number with another payload.
    #[serde(default, skip_serializing_if = "is_no")]
    pub conflict: bool,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Transaction number in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_tx: Option<String>,
    /// `result` of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Account of the answer, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_account: Option<String>,
    /// Amount of the answer as it stood there (major units), where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_amount: Option<String>,
}

/// Which way a payment's result was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryPath {
    /// `query-pay`: the recording service was asked.
    Pay,
    /// `query-account`: the crediting service was asked during the workload (it may credit).
    Account,
    /// `compensate`: the crediting service was asked in the compensation phase, for a payment not credited yet.
    Compensate,
}

/// A query for the result of a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Transaction number asked for (the one that the service gave, where it made one).
    pub tx: String,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `result` of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// A query for a balance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The account.
    pub account: String,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Balance as it stood in the answer (major units).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
}

/// An account is created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAccount {
    /// The account.
    pub account: String,
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

/// Rows read straight from a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// `initial`, `before-compensate` or `final`.
    pub at: ReadMoment,
    /// What was read, typed by its role.
    #[serde(flatten)]
    pub rows: Rows,
}

/// When a read was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadMoment {
    /// Before the workload.
    Initial,
    /// At quiescence, before the compensation phase.
    BeforeCompensate,
    /// At the end.
    Final,
}

/// Rows by role. A read that failed is an `info` event with an error and no rows of that role follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", content = "rows", rename_all = "kebab-case")]
pub enum Rows {
    /// Recorded payments.
    Payments(Vec<PaymentRow>),
    /// Balances of accounts.
    Balances(Vec<BalanceRow>),
    /// Transaction numbers that the crediting service says it has credited.
    Credits(Vec<CreditRow>),
}

/// One recorded payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// Transaction number.
    pub tx: String,
    /// Account.
    pub account: String,
    /// Amount in major units, as the database printed it.
    pub amount: String,
    /// Result, None where the column is NULL.
    pub result: Option<String>,
}

/// One balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceRow {
    /// Account.
    pub account: String,
    /// Balance in major units, as the database printed it; None where the column is NULL.
    pub balance: Option<String>,
}

/// One credited transaction number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditRow {
    /// Transaction number.
    pub tx: String,
}

/// A sample of what must come to rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Named counters: `lag`, `half`, `retry`, `delayed`, `dead`, `discarded`, `in-flight`, `rows`.
    #[serde(flatten)]
    pub counters: std::collections::BTreeMap<String, i64>,
}

/// An amount in minor units. A decimal string in JSON: JSON numbers end at 53 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Minor(pub i128);

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Minor {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Minor {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse()
            .map(Minor)
            .map_err(|_| de::Error::custom(format!("expected minor units as a decimal string, found {text:?}")))
    }
}

impl Body {
    /// The event's `f`.
    pub fn f(&self) -> &str {
        match self {
            Body::Header(_) => "history",
            Body::Phase(_) => "phase",
            Body::Recharge(_) => "recharge",
            Body::Query(QueryPath::Pay, _) => "query-pay",
            Body::Query(QueryPath::Account, _) => "query-account",
            Body::Query(QueryPath::Compensate, _) => "compensate",
            Body::Balance(_) => "balance",
            Body::OpenAccount(_) => "open-account",
            Body::Fault(_) => "fault",
            Body::Wire(_) => "wire",
            Body::Read(_) => "read",
            Body::Sample(_) => "sample",
            Body::Other(f, _) => f,
        }
    }

    /// True for operations of clients, which are invoked and then end as ok, fail or info.
    pub fn is_op(&self) -> bool {
        matches!(
            self,
            Body::Recharge(_) | Body::Query(..) | Body::Balance(_) | Body::OpenAccount(_)
        )
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
                Ok(Process::Named(name.to_owned()))
            }
        }
        d.deserialize_any(ProcessVisitor)
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_yes(b: &bool) -> bool {
    *b
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_no(b: &bool) -> bool {
    !*b
}

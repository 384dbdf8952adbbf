//! The manifest of a target, `target.toml`, typed: what the harness must know to run a target, break it and judge it.
//!
//! Types and their reading only. Whether the parts of a manifest fit together is decided in `check`; what a chosen
//! policy changes, in `target`. Must never guess: an unknown key, a wrong type or another version is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

mod dependency;
mod ready;
mod service;

use super::error::PlanError;
use super::read;

pub use dependency::{
    ConfigValue, Database, Dependency, DependencyKind, Group, LinkTls, Replica, Synchrony, Topic, TopicKind,
};
pub use ready::Ready;
pub use service::{CargoBin, Service};

/// The version of `target.toml` that this build reads.
pub const MANIFEST_VERSION: u32 = 1;

/// A target as its manifest describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Name of the target.
    pub name: String,
    /// One line for listings.
    pub summary: String,
    /// What the target stands on, by name.
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
    /// The processes under test, by name.
    pub services: BTreeMap<String, Service>,
    /// Decisions that can be taken wrongly on purpose, by name.
    #[serde(default)]
    pub policies: BTreeMap<String, Policy>,
    /// Named choices of several policies at once.
    #[serde(default)]
    pub presets: BTreeMap<String, Preset>,
    /// How amounts are written and how many digits a column keeps.
    pub money: Money,
    /// What clients do.
    pub operations: Operations,
    /// Where the transaction number stands in what crosses the wire.
    #[serde(default)]
    pub correlation: Correlation,
    /// How the final state is read.
    pub reads: Reads,
    /// What the target promises.
    pub promise: PromiseDef,
}

/// A decision of the target's services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The services that take it.
    pub services: Vec<String>,
    /// One line for listings.
    pub about: String,
    /// The value that is right.
    pub default: String,
    /// Every value, by name.
    pub values: BTreeMap<String, PolicyValue>,
}

/// A value of a policy, and what else changes with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyValue {
    /// One line for listings.
    pub about: String,
    /// Why it is wrong; none for a value that is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// Anomalies that give it away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<String>,
    /// Operations that are done in another way under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<String, OperationOverride>,
    /// Databases with another schema under it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, Database>,
    /// Other limits of money under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<MoneyOverride>,
}

/// What a policy value changes in an operation; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationOverride {
    /// Another method. `GET` has no body: the body goes unless one is given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Another path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Another body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BTreeMap<String, String>>,
    /// Other definite successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Vec<u16>>,
    /// Other definite failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Vec<u16>>,
    /// Another shape of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// What a policy value changes in the limits of money; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyOverride {
    /// Digits behind the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// Digits in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<u32>,
    /// Base of the coded amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u32>,
}

/// A named choice of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// One line for listings.
    pub about: String,
    /// Policy and value; what is not named keeps its default.
    pub policies: BTreeMap<String, String>,
}

/// How amounts are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Digits behind the point.
    pub scale: u32,
    /// Decimal digits in all that the column holds and sums keep exactly.
    pub digits: u32,
    /// Base of the coded amounts: one account tells `base - 1` credits of each payment apart.
    #[serde(default = "ten")]
    pub base: u32,
}

/// The operations of the clients. A role that is not given is not driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Operations {
    /// Pays into an account.
    pub recharge: HttpOperation,
    /// Asks the recording service for a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_pay: Option<HttpOperation>,
    /// Asks the crediting service for a payment; it credits what it finds (compensation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_account: Option<HttpOperation>,
    /// Asks for a balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<HttpOperation>,
    /// Opens an account, straight in a database.
    pub open_account: SqlOperation,
}

/// An HTTP call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpOperation {
    /// The service that is called.
    pub service: String,
    /// Method.
    pub method: Method,
    /// Path and query; `${tx}`, `${account}`, `${amount}`, `${card}` are filled in per call.
    pub path: String,
    /// JSON object of strings that is sent, filled in likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BTreeMap<String, String>>,
    /// Statuses of a definite success.
    pub ok: Vec<u16>,
    /// Statuses that say: certainly did not happen.
    #[serde(default)]
    pub fail: Vec<u16>,
    /// Where in the JSON answer things stand.
    #[serde(default)]
    pub answer: Answer,
    /// `recharge`: `${card}` of a payment that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_card: Option<String>,
    /// `recharge`: `${card}` of a payment that is declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_card: Option<String>,
}

/// Methods that operations use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
        })
    }
}

/// JSON pointers into an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Transaction number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tx: Option<String>,
    /// Result of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Amount in major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Balance in major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
}

/// A statement that another system would execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlOperation {
    /// The database.
    pub database: String,
    /// The statement; `${account}` is filled in per call.
    pub sql: String,
}

/// Where the transaction number stands in what crosses the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    /// JSON pointers into HTTP bodies.
    #[serde(default)]
    pub http_body: Vec<String>,
    /// Paths with `{tx}` in its place; other parts in braces stand for anything, so that points are named alike.
    #[serde(default)]
    pub http_path: Vec<String>,
    /// JSON pointers into message bodies.
    #[serde(default)]
    pub message_body: Vec<String>,
    /// Whether the keys of a message are transaction numbers.
    #[serde(default)]
    pub message_keys: bool,
    /// Columns of databases that hold transaction numbers: `table.column`.
    #[serde(default)]
    pub sql_columns: Vec<String>,
}

/// How the final state is read, straight from the databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reads {
    /// Recorded payments: columns `tx`, `account`, `amount`, `result`.
    pub payments: PaymentsRead,
    /// Balances: columns `account`, `balance`.
    pub balances: SqlRead,
    /// Credited transaction numbers, where the target keeps them: column `tx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits: Option<SqlRead>,
}

/// The read of recorded payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentsRead {
    /// The database.
    pub database: String,
    /// The query.
    pub sql: String,
    /// Values of `result` that mean success.
    pub success: Vec<String>,
    /// Values of `result` that mean failure.
    #[serde(default)]
    pub failed: Vec<String>,
}

/// A query of a final read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlRead {
    /// The database.
    pub database: String,
    /// The query.
    pub sql: String,
}

/// What the target promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromiseDef {
    /// How often a recorded payment is credited.
    pub credited: Credited,
    /// Whether a credit that only the compensation phase brought is accepted.
    #[serde(default)]
    pub late: Late,
}

/// How often a recorded payment is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credited {
    /// Exactly once.
    Once,
}

/// What a late credit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// Accepted, and reported.
    Valid,
    /// An anomaly.
    #[default]
    Invalid,
}

impl Manifest {
    /// Reads a manifest; `file` is its name in messages. Does not look at other files.
    pub fn parse(file: &str, text: &str) -> Result<Manifest, PlanError> {
        read::check_version(file, text, MANIFEST_VERSION)?;
        let manifest: Manifest = read::from_toml(file, text)?;
        let problems = super::check::problems(&manifest);
        if problems.is_empty() {
            Ok(manifest)
        } else {
            Err(PlanError::BadFile {
                file: file.to_owned(),
                problems,
            })
        }
    }

    /// Every database with the dependency that holds it.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &str, &Database)> {
        self.dependencies.iter().flat_map(|(dependency, d)| {
            d.databases
                .iter()
                .map(move |(name, database)| (dependency.as_str(), name.as_str(), database))
        })
    }

    /// The HTTP operations that are given, by name.
    pub fn http_operations(&self) -> Vec<(&'static str, &HttpOperation)> {
        let ops = &self.operations;
        let mut all = vec![("recharge", &ops.recharge)];
        all.extend(ops.query_pay.as_ref().map(|op| ("query-pay", op)));
        all.extend(ops.query_account.as_ref().map(|op| ("query-account", op)));
        all.extend(ops.balance.as_ref().map(|op| ("balance", op)));
        all
    }

    /// The HTTP operation of that name, if it is given.
    pub fn http_operation_mut(&mut self, name: &str) -> Option<&mut HttpOperation> {
        let ops = &mut self.operations;
        match name {
            "recharge" => Some(&mut ops.recharge),
            "query-pay" => ops.query_pay.as_mut(),
            "query-account" => ops.query_account.as_mut(),
            "balance" => ops.balance.as_mut(),
            _ => None,
        }
    }
}

fn ten() -> u32 {
    10
}

//! Verdicts, anomalies and the results of a run: what checkers say, and what reports print.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The version of `results.json`.
pub const RESULTS_VERSION: u32 = 1;

/// What a checker decided. Merging: invalid beats unknown beats valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was promised was seen to hold.
    Valid,
    /// It cannot be decided; the reason says why.
    Unknown,
    /// A promise was broken; the anomalies say how.
    Invalid,
}

impl Verdict {
    /// The worse of two verdicts.
    #[must_use]
    pub fn merge(self, other: Verdict) -> Verdict {
        self.max(other)
    }
}

/// How far the verdicts of a checker, or of one model of it, go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Sound and complete: what is invalid is violated, and what is valid holds.
    Decided,
    /// Sound, not complete: what is invalid is violated; a violation can be missed, and is then never called valid.
    Inferred,
    /// No procedure decides it: unknown as soon as anything was seen that may violate it.
    NotDecided,
}

impl Completeness {
    /// As it is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Completeness::Decided => "decided",
            Completeness::Inferred => "inferred",
            Completeness::NotDecided => "not decided",
        }
    }
}

/// A row of the table of what a checker decides: the registries hold these rows.
#[derive(Clone, Copy, Debug)]
pub struct Decides {
    /// Which models or histories; empty for everything that the checker judges.
    pub of: &'static str,
    /// How far its verdicts go there.
    pub completeness: Completeness,
    /// By which procedure, or what it can miss.
    pub how: &'static str,
}

/// The row of a checker that decides everything that it promises.
pub(crate) const fn decided(how: &'static str) -> Decides {
    Decides {
        of: "",
        completeness: Completeness::Decided,
        how,
    }
}

/// What every verdict of a checker is worth: that of its only row. None where it depends on the model or the history.
pub(crate) fn of_all(rows: &[Decides]) -> Option<Completeness> {
    match rows {
        [row] => Some(row.completeness),
        _ => None,
    }
}

/// One broken promise, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Its name: `lost`, `double`, `ghost`, `wrong-amount`, `wrong-account`, `late`, `duplicate-payment`, ...
    pub kind: String,
    /// The subject (its key, as the client knows it) or holder that it is about.
    pub subject: String,
    /// One sentence that an engineer can read aloud.
    pub sentence: String,
    /// Indices of the events that prove it, in order.
    pub witness: Vec<u64>,
}

/// What one checker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckerResult {
    /// Name of the promise: its checker, or the name that the target gave it.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// How far the verdict goes; None where the checker does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// Why it is unknown, or a remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it counted, by name.
    pub counts: BTreeMap<String, u64>,
    /// Every anomaly found.
    pub anomalies: Vec<Anomaly>,
}

/// What became of one subject, from end to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// Its kind: `payment`, `order`, ...
    pub kind: String,
    /// Its key, as the client knows it.
    pub subject: String,
    /// What its client asked for, by field.
    pub fields: BTreeMap<String, String>,
    /// How often the client tried.
    pub attempts: u32,
    /// What the client knows at the end: ok, fail or info.
    pub outcome: crate::history::Kind,
    /// Rows recorded for it (more than one where the server makes the keys). None where no view of records was read to the end.
    pub recorded: Option<u32>,
    /// What its (first) row says of it.
    pub result: Option<String>,
    /// Deliveries seen on the wire.
    pub delivered: u32,
    /// How often it took effect, for the subscriber for whom it did so least often; None where that cannot be read.
    pub effects: Option<u32>,
    /// How often it had taken effect at rest, before anything was repaired.
    pub effects_before_repair: Option<u32>,
    /// First attempt, nanoseconds since the run began.
    pub first_invoke_ns: u64,
    /// When the client had a definite answer, nanoseconds since the run began.
    pub answered_ns: Option<u64>,
    /// First delivery seen on the wire, nanoseconds since the run began.
    pub first_delivered_ns: Option<u64>,
    /// Names of the anomalies that concern it; empty when all is well.
    pub anomalies: Vec<String>,
}

/// What a target calls what is judged: for sentences and headings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// One of the subjects: `payment`.
    pub subject: String,
    /// That the first service wrote it down: `recorded`.
    pub recorded: String,
    /// That it took effect: `credited`.
    pub effect: String,
    /// What holds the sum of the effects, where there is one: `account`.
    pub holder: Option<String>,
}

/// Counts and latencies of one kind of operation in one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpStats {
    /// Operations invoked.
    pub invoked: u64,
    /// Ended as ok.
    pub ok: u64,
    /// Ended as fail.
    pub fail: u64,
    /// Of those that failed: nothing was sent, for want of a connection.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unsent: u64,
    /// Ended as info, or never ended.
    pub info: u64,
    /// Share of definite answers (ok, or fail of what was sent) among the invoked, 0 to 1; None when none was invoked.
    pub availability: Option<f64>,
    /// Latency of definite answers in microseconds: p50, p90, p99, max.
    pub latency_p50_us: Option<u64>,
    /// 90th percentile, microseconds.
    pub latency_p90_us: Option<u64>,
    /// 99th percentile, microseconds.
    pub latency_p99_us: Option<u64>,
    /// Largest, microseconds.
    pub latency_max_us: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(n: &u64) -> bool {
    *n == 0
}

/// Statistics of one window: the whole workload, no fault in force, or one fault in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowStats {
    /// `workload`, `no fault`, or the fault: `kill pay #3`.
    pub window: String,
    /// Number of the fault, for a fault's window.
    pub fault: Option<u32>,
    /// Beginning and end, nanoseconds since the run began.
    pub from_ns: u64,
    /// End, nanoseconds since the run began.
    pub to_ns: u64,
    /// Per `f`.
    pub ops: BTreeMap<String, OpStats>,
}

/// A fault as the history tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSummary {
    /// Number in the plan.
    pub id: u32,
    /// Kind.
    pub fault: String,
    /// What it was done to.
    pub on: String,
    /// When it was done, nanoseconds since the run began.
    pub from_ns: u64,
    /// When it was seen healed, nanoseconds since the run began; None when never.
    pub to_ns: Option<u64>,
    /// Whether it was seen to take effect.
    pub seen: bool,
    /// Evidence in words, in order.
    pub evidence: Vec<String>,
}

/// How often a key was found on a link, of the frames on which one of its places could stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCount {
    /// The link.
    pub link: String,
    /// The key.
    pub key: String,
    /// Frames that carried it.
    pub found: u64,
    /// Frames on which one of its places could stand.
    pub of: u64,
}

impl fmt::Display for KeyCount {
    /// `pay->mysql 3 of 40`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.link, self.found, self.of)
    }
}

/// Everything decided about one run: `results.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`RESULTS_VERSION`].
    pub version: u32,
    /// The merged verdict.
    pub verdict: Verdict,
    /// One sentence: the verdict and its weightiest reason.
    pub sentence: String,
    /// The run's header.
    pub header: crate::history::Header,
    /// Whether the history was cut short (the harness died while it was written).
    pub truncated: bool,
    /// Events in the history.
    pub events: u64,
    /// Per checker.
    pub checkers: Vec<CheckerResult>,
    /// Per subject that a promise followed from end to end.
    pub fates: Vec<Fate>,
    /// What the target calls them; None where nothing was followed.
    pub words: Option<Words>,
    /// Statistics per window.
    pub windows: Vec<WindowStats>,
    /// The faults.
    pub faults: Vec<FaultSummary>,
    /// How often keys were found on links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyCount>,
    /// Bytes that crossed links without being understood, by link.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unparsed: BTreeMap<String, u64>,
    /// Phases: name, begin, end (None when cut short), in order; nanoseconds since the run began.
    pub phases: Vec<(String, u64, Option<u64>)>,
    /// What went wrong with the run itself, a sentence each: errors of phases, processes that ended by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
    /// Other figures: `convergence_ms`, `soft_state_p50_ms`, `effects_before_repair`, `effects_by_repair`, ...
    pub figures: BTreeMap<String, f64>,
}

/// Kinds of anomalies, the weightiest first: effects first, then records, then answers, then sums. Others come last.
const WEIGHTS: [&str; 20] = [
    "double",
    "ghost",
    "lost",
    "wrong-account",
    "wrong-amount",
    "lost-write",
    "duplicate-record",
    "payload-overwritten",
    "conflict-accepted",
    "unexpected-record",
    "late",
    "false-fail",
    "false-success",
    "answer-contradicted",
    "divergent-answer",
    "null-balance",
    "missing-account",
    "duplicate-account",
    "inexact",
    "wrong-balance",
];

/// Rank of a kind of anomaly: 0 is the weightiest.
pub fn weight(kind: &str) -> usize {
    WEIGHTS.iter().position(|k| *k == kind).unwrap_or(WEIGHTS.len())
}

/// Every anomaly of every checker, the weightiest first.
pub(crate) fn by_weight(checkers: &[CheckerResult]) -> Vec<&Anomaly> {
    let mut anomalies: Vec<&Anomaly> = checkers.iter().flat_map(|c| &c.anomalies).collect();
    anomalies.sort_by_key(|a| weight(&a.kind));
    anomalies
}

impl Results {
    /// Every anomaly of every checker, the weightiest first: what a summary shows when it cannot show all.
    pub fn anomalies(&self) -> Vec<&Anomaly> {
        by_weight(&self.checkers)
    }
}

//! What is said of a history: the anomalies, what they rule out, and the verdict on the models asked for.

use std::collections::BTreeMap;

use super::cycles::{Cycle, Cycles, Step};
use super::graph::{Edges, Graph};
use super::kind::{Class, Kind, Order};
use super::model::{Model, Models};
use super::txns::{Outcome, Txns};
use crate::verdict::{Anomaly, CheckerResult, Verdict};

/// What to judge by, and how much to say and to search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The models that the history should satisfy.
    pub models: Vec<Model>,
    /// How many anomalies of each kind are described; all are counted.
    pub witnesses_max: usize,
    /// How many edges the search for short witnesses may look at.
    pub search_edges_max: u64,
    /// The strongest order that the indices of invocations and completions tell: real time; less in a history of completions
    /// only, the order of each process or none. Models that need a stronger one are then unknown, where they are not invalid.
    pub order: Order,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            models: vec![Model::StrictSerializable],
            witnesses_max: 16,
            search_edges_max: 64_000_000,
            order: Order::Realtime,
        }
    }
}

impl Options {
    /// The defaults, with one model to satisfy.
    #[must_use]
    pub fn model(model: Model) -> Self {
        Options {
            models: vec![model],
            ..Options::default()
        }
    }
}

/// The outcome of a check: every anomaly, whether or not the models asked for forbid it.
#[derive(Clone, Debug)]
pub struct Report {
    name: &'static str,
    models: Vec<Model>,
    /// Why nothing could be judged.
    unjudged: Option<String>,
    remarks: Vec<String>,
    totals: BTreeMap<Kind, u64>,
    anomalies: Vec<(Kind, Anomaly)>,
    ruled_out: Models,
    undecided: Models,
    /// Those that need an order that the history does not tell.
    unordered: Models,
    counts: BTreeMap<String, u64>,
}

impl Report {
    /// Whether the history satisfies one model.
    #[must_use]
    pub fn verdict(&self, model: Model) -> Verdict {
        if self.ruled_out.contains(model) {
            Verdict::Invalid
        } else if self.unjudged.is_some() || self.undecided.contains(model) || self.unordered.contains(model) {
            Verdict::Unknown
        } else {
            Verdict::Valid
        }
    }

    /// The strongest models that may still hold.
    #[must_use]
    pub fn strongest(&self) -> Vec<Model> {
        self.ruled_out.strongest_outside()
    }

    /// The weakest models that do not hold.
    #[must_use]
    pub fn ruled_out(&self) -> Vec<Model> {
        self.ruled_out.weakest()
    }

    /// Each kind seen, and how often: of cycles, in how many independent groups of transactions.
    #[must_use]
    pub fn kinds(&self) -> &BTreeMap<Kind, u64> {
        &self.totals
    }

    /// The anomalies described, each with its kind.
    #[must_use]
    pub fn anomalies(&self) -> &[(Kind, Anomaly)] {
        &self.anomalies
    }

    /// The result for the models asked for: anomalies that they permit are counted, and named in the reason.
    #[must_use]
    pub fn into_result(self) -> CheckerResult {
        let verdict = self
            .models
            .iter()
            .map(|m| self.verdict(*m))
            .fold(Verdict::Valid, Verdict::merge);
        let reason = self.reason(verdict);
        let (forbidden, _): (Vec<_>, Vec<_>) = self.anomalies.into_iter().partition(|(kind, _)| {
            let mut out = Models::default();
            kind.rules_out().iter().for_each(|m| out.rule_out(*m));
            self.models.iter().any(|m| out.contains(*m))
        });
        let mut counts = self.counts;
        counts.extend(self.totals.iter().map(|(kind, total)| (kind.name().to_owned(), *total)));
        CheckerResult {
            name: self.name.to_owned(),
            verdict,
            completeness: None,
            reason: Some(reason),
            counts,
            anomalies: forbidden.into_iter().map(|(_, anomaly)| anomaly).collect(),
        }
    }

    fn reason(&self, verdict: Verdict) -> String {
        let mut said = Vec::new();
        said.extend(self.unjudged.clone());
        if self.unjudged.is_none() {
            said.push(format!("judged by {}", names(&self.models)));
            if !self.totals.is_empty() {
                said.push(format!("seen: {}", join(self.totals.keys().map(|k| k.name()))));
                said.push(format!("not {}", names(&self.ruled_out())));
                let strongest = self.strongest();
                said.push(match strongest.is_empty() {
                    true => "no model can hold".to_owned(),
                    false => format!("the strongest that may hold: {}", names(&strongest)),
                });
            }
        }
        let open = |models: Models| {
            let open = |m: &&Model| models.contains(**m) && !self.ruled_out.contains(**m);
            self.models.iter().filter(open).copied().collect::<Vec<Model>>()
        };
        if verdict == Verdict::Unknown && self.unjudged.is_none() {
            let unordered = open(self.unordered);
            if !unordered.is_empty() {
                said.push(format!(
                    "not decided: {}, as no invocation is on record that would tell the order of transactions in time",
                    names(&unordered)
                ));
            }
        }
        if verdict == Verdict::Unknown && self.unjudged.is_none() && !open(self.undecided).is_empty() {
            said.push(
                "whether a cycle has one anti-dependency or several was not decided within the budget".to_owned(),
            );
        }
        said.extend(self.remarks.iter().cloned());
        said.join("; ")
    }
}

fn names(models: &[Model]) -> String {
    join(models.iter().map(|m| m.name()))
}

pub(super) fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// Gathers what a checker finds.
pub(super) struct Findings {
    witnesses_max: usize,
    totals: BTreeMap<Kind, u64>,
    anomalies: Vec<(Kind, Anomaly)>,
    remarks: Vec<String>,
    counts: BTreeMap<String, u64>,
    undecided: bool,
    /// Reads of committed transactions.
    reads: u64,
}

impl Findings {
    pub(super) fn new(witnesses_max: usize) -> Self {
        Findings {
            witnesses_max,
            totals: BTreeMap::new(),
            anomalies: Vec::new(),
            remarks: Vec::new(),
            counts: BTreeMap::new(),
            undecided: false,
            reads: 0,
        }
    }

    /// Adds an anomaly; it is described only while there is room.
    pub(super) fn add(&mut self, kind: Kind, describe: impl FnOnce() -> (String, String, Vec<u64>)) {
        let total = self.totals.entry(kind).or_default();
        *total += 1;
        if *total <= self.witnesses_max as u64 {
            let (subject, sentence, witness) = describe();
            self.anomalies.push((
                kind,
                Anomaly {
                    kind: kind.name().to_owned(),
                    subject,
                    sentence,
                    witness,
                },
            ));
        }
    }

    pub(super) fn remark(&mut self, remark: String) {
        self.remarks.push(remark);
    }

    pub(super) fn count(&mut self, name: &str, count: u64) {
        self.counts.insert(name.to_owned(), count);
    }

    /// So many reads of committed transactions say what they found.
    pub(super) fn observed(&mut self, reads: u64) {
        self.reads = reads;
    }

    /// Adds what was found in the graph; `why` says in words why one transaction comes before another.
    pub(super) fn add_cycles(&mut self, cycles: Cycles, txns: &Txns, graph: &Graph, why: impl Fn(&Step) -> String) {
        self.count("dependencies", graph.edges() as u64);
        self.undecided = cycles.undecided;
        self.totals.extend(cycles.totals);
        for cycle in &cycles.found {
            self.anomalies.push((cycle.kind, describe(cycle, txns, &why)));
        }
    }

    pub(super) fn report(mut self, name: &'static str, txns: &Txns, options: &Options) -> Report {
        let mut ruled_out = Models::default();
        self.totals
            .keys()
            .flat_map(|kind| kind.rules_out())
            .for_each(|m| ruled_out.rule_out(*m));
        let mut undecided = Models::default();
        if self.undecided {
            let weakest = Kind::Cycle(Class::GSingle, Order::Data).rules_out();
            weakest.iter().for_each(|m| undecided.rule_out(*m));
        }
        let mut unordered = Models::default();
        if options.order < Order::Realtime {
            unordered.rule_out(Model::StrongReadUncommitted);
        }
        if options.order < Order::Process {
            unordered.rule_out(Model::StrongSessionReadUncommitted);
        }
        self.anomalies.sort_by_key(|(kind, _)| *kind);
        for (outcome, name) in [(Outcome::Ok, "ok"), (Outcome::Fail, "fail"), (Outcome::Info, "info")] {
            self.count(name, txns.count(outcome));
        }
        self.count("transactions", txns.len() as u64);
        let unjudged = if txns.count(Outcome::Ok) == 0 {
            Some("no transaction committed".to_owned())
        } else if self.reads == 0 && self.totals.is_empty() {
            Some("no committed transaction read anything: nothing could contradict the writes".to_owned())
        } else {
            None
        };
        Report {
            name,
            models: options.models.clone(),
            unjudged,
            remarks: self.remarks,
            totals: self.totals,
            anomalies: self.anomalies,
            ruled_out,
            undecided,
            unordered,
            counts: self.counts,
        }
    }

    /// A report that judges nothing, and says why.
    pub(super) fn unjudged(self, name: &'static str, txns: &Txns, options: &Options, why: String) -> Report {
        Report {
            unjudged: Some(why),
            ..self.report(name, txns, options)
        }
    }
}

/// How many of a kind a sentence names.
const NAMED_MAX: usize = 12;

/// The first few of some names, and how many more there are.
pub(super) fn list_names(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let mut named: Vec<String> = names.take(NAMED_MAX).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

/// The name of a transaction in sentences.
pub(super) fn name(txns: &Txns, txn: u32) -> String {
    format!("T{}", txns.index(txn))
}

/// Why the orders apart from the data put one transaction before another.
pub(super) fn why_ordered(txns: &Txns, step: &Step) -> Option<String> {
    let (from, to) = (name(txns, step.from), name(txns, step.to));
    if step.edge == Edges::PROCESS {
        return Some(format!(
            "process {} ran {from} and then {to}",
            txns.process_name(step.from)
        ));
    }
    (step.edge == Edges::REALTIME).then(|| format!("{from} completed before {to} was invoked"))
}

fn describe(cycle: &Cycle, txns: &Txns, why: &impl Fn(&Step) -> String) -> Anomaly {
    let clause = |step: &Step| {
        format!(
            "{} comes before {}, because {}",
            name(txns, step.from),
            name(txns, step.to),
            why(step)
        )
    };
    let (last, first) = cycle.steps.split_last().expect("a cycle has steps");
    let mut clauses: Vec<String> = first.iter().take(NAMED_MAX).map(clause).collect();
    if first.len() > NAMED_MAX {
        let end = name(txns, last.from);
        clauses.push(format!(
            "and so on over {} more transactions up to {end}",
            first.len() - NAMED_MAX
        ));
    }
    Anomaly {
        kind: cycle.kind.name().to_owned(),
        subject: list_names(cycle.steps.iter().map(|step| name(txns, step.from))),
        sentence: format!("{}; but {}", clauses.join("; "), clause(last)),
        witness: cycle.steps.iter().map(|step| txns.index(step.from)).collect(),
    }
}

//! What is said of a history: the anomalies, what they rule out, and the verdict on the models asked for.

use std::collections::BTreeMap;

use super::completeness::completeness;
use super::cycles::{Cycle, Cycles, Step};
use super::graph::Edges;
use super::kind::{Class, Kind, Order};
use super::model::{Model, Models};
use super::txns::{Outcome, Txns};
use crate::verdict::{Anomaly, CheckerResult, Completeness, Verdict};

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
    /// The models that are shown to hold.
    shown: Models,
    doubted: bool,
    /// Why a model that is neither ruled out nor shown is left open.
    open: Vec<(Models, String)>,
    counts: BTreeMap<String, u64>,
}

impl Report {
    /// Whether the history satisfies one model.
    #[must_use]
    pub fn verdict(&self, model: Model) -> Verdict {
        if self.ruled_out.contains(model) {
            Verdict::Invalid
        } else if self.unjudged.is_none() && self.shown.contains(model) {
            Verdict::Valid
        } else {
            Verdict::Unknown
        }
    }

    /// Whether something keeps every model from being valid, whatever was found: reads of values from elsewhere, nothing
    /// that binds the history, values that were written twice.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.unjudged.is_some() || self.doubted
    }

    /// How far the verdict on a model goes: one that is valid or invalid is proved.
    fn completeness(&self, model: Model) -> Completeness {
        match self.verdict(model) {
            Verdict::Unknown => completeness(self.name, model),
            Verdict::Valid | Verdict::Invalid => Completeness::Decided,
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
        let reason = self.reason();
        let decisive = self.models.iter().filter(|model| self.verdict(**model) == verdict);
        let completeness = decisive.map(|model| self.completeness(*model)).max();
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
            completeness,
            reason: Some(reason),
            counts,
            anomalies: forbidden.into_iter().map(|(_, anomaly)| anomaly).collect(),
        }
    }

    fn reason(&self) -> String {
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
        if self.unjudged.is_none() {
            said.extend(self.left_open());
        }
        said.extend(self.remarks.iter().cloned());
        said.join("; ")
    }
}

impl Report {
    /// Why models that were asked for are left open.
    fn left_open(&self) -> Vec<String> {
        let asked = self.models.iter().copied();
        let open: Vec<Model> = asked.filter(|model| self.verdict(*model) == Verdict::Unknown).collect();
        let mut said: Vec<String> = Vec::new();
        for model in open {
            let mut why = self.open.iter().filter(|(models, _)| models.contains(model)).peekable();
            if why.peek().is_none() {
                said.push(match completeness(self.name, model) {
                    Completeness::NotDecided => {
                        format!("no procedure decides {model} here, and no stronger model is shown to hold")
                    }
                    _ => format!(
                        "nothing found rules out {model}, but no order of the transactions was found that explains \
                         every read: that it holds is not shown"
                    ),
                });
            }
            said.extend(why.map(|(_, why)| why.clone()));
        }
        said.dedup();
        said
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
    shown: Models,
    open: Vec<(Models, String)>,
    /// Whatever is not ruled out is unknown, for these reasons.
    doubts: Vec<String>,
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
            shown: Models::default(),
            open: Vec::new(),
            doubts: Vec::new(),
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

    /// Something that keeps every model from being valid.
    pub(super) fn doubt(&mut self, doubt: String) {
        self.doubts.push(doubt);
    }

    /// Whether anything does.
    pub(super) fn doubted(&self) -> bool {
        !self.doubts.is_empty()
    }

    /// The model is shown to hold, unless it is ruled out, and with it all that it implies.
    pub(super) fn show(&mut self, model: Model) {
        if !self.ruled_out().contains(model) {
            self.shown.show(model);
        }
    }

    /// Whether the model is shown to hold.
    pub(super) fn shows(&self, model: Model) -> bool {
        self.shown.contains(model)
    }

    /// Why these models, and what implies them, are left open where they are not shown to hold.
    pub(super) fn leave_open(&mut self, models: &[Model], why: &str) {
        let mut open = Models::default();
        models.iter().for_each(|model| open.rule_out(*model));
        self.open.push((open, why.to_owned()));
    }

    /// What the anomalies so far rule out.
    pub(super) fn ruled_out(&self) -> Models {
        let mut ruled_out = Models::default();
        let kinds = self.totals.keys();
        kinds
            .flat_map(|kind| kind.rules_out())
            .for_each(|m| ruled_out.rule_out(*m));
        ruled_out
    }

    /// Whether any anomaly of a kind was seen.
    pub(super) fn has(&self, is_it: impl Fn(Kind) -> bool) -> bool {
        self.totals.keys().any(|kind| is_it(*kind))
    }

    /// Whether it is still open if the model holds, and to show that would answer a question.
    pub(super) fn asks(&self, model: Model, options: &Options) -> bool {
        let ruled_out = self.ruled_out();
        let open = |asked: &Model| !self.shown.contains(*asked) && !ruled_out.contains(*asked);
        let mut asked = options.models.iter();
        open(&model) && asked.any(|asked| open(asked) && model.weaker().contains(*asked))
    }

    /// Whether it is still open if the model holds, and to know it may answer a question.
    pub(super) fn wants(&self, model: Model, options: &Options) -> bool {
        let ruled_out = self.ruled_out();
        let open = |asked: &&Model| !self.shown.contains(**asked) && !ruled_out.contains(**asked);
        let mut asked = options.models.iter().filter(open);
        asked.any(|asked| asked.weaker().contains(model) || model.weaker().contains(*asked))
    }

    pub(super) fn count(&mut self, name: &str, count: u64) {
        self.counts.insert(name.to_owned(), count);
    }

    /// So many reads of committed transactions say what they found.
    pub(super) fn observed(&mut self, reads: u64) {
        self.reads = reads;
    }

    /// Adds what was found in the graph; `why` says in words why one transaction comes before another.
    pub(super) fn add_cycles(&mut self, cycles: Cycles, txns: &Txns, why: impl Fn(&Step) -> String) {
        if cycles.undecided {
            self.leave_open(
                Kind::Cycle(Class::GSingle, Order::Data).rules_out(),
                "whether a cycle has one anti-dependency or several was not decided within the budget",
            );
        }
        self.totals.extend(cycles.totals);
        for cycle in &cycles.found {
            self.anomalies.push((cycle.kind, describe(cycle, txns, &why)));
        }
    }

    pub(super) fn report(mut self, name: &'static str, txns: &Txns, options: &Options) -> Report {
        let ruled_out = self.ruled_out();
        // Models that need an order that the history does not tell.
        for (order, weakest) in [
            (Order::Realtime, Model::StrongReadUncommitted),
            (Order::Process, Model::StrongSessionReadUncommitted),
        ] {
            if options.order < order {
                self.shown.remove_up(weakest);
                let mut unordered = Models::default();
                unordered.rule_out(weakest);
                let asked = options
                    .models
                    .iter()
                    .copied()
                    .filter(|model| unordered.contains(*model));
                let why = format!(
                    "not decided: {}, as no invocation is on record that would tell the order of transactions in time",
                    names(&asked.collect::<Vec<Model>>())
                );
                self.open.push((unordered, why));
            }
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
            Some(self.doubts.join("; ")).filter(|doubts| !doubts.is_empty() && self.totals.is_empty())
        };
        // Beside anomalies the doubts keep open what those permit.
        if !self.doubts.is_empty() {
            self.shown = Models::default();
            self.leave_open(&[Model::ReadUncommitted], &self.doubts.join("; "));
        }
        Report {
            name,
            models: options.models.clone(),
            unjudged,
            remarks: self.remarks,
            totals: self.totals,
            anomalies: self.anomalies,
            ruled_out,
            doubted: !self.doubts.is_empty(),
            shown: self.shown,
            open: self.open,
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

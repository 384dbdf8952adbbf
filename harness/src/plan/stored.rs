//! A plan as it is stored, replayed and shown: `plan.toml`, and lines for a terminal.
//!
//! A stored plan is replayed as it stands. Must never fill in or draw anything.

use std::fmt;
use std::ops::RangeInclusive;

use paytwice_checkers::names::{did_you_mean, list};

use super::check::{
    ATTEMPTS, CLIENTS, COUNT_MAX, OP_TIMEOUT_MS, RATE_MAX, RETRY_AFTER_MS, SHARE, STAGES_MAX, SUBJECTS_MAX, is_rate,
};
use super::duration::show_ms;
use super::error::PlanError;
use super::expand::Needed;
use super::machine;
use super::points::check_rule;
use super::read;
use super::schedule::Topology;
use super::target::Target;
use super::types::{FaultSpec, PLAN_VERSION, Plan, PlannedFault, WorkloadPlan};

impl Plan {
    /// The plan as `plan.toml` holds it.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).unwrap_or_else(|e| unreachable!("a plan is numbers, strings and tables: {e}"));
        format!("# The plan of one run, fully expanded. `paytwice run --plan FILE` carries it out again.\n\n{body}")
    }

    /// Reads a stored plan; `file` is its name in messages.
    pub fn from_toml(file: &str, text: &str) -> Result<Plan, PlanError> {
        read::check_version(file, text, PLAN_VERSION)?;
        let mut plan: Plan = read::from_toml(file, text)?;
        let problems = problems(&plan.workload);
        plan.faults.sort_by_key(|fault| fault.at_ms);
        if problems.is_empty() {
            Ok(plan)
        } else {
            Err(PlanError::BadFile {
                file: file.to_owned(),
                problems,
            })
        }
    }

    /// Whether the plan can be carried out on this target: its policies, subjects, links and parties are there.
    pub fn check_against(&self, target: &Target) -> Result<(), PlanError> {
        let manifest = target.effective(&self.policies)?;
        for kind in manifest
            .subjects
            .iter()
            .filter(|(_, s)| s.is_beforehand())
            .map(|(kind, _)| kind)
        {
            let all = self.workload.counts.get(kind).map_or(0, |count| count.all);
            let needed = Needed::of(&manifest, kind, self.workload.subjects_max).count;
            if all < needed {
                let problem = format!("is {all}; the subjects of the workload need at least {needed}");
                return Err(PlanError::value(format!("workload.counts.{kind}.all"), problem));
            }
        }
        machine::check_flush(&target.parties(), &self.flush).map_err(|problem| PlanError::value("flush", problem))?;
        self.faults.iter().try_for_each(|planned| check_fault(target, planned))
    }

    /// The plan in lines for a terminal: everything in it.
    pub fn describe(&self) -> Vec<String> {
        let w = &self.workload;
        let policies: Vec<String> = self
            .policies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut lines = vec![
            format!("plan      {} on {}, seed {}", self.target, self.stack, self.seed),
            format!(
                "policies  {}",
                if policies.is_empty() {
                    "none".to_owned()
                } else {
                    policies.join(" ")
                }
            ),
            format!(
                "workload  {} at {}/s by {} clients, at most {} subjects",
                show_ms(w.time_ms),
                w.stages
                    .iter()
                    .map(|stage| stage.rate.to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
                w.clients,
                w.subjects_max,
            ),
            format!(
                "          {} give up at once, {} with a conflict, {} repeated, {} followed by a question",
                percent(w.give_up),
                percent(w.conflict),
                percent(w.repeat),
                percent(w.ask)
            ),
            format!(
                "          an answer may take {}{}",
                show_ms(w.op_timeout_ms),
                attempts(w)
            ),
        ];
        lines.extend(
            w.counts
                .iter()
                .map(|(kind, count)| format!("          {kind}: {}, {} of them opened late", count.all, count.late)),
        );
        lines.push(format!(
            "settle    within {}, sampled every {}",
            show_ms(self.settle.timeout_ms),
            show_ms(self.settle.sample_every_ms),
        ));
        lines.extend(
            self.images
                .iter()
                .map(|(name, image)| format!("image     {name} {image}")),
        );
        lines.extend(
            self.flush
                .iter()
                .map(|(party, value)| format!("flush     {party} {value}")),
        );
        lines.push(format!("faults    {}", self.faults.len()));
        lines.extend(self.faults.iter().map(|planned| {
            let (from, to) = (seconds(planned.at_ms), seconds(planned.at_ms + planned.for_ms));
            format!("  #{:<3} {from:>7} - {to:>6} s  {}", planned.id, planned.fault)
        }));
        lines
    }
}

/// Everything that is out of range.
fn problems(workload: &WorkloadPlan) -> Vec<String> {
    let w = workload;
    let mut problems = vec![
        outside("clients", w.clients, &CLIENTS),
        outside("subjects_max", w.subjects_max, &(0..=SUBJECTS_MAX)),
        outside("op_timeout_ms", w.op_timeout_ms, &OP_TIMEOUT_MS),
        w.attempts.and_then(|n| outside("attempts", n, &ATTEMPTS)),
        w.retry_after_ms
            .and_then(|ms| outside("retry_after_ms", ms, &RETRY_AFTER_MS)),
        outside("give_up", w.give_up, &SHARE),
        outside("conflict", w.conflict, &SHARE),
        outside("repeat", w.repeat, &SHARE),
        outside("ask", w.ask, &SHARE),
        outside("stages", w.stages.len(), &(1..=STAGES_MAX)).map(|problem| format!("{problem} rates")),
    ];
    for (kind, count) in &w.counts {
        problems.push(outside(&format!("counts.{kind}.all"), count.all, &(1..=COUNT_MAX)));
        problems.push(outside(&format!("counts.{kind}.late"), count.late, &(0..=count.all)));
    }
    let rates = w.stages.iter().map(|stage| stage.rate).filter(|rate| !is_rate(*rate));
    problems.extend(rates.map(|rate| {
        Some(format!(
            "workload.stages has the rate {rate}; it must be above 0 and at most {RATE_MAX}"
        ))
    }));
    let lasts_ms = w
        .stages
        .iter()
        .fold(0u64, |sum, stage| sum.saturating_add(stage.for_ms));
    if lasts_ms != w.time_ms {
        let time_ms = w.time_ms;
        problems.push(Some(format!(
            "workload.time_ms is {time_ms}; the stages last {lasts_ms} altogether"
        )));
    }
    problems.into_iter().flatten().collect()
}

/// What to say of a number that is out of its range.
fn outside<T: PartialOrd + fmt::Display + Copy>(name: &str, value: T, range: &RangeInclusive<T>) -> Option<String> {
    let (min, max) = (range.start(), range.end());
    (!range.contains(&value)).then(|| format!("workload.{name} is {value}; it can be {min} to {max}"))
}

/// Whether what a fault is done to is there.
fn check_fault(target: &Target, planned: &PlannedFault) -> Result<(), PlanError> {
    let wrong = |what: &str, problem: String| PlanError::value(format!("fault {}{what}", planned.id), problem);
    match &planned.fault {
        FaultSpec::Rule(rule) => check_rule(target, rule).map_err(|problem| wrong(", rule,", problem)),
        FaultSpec::Machine(fault) => machine::check_on(&Topology::new(target), fault.what.kind(), &fault.on)
            .map_err(|problem| wrong("", problem)),
        fault => {
            let known: Vec<String> = if matches!(fault, FaultSpec::Kill { .. } | FaultSpec::Pause { .. }) {
                target.parties().into_iter().map(|party| party.name).collect()
            } else {
                target.links().into_iter().map(|link| link.name).collect()
            };
            let (on, names) = (fault.on(), || known.iter().map(String::as_str));
            if names().any(|name| name == on) {
                return Ok(());
            }
            let hint = did_you_mean(on, names());
            let has = list(names());
            let problem = format!("is done to {on:?}; {} has {has}{hint}", target.manifest.name);
            Err(wrong(&format!(", {},", fault.kind()), problem))
        }
    }
}

/// What a plan says of attempts; nothing where each action says it.
fn attempts(workload: &WorkloadPlan) -> String {
    let attempts = workload
        .attempts
        .map_or_else(String::new, |n| format!("; {n} attempts"));
    let apart = workload.retry_after_ms.map_or_else(String::new, |ms| {
        format!("; {} before the second attempt, doubling", show_ms(ms))
    });
    attempts + &apart
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).round() / 10.0)
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02}", ms / 1000, ms % 1000 / 10)
}

//! From a request to a plan: every default filled in, every choice drawn from the seed.
//!
//! The same target, request and seed give the same plan on every machine. Must never read a clock.

use std::collections::BTreeMap;

use paytwice_checkers::names::{did_you_mean, list};
use paytwice_checkers::promises;

use super::check::{
    self, ATTEMPTS, CLIENTS, COUNT_MAX, OP_TIMEOUT_MS, RATE_MAX, RETRY_AFTER_MS, STAGES_MAX, SUBJECTS_MAX, TIME_MS,
};
use super::duration::show_ms;
use super::error::PlanError;
use super::machine;
use super::manifest::{Manifest, Stage, Subject};
use super::point_rule::PointRule;
use super::points::check_rule;
use super::request::PlanRequest;
use super::schedule::{self, Selection, Topology};
use super::target::Target;
use super::types::{Count, FaultSpec, PLAN_VERSION, Plan, PlannedFault, SettlePlan, StagePlan, WorkloadPlan};
use crate::wire::WireDetail;

const USUAL_TIME_MS: u64 = 30_000;
const RATE: f64 = 20.0;
const USUAL_CLIENTS: u32 = 40;
/// What there is beforehand, where nothing asks for more.
const COUNT_MIN: u32 = 8;
const LATE: u32 = 2;
const USUAL_OP_TIMEOUT_MS: u64 = 2000;
/// Clients that never try again: what they leave behind stays as it is, and no retry mends it.
const GIVE_UP: f64 = 0.3;
const CONFLICT: f64 = 0.03;
const REPEAT: f64 = 0.05;
const ASK: f64 = 0.5;
const SETTLE_TIMEOUT_MS: u64 = 90_000;
const SAMPLE_EVERY_MS: u64 = 500;

/// The plan that a request asks for. The request must name a seed: a caller without one draws it.
pub fn expand(target: &Target, request: &PlanRequest) -> Result<Plan, PlanError> {
    let seed = request
        .seed
        .ok_or_else(|| PlanError::value("--seed", "is not given, and nothing was drawn in its place"))?;
    if i64::try_from(seed).is_err() {
        return Err(PlanError::value(
            "--seed",
            format!("is {seed}; it can be 0 to {}", i64::MAX),
        ));
    }
    let policies = policies(target, request)?;
    let manifest = target.effective(&policies)?;
    machine::check_flush(&target.parties(), &request.flush).map_err(|problem| PlanError::value("--flush", problem))?;
    let workload = workload(&manifest, request)?;
    let wire_detail = request.wire_detail.unwrap_or_default();
    check_wire_detail(&manifest, wire_detail)?;
    let topology = Topology::new(target);
    // Who names a rule wants to see what it does, and nothing else.
    let usual = if request.rules.is_empty() { "all" } else { "none" };
    let selection = Selection::parse(request.faults.as_deref().unwrap_or(usual), &topology)?;
    let mut faults = schedule::schedule(&topology, &selection, workload.time_ms, seed)?;
    if matches!(selection, Selection::All) {
        let exact = schedule::rules(target, workload.subjects_max, seed);
        exact
            .into_iter()
            .for_each(|rule| add_rule(rule, workload.time_ms, &mut faults));
    }
    add_rules(target, &request.rules, workload.time_ms, &mut faults)?;
    Ok(Plan {
        version: PLAN_VERSION,
        target: manifest.name.clone(),
        stack: "containers".to_owned(),
        seed,
        policies,
        workload,
        wire_detail,
        settle: SettlePlan {
            timeout_ms: between(
                "settle_timeout",
                request.settle_timeout_ms.unwrap_or(SETTLE_TIMEOUT_MS),
                1000..=*TIME_MS.end(),
            )?,
            sample_every_ms: SAMPLE_EVERY_MS,
        },
        images: images(&manifest, request)?,
        flush: request.flush.clone(),
        faults,
    })
}

/// Without its frames a promise over points would be judged by those alone that a fault touched.
fn check_wire_detail(manifest: &Manifest, detail: WireDetail) -> Result<(), PlanError> {
    let mut all = manifest.promises.iter().map(|promise| &promise.0);
    match all.find(|promise| promises::reads_points(promise)) {
        Some(promise) if detail == WireDetail::Off => Err(PlanError::value(
            "--wire-detail",
            format!(
                "is off, and the promise {} reads points of the wire; leave it out, or say points",
                promise.checker
            ),
        )),
        _ => Ok(()),
    }
}

/// Rules at points are in force as long as the workload lasts.
fn add_rules(target: &Target, rules: &[String], time_ms: u64, faults: &mut Vec<PlannedFault>) -> Result<(), PlanError> {
    for text in rules {
        let rule: PointRule = text
            .parse()
            .map_err(|problem: String| PlanError::value("--rule", format!("{text:?}: {problem}")))?;
        check_rule(target, &rule).map_err(|problem| PlanError::value("--rule", format!("{text:?}: {problem}")))?;
        add_rule(rule, time_ms, faults);
    }
    faults.sort_by_key(|fault| fault.at_ms);
    Ok(())
}

fn add_rule(rule: PointRule, time_ms: u64, faults: &mut Vec<PlannedFault>) {
    faults.push(PlannedFault {
        id: faults.iter().map(|fault| fault.id).max().unwrap_or(0) + 1,
        at_ms: 0,
        for_ms: time_ms,
        fault: FaultSpec::Rule(Box::new(rule)),
    });
}

/// Every policy with its value: the default, or the preset's, or the one that was named.
fn policies(target: &Target, request: &PlanRequest) -> Result<BTreeMap<String, String>, PlanError> {
    let presets = &target.manifest.presets;
    let mut chosen = match &request.preset {
        None => BTreeMap::new(),
        Some(name) => {
            let preset = presets.get(name).ok_or_else(|| {
                let known = presets.keys().map(String::as_str);
                let hint = did_you_mean(name, known.clone());
                let problem = format!(
                    "is {name:?}; the presets of {} are {}{hint}",
                    target.manifest.name,
                    list(known)
                );
                PlanError::value("--preset", problem)
            })?;
            preset.policies.clone()
        }
    };
    chosen.extend(request.policies.clone());
    target.choose(&chosen)
}

fn images(manifest: &Manifest, request: &PlanRequest) -> Result<BTreeMap<String, String>, PlanError> {
    for name in request.images.keys() {
        if !manifest.dependencies.contains_key(name) {
            let known = manifest.dependencies.keys().map(String::as_str);
            let hint = did_you_mean(name, known.clone());
            let problem = format!("names the dependency {name:?}; this target has {}{hint}", list(known));
            return Err(PlanError::value("--image", problem));
        }
    }
    Ok(request.images.clone())
}

fn workload(manifest: &Manifest, request: &PlanRequest) -> Result<WorkloadPlan, PlanError> {
    let usual = &manifest.workload;
    let stages = stages(manifest, request)?;
    let subjects_max = subjects_max(&stages)?;
    let clients = request.clients.or(usual.clients).unwrap_or(USUAL_CLIENTS);
    Ok(WorkloadPlan {
        time_ms: stages.iter().map(|stage| stage.for_ms).sum(),
        clients: within("--clients", clients, CLIENTS)?,
        subjects_max,
        ends_early: false,
        likeliest: false,
        op_timeout_ms: between(
            "op_timeout",
            request.op_timeout_ms.unwrap_or(USUAL_OP_TIMEOUT_MS),
            OP_TIMEOUT_MS,
        )?,
        attempts: request.attempts.map(|n| within("attempts", n, ATTEMPTS)).transpose()?,
        retry_after_ms: request
            .retry_after_ms
            .map(|ms| between("retry_after", ms, RETRY_AFTER_MS))
            .transpose()?,
        give_up: share("give_up", request.give_up.or(usual.give_up).unwrap_or(GIVE_UP))?,
        conflict: share("conflict", request.conflict.or(usual.conflict).unwrap_or(CONFLICT))?,
        repeat: share("repeat", request.repeat.or(usual.repeat).unwrap_or(REPEAT))?,
        ask: share("ask", request.ask.or(usual.ask).unwrap_or(ASK))?,
        counts: counts(manifest, request, subjects_max)?,
        stages,
    })
}

/// The rates, one after the other: a rate that was asked for, the shape that was asked for or that is the target's,
/// stretched to the time that was asked for.
fn stages(manifest: &Manifest, request: &PlanRequest) -> Result<Vec<StagePlan>, PlanError> {
    let usual = &manifest.workload;
    let (own, shape): (bool, &[Stage]) = if request.shape.is_empty() {
        (false, &usual.shape)
    } else {
        (true, &request.shape)
    };
    if own && request.rate.is_some() {
        return Err(PlanError::value(
            "shape",
            "is given, and so is `rate`; the rates are in the shape",
        ));
    }
    if shape.len() > STAGES_MAX {
        let problem = format!("has {} rates; it can have 1 to {STAGES_MAX}", shape.len());
        return Err(PlanError::value("shape", problem));
    }
    let total = shape.iter().fold(0u64, |sum, stage| sum.saturating_add(stage.lasts.0));
    let usual_ms = if shape.is_empty() { USUAL_TIME_MS } else { total };
    let (key, asked) = match request.time_ms {
        None if own => ("the time of the shape", total),
        asked => ("--time", asked.unwrap_or(usual_ms)),
    };
    let time_ms = between(key, asked, TIME_MS)?;
    if shape.is_empty() || request.rate.is_some() {
        let rate = rate("--rate", request.rate.or(usual.rate).unwrap_or(RATE))?;
        return Ok(vec![StagePlan { rate, for_ms: time_ms }]);
    }
    let mut stages = Vec::new();
    let (mut before, mut begun_ms) = (0u64, 0u64);
    for (n, stage) in shape.iter().enumerate() {
        before += stage.lasts.0;
        let end_ms =
            u64::try_from(u128::from(before) * u128::from(time_ms) / u128::from(total.max(1))).unwrap_or(time_ms);
        stages.push(StagePlan {
            rate: rate(&format!("shape[{n}].rate"), stage.rate)?,
            for_ms: end_ms - begun_ms,
        });
        begun_ms = end_ms;
    }
    stages.retain(|stage| stage.for_ms > 0);
    Ok(stages)
}

/// What the stages start, and a twentieth more.
fn subjects_max(stages: &[StagePlan]) -> Result<u32, PlanError> {
    let wanted: f64 = stages
        .iter()
        .map(|stage| stage.rate * stage.for_ms as f64 / 1000.0)
        .sum();
    let wanted = wanted.ceil();
    let with_slack = wanted + (wanted / 20.0).ceil();
    if with_slack > f64::from(SUBJECTS_MAX) {
        let time = show_ms(stages.iter().map(|stage| stage.for_ms).sum());
        let problem =
            format!("start {wanted} subjects in {time}; a run can hold {SUBJECTS_MAX}, a twentieth of them in reserve");
        return Err(PlanError::value("--rate and --time", problem));
    }
    Ok(with_slack as u32)
}

/// How many subjects there are beforehand, so that the coded fields of everything that is started fit.
fn counts(manifest: &Manifest, request: &PlanRequest, subjects_max: u32) -> Result<BTreeMap<String, Count>, PlanError> {
    known_kinds(manifest, "--count", &request.counts)?;
    known_kinds(manifest, "--late", &request.late)?;
    let beforehand = manifest.subjects.iter().filter(|(_, subject)| subject.is_beforehand());
    beforehand
        .map(|(kind, subject)| Ok((kind.clone(), count(manifest, request, kind, subject, subjects_max)?)))
        .collect()
}

fn count(
    manifest: &Manifest,
    request: &PlanRequest,
    kind: &str,
    subject: &Subject,
    subjects_max: u32,
) -> Result<Count, PlanError> {
    let needed = Needed::of(manifest, kind, subjects_max);
    let flag = format!("--count {kind}");
    let all = match (request.counts.get(kind), subject.count) {
        (Some(asked), _) => {
            let asked = bounded(&flag, *asked, 1, COUNT_MAX)?;
            needed.fit(&flag, asked)?
        }
        // Nobody opens more of them than the target says that there are.
        (None, Some(count)) if subject.open.is_none() => needed.fit(&format!("subjects.{kind}.count"), count)?,
        (None, count) => needed.count.max(count.unwrap_or(COUNT_MIN)),
    };
    if all > COUNT_MAX {
        let problem = format!(
            "would be {all}, so that {}; it can be 1 to {COUNT_MAX}: lower --rate or --time",
            needed.why
        );
        return Err(PlanError::value(flag, problem));
    }
    let late = match (request.late.get(kind), subject.late) {
        (Some(asked), _) => {
            let late = bounded(&format!("--late {kind}"), *asked, 0, all)?;
            if late > 0 && subject.open.is_none() {
                let problem = format!("is {late}, and nothing says how one is opened: subjects.{kind} has no `open`");
                return Err(PlanError::value(format!("--late {kind}"), problem));
            }
            late
        }
        (None, Some(late)) => late.min(all),
        (None, None) if subject.open.is_none() => 0,
        (None, None) => LATE.min(all / 2),
    };
    Ok(Count { all, late })
}

/// How many holders the coded fields of everything that is started need.
pub(super) struct Needed {
    pub(super) count: u32,
    why: String,
}

impl Needed {
    pub(super) fn of(manifest: &Manifest, kind: &str, subjects_max: u32) -> Needed {
        let started = manifest.subjects.iter().filter(|(_, subject)| !subject.is_beforehand());
        let coded = started.flat_map(|(started, subject)| {
            let per_kind = subject
                .coded()
                .filter(move |(_, coded)| subject.names_kind(&coded.per, kind));
            per_kind.map(move |(field, coded)| (format!("{started}.{field}"), coded.per_holder()))
        });
        let tightest = coded.min_by_key(|(_, per_holder)| *per_holder);
        match tightest {
            None => Needed {
                count: 1,
                why: String::new(),
            },
            Some((field, per_holder)) => Needed {
                count: subjects_max.div_ceil(per_holder).max(1),
                why: format!("{subjects_max} subjects fit, of which {field} tells {per_holder} per {kind} apart"),
            },
        }
    }

    /// A count that must be enough.
    fn fit(&self, key: &str, count: u32) -> Result<u32, PlanError> {
        if count >= self.count {
            return Ok(count);
        }
        let problem = format!("is {count}; it must be at least {}, so that {}", self.count, self.why);
        Err(PlanError::value(key, problem))
    }
}

/// Every name must be of a kind of subject that is there beforehand.
fn known_kinds(manifest: &Manifest, flag: &str, named: &BTreeMap<String, u64>) -> Result<(), PlanError> {
    for kind in named.keys() {
        let beforehand = manifest.subjects.iter().filter(|(_, subject)| subject.is_beforehand());
        let known: Vec<&str> = beforehand.map(|(kind, _)| kind.as_str()).collect();
        if known.contains(&kind.as_str()) {
            continue;
        }
        let problem = if manifest.subjects.contains_key(kind) {
            "is started by clients; --rate and --time say how many there are".to_owned()
        } else {
            let hint = did_you_mean(kind, known.iter().copied());
            format!("is not there beforehand; what is: {}{hint}", list(known))
        };
        return Err(PlanError::value(format!("{flag} {kind}"), problem));
    }
    Ok(())
}

fn bounded(flag: &str, n: u64, min: u32, max: u32) -> Result<u32, PlanError> {
    let fits = u32::try_from(n).ok().filter(|n| (min..=max).contains(n));
    fits.ok_or_else(|| PlanError::value(flag, format!("is {n}; it can be {min} to {max}")))
}

fn between(flag: &str, ms: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, PlanError> {
    if range.contains(&ms) {
        return Ok(ms);
    }
    let (ms, min, max) = (show_ms(ms), show_ms(*range.start()), show_ms(*range.end()));
    Err(PlanError::value(flag, format!("is {ms}; it can be {min} to {max}")))
}

fn within(flag: &str, n: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, PlanError> {
    if range.contains(&n) {
        return Ok(n);
    }
    let (min, max) = range.into_inner();
    Err(PlanError::value(flag, format!("is {n}; it can be {min} to {max}")))
}

fn rate(flag: &str, rate: f64) -> Result<f64, PlanError> {
    if check::is_rate(rate) {
        return Ok(rate);
    }
    let problem = format!("is {rate}; it must be above 0 and at most {RATE_MAX}");
    Err(PlanError::value(flag, problem))
}

fn share(flag: &str, share: f64) -> Result<f64, PlanError> {
    if check::SHARE.contains(&share) {
        return Ok(share);
    }
    Err(PlanError::value(flag, format!("is {share}; a share is 0 to 1")))
}

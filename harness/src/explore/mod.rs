//! Exploring: every wire point of one payment, with everything that a rule can do there, one case at a time.
//!
//! A first run without faults shows which points a payment passes. Then each point is tried with each action on the
//! warm stack: two payments a case, one by a client that gives up and one by a client that tries again, with the
//! same rule for each of them, and two controls behind them. What was tried is written down case by case, so that an exploration that was
//! interrupted goes on where it stopped. Must never count a case as tried whose rule met nothing.

mod cases;
mod stored;

use std::path::PathBuf;
use std::time::Duration;

use paytwice_checkers::history::{Body, History};
use paytwice_checkers::verdict::Verdict;
use paytwice_reports::explore::{CaseOutcome, CaseResult, Exploration};
use tokio::time::Instant;

pub use cases::{Case, cases};

use crate::campaign::{Campaign, Run, Session};
use crate::plan::{FaultSpec, Plan, PlanError, PlannedFault, Point, Target, points};
use crate::run::{Notice, Observer, RunError};
use crate::workload::payments;

/// How long a case waits for its rules to meet their frames.
const TIME_MS: u64 = 8000;
/// Payments that the rule is about: of a client that gives up, and of one that tries again.
const TRIED: u32 = 2;
/// Payments behind them that nothing is done to: they show that the target still works, and give every checker something
/// to judge.
const CONTROLS: u32 = 2;
/// Seeds that are looked through for one that makes the first client give up and the second one try again.
const SEEDS: u64 = 10_000;

/// What is explored, and how far.
#[derive(Clone, Debug, Default)]
pub struct ExploreOptions {
    /// No new case begins after this time.
    pub budget: Option<Duration>,
    /// Only points whose name, with their link, has this in it.
    pub only: Option<String>,
    /// No new case begins once a promise was broken.
    pub fail_fast: bool,
    /// An exploration to go on with: its folder.
    pub resume: Option<PathBuf>,
}

/// Explores a target on a stack that it starts, and takes the stack down again.
pub async fn explore(
    campaign: &Campaign,
    options: &ExploreOptions,
    observer: &Observer,
) -> Result<(Exploration, PathBuf), RunError> {
    let target = campaign.target_of()?;
    let base = base(&campaign.first_plan(&target)?)?;
    let mut log = match &options.resume {
        Some(folder) => stored::Log::resume(folder, &base)?,
        None => stored::Log::create(campaign.store_folder(), &base)?,
    };
    let session = Session::up(campaign).await?;
    let explored = walk(campaign, options, observer, &target, &base, &session, &mut log).await;
    let down = session.down().await;
    explored?;
    down?;
    log.write_reports()?;
    Ok((log.exploration().clone(), log.folder().to_owned()))
}

/// The plan that every case starts from: a few payments, one after the other, and nothing else.
fn base(asked: &Plan) -> Result<Plan, RunError> {
    let mut base = asked.clone();
    base.faults.clear();
    let workload = &mut base.workload;
    workload.time_ms = TIME_MS;
    workload.ends_early = true;
    workload.payments_max = TRIED + CONTROLS;
    workload.clients = 1;
    workload.rate = 2.0;
    workload.late_accounts = 0;
    (workload.declined_share, workload.conflict_share) = (0.0, 0.0);
    workload.give_up_share = 0.5;
    workload.query_share = 1.0;
    // Long enough for the slowest restart.
    workload.attempts = 6;
    let fits = |seed: &u64| {
        let all = payments(&base.workload, *seed);
        let patient: Vec<bool> = all.iter().map(|payment| payment.patient).collect();
        patient == [false, true, true, true] && all.iter().all(|payment| !payment.repeat)
    };
    let from = asked.seed;
    let seed = (from..from.saturating_add(SEEDS)).find(fits).ok_or_else(|| {
        RunError::Plan(PlanError::BadValue {
            key: "--seed".to_owned(),
            problem: format!("no seed from {from} on makes one client give up and the next one try again"),
        })
    })?;
    base.seed = seed;
    Ok(base)
}

async fn walk(
    campaign: &Campaign,
    options: &ExploreOptions,
    observer: &Observer,
    target: &Target,
    base: &Plan,
    session: &Session,
    log: &mut stored::Log,
) -> Result<(), RunError> {
    let begun = Instant::now();
    let first = session.run(&campaign.with_plan(base.clone()), (1, 1)).await?;
    if first.verdict() != Verdict::Valid {
        observer.tell(Notice::Warning(
            "even without a fault it is not valid: nothing is explored".to_owned(),
        ));
        return log.add(without_fault(&first));
    }
    let mut points = passed(target, base, first.history());
    if let Some(only) = &options.only {
        let all = points.len();
        points.retain(|point| point.to_string().contains(only.as_str()));
        if points.is_empty() {
            return Err(RunError::Plan(PlanError::BadValue {
                key: "--only".to_owned(),
                problem: format!("{only:?} is in the name of none of the {all} points that a payment passes"),
            }));
        }
    }
    let cases = cases(target, &points);
    log.plan_of(&cases)?;
    observer.detail(format!(
        "{} points, {} cases, {} of them tried before",
        log.exploration().points.len(),
        cases.len(),
        log.tried()
    ));
    for case in &cases {
        if log.has(case) {
            continue;
        }
        if options.budget.is_some_and(|budget| begun.elapsed() >= budget) {
            observer.tell(Notice::Warning(
                "the budget is used up; --resume goes on from here".to_owned(),
            ));
            break;
        }
        let at = Instant::now();
        let plan = plan_of(base, case);
        let of = u32::try_from(cases.len()).unwrap_or(u32::MAX);
        let number = u32::try_from(log.tried() + 1).unwrap_or(u32::MAX);
        observer.detail(format!("case {number} of {of}: {case}"));
        let ran = session.run(&campaign.with_plan(plan), (number, of)).await;
        let result = result(case, &ran, at.elapsed());
        observer.detail(format!("{case}: {}", result.sentence));
        let broken = result.outcome == CaseOutcome::Invalid;
        log.add(result)?;
        if broken && options.fail_fast {
            break;
        }
    }
    Ok(())
}

/// The points that the payments of a run passed, in the order in which they did.
fn passed(target: &Target, base: &Plan, history: &History) -> Vec<Point> {
    let known = points(target);
    let ours: Vec<String> = payments(&base.workload, base.seed).into_iter().map(|p| p.tx).collect();
    let mut passed = Vec::new();
    for event in &history.events {
        let Body::Wire(wire) = &event.body else { continue };
        let point = Point {
            link: wire.link.clone(),
            name: wire.point.clone(),
        };
        if wire.tx.iter().any(|tx| ours.contains(tx)) && known.contains(&point) && !passed.contains(&point) {
            passed.push(point);
        }
    }
    passed
}

/// The case as a plan: its rule once for each payment.
fn plan_of(base: &Plan, case: &Case) -> Plan {
    let mut plan = base.clone();
    let payments = payments(&base.workload, base.seed);
    plan.faults = payments
        .into_iter()
        .take(TRIED as usize)
        .zip(1..)
        .map(|(payment, id)| PlannedFault {
            id,
            at_ms: 0,
            for_ms: base.workload.time_ms,
            fault: FaultSpec::Rule(Box::new(case.rule(&payment.tx))),
        })
        .collect();
    plan
}

/// A target that is wrong of itself.
fn without_fault(run: &Run) -> CaseResult {
    CaseResult {
        point: "no point".to_owned(),
        action: "no fault".to_owned(),
        column: "no fault".to_owned(),
        outcome: match run.verdict() {
            Verdict::Valid => CaseOutcome::Valid,
            Verdict::Invalid => CaseOutcome::Invalid,
            Verdict::Unknown => CaseOutcome::Unknown,
        },
        sentence: run.results().sentence.clone(),
        kinds: kinds(run),
        run: Some(run.folder().display().to_string()),
        replay: Some(run.replay()),
        wall_ms: 0,
    }
}

fn kinds(run: &Run) -> Vec<String> {
    let mut kinds: Vec<String> = run.results().anomalies().iter().map(|a| a.kind.clone()).collect();
    kinds.dedup();
    kinds
}

fn result(case: &Case, ran: &Result<Run, RunError>, wall: Duration) -> CaseResult {
    let (outcome, sentence, kinds, run) = match ran {
        Err(e) => (CaseOutcome::Failed, e.to_string(), Vec::new(), None),
        Ok(run) => {
            let results = run.results();
            let met = results.faults.iter().filter(|fault| fault.seen).count();
            let outcome = match results.verdict {
                Verdict::Invalid => CaseOutcome::Invalid,
                // Nothing was broken, so nothing was tried.
                _ if met == 0 => CaseOutcome::NotMet,
                Verdict::Unknown => CaseOutcome::Unknown,
                Verdict::Valid => CaseOutcome::Valid,
            };
            let folder = run.folder().display().to_string();
            (
                outcome,
                results.sentence.clone(),
                kinds(run),
                Some((folder, run.replay())),
            )
        }
    };
    let (folder, replay) = run.unzip();
    CaseResult {
        point: case.point.to_string(),
        action: case.action.to_string(),
        column: case.column.to_owned(),
        outcome,
        sentence,
        kinds,
        run: folder,
        replay,
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
    }
}

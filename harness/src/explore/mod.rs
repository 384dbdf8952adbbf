//! Exploring: every wire point of one subject, with everything that a rule can do there, one case at a time.
//!
//! A first run without faults shows which points a subject passes. Then each point is tried with each action on the
//! running stack: two subjects a case, one by a client that gives up and one by a client that tries again, with the
//! same rule for each of them, and two controls behind them. Then, while there is time, second faults after a first one
//! (`pairs`). Or, instead of all that, rules drawn from the seed (`random`). Cases are written to disk one by one, so that
//! an exploration that was interrupted goes on where it stopped. Must never count a case as tried whose rule met nothing.

mod pairs;
mod random;
mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use paytwice_checkers::history::History;
use paytwice_checkers::verdict::Verdict;
use paytwice_reports::explore::{After, CaseKind, CaseOutcome, CaseResult, Exploration};
use tokio::time::Instant;

use crate::campaign::{Campaign, Run, Session};
use crate::coverage::{Case, Passage, cases, passages};
use crate::plan::{
    FaultSpec, Manifest, Plan, PlanError, PlannedFault, Point, PointRule, StagePlan, Target, WireDetail, in_a_name,
    points,
};
use crate::run::{Notice, Observer, RunError};
use crate::workload::{Subject, asks, subjects};

/// How long a case may take until its controls have begun: two crashes with their restarts on a slow machine. It ends
/// sooner when all is done.
const TIME_MS: u64 = 15_000;
/// Subjects per second.
const RATE: f64 = 2.0;
/// Subjects that the rule is about: of a client that gives up, and of one that tries again.
const TRIED: u32 = 2;
/// Subjects behind them that meet no rule: they show that the target still works, and give every checker something to
/// judge.
const CONTROLS: u32 = 2;
/// Seeds that are looked through for one that makes the first client give up and the second one try again.
const SEEDS: u64 = 10_000;

/// What is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explored {
    /// Every point with every action; with a budget, pairs of them as well.
    #[default]
    Points,
    /// Rules drawn from the seed, until the budget is used up.
    Random,
}

/// What is explored, and how far.
#[derive(Clone, Debug, Default)]
pub struct ExploreOptions {
    /// What is tried.
    pub what: Explored,
    /// No new case begins after this time; the stack's start and the run without faults are not counted.
    pub budget: Option<Duration>,
    /// Only points whose name, with their link, has this in it.
    pub only: Option<String>,
    /// No new case begins once a promise was broken.
    pub fail_fast: bool,
    /// An exploration to go on with: its folder.
    pub resume: Option<PathBuf>,
    /// Cases at a time, each on a stack of its own; 0 is taken for 1.
    pub jobs: usize,
}

/// Explores a target on a stack that it starts, and takes the stack down again.
pub async fn explore(
    campaign: &Campaign,
    options: &ExploreOptions,
    observer: &Observer,
) -> Result<(Exploration, PathBuf), RunError> {
    if options.what == Explored::Random && options.budget.is_none() {
        return Err(RunError::Plan(PlanError::BadValue {
            key: "--explore random".to_owned(),
            problem: "has no end of its own: give it a --budget, e.g. --budget 10m".to_owned(),
        }));
    }
    let target = campaign.target_of()?;
    let plan = campaign.first_plan(&target)?;
    if let Some(only) = options.only.as_deref().filter(|only| !in_a_name(&target, only)) {
        return Err(RunError::Plan(PlanError::BadValue {
            key: "--only".to_owned(),
            problem: format!(
                "{only:?} is in the name of no point of {} (`paytwice list points` shows all)",
                target.manifest.name
            ),
        }));
    }
    let base = Base::new(target, &plan)?;
    let log = match &options.resume {
        Some(folder) => stored::Log::resume(folder, &base.plan)?,
        None => stored::Log::create(campaign.store_folder(), &base.plan)?,
    };
    let quiet = Arc::new(AtomicBool::new(false));
    let campaign = &that_can_be_quiet(campaign, observer, &quiet);
    let sessions = Box::pin(sessions(campaign, options.jobs.max(1))).await?;
    quiet.store(sessions.len() > 1, Ordering::Relaxed);
    let explorer = Explorer {
        campaign,
        options,
        base: &base,
        observer,
        sessions: &sessions,
        desk: Mutex::new(Desk {
            log,
            under_way: Vec::new(),
            begun: Instant::now(),
            stopped: false,
        }),
    };
    let explored = Box::pin(explorer.walk()).await;
    let log = explorer.desk.into_inner().unwrap_or_else(PoisonError::into_inner).log;
    let down = try_join_all(sessions.into_iter().map(|session| Box::pin(session.down()))).await;
    explored?;
    down?;
    log.write_reports()?;
    Ok((log.exploration().clone(), log.folder().to_owned()))
}

/// So many stacks. The first one makes the images that the others start from.
async fn sessions(campaign: &Campaign, count: usize) -> Result<Vec<Session>, RunError> {
    let mut sessions = vec![Box::pin(Session::up(campaign)).await?];
    sessions.extend(try_join_all((1..count).map(|_| Box::pin(Session::up(campaign)))).await?);
    Ok(sessions)
}

/// The same campaign, which tells only warnings once `quiet` is set: what several cases at a time tell step by step nobody
/// could follow.
fn that_can_be_quiet(campaign: &Campaign, observer: &Observer, quiet: &Arc<AtomicBool>) -> Campaign {
    let (observer, quiet) = (observer.clone(), Arc::clone(quiet));
    campaign.clone().observer(Observer::new(move |notice| {
        if !quiet.load(Ordering::Relaxed) || matches!(notice, Notice::Warning(_)) {
            observer.tell(notice);
        }
    }))
}

/// What every case starts from: a few subjects, one after the other, and nothing else.
struct Base {
    target: Target,
    /// Under the policies of the plan.
    manifest: Manifest,
    plan: Plan,
}

impl Base {
    fn new(target: Target, asked: &Plan) -> Result<Base, RunError> {
        let manifest = target.effective(&asked.policies)?;
        let mut plan = asked.clone();
        plan.faults.clear();
        // Which points there are, and what was tried, is read from the wire.
        plan.wire_detail = WireDetail::Points;
        let workload = &mut plan.workload;
        workload.time_ms = TIME_MS;
        workload.stages = vec![StagePlan {
            rate: RATE,
            for_ms: TIME_MS,
        }];
        workload.ends_early = true;
        workload.likeliest = true;
        workload.subjects_max = TRIED + CONTROLS;
        workload.clients = 1;
        workload.counts.values_mut().for_each(|count| count.late = 0);
        (workload.conflict, workload.repeat) = (0.0, 0.0);
        workload.give_up = 0.5;
        workload.ask = 1.0;
        // Long enough for the slowest restart.
        workload.attempts = Some(6);
        let mut base = Base { target, manifest, plan };
        base.plan.seed = base.seed(asked.seed)?;
        Ok(base)
    }

    /// The first seed that makes the first client give up and the second one try again, with subjects of one kind, and has
    /// every asking action drawn (or as many as there are subjects).
    fn seed(&self, from: u64) -> Result<u64, RunError> {
        let wrong = |key: &str, problem: String| {
            Err(RunError::Plan(PlanError::BadValue {
                key: key.to_owned(),
                problem,
            }))
        };
        let all = |seed| subjects(&self.manifest, &self.plan.workload, seed);
        if let Some(subject) = all(from).iter().find(|subject| subject.key.is_none()) {
            return wrong(
                "--explore",
                format!(
                    "rules name a {} by its key, and here the server makes it (subjects.{}.makes_key)",
                    subject.kind, subject.kind
                ),
            );
        }
        let asking = self
            .manifest
            .actions
            .values()
            .filter(|action| action.asks.is_some())
            .count();
        let asked = |seed| BTreeSet::from_iter(asks(&self.manifest, &self.plan.workload, seed)).len();
        let fits = |seed: &u64| {
            let all = all(*seed);
            let patient: Vec<bool> = all.iter().map(|subject| subject.patient).collect();
            patient == [false, true, true, true]
                && all.iter().all(|subject| subject.action == all[0].action)
                && asked(*seed) == asking.min(all.len())
        };
        match (from..from.saturating_add(SEEDS)).find(fits) {
            Some(seed) => Ok(seed),
            None => wrong(
                "--seed",
                format!(
                    "no seed from {from} on makes one client give up, the next one try again, and them ask every question"
                ),
            ),
        }
    }

    /// The subjects of a plan for this target.
    fn subjects(&self, plan: &Plan) -> Vec<Subject> {
        subjects(&self.manifest, &plan.workload, plan.seed)
    }

    /// The frames of subjects in a run of a plan.
    fn passages(&self, plan: &Plan, history: &History) -> Vec<Passage> {
        passages(&self.target, plan, &history.events)
    }
}

/// What is at hand while a target is explored.
struct Explorer<'a> {
    campaign: &'a Campaign,
    options: &'a ExploreOptions,
    base: &'a Base,
    observer: &'a Observer,
    /// Each carries out one case at a time.
    sessions: &'a [Session],
    desk: Mutex<Desk>,
}

/// What those who carry out cases share.
struct Desk {
    log: stored::Log,
    /// The actions of trials that are being carried out.
    under_way: Vec<String>,
    /// When the first case could begin.
    begun: Instant,
    /// Nothing more is to begin.
    stopped: bool,
}

/// One run of an exploration, before it is carried out.
struct Trial {
    kind: CaseKind,
    /// Its point, action and column in the table; what stands for them otherwise.
    point: String,
    action: String,
    column: String,
    plan: Plan,
    /// The faults of the plan of which one must meet its frame for the trial to have been one: all, but for the first
    /// ones of pairs.
    decisive: Vec<u32>,
}

impl Explorer<'_> {
    async fn walk(&self) -> Result<(), RunError> {
        let base = self.base;
        // Which points there are was seen before, where an exploration goes on.
        let passed_before = self.desk().log.passed();
        let all = match passed_before {
            Some(points) => points,
            None => {
                let plan = self.campaign.with_plan(base.plan.clone());
                let first = Box::pin(self.sessions[0].run(&plan, (1, 1))).await?;
                if first.verdict() != Verdict::Valid {
                    self.warn("even without a fault it is not valid: nothing is explored");
                    self.desk().log.without_fault(without_fault(&first));
                    return Ok(());
                }
                self.desk().log.passes(passed(base, first.history()))?
            }
        };
        let points = self.only(all)?;
        let cases = cases(&base.target, &points);
        let tried = {
            let mut desk = self.desk();
            desk.log.plan_of(&cases)?;
            desk.begun = Instant::now();
            desk.log.tried()
        };
        self.observer.detail(format!(
            "{} points, {} cases; {tried} tried before; {} at a time",
            points.len(),
            cases.len(),
            self.sessions.len(),
        ));
        match self.options.what {
            Explored::Random => self.at_random(&cases).await,
            Explored::Points => {
                self.singles(&cases).await?;
                self.pairs(&cases).await
            }
        }
    }

    /// Those of the points that were asked for.
    fn only(&self, mut points: Vec<Point>) -> Result<Vec<Point>, RunError> {
        if let Some(only) = &self.options.only {
            let all = points.len();
            points.retain(|point| point.to_string().contains(only.as_str()));
            if points.is_empty() {
                return Err(RunError::Plan(PlanError::BadValue {
                    key: "--only".to_owned(),
                    problem: format!("{only:?} is in the name of none of the {all} points that a subject passes"),
                }));
            }
        }
        Ok(points)
    }

    /// Every case by itself.
    async fn singles(&self, cases: &[Case]) -> Result<(), RunError> {
        let mut left: VecDeque<&Case> = {
            let desk = self.desk();
            cases.iter().filter(|case| !desk.log.has(case)).collect()
        };
        let of = cases.len();
        self.carry_out_all(of, |desk| {
            let case = left.front().copied()?;
            if self.time_is_up(desk) {
                self.warn("the budget is used up; --resume goes on from here");
                desk.stopped = true;
                return None;
            }
            left.pop_front();
            let (plan, decisive) = plan_of(self.base, |_, key| vec![(case.rule(key), true)]);
            Some(Trial {
                kind: CaseKind::Single,
                point: case.point.to_string(),
                action: case.action.to_string(),
                column: case.column.to_owned(),
                plan,
                decisive,
            })
        })
        .await
    }

    /// Second faults, while there is time.
    async fn pairs(&self, singles: &[Case]) -> Result<(), RunError> {
        let of = self.desk().log.tried();
        self.carry_out_all(of, |desk| {
            let (left, count) = pairs::pairs(desk.log.exploration(), singles);
            let could_be = left.len();
            desk.log.pairs(count);
            let pair = left
                .into_iter()
                .find(|pair| !desk.under_way.contains(&pair.to_string()))?;
            if self.options.budget.is_none() {
                self.observer.detail(format!(
                    "{could_be} pairs of faults could be tried next: --budget gives them time"
                ));
                desk.stopped = true;
            }
            if desk.stopped || self.time_is_up(desk) {
                return None;
            }
            let (plan, decisive) = plan_of(self.base, |subject, key| pair.rules(subject, key));
            Some(Trial {
                kind: CaseKind::Pair,
                point: pair.second.point.to_string(),
                action: pair.to_string(),
                column: pair.second.column.to_owned(),
                plan,
                decisive,
            })
        })
        .await?;
        let mut desk = self.desk();
        let (_, count) = pairs::pairs(desk.log.exploration(), singles);
        desk.log.pairs(count);
        Ok(())
    }

    /// Rules drawn from the seed, until the budget is used up.
    async fn at_random(&self, cases: &[Case]) -> Result<(), RunError> {
        self.carry_out_all(0, |desk| {
            if self.time_is_up(desk) {
                return None;
            }
            let n = (desk.log.tried() + desk.under_way.len()) as u64 + 1;
            let plan = random::plan(self.base, n, cases, &desk.log.exploration().coverage());
            Some(Trial {
                kind: CaseKind::Random,
                point: format!("seed {}", plan.seed),
                action: format!("{} rules drawn", plan.faults.len()),
                column: "random".to_owned(),
                decisive: plan.faults.iter().map(|fault| fault.id).collect(),
                plan,
            })
        })
        .await
    }

    /// Carries out one trial after the other on each session, as long as `next` has one.
    async fn carry_out_all(&self, of: usize, next: impl FnMut(&mut Desk) -> Option<Trial>) -> Result<(), RunError> {
        let next = Mutex::new(next);
        let take = || {
            let mut desk = self.desk();
            if desk.stopped {
                return None;
            }
            let trial = next.lock().unwrap_or_else(PoisonError::into_inner)(&mut desk)?;
            desk.under_way.push(trial.action.clone());
            Some((trial, desk.log.tried() + desk.under_way.len()))
        };
        let works = self.sessions.iter().map(async |session| {
            while let Some((trial, number)) = take() {
                Box::pin(self.carry_out(session, trial, number, of)).await?;
            }
            Ok::<(), RunError>(())
        });
        try_join_all(works).await.map(|_| ())
    }

    /// Carries out one trial and writes it down.
    async fn carry_out(&self, session: &Session, trial: Trial, number: usize, of: usize) -> Result<(), RunError> {
        let at = Instant::now();
        let name = format!("{}: {}", trial.point, trial.action);
        self.observer.detail(format!("case {number}: {name}"));
        let shown = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let ran = session
            .run(
                &self.campaign.with_plan(trial.plan.clone()),
                (shown(number), shown(of.max(number))),
            )
            .await;
        let result = result(self.base, &trial, &ran, at.elapsed());
        self.observer.detail(format!("{name}: {}", result.sentence));
        let mut desk = self.desk();
        desk.stopped |= result.outcome == CaseOutcome::Invalid && self.options.fail_fast;
        if let Some(at) = desk.under_way.iter().position(|action| *action == trial.action) {
            desk.under_way.swap_remove(at);
        }
        desk.log.add(result)
    }

    fn time_is_up(&self, desk: &Desk) -> bool {
        self.options.budget.is_some_and(|budget| desk.begun.elapsed() >= budget)
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warn(&self, text: &str) {
        self.observer.tell(Notice::Warning(text.to_owned()));
    }
}

/// The points that the subjects of a run passed, in the order in which they did.
fn passed(base: &Base, history: &History) -> Vec<Point> {
    let known = points(&base.target);
    let ours: Vec<String> = base
        .subjects(&base.plan)
        .into_iter()
        .map(|subject| subject.name)
        .collect();
    let mut passed = Vec::new();
    for Passage { key, point, .. } in base.passages(&base.plan, history) {
        if ours.contains(&key) && known.contains(&point) && !passed.contains(&point) {
            passed.push(point);
        }
    }
    passed
}

/// A plan with rules for each subject that is tried, given its position and its key; and the ids of the faults that are
/// decisive.
fn plan_of(base: &Base, rules: impl Fn(usize, &str) -> Vec<(PointRule, bool)>) -> (Plan, Vec<u32>) {
    let mut plan = base.plan.clone();
    let subjects = base.subjects(&plan);
    let tried = subjects.iter().take(TRIED as usize).enumerate();
    let rules = tried.flat_map(|(position, subject)| rules(position, &subject.name));
    let mut decisive = Vec::new();
    plan.faults = Vec::new();
    for ((rule, decides), id) in rules.zip(1..) {
        decisive.extend(decides.then_some(id));
        plan.faults.push(planned(id, rule, &base.plan));
    }
    (plan, decisive)
}

/// A rule that is in force for the whole workload of a plan.
fn planned(id: u32, rule: PointRule, plan: &Plan) -> PlannedFault {
    PlannedFault {
        id,
        at_ms: 0,
        for_ms: plan.workload.time_ms,
        fault: FaultSpec::Rule(Box::new(rule)),
    }
}

/// A target that is wrong of itself.
fn without_fault(run: &Run) -> CaseResult {
    CaseResult {
        kind: CaseKind::Single,
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
        tried: Vec::new(),
        after: Vec::new(),
    }
}

fn kinds(run: &Run) -> Vec<String> {
    let mut kinds: Vec<String> = run.results().anomalies().iter().map(|a| a.kind.clone()).collect();
    kinds.dedup();
    kinds
}

fn result(base: &Base, trial: &Trial, ran: &Result<Run, RunError>, wall: Duration) -> CaseResult {
    let (outcome, sentence, kinds, run) = match ran {
        Err(e) => (CaseOutcome::Failed, e.to_string(), Vec::new(), None),
        Ok(run) => {
            let results = run.results();
            let met = results.faults.iter().filter(|fault| fault.seen);
            let met = met.filter(|fault| trial.decisive.contains(&fault.id)).count();
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
    let coverage = ran.as_ref().ok().and_then(Run::coverage);
    CaseResult {
        kind: trial.kind,
        point: trial.point.clone(),
        action: trial.action.clone(),
        column: trial.column.clone(),
        outcome,
        sentence,
        kinds,
        run: folder,
        replay,
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        tried: coverage.map(|coverage| coverage.tried.clone()).unwrap_or_default(),
        after: match (trial.kind, ran) {
            (CaseKind::Single, Ok(run)) => after(base, run),
            _ => Vec::new(),
        },
    }
}

/// The points that the subjects that were tried passed, after something had been done to them.
fn after(base: &Base, run: &Run) -> Vec<After> {
    let passages = base.passages(run.plan(), run.history());
    let tried = base.subjects(run.plan()).into_iter().take(TRIED as usize);
    let mut after = Vec::new();
    for (subject, of) in tried.enumerate() {
        let own = passages.iter().filter(|passage| passage.key == of.name);
        let later = own.skip_while(|passage| passage.suffered.is_empty()).skip(1);
        after.extend(later.map(|passage| After {
            subject,
            point: passage.point.to_string(),
            nth: passage.nth,
            state: passage.state.clone(),
        }));
    }
    after
}

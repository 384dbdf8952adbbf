//! Campaigns: the way in for tests and for the command line.
//!
//! ```no_run
//! # async fn example() -> Result<(), paytwice::RunError> {
//! use paytwice::Campaign;
//!
//! Campaign::target("shop")
//!     .faults(["kill:orders", "delay:orders->mysql"])
//!     .seed(7)
//!     .run()
//!     .await?
//!     .assert_valid();
//! # Ok(())
//! # }
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use paytwice_checkers::history::History;
use paytwice_checkers::promises::Checker;
use paytwice_checkers::verdict::{Anomaly, Fate, Results, Verdict};
use paytwice_reports::coverage::Coverage;
use paytwice_reports::terminal;

use crate::clock::Now;
use crate::plan::{Plan, PlanError, PlanRequest, Target};
use crate::run::{self, Given, Observer, RunError, RunOptions, Testbed};

/// What is asked for: a target, what to break, and one seed.
#[derive(Clone, Debug)]
pub struct Campaign {
    request: PlanRequest,
    plan: Option<Plan>,
    /// The folder of the run whose plan is replayed, where that run kept its target.
    kept_in: Option<PathBuf>,
    store: PathBuf,
    observer: ObserverOption,
    direct: bool,
    given: Vec<Given>,
}

/// `Debug` for campaigns without asking it of observers.
#[derive(Clone)]
struct ObserverOption(Observer);

impl std::fmt::Debug for ObserverOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl Campaign {
    /// A campaign against a target: its name, or the path of its folder.
    pub fn target(name: impl Into<String>) -> Campaign {
        Campaign::from_request(PlanRequest {
            target: Some(name.into()),
            ..PlanRequest::default()
        })
        .seed_unless_given(Now::read().seed())
    }

    /// A campaign from a request, as the command line makes it.
    pub fn from_request(request: PlanRequest) -> Campaign {
        Campaign {
            request,
            plan: None,
            kept_in: None,
            store: PathBuf::from("store"),
            observer: ObserverOption(Observer::silent()),
            direct: false,
            given: Vec::new(),
        }
    }

    /// Replays a stored plan: the same workload and the same faults at the same times.
    pub fn from_plan(plan: Plan) -> Campaign {
        let mut campaign = Campaign::target(plan.target.clone());
        campaign.plan = Some(plan);
        campaign
    }

    /// Replays the plan in this file, against the manifest that the run kept beside it: the target may have changed since,
    /// or have been given by its path.
    #[must_use]
    pub fn kept_beside(mut self, plan_file: &Path) -> Campaign {
        self.kept_in = plan_file.parent().map(Path::to_owned);
        self
    }

    /// The seed that decides everything the harness decides.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Campaign {
        self.request.seed = Some(seed);
        self
    }

    /// What is broken: items as `--faults` takes them, e.g. `kill:orders`, `cut:orders->mysql:reply@2s+3s`.
    #[must_use]
    pub fn faults<S: Into<String>>(mut self, faults: impl IntoIterator<Item = S>) -> Campaign {
        let items: Vec<String> = faults.into_iter().map(Into::into).collect();
        self.request.faults = Some(if items.is_empty() {
            "none".to_owned()
        } else {
            items.join(",")
        });
        self
    }

    /// Adds a rule at a wire point, e.g. `orders->mysql COMMIT reply #2: drop`. Without [`Campaign::faults`] nothing else is
    /// broken then.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Campaign {
        self.request.rules.push(rule.into());
        self
    }

    /// Chooses a value of a policy of the target.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, value: impl Into<String>) -> Campaign {
        self.request.policies.insert(name.into(), value.into());
        self
    }

    /// Chooses a preset of the target.
    #[must_use]
    pub fn preset(mut self, name: impl Into<String>) -> Campaign {
        self.request.preset = Some(name.into());
        self
    }

    /// When a server writes to its disk: `broker` `sync` or `async`, `mysql` `1`, `0` or `2`
    /// (`innodb_flush_log_at_trx_commit`).
    #[must_use]
    pub fn flush(mut self, party: impl Into<String>, value: impl Into<String>) -> Campaign {
        self.request.flush.insert(party.into(), value.into());
        self
    }

    /// How long clients start new subjects.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Campaign {
        self.request.time_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// New subjects per second.
    #[must_use]
    pub fn rate(mut self, per_second: f64) -> Campaign {
        self.request.rate = Some(per_second);
        self
    }

    /// How many subjects of a kind there are beforehand: `count("sku", 20)`.
    #[must_use]
    pub fn count(mut self, kind: impl Into<String>, n: u64) -> Campaign {
        self.request.counts.insert(kind.into(), n);
        self
    }

    /// How many of them are opened only while the workload runs.
    #[must_use]
    pub fn late(mut self, kind: impl Into<String>, n: u64) -> Campaign {
        self.request.late.insert(kind.into(), n);
        self
    }

    /// Clients at work at the same time.
    #[must_use]
    pub fn clients(mut self, clients: u32) -> Campaign {
        self.request.clients = Some(clients);
        self
    }

    /// Share of subjects whose client gives up at the first unknown outcome, 0 to 1.
    #[must_use]
    pub fn give_up(mut self, share: f64) -> Campaign {
        self.request.give_up = Some(share);
        self
    }

    /// Share of subjects after which the same key is sent with another value of a field, 0 to 1.
    #[must_use]
    pub fn conflict(mut self, share: f64) -> Campaign {
        self.request.conflict = Some(share);
        self
    }

    /// Share of subjects whose request is sent again though its answer is known, 0 to 1.
    #[must_use]
    pub fn repeat(mut self, share: f64) -> Campaign {
        self.request.repeat = Some(share);
        self
    }

    /// Share of subjects after whose start a client asks about a recent one, 0 to 1.
    #[must_use]
    pub fn ask(mut self, share: f64) -> Campaign {
        self.request.ask = Some(share);
        self
    }

    /// Where runs are stored; `store` by default.
    #[must_use]
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Campaign {
        self.store = folder.into();
        self
    }

    /// Who is told how it goes.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Campaign {
        self.observer = ObserverOption(observer);
        self
    }

    /// Joins the services to their dependencies without links, to compare speeds. No wire fault is possible then.
    #[must_use]
    pub fn direct(mut self, direct: bool) -> Campaign {
        self.direct = direct;
        self
    }

    /// Judges runs by one more checker, beside the promises of the target.
    #[must_use]
    pub fn checker(mut self, name: impl Into<String>, checker: impl Checker + Send + Sync + 'static) -> Campaign {
        self.given.push(Given {
            name: name.into(),
            checker: Arc::new(checker),
        });
        self
    }

    /// Starts a stack, runs once, and takes the stack down again.
    pub async fn run(self) -> Result<Run, RunError> {
        let session = Session::up(&self).await?;
        let run = session.run(&self, (1, 1)).await;
        let down = session.down().await;
        let run = run?;
        down?;
        Ok(run)
    }

    /// Chooses a seed where neither the caller nor a plan file named one.
    #[must_use]
    pub fn seed_unless_given(mut self, seed: u64) -> Campaign {
        self.request.seed.get_or_insert(seed);
        self
    }

    /// The seed of the n-th run, from 1: each run of a campaign has the next one.
    pub fn seed_of(&self, number: u32) -> u64 {
        if let Some(plan) = &self.plan {
            return plan.seed;
        }
        let first = self.request.seed.unwrap_or_default();
        first.wrapping_add(u64::from(number.saturating_sub(1)))
    }

    /// The target.
    pub(crate) fn target_of(&self) -> Result<Target, RunError> {
        self.find_target()
    }

    /// The plan of the first run.
    pub(crate) fn first_plan(&self, target: &Target) -> Result<Plan, RunError> {
        self.expand(target, 1)
    }

    /// Where its runs are stored.
    pub(crate) fn store_folder(&self) -> &Path {
        &self.store
    }

    /// The same campaign with another plan.
    pub(crate) fn with_plan(&self, plan: Plan) -> Campaign {
        let mut campaign = self.clone();
        campaign.plan = Some(plan);
        campaign
    }

    /// The plan of the n-th run. A stored plan stays as it is, however often it is carried out.
    fn expand(&self, target: &Target, number: u32) -> Result<Plan, RunError> {
        if let Some(plan) = &self.plan {
            plan.check_against(target)?;
            return Ok(plan.clone());
        }
        let mut request = self.request.clone();
        request.seed = Some(self.seed_of(number));
        let plan = crate::plan::expand(target, &request)?;
        if let Some(fault) = plan
            .faults
            .iter()
            .find(|planned| self.direct && planned.fault.on().contains("->"))
        {
            return Err(RunError::Plan(PlanError::BadValue {
                key: "--direct".to_owned(),
                problem: format!(
                    "there are no links, so {} cannot be done; add --faults none",
                    fault.fault
                ),
            }));
        }
        Ok(plan)
    }

    fn find_target(&self) -> Result<Target, RunError> {
        if let Some(kept) = self.kept_in.as_deref().and_then(run::kept) {
            return Ok(kept?);
        }
        // What was asked for may be a path; a plan has the name.
        let planned = || self.plan.as_ref().map(|plan| plan.target.as_str());
        Ok(Target::find_or_only(self.request.target.as_deref().or_else(planned))?)
    }
}

/// A stack that is up: several campaigns can run on it, one after the other.
pub struct Session {
    testbed: Testbed,
}

impl Session {
    /// Starts the stack that a campaign needs. Nothing is started when the campaign itself is wrong.
    pub async fn up(campaign: &Campaign) -> Result<Session, RunError> {
        let target = campaign.find_target()?;
        let plan = campaign.expand(&target, 1)?;
        run::store::prepare(&campaign.store)?;
        Testbed::check_machine(&plan).await?;
        let testbed = Testbed::up(&target, &plan, &campaign.observer.0).await?;
        Ok(Session { testbed })
    }

    /// Carries out the n-th run of a campaign, of so many, on this stack.
    pub async fn run(&self, campaign: &Campaign, (number, of): (u32, u32)) -> Result<Run, RunError> {
        let target = campaign.find_target()?;
        let plan = campaign.expand(&target, number)?;
        Testbed::check_machine(&plan).await?;
        let options = RunOptions {
            store: campaign.store.clone(),
            number: (number, of),
            direct: campaign.direct,
            given: campaign.given.clone(),
        };
        let done = run::run(&self.testbed, &target, &plan, &options, &campaign.observer.0).await?;
        Ok(Run {
            plan,
            done,
            direct: campaign.direct,
        })
    }

    /// Leaves the stack up when this program ends, with the databases of its runs: `docker ps` shows it. The next run,
    /// or `paytwice clean`, removes it.
    pub fn keep(self) {
        self.testbed.stack.keep();
    }

    /// Takes the stack down and waits until nothing of it is left.
    pub async fn down(self) -> Result<(), RunError> {
        self.testbed.down().await
    }
}

/// A run that is over and judged.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
    done: run::Judged,
    direct: bool,
}

impl Run {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.done.results.verdict
    }

    /// Everything the checkers say.
    pub fn results(&self) -> &Results {
        &self.done.results
    }

    /// The history.
    pub fn history(&self) -> &History {
        &self.done.history
    }

    /// The plan as it was carried out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its folder in the store.
    pub fn folder(&self) -> &Path {
        &self.done.folder
    }

    /// The fate of the n-th subject, from 1, in the order of their beginning.
    pub fn subject(&self, n: usize) -> Option<&Fate> {
        self.done.results.fates.get(n.checked_sub(1)?)
    }

    /// The command that replays the run.
    pub fn replay(&self) -> String {
        run::replay_line(&self.done.folder, self.direct)
    }

    /// The summary as a terminal shows it.
    pub fn summary(&self) -> String {
        self.summary_with(&terminal::Options::default())
    }

    /// The summary, in colors or not.
    pub fn summary_with(&self, options: &terminal::Options) -> String {
        let replay = self.replay();
        terminal::render(&self.done.report(&replay), options)
    }

    /// What the run has tried of its target's space.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.done.coverage.as_ref()
    }

    /// Panics with verdict, witnesses and replay line unless the run is valid.
    #[track_caller]
    pub fn assert_valid(&self) {
        assert!(self.verdict() == Verdict::Valid, "{}", self.summary());
    }

    /// The weightiest anomaly of one of these kinds.
    pub fn finds(&self, kinds: &[&str]) -> Option<&Anomaly> {
        let anomalies = self.done.results.anomalies();
        anomalies.into_iter().find(|a| kinds.contains(&a.kind.as_str()))
    }

    /// Panics with the summary unless one of these anomalies was found.
    #[track_caller]
    pub fn assert_finds(&self, kinds: &[&str]) {
        assert!(
            self.finds(kinds).is_some(),
            "expected one of {kinds:?}\n{}",
            self.summary()
        );
    }
}

//! The phases of a run, one function each, in order. Each is marked in the history when it begins and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use paytwice_checkers::history::{Body, Kind, Phase, Process, ReadMoment};
use paytwice_checkers::money;
use tokio::time::Instant;

use super::services::{self, Ways};
use super::{Ground, Names, Notice, Observer, RunError, Stage, Tick, links};
use crate::nemesis::{InForce, Nemesis};
use crate::plan::{Manifest, Plan, Target};
use crate::reads::{Reader, Snapshot};
use crate::record::Recorder;
use crate::settle::{Settle, Settled};
use crate::workload::{Caller, Progress, Workload, payments};

/// How long final reads are tried.
const READS_TIMEOUT: Duration = Duration::from_secs(60);
/// How long clients try the compensation path.
const COMPENSATE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often those who watch are told.
const TICK: Duration = Duration::from_millis(500);

/// Everything the phases share.
pub(super) struct Phases<'a> {
    pub(super) stage: &'a Stage,
    pub(super) target: &'a Target,
    pub(super) manifest: Arc<Manifest>,
    pub(super) plan: &'a Plan,
    pub(super) direct: bool,
    pub(super) observer: &'a Observer,
    pub(super) recorder: Recorder,
}

/// What set-up has made.
struct Ready {
    ground: Arc<Ground>,
    workload: Arc<Workload>,
    reader: Reader,
    settle: Settle,
}

impl Phases<'_> {
    /// From nothing to the last read.
    pub(super) async fn carry_out(&self) -> Result<(), RunError> {
        let ready = self.phase("setup", self.set_up()).await?;
        let nemesis = self.phase("workload", self.work(&ready)).await?;
        self.phase("heal", self.heal(&ready, nemesis)).await?;
        self.settle("settle", &ready).await?;
        self.phase("compensate", self.compensate(&ready)).await?;
        self.settle("settle-compensate", &ready).await?;
        self.final_reads(&ready).await;
        if let Some(ground) = Arc::into_inner(ready.ground) {
            links::close(ground.links).await;
        }
        Ok(())
    }

    /// Fresh databases, topics and services, and the accounts that exist from the beginning.
    async fn set_up(&self) -> Result<Ready, RunError> {
        let begun = Instant::now();
        self.stage.clean_broker(self.observer).await?;
        let names = self.stage.next_names();
        self.create_databases(&names).await?;
        let stack = &self.stage.stack;
        let settle = Settle::prepare(stack, &self.manifest, &names, &self.plan.settle).await?;
        let (links, bases) = self.join(&names).await?;
        let ground = Arc::new(Ground {
            stack: Arc::clone(stack),
            links,
            recorder: self.recorder.clone(),
            observer: self.observer.clone(),
        });
        let pool = async |database: &str| stack.mysql_pool(&names.own(database)).map_err(RunError::from);
        let reader = Reader::open(self.manifest.reads.clone(), pool).await?;
        let workload = Arc::new(Workload::new(
            self.plan.workload.clone(),
            self.plan.seed,
            self.manifest.money.scale,
            self.manifest.operations.clone(),
            Caller::new(bases, Duration::from_millis(self.plan.workload.op_timeout_ms))?,
            pool(&self.manifest.operations.open_account.database).await?,
            self.recorder.clone(),
            Arc::new(Progress::default()),
        ));
        workload.open_accounts().await;
        let deadline = Instant::now() + READS_TIMEOUT;
        reader.record(ReadMoment::Initial, &self.recorder, deadline).await?;
        self.observer
            .detail(format!("target ready after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(Ready {
            ground,
            workload,
            reader,
            settle,
        })
    }

    /// Opens the links and starts the services behind them; says where clients call each service.
    async fn join(&self, names: &Names) -> Result<(links::Links, BTreeMap<String, String>), RunError> {
        let (stack, manifest) = (&self.stage.stack, &self.manifest);
        if self.direct {
            services::start(self.stage, manifest, self.plan, names, &Ways::Direct).await?;
            return Ok((links::Links::new(), links::direct_bases(stack, manifest)?));
        }
        let links = links::open(stack, self.target, manifest, names, &self.recorder).await?;
        services::start(self.stage, manifest, self.plan, names, &Ways::Links(&links)).await?;
        links::point_at_services(stack, self.target, &links)?;
        let bases = links::client_bases(self.target, &links);
        Ok((links, bases))
    }

    async fn create_databases(&self, names: &Names) -> Result<(), RunError> {
        for (_, name, database) in self.manifest.databases() {
            let path = self.target.dir.join(&database.schema);
            let schema = std::fs::read_to_string(&path).map_err(|source| crate::plan::PlanError::Unreadable {
                file: path.clone(),
                source,
            })?;
            self.stage.stack.create_database(&names.own(name), &schema).await?;
        }
        Ok(())
    }

    /// Clients and nemesis at the same time. The nemesis is still at work when the clients are done.
    async fn work(&self, ready: &Ready) -> Result<Nemesis, RunError> {
        let nemesis = Nemesis::start(&ready.ground, &self.plan.faults, self.plan.seed);
        let shown = self.show_workload(&ready.workload.progress, nemesis.in_force());
        tokio::select! {
            () = ready.workload.run() => {}
            () = shown => {}
        }
        Ok(nemesis)
    }

    /// Undoes every fault and sees to it that every process answers.
    async fn heal(&self, ready: &Ready, nemesis: Nemesis) -> Result<(), RunError> {
        let outcome = nemesis.heal().await;
        for problem in outcome.not_healed {
            self.observer.tell(Notice::Warning(format!("not healed: {problem}")));
        }
        let stack = &ready.ground.stack;
        for exit in stack.ended_by_themselves().await? {
            let warning = format!("{} ended by itself, exit code {}: started again", exit.party, exit.code);
            self.observer.tell(Notice::Warning(warning.clone()));
            let body = Body::Other("ended-by-itself".to_owned(), serde_json::json!({ "party": exit.party }));
            self.recorder
                .record(Process::Named("run".to_owned()), Kind::Info, body, Some(exit.log));
            stack.start(&exit.party).await?;
        }
        for party in stack.party_names() {
            stack.await_ready(&party).await?;
        }
        Ok(())
    }

    /// Waits for quiescence. Not to reach it is no failure of the harness, but no verdict of valid comes of it.
    async fn settle(&self, name: &str, ready: &Ready) -> Result<(), RunError> {
        self.begin(name);
        match ready.settle.wait(&ready.reader, &self.recorder, self.observer).await {
            Settled::AtRest => self.end(name, None),
            Settled::NotInTime { waiting_for } => {
                let error = format!("not at rest in time: {waiting_for}");
                self.observer.tell(Notice::Warning(error.clone()));
                self.end(name, Some(error));
                self.stage.mark_broker_unclean();
            }
        }
        Ok(())
    }

    /// Clients ask the crediting service for every payment that has no credit yet.
    async fn compensate(&self, ready: &Ready) -> Result<(), RunError> {
        let deadline = Instant::now() + READS_TIMEOUT;
        let snapshot = ready
            .reader
            .record(ReadMoment::BeforeCompensate, &self.recorder, deadline)
            .await;
        let Ok(snapshot) = snapshot else { return Ok(()) };
        let missing = self.not_credited(&snapshot);
        if !missing.is_empty() {
            self.observer.detail(format!(
                "{} payments have no credit yet: clients ask for them",
                missing.len()
            ));
            ready
                .workload
                .compensate(missing, Instant::now() + COMPENSATE_TIMEOUT)
                .await;
        }
        Ok(())
    }

    /// Recorded successes whose digit in their account's balance is zero, by the number of their row.
    fn not_credited(&self, snapshot: &Snapshot) -> Vec<String> {
        let workload = &self.plan.workload;
        let scale = self.manifest.money.scale;
        let mut zero: BTreeSet<(String, i128)> = BTreeSet::new();
        let balance = |account: &str| {
            let row = snapshot.balances.iter().find(|b| b.account == account)?;
            money::parse(row.balance.as_deref()?, scale).ok().map(|m| m.nearest())
        };
        for payment in payments(workload, self.plan.seed) {
            let credited = balance(&payment.account).is_some_and(|b| digit(b, payment.amount, workload.base) > 0);
            if !credited {
                zero.insert((payment.account, payment.amount));
            }
        }
        let success = &self.manifest.reads.payments.success;
        let rows = snapshot.payments.iter().filter(|row| {
            let good = row.result.as_ref().is_some_and(|r| success.contains(r));
            let amount = money::parse(&row.amount, scale).ok().map(|m| m.nearest());
            good && amount.is_some_and(|a| zero.contains(&(row.account.clone(), a)))
        });
        rows.map(|row| row.tx.clone()).collect()
    }

    async fn final_reads(&self, ready: &Ready) {
        self.begin("final-reads");
        let deadline = Instant::now() + READS_TIMEOUT;
        let read = ready.reader.record(ReadMoment::Final, &self.recorder, deadline).await;
        self.end("final-reads", read.err().map(|e| e.to_string()));
    }

    async fn phase<T>(&self, name: &str, work: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
        self.begin(name);
        let done = work.await;
        self.end(name, done.as_ref().err().map(ToString::to_string));
        done
    }

    fn begin(&self, name: &str) {
        self.observer.tell(Notice::Phase(name.to_owned()));
        self.mark(name, Kind::Invoke, None);
    }

    fn end(&self, name: &str, error: Option<String>) {
        let kind = if error.is_none() { Kind::Ok } else { Kind::Info };
        self.mark(name, kind, error);
    }

    fn mark(&self, name: &str, kind: Kind, error: Option<String>) {
        let body = Body::Phase(Phase { name: name.to_owned() });
        self.recorder
            .record(Process::Named("run".to_owned()), kind, body, error);
    }

    /// Tells those who watch how the workload stands, for as long as it is polled.
    async fn show_workload(&self, progress: &Progress, in_force: InForce) {
        let began = Instant::now();
        let mut last = (began, 0);
        let mut rate = 0;
        loop {
            tokio::time::sleep(TICK).await;
            let counts = progress.counts();
            if last.0.elapsed() >= Duration::from_secs(1) {
                rate = ((counts.ok - last.1) as f64 / last.0.elapsed().as_secs_f64()).round() as u64;
                last = (Instant::now(), counts.ok);
            }
            self.observer.tell(Notice::Tick(Tick {
                elapsed_s: began.elapsed().as_secs(),
                of_s: self.plan.workload.time_ms.div_ceil(1000),
                begun: counts.begun,
                ok: counts.ok,
                fail: counts.fail,
                info: counts.info,
                rate,
                faults: crate::nemesis::shown(&in_force),
                waiting_for: String::new(),
            }));
        }
    }
}

/// The digit of a balance that stands for a payment of this amount.
fn digit(balance: i128, amount: i128, base: u32) -> i128 {
    if amount <= 0 {
        0
    } else {
        (balance / amount) % i128::from(base)
    }
}

//! The phases of a run, one function each, in order. Each is marked in the history when it begins and when it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paytwice_checkers::Undone;
use paytwice_checkers::history::{Body, Kind, Moment, Phase, Process, read_path};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::services::{ServicesOf, Ways};
use super::watch::Watch;
use super::{Testbed, links};
use crate::dependency::Names;
use crate::nemesis::{InForce, Nemesis};
use crate::plan::manifest::Restart;
use crate::plan::{Manifest, Plan, PlanError, Target};
use crate::reads::{FirstReadError, Reader};
use crate::record::Recorder;
use crate::settle::{Settle, Settled};
use crate::stack::{Fallen, Stack, StackError};
use crate::sut::{Notice, Observer, RunError, RunningTarget, Tick};
use crate::wire::{Gates, KeyStats};
use crate::workload::{Caller, Members, Pace, Parts, Progress, SetUpError, Workload};

/// How long views are tried to be read.
const READS_TIMEOUT: Duration = Duration::from_secs(60);
/// How long clients try to repair what is not done.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a target in which not everything is healed is given to come to rest.
const SETTLE_UNHEALED: Duration = Duration::from_secs(10);
/// The phase after the repair.
const SETTLE_REPAIR: &str = "settle-repair";
/// Frames without a key that a link must have seen before anybody is told.
const KEYLESS_MIN: u64 = 20;
/// How often those who watch are told.
const TICK: Duration = Duration::from_millis(500);

/// Everything the phases share.
pub(super) struct Phases<'a> {
    pub(super) testbed: &'a Testbed,
    pub(super) target: &'a Target,
    pub(super) manifest: Arc<Manifest>,
    pub(super) plan: &'a Plan,
    pub(super) direct: bool,
    pub(super) observer: &'a Observer,
    pub(super) recorder: Recorder,
    /// The phase that began last.
    pub(super) open: Mutex<String>,
}

/// How the phases came to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With the last read.
    AsPlanned,
    /// Before it: a party is gone for good.
    BrokenOff,
}

/// Where clients call each service: one address for each of its parties.
type Bases = BTreeMap<String, Vec<String>>;

/// What set-up has made.
struct Ready {
    sut: Arc<RunningTarget>,
    workload: Arc<Workload>,
    reader: Reader,
    settle: Settle,
}

/// What goes on beside the clients, and is still going when they are done.
struct Working {
    nemesis: Nemesis,
    /// Opens what is there late; given up with this.
    late: JoinSet<Result<(), SetUpError>>,
}

impl Phases<'_> {
    /// From nothing to the last read.
    pub(super) async fn carry_out(&self) -> Result<Ended, RunError> {
        let stack = &self.testbed.stack;
        let watch = Watch::new(stack, &self.manifest, &self.recorder, self.observer);
        let set_up = async {
            tokio::select! {
                ready = self.set_up() => ready,
                error = watch.first_end() => Err(error.into()),
            }
        };
        let ready = self.phase("setup", set_up).await?;
        let ended = tokio::select! {
            done = self.break_and_read(&ready, &watch) => done.map(|()| Ended::AsPlanned),
            gone = watch.keep_up(|after| self.is_young(after, &ready)) => {
                self.break_off(&gone.error);
                if gone.never_set_up { Err(gone.error.into()) } else { Ok(Ended::BrokenOff) }
            }
        };
        self.count_unparsed(&ready);
        if let Some(sut) = Arc::into_inner(ready.sut) {
            links::close(sut.links).await;
        }
        ended
    }

    /// Whether nothing is broken yet, and nothing has succeeded either.
    fn is_young(&self, after: Duration, ready: &Ready) -> bool {
        let first_fault = self.plan.faults.iter().map(|planned| planned.at_ms).min();
        first_fault.is_none_or(|at_ms| after < Duration::from_millis(at_ms))
            && ready.workload.progress().counts().ok == 0
    }

    /// From the first request to the last read.
    async fn break_and_read(&self, ready: &Ready, watch: &Watch) -> Result<(), RunError> {
        if !self.plan.faults.is_empty() {
            watch.faults_begin();
        }
        let working = self.phase("workload", self.work(ready)).await?;
        let whole = self.heal(ready, working, watch).await;
        self.settle("settle", ready, whole).await;
        if whole {
            self.phase("repair", self.repair(ready)).await?;
            self.settle(SETTLE_REPAIR, ready, whole).await;
        }
        self.final_reads(ready).await;
        Ok(())
    }

    /// The phase that is under way ends here, and none comes after it.
    fn break_off(&self, error: &StackError) {
        let warning = format!("the run ends here: {error}");
        self.observer.tell(Notice::Warning(warning));
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.end(&open, Some(error.to_string()));
    }

    /// Fresh databases, topics and services, clients that are set up, and what is there beforehand.
    async fn set_up(&self) -> Result<Ready, RunError> {
        let begun = Instant::now();
        let (names, earlier) = self.testbed.next_names();
        if let Some(earlier) = earlier
            && let Err(e) = self
                .testbed
                .dependencies
                .forget(&self.manifest.dependencies, &earlier)
                .await
        {
            tracing::warn!("something of the run before stays in the stack: {e}");
        }
        let (stack, dependencies) = (&self.testbed.stack, &self.testbed.dependencies);
        let declared = &self.manifest.dependencies;
        dependencies.prepare(declared, &names, &self.target.dir).await?;
        let settle = Settle::new(self.plan.settle.clone(), Arc::clone(&self.manifest), names.clone());
        let gates = Gates::default();
        let (links, bases) = self.join(&names, &gates).await?;
        let sut = Arc::new(RunningTarget {
            stack: Arc::clone(stack),
            probes: links::probes(self.target, &links),
            links,
            gates,
            pace: Pace::default(),
            recorder: self.recorder.clone(),
            observer: self.observer.clone(),
        });
        let manifest = &self.manifest;
        let members = Arc::new(Members::new(manifest, &self.plan.workload));
        let databases = dependencies.databases(declared, &names);
        let services = links::direct_bases(stack.as_ref(), manifest)?;
        let reader = Reader::new(manifest, databases.clone(), services, Arc::clone(&members))?;
        let timeout = Duration::from_millis(self.plan.workload.op_timeout_ms);
        let workload = Arc::new(Workload::new(Parts {
            plan: self.plan.workload.clone(),
            seed: self.plan.seed,
            manifest: Arc::clone(manifest),
            caller: Caller::new(bases, timeout)?.with_databases(databases),
            members,
            recorder: self.recorder.clone(),
            progress: Arc::new(Progress::default()),
            pace: sut.pace.clone(),
        }));
        let deadline = Instant::now() + READS_TIMEOUT;
        let set_up = async {
            workload.set_up(deadline).await?;
            workload.open_early(deadline).await
        };
        set_up.await.map_err(|error| RunError::SetUp {
            file: self.manifest_file(),
            error,
        })?;
        reader
            .first(&self.recorder, deadline)
            .await
            .map_err(|e| self.first_read(e))?;
        if let Some(disks) = stack.as_disk() {
            disks.sync_disks().await?;
        }
        self.observer
            .detail(format!("target ready after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(Ready {
            sut,
            workload,
            reader,
            settle,
        })
    }

    fn first_read(&self, error: FirstReadError) -> RunError {
        match error {
            FirstReadError::Read(error) => error.into(),
            FirstReadError::Manifest(problems) => RunError::Plan(PlanError::BadFile {
                file: self.manifest_file(),
                problems,
            }),
        }
    }

    /// The manifest's file, as messages name it.
    fn manifest_file(&self) -> String {
        self.target.dir.join("target.toml").display().to_string()
    }

    /// Opens the links and starts the services behind them; says where clients call each service.
    async fn join(&self, names: &Names, gates: &Gates) -> Result<(links::Links, Bases), RunError> {
        let (stack, manifest) = (self.testbed.stack.as_ref(), self.manifest.as_ref());
        let services = |ways| ServicesOf {
            testbed: self.testbed,
            target: self.target,
            manifest,
            plan: self.plan,
            names,
            ways,
        };
        if self.direct {
            services(Ways::Direct).start().await?;
            return Ok((links::Links::new(), links::direct_bases(stack, manifest)?));
        }
        let links = links::open(
            stack,
            self.target,
            manifest,
            names,
            gates,
            self.plan.wire_detail,
            &self.recorder,
        )
        .await?;
        let databases = self.testbed.dependencies.databases(&manifest.dependencies, names);
        links::learn_tables(self.target, &links, &databases).await;
        services(Ways::Links(&links)).start().await?;
        // By now services have made the tables that they make themselves.
        links::learn_tables(self.target, &links, &databases).await;
        links::point_at_services(stack, self.target, &links)?;
        let bases = links::client_bases(self.target, &links);
        Ok((links, bases))
    }

    /// Clients and nemesis at the same time. The nemesis is still at work when the clients are done.
    async fn work(&self, ready: &Ready) -> Result<Working, RunError> {
        let nemesis = Nemesis::start(&ready.sut, &self.plan.faults, self.plan.seed);
        let opener = Arc::clone(&ready.workload);
        let deadline = Instant::now() + Duration::from_millis(self.plan.workload.time_ms) + READS_TIMEOUT;
        let mut late = JoinSet::new();
        late.spawn(async move { opener.open_late(deadline).await });
        let shown = self.show_workload(ready.workload.progress(), nemesis.in_force());
        let time = Duration::from_millis(self.plan.workload.time_ms);
        let work = async {
            let over = Instant::now() + time;
            ready.workload.run().await;
            let _ = tokio::time::timeout_at(over, nemesis.rules_met()).await;
        };
        tokio::select! {
            () = work => {}
            () = shown => {}
            () = ready.reader.look(&self.recorder) => {}
        }
        Ok(Working { nemesis, late })
    }

    /// Undoes every fault and sees to it that every process answers. What cannot be healed is no failure of the
    /// harness: the run goes on, and the phase says that a verdict of valid is out of reach. Says whether all is well.
    async fn heal(&self, ready: &Ready, mut working: Working, watch: &Watch) -> bool {
        self.begin("heal");
        let mut problems = working.nemesis.heal().await.not_healed;
        watch.faults_end();
        problems.extend(self.all_up(ready.sut.stack.as_ref(), watch).await);
        match working.late.join_next().await {
            Some(Ok(Ok(()))) | None => {}
            Some(Ok(Err(e))) => problems.push(e.to_string()),
            Some(Err(e)) => problems.push(format!("what is opened late: {e}")),
        }
        for problem in &problems {
            self.observer.tell(Notice::Warning(format!("not healed: {problem}")));
        }
        if !problems.is_empty() {
            self.testbed.mark_unclean();
        }
        self.end("heal", (!problems.is_empty()).then(|| problems.join("; ")));
        problems.is_empty()
    }

    /// Sees to it that every party runs and is ready: those that ended by themselves are started again. Returns what is
    /// not well then; a party that cannot be started is not waited for a second time.
    async fn all_up(&self, stack: &dyn Stack, watch: &Watch) -> Vec<String> {
        let mut problems = Vec::new();
        let mut down = Vec::new();
        for fallen in stack.fallen().await.unwrap_or_default() {
            // What is gone for good ends the run.
            let Fallen::Ended(party) = fallen else { continue };
            watch.note(&party).await;
            if watch.restart(&party) == Some(Restart::Never) {
                problems.push(format!(
                    "{party} ended by itself, and its manifest says restart = \"never\""
                ));
                down.push(party);
            } else if let Err(e) = stack.bring_back(&party).await {
                problems.push(e.to_string());
                down.push(party);
            } else {
                watch.is_back(&party);
            }
        }
        for party in stack.party_names() {
            if down.contains(&party) {
                continue;
            }
            if let Err(e) = stack.await_ready(&party).await {
                problems.push(e.to_string());
            }
        }
        problems
    }

    /// Waits for quiescence. Not to reach it is no failure of the harness, but no verdict of valid comes of it: where
    /// something is not well already, it is not waited for long.
    async fn settle(&self, name: &str, ready: &Ready, whole: bool) {
        self.begin(name);
        let dependencies = &self.testbed.dependencies;
        let bound = if whole { Duration::MAX } else { SETTLE_UNHEALED };
        let settled = ready
            .settle
            .wait(bound, dependencies, &ready.reader, &self.recorder, self.observer)
            .await;
        if name == SETTLE_REPAIR {
            let deadline = Instant::now() + READS_TIMEOUT;
            // What cannot be read is recorded as such.
            let _ = ready.reader.record(Moment::AfterRepair, &self.recorder, deadline).await;
        }
        match settled {
            Settled::AtRest => self.end(name, None),
            Settled::NotInTime { waiting_for } => {
                let error = format!("not at rest in time: {waiting_for}");
                self.observer.tell(Notice::Warning(error.clone()));
                self.end(name, Some(error));
                self.testbed.mark_unclean();
            }
        }
    }

    /// Clients drive the repairing actions for every subject that is recorded and has no effect yet.
    async fn repair(&self, ready: &Ready) -> Result<(), RunError> {
        let deadline = Instant::now() + READS_TIMEOUT;
        if ready
            .reader
            .record(Moment::Rest, &self.recorder, deadline)
            .await
            .is_err()
        {
            return Ok(());
        }
        let mut undone = self.undone().await?;
        undone.retain(|undone| {
            self.manifest
                .actions
                .values()
                .any(|action| action.repairs.as_ref() == Some(&undone.kind))
        });
        if !undone.is_empty() {
            self.observer.detail(format!(
                "{} subjects have no effect yet: clients repair them",
                undone.len()
            ));
            ready.workload.repair(undone, Instant::now() + REPAIR_TIMEOUT).await;
        }
        Ok(())
    }

    /// The subjects that the history so far shows as recorded and without an effect.
    async fn undone(&self) -> Result<Vec<Undone>, RunError> {
        if self.manifest.actions.values().all(|action| action.repairs.is_none()) {
            return Ok(Vec::new());
        }
        self.recorder.flush().await?;
        let path = self.recorder.path().to_owned();
        let read =
            tokio::task::spawn_blocking(move || read_path(path).map(|history| paytwice_checkers::undone(&history)));
        match read.await {
            Ok(undone) => Ok(undone?),
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }

    /// Reads until two reads in a row say the same: a target that still works is not judged.
    async fn final_reads(&self, ready: &Ready) {
        self.begin("final-reads");
        let deadline = Instant::now() + READS_TIMEOUT;
        let mut last = None;
        let error = loop {
            match ready.reader.record(Moment::Final, &self.recorder, deadline).await {
                Ok(read) if last.as_ref() == Some(&read) => break None,
                Ok(_) if Instant::now() >= deadline => break Some("rows still change".to_owned()),
                Ok(read) => last = Some(read),
                Err(e) => break Some(e.to_string()),
            }
            tokio::time::sleep(Duration::from_millis(self.plan.settle.sample_every_ms)).await;
        };
        self.end("final-reads", error);
    }

    /// Bytes that a link could not read crossed it without a name: what was in them is not on record. A key that was not
    /// found where it could stand is on record without its frames.
    fn count_unparsed(&self, ready: &Ready) {
        for (name, link) in &ready.sut.links {
            let stats = link.stats();
            for (key, KeyStats { found, of }) in stats.keys {
                if found == 0 && of >= KEYLESS_MIN {
                    self.observer.tell(Notice::Warning(format!(
                        "{name}: {key} stood in none of the {of} frames where keys.{key} says that it stands"
                    )));
                }
                let body = serde_json::json!({ "link": name, "key": key, "found": found, "of": of });
                self.recorder.remark("wire", Body::Other("keys".to_owned(), body));
            }
            let bytes = stats.unparsed_bytes;
            if bytes > 0 {
                let body = serde_json::json!({ "link": name, "bytes": bytes });
                self.recorder.remark("wire", Body::Other("unparsed".to_owned(), body));
                self.observer
                    .tell(Notice::Warning(format!("{name}: {bytes} bytes were not understood")));
            }
        }
    }

    async fn phase<T>(&self, name: &str, work: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
        self.begin(name);
        let done = work.await;
        self.end(name, done.as_ref().err().map(ToString::to_string));
        done
    }

    fn begin(&self, name: &str) {
        self.observer.tell(Notice::Phase(name.to_owned()));
        name.clone_into(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner));
        self.mark(name, Kind::Invoke, None);
    }

    fn end(&self, name: &str, error: Option<String>) {
        let kind = if error.is_none() { Kind::Ok } else { Kind::Info };
        self.mark(name, kind, error);
    }

    fn mark(&self, name: &str, kind: Kind, error: Option<String>) {
        let body = Body::Phase(Phase { name: name.to_owned() });
        self.recorder.record(Process::Named("run".into()), kind, body, error);
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

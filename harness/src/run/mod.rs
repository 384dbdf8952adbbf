//! A run: the phases from a plan to a judged history, in the order of the data flow.
//!
//! setup -> workload || nemesis -> heal -> settle -> repair -> settle -> final reads -> history -> checkers ->
//! reports. A run must never end with a fault in force, and never call a history whole that is not.

mod links;
mod phases;
mod program;
mod results;
mod services;
pub mod store;
mod testbed;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use paytwice_checkers::history::{Body, FORMAT_VERSION, Header};
use paytwice_checkers::promises::Checker;

pub(crate) use results::kept;
pub use results::{HISTORY, Judged, judge_folder};
pub use testbed::Testbed;

use crate::clock::Now;
use crate::plan::{Plan, PlanError, Target};
use crate::record::Recorder;
pub use crate::sut::{Notice, Observer, PLAN, RunError, Tick, recheck_line, replay_line};

/// The folder, in that of a run, with the manifest and the schemas that it used.
pub const TARGET: &str = "target";

/// What a run is asked to do, beside its plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where runs are stored.
    pub store: PathBuf,
    /// Number of this run and of all runs of its campaign, for those who watch.
    pub number: (u32, u32),
    /// Join services and dependencies without links.
    pub direct: bool,
    /// Checkers beside those of the target's promises, by name.
    pub given: Vec<Given>,
}

/// A checker given from Rust, with its name.
#[derive(Clone)]
pub struct Given {
    /// Its name in the results.
    pub name: String,
    /// The checker.
    pub checker: Arc<dyn Checker + Send + Sync>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Carries out one plan on a stack and judges what happened.
pub async fn run(
    testbed: &Testbed,
    target: &Target,
    plan: &Plan,
    options: &RunOptions,
    observer: &Observer,
) -> Result<Judged, RunError> {
    testbed.check_stack(plan)?;
    check_given(target, &options.given)?;
    let now = Now::read();
    let folder = store::create(&options.store, &plan.target, now, plan.seed)?;
    observer.tell(Notice::Run {
        number: options.number.0,
        of: options.number.1,
        seed: plan.seed,
        folder: folder.display().to_string(),
    });
    write(&folder.join(PLAN), &plan.to_toml())?;
    keep(target, &folder.join(TARGET))?;
    for line in plan.describe() {
        observer.detail(line);
    }
    testbed.restore(target, plan, observer).await?;
    testbed.begin_run();
    testbed.stack.attach_logs(&folder.join("logs"))?;
    let recorded = record(testbed, target, plan, options, observer, &folder, now).await;
    testbed.stack.detach_logs();
    if let Err(e) = recorded {
        return Err(e.in_folder(&folder));
    }
    let mut judged = judge_folder(&folder)?;
    for Given { name, checker } in &options.given {
        judged.add(name, checker.as_ref());
    }
    if let Err(e) = judged.write(&replay_line(&folder, options.direct)) {
        let warning = format!("the reports are not written, the verdict stands: {e}");
        observer.tell(Notice::Warning(warning));
    }
    Ok(judged)
}

/// A checker given from Rust must not take the place of a promise.
fn check_given(target: &Target, given: &[Given]) -> Result<(), RunError> {
    let promises = target.manifest.header().promises;
    let names = promises.iter().map(|promise| {
        let name = promise.options.get("name").and_then(|name| name.as_str());
        name.unwrap_or(&promise.checker)
    });
    match given.iter().find(|given| names.clone().any(|name| name == given.name)) {
        None => Ok(()),
        Some(Given { name, .. }) => Err(RunError::Plan(PlanError::value(
            format!("checker {name}"),
            "has the name of a promise of the target; give it another".to_owned(),
        ))),
    }
}

/// From here to its return a history is being written.
async fn record(
    testbed: &Testbed,
    target: &Target,
    plan: &Plan,
    options: &RunOptions,
    observer: &Observer,
    folder: &Path,
    now: Now,
) -> Result<(), RunError> {
    let (recorder, guard) = Recorder::create(&folder.join(HISTORY))?;
    let manifest = target.effective(&plan.policies)?;
    let header = Header {
        format: "paytwice-history".to_owned(),
        version: FORMAT_VERSION,
        target: plan.target.clone(),
        run: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        stack: plan.stack.clone(),
        seed: plan.seed,
        started_at: now.rfc3339(),
        policies: plan.policies.clone(),
        ..manifest.header()
    };
    recorder.remark("run", Body::Header(Box::new(header)));
    let phases = phases::Phases {
        testbed,
        target,
        manifest: Arc::new(manifest),
        plan,
        direct: options.direct,
        observer,
        recorder: recorder.clone(),
        open: Mutex::default(),
    };
    let ended = tokio::select! {
        ended = phases.carry_out() => ended,
        failure = recorder.until_failure() => Err(failure.into()),
    };
    // Of a run that was broken off a party is gone, and its files with it.
    if !matches!(ended, Ok(phases::Ended::BrokenOff))
        && let Err(e) = testbed.dependencies.save_logs(&folder.join("logs")).await
    {
        observer.tell(Notice::Warning(format!("log files of a dependency are not kept: {e}")));
    }
    testbed.clear_services(target).await;
    let closed = guard.close();
    if ended? == phases::Ended::AsPlanned {
        testbed.end_run();
    }
    closed?;
    Ok(())
}

/// Keeps the target that a run uses in the run's folder.
fn keep(target: &Target, folder: &Path) -> Result<(), RunError> {
    target.keep(folder).map_err(|e| match e {
        // The file was there when the target was read: it is the store that cannot take it.
        PlanError::Uncopied { to, source, .. } if source.kind() != std::io::ErrorKind::NotFound => RunError::Store {
            path: to,
            reason: source.to_string(),
        },
        e => RunError::Plan(e),
    })
}

fn write(path: &Path, text: &str) -> Result<(), RunError> {
    std::fs::write(path, text).map_err(|e| RunError::Store {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}

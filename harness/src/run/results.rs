//! Judging a history that is on disk, and writing what follows from it: the same code for a run and for `check`.

use std::path::{Path, PathBuf};

use paytwice_checkers::history::{History, read_path};
use paytwice_checkers::promises::{Checker, check_given};
use paytwice_checkers::verdict::Results;
use paytwice_reports::RunReport;
use paytwice_reports::coverage::Coverage;

use super::{PLAN, RunError, TARGET, program};
use crate::coverage::coverage;
use crate::plan::{Plan, PlanError, Target};

/// The history of a run, by name.
pub const HISTORY: &str = "history.jsonl";

/// A run on disk that has been judged.
#[derive(Debug)]
pub struct Judged {
    /// Its folder.
    pub folder: PathBuf,
    /// Its history.
    pub history: History,
    /// What the checkers say.
    pub results: Results,
    /// What it has tried of its target's space, where its plan and its target are at hand.
    pub coverage: Option<Coverage>,
}

/// Reads and judges `history.jsonl` of a folder.
pub fn judge_folder(folder: &Path) -> Result<Judged, RunError> {
    let history = read_path(folder.join(HISTORY))?;
    let mut results = paytwice_checkers::judge(&history);
    let target = kept(folder).and_then(Result::ok);
    let home = target.as_ref().map_or(folder, |target| &target.home);
    program::decide(home, &folder.join(HISTORY), &mut results);
    let coverage = tried(folder, &history);
    Ok(Judged {
        folder: folder.to_owned(),
        history,
        results,
        coverage,
    })
}

/// What a run has tried. A history may stand alone, or come from another machine, without the plan or the target.
fn tried(folder: &Path, history: &History) -> Option<Coverage> {
    let plan = std::fs::read_to_string(folder.join(PLAN)).ok()?;
    let plan = Plan::from_toml(PLAN, &plan).ok()?;
    let target = kept(folder).transpose().ok()?;
    let target = target.map_or_else(|| Target::find(&plan.target), Ok).ok()?;
    coverage(&target, &plan, &history.events)
}

/// The target as the run in a folder used it, where it is kept there.
pub(crate) fn kept(folder: &Path) -> Option<Result<Target, PlanError>> {
    let manifest = folder.join(TARGET).join("target.toml");
    manifest.is_file().then(|| Target::load(&manifest))
}

impl Judged {
    /// Adds what a checker given from Rust says.
    pub(super) fn add(&mut self, name: &str, checker: &dyn Checker) {
        self.results.put(check_given(name, checker, &self.history));
    }

    /// Writes `results.json`, `junit.xml` and `report.html` beside the history.
    pub fn write(&self, replay: &str) -> Result<(), RunError> {
        // A history may stand alone, without the plan that led to it.
        let plan = std::fs::read_to_string(self.folder.join(PLAN)).ok();
        let mut report = self.report(replay);
        if let Some(plan) = &plan {
            report = report.with_plan(plan);
        }
        Ok(paytwice_reports::write_all(&self.folder, &report)?)
    }

    /// The run as reports take it, with the command that leads to it again.
    pub fn report<'a>(&'a self, replay: &'a str) -> RunReport<'a> {
        let report = RunReport::new(&self.results, &self.history.events, replay).in_folder(&self.folder);
        match &self.coverage {
            Some(coverage) => report.with_coverage(coverage),
            None => report,
        }
    }
}

//! An exploration on disk: `cases.jsonl` grows case by case; `explore.json` and `explore.html` are made from it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use paytwice_reports::explore::{CaseKind, CaseOutcome, CaseResult, Exploration, Pairs};

use crate::clock::Now;
use crate::coverage::Case;
use crate::plan::{Plan, PlanError, Point};
use crate::run::RunError;

/// One line per case that was tried.
const CASES: &str = "cases.jsonl";
/// The plan that every case starts from.
const PLAN: &str = "plan.toml";
/// The points that a subject passes in a run without faults.
const POINTS: &str = "points.json";

/// An exploration that is being written.
pub(super) struct Log {
    folder: PathBuf,
    file: File,
    exploration: Exploration,
}

impl Log {
    /// A new exploration in the store.
    pub(super) fn create(store: &Path, base: &Plan) -> Result<Log, RunError> {
        crate::run::store::prepare(store)?;
        let name = format!("explore-{}-{}", Now::read().folder(), base.seed);
        let folder = store.join(&base.target).join(name);
        let made = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(PLAN), base.to_toml()))
            .and_then(|()| File::create_new(folder.join(CASES)));
        let file = made.map_err(|e| error(&folder, &e))?;
        Ok(Log {
            exploration: Exploration::new(&base.target, base.seed, base.policies.clone()),
            folder,
            file,
        })
    }

    /// An exploration that was begun before, for the same plan.
    pub(super) fn resume(folder: &Path, base: &Plan) -> Result<Log, RunError> {
        let wrong = |problem: String| {
            RunError::Plan(PlanError::BadValue {
                key: "--resume".to_owned(),
                problem: format!("{}: {problem}", folder.display()),
            })
        };
        let text = std::fs::read_to_string(folder.join(PLAN)).map_err(|e| {
            wrong(format!(
                "is no exploration ({PLAN}: {e}); name a folder explore-... of the store"
            ))
        })?;
        let plan = Plan::from_toml(PLAN, &text)?;
        if plan != *base {
            return Err(wrong(
                "began with another target, seed or policies; give the same ones".to_owned(),
            ));
        }
        let text = std::fs::read_to_string(folder.join(CASES)).map_err(|e| error(folder, &e))?;
        let mut exploration = Exploration::new(&base.target, base.seed, base.policies.clone());
        // A last line that was cut off was not tried to its end: it is tried again.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for (number, line) in whole.lines().enumerate() {
            let case: CaseResult =
                serde_json::from_str(line).map_err(|e| wrong(format!("{CASES}:{}: {e}", number + 1)))?;
            // What the harness could not carry out is tried again.
            if case.outcome != CaseOutcome::Failed {
                exploration.cases.push(case);
            }
        }
        let file = OpenOptions::new()
            .append(true)
            .open(folder.join(CASES))
            .and_then(|file| {
                file.set_len(whole.len() as u64)?;
                Ok(file)
            });
        Ok(Log {
            folder: folder.to_owned(),
            file: file.map_err(|e| error(folder, &e))?,
            exploration,
        })
    }

    /// The points that a subject passes, where that was seen before.
    pub(super) fn passed(&self) -> Option<Vec<Point>> {
        let text = std::fs::read_to_string(self.folder.join(POINTS)).ok()?;
        let points: Vec<(String, String)> = serde_json::from_str(&text).ok()?;
        let points = points.into_iter().map(|(link, name)| Point { link, name });
        Some(points.collect())
    }

    /// Writes down the points that a subject passes.
    pub(super) fn passes(&self, points: Vec<Point>) -> Result<Vec<Point>, RunError> {
        let pairs: Vec<(&str, &str)> = points.iter().map(|p| (p.link.as_str(), p.name.as_str())).collect();
        let text = serde_json::to_string(&pairs).unwrap_or_else(|e| unreachable!("names are JSON: {e}"));
        std::fs::write(self.folder.join(POINTS), text).map_err(|e| error(&self.folder, &e))?;
        Ok(points)
    }

    /// Says that the target is wrong of itself: nothing was tried, and may be another time.
    pub(super) fn without_fault(&mut self, result: CaseResult) {
        self.exploration.cases = vec![result];
    }

    /// Says which cases there are.
    pub(super) fn plan_of(&mut self, cases: &[Case]) -> Result<(), RunError> {
        self.exploration.planned = cases
            .iter()
            .map(|case| (case.point.to_string(), case.column.to_owned()))
            .collect();
        for case in cases {
            let point = case.point.to_string();
            if !self.exploration.points.contains(&point) {
                self.exploration.points.push(point);
            }
        }
        Ok(())
    }

    /// Says which pairs there are.
    pub(super) fn pairs(&mut self, pairs: Pairs) {
        self.exploration.pairs = pairs;
    }

    /// Whether the case was tried.
    pub(super) fn has(&self, case: &Case) -> bool {
        let (point, action) = (case.point.to_string(), case.action.to_string());
        self.exploration
            .cases
            .iter()
            .any(|done| done.kind == CaseKind::Single && done.point == point && done.action == action)
    }

    /// How many were tried.
    pub(super) fn tried(&self) -> usize {
        self.exploration.cases.len()
    }

    /// Writes a case down.
    pub(super) fn add(&mut self, case: CaseResult) -> Result<(), RunError> {
        let mut line = serde_json::to_string(&case).unwrap_or_else(|e| unreachable!("a case is text and numbers: {e}"));
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .map_err(|e| error(&self.folder, &e))?;
        self.exploration.cases.push(case);
        Ok(())
    }

    pub(super) fn exploration(&self) -> &Exploration {
        &self.exploration
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes `explore.json` and `explore.html`.
    pub(super) fn write_reports(&self) -> Result<(), RunError> {
        Ok(paytwice_reports::explore::write(&self.folder, &self.exploration)?)
    }
}

fn error(path: &Path, e: &std::io::Error) -> RunError {
    RunError::Store {
        path: path.to_owned(),
        reason: e.to_string(),
    }
}

//! Results of a run for people and machines: the summary on a terminal, `results.json`, `junit.xml` and `report.html`.
//!
//! Everything here is a function of [`Results`] and of the events that they were judged from: the same input gives the same
//! bytes. The words for subjects, records and effects come from the results and from the header. Never: judges, opens
//! a socket, reads a clock, or knows a target.
//!
//! ```
//! # use paytwice_checkers::history::Header;
//! # use paytwice_checkers::verdict::{RESULTS_VERSION, Results, Verdict};
//! # let header = Header { target: "shop".into(), stack: "containers".into(), seed: 7, ..Header::default() };
//! # let results = Results {
//! #     version: RESULTS_VERSION, verdict: Verdict::Valid, sentence: "every order was shipped once".into(),
//! #     header, truncated: false, events: 0, checkers: vec![], fates: vec![], words: None, windows: vec![],
//! #     faults: vec![], keys: vec![], unparsed: [].into(), phases: vec![], troubles: vec![], figures: [].into(),
//! # };
//! use paytwice_reports::{RunReport, terminal};
//!
//! let report = RunReport::new(&results, &[], "paytwice run shop --seed 7");
//! let summary = terminal::render(&report, &terminal::Options::default());
//! assert!(summary.starts_with("VALID: every order was shipped once\n"));
//! assert!(summary.ends_with("paytwice run shop --seed 7\n"));
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use paytwice_checkers::history::Event;
use paytwice_checkers::verdict::Results;

use coverage::Coverage;

pub mod campaign;
pub mod coverage;
pub mod explore;
pub mod html;
pub mod json;
pub mod junit;
mod layout;
mod ops;
mod readable;
mod sections;
pub mod terminal;
mod text;
mod verdict;
mod window;
mod witness;

/// One run, ready to be reported.
#[derive(Clone, Copy, Debug)]
pub struct RunReport<'a> {
    /// What the checkers decided.
    pub results: &'a Results,
    /// The history that they judged, in order.
    pub events: &'a [Event],
    /// The command that replays the run, or re-checks it.
    pub replay: &'a str,
    /// The fully expanded plan, as text, where there is one.
    pub plan: Option<&'a str>,
    /// The cases that were tried, where they are known.
    pub coverage: Option<&'a Coverage>,
    /// The folder that holds the reports, where they were written.
    pub folder: Option<&'a Path>,
}

impl<'a> RunReport<'a> {
    /// A report of the results alone.
    pub fn new(results: &'a Results, events: &'a [Event], replay: &'a str) -> Self {
        Self {
            results,
            events,
            replay,
            plan: None,
            coverage: None,
            folder: None,
        }
    }

    /// Adds the fully expanded plan, shown at the end of the page.
    #[must_use]
    pub fn with_plan(self, plan: &'a str) -> Self {
        Self {
            plan: Some(plan),
            ..self
        }
    }

    /// Names the folder that holds the reports, shown in the summary.
    #[must_use]
    pub fn in_folder(self, folder: &'a Path) -> Self {
        Self {
            folder: Some(folder),
            ..self
        }
    }

    /// Adds the cases that were tried.
    #[must_use]
    pub fn with_coverage(self, coverage: &'a Coverage) -> Self {
        Self {
            coverage: Some(coverage),
            ..self
        }
    }
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be written.
    #[error("{}: cannot be written: {source}; is the disk full, or the folder read-only?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The results do not fit into JSON.
    #[error("results.json: {0}")]
    Json(#[from] serde_json::Error),
    /// The results do not fit into XML.
    #[error("junit.xml: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    /// The page could not be rendered.
    #[error("report.html: {0}")]
    Html(#[from] askama::Error),
}

/// Name of the file that [`write_all`] gives to [`json::render`].
pub const RESULTS_JSON: &str = "results.json";
/// Name of the file that [`write_all`] gives to [`junit::render`].
pub const JUNIT_XML: &str = "junit.xml";
/// Name of the file that [`write_all`] gives to [`html::render`].
pub const REPORT_HTML: &str = "report.html";

/// Writes `results.json`, `junit.xml` and `report.html` into `folder`, which must exist.
///
/// The results are written first: they exist even if the disk is too full for the page.
pub fn write_all(folder: &Path, report: &RunReport<'_>) -> Result<(), ReportError> {
    write_file(&folder.join(RESULTS_JSON), &json::render(report)?)?;
    write_file(&folder.join(JUNIT_XML), &junit::render(report)?)?;
    write_file(&folder.join(REPORT_HTML), &html::render(report)?)
}

/// Writes to a temporary file and renames it: a reader never sees half a report.
fn write_file(path: &Path, content: &str) -> Result<(), ReportError> {
    let part = path.with_extension("part");
    let written = fs::File::create(&part).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&part, path)).map_err(|source| {
        // If the temporary file cannot be removed either, the first error is still the one to report.
        let _ = fs::remove_file(&part);
        ReportError::Write {
            path: path.to_owned(),
            source,
        }
    })
}

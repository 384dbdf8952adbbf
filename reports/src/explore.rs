//! An exploration: the wire points that were tried with each action, and the outcome of every case.
//!
//! For machines (`explore.json`), for a terminal, and as a page (`explore.html`): a table of points and actions.
//! Never: counts a case as tried whose rule met no frame.

use std::collections::BTreeMap;
use std::path::Path;

use askama::Template;
use paytwice_checkers::verdict::Verdict;
use serde::{Deserialize, Serialize};

use crate::coverage::{Coverage, PointActions, Tried};
use crate::layout::{Paint, Side, Table, paint, wrap};
use crate::terminal::Options;
use crate::text::{self, plain};
use crate::{ReportError, write_file};

/// Name of the file for machines.
pub const EXPLORE_JSON: &str = "explore.json";
/// Name of the page.
pub const EXPLORE_HTML: &str = "explore.html";
/// Findings that a terminal shows.
const FINDINGS_MAX: usize = 10;

/// What was tried so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// The target.
    pub target: String,
    /// The seed of every case.
    pub seed: u64,
    /// Policies of the target.
    pub policies: BTreeMap<String, String>,
    /// Points that a subject passes, in order.
    pub points: Vec<String>,
    /// All cases: point and column.
    pub planned: Vec<(String, String)>,
    /// Pairs of cases whose first fault leads a subject into a state in which the second was not tried yet.
    #[serde(default)]
    pub pairs: Pairs,
    /// Cases that were tried.
    pub cases: Vec<CaseResult>,
}

/// Second faults, after a first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Pairs that are left.
    pub left: usize,
    /// Pairs that were skipped, because their second fault was tried at that point in that state before.
    pub skipped: usize,
}

/// How a case came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// One point, one action.
    #[default]
    Single,
    /// A second fault after a first one.
    Pair,
    /// Rules drawn from the seed.
    Random,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// How it came about.
    #[serde(default)]
    pub kind: CaseKind,
    /// The point.
    pub point: String,
    /// What was done there.
    pub action: String,
    /// The column of the table.
    pub column: String,
    /// Its outcome.
    pub outcome: CaseOutcome,
    /// The verdict's sentence.
    pub sentence: String,
    /// Kinds of anomalies, the weightiest first.
    pub kinds: Vec<String>,
    /// Folder of the run.
    pub run: Option<String>,
    /// The command that replays it.
    pub replay: Option<String>,
    /// How long it took, milliseconds.
    pub wall_ms: u64,
    /// The actions that subjects met, and their states.
    #[serde(default)]
    pub tried: Vec<Tried>,
    /// The points that subjects passed after the first action that they met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
}

/// A point that a subject passed after it had met an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Which subject of the run, from 0.
    pub subject: usize,
    /// The point.
    pub point: String,
    /// Which of the subject's frames there, from 1.
    pub nth: u64,
    /// What had happened to the subject before.
    pub state: String,
}

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseOutcome {
    /// The rule met its frame, and every promise held.
    Valid,
    /// A promise was broken.
    Invalid,
    /// It cannot be decided.
    Unknown,
    /// The rule met no frame: nothing was tried.
    NotMet,
    /// The harness failed.
    Failed,
}

impl CaseOutcome {
    fn cell(self) -> (&'static str, Paint) {
        match self {
            CaseOutcome::Valid => ("ok", Paint::Green),
            CaseOutcome::Invalid => ("INVALID", Paint::Red),
            CaseOutcome::Unknown => ("?", Paint::Yellow),
            CaseOutcome::NotMet => ("-", Paint::Dim),
            CaseOutcome::Failed => ("FAILED", Paint::Red),
        }
    }

    fn class(self) -> &'static str {
        match self {
            CaseOutcome::Valid => "valid",
            CaseOutcome::Invalid | CaseOutcome::Failed => "invalid",
            CaseOutcome::Unknown => "unknown",
            CaseOutcome::NotMet => "none",
        }
    }
}

impl Exploration {
    /// Nothing tried yet.
    pub fn new(target: &str, seed: u64, policies: BTreeMap<String, String>) -> Exploration {
        Exploration {
            target: target.to_owned(),
            seed,
            policies,
            ..Exploration::default()
        }
    }

    /// The merged verdict; unknown where a case could not be carried out, or nothing was tried at all.
    pub fn verdict(&self) -> Verdict {
        let has = |outcome| self.count(outcome) > 0;
        if has(CaseOutcome::Invalid) {
            Verdict::Invalid
        } else if has(CaseOutcome::Unknown) || has(CaseOutcome::Failed) || !has(CaseOutcome::Valid) {
            Verdict::Unknown
        } else {
            Verdict::Valid
        }
    }

    /// How many cases ended so.
    pub fn count(&self, outcome: CaseOutcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }

    fn case(&self, point: &str, column: &str) -> Option<&CaseResult> {
        self.singles().find(|case| case.point == point && case.column == column)
    }

    fn singles(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(|case| case.kind == CaseKind::Single)
    }

    /// The cases, and those that were tried.
    pub fn coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for point in &self.points {
            let here = self.planned.iter().filter(|(at, _)| at == point);
            coverage.points.push(PointActions {
                point: point.clone(),
                actions: here.map(|(_, column)| column.clone()).collect(),
            });
        }
        coverage.merge(&Coverage {
            points: Vec::new(),
            tried: self.cases.iter().flat_map(|case| &case.tried).cloned().collect(),
        });
        coverage
    }

    /// The columns that are used, in the order of the first point that has them.
    fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        let all = self.planned.iter().map(|(_, column)| column.as_str());
        for column in all.chain(self.singles().map(|case| case.column.as_str())) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// The rows of the table: points, and the outcome in each column.
    fn rows(&self) -> Vec<(&str, Vec<Option<&CaseResult>>)> {
        let columns = self.columns();
        let row = |point: &'_ String| columns.iter().map(|column| self.case(point, column)).collect();
        self.points.iter().map(|point| (point.as_str(), row(point))).collect()
    }

    fn planned_at(&self, point: &str, column: &str) -> bool {
        self.planned.iter().any(|(p, c)| p == point && c == column)
    }

    /// One line: how many cases were tried, and their outcomes.
    pub fn total(&self) -> String {
        if self.planned.is_empty() {
            return "nothing explored: the run without faults is not valid".to_owned();
        }
        let counts = [
            (CaseOutcome::Valid, "valid"),
            (CaseOutcome::Invalid, "INVALID"),
            (CaseOutcome::Unknown, "UNKNOWN"),
            (CaseOutcome::NotMet, "not met"),
            (CaseOutcome::Failed, "FAILED"),
        ];
        let counts: Vec<String> = counts
            .iter()
            .map(|(outcome, word)| (self.count(*outcome), word))
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{} {word}", text::count(n as u64)))
            .collect();
        let seconds = self.cases.iter().map(|case| case.wall_ms).sum::<u64>() / 1000;
        let of = |kind| self.cases.iter().filter(|case| case.kind == kind).count() as u64;
        let mut more = String::new();
        if of(CaseKind::Pair) > 0 {
            more.push_str(&format!(", {}", text::plural(of(CaseKind::Pair), "pair")));
        }
        if of(CaseKind::Random) > 0 {
            more.push_str(&format!(", {} drawn at random", text::count(of(CaseKind::Random))));
        }
        format!(
            "{} of {} tried at {}{more} in {} s: {}",
            text::count(of(CaseKind::Single)),
            text::plural(self.planned.len() as u64, "case"),
            text::plural(self.points.len() as u64, "point"),
            text::count(seconds),
            if counts.is_empty() {
                "nothing yet".to_owned()
            } else {
                counts.join(", ")
            }
        )
    }

    /// How many combinations were met, and how many pairs are left; None where no action was met.
    pub fn combinations(&self) -> Option<String> {
        let coverage = self.coverage();
        if coverage.tried.is_empty() {
            return None;
        }
        let total = coverage.combinations();
        let Pairs { left, skipped } = self.pairs;
        Some(match (left, skipped) {
            (0, 0) => total,
            _ => format!(
                "{total}; second faults: {} left, {} skipped because they were tried there in the same state",
                text::count(left as u64),
                text::count(skipped as u64)
            ),
        })
    }
}

/// The table and the findings, with a final line break.
pub fn render(exploration: &Exploration, options: &Options) -> String {
    let columns = exploration.columns();
    let mut sides = vec![Side::Left];
    sides.extend(columns.iter().map(|_| Side::Left));
    let mut table = Table::new(&sides);
    let head = std::iter::once("point").chain(columns.iter().copied());
    table.row(head.map(|name| (name.to_owned(), Paint::Dim)).collect());
    for (point, cells) in exploration.rows() {
        let mut row = vec![(plain(point), Paint::Plain)];
        row.extend(cells.iter().zip(&columns).map(|(cell, column)| match cell {
            Some(case) => {
                let (word, look) = case.outcome.cell();
                (word.to_owned(), look)
            }
            None if exploration.planned_at(point, column) => ("not yet".to_owned(), Paint::Dim),
            None => (String::new(), Paint::Plain),
        }));
        table.row(row);
    }
    let mut lines = table.lines("", usize::MAX, options.color);
    lines.push(String::new());
    lines.push("ok valid · ? unknown · - the rule met no frame · < before, > after the frame arrives".to_owned());
    let bad = |case: &&CaseResult| !matches!(case.outcome, CaseOutcome::Valid | CaseOutcome::NotMet);
    let findings: Vec<&CaseResult> = exploration.cases.iter().filter(bad).collect();
    for case in findings.iter().take(FINDINGS_MAX) {
        let (word, look) = case.outcome.cell();
        lines.push(String::new());
        lines.push(format!(
            "{} {}: {}",
            paint(word, look, options.color),
            plain(&case.point),
            plain(&case.action)
        ));
        lines.extend(wrap(&plain(&case.sentence), options.width(), "  ", "  "));
        lines.extend(case.replay.iter().map(|replay| format!("  {replay}")));
    }
    if findings.len() > FINDINGS_MAX {
        lines.push(format!("\nand {} more", findings.len() - FINDINGS_MAX));
    }
    lines.push(String::new());
    lines.push(exploration.total());
    if let Some(combinations) = exploration.combinations() {
        lines.extend(wrap(&combinations, options.width(), "", "  "));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[derive(Template)]
#[template(path = "explore.html")]
struct Page<'a> {
    exploration: &'a Exploration,
    word: &'static str,
    columns: Vec<&'a str>,
    rows: Vec<(&'a str, Vec<Cell>)>,
    findings: Vec<&'a CaseResult>,
    style: &'static str,
}

struct Cell {
    class: &'static str,
    text: String,
    title: String,
    href: Option<String>,
}

/// The page. Links to reports are relative to `folder`, which will hold it.
pub fn html(exploration: &Exploration, folder: &Path) -> Result<String, ReportError> {
    let columns = exploration.columns();
    let rows = exploration.rows();
    let rows = rows.into_iter().map(|(point, cells)| {
        let cells = cells.into_iter().zip(&columns).map(|(case, column)| match case {
            Some(case) => Cell {
                class: case.outcome.class(),
                text: case
                    .kinds
                    .first()
                    .cloned()
                    .unwrap_or_else(|| case.outcome.cell().0.to_owned()),
                title: format!("{}\n{}", case.action, case.sentence),
                href: case.run.as_deref().and_then(|run| report_of(folder, run)),
            },
            None => Cell {
                class: "none",
                text: if exploration.planned_at(point, column) {
                    "not yet".to_owned()
                } else {
                    String::new()
                },
                title: String::new(),
                href: None,
            },
        });
        (point, cells.collect())
    });
    let bad = |case: &&CaseResult| !matches!(case.outcome, CaseOutcome::Valid | CaseOutcome::NotMet);
    let page = Page {
        exploration,
        word: crate::verdict::word(exploration.verdict()),
        rows: rows.collect(),
        columns: columns.clone(),
        findings: exploration.cases.iter().filter(bad).collect(),
        style: concat!(include_str!("assets/page.css"), include_str!("assets/explore.css")),
    };
    Ok(page.render()?)
}

/// A relative link to the report of a run whose folder is beside the page's folder.
fn report_of(folder: &Path, run: &str) -> Option<String> {
    let run = Path::new(run);
    let name = run.file_name()?.to_str()?;
    (folder.parent()? == run.parent()?).then(|| format!("../{name}/report.html"))
}

/// Writes `explore.json` and `explore.html` into a folder, which must exist.
pub fn write(folder: &Path, exploration: &Exploration) -> Result<(), ReportError> {
    let mut json = serde_json::to_string_pretty(exploration)?;
    json.push('\n');
    write_file(&folder.join(EXPLORE_JSON), &json)?;
    write_file(&folder.join(EXPLORE_HTML), &html(exploration, folder)?)
}

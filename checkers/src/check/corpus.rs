//! Checks a folder of recorded histories against the verdicts that others gave them.
//!
//! `VERDICTS.tsv` has one history per row: path, format, as, options, verdict, source. Its first row names the columns.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::formats::Format;
use crate::names::UnknownName;
use crate::verdict::Verdict;
use crate::workloads::Options;

use super::{Request, check_file};

/// The columns, in order.
const COLUMNS: [&str; 6] = ["path", "format", "as", "options", "verdict", "source"];

/// One history, and what was decided about it.
#[derive(Clone, Debug)]
pub struct CorpusRow {
    /// Where it is, below the folder.
    pub path: String,
    /// What it was checked as.
    pub as_: String,
    /// With which options.
    pub options: Options,
    /// The verdict that others gave.
    pub expected: Verdict,
    /// Who says so.
    pub source: String,
    /// What was decided here, and why; the error where it could not be checked.
    pub found: Result<(Verdict, String), String>,
}

impl CorpusRow {
    /// Whether the verdict is the expected one.
    pub fn agrees(&self) -> bool {
        matches!(&self.found, Ok((verdict, _)) if *verdict == self.expected)
    }
}

/// A folder of recorded histories, checked. Displays as a table.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Its rows.
    pub rows: Vec<CorpusRow>,
}

impl Corpus {
    /// How many rows agree.
    pub fn agreed(&self) -> usize {
        self.rows.iter().filter(|row| row.agrees()).count()
    }

    /// Whether every row does, and there is one.
    pub fn agrees(&self) -> bool {
        !self.rows.is_empty() && self.agreed() == self.rows.len()
    }
}

/// Why a table of verdicts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// It is not there.
    #[error("{file}: {source}; a corpus is a folder with a table {}", COLUMNS.join(", "))]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It names no history.
    #[error("{file}: names no history; a row is {}, between tabs", COLUMNS.join(", "))]
    Empty {
        /// The file.
        file: String,
    },
    /// A field is not of its kind.
    #[error("{file}:{line}: {column}: {problem}")]
    Field {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column's name.
        column: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// Checks every row of `VERDICTS.tsv` in the folder `dir`; `each` is told of every row as it is done.
pub fn check_corpus(dir: &Path, mut each: impl FnMut(&CorpusRow)) -> Result<Corpus, CorpusError> {
    let file = dir.join("VERDICTS.tsv");
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).map_err(|source| CorpusError::Io {
        file: name.clone(),
        source,
    })?;
    let mut tasks = Vec::new();
    for (line, row) in (1..).zip(text.lines()) {
        let is_head = line == 1 && row.split('\t').next() == Some(COLUMNS[0]);
        if is_head || row.trim().is_empty() || row.starts_with('#') {
            continue;
        }
        tasks.push(parse(dir, row).map_err(|(column, problem)| CorpusError::Field {
            file: name.clone(),
            line,
            column,
            problem,
        })?);
    }
    if tasks.is_empty() {
        return Err(CorpusError::Empty { file: name });
    }
    let mut rows = Vec::new();
    for task in tasks {
        let row = decide(task);
        each(&row);
        rows.push(row);
    }
    Ok(Corpus { rows })
}

struct Task {
    path: String,
    request: Request,
    expected: Verdict,
    source: String,
}

/// Reads a row; the error names the column.
fn parse(dir: &Path, row: &str) -> Result<Task, (&'static str, String)> {
    let fields: Vec<&str> = row.split('\t').map(str::trim).collect();
    let field = |at: usize| {
        let field = fields.get(at).copied().filter(|field| !field.is_empty());
        field.ok_or_else(|| {
            (
                COLUMNS[at],
                format!("missing: a row is {}, between tabs", COLUMNS.join(", ")),
            )
        })
    };
    let path = field(0)?;
    let format: Format = field(1)?
        .parse()
        .map_err(|e: UnknownName| (COLUMNS[1], e.to_string()))?;
    let options = Options::parse(field(3)?).map_err(|e| (COLUMNS[3], e.to_string()))?;
    let expected = match field(4)? {
        "valid" => Verdict::Valid,
        "invalid" => Verdict::Invalid,
        "unknown" => Verdict::Unknown,
        other => {
            return Err((
                COLUMNS[4],
                format!("expected valid, invalid or unknown, found {other:?}"),
            ));
        }
    };
    Ok(Task {
        path: path.to_owned(),
        request: Request {
            path: dir.join(PathBuf::from(path)),
            format: Some(format),
            as_: field(2)?.to_owned(),
            options,
        },
        expected,
        source: field(5).unwrap_or_default().to_owned(),
    })
}

fn decide(task: Task) -> CorpusRow {
    let found = match check_file(&task.request) {
        Err(error) => Err(error.to_string()),
        Ok(checked) => {
            let verdict = checked.verdict();
            let worst = checked.results.iter().find(|result| result.verdict == verdict);
            let anomaly = worst
                .and_then(|result| result.anomalies.first())
                .map(|anomaly| anomaly.sentence.clone());
            let why = anomaly.or_else(|| worst.and_then(|result| result.reason.clone()));
            Ok((verdict, why.unwrap_or_default()))
        }
    };
    CorpusRow {
        path: task.path,
        as_: task.request.as_,
        options: task.request.options,
        expected: task.expected,
        source: task.source,
        found,
    }
}

/// The word for a verdict.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Unknown => "unknown",
        Verdict::Invalid => "invalid",
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&CorpusRow) -> usize| self.rows.iter().map(of).max().unwrap_or(0);
        let path = width(|row| row.path.len()).max(4);
        let as_ = width(|row| row.as_.len()).max(2);
        let options = width(|row| row.options.to_string().len()).max(7);
        writeln!(
            f,
            "  {:path$}  {:as_$}  {:options$}  {:8}  {:8}",
            "path", "as", "options", "expected", "found"
        )?;
        for row in &self.rows {
            let (mark, found) = match &row.found {
                Ok((verdict, _)) => (if row.agrees() { ' ' } else { '!' }, word(*verdict)),
                Err(_) => ('!', "error"),
            };
            let shown = row.options.to_string();
            let expected = word(row.expected);
            writeln!(
                f,
                "{mark} {:path$}  {:as_$}  {shown:options$}  {expected:8}  {found}",
                row.path, row.as_
            )?;
        }
        for row in self.rows.iter().filter(|row| !row.agrees()) {
            let (found, why) = match &row.found {
                Ok((verdict, why)) => (word(*verdict), why),
                Err(error) => ("error", error),
            };
            let expected = word(row.expected);
            writeln!(
                f,
                "disagrees: {} is {expected} by {}, here {found}: {why}",
                row.path, row.source
            )?;
        }
        write!(f, "agree {} of {}", self.agreed(), self.rows.len())
    }
}

//! Checks a file: what `paytwice check FILE --as WORKLOAD` does, without its printing.
//!
//! Histories of anybody's operations are judged by the [`workloads`]; the history of a run by the promises of its header
//! (`promises`), or by those of one checker. Both are read operation by operation, however long they are. EDN and JSON of
//! operations are parsed on a thread of their own. A checker that panics says unknown, and that it is our bug.

mod amend;
mod corpus;
mod render;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::findings::unknown;
use crate::formats::{self, CutOff, Format, Reader, json_lines};
use crate::history::{self, Events, Promise};
use crate::judge::Judging;
use crate::names::UnknownName;
use crate::ops::Op;
use crate::promises::{self, PROMISES};
use crate::verdict::{CheckerResult, Decides, Verdict, of_all};
use crate::workloads::{self, Context, Misfit, OptionError, Options, WORKLOADS, Workload, WorkloadError};

use amend::Lines;
pub use corpus::{Corpus, CorpusError, CorpusRow, check_corpus};

/// What a run's history is checked as, to judge it by all its promises.
pub const ALL_PROMISES: &str = "promises";

/// What to check, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The file, or a directory of Jepsen's store.
    pub path: PathBuf,
    /// What it is written in; told by its name and its content where it is not said.
    pub format: Option<Format>,
    /// The workload.
    pub as_: String,
    /// Its options.
    pub options: Options,
}

/// Every checker once, with what it decides of runs and of files, and its options: the text of `paytwice list checkers`.
pub fn catalogue() -> String {
    let head = "checkers of runs, as a target names them in [[promises]], and of files, as paytwice check FILE --as CHECKER takes \
                them\n";
    let mut lines = vec![
        head.to_owned(),
        entry(ALL_PROMISES, "of a run: everything that its target promises"),
    ];
    let mut before: Option<&promises::Entry> = None;
    for promise in PROMISES {
        lines.push(entry(promise.name, promise.about));
        of_runs(
            promise,
            before.filter(|before| before.options == promise.options),
            &mut lines,
        );
        if let Some(workload) = WORKLOADS.iter().find(|workload| workload.name == promise.name) {
            of_files(workload, &mut lines);
        }
        before = Some(promise);
    }
    for workload in WORKLOADS.iter().filter(|workload| !is_promise(workload.name)) {
        lines.push(entry(workload.name, workload.about));
        of_files(workload, &mut lines);
    }
    lines.join("\n") + "\n"
}

fn entry(name: &str, about: &str) -> String {
    format!("{name:<20} {about}")
}

/// The options of a promise and what it finds; those of the one before are not said again.
fn of_runs(promise: &promises::Entry, same: Option<&promises::Entry>, lines: &mut Vec<String>) {
    match same {
        Some(same) => lines.push(entry("", &format!("of runs, with the options of {}", same.name))),
        None => {
            lines.push(entry("", "of runs:"));
            let options = promise.options.iter();
            lines.extend(options.map(|(option, about)| entry("", &format!("  {option}: {about}"))));
        }
    }
    if !promise.anomalies.is_empty() {
        lines.push(entry("", &format!("  finds {}", promise.anomalies.join(", "))));
    }
    decides(promise.decides, lines);
}

/// How far the verdicts go, row by row.
fn decides(rows: &[Decides], lines: &mut Vec<String>) {
    for row in rows {
        let of = if row.of.is_empty() {
            String::new()
        } else {
            format!(" {}", row.of)
        };
        lines.push(entry("", &format!("  {}{of}: {}", row.completeness.name(), row.how)));
    }
}

/// What a workload decides and its options.
fn of_files(workload: &workloads::Entry, lines: &mut Vec<String>) {
    let more = match is_promise(workload.name) {
        true => format!("of files: {}", workload.about),
        false => "of files".to_owned(),
    };
    lines.push(entry("", &more));
    let options = workload.options.iter();
    lines.extend(options.map(|(option, about)| entry("", &format!("  --option {option}=: {about}"))));
    decides(workload.decides, lines);
}

/// What was decided.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it was read as.
    pub format: Format,
    /// Operations read.
    pub ops: u64,
    /// Where the file is cut off.
    pub cut_off: Option<CutOff>,
    /// Of each checker that looked at it.
    pub results: Vec<CheckerResult>,
}

impl Checked {
    /// The worst verdict.
    pub fn verdict(&self) -> Verdict {
        self.results
            .iter()
            .fold(Verdict::Valid, |worst, result| worst.merge(result.verdict))
    }
}

/// Why a file could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] formats::ReadError),
    /// Its lines are no history of payments.
    #[error(transparent)]
    History(#[from] history::ReadError),
    /// No checker has that name.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// One of the options cannot be understood.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// One of its operations is not of the workload's shape.
    #[error("{file}:{line}: as {as_}: {misfit}")]
    Misfit {
        /// The file.
        file: String,
        /// The line where the operation ends; in the binary form the operation's position, from 1.
        line: u64,
        /// The workload.
        as_: String,
        /// What is wrong.
        misfit: Misfit,
    },
}

impl CheckError {
    /// Whether another command line or another file would help.
    pub fn is_users(&self) -> bool {
        let io = matches!(self, CheckError::Read(formats::ReadError::Io { source, .. })
            | CheckError::History(history::ReadError::Io { source, .. })
            if source.kind() != std::io::ErrorKind::NotFound);
        !io
    }
}

impl From<WorkloadError> for CheckError {
    fn from(error: WorkloadError) -> CheckError {
        match error {
            WorkloadError::Name(name) => name.into(),
            WorkloadError::Option(option) => option.into(),
        }
    }
}

/// Checks a file.
pub fn check_file(request: &Request) -> Result<Checked, CheckError> {
    if is_promise(&request.as_) && (workloads::find(&request.as_).is_err() || is_run(request)) {
        return check_promises(request);
    }
    let possible = || {
        let promises = PROMISES.iter().map(|entry| entry.name);
        std::iter::once(ALL_PROMISES)
            .chain(promises)
            .chain(WORKLOADS.iter().map(|entry| entry.name))
    };
    let entry = workloads::find(&request.as_).map_err(|_| UnknownName::new("checker", &request.as_, possible()))?;
    let reader = Reader::open(&request.path, request.format)?;
    let context = Context {
        format: reader.format(),
        options: request.options.clone(),
    };
    let workload = || workloads::workload(&request.as_, &context);
    let mut checked = judge(reader, &workload, request)?;
    // What is unknown was not decided, however it is decided elsewhere.
    let known = |result: &&mut CheckerResult| result.verdict != Verdict::Unknown;
    for result in checked.results.iter_mut().filter(known) {
        result.completeness = result.completeness.or(of_all(entry.decides));
    }
    Ok(checked)
}

/// Makes the workload that a history is checked as.
type Make<'a> = &'a dyn Fn() -> Result<Box<dyn Workload>, WorkloadError>;

/// What a workload says of all operations of a file.
fn judge(mut reader: Reader, make: Make, request: &Request) -> Result<Checked, CheckError> {
    let (mut ops, mut cut_off) = (0, None);
    let mut workload = make()?;
    let judged = guarded(&request.as_, || {
        let mut lines = Lines::default();
        feed(&mut reader, request, |op| {
            workload.push(op)?;
            lines.next(op);
            ops += 1;
            Ok(())
        })?;
        cut_off = reader.cut_off();
        let result = workload.finish();
        if result.verdict == Verdict::Invalid && lines.are_amiss(&request.as_) {
            return amend::judge_again(request, result, make);
        }
        Ok::<_, CheckError>(result)
    });
    let result = judged.unwrap_or_else(Ok)?;
    Ok(Checked {
        format: reader.format(),
        ops,
        cut_off,
        results: vec![result],
    })
}

/// Runs what must not panic; the error is what is said of a checker that does.
fn guarded<T>(name: &str, run: impl FnOnce() -> T) -> Result<T, CheckerResult> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        let why = format!("the checker {name} panicked: this is a bug of paytwice; please report it with this history");
        unknown(name, &why)
    })
}

/// Gives every operation of a file to `take`.
fn feed(reader: &mut Reader, request: &Request, take: impl FnMut(&Op) -> Result<(), Misfit>) -> Result<(), CheckError> {
    let fed = reader.each(take)?;
    fed.map_err(|(misfit, line)| CheckError::Misfit {
        file: request.path.display().to_string(),
        line,
        as_: request.as_.clone(),
        misfit,
    })
}

fn is_promise(name: &str) -> bool {
    name == ALL_PROMISES || PROMISES.iter().any(|entry| entry.name == name)
}

/// Whether a file is the history of a run: what is both a promise and a workload judges it as the promise.
fn is_run(request: &Request) -> bool {
    let lines = request.format.is_none_or(|format| format == Format::Jsonl);
    lines && request.path.is_file() && Events::open(&request.path).is_ok()
}

/// Judges the history of a run by the promises of its header, or by those of one checker.
fn check_promises(request: &Request) -> Result<Checked, CheckError> {
    let reader = Reader::open(&request.path, request.format)?;
    request.options.none()?;
    let (format, path) = (reader.format(), reader.path().to_owned());
    let events = Events::new(json_lines(reader)?, &path.display().to_string())?;
    let header = events.header().clone();
    let asked = |promise: &Promise| request.as_ == ALL_PROMISES || promise.checker == request.as_;
    if !header.promises.iter().any(asked) {
        let made = header.promises.iter().map(|promise| promise.checker.as_str());
        return Err(UnknownName::new("promise of this history", &request.as_, made).into());
    }
    let mut judging = Judging::new(&header);
    let mut ops = 0;
    let cut_off = events.each(|event| {
        judging.observe(event);
        ops += 1;
    })?;
    let results = judging.checkers(cut_off);
    Ok(Checked {
        format,
        ops,
        // The reader of runs says that the last line is cut off, and not where.
        cut_off: cut_off.then_some(CutOff {
            line: ops + 1,
            bytes: 0,
        }),
        results: results
            .into_iter()
            .zip(&header.promises)
            .filter(|(_, p)| asked(p))
            .map(|(r, _)| r)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workload with a bug: in what takes operations in, or at the end.
    struct Buggy {
        at_end: bool,
    }

    impl Workload for Buggy {
        fn push(&mut self, _op: &Op) -> Result<(), Misfit> {
            assert!(self.at_end, "a bug");
            Ok(())
        }

        fn finish(self: Box<Self>) -> CheckerResult {
            panic!("a bug")
        }
    }

    #[test]
    fn a_checker_that_panics_is_unknown_and_reported_as_a_bug() {
        let path = std::env::temp_dir().join(format!("paytwice-panic-{}.edn", std::process::id()));
        std::fs::write(&path, "{:process 0, :type :invoke, :f :read}\n").unwrap();
        let request = Request {
            path: path.clone(),
            format: None,
            as_: "set".to_owned(),
            options: Options::default(),
        };
        for at_end in [false, true] {
            let reader = Reader::open(&path, None).unwrap();
            let buggy = || Ok(Box::new(Buggy { at_end }) as Box<dyn Workload>);
            let checked = judge(reader, &buggy, &request).unwrap();
            assert_eq!(checked.verdict(), Verdict::Unknown);
            let why = checked.results[0].reason.as_deref().unwrap();
            assert!(
                why.contains("the checker set panicked: this is a bug of paytwice"),
                "{why}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }
}

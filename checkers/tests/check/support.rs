//! Histories as a few lines of text, in files that are gone when the test is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use paytwice_checkers::check::{CheckError, Checked, Request, check_file};
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;

/// A folder that is gone when the test is.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("paytwice-check-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn request(path: &Path, as_: &str, options: &str) -> Request {
    Request {
        path: path.to_owned(),
        format: None,
        as_: as_.to_owned(),
        options: Options::parse(options).unwrap(),
    }
}

/// Checks lines of EDN, each `process type f value`, behind `@ms` where they have a time.
pub(crate) fn checked(as_: &str, options: &str, lines: &[&str]) -> Result<Checked, CheckError> {
    let folder = Folder::new(as_);
    let ops: Vec<String> = lines.iter().map(|line| edn(line)).collect();
    let path = folder.file("history.edn", &ops.join("\n"));
    check_file(&request(&path, as_, options))
}

pub(crate) fn edn(line: &str) -> String {
    let timed = line.strip_prefix('@').and_then(|line| line.split_once(' '));
    let (ms, line) = timed.map_or((None, line), |(ms, line)| (Some(ms), line));
    let time = ms.map_or_else(String::new, |ms| format!("{ms}000000"));
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or("nil").to_owned();
    format!(
        "{{:time {}, :process {}, :type :{}, :f :{}, :value {}}}",
        if time.is_empty() { "nil" } else { &time },
        word(),
        word(),
        word(),
        word()
    )
}

pub(crate) fn verdict(as_: &str, options: &str, lines: &[&str]) -> Verdict {
    checked(as_, options, lines).unwrap().verdict()
}

/// What is said of lines that cannot be checked.
pub(crate) fn refused(as_: &str, options: &str, lines: &[&str]) -> String {
    match checked(as_, options, lines) {
        Err(error) => error.to_string(),
        Ok(checked) => format!("{checked}"),
    }
}

/// Kind, sentence and witness of each anomaly.
pub(crate) fn anomalies(as_: &str, options: &str, lines: &[&str]) -> Vec<(String, String, Vec<u64>)> {
    let result = checked(as_, options, lines).unwrap().results.remove(0);
    let anomalies = result.anomalies.into_iter();
    anomalies.map(|a| (a.kind, a.sentence, a.witness)).collect()
}

/// Options without which a workload has nothing to judge by.
pub(crate) fn needed(as_: &str) -> &'static str {
    match as_ {
        "state-machine" => "transitions=a:b",
        "schedule" => "delays-ms=0",
        _ => "-",
    }
}

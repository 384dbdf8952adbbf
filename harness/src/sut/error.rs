//! Why a run, or a command about runs, could not do what it was asked.

use std::path::{Path, PathBuf};

use paytwice_checkers::history::ReadError as HistoryError;
use paytwice_reports::ReportError;

use crate::dependency::DependencyError;
use crate::plan::PlanError;
use crate::reads::ReadError;
use crate::record::RecordError;
use crate::stack::StackError;
use crate::wire::{TlsError, WireError};
use crate::workload::SetUpError;

/// Exit code 254 when the user can mend it ([`RunError::is_users`]), 255 otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Target, plan or arguments are wrong.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Containers, images or networks.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A link could not be opened.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Links that end TLS have no certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A dependency did not do what the harness asked of it.
    #[error(transparent)]
    Dependency(#[from] DependencyError),
    /// The history could not be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The history could not be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A view could not be read while nothing was broken yet.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A folder of the store could not be written.
    #[error("{}: cannot be written: {reason}; name another folder with --store", path.display())]
    Store {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A run that is not there.
    #[error("no run {name:?}: name a run's folder, its history.jsonl, or a run in {} (--store names another)", store.display())]
    NoSuchRun {
        /// What the user named.
        name: String,
        /// Where it was looked for.
        store: PathBuf,
    },
    /// What is there beforehand could not be opened, or clients could not be set up.
    #[error("{file}: {error}")]
    SetUp {
        /// The manifest.
        file: String,
        /// What happened.
        error: SetUpError,
    },
    /// The HTTP client of the workload could not be made.
    #[error("the clients cannot be started: {0}")]
    Clients(#[from] reqwest::Error),
    /// The user, or the system, wanted the program to end.
    #[error("interrupted by {0}; what was started is removed (paytwice clean removes what another end leaves)")]
    Interrupted(&'static str),
    /// Any of these, in a run that has a folder already.
    #[error(
        "{error}\n  what was recorded until then can be judged: {}",
        super::recheck_line(folder)
    )]
    InFolder {
        /// The run's folder.
        folder: PathBuf,
        /// What happened.
        error: Box<RunError>,
    },
}

impl RunError {
    /// True when arguments, a plan or a manifest must be changed: exit code 254.
    pub fn is_users(&self) -> bool {
        match self {
            RunError::Plan(_) | RunError::NoSuchRun { .. } => true,
            RunError::SetUp { error, .. } => error.is_users,
            RunError::Dependency(DependencyError::Mistake { .. }) => true,
            RunError::Stack(error) | RunError::Dependency(DependencyError::Stack(error)) => error.is_users(),
            RunError::InFolder { error, .. } => error.is_users(),
            _ => false,
        }
    }

    pub(crate) fn in_folder(self, folder: &Path) -> RunError {
        RunError::InFolder {
            folder: folder.to_owned(),
            error: Box::new(self),
        }
    }
}

//! What can be wrong with a target, a request or a plan, said so that the user knows what to change.
//!
//! A message names the file, key or flag first, then what was found, then what would be right. It never shows only
//! a position.

use std::path::PathBuf;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No target of that name or at that path.
    #[error("no target {name:?}: {hint}")]
    UnknownTarget {
        /// What was asked for.
        name: String,
        /// Which targets there are, or where they were looked for.
        hint: String,
    },
    /// A file that cannot be read.
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of a target that cannot be copied.
    #[error("{}: cannot be copied to {}: {source}", from.display(), to.display())]
    Uncopied {
        /// The file.
        from: PathBuf,
        /// Where it was to go.
        to: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that can be read but does not make sense.
    #[error("{}", problems.iter().map(|problem| format!("{file}: {problem}")).collect::<Vec<_>>().join("\n"))]
    BadFile {
        /// The file as messages name it.
        file: String,
        /// Each problem: key, what was found, what would be right.
        problems: Vec<String>,
    },
    /// A flag, or a key of a plan file, with a value that cannot be used.
    #[error("{key}: {problem}")]
    BadValue {
        /// The flag or key.
        key: String,
        /// What was found and what would be right.
        problem: String,
    },
}

impl PlanError {
    /// A flag or key with an unusable value.
    pub(crate) fn value(key: impl Into<String>, problem: impl Into<String>) -> Self {
        PlanError::BadValue {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

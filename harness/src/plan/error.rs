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

/// The known name nearest to a mistyped one, if one is near enough.
pub(crate) fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed || (name.len() >= 3 && candidate.to_lowercase().starts_with(&name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean X?)`, or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    near(name, known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// `a, b, c`, or `none`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_neighbour_and_nonsense_finds_none() {
        let known = ["mysql", "rocketmq", "pay"];
        assert_eq!(near("mysq1", known), Some("mysql"));
        assert_eq!(near("MySQL", known), Some("mysql"));
        assert_eq!(near("rocket", known), Some("rocketmq"));
        assert_eq!(near("kafka", known), None);
    }
}

//! What this machine can do, and what to do about what it cannot.
//! Never: changes anything, or calls something present that was not tried.

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub state: CheckState,
    /// The finding in words.
    pub detail: String,
    /// What to do, where something is amiss.
    pub remedy: Option<String>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// There, and tried.
    Ok,
    /// Needed, and not there.
    Missing,
    /// An extra that this machine does not have.
    Unsupported,
}

/// Looks at everything.
pub async fn doctor() -> Vec<Check> {
    Vec::new()
}

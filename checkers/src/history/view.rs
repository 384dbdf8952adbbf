//! Rows of a view, read at a moment, straight from a database or from a service that shows nothing else.

use serde::{Deserialize, Serialize};

use super::Rows;

/// A view that was read: an `ok` with its rows, or an `info` with the reason why there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub view: String,
    /// When.
    pub at: Moment,
    /// What it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
}

/// When a view is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the workload.
    Initial,
    /// While the workload runs, every so often.
    Look,
    /// At rest after the workload, before anything is repaired.
    Rest,
    /// At rest after the repair.
    AfterRepair,
    /// At the end.
    Final,
}

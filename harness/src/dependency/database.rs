//! A database of a run: who holds it, and its name there. Never: goes through a link.

use std::sync::Arc;

use paytwice_checkers::history::ViewRows;

use super::Server;

/// A database of a run.
#[derive(Clone)]
pub struct Database {
    pub(super) server: Arc<dyn Server>,
    pub(super) own_name: String,
}

impl Database {
    /// All rows of a query: every value as text as the server prints it, None for NULL.
    pub async fn rows(&self, sql: &str) -> Result<ViewRows, String> {
        self.server.rows(&self.own_name, sql).await
    }

    /// Executes statements.
    pub async fn execute(&self, sql: &str) -> Result<(), StatementError> {
        self.server.execute(&self.own_name, sql).await
    }
}

/// Why a statement was not executed, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The server refused it because a row with the same key is there already.
    #[error("{0}")]
    Duplicate(String),
    /// The server refused it: it was certainly not executed.
    #[error("{0}")]
    Refused(String),
    /// No answer came back: it may have been executed.
    #[error("{0}")]
    Unknown(String),
}

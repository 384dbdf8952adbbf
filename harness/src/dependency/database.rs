//! A database of a run: who holds it, and its name there. Never: goes through a link.

use std::collections::BTreeMap;
use std::sync::Arc;

use paytwice_checkers::history::Rows;

use super::Server;
use crate::wire::Tables;

/// The databases of a run, by their names in the manifest.
pub type Databases = BTreeMap<String, Database>;

/// A database of a run.
#[derive(Clone)]
pub struct Database {
    pub(super) server: Arc<dyn Server>,
    pub(super) own_name: String,
}

impl Database {
    /// All rows of a query: every value as text as the server prints it, None for NULL. Without rows there are no columns
    /// either.
    pub async fn rows(&self, sql: &str) -> Result<Rows, StatementError> {
        self.server.rows(&self.own_name, sql).await
    }

    /// The columns of a query, whether it returns rows or not; None where the server does not say before it is executed.
    pub async fn columns(&self, sql: &str) -> Result<Option<Vec<String>>, StatementError> {
        self.server.columns(&self.own_name, sql).await
    }

    /// The columns of each table, in the order in which a row without names of columns is stored.
    pub async fn tables(&self) -> Result<Tables, StatementError> {
        self.server.tables(&self.own_name).await
    }

    /// Executes statements.
    pub async fn execute(&self, sql: &str) -> Result<(), StatementError> {
        self.server.execute(&self.own_name, sql).await
    }

    /// A value as it stands between single quotes in a statement.
    pub fn quoted(&self, value: &str) -> String {
        self.server.quoted(value)
    }
}

/// Why a statement was not executed, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The server refused it because a row with the same key is there already.
    #[error("{0}")]
    Duplicate(String),
    /// The server refused it: it was certainly not executed, and never will be unless something else changes.
    #[error("{0}")]
    Refused(String),
    /// There was no connection: it was certainly not executed.
    #[error("{0}")]
    NotSent(String),
    /// No answer came back: it may have been executed.
    #[error("{0}")]
    Unknown(String),
}

//! The databases of a run, asked straight: past services and links. Never: changes a value; every cell is the text that
//! the server prints.

use std::collections::BTreeMap;
use std::time::Duration;

use paytwice_checkers::history::Rows;
use sqlx::{AssertSqlSafe, Column, Executor, MySqlPool, Row, SqlSafeStr, Statement};

use crate::plan::show_ms;

/// One question takes at most this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlFailure {
    /// It refused: asking again changes nothing unless something else changes.
    Refused {
        /// What it said.
        reason: String,
        /// Whether a row with that key is there already.
        duplicate: bool,
    },
    /// It was never asked: no connection could be had.
    NotAsked(String),
    /// It did not answer.
    NoAnswer(String),
}

/// The databases of a run, by their names in the manifest.
#[derive(Clone, Debug, Default)]
pub struct Databases(BTreeMap<String, MySqlPool>);

impl Databases {
    /// `pools` has one for each name.
    pub fn new(pools: BTreeMap<String, MySqlPool>) -> Databases {
        Databases(pools)
    }

    /// What a query returns. Without rows there are no columns either.
    pub async fn rows(&self, database: &str, sql: &str) -> Result<Rows, SqlFailure> {
        let pool = self.pool(database)?;
        // The text protocol: numbers come as the server prints them.
        let all = within(
            ANSWER_TIMEOUT,
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(pool),
        )
        .await?;
        let Some(first) = all.first() else {
            return Ok(Rows::default());
        };
        let mut rows = Rows::new(first.columns().iter().map(Column::name));
        for row in &all {
            let cells: Vec<Option<String>> = (0..row.columns().len())
                .map(|at| {
                    let bytes = row
                        .try_get_unchecked::<Option<Vec<u8>>, _>(at)
                        .map_err(|e| failure(&e))?;
                    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
                })
                .collect::<Result<_, SqlFailure>>()?;
            rows.push(cells.iter().map(Option::as_deref));
        }
        Ok(rows)
    }

    /// The columns of a query, whether it returns rows or not; None for statements that the server does not prepare.
    pub async fn columns(&self, database: &str, sql: &str) -> Result<Option<Vec<String>>, SqlFailure> {
        let pool = self.pool(database)?;
        let statement = AssertSqlSafe(sql.to_owned()).into_sql_str();
        match within(ANSWER_TIMEOUT, pool.prepare(statement)).await {
            Ok(statement) => Ok(Some(statement.columns().iter().map(|c| c.name().to_owned()).collect())),
            Err(SqlFailure::Refused { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Executes a statement, which may take this long.
    pub async fn execute(&self, database: &str, sql: &str, timeout: Duration) -> Result<(), SqlFailure> {
        let pool = self.pool(database)?;
        within(timeout, sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool)).await?;
        Ok(())
    }

    fn pool(&self, database: &str) -> Result<&MySqlPool, SqlFailure> {
        self.0
            .get(database)
            .ok_or_else(|| SqlFailure::NotAsked(format!("there is no database {database} in this run")))
    }
}

/// A value as it stands between quotes in a statement.
pub fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "''")
}

async fn within<T>(timeout: Duration, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SqlFailure> {
    match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(e)) => Err(failure(&e)),
        Err(_) => Err(SqlFailure::NoAnswer(format!("no answer within {}", show(timeout)))),
    }
}

fn show(time: Duration) -> String {
    show_ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn failure(e: &sqlx::Error) -> SqlFailure {
    match e {
        sqlx::Error::Database(refusal) => SqlFailure::Refused {
            reason: refusal.to_string(),
            duplicate: refusal.is_unique_violation(),
        },
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => SqlFailure::NotAsked(e.to_string()),
        _ => SqlFailure::NoAnswer(e.to_string()),
    }
}

impl std::fmt::Display for SqlFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SqlFailure::Refused { reason, .. } | SqlFailure::NotAsked(reason) | SqlFailure::NoAnswer(reason) => {
                f.write_str(reason)
            }
        }
    }
}

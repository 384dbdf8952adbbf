//! A MySQL server that runs: its databases, its rows, and whether it serves. Each request has a connection of its own,
//! so that a server that was killed since the last one is no error of the next.
//! Never: leaves out rows of a query, or changes how the server prints a value.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use paytwice_checkers::history::Rows;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement};

use super::super::manifest::Dependency;
use super::super::{Names, PrepareError, RunOf, Server, StatementError};
use super::{PORT, schema};
use crate::stack::{Health, Stack};
use crate::wire::Tables;

/// One request takes at most this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The certificate of the authority that the server made for itself, in its data directory.
const CERTIFICATE: &str = "/var/lib/mysql/ca.pem";
/// Columns that are invisible are not among those of a row that names none.
const TABLES: &str = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND \
                      EXTRA NOT LIKE '%INVISIBLE%' ORDER BY TABLE_NAME, ORDINAL_POSITION";
const PROBE_DATABASE: &str = "paytwice_probe";
const PROBE_SCHEMA: &str = "CREATE TABLE probe (n INT PRIMARY KEY); INSERT INTO probe VALUES (1)";

/// Ready when it answers `SELECT 1`.
#[derive(Debug)]
pub(super) struct Serves;

#[async_trait]
impl Health for Serves {
    async fn ask(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        execute(address(stack, party)?, None, "SELECT 1").await
    }

    /// MySQL 9.7 has been seen to wait for ever for pages whose write had failed.
    async fn takes_a_write(&self, stack: &dyn Stack, party: &str) -> Result<(), String> {
        let addr = address(stack, party)?;
        drop_database(addr, PROBE_DATABASE).await?;
        create_database(addr, PROBE_DATABASE, PROBE_SCHEMA)
            .await
            .map_err(|failed| failed.said)?;
        drop_database(addr, PROBE_DATABASE).await
    }
}

/// A server that runs.
pub(super) struct MySqlServer {
    party: String,
    stack: Arc<dyn Stack>,
}

impl MySqlServer {
    pub(super) fn new(party: &str, stack: &Arc<dyn Stack>) -> MySqlServer {
        MySqlServer {
            party: party.to_owned(),
            stack: Arc::clone(stack),
        }
    }

    fn addr(&self) -> Result<SocketAddr, String> {
        address(self.stack.as_ref(), &self.party)
    }

    /// Asks something on a connection of its own.
    async fn ask<T>(
        &self,
        database: &str,
        question: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StatementError> {
        let addr = self.addr().map_err(StatementError::NotSent)?;
        // Nothing is sent before there is a connection.
        let connection = in_time(connect(addr, Some(database))).await;
        let mut connection = connection.map_err(StatementError::NotSent)?;
        let answer = match tokio::time::timeout(TIMEOUT, question(&mut connection)).await {
            Ok(answer) => answer.map_err(|e| failure(&e)),
            Err(_) => Err(StatementError::Unknown(no_answer())),
        };
        // What was answered was answered, however the connection ends.
        let _ = tokio::time::timeout(TIMEOUT, connection.close()).await;
        answer
    }
}

#[async_trait]
impl Server for MySqlServer {
    async fn prepare(&self, run: &RunOf<'_>) -> Result<(), PrepareError> {
        for (name, database) in &run.entry.databases {
            let path = run.dir.join(&database.schema);
            let mistake = |problem: String| PrepareError::Mistake(format!("databases.{name}: {problem}"));
            let schema = std::fs::read_to_string(&path).map_err(|e| mistake(format!("{}: {e}", path.display())))?;
            let made = create_database(self.addr()?, &run.names.own(name), &schema).await;
            made.map_err(|failed| match failed.refused {
                true => mistake(format!("{}:{}: {}", path.display(), failed.line(&schema), failed.said)),
                false => PrepareError::Failed(failed.said),
            })?;
        }
        Ok(())
    }

    async fn forget(&self, entry: &Dependency, names: &Names) -> Result<(), String> {
        for name in entry.databases.keys() {
            drop_database(self.addr()?, &names.own(name)).await?;
        }
        Ok(())
    }

    async fn rows(&self, database: &str, sql: &str) -> Result<Rows, StatementError> {
        self.ask(database, async |connection| {
            // As one text, not prepared: the server then prints every value itself.
            let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
            text(&rows.fetch_all(connection).await?)
        })
        .await
    }

    async fn tables(&self, database: &str) -> Result<Tables, StatementError> {
        let columns = self.rows(database, TABLES).await?;
        let mut tables = Tables::new();
        for row in columns.iter() {
            if let (Some(table), Some(column)) = (row.at(0), row.at(1)) {
                tables.entry(table.to_owned()).or_default().push(column.to_owned());
            }
        }
        Ok(tables)
    }

    async fn columns(&self, database: &str, sql: &str) -> Result<Option<Vec<String>>, StatementError> {
        let asked = self.ask(database, async |connection| {
            let statement = connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await?;
            Ok(statement.columns().iter().map(|c| c.name().to_owned()).collect())
        });
        match asked.await {
            Ok(columns) => Ok(Some(columns)),
            // Not every statement can be prepared.
            Err(StatementError::Refused(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn execute(&self, database: &str, sql: &str) -> Result<(), StatementError> {
        self.ask(database, async |connection| {
            let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
            statement.execute(connection).await.map(drop)
        })
        .await
    }

    fn quoted(&self, value: &str) -> String {
        escaped(value)
    }

    async fn certificate(&self) -> Result<Vec<u8>, String> {
        let read = self.stack.read_file(&self.party, CERTIFICATE).await;
        read.map_err(|e| e.to_string())
    }
}

fn address(stack: &dyn Stack, party: &str) -> Result<SocketAddr, String> {
    stack.addr(party, PORT).map_err(|e| e.to_string())
}

/// Why statements were not all executed.
struct NotExecuted {
    /// Those that were.
    done: usize,
    /// Whether the server refused the next one.
    refused: bool,
    said: String,
}

impl NotExecuted {
    fn line(&self, schema: &str) -> usize {
        schema::line_of(schema, self.done, &self.said)
    }
}

impl From<String> for NotExecuted {
    fn from(said: String) -> NotExecuted {
        NotExecuted {
            done: 0,
            refused: false,
            said,
        }
    }
}

/// Makes a database and runs its schema file in it.
async fn create_database(addr: SocketAddr, name: &str, schema: &str) -> Result<(), NotExecuted> {
    let made = execute(addr, None, &format!("CREATE DATABASE {}", quote(name))).await;
    made.map_err(|cause| format!("create database {name}: {cause}"))?;
    let run = execute_all(addr, name, schema);
    tokio::time::timeout(TIMEOUT, run)
        .await
        .unwrap_or_else(|_| Err(format!("run the schema of database {name}: {}", no_answer()).into()))
}

/// Runs statements one after the other.
async fn execute_all(addr: SocketAddr, database: &str, sql: &str) -> Result<(), NotExecuted> {
    let mut connection = connect(addr, Some(database)).await?;
    let mut done = 0;
    let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let mut results = statements.execute_many(&mut connection);
    while let Some(result) = results.next().await {
        result.map_err(|e| NotExecuted {
            done,
            refused: matches!(e, sqlx::Error::Database(_)),
            said: e.to_string(),
        })?;
        done += 1;
    }
    drop(results);
    Ok(close(connection).await?)
}

/// Removes a database, if it is there.
async fn drop_database(addr: SocketAddr, name: &str) -> Result<(), String> {
    let dropped = execute(addr, None, &format!("DROP DATABASE IF EXISTS {}", quote(name))).await;
    dropped.map_err(|cause| format!("drop database {name}: {cause}"))
}

async fn execute(addr: SocketAddr, database: Option<&str>, sql: &str) -> Result<(), String> {
    in_time(async {
        let mut connection = connect(addr, database).await?;
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        statement.execute(&mut connection).await.map_err(|e| e.to_string())?;
        close(connection).await
    })
    .await
}

async fn in_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let done = tokio::time::timeout(TIMEOUT, work).await;
    done.unwrap_or_else(|_| Err(no_answer()))
}

fn no_answer() -> String {
    format!("no answer within {} s", TIMEOUT.as_secs())
}

/// The server itself, without TLS.
async fn connect(addr: SocketAddr, database: Option<&str>) -> Result<MySqlConnection, String> {
    let mut options = MySqlConnectOptions::new()
        .host(&addr.ip().to_string())
        .port(addr.port())
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .disable_statement_logging();
    if let Some(database) = database {
        options = options.database(database);
    }
    options.connect().await.map_err(|e| e.to_string())
}

async fn close(connection: MySqlConnection) -> Result<(), String> {
    connection.close().await.map_err(|e| e.to_string())
}

fn failure(e: &sqlx::Error) -> StatementError {
    let said = e.to_string();
    match e {
        sqlx::Error::Database(e) if e.is_unique_violation() => StatementError::Duplicate(said),
        sqlx::Error::Database(_) => StatementError::Refused(said),
        _ => StatementError::Unknown(said),
    }
}

/// Rows as text; bytes that are no UTF-8 are shown with replacement characters.
fn text(all: &[MySqlRow]) -> Result<Rows, sqlx::Error> {
    let Some(first) = all.first() else {
        return Ok(Rows::default());
    };
    let mut rows = Rows::new(first.columns().iter().map(Column::name));
    for row in all {
        let cell = |at: usize| -> Result<Option<String>, sqlx::Error> {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(at)?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let cells = (0..row.len()).map(cell).collect::<Result<Vec<_>, _>>()?;
        rows.push(cells.iter().map(Option::as_deref));
    }
    Ok(rows)
}

/// A value as it stands between single quotes: backslashes begin an escape here.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\'', "''")
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_own_quotes() {
        assert_eq!(escaped("it's"), "it''s");
        assert_eq!(escaped("\\' OR 1 -- "), "\\\\'' OR 1 -- ");
    }
}

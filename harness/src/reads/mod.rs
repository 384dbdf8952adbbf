//! Reads straight from the databases: what is recorded, what the balances are, what is marked as credited.
//!
//! They bypass services and links, so no fault of the run touches them. A read is whole or it is an error: it must
//! never return some rows of a table and say that these were all.

use std::time::Duration;

use paytwice_checkers::history::{BalanceRow, Body, CreditRow, Kind, PaymentRow, Process, Read, ReadMoment, Rows};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Column, MySqlPool, Row};
use tokio::time::Instant;

use crate::plan::manifest::Reads;
use crate::record::Recorder;

/// One attempt at one read takes at most this long.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// Why a read is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer, or refused.
    #[error("reads.{read}: the database {database} did not answer: {reason}")]
    Database {
        /// `payments`, `balances` or `credits`.
        read: &'static str,
        /// The database.
        database: String,
        /// What it said.
        reason: String,
    },
    /// The rows do not have the columns that the manifest promises.
    #[error("reads.{read}: its SQL must return the text column `{column}`; it returns {found}")]
    Column {
        /// `payments`, `balances` or `credits`.
        read: &'static str,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: String,
    },
}

/// The databases of a run, as the reads need them.
pub struct Reader {
    reads: Reads,
    payments: MySqlPool,
    balances: MySqlPool,
    credits: Option<MySqlPool>,
}

/// All rows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Recorded payments.
    pub payments: Vec<PaymentRow>,
    /// Balances.
    pub balances: Vec<BalanceRow>,
    /// Credited numbers, where the target keeps them.
    pub credits: Option<Vec<CreditRow>>,
}

impl Reader {
    /// `pool` opens a database by its name in the manifest.
    pub async fn open<E>(reads: Reads, pool: impl AsyncFn(&str) -> Result<MySqlPool, E>) -> Result<Reader, E> {
        let payments = pool(&reads.payments.database).await?;
        let balances = pool(&reads.balances.database).await?;
        let credits = match &reads.credits {
            Some(read) => Some(pool(&read.database).await?),
            None => None,
        };
        Ok(Reader {
            reads,
            payments,
            balances,
            credits,
        })
    }

    /// Reads everything once: credits and balances first, payments last. Of a target that still moves, a credit is
    /// then never seen without the payment that came before it.
    pub async fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let credits = match (&self.credits, &self.reads.credits) {
            (Some(pool), Some(read)) => Some(rows("credits", pool, &read.database, &read.sql).await?),
            _ => None,
        };
        let balances = rows(
            "balances",
            &self.balances,
            &self.reads.balances.database,
            &self.reads.balances.sql,
        )
        .await?;
        let payments = rows(
            "payments",
            &self.payments,
            &self.reads.payments.database,
            &self.reads.payments.sql,
        )
        .await?;
        Ok(Snapshot {
            payments: payments.iter().map(payment).collect::<Result<_, _>>()?,
            balances: balances.iter().map(balance).collect::<Result<_, _>>()?,
            credits: credits
                .map(|rows| rows.iter().map(credit).collect::<Result<_, _>>())
                .transpose()?,
        })
    }

    /// Reads everything, again and again until it is complete, and writes it down.
    ///
    /// Past the deadline the failure is written down in its place, so that no checker takes the history for whole.
    pub async fn record(&self, at: ReadMoment, recorder: &Recorder, deadline: Instant) -> Result<Snapshot, ReadError> {
        let error = loop {
            match self.snapshot().await {
                Ok(snapshot) => {
                    write(&snapshot, at, recorder);
                    return Ok(snapshot);
                }
                Err(e) if Instant::now() >= deadline => break e,
                Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
            }
        };
        let body = Body::Other("read-failed".to_owned(), serde_json::json!({ "at": at }));
        recorder.record(
            Process::Named("final".to_owned()),
            Kind::Info,
            body,
            Some(error.to_string()),
        );
        Err(error)
    }
}

fn write(snapshot: &Snapshot, at: ReadMoment, recorder: &Recorder) {
    let mut all = vec![
        Rows::Payments(snapshot.payments.clone()),
        Rows::Balances(snapshot.balances.clone()),
    ];
    all.extend(snapshot.credits.clone().map(Rows::Credits));
    for rows in all {
        let body = Body::Read(Read { at, rows });
        recorder.record(Process::Named("final".to_owned()), Kind::Ok, body, None);
    }
}

async fn rows(
    read: &'static str,
    pool: &MySqlPool,
    database: &str,
    sql: &str,
) -> Result<Vec<(&'static str, MySqlRow)>, ReadError> {
    let failed = |reason: String| ReadError::Database {
        read,
        database: database.to_owned(),
        reason,
    };
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(pool);
    match tokio::time::timeout(READ_TIMEOUT, query).await {
        Ok(Ok(rows)) => Ok(rows.into_iter().map(|row| (read, row)).collect()),
        Ok(Err(e)) => Err(failed(e.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", READ_TIMEOUT.as_secs()))),
    }
}

fn payment((read, row): &(&'static str, MySqlRow)) -> Result<PaymentRow, ReadError> {
    Ok(PaymentRow {
        tx: required(read, row, "tx")?,
        account: required(read, row, "account")?,
        amount: required(read, row, "amount")?,
        result: text(read, row, "result")?,
    })
}

fn balance((read, row): &(&'static str, MySqlRow)) -> Result<BalanceRow, ReadError> {
    Ok(BalanceRow {
        account: required(read, row, "account")?,
        balance: text(read, row, "balance")?,
    })
}

fn credit((read, row): &(&'static str, MySqlRow)) -> Result<CreditRow, ReadError> {
    Ok(CreditRow {
        tx: required(read, row, "tx")?,
    })
}

/// A NULL where a value is needed becomes an empty text: checkers report it, they do not lose the row.
fn required(read: &'static str, row: &MySqlRow, column: &'static str) -> Result<String, ReadError> {
    Ok(text(read, row, column)?.unwrap_or_default())
}

fn text(read: &'static str, row: &MySqlRow, column: &'static str) -> Result<Option<String>, ReadError> {
    let found = || row.columns().iter().map(Column::name).collect::<Vec<_>>().join(", ");
    if let Ok(value) = row.try_get::<Option<String>, _>(column) {
        return Ok(value);
    }
    if let Ok(value) = row.try_get::<Option<i64>, _>(column) {
        return Ok(value.map(|n| n.to_string()));
    }
    row.try_get_unchecked::<Option<String>, _>(column)
        .map_err(|_| ReadError::Column {
            read,
            column,
            found: found(),
        })
}

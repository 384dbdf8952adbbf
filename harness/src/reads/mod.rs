//! Reads straight from the databases: what is recorded, what the balances are, what is marked as credited.
//!
//! They bypass services and links, so no fault of the run touches them. A read is whole or it is an error: it must
//! never return some rows of a table and say that these were all.

use std::time::Duration;

use paytwice_checkers::history::{BalanceRow, Body, CreditRow, Kind, PaymentRow, Process, Read, ReadMoment, Rows};
use tokio::time::Instant;

use crate::dependency::Database;
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
    payments: Database,
    balances: Database,
    credits: Option<Database>,
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
    /// `database` finds a database by its name in the manifest.
    pub fn open<E>(reads: Reads, database: impl Fn(&str) -> Result<Database, E>) -> Result<Reader, E> {
        let payments = database(&reads.payments.database)?;
        let balances = database(&reads.balances.database)?;
        let credits = match &reads.credits {
            Some(read) => Some(database(&read.database)?),
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
            (Some(from), Some(read)) => Some(rows("credits", from, &read.database, &read.sql, ["tx"]).await?),
            _ => None,
        };
        let read = &self.reads.balances;
        let columns = ["account", "balance"];
        let balances = rows("balances", &self.balances, &read.database, &read.sql, columns).await?;
        let read = &self.reads.payments;
        let columns = ["tx", "account", "amount", "result"];
        let payments = rows("payments", &self.payments, &read.database, &read.sql, columns).await?;
        // A NULL where a value is needed becomes an empty text: checkers report it, they do not lose the row.
        let payment = |[tx, account, amount, result]: [Option<String>; 4]| PaymentRow {
            tx: tx.unwrap_or_default(),
            account: account.unwrap_or_default(),
            amount: amount.unwrap_or_default(),
            result,
        };
        let balance = |[account, balance]: [Option<String>; 2]| BalanceRow {
            account: account.unwrap_or_default(),
            balance,
        };
        let credit = |[tx]: [Option<String>; 1]| CreditRow {
            tx: tx.unwrap_or_default(),
        };
        Ok(Snapshot {
            payments: payments.into_iter().map(payment).collect(),
            balances: balances.into_iter().map(balance).collect(),
            credits: credits.map(|rows| rows.into_iter().map(credit).collect()),
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

/// The rows of one read, which must have these columns. A read without rows shows none.
async fn rows<const N: usize>(
    read: &'static str,
    from: &Database,
    database: &str,
    sql: &str,
    columns: [&'static str; N],
) -> Result<Vec<[Option<String>; N]>, ReadError> {
    let failed = |reason: String| ReadError::Database {
        read,
        database: database.to_owned(),
        reason,
    };
    let rows = match tokio::time::timeout(READ_TIMEOUT, from.rows(sql)).await {
        Ok(rows) => rows.map_err(failed)?,
        Err(_) => return Err(failed(format!("no answer within {} s", READ_TIMEOUT.as_secs()))),
    };
    let missing = columns
        .iter()
        .find(|column| !rows.is_empty() && rows.column(column).is_none());
    match missing {
        Some(column) => Err(ReadError::Column {
            read,
            column,
            found: rows.columns().join(", "),
        }),
        None => Ok(rows
            .iter()
            .map(|row| columns.map(|column| row.get(column).map(str::to_owned)))
            .collect()),
    }
}

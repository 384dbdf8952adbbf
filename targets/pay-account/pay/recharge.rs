//! The recharge: one transaction number, one payment, one answer.

use service_common::database::DatabaseError;
use service_common::message::Payment;
use thiserror::Error;

use crate::notify::{Notifier, Unknown};
use crate::table::{Insertion, Row, Table};

/// Why a recharge got no result.
#[derive(Debug, Error)]
pub(crate) enum NoResult {
    /// The number belongs to another payment. Nothing happened.
    #[error("transaction {0} is another payment: same number, other account, amount or card")]
    OtherPayment(String),
    /// It may have happened, or may still.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

impl From<DatabaseError> for NoResult {
    fn from(error: DatabaseError) -> Self {
        Self::Unknown(error.into())
    }
}

/// Records the payment and publishes it, or finds it recorded already. The answer carries the
/// result that is in the table.
pub(crate) async fn recharge(table: &Table, notifier: &Notifier, asked: Payment) -> Result<Payment, NoResult> {
    // A repeated request is answered from the table; most of them never get as far as a message.
    if let Some(row) = table.find(&asked.tx_no).await? {
        return answer(&row, asked);
    }
    match notifier.record(&asked).await? {
        Insertion::Fresh => Ok(asked),
        Insertion::Existing(row) => answer(&row, asked),
    }
}

fn answer(row: &Row, asked: Payment) -> Result<Payment, NoResult> {
    if row.is_answer_to(&asked) {
        Ok(Payment {
            result: row.result(),
            ..asked
        })
    } else {
        Err(NoResult::OtherPayment(asked.tx_no.into()))
    }
}

//! The row is committed, a plain message is sent, and an error of the send deletes the row.
//!
//! A send that timed out may have been stored: its message then credits a payment that was deleted.

use service_common::message::Payment;
use tracing::warn;

use super::Unknown;
use super::plain::PlainProducer;
use crate::table::{Insertion, State};

pub(super) async fn record(producer: &PlainProducer, payment: &Payment) -> Result<Insertion, Unknown> {
    let insertion = producer.table.insert(payment, State::from(payment.result)).await?;
    if insertion == Insertion::Fresh
        && let Err(error) = producer.send(payment).await
    {
        warn!(tx_no = %payment.tx_no, %error, "message not confirmed, deleting the payment");
        producer.table.delete(&payment.tx_no).await?;
        return Err(error);
    }
    Ok(insertion)
}

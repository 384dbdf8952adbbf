//! The message is sent inside the database transaction, before its commit.
//!
//! A crash or a failed commit after the send leaves a message without a payment.

use service_common::message::Payment;
use tracing::warn;

use super::Unknown;
use super::plain::PlainProducer;
use crate::table::{Insertion, Opened, State};

pub(super) async fn record(producer: &PlainProducer, payment: &Payment) -> Result<Insertion, Unknown> {
    let open = match producer.table.open_insert(payment, State::from(payment.result)).await? {
        Opened::Fresh(open) => open,
        Opened::Existing(row) => return Ok(Insertion::Existing(row)),
    };
    if let Err(error) = producer.send(payment).await {
        warn!(tx_no = %payment.tx_no, %error, "message not confirmed, rolling back");
        open.roll_back().await?;
        return Err(error);
    }
    open.commit().await?;
    Ok(Insertion::Fresh)
}

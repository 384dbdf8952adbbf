//! The row is committed, then a plain message is sent.
//!
//! A crash between the two, or a send that fails, leaves a payment that nobody is told of: a
//! repeated request finds the row and just answers.

use service_common::message::Payment;
use tracing::error;

use super::Unknown;
use super::plain::PlainProducer;
use crate::table::{Insertion, State};

pub(super) async fn record(producer: &PlainProducer, payment: &Payment) -> Result<Insertion, Unknown> {
    let insertion = producer.table.insert(payment, State::from(payment.result)).await?;
    if insertion == Insertion::Fresh {
        producer.send(payment).await.inspect_err(|error| {
            error!(tx_no = %payment.tx_no, %error, "recorded, but its message was not confirmed");
        })?;
    }
    Ok(insertion)
}

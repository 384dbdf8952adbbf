//! How a payment's row and its message are tied together: the policy, and one file per answer.

mod plain;
mod plain_send;
mod send_before_commit;
mod transaction_message;
mod undo_on_send_error;

use std::sync::Arc;

use rocketmq_client_rust::ClientRuntime;
use service_common::broker::NotConfirmed;
use service_common::database::DatabaseError;
use service_common::message::Payment;
use thiserror::Error;

use self::plain::PlainProducer;
use self::transaction_message::TransactionMessage;
use crate::config::ProducerSettings;
use crate::table::{Insertion, Table};

service_common::policy! {
    /// How the payment's row and its message are tied together.
    pub(crate) enum Notify: "POLICY_NOTIFY" {
        /// By a transaction message, whose local transaction is the insert.
        TransactionMessage = "transaction-message",
        /// The message is sent inside the database transaction, before its commit.
        SendBeforeCommit = "send-before-commit",
        /// The row is committed, then a plain message is sent.
        PlainSend = "plain-send",
        /// As before, and an error of the send deletes the row.
        UndoOnSendError = "undo-on-send-error",
    }
}

/// Nobody knows (yet) whether the payment is recorded.
#[derive(Debug, Error)]
pub(crate) enum Unknown {
    /// The database gave no clear answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The broker gave no clear answer.
    #[error(transparent)]
    Broker(#[from] NotConfirmed),
    /// The local transaction was not run, or did not end in time.
    #[error("the local transaction has no outcome yet")]
    NoOutcome,
    /// The broker has not been reached since the service started.
    #[error("not ready: no broker yet")]
    NotReady,
}

/// Records payments and publishes them, in the way that the policy chose.
#[derive(Clone)]
pub(crate) enum Notifier {
    /// One half message per payment.
    Transaction(Arc<TransactionMessage>),
    /// One plain message per payment, sent at a moment that the policy chose.
    Plain(Notify, Arc<PlainProducer>),
}

impl Notifier {
    pub(crate) fn new(policy: Notify, table: Table, settings: ProducerSettings, client: Arc<ClientRuntime>) -> Self {
        match policy {
            Notify::TransactionMessage => Self::Transaction(Arc::new(TransactionMessage::new(table, settings, client))),
            plain => Self::Plain(plain, Arc::new(PlainProducer::new(table, settings, client))),
        }
    }

    /// Connects to the broker, however long that takes.
    pub(crate) async fn start(&self) {
        match self {
            Self::Transaction(producer) => producer.start().await,
            Self::Plain(_, producer) => producer.start().await,
        }
    }

    /// Whether the broker was reached.
    pub(crate) async fn is_ready(&self) -> bool {
        match self {
            Self::Transaction(producer) => producer.is_ready().await,
            Self::Plain(_, producer) => producer.is_ready().await,
        }
    }

    /// Records a payment and publishes it.
    pub(crate) async fn record(&self, payment: &Payment) -> Result<Insertion, Unknown> {
        match self {
            Self::Transaction(producer) => producer.record(payment).await,
            Self::Plain(Notify::SendBeforeCommit, producer) => send_before_commit::record(producer, payment).await,
            Self::Plain(Notify::UndoOnSendError, producer) => undo_on_send_error::record(producer, payment).await,
            Self::Plain(_, producer) => plain_send::record(producer, payment).await,
        }
    }

    /// Lets what is being sent end, then disconnects.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Transaction(producer) => producer.stop().await,
            Self::Plain(_, producer) => producer.stop().await,
        }
    }
}

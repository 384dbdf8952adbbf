//! A transaction message: the broker holds it back (a half message) until the local transaction,
//! the insert of the row, has an outcome.
//!
//! One rule decides about every half message, at once or when the broker asks back later:
//! it goes out if and only if the table holds exactly the payment that it tells of.
//!
//! - The insert went well, or the same payment was there already: commit. A second message of one
//!   payment is harmless, for the consumer counts transaction numbers; a missing one is not.
//! - The table holds another payment under this number: roll back. Both halves have the same key,
//!   so the rule compares what they say.
//! - The database gave no clear answer: unknown, and the broker asks back. Neither of the other two
//!   would be true in all the cases that look like this.
//!
//! # Asked back, and no row
//!
//! The local transaction may still be on its way: held up in a paused process, on a slow link, in
//! a server that has the insert but not yet the commit. Answering "roll back" now and committing
//! the row a moment later would lose the message of a payment. So the check-back first makes sure
//! that the row can never come: it inserts one of its own under the same key, with the result
//! `aborted`, a fence. The key lets one of the two in: if it is the fence, the payment has failed
//! for good, a repeated request is told so, and "roll back" is true for ever. If it is the
//! payment, the fence sees it, and the message goes out. And if the fence cannot tell in time,
//! the answer is unknown.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use rocketmq_client_rust::{ClientRuntime, LocalTransactionState, TransactionListener, TransactionMQProducer};
use rocketmq_model::common::message::MessageTrait;
use rocketmq_model::common::message::message_ext::MessageExt;
use service_common::bridge::Bridge;
use service_common::broker;
use service_common::database::DatabaseError;
use service_common::late::Late;
use service_common::message::Payment;
use tracing::{error, info, warn};

use super::Unknown;
use crate::config::ProducerSettings;
use crate::table::{Insertion, Row, State, Table};

/// Check-backs that run at the same time: after an outage of the database there are many.
const CHECK_BACKS_MAX: u32 = 16;

/// A producer of transaction messages.
pub(crate) struct TransactionMessage {
    table: Table,
    settings: ProducerSettings,
    client: Arc<ClientRuntime>,
    producer: Late<TransactionMQProducer>,
}

/// What travels with a half message to its local transaction, and brings the outcome back.
#[derive(Clone)]
struct Attempt {
    payment: Payment,
    outcome: Arc<Mutex<Option<Result<Insertion, DatabaseError>>>>,
}

impl TransactionMessage {
    pub(crate) fn new(table: Table, settings: ProducerSettings, client: Arc<ClientRuntime>) -> Self {
        Self {
            table,
            settings,
            client,
            producer: Late::default(),
        }
    }

    pub(crate) async fn start(&self) {
        let topic = &self.settings.broker.topic;
        let producer = broker::start_producer(topic, || {
            TransactionMQProducer::builder(Arc::clone(&self.client))
                .client_config(self.settings.broker.client_config())
                .producer_group(self.settings.group.as_str())
                // Announces the group with the first heartbeat. Without it the broker has nobody to
                // ask back after a restart until the first message is sent.
                .topics(vec![topic.as_str()])
                .send_msg_timeout(broker::millis(self.settings.send_timeout))
                .check_thread_pool_max_size(CHECK_BACKS_MAX)
                .check_thread_pool_min_size(CHECK_BACKS_MAX)
                .transaction_listener(LocalTransaction {
                    table: self.table.clone(),
                    bridge: Bridge::to_current_runtime(self.settings.callback_timeout),
                })
                .build()
        })
        .await;
        self.producer.put(producer).await;
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.producer.is_there().await
    }

    pub(crate) async fn stop(&self) {
        if let Some(mut producer) = self.producer.take().await {
            producer.shutdown().await;
        }
    }

    pub(crate) async fn record(&self, payment: &Payment) -> Result<Insertion, Unknown> {
        let producer = self.producer.get().await.ok_or(Unknown::NotReady)?;
        let attempt = Attempt {
            payment: payment.clone(),
            outcome: Arc::default(),
        };
        let message = broker::message(&self.settings.broker.topic, payment);
        let sent = producer
            .send_message_in_transaction(message, Some(attempt.clone()))
            .await;
        // The local transaction counts, not the fate of its half message: that one can be asked back.
        if let Some(outcome) = attempt.take_outcome() {
            return Ok(outcome?);
        }
        broker::confirmed(sent.map(|sent| sent.send_result))?;
        Err(Unknown::NoOutcome)
    }
}

impl Attempt {
    fn put_outcome(&self, outcome: Result<Insertion, DatabaseError>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    fn take_outcome(&self) -> Option<Result<Insertion, DatabaseError>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the producer calls: the local transaction, and the check-back.
struct LocalTransaction {
    table: Table,
    bridge: Bridge,
}

impl TransactionListener for LocalTransaction {
    fn execute_local_transaction(
        &self,
        _message: &dyn MessageTrait,
        argument: Option<&(dyn Any + Send + Sync)>,
    ) -> LocalTransactionState {
        let Some(attempt) = argument.and_then(<dyn Any + Send + Sync>::downcast_ref::<Attempt>) else {
            error!("a half message came without its payment");
            return LocalTransactionState::Unknown;
        };
        let attempt = attempt.clone();
        let table = self.table.clone();
        self.bridge
            .run(async move {
                let payment = &attempt.payment;
                let inserted = table.insert(payment, State::from(payment.result)).await;
                let state = state_of(payment, &inserted);
                attempt.put_outcome(inserted);
                state
            })
            .unwrap_or(LocalTransactionState::Unknown)
    }

    fn check_local_transaction(&self, message: &MessageExt) -> LocalTransactionState {
        let payment = match Payment::decode(&message.body().unwrap_or_default(), self.table.money()) {
            Ok(payment) => payment,
            Err(error) => {
                error!(%error, keys = ?message.message_inner().keys(), "asked back about a message that is not ours");
                return LocalTransactionState::Unknown;
            }
        };
        let table = self.table.clone();
        self.bridge
            .run(async move {
                let found = find_or_fence(&table, &payment).await;
                let state = state_after_check(&payment, &found);
                match &found {
                    Ok(_) => info!(tx_no = %payment.tx_no, ?state, "asked back"),
                    Err(error) => warn!(tx_no = %payment.tx_no, ?state, %error, "asked back"),
                }
                state
            })
            .unwrap_or(LocalTransactionState::Unknown)
    }
}

/// The row of a payment; where there is none, a fence is put up, so that there never will be.
async fn find_or_fence(table: &Table, payment: &Payment) -> Result<Insertion, DatabaseError> {
    match table.find(&payment.tx_no).await? {
        Some(row) => Ok(Insertion::Existing(row)),
        None => table.insert(payment, State::Aborted).await,
    }
}

/// What to tell the broker after the local transaction.
fn state_of(payment: &Payment, inserted: &Result<Insertion, DatabaseError>) -> LocalTransactionState {
    match inserted {
        Ok(Insertion::Fresh) => LocalTransactionState::CommitMessage,
        Ok(Insertion::Existing(row)) => state_of_row(payment, row),
        Err(_) => LocalTransactionState::Unknown,
    }
}

/// What to tell the broker that asks back. A fresh row is the fence.
fn state_after_check(payment: &Payment, found: &Result<Insertion, DatabaseError>) -> LocalTransactionState {
    match found {
        Ok(Insertion::Fresh) => LocalTransactionState::RollbackMessage,
        Ok(Insertion::Existing(row)) => state_of_row(payment, row),
        Err(_) => LocalTransactionState::Unknown,
    }
}

fn state_of_row(payment: &Payment, row: &Row) -> LocalTransactionState {
    if row.is_published_by(payment) {
        LocalTransactionState::CommitMessage
    } else {
        LocalTransactionState::RollbackMessage
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use service_common::message::PayResult;
    use service_common::money::Money;

    use super::*;

    fn payment(amount: &str) -> Payment {
        Payment {
            tx_no: "tx-1".parse().unwrap(),
            account_no: "acct-1".parse().unwrap(),
            amount: Money::Decimal.amount(amount).unwrap(),
            result: PayResult::Success,
        }
    }

    fn existing(amount: &str, state: State) -> Result<Insertion, DatabaseError> {
        let Payment { account_no, amount, .. } = payment(amount);
        Ok(Insertion::Existing(Row {
            account_no,
            amount,
            state,
        }))
    }

    fn unclear() -> Result<Insertion, DatabaseError> {
        Err(DatabaseError::Timeout(Duration::from_secs(3)))
    }

    #[test]
    fn a_half_message_goes_out_when_the_table_holds_its_payment() {
        assert_eq!(
            state_of(&payment("1"), &Ok(Insertion::Fresh)),
            LocalTransactionState::CommitMessage
        );
        for state in [state_of, state_after_check] {
            assert_eq!(
                state(&payment("1"), &existing("1", State::Success)),
                LocalTransactionState::CommitMessage
            );
        }
    }

    #[test]
    fn a_half_message_with_another_payload_under_the_same_key_does_not() {
        for state in [state_of, state_after_check] {
            assert_eq!(
                state(&payment("2"), &existing("1", State::Success)),
                LocalTransactionState::RollbackMessage
            );
        }
    }

    #[test]
    fn a_fenced_payment_is_never_published() {
        assert_eq!(
            state_after_check(&payment("1"), &Ok(Insertion::Fresh)),
            LocalTransactionState::RollbackMessage
        );
        for state in [state_of, state_after_check] {
            assert_eq!(
                state(&payment("1"), &existing("1", State::Aborted)),
                LocalTransactionState::RollbackMessage
            );
        }
    }

    #[test]
    fn an_unclear_outcome_decides_nothing() {
        for state in [state_of, state_after_check] {
            assert_eq!(state(&payment("1"), &unclear()), LocalTransactionState::Unknown);
        }
    }
}

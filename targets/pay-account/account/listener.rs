//! The message path: a push consumer, and what it does with each message.

use std::sync::Arc;

use rocketmq_client_rust::{
    ClientError, ClientResult, ClientRuntime, ConsumeConcurrentlyContext, ConsumeConcurrentlyStatus,
    DefaultMQPushConsumer, MQPushConsumer, MessageListenerConcurrently,
};
use rocketmq_model::common::consumer::consume_from_where::ConsumeFromWhere;
use rocketmq_model::common::message::message_ext::MessageExt;
use service_common::bridge::Bridge;
use service_common::broker;
use service_common::late::Late;
use service_common::message::{PayResult, Payment};
use service_common::money::Money;
use service_common::retry;
use tracing::{error, info, warn};

use crate::config::ConsumerSettings;
use crate::credit::Ledger;

service_common::policy! {
    /// When a message is acknowledged.
    pub(crate) enum Ack: "POLICY_ACK" {
        /// After the credit has committed.
        AfterCredit = "after-credit",
        /// At once; the credit runs on in the background.
        BeforeCredit = "before-credit",
    }
}

service_common::policy! {
    /// What the result that a message carries is good for.
    pub(crate) enum OnResult: "POLICY_RESULT" {
        /// Only a success is credited.
        Honour = "honour",
        /// Every message is credited.
        Ignore = "ignore",
    }
}

impl OnResult {
    fn credits(self, result: PayResult) -> bool {
        match self {
            Self::Honour => result == PayResult::Success,
            Self::Ignore => true,
        }
    }
}

/// What is done with each message.
#[derive(Clone)]
pub(crate) struct Listener {
    ledger: Ledger,
    bridge: Bridge,
    money: Money,
    on_result: OnResult,
    ack: Ack,
}

impl Listener {
    pub(crate) fn new(ledger: Ledger, bridge: Bridge, money: Money, on_result: OnResult, ack: Ack) -> Self {
        Self {
            ledger,
            bridge,
            money,
            on_result,
            ack,
        }
    }

    fn consume(&self, message: &MessageExt) -> ConsumeConcurrentlyStatus {
        let payment = match Payment::decode(&message.body().unwrap_or_default(), self.money) {
            Ok(payment) => payment,
            Err(error) => {
                // Not acknowledged: it may be somebody's money, and a later version of this service
                // may be able to read it. Delivered again at growing intervals, it holds nobody up,
                // and ends in the dead-letter queue, where a human finds it.
                error!(msg_id = %message.msg_id(), keys = ?message.message_inner().keys(), %error,
                    times = message.reconsume_times(), "cannot read a message");
                return ConsumeConcurrentlyStatus::ReconsumeLater;
            }
        };
        if !self.on_result.credits(payment.result) {
            info!(tx_no = %payment.tx_no, result = %payment.result, "nothing to credit");
            return ConsumeConcurrentlyStatus::ConsumeSuccess;
        }
        let credit = credit(self.ledger.clone(), payment, message.reconsume_times());
        match self.ack {
            Ack::AfterCredit => self
                .bridge
                .run(credit)
                .unwrap_or(ConsumeConcurrentlyStatus::ReconsumeLater),
            Ack::BeforeCredit => {
                self.bridge.start(async {
                    credit.await;
                });
                ConsumeConcurrentlyStatus::ConsumeSuccess
            }
        }
    }
}

async fn credit(ledger: Ledger, payment: Payment, times: i32) -> ConsumeConcurrentlyStatus {
    let Payment {
        tx_no,
        account_no,
        amount,
        ..
    } = &payment;
    match ledger.credit(&payment).await {
        Ok(credited) => {
            info!(%tx_no, %account_no, %amount, times, ?credited, "message consumed");
            ConsumeConcurrentlyStatus::ConsumeSuccess
        }
        Err(error) => {
            warn!(%tx_no, %account_no, %amount, times, %error, "not credited");
            ConsumeConcurrentlyStatus::ReconsumeLater
        }
    }
}

impl MessageListenerConcurrently for Listener {
    fn consume_message(
        &self,
        messages: &[&MessageExt],
        _context: &ConsumeConcurrentlyContext,
    ) -> ClientResult<ConsumeConcurrentlyStatus> {
        // Batches have one message each. Were it more, one that fails would bring back all of them,
        // which is safe: those that were credited are recognised.
        let failed = messages
            .iter()
            .map(|message| self.consume(message))
            .any(|status| status == ConsumeConcurrentlyStatus::ReconsumeLater);
        Ok(if failed {
            ConsumeConcurrentlyStatus::ReconsumeLater
        } else {
            ConsumeConcurrentlyStatus::ConsumeSuccess
        })
    }
}

/// The push consumer, from its start to its stop.
pub(crate) struct Consumer {
    settings: ConsumerSettings,
    client: Arc<ClientRuntime>,
    listener: Listener,
    consumer: Late<DefaultMQPushConsumer>,
}

impl Consumer {
    pub(crate) fn new(settings: ConsumerSettings, client: Arc<ClientRuntime>, listener: Listener) -> Self {
        Self {
            settings,
            client,
            listener,
            consumer: Late::default(),
        }
    }

    /// Connects to the broker, however long that takes. Each attempt builds a new consumer: one
    /// that started before its topic could be found would look for it at the next poll only.
    pub(crate) async fn start(&self) {
        let consumer = retry::until_ok("rocketmq consumer", async || {
            let mut consumer = self.build();
            match self.try_start(&mut consumer).await {
                Ok(()) => Ok(consumer),
                Err(error) => {
                    consumer.shutdown().await;
                    Err(error)
                }
            }
        })
        .await;
        self.consumer.put(consumer).await;
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.consumer.is_there().await
    }

    /// Lets the listeners end, reports what was consumed, disconnects.
    pub(crate) async fn stop(&self) {
        if let Some(mut consumer) = self.consumer.take().await {
            consumer.shutdown().await;
        }
    }

    fn build(&self) -> DefaultMQPushConsumer {
        let mut config = self.settings.broker.client_config();
        config.set_persist_consumer_offset_interval(broker::millis(self.settings.persist_offsets));
        DefaultMQPushConsumer::builder(Arc::clone(&self.client))
            .client_config(config)
            .consumer_group(self.settings.group.as_str())
            .consume_from_where(ConsumeFromWhere::ConsumeFromFirstOffset)
            .consume_message_batch_max_size(1)
            .build()
    }

    async fn try_start(&self, consumer: &mut DefaultMQPushConsumer) -> Result<(), ClientError> {
        let topic = self.settings.broker.topic.as_str();
        consumer.subscribe(topic, "*").await?;
        consumer.register_message_listener_concurrently(self.listener.clone());
        consumer.start().await?;
        consumer.fetch_subscribe_message_queues(topic).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_is_credited_unless_the_policy_ignores_it() {
        assert!(OnResult::Honour.credits(PayResult::Success));
        assert!(!OnResult::Honour.credits(PayResult::Fail));
        assert!(OnResult::Ignore.credits(PayResult::Fail));
    }
}

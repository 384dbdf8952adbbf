//! What the policies without a transaction message share: the table, and a plain producer.

use std::sync::Arc;

use rocketmq_client_rust::{ClientRuntime, DefaultMQProducer};
use service_common::broker;
use service_common::late::Late;
use service_common::message::Payment;

use super::Unknown;
use crate::config::ProducerSettings;
use crate::table::Table;

/// A producer of plain messages.
pub(crate) struct PlainProducer {
    pub(super) table: Table,
    settings: ProducerSettings,
    client: Arc<ClientRuntime>,
    producer: Late<DefaultMQProducer>,
}

impl PlainProducer {
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
            DefaultMQProducer::builder(Arc::clone(&self.client))
                .client_config(self.settings.broker.client_config())
                .producer_group(self.settings.group.as_str())
                .topics(vec![topic.as_str().into()])
                .send_msg_timeout(broker::millis(self.settings.send_timeout))
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

    /// Sends the message of a payment. After an error it may have been stored all the same.
    pub(super) async fn send(&self, payment: &Payment) -> Result<(), Unknown> {
        let producer = self.producer.get().await.ok_or(Unknown::NotReady)?;
        let sent = producer
            .send(broker::message(&self.settings.broker.topic, payment))
            .await;
        Ok(broker::confirmed(sent)?)
    }
}

//! RocketMQ: the client's runtime, its settings, and how a producer or consumer is told from a
//! broken one at start.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rocketmq_client_rust::{
    ClientConfig, ClientRuntime, ClientRuntimeConfig, MessageQuery, ProducerLifecycle, ProducerQueryRequest,
    SendResult, SendStatus,
};
use rocketmq_model::common::message::message_single::Message;
use rocketmq_observability::TelemetryRuntimeGuard;
use rocketmq_runtime::{RuntimeConfig, RuntimeOwner};

use crate::config::{ConfigError, Env};
use crate::message::Payment;
use crate::retry;

/// Callbacks that may run at the same time: more than the 20 threads of a consumer, so that
/// check-backs and local transactions never wait for a free one.
const CALLBACKS_MAX: usize = 64;

/// Callbacks that may wait for a thread. A rejected one would have to be delivered again.
const CALLBACK_QUEUE_MAX: usize = 4096;

/// How to reach the broker.
#[derive(Debug, Clone)]
pub struct BrokerSettings {
    /// Address of the name server.
    pub name_server: String,
    /// The topic of the payments' messages.
    pub topic: String,
    /// How often the client shows the broker that it is alive. It is also how long it takes to
    /// notice that a connection is gone which nobody sends on, so the default is a third of the client's own.
    pub heartbeat: Duration,
}

impl BrokerSettings {
    /// Reads `ROCKETMQ_NAMESRV`, `TOPIC` and `ROCKETMQ_HEARTBEAT_MS`.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            name_server: env.text(
                "ROCKETMQ_NAMESRV",
                "the address of the name server, such as rocketmq:9876",
            )?,
            topic: env.text("TOPIC", "the topic of the payments' messages")?,
            heartbeat: env.millis("ROCKETMQ_HEARTBEAT_MS", 10_000, 1000..=300_000)?,
        })
    }

    /// The settings that producers and consumers have in common.
    #[must_use]
    pub fn client_config(&self) -> ClientConfig {
        let heartbeat_ms = millis(self.heartbeat);
        let mut config = ClientConfig::new();
        config.set_namesrv_addr(self.name_server.as_str().into());
        config.set_heartbeat_broker_interval(heartbeat_ms);
        config.set_poll_name_server_interval(heartbeat_ms);
        config
    }
}

/// A duration as the client takes it.
#[must_use]
pub fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The message of a payment. Its key is the transaction number: the broker's own message ids
/// differ between duplicates of one message.
#[must_use]
pub fn message(topic: &str, payment: &Payment) -> Message {
    Message::builder()
        .topic(topic)
        .key(payment.tx_no.as_str())
        .body_slice(&payment.encode())
        .build_unchecked()
}

/// Why nobody can be sure that a message was stored.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not confirm the message: {0}")]
pub struct NotConfirmed(String);

/// Whether the broker confirmed that it has stored a message.
///
/// # Errors
/// When it did not. It may have stored the message all the same.
pub fn confirmed<E: std::fmt::Display>(sent: Result<Option<SendResult>, E>) -> Result<(), NotConfirmed> {
    match sent {
        Ok(Some(result)) if result.send_status == SendStatus::SendOk => Ok(()),
        Ok(Some(result)) => Err(NotConfirmed(format!("{:?}", result.send_status))),
        Ok(None) => Err(NotConfirmed("no result".to_owned())),
        Err(error) => Err(NotConfirmed(error.to_string())),
    }
}

/// Starts a producer and waits until it knows where its topic lives.
///
/// A producer cannot be started twice, so each attempt builds a new one.
pub async fn start_producer<P>(topic: &str, mut build: impl FnMut() -> P) -> P
where
    P: ProducerLifecycle + MessageQuery,
{
    retry::until_ok("rocketmq producer", async || {
        let mut producer = build();
        let started = async {
            producer.start_producer().await?;
            producer
                .query(ProducerQueryRequest::FetchPublishQueues {
                    topic: topic.to_owned(),
                })
                .await
        }
        .await;
        match started {
            Ok(_) => Ok(producer),
            Err(error) => {
                producer.shutdown_producer().await;
                Err(error)
            }
        }
    })
    .await
}

/// Builds the runtime that the whole process runs on; the RocketMQ client insists on making it.
///
/// # Errors
/// When the machine cannot provide it.
pub fn runtime(service: &str) -> anyhow::Result<(RuntimeOwner, Arc<ClientRuntime>)> {
    let parallelism = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let mut config = RuntimeConfig::for_parallelism(service, parallelism)
        .with_max_blocking_threads(CALLBACKS_MAX * 2)
        .context("size of the thread pool")?;
    let callbacks = &mut config.blocking_lane_policies.metadata_io;
    callbacks.max_concurrency = CALLBACKS_MAX;
    callbacks.max_queue_depth = CALLBACK_QUEUE_MAX;
    let owner = RuntimeOwner::plan(config)
        .context("plan of the runtime")?
        .build()
        .context("start of the runtime")?;
    let client = ClientRuntime::try_new(
        owner.root_context().component("rocketmq"),
        ClientRuntimeConfig {
            shutdown_timeout: Duration::from_secs(5),
            ..ClientRuntimeConfig::default()
        },
        TelemetryRuntimeGuard::noop().handle(),
    )
    .context("start of the RocketMQ client")?;
    Ok((owner, client))
}

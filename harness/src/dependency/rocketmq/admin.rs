//! Administration of one broker: makes topics and groups, and reads the state that a settled run is judged by.
//!
//! It talks to the broker directly, past every link, so that faults on links never touch it. Never: goes through
//! the name server for a broker's own state, or changes anything but topics and groups that it was asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;

use super::client::{Client, RemotingError, Response};
use crate::remoting::{CodecError, Loose, codes};

/// Bounds the connection attempt and each request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Administration of one broker.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    client: Mutex<Option<Arc<Client>>>,
}

/// A broker that holds a topic, as the name server tells clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRoute {
    /// Name of the broker.
    pub broker: String,
    /// The addresses that clients are told, by broker id (0 is the master).
    pub addrs: Vec<(i64, String)>,
}

impl Admin {
    /// Connects to a broker. When the connection breaks later (the broker was restarted), the next request makes
    /// a new one.
    pub async fn connect(broker: SocketAddr) -> Result<Admin, RemotingError> {
        let client = Client::connect(broker, PATIENCE).await?;
        Ok(Admin {
            addr: broker,
            client: Mutex::new(Some(Arc::new(client))),
        })
    }

    /// The broker's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Creates (or keeps) a topic with this many queues. `transactional` marks it as one for transaction messages;
    /// a broker that knows no such mark gets the topic without it.
    pub async fn create_topic(&self, topic: &str, queues: u32, transactional: bool) -> Result<(), RemotingError> {
        let queues = queues.to_string();
        let mut fields = vec![
            ("topic", topic),
            ("defaultTopic", "TBW102"),
            ("readQueueNums", queues.as_str()),
            ("writeQueueNums", queues.as_str()),
            ("perm", "6"),
            ("topicFilterType", "SINGLE_TAG"),
            ("topicSysFlag", "0"),
            ("order", "false"),
        ];
        if transactional {
            fields.push(("attributes", "+message.type=TRANSACTION"));
            let response = self.request(codes::UPDATE_AND_CREATE_TOPIC, &fields).await?;
            if topic_is_there(&response) {
                return Ok(());
            }
            fields.pop();
        }
        let response = self.request(codes::UPDATE_AND_CREATE_TOPIC, &fields).await?;
        if topic_is_there(&response) {
            return Ok(());
        }
        response.success().map(|_| ())
    }

    /// Creates (or keeps) a consumer group and the topic of its retries, which spares clients a route poll later.
    pub async fn create_group(&self, group: &str) -> Result<(), RemotingError> {
        let body = json!({
            "groupName": group,
            "consumeEnable": true,
            "consumeFromMinEnable": true,
            "consumeBroadcastEnable": true,
            "consumeMessageOrderly": false,
            "retryQueueNums": 1,
            "retryMaxTimes": 16,
            "brokerId": 0,
            "whichBrokerWhenConsumeSlowly": 1,
            "notifyConsumerIdsChangedEnable": true,
        });
        let client = self.client().await?;
        let code = codes::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
        client
            .request(code, &[], body.to_string().as_bytes())
            .await?
            .success()?;
        self.create_topic(&format!("%RETRY%{group}"), 1, false).await
    }

    /// Removes a topic from the broker.
    pub async fn delete_topic(&self, topic: &str) -> Result<(), RemotingError> {
        let response = self.request(codes::DELETE_TOPIC_IN_BROKER, &[("topic", topic)]).await?;
        let remark = response.header().remark.as_deref().unwrap_or_default();
        // A broker without a timer wheel trips over its counters when the topic is gone already.
        if remark.contains("getTimerMetrics") {
            return Ok(());
        }
        response.success().map(|_| ())
    }

    /// Removes a group with the topics of its retries and its dead letters.
    pub async fn delete_group(&self, group: &str) -> Result<(), RemotingError> {
        let fields = [("groupName", group), ("cleanOffset", "true")];
        let response = self.request(codes::DELETE_SUBSCRIPTIONGROUP, &fields).await?;
        response.success()?;
        for topic in ["%RETRY%", "%DLQ%"] {
            self.delete_topic(&format!("{topic}{group}")).await?;
        }
        Ok(())
    }

    /// The next offset of each queue of a topic, by queue number.
    pub async fn max_offsets(&self, topic: &str, queues: u32) -> Result<Vec<i64>, RemotingError> {
        let mut offsets = Vec::new();
        for queue in 0..queues {
            let queue = queue.to_string();
            let fields = [("topic", topic), ("queueId", queue.as_str())];
            let response = self.request(codes::GET_MAX_OFFSET, &fields).await?.success()?;
            offsets.push(response.header().number("offset").unwrap_or_default());
        }
        Ok(offsets)
    }

    /// Where a name server sends clients of a topic. Empty while it does not know the topic.
    pub async fn route(name_server: SocketAddr, topic: &str) -> Result<Vec<BrokerRoute>, RemotingError> {
        let client = Client::connect(name_server, PATIENCE).await?;
        let response = client
            .request(codes::GET_ROUTEINFO_BY_TOPIC, &[("topic", topic)], b"")
            .await?;
        if response.code() == codes::TOPIC_NOT_EXIST {
            return Ok(Vec::new());
        }
        let response = response.success()?;
        let body = loose_body(&response)?;
        let Some(Loose::List(brokers)) = body.get("brokerDatas") else {
            return Err(response.unreadable(CodecError::Body("no brokerDatas".to_owned())));
        };
        Ok(brokers.iter().map(broker_route).collect())
    }

    /// A request with a fresh connection where the last one broke.
    pub(super) async fn request(&self, code: i32, fields: &[(&str, &str)]) -> Result<Response, RemotingError> {
        self.client().await?.request(code, fields, b"").await
    }

    async fn client(&self) -> Result<Arc<Client>, RemotingError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| client.is_open()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(Client::connect(self.addr, PATIENCE).await?);
        *slot = Some(Arc::clone(&client));
        Ok(client)
    }
}

/// The body of an answer as loose JSON.
pub(super) fn loose_body(response: &Response) -> Result<Loose, RemotingError> {
    Loose::parse(response.body()).map_err(|e| response.unreadable(e))
}

/// Some brokers create the topic and answer that no response code was set.
fn topic_is_there(response: &Response) -> bool {
    let remark = response.header().remark.as_deref().unwrap_or_default();
    response.code() == codes::SUCCESS || remark.contains("not set any response code")
}

fn broker_route(data: &Loose) -> BrokerRoute {
    let addrs = data.get("brokerAddrs").map(Loose::entries).unwrap_or_default();
    BrokerRoute {
        broker: data
            .get("brokerName")
            .and_then(Loose::as_str)
            .unwrap_or_default()
            .to_owned(),
        addrs: addrs
            .iter()
            .filter_map(|(id, addr)| Some((id.as_i64()?, addr.as_str()?.to_owned())))
            .collect(),
    }
}

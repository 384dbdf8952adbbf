//! Quiescence of a broker: what is still under way for one consumer group, as numbers that must come to rest.
//!
//! Never: takes an empty answer for rest where the broker leaves rows out until a first commit (the topic is always
//! named), or a topic that nobody has made yet for an error.

use super::admin::{Admin, loose_body};
use super::client::{RemotingError, Response};
use crate::remoting::{CodecError, Loose, codes};

/// The group under which the broker itself resolves half messages.
const TRANSACTION_GROUP: &str = "CID_RMQ_SYS_TRANS";
/// Where half messages wait, and where their resolutions are noted.
const TRANSACTION_TOPICS: [&str; 2] = ["RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC"];
/// Where half messages end whose outcome nobody could tell.
const DISCARDED_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
/// Prefix of the figures per delay level in a broker's runtime figures: `"done,max"`.
const SCHEDULE_PREFIX: &str = "scheduleMessageOffset_";

/// What is still under way, for one group and topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages of the topic that the group has not committed.
    pub lag: i64,
    /// Half messages (and notes of their resolutions) that the broker has not worked off. Of the whole broker.
    pub half: i64,
    /// Messages waiting in the group's retry topic.
    pub retry: i64,
    /// Messages waiting for their delay to pass. Of the whole broker.
    pub delayed: i64,
    /// Messages that the group gave up on. A growth is a finding, not unrest.
    pub dead: i64,
    /// Half messages that the broker gave up on. Of the whole broker: compare with an earlier sample.
    pub discarded: i64,
}

impl Counters {
    /// True when nothing is under way. Two equal samples that say so are needed for quiescence.
    pub fn at_rest(&self) -> bool {
        self.lag == 0 && self.half == 0 && self.retry == 0 && self.delayed == 0
    }

    /// Name and value of each counter, as histories carry them.
    pub fn named(&self) -> [(&'static str, i64); 6] {
        [
            ("lag", self.lag),
            ("half", self.half),
            ("retry", self.retry),
            ("delayed", self.delayed),
            ("dead", self.dead),
            ("discarded", self.discarded),
        ]
    }
}

impl Admin {
    /// Reads all counters, in the order in which messages travel backwards: what is resolved between two reads
    /// shows up in a later one.
    pub async fn counters(&self, group: &str, topic: &str) -> Result<Counters, RemotingError> {
        let mut half = 0;
        for topic in TRANSACTION_TOPICS {
            half += self.lag(TRANSACTION_GROUP, topic).await?;
        }
        let delayed = self.delayed().await?;
        let retry = self.lag(group, &format!("%RETRY%{group}")).await?;
        let lag = self.lag(group, topic).await?;
        Ok(Counters {
            lag,
            half,
            retry,
            delayed,
            dead: self.stored(&format!("%DLQ%{group}")).await?,
            discarded: self.stored(DISCARDED_TOPIC).await?,
        })
    }

    /// How far a group is behind a topic, over all queues. 0 for a topic that does not exist yet.
    pub async fn lag(&self, group: &str, topic: &str) -> Result<i64, RemotingError> {
        let fields = [("consumerGroup", group), ("topic", topic)];
        let response = self.request(codes::GET_CONSUME_STATS, &fields).await?;
        if response.code() == codes::TOPIC_NOT_EXIST {
            return Ok(0);
        }
        let response = response.success()?;
        let body = loose_body(&response)?;
        let mut lag = 0;
        for row in rows_of(&response, &body, topic)? {
            lag += (int(&response, row, "brokerOffset")? - int(&response, row, "consumerOffset")?).abs();
        }
        Ok(lag)
    }

    /// How many messages a topic holds, over all queues. 0 for a topic that does not exist yet.
    pub async fn stored(&self, topic: &str) -> Result<i64, RemotingError> {
        let response = self.request(codes::GET_TOPIC_STATS_INFO, &[("topic", topic)]).await?;
        if response.code() == codes::TOPIC_NOT_EXIST {
            return Ok(0);
        }
        let response = response.success()?;
        let body = loose_body(&response)?;
        let mut stored = 0;
        for row in rows_of(&response, &body, topic)? {
            stored += int(&response, row, "maxOffset")? - int(&response, row, "minOffset")?;
        }
        Ok(stored)
    }

    /// How many half messages the broker has ever taken in.
    pub async fn halves(&self) -> Result<i64, RemotingError> {
        self.stored(TRANSACTION_TOPICS[0]).await
    }

    /// How many messages wait for their delay to pass, over all levels.
    async fn delayed(&self) -> Result<i64, RemotingError> {
        let response = self.request(codes::GET_BROKER_RUNTIME_INFO, &[]).await?.success()?;
        let body = loose_body(&response)?;
        let Some(figures) = body.get("table").map(Loose::entries) else {
            return Err(missing(&response, "table"));
        };
        let mut delayed = 0;
        for (name, figure) in figures {
            if name.as_str().is_some_and(|n| n.starts_with(SCHEDULE_PREFIX)) {
                delayed += waiting(figure).ok_or_else(|| missing(&response, SCHEDULE_PREFIX))?;
            }
        }
        Ok(delayed)
    }
}

/// How many half messages are resolved by what a broker has written down (its `consumerOffset.json`). None where it says
/// nothing of them.
pub(super) fn halves_kept(consumer_offsets: &[u8]) -> Option<i64> {
    let key = format!("{}@{TRANSACTION_GROUP}", TRANSACTION_TOPICS[0]);
    let offsets = Loose::parse(consumer_offsets).ok()?;
    let queues = offsets.get("offsetTable")?.get(&key)?.entries();
    queues.iter().map(|(_, offset)| offset.as_i64()).sum()
}

/// `"done,max"` as how many are not done.
fn waiting(figure: &Loose) -> Option<i64> {
    let (done, max) = figure.as_str()?.split_once(',')?;
    Some((max.trim().parse::<i64>().ok()? - done.trim().parse::<i64>().ok()?).abs())
}

/// The rows of a topic in `offsetTable: {{brokerName, queueId, topic}: row}`.
fn rows_of<'a>(response: &Response, body: &'a Loose, topic: &str) -> Result<Vec<&'a Loose>, RemotingError> {
    let Some(rows) = body.get("offsetTable").map(Loose::entries) else {
        return Err(missing(response, "offsetTable"));
    };
    let of_topic = |key: &Loose| key.get("topic").and_then(Loose::as_str) == Some(topic);
    Ok(rows
        .iter()
        .filter(|(key, _)| of_topic(key))
        .map(|(_, row)| row)
        .collect())
}

fn int(response: &Response, row: &Loose, name: &str) -> Result<i64, RemotingError> {
    row.get(name)
        .and_then(Loose::as_i64)
        .ok_or_else(|| missing(response, name))
}

/// A figure that is not there is no zero.
fn missing(response: &Response, what: &str) -> RemotingError {
    response.unreadable(CodecError::Body(format!("no {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_has_written_down_is_read() {
        let written = br#"{
            "dataVersion":{"counter":0,"stateVersion":0,"timestamp":1795240770856},
            "offsetTable":{
                "RMQ_SYS_TRANS_OP_HALF_TOPIC@CID_RMQ_SYS_TRANS":{0:146},
                "topic_r9@group_r9":{0:1,2:1,3:2},
                "RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS":{0:80,1:8}
            }
        }"#;
        assert_eq!(halves_kept(written), Some(88));
        assert_eq!(halves_kept(br#"{"offsetTable":{}}"#), None);
        assert_eq!(halves_kept(&written[..100]), None);
    }
}

//! A RocketMQ that runs: topics and groups of a run, and what is still under way in the broker.
//! Never: takes a missing answer for rest.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::super::manifest::{Dependency, TopicKind};
use super::super::{Counter, Names, PrepareError, RunOf, Server};
use super::admin::Admin;
use super::client::RemotingError;
use super::counters::halves_kept;
use super::launch::STORE;
use super::{BROKER_PORT, Parties};
use crate::stack::Stack;

/// Where the images keep the broker's log files.
const LOGS: &str = "/home/rocketmq/logs/rocketmqlogs";
/// How long a broker may take to write down how far it has come: thrice what it takes itself.
const REMEMBERS_TIMEOUT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Counters that must be 0 at rest; the others must only stand still.
const ZERO_AT_REST: [&str; 4] = ["half", "delayed", "retry", "lag"];

/// A RocketMQ that runs.
pub(super) struct RocketMqServer {
    names: Parties,
    stack: Arc<dyn Stack>,
    admin: Mutex<Option<Arc<Admin>>>,
}

impl RocketMqServer {
    pub(super) fn new(names: Parties, stack: &Arc<dyn Stack>) -> RocketMqServer {
        RocketMqServer {
            names,
            stack: Arc::clone(stack),
            admin: Mutex::default(),
        }
    }

    /// The broker's administration. A broker that was replaced may have another address.
    async fn admin(&self) -> Result<Arc<Admin>, String> {
        let addr = self
            .stack
            .addr(&self.names.broker, BROKER_PORT)
            .map_err(|e| e.to_string())?;
        let mut slot = self.admin.lock().await;
        if let Some(admin) = slot.as_ref().filter(|admin| admin.addr() == addr) {
            return Ok(Arc::clone(admin));
        }
        let admin = Arc::new(Admin::connect(addr).await.map_err(|e| e.to_string())?);
        *slot = Some(Arc::clone(&admin));
        Ok(admin)
    }

    /// How many half messages are resolved by what the broker has written down: it does so every five seconds, and what
    /// it has not written it does not know any more once it was killed. None where nothing is written down of them.
    async fn halves_on_disk(&self) -> Option<i64> {
        // The file comes into being five seconds after the broker.
        let path = format!("{STORE}/config/consumerOffset.json");
        let read = self.stack.read_file(&self.names.broker, &path).await.ok();
        halves_kept(&read?)
    }
}

#[async_trait]
impl Server for RocketMqServer {
    async fn prepare(&self, run: &RunOf<'_>) -> Result<(), PrepareError> {
        let admin = self.admin().await?;
        for (name, topic) in &run.entry.topics {
            let transactional = topic.kind == TopicKind::Transaction;
            let made = admin
                .create_topic(&run.names.own(name), topic.queues, transactional)
                .await;
            made.map_err(in_words)?;
        }
        let consuming = run.entry.groups.iter().filter(|(_, group)| group.topic.is_some());
        for (name, _) in consuming {
            admin.create_group(&run.names.own(name)).await.map_err(in_words)?;
        }
        Ok(())
    }

    async fn forget(&self, entry: &Dependency, names: &Names) -> Result<(), String> {
        let admin = self.admin().await?;
        for (name, group) in &entry.groups {
            if group.topic.is_some() {
                admin.delete_group(&names.own(name)).await.map_err(in_words)?;
            }
        }
        for name in entry.topics.keys() {
            admin.delete_topic(&names.own(name)).await.map_err(in_words)?;
        }
        Ok(())
    }

    async fn counters(&self, entry: &Dependency, names: &Names) -> Result<Vec<Counter>, String> {
        let admin = self.admin().await?;
        let mut all = Vec::new();
        for (group, def) in &entry.groups {
            let Some(topic) = &def.topic else { continue };
            let counters = admin.counters(&names.own(group), &names.own(topic)).await;
            for (name, value) in counters.map_err(in_words)?.named() {
                all.push(Counter {
                    name,
                    value,
                    zero_at_rest: ZERO_AT_REST.contains(&name),
                });
            }
        }
        Ok(all)
    }

    async fn start_anew(&self) -> Result<bool, String> {
        // The replica after its primary: what it has copied is gone there.
        for party in [Some(&self.names.broker), self.names.replica.as_ref()]
            .into_iter()
            .flatten()
        {
            self.stack.renew(party).await.map_err(|e| e.to_string())?;
        }
        Ok(true)
    }

    /// Waits until the broker has written down that the half messages of earlier runs are resolved. A broker that is
    /// killed before asks about them again, and their producers are gone: it would never come to rest.
    async fn remember(&self, ended: &(dyn for<'a> Fn(&'a str) -> bool + Sync)) -> Result<Option<String>, String> {
        if !ended(&self.names.broker) {
            return Ok(None);
        }
        let halves = self.admin().await?.halves().await.map_err(in_words)?;
        let deadline = tokio::time::Instant::now() + REMEMBERS_TIMEOUT;
        while halves > 0 && self.halves_on_disk().await != Some(halves) {
            if tokio::time::Instant::now() >= deadline {
                self.start_anew().await?;
                let said = "the broker does not write down what earlier runs resolved: a fresh broker";
                return Ok(Some(said.to_owned()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn save_logs(&self, to: &Path) -> Result<(), String> {
        let saved = self.stack.save_files(&self.names.broker, LOGS, to).await;
        saved.map(drop).map_err(|e| e.to_string())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn in_words(error: RemotingError) -> String {
    error.to_string()
}

//! Settling: waits until nothing of the target moves any more, or until the plan's bound has passed.
//!
//! At rest means, twice in a row: no consumer lag, no half message, no retry and no delayed message waiting, and the
//! same rows in the databases. (Nothing is held in a link: faults are healed before.) It must never take a missing
//! answer for rest.

use std::collections::BTreeMap;
use std::time::Duration;

use paytwice_checkers::history::{Body, Sample};
use tokio::time::Instant;

use crate::plan::manifest::{DependencyKind, TopicKind};
use crate::plan::{Manifest, SettlePlan};
use crate::reads::{Reader, count, fingerprint};
use crate::record::Recorder;
use crate::remoting::Admin;
use crate::run::{Names, Notice, Observer, RunError, Tick};
use crate::stack::ContainerStack;

/// The broker's port.
pub(crate) const BROKER_PORT: u16 = 10911;

/// How settling ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing moves.
    AtRest,
    /// The bound passed first.
    NotInTime {
        /// What had not come to rest.
        waiting_for: String,
    },
}

/// What must come to rest in one run.
pub struct Settle {
    plan: SettlePlan,
    admin: Option<Admin>,
    consumers: Vec<(String, String)>,
}

/// One look at everything.
struct Look {
    counters: BTreeMap<String, i64>,
    rows: u64,
}

impl Settle {
    /// Makes the run's topics and groups, and remembers what to watch.
    pub async fn prepare(
        stack: &ContainerStack,
        manifest: &Manifest,
        names: &Names,
        plan: &SettlePlan,
    ) -> Result<Settle, RunError> {
        let brokers = manifest
            .dependencies
            .values()
            .filter(|d| d.kind == DependencyKind::Rocketmq);
        let mut settle = Settle {
            plan: plan.clone(),
            admin: None,
            consumers: Vec::new(),
        };
        for broker in brokers {
            let admin = Admin::connect(stack.addr("broker", BROKER_PORT)?).await?;
            for (name, topic) in &broker.topics {
                let transactional = topic.kind == TopicKind::Transaction;
                admin
                    .create_topic(&names.own(name), topic.queues, transactional)
                    .await?;
            }
            for (name, group) in &broker.groups {
                if let Some(topic) = &group.topic {
                    admin.create_group(&names.own(name)).await?;
                    settle.consumers.push((names.own(name), names.own(topic)));
                }
            }
            settle.admin = Some(admin);
        }
        Ok(settle)
    }

    /// Looks until two looks in a row are the same and at rest.
    pub async fn wait(&self, reader: &Reader, recorder: &Recorder, observer: &Observer) -> Settled {
        let began = Instant::now();
        let deadline = began + Duration::from_millis(self.plan.timeout_ms);
        let mut last: Option<Look> = None;
        loop {
            let (look, waiting_for) = match self.look(reader).await {
                Ok(look) => {
                    recorder.remark(
                        "run",
                        Body::Sample(Sample {
                            counters: look.counters.clone(),
                        }),
                    );
                    let waiting_for = look.unrest(last.as_ref());
                    (Some(look), waiting_for)
                }
                Err(e) => (None, e.to_string()),
            };
            if waiting_for.is_empty() {
                return Settled::AtRest;
            }
            if Instant::now() >= deadline {
                return Settled::NotInTime { waiting_for };
            }
            last = look;
            observer.tell(Notice::Tick(Tick {
                elapsed_s: began.elapsed().as_secs(),
                waiting_for,
                ..Tick::default()
            }));
            tokio::time::sleep(Duration::from_millis(self.plan.sample_every_ms)).await;
        }
    }

    async fn look(&self, reader: &Reader) -> Result<Look, RunError> {
        let mut counters = BTreeMap::new();
        if let Some(admin) = &self.admin {
            for (group, topic) in &self.consumers {
                for (name, n) in admin.counters(group, topic).await?.named() {
                    *counters.entry(name.to_owned()).or_insert(0) += n;
                }
            }
        }
        let snapshot = reader.snapshot().await?;
        counters.insert("rows".to_owned(), i64::try_from(count(&snapshot)).unwrap_or(i64::MAX));
        Ok(Look {
            counters,
            rows: fingerprint(&snapshot),
        })
    }
}

impl Look {
    /// What is not at rest, in words; empty when everything is.
    fn unrest(&self, last: Option<&Look>) -> String {
        let must_be_zero = ["half", "delayed", "retry", "lag"];
        let mut moving: Vec<String> = must_be_zero
            .iter()
            .filter_map(|name| {
                let n = *self.counters.get(*name)?;
                (n != 0).then(|| format!("{name} {n}"))
            })
            .collect();
        let same = last.is_some_and(|last| last.rows == self.rows && last.counters == self.counters);
        if moving.is_empty() && !same {
            moving.push("a second look".to_owned());
        }
        moving.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(lag: i64, rows: u64) -> Look {
        Look {
            counters: [("lag".to_owned(), lag)].into(),
            rows,
        }
    }

    #[test]
    fn rest_takes_two_equal_looks() {
        assert_eq!(look(0, 1).unrest(None), "a second look");
        assert_eq!(look(0, 1).unrest(Some(&look(0, 2))), "a second look");
        assert_eq!(look(3, 1).unrest(Some(&look(3, 1))), "lag 3");
        assert_eq!(look(0, 1).unrest(Some(&look(0, 1))), "");
    }
}

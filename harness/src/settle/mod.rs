//! Settling: waits until nothing of the target moves any more, or until the plan's bound has passed.
//!
//! At rest means, twice in a row: nothing under way in any dependency, as each kind counts it, and the same rows in the
//! databases. (Nothing is held in a link: faults are healed before.) It must never take a missing
//! answer for rest.

use std::sync::Arc;
use std::time::Duration;

use paytwice_checkers::history::{Body, Sample};
use tokio::time::Instant;

use crate::dependency::{Counter, Dependencies, Names};
use crate::plan::{Manifest, SettlePlan};
use crate::reads::{Reader, count, fingerprint};
use crate::record::Recorder;
use crate::sut::{Notice, Observer, RunError, Tick};

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
    manifest: Arc<Manifest>,
    names: Names,
}

/// One look at everything.
struct Look {
    counters: Vec<Counter>,
    rows: u64,
}

impl Settle {
    /// Whatever the dependencies of the manifest have under way for a run with these names.
    pub fn new(plan: SettlePlan, manifest: Arc<Manifest>, names: Names) -> Settle {
        Settle { plan, manifest, names }
    }

    /// Looks until two looks in a row are the same and at rest, for as long as the plan says and no longer than `bound`.
    pub async fn wait(
        &self,
        bound: Duration,
        dependencies: &Dependencies,
        reader: &Reader,
        recorder: &Recorder,
        observer: &Observer,
    ) -> Settled {
        let began = Instant::now();
        let deadline = began + bound.min(Duration::from_millis(self.plan.timeout_ms));
        let mut last: Option<Look> = None;
        loop {
            let (look, waiting_for) = match self.look(dependencies, reader).await {
                Ok(look) => {
                    recorder.remark(
                        "run",
                        Body::Sample(Sample {
                            counters: look.counters.iter().map(|c| (c.name.to_owned(), c.value)).collect(),
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

    async fn look(&self, dependencies: &Dependencies, reader: &Reader) -> Result<Look, RunError> {
        let mut counters = dependencies.counters(&self.manifest.dependencies, &self.names).await?;
        let snapshot = reader.snapshot().await?;
        counters.push(Counter {
            name: "rows",
            value: i64::try_from(count(&snapshot)).unwrap_or(i64::MAX),
            zero_at_rest: false,
        });
        Ok(Look {
            counters,
            rows: fingerprint(&snapshot),
        })
    }
}

impl Look {
    /// What is not at rest, in words; empty when everything is.
    fn unrest(&self, last: Option<&Look>) -> String {
        let waiting = self.counters.iter().filter(|c| c.zero_at_rest && c.value != 0);
        let mut moving: Vec<String> = waiting.map(|c| format!("{} {}", c.name, c.value)).collect();
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
            counters: vec![Counter {
                name: "lag",
                value: lag,
                zero_at_rest: true,
            }],
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

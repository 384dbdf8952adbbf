//! Watches the parties of a run: a service that ends by itself is started again, as its manifest says, and what somebody
//! else has removed ends the run.
//!
//! The pause before a restart doubles, as Kubernetes' does, within bounds that fit a run of half a minute. It must never
//! start what a fault has stopped, or call a party removed that was looked for only once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paytwice_checkers::history::{Body, Kind, Process};
use paytwice_checkers::run::ENDED_BY_ITSELF;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::Manifest;
use crate::plan::manifest::Restart;
use crate::record::Recorder;
use crate::stack::{Evidence, ExitInfo, Fallen, Stack, StackError};
use crate::sut::{Notice, Observer};

/// How often the parties are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The pause before the first restart.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// After so long a life the pauses begin anew.
const STEADY: Duration = Duration::from_secs(10);
/// A service that ends so soon, while nothing is broken and before anything has succeeded, was never set up.
const SET_UP: Duration = Duration::from_secs(5);
/// So many ends without a steady life, while nothing is broken, and a service is given up.
const ENDS_MAX: u32 = 4;

/// The parties of one run, and how they fare.
pub(super) struct Watch {
    stack: Arc<dyn Stack>,
    recorder: Recorder,
    observer: Observer,
    /// Parties of services by name.
    services: BTreeMap<String, Restart>,
    lives: Mutex<BTreeMap<String, Life>>,
    /// Whether no fault can be in force.
    calm: AtomicBool,
}

/// Why a run cannot go on.
pub(super) struct Gone {
    /// Who is gone, and why.
    pub(super) error: StackError,
    /// Whether it was never there: what there is of the run is nothing to judge.
    pub(super) never_set_up: bool,
}

impl Gone {
    fn for_good(error: StackError) -> Gone {
        Gone {
            error,
            never_set_up: false,
        }
    }
}

/// What becomes of a party that has ended once.
#[derive(Clone, Copy, Debug)]
struct Life {
    /// How often it has ended since its life was steady last.
    ends: u32,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It ended, and is started again then; never where nobody is to start it.
    Down(Option<Instant>),
    /// It is being started.
    Starting,
    /// It runs since.
    Up(Instant),
}

type Started = (String, Result<Evidence, StackError>);

impl Watch {
    pub(super) fn new(stack: &Arc<dyn Stack>, manifest: &Manifest, recorder: &Recorder, observer: &Observer) -> Watch {
        let services = manifest.services.iter();
        let parties = services.flat_map(|(name, service)| {
            let parties = service.parties(name).into_iter();
            parties.map(|party| (party, service.restart))
        });
        Watch {
            stack: Arc::clone(stack),
            recorder: recorder.clone(),
            observer: observer.clone(),
            services: parties.collect(),
            lives: Mutex::default(),
            calm: AtomicBool::new(true),
        }
    }

    /// Faults may be in force from now on: what ends may end for them.
    pub(super) fn faults_begin(&self) {
        self.calm.store(false, Ordering::Relaxed);
    }

    /// Every fault is over: what ends now ends by itself, and counts from here.
    pub(super) fn faults_end(&self) {
        self.lives().values_mut().for_each(|life| life.ends = 0);
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Waits until a party has ended or is gone, while nothing of the run has begun yet.
    pub(super) async fn first_end(&self) -> StackError {
        let mut missing = BTreeSet::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for fallen in self.look().await {
                match fallen {
                    Fallen::Ended(party) => {
                        if let Ok(Some(exit)) = self.stack.exit_info(&party).await {
                            return StackError::died(exit);
                        }
                    }
                    Fallen::Removed { party, container } if !missing.insert(party.clone()) => {
                        return StackError::Removed { party, container };
                    }
                    Fallen::Removed { .. } => {}
                }
            }
        }
    }

    /// Starts services again that end, until a run cannot go on. `young` says whether it has not really begun yet.
    pub(super) async fn keep_up(&self, young: impl Fn(Duration) -> bool) -> Gone {
        let begun = Instant::now();
        let mut starting: JoinSet<Started> = JoinSet::new();
        let mut missing = BTreeSet::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            while let Some(started) = starting.try_join_next() {
                if let Ok((party, started)) = started {
                    self.started(&party, started);
                }
            }
            let mut seen = BTreeSet::new();
            for fallen in self.look().await {
                match fallen {
                    Fallen::Ended(party) if begun.elapsed() < SET_UP && young(begun.elapsed()) => {
                        if let Ok(Some(exit)) = self.stack.exit_info(&party).await {
                            return Gone {
                                error: StackError::died(exit),
                                never_set_up: true,
                            };
                        }
                    }
                    Fallen::Ended(party) if self.ended(&party).await => {
                        let stack = Arc::clone(&self.stack);
                        starting.spawn(async move {
                            let started = stack.bring_back(&party).await;
                            (party, started)
                        });
                    }
                    Fallen::Ended(party) => {
                        if self.is_hopeless(&party)
                            && let Ok(Some(exit)) = self.stack.exit_info(&party).await
                        {
                            return Gone::for_good(StackError::died(exit));
                        }
                    }
                    Fallen::Removed { party, container } if missing.contains(&party) => {
                        return Gone::for_good(StackError::Removed { party, container });
                    }
                    Fallen::Removed { party, .. } => {
                        seen.insert(party);
                    }
                }
            }
            missing = seen;
        }
    }

    /// Whether a service ends again and again though nothing is broken.
    fn is_hopeless(&self, party: &str) -> bool {
        self.calm.load(Ordering::Relaxed) && self.life(party).is_some_and(|life| life.ends >= ENDS_MAX)
    }

    /// Writes down the end of a party that nobody asked for, unless it is on record.
    pub(super) async fn note(&self, party: &str) {
        if let Some(Life {
            state: State::Down(_) | State::Starting,
            ..
        }) = self.life(party)
        {
            return;
        }
        let Ok(Some(exit)) = self.stack.exit_info(party).await else {
            return;
        };
        let ends = match self.life(party) {
            Some(Life {
                ends,
                state: State::Up(since),
            }) if since.elapsed() < STEADY => ends + 1,
            _ => 1,
        };
        let restart = self.restart(party);
        let next = (restart == Some(Restart::Always)).then(|| Instant::now() + pause(ends));
        self.put(
            party,
            Life {
                ends,
                state: State::Down(next),
            },
        );
        let what = match restart {
            Some(Restart::Always) => format!("started again after {:.1} s", pause(ends).as_secs_f64()),
            Some(Restart::Never) => "its manifest says restart = \"never\"".to_owned(),
            None => "started again when faults are healed".to_owned(),
        };
        self.tell(exit, &what);
    }

    /// A party that had ended was started by somebody else in this run.
    pub(super) fn is_back(&self, party: &str) {
        if let Some(life) = self.life(party) {
            self.put(
                party,
                Life {
                    state: State::Up(Instant::now()),
                    ..life
                },
            );
        }
    }

    /// How a service that ended is treated; none for a party of a dependency.
    pub(super) fn restart(&self, party: &str) -> Option<Restart> {
        self.services.get(party).copied()
    }

    /// Whether a party that has ended is to be started now.
    async fn ended(&self, party: &str) -> bool {
        match self.life(party) {
            Some(Life {
                ends,
                state: State::Down(Some(next)),
            }) if next <= Instant::now() => {
                self.put(
                    party,
                    Life {
                        ends,
                        state: State::Starting,
                    },
                );
                true
            }
            Some(Life {
                state: State::Down(_) | State::Starting,
                ..
            }) => false,
            _ => {
                self.note(party).await;
                false
            }
        }
    }

    fn started(&self, party: &str, started: Result<Evidence, StackError>) {
        let Some(life) = self.life(party) else { return };
        match started {
            Ok(evidence) => {
                self.put(
                    party,
                    Life {
                        state: State::Up(Instant::now()),
                        ..life
                    },
                );
                self.observer
                    .tell(Notice::Warning(format!("{party} started again: {}", evidence.seen)));
                let body = serde_json::json!({ "party": party, "seen": evidence.seen });
                self.recorder
                    .remark("run", Body::Other("started-again".to_owned(), body));
            }
            Err(StackError::Died { party, code, log, .. }) => {
                let ends = life.ends + 1;
                let next = Instant::now() + pause(ends);
                self.put(
                    &party,
                    Life {
                        ends,
                        state: State::Down(Some(next)),
                    },
                );
                let exit = ExitInfo {
                    party,
                    code,
                    out_of_memory: false,
                    log,
                };
                self.tell(exit, &format!("started again after {:.1} s", pause(ends).as_secs_f64()));
            }
            Err(e) => {
                let ends = life.ends + 1;
                let next = Instant::now() + pause(ends);
                self.put(
                    party,
                    Life {
                        ends,
                        state: State::Down(Some(next)),
                    },
                );
                self.observer
                    .tell(Notice::Warning(format!("{party} cannot be started again: {e}")));
            }
        }
    }

    fn tell(&self, exit: ExitInfo, what: &str) {
        let warning = format!("{} ended by itself, exit code {}: {what}", exit.party, exit.code);
        self.observer.tell(Notice::Warning(warning));
        let body = serde_json::json!({ "party": exit.party, "code": exit.code });
        let body = Body::Other(ENDED_BY_ITSELF.to_owned(), body);
        self.recorder
            .record(Process::Named("run".into()), Kind::Info, body, Some(exit.log));
    }

    /// What cannot be looked at now is looked at again.
    async fn look(&self) -> Vec<Fallen> {
        match self.stack.fallen().await {
            Ok(fallen) => fallen,
            Err(e) => {
                tracing::debug!("the parties cannot be looked at: {e}");
                Vec::new()
            }
        }
    }

    fn life(&self, party: &str) -> Option<Life> {
        self.lives().get(party).copied()
    }

    fn put(&self, party: &str, life: Life) {
        self.lives().insert(party.to_owned(), life);
    }

    fn lives(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Life>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause before the restart after so many ends in a row.
fn pause(ends: u32) -> Duration {
    let doublings = ends.saturating_sub(1).min(16);
    PAUSE_MAX.min(PAUSE_MIN * 2u32.pow(doublings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let pauses: Vec<u128> = (1..=6).map(|ends| pause(ends).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }
}

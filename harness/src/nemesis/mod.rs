//! The nemesis: carries out the fault schedule of a plan, and heals everything at the end.
//!
//! Every fault runs on its own, so that several are in force at once; each step is written down as it happens. It
//! must never leave a fault in force: whatever ends the schedule, each fault that began is ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paytwice_checkers::history::{Body, FaultStage, FaultStep};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fault::{self, Evidence, Fault, FaultError};
use crate::plan::{FaultSpec, PlannedFault};
use crate::sut::{Notice, RunningTarget};

/// What the nemesis did, and whether all of it is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Faults that began.
    pub begun: usize,
    /// Faults that were seen to take effect.
    pub seen: usize,
    /// Faults that could not be healed, with the reason.
    pub not_healed: Vec<String>,
}

/// A schedule at work.
pub struct Nemesis {
    stop: watch::Sender<bool>,
    faults: JoinSet<FaultEnd>,
    in_force: InForce,
    /// Rules at points that have not met their frame yet.
    unmet: watch::Sender<usize>,
}

/// Faults in force, for whoever shows them.
pub type InForce = Arc<Mutex<BTreeMap<u32, String>>>;

struct FaultEnd {
    begun: bool,
    seen: bool,
    not_healed: Option<String>,
}

impl Nemesis {
    /// Starts the schedule now.
    pub fn start(target: &Arc<RunningTarget>, schedule: &[PlannedFault], seed: u64) -> Nemesis {
        let (stop, _) = watch::channel(false);
        let at_points = schedule
            .iter()
            .filter(|planned| matches!(planned.fault, FaultSpec::Rule(_)));
        let (unmet, _) = watch::channel(at_points.count());
        let in_force = InForce::default();
        let mut faults = JoinSet::new();
        let began = Instant::now();
        for planned in schedule {
            let one = Scheduled {
                target: Arc::clone(target),
                planned: planned.clone(),
                stop: stop.subscribe(),
                in_force: Arc::clone(&in_force),
                unmet: unmet.clone(),
            };
            // Each fault draws from its own seed: one fault more or less changes no other.
            let seed = seed ^ (u64::from(planned.id) << 32);
            faults.spawn(one.carry_out(began, seed));
        }
        Nemesis {
            stop,
            faults,
            in_force,
            unmet,
        }
    }

    /// What is in force at this moment.
    pub fn in_force(&self) -> InForce {
        Arc::clone(&self.in_force)
    }

    /// Waits until every rule at a point has met its frame: what clients began may still be on its way.
    pub async fn rules_met(&self) {
        // An error would mean that nobody counts any more; the sender is this very nemesis.
        let _ = self.unmet.subscribe().wait_for(|unmet| *unmet == 0).await;
    }

    /// Ends what is in force, begins nothing more, and waits until everything is seen to be healed.
    pub async fn heal(mut self) -> Outcome {
        let _ = self.stop.send(true);
        let mut outcome = Outcome::default();
        while let Some(end) = self.faults.join_next().await {
            match end {
                Ok(end) => {
                    outcome.begun += usize::from(end.begun);
                    outcome.seen += usize::from(end.seen);
                    outcome.not_healed.extend(end.not_healed);
                }
                Err(e) => outcome.not_healed.push(format!("a fault's task broke: {e}")),
            }
        }
        outcome
    }
}

struct Scheduled {
    target: Arc<RunningTarget>,
    planned: PlannedFault,
    stop: watch::Receiver<bool>,
    in_force: InForce,
    unmet: watch::Sender<usize>,
}

impl Scheduled {
    async fn carry_out(mut self, began: Instant, seed: u64) -> FaultEnd {
        let mut end = FaultEnd {
            begun: false,
            seen: false,
            not_healed: None,
        };
        let at = began + Duration::from_millis(self.planned.at_ms);
        if self.stopped_before(at).await {
            let never = "never begun: the workload was over before its time";
            self.step(FaultStage::Failed, &Evidence::words(never));
            return end;
        }
        let mut fault = fault::make(&self.planned.fault, seed);
        self.step(FaultStage::Asked, &Evidence::words(self.planned.fault.to_string()));
        end.begun = true;
        let until = Instant::now() + Duration::from_millis(self.planned.for_ms);
        match fault.begin(&self.target).await {
            Ok(evidence) => {
                self.step(FaultStage::Done, &evidence);
                let named = match &self.planned.fault {
                    // What it does was said when it was asked for.
                    FaultSpec::Rule(_) => format!("rule #{}", self.planned.id),
                    fault => fault.to_string(),
                };
                self.shown().insert(self.planned.id, named);
                end.seen = self.watch(fault.as_mut(), until).await;
            }
            Err(e) => self.step(FaultStage::Failed, &Evidence::words(e.to_string())),
        }
        // Even a fault whose beginning failed may have been done in part.
        self.step(FaultStage::Healing, &Evidence::default());
        let healed = fault.end(&self.target).await;
        self.shown().remove(&self.planned.id);
        end.not_healed = self.close(healed);
        end
    }

    /// Keeps the fault in force until its time is over, and says whether it was seen.
    async fn watch(&mut self, fault: &mut dyn Fault, until: Instant) -> bool {
        let target = Arc::clone(&self.target);
        let mut stop = self.stop.clone();
        let over = async {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        };
        tokio::pin!(over);
        let seen = tokio::select! {
            biased;
            seen = fault.seen(&target) => Some(seen),
            () = &mut over => None,
        };
        match seen {
            Some(Ok(evidence)) => {
                self.step(FaultStage::Seen, &evidence);
                if let FaultSpec::Rule(_) = self.planned.fault {
                    self.unmet.send_modify(|unmet| *unmet -= 1);
                }
                match fault.after_seen() {
                    // Its own time counts from here; the end of the schedule still ends it.
                    Some(time) => tokio::select! {
                        () = tokio::time::sleep(time) => {}
                        () = &mut over => {}
                    },
                    None => over.await,
                }
                true
            }
            Some(Err(e)) => {
                self.step(FaultStage::Failed, &Evidence::words(e.to_string()));
                over.await;
                false
            }
            None => {
                let nothing = "in force to its end, but nothing that it could act on came along";
                self.step(FaultStage::Failed, &Evidence::words(nothing));
                false
            }
        }
    }

    fn close(&self, healed: Result<Evidence, FaultError>) -> Option<String> {
        match healed {
            Ok(evidence) => {
                self.step(FaultStage::Healed, &evidence);
                None
            }
            Err(e) => {
                self.step(FaultStage::Failed, &Evidence::words(format!("not healed: {e}")));
                Some(format!("#{} {}: {e}", self.planned.id, self.planned.fault))
            }
        }
    }

    async fn stopped_before(&mut self, at: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(at) => false,
            _ = self.stop.wait_for(|stop| *stop) => true,
        }
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, String>> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, step: FaultStage, evidence: &Evidence) {
        let spec = &self.planned.fault;
        self.target.recorder.remark(
            "nemesis",
            Body::Fault(FaultStep {
                id: self.planned.id,
                fault: spec.kind().to_owned(),
                on: spec.on().to_owned(),
                step,
                detail: evidence.detail.clone(),
                counts: evidence.counts.clone(),
            }),
        );
        let said = if evidence.detail.is_empty() {
            String::new()
        } else {
            format!(", {}", evidence.detail)
        };
        let name = format!("{step:?}").to_lowercase();
        self.target.observer.tell(Notice::Fault(format!(
            "#{} {} {}: {name}{said}",
            self.planned.id,
            spec.kind(),
            spec.on()
        )));
    }
}

/// The faults in force, in words.
pub fn shown(in_force: &InForce) -> Vec<String> {
    in_force
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .values()
        .cloned()
        .collect()
}

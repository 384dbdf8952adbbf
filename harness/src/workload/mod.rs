//! The workload: clients that start subjects and ask about them, as a plan says, through the client links.
//!
//! Subjects are started at their planned times (an open loop: a slow answer does not slow the others down, only the
//! number of clients bounds what is under way). Every call is one operation of the history; a retry is a new one.

mod asking;
mod client;
pub(crate) mod json;
mod members;
mod opening;
mod pace;
mod progress;
mod session;
mod subjects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paytwice_checkers::Undone;
use paytwice_checkers::history::{Body, Kind, Op, Process};
use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use asking::asks;
pub use client::{Answer, Caller, Exchange, Lookup, Lost};
pub use members::Members;
pub use opening::SetUpError;
pub use pace::{Pace, Resting};
pub use progress::Progress;
pub use session::Session;
pub use subjects::{Subject, subjects};

use crate::plan::manifest::Request;
use crate::plan::{Manifest, WorkloadPlan};
use crate::record::Recorder;
use asking::{Asking, Recent};

/// Everything the clients need.
pub struct Workload {
    parts: Parts,
    asking: Vec<Asking>,
    processes: AtomicU64,
    recent: Mutex<Vec<Recent>>,
    /// Clients that have nothing to do at this moment.
    idle: Mutex<Vec<Session>>,
}

/// What a workload is made of.
pub struct Parts {
    /// What to do.
    pub plan: WorkloadPlan,
    /// The seed of the run.
    pub seed: u64,
    /// The target, under the chosen policies.
    pub manifest: Arc<Manifest>,
    /// Where calls go.
    pub caller: Caller,
    /// What is there beforehand.
    pub members: Arc<Members>,
    /// Where everything is written down.
    pub recorder: Recorder,
    /// What a terminal shows.
    pub progress: Arc<Progress>,
    /// Whether new subjects are started.
    pub pace: Pace,
}

impl Workload {
    /// A workload that has not begun.
    pub fn new(parts: Parts) -> Workload {
        Workload {
            asking: asking::of(&parts.manifest),
            parts,
            processes: AtomicU64::new(0),
            recent: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// How it stands.
    pub fn progress(&self) -> &Progress {
        &self.parts.progress
    }

    /// Starts every subject and brings it to its end. Those whose time had passed before a client was free are not
    /// started; how many is written down.
    pub async fn run(self: &Arc<Self>) {
        let began = Instant::now();
        let Parts {
            plan, seed, manifest, ..
        } = &self.parts;
        let all = subjects(manifest, plan, *seed);
        let planned = all.len() as u64;
        let todo = Arc::new(Mutex::new(all.into_iter()));
        let mut tasks = JoinSet::new();
        for n in 0..plan.clients {
            let (this, todo) = (Arc::clone(self), Arc::clone(&todo));
            tasks.spawn(async move { this.work(n, &todo, began).await });
        }
        join_all(tasks).await;
        let begun = self.progress().counts().begun;
        if begun < planned {
            let body = serde_json::json!({ "subjects": planned - begun });
            self.parts
                .recorder
                .remark("run", Body::Other("not-begun".to_owned(), body));
        }
        if plan.ends_early {
            return;
        }
        // It lasts as long as planned, also when the last subject ended early: faults have their times in it.
        tokio::time::sleep_until(began + Duration::from_millis(plan.time_ms)).await;
    }

    /// Drives the repairing actions for each of these subjects until one answers ok. Subjects that no action repairs stay
    /// as they are.
    pub async fn repair(self: &Arc<Self>, undone: Vec<Undone>, deadline: Instant) {
        let todo = Arc::new(Mutex::new(undone.into_iter()));
        let mut tasks = JoinSet::new();
        for _ in 0..self.parts.plan.clients {
            let (this, todo) = (Arc::clone(self), Arc::clone(&todo));
            tasks.spawn(async move {
                let mut client = this.client();
                while let Some(undone) = take(&todo) {
                    this.repair_one(&mut client, undone, deadline).await;
                }
                this.leave(client);
            });
        }
        join_all(tasks).await;
    }

    async fn repair_one(&self, client: &mut Session, undone: Undone, deadline: Instant) {
        let manifest = &self.parts.manifest;
        let of_kind = |action: &crate::plan::manifest::Action| action.repairs.as_ref() == Some(&undone.kind);
        let actions: Vec<_> = manifest.actions.iter().filter(|(_, action)| of_kind(action)).collect();
        let key = manifest
            .subjects
            .get(&undone.kind)
            .and_then(|subject| subject.key.clone());
        let known: BTreeMap<String, String> = undone
            .fields
            .into_iter()
            .chain(key.map(|key| (key, undone.key.clone())))
            .collect();
        for (attempt, (name, action)) in (1..).zip(actions.iter().cycle()) {
            if Instant::now() >= deadline {
                return;
            }
            let Some(request) = action.request() else { return };
            let op = Op {
                action: (*name).into(),
                subject: undone.key.as_str().into(),
                attempt,
                repair: true,
                ..Op::default()
            }
            .asking(asking::filled(action, &known));
            if self.operate(client, &request, op).await.kind == Kind::Ok {
                return;
            }
            tokio::time::sleep(Duration::from_millis(self.retry_after_ms(action))).await;
        }
    }

    async fn work(&self, n: u32, todo: &Mutex<std::vec::IntoIter<Subject>>, began: Instant) {
        let plan = &self.parts.plan;
        let mut client = self.client();
        let mut rng = asking::stream_of(self.parts.seed, n);
        let end = began + Duration::from_millis(plan.time_ms);
        while let Some(subject) = take(todo) {
            tokio::time::sleep_until(began + Duration::from_millis(subject.at_ms)).await;
            // Late ones are made up for after a rest, unless the time is over by then.
            let free = tokio::time::timeout_at(end, self.parts.pace.free()).await;
            if free.is_err() || Instant::now() >= end {
                break;
            }
            self.start(&mut client, &subject).await;
            if rng.random_bool(plan.ask.clamp(0.0, 1.0)) {
                self.ask(&mut client, &mut rng).await;
            }
        }
        self.leave(client);
    }

    /// One subject: tried until its outcome is known or its client gives up.
    async fn start(&self, client: &mut Session, subject: &Subject) {
        self.progress().begun.fetch_add(1, Ordering::Relaxed);
        let Some(action) = self.parts.manifest.actions.get(&subject.action) else {
            return;
        };
        let attempts = self.parts.plan.attempts.unwrap_or(action.retry.attempts);
        let attempts = if subject.patient { attempts } else { 1 };
        let mut pause = Duration::from_millis(self.retry_after_ms(action));
        let mut attempt = 0;
        let outcome = loop {
            attempt += 1;
            let outcome = self.send(client, subject, attempt, None).await;
            if outcome != Kind::Info || attempt >= attempts {
                break outcome;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        };
        if outcome != Kind::Ok {
            return;
        }
        if subject.repeat {
            // Same key, same payload, though the answer is known: it must be the same answer again.
            self.send(client, subject, attempt + 1, None).await;
        }
        // Only after a definite answer: a key that is not recorded yet may be used with any payload.
        if let Some(change) = &subject.conflict {
            self.send(client, subject, 1, Some(change)).await;
        }
    }

    /// One attempt to start a subject, or a later request with its key and another value of one field.
    async fn send(
        &self,
        client: &mut Session,
        subject: &Subject,
        attempt: u32,
        change: Option<&(String, String)>,
    ) -> Kind {
        let Some(request) = self
            .parts
            .manifest
            .actions
            .get(&subject.action)
            .and_then(|action| action.request())
        else {
            return Kind::Fail;
        };
        let mut args = subject.args();
        args.extend(change.cloned());
        let op = Op {
            action: subject.action.as_str().into(),
            subject: subject.name.as_str().into(),
            attempt,
            changed: change.iter().map(|(field, _)| field.clone()).collect(),
            ..Op::default()
        }
        .asking(args);
        let answer = self.operate(client, &request, op).await;
        self.progress().answered(answer.kind);
        if change.is_none() {
            self.remember(subject, attempt, &answer);
        }
        answer.kind
    }

    /// One operation, from its beginning to its end.
    async fn operate(&self, client: &mut Session, request: &Request<'_>, op: Op) -> Answer {
        self.operate_once(client, request, op, false).await
    }

    /// [`Workload::operate`]. With `once` it is done as well where an earlier statement, whose answer was lost, has done it.
    async fn operate_once(&self, client: &mut Session, request: &Request<'_>, mut op: Op, once: bool) -> Answer {
        let recorder = &self.parts.recorder;
        let learned = client.answers();
        let args = op.args.clone();
        let lookup = |name: &str| {
            args.get(name)
                .map(ToString::to_string)
                .or_else(|| learned.get(name).cloned())
        };
        recorder.record(
            Process::Client(client.process),
            Kind::Invoke,
            Body::Op(op.clone()),
            None,
        );
        let mut answer = self.parts.caller.call(request, &lookup, client).await;
        if answer.duplicate && once {
            (answer.kind, answer.error) = (Kind::Ok, None);
        }
        op.status = answer.status;
        op.unsent = answer.unsent;
        let parts = answer.parts.iter();
        op.answer = parts.map(|(name, said)| (name.into(), said.into())).collect();
        let ended = Body::Op(op);
        recorder.record(
            Process::Client(client.process),
            answer.kind,
            ended,
            answer.error.clone(),
        );
        if answer.kind == Kind::Info {
            client.process = self.next_process();
        }
        answer
    }

    fn retry_after_ms(&self, action: &crate::plan::manifest::Action) -> u64 {
        self.parts.plan.retry_after_ms.unwrap_or(action.retry.after.0)
    }

    /// A client that has nothing to do, or a new one.
    fn client(&self) -> Session {
        let idle = locked(&self.idle).pop();
        idle.unwrap_or_else(|| Session::new(self.next_process()))
    }

    /// A client has nothing to do any more.
    fn leave(&self, client: Session) {
        locked(&self.idle).push(client);
    }

    fn next_process(&self) -> u64 {
        self.processes.fetch_add(1, Ordering::Relaxed)
    }
}

/// Waits for all. A client that panicked is a bug of ours that must not pass for a client with nothing to do.
async fn join_all(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(e) = ended
            && e.is_panic()
        {
            std::panic::resume_unwind(e.into_panic());
        }
    }
}

fn take<T>(todo: &Mutex<std::vec::IntoIter<T>>) -> Option<T> {
    locked(todo).next()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

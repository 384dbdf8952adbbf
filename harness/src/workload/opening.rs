//! Before the workload: actions that set up each client, and the opening of what is there beforehand; some of it only
//! while the workload runs.

use std::sync::Arc;
use std::time::Duration;

use paytwice_checkers::history::{Kind, Op};
use tokio::time::Instant;

use super::session::Session;
use super::{Answer, Workload};
use crate::plan::manifest::{Request, open_action};

/// Pause between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// Why something could not be set up or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SetUpError {
    /// The key of the manifest.
    pub key: String,
    /// What was said.
    pub problem: String,
    /// Whether the manifest must be changed for it.
    pub is_users: bool,
}

impl Workload {
    /// Has every client carry out the actions that set up.
    pub async fn set_up(self: &Arc<Self>, deadline: Instant) -> Result<(), SetUpError> {
        let actions = &self.parts.manifest.actions;
        if !actions.values().any(|action| action.sets_up) {
            return Ok(());
        }
        // One more than work at a time: it opens what is opened late.
        let clients = (0..=self.parts.plan.clients).map(|n| async move {
            let mut client = Session::new(self.next_process());
            for (name, action) in actions.iter().filter(|(_, action)| action.sets_up) {
                let Some(request) = action.request() else { continue };
                let op = Op {
                    action: name.into(),
                    subject: format!("client-{n}").into(),
                    ..Op::default()
                };
                let key = format!("actions.{name}");
                let answer = self.insist(&mut client, &request, op, true, deadline).await;
                let answer = answer.map_err(|answer| error(key, "a client cannot be set up", &answer))?;
                client.keep_answers(name, &answer.parts);
            }
            self.leave(client);
            Ok(())
        });
        futures_util::future::try_join_all(clients).await.map(|_| ())
    }

    /// Opens what is there from the beginning.
    pub async fn open_early(&self, deadline: Instant) -> Result<(), SetUpError> {
        self.open(true, deadline).await
    }

    /// Opens what comes late, from a third of the workload on.
    pub async fn open_late(&self, deadline: Instant) -> Result<(), SetUpError> {
        let mut kinds = self
            .parts
            .manifest
            .subjects
            .iter()
            .filter(|(_, subject)| subject.open.is_some());
        if kinds.all(|(kind, _)| self.parts.members.to_open(kind, false).is_empty()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(self.parts.plan.time_ms / 3)).await;
        self.open(false, deadline).await
    }

    async fn open(&self, early: bool, deadline: Instant) -> Result<(), SetUpError> {
        let mut client = self.client();
        for (kind, subject) in &self.parts.manifest.subjects {
            let Some(request) = subject.open.as_ref().and_then(|open| open.request()) else {
                continue;
            };
            for member in self.parts.members.to_open(kind, early).to_vec() {
                let op = Op {
                    action: open_action(kind).into(),
                    subject: member.as_str().into(),
                    ..Op::default()
                }
                .asking([(kind, &member)]);
                let answer = self.insist(&mut client, &request, op, early, deadline).await;
                answer.map_err(|answer| {
                    error(
                        format!("subjects.{kind}.open"),
                        &format!("{member} cannot be opened"),
                        &answer,
                    )
                })?;
                self.parts.members.opened(kind);
            }
        }
        self.leave(client);
        Ok(())
    }

    /// Tries an operation until it is done; past the deadline, its last answer. While nothing is broken yet (`early`), a
    /// refusal is not tried again.
    async fn insist(
        &self,
        client: &mut Session,
        request: &Request<'_>,
        op: Op,
        early: bool,
        deadline: Instant,
    ) -> Result<Answer, Answer> {
        let mut attempt = 1;
        loop {
            let op = Op { attempt, ..op.clone() };
            let answer = self.operate_once(client, request, op, true).await;
            if answer.kind == Kind::Ok {
                return Ok(answer);
            }
            if Instant::now() >= deadline || (early && is_refused(&answer)) {
                return Err(answer);
            }
            attempt += 1;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// Whether asking again changes nothing.
fn is_refused(answer: &Answer) -> bool {
    let refused = answer.status.is_some_and(|status| (400..500).contains(&status));
    refused || (answer.kind == Kind::Fail && answer.status.is_none())
}

fn error(key: String, what: &str, answer: &Answer) -> SetUpError {
    SetUpError {
        key,
        problem: format!("{what}: {}", answer.error.as_deref().unwrap_or("no reason was given")),
        is_users: is_refused(answer),
    }
}

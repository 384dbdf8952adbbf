//! Views: rows of the target at certain moments, straight from the databases, or from services that show nothing else.
//!
//! They bypass links, so no fault of a link touches them. A view is whole or it is an error: it must never show some
//! rows and say that these were all.

mod columns;
mod http;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use paytwice_checkers::history::{Body, Header, Kind, Moment, Process, Rows, View};
use tokio::time::Instant;

use crate::dependency::{Databases, StatementError};
use crate::plan::Manifest;
use crate::plan::manifest::{self, Request};
use crate::record::Recorder;
use crate::workload::Members;

/// Pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(300);

/// Why a view was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("views.{view}: {reason}")]
pub struct ReadError {
    /// The view.
    pub view: String,
    /// What was said, or what is missing.
    pub reason: String,
    /// Whether reading again changes nothing, unless something else changes.
    pub lasts: bool,
}

/// Why reads at the beginning did not succeed.
#[derive(Debug)]
pub enum FirstReadError {
    /// The manifest must be changed: what is wrong, with the keys.
    Manifest(Vec<String>),
    /// Something did not answer.
    Read(ReadError),
}

/// Rows of views at one moment, by view.
pub type Snapshot = BTreeMap<String, Rows>;

/// The views of a run, and where they are read.
pub struct Reader {
    /// In the order in which they are read.
    views: Vec<(String, manifest::View)>,
    header: Header,
    databases: Databases,
    services: http::Services,
    members: Arc<Members>,
}

impl Reader {
    /// `services` holds the address of each service past its links.
    pub fn new(
        manifest: &Manifest,
        databases: Databases,
        services: BTreeMap<String, Vec<String>>,
        members: Arc<Members>,
    ) -> Result<Reader, reqwest::Error> {
        let header = manifest.header();
        let mut views: Vec<(String, manifest::View)> = manifest.views.clone().into_iter().collect();
        // What is recorded comes last: of a target that still moves, an effect is then never seen without the record that
        // came before it.
        let recorded = columns::recorded(&header);
        views.sort_by_key(|(name, _)| recorded.contains(name));
        Ok(Reader {
            views,
            header,
            databases,
            services: http::Services::new(services)?,
            members,
        })
    }

    /// Reads every view once, so that a view that cannot be read is known before anything is begun; records those that
    /// are to be read now.
    pub async fn first(&self, recorder: &Recorder, deadline: Instant) -> Result<(), FirstReadError> {
        let mut problems = Vec::new();
        for (name, view) in &self.views {
            let rows = loop {
                match self.read(name, view).await {
                    Ok(rows) => break Some(rows),
                    Err(e) if e.lasts => {
                        problems.push(e.to_string());
                        break None;
                    }
                    Err(e) if Instant::now() >= deadline => return Err(FirstReadError::Read(e)),
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            };
            let Some(rows) = rows else { continue };
            let has = self.columns(view, &rows).await;
            problems.extend(columns::missing(&self.header, name, view, has.as_deref()));
            if view.at.contains(&Moment::Initial) {
                record(recorder, name, Moment::Initial, Ok(rows));
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(FirstReadError::Manifest(problems)),
        }
    }

    /// Reads the views of a moment, again and again until all are whole, and records them.
    ///
    /// Past the deadline a failure is recorded in the place of what could not be read, so that no checker takes the
    /// history for whole.
    pub async fn record(&self, at: Moment, recorder: &Recorder, deadline: Instant) -> Result<Snapshot, ReadError> {
        loop {
            let mut snapshot = Snapshot::new();
            let mut failed = Vec::new();
            for (name, view) in self.at(&[at]) {
                match self.read(name, view).await {
                    Ok(rows) => drop(snapshot.insert(name.clone(), rows)),
                    Err(e) => failed.push(e),
                }
            }
            if !failed.is_empty() && Instant::now() < deadline {
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            }
            for (name, rows) in &snapshot {
                record(recorder, name, at, Ok(rows.clone()));
            }
            for e in &failed {
                record(recorder, &e.view, at, Err(e.reason.clone()));
            }
            return match failed.into_iter().next() {
                None => Ok(snapshot),
                Some(e) => Err(e),
            };
        }
    }

    /// Reads once every view that shows whether the target has come to rest.
    pub async fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let mut snapshot = Snapshot::new();
        for (name, view) in self.at(&[Moment::Rest, Moment::AfterRepair, Moment::Final]) {
            snapshot.insert(name.clone(), self.read(name, view).await?);
        }
        Ok(snapshot)
    }

    /// Looks at the views that are read while the workload runs, each as often as it says, for as long as it is polled.
    pub async fn look(&self, recorder: &Recorder) {
        let all = self.views.iter().filter_map(|(name, view)| {
            let every = Duration::from_millis(view.every?.0);
            Some(async move {
                let mut ticks = tokio::time::interval(every);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                // The first tick is now: what there is now was read just before.
                ticks.tick().await;
                loop {
                    ticks.tick().await;
                    let rows = self.read(name, view).await.map_err(|e| e.reason);
                    record(recorder, name, Moment::Look, rows);
                }
            })
        });
        futures_util::future::join_all(all).await;
        // There is none to look at.
        std::future::pending::<()>().await;
    }

    /// The views of any of these moments, in the order in which they are read.
    fn at<'a>(&'a self, moments: &'a [Moment]) -> impl Iterator<Item = &'a (String, manifest::View)> {
        let meant = |view: &manifest::View| view.at.iter().any(|at| moments.contains(at));
        self.views.iter().filter(move |(_, view)| meant(view))
    }

    async fn read(&self, name: &str, view: &manifest::View) -> Result<Rows, ReadError> {
        let read = match view.request() {
            Some(Request::Sql { database, sql }) => self.query(database, sql).await,
            Some(Request::Http(request)) => self.services.rows(view, &request, &self.members).await,
            None => Err(Failure {
                reason: "has neither sql nor call".to_owned(),
                lasts: true,
            }),
        };
        read.map_err(|failure| ReadError {
            view: name.to_owned(),
            reason: failure.reason,
            lasts: failure.lasts,
        })
    }

    async fn query(&self, database: &str, sql: &str) -> Result<Rows, Failure> {
        let Some(held) = self.databases.get(database) else {
            return Err(Failure {
                reason: format!("there is no database {database} in this run"),
                lasts: true,
            });
        };
        held.rows(sql).await.map_err(|e| Failure {
            lasts: matches!(e, StatementError::Refused(_)),
            reason: format!("the database {database} said: {e}"),
        })
    }

    /// The columns of a view; None where nothing tells them.
    async fn columns(&self, view: &manifest::View, rows: &Rows) -> Option<Vec<String>> {
        if !rows.is_empty() {
            return Some(rows.columns().to_vec());
        }
        match view.request()? {
            Request::Sql { database, sql } => self.databases.get(database)?.columns(sql).await.ok()?,
            Request::Http(_) => Some(view.columns.keys().cloned().chain(view.each.clone()).collect()),
        }
    }
}

/// Why rows could not be had, and whether that lasts.
struct Failure {
    reason: String,
    lasts: bool,
}

fn record(recorder: &Recorder, view: &str, at: Moment, rows: Result<Rows, String>) {
    let (kind, rows, error) = match rows {
        Ok(rows) => (Kind::Ok, Some(rows), None),
        Err(reason) => (Kind::Info, None, Some(reason)),
    };
    let body = Body::View(View {
        view: view.to_owned(),
        at,
        rows,
    });
    recorder.record(Process::Named("view".into()), kind, body, error);
}

/// Rows of a snapshot, all views together.
pub fn count(snapshot: &Snapshot) -> usize {
    snapshot.values().map(Rows::len).sum()
}

/// A number that differs where snapshots differ.
pub fn fingerprint(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (view, rows) in snapshot {
        (view, rows.len(), rows.columns()).hash(&mut hasher);
        for row in rows.iter() {
            for column in 0..rows.columns().len() {
                row.at(column).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// The names of a list, for a message.
fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: BTreeSet<&str> = names.into_iter().map(String::as_str).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => Vec::from_iter(names).join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_cells_and_views_apart() {
        let rows = |cells: &[Option<&str>]| {
            let mut rows = Rows::new(["a", "b"]);
            rows.push(cells.iter().copied());
            rows
        };
        let of = |view: &str, cells: &[Option<&str>]| fingerprint(&[(view.to_owned(), rows(cells))].into());
        let one = of("v", &[Some("1"), None]);
        assert_eq!(one, of("v", &[Some("1"), None]));
        assert_ne!(one, of("v", &[Some("1"), Some("")]));
        assert_ne!(one, of("v", &[None, Some("1")]));
        assert_ne!(one, of("w", &[Some("1"), None]));
        assert_eq!(count(&[("v".to_owned(), rows(&[None, None]))].into()), 1);
    }
}

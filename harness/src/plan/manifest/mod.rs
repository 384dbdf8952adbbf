//! The manifest of a target, `target.toml`, typed: what the harness must know to run a target, break it and judge it.
//!
//! One file per section (that of the dependencies is `dependency::manifest`), types and their reading only. Whether the
//! parts of a manifest fit together is decided in `check`; what a chosen policy changes, in `target`. Must never guess: an
//! unknown key, a wrong type or another version is an error.

mod action;
mod header;
mod keys;
mod policy;
mod promise;
mod service;
mod subject;
mod view;
mod workload;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use action::{Action, ActionChange, AnswerAt, Body, Call, HttpRequest, Method, Request, Retry};
pub use header::open_action;
pub use keys::Key;
pub use policy::{FieldChange, Policy, PolicyValue, Preset, Provoke};
pub use promise::PromiseDef;
pub use service::{CargoBin, Restart, Service};
pub use subject::{Coded, Field, Maker, Open, Subject};
pub use view::View;
pub use workload::{Stage, Workload};

use super::error::PlanError;
use super::read;
use crate::dependency::manifest::{Database, Dependency, databases};

/// The version of `target.toml` that this build reads.
pub const MANIFEST_VERSION: u32 = 1;

/// A target as its manifest describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Name of the target.
    pub name: String,
    /// One line for listings.
    #[serde(default)]
    pub summary: String,
    /// What the target stands on, by name.
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
    /// The processes under test, by name.
    pub services: BTreeMap<String, Service>,
    /// Decisions that can be taken wrongly on purpose, by name.
    #[serde(default)]
    pub policies: BTreeMap<String, Policy>,
    /// Named choices of several policies at once.
    #[serde(default)]
    pub presets: BTreeMap<String, Preset>,
    /// The keys by which subjects are followed, by name.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// What promises are about, by kind.
    #[serde(default)]
    pub subjects: BTreeMap<String, Subject>,
    /// What clients do, by name.
    pub actions: BTreeMap<String, Action>,
    /// What is read of the target's state, by name.
    #[serde(default)]
    pub views: BTreeMap<String, View>,
    /// What clients do where the user does not say otherwise.
    #[serde(default)]
    pub workload: Workload,
    /// What the target promises: a run is judged by these, and by nothing else.
    #[serde(default)]
    pub promises: Vec<PromiseDef>,
}

impl Manifest {
    /// Reads a manifest; `file` is its name in messages. Does not look at other files.
    pub fn parse(file: &str, text: &str) -> Result<Manifest, PlanError> {
        read::check_version(file, text, MANIFEST_VERSION)?;
        let manifest: Manifest = read::from_toml(file, text)?;
        let problems = super::check::problems(&manifest);
        if problems.is_empty() {
            Ok(manifest)
        } else {
            Err(PlanError::BadFile {
                file: file.to_owned(),
                problems,
            })
        }
    }

    /// Every database with the dependency that holds it.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &str, &Database)> {
        databases(&self.dependencies)
    }

    /// The actions that start subjects, by name.
    pub fn starting(&self) -> impl Iterator<Item = (&str, &Action)> {
        let all = self.actions.iter().map(|(name, action)| (name.as_str(), action));
        all.filter(|(_, action)| action.starts.is_some())
    }

    /// Every HTTP request that clients make: of actions that start subjects first, then of the other actions, of what
    /// is opened, and of views.
    pub fn http_requests(&self) -> Vec<HttpRequest<'_>> {
        let (starts, others): (Vec<&Action>, Vec<&Action>) = self.actions.values().partition(|a| a.starts.is_some());
        let actions = starts.into_iter().chain(others).filter_map(Action::request);
        let opens = self.subjects.values().filter_map(|subject| subject.open.as_ref());
        let views = self.views.values().filter_map(View::request);
        actions
            .chain(opens.filter_map(Open::request))
            .chain(views)
            .filter_map(|request| match request {
                Request::Http(request) => Some(request),
                Request::Sql { .. } => None,
            })
            .collect()
    }
}

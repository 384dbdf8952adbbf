//! Whether the parts of a manifest fit together: every name refers to something, every value makes sense.
//!
//! One file per section. Finds all problems at once, in the order of the manifest's sections. Reads nothing but the
//! manifest.

mod action;
mod dependency;
mod keys;
mod number;
mod policy;
mod promise;
mod request;
mod service;
mod subject;
mod view;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use super::fill::placeholders;
use super::manifest::Manifest;
use super::target::CLIENT;
use crate::dependency::every;

pub(crate) use number::{
    ATTEMPTS, CLIENTS, COUNT_MAX, OP_TIMEOUT_MS, RATE_MAX, RETRY_AFTER_MS, SHARE, STAGES_MAX, SUBJECTS_MAX, TIME_MS,
    is_rate,
};
use paytwice_checkers::names::{did_you_mean, list};

/// Every problem of a manifest: key first, then what to do.
pub(crate) fn problems(manifest: &Manifest) -> Vec<String> {
    let mut check = Check {
        manifest,
        problems: Vec::new(),
    };
    check.names();
    check.dependencies();
    for (name, service) in &manifest.services {
        check.service(name, service);
    }
    for (name, key) in &manifest.keys {
        check.key(name, key);
    }
    for (kind, subject) in &manifest.subjects {
        check.subject(kind, subject);
    }
    check.actions();
    for (name, view) in &manifest.views {
        check.view(name, view);
    }
    check.workload();
    for (name, policy) in &manifest.policies {
        check.policy(name, policy);
    }
    check.presets();
    check.promises();
    let mut said = BTreeSet::new();
    check.problems.retain(|problem| said.insert(problem.clone()));
    check.problems
}

struct Check<'a> {
    manifest: &'a Manifest,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn say(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// `key` names `name`, which must be one of `known`.
    fn refers(&mut self, key: &str, what: &str, name: &str, known: &[&str]) -> bool {
        let found = known.contains(&name);
        if !found {
            let has = list(known.iter().copied());
            let hint = did_you_mean(name, known.iter().copied());
            self.say(format!("{key} refers to {what} {name:?}; this target has {has}{hint}"));
        }
        found
    }

    fn services(&self) -> Vec<&'a str> {
        self.manifest.services.keys().map(String::as_str).collect()
    }

    fn databases(&self) -> Vec<&'a str> {
        self.manifest.databases().map(|(_, name, _)| name).collect()
    }

    /// The kinds of subject that are there beforehand, or those that are started.
    fn kinds(&self, beforehand: bool) -> Vec<&'a str> {
        let kinds = self.manifest.subjects.iter();
        kinds
            .filter(|(_, subject)| subject.is_beforehand() == beforehand)
            .map(|(kind, _)| kind.as_str())
            .collect()
    }

    fn names(&mut self) {
        let manifest = self.manifest;
        if !is_plain(&manifest.name) {
            self.say(format!(
                "name is {:?}; a name is letters, digits, `-` and `_`",
                manifest.name
            ));
        }
        if manifest.services.is_empty() {
            self.say("services is empty: a target has at least one service");
        }
        for name in manifest.services.keys() {
            if manifest.dependencies.contains_key(name) {
                self.say(format!("services.{name} has the name of a dependency; give it another"));
            }
        }
        let parties = manifest.services.keys().map(|name| ("services", name));
        let parties = parties.chain(manifest.dependencies.keys().map(|name| ("dependencies", name)));
        for (section, name) in parties.collect::<Vec<_>>() {
            if name == CLIENT {
                self.say(format!(
                    "{section}.{name}: the name stands for the clients; choose another"
                ));
            }
            self.name(section, name);
        }
        self.section("policies", &manifest.policies);
        self.section("keys", &manifest.keys);
        self.section("subjects", &manifest.subjects);
        self.section("actions", &manifest.actions);
        self.section("views", &manifest.views);
        self.parties();
    }

    /// No two processes have one name: faults would not know which is meant.
    fn parties(&mut self) {
        let manifest = self.manifest;
        let mut owner: BTreeMap<String, String> = BTreeMap::new();
        let services = manifest.services.iter().flat_map(|(name, service)| {
            let parties = service.parties(name).into_iter();
            parties.map(move |party| (party, format!("services.{name}")))
        });
        let dependencies = every(&manifest.dependencies).flat_map(|of| {
            let parties = of.entry.kind.facts().parties(of).into_iter();
            parties.map(move |party| (party.name, format!("dependencies.{}", of.name)))
        });
        for (party, key) in services.chain(dependencies) {
            // A service with the name of a dependency is told of above.
            let told = manifest.services.contains_key(&party) && manifest.dependencies.contains_key(&party);
            if let Some(other) = owner.insert(party.clone(), key.clone())
                && !told
            {
                self.say(format!(
                    "{key} has a process {party:?}, and so has {other}; rename one of them"
                ));
            }
        }
    }

    /// Names that stand in placeholders, histories and on the command line.
    fn section<T>(&mut self, section: &str, named: &'a BTreeMap<String, T>) {
        for name in named.keys() {
            self.name(section, name);
        }
    }

    fn name(&mut self, section: &str, name: &str) {
        if !is_plain(name) {
            self.say(format!("{section}.{name:?}: names are letters, digits, `-` and `_`"));
        }
    }

    /// The placeholders of a string must be among these, where it is known what can be filled in.
    fn filled(&mut self, key: &str, text: &str, known: Option<&[String]>) {
        match (placeholders(text), known) {
            (Err(problem), _) => self.say(format!("{key} {problem}")),
            (Ok(_), None) => {}
            (Ok(names), Some(known)) => {
                for name in names.into_iter().filter(|name| !known.iter().any(|k| k == name)) {
                    let there = known.iter().map(String::as_str);
                    let hint = did_you_mean(name, there.clone());
                    self.say(format!(
                        "{key} has ${{{name}}}; what can be filled in here is {}{hint}",
                        list(there)
                    ));
                }
            }
        }
    }

    fn pointer(&mut self, key: &str, pointer: &str) {
        if !pointer.starts_with('/') {
            self.say(format!(
                "{key} is {pointer:?}; a JSON pointer begins with /, as in \"/{pointer}\""
            ));
        }
    }
}

/// Whether a name is letters, digits, `-` and `_`.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.chars().all(plain)
}

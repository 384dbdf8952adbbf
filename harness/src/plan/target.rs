//! A target on disk: finding it, its links and parties, and what its manifest says once policies are chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use paytwice_checkers::names::{did_you_mean, list};

use super::error::PlanError;
use super::manifest::Manifest;
use crate::dependency::manifest::Database;
use crate::dependency::{Declared, PartyDef, PartyKind, every};
use crate::wire::Protocol;

/// The name of the party that stands for all clients.
pub(crate) const CLIENT: &str = "client";

/// The manifest's file, in the folder of a target.
const MANIFEST: &str = "target.toml";
/// In the folder of a run: where the target that it keeps came from.
const ORIGIN: &str = "origin";

/// A target: its folder and what its manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The folder that holds the manifest and the files that it names.
    pub dir: PathBuf,
    /// The folder that its services are built from: `dir`, unless this is the copy that a run keeps.
    pub home: PathBuf,
    /// The manifest's file.
    pub file: PathBuf,
    /// The manifest, as it stands in the file.
    pub manifest: Manifest,
}

/// A link: who talks to whom, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkDef {
    /// `account->mysql`.
    pub name: String,
    /// The party that connects: one of a service, or `client`.
    pub from: String,
    /// Who listens: a party of a service, or a dependency.
    pub to: String,
    /// The service whose party connects, or `client`.
    pub from_of: String,
    /// The service whose party listens, or the dependency.
    pub to_of: String,
    /// The party that does what the frames of the link ask for.
    pub behind: String,
    /// What is spoken on it.
    pub protocol: Protocol,
}

impl Target {
    /// The target of that name, in `targets/` of this folder or of one above it; or the one at that path.
    pub fn find(name_or_path: &str) -> Result<Target, PlanError> {
        let here = std::env::current_dir().map_err(|source| PlanError::Unreadable {
            file: PathBuf::from("."),
            source,
        })?;
        Target::find_from(&here, name_or_path)
    }

    /// [`Target::find`], beginning at `here`.
    pub fn find_from(here: &Path, name_or_path: &str) -> Result<Target, PlanError> {
        let path = here.join(name_or_path);
        if path.is_file() {
            return Target::load(&path);
        }
        if !name_or_path.is_empty() && path.join(MANIFEST).is_file() {
            return Target::load(&path.join(MANIFEST));
        }
        let plain = !name_or_path.is_empty() && !name_or_path.contains(['/', '\\']) && !name_or_path.starts_with('.');
        let found = here
            .ancestors()
            .map(|above| above.join("targets").join(name_or_path).join(MANIFEST))
            .find(|file| plain && file.is_file());
        match found {
            Some(file) => Target::load(&file),
            None => Err(unknown(here, name_or_path)),
        }
    }

    /// The target of that name or at that path; where none is named, the only one there is.
    pub fn find_or_only(named: Option<&str>) -> Result<Target, PlanError> {
        if let Some(named) = named {
            return Target::find(named);
        }
        match Target::known().as_slice() {
            [only] => Target::find(only),
            // Says which targets there are, or where they are looked for.
            [] => Target::find(""),
            several => {
                let known = list(several.iter().map(String::as_str));
                let problem = format!(
                    "is not named, and there are {known}; name one, as in `paytwice run {}`",
                    several[0]
                );
                Err(PlanError::value("target", problem))
            }
        }
    }

    /// A target whose manifest was not read from a file.
    pub fn new(dir: impl Into<PathBuf>, manifest: Manifest) -> Target {
        let dir = dir.into();
        Target {
            home: dir.clone(),
            file: dir.join(MANIFEST),
            dir,
            manifest,
        }
    }

    /// The names of the targets in `targets/` of this folder and of those above it, sorted.
    pub fn known() -> Vec<String> {
        std::env::current_dir().map_or_else(|_| Vec::new(), |here| known_from(&here))
    }

    /// The target whose manifest is `file`.
    pub fn load(file: &Path) -> Result<Target, PlanError> {
        let text = std::fs::read_to_string(file).map_err(|source| PlanError::Unreadable {
            file: file.to_path_buf(),
            source,
        })?;
        let shown = shown(file);
        let dir = match file.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut target = Target::new(dir, Manifest::parse(&shown, &text)?);
        target.file = file.to_path_buf();
        if let Ok(origin) = std::fs::read_to_string(target.dir.join(ORIGIN)) {
            let origin = PathBuf::from(origin.trim_end());
            target.home = if origin.is_dir() { origin } else { target.dir.clone() };
        }
        let mut problems = schema_problems(&target.dir, &target.manifest);
        if problems.is_empty() {
            problems = target.provoke_problems();
        }
        if problems.is_empty() {
            Ok(target)
        } else {
            Err(PlanError::BadFile { file: shown, problems })
        }
    }

    /// Copies the manifest and the files that it names into a folder, from which [`Target::load`] reads the same target.
    pub fn keep(&self, folder: &Path) -> Result<(), PlanError> {
        let named: BTreeSet<&str> = schemas(&self.manifest).map(|(_, def)| def.schema.as_str()).collect();
        let schemas = named
            .into_iter()
            .map(|schema| (self.dir.join(schema), folder.join(schema)));
        for (from, to) in schemas.chain([(self.file.clone(), folder.join(MANIFEST))]) {
            let parent = to.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::copy(&from, &to))
                .map_err(|source| PlanError::Uncopied { from, to, source })?;
        }
        let home = std::path::absolute(&self.home).unwrap_or_else(|_| self.home.clone());
        let origin = folder.join(ORIGIN);
        std::fs::write(&origin, format!("{}\n", home.display())).map_err(|source| PlanError::Uncopied {
            from: home,
            to: origin,
            source,
        })
    }

    /// Every policy with its value: the chosen one, or its default. Unknown names and values are errors.
    pub fn choose(&self, chosen: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, PlanError> {
        let policies = &self.manifest.policies;
        for (name, value) in chosen {
            let Some(policy) = policies.get(name) else {
                let known = policies.keys().map(String::as_str);
                let hint = did_you_mean(name, known.clone());
                let problem = format!(
                    "{} has no such policy; it has {}{hint}",
                    self.manifest.name,
                    list(known)
                );
                return Err(PlanError::value(format!("policy {name}"), problem));
            };
            if !policy.values.contains_key(value) {
                let known = policy.values.keys().map(String::as_str);
                let hint = did_you_mean(value, known.clone());
                let problem = format!("cannot be {value:?}; it can be {}{hint}", list(known));
                return Err(PlanError::value(format!("policy {name}"), problem));
            }
        }
        let value = |name: &String, default: &String| chosen.get(name).unwrap_or(default).clone();
        Ok(policies
            .iter()
            .map(|(name, p)| (name.clone(), value(name, &p.default)))
            .collect())
    }

    /// The manifest with everything that the chosen policies change; policies that are not named keep their default.
    pub fn effective(&self, chosen: &BTreeMap<String, String>) -> Result<Manifest, PlanError> {
        let mut manifest = self.manifest.clone();
        let mut changed: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in self.choose(chosen)? {
            let change = self.manifest.policies[&name].values[&value].clone();
            let by = format!("{name}={value}");
            let mut once = |what: String| match changed.insert(what.clone(), by.clone()) {
                None => Ok(()),
                Some(other) => Err(PlanError::value(
                    format!("policies {other} and {by}"),
                    format!("both change {what}; choose one of them"),
                )),
            };
            for (name, change) in change.actions {
                once(format!("action {name}"))?;
                if let Some(action) = manifest.actions.get_mut(&name) {
                    change.apply(action);
                }
            }
            for (database, change) in change.databases {
                once(format!("the schema of database {database}"))?;
                for dependency in manifest.dependencies.values_mut() {
                    if let Some(def) = dependency.databases.get_mut(&database) {
                        *def = change.clone();
                    }
                }
            }
            for (kind, fields) in change.fields {
                for (name, change) in fields {
                    once(format!("field {name} of {kind}"))?;
                    let subject = manifest.subjects.get_mut(&kind);
                    if let Some(field) = subject.and_then(|subject| subject.fields.get_mut(&name)) {
                        change.apply(field).map_err(|problem| {
                            PlanError::value(format!("policy {by}, field {name} of {kind},"), problem)
                        })?;
                    }
                }
            }
        }
        Ok(manifest)
    }

    /// Every link: those of the clients first, to each service that they call; then each service's, in the manifest's
    /// order.
    pub fn links(&self) -> Vec<LinkDef> {
        let manifest = &self.manifest;
        let mut links: Vec<LinkDef> = Vec::new();
        for request in manifest.http_requests() {
            let service = &request.call.service;
            for party in self.parties_of(service) {
                let link = LinkDef::to_service((CLIENT, CLIENT), (&party, service));
                if !links.contains(&link) {
                    links.push(link);
                }
            }
        }
        for (name, service) in &manifest.services {
            for (party, n) in service.parties(name).iter().zip(0..) {
                links.extend(service.links.iter().filter_map(|to| self.link(name, party, n, to)));
            }
        }
        links
    }

    /// The link of the n-th party of a service to a dependency, or to a party of another service. Callers are spread
    /// over the parties of the service that they call: the n-th one calls the n-th.
    fn link(&self, service: &str, party: &str, n: usize, to: &str) -> Option<LinkDef> {
        if let Some(of) = self.declared(to) {
            let kind = of.entry.kind.facts();
            return Some(LinkDef {
                name: format!("{party}->{to}"),
                from: party.to_owned(),
                to: to.to_owned(),
                from_of: service.to_owned(),
                to_of: to.to_owned(),
                behind: kind.behind(of),
                protocol: kind.protocol(),
            });
        }
        let called = self.parties_of(to);
        let other = called.get(n % called.len().max(1))?;
        Some(LinkDef::to_service((party, service), (other, to)))
    }

    /// A dependency as the manifest declares it.
    pub(crate) fn declared(&self, name: &str) -> Option<Declared<'_>> {
        every(&self.manifest.dependencies).find(|of| of.name == name)
    }

    /// The names of the parties of a service; none where there is no such service.
    pub(crate) fn parties_of(&self, service: &str) -> Vec<String> {
        let known = self.manifest.services.get(service);
        known.map_or_else(Vec::new, |known| known.parties(service))
    }

    /// How far downstream a service is: what the manifest says, else 1 where clients start subjects and 2 where not.
    pub fn tier(&self, service: &str) -> u32 {
        let said = self.manifest.services.get(service).and_then(|service| service.tier);
        let calls = self.manifest.starting().filter_map(|(_, action)| action.call.as_ref());
        let starting = calls.map(|call| &call.service).any(|called| called == service);
        said.unwrap_or(if starting { 1 } else { 2 })
    }

    /// Every process that can be killed and paused: services first, then those of the dependencies.
    pub fn parties(&self) -> Vec<PartyDef> {
        let manifest = &self.manifest;
        let mut parties = Vec::new();
        for (of, service) in &manifest.services {
            parties.extend(service.parties(of).into_iter().map(|name| PartyDef {
                name,
                kind: PartyKind::Service,
                of: of.clone(),
                has_data: false,
                flush: &[],
                kill_ms: (400, 900),
                pause_ms: (1500, 3000),
                recovery_ms: 1500,
            }));
        }
        for of in every(&manifest.dependencies) {
            parties.extend(of.entry.kind.facts().parties(of));
        }
        parties
    }
}

impl LinkDef {
    /// A link to a party of a service; both ends are given as party and service.
    fn to_service((from, from_of): (&str, &str), (to, to_of): (&str, &str)) -> Self {
        LinkDef {
            name: format!("{from}->{to}"),
            from: from.to_owned(),
            to: to.to_owned(),
            from_of: from_of.to_owned(),
            to_of: to_of.to_owned(),
            behind: to.to_owned(),
            protocol: Protocol::Http,
        }
    }
}

impl fmt::Display for LinkDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Every schema file that a manifest names, with its key.
fn schemas(manifest: &Manifest) -> impl Iterator<Item = (String, &Database)> {
    let own = manifest
        .databases()
        .map(|(dependency, name, def)| (format!("dependencies.{dependency}.databases.{name}.schema"), def));
    let changed = manifest.policies.iter().flat_map(|(policy, p)| {
        p.values.iter().flat_map(move |(value, v)| {
            v.databases
                .iter()
                .map(move |(name, def)| (format!("policies.{policy}.values.{value}.databases.{name}.schema"), def))
        })
    });
    own.chain(changed)
}

/// What is wrong with the schema files: each is a file in the target's folder, so that a target can be copied.
fn schema_problems(dir: &Path, manifest: &Manifest) -> Vec<String> {
    let inside = |path: &str| {
        Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    let problem = |(key, def): (String, &Database)| {
        let what = if !inside(&def.schema) {
            "it must be a path inside the target's folder, without `..`"
        } else if dir.join(&def.schema).is_file() {
            return None;
        } else {
            "there is no such file in the target's folder"
        };
        Some(format!("{key} names {:?}, and {what}", def.schema))
    };
    schemas(manifest).filter_map(problem).collect()
}

/// The file as messages name it: from the current folder where it lies below it.
fn shown(file: &Path) -> String {
    let below = std::env::current_dir().ok();
    let below = below.and_then(|here| file.strip_prefix(here).ok().map(Path::to_path_buf));
    below.unwrap_or_else(|| file.to_path_buf()).display().to_string()
}

fn known_from(here: &Path) -> Vec<String> {
    let mut names: Vec<String> = here
        .ancestors()
        .filter_map(|above| std::fs::read_dir(above.join("targets")).ok())
        .flat_map(|entries| entries.flatten())
        .filter(|entry| entry.path().join(MANIFEST).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn unknown(here: &Path, name: &str) -> PlanError {
    let known = known_from(here);
    let known = known.iter().map(String::as_str);
    let hint = if known.len() == 0 {
        "there is no folder `targets` with a target in it here or above; go to the repository, or give the path of a target.toml"
            .to_owned()
    } else {
        let near = did_you_mean(name, known.clone());
        format!(
            "the targets here are {}{near}; or give the path of a target.toml",
            list(known)
        )
    };
    PlanError::UnknownTarget {
        name: name.to_owned(),
        hint,
    }
}

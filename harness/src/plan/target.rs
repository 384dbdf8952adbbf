//! A target on disk: finding it, its links and parties, and what its manifest says once policies are chosen.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{PlanError, did_you_mean, list};
use super::manifest::{Manifest, Method, OperationOverride};
use crate::dependency::{Declared, every};
use crate::wire::Protocol;

/// The name of the party that stands for all clients.
pub(crate) const CLIENT: &str = "client";

/// A target: its folder and what its manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The folder that holds `target.toml`.
    pub dir: PathBuf,
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

/// A process of a running target that can be killed and paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartyDef {
    /// As users name it: `pay`, `account-2`, or as a kind of dependency names its own.
    pub name: String,
    /// What it is.
    pub kind: PartyKind,
    /// The service or dependency that it belongs to.
    pub of: String,
    /// Whether it has a data directory.
    pub has_data: bool,
    /// When it can be told to write to its disk; the first is the default.
    pub flush: &'static [&'static str],
    /// How long it usually stays killed, milliseconds: from and to.
    pub kill_ms: (u64, u64),
    /// How long it usually stays paused, milliseconds: from and to.
    pub pause_ms: (u64, u64),
    /// How long it takes, roughly, until all is well again once it is started.
    pub recovery_ms: u64,
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartyKind {
    /// A process of a service of the target.
    Service,
    /// Keeps rows.
    Store,
    /// Keeps messages.
    Queue,
    /// Tells others where to find each other; they get on without it for a while.
    Directory,
    /// Anything else.
    Other,
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
        if !name_or_path.is_empty() && path.join("target.toml").is_file() {
            return Target::load(&path.join("target.toml"));
        }
        let plain = !name_or_path.is_empty() && !name_or_path.contains(['/', '\\']) && !name_or_path.starts_with('.');
        let found = here
            .ancestors()
            .map(|above| above.join("targets").join(name_or_path).join("target.toml"))
            .find(|file| plain && file.is_file());
        match found {
            Some(file) => Target::load(&file),
            None => Err(unknown(here, name_or_path)),
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
        let manifest = Manifest::parse(&shown, &text)?;
        let problems = missing_schemas(&dir, &manifest);
        if problems.is_empty() {
            Ok(Target { dir, manifest })
        } else {
            Err(PlanError::BadFile { file: shown, problems })
        }
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
            for (operation, change) in change.operations {
                once(format!("operation {operation}"))?;
                apply(&mut manifest, &operation, change);
            }
            for (database, change) in change.databases {
                once(format!("the schema of database {database}"))?;
                for dependency in manifest.dependencies.values_mut() {
                    if let Some(def) = dependency.databases.get_mut(&database) {
                        *def = change.clone();
                    }
                }
            }
            if let Some(money) = change.money {
                once("money".to_owned())?;
                manifest.money.scale = money.scale.unwrap_or(manifest.money.scale);
                manifest.money.digits = money.digits.unwrap_or(manifest.money.digits);
                manifest.money.base = money.base.unwrap_or(manifest.money.base);
            }
        }
        Ok(manifest)
    }

    /// Every link: clients first, then each service's, in the manifest's order.
    pub fn links(&self) -> Vec<LinkDef> {
        let manifest = &self.manifest;
        let mut links: Vec<LinkDef> = Vec::new();
        for (_, operation) in manifest.http_operations() {
            for party in self.parties_of(&operation.service) {
                let link = LinkDef::to_service((CLIENT, CLIENT), (&party, &operation.service));
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

    /// How far downstream a service is: what the manifest says, else 1 where clients call it and 2 where not.
    pub fn tier(&self, service: &str) -> u32 {
        let said = self.manifest.services.get(service).and_then(|service| service.tier);
        let operations = self.manifest.http_operations();
        let called = operations.iter().any(|(_, operation)| operation.service == service);
        said.unwrap_or(if called { 1 } else { 2 })
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

impl fmt::Display for PartyDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn apply(manifest: &mut Manifest, name: &str, change: OperationOverride) {
    let Some(operation) = manifest.http_operation_mut(name) else {
        return;
    };
    if let Some(method) = change.method {
        operation.method = method;
        if method == Method::Get {
            operation.body = None;
        }
    }
    operation.path = change.path.unwrap_or_else(|| operation.path.clone());
    operation.body = change.body.or_else(|| operation.body.take());
    operation.ok = change.ok.unwrap_or_else(|| operation.ok.clone());
    operation.fail = change.fail.unwrap_or_else(|| operation.fail.clone());
    operation.answer = change.answer.unwrap_or_else(|| operation.answer.clone());
}

fn missing_schemas(dir: &Path, manifest: &Manifest) -> Vec<String> {
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
        .filter(|(_, def)| !dir.join(&def.schema).is_file())
        .map(|(key, def)| {
            format!(
                "{key} names {:?}, and there is no such file in the target's folder",
                def.schema
            )
        })
        .collect()
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
        .filter(|entry| entry.path().join("target.toml").is_file())
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

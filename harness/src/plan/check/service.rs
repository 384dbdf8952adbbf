//! The checks of `[services.NAME]`: where it comes from, its ports, what it is linked to, what its environment refers to.

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::names::{did_you_mean, list};

use super::Check;
use crate::dependency::manifest::Dependency;
use crate::plan::fill::placeholders;
use crate::plan::manifest::Service;

/// A run has links of its own for each.
const REPLICAS_MAX: u32 = 9;
/// More tiers than any target has.
const TIER_MAX: u32 = 9;

impl<'a> Check<'a> {
    pub(super) fn service(&mut self, name: &str, service: &'a Service) {
        let key = format!("services.{name}");
        self.ports(&key, service.port, &service.ports);
        self.ready(&format!("{key}.ready"), &service.ready);
        if service.ports().is_empty() && service.ready.needs_port() {
            self.say(format!(
                "{key}.ready is {:?}, and it has no port; add `port`, or say `ready = {{ log = \"PATTERN\" }}` or \
                 `{{ command = [...] }}`",
                service.ready.to_string()
            ));
        }
        if !(1..=REPLICAS_MAX).contains(&service.replicas) {
            self.say(format!(
                "{key}.replicas is {}; it must be from 1 to {REPLICAS_MAX}",
                service.replicas
            ));
        }
        if let Some(tier) = service.tier.filter(|tier| !(1..=TIER_MAX).contains(tier)) {
            self.say(format!("{key}.tier is {tier}; it must be from 1 to {TIER_MAX}"));
        }
        match (&service.cargo, &service.image) {
            (None, None) => self.say(format!(
                "{key} says neither `cargo` nor `image`: where does it come from?"
            )),
            (Some(_), Some(_)) => self.say(format!("{key} says both `cargo` and `image`; keep one")),
            _ => {}
        }
        let mut parties: Vec<&str> = self.manifest.dependencies.keys().map(String::as_str).collect();
        parties.extend(self.services().into_iter().filter(|other| *other != name));
        let mut seen = BTreeSet::new();
        for link in &service.links {
            self.refers(&format!("{key}.links"), "a dependency or service", link, &parties);
            if let Some(called) = self.manifest.services.get(link)
                && called.ports().is_empty()
            {
                self.say(format!(
                    "{key}.links names {link:?}, which has no port: nobody can call it"
                ));
            }
            if !seen.insert(link) {
                self.say(format!("{key}.links names {link:?} twice"));
            }
        }
        self.usual_ports(&key, service);
        for (variable, value) in &service.env {
            let key = format!("{key}.env.{variable}");
            match placeholders(value) {
                Err(problem) => self.say(format!("{key} {problem}")),
                Ok(names) => names.iter().for_each(|p| self.placeholder(&key, name, service, p)),
            }
        }
    }

    /// One `${...}` in the environment of a service.
    fn placeholder(&mut self, key: &str, service: &str, def: &'a Service, placeholder: &str) {
        let manifest = self.manifest;
        let Some((kind, name)) = placeholder.split_once('.') else {
            let forms = "${LINK.addr}, ${LINK.ca}, ${database.NAME}, ${topic.NAME}, ${group.NAME} or ${policy.NAME}";
            return self.say(format!("{key} has ${{{placeholder}}}; it must be {forms}"));
        };
        let holds = |get: fn(&Dependency) -> Vec<&String>| -> Vec<(&'a str, &'a str)> {
            let deps = manifest.dependencies.iter();
            deps.flat_map(|(dep, d)| get(d).into_iter().map(move |n| (dep.as_str(), n.as_str())))
                .collect()
        };
        let found = match kind {
            "database" => holds(|d| d.databases.keys().collect()),
            "topic" => holds(|d| d.topics.keys().collect()),
            "group" => holds(|d| d.groups.keys().collect()),
            "policy" => {
                let policies: Vec<&str> = manifest.policies.keys().map(String::as_str).collect();
                if self.refers(key, "policy", name, &policies)
                    && !manifest.policies[name].services.iter().any(|s| s == service)
                {
                    self.say(format!("{key} refers to policy {name:?}, which is not one of {service}: add it to policies.{name}.services"));
                }
                return;
            }
            link if name == "addr" || name == "ca" || name.ends_with(".addr") => {
                let links: Vec<&str> = def.links.iter().map(String::as_str).collect();
                if !links.contains(&link) {
                    let hint = did_you_mean(link, links.iter().copied());
                    self.say(format!(
                        "{key} refers to link {link:?}; this service has {}{hint}",
                        list(links)
                    ));
                } else if name == "ca" {
                    self.ca_of(key, link);
                } else if let Some(port) = name.strip_suffix(".addr") {
                    self.port_of(key, link, port);
                }
                return;
            }
            link if def.links.iter().any(|l| l == link) => {
                return self.say(format!(
                    "{key} has ${{{placeholder}}}; of a link it can have ${{{link}.addr}} and ${{{link}.ca}}"
                ));
            }
            other => {
                let known = ["database", "topic", "group", "policy"];
                let hint = did_you_mean(other, known);
                return self.say(format!(
                    "{key} has ${{{placeholder}}}: {other:?} is none of {}{hint}",
                    list(known)
                ));
            }
        };
        let known: Vec<&str> = found.iter().map(|(_, name)| *name).collect();
        if self.refers(key, kind, name, &known)
            && let Some((dependency, _)) = found.iter().find(|(_, n)| *n == name)
            && !def.links.iter().any(|link| link == dependency)
        {
            self.say(format!(
                "{key} refers to {kind} {name:?} of {dependency}, which services.{service}.links does not name"
            ));
        }
    }

    /// Links whose address the service is not told listen under the usual ports: no two of them under one.
    fn usual_ports(&mut self, key: &str, service: &Service) {
        let told = |link: &str| {
            service
                .env
                .values()
                .any(|value| value.contains(&format!("${{{link}.addr}}")))
        };
        let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
        for link in service.links.iter().filter(|link| !told(link)) {
            let dependency = self.manifest.dependencies.get(link).map(Dependency::port);
            let called = self
                .manifest
                .services
                .get(link)
                .and_then(|service| service.ports().first().copied());
            let Some(port) = dependency.or(called) else { continue };
            if let Some(other) = taken.insert(port, link).filter(|other| other != link) {
                self.say(format!(
                    "{key}.links names {other} and {link}, both under port {port}; tell it the address of one: ${{{link}.addr}}"
                ));
            }
        }
    }

    /// `${LINK.PORT.addr}` means one of the ports of the other end.
    fn port_of(&mut self, key: &str, link: &str, port: &str) {
        let dependency = self.manifest.dependencies.get(link).map(Dependency::ports);
        let service = self.manifest.services.get(link).map(Service::ports);
        let ports = dependency.or(service).unwrap_or_default();
        if !ports.iter().any(|known| known.to_string() == port) {
            let known: Vec<String> = ports.iter().map(ToString::to_string).collect();
            let known = list(known.iter().map(String::as_str));
            self.say(format!("{key} refers to port {port} of {link}; it has {known}"));
        }
    }

    /// A certificate is there to be trusted only where links end TLS.
    fn ca_of(&mut self, key: &str, link: &str) {
        let can = |dependency: &Dependency| dependency.kind.facts().keys().contains(&"tls");
        let problem = match self.manifest.dependencies.get(link) {
            Some(dependency) if dependency.ends_tls() => return,
            Some(dependency) if can(dependency) => {
                format!("links to {link} end no TLS; say `tls = \"end\"` in dependencies.{link}")
            }
            _ => format!("links to {link} have no certificate; only links that end TLS have one"),
        };
        self.say(format!("{key} has ${{{link}.ca}}, but {problem}"));
    }
}

//! The checks of `[dependencies.NAME]`: keys that its kind has no meaning for, names that are used twice, ports.
//! Must never know a kind by name.

use std::collections::BTreeMap;

use super::Check;
use crate::dependency::manifest::Dependency;
use crate::stack::Ready;

impl Check<'_> {
    pub(super) fn dependencies(&mut self) {
        let mut holder: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for (name, dependency) in &self.manifest.dependencies {
            let key = format!("dependencies.{name}");
            self.dependency(&key, dependency);
            let named = dependency.databases.keys().map(|n| ("databases", n));
            let named = named.chain(dependency.topics.keys().map(|n| ("topics", n)));
            for (part, inner) in named.chain(dependency.groups.keys().map(|n| ("groups", n))) {
                if let Some(other) = holder.insert((part, inner.as_str()), name.as_str()) {
                    self.say(format!(
                        "{key}.{part}.{inner} is in dependencies.{other} too; names are used once"
                    ));
                }
            }
        }
    }

    fn dependency(&mut self, key: &str, dependency: &Dependency) {
        let kind = dependency.kind.facts();
        self.ports(key, dependency.port, &dependency.ports);
        let known = kind.keys();
        for part in dependency.given().into_iter().filter(|part| !known.contains(part)) {
            self.say(format!("{key}.{part}: a dependency of kind {} has none", kind.name()));
        }
        if let Some(ready) = &dependency.ready {
            self.ready(&format!("{key}.ready"), ready);
        }
        self.problems.extend(kind.check(key, dependency));
        let topics: Vec<&str> = dependency.topics.keys().map(String::as_str).collect();
        for (topic, def) in &dependency.topics {
            if def.queues == 0 {
                self.say(format!("{key}.topics.{topic}.queues is 0; a topic has at least 1"));
            }
        }
        for (group, def) in &dependency.groups {
            if let Some(topic) = &def.topic {
                self.refers(&format!("{key}.groups.{group}.topic"), "topic", topic, &topics);
            }
        }
    }

    /// `port` and `ports` of one entry.
    pub(super) fn ports(&mut self, key: &str, port: Option<u16>, ports: &[u16]) {
        if port.is_some() && !ports.is_empty() {
            self.say(format!("{key} says both `port` and `ports`; keep one"));
        }
        if port == Some(0) || ports.contains(&0) {
            self.say(format!(
                "{key}.port is 0; it must be the port that services reach it under"
            ));
        }
        for (n, port) in ports.iter().enumerate() {
            if ports[..n].contains(port) {
                self.say(format!("{key}.ports names {port} twice"));
            }
        }
    }

    /// What a readiness says, apart from its form.
    pub(super) fn ready(&mut self, key: &str, ready: &Ready) {
        match ready {
            Ready::Command(command) if command.is_empty() => {
                self.say(format!(
                    "{key}.command is empty; it must be a program and its arguments"
                ));
            }
            Ready::Log(pattern) => {
                if let Err(e) = regex::Regex::new(pattern) {
                    let why = e.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    self.say(format!("{key}.log is {pattern:?}, which is no pattern: {why}"));
                }
            }
            Ready::Tcp | Ready::Http(_) | Ready::Command(_) => {}
        }
    }
}

//! `[dependencies.*]`: kinds, ports, databases, topics and groups.

use std::collections::BTreeMap;

use super::Check;
use crate::plan::manifest::DependencyKind;

impl Check<'_> {
    pub(super) fn dependencies(&mut self) {
        let mut holder: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for (name, dependency) in &self.manifest.dependencies {
            let key = format!("dependencies.{name}");
            self.port(&key, dependency.port);
            if dependency.kind != DependencyKind::Mysql && !dependency.databases.is_empty() {
                self.say(format!(
                    "{key}.databases: a dependency of kind {} has none",
                    dependency.kind
                ));
            }
            if dependency.kind != DependencyKind::Mysql && dependency.tls.is_some() {
                self.say(format!(
                    "{key}.tls: a dependency of kind {} has none; links end it for mysql alone",
                    dependency.kind
                ));
            }
            if dependency.kind != DependencyKind::Rocketmq {
                for (part, empty) in [
                    ("topics", dependency.topics.is_empty()),
                    ("groups", dependency.groups.is_empty()),
                ] {
                    if !empty {
                        self.say(format!(
                            "{key}.{part}: a dependency of kind {} has none",
                            dependency.kind
                        ));
                    }
                }
            }
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
}

//! A run's own names: databases, topics and groups are fresh for each run, so that runs can share a stack.

use std::collections::BTreeMap;

use super::manifest::Dependency;

/// The names of one run on a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    number: u32,
}

impl Names {
    /// Names for the n-th run on a stack.
    pub fn new(number: u32) -> Names {
        Names { number }
    }

    /// The run's own name of a database, topic or group of the manifest.
    pub fn own(&self, name: &str) -> String {
        format!("{name}_r{}", self.number)
    }

    /// Own names of all topics and groups, with the manifest's name of each.
    pub fn to_manifest(&self, declared: &BTreeMap<String, Dependency>) -> BTreeMap<String, String> {
        declared
            .values()
            .flat_map(|d| d.topics.keys().chain(d.groups.keys()))
            .map(|name| (self.own(name), name.clone()))
            .collect()
    }
}

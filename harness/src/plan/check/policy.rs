//! `[policies.*]` and `[presets.*]`: their services, their values, and what a value changes.

use paytwice_checkers::names::{did_you_mean, list};

use super::Check;
use crate::plan::manifest::{ActionChange, FieldChange, Policy, PolicyValue};

impl<'a> Check<'a> {
    pub(super) fn policy(&mut self, name: &str, policy: &'a Policy) {
        let key = format!("policies.{name}");
        self.takers(&key, name, policy);
        let values = || policy.values.keys().map(String::as_str);
        match policy.values.get(&policy.default) {
            Some(default) if default.defect.is_some() => self.say(format!(
                "{key}.default is {:?}, which has a defect; the default must be right",
                policy.default
            )),
            Some(_) => {}
            None => {
                let hint = did_you_mean(&policy.default, values());
                let has = list(values());
                self.say(format!(
                    "{key}.default is {:?}; its values are {has}{hint}",
                    policy.default
                ));
            }
        }
        for (value, def) in &policy.values {
            self.policy_value(&format!("{key}.values.{value}"), def);
        }
    }

    /// The services that take a decision must be told of it.
    fn takers(&mut self, key: &str, name: &str, policy: &Policy) {
        let services = self.services();
        if policy.services.is_empty() {
            self.say(format!("{key}.services is empty: whose decision is it?"));
        }
        for service in &policy.services {
            let known = self.refers(&format!("{key}.services"), "service", service, &services);
            let wanted = format!("${{policy.{name}}}");
            let told = |service: &str| {
                self.manifest.services[service]
                    .env
                    .values()
                    .any(|v| v.contains(&wanted))
            };
            if known && !told(service) {
                self.say(format!(
                    "{key}.services names {service:?}, but nothing in services.{service}.env contains {wanted}"
                ));
            }
        }
    }

    fn policy_value(&mut self, key: &str, value: &'a PolicyValue) {
        for (name, change) in &value.actions {
            self.action_change(&format!("{key}.actions.{name}"), name, change);
        }
        let databases = self.databases();
        for name in value.databases.keys() {
            self.refers(&format!("{key}.databases.{name}"), "database", name, &databases);
        }
        let started = self.kinds(false);
        for (kind, fields) in &value.fields {
            let key = format!("{key}.fields.{kind}");
            if self.refers(&key, "a subject with a key", kind, &started) {
                for (field, change) in fields {
                    self.field_change(&format!("{key}.{field}"), kind, field, change);
                }
            }
        }
        let anomalies = self.anomalies();
        for anomaly in value
            .finds
            .iter()
            .filter(|anomaly| !anomalies.contains(&anomaly.as_str()))
        {
            let hint = did_you_mean(anomaly, anomalies.iter().copied());
            self.say(format!(
                "{key}.finds has {anomaly:?}, which no checker of this target's promises reports{hint}"
            ));
        }
        match (&value.defect, value.finds.is_empty(), &value.provoke) {
            (None, false, _) => self.say(format!("{key} has `finds` and no `defect`: say what is wrong with it")),
            (None, _, Some(_)) => self.say(format!(
                "{key} has `provoke` and no `defect`: say what is wrong with it"
            )),
            (Some(_), true, Some(_)) => {
                self.say(format!(
                    "{key} has `provoke` and no `finds`: which anomalies give it away?"
                ));
            }
            _ => {}
        }
    }

    /// The action must be sound with its change.
    fn action_change(&mut self, key: &str, name: &str, change: &ActionChange) {
        let actions: Vec<&str> = self.manifest.actions.keys().map(String::as_str).collect();
        if !self.refers(key, "action", name, &actions) {
            return;
        }
        let action = &self.manifest.actions[name];
        let mut changed = action.clone();
        change.apply(&mut changed);
        self.only_new(|check| check.action(key, action), |check| check.action(key, &changed));
    }

    /// The field must be sound with its change.
    fn field_change(&mut self, key: &str, kind: &str, name: &str, change: &FieldChange) {
        let subject = &self.manifest.subjects[kind];
        let fields: Vec<&str> = subject.fields.keys().map(String::as_str).collect();
        if !self.refers(key, "field", name, &fields) {
            return;
        }
        let field = &subject.fields[name];
        let mut changed = field.clone();
        match change.apply(&mut changed) {
            Ok(()) => self.only_new(
                |check| check.field(key, field, subject),
                |check| check.field(key, &changed, subject),
            ),
            Err(problem) => self.say(format!("{key} {problem}")),
        }
    }

    /// Says what a check finds, without what another one finds: what is wrong without a change is said where it stands.
    fn only_new(&mut self, without: impl FnOnce(&mut Self), with: impl FnOnce(&mut Self)) {
        let before = self.problems.len();
        without(self);
        let known = self.problems.split_off(before);
        with(self);
        let found = self.problems.split_off(before);
        self.problems
            .extend(found.into_iter().filter(|problem| !known.contains(problem)));
    }

    pub(super) fn presets(&mut self) {
        let policies: Vec<&str> = self.manifest.policies.keys().map(String::as_str).collect();
        for (name, preset) in &self.manifest.presets {
            for (policy, value) in &preset.policies {
                let key = format!("presets.{name}.policies.{policy}");
                if self.refers(&key, "policy", policy, &policies) {
                    let values = self.manifest.policies[policy].values.keys().map(String::as_str);
                    if !values.clone().any(|known| known == value) {
                        let hint = did_you_mean(value, values.clone());
                        self.say(format!("{key} is {value:?}; its values are {}{hint}", list(values)));
                    }
                }
            }
        }
    }
}

//! Whether the parts of a manifest fit together: every name refers to something, every value makes sense.
//!
//! Finds all problems at once, in the order of the file's sections. Reads nothing but the manifest.

mod dependency;
mod service;

use std::collections::BTreeMap;

use paytwice_checkers::CHECKERS;

use super::error::{did_you_mean, list};
use super::fill::placeholders;
use super::manifest::{HttpOperation, Manifest, Money, Policy, PolicyValue};
use super::target::CLIENT;
use crate::dependency::every;

/// What can stand in an operation's strings.
const OPERATION_PLACEHOLDERS: [&str; 4] = ["tx", "account", "amount", "card"];

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
    for (name, policy) in &manifest.policies {
        check.policy(name, policy);
    }
    check.presets();
    check.money();
    check.operations();
    check.correlation();
    check.reads();
    check.problems
}

/// Every problem of the limits of money, those that a policy changes included.
pub(crate) fn money_problems(money: &Money) -> Vec<String> {
    let mut problems = Vec::new();
    if !(3..=36).contains(&money.base) {
        problems.push(format!("money.base is {}; it must be from 3 to 36", money.base));
    }
    if !(2..=38).contains(&money.digits) {
        problems.push(format!("money.digits is {}; it must be from 2 to 38", money.digits));
    }
    if money.scale >= money.digits {
        let (scale, digits) = (money.scale, money.digits);
        problems.push(format!(
            "money.scale is {scale}; it must be less than money.digits, {digits}"
        ));
    }
    problems
}

struct Check<'a> {
    manifest: &'a Manifest,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn say(&mut self, problem: String) {
        self.problems.push(problem);
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

    fn names(&mut self) {
        let manifest = self.manifest;
        if manifest.name.is_empty() {
            self.say("name is empty".to_owned());
        }
        if manifest.services.is_empty() {
            self.say("services is empty: a target has at least one service".to_owned());
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
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                self.say(format!("{section}.{name:?}: names are letters, digits, `-` and `_`"));
            }
        }
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
        for (party, key) in services.chain(dependencies).collect::<Vec<_>>() {
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

    fn policy(&mut self, name: &str, policy: &'a Policy) {
        let key = format!("policies.{name}");
        let services = self.services();
        if policy.services.is_empty() {
            self.say(format!("{key}.services is empty: whose decision is it?"));
        }
        for service in &policy.services {
            let known = self.refers(&format!("{key}.services"), "service", service, &services);
            let wanted = format!("${{policy.{name}}}");
            if known
                && !self.manifest.services[service]
                    .env
                    .values()
                    .any(|v| v.contains(&wanted))
            {
                self.say(format!(
                    "{key}.services names {service:?}, but nothing in services.{service}.env contains {wanted}"
                ));
            }
        }
        let values: Vec<&str> = policy.values.keys().map(String::as_str).collect();
        if let Some(default) = policy.values.get(&policy.default) {
            if default.defect.is_some() {
                self.say(format!(
                    "{key}.default is {:?}, which has a defect; the default must be right",
                    policy.default
                ));
            }
        } else {
            let hint = did_you_mean(&policy.default, values.iter().copied());
            let has = list(values.iter().copied());
            self.say(format!(
                "{key}.default is {:?}; its values are {has}{hint}",
                policy.default
            ));
        }
        for (value, def) in &policy.values {
            self.policy_value(&format!("{key}.values.{value}"), def);
        }
    }

    fn policy_value(&mut self, key: &str, value: &'a PolicyValue) {
        let manifest = self.manifest;
        let operations: Vec<&str> = manifest.http_operations().iter().map(|(name, _)| *name).collect();
        for (name, change) in &value.operations {
            let key = format!("{key}.operations.{name}");
            if self.refers(&key, "operation", name, &operations) {
                let strings = change.path.iter().map(|path| ("path", path));
                let body = change
                    .body
                    .iter()
                    .flat_map(BTreeMap::values)
                    .map(|value| ("body", value));
                for (part, text) in strings.chain(body) {
                    self.call_string(&format!("{key}.{part}"), text);
                }
            }
        }
        let databases = self.databases();
        for name in value.databases.keys() {
            self.refers(&format!("{key}.databases.{name}"), "database", name, &databases);
        }
        let anomalies: Vec<&str> = CHECKERS.iter().flat_map(|checker| checker.kinds).copied().collect();
        for anomaly in value
            .finds
            .iter()
            .filter(|anomaly| !anomalies.contains(&anomaly.as_str()))
        {
            let hint = did_you_mean(anomaly, anomalies.iter().copied());
            self.say(format!("{key}.finds has {anomaly:?}, which no checker reports{hint}"));
        }
        if value.defect.is_none() && !value.finds.is_empty() {
            self.say(format!("{key} has `finds` and no `defect`: say what is wrong with it"));
        }
    }

    fn presets(&mut self) {
        let policies: Vec<&str> = self.manifest.policies.keys().map(String::as_str).collect();
        for (name, preset) in &self.manifest.presets {
            for (policy, value) in &preset.policies {
                let key = format!("presets.{name}.policies.{policy}");
                if self.refers(&key, "policy", policy, &policies) {
                    let values: Vec<&str> = self.manifest.policies[policy]
                        .values
                        .keys()
                        .map(String::as_str)
                        .collect();
                    if !values.contains(&value.as_str()) {
                        let hint = did_you_mean(value, values.iter().copied());
                        self.say(format!("{key} is {value:?}; its values are {}{hint}", list(values)));
                    }
                }
            }
        }
    }

    fn money(&mut self) {
        self.problems.extend(money_problems(&self.manifest.money));
    }

    fn operations(&mut self) {
        let manifest = self.manifest;
        for (name, operation) in manifest.http_operations() {
            self.http_operation(&format!("operations.{name}"), operation);
        }
        let open = &manifest.operations.open_account;
        let databases = self.databases();
        self.refers(
            "operations.open-account.database",
            "database",
            &open.database,
            &databases,
        );
        self.call_string("operations.open-account.sql", &open.sql);
    }

    fn http_operation(&mut self, key: &str, operation: &'a HttpOperation) {
        let services = self.services();
        self.refers(&format!("{key}.service"), "service", &operation.service, &services);
        if let Some(called) = self.manifest.services.get(&operation.service)
            && called.ports().is_empty()
        {
            self.say(format!(
                "{key}.service is {:?}, which has no port to be called at",
                operation.service
            ));
        }
        if !operation.path.starts_with('/') {
            self.say(format!("{key}.path is {:?}; it must begin with /", operation.path));
        }
        self.call_string(&format!("{key}.path"), &operation.path);
        let body = operation.body.iter().flatten();
        body.for_each(|(field, text)| self.call_string(&format!("{key}.body.{field}"), text));
        if operation.ok.is_empty() {
            self.say(format!("{key}.ok is empty: which status is a definite success?"));
        }
        for status in operation.ok.iter().chain(&operation.fail) {
            if !(100..=599).contains(status) {
                self.say(format!("{key} has the status {status}; HTTP has 100 to 599"));
            }
        }
        if let Some(status) = operation.ok.iter().find(|status| operation.fail.contains(status)) {
            self.say(format!("{key} has the status {status} both in `ok` and in `fail`"));
        }
        let uses_card = |text: &String| text.contains("${card}");
        let card = uses_card(&operation.path) || operation.body.iter().flat_map(BTreeMap::values).any(uses_card);
        if card && operation.good_card.is_none() {
            self.say(format!("{key}.good_card is missing: ${{card}} needs it"));
        }
        let answer = &operation.answer;
        let pointers = [
            &answer.tx,
            &answer.result,
            &answer.account,
            &answer.amount,
            &answer.balance,
        ];
        for pointer in pointers.into_iter().flatten() {
            self.pointer(&format!("{key}.answer"), pointer);
        }
    }

    /// A string that is filled in per call.
    fn call_string(&mut self, key: &str, text: &str) {
        match placeholders(text) {
            Err(problem) => self.say(format!("{key} {problem}")),
            Ok(names) => {
                for name in names.into_iter().filter(|name| !OPERATION_PLACEHOLDERS.contains(name)) {
                    let hint = did_you_mean(name, OPERATION_PLACEHOLDERS);
                    let known = list(OPERATION_PLACEHOLDERS);
                    self.say(format!("{key} has ${{{name}}}; a call has {known}{hint}"));
                }
            }
        }
    }

    fn pointer(&mut self, key: &str, pointer: &str) {
        if !pointer.starts_with('/') {
            self.say(format!(
                "{key} has {pointer:?}; a JSON pointer begins with /, as in \"/{pointer}\""
            ));
        }
    }

    fn correlation(&mut self) {
        let correlation = &self.manifest.correlation;
        for (name, pointers) in [
            ("http_body", &correlation.http_body),
            ("message_body", &correlation.message_body),
        ] {
            for pointer in pointers {
                self.pointer(&format!("correlation.{name}"), pointer);
            }
        }
        for path in &correlation.http_path {
            let variable = |part: &str| part.len() > 2 && part.starts_with('{') && part.ends_with('}');
            if !path.starts_with('/') || !path.split('/').any(variable) {
                self.say(format!(
                    "correlation.http_path has {path:?}; it must begin with / and have {{tx}}, or another name in braces, \
                     between slashes"
                ));
            }
        }
        for column in &correlation.sql_columns {
            let plain =
                |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "`'\"()".contains(c));
            if column.split('.').count() != 2 || !column.split('.').all(plain) {
                self.say(format!(
                    "correlation.sql_columns has {column:?}; it must be TABLE.COLUMN, as in \"account_pay.id\""
                ));
            }
        }
    }

    fn reads(&mut self) {
        let databases = self.databases();
        let reads = &self.manifest.reads;
        self.refers(
            "reads.payments.database",
            "database",
            &reads.payments.database,
            &databases,
        );
        self.refers(
            "reads.balances.database",
            "database",
            &reads.balances.database,
            &databases,
        );
        if let Some(credits) = &reads.credits {
            self.refers("reads.credits.database", "database", &credits.database, &databases);
        }
        if reads.payments.success.is_empty() {
            self.say("reads.payments.success is empty: which result means success?".to_owned());
        }
    }
}

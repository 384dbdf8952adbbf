//! Whether the parts of a manifest fit together: every name refers to something, every value makes sense.
//!
//! Finds all problems at once, in the order of the file's sections. Reads nothing but the manifest.

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::CHECKERS;

use super::error::{did_you_mean, list};
use super::fill::placeholders;
use super::manifest::{DependencyKind, HttpOperation, Manifest, Money, Policy, PolicyValue, Service};

/// What can stand in an operation's strings.
const OPERATION_PLACEHOLDERS: [&str; 4] = ["tx", "account", "amount", "card"];

/// The name of the party that stands for all clients.
const CLIENT: &str = "client";

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
    }

    fn dependencies(&mut self) {
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

    fn port(&mut self, key: &str, port: u16) {
        if port == 0 {
            self.say(format!(
                "{key}.port is 0; it must be the port that services reach it under"
            ));
        }
    }

    fn service(&mut self, name: &str, service: &'a Service) {
        let key = format!("services.{name}");
        self.port(&key, service.port);
        match (&service.cargo, &service.image) {
            (None, None) => self.say(format!(
                "{key} says neither `cargo` nor `image`: where does it come from?"
            )),
            (Some(_), Some(_)) => self.say(format!("{key} says both `cargo` and `image`; keep one")),
            _ => {}
        }
        if !service.ready.starts_with('/') {
            self.say(format!(
                "{key}.ready is {:?}; it must be an HTTP path that begins with /",
                service.ready
            ));
        }
        let mut parties: Vec<&str> = self.manifest.dependencies.keys().map(String::as_str).collect();
        parties.extend(self.services().into_iter().filter(|other| *other != name));
        let mut seen = BTreeSet::new();
        for link in &service.links {
            self.refers(&format!("{key}.links"), "a dependency or service", link, &parties);
            if !seen.insert(link) {
                self.say(format!("{key}.links names {link:?} twice"));
            }
        }
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
        let holds = |get: fn(&super::manifest::Dependency) -> Vec<&String>| -> Vec<(&'a str, &'a str)> {
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
            link if name == "addr" || name == "ca" => {
                let links: Vec<&str> = def.links.iter().map(String::as_str).collect();
                if !links.contains(&link) {
                    let hint = did_you_mean(link, links.iter().copied());
                    self.say(format!(
                        "{key} refers to link {link:?}; this service has {}{hint}",
                        list(links)
                    ));
                } else if name == "ca" {
                    self.ca_of(key, link);
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

    /// A certificate is there to be trusted only where links end TLS.
    fn ca_of(&mut self, key: &str, link: &str) {
        let problem = match self.manifest.dependencies.get(link) {
            Some(dependency) if dependency.ends_tls() => return,
            Some(dependency) if dependency.kind == DependencyKind::Mysql => {
                format!("links to {link} end no TLS; say `tls = \"end\"` in dependencies.{link}")
            }
            _ => format!("links to {link} have no certificate; only those to a dependency of kind mysql can have one"),
        };
        self.say(format!("{key} has ${{{link}.ca}}, but {problem}"));
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

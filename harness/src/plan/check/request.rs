//! What actions, openings and views share: a call or a statement, its strings and the statuses of its answer.

use super::Check;
use crate::plan::manifest::{Body, Call, Method};

/// The parts of a request as a section of the manifest gives them.
pub(super) struct Parts<'a> {
    pub(super) database: Option<&'a String>,
    pub(super) sql: Option<&'a String>,
    pub(super) call: Option<&'a Call>,
    pub(super) body: Option<&'a Body>,
    pub(super) form: Option<&'a std::collections::BTreeMap<String, String>>,
    pub(super) headers: &'a std::collections::BTreeMap<String, String>,
    pub(super) ok: &'a [u16],
    pub(super) fail: &'a [u16],
    /// Other keys of a call that are given.
    pub(super) of_calls: Vec<&'static str>,
}

impl Check<'_> {
    /// Either a call or a statement, with strings that can be filled in.
    pub(super) fn request(&mut self, key: &str, parts: &Parts<'_>, known: Option<&[String]>) {
        match (parts.call, parts.database, parts.sql) {
            (Some(call), None, None) => self.call(key, call, parts, known),
            (None, Some(database), Some(sql)) => self.statement(key, database, sql, parts, known),
            (None, Some(_), None) => self.say(format!("{key} has `database` and no `sql`: what is executed there?")),
            (None, None, Some(_)) => self.say(format!("{key} has `sql` and no `database`: where is it executed?")),
            (None, None, None) => self.say(format!(
                "{key} has neither `call` nor `database` and `sql`: how is it done?"
            )),
            (Some(_), _, _) => self.say(format!("{key} has both `call` and `database` or `sql`; keep one way")),
        }
    }

    fn statement(&mut self, key: &str, database: &str, sql: &str, parts: &Parts<'_>, known: Option<&[String]>) {
        let databases = self.databases();
        self.refers(&format!("{key}.database"), "database", database, &databases);
        self.filled(&format!("{key}.sql"), sql, known);
        let given = [
            ("body", parts.body.is_some()),
            ("form", parts.form.is_some()),
            ("headers", !parts.headers.is_empty()),
            ("fail", !parts.fail.is_empty()),
        ];
        let given = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        for name in given.chain(parts.of_calls.iter().copied()) {
            self.say(format!("{key}.{name} belongs to a `call`; this is a statement"));
        }
    }

    fn call(&mut self, key: &str, call: &Call, parts: &Parts<'_>, known: Option<&[String]>) {
        let services = self.services();
        self.refers(&format!("{key}.call"), "service", &call.service, &services);
        if let Some(called) = self.manifest.services.get(&call.service)
            && called.ports().is_empty()
        {
            self.say(format!(
                "{key}.call names {:?}, which has no port to be called at",
                call.service
            ));
        }
        self.filled(&format!("{key}.call"), &call.path, known);
        for (name, value) in parts.headers {
            self.filled(&format!("{key}.headers.{name}"), value, known);
        }
        for (name, value) in parts.form.into_iter().flatten() {
            self.filled(&format!("{key}.form.{name}"), value, known);
        }
        if let Some(body) = parts.body {
            self.body(&format!("{key}.body"), body, known);
        }
        if parts.body.is_some() && parts.form.is_some() {
            self.say(format!("{key} has both `body` and `form`; keep one"));
        }
        if call.method == Method::Get && (parts.body.is_some() || parts.form.is_some()) {
            self.say(format!(
                "{key} sends a body with a GET; use another method, or put it into the path"
            ));
        }
        self.statuses(key, parts.ok, parts.fail);
    }

    fn body(&mut self, key: &str, body: &Body, known: Option<&[String]>) {
        for text in body.strings() {
            self.filled(key, text, known);
        }
        if let Some(problem) = body.problem() {
            self.say(format!("{key} {problem}"));
        }
    }

    fn statuses(&mut self, key: &str, ok: &[u16], fail: &[u16]) {
        if ok.is_empty() {
            self.say(format!("{key}.ok is empty: which status is a definite success?"));
        }
        for status in ok.iter().chain(fail) {
            if !(100..=599).contains(status) {
                self.say(format!("{key} has the status {status}; HTTP has 100 to 599"));
            }
        }
        if let Some(status) = ok.iter().find(|status| fail.contains(status)) {
            self.say(format!("{key} has the status {status} both in `ok` and in `fail`"));
        }
    }
}

//! `[actions.*]`: what an action is about, and whether everything in it can be filled in.

use paytwice_checkers::history::RESERVED;
use paytwice_checkers::names::list;

use super::request::Parts;
use super::{ATTEMPTS, Check, RETRY_AFTER_MS, is_plain};
use crate::plan::duration::show_ms;
use crate::plan::manifest::{Action, Maker, open_action};

/// How often an action can be drawn in comparison with others.
const WEIGHT_MAX: u32 = 1000;

impl<'a> Check<'a> {
    pub(super) fn actions(&mut self) {
        let manifest = self.manifest;
        if manifest.starting().next().is_none() {
            self.say(
                "actions: none has `starts`, so that clients have nothing to do; name the subject that one starts",
            );
        }
        let opened = manifest.subjects.iter().filter(|(_, subject)| subject.open.is_some());
        let opening: Vec<String> = opened.map(|(kind, _)| open_action(kind)).collect();
        for (name, action) in &manifest.actions {
            let at = format!("actions.{name}");
            if RESERVED.contains(&name.as_str()) {
                let reserved = list(RESERVED);
                self.say(format!(
                    "{at}: the names {reserved} are taken by the history; choose another"
                ));
            }
            if opening.contains(name) {
                self.say(format!(
                    "{at} has the name of the action that opens a subject; choose another"
                ));
            }
            self.about(&at, action);
            self.action(&at, action);
        }
    }

    /// What the action is about.
    fn about(&mut self, at: &str, action: &'a Action) {
        let (started, all) = (self.kinds(false), self.manifest.subjects.keys());
        let all: Vec<&str> = all.map(String::as_str).collect();
        let one_of = "it can have `starts`, or `asks` and `repairs`, or `sets_up = true`";
        match (&action.starts, &action.asks, &action.repairs, action.sets_up) {
            (Some(kind), None, None, false) => {
                if self.refers(&format!("{at}.starts"), "a subject with a key", kind, &started) {
                    self.key_of_server(at, kind, action);
                }
            }
            (None, None, None, true) => {}
            (None, None, None, false) => self.say(format!("{at} does not say what it is for; {one_of}")),
            (None, asks, repairs, false) => {
                if let Some(kind) = asks {
                    self.refers(&format!("{at}.asks"), "subject", kind, &all);
                }
                if let Some(kind) = repairs {
                    self.refers(&format!("{at}.repairs"), "a subject with a key", kind, &started);
                }
                if let (Some(asked), Some(repaired)) = (asks, repairs)
                    && asked != repaired
                {
                    self.say(format!(
                        "{at} asks about {asked} and repairs {repaired}; it must be about one of them"
                    ));
                }
            }
            _ => self.say(format!("{at} says too much of what it is for; {one_of}")),
        }
    }

    /// Where the server makes the key, the client must learn it.
    fn key_of_server(&mut self, at: &str, kind: &str, action: &Action) {
        let subject = &self.manifest.subjects[kind];
        if let Some(key) = &subject.key
            && subject.makes_key == Maker::Server
            && !action.answer.contains_key(key)
        {
            self.say(format!(
                "{at}.answer.{key} is missing: the server makes the key, and clients must learn it from the answer"
            ));
        }
    }

    /// The fields that deliberate conflicts change.
    fn payload(&mut self, at: &str, action: &Action) {
        let Some(payload) = &action.payload else { return };
        let Some(kind) = &action.starts else {
            return self.say(format!(
                "{at}.payload is for an action that starts a subject; leave it out"
            ));
        };
        // A kind that is not there is said where it is named.
        let Some(subject) = self.manifest.subjects.get(kind) else {
            return;
        };
        let fields: Vec<&str> = subject.fields.keys().map(String::as_str).collect();
        for field in payload {
            self.refers(&format!("{at}.payload"), "field", field, &fields);
        }
    }

    /// How the action is done.
    pub(super) fn action(&mut self, at: &str, action: &Action) {
        let of_calls = [("cookies", action.cookies), ("answer", !action.answer.is_empty())];
        let parts = Parts {
            database: action.database.as_ref(),
            sql: action.sql.as_ref(),
            call: action.call.as_ref(),
            body: action.body.as_ref(),
            form: action.form.as_ref(),
            headers: &action.headers,
            ok: &action.ok,
            fail: &action.fail,
            of_calls: of_calls
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect(),
        };
        let known = self.fillable(action);
        self.request(at, &parts, known.as_deref());
        for name in action.answer.keys().filter(|name| !is_plain(name)) {
            self.say(format!("{at}.answer.{name:?}: names are letters, digits, `-` and `_`"));
        }
        self.within(&format!("{at}.retry.attempts"), action.retry.attempts, &ATTEMPTS);
        if !RETRY_AFTER_MS.contains(&action.retry.after.0) {
            let (after, max) = (show_ms(action.retry.after.0), show_ms(*RETRY_AFTER_MS.end()));
            self.say(format!("{at}.retry.after is {after}; it can be 0s to {max}"));
        }
        self.within(&format!("{at}.weight"), action.weight, &(1..=WEIGHT_MAX));
        self.payload(at, action);
    }

    /// What can stand in the strings of an action; None where it is not known what the action is about.
    fn fillable(&self, action: &Action) -> Option<Vec<String>> {
        if action.sets_up {
            return Some(Vec::new());
        }
        let about = [&action.starts, &action.asks, &action.repairs];
        let kind = about.into_iter().flatten().next()?;
        let subject = self.manifest.subjects.get(kind)?;
        // The client of a server that makes the keys has none to send at the start.
        let has_key = action.starts.is_none() || subject.makes_key == Maker::Client;
        let mut known = match &subject.key {
            Some(key) => has_key.then(|| key.clone()).into_iter().collect(),
            None => vec![kind.clone()],
        };
        known.extend(subject.fields.keys().cloned());
        known.extend(self.set_up_answers());
        Some(known)
    }

    /// `ACTION.NAME` of everything that clients learn before the workload.
    pub(super) fn set_up_answers(&self) -> Vec<String> {
        let set_up = self.manifest.actions.iter().filter(|(_, action)| action.sets_up);
        set_up
            .flat_map(|(name, action)| action.answer.keys().map(move |part| format!("{name}.{part}")))
            .collect()
    }
}

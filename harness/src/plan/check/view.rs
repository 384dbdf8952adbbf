//! `[views.*]`: how a view is read, and when.

use paytwice_checkers::history::Moment;

use super::Check;
use super::request::Parts;
use crate::plan::duration::show_ms;
use crate::plan::manifest::View;

/// How often a view can be read while the workload runs, milliseconds.
const EVERY_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

impl<'a> Check<'a> {
    pub(super) fn view(&mut self, name: &str, view: &'a View) {
        let at = format!("views.{name}");
        let of_calls = [
            ("rows", view.rows.is_some()),
            ("columns", !view.columns.is_empty()),
            ("each", view.each.is_some()),
        ];
        let parts = Parts {
            database: view.database.as_ref(),
            sql: view.sql.as_ref(),
            call: view.call.as_ref(),
            body: None,
            form: None,
            headers: &view.headers,
            ok: &view.ok,
            fail: &[],
            of_calls: of_calls
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect(),
        };
        let known: Vec<String> = view.each.iter().cloned().collect();
        self.request(&at, &parts, Some(&known));
        if view.call.is_some() {
            self.rows_of_answers(&at, view);
        }
        if view.at.contains(&Moment::Look) {
            self.say(format!(
                "{at}.at has \"look\"; say how often it is read while the workload runs, as in every = \"2s\""
            ));
        }
        if view.at.is_empty() && view.every.is_none() {
            self.say(format!("{at}.at is empty: when is it read?"));
        }
        if let Some(every) = view.every
            && !EVERY_MS.contains(&every.0)
        {
            let (min, max) = (show_ms(*EVERY_MS.start()), show_ms(*EVERY_MS.end()));
            self.say(format!("{at}.every is {}; it can be {min} to {max}", show_ms(every.0)));
        }
    }

    fn rows_of_answers(&mut self, at: &str, view: &View) {
        if let Some(rows) = &view.rows {
            self.pointer(&format!("{at}.rows"), rows);
        }
        for (column, pointer) in &view.columns {
            self.pointer(&format!("{at}.columns.{column}"), pointer);
        }
        if view.columns.is_empty() {
            self.say(format!(
                "{at}.columns is missing: which parts of an answer are its columns? as in {{ balance = \"/balance\" }}"
            ));
        }
        if let Some(kind) = &view.each {
            let kinds = self.kinds(true);
            let known = self.refers(&format!("{at}.each"), "a subject without a key", kind, &kinds);
            let wanted = format!("${{{kind}}}");
            if known && !view.call.as_ref().is_some_and(|call| call.path.contains(&wanted)) {
                self.say(format!(
                    "{at}.call has no {wanted}, so that every call is the same; put it into the path"
                ));
            }
            if view.columns.contains_key(kind) {
                self.say(format!(
                    "{at}.columns.{kind} is filled with the name that was asked for; leave it out"
                ));
            }
        }
    }
}

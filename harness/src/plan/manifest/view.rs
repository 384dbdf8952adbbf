//! `[views.*]`: rows that are read at certain moments, by SQL or by HTTP.

use std::collections::BTreeMap;

use paytwice_checkers::history::Moment;
use serde::Deserialize;

use super::action::{Call, HttpRequest, Request, usual_ok};
use crate::plan::duration::Span;

/// A view.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The database of its query.
    #[serde(default)]
    pub database: Option<String>,
    /// Its query.
    #[serde(default)]
    pub sql: Option<String>,
    /// Its call, `METHOD SERVICE PATH`, where it is read by HTTP.
    #[serde(default)]
    pub call: Option<Call>,
    /// HTTP: headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// HTTP: statuses of an answer with rows.
    #[serde(default = "usual_ok")]
    pub ok: Vec<u16>,
    /// HTTP: JSON pointer to the list of rows in the answer; the answer itself where it is not said.
    #[serde(default)]
    pub rows: Option<String>,
    /// HTTP: columns, by name, with their JSON pointers into a row.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// HTTP: one call for each subject of this kind, which is there beforehand, and one row from each; the subject's name
    /// is a column of that name.
    #[serde(default)]
    pub each: Option<String>,
    /// When it is read.
    #[serde(default = "at_the_end")]
    pub at: Vec<Moment>,
    /// How often it is read while the workload runs; not at all where it is not said.
    #[serde(default)]
    pub every: Option<Span>,
}

impl View {
    /// How it is read; None only for a manifest that was not checked.
    pub fn request(&self) -> Option<Request<'_>> {
        if let (Some(database), Some(sql)) = (&self.database, &self.sql) {
            return Some(Request::Sql { database, sql });
        }
        Some(Request::Http(HttpRequest {
            call: self.call.as_ref()?,
            body: None,
            form: None,
            headers: &self.headers,
            cookies: false,
            ok: &self.ok,
            fail: &[],
            answer: None,
        }))
    }

    /// Every moment at which it is read, looks included.
    pub fn moments(&self) -> Vec<Moment> {
        let mut moments = self.at.clone();
        moments.extend(self.every.map(|_| Moment::Look));
        moments.sort();
        moments.dedup();
        moments
    }
}

fn at_the_end() -> Vec<Moment> {
    vec![Moment::Final]
}

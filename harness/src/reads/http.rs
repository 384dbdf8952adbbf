//! Views by HTTP: a call whose answer holds the rows, or one call for each subject that is there beforehand.
//! Never: takes an answer that lacks a column for a whole row.

use std::collections::BTreeMap;
use std::time::Duration;

use paytwice_checkers::history::Rows;
use serde_json::value::RawValue;

use super::Failure;
use crate::plan::manifest::{HttpRequest, View};
use crate::workload::json::{self, Cell};
use crate::workload::{Caller, Exchange, Lookup, Members, Session};

/// One answer takes at most this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The services of a run, past their links.
pub(super) struct Services(Caller);

impl Services {
    pub(super) fn new(bases: BTreeMap<String, Vec<String>>) -> Result<Services, reqwest::Error> {
        Ok(Services(Caller::new(bases, ANSWER_TIMEOUT)?))
    }

    /// What a view shows.
    pub(super) async fn rows(
        &self,
        view: &View,
        request: &HttpRequest<'_>,
        members: &Members,
    ) -> Result<Rows, Failure> {
        let Some(kind) = &view.each else {
            let body = self.body(request, &|_| None).await?;
            return listed(view, json(&body)?);
        };
        let mut rows = Rows::new(view.columns.keys().chain([kind]));
        for member in members.open(kind) {
            let lookup = |name: &str| (name == kind).then(|| member.clone());
            let body = self.body(request, &lookup).await?;
            let cells = cells(view, json(&body)?).map_err(|problem| lasting(format!("{kind} {member}: {problem}")))?;
            rows.push(cells.iter().map(Option::as_deref).chain([Some(member.as_str())]));
        }
        Ok(rows)
    }

    async fn body(&self, request: &HttpRequest<'_>, lookup: Lookup<'_>) -> Result<String, Failure> {
        let called = request.call;
        let failed = |reason: String, lasts| Failure {
            reason: format!("{} {}: {reason}", called.method, called.path),
            lasts,
        };
        let Exchange { status, body, .. } = match self.0.exchange(request, lookup, &mut Session::default()).await {
            Ok(exchange) => exchange,
            Err(lost) => return Err(failed(lost.reason, false)),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        if request.ok.contains(&status) {
            return Ok(body);
        }
        let said: String = body.chars().take(200).collect();
        // What a service refuses it refuses again; what it cannot do now it may do later.
        let lasts = (400..500).contains(&status);
        Err(failed(format!("status {status}: {said}"), lasts))
    }
}

fn json(body: &str) -> Result<&RawValue, Failure> {
    json::parse(body).ok_or_else(|| {
        let said: String = body.chars().take(200).collect();
        lasting(format!("the answer is no JSON: {said}"))
    })
}

/// The rows of one answer.
fn listed(view: &View, body: &RawValue) -> Result<Rows, Failure> {
    let at = view.rows.as_deref().unwrap_or_default();
    let Some(found) = json::at(body, at) else {
        return Err(lasting(format!("rows: there is nothing at {at:?} of the answer")));
    };
    let list = match json::list(found) {
        Some(list) => list,
        // Without `rows` a table is a single row.
        None if view.rows.is_none() => vec![found],
        None => return Err(lasting(format!("rows: there is no list at {at:?} of the answer"))),
    };
    let mut rows = Rows::new(view.columns.keys());
    for (n, row) in list.into_iter().enumerate() {
        let cells = cells(view, row).map_err(|problem| lasting(format!("row {n}: {problem}")))?;
        rows.push(cells.iter().map(Option::as_deref));
    }
    Ok(rows)
}

/// The cells of one row, in the order of the columns' names.
fn cells(view: &View, row: &RawValue) -> Result<Vec<Option<String>>, String> {
    let cell = |(column, pointer): (&String, &String)| match json::at(row, pointer).map(json::cell) {
        Some(Cell::Null) => Ok(None),
        Some(Cell::Text(text)) => Ok(Some(text)),
        Some(Cell::Nested) => Err(format!(
            "columns.{column}: {pointer:?} is a list or a table, and must be one value"
        )),
        None => Err(format!("columns.{column}: there is nothing at {pointer:?}")),
    };
    view.columns.iter().map(cell).collect()
}

fn lasting(reason: String) -> Failure {
    Failure { reason, lasts: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(rows: Option<&str>) -> View {
        let text = r#"call = "GET stock /items"
columns = { sku = "/id", left = "/n" }"#;
        let view: View = toml::from_str(text).unwrap();
        View {
            rows: rows.map(str::to_owned),
            ..view
        }
    }

    fn shown(view: &View, body: &str) -> Result<String, String> {
        listed(view, json::parse(body).unwrap())
            .map(|rows| serde_json::to_string(&rows).unwrap())
            .map_err(|failure| failure.reason)
    }

    #[test]
    fn rows_are_a_list_at_its_place() {
        let list = r#"{"items":[{"id":"a","n":1},{"id":"b","n":null}]}"#;
        assert_eq!(
            shown(&view(Some("/items")), list).unwrap(),
            r#"[{"left":"1","sku":"a"},{"left":null,"sku":"b"}]"#
        );
        assert_eq!(
            shown(&view(None), r#"{"id":"a","n":1.50}"#).unwrap(),
            r#"[{"left":"1.50","sku":"a"}]"#
        );
        assert_eq!(shown(&view(None), "[]").unwrap(), "[]");
    }

    #[test]
    fn an_answer_that_lacks_something_is_no_row() {
        let says = |rows, body| shown(&view(rows), body).unwrap_err();
        assert_eq!(says(Some("/x"), "{}"), "rows: there is nothing at \"/x\" of the answer");
        assert_eq!(
            says(Some("/x"), r#"{"x":1}"#),
            "rows: there is no list at \"/x\" of the answer"
        );
        assert_eq!(
            says(None, r#"[{"id":"a"}]"#),
            "row 0: columns.left: there is nothing at \"/n\""
        );
        assert!(says(None, r#"[{"id":"a","n":[]}]"#).contains("must be one value"));
    }
}

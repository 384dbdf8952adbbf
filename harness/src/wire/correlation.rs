//! Correlation: where the payment's transaction number stands in what crosses a link, as the manifest says.
//!
//! Never: takes anything but the named places out of a frame.

use std::collections::BTreeMap;

use serde_json::Value;

/// Where to look, and what the run's own names stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correlation {
    /// JSON pointers into HTTP bodies, of requests and answers.
    pub http_body: Vec<String>,
    /// Path templates; a segment in braces stands for any text, `{tx}` for the transaction number. They also name
    /// the points: a path that fits none is named as it stands.
    pub http_path: Vec<String>,
    /// JSON pointers into message bodies.
    pub message_body: Vec<String>,
    /// Whether the keys of a message are transaction numbers.
    pub message_keys: bool,
    /// Columns of databases that hold transaction numbers: `table.column`.
    pub sql_columns: Vec<String>,
    /// The run's own name of a topic or group -> its name in the manifest.
    pub names: BTreeMap<String, String>,
}

/// Prefixes that RocketMQ puts before the name of a group.
const GROUP_PREFIXES: [&str; 2] = ["%RETRY%", "%DLQ%"];

impl Correlation {
    /// The manifest's name for a topic of the run, also behind `%RETRY%` and `%DLQ%`.
    pub fn shown(&self, topic: &str) -> String {
        let prefix = GROUP_PREFIXES
            .into_iter()
            .find(|prefix| topic.starts_with(prefix))
            .unwrap_or_default();
        let name = &topic[prefix.len()..];
        format!("{prefix}{}", self.names.get(name).map_or(name, String::as_str))
    }

    /// Transaction numbers of a message.
    pub(super) fn of_message<'a>(&self, keys: impl Iterator<Item = &'a str>, body: Option<&[u8]>) -> Vec<String> {
        let mut found = Vec::new();
        if self.message_keys {
            keys.for_each(|key| add(&mut found, key.to_owned()));
        }
        if let Some(body) = body {
            at_pointers(&self.message_body, body, &mut found);
        }
        found
    }

    /// Whether any column holds transaction numbers.
    pub(super) fn has_sql_columns(&self) -> bool {
        !self.sql_columns.is_empty()
    }

    /// Whether a column of a table holds transaction numbers.
    pub(super) fn holds_tx(&self, table: &str, column: &str) -> bool {
        self.holds_tx_if(column, |other| other.eq_ignore_ascii_case(table))
    }

    /// Whether a column of that name holds transaction numbers in a table for which `is` is true.
    pub(super) fn holds_tx_if(&self, column: &str, is: impl Fn(&str) -> bool) -> bool {
        let columns = self.sql_columns.iter().filter_map(|entry| entry.split_once('.'));
        columns
            .into_iter()
            .any(|(table, other)| other.eq_ignore_ascii_case(column) && is(table))
    }

    /// Transaction numbers in an HTTP body.
    pub(super) fn of_http_body(&self, body: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        at_pointers(&self.http_body, body, &mut found);
        found
    }

    /// The name of a path (its template where one fits) and the transaction number in it.
    pub(super) fn of_http_path<'a>(&'a self, target: &'a str) -> (&'a str, Option<String>) {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        for template in &self.http_path {
            if let Some(tx) = fits(template, path) {
                return (template, tx);
            }
        }
        (path, None)
    }
}

/// None when the path does not fit; the transaction number, where the template has one, when it does.
fn fits(template: &str, path: &str) -> Option<Option<String>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut tx = None;
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(tx),
            (Some("{tx}"), Some(value)) if !value.is_empty() => tx = Some(value.to_owned()),
            (Some(w), Some(g)) if w == g || (w.starts_with('{') && w.ends_with('}') && !g.is_empty()) => {}
            _ => return None,
        }
    }
}

fn at_pointers(pointers: &[String], body: &[u8], found: &mut Vec<String>) {
    if pointers.is_empty() || !body.contains(&b'{') {
        return;
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    for pointer in pointers {
        match value.pointer(pointer) {
            Some(Value::String(text)) => add(found, text.clone()),
            Some(Value::Number(number)) => add(found, number.to_string()),
            _ => {}
        }
    }
}

fn add(found: &mut Vec<String>, tx: String) {
    if !tx.is_empty() && !found.contains(&tx) {
        found.push(tx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_name_paths_and_find_the_number() {
        let rules = Correlation {
            http_path: vec![
                "/pay/payresult/{tx}".to_owned(),
                "/account/balance/{account}".to_owned(),
            ],
            ..Correlation::default()
        };
        let path = |p: &'static str| rules.of_http_path(p);
        assert_eq!(
            path("/pay/payresult/t7?x=1"),
            ("/pay/payresult/{tx}", Some("t7".to_owned()))
        );
        assert_eq!(path("/account/balance/a1"), ("/account/balance/{account}", None));
        assert_eq!(path("/pay/payresult/"), ("/pay/payresult/", None));
        assert_eq!(path("/pay/recharge?card=secret"), ("/pay/recharge", None));
    }

    #[test]
    fn keys_and_pointers_are_merged() {
        let rules = Correlation {
            message_body: vec!["/tx_no".to_owned(), "/n".to_owned()],
            message_keys: true,
            ..Correlation::default()
        };
        let body = br#"{"tx_no":"t1","n":5}"#;
        assert_eq!(rules.of_message(["t1", "k"].into_iter(), Some(body)), ["t1", "k", "5"]);
        assert!(rules.of_message([].into_iter(), Some(b"{broken")).is_empty());
    }

    #[test]
    fn the_runs_names_are_shown_as_the_manifests() {
        let names = [("t__r3", "t"), ("g__r3", "g")];
        let rules = Correlation {
            names: names.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect(),
            ..Correlation::default()
        };
        assert_eq!(rules.shown("t__r3"), "t");
        assert_eq!(rules.shown("%RETRY%g__r3"), "%RETRY%g");
        assert_eq!(rules.shown("other"), "other");
    }
}

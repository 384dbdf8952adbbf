//! Which columns the promises need of each view: a view that lacks one is a mistake in the manifest, known before
//! anything is begun. Never: decides what a promise means; that is the checkers'.

use std::collections::BTreeSet;

use paytwice_checkers::history::{Header, Promise};
use paytwice_checkers::promises;
use serde_json::{Map, Value};

use super::listed;
use crate::plan::manifest::View;

/// The views that show what the target has recorded of its subjects.
pub(super) fn recorded(header: &Header) -> BTreeSet<String> {
    let tables = header
        .promises
        .iter()
        .filter_map(|promise| promise.options.get("recorded"));
    tables
        .filter_map(|table| table.get("view")?.as_str())
        .map(str::to_owned)
        .collect()
}

/// What is missing of a view that has these columns, each with the key of who needs it. Nothing is known to be missing
/// where the columns are not known.
pub(super) fn missing(header: &Header, name: &str, view: &View, has: Option<&[String]>) -> Vec<String> {
    let Some(has) = has else { return Vec::new() };
    let place = if view.sql.is_some() { "sql" } else { "columns" };
    let twice = has.iter().enumerate().find(|(at, column)| has[..*at].contains(*column));
    let twice = twice.map(|(_, column)| {
        format!("views.{name}.{place}: returns the column {column:?} twice; name each once with AS")
    });
    let needs = header.promises.iter().enumerate().flat_map(|(n, promise)| {
        let needs = needs(header, promise, name).into_iter();
        needs.map(move |(option, need)| (format!("promises[{n}].{option}"), need))
    });
    let own = promises::needs(header).into_iter().filter(|need| need.view == name);
    let own = own.map(|need| (need.option, Need::Column(need.column)));
    let missing = needs.chain(own).filter_map(|(key, need)| match need {
        Need::Column(column) => (!has.contains(&column)).then(|| {
            format!(
                "views.{name}.{place}: must return the column {column:?}, which {key} needs; it returns {}",
                listed(has)
            )
        }),
        Need::OneBeside(column) => {
            let others = has.iter().filter(|other| **other != column);
            (others.count() != 1).then(|| {
                format!(
                    "views.{name}.{place}: must return one column beside {column:?}, for {key}; it returns {}; or say which with \
                     {key}.value",
                    listed(has)
                )
            })
        }
    });
    twice.into_iter().chain(missing).collect()
}

/// What a promise needs of a view.
enum Need {
    /// This column.
    Column(String),
    /// Exactly one beside this one.
    OneBeside(String),
}

/// What a promise about subjects that are followed needs of a view, each with the option that needs it.
fn needs(header: &Header, promise: &Promise, view: &str) -> Vec<(&'static str, Need)> {
    let Some(subject) = subject(header, promise) else {
        return Vec::new();
    };
    let table = |option: &str| {
        let table = promise.options.get(option)?.as_object()?;
        (table.get("view")?.as_str()? == view).then_some(table)
    };
    let key = || subject.key.clone().map(Need::Column);
    let mut needs = Vec::new();
    if let Some(recorded) = table("recorded") {
        needs.extend(key().map(|key| ("recorded", key)));
        for option in ["success", "failed"] {
            let columns = recorded.get(option).and_then(Value::as_object).into_iter();
            needs.extend(
                columns
                    .flat_map(Map::keys)
                    .map(|column| ("recorded", Need::Column(column.clone()))),
            );
        }
    }
    if table("listed").is_some() {
        needs.extend(key().map(|key| ("listed", key)));
    }
    if let Some(effect) = table("effect") {
        let text = |option: &str| effect.get(option).and_then(Value::as_str);
        let coded = text("by").and_then(|field| subject.fields.get(field)?.coded.as_ref());
        match (coded, text("value")) {
            (None, _) => needs.extend(key().map(|key| ("effect", key))),
            (Some(coded), value) => {
                needs.push(("effect", Need::Column(coded.per.clone())));
                needs.push((
                    "effect",
                    value.map_or_else(
                        || Need::OneBeside(coded.per.clone()),
                        |value| Need::Column(value.to_owned()),
                    ),
                ));
            }
        }
    }
    needs
}

/// The kind of subject that a promise follows: the one it names, or the only one that has a key.
fn subject<'a>(header: &'a Header, promise: &Promise) -> Option<&'a paytwice_checkers::history::Subject> {
    if let Some(kind) = promise.options.get("subject").and_then(Value::as_str) {
        return header.subjects.get(kind);
    }
    let mut followed = header.subjects.values().filter(|subject| subject.key.is_some());
    followed.next().filter(|_| followed.next().is_none())
}

#[cfg(test)]
mod tests {
    use paytwice_checkers::history::Moment;

    use super::*;

    fn header() -> Header {
        let text = r#"{"format":"","version":1,"target":"","run":"","stack":"","seed":0,"started_at":"","policies":{},
            "subjects":{"order":{"key":"order","fields":{"shop":{"names":"shop"},"price":{"coded":{"per":"shop","base":10,"scale":2}}}},"shop":{}},
            "promises":[{"checker":"exactly-once","subject":"order","recorded":{"view":"orders","success":{"state":["paid"]}},
            "effect":{"view":"tills","by":"price"}}]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn problems(name: &str, has: &[&str]) -> Vec<String> {
        let view: View = toml::from_str("database = 'd'\nsql = 's'").unwrap();
        let has: Vec<String> = has.iter().map(|&column| column.to_owned()).collect();
        missing(&header(), name, &view, Some(&has))
    }

    #[test]
    fn every_checker_says_what_it_needs() {
        let mut header = header();
        let promise = r#"{"checker":"conserved","view":"stock","sum":["available","frozen"],"by":"sku"}"#;
        header
            .views
            .insert("stock".to_owned(), vec![Moment::Initial, Moment::Final]);
        header.promises.push(serde_json::from_str(promise).unwrap());
        let view: View = toml::from_str("database = 'd'\nsql = 's'").unwrap();
        let problems = |has: &[&str]| {
            let has: Vec<String> = has.iter().map(|&column| column.to_owned()).collect();
            missing(&header, "stock", &view, Some(&has))
        };
        assert_eq!(problems(&["sku", "available", "frozen"]), Vec::<String>::new());
        assert_eq!(
            problems(&["sku", "available", "frosen"]),
            [
                "views.stock.sql: must return the column \"frozen\", which promises[1].sum needs; it returns available, frosen, sku"
            ]
        );
    }

    #[test]
    fn what_a_promise_needs_is_there_or_named() {
        assert_eq!(problems("orders", &["order", "state"]), Vec::<String>::new());
        assert_eq!(
            problems("orders", &["id", "state"]),
            [
                "views.orders.sql: must return the column \"order\", which promises[0].recorded needs; it returns id, state"
            ]
        );
        assert_eq!(problems("tills", &["shop", "sum"]), Vec::<String>::new());
        assert_eq!(
            problems("tills", &["shop", "sum", "since"]),
            [
                "views.tills.sql: must return one column beside \"shop\", for promises[0].effect; it returns shop, since, sum; or \
              say which with promises[0].effect.value"
            ]
        );
        assert_eq!(problems("others", &[]), Vec::<String>::new());
        assert_eq!(
            problems("others", &["a", "a"]),
            ["views.others.sql: returns the column \"a\" twice; name each once with AS"]
        );
        assert_eq!(recorded(&header()), BTreeSet::from(["orders".to_owned()]));
    }
}

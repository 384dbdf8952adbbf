//! Correlation: which keys stand in what crosses a link, by the places that the manifest names.
//!
//! A [`Correlation`] is what a manifest says; a [`Finder`] is that, arranged for looking, with counts of what was found.
//! Never: takes anything but the named places out of a frame.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use super::keys::Keys;
use super::place::{Place, in_braces};

/// Where keys stand, and what the run's own names stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correlation {
    /// The places of each key, by its name.
    pub keys: BTreeMap<String, Vec<Place>>,
    /// Path templates that name points and hold no key; a segment in braces stands for any text. A path that fits no
    /// template, neither one of these nor one of a key, is named as it stands.
    pub paths: Vec<String>,
    /// The run's own name of a topic or group -> its name in the manifest.
    pub names: BTreeMap<String, String>,
}

impl Correlation {
    /// With one more key, which stands at these places.
    pub fn with_key(mut self, name: &str, places: &[&str]) -> Result<Correlation, String> {
        let mut parsed = Vec::new();
        for place in places {
            let place: Place = place.parse().map_err(|problem| format!("keys.{name}.at: {problem}"))?;
            place
                .check(name)
                .map_err(|problem| format!("keys.{name}.at: {problem}"))?;
            parsed.push(place);
        }
        self.keys.entry(name.to_owned()).or_default().extend(parsed);
        Ok(self)
    }
}

/// The columns of tables, in the order in which rows without names of columns are stored: by the name of the table.
pub type Tables = BTreeMap<String, Vec<String>>;

/// How often a key was found on a link, of the frames on which one of its places could stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyStats {
    /// Frames that carried it.
    pub found: u64,
    /// Frames on which a place of it could stand: of the table or the path that a place names, or with a body or headers
    /// of the kind that a place is about.
    pub of: u64,
}

/// What looking at a frame brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The keys.
    pub(super) keys: Keys,
    /// The numbers of the keys that could stand there, each once.
    pub(super) could: Vec<usize>,
}

impl Found {
    pub(super) fn could(&mut self, key: usize) {
        if !self.could.contains(&key) {
            self.could.push(key);
        }
    }
}

/// Finds the keys in what crosses a link.
#[derive(Debug, Default)]
pub(super) struct Finder {
    keys: Vec<Key>,
    templates: Vec<Template>,
    names: BTreeMap<String, String>,
    tables: RwLock<Tables>,
}

/// One key, with its places by what they are about.
#[derive(Debug, Default)]
struct Key {
    name: String,
    http: Vec<String>,
    headers: Vec<String>,
    message_key: bool,
    message: Vec<String>,
    properties: Vec<String>,
    columns: Vec<(String, String)>,
    gtrid: bool,
    found: AtomicU64,
    of: AtomicU64,
}

/// A path template, and the key that stands in it.
#[derive(Debug)]
struct Template {
    text: String,
    key: Option<usize>,
}

/// Prefixes that RocketMQ puts before the name of a group.
const GROUP_PREFIXES: [&str; 2] = ["%RETRY%", "%DLQ%"];

impl Finder {
    pub(super) fn new(correlation: Correlation) -> Finder {
        let mut finder = Finder {
            names: correlation.names,
            ..Finder::default()
        };
        for (at, (name, places)) in correlation.keys.into_iter().enumerate() {
            let mut key = Key { name, ..Key::default() };
            for place in places {
                match place {
                    Place::HttpBody(pointer) => key.http.push(pointer),
                    Place::HttpPath(text) => finder.templates.push(Template { text, key: Some(at) }),
                    Place::HttpHeader(name) => key.headers.push(name),
                    Place::MessageKey => key.message_key = true,
                    Place::MessageBody(pointer) => key.message.push(pointer),
                    Place::MessageProperty(name) => key.properties.push(name),
                    Place::Sql { table, column } => key.columns.push((table, column)),
                    Place::XaGtrid => key.gtrid = true,
                }
            }
            finder.keys.push(key);
        }
        let plain = correlation.paths.into_iter().map(|text| Template { text, key: None });
        finder.templates.extend(plain);
        // The more a template says, the sooner it is asked: `/orders/new` before `/orders/{order}`.
        finder.templates.sort_by_key(|template| braces(&template.text));
        finder
    }

    /// The manifest's name for a topic of the run, also behind `%RETRY%` and `%DLQ%`.
    pub(super) fn shown(&self, topic: &str) -> String {
        let prefix = GROUP_PREFIXES
            .into_iter()
            .find(|prefix| topic.starts_with(prefix))
            .unwrap_or_default();
        let name = &topic[prefix.len()..];
        format!("{prefix}{}", self.names.get(name).map_or(name, String::as_str))
    }

    /// Counts a frame that carries these keys, `could` being those that could stand on it.
    pub(super) fn count(&self, keys: &Keys, could: &[usize]) {
        for key in could.iter().filter_map(|at| self.keys.get(*at)) {
            key.of.fetch_add(1, Ordering::Relaxed);
            key.found.fetch_add(u64::from(keys.has(&key.name)), Ordering::Relaxed);
        }
    }

    /// What was counted, by the key's name.
    pub(super) fn stats(&self) -> BTreeMap<String, KeyStats> {
        let stats = |key: &Key| KeyStats {
            found: key.found.load(Ordering::Relaxed),
            of: key.of.load(Ordering::Relaxed),
        };
        self.keys.iter().map(|key| (key.name.clone(), stats(key))).collect()
    }

    /// The name of the key with that number.
    pub(super) fn name(&self, key: usize) -> &str {
        self.keys.get(key).map_or("", |key| &key.name)
    }

    /// Keys of a message; `property` tells a property by its name. Without a body it could not be read.
    pub(super) fn message<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
        property: impl Fn(&str) -> Option<&'a str>,
        body: Option<&[u8]>,
        found: &mut Found,
    ) {
        let given: Vec<&str> = keys.collect();
        for (at, key) in self.keys.iter().enumerate() {
            if key.message_key {
                found.could(at);
                given.iter().for_each(|value| found.keys.add(&key.name, value));
            }
            for value in key.properties.iter().map(|name| property(name)) {
                found.could(at);
                value.iter().for_each(|value| found.keys.add(&key.name, value));
            }
            if body.is_none() && !key.message.is_empty() {
                found.could(at);
            }
        }
        if let Some(body) = body {
            self.at_pointers(body, |key| &key.message, found);
        }
    }

    /// Keys in an HTTP body.
    pub(super) fn http_body(&self, body: &[u8], found: &mut Found) {
        self.at_pointers(body, |key| &key.http, found);
    }

    /// Notes which keys could stand in an HTTP body that was not read.
    pub(super) fn http_unread(&self, found: &mut Found) {
        let keys = self.keys.iter().enumerate();
        keys.filter(|(_, key)| !key.http.is_empty())
            .for_each(|(at, _)| found.could(at));
    }

    /// Keys in HTTP headers; `header` tells the values of a header by its name.
    pub(super) fn http_headers<'a>(&self, headers: impl Fn(&str) -> Option<&'a str>, found: &mut Found) {
        for (at, key) in self.keys.iter().enumerate().filter(|(_, key)| !key.headers.is_empty()) {
            found.could(at);
            let values = key.headers.iter().filter_map(|name| headers(name));
            // A string of structured fields stands in quotes.
            let bare = |value: &'a str| {
                value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'))
                    .unwrap_or(value)
            };
            values.for_each(|value| found.keys.add(&key.name, bare(value)));
        }
    }

    /// The name of a path (its template where one fits), and the keys in it.
    pub(super) fn http_path<'a>(&'a self, target: &'a str, found: &mut Found) -> &'a str {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let Some(first) = self.templates.iter().find(|template| fits(&template.text, path)) else {
            return path;
        };
        // Two keys may stand in the same segment: their templates differ in nothing but the name in braces.
        let same = self.templates.iter().filter(|other| is_same(&first.text, &other.text));
        for (at, template) in same.filter_map(|template| Some((template.key?, template))) {
            found.could(at);
            let name = self.name(at);
            let segments = template.text.split('/').zip(path.split('/'));
            for (_, value) in segments.filter(|(wanted, _)| in_braces(wanted) == Some(name)) {
                found.keys.add(name, value);
            }
        }
        &first.text
    }

    /// Whether any column holds a key.
    pub(super) fn has_columns(&self) -> bool {
        self.keys.iter().any(|key| !key.columns.is_empty())
    }

    /// The columns of that name that hold a key: the key's number, and the table.
    pub(super) fn columns<'a>(&'a self, column: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        self.tables().filter_map(move |(at, table, other)| {
            let is_it = other.eq_ignore_ascii_case(column);
            is_it.then_some((at, table))
        })
    }

    /// The tables with a column that holds a key: the key's number, table and column.
    pub(super) fn tables(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.keys.iter().enumerate().flat_map(|(at, key)| {
            let columns = key.columns.iter();
            columns.map(move |(table, column)| (at, table.as_str(), column.as_str()))
        })
    }

    /// From here on these are the columns of tables.
    pub(super) fn learn(&self, tables: Tables) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    /// The columns of a table in their order; none where they are not known.
    pub(super) fn order(&self, table: &str) -> Vec<String> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let known = tables.iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
        known.map(|(_, columns)| columns.clone()).unwrap_or_default()
    }

    /// The keys that an XA transaction of that gtrid carries.
    pub(super) fn gtrid(&self, gtrid: &str, found: &mut Found) {
        for (at, key) in self.keys.iter().enumerate().filter(|(_, key)| key.gtrid) {
            found.could(at);
            found.keys.add(&key.name, gtrid);
        }
    }

    fn at_pointers(&self, body: &[u8], pointers: impl Fn(&Key) -> &[String], found: &mut Found) {
        if !body.contains(&b'{') || self.keys.iter().all(|key| pointers(key).is_empty()) {
            return;
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        for (at, key) in self.keys.iter().enumerate() {
            for pointer in pointers(key) {
                found.could(at);
                match value.pointer(pointer) {
                    Some(Value::String(text)) => found.keys.add(&key.name, text),
                    Some(Value::Number(number)) => found.keys.add(&key.name, &number.to_string()),
                    _ => {}
                }
            }
        }
    }
}

fn braces(template: &str) -> usize {
    template
        .split('/')
        .filter(|segment| in_braces(segment).is_some())
        .count()
}

/// Whether a path fits a template: what is in braces stands for any text but none.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(w), Some(g)) if w == g || (in_braces(w).is_some() && !g.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Whether two templates differ in nothing but the names in braces.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |template: &str| -> Vec<Option<String>> {
        let segments = template.split('/');
        segments
            .map(|segment| in_braces(segment).is_none().then(|| segment.to_owned()))
            .collect()
    };
    one == other || plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(keys: &[(&str, &[&str])]) -> Finder {
        let with = |so_far: Correlation, (name, places): &(&str, &[&str])| so_far.with_key(name, places).unwrap();
        Finder::new(keys.iter().fold(Correlation::default(), with))
    }

    #[test]
    fn templates_name_paths_and_find_keys() {
        let mut correlation = Correlation {
            paths: vec!["/account/balance/{account}".to_owned(), "/orders/new".to_owned()],
            ..Correlation::default()
        };
        for (key, place) in [
            ("tx", "path:/pay/payresult/{tx}"),
            ("order", "path:/orders/{order}"),
            ("number", "path:/orders/{number}"),
        ] {
            correlation = correlation.with_key(key, &[place]).unwrap();
        }
        let finder = Finder::new(correlation);
        let path = |path: &'static str| {
            let mut found = Found::default();
            let name = finder.http_path(path, &mut found).to_owned();
            (name, found.keys.to_string(), found.could.len())
        };
        let told = |name: &str, keys: &str, could: usize| (name.to_owned(), keys.to_owned(), could);
        assert_eq!(path("/pay/payresult/t7?x=1"), told("/pay/payresult/{tx}", "t7", 1));
        assert_eq!(path("/account/balance/a1"), told("/account/balance/{account}", "", 0));
        assert_eq!(path("/pay/payresult/"), told("/pay/payresult/", "", 0));
        assert_eq!(path("/pay/order?card=secret"), told("/pay/order", "", 0));
        assert_eq!(path("/orders/new"), told("/orders/new", "", 0));
        assert_eq!(path("/orders/7"), told("/orders/{number}", "number=7,order=7", 2));
    }

    #[test]
    fn keys_properties_and_pointers_are_merged() {
        let finder = finder(&[
            ("order", &["message:/order/id", "property:orderId"]),
            ("tx", &["message:key", "message:/tx_no", "message:/n"]),
        ]);
        let read = |keys: &[&'static str], property: Option<&'static str>, body: Option<&[u8]>| {
            let mut found = Found::default();
            let of_order = |name: &str| property.filter(|_| name == "orderId");
            finder.message(keys.iter().copied(), of_order, body, &mut found);
            found.could.sort_unstable();
            (found.keys.to_string(), found.could)
        };
        let told = |keys: &str, could: &[usize]| (keys.to_owned(), could.to_vec());
        let body = br#"{"tx_no":"t1","n":5,"order":{"id":"o1"}}"#;
        assert_eq!(read(&["t1", "k"], None, Some(body)), told("order=o1,t1,k,5", &[0, 1]));
        assert_eq!(read(&[], Some("o2"), Some(b"{broken")), told("order=o2", &[0, 1]));
        assert_eq!(read(&[], None, None), told("", &[0, 1]), "not read");
    }

    #[test]
    fn frames_are_counted_by_the_keys_that_could_stand_on_them() {
        let finder = finder(&[("order", &["message:/order/id"]), ("tx", &["message:key"])]);
        finder.count(&Keys::of("tx=t1"), &[0, 1]);
        finder.count(&Keys::of("tx=t2"), &[1]);
        let stats = |found, of| KeyStats { found, of };
        assert_eq!(
            Vec::from_iter(finder.stats()),
            [("order".to_owned(), stats(0, 1)), ("tx".to_owned(), stats(2, 2))]
        );
    }

    #[test]
    fn headers_hold_keys_in_whatever_case() {
        let finder = finder(&[("tx", &["header:Idempotency-Key"])]);
        let mut found = Found::default();
        let header = |name: &str| name.eq_ignore_ascii_case("idempotency-key").then_some("t1");
        finder.http_headers(header, &mut found);
        assert_eq!((found.keys.to_string(), found.could), ("t1".to_owned(), vec![0]));
        let mut found = Found::default();
        finder.http_headers(|_| Some("\"t 2\""), &mut found);
        assert_eq!(found.keys.to_string(), "t 2", "a string of structured fields");
    }

    #[test]
    fn a_place_that_cannot_hold_its_key_is_refused() {
        let refused = |place: &str| Correlation::default().with_key("tx", &[place]).unwrap_err();
        assert!(refused("sql:account_pay").starts_with("keys.tx.at: \"sql:account_pay\" is no column"));
        assert!(refused("path:/pay/{t}").contains("keys.tx.at: `path:/pay/{t}` has no segment {tx}"));
    }

    #[test]
    fn the_runs_names_are_shown_as_the_manifests() {
        let names = [("t__r3", "t"), ("g__r3", "g")];
        let finder = Finder::new(Correlation {
            names: names.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect(),
            ..Correlation::default()
        });
        assert_eq!(finder.shown("t__r3"), "t");
        assert_eq!(finder.shown("%RETRY%g__r3"), "%RETRY%g");
        assert_eq!(finder.shown("other"), "other");
    }
}

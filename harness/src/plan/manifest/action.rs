//! `[actions.*]`: what clients do, by HTTP or SQL, and how an answer is read.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::plan::duration::Span;
use crate::plan::error::PlanError;
use crate::plan::fill::{fill, placeholders, try_fill};

/// What clients do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// It starts a subject of this kind.
    #[serde(default)]
    pub starts: Option<String>,
    /// It asks about a subject of this kind.
    #[serde(default)]
    pub asks: Option<String>,
    /// It brings a subject of this kind to its end where it is not done at rest.
    #[serde(default)]
    pub repairs: Option<String>,
    /// Each client does it once, before the workload.
    #[serde(default)]
    pub sets_up: bool,
    /// The call: `METHOD SERVICE PATH`.
    #[serde(default)]
    pub call: Option<Call>,
    /// What is sent as JSON.
    #[serde(default)]
    pub body: Option<Body>,
    /// What is sent as a form.
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Whether each client keeps cookies.
    #[serde(default)]
    pub cookies: bool,
    /// The database of its statement, where it is one.
    #[serde(default)]
    pub database: Option<String>,
    /// Its statement.
    #[serde(default)]
    pub sql: Option<String>,
    /// Statuses of a definite success.
    #[serde(default = "usual_ok")]
    pub ok: Vec<u16>,
    /// Statuses that say that it certainly did not happen.
    #[serde(default)]
    pub fail: Vec<u16>,
    /// Parts of the answer, by the name that they have in the history.
    #[serde(default)]
    pub answer: BTreeMap<String, AnswerAt>,
    /// The fields in which a request with a known key must agree with the first: a deliberate conflict changes one of them.
    /// Every field that it sends, where nothing is said.
    #[serde(default)]
    pub payload: Option<Vec<String>>,
    /// How often it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// How often it is drawn among the actions that start, or among those that ask.
    #[serde(default = "one")]
    pub weight: u32,
}

/// How something reaches the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request<'a> {
    /// An HTTP request.
    Http(HttpRequest<'a>),
    /// A statement.
    Sql {
        /// The database.
        database: &'a str,
        /// The statement, to be filled in.
        sql: &'a str,
    },
}

/// An HTTP request, to be filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HttpRequest<'a> {
    /// Method, service and path.
    pub call: &'a Call,
    /// JSON body.
    pub body: Option<&'a Body>,
    /// Form.
    pub form: Option<&'a BTreeMap<String, String>>,
    /// Headers.
    pub headers: &'a BTreeMap<String, String>,
    /// Whether cookies are sent and kept.
    pub cookies: bool,
    /// Statuses of a definite success.
    pub ok: &'a [u16],
    /// Statuses of a definite failure.
    pub fail: &'a [u16],
    /// Parts of the answer.
    pub answer: Option<&'a BTreeMap<String, AnswerAt>>,
}

/// `METHOD SERVICE PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The service that is called.
    pub service: String,
    /// Path and query, to be filled in.
    pub path: String,
}

/// Methods of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// What is sent as JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A value whose strings are filled in.
    Value(serde_json::Value),
    /// A JSON text with `${...}` anywhere in it, so that numbers are possible.
    Text(String),
}

/// Where a part of an answer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerAt {
    /// At a JSON pointer.
    Pointer(String),
    /// In a header.
    Header(String),
    /// The whole body, trimmed.
    Text,
}

/// How often an action is tried while its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts, the first included.
    #[serde(default = "four")]
    pub attempts: u32,
    /// Pause before the second one; it doubles with each further one.
    #[serde(default = "a_fifth_of_a_second")]
    pub after: Span,
}

/// What a policy value changes in an action; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionChange {
    /// Another call. A GET has no body: body and form go unless they are given here.
    #[serde(default)]
    pub call: Option<Call>,
    /// Another body.
    #[serde(default)]
    pub body: Option<Body>,
    /// Another form.
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
    /// Other headers.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    /// Another statement.
    #[serde(default)]
    pub sql: Option<String>,
    /// Other definite successes.
    #[serde(default)]
    pub ok: Option<Vec<u16>>,
    /// Other definite failures.
    #[serde(default)]
    pub fail: Option<Vec<u16>>,
    /// Other parts of the answer.
    #[serde(default)]
    pub answer: Option<BTreeMap<String, AnswerAt>>,
}

impl Action {
    /// How it reaches the target; None only for a manifest that was not checked.
    pub fn request(&self) -> Option<Request<'_>> {
        if let (Some(database), Some(sql)) = (&self.database, &self.sql) {
            return Some(Request::Sql { database, sql });
        }
        Some(Request::Http(HttpRequest {
            call: self.call.as_ref()?,
            body: self.body.as_ref(),
            form: self.form.as_ref(),
            headers: &self.headers,
            cookies: self.cookies,
            ok: &self.ok,
            fail: &self.fail,
            answer: Some(&self.answer),
        }))
    }
}

impl Call {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

impl ActionChange {
    /// Changes an action.
    pub(crate) fn apply(&self, action: &mut Action) {
        if let Some(call) = &self.call {
            action.call = Some(call.clone());
            if call.method == Method::Get {
                (action.body, action.form) = (None, None);
            }
        }
        if self.body.is_some() || self.form.is_some() {
            action.body.clone_from(&self.body);
            action.form.clone_from(&self.form);
        }
        if let Some(headers) = &self.headers {
            action.headers.clone_from(headers);
        }
        if self.sql.is_some() {
            action.sql.clone_from(&self.sql);
        }
        if let Some(ok) = &self.ok {
            action.ok.clone_from(ok);
        }
        if let Some(fail) = &self.fail {
            action.fail.clone_from(fail);
        }
        if let Some(answer) = &self.answer {
            action.answer.clone_from(answer);
        }
    }
}

impl Body {
    /// The JSON text, with every `${...}` filled in. Values are escaped as JSON strings are.
    pub fn fill(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, PlanError> {
        match self {
            Body::Value(value) => Ok(filled(value, lookup)?.to_string()),
            Body::Text(text) => try_fill(text, &|name| lookup(name).map(|value| escaped(&value))),
        }
    }

    /// Every string in it that is filled in.
    pub fn strings(&self) -> Vec<&str> {
        match self {
            Body::Value(value) => strings(value),
            Body::Text(text) => vec![text],
        }
    }

    /// Why it is no JSON once it is filled in; None where it is.
    pub(crate) fn problem(&self) -> Option<String> {
        let Body::Text(text) = self else { return None };
        // A digit is valid both inside and outside of quotes.
        let sample = fill(text, &|_| Some("1".to_owned()));
        let error = serde_json::from_str::<serde_json::Value>(&sample).err()?;
        placeholders(text)
            .is_ok()
            .then(|| format!("is a text that is no JSON: {error}"))
    }
}

fn filled(value: &serde_json::Value, lookup: &dyn Fn(&str) -> Option<String>) -> Result<serde_json::Value, PlanError> {
    use serde_json::Value;
    Ok(match value {
        Value::String(text) => Value::String(try_fill(text, lookup)?),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| filled(item, lookup))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(table) => {
            let entries = table
                .iter()
                .map(|(key, value)| Ok((key.clone(), filled(value, lookup)?)));
            Value::Object(entries.collect::<Result<_, PlanError>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn strings(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(table) => table.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// A text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// A TOML value as JSON.
pub(super) fn json(value: toml::Value) -> Result<serde_json::Value, String> {
    use serde_json::Value;
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => {
            let finite = serde_json::Number::from_f64(number);
            Value::Number(finite.ok_or_else(|| format!("{number} is no number in JSON"))?)
        }
        toml::Value::Boolean(yes) => Value::Bool(yes),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| Ok((key, json(value)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
    })
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 5] = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Call, String> {
        let form = "write METHOD SERVICE PATH, as in \"POST orders /orders/${order}\"";
        let words: Vec<&str> = text.split_whitespace().collect();
        let [method, service, path] = words[..] else {
            return Err(format!("is {text:?}; {form}"));
        };
        let Some(method) = Method::ALL.into_iter().find(|known| known.name() == method) else {
            let known = Method::ALL.map(Method::name).join(", ");
            return Err(format!("is {text:?}, and {method:?} is none of {known}; {form}"));
        };
        if !path.starts_with('/') {
            return Err(format!(
                "is {text:?}, and the path {path:?} does not begin with /; {form}"
            ));
        }
        Ok(Call {
            method,
            service: service.to_owned(),
            path: path.to_owned(),
        })
    }
}

impl FromStr for AnswerAt {
    type Err = String;

    fn from_str(text: &str) -> Result<AnswerAt, String> {
        match (text, text.strip_prefix("header:")) {
            ("text", _) => Ok(AnswerAt::Text),
            (_, Some(header)) if !header.is_empty() => Ok(AnswerAt::Header(header.to_owned())),
            _ if text.starts_with('/') => Ok(AnswerAt::Pointer(text.to_owned())),
            _ => Err(format!(
                "is {text:?}; it must be a JSON pointer like \"/{text}\", \"header:NAME\" or \"text\""
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(TextVisitor("a call like \"POST orders /orders\""))
            .and_then(|text| text.parse().map_err(D::Error::custom))
    }
}

impl<'de> Deserialize<'de> for AnswerAt {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(TextVisitor("a JSON pointer, \"header:NAME\" or \"text\""))
            .and_then(|text| text.parse().map_err(D::Error::custom))
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(d)? {
            toml::Value::String(text) => Ok(Body::Text(text)),
            value => json(value)
                .map(Body::Value)
                .map_err(|problem| D::Error::custom(format!("has a value, and {problem}"))),
        }
    }
}

/// A text; the words say what of.
struct TextVisitor(&'static str);

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: four(),
            after: a_fifth_of_a_second(),
        }
    }
}

pub(super) fn usual_ok() -> Vec<u16> {
    vec![200, 201, 202, 204]
}

fn one() -> u32 {
    1
}

fn four() -> u32 {
    4
}

fn a_fifth_of_a_second() -> Span {
    Span(200)
}

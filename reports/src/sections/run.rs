//! The run itself: its phases, figures, policies, promises, subjects and plan.

use std::collections::BTreeMap;

use askama::Template;
use paytwice_checkers::history::{Field, Header, Subject};
use paytwice_checkers::verdict::KeyCount;
use serde_json::{Map, Value};

use crate::{RunReport, ops, text};

/// The section.
#[derive(Template)]
#[template(path = "run.html")]
pub(crate) struct Section<'a> {
    header: &'a Header,
    phases: Vec<Phase<'a>>,
    figures: Vec<(String, String)>,
    keys: &'a [KeyCount],
    /// Link, and bytes that were not understood there.
    unparsed: &'a BTreeMap<String, u64>,
    /// Checker and options.
    promises: Vec<(&'a str, String)>,
    /// Kind and fields.
    subjects: Vec<(&'a str, String)>,
    plan: Option<&'a str>,
}

struct Phase<'a> {
    name: &'a str,
    from: String,
    lasted: Option<String>,
    /// Begin and length as shares of the run, for the bar.
    begin: f64,
    length: f64,
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let end_ns = ops::end_ns(report);
        let results = report.results;
        let header = &results.header;
        let phases = results.phases.iter();
        let figures = results.figures.iter();
        let promises = header.promises.iter();
        let subjects = header.subjects.iter();
        Self {
            header,
            phases: phases.map(|(name, from, to)| phase(name, *from, *to, end_ns)).collect(),
            figures: figures.map(|(name, value)| text::figure(name, *value)).collect(),
            keys: &results.keys,
            unparsed: &results.unparsed,
            promises: promises.map(|p| (&*p.checker, options(&p.options))).collect(),
            subjects: subjects.map(|(name, subject)| (&**name, described(subject))).collect(),
            plan: report.plan,
        }
    }
}

/// One option per line, as the manifest writes them: `effect = { by = "rows", view = "shipments" }`.
fn options(options: &Map<String, Value>) -> String {
    let options = options.iter().map(|(name, value)| format!("{name} = {}", toml(value)));
    options.collect::<Vec<_>>().join("\n")
}

fn toml(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name} = {}", toml(value)));
            format!("{{ {} }}", joined(pairs.collect()))
        }
        Value::Array(list) => format!("[{}]", joined(list.iter().map(toml).collect())),
        other => other.to_string(),
    }
}

/// `followed by order: quantity, sku (a sku)`.
fn described(subject: &Subject) -> String {
    let fields = subject.fields.iter().map(|(name, field)| field_words(name, field));
    let fields: Vec<String> = fields.collect();
    match &subject.key {
        None => "there before the workload".to_owned(),
        Some(key) if fields.is_empty() => format!("followed by {key}"),
        Some(key) => format!("followed by {key}: {}", fields.join(", ")),
    }
}

fn field_words(name: &str, field: &Field) -> String {
    let names = field.names.as_ref().filter(|kind| *kind != name);
    let names = names.map(|kind| format!("names one {kind}"));
    let coded = field.coded.as_ref().map(|coded| {
        let unit = match coded.scale {
            0 => String::new(),
            scale => format!(" units of 10^-{scale}"),
        };
        format!("the k-th of each {} is {}^k{unit}", coded.per, coded.base)
    });
    let words: Vec<String> = names.into_iter().chain(coded).collect();
    match words.is_empty() {
        true => name.to_owned(),
        false => format!("{name} ({})", words.join("; ")),
    }
}

fn phase(name: &str, from: u64, to: Option<u64>, end_ns: u64) -> Phase<'_> {
    #[expect(clippy::cast_precision_loss, reason = "places of a bar on the page")]
    let share = |ns: u64| (ns as f64 / end_ns.max(1) as f64).clamp(0.0, 1.0);
    let length = to.unwrap_or(end_ns).saturating_sub(from);
    Phase {
        name,
        from: text::moment(from),
        lasted: to.map(|_| text::span_ns(length)),
        begin: share(from),
        length: share(length),
    }
}

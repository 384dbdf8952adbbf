//! What promises share: kinds of subjects, what clients were told of them, reads of views, points of the wire.
//!
//! Never guesses: a view without a column, a read that failed, an input that never came are reasons to say unknown.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::Value;

use super::Options;
use crate::findings::Findings;
pub(super) use crate::history::column;
use crate::history::{Body, Event, Header, Kind, Moment, Op, Row, Rows, Wire};
use crate::ledger::{Id, Names, started};
use crate::names::list;
use crate::run::{Facts, first_line};
use crate::streaming::{self, At, plural};
use crate::verdict::{CheckerResult, Verdict};

/// The option of every promise that may have a name of its own.
pub(super) const NAME_OPTION: (&str, &str) = ("name", "the name of the promise, where two have the same checker");

/// The options of a promise about the subjects that clients start.
pub(super) const SUBJECT_OPTION: (&str, &str) =
    ("subject", "the kind of subject; default: the only one that has a key");
/// See [`SUBJECT_OPTION`].
pub(super) const STARTED_OPTION: (&str, &str) = ("started", "the actions that start it; default: all that do");

/// Where an event stands.
pub(super) fn at(event: &Event) -> At {
    At {
        index: event.index,
        time: event.time,
    }
}

/// Keys as numbers, and what they are keys of.
#[derive(Default)]
pub(super) struct Keys {
    /// What one of them is called: `order`. Empty where it has no name.
    pub(super) noun: String,
    names: Names,
    /// Other keys of a subject: those that a service gave it.
    same: HashMap<Id, Id>,
}

impl Keys {
    /// Keys of what is called by this noun.
    pub(super) fn of(noun: &str) -> Keys {
        Keys {
            noun: noun.to_owned(),
            ..Keys::default()
        }
    }

    /// Keys of the kind of subject that a header says is known by a key of this name.
    pub(super) fn named(header: &Header, key: &str) -> Keys {
        let kind = header
            .subjects
            .iter()
            .find(|(_, subject)| subject.key.as_deref() == Some(key));
        Keys::of(kind.map_or("", |(kind, _)| kind.as_str()))
    }

    /// The number of a key.
    pub(super) fn number(&mut self, key: &str) -> Id {
        self.names.id(key)
    }

    /// The key of a number.
    pub(super) fn name(&self, id: Id) -> &str {
        self.names.name(id)
    }

    /// Two keys are of one subject, which is called by the second.
    pub(super) fn is_also(&mut self, key: Id, subject: Id) {
        if key != subject {
            self.same.insert(key, subject);
        }
    }

    /// The number of the subject that a key belongs to, by all that was said of keys.
    pub(super) fn subject(&self, id: Id) -> Id {
        self.same.get(&id).copied().unwrap_or(id)
    }
}

impl streaming::Names for Keys {
    fn id(&self, id: u32) -> String {
        self.names.name(id).to_owned()
    }

    fn said(&self, _noun: &str, id: u32) -> String {
        if self.noun.is_empty() {
            self.names.name(id).to_owned()
        } else {
            format!("{} {}", self.noun, self.names.name(id))
        }
    }
}

/// A kind of subject that clients start.
pub(super) struct About {
    /// Its kind.
    pub(super) kind: String,
    /// The name of its key.
    pub(super) key: String,
    /// The actions that start it.
    started: Vec<String>,
}

impl About {
    /// Reads `subject` and `started`.
    pub(super) fn read(options: &mut Options, header: &Header) -> Option<About> {
        let keyed = header.subjects.iter().filter(|(_, subject)| subject.key.is_some());
        let keyed: Vec<(&str, &str)> = keyed
            .filter_map(|(kind, subject)| Some((kind.as_str(), subject.key.as_deref()?)))
            .collect();
        if options.value("subject").is_none() && keyed.len() != 1 {
            let has = list(keyed.iter().map(|(kind, _)| *kind));
            options.say("subject", format!("is missing; this target follows {has}"));
            return None;
        }
        let kind = match options.value("subject") {
            Some(_) => options.name("subject", "subject with a key", keyed.iter().map(|(kind, _)| *kind))?,
            None => keyed[0].0,
        };
        let (_, key) = keyed.iter().find(|(other, _)| *other == kind)?;
        let started = started(options, header, kind);
        Some(About {
            kind: kind.to_owned(),
            key: (*key).to_owned(),
            started,
        })
    }

    /// What a client says of a subject, where an event is that: it asks for one, or was answered.
    pub(super) fn op<'e>(&self, event: &'e Event) -> Option<&'e Op> {
        match &event.body {
            Body::Op(op) if op.changed.is_empty() && op.is_one_of(&self.started) => Some(op),
            _ => None,
        }
    }

    /// Takes in the key that an answer gives to its subject; returns the number of the subject.
    pub(super) fn subject(&self, op: &Op, keys: &mut Keys) -> Id {
        let subject = keys.number(&op.subject);
        if let Some(given) = op.said(&self.key) {
            let given = keys.number(given);
            keys.is_also(given, subject);
        }
        subject
    }
}

/// Whether every column has one of the values that count; true of no columns.
pub(super) fn fits<'a>(columns: &BTreeMap<String, Vec<String>>, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    let mut columns = columns.iter();
    columns.all(|(column, values)| value(column).is_some_and(|found| values.iter().any(|v| v == found)))
}

/// A named point of the wire: `account->mysql COMMIT reply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    link: String,
    point: String,
}

impl Point {
    /// Reads an option that names one.
    pub(super) fn read(options: &mut Options, key: &str) -> Option<Point> {
        let text = options.text(key)?;
        match link_and_point(text) {
            Some((link, point)) => Some(Point {
                link: link.to_owned(),
                point: point.to_owned(),
            }),
            None => {
                options.say(
                    key,
                    format!("is {text:?}; expected a link and a point, as in \"account->mysql COMMIT reply\""),
                );
                None
            }
        }
    }

    /// Whether a frame was seen here.
    pub(super) fn is(&self, wire: &Wire) -> bool {
        self.link == wire.link && self.point == wire.point
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.link, self.point)
    }
}

fn link_and_point(text: &str) -> Option<(&str, &str)> {
    text.split_once(' ')
        .filter(|(link, point)| link.contains("->") && !point.is_empty())
}

/// Whether a point stands anywhere in an option.
pub(super) fn names_a_point(option: &Value) -> bool {
    match option {
        Value::String(text) => link_and_point(text).is_some(),
        Value::Array(all) => all.iter().any(names_a_point),
        Value::Object(all) => all.values().any(names_a_point),
        _ => false,
    }
}

/// Reads an option that names a key of the target.
pub(super) fn key_name(options: &mut Options, key: &str, header: &Header) -> Option<String> {
    options.needed(key, "\"tx\"");
    let of_subjects = header.subjects.values().filter_map(|subject| subject.key.as_deref());
    let all = || header.keys.keys().map(String::as_str).chain(of_subjects.clone());
    let mut there: Vec<&str> = all().collect();
    there.sort_unstable();
    there.dedup();
    options.name(key, "key", there.iter().copied()).map(str::to_owned)
}

/// A view that an event reads, when, and what it showed or why not.
pub(super) fn read(event: &Event) -> Option<(&str, Moment, Result<&Rows, String>)> {
    let Body::View(view) = &event.body else { return None };
    if event.kind == Kind::Invoke {
        return None;
    }
    let shown = match (&view.rows, event.kind, &event.error) {
        (Some(rows), Kind::Ok, None) => Ok(rows),
        (_, _, error) => Err(first_line(error.as_deref(), "no reason given").to_owned()),
    };
    Some((&view.view, view.at, shown))
}

/// Whether an event is a read that brought no rows at all, as under a fault.
pub(super) fn is_lost(event: &Event) -> bool {
    matches!(&event.body, Body::View(view) if view.rows.is_none())
}

/// What the last read of a view at some moment showed.
#[derive(Clone, Debug, Default)]
pub(super) enum Last<T> {
    /// There was none.
    #[default]
    Never,
    /// It failed, or shows something else than it should.
    Failed(String),
    /// It was read then, and showed this.
    Shown(At, T),
}

impl<T> Last<T> {
    /// Keeps what a read showed.
    pub(super) fn keep(&mut self, event: &Event, shown: Result<T, String>) {
        *self = match shown {
            Ok(shown) => Last::Shown(at(event), shown),
            Err(why) => Last::Failed(why),
        };
    }

    /// What it showed, or why that is not known.
    pub(super) fn shown(&self, view: &str, moment: Moment) -> Result<(At, &T), String> {
        match self {
            Last::Never => Err(format!("no {}", read_of(view, moment))),
            Last::Failed(why) => Err(format!("the {} failed: {why}", read_of(view, moment))),
            Last::Shown(at, shown) => Ok((*at, shown)),
        }
    }
}

/// `final read of view stock`.
pub(super) fn read_of(view: &str, moment: Moment) -> String {
    match moment {
        Moment::Initial => format!("initial read of view {view}"),
        Moment::Look => format!("look at view {view}"),
        Moment::Rest => format!("read of view {view} at rest"),
        Moment::AfterRepair => format!("read of view {view} after the repair"),
        Moment::Final => format!("final read of view {view}"),
    }
}

/// The positions of columns.
pub(super) fn columns<'a>(rows: &Rows, names: impl IntoIterator<Item = &'a String>) -> Result<Vec<usize>, String> {
    names.into_iter().map(|name| column(rows, name)).collect()
}

/// Columns that a promise needs of a view, each with the option that says so.
pub(super) fn needs_of<'a>(
    view: &str,
    columns: impl IntoIterator<Item = (&'static str, &'a String)>,
) -> Vec<super::Need> {
    let need = |(option, column): (&str, &String)| super::Need {
        view: view.to_owned(),
        column: column.clone(),
        option: option.to_owned(),
    };
    columns.into_iter().map(need).collect()
}

/// A cell, with `NULL` for what has none.
pub(super) fn cell<'a>(row: Row<'a>, column: usize) -> &'a str {
    row.at(column).unwrap_or("NULL")
}

/// The cells of several columns as one key: `t1/b2`.
pub(super) fn key_of(row: Row<'_>, columns: &[usize]) -> String {
    match columns {
        [only] => cell(row, *only).to_owned(),
        _ => columns
            .iter()
            .map(|column| cell(row, *column))
            .collect::<Vec<_>>()
            .join("/"),
    }
}

/// A whole row: `sku s1, available -2`.
pub(super) fn whole(row: Row<'_>, columns: &[String]) -> String {
    let cells = columns.iter().enumerate();
    let cells = cells.map(|(position, name)| format!("{name} {}", cell(row, position)));
    cells.collect::<Vec<_>>().join(", ")
}

/// Why what was read at a moment is not what the target came to: it was still at work, or the reads are incomplete.
pub(super) fn unsettled(run: &Facts, moment: Moment) -> Option<String> {
    match moment {
        Moment::Initial | Moment::Look => None,
        Moment::Rest => run.restless_before(),
        Moment::AfterRepair => run.restless(),
        Moment::Final => run.incomplete().or_else(|| run.restless()),
    }
}

/// A result with reasons to doubt it: they come instead of the checker's own, which follow from them.
pub(super) fn doubted(mut result: CheckerResult, doubts: Vec<String>) -> CheckerResult {
    if doubts.is_empty() {
        return result;
    }
    let mut findings = Findings::default();
    doubts.into_iter().for_each(|doubt| findings.doubt(doubt));
    result.verdict = result.verdict.merge(Verdict::Unknown);
    result.reason = findings.result("").reason;
    result
}

/// The results of the parts of one promise as one.
pub(super) fn merged(name: &str, parts: Vec<CheckerResult>) -> CheckerResult {
    let mut findings = Findings::default();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut reasons: Vec<String> = Vec::new();
    let mut verdict = Verdict::Valid;
    for part in parts {
        verdict = verdict.merge(part.verdict);
        reasons.extend(part.reason.filter(|reason| !reasons.contains(reason)));
        for (count, n) in part.counts {
            *counts.entry(count).or_default() += n;
        }
        for anomaly in part.anomalies {
            findings.anomaly(&anomaly.kind, &anomaly.subject, anomaly.sentence, anomaly.witness);
        }
    }
    reasons.into_iter().for_each(|reason| findings.doubt(reason));
    let mut result = findings.result(name);
    result.verdict = verdict;
    result.counts = counts;
    result
}

/// The looks at a view while the target works. One that fails, under a fault, shows nothing; it takes one that shows something.
/// One whose rows cannot be understood is a reason to doubt whatever the others show.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    made: u64,
    failed: u64,
    why: String,
    /// Why the rows of one cannot be understood.
    strange: Option<String>,
}

impl Looks {
    /// One was made; there is a reason where it shows nothing that can be used.
    pub(super) fn made(&mut self, event: &Event, wrong: Option<&String>) {
        self.made += 1;
        match wrong {
            Some(why) if is_lost(event) => {
                self.failed += 1;
                self.why.clone_from(why);
            }
            Some(why) => drop(self.strange.get_or_insert_with(|| why.clone())),
            None => {}
        }
    }

    /// Why they show nothing at all.
    pub(super) fn doubt(&self, view: &str) -> Option<String> {
        let look = read_of(view, Moment::Look);
        if let Some(why) = &self.strange {
            return Some(format!("a {look} cannot be understood: {why}"));
        }
        match self.made {
            0 => Some(format!("no {look}")),
            made if made == self.failed => Some(format!("every {look} failed: {}", self.why)),
            _ => None,
        }
    }

    /// That some failed.
    pub(super) fn remark(&self, view: &str) -> Option<String> {
        let (failed, why) = (plural(self.failed, "look"), &self.why);
        (self.failed > 0).then(|| format!("{failed} at view {view} failed: {why}"))
    }
}

//! Rows of the table of subjects, bounded.

use std::collections::{BTreeSet, HashMap};

use paytwice_checkers::history::{Body, Event, Kind, Role};
use paytwice_checkers::verdict::{Fate, Results};
use serde::Serialize;

use super::strings::Strings;
use crate::RunReport;

/// Rows that a page holds. `results.json` holds all of them.
const ROWS_MAX: usize = 50_000;
/// Name of the column that tells kinds of subjects apart, where there are several.
const KIND: &str = "kind";
/// Narrowest and widest column of a field, in characters. Longer values are cut off on the screen.
const CHARS: (usize, usize) = (7, 24);

/// The embedded subjects.
#[derive(Debug, Serialize)]
pub(crate) struct Rows {
    /// All subjects of the run.
    pub(crate) total: usize,
    /// Columns of what clients asked for.
    pub(crate) fields: Vec<Column>,
    /// Whether the target shows what it recorded.
    pub(crate) records: bool,
    /// Whether messages crossed a link.
    pub(crate) deliveries: bool,
    rows: Vec<Row>,
    /// Positions of the rows in the results.
    #[serde(skip)]
    kept: Vec<usize>,
    #[serde(skip)]
    rows_by_position: HashMap<usize, usize>,
}

/// A column of what clients asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Column {
    /// The field.
    pub(crate) name: String,
    /// Whether all of its values are numbers.
    pub(crate) number: bool,
    /// Its width in characters.
    #[serde(skip)]
    pub(crate) chars: usize,
}

/// One subject; times are in microseconds, the later ones since the first attempt.
#[derive(Debug, Serialize)]
struct Row(
    String,             // 0 subject
    Vec<Option<usize>>, // 1 what was asked, by column
    u32,                // 2 attempts
    u8,                 // 3 outcome: 0 ok, 1 fail, 2 info
    Option<u32>,        // 4 rows recorded
    Option<usize>,      // 5 result
    u32,                // 6 deliveries
    Option<u32>,        // 7 effects
    Option<u32>,        // 8 effects before the repair
    u64,                // 9 first attempt
    Option<u64>,        // 10 answered
    Option<u64>,        // 11 first delivered
    Vec<usize>,         // 12 anomalies
);

impl Rows {
    /// The rows; none where no promise followed anything.
    pub(crate) fn new(report: &RunReport<'_>, strings: &mut Strings) -> Self {
        let results = report.results;
        let fates: &[Fate] = if results.words.is_some() { &results.fates } else { &[] };
        let kept = keep(fates, ROWS_MAX);
        let fields = columns(fates);
        let rows = kept.iter().map(|&at| row(&fates[at], &fields, strings)).collect();
        let rows_by_position = kept.iter().enumerate().map(|(row, &at)| (at, row)).collect();
        Self {
            total: fates.len(),
            records: has_records(results),
            deliveries: report.events.iter().any(is_message),
            fields,
            rows,
            kept,
            rows_by_position,
        }
    }

    /// How many subjects have a row.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Positions in the results, by row.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.kept
    }

    /// The row of the subject at this position of the results.
    pub(crate) fn row_of(&self, at: usize) -> Option<usize> {
        self.rows_by_position.get(&at).copied()
    }
}

/// A promise names a view of records, or some record was read.
fn has_records(results: &Results) -> bool {
    let promised = results
        .header
        .promises
        .iter()
        .any(|p| p.options.contains_key("recorded"));
    promised || results.fates.iter().any(|fate| fate.recorded.is_some())
}

fn is_message(event: &Event) -> bool {
    matches!(&event.body, Body::Wire(frame) if matches!(frame.role, Role::Sent | Role::Delivered))
}

/// Every field that some subject has, and the kind where there are several.
fn columns(fates: &[Fate]) -> Vec<Column> {
    let kinds: BTreeSet<&str> = fates.iter().map(|fate| fate.kind.as_str()).collect();
    let names: BTreeSet<&str> = fates
        .iter()
        .flat_map(|fate| fate.fields.keys())
        .map(String::as_str)
        .collect();
    let kind = (kinds.len() > 1).then_some(KIND);
    kind.into_iter().chain(names).map(|name| column(fates, name)).collect()
}

fn column(fates: &[Fate], name: &str) -> Column {
    let values = || fates.iter().filter_map(|fate| cell(fate, name));
    let longest = values().map(|value| value.chars().count()).max().unwrap_or(0);
    Column {
        name: name.to_owned(),
        number: values().all(is_number),
        chars: longest.max(name.chars().count()).clamp(CHARS.0, CHARS.1),
    }
}

fn cell<'a>(fate: &'a Fate, column: &str) -> Option<&'a str> {
    let field = fate.fields.get(column).map(String::as_str);
    field.or((column == KIND).then_some(fate.kind.as_str()))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Subjects with anomalies, then the first of the others; in the order of the results.
fn keep(fates: &[Fate], max: usize) -> Vec<usize> {
    if fates.len() <= max {
        return (0..fates.len()).collect();
    }
    let with = |troubled: bool| {
        let all = fates.iter().enumerate();
        all.filter(move |(_, fate)| fate.anomalies.is_empty() != troubled)
            .map(|(at, _)| at)
    };
    let mut kept: Vec<usize> = with(true).chain(with(false)).take(max).collect();
    kept.sort_unstable();
    kept
}

fn row(fate: &Fate, fields: &[Column], strings: &mut Strings) -> Row {
    let since = |ns: Option<u64>| ns.map(|ns| ns.saturating_sub(fate.first_invoke_ns) / 1000);
    let asked = fields
        .iter()
        .map(|column| cell(fate, &column.name).map(|value| strings.intern(value)));
    Row(
        fate.subject.clone(),
        asked.collect(),
        fate.attempts,
        outcome(fate.outcome),
        fate.recorded,
        fate.result.as_deref().map(|result| strings.intern(result)),
        fate.delivered,
        fate.effects,
        fate.effects_before_repair,
        fate.first_invoke_ns / 1000,
        since(fate.answered_ns),
        since(fate.first_delivered_ns),
        fate.anomalies.iter().map(|kind| strings.intern(kind)).collect(),
    )
}

/// An outcome as a number, the same in all of the page's data.
pub(crate) fn outcome(kind: Kind) -> u8 {
    match kind {
        Kind::Ok => 0,
        Kind::Fail => 1,
        Kind::Info | Kind::Invoke => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(kind: &str, fields: &[(&str, &str)], troubled: bool) -> Fate {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Fate {
            kind: kind.to_owned(),
            subject: String::new(),
            fields: fields.collect(),
            attempts: 1,
            outcome: Kind::Ok,
            recorded: None,
            result: None,
            delivered: 1,
            effects: None,
            effects_before_repair: None,
            first_invoke_ns: 0,
            answered_ns: None,
            first_delivered_ns: None,
            anomalies: troubled.then(|| "late".to_owned()).into_iter().collect(),
        }
    }

    #[test]
    fn subjects_with_anomalies_are_the_last_to_be_left_out() {
        let fates = [false, false, true, false, true].map(|troubled| fate("order", &[], troubled));
        assert_eq!(keep(&fates, 5), [0, 1, 2, 3, 4]);
        assert_eq!(keep(&fates, 3), [0, 2, 4]);
        assert_eq!(keep(&fates, 1), [2]);
    }

    #[test]
    fn every_field_is_a_column_and_the_kind_where_there_are_several() {
        let order = fate("order", &[("sku", "s1"), ("quantity", "3")], false);
        let refund = fate("refund", &[("quantity", "-1.5"), ("why", "")], false);
        let named = |fates: &[Fate]| {
            let all = columns(fates).into_iter().map(|column| (column.name, column.number));
            all.collect::<Vec<_>>()
        };
        let column = |name: &str, number| (name.to_owned(), number);
        assert_eq!(
            named(std::slice::from_ref(&order)),
            [column("quantity", true), column("sku", false)]
        );
        assert_eq!(
            named(&[order, refund]),
            [
                column("kind", false),
                column("quantity", true),
                column("sku", false),
                column("why", false)
            ]
        );
    }
}

//! The story of each subject: what happened to it, in order. Bounded over all subjects together.

use std::collections::HashMap;

use paytwice_checkers::history::{Body, Event, Moment, Process, Row, View};
use serde::Serialize;

use super::strings::Strings;
use super::subjects::Rows;
use crate::RunReport;
use crate::readable::{self, Lens};
use crate::witness::{self, Subjects};

/// Steps that a page holds. Those of subjects with anomalies come first.
const STEPS_MAX: usize = 150_000;

/// Steps, flat: microseconds since the step before, index since the step before, who, what, value. A `who` below zero
/// is a client: -1 is client 0, -2 is client 1.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Story(Vec<i64>);

/// One step before it is packed.
struct Step<'a> {
    event: &'a Event,
    /// The row of a view that is about this subject; None for other events.
    row: Option<(&'a View, Row<'a>)>,
}

/// Stories by row of the table.
pub(crate) fn tell(
    report: &RunReport<'_>,
    subjects: &Subjects<'_>,
    rows: &Rows,
    strings: &mut Strings,
) -> Vec<Option<Story>> {
    let fates = &report.results.fates;
    let mut steps = Steps::collect(report, subjects, rows);
    let mut stories: Vec<Option<Story>> = (0..rows.len()).map(|_| None).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| fates[rows.positions()[row]].anomalies.is_empty());
    let mut told = 0;
    for row in order {
        let mine = std::mem::take(&mut steps[row]);
        if told + mine.len() > STEPS_MAX {
            continue;
        }
        told += mine.len();
        let lens = subjects.lens(&fates[rows.positions()[row]].subject);
        stories[row] = Some(pack(&mine, &lens, strings));
    }
    stories
}

/// The steps of every subject that has a row, in order of the history.
struct Steps<'a> {
    by_row: Vec<Vec<Step<'a>>>,
}

impl<'a> Steps<'a> {
    fn collect(report: &RunReport<'a>, subjects: &Subjects<'_>, rows: &Rows) -> Vec<Vec<Step<'a>>> {
        let mut steps = Steps {
            by_row: (0..rows.len()).map(|_| Vec::new()).collect(),
        };
        let by_holder = rows_by_holder(report, rows);
        let key_columns = witness::key_columns(&report.results.header);
        let holder_column = witness::holder_column(report.results);
        let row_of = |key: &str| subjects.find(key).and_then(|at| rows.row_of(at));
        for event in report.events {
            match &event.body {
                Body::Op(op) => steps.add(row_of(&op.subject), event, None),
                Body::Wire(frame) => {
                    let keys = frame.keys.values().flatten();
                    keys.for_each(|key| steps.add(row_of(key), event, None));
                }
                Body::View(view) if !matches!(view.at, Moment::Initial | Moment::Look) => {
                    for row in view.rows.iter().flat_map(|rows| rows.iter()) {
                        let shown = Some((view, row));
                        if let Some(key) = key_columns.iter().find_map(|column| row.get(column)) {
                            steps.add(row_of(key), event, shown);
                        } else if let Some(holder) = holder_column.and_then(|column| row.get(column)) {
                            let held = by_holder.get(holder).into_iter().flatten();
                            held.for_each(|&at| steps.add(Some(at), event, shown));
                        }
                    }
                }
                _ => {}
            }
        }
        steps.by_row
    }

    /// Adds a step. A frame is one step even if it holds several keys of the subject.
    fn add(&mut self, row: Option<usize>, event: &'a Event, shown: Option<(&'a View, Row<'a>)>) {
        let Some(mine) = row.map(|row| &mut self.by_row[row]) else {
            return;
        };
        if shown.is_some() || mine.last().is_none_or(|step| step.event.index != event.index) {
            mine.push(Step { event, row: shown });
        }
    }
}

fn rows_by_holder<'a>(report: &RunReport<'a>, rows: &Rows) -> HashMap<&'a str, Vec<usize>> {
    let mut by_holder: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, &at) in rows.positions().iter().enumerate() {
        if let Some(holder) = witness::holder(report.results, &report.results.fates[at]) {
            by_holder.entry(holder).or_default().push(row);
        }
    }
    by_holder
}

fn pack(steps: &[Step<'_>], lens: &Lens, strings: &mut Strings) -> Story {
    let mut flat = Vec::with_capacity(steps.len() * 5);
    let (mut time, mut index) = (0, 0);
    for step in steps {
        let event = step.event;
        let mut line = match step.row {
            None => readable::line(event, lens),
            Some(_) => readable::bare(event),
        };
        if let Some((view, row)) = step.row {
            line.value = readable::row(view, row, lens);
        }
        let who = match event.process {
            Process::Client(n) => -1 - number(n),
            Process::Named(_) => number(strings.intern(&line.who)),
        };
        let now = event.time / 1000;
        flat.extend([
            delta(now, time),
            delta(event.index, index),
            who,
            number(strings.intern(&line.what())),
            number(strings.intern(&line.value)),
        ]);
        (time, index) = (now, event.index);
    }
    Story(flat)
}

/// 0 where time or index runs backwards, which only a damaged history does.
fn delta(now: u64, before: u64) -> i64 {
    number(now.saturating_sub(before))
}

fn number<N: TryInto<i64>>(n: N) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

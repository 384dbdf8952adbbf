//! The story of each payment: what happened to it, in order. Bounded over all payments together.

use paytwice_checkers::history::{Body, Event, Process, Read, ReadMoment, Rows as ReadRows};
use serde::Serialize;

use super::payments::Rows;
use super::strings::Strings;
use crate::RunReport;
use crate::readable::{self, Lens};
use crate::witness::Payments;

/// Steps that a page holds. The troubled payments' come first.
const STEPS_MAX: usize = 150_000;

/// Steps, flat: microseconds since the step before, index since the step before, who, what, value. A `who` below zero
/// is a client: -1 is client 0, -2 is client 1.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Story(Vec<i64>);

/// One step before it is packed.
struct Step<'a> {
    event: &'a Event,
    /// What a read says about this payment; None for everything that is about this payment as it stands.
    read: Option<String>,
}

/// Stories by row of the table.
pub(crate) fn tell(
    report: &RunReport<'_>,
    payments: &Payments<'_>,
    rows: &Rows,
    strings: &mut Strings,
) -> Vec<Option<Story>> {
    let fates = &report.results.payments;
    let mut steps = collect(report, payments, rows);
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
        let lens = payments.lens(&fates[rows.positions()[row]].tx);
        stories[row] = Some(pack(&mine, &lens, report.results.header.promise.scale, strings));
    }
    stories
}

/// Every step of every payment that has a row, in order of the history.
fn collect<'a>(report: &RunReport<'a>, payments: &Payments<'_>, rows: &Rows) -> Vec<Vec<Step<'a>>> {
    let mut steps: Vec<Vec<Step<'a>>> = (0..rows.len()).map(|_| Vec::new()).collect();
    let by_account = payments_by_account(report, rows);
    let row_of = |tx: &str| payments.find(tx).and_then(|at| rows.row_of(at));
    for event in report.events {
        let mut add = |row: Option<usize>, read: Option<String>| {
            // A frame may carry a payment's number twice, as the client's and as the server's.
            if let Some(row) = row
                && (read.is_some() || steps[row].last().is_none_or(|step| step.event.index != event.index))
            {
                steps[row].push(Step { event, read });
            }
        };
        match &event.body {
            Body::Recharge(v) => add(row_of(&v.tx), None),
            Body::Query(_, v) => add(row_of(&v.tx), None),
            Body::Wire(v) => v.key_values().for_each(|key| add(row_of(key), None)),
            Body::Read(read) if read.at != ReadMoment::Initial => {
                for (subject, text) in said(read) {
                    match subject {
                        Subject::Payment(tx) => add(row_of(tx), Some(text)),
                        Subject::Account(account) => {
                            let rows = by_account.get(account).into_iter().flatten();
                            rows.for_each(|&row| add(Some(row), Some(text.clone())));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    steps
}

fn payments_by_account<'a>(report: &RunReport<'a>, rows: &Rows) -> std::collections::HashMap<&'a str, Vec<usize>> {
    let mut by_account: std::collections::HashMap<&str, Vec<usize>> = std::collections::HashMap::new();
    for (row, &at) in rows.positions().iter().enumerate() {
        by_account
            .entry(report.results.payments[at].account.as_str())
            .or_default()
            .push(row);
    }
    by_account
}

enum Subject<'a> {
    Payment(&'a str),
    Account(&'a str),
}

/// What a read says, row by row.
fn said(read: &Read) -> Vec<(Subject<'_>, String)> {
    let at = readable::moment_of_read(read.at);
    match &read.rows {
        ReadRows::Payments(rows) => rows
            .iter()
            .map(|r| {
                let text = format!("{at} read: recorded, result {}", r.result.as_deref().unwrap_or("NULL"));
                (Subject::Payment(&r.tx), text)
            })
            .collect(),
        ReadRows::Balances(rows) => rows
            .iter()
            .map(|r| {
                let text = format!(
                    "{at} read: {} has {}",
                    r.account,
                    r.balance.as_deref().unwrap_or("NULL")
                );
                (Subject::Account(&r.account), text)
            })
            .collect(),
        ReadRows::Credits(rows) => rows
            .iter()
            .map(|r| (Subject::Payment(&r.tx), format!("{at} read: marked as credited")))
            .collect(),
    }
}

fn pack(steps: &[Step<'_>], lens: &Lens, scale: u32, strings: &mut Strings) -> Story {
    let mut flat = Vec::with_capacity(steps.len() * 5);
    let (mut time, mut index) = (0, 0);
    for step in steps {
        let event = step.event;
        let line = if step.read.is_none() {
            readable::line(event, scale, lens)
        } else {
            readable::bare(event)
        };
        let value = step.read.as_deref().unwrap_or(&line.value);
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
            number(strings.intern(value)),
        ]);
        (time, index) = (now, event.index);
    }
    Story(flat)
}

/// A history runs forwards; one that does not is shown as if it stood still.
fn delta(now: u64, before: u64) -> i64 {
    number(now.saturating_sub(before))
}

fn number<N: TryInto<i64>>(n: N) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

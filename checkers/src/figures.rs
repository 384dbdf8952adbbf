//! Convergence and BASE as numbers: how long agreement took, what was lost, who credited, how fast it went.
//!
//! A figure that the history does not tell is left out, never made up.

use std::collections::BTreeMap;

use crate::history::Kind;
use crate::ledger::{Class, Ledger, Payment};
use crate::stats::{percentile, workload};

/// Every figure that the history tells, by name.
pub fn figures(ledger: &Ledger) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let mut put = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            figures.insert(name.to_owned(), value);
        }
    };
    put("convergence_ms", convergence_ns(ledger).map(ms));
    let mut windows: Vec<u64> = ledger.payments.iter().filter_map(soft_state_ns).collect();
    windows.sort_unstable();
    put("soft_state_p50_ms", percentile(&windows, 0.5).map(ms));
    put("soft_state_p99_ms", percentile(&windows, 0.99).map(ms));
    put("soft_state_max_ms", windows.last().copied().map(ms));
    let seconds = seconds(ledger);
    let rate = |n: usize| seconds.map(|s| number(n) / s);
    put("recharges_acknowledged_per_s", rate(acknowledged(ledger)));
    put("ops_per_s", rate(ended(ledger)));
    if ledger.incomplete().is_none() {
        let (by_message, by_query) = credits(ledger);
        put("credited_by_message", Some(f64::from(by_message)));
        put("credited_by_query", Some(f64::from(by_query)));
        let (messages, minor_units) = lost(ledger);
        put("rpo_messages", Some(f64::from(messages)));
        put("rpo_minor_units", Some(minor_units));
    }
    figures
}

/// From the end of healing to the first look from which nothing changed any more until the target was at rest.
fn convergence_ns(ledger: &Ledger) -> Option<u64> {
    let healed = ledger.phase("heal")?.to_ns?;
    let settle = ledger.phase("settle").filter(|phase| phase.ok)?;
    let end = settle.to_ns?;
    let mut samples = ledger.samples.iter().filter(|s| (healed..=end).contains(&s.time)).rev();
    let since = samples.next().map_or(end, |last| {
        let calm = samples.take_while(|s| s.counters == last.counters);
        calm.last().unwrap_or(last).time
    });
    Some(since.saturating_sub(healed))
}

/// From the client's answer to the first delivery: how long a payment was paid but not yet credited.
fn soft_state_ns(payment: &Payment) -> Option<u64> {
    let answered = payment.acknowledged()?.time;
    let delivered = payment.deliveries.iter().find(|d| d.times > 0)?.time;
    Some(delivered.saturating_sub(answered))
}

/// Credits that were there before the compensation phase, and those that it added.
fn credits(ledger: &Ledger) -> (u32, u32) {
    let mut sums = (0, 0);
    for payment in &ledger.payments {
        if let Some(credited) = payment.credited {
            let before = payment.credited_before.unwrap_or(credited).min(credited);
            sums.0 += before;
            sums.1 += credited - before;
        }
    }
    sums
}

/// Recovery point: credits that are missing, and acknowledged payments that are not recorded.
fn lost(ledger: &Ledger) -> (u32, f64) {
    let mut messages = 0;
    let mut minor_units = 0_i128;
    for payment in &ledger.payments {
        let vanished = payment.acknowledged().is_some() && payment.rows.is_empty();
        let owed = payment.successes + u32::from(vanished);
        let missing = payment.credited.map_or(0, |credited| owed.saturating_sub(credited));
        messages += missing;
        minor_units = minor_units.saturating_add(payment.amount.saturating_mul(i128::from(missing)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure, not a balance")]
    let minor_units = minor_units as f64;
    (messages, minor_units)
}

fn acknowledged(ledger: &Ledger) -> usize {
    let answers = ledger.payments.iter().flat_map(Payment::answers);
    answers
        .filter(|a| a.kind == Kind::Ok && a.class != Class::Other)
        .count()
}

fn ended(ledger: &Ledger) -> usize {
    let (from, to) = workload(ledger);
    let inside = |time: u64| (from..=to).contains(&time);
    let ends = ledger.ops.iter().filter_map(|op| op.end);
    ends.filter(|(time, kind)| inside(*time) && *kind != Kind::Info).count()
}

fn seconds(ledger: &Ledger) -> Option<f64> {
    let (from, to) = workload(ledger);
    let span = to.saturating_sub(from);
    (span > 0).then(|| ms(span) / 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a figure needs no more than 53 bits")]
fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a figure needs no more than 53 bits")]
fn number(n: usize) -> f64 {
    n as f64
}

//! Convergence and BASE as numbers: how long agreement took, what was lost, what the repair brought, how fast it went.
//!
//! A figure that the history does not tell is left out, never made up.

use std::collections::BTreeMap;

use crate::history::Kind;
use crate::run::{Facts, percentile};

use super::{Class, Ledger, Subject};

/// Figures by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// The figures of a run, whatever it followed.
pub(crate) fn of_run(run: &Facts) -> Figures {
    let mut figures = Figures::new();
    put(&mut figures, "convergence_ms", convergence_ns(run).map(ms));
    put(&mut figures, "ops_per_s", seconds(run).map(|s| number(ended(run)) / s));
    figures
}

/// The figures of what one ledger followed.
pub(crate) fn of_ledger(ledger: &Ledger) -> Figures {
    let mut figures = Figures::new();
    let mut windows: Vec<u64> = ledger.subjects.iter().filter_map(soft_state_ns).collect();
    windows.sort_unstable();
    put(&mut figures, "soft_state_p50_ms", percentile(&windows, 0.5).map(ms));
    put(&mut figures, "soft_state_p99_ms", percentile(&windows, 0.99).map(ms));
    put(&mut figures, "soft_state_max_ms", windows.last().copied().map(ms));
    let per_s = seconds(&ledger.run).map(|s| number(acknowledged(ledger)) / s);
    put(&mut figures, "acknowledged_per_s", per_s);
    if ledger.incomplete().is_none() {
        let (before, by_repair) = effects(ledger);
        put(&mut figures, "effects_before_repair", Some(f64::from(before)));
        put(&mut figures, "effects_by_repair", Some(f64::from(by_repair)));
        let (lost, units) = lost(ledger);
        put(&mut figures, "rpo_subjects", Some(f64::from(lost)));
        put(
            &mut figures,
            "rpo_minor_units",
            ledger.follow.coded.as_ref().map(|_| units),
        );
    }
    figures
}

fn put(figures: &mut Figures, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        figures.insert(name.to_owned(), value);
    }
}

/// From the end of healing to the first look from which nothing changed any more until the target was at rest.
fn convergence_ns(run: &Facts) -> Option<u64> {
    let healed = run.phase("heal")?.to_ns?;
    let settle = run.phase("settle").filter(|phase| phase.ok)?;
    let end = settle.to_ns?;
    let mut samples = run.samples.iter().filter(|s| (healed..=end).contains(&s.time)).rev();
    let since = samples.next().map_or(end, |last| {
        let calm = samples.take_while(|s| s.counters == last.counters);
        calm.last().unwrap_or(last).time
    });
    Some(since.saturating_sub(healed))
}

/// From the client's answer to the first delivery: how long a subject was acknowledged and not yet in effect.
fn soft_state_ns(subject: &Subject) -> Option<u64> {
    let answered = subject.acknowledged()?.time;
    let delivered = subject.deliveries.iter().find(|d| d.times > 0)?.time;
    Some(delivered.saturating_sub(answered))
}

/// Effects that were there at rest, and those that the repair added.
fn effects(ledger: &Ledger) -> (u32, u32) {
    let mut sums = (0, 0);
    for subject in &ledger.subjects {
        if let Some(effects) = subject.effects {
            let before = subject.effects_before.unwrap_or(effects).min(effects);
            sums.0 += before;
            sums.1 += effects - before;
        }
    }
    sums
}

/// Recovery point: effects that are missing, and acknowledged subjects that are not recorded.
fn lost(ledger: &Ledger) -> (u32, f64) {
    let mut messages = 0;
    let mut minor_units = 0_i128;
    for subject in &ledger.subjects {
        let viewed = ledger.follow.recorded.is_some();
        let vanished = viewed && subject.acknowledged().is_some() && subject.rows.is_empty();
        let owed = subject.successes + u32::from(vanished);
        let missing = subject.effects.map_or(0, |effects| owed.saturating_sub(effects));
        messages += missing;
        minor_units = minor_units.saturating_add(subject.payload.amount.saturating_mul(i128::from(missing)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure, not a balance")]
    let minor_units = minor_units as f64;
    (messages, minor_units)
}

fn acknowledged(ledger: &Ledger) -> usize {
    let answers = ledger.subjects.iter().flat_map(Subject::answers);
    answers
        .filter(|a| a.kind == Kind::Ok && a.class != Class::Other)
        .count()
}

fn ended(run: &Facts) -> usize {
    let (from, to) = run.workload();
    let inside = |time: u64| (from..=to).contains(&time);
    let ends = run.ops.iter().filter_map(|op| op.end);
    ends.filter(|(time, kind)| inside(*time) && *kind != Kind::Info).count()
}

fn seconds(run: &Facts) -> Option<f64> {
    let (from, to) = run.workload();
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

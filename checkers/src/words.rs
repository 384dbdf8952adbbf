//! Sentences and witnesses: what happened to a payment, in the words of an engineer.

use crate::history::ReadMoment;
use crate::ledger::{FaultSpan, Ledger, Payment, Role};

/// A fault done this long after the last that was seen of a payment may still have hit it.
const AFTERMATH_NS: u64 = 1_000_000_000;

/// How many faults a sentence names.
const FAULTS_NAMED_MAX: usize = 3;

/// `once`, `twice`, `3 times`.
pub(crate) fn times(n: u32) -> String {
    match n {
        0 => "never".into(),
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// `1 payment`, `2 payments`.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// `payment t17 (account a3, 10.00)`.
pub(crate) fn payment(ledger: &Ledger, at: usize) -> String {
    let payment = &ledger.payments[at];
    format!(
        "payment {} (account {}, {})",
        ledger.tx(at),
        ledger.account_name(payment.account),
        ledger.money(payment.amount)
    )
}

/// Everything that may have credited a payment: [`circumstances`], and how often the crediting service was asked.
pub(crate) fn story(ledger: &Ledger, at: usize) -> String {
    let told = circumstances(ledger, at);
    match u32::try_from(ledger.payments[at].asks.len()).unwrap_or(u32::MAX) {
        0 => told,
        n => format!("{told}; the crediting service was asked for it {}", times(n)),
    }
}

/// How a payment was delivered and under which faults: `delivered twice, once after account was killed`.
pub(crate) fn circumstances(ledger: &Ledger, at: usize) -> String {
    let payment = &ledger.payments[at];
    let seen = payment.delivered();
    let told = match seen {
        0 if ledger.deliveries_seen == 0 => "deliveries were not recorded".to_owned(),
        0 if payment.rows.is_empty() && ledger.makes_numbers => {
            "the number it was delivered under is not known".to_owned()
        }
        0 => "no delivery of it was seen".to_owned(),
        n => format!("delivered {}{}", times(n), too_early(ledger, payment)),
    };
    if let Some((fault, after)) = turning_point(ledger, payment) {
        return format!("{told}, {} after {}", times(after), fault.words());
    }
    let around = around(ledger, payment);
    let mut words: Vec<String> = Vec::new();
    for fault in &around {
        let said = fault.words();
        if !words.contains(&said) {
            words.push(said);
        }
    }
    words.truncate(FAULTS_NAMED_MAX);
    match words.len() {
        0 => told,
        _ => format!("{told}, around the time when {}", words.join(" and ")),
    }
}

/// The events that prove what happened to a payment: its own, the faults named with it, and the deciding reads.
pub(crate) fn witness(ledger: &Ledger, at: usize, reads: &[(ReadMoment, Role)]) -> Vec<u64> {
    let payment = &ledger.payments[at];
    let mut witness = payment.trail();
    for query in payment.asks.iter().map(|ask| &ledger.queries[*ask]) {
        witness.push(query.index);
        witness.extend(query.end.map(|(index, _, _)| index));
    }
    if !too_early(ledger, payment).is_empty() {
        let opened = ledger.accounts[payment.account as usize].opened_at;
        witness.extend(opened.map(|(index, _)| index));
    }
    match turning_point(ledger, payment) {
        Some((fault, _)) => witness.extend(fault.done.map(|(index, _)| index)),
        None => {
            let named = around(ledger, payment).into_iter().take(FAULTS_NAMED_MAX);
            witness.extend(named.filter_map(|f| f.done.map(|(index, _)| index)));
        }
    }
    witness.extend(
        reads
            .iter()
            .filter_map(|(moment, role)| ledger.read_index(*moment, *role)),
    );
    witness
}

/// Says how many of the deliveries came before the account was there.
fn too_early(ledger: &Ledger, payment: &Payment) -> String {
    let Some((_, opened)) = ledger.accounts[payment.account as usize].opened_at else {
        return String::new();
    };
    let early = payment.deliveries.iter().filter(|d| d.time < opened);
    match early.map(|d| d.times).sum() {
        0 => String::new(),
        n if n == payment.delivered() => ", before its account was opened".to_owned(),
        n => format!(", {} before its account was opened", times(n)),
    }
}

/// What came between two deliveries of a payment, and the deliveries after it: the last process that was killed (it
/// explains a redelivery best), or the last fault of any kind.
fn turning_point<'a>(ledger: &'a Ledger, payment: &Payment) -> Option<(&'a FaultSpan, u32)> {
    let first = payment.deliveries.iter().find(|d| d.times > 0)?.time;
    let last = payment.deliveries.last()?.time;
    let done = |f: &FaultSpan| f.done.map_or(0, |(_, time)| time);
    let between = effective(ledger).filter(|f| (first..last).contains(&done(f)));
    let fault = between.max_by_key(|f| (f.fault == "kill", done(f)))?;
    let after = payment.deliveries.iter().filter(|d| d.time > done(fault));
    Some((fault, after.map(|d| d.times).sum())).filter(|(_, after)| *after > 0)
}

/// The faults in force between the first try of a payment and the last that was seen of it.
fn around<'a>(ledger: &'a Ledger, payment: &Payment) -> Vec<&'a FaultSpan> {
    let from = payment.attempts.first().map_or(0, |a| a.time);
    let answered = payment.answers().map(|a| a.time).max().unwrap_or(from);
    let delivered = payment.deliveries.last().map_or(from, |d| d.time);
    let to = answered.max(delivered).saturating_add(AFTERMATH_NS);
    let in_force = |fault: &&FaultSpan| {
        let span = fault.in_force();
        span.is_some_and(|(begin, end)| begin <= to && end.is_none_or(|end| end >= from))
    };
    effective(ledger).filter(in_force).collect()
}

/// The faults that were done, without those that were never seen to take effect.
fn effective(ledger: &Ledger) -> impl Iterator<Item = &FaultSpan> {
    ledger.faults.iter().filter(|fault| fault.done.is_some() && !fault.idle)
}

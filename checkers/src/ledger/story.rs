//! Sentences and witnesses: what happened to a subject, in the words of an engineer.

use crate::history::Moment;
use crate::run::FaultSpan;
use crate::words::times;

use super::{Id, Ledger, Payload, Role, Row, Strike, Subject};

/// A fault done this long after the last that was seen of a subject may still have hit it.
const AFTERMATH_NS: u64 = 1_000_000_000;

/// How many faults, or frames that were struck, a sentence names.
const FAULTS_NAMED_MAX: usize = 3;

/// `payment t17 (account a3, 10.00)`; `order o5 (quantity 2, sku s1)` where nothing holds a sum.
pub(crate) fn subject(ledger: &Ledger, at: usize) -> String {
    let (kind, key) = (&ledger.follow.kind, ledger.key(at));
    let shown = payload(ledger, &ledger.subjects[at].payload);
    if shown.is_empty() {
        format!("{kind} {key}")
    } else {
        format!("{kind} {key} ({shown})")
    }
}

/// `account a3, 10.00`; or every field, where nothing holds a sum.
pub(crate) fn payload(ledger: &Ledger, payload: &Payload) -> String {
    match &ledger.follow.coded {
        Some(coded) => format!(
            "{} {}, {}",
            coded.code.per,
            ledger.holder_name(payload.holder),
            ledger.money(payload.amount)
        ),
        None => fields(ledger, &payload.fields),
    }
}

/// The same of what a row shows.
pub(crate) fn row_shown(ledger: &Ledger, row: &Row) -> String {
    match &ledger.follow.coded {
        Some(coded) => {
            let (kind, name) = (&coded.code.per, ledger.holder_name(row.holder));
            format!("{kind} {name}, {}", ledger.words.name(row.text))
        }
        None => fields(ledger, &row.fields),
    }
}

fn fields(ledger: &Ledger, fields: &[Option<Id>]) -> String {
    let named = ledger.follow.fields.iter().zip(fields);
    let shown = named.filter_map(|(name, word)| Some(format!("{name} {}", ledger.words.name((*word)?))));
    shown.collect::<Vec<_>>().join(", ")
}

/// Everything that may have brought a subject's effect: [`circumstances`], and how often somebody was asked for it.
pub(crate) fn story(ledger: &Ledger, at: usize) -> String {
    let told = circumstances(ledger, at);
    let asks = &ledger.subjects[at].asks;
    let Some(first) = asks.first() else { return told };
    let service = ledger.service_of(ledger.queries[*first].action);
    let n = u32::try_from(asks.len()).unwrap_or(u32::MAX);
    format!("{told}; {service} was asked for it {}", times(n))
}

/// How a subject was delivered, and what struck its frames; where nothing did, under which faults: `delivered twice, once after
/// holder was killed`.
pub(crate) fn circumstances(ledger: &Ledger, at: usize) -> String {
    let subject = &ledger.subjects[at];
    let seen = subject.delivered();
    let told = match seen {
        0 if ledger.deliveries_seen == 0 => "deliveries were not recorded".to_owned(),
        0 if subject.rows.is_empty() && ledger.makes_keys => "the key it was delivered under is not known".to_owned(),
        0 => "no delivery of it was seen".to_owned(),
        n => format!("delivered {}{}", times(n), too_early(ledger, subject)),
    };
    let sentences = |strikes: &[&Strike]| {
        let sentences: Vec<&str> = strikes.iter().map(|strike| strike.sentence.as_str()).collect();
        format!("{told}; {}", sentences.join("; "))
    };
    let hit = struck(ledger, at, false);
    if !hit.is_empty() {
        return sentences(&hit);
    }
    if let Some((fault, after)) = turning_point(ledger, subject) {
        return format!("{told}, {} after {}", times(after), fault.words());
    }
    let late = struck(ledger, at, true);
    if !late.is_empty() {
        return sentences(&late);
    }
    let around = around(ledger, subject);
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

/// The events that prove what happened to a subject: its own, the faults named with it, and the deciding reads.
pub(crate) fn witness(ledger: &Ledger, at: usize, reads: &[(Moment, Role)]) -> Vec<u64> {
    let subject = &ledger.subjects[at];
    let mut witness = subject.trail();
    for query in subject.asks.iter().map(|ask| &ledger.queries[*ask]) {
        witness.push(query.index);
        witness.extend(query.end.map(|(index, _, _)| index));
    }
    if !too_early(ledger, subject).is_empty() {
        let opened = ledger.holders[subject.payload.holder as usize].opened_at;
        witness.extend(opened.map(|(index, _)| index));
    }
    witness.extend(ledger.commits_of(at).iter().map(|(.., index)| *index));
    let hit = struck(ledger, at, false);
    let late = struck(ledger, at, true);
    witness.extend(hit.iter().chain(&late).map(|strike| strike.index));
    match turning_point(ledger, subject) {
        _ if !hit.is_empty() => {}
        Some((fault, _)) => witness.extend(fault.done.map(|(index, _)| index)),
        None if !late.is_empty() => {}
        None => {
            let named = around(ledger, subject).into_iter().take(FAULTS_NAMED_MAX);
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

/// What a link did to the first frames of a subject: nothing explains better what came of it. Frames that only came later
/// explain less than a process that was killed between two deliveries.
fn struck(ledger: &Ledger, at: usize, only_late: bool) -> Vec<&Strike> {
    let strikes = ledger.strikes.get(&at).into_iter().flatten();
    let meant = strikes.filter(|strike| strike.only_late == only_late);
    meant.take(FAULTS_NAMED_MAX).collect()
}

/// Says how many of the deliveries came before the holder was there.
fn too_early(ledger: &Ledger, subject: &Subject) -> String {
    let Some((_, opened)) = ledger.holders[subject.payload.holder as usize].opened_at else {
        return String::new();
    };
    let early = subject.deliveries.iter().filter(|d| d.time < opened);
    match early.map(|d| d.times).sum() {
        0 => String::new(),
        n if n == subject.delivered() => format!(", before its {} was opened", ledger.follow.holder()),
        n => format!(", {} before its {} was opened", times(n), ledger.follow.holder()),
    }
}

/// What came between two deliveries of a subject, and the deliveries after it: the last process that was killed (it
/// explains a redelivery best), or the last fault of any kind.
fn turning_point<'a>(ledger: &'a Ledger, subject: &Subject) -> Option<(&'a FaultSpan, u32)> {
    let first = subject.deliveries.iter().find(|d| d.times > 0)?.time;
    let last = subject.deliveries.last()?.time;
    let done = |f: &FaultSpan| f.done.map_or(0, |(_, time)| time);
    let between = effective(ledger).filter(|f| (first..last).contains(&done(f)));
    let fault = between.max_by_key(|f| (f.fault == "kill", done(f)))?;
    let after = subject.deliveries.iter().filter(|d| d.time > done(fault));
    Some((fault, after.map(|d| d.times).sum())).filter(|(_, after)| *after > 0)
}

/// The faults in force between the first try of a subject and the last that was seen of it.
fn around<'a>(ledger: &'a Ledger, subject: &Subject) -> Vec<&'a FaultSpan> {
    let from = subject.attempts.first().map_or(0, |a| a.time);
    let answered = subject.answers().map(|a| a.time).max().unwrap_or(from);
    let delivered = subject.deliveries.last().map_or(from, |d| d.time);
    let to = answered.max(delivered).saturating_add(AFTERMATH_NS);
    let in_force = |fault: &&FaultSpan| {
        let span = fault.in_force();
        span.is_some_and(|(begin, end)| begin <= to && end.is_none_or(|end| end >= from))
    };
    effective(ledger).filter(in_force).collect()
}

/// The faults that were done, without those that were never seen to take effect.
fn effective(ledger: &Ledger) -> impl Iterator<Item = &FaultSpan> {
    ledger
        .run
        .faults
        .iter()
        .filter(|fault| fault.done.is_some() && !fault.idle)
}

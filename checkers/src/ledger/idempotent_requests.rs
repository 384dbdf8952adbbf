//! Idempotency of requests. Valid when one key of a client means one subject, one payload and one answer.
//!
//! - `duplicate-record`: one subject of a client is recorded more than once.
//! - `payload-overwritten`: the row of an answered subject carries the payload of a later, conflicting request.
//! - `conflict-accepted`: a request with an answered key and another payload was not refused.
//! - `divergent-answer`: two `ok` answers to the same request differ, or an answer speaks of another payload.
//! - `answer-contradicted`: a definite answer says something else than the row does in the end.
//! - `unexpected-record`: a row is recorded that no client asked for.
//!
//! Sees: answers and final rows. Cannot see: rows that came and went; an answer that was lost on its way. An
//! answer that is neither success nor failure contradicts nothing. Where the client sends no key, a request after an answer is
//! another request: only those after an unknown outcome prove anything there.
//! O(attempts) time and memory.

use std::collections::HashMap;

use crate::findings::Findings;
use crate::history::{Kind, Moment};
use crate::money;
use crate::verdict::CheckerResult;
use crate::words::{plural, times};

use super::story::{payload, row_shown, subject, witness};
use super::{Answer, Class, Conflict, Id, Ledger, Owner, Role, Row, Subject};

/// Name of this checker.
pub(crate) const NAME: &str = "idempotent-requests";

/// What it reports.
pub(crate) const ANOMALIES: [&str; 6] = [
    "duplicate-record",
    "payload-overwritten",
    "conflict-accepted",
    "divergent-answer",
    "answer-contradicted",
    "unexpected-record",
];

/// The read that proves what is recorded.
const READS: [(Moment, Role); 1] = [(Moment::Final, Role::Recorded)];

/// Judges every request number of a ledger.
pub(crate) fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    observed(ledger, &mut findings);
    for at in 0..ledger.subjects.len() {
        divergent(ledger, at, &mut findings);
    }
    let incomplete = ledger.incomplete();
    conflicts(ledger, incomplete.is_none(), &mut findings);
    match incomplete {
        Some(why) => findings.doubt(why),
        None => {
            for at in 0..ledger.subjects.len() {
                duplicate(ledger, at, &mut findings);
                contradicted(ledger, at, &mut findings);
            }
            unexpected(ledger, &mut findings);
        }
    }
    findings.result(NAME)
}

fn observed(ledger: &Ledger, findings: &mut Findings) {
    let subjects = &ledger.subjects;
    let retried = subjects.iter().filter(|p| p.attempts.len() > 1).count();
    let answers = subjects.iter().flat_map(Subject::answers);
    let ok = answers.filter(|a| a.kind == Kind::Ok).count();
    let refused = |c: &&Conflict| c.attempt.end.as_ref().is_some_and(|e| e.kind == Kind::Fail);
    findings.count("subjects", subjects.len() as u64);
    findings.count("retried", retried as u64);
    findings.count("ok-answers", ok as u64);
    findings.count("conflicts", ledger.conflicts.len() as u64);
    findings.count(
        "conflicts-refused",
        ledger.conflicts.iter().filter(refused).count() as u64,
    );
    if ok == 0 {
        let actions = ledger.follow.started.join(" or ");
        findings.doubt(format!("no {actions} ended ok: there is nothing to judge"));
    } else if retried == 0 && ledger.conflicts.is_empty() {
        findings.remark("no request was repeated: only answers and rows were compared");
    }
}

/// Two `ok` answers that differ.
fn divergent(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.subjects[at];
    let mut answers = what.answers().filter(|a| a.kind == Kind::Ok);
    let Some(first) = answers.next() else { return };
    let said = std::iter::once(first).chain(answers.clone());
    let strange = said.filter_map(|a| strays(ledger, what, a).map(|why| (a, why))).next();
    let differing = answers
        .filter(|_| what.asked_anew() == 0)
        .filter_map(|a| differs(ledger, first, a).map(|why| (a, why)))
        .next();
    let Some((answer, why)) = differing.or(strange) else {
        return;
    };
    let sentence = format!("{} was answered differently: {why}", subject(ledger, at));
    let mut events = vec![first.index, answer.index];
    events.extend(what.attempts.iter().map(|a| a.index));
    findings.anomaly("divergent-answer", ledger.key(at), sentence, events);
}

/// How two `ok` answers to one key differ.
fn differs(ledger: &Ledger, first: &Answer, other: &Answer) -> Option<String> {
    let word = |id: Id| ledger.words.name(id);
    let definite = first.class != Class::Other && other.class != Class::Other;
    let pair = |a: Option<Id>, b: Option<Id>| a.zip(b).filter(|(a, b)| a != b);
    if let Some((a, b)) = pair(first.result, other.result).filter(|_| definite) {
        return Some(format!("first with {:?}, then with {:?}", word(a), word(b)));
    }
    if let Some((a, b)) = pair(first.key, other.key) {
        let (name, a, b) = (&ledger.follow.key, ledger.keys.name(a), ledger.keys.name(b));
        return Some(format!("first with {name} {a}, then with {name} {b}"));
    }
    let fields = ledger.follow.fields.iter().zip(first.fields.iter().zip(&other.fields));
    let mut differing = fields.filter_map(|(name, (a, b))| {
        let (a, b) = pair(*a, *b).filter(|(a, b)| !ledger.is_same_value(name, *a, *b))?;
        Some(format!("first with {name} {}, then with {name} {}", word(a), word(b)))
    });
    differing.next()
}

/// How an `ok` answer speaks of another payload than was asked for.
fn strays(ledger: &Ledger, what: &Subject, answer: &Answer) -> Option<String> {
    let fields = ledger
        .follow
        .fields
        .iter()
        .zip(what.payload.fields.iter().zip(&answer.fields));
    let mut strange = fields.filter_map(|(name, (sent, said))| {
        let (sent, said) = ((*sent)?, (*said)?);
        let same = match &ledger.follow.coded {
            Some(coded) if coded.field == *name => {
                let found = money::parse(ledger.words.name(said), coded.code.scale);
                found.is_ok_and(|money| money.is_near() && money.nearest() == what.payload.amount)
            }
            _ => ledger.says_the_same(sent, said),
        };
        (!same).then(|| format!("the answer names the {name} {}", ledger.words.name(said)))
    });
    strange.next()
}

/// `conflict-accepted` and `payload-overwritten`: only a key that had been answered can be in conflict.
fn conflicts(ledger: &Ledger, rows_are_known: bool, findings: &mut Findings) {
    let mut overwritten: HashMap<usize, &Row> = HashMap::new();
    let mut own_row: HashMap<usize, &Row> = HashMap::new();
    for row in ledger.rows.iter().filter(|_| rows_are_known) {
        match row.owner {
            Owner::Changed(at) => drop(overwritten.insert(at, row)),
            Owner::Conflict(conflict) => drop(own_row.insert(conflict, row)),
            Owner::Subject(_) | Owner::Nobody => {}
        }
    }
    for (slot, conflict) in ledger.conflicts.iter().enumerate() {
        let Some(at) = ledger.subject_of(conflict.key) else {
            continue;
        };
        if !answered_before(&ledger.subjects[at], conflict.attempt.index) {
            findings.add("conflicts-before-an-answer", 1);
            continue;
        }
        let end = conflict.attempt.end.as_ref();
        let accepted = end.filter(|e| e.kind == Kind::Ok).map(|_| "was accepted".to_owned());
        let recorded = own_row
            .get(&slot)
            .map(|row| format!("was recorded as {}", ledger.keys.name(row.key)));
        if let Some(how) = accepted.or(recorded) {
            let sentence = format!(
                "{}: a second request with its {} but {} {how}",
                subject(ledger, at),
                ledger.follow.key,
                otherwise(ledger, at, conflict)
            );
            findings.anomaly(
                "conflict-accepted",
                ledger.key(at),
                sentence,
                proof(ledger, at, conflict),
            );
        }
        if let Some(row) = overwritten.remove(&at) {
            let sentence = format!(
                "{} is {} with {} after a conflicting request",
                subject(ledger, at),
                ledger.follow.words.recorded,
                row_shown(ledger, row)
            );
            findings.anomaly(
                "payload-overwritten",
                ledger.key(at),
                sentence,
                proof(ledger, at, conflict),
            );
        }
    }
}

/// What a conflicting request asked for: its payload, or the fields that differ where the payload does not show them.
fn otherwise(ledger: &Ledger, at: usize, conflict: &Conflict) -> String {
    let known = &ledger.subjects[at].payload;
    let shown = payload(ledger, &conflict.payload);
    if shown != payload(ledger, known) {
        return shown;
    }
    let fields = known.fields.iter().zip(&conflict.payload.fields);
    let differing = ledger
        .follow
        .fields
        .iter()
        .zip(fields)
        .filter(|(_, (known, asked))| known != asked);
    let named = differing.filter_map(|(name, (_, asked))| Some(format!("{name} {}", ledger.words.name((*asked)?))));
    named.collect::<Vec<_>>().join(", ")
}

fn answered_before(subject: &Subject, index: u64) -> bool {
    subject.answers().any(|a| a.kind == Kind::Ok && a.index < index)
}

fn proof(ledger: &Ledger, at: usize, conflict: &Conflict) -> Vec<u64> {
    let mut events = witness(ledger, at, &READS);
    events.push(conflict.attempt.index);
    events.extend(conflict.attempt.end.as_ref().map(|e| e.index));
    events
}

/// `duplicate-record`: more rows than one.
fn duplicate(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.subjects[at];
    if what.rows.len() < 2 + what.asked_anew() {
        return;
    }
    let rows = what.rows.iter().map(|row| ledger.keys.name(ledger.rows[*row].key));
    let sentence = format!(
        "{} is {} {} ({}) after {} of its client",
        subject(ledger, at),
        ledger.follow.words.recorded,
        times(u32::try_from(what.rows.len()).unwrap_or(u32::MAX)),
        rows.collect::<Vec<_>>().join(", "),
        plural(what.attempts.len(), "request")
    );
    findings.anomaly(
        "duplicate-record",
        ledger.key(at),
        sentence,
        witness(ledger, at, &READS),
    );
}

/// `answer-contradicted`: the row says something else than the client was told.
fn contradicted(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.subjects[at];
    let told = what.answers().find_map(|a| contradiction(ledger, what, a));
    let refused = what.outcome() == Kind::Fail && what.successes > 0;
    let Some(how) =
        told.or_else(|| refused.then(|| format!("was refused but is {} as successful", ledger.follow.words.recorded)))
    else {
        return;
    };
    let sentence = format!("{} {how}", subject(ledger, at));
    findings.anomaly(
        "answer-contradicted",
        ledger.key(at),
        sentence,
        witness(ledger, at, &READS),
    );
}

fn contradiction(ledger: &Ledger, what: &Subject, answer: &Answer) -> Option<String> {
    if answer.kind != Kind::Ok || answer.class == Class::Other || what.rows.is_empty() {
        return None;
    }
    let own = answer.key.and_then(|key| ledger.row_of(key));
    let rows = what.rows.iter().map(|row| &ledger.rows[*row]);
    let successful = match own {
        Some(row) => row.class == Class::Success,
        None => rows.clone().any(|row| row.class == Class::Success),
    };
    if successful == (answer.class == Class::Success) {
        return None;
    }
    let row = own.or_else(|| rows.clone().next())?;
    let recorded = row.result.map_or("NULL", |result| ledger.words.name(result));
    let told = answer.result.map_or("", |result| ledger.words.name(result));
    let written = &ledger.follow.words.recorded;
    Some(format!("was answered {told:?} but is {written} as {recorded:?}"))
}

/// `unexpected-record`: rows of nobody.
fn unexpected(ledger: &Ledger, findings: &mut Findings) {
    for row in ledger.rows.iter().filter(|row| row.owner == Owner::Nobody) {
        let key = ledger.keys.name(row.key);
        let sentence = format!(
            "{} {key} ({}) is {} but no client asked for it",
            ledger.follow.kind,
            row_shown(ledger, row),
            ledger.follow.words.recorded
        );
        let read = ledger.read_index(Moment::Final, Role::Recorded);
        findings.anomaly("unexpected-record", key, sentence, read.into_iter().collect());
    }
}

//! Idempotency of the recharge. Valid when one request number means one payment, one payload and one answer.
//!
//! - `duplicate-payment`: one payment of a client is recorded more than once.
//! - `payload-overwritten`: the row of an answered payment carries the payload of a later, conflicting request.
//! - `conflict-accepted`: a request with an answered number and another payload was not refused.
//! - `divergent-answer`: two `ok` answers to the same request differ, or an answer speaks of another payload.
//! - `answer-contradicted`: a definite answer says something else than the row does in the end.
//! - `unexpected-payment`: a row is recorded that no client asked for.
//!
//! Sees: answers and final rows. Cannot see: rows that came and went; an answer that was lost on its way. An
//! answer that is neither success nor failure contradicts nothing.
//! O(attempts) time and memory.

use std::collections::HashMap;

use crate::findings::Findings;
use crate::history::{Kind, ReadMoment};
use crate::ledger::{Answer, Class, Conflict, Id, Ledger, Owner, Payment, Role, Row};
use crate::money;
use crate::verdict::CheckerResult;
use crate::words::{payment, plural, times, witness};

/// Name of this checker.
pub const NAME: &str = "idempotency";

/// The read that proves what is recorded.
const READS: [(ReadMoment, Role); 1] = [(ReadMoment::Final, Role::Payments)];

/// Judges every request number of a ledger.
pub fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    observed(ledger, &mut findings);
    for at in 0..ledger.payments.len() {
        divergent(ledger, at, &mut findings);
    }
    let incomplete = ledger.incomplete();
    conflicts(ledger, incomplete.is_none(), &mut findings);
    match incomplete {
        Some(why) => findings.doubt(why),
        None => {
            for at in 0..ledger.payments.len() {
                duplicate(ledger, at, &mut findings);
                contradicted(ledger, at, &mut findings);
            }
            unexpected(ledger, &mut findings);
        }
    }
    findings.result(NAME)
}

fn observed(ledger: &Ledger, findings: &mut Findings) {
    let payments = &ledger.payments;
    let retried = payments.iter().filter(|p| p.attempts.len() > 1).count();
    let answers = payments.iter().flat_map(Payment::answers);
    let ok = answers.filter(|a| a.kind == Kind::Ok).count();
    let refused = |c: &&Conflict| c.attempt.end.as_ref().is_some_and(|e| e.kind == Kind::Fail);
    findings.count("payments", payments.len() as u64);
    findings.count("retried", retried as u64);
    findings.count("ok-answers", ok as u64);
    findings.count("conflicts", ledger.conflicts.len() as u64);
    findings.count(
        "conflicts-refused",
        ledger.conflicts.iter().filter(refused).count() as u64,
    );
    if ok == 0 {
        findings.doubt("no recharge ended ok: there is nothing to judge");
    } else if retried == 0 && ledger.conflicts.is_empty() {
        findings.remark("no request was repeated: only answers and rows were compared");
    }
}

/// Two `ok` answers that differ.
fn divergent(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.payments[at];
    let mut answers = what.answers().filter(|a| a.kind == Kind::Ok);
    let Some(first) = answers.next() else { return };
    let asked = (ledger.account_name(what.account), what.amount);
    let said = std::iter::once(first).chain(answers.clone());
    let strange = said.filter_map(|a| strays(ledger, a, asked).map(|why| (a, why))).next();
    let differing = answers
        .filter_map(|a| differs(ledger, first, a).map(|why| (a, why)))
        .next();
    let Some((answer, why)) = differing.or(strange) else {
        return;
    };
    let sentence = format!("{} was answered differently: {why}", payment(ledger, at));
    let mut events = vec![first.index, answer.index];
    events.extend(what.attempts.iter().map(|a| a.index));
    findings.anomaly("divergent-answer", ledger.tx(at), sentence, events);
}

/// How two `ok` answers to one number differ.
fn differs(ledger: &Ledger, first: &Answer, other: &Answer) -> Option<String> {
    let word = |id: Id| ledger.words.name(id);
    let definite = first.class != Class::Other && other.class != Class::Other;
    let pair = |a: Option<Id>, b: Option<Id>| a.zip(b).filter(|(a, b)| a != b);
    if let Some((a, b)) = pair(first.result, other.result).filter(|_| definite) {
        return Some(format!("first with {:?}, then with {:?}", word(a), word(b)));
    }
    if let Some((a, b)) = pair(first.tx, other.tx) {
        let (a, b) = (ledger.txs.name(a), ledger.txs.name(b));
        return Some(format!("first with number {a}, then with number {b}"));
    }
    if let Some((a, b)) = pair(first.account, other.account) {
        return Some(format!("first for account {}, then for account {}", word(a), word(b)));
    }
    let (a, b) = pair(first.amount, other.amount)?;
    let scale = ledger.promise.scale;
    let equal = money::parse(word(a), scale).is_ok() && money::parse(word(a), scale) == money::parse(word(b), scale);
    (!equal).then(|| format!("first with amount {}, then with amount {}", word(a), word(b)))
}

/// How an `ok` answer speaks of another payload than was asked for.
fn strays(ledger: &Ledger, answer: &Answer, (account, amount): (&str, i128)) -> Option<String> {
    let word = |id: Id| ledger.words.name(id);
    if let Some(found) = answer.account.map(word).filter(|found| *found != account) {
        return Some(format!("the answer names account {found}"));
    }
    let found = answer.amount.map(word)?;
    let same =
        money::parse(found, ledger.promise.scale).is_ok_and(|money| money.is_near() && money.nearest() == amount);
    (!same).then(|| format!("the answer names the amount {found}"))
}

/// `conflict-accepted` and `payload-overwritten`: only a number that had been answered can be in conflict.
fn conflicts(ledger: &Ledger, rows_are_known: bool, findings: &mut Findings) {
    let mut overwritten: HashMap<usize, &Row> = HashMap::new();
    let mut own_row: HashMap<usize, &Row> = HashMap::new();
    for row in ledger.rows.iter().filter(|_| rows_are_known) {
        match row.owner {
            Owner::Changed(at) => drop(overwritten.insert(at, row)),
            Owner::Conflict(conflict) => drop(own_row.insert(conflict, row)),
            Owner::Payment(_) | Owner::Nobody => {}
        }
    }
    for (slot, conflict) in ledger.conflicts.iter().enumerate() {
        let Some(at) = ledger.payment_of(conflict.tx) else {
            continue;
        };
        if !answered_before(&ledger.payments[at], conflict.attempt.index) {
            findings.add("conflicts-before-an-answer", 1);
            continue;
        }
        let end = conflict.attempt.end.as_ref();
        let accepted = end.filter(|e| e.kind == Kind::Ok).map(|_| "was accepted".to_owned());
        let recorded = own_row
            .get(&slot)
            .map(|row| format!("was recorded as {}", ledger.txs.name(row.tx)));
        if let Some(how) = accepted.or(recorded) {
            let sentence = format!(
                "{}: a second request with its number but account {} and {} {how}",
                payment(ledger, at),
                ledger.account_name(conflict.account),
                ledger.money(conflict.amount)
            );
            findings.anomaly(
                "conflict-accepted",
                ledger.tx(at),
                sentence,
                proof(ledger, at, conflict),
            );
        }
        if let Some(row) = overwritten.remove(&at) {
            let sentence = format!(
                "{} is recorded with account {} and {} after a conflicting request",
                payment(ledger, at),
                ledger.account_name(row.account),
                ledger.words.name(row.text)
            );
            findings.anomaly(
                "payload-overwritten",
                ledger.tx(at),
                sentence,
                proof(ledger, at, conflict),
            );
        }
    }
}

fn answered_before(payment: &Payment, index: u64) -> bool {
    payment.answers().any(|a| a.kind == Kind::Ok && a.index < index)
}

fn proof(ledger: &Ledger, at: usize, conflict: &Conflict) -> Vec<u64> {
    let mut events = witness(ledger, at, &READS);
    events.push(conflict.attempt.index);
    events.extend(conflict.attempt.end.as_ref().map(|e| e.index));
    events
}

/// `duplicate-payment`: more rows than one.
fn duplicate(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.payments[at];
    if what.rows.len() < 2 {
        return;
    }
    let rows = what.rows.iter().map(|row| ledger.txs.name(ledger.rows[*row].tx));
    let sentence = format!(
        "{} is recorded {} ({}) after {} of its client",
        payment(ledger, at),
        times(u32::try_from(what.rows.len()).unwrap_or(u32::MAX)),
        rows.collect::<Vec<_>>().join(", "),
        plural(what.attempts.len(), "request")
    );
    findings.anomaly(
        "duplicate-payment",
        ledger.tx(at),
        sentence,
        witness(ledger, at, &READS),
    );
}

/// `answer-contradicted`: the row says something else than the client was told.
fn contradicted(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.payments[at];
    let told = what.answers().find_map(|a| contradiction(ledger, what, a));
    let refused = what.outcome() == Kind::Fail && what.successes > 0;
    let Some(how) = told.or_else(|| refused.then(|| "was refused but is recorded as successful".to_owned())) else {
        return;
    };
    let sentence = format!("{} {how}", payment(ledger, at));
    findings.anomaly(
        "answer-contradicted",
        ledger.tx(at),
        sentence,
        witness(ledger, at, &READS),
    );
}

fn contradiction(ledger: &Ledger, what: &Payment, answer: &Answer) -> Option<String> {
    if answer.kind != Kind::Ok || answer.class == Class::Other || what.rows.is_empty() {
        return None;
    }
    let own = answer.tx.and_then(|tx| ledger.row_of(tx));
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
    Some(format!("was answered {told:?} but is recorded as {recorded:?}"))
}

/// `unexpected-payment`: rows of nobody.
fn unexpected(ledger: &Ledger, findings: &mut Findings) {
    for row in ledger.rows.iter().filter(|row| row.owner == Owner::Nobody) {
        let tx = ledger.txs.name(row.tx);
        let sentence = format!(
            "payment {tx} (account {}, {}) is recorded but no client asked for it",
            ledger.account_name(row.account),
            ledger.words.name(row.text)
        );
        let read = ledger.read_index(ReadMoment::Final, Role::Payments);
        findings.anomaly("unexpected-payment", tx, sentence, read.into_iter().collect());
    }
}

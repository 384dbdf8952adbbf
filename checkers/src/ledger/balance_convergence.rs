//! Balance convergence. Valid when every holder gained exactly what its recorded subjects add up to.
//!
//! The difference is explained digit by digit: which subject took effect how often.
//! - `wrong-balance`: a holder gained something else than the sum of its successful subjects.
//! - `inexact`: a balance or a recorded amount carries digits beyond the scale, or is off by what binary floating
//!   point rounds away: no sum of exact decimals gives it.
//! - `null-balance`: a balance is NULL.
//! - `missing-account`: a holder that was there, or was opened, is gone.
//! - `duplicate-account`: a holder has more than one row.
//!
//! Sees: the initial and the final balances, and the rows of subjects. Cannot see: what happened in between, nor
//! a drift that the column's own printing rounds away.
//! O(subjects + holders) time and memory.

use crate::findings::Findings;
use crate::history::Moment;
use crate::money::Money;
use crate::verdict::CheckerResult;
use crate::words::{plural, times};

use super::{Class, Effect, Holder, Holding, Id, Ledger, Owner, Role, Subject, Unread, slot};

/// Name of this checker.
pub(crate) const NAME: &str = "balance-convergence";

/// What it reports.
pub(crate) const ANOMALIES: [&str; 5] = [
    "wrong-balance",
    "inexact",
    "null-balance",
    "missing-account",
    "duplicate-account",
];

/// How many subjects the explanation of one holder names.
const EXPLAINED_MAX: usize = 5;

/// Judges every holder of a ledger.
pub(crate) fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    if let Some(why) = ledger.incomplete() {
        findings.doubt(why);
        return findings.result(NAME);
    }
    let Effect::Sum { view, .. } = &ledger.follow.effect else {
        findings.doubt("no sum is viewed: there is nothing to add up");
        return findings.result(NAME);
    };
    if ledger.follow.recorded.is_none() {
        findings.doubt("no records are viewed: say where what adds up is recorded");
        return findings.result(NAME);
    }
    if ledger.read_index(Moment::Initial, Role::Effect).is_none() {
        findings.doubt(format!("there is no initial read of {view}"));
        return findings.result(NAME);
    }
    if !ledger.has_recorded() {
        let follow = &ledger.follow;
        let (kind, recorded) = (&follow.kind, &follow.words.recorded);
        findings.doubt(format!(
            "no {kind} is {recorded} as successful: there is nothing to add up"
        ));
    }
    if let Some(why) = ledger.restless() {
        findings.doubt(why);
    }
    findings.count("accounts", ledger.holders.len() as u64);
    findings.count("converged", 0);
    for (id, holder) in (0..).zip(&ledger.holders) {
        judge(ledger, id, holder, &mut findings);
    }
    amounts(ledger, &mut findings);
    findings.result(NAME)
}

fn judge(ledger: &Ledger, id: Id, holder: &Holder, findings: &mut Findings) {
    let name = ledger.holder_name(id);
    let held = slot(Moment::Final).and_then(|slot| holder.at[slot].as_ref());
    let kind = ledger.follow.holder();
    if let Some(copies) = held.map(|h| h.copies).filter(|copies| *copies > 1) {
        let sentence = format!("{kind} {name} has {copies} rows, each of which takes effect");
        findings.anomaly("duplicate-account", name, sentence, reads(ledger));
    }
    match holder.unread {
        Some(Unread::Null) => {
            let sentence = format!("{kind} {name}: its balance is NULL, to which nothing can be added");
            findings.anomaly("null-balance", name, sentence, reads(ledger));
        }
        Some(Unread::Missing) => {
            let sentence = format!("{kind} {name} was there and is not among the final balances");
            findings.anomaly("missing-account", name, sentence, reads(ledger));
        }
        Some(Unread::NeverOpened) if holder.expected == Some(0) => {}
        Some(why @ (Unread::NeverOpened | Unread::Opening | Unread::NoNumber | Unread::NoRead)) => {
            findings.doubt(format!("{kind} {name} cannot be added up: {why}"));
        }
        Some(Unread::Drift | Unread::Negative | Unread::Uncoded | Unread::Ambiguous) | None => {
            let exact = exactness(ledger, name, holder, held, findings);
            balance(ledger, name, holder, exact, findings);
        }
    }
}

/// `inexact` where the final balance carries drift; returns whether it does not.
fn exactness(ledger: &Ledger, name: &str, holder: &Holder, held: Option<&Holding>, findings: &mut Findings) -> bool {
    let Some(balance) = held.and_then(|h| h.value.as_ref()) else {
        return true;
    };
    let (kind, found) = (ledger.follow.holder(), ledger.words.name(balance.text));
    let sentence = match &balance.money {
        Some(Money::Inexact { remainder, .. }) => format!(
            "{kind} {name}: the balance {found} is {remainder} minor units off any exact amount: its money is not decimal"
        ),
        _ if holder.drifted => format!(
            "{kind} {name}: the balance {found} is off by what binary floating point rounds away: its money is not decimal"
        ),
        _ => return true,
    };
    findings.anomaly("inexact", name, sentence, reads(ledger));
    false
}

/// `wrong-balance` where the holder gained something else than its rows add up to.
fn balance(ledger: &Ledger, name: &str, holder: &Holder, exact: bool, findings: &mut Findings) {
    let kind = ledger.follow.holder();
    let (Some(expected), Some(gained)) = (holder.expected, holder.gained) else {
        if exact {
            findings.doubt(format!("{kind} {name} cannot be added up"));
        }
        return;
    };
    if gained == expected || holder.drifted {
        findings.add("converged", u64::from(exact && gained == expected));
        return;
    }
    let subjects = || holder.subjects.iter().map(|at| (*at, &ledger.subjects[*at]));
    let waiting = |p: &Subject| p.effects.is_none_or(|c| c <= p.successes);
    if ledger.restless().is_some() && holder.residue == 0 && subjects().all(|(_, p)| waiting(p)) {
        findings.doubt(format!(
            "{kind} {name} has not gained all of its {}s yet",
            ledger.follow.kind
        ));
        return;
    }
    let initial = start(holder);
    let off = subjects().filter(|(_, p)| p.effects.is_some_and(|c| c != p.successes));
    let mut reasons: Vec<String> = off.map(|(at, p)| reason(ledger, at, p)).collect();
    if holder.residue != 0 {
        let subject = &ledger.follow.kind;
        reasons.push(format!("{} that no {subject} explains", ledger.money(holder.residue)));
    }
    for row in holder.others.iter().map(|row| &ledger.rows[*row]) {
        if row.class == Class::Success {
            reasons.push(other(ledger, row.key, row.text));
        }
    }
    if let Some(why) = holder.unread {
        reasons.push(why.to_string());
    }
    let more = reasons.len().saturating_sub(EXPLAINED_MAX);
    reasons.truncate(EXPLAINED_MAX);
    if more > 0 {
        reasons.push(format!("and {} more", plural(more, "difference")));
    }
    let sentence = format!(
        "{kind} {name}: expected {}, found {}: {}",
        ledger.money(initial.saturating_add(expected)),
        ledger.money(initial.saturating_add(gained)),
        reasons.join(", ")
    );
    findings.anomaly("wrong-balance", name, sentence, reads(ledger));
}

fn start(holder: &Holder) -> i128 {
    let initial = slot(Moment::Initial).and_then(|slot| holder.at[slot].as_ref());
    let money = initial.and_then(|h| h.value.as_ref()).and_then(|b| b.money.as_ref());
    money.map_or(0, Money::nearest)
}

fn reason(ledger: &Ledger, at: usize, subject: &Subject) -> String {
    let words = &ledger.follow.words;
    let effects = subject.effects.unwrap_or(0);
    let how_often = match effects {
        0 => format!("never {}", words.effect),
        n => format!("{} {}", words.effect, times(n)),
    };
    let recorded = match subject.successes {
        0 if subject.rows.is_empty() => format!(" though not {}", words.recorded),
        0 => format!(" though not {} as successful", words.recorded),
        1 => String::new(),
        n => format!(" though {} {}", words.recorded, times(n)),
    };
    format!(
        "{} {} (k={}, {}) was {how_often}{recorded}",
        words.subject,
        ledger.key(at),
        subject.k.unwrap_or(0),
        ledger.money(subject.payload.amount)
    )
}

fn other(ledger: &Ledger, key: Id, amount: Id) -> String {
    let (key, amount) = (ledger.keys.name(key), ledger.words.name(amount));
    format!("row {key} ({amount}) is not what a client asked for")
}

/// `inexact` amounts of recorded subjects.
fn amounts(ledger: &Ledger, findings: &mut Findings) {
    for row in &ledger.rows {
        if !matches!(row.amount, Some(Money::Inexact { .. })) {
            continue;
        }
        let subject = match row.owner {
            Owner::Subject(at) | Owner::Changed(at) => ledger.key(at),
            Owner::Conflict(_) | Owner::Nobody => ledger.keys.name(row.key),
        };
        let found = ledger.words.name(row.text);
        let (kind, recorded) = (&ledger.follow.kind, &ledger.follow.words.recorded);
        let sentence = format!("{kind} {subject} is {recorded} with {found}, which is no exact amount");
        let read = ledger.read_index(Moment::Final, Role::Recorded);
        findings.anomaly("inexact", subject, sentence, read.into_iter().collect());
    }
}

fn reads(ledger: &Ledger) -> Vec<u64> {
    let deciding = [
        (Moment::Initial, Role::Effect),
        (Moment::Final, Role::Recorded),
        (Moment::Final, Role::Effect),
    ];
    let indices = deciding.iter().filter_map(|(at, role)| ledger.read_index(*at, *role));
    indices.collect()
}

//! Balance convergence. Valid when every account gained exactly what its recorded payments add up to.
//!
//! The difference is explained digit by digit: which payment was credited how often.
//! - `wrong-balance`: an account gained something else than the sum of its successful payments.
//! - `inexact`: a balance or a recorded amount carries digits beyond the scale, or is off by what binary floating
//!   point rounds away: no sum of exact decimals gives it.
//! - `null-balance`: a balance is NULL.
//! - `missing-account`: an account that was there, or was opened, is gone.
//! - `duplicate-account`: an account has more than one row.
//!
//! Sees: the initial and the final balances, and the rows of payments. Cannot see: what happened in between, nor
//! a drift that the column's own printing rounds away.
//! O(payments + accounts) time and memory.

use crate::findings::Findings;
use crate::history::ReadMoment;
use crate::ledger::{Account, Class, Holding, Id, Ledger, Owner, Payment, Role, Unread};
use crate::money::Money;
use crate::verdict::CheckerResult;
use crate::words::{plural, times};

/// Name of this checker.
pub const NAME: &str = "balance-convergence";

/// How many payments the explanation of one account names.
const EXPLAINED_MAX: usize = 5;

/// Judges every account of a ledger.
pub fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    if let Some(why) = ledger.incomplete() {
        findings.doubt(why);
        return findings.result(NAME);
    }
    if ledger.read_index(ReadMoment::Initial, Role::Balances).is_none() {
        findings.doubt("there is no initial read of balances");
        return findings.result(NAME);
    }
    if !ledger.has_recorded() {
        findings.doubt("no payment is recorded as successful: there is nothing to add up");
    }
    if let Some(why) = ledger.restless() {
        findings.doubt(why);
    }
    findings.count("accounts", ledger.accounts.len() as u64);
    findings.count("converged", 0);
    for (id, account) in (0..).zip(&ledger.accounts) {
        judge(ledger, id, account, &mut findings);
    }
    amounts(ledger, &mut findings);
    findings.result(NAME)
}

fn judge(ledger: &Ledger, id: Id, account: &Account, findings: &mut Findings) {
    let name = ledger.account_name(id);
    let held = account.at[ReadMoment::Final as usize].as_ref();
    if let Some(copies) = held.map(|h| h.copies).filter(|copies| *copies > 1) {
        let sentence = format!("account {name} has {copies} rows, each of which takes credits");
        findings.anomaly("duplicate-account", name, sentence, reads(ledger));
    }
    match account.unread {
        Some(Unread::Null) => {
            let sentence = format!("account {name}: its balance is NULL, to which nothing can be added");
            findings.anomaly("null-balance", name, sentence, reads(ledger));
        }
        Some(Unread::Missing) => {
            let sentence = format!("account {name} was there and is not among the final balances");
            findings.anomaly("missing-account", name, sentence, reads(ledger));
        }
        Some(Unread::NeverOpened) if account.expected == Some(0) => {}
        Some(why @ (Unread::NeverOpened | Unread::NoNumber | Unread::NoRead)) => {
            findings.doubt(format!("account {name} cannot be added up: {why}"));
        }
        Some(Unread::Drift | Unread::Negative | Unread::Uncoded) | None => {
            let exact = exactness(ledger, name, account, held, findings);
            balance(ledger, name, account, exact, findings);
        }
    }
}

/// `inexact` where the final balance carries drift; returns whether it does not.
fn exactness(ledger: &Ledger, name: &str, account: &Account, held: Option<&Holding>, findings: &mut Findings) -> bool {
    let Some(balance) = held.and_then(|h| h.value.as_ref()) else {
        return true;
    };
    let found = ledger.words.name(balance.text);
    let sentence = match &balance.money {
        Some(Money::Inexact { remainder, .. }) => format!(
            "account {name}: the balance {found} is {remainder} minor units off any exact amount: its money is not decimal"
        ),
        _ if account.drifted => format!(
            "account {name}: the balance {found} is off by what binary floating point rounds away: its money is not decimal"
        ),
        _ => return true,
    };
    findings.anomaly("inexact", name, sentence, reads(ledger));
    false
}

/// `wrong-balance` where the account gained something else than its rows add up to.
fn balance(ledger: &Ledger, name: &str, account: &Account, exact: bool, findings: &mut Findings) {
    let (Some(expected), Some(gained)) = (account.expected, account.gained) else {
        if exact {
            findings.doubt(format!("account {name} cannot be added up"));
        }
        return;
    };
    if gained == expected || account.drifted {
        findings.add("converged", u64::from(exact && gained == expected));
        return;
    }
    let payments = || account.payments.iter().map(|at| (*at, &ledger.payments[*at]));
    let waiting = |p: &Payment| p.credited.is_some_and(|c| c <= p.successes);
    if ledger.restless().is_some() && account.residue == 0 && payments().all(|(_, p)| waiting(p)) {
        findings.doubt(format!("account {name} has not gained all of its payments yet"));
        return;
    }
    let initial = start(account);
    let off = payments().filter(|(_, p)| p.credited.is_some_and(|c| c != p.successes));
    let mut reasons: Vec<String> = off.map(|(at, p)| reason(ledger, at, p)).collect();
    if account.residue != 0 {
        reasons.push(format!("{} that no payment explains", ledger.money(account.residue)));
    }
    for row in account.others.iter().map(|row| &ledger.rows[*row]) {
        if row.class == Class::Success {
            reasons.push(other(ledger, row.tx, row.text));
        }
    }
    if let Some(why) = account.unread {
        reasons.push(why.to_string());
    }
    let more = reasons.len().saturating_sub(EXPLAINED_MAX);
    reasons.truncate(EXPLAINED_MAX);
    if more > 0 {
        reasons.push(format!("and {} more", plural(more, "difference")));
    }
    let sentence = format!(
        "account {name}: expected {}, found {}: {}",
        ledger.money(initial.saturating_add(expected)),
        ledger.money(initial.saturating_add(gained)),
        reasons.join(", ")
    );
    findings.anomaly("wrong-balance", name, sentence, reads(ledger));
}

fn start(account: &Account) -> i128 {
    let initial = account.at[ReadMoment::Initial as usize].as_ref();
    let money = initial.and_then(|h| h.value.as_ref()).and_then(|b| b.money.as_ref());
    money.map_or(0, Money::nearest)
}

fn reason(ledger: &Ledger, at: usize, payment: &Payment) -> String {
    let credited = payment.credited.unwrap_or(0);
    let how_often = match credited {
        0 => "never credited".to_owned(),
        n => format!("credited {}", times(n)),
    };
    let recorded = match payment.successes {
        0 if payment.rows.is_empty() => " though not recorded".to_owned(),
        0 => " though not recorded as successful".to_owned(),
        1 => String::new(),
        n => format!(" though recorded {}", times(n)),
    };
    format!(
        "payment {} (k={}, {}) was {how_often}{recorded}",
        ledger.tx(at),
        payment.k.unwrap_or(0),
        ledger.money(payment.amount)
    )
}

fn other(ledger: &Ledger, tx: Id, amount: Id) -> String {
    let (tx, amount) = (ledger.txs.name(tx), ledger.words.name(amount));
    format!("row {tx} ({amount}) is not what a client asked for")
}

/// `inexact` amounts of recorded payments.
fn amounts(ledger: &Ledger, findings: &mut Findings) {
    for row in &ledger.rows {
        if !matches!(row.amount, Some(Money::Inexact { .. })) {
            continue;
        }
        let subject = match row.owner {
            Owner::Payment(at) | Owner::Changed(at) => ledger.tx(at),
            Owner::Conflict(_) | Owner::Nobody => ledger.txs.name(row.tx),
        };
        let found = ledger.words.name(row.text);
        let sentence = format!("payment {subject} is recorded with {found}, which is no exact amount");
        let read = ledger.read_index(ReadMoment::Final, Role::Payments);
        findings.anomaly("inexact", subject, sentence, read.into_iter().collect());
    }
}

fn reads(ledger: &Ledger) -> Vec<u64> {
    let deciding = [
        (ReadMoment::Initial, Role::Balances),
        (ReadMoment::Final, Role::Payments),
        (ReadMoment::Final, Role::Balances),
    ];
    let indices = deciding.iter().filter_map(|(at, role)| ledger.read_index(*at, *role));
    indices.collect()
}

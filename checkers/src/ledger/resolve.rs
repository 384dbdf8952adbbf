//! Joins what the pass has seen: rows, deliveries, queries and listed credits find their payments.

use std::collections::HashMap;

use crate::history::QueryPath;

use super::model::{Answer, Class, Owner, Row};
use super::observe::Observer;
use super::{Id, Ledger};

/// Ways to find the owner of a row, strongest first.
struct Claims {
    /// Numbers that a service gave in an answer.
    answered: HashMap<Id, Owner>,
    /// Account and amount; None where two payments share them.
    amounts: HashMap<(Id, i128), Option<usize>>,
    /// Account and amount of a deliberate conflict.
    conflicts: HashMap<(Id, i128), usize>,
}

pub(super) fn resolve(observer: Observer) -> Ledger {
    let Observer {
        mut ledger,
        by_tx,
        mut deliveries,
        listed,
        ..
    } = observer;
    let claims = claims(&ledger, &by_tx);
    let mut rows = std::mem::take(&mut ledger.rows);
    for (at, row) in rows.iter_mut().enumerate() {
        row.owner = owner(&ledger, &by_tx, &claims, row);
        ledger.recorded.entry(row.tx).or_insert(at);
        book(&mut ledger, at, row);
    }
    ledger.rows = rows;
    ledger.owners = by_tx;
    for (tx, owner) in claims.answered {
        if let Owner::Payment(payment) = owner {
            ledger.owners.entry(tx).or_insert(payment);
        }
    }
    for row in &ledger.rows {
        if let Owner::Payment(payment) | Owner::Changed(payment) = row.owner {
            ledger.makes_numbers |= row.tx != ledger.payments[payment].tx;
            ledger.owners.entry(row.tx).or_insert(payment);
        }
    }
    for (tx, payment) in &ledger.owners {
        if let Some(seen) = deliveries.remove(tx) {
            ledger.payments[*payment].deliveries.extend(seen);
        }
    }
    for payment in &mut ledger.payments {
        payment.deliveries.sort_unstable_by_key(|d| d.index);
    }
    for tx in listed {
        if let Some(payment) = ledger.owners.get(&tx) {
            ledger.payments[*payment].listed += 1;
        }
    }
    for (at, query) in ledger.queries.iter().enumerate() {
        let owner = ledger.owners.get(&query.tx).filter(|_| query.path != QueryPath::Pay);
        if let Some(payment) = owner {
            ledger.payments[*payment].asks.push(at);
        }
    }
    ledger
}

fn claims(ledger: &Ledger, by_tx: &HashMap<Id, usize>) -> Claims {
    let mut claims = Claims {
        answered: HashMap::new(),
        amounts: HashMap::new(),
        conflicts: HashMap::new(),
    };
    let given = |answer: &Answer| answer.tx.filter(|tx| !by_tx.contains_key(tx));
    for (at, conflict) in ledger.conflicts.iter().enumerate() {
        claims.conflicts.insert((conflict.account, conflict.amount), at);
        if let Some(tx) = conflict.attempt.end.as_ref().and_then(given) {
            claims.answered.insert(tx, Owner::Conflict(at));
        }
    }
    for (at, payment) in ledger.payments.iter().enumerate() {
        for tx in payment.answers().filter_map(given) {
            claims.answered.insert(tx, Owner::Payment(at));
        }
        let claim = claims
            .amounts
            .entry((payment.account, payment.amount))
            .or_insert(Some(at));
        if *claim != Some(at) {
            *claim = None;
        }
    }
    claims
}

fn owner(ledger: &Ledger, by_tx: &HashMap<Id, usize>, claims: &Claims, row: &Row) -> Owner {
    let amount = row.amount.as_ref().map(|money| money.nearest());
    let known = match by_tx.get(&row.tx) {
        Some(payment) => Some(Owner::Payment(*payment)),
        None => claims.answered.get(&row.tx).copied(),
    };
    if let Some(Owner::Payment(payment)) = known {
        let meant = &ledger.payments[payment];
        let same = (meant.account, Some(meant.amount)) == (row.account, amount);
        return if same {
            Owner::Payment(payment)
        } else {
            Owner::Changed(payment)
        };
    }
    if let Some(owner) = known {
        return owner;
    }
    let key = amount.map(|amount| (row.account, amount));
    let by_amount = key.and_then(|key| claims.amounts.get(&key).copied().flatten());
    let by_conflict = key.and_then(|key| claims.conflicts.get(&key).copied());
    match (by_amount, by_conflict) {
        (Some(payment), _) => Owner::Payment(payment),
        (None, Some(conflict)) => Owner::Conflict(conflict),
        (None, None) => Owner::Nobody,
    }
}

/// Enters a row with its owner and with its account.
fn book(ledger: &mut Ledger, at: usize, row: &Row) {
    let success = row.class == Class::Success;
    match row.owner {
        Owner::Payment(payment) => {
            ledger.payments[payment].rows.push(at);
            ledger.payments[payment].successes += u32::from(success);
        }
        Owner::Changed(payment) => ledger.payments[payment].rows.push(at),
        Owner::Conflict(_) | Owner::Nobody => {}
    }
    let account = &mut ledger.accounts[row.account as usize];
    if !matches!(row.owner, Owner::Payment(_)) {
        account.others.push(at);
    }
    if success {
        let amount = row.amount.as_ref().map(|money| money.nearest());
        account.expected = account
            .expected
            .zip(amount)
            .and_then(|(sum, amount)| sum.checked_add(amount));
    }
}

//! Reads from balances how often each payment was credited.
//!
//! An account that gained exactly what its rows add up to was credited as recorded. Otherwise the digits of the
//! gain in the base of the coded amounts are the counts, and what no payment's digit explains is the residue.

use crate::history::{QueryPath, ReadMoment};
use crate::money;

use super::model::{Account, Class, Holding, Opened, Unread};
use super::{Ledger, Role};

/// Binary floating point keeps 53 bits: sums of a few dozen amounts are off by less than this share.
const DRIFT_SHIFT: u32 = 46;

/// What the gain of one account says.
struct Counted {
    counts: Vec<u32>,
    residue: i128,
    drifted: bool,
}

pub(super) fn count(ledger: &mut Ledger) {
    let initial = ledger.read_index(ReadMoment::Initial, Role::Balances).is_some();
    let last = ledger.read_index(ReadMoment::Final, Role::Balances).is_some();
    let before = ledger
        .read_index(ReadMoment::BeforeCompensate, Role::Balances)
        .is_some();
    let compensated = ledger.queries.iter().any(|q| q.path == QueryPath::Compensate);
    for id in 0..ledger.accounts.len() {
        let counted = if initial && last {
            at(ledger, id, ReadMoment::Final)
        } else {
            Err(Unread::NoRead)
        };
        let counts = settle(ledger, id, counted);
        let earlier = match (initial && before, compensated) {
            (true, _) => at(ledger, id, ReadMoment::BeforeCompensate).ok().map(|c| c.counts),
            (false, true) => None,
            (false, false) => counts.clone(),
        };
        let Ledger { accounts, payments, .. } = ledger;
        for (position, payment) in accounts[id].payments.iter().enumerate() {
            payments[*payment].credited = counts.as_ref().map(|c| c[position]);
            payments[*payment].credited_before = earlier.as_ref().map(|c| c[position]);
        }
    }
}

/// Keeps what the final balance of an account says, and returns the counts.
fn settle(ledger: &mut Ledger, id: usize, counted: Result<Counted, Unread>) -> Option<Vec<u32>> {
    let gained = gain(&ledger.accounts[id], ReadMoment::Final).ok();
    let account = &mut ledger.accounts[id];
    account.gained = gained;
    match counted {
        Ok(counted) => {
            account.residue = counted.residue;
            account.drifted = counted.drifted;
            Some(counted.counts)
        }
        Err(why) => {
            account.unread = Some(why);
            None
        }
    }
}

/// Minor units between the initial balance and the one read `at`.
fn gain(account: &Account, at: ReadMoment) -> Result<i128, Unread> {
    let value = |holding: &Holding| {
        let balance = holding.value.as_ref().ok_or(Unread::Null)?;
        let money = balance.money.as_ref().ok_or(Unread::NoNumber)?;
        if money.is_near() {
            Ok(money.nearest())
        } else {
            Err(Unread::Drift)
        }
    };
    let initial = &account.at[ReadMoment::Initial as usize];
    let start = initial.as_ref().map_or(Ok(0), value)?;
    let end = match &account.at[at as usize] {
        Some(holding) => value(holding)?,
        // Before the compensation phase an account may not have been opened yet.
        None if at != ReadMoment::Final && initial.is_none() => 0,
        None if initial.is_some() || account.opened == Opened::Yes => return Err(Unread::Missing),
        None => return Err(Unread::NeverOpened),
    };
    end.checked_sub(start).ok_or(Unread::NoNumber)
}

fn at(ledger: &Ledger, id: usize, at: ReadMoment) -> Result<Counted, Unread> {
    let account = &ledger.accounts[id];
    let gained = gain(account, at)?;
    let expected = account.expected.ok_or(Unread::NoNumber)?;
    let drifted = gained != expected && is_drift(ledger, account, at, gained, expected);
    if gained == expected || drifted {
        let as_recorded = |p: &usize| ledger.payments[*p].successes;
        return Ok(Counted {
            counts: account.payments.iter().map(as_recorded).collect(),
            residue: 0,
            drifted,
        });
    }
    let others = others(ledger, account);
    let mut best: Option<(u64, Counted)> = None;
    for rest in [gained.checked_sub(others), Some(gained)].into_iter().flatten() {
        if rest < 0 || best.is_some() && others == 0 {
            continue;
        }
        let counted = digits(ledger, account, rest)?;
        let cost = deviation(ledger, account, &counted);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, counted));
        }
    }
    best.map(|(_, counted)| counted).ok_or(Unread::Negative)
}

/// True when a floating-point column cannot hold the expected balance and holds its neighbour.
fn is_drift(ledger: &Ledger, account: &Account, at: ReadMoment, gained: i128, expected: i128) -> bool {
    let held = account.at[at as usize].as_ref().and_then(|h| h.value.as_ref());
    let exponent = held.is_some_and(|b| money::has_exponent(ledger.words.name(b.text)));
    exponent && gained.abs_diff(expected) <= expected.unsigned_abs() >> DRIFT_SHIFT
}

/// Sum of the successful rows that are not a payment's own.
fn others(ledger: &Ledger, account: &Account) -> i128 {
    let rows = account.others.iter().map(|row| &ledger.rows[*row]);
    rows.filter(|row| row.class == Class::Success)
        .filter_map(|row| row.amount.as_ref())
        .fold(0, |sum: i128, amount| sum.saturating_add(amount.nearest()))
}

fn digits(ledger: &Ledger, account: &Account, gained: i128) -> Result<Counted, Unread> {
    let base = ledger.promise.base;
    let positions: Option<Vec<u32>> = account.payments.iter().map(|p| ledger.payments[*p].k).collect();
    let positions = positions.ok_or(Unread::Uncoded)?;
    let k_max = positions.iter().copied().max().unwrap_or(0);
    let mut digits = money::decode(gained, base, k_max).ok_or(Unread::Uncoded)?;
    let mut counts = Vec::with_capacity(positions.len());
    let mut claimed = vec![false; digits.counts.len()];
    for k in &positions {
        let k = *k as usize;
        if std::mem::replace(&mut claimed[k], true) {
            return Err(Unread::Uncoded);
        }
        counts.push(std::mem::take(&mut digits.counts[k]));
    }
    let mut residue = digits.residue;
    for (k, count) in (0_u32..).zip(&digits.counts) {
        if *count > 0 {
            residue += i128::from(*count) * i128::from(base).pow(k);
        }
    }
    Ok(Counted {
        counts,
        residue,
        drifted: false,
    })
}

/// How far the counts are from what is recorded.
fn deviation(ledger: &Ledger, account: &Account, counted: &Counted) -> u64 {
    let recorded = account.payments.iter().map(|p: &usize| ledger.payments[*p].successes);
    let off = recorded.zip(&counted.counts).map(|(s, c)| u64::from(s.abs_diff(*c)));
    off.sum::<u64>() + u64::from(counted.residue != 0)
}

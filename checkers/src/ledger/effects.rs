//! How often each subject took effect: counted one by one, or read from the sums that coded values leave.
//!
//! A holder that gained exactly what its rows add up to was changed as recorded. Otherwise the digits of the gain in the base
//! of the code are the counts, and what no subject's digit explains is the residue. A digit carries into its neighbour's where
//! something took effect `base` times or more: where the deliveries and commits on record reach that, the reading is
//! ambiguous, and nothing is said of that holder's subjects.

use std::collections::HashMap;
use std::rc::Rc;

use crate::history::Moment;
use crate::money::{self, Money};

use super::model::{Class, Holder, Holding, Lane, Opened, Unread};
use super::{Effect, Id, Ledger, Role, slot};

/// Binary floating point keeps 53 bits: sums of a few dozen amounts are off by less than this share.
const DRIFT_SHIFT: u32 = 46;

/// What the gain of one holder says.
struct Counted {
    counts: Vec<u32>,
    residue: i128,
    drifted: bool,
}

pub(super) fn count(ledger: &mut Ledger) {
    match ledger.follow.effect {
        Effect::Sum { .. } => sums(ledger),
        Effect::Rows { .. } | Effect::Point { .. } => {
            lanes(ledger);
            fewest(ledger);
        }
    }
}

/// A subscriber that was never seen has no effect of anything.
fn lanes(ledger: &mut Ledger) {
    let follow = Rc::clone(&ledger.follow);
    let Effect::Rows { subscribers, .. } = &follow.effect else {
        return;
    };
    for name in subscribers {
        let subscriber = Some(ledger.words.id(name));
        if ledger.lanes.iter().all(|lane| lane.subscriber != subscriber) {
            ledger.lanes.push(Lane {
                subscriber,
                counts: HashMap::new(),
                before: HashMap::new(),
            });
        }
    }
}

/// Takes for every subject the fewest effects that it has for any subscriber: only that often it took effect for all.
fn fewest(ledger: &mut Ledger) {
    one_by_one(ledger, 0);
    for lane in 1..ledger.lanes.len() {
        let so_far: Vec<_> = ledger.subjects.iter().map(|s| (s.effects, s.effects_before)).collect();
        one_by_one(ledger, lane);
        for (subject, (effects, before)) in ledger.subjects.iter_mut().zip(so_far) {
            subject.effects = subject.effects.min(effects);
            subject.effects_before = subject.effects_before.min(before);
        }
    }
}

/// Takes the counts of one lane for what every subject's effects are.
pub(super) fn one_by_one(ledger: &mut Ledger, lane: usize) {
    // A point of which no frame was ever seen says nothing.
    let point = matches!(ledger.follow.effect, Effect::Point { .. }) && !ledger.lanes.is_empty();
    let last = point || ledger.read_index(Moment::Final, Role::Effect).is_some();
    let before = point || ledger.read_index(Moment::Rest, Role::Effect).is_some();
    let compensated = ledger.was_repaired();
    let none = HashMap::new();
    let (counts, earlier) = ledger
        .lanes
        .get(lane)
        .map_or((&none, &none), |lane| (&lane.counts, &lane.before));
    let mut of: Vec<(u32, u32)> = vec![(0, 0); ledger.subjects.len()];
    for (key, n) in counts {
        if let Some(subject) = ledger.owners.get(key) {
            of[*subject].0 += n;
        }
    }
    for (key, n) in earlier {
        if let Some(subject) = ledger.owners.get(key) {
            of[*subject].1 += n;
        }
    }
    for (subject, (count, earlier)) in ledger.subjects.iter_mut().zip(of) {
        subject.effects = last.then_some(count);
        subject.effects_before = match (before, compensated) {
            (true, _) => Some(earlier),
            (false, true) => None,
            (false, false) => subject.effects,
        };
    }
}

fn sums(ledger: &mut Ledger) {
    let initial = ledger.read_index(Moment::Initial, Role::Effect).is_some();
    let last = ledger.read_index(Moment::Final, Role::Effect).is_some();
    let before = ledger.read_index(Moment::Rest, Role::Effect).is_some();
    let repaired = ledger.was_repaired();
    for id in 0..ledger.holders.len() {
        let counted = if initial && last {
            at(ledger, id, Moment::Final)
        } else {
            Err(Unread::NoRead)
        };
        let counts = settle(ledger, id, counted);
        let earlier = match (initial && before, repaired) {
            (true, _) => at(ledger, id, Moment::Rest).ok().map(|c| c.counts),
            (false, true) => None,
            (false, false) => counts.clone(),
        };
        let Ledger { holders, subjects, .. } = ledger;
        for (position, subject) in holders[id].subjects.iter().enumerate() {
            subjects[*subject].effects = counts.as_ref().map(|c| c[position]);
            subjects[*subject].effects_before = earlier.as_ref().map(|c| c[position]);
        }
    }
}

/// Keeps what the final sum of a holder says, and returns the counts.
fn settle(ledger: &mut Ledger, id: usize, counted: Result<Counted, Unread>) -> Option<Vec<u32>> {
    let gained = gain(ledger, &ledger.holders[id], Moment::Final).ok();
    let holder = &mut ledger.holders[id];
    holder.gained = gained;
    match counted {
        Ok(counted) => {
            holder.residue = counted.residue;
            holder.drifted = counted.drifted;
            Some(counted.counts)
        }
        Err(why) => {
            holder.unread = Some(why);
            None
        }
    }
}

fn held(holder: &Holder, at: Moment) -> Option<&Holding> {
    holder.at[slot(at)?].as_ref()
}

/// Minor units between the initial sum and the one read `at`.
fn gain(ledger: &Ledger, holder: &Holder, at: Moment) -> Result<i128, Unread> {
    let value = |holding: &Holding| {
        let sum = holding.value.as_ref().ok_or(Unread::Null)?;
        let money = sum.money.as_ref().ok_or(Unread::NoNumber)?;
        if money.is_near() {
            Ok(money.nearest())
        } else {
            Err(Unread::Drift)
        }
    };
    let initial = held(holder, Moment::Initial);
    let start = match initial {
        Some(holding) => value(holding)?,
        None => opening(ledger)?,
    };
    let end = match held(holder, at) {
        Some(holding) => value(holding)?,
        // Before the end a holder may not have been opened yet.
        None if at != Moment::Final && initial.is_none() => start,
        None if initial.is_some() || holder.opened == Opened::Yes => return Err(Unread::Missing),
        None => return Err(Unread::NeverOpened),
    };
    end.checked_sub(start).ok_or(Unread::NoNumber)
}

/// What a holder that was opened during the workload began with: what those began with that were opened before it.
fn opening(ledger: &Ledger) -> Result<i128, Unread> {
    let opened = ledger.holders.iter().filter(|holder| holder.opened == Opened::Yes);
    let before = opened.filter_map(|holder| held(holder, Moment::Initial));
    let mut sums = before.filter_map(|held| Some(held.value.as_ref()?.money.as_ref()?.nearest()));
    let first = sums.next().unwrap_or(0);
    match sums.all(|sum| sum == first) {
        true => Ok(first),
        false => Err(Unread::Opening),
    }
}

fn at(ledger: &Ledger, id: usize, at: Moment) -> Result<Counted, Unread> {
    let holder = &ledger.holders[id];
    let gained = gain(ledger, holder, at)?;
    let expected = holder.expected.ok_or(Unread::NoNumber)?;
    if ledger.may_carry(holder) {
        return Err(Unread::Ambiguous);
    }
    let drifted = gained != expected && is_drift(ledger, holder, at, gained, expected);
    if gained == expected || drifted {
        let as_recorded = |p: &usize| ledger.subjects[*p].successes;
        return Ok(Counted {
            counts: holder.subjects.iter().map(as_recorded).collect(),
            residue: 0,
            drifted,
        });
    }
    let others = others(ledger, holder);
    let mut best: Option<(u64, Counted)> = None;
    for rest in [gained.checked_sub(others), Some(gained)].into_iter().flatten() {
        if rest < 0 || best.is_some() && others == 0 {
            continue;
        }
        let counted = digits(ledger, holder, rest)?;
        let cost = deviation(ledger, holder, &counted);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, counted));
        }
    }
    best.map(|(_, counted)| counted).ok_or(Unread::Negative)
}

impl Ledger {
    /// Whether some subject of a holder may have taken effect `base` times or more, by what crossed the wire.
    fn may_carry(&self, holder: &Holder) -> bool {
        let base = self.follow.base();
        holder.subjects.iter().any(|at| {
            let subject = &self.subjects[*at];
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let brought = subject.delivered().saturating_add(count(subject.asks.len()));
            let chances = brought.max(count(subject.attempts.len()));
            match self.commits_of(*at).len() {
                0 => chances >= base,
                commits => count(commits) >= base,
            }
        })
    }
}

/// True when a floating-point column cannot hold the expected sum and holds its neighbour.
fn is_drift(ledger: &Ledger, holder: &Holder, at: Moment, gained: i128, expected: i128) -> bool {
    let held = held(holder, at).and_then(|h| h.value.as_ref());
    let exponent = held.is_some_and(|b| money::has_exponent(ledger.words.name(b.text)));
    exponent && gained.abs_diff(expected) <= expected.unsigned_abs() >> DRIFT_SHIFT
}

/// Sum of the successful rows that are not a subject's own.
fn others(ledger: &Ledger, holder: &Holder) -> i128 {
    let rows = holder.others.iter().map(|row| &ledger.rows[*row]);
    rows.filter(|row| row.class == Class::Success)
        .filter_map(|row| row.amount.as_ref())
        .fold(0, |sum: i128, amount: &Money| sum.saturating_add(amount.nearest()))
}

fn digits(ledger: &Ledger, holder: &Holder, gained: i128) -> Result<Counted, Unread> {
    let base = ledger.follow.base();
    let positions: Option<Vec<u32>> = holder.subjects.iter().map(|p| ledger.subjects[*p].k).collect();
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
fn deviation(ledger: &Ledger, holder: &Holder, counted: &Counted) -> u64 {
    let recorded = holder.subjects.iter().map(|p: &usize| ledger.subjects[*p].successes);
    let off = recorded.zip(&counted.counts).map(|(s, c)| u64::from(s.abs_diff(*c)));
    off.sum::<u64>() + u64::from(counted.residue != 0)
}

/// Effects whose key is no subject's.
pub(super) fn strangers(ledger: &Ledger, lane: usize) -> Vec<(Id, u32)> {
    let Some(lane) = ledger.lanes.get(lane) else {
        return Vec::new();
    };
    let nobody = lane
        .counts
        .iter()
        .filter(|(key, n)| **n > 0 && !ledger.owners.contains_key(*key));
    let mut strangers: Vec<(Id, u32)> = nobody.map(|(key, n)| (*key, *n)).collect();
    strangers.sort_unstable();
    strangers
}

//! Joins what the pass has seen: rows, deliveries, queries and listed keys find their subjects.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::money::Money;

use super::model::{Answer, Class, Owner, Payload, Row};
use super::observe::Observer;
use super::{ById, Follow, Id, Ledger};

/// What a payload is known by, where a view shows these fields and no key: the amount, then the words of the other fields.
type Known = (i128, Vec<Option<Id>>);

/// Ways to find the owner of a row whose key no client chose, strongest first.
struct Claims {
    /// Keys that a service gave in an answer.
    answered: ById<Owner>,
    /// Payloads. Made when the first row needs them.
    payloads: Option<Payloads>,
}

/// Whose each payload is, as far as a view shows it.
struct Payloads {
    /// Whose payload it is, those whose rows are found already left out where several share it.
    subjects: HashMap<Known, Vec<usize>>,
    conflicts: HashMap<Known, usize>,
}

pub(super) fn resolve(observer: Observer) -> Ledger {
    let Observer {
        mut ledger,
        by_key,
        mut deliveries,
        commits,
        mut strikes,
        listed,
        ..
    } = observer;
    let mut claims = claims(&ledger, &by_key);
    let mut rows = std::mem::take(&mut ledger.rows);
    for (at, row) in rows.iter_mut().enumerate() {
        row.owner = owner(&ledger, &by_key, &mut claims, row);
        ledger.recorded.entry(row.key).or_insert(at);
        book(&mut ledger, at, row);
    }
    ledger.rows = rows;
    ledger.owners = by_key;
    for (key, owner) in claims.answered {
        if let Owner::Subject(subject) = owner {
            ledger.owners.entry(key).or_insert(subject);
        }
    }
    for row in &ledger.rows {
        if let Owner::Subject(subject) | Owner::Changed(subject) = row.owner {
            ledger.makes_keys |= row.key != ledger.subjects[subject].key;
            ledger.owners.entry(row.key).or_insert(subject);
        }
    }
    for (key, subject) in &ledger.owners {
        if let Some(seen) = deliveries.remove(key) {
            let known = &mut ledger.subjects[*subject].deliveries;
            match known.is_empty() {
                true => *known = seen,
                false => known.extend(seen),
            }
        }
        if let Some(frames) = ledger.frames.remove(key) {
            ledger.subjects[*subject].frames.extend(frames);
        }
        if let Some(struck) = strikes.remove(key) {
            ledger.strikes.entry(*subject).or_default().extend(struck);
        }
    }
    let owners = &ledger.owners;
    let of_subjects = commits
        .iter()
        .filter_map(|(key, link, index)| Some((*owners.get(key)?, *link, *index)));
    ledger.commits = of_subjects.collect();
    ledger.commits.sort_unstable();
    ledger.commits.dedup();
    for subject in &mut ledger.subjects {
        subject.deliveries.sort_unstable_by_key(|d| d.index);
    }
    for struck in ledger.strikes.values_mut() {
        struck.sort_by_key(|strike| strike.index);
        struck.dedup_by_key(|strike| strike.index);
    }
    for stray in deliveries.into_values().flatten() {
        if let Some(holder) = stray.holder {
            ledger.strangers.entry(holder).or_default().push(stray.index);
        }
    }
    ledger
        .strangers
        .values_mut()
        .for_each(|indices| indices.sort_unstable());
    for key in listed {
        if let Some(subject) = ledger.owners.get(&key) {
            ledger.subjects[*subject].listed += 1;
        }
    }
    for (at, query) in ledger.queries.iter().enumerate() {
        let owner = ledger.owners.get(&query.key).filter(|_| query.repairs);
        if let Some(subject) = owner {
            ledger.subjects[*subject].asks.push(at);
        }
    }
    if ledger.follow.recorded.is_none() {
        acknowledged_is_recorded(&mut ledger);
    }
    ledger
}

/// Where nothing shows records, what a client was told is what has to take effect.
fn acknowledged_is_recorded(ledger: &mut Ledger) {
    for subject in &mut ledger.subjects {
        subject.successes = u32::from(subject.acknowledged().is_some());
        let holder = &mut ledger.holders[subject.payload.holder as usize];
        let amount = subject.payload.amount * i128::from(subject.successes);
        holder.expected = holder.expected.and_then(|sum| sum.checked_add(amount));
    }
}

fn claims(ledger: &Ledger, by_key: &ById<usize>) -> Claims {
    let mut claims = Claims {
        answered: ById::default(),
        payloads: None,
    };
    let given = |answer: &Answer| answer.key.filter(|key| !by_key.contains_key(key));
    for (at, conflict) in ledger.conflicts.iter().enumerate() {
        if let Some(key) = conflict.attempt.end.as_ref().and_then(given) {
            claims.answered.insert(key, Owner::Conflict(at));
        }
    }
    for (at, subject) in ledger.subjects.iter().enumerate() {
        for key in subject.answers().filter_map(given) {
            claims.answered.insert(key, Owner::Subject(at));
        }
    }
    claims
}

fn owner(ledger: &Ledger, by_key: &ById<usize>, claims: &mut Claims, row: &Row) -> Owner {
    let known = match by_key.get(&row.key) {
        Some(subject) => Some(Owner::Subject(*subject)),
        None => claims.answered.get(&row.key).copied(),
    };
    if let Some(Owner::Subject(subject)) = known {
        return if ledger.is_same(&ledger.subjects[subject].payload, row) {
            Owner::Subject(subject)
        } else {
            Owner::Changed(subject)
        };
    }
    if let Some(owner) = known {
        return owner;
    }
    let Some(shown) = shown(ledger, row) else {
        return Owner::Nobody;
    };
    let Claims {
        answered,
        payloads: made,
    } = claims;
    let payloads = made.get_or_insert_with(|| payloads(ledger, row, answered));
    if let Some(sharing) = payloads.subjects.get_mut(&shown) {
        // Those that share a payload are interchangeable; a row too many is another row of the last of them.
        let next = if sharing.len() > 1 {
            sharing.pop()
        } else {
            sharing.last().copied()
        };
        if let Some(subject) = next {
            return Owner::Subject(subject);
        }
    }
    match payloads.conflicts.get(&shown) {
        Some(conflict) => Owner::Conflict(*conflict),
        None => Owner::Nobody,
    }
}

/// Payloads by what a row like this one shows of them.
fn payloads(ledger: &Ledger, row: &Row, answered: &ById<Owner>) -> Payloads {
    let masked = |payload: &Payload| {
        let mut payload = payload.clone();
        for (field, shown) in payload.fields.iter_mut().zip(&row.fields) {
            *field = field.filter(|_| shown.is_some());
        }
        known(&ledger.follow, &payload)
    };
    let mut subjects: HashMap<Known, Vec<usize>> = HashMap::new();
    for (at, subject) in ledger.subjects.iter().enumerate().rev() {
        subjects.entry(masked(&subject.payload)).or_default().push(at);
    }
    let found: HashSet<usize> = answered
        .values()
        .filter_map(|owner| match owner {
            Owner::Subject(at) => Some(*at),
            _ => None,
        })
        .collect();
    for sharing in subjects.values_mut().filter(|sharing| sharing.len() > 1) {
        let all = sharing.clone();
        sharing.retain(|at| !found.contains(at));
        if sharing.is_empty() {
            sharing.extend(all.last());
        }
    }
    let conflicts = ledger.conflicts.iter().enumerate();
    Payloads {
        subjects,
        conflicts: conflicts
            .map(|(at, conflict)| (masked(&conflict.payload), at))
            .collect(),
    }
}

fn known(follow: &Rc<Follow>, payload: &Payload) -> Known {
    let coded = follow.coded.as_ref().and_then(|coded| follow.field(&coded.field));
    let fields = payload.fields.iter().enumerate();
    let others = fields.map(|(at, word)| word.filter(|_| Some(at) != coded));
    (payload.amount, others.collect())
}

/// What a row shows of a payload; None where it shows nothing that could tell.
fn shown(ledger: &Ledger, row: &Row) -> Option<Known> {
    let follow = &ledger.follow;
    let amount = match &follow.coded {
        Some(_) => row.amount.as_ref().map(Money::nearest)?,
        None => 0,
    };
    row.fields.iter().any(Option::is_some).then(|| {
        let payload = Payload {
            holder: row.holder,
            amount,
            fields: row.fields.clone(),
        };
        known(follow, &payload)
    })
}

/// Enters a row with its owner and with its holder.
fn book(ledger: &mut Ledger, at: usize, row: &Row) {
    let success = row.class == Class::Success;
    match row.owner {
        Owner::Subject(subject) => {
            ledger.subjects[subject].rows.push(at);
            ledger.subjects[subject].successes += u32::from(success);
        }
        Owner::Changed(subject) => ledger.subjects[subject].rows.push(at),
        Owner::Conflict(_) | Owner::Nobody => {}
    }
    let coded = ledger.follow.coded.is_some();
    let holder = &mut ledger.holders[row.holder as usize];
    if !matches!(row.owner, Owner::Subject(_)) {
        holder.others.push(at);
    }
    if success && coded {
        let amount = row.amount.as_ref().map(Money::nearest);
        holder.expected = holder
            .expected
            .zip(amount)
            .and_then(|(sum, amount)| sum.checked_add(amount));
    }
}

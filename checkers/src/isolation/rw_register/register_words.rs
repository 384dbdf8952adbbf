//! Anomalies of registers in words: subject, sentence, and the indices that prove it.

use super::super::cycles::Step;
use super::super::graph::Edges;
use super::super::kind::Order;
use super::super::report::{list_names, name, why_ordered};
use super::super::scalars::Scalar;
use super::scan::Held;
use super::visibility::Passed;
use super::{NOBODY, RwRegister, What};

type Words = (String, String, Vec<u64>);

fn key_name(history: &RwRegister, key: u32) -> Scalar<'_> {
    history.scalars.scalar(history.keys.code(key))
}

/// A version as "x = 5"; nil of a key as "x = nil".
fn holding(history: &RwRegister, held: Held) -> String {
    match held.checked_sub(history.versions.len() as u32) {
        Some(key) => format!("{} = nil", key_name(history, key)),
        None => {
            let key = history.versions.key[held as usize];
            format!(
                "{} = {}",
                key_name(history, key),
                history.scalars.scalar(history.versions.code[held as usize])
            )
        }
    }
}

fn writer(history: &RwRegister, version: u32) -> u32 {
    history.versions.writer[version as usize]
}

fn words(history: &RwRegister, txns: &[u32], sentence: String) -> Words {
    let indices = txns.iter().map(|txn| history.txns.index(*txn)).collect();
    (name(&history.txns, txns[0]), sentence, indices)
}

pub(super) fn ambiguous(history: &RwRegister, version: u32) -> String {
    format!(
        "{} was written more than once, and read: writes must differ to tell who was read",
        holding(history, version)
    )
}

pub(super) fn internal(history: &RwRegister, txn: u32, nth: usize) -> Words {
    let nil = |key: u32| history.versions.len() as u32 + key;
    let held = |what: What, key: u32| match what {
        What::Write(version) | What::Read(version) => Some(version),
        What::ReadNil | What::WriteNil => Some(nil(key)),
        What::Unknown => None,
    };
    let mops = history.mops(txn);
    let key = mops[nth].key;
    let before = mops[..nth]
        .iter()
        .rev()
        .filter(|mop| mop.key == key)
        .find_map(|mop| held(mop.what, key));
    let read = held(mops[nth].what, key);
    let sentence = format!(
        "{} read {} after it had read or written {}",
        name(&history.txns, txn),
        holding(history, read.expect("an internal anomaly is a read")),
        holding(history, before.expect("of a key that was touched before")),
    );
    words(history, &[txn], sentence)
}

pub(super) fn future_read(history: &RwRegister, txn: u32, version: u32) -> Words {
    let sentence = format!(
        "{} read {} before it wrote it",
        name(&history.txns, txn),
        holding(history, version)
    );
    words(history, &[txn], sentence)
}

pub(super) fn garbage(history: &RwRegister, txn: u32, version: u32) -> Words {
    let sentence = format!(
        "{} read {}, which no transaction wrote",
        name(&history.txns, txn),
        holding(history, version)
    );
    words(history, &[txn], sentence)
}

pub(super) fn aborted(history: &RwRegister, txn: u32, version: u32) -> Words {
    let writer = writer(history, version);
    let sentence = format!(
        "{} read {}, which {} wrote and which failed",
        name(&history.txns, txn),
        holding(history, version),
        name(&history.txns, writer),
    );
    words(history, &[txn, writer], sentence)
}

pub(super) fn intermediate(history: &RwRegister, txn: u32, version: u32) -> Words {
    let writer = writer(history, version);
    let sentence = format!(
        "{} read {}, which {} wrote and then overwrote itself",
        name(&history.txns, txn),
        holding(history, version),
        name(&history.txns, writer),
    );
    words(history, &[txn, writer], sentence)
}

pub(super) fn lost_update(history: &RwRegister, group: &[(Held, u32)]) -> Words {
    let names = list_names(group.iter().map(|(_, txn)| name(&history.txns, *txn)));
    let sentence = format!(
        "{names} all read {} and then overwrote it",
        holding(history, group[0].0)
    );
    (
        names,
        sentence,
        group.iter().map(|(_, txn)| history.txns.index(*txn)).collect(),
    )
}

pub(super) fn cyclic(history: &RwRegister, circle: &[Held]) -> Words {
    let written = circle.iter().filter(|held| **held < history.versions.len() as u32);
    let writers = written.clone().filter_map(|version| history.versions.writer(*version));
    let witness = writers.map(|txn| history.txns.index(txn)).collect();
    let key = written.map(|version| history.versions.key[*version as usize]).next();
    let key = key.expect("nil alone is in no circle");
    let versions = list_names(circle.iter().map(|held| holding(history, *held)));
    let sentence = format!("{versions} precede each other in a circle");
    (key_name(history, key).to_string(), sentence, witness)
}

/// A reader found in a key what was there at first, though somebody who wrote the key is visible to it.
pub(super) fn missed(history: &RwRegister, missed: Passed) -> Words {
    let sentence = passed(history, missed);
    words(history, &[missed.reader, missed.writer], sentence)
}

/// Why the visible transaction is arbitrated before the one whose write was found.
pub(super) fn passed(history: &RwRegister, passed: Passed) -> String {
    format!(
        "{} is visible to {}, which found {} and not {}",
        name(&history.txns, passed.writer),
        name(&history.txns, passed.reader),
        holding(history, passed.read),
        set_to(history, passed.writer, passed.key),
    )
}

/// All orders of the committed transactions were tried in vain.
pub(super) fn no_order(history: &RwRegister, committed: &[bool], order: Order, snapshots: bool) -> Words {
    let txns: Vec<u32> = (0..history.txns.len() as u32)
        .filter(|txn| committed[*txn as usize])
        .collect();
    let names = list_names(txns.iter().map(|txn| name(&history.txns, *txn)));
    let keeping = match order {
        Order::Data => "",
        Order::Process => " that keeps the order of each session",
        Order::Realtime => " that keeps real time",
    };
    let what = if snapshots {
        "order of snapshots and commits"
    } else {
        "serial order"
    };
    let sentence = format!("no {what} of {names}{keeping} explains every read: all were tried");
    let indices = txns.iter().map(|txn| history.txns.index(*txn)).collect();
    (names, sentence, indices)
}

/// Why a transaction comes before another that wrote what a reader found in a key, or after the reader.
pub(super) fn forced(history: &RwRegister, step: &Step, reader: u32, key: u32) -> String {
    let [from, to, by] = [step.from, step.to, reader].map(|txn| name(&history.txns, txn));
    let found = found(history, reader, key);
    if Edges::ANTI.has(step.edge) {
        return format!(
            "{from} read {found}, and {to} set {} later",
            set_to(history, step.to, key)
        );
    }
    if reader == step.to {
        return format!("{to} cannot have set {} before it", set_to(history, step.to, key));
    }
    let set = set_to(history, step.from, key);
    format!("{from} precedes {by}, which found {found} by {to} and not {set}")
}

/// What a transaction found in a key, as "x = 5".
fn found(history: &RwRegister, reader: u32, key: u32) -> String {
    first_read(history, reader, key).map_or_else(|| key_name(history, key).to_string(), |held| holding(history, held))
}

/// What a transaction wrote to a key.
fn set_to(history: &RwRegister, writer: u32, key: u32) -> String {
    written(history, writer, key).map_or_else(|| key_name(history, key).to_string(), |held| holding(history, held))
}

/// Why one transaction comes before another.
pub(super) fn why(history: &RwRegister, step: &Step) -> String {
    if let Some(ordered) = why_ordered(&history.txns, step) {
        return ordered;
    }
    match step.edge {
        Edges::WR => observed(history, step),
        edge if Edges::ANTI.has(edge) => overwritten(history, step),
        _ => written_after(history, step),
    }
}

fn observed(history: &RwRegister, step: &Step) -> String {
    let version = history.mops(step.to).iter().find_map(|mop| match mop.what {
        What::Read(version) if history.versions.writer(version) == Some(step.from) => Some(version),
        _ => None,
    });
    let (from, to) = (name(&history.txns, step.from), name(&history.txns, step.to));
    format!(
        "{to} read {}, which {from} wrote",
        holding(history, version.expect("a version that was read"))
    )
}

/// The last write of a transaction to a key.
fn written(history: &RwRegister, txn: u32, key: u32) -> Option<u32> {
    history.mops(txn).iter().rev().find_map(|mop| match mop.what {
        What::Write(version) if mop.key == key => Some(version),
        _ => None,
    })
}

/// The first operation of a transaction on a key, as what it read.
fn first_read(history: &RwRegister, txn: u32, key: u32) -> Option<Held> {
    match history
        .mops(txn)
        .iter()
        .find(|mop| mop.key == key && mop.what != What::Unknown)?
        .what
    {
        What::Read(version) => Some(version),
        What::ReadNil => Some(history.versions.len() as u32 + key),
        _ => None,
    }
}

fn overwritten(history: &RwRegister, step: &Step) -> String {
    let (from, to) = (name(&history.txns, step.from), name(&history.txns, step.to));
    let reads = history.mops(step.from).iter().filter_map(|mop| {
        let read = match mop.what {
            What::Read(version) => version,
            What::ReadNil => history.versions.len() as u32 + mop.key,
            _ => return None,
        };
        let wrote = written(history, step.to, mop.key)?;
        // What nobody wrote was there before what was written.
        let unwritten = mop.what == What::ReadNil || writer(history, read) == NOBODY;
        let certain = unwritten || first_read(history, step.to, mop.key) == Some(read);
        Some(((wrote == read, !certain), read, wrote))
    });
    let (_, read, wrote) = reads
        .min_by_key(|(uncertain, ..)| *uncertain)
        .expect("a version that was overwritten");
    format!(
        "{from} read {}, and {to} set {} later",
        holding(history, read),
        holding(history, wrote)
    )
}

fn written_after(history: &RwRegister, step: &Step) -> String {
    let (from, to) = (name(&history.txns, step.from), name(&history.txns, step.to));
    let writes = history.mops(step.to).iter().filter_map(|mop| {
        let What::Write(_) = mop.what else { return None };
        let (before, after) = (
            written(history, step.from, mop.key)?,
            written(history, step.to, mop.key)?,
        );
        Some((first_read(history, step.to, mop.key) != Some(before), before, after))
    });
    let (_, before, after) = writes
        .min_by_key(|(uncertain, ..)| *uncertain)
        .expect("a key that both wrote");
    format!(
        "{to} set {} after {from} had set {}",
        holding(history, after),
        holding(history, before)
    )
}

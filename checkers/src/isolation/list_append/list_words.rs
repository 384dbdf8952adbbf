//! Anomalies of lists in words: subject, sentence, and the indices that prove it.

use super::super::cycles::Step;
use super::super::graph::Edges;
use super::super::kind::Kind;
use super::super::report::{list_names, name, why_ordered};
use super::super::scalars::Scalar;
use super::orders::{Orders, UNSEEN};
use super::visibility::{Missed, append_behind};
use super::{Code, ListAppend, Mop, What};

type Words = (String, String, Vec<u64>);

/// How many elements of a list are spelled out.
const SHOWN_MAX: usize = 12;

fn key_name(history: &ListAppend, key: u32) -> Scalar<'_> {
    history.scalars.scalar(history.keys.code(key))
}

fn value(history: &ListAppend, append: u32) -> Scalar<'_> {
    history.scalars.scalar(history.appends.code[append as usize])
}

/// A list, its middle left out when it is long.
fn list(history: &ListAppend, codes: &[Code]) -> String {
    let word = |code: &Code| history.scalars.scalar(*code).to_string();
    let mut words: Vec<String> = codes.iter().map(word).collect();
    if words.len() > SHOWN_MAX {
        let left_out = words.len() - SHOWN_MAX;
        words.splice(SHOWN_MAX / 2..SHOWN_MAX / 2 + left_out, [format!("({left_out} more)")]);
    }
    format!("[{}]", words.join(" "))
}

/// One transaction's append as "T1's append of 5 to x".
fn append_of(history: &ListAppend, append: u32) -> String {
    let (txn, key) = (
        history.appends.txn[append as usize],
        history.appends.key[append as usize],
    );
    format!(
        "{}'s append of {} to {}",
        name(&history.txns, txn),
        value(history, append),
        key_name(history, key)
    )
}

fn indices(history: &ListAppend, txns: &[u32]) -> Vec<u64> {
    let mut indices: Vec<u64> = txns.iter().map(|txn| history.txns.index(*txn)).collect();
    indices.dedup();
    indices
}

fn words(history: &ListAppend, txns: &[u32], sentence: String) -> Words {
    (name(&history.txns, txns[0]), sentence, indices(history, txns))
}

fn writer(history: &ListAppend, append: u32) -> u32 {
    history.appends.txn[append as usize]
}

pub(super) fn repeated(history: &ListAppend, append: u32) -> String {
    let key = history.appends.key[append as usize];
    let first = history
        .appends
        .find(key, history.appends.code[append as usize])
        .expect("the first one is found");
    format!(
        "{} appended {} to {}, as {} did before: appends must differ to tell their order",
        name(&history.txns, writer(history, append)),
        value(history, append),
        key_name(history, key),
        name(&history.txns, writer(history, first)),
    )
}

pub(super) fn internal(history: &ListAppend, txn: u32, nth: usize) -> Words {
    let Mop { key, what } = history.mops(txn)[nth];
    let (mut seen, mut own) = (None, Vec::new());
    for mop in history.mops(txn)[..nth].iter().filter(|mop| mop.key == key) {
        match mop.what {
            What::Append(append) => own.push(history.appends.code[append as usize]),
            What::Read(_) | What::Raw(_) => {
                seen = Some(mop.what);
                own.clear();
            }
            What::Unknown => {}
        }
    }
    let expected = match seen {
        Some(seen) => list(history, &[history.list(key, seen), &own].concat()),
        None => format!("a list that ends with {}", list(history, &own)),
    };
    let sentence = format!(
        "{} read {} of {}, where its own reads and appends before lead to {expected}",
        name(&history.txns, txn),
        list(history, history.list(key, what)),
        key_name(history, key),
    );
    words(history, &[txn], sentence)
}

pub(super) fn future_read(history: &ListAppend, txn: u32, append: u32) -> Words {
    let key = key_name(history, history.appends.key[append as usize]);
    let sentence = format!(
        "{} read {} in {key} before it appended it",
        name(&history.txns, txn),
        value(history, append)
    );
    words(history, &[txn], sentence)
}

pub(super) fn own_order(history: &ListAppend, before: u32, append: u32) -> Words {
    let txn = writer(history, append);
    let sentence = format!(
        "{} appended {} to {} before {}, but no read shows them so",
        name(&history.txns, txn),
        value(history, before),
        key_name(history, history.appends.key[append as usize]),
        value(history, append),
    );
    words(history, &[txn], sentence)
}

pub(super) fn incompatible(history: &ListAppend, txn: u32, key: u32, what: What) -> Words {
    let order = &history.longest[key as usize];
    let other = (0..history.txns.len() as u32).find(|txn| {
        let whole = |mop: &Mop| mop.key == key && mop.what == What::Read(order.len() as u32);
        history.mops(*txn).iter().any(whole)
    });
    let other = other.expect("the longest list was read");
    let sentence = format!(
        "{} read {} of {}, and {} read {}: neither continues the other",
        name(&history.txns, txn),
        list(history, history.list(key, what)),
        key_name(history, key),
        name(&history.txns, other),
        list(history, order),
    );
    words(history, &[txn, other], sentence)
}

pub(super) fn intermediate(history: &ListAppend, txn: u32, key: u32, last: u32) -> Words {
    let sentence = format!(
        "{} read {} up to {}, after which that transaction appended more",
        name(&history.txns, txn),
        key_name(history, key),
        append_of(history, last),
    );
    words(history, &[txn, writer(history, last)], sentence)
}

pub(super) fn aborted(history: &ListAppend, txn: u32, failed: u32) -> Words {
    let sentence = format!(
        "{} observed {}, which failed",
        name(&history.txns, txn),
        append_of(history, failed)
    );
    words(history, &[txn, writer(history, failed)], sentence)
}

pub(super) fn garbage(history: &ListAppend, txn: u32, key: u32, code: Code) -> Words {
    let sentence = format!(
        "{} read {} in {}, which no transaction appended",
        name(&history.txns, txn),
        history.scalars.scalar(code),
        key_name(history, key),
    );
    words(history, &[txn], sentence)
}

pub(super) fn duplicate(history: &ListAppend, txn: u32, key: u32, code: Code) -> Words {
    let sentence = format!(
        "{} read {} more than once in {}",
        name(&history.txns, txn),
        history.scalars.scalar(code),
        key_name(history, key),
    );
    words(history, &[txn], sentence)
}

pub(super) fn dirty_update(history: &ListAppend, failed: u32, append: u32) -> Words {
    let sentence = format!(
        "{} follows {}, which failed",
        append_of(history, append),
        append_of(history, failed)
    );
    words(history, &[writer(history, append), writer(history, failed)], sentence)
}

pub(super) fn lost_update(history: &ListAppend, key: u32, read: What, txns: &[u32]) -> Words {
    let names = list_names(txns.iter().map(|txn| name(&history.txns, *txn)));
    let key_name = key_name(history, key);
    let sentence = format!(
        "{names} all read {key_name} as {} and then appended to it",
        list(history, history.list(key, read))
    );
    (names, sentence, indices(history, txns))
}

/// A read that misses an append of a transaction that the reader should see.
pub(super) fn missed(history: &ListAppend, orders: &Orders, kind: Kind, missed: Missed) -> Words {
    let Missed { reader, key, writer } = missed;
    let (from, to) = (name(&history.txns, writer), name(&history.txns, reader));
    let read = history.mops(reader).iter().rev().find_map(|mop| match mop.what {
        What::Read(len) if mop.key == key => append_behind(history, orders, writer, key, len),
        _ => None,
    });
    let append = read.expect("a read that misses an append");
    let because = match kind {
        Kind::VanishedTransaction => format!("{to} had observed {from}"),
        Kind::UnseenConflict => format!("{to} observed {from} or appended behind it"),
        Kind::CausalityViolation(_) => format!("{from} causally precedes {to}"),
        _ if history.txns.process(reader) == history.txns.process(writer) => {
            format!("process {} ran {from} and then {to}", history.txns.process_name(reader))
        }
        _ => format!("{to} observed {from}"),
    };
    let sentence = format!("{because}, but {to} did not observe {}", append_of(history, append));
    words(history, &[reader, writer], sentence)
}

/// Why one transaction comes before another.
pub(super) fn why(history: &ListAppend, orders: &Orders, step: &Step) -> String {
    if let Some(ordered) = why_ordered(&history.txns, step) {
        return ordered;
    }
    let said = match step.edge {
        Edges::WR => observed(history, orders, step),
        Edges::RW => unobserved(history, orders, step),
        _ => appended_after(history, orders, step),
    };
    said.expect("every dependency has its reason in the operations")
}

/// The last element up to `len` of a key that a committed transaction appended, and that transaction.
fn last_before(history: &ListAppend, orders: &Orders, key: u32, len: usize) -> Option<(u32, u32)> {
    let appends = orders.of_key(key)[..len].iter().rev();
    appends
        .copied()
        .find_map(|append| Some((append, orders.writer(history, append)?)))
}

fn observed(history: &ListAppend, orders: &Orders, step: &Step) -> Option<String> {
    history.mops(step.to).iter().find_map(|mop| {
        let What::Read(len @ 1..) = mop.what else { return None };
        let append = orders.of_key(mop.key)[len as usize - 1];
        let writer = orders.writer(history, append)?;
        let said = || {
            format!(
                "{} observed {}",
                name(&history.txns, step.to),
                append_of(history, append)
            )
        };
        (writer == step.from).then(said)
    })
}

fn unobserved(history: &ListAppend, orders: &Orders, step: &Step) -> Option<String> {
    history.mops(step.from).iter().find_map(|mop| {
        let What::Read(len) = mop.what else { return None };
        let behind = orders.of_key(mop.key)[len as usize..].iter().copied();
        let next = behind.clone().find(|append| orders.writer(history, *append).is_some());
        let append = match next {
            Some(next) => Some(next).filter(|next| writer(history, *next) == step.to),
            None => unseen_append(history, orders, step.to, mop.key),
        }?;
        let reader = name(&history.txns, step.from);
        Some(format!("{reader} did not observe {}", append_of(history, append)))
    })
}

fn unseen_append(history: &ListAppend, orders: &Orders, txn: u32, key: u32) -> Option<u32> {
    history
        .mops(txn)
        .iter()
        .filter(|mop| mop.key == key)
        .find_map(|mop| match mop.what {
            What::Append(append) if orders.place(append) == UNSEEN => Some(append),
            _ => None,
        })
}

fn appended_after(history: &ListAppend, orders: &Orders, step: &Step) -> Option<String> {
    history.mops(step.to).iter().find_map(|mop| {
        let What::Append(append) = mop.what else { return None };
        let place = orders.place(append);
        let len = if place == UNSEEN {
            orders.of_key(mop.key).len()
        } else {
            place as usize
        };
        let (before, writer) = last_before(history, orders, mop.key, len)?;
        let unseen = if place == UNSEEN { ", which no read shows," } else { "" };
        let to = name(&history.txns, step.to);
        let said = || {
            format!(
                "{to} appended {}{unseen} after {}",
                value(history, append),
                append_of(history, before)
            )
        };
        (writer == step.from).then(said)
    })
}

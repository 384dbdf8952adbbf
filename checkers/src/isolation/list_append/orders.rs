//! The order of the versions of each key, who wrote them, and which transactions committed.

use std::cmp::Reverse;

use super::super::txns::Outcome;
use super::{Code, ListAppend, Mop, What};

/// An element that no transaction appended.
pub(super) const GARBAGE: u32 = u32::MAX;
/// An element that stands before in the same list.
pub(super) const DUPLICATE: u32 = u32::MAX - 1;
/// An append that no read shows.
pub(super) const UNSEEN: u32 = u32::MAX;

/// The orders of all keys, one behind the other.
pub(super) struct Orders {
    /// Per key where its elements begin; one more at the end.
    from: Vec<u32>,
    /// Per element its append, or `GARBAGE`, or `DUPLICATE`.
    append: Vec<u32>,
    /// Per append its place in the order of its key, or `UNSEEN`.
    place: Vec<u32>,
    /// Per transaction.
    committed: Vec<bool>,
}

impl Orders {
    /// Settles which reads tell the orders, and rewrites every other read as a prefix where it is one.
    ///
    /// Reads of info transactions count from when a committed transaction is seen to have read what they wrote. Most
    /// histories have no read that is not a prefix, and are done after the first line.
    pub(super) fn resolve(history: &mut ListAppend) -> Orders {
        let mut orders = Orders::of(history);
        if !history.raw.ends.is_empty() {
            orders.commit_observed(history);
            if settle(history, &orders.committed) {
                let committed = std::mem::take(&mut orders.committed);
                orders = Orders {
                    committed,
                    ..Orders::of(history)
                };
            }
        }
        orders
    }

    /// Looks every element up, and counts info transactions as committed whose appends are among them.
    fn of(history: &ListAppend) -> Orders {
        let appends = &history.appends;
        let mut committed: Vec<bool> = (0..history.txns.len() as u32)
            .map(|txn| history.txns.outcome(txn) == Outcome::Ok)
            .collect();
        let mut from = Vec::with_capacity(history.longest.len() + 1);
        let mut append = Vec::with_capacity(appends.len());
        let mut place = vec![UNSEEN; appends.len()];
        for (key, order) in history.longest.iter().enumerate() {
            from.push(append.len() as u32);
            for (at, code) in order.iter().enumerate() {
                append.push(match appends.find(key as u32, *code) {
                    None => GARBAGE,
                    Some(id) if place[id as usize] != UNSEEN => DUPLICATE,
                    Some(id) => {
                        place[id as usize] = at as u32;
                        let txn = appends.txn[id as usize];
                        committed[txn as usize] |= history.txns.outcome(txn) == Outcome::Info;
                        id
                    }
                });
            }
        }
        from.push(append.len() as u32);
        Orders {
            from,
            append,
            place,
            committed,
        }
    }

    /// Extends the committed transactions by those whose appends committed transactions read elsewhere than in the
    /// longest lists, until nothing changes.
    fn commit_observed(&mut self, history: &ListAppend) {
        let mut queue: Vec<u32> = (0..history.txns.len() as u32)
            .filter(|txn| self.committed(*txn))
            .collect();
        while let Some(txn) = queue.pop() {
            for mop in history.mops(txn) {
                let What::Raw(id) = mop.what else { continue };
                let writers = history
                    .raw
                    .get(id)
                    .iter()
                    .filter_map(|code| history.appends.find(mop.key, *code));
                for writer in writers.map(|append| history.appends.txn[append as usize]) {
                    if !self.committed(writer) && history.txns.outcome(writer) == Outcome::Info {
                        self.committed[writer as usize] = true;
                        queue.push(writer);
                    }
                }
            }
        }
    }

    pub(super) fn committed(&self, txn: u32) -> bool {
        self.committed[txn as usize]
    }

    /// The appends of a key in order, with `GARBAGE` and `DUPLICATE` among them.
    pub(super) fn of_key(&self, key: u32) -> &[u32] {
        &self.append[self.from[key as usize] as usize..self.from[key as usize + 1] as usize]
    }

    /// Where the elements of a key begin among all.
    pub(super) fn start(&self, key: u32) -> usize {
        self.from[key as usize] as usize
    }

    /// Elements of all keys.
    pub(super) fn elements(&self) -> usize {
        self.append.len()
    }

    /// The place of an append in the order of its key, or `UNSEEN`.
    pub(super) fn place(&self, append: u32) -> u32 {
        self.place[append as usize]
    }

    /// The committed transaction that appended an element, if one did.
    pub(super) fn writer(&self, history: &ListAppend, append: u32) -> Option<u32> {
        if append == GARBAGE || append == DUPLICATE {
            return None;
        }
        let txn = history.appends.txn[append as usize];
        self.committed(txn).then_some(txn)
    }
}

/// For each key with a read by a committed transaction that is no prefix of the longest list: makes the longest of
/// all its reads the order (of equals, the one that completed first), and says anew which reads are prefixes. Whether
/// there was such a key.
fn settle(history: &mut ListAppend, committed: &[bool]) -> bool {
    let txns = || (0..history.txns.len() as u32).filter(|txn| committed[*txn as usize]);
    let mut disputed = vec![false; history.keys.len()];
    for mop in txns().flat_map(|txn| history.mops(txn)) {
        disputed[mop.key as usize] |= matches!(mop.what, What::Raw(_));
    }
    if !disputed.contains(&true) {
        return false;
    }
    let mut best: Vec<Option<(usize, Reverse<u64>, What)>> = vec![None; history.keys.len()];
    for txn in txns() {
        let read = |mop: &&Mop| matches!(mop.what, What::Read(_) | What::Raw(_)) && disputed[mop.key as usize];
        for mop in history.mops(txn).iter().filter(read) {
            let (len, at) = (history.list(mop.key, mop.what).len(), Reverse(history.txns.index(txn)));
            let best = &mut best[mop.key as usize];
            if best.is_none_or(|(known, first, _)| (len, at) > (known, first)) {
                *best = Some((len, at, mop.what));
            }
        }
    }
    let mut before: Vec<Option<Vec<Code>>> = vec![None; history.keys.len()];
    for (key, best) in best.into_iter().enumerate() {
        if let Some((_, _, What::Raw(id))) = best {
            let order = history.raw.get(id).to_vec();
            before[key] = Some(std::mem::replace(&mut history.longest[key], order));
        }
    }
    for txn in (0..history.txns.len() as u32).filter(|txn| committed[*txn as usize]) {
        restate(history, txn, &disputed, &before);
    }
    true
}

/// Says anew which reads of the disputed keys are prefixes; `before` are the lists that reads were lengths of.
fn restate(history: &mut ListAppend, txn: u32, disputed: &[bool], before: &[Option<Vec<Code>>]) {
    let range = history.txns.mops(txn, history.mops.len());
    let ListAppend { mops, raw, longest, .. } = history;
    for Mop { key, what } in mops[range].iter_mut().filter(|mop| disputed[mop.key as usize]) {
        let order = &longest[*key as usize];
        match (*what, &before[*key as usize]) {
            (What::Raw(id), _) if order.starts_with(raw.get(id)) => *what = What::Read(raw.get(id).len() as u32),
            (What::Read(len), Some(before)) if !order.starts_with(&before[..len as usize]) => {
                *what = What::Raw(raw.push(&before[..len as usize], &[]));
            }
            _ => {}
        }
    }
}

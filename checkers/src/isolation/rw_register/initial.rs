//! What each key held before any transaction.

use super::scan::Held;
use super::{Assumptions, Mop, NOBODY, RwRegister, What};

/// What a key held that no transaction read, or of which nothing is known.
const UNREAD: Held = u32::MAX;

/// What each key held at first.
pub(super) struct Initial(Vec<Held>);

impl Initial {
    /// Takes what was said, or else infers it: nil, unless all first reads of a key agree on a value that no transaction
    /// wrote. First reads are those that began before a write of the key was over and that found no recorded write.
    pub(super) fn of(history: &mut RwRegister, committed: &[bool], assumptions: &Assumptions) -> Initial {
        let nils = history.versions.len() as u32;
        let nil: Vec<Held> = (0..history.keys.len() as u32).map(|key| nils + key).collect();
        match history.initial {
            Some(Some(code)) => Initial(
                (0..history.keys.len() as u32)
                    .map(|key| match history.versions.find(key, code) {
                        Some(version) if history.versions.writer[version as usize] != NOBODY => {
                            history.versions.ambiguous[version as usize] = true;
                            UNREAD
                        }
                        Some(version) => version,
                        None => UNREAD,
                    })
                    .collect(),
            ),
            Some(None) => Initial(nil),
            None if assumptions.closed => Initial(nil),
            None => Initial(infer(history, committed, nil)),
        }
    }

    /// What a key held at first.
    pub(super) fn held(&self, key: u32) -> Option<Held> {
        Some(self.0[key as usize]).filter(|held| *held != UNREAD)
    }
}

fn infer(history: &RwRegister, committed: &[bool], mut initial: Vec<Held>) -> Vec<Held> {
    let nils = history.versions.len() as u32;
    let txns = || (0..history.txns.len() as u32).filter(|txn| committed[*txn as usize]);
    let mut written = vec![u64::MAX; history.keys.len()];
    for txn in txns() {
        for mop in history.mops(txn) {
            if let (What::Write(_) | What::WriteNil, Some(over)) = (mop.what, history.txns.over(txn)) {
                let first = &mut written[mop.key as usize];
                *first = over.min(*first);
            }
        }
    }
    let mut first: Vec<Option<Held>> = vec![None; history.keys.len()];
    for txn in txns() {
        let mops = history.mops(txn);
        for (nth, mop) in mops.iter().enumerate() {
            let held = match mop.what {
                What::Read(version) if history.versions.writer[version as usize] == NOBODY => version,
                What::ReadNil if !history.nil_written[mop.key as usize] => nils + mop.key,
                _ => continue,
            };
            let writes = |before: &Mop| before.key == mop.key && matches!(before.what, What::Write(_) | What::WriteNil);
            if history.txns.invoke(txn) > written[mop.key as usize] || mops[..nth].iter().any(writes) {
                continue;
            }
            let known = first[mop.key as usize].get_or_insert(held);
            if *known != held {
                *known = UNREAD;
            }
        }
    }
    for (key, held) in first.into_iter().enumerate() {
        initial[key] = held.unwrap_or(initial[key]);
    }
    initial
}

//! What the history of a log shows, worked out with lists over the whole of it.

use std::collections::BTreeMap;

use paytwice_checkers::queues::log::{Message, Outcome};

use super::{Op, What};

/// Position, process, outcome, sent, polled, rebalanced.
pub(super) type Txn<'a> = (usize, u32, Outcome, &'a [Message], Option<&'a [Message]>, &'a [u32]);

/// The whole history at once, with lists.
pub(super) struct Reference<'a> {
    ops: &'a [Op],
    /// What is known to be where: key, offset, message; in the order in which it became known.
    entries: Vec<(u32, u64, u32)>,
    pub(super) wrong: BTreeMap<&'static str, u64>,
}

impl<'a> Reference<'a> {
    pub(super) fn txns(&self) -> impl Iterator<Item = Txn<'a>> + use<'a> {
        self.ops.iter().enumerate().filter_map(|(at, op)| match &op.what {
            What::Txn {
                outcome,
                sent,
                polled,
                rebalanced,
            } => Some((
                at,
                op.process,
                *outcome,
                sent.as_slice(),
                polled.as_deref(),
                rebalanced.as_slice(),
            )),
            _ => None,
        })
    }

    pub(super) fn was_read(&self, id: u32) -> bool {
        self.txns()
            .any(|t| t.2 == Outcome::Ok && t.4.unwrap_or_default().iter().any(|m| m.id == id))
    }

    fn was_committed(&self, outcome: Outcome, sent: &[Message]) -> bool {
        outcome == Outcome::Ok || outcome == Outcome::Info && sent.iter().any(|m| self.was_read(m.id))
    }

    fn add(&mut self, kind: &'static str, times: usize) {
        *self.wrong.entry(kind).or_default() += times as u64;
    }

    pub(super) fn of(ops: &'a [Op]) -> Reference<'a> {
        let mut reference = Reference {
            ops,
            entries: Vec::new(),
            wrong: BTreeMap::new(),
        };
        let mut late = Vec::new();
        let mut entries = Vec::new();
        for (_, _, outcome, sent, polled, _) in reference.txns() {
            let place = |m: &Message| m.offset.map(|offset| (m.key, offset, m.id));
            match outcome {
                Outcome::Ok => entries.extend(sent.iter().filter_map(place)),
                _ if reference.was_committed(outcome, sent) => late.extend(sent.iter().filter_map(place)),
                _ => {}
            }
            entries.extend(polled.unwrap_or_default().iter().filter_map(place));
        }
        entries.extend(late);
        reference.entries = entries;
        reference.offsets();
        reference.fates();
        reference.sends();
        reference.polls();
        reference
    }

    fn places(&self, id: u32) -> Vec<u64> {
        let mut places = Vec::new();
        for (_, offset, _) in self.entries.iter().filter(|e| e.2 == id) {
            if !places.contains(offset) {
                places.push(*offset);
            }
        }
        places
    }

    fn between(&self, key: u32, from: u64, to: u64) -> bool {
        self.entries
            .iter()
            .any(|(k, offset, _)| *k == key && from < *offset && *offset < to)
    }

    fn offsets(&mut self) {
        self.add("duplicate", (0..10).filter(|id| self.places(*id).len() > 1).count());
        let holds = |key, offset| {
            let mut ids: Vec<u32> = self
                .entries
                .iter()
                .filter(|e| e.0 == key && e.1 == offset)
                .map(|e| e.2)
                .collect();
            ids.sort_unstable();
            ids.dedup();
            ids.len()
        };
        let crowded = (0..2).flat_map(|key| (0..7).map(move |offset| (key, offset)));
        let crowded = crowded.filter(|(key, offset)| holds(*key, *offset) > 1).count();
        self.add("inconsistent-offsets", crowded);
    }

    fn fates(&mut self) {
        for id in 0..10 {
            let writer = self.txns().find(|t| t.3.iter().any(|m| m.id == id));
            let polled = self.txns().any(|t| t.4.unwrap_or_default().iter().any(|m| m.id == id));
            let Some((_, _, outcome, sent, _, _)) = writer else {
                self.add("unexpected", usize::from(polled));
                continue;
            };
            let read = self.was_read(id);
            self.add("G1a", usize::from(read && outcome == Outcome::Fail));
            let bound = (0..10).filter(|r| r % 2 == id % 2 && self.was_read(*r));
            let bound = bound.filter_map(|r| self.places(r).into_iter().min()).max();
            let passed = self
                .places(id)
                .into_iter()
                .max()
                .is_some_and(|last| Some(last) <= bound);
            if !read && passed && self.was_committed(outcome, sent) {
                self.add("lost-write", 1);
            } else if !read && outcome == Outcome::Ok {
                self.add("unseen", 1);
            }
        }
        for (_, _, _, sent, polled, _) in self.txns() {
            let own = polled
                .unwrap_or_default()
                .iter()
                .filter(|m| sent.iter().any(|s| s.id == m.id))
                .count();
            self.add("precommitted-read", own);
        }
    }

    /// Whether a process kept its place in a key between two operations.
    fn kept(&self, process: u32, key: u32, from: usize, to: usize) -> bool {
        self.ops[from..to]
            .iter()
            .filter(|op| op.process == process)
            .all(|op| match &op.what {
                What::Assign(keys) | What::Subscribe(keys) => keys.contains(&key),
                What::Txn { .. } => true,
            })
    }

    fn sends(&mut self) {
        for (process, key) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let ops = self.txns().filter(|t| t.1 == process && t.2 != Outcome::Fail);
            let sent: Vec<(usize, u32)> = ops
                .flat_map(|t| t.3.iter().filter(|m| m.key == key).map(move |m| (t.0, m.id)))
                .collect();
            for pair in sent.windows(2) {
                let [(op, id), (next_op, next)] = [pair[0], pair[1]];
                let (Some(a), Some(b)) = (self.places(id).first().copied(), self.places(next).first().copied()) else {
                    continue;
                };
                if !self.kept(process, key, op, next_op) {
                    continue;
                }
                let kind = if op == next_op {
                    "int-nonmonotonic-send"
                } else {
                    "nonmonotonic-send"
                };
                self.add(kind, usize::from(b <= a));
                self.add("int-send-skip", usize::from(op == next_op && self.between(key, a, b)));
            }
        }
    }

    fn polls(&mut self) {
        for (process, key) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut last: Option<(usize, Message)> = None;
            let txns: Vec<_> = self.txns().filter(|t| t.1 == process).collect();
            for (at, _, outcome, _, polled, rebalanced) in txns {
                let polled: Vec<Message> = polled
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .filter(|m| m.key == key)
                    .collect();
                let Some(first) = polled.first() else { continue };
                if let Some((op, before)) = last
                    && self.kept(process, key, op, at)
                {
                    self.pair(before, *first, ["nonmonotonic-poll", "poll-skip"]);
                }
                for pair in polled.windows(2).filter(|_| !rebalanced.contains(&key)) {
                    self.pair(pair[0], pair[1], ["int-nonmonotonic-poll", "int-poll-skip"]);
                }
                if outcome == Outcome::Ok {
                    last = polled.last().map(|m| (at, *m));
                }
            }
        }
    }

    fn pair(&mut self, a: Message, b: Message, [backwards, skip]: [&'static str; 2]) {
        if let (Some(from), Some(to)) = (a.offset, b.offset) {
            self.add(backwards, usize::from(to <= from));
            self.add(skip, usize::from(self.between(a.key, from, to)));
        }
    }

    /// The longest lag, from a table of when each offset was first known to exist.
    pub(super) fn worst_lag_us(&self) -> u64 {
        let known = |key: u32, offset: u64| {
            let reaches = |t: &Txn<'_>| {
                let all = t.3.iter().chain(t.4.unwrap_or_default());
                t.2 != Outcome::Fail && all.into_iter().any(|m| m.key == key && m.offset >= Some(offset))
            };
            self.txns().filter(reaches).map(|t| t.0 as u64).min()
        };
        let mut worst = 0;
        for process in 0..2 {
            let mut next: BTreeMap<u32, u64> = BTreeMap::new();
            for (at, op) in self.ops.iter().enumerate().filter(|(_, op)| op.process == process) {
                match &op.what {
                    What::Subscribe(_) => next.clear(),
                    What::Assign(keys) => {
                        next = keys
                            .iter()
                            .map(|key| (*key, next.get(key).copied().unwrap_or(0)))
                            .collect();
                    }
                    What::Txn {
                        outcome: Outcome::Ok,
                        sent,
                        polled,
                        ..
                    } => {
                        for m in sent.iter().chain(polled.as_deref().unwrap_or_default()) {
                            if let Some(offset) = m.offset {
                                let next = next.entry(m.key).or_default();
                                *next = (*next).max(offset + 1);
                            }
                        }
                        let invoked = at.saturating_sub(op.took) as u64;
                        let lags = next
                            .iter()
                            .filter_map(|(key, next)| Some(invoked.saturating_sub(known(*key, *next)?)));
                        worst = worst.max(if polled.is_some() { lags.max().unwrap_or(0) } else { 0 });
                    }
                    What::Txn { .. } => {}
                }
            }
        }
        worst
    }
}

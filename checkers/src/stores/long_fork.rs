//! Long fork: two reads that saw two independent writes in opposite orders. Valid when of any two reads of a group
//! of keys one saw everything that the other saw.
//!
//! For histories in which each key is written once and reads name all keys of one group. Parallel snapshot isolation
//! allows the anomaly, snapshot isolation does not.
//! - `long-fork`: a read saw x and not y, another saw y and not x.
//!
//! Reads that tell nothing (the wrong number of keys, a key in two groups, two values of one key, a key written twice)
//! make a verdict unknown, and the forks of their group are not reported.
//!
//! After `jepsen.tests.long-fork`. That compares all pairs of reads; comparable reads are a chain, so a new one is
//! compared with its two neighbours of the chain only, and a read that does not fit is a fork with one of them.
//! `long-fork`
//! therefore counts reads that did not fit, not pairs, and one of each group is listed. O(group size) per read, memory O(keys).

use std::collections::BTreeMap;

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, plural};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "long-fork";

/// The largest group: what a read saw is one bit per key.
pub const GROUP_SIZE_MAX: usize = 64;

/// The workload's shape.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Keys per group, 1 to [`GROUP_SIZE_MAX`].
    pub group_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { group_size: 2 }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A write of a key was invoked.
    Write(u32),
    /// A read ended ok: each key, and the number of the value it had, if any.
    Read(&'a [(u32, Option<u32>)]),
}

/// Where a key belongs, and the one value it may have.
#[derive(Clone, Copy, Default)]
struct Key {
    /// Number of its group, from 1; 0 before any read.
    group: u32,
    bit: u8,
    written: bool,
    /// Something illegal was done with it: what its group saw proves nothing.
    spoilt: bool,
    value: Option<u32>,
}

/// No entry.
const END: u32 = u32::MAX;

/// One thing that reads of a group saw, and the next larger one: sets of keys, each a part of the next.
#[derive(Clone, Copy)]
struct Seen {
    saw: u64,
    read: Mark,
    next: u32,
}

/// The chains of all groups: by group the entry of its smallest set, and all entries.
#[derive(Default)]
struct Chains {
    first: Vec<u32>,
    seen: Vec<Seen>,
}

/// What does not fit into the chain of a group: the first two reads, and how many there were.
#[derive(Clone, Copy)]
struct Forked {
    first: Fork,
    reads: u64,
}

/// Two reads that saw different things, and what each saw.
#[derive(Clone, Copy)]
struct Fork {
    saw: [u64; 2],
    reads: [Mark; 2],
}

/// The checker.
#[derive(Default)]
pub struct LongFork {
    options: Options,
    keys: Dense<Key>,
    chains: Chains,
    forked: BTreeMap<u32, Forked>,
    illegal: u64,
    first_illegal: Option<String>,
    reads: u64,
    early: u64,
    late: u64,
}

impl LongFork {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> LongFork {
        LongFork {
            options,
            ..LongFork::default()
        }
    }

    /// Notes something that the workload forbids, and what must not be judged because of it.
    #[cold]
    fn illegal(&mut self, index: u64, what: &str, keys: impl Iterator<Item = u32>) {
        self.illegal += 1;
        self.first_illegal.get_or_insert_with(|| format!("op {index} {what}"));
        for key in keys {
            self.keys.at(key).spoilt = true;
        }
    }

    /// The group of a read that names all its keys, and what the read saw of it; or why it has none.
    fn saw(&mut self, read: &[(u32, Option<u32>)]) -> Result<(u32, u64), &'static str> {
        let size = self.options.group_size;
        if read.len() != size || size == 0 || size > GROUP_SIZE_MAX {
            return Err("does not read one whole group");
        }
        if read.iter().all(|(key, _)| self.keys.at(*key).group == 0) {
            self.form_group(read);
        }
        let group = self.keys.at(read[0].0).group;
        let (mut named, mut saw) = (0_u64, 0_u64);
        for (id, value) in read {
            let key = self.keys.at(*id);
            if group == 0 || key.group != group {
                return Err("reads keys of two groups");
            }
            named |= 1 << key.bit;
            if let Some(value) = value {
                saw |= 1 << key.bit;
                if *key.value.get_or_insert(*value) != *value {
                    return Err("reads another value of a key that is written once");
                }
            }
        }
        if named.count_ones() as usize != size {
            return Err("reads a key twice");
        }
        Ok((group - 1, saw))
    }

    fn form_group(&mut self, read: &[(u32, Option<u32>)]) {
        self.chains.first.push(END);
        let group = u32::try_from(self.chains.first.len()).expect("fewer groups than a u32 counts");
        for (bit, (id, _)) in (0..).zip(read) {
            let key = self.keys.at(*id);
            (key.group, key.bit) = (group, bit);
        }
    }

    fn read(&mut self, at: At, read: &[(u32, Option<u32>)]) {
        self.reads += 1;
        match self.saw(read) {
            Ok((group, saw)) => {
                self.early += u64::from(saw == 0);
                self.late += u64::from(saw.count_ones() as usize == read.len());
                if let Some(fork) = self.chains.fit(group, saw, Mark::new(at.index)) {
                    self.forked
                        .entry(group)
                        .or_insert(Forked { first: fork, reads: 0 })
                        .reads += 1;
                }
            }
            Err(what) => self.illegal(at.index, what, read.iter().map(|(key, _)| *key)),
        }
    }
}

impl Chains {
    /// Puts what a read saw into the chain of its group, or says what it does not fit to.
    #[inline]
    fn fit(&mut self, group: u32, saw: u64, read: Mark) -> Option<Fork> {
        let (mut below, mut above) = (END, self.first[group as usize]);
        while above != END && self.seen[above as usize].saw.count_ones() < saw.count_ones() {
            (below, above) = (above, self.seen[above as usize].next);
        }
        let neighbours = [below, above]
            .into_iter()
            .filter_map(|entry| self.seen.get(entry as usize));
        for other in neighbours {
            if other.saw == saw {
                return None;
            }
            let common = other.saw & saw;
            if common != other.saw && common != saw {
                return Some(Fork {
                    saw: [other.saw, saw],
                    reads: [other.read, read],
                });
            }
        }
        let entry = u32::try_from(self.seen.len()).expect("fewer sets than a u32 counts");
        self.seen.push(Seen { saw, read, next: above });
        match self.seen.get_mut(below as usize) {
            Some(below) => below.next = entry,
            None => self.first[group as usize] = entry,
        }
        None
    }
}

impl LongFork {
    /// The forks of groups in which everything was legal, each with its keys by bit.
    fn legal_forks(&self) -> Vec<(Forked, Vec<u32>)> {
        let mut keys: BTreeMap<u32, Option<Vec<u32>>> =
            self.forked.keys().map(|group| (*group, Some(vec![]))).collect();
        for (id, key) in self.keys.iter().filter(|(_, key)| key.group > 0) {
            let Some(known) = keys.get_mut(&(key.group - 1)) else {
                continue;
            };
            if key.spoilt {
                *known = None;
            }
            if let Some(known) = known {
                known.push(id);
            }
        }
        let legal = self
            .forked
            .iter()
            .filter_map(|(group, forked)| Some((*forked, keys.remove(group)??)));
        let mut legal: Vec<(Forked, Vec<u32>)> = legal.collect();
        for (_, keys) in &mut legal {
            keys.sort_unstable_by_key(|id| self.keys.get(*id).map(|key| key.bit));
        }
        legal
    }
}

fn case(fork: &Fork, keys: &[u32], names: &dyn Names) -> Case {
    let [a, b] = fork.saw;
    let only = |seen: u64| names.key(keys[seen.trailing_zeros() as usize]);
    let (x, y) = (only(a & !b), only(b & !a));
    Case {
        subject: format!("{x}, {y}"),
        sentence: format!("one read saw the write of {x} and not that of {y}, another saw {y} and not {x}"),
        witness: at(fork.reads),
    }
}

impl Streaming for LongFork {
    type Event<'a> = Event<'a>;

    #[inline]
    fn push(&mut self, at: At, event: Event<'_>) {
        match event {
            Event::Write(id) => {
                let key = self.keys.at(id);
                if key.written {
                    self.illegal(at.index, "writes a key that was written before", std::iter::once(id));
                } else {
                    key.written = true;
                }
            }
            Event::Read(read) => self.read(at, read),
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut forks = 0;
        for (forked, keys) in self.legal_forks() {
            forks += forked.reads;
            tally.anomaly("long-fork", || case(&forked.first, &keys, names));
        }
        if let Some(first) = &self.first_illegal {
            tally.doubt(format!(
                "{} cannot be judged: {first}",
                plural(self.illegal, "operation")
            ));
        } else if self.reads == 0 {
            tally.doubt("no read ended ok: there is nothing to judge");
        }
        for (name, value) in [
            ("reads", self.reads),
            ("early-reads", self.early),
            ("late-reads", self.late),
            ("illegal", self.illegal),
            ("long-fork", forks),
        ] {
            tally.count(name, value);
        }
        tally.result(NAME)
    }
}

//! One pass over the transactions: the anomalies that need no graph, and who read and wrote which version.

use super::super::kind::Kind;
use super::super::report::Findings;
use super::super::txns::Outcome;
use super::{Assumptions, Initial, NOBODY, RwRegister, What, register_words};

/// A version, or nil of a key: `versions + key`.
pub(super) type Held = u32;

/// What one transaction did to one key, from outside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Touch {
    pub(super) txn: u32,
    pub(super) key: u32,
    /// What it read before it wrote.
    pub(super) read: Option<Held>,
    /// What it wrote last.
    pub(super) wrote: Option<u32>,
    /// Whether that was nil.
    pub(super) wrote_nil: bool,
}

impl Touch {
    /// Whether it wrote anything, and be it nil.
    pub(super) fn writes(&self) -> bool {
        self.wrote.is_some() || self.wrote_nil
    }
}

/// What was seen.
pub(super) struct Seen {
    /// Per transaction that committed and key, in the order of the transactions.
    pub(super) touches: Vec<Touch>,
    /// All reads of other transactions' versions, and of nil: what was read, and who read it.
    pub(super) reads: Vec<(Held, u32)>,
    /// A version that was read and that several transactions wrote.
    pub(super) ambiguous: Option<u32>,
    /// What the keys held at first.
    pub(super) initial: Initial,
}

impl Seen {
    /// What a transaction did to the keys; transactions that did nothing have none.
    pub(super) fn of(&self, txn: u32) -> &[Touch] {
        let from = self.touches.partition_point(|touch| touch.txn < txn);
        let to = from + self.touches[from..].partition_point(|touch| touch.txn == txn);
        &self.touches[from..to]
    }

    /// Whether a transaction found what a key is known to have held at first, and another one wrote the key.
    fn misses_a_write(&self, history: &RwRegister) -> bool {
        let mut writers: Vec<[Option<u32>; 2]> = vec![[None; 2]; history.keys.len()];
        for touch in self.touches.iter().filter(|touch| touch.wrote.is_some()) {
            let [first, second] = &mut writers[touch.key as usize];
            match first {
                None => *first = Some(touch.txn),
                Some(_) => *second = Some(touch.txn),
            }
        }
        let nils = history.versions.len() as u32;
        self.touches.iter().any(|touch| {
            let known = |held: &Held| history.initial.is_some() || *held >= nils;
            let first = touch
                .read
                .filter(|held| self.known(history, *held, touch.key) && known(held));
            let others = writers[touch.key as usize].iter().flatten();
            first.is_some_and(|held| self.is_first(held, touch.key)) && others.into_iter().any(|txn| *txn != touch.txn)
        })
    }

    /// Whether it is what its key held at first.
    pub(super) fn is_first(&self, held: Held, key: u32) -> bool {
        self.initial.held(key) == Some(held)
    }

    /// Whether what was held is one version: what the key held at first, or what was written once, here or elsewhere.
    pub(super) fn known(&self, history: &RwRegister, held: Held, key: u32) -> bool {
        match held < history.versions.len() as u32 {
            true => !history.versions.ambiguous[held as usize],
            false => !history.nil_written[key as usize] && self.is_first(held, key),
        }
    }
}

/// Scans a history.
pub(super) fn scan(
    history: &RwRegister,
    committed: &[bool],
    initial: Initial,
    assumptions: &Assumptions,
    findings: &mut Findings,
) -> Seen {
    let seen = Seen {
        touches: Vec::new(),
        reads: Vec::new(),
        ambiguous: None,
        initial,
    };
    let visit = vec![(NOBODY, 0); history.keys.len()];
    let mut scan = Scan {
        history,
        closed: assumptions.closed,
        findings,
        seen,
        visit,
        known: Vec::new(),
        unwritten: 0,
        foreign: 0,
        doubtful_nils: 0,
        observed: false,
    };
    for txn in (0..history.txns.len() as u32).filter(|txn| committed[*txn as usize]) {
        scan.txn(txn);
    }
    let Scan {
        mut seen,
        unwritten,
        foreign,
        doubtful_nils,
        observed,
        ..
    } = scan;
    if unwritten > 0 {
        findings.count("unwritten-reads", unwritten);
        if unwritten > foreign && !assumptions.closed {
            let first = unwritten - foreign;
            findings.remark(format!(
                "{first} reads of values that no transaction wrote, taken as there at first"
            ));
        }
    }
    if foreign > 0 && !assumptions.closed {
        findings.doubt(format!(
            "{foreign} reads of values that no transaction wrote and that were not there at first: who else wrote, and \
             when, is not known"
        ));
    }
    if doubtful_nils > 0 {
        findings.doubt(format!(
            "{doubtful_nils} reads of nil where nil was written or was not there at first: what they read is not known"
        ));
    }
    seen.reads.sort_unstable();
    seen.reads.dedup();
    if !observed && !seen.misses_a_write(history) {
        findings.doubt("no recorded write was read by another transaction: nothing binds the history".to_owned());
    }
    lost_updates(history, &seen, findings);
    seen
}

struct Scan<'s> {
    history: &'s RwRegister,
    closed: bool,
    findings: &'s mut Findings,
    seen: Seen,
    /// Per key the transaction that touched it last, and its touch.
    visit: Vec<(u32, usize)>,
    /// Per touch of this transaction: what the key holds for it.
    known: Vec<Held>,
    unwritten: u64,
    /// Those of them that were not there at first.
    foreign: u64,
    /// Reads of nil that may be what was written or what was there.
    doubtful_nils: u64,
    /// Whether a transaction read what another one wrote.
    observed: bool,
}

impl Scan<'_> {
    fn nil(&self, key: u32) -> Held {
        self.history.versions.len() as u32 + key
    }

    fn txn(&mut self, txn: u32) {
        let first = self.seen.touches.len();
        self.known.clear();
        let mut internal = None;
        for (nth, mop) in self.history.mops(txn).iter().enumerate() {
            let (held, writes) = match mop.what {
                What::Write(version) => (version, true),
                What::Read(version) => (version, false),
                What::ReadNil => (self.nil(mop.key), false),
                What::WriteNil => (self.nil(mop.key), true),
                What::Unknown => continue,
            };
            let (touch, before) = self.touch(txn, mop.key);
            if writes {
                self.seen.touches[touch].wrote = Some(held).filter(|held| *held < self.history.versions.len() as u32);
                self.seen.touches[touch].wrote_nil = mop.what == What::WriteNil;
            } else {
                if before && self.known[touch - first] != held {
                    internal.get_or_insert(nth);
                }
                if !before {
                    self.seen.touches[touch].read = Some(held);
                }
                let steady = before && self.known[touch - first] == held;
                let own = self.seen.touches[touch].wrote_nil;
                self.read(txn, mop.key, held, if steady { None } else { Some(nth) }, own && steady);
            }
            match self.known.get_mut(touch - first) {
                Some(known) => *known = held,
                None => self.known.push(held),
            }
        }
        if let Some(nth) = internal {
            self.findings
                .add(Kind::Internal, || register_words::internal(self.history, txn, nth));
        }
    }

    /// The touch of a key by a transaction, and whether there was one before.
    fn touch(&mut self, txn: u32, key: u32) -> (usize, bool) {
        let (last, at) = &mut self.visit[key as usize];
        let before = *last == txn;
        if !before {
            (*last, *at) = (txn, self.seen.touches.len());
            self.seen.touches.push(Touch {
                txn,
                key,
                read: None,
                wrote: None,
                wrote_nil: false,
            });
        }
        (*at, before)
    }

    /// Takes a read; `news` is its number, unless it found what the transaction knew already; `own` says that this is the
    /// nil that it wrote itself.
    fn read(&mut self, txn: u32, key: u32, held: Held, news: Option<usize>, own: bool) {
        let history = self.history;
        if held >= history.versions.len() as u32 {
            if !history.nil_written[key as usize] && self.seen.is_first(held, key) {
                self.seen.reads.push((held, txn));
            } else if !own {
                self.doubtful_nils += 1;
            }
            return;
        }
        if history.versions.writer[held as usize] == NOBODY {
            self.unwritten += 1;
            self.seen.reads.push((held, txn));
            let first = self.seen.is_first(held, key);
            self.foreign += u64::from(!first);
            if self.closed && !first {
                self.findings
                    .add(Kind::GarbageRead, || register_words::garbage(history, txn, held));
            }
            return;
        }
        let Some(writer) = history.versions.writer(held) else {
            self.seen.ambiguous.get_or_insert(held);
            return;
        };
        if writer == txn {
            let written = |nth: usize| history.mops(txn)[..nth].iter().any(|mop| mop.what == What::Write(held));
            if news.is_some_and(|nth| !written(nth)) {
                self.findings
                    .add(Kind::FutureRead, || register_words::future_read(history, txn, held));
            }
            return;
        }
        self.observed = true;
        self.seen.reads.push((held, txn));
        if history.txns.outcome(writer) == Outcome::Fail {
            self.findings
                .add(Kind::G1a, || register_words::aborted(history, txn, held));
        } else if history.versions.intermediate[held as usize] {
            self.findings
                .add(Kind::G1b, || register_words::intermediate(history, txn, held));
        }
    }
}

/// Reports versions that several transactions read and then overwrote.
fn lost_updates(history: &RwRegister, seen: &Seen, findings: &mut Findings) {
    let mut updates: Vec<(Held, u32)> = seen
        .touches
        .iter()
        .filter(|touch| touch.wrote.is_some())
        .filter_map(|touch| {
            Some((
                touch.read.filter(|held| seen.known(history, *held, touch.key))?,
                touch.txn,
            ))
        })
        .collect();
    updates.sort_unstable();
    for group in updates.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        findings.add(Kind::LostUpdate, || register_words::lost_update(history, group));
    }
}

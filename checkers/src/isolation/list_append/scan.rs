//! One pass over the transactions: the anomalies that need no graph, and the dependencies for it.

use std::collections::BTreeMap;

use super::super::graph::{Edges, GraphBuilder};
use super::super::kind::Kind;
use super::super::report::Findings;
use super::super::txns::Outcome;
use super::orders::{DUPLICATE, GARBAGE, Orders, UNSEEN};
use super::{Code, ListAppend, What, list_words};

const NO_TXN: u32 = u32::MAX;

/// Scans a history.
pub(super) fn scan(history: &ListAppend, orders: &Orders, edges: &mut GraphBuilder, findings: &mut Findings) {
    scan_whole(history, orders, false, edges, findings);
}

/// The same; with `whole` a list that ends with a transaction's own append shows what another one appended before.
pub(super) fn scan_whole(
    history: &ListAppend,
    orders: &Orders,
    whole: bool,
    edges: &mut GraphBuilder,
    findings: &mut Findings,
) {
    let mut scan = Scan {
        history,
        orders,
        findings,
        here_or_next: vec![NO_TXN; orders.elements()],
        clean: vec![u32::MAX; history.keys.len()],
        blemishes: BTreeMap::new(),
        unseen: unseen(history, orders),
        touched: Touched::new(history.keys.len()),
        last_readers: Vec::new(),
        has_unseen: vec![false; history.keys.len()],
        suspects: Vec::new(),
        whole,
    };
    for (key, _) in &scan.unseen {
        scan.has_unseen[*key as usize] = true;
    }
    for key in 0..history.keys.len() as u32 {
        scan.versions(key, edges);
    }
    for txn in (0..history.txns.len() as u32).filter(|txn| orders.committed(*txn)) {
        scan.txn(txn, edges);
    }
    scan.link_unseen(edges);
    scan.lost_updates();
}

/// The committed transactions that appended to a key what no read shows, by key, each once.
fn unseen(history: &ListAppend, orders: &Orders) -> Vec<(u32, u32)> {
    let appends = &history.appends;
    let mut unseen: Vec<(u32, u32)> = (0..appends.len())
        .filter(|id| orders.place(*id as u32) == UNSEEN && orders.committed(appends.txn[*id]))
        .map(|id| (appends.key[id], appends.txn[id]))
        .collect();
    unseen.sort_unstable();
    unseen.dedup();
    unseen
}

/// The part of pairs that are sorted by key which belongs to one key.
fn of_key(pairs: &[(u32, u32)], key: u32) -> &[(u32, u32)] {
    let from = pairs.partition_point(|(k, _)| *k < key);
    &pairs[from..from + pairs[from..].partition_point(|(k, _)| *k == key)]
}

/// Shows `each` the transactions that appended to one key what no read shows, where there are several.
pub(super) fn each_hidden(history: &ListAppend, orders: &Orders, mut each: impl FnMut(&mut [u32])) {
    for of_key in unseen(history, orders)
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|txns| txns.len() > 1)
    {
        let mut txns: Vec<u32> = of_key.iter().map(|(_, txn)| *txn).collect();
        each(&mut txns);
    }
}

/// Whether there are any such: then nothing tells their order.
pub(super) fn hides_an_order(history: &ListAppend, orders: &Orders) -> bool {
    let mut hidden = false;
    each_hidden(history, orders, |_| hidden = true);
    hidden
}

struct Scan<'s> {
    history: &'s ListAppend,
    orders: &'s Orders,
    findings: &'s mut Findings,
    /// Per element of the orders: the committed transaction that appended it, or else the next element that has one.
    here_or_next: Vec<u32>,
    /// Per key how many elements come before the first that is garbage, a duplicate or was written by a failed one.
    clean: Vec<u32>,
    /// The first of each sort of these, of the keys that have any.
    blemishes: BTreeMap<u32, Blemishes>,
    unseen: Vec<(u32, u32)>,
    /// Per key whether there are any.
    has_unseen: Vec<bool>,
    touched: Touched,
    /// Who read the last version of a key that has unseen appends.
    last_readers: Vec<(u32, u32)>,
    /// Reads of a version (key, length) whose reader then appended, but not as the next version.
    suspects: Vec<(u32, u32)>,
    whole: bool,
}

/// What is wrong with a list: the first of each sort, by its place.
#[derive(Clone, Copy, Default)]
struct Blemishes {
    duplicate: Option<usize>,
    garbage: Option<usize>,
    failed: Option<usize>,
}

impl Blemishes {
    fn note(&mut self, at: usize, append: u32, failed: bool) {
        match append {
            DUPLICATE => self.duplicate.get_or_insert(at),
            GARBAGE => self.garbage.get_or_insert(at),
            _ if failed => self.failed.get_or_insert(at),
            _ => return,
        };
    }
}

/// What a transaction did to the keys so far.
struct Touched {
    /// Per key the number of the visit that touched it last, and its entry.
    visit: Vec<(u32, u32)>,
    now: u32,
    entries: Vec<Touch>,
    used: usize,
}

#[derive(Default)]
struct Touch {
    /// The last read.
    seen: Option<What>,
    /// Appended since then.
    own: Vec<Code>,
    last_append: Option<u32>,
    /// The longest prefix read.
    read_max: u32,
    /// Reads that are no prefixes.
    raw: Vec<u32>,
    /// The first operation, if it was a read of a prefix and no append followed yet.
    first_read: Option<u32>,
}

impl Touched {
    fn new(keys: usize) -> Self {
        Touched {
            visit: vec![(0, 0); keys],
            now: 0,
            entries: Vec::new(),
            used: 0,
        }
    }

    fn begin(&mut self) {
        self.now += 1;
        self.used = 0;
    }

    /// The entry of a key, and whether it was touched before.
    fn entry(&mut self, key: u32) -> (&mut Touch, bool) {
        let (visit, at) = &mut self.visit[key as usize];
        let before = *visit == self.now;
        if !before {
            (*visit, *at) = (self.now, self.used as u32);
            self.used += 1;
            match self.entries.get_mut(*at as usize) {
                Some(touch) => touch.clear(),
                None => self.entries.push(Touch::default()),
            }
        }
        (&mut self.entries[*at as usize], before)
    }
}

impl Touch {
    fn clear(&mut self) {
        self.own.clear();
        self.raw.clear();
        (self.seen, self.last_append, self.read_max, self.first_read) = (None, None, 0, None);
    }

    /// Whether a list continues what the transaction saw and did.
    fn agrees(&self, history: &ListAppend, key: u32, list: &[Code]) -> bool {
        match self.seen {
            Some(seen) => {
                let seen = history.list(key, seen);
                list.len() == seen.len() + self.own.len() && list.starts_with(seen) && list.ends_with(&self.own)
            }
            None => list.ends_with(&self.own),
        }
    }
}

impl Scan<'_> {
    /// Links the versions of a key in their order, and notes where the order is unclean.
    fn versions(&mut self, key: u32, edges: &mut GraphBuilder) {
        let order = self.orders.of_key(key);
        let start = self.orders.start(key);
        let mut next = NO_TXN;
        for (at, append) in order.iter().enumerate().rev() {
            if let Some(writer) = self.orders.writer(self.history, *append) {
                if next == NO_TXN {
                    let unseen = of_key(&self.unseen, key);
                    unseen.iter().for_each(|(_, txn)| edges.link(writer, *txn, Edges::WW));
                } else {
                    edges.link(writer, next, Edges::WW);
                }
                next = writer;
            } else {
                self.clean[key as usize] = at as u32;
            }
            self.here_or_next[start + at] = next;
        }
        if self.clean[key as usize] != u32::MAX {
            self.blemished(key);
        }
    }

    /// Notes what is wrong with the order of a key, and reports committed appends behind those of failed transactions.
    fn blemished(&mut self, key: u32) {
        let mut blemishes = Blemishes::default();
        let mut dirty = None;
        for (at, append) in self.orders.of_key(key).iter().copied().enumerate() {
            let known = append != DUPLICATE && append != GARBAGE;
            let committed = self.orders.writer(self.history, append).is_some();
            blemishes.note(at, append, !committed);
            match dirty {
                None if known && !committed => dirty = Some(append),
                Some(failed) if committed => {
                    self.findings.add(Kind::DirtyUpdate, || {
                        list_words::dirty_update(self.history, failed, append)
                    });
                    dirty = None;
                }
                _ => {}
            }
        }
        self.blemishes.insert(key, blemishes);
    }

    fn txn(&mut self, txn: u32, edges: &mut GraphBuilder) {
        self.touched.begin();
        let mut internal = None;
        for (nth, mop) in self.history.mops(txn).iter().enumerate() {
            match mop.what {
                What::Append(append) => self.append(txn, mop.key, append),
                What::Read(_) | What::Raw(_) => {
                    if !self.read(txn, mop.key, mop.what, edges) {
                        internal.get_or_insert(nth);
                    }
                }
                What::Unknown => {}
            }
        }
        if let Some(nth) = internal {
            self.findings
                .add(Kind::Internal, || list_words::internal(self.history, txn, nth));
        }
    }

    fn append(&mut self, txn: u32, key: u32, append: u32) {
        let place = self.orders.place(append);
        let code = self.history.appends.code[append as usize];
        let (touch, _) = self.touched.entry(key);
        let before = touch.last_append.replace(append);
        touch.own.push(code);
        let future = place < touch.read_max || touch.raw.iter().any(|id| self.history.raw.get(*id).contains(&code));
        let first_read = touch.first_read.take();
        if let Some(len) = first_read.filter(|len| *len != place) {
            self.suspects.push((key, len));
        }
        if future {
            self.findings
                .add(Kind::FutureRead, || list_words::future_read(self.history, txn, append));
        }
        if let Some(before) = before.filter(|before| self.orders.place(*before) > place) {
            self.findings.add(Kind::IncompatibleOrder, || {
                list_words::own_order(self.history, before, append)
            });
        }
    }

    /// Takes a read; whether it agrees with what its transaction did before.
    fn read(&mut self, txn: u32, key: u32, what: What, edges: &mut GraphBuilder) -> bool {
        let history = self.history;
        let (touch, before) = self.touched.entry(key);
        let agrees = !before || touch.agrees(history, key, history.list(key, what));
        touch.seen = Some(what);
        touch.own.clear();
        match what {
            What::Read(len) => {
                touch.read_max = touch.read_max.max(len);
                touch.first_read = if before { touch.first_read } else { Some(len) };
                self.prefix(txn, key, len, edges);
                if len > self.clean[key as usize] {
                    self.unclean_prefix(txn, key, len);
                }
            }
            What::Raw(id) => {
                touch.raw.push(id);
                self.findings.add(Kind::IncompatibleOrder, || {
                    list_words::incompatible(history, txn, key, what)
                });
                self.unclean_raw(txn, key, history.raw.get(id));
                let last = history
                    .raw
                    .get(id)
                    .last()
                    .and_then(|code| history.appends.find(key, *code));
                self.intermediate(txn, key, last);
            }
            What::Append(_) | What::Unknown => {}
        }
        agrees
    }

    /// The dependencies of a read of the first `len` elements.
    fn prefix(&mut self, txn: u32, key: u32, len: u32, edges: &mut GraphBuilder) {
        let order = self.orders.of_key(key);
        if let Some(last) = len.checked_sub(1).map(|at| order[at as usize]) {
            if let Some(writer) = self.orders.writer(self.history, last) {
                edges.link(writer, txn, Edges::WR);
                if self.whole && writer == txn {
                    let below = order[..len as usize].iter().rev();
                    let mut writers = below.filter_map(|append| self.orders.writer(self.history, *append));
                    if let Some(below) = writers.find(|writer| *writer != txn) {
                        edges.link(below, txn, Edges::WR_BELOW);
                    }
                }
            }
            self.intermediate(
                txn,
                key,
                Some(last).filter(|last| *last != GARBAGE && *last != DUPLICATE),
            );
        }
        let next = self.here_or_next[self.orders.start(key)..].get(len as usize);
        match next.filter(|_| (len as usize) < order.len()) {
            Some(next) if *next != NO_TXN => edges.link(txn, *next, Edges::RW),
            _ if self.has_unseen[key as usize] => self.last_readers.push((key, txn)),
            _ => {}
        }
    }

    /// Reports a read whose last element its own transaction appended to again.
    fn intermediate(&mut self, txn: u32, key: u32, last: Option<u32>) {
        let appends = &self.history.appends;
        let Some(last) = last.filter(|last| appends.intermediate[*last as usize]) else {
            return;
        };
        let writer = appends.txn[last as usize];
        if writer != txn && self.history.txns.outcome(writer) != Outcome::Fail {
            self.findings
                .add(Kind::G1b, || list_words::intermediate(self.history, txn, key, last));
        }
    }

    /// Reports what is wrong with the elements of a read of the first `len` elements.
    fn unclean_prefix(&mut self, txn: u32, key: u32, len: u32) {
        let Blemishes {
            duplicate,
            garbage,
            failed,
        } = self.blemishes[&key];
        let within = |at: Option<usize>| at.filter(|at| *at < len as usize);
        let code = |at: usize| self.history.longest[key as usize][at];
        if let Some(at) = within(duplicate) {
            self.findings.add(Kind::DuplicateElements, || {
                list_words::duplicate(self.history, txn, key, code(at))
            });
        }
        if let Some(at) = within(garbage) {
            self.findings.add(Kind::GarbageRead, || {
                list_words::garbage(self.history, txn, key, code(at))
            });
        }
        if let Some(at) = within(failed) {
            let append = self.orders.of_key(key)[at];
            self.findings
                .add(Kind::G1a, || list_words::aborted(self.history, txn, append));
        }
    }

    /// The same for a read of something else.
    fn unclean_raw(&mut self, txn: u32, key: u32, list: &[Code]) {
        let history = self.history;
        let mut sorted: Vec<Code> = list.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            self.findings.add(Kind::DuplicateElements, || {
                list_words::duplicate(history, txn, key, twice[0])
            });
        }
        let append = |code: &Code| history.appends.find(key, *code);
        if let Some(garbage) = list.iter().find(|code| append(code).is_none()) {
            self.findings
                .add(Kind::GarbageRead, || list_words::garbage(history, txn, key, *garbage));
        }
        let failed = |id: &u32| history.txns.outcome(history.appends.txn[*id as usize]) == Outcome::Fail;
        if let Some(failed) = list.iter().filter_map(append).find(failed) {
            self.findings
                .add(Kind::G1a, || list_words::aborted(history, txn, failed));
        }
    }

    /// Readers of a last version come before the appends behind it.
    fn link_unseen(&mut self, edges: &mut GraphBuilder) {
        self.last_readers.sort_unstable();
        self.last_readers.dedup();
        for readers in self.last_readers.chunk_by(|a, b| a.0 == b.0) {
            let writers: Vec<u32> = of_key(&self.unseen, readers[0].0).iter().map(|(_, txn)| *txn).collect();
            let readers: Vec<u32> = readers.iter().map(|(_, txn)| *txn).collect();
            edges.link_all(&readers, &writers, Edges::RW);
        }
    }

    /// Of several transactions that read one version and append to it, at most one can be the next version. Only
    /// versions with a reader that was not the next one are looked at.
    fn lost_updates(&mut self) {
        let mut groups: BTreeMap<(u32, u32), Vec<u32>> = self.suspects.iter().map(|at| (*at, Vec::new())).collect();
        let txns = if groups.is_empty() {
            0..0
        } else {
            0..self.history.txns.len() as u32
        };
        for txn in txns.filter(|txn| self.orders.committed(*txn)) {
            self.touched.begin();
            for mop in self.history.mops(txn) {
                let (touch, before) = self.touched.entry(mop.key);
                match mop.what {
                    What::Read(len) if !before => touch.first_read = Some(len),
                    What::Append(_) => {
                        let read = touch.first_read.take().map(|len| (mop.key, len));
                        if let Some(group) = read.and_then(|read| groups.get_mut(&read)) {
                            group.push(txn);
                        }
                    }
                    _ => {}
                }
            }
        }
        for ((key, len), txns) in groups.into_iter().filter(|(_, txns)| txns.len() > 1) {
            self.findings.add(Kind::LostUpdate, || {
                list_words::lost_update(self.history, key, What::Read(len), &txns)
            });
        }
    }
}

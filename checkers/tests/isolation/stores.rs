//! Simulated stores that keep a promise by construction, and clients that use them at the same time.

use paytwice_checkers::isolation::{Outcome, Txn};

use crate::histories::{Mop, Op};

/// What a store promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Transactions run one at a time.
    Serial,
    /// A transaction sees the state in which it began; of two that wrote the same key, the second to commit fails.
    Snapshot,
    /// Writes take effect together at the end, under locks; each read sees what was committed just then.
    ReadCommitted,
}

/// Draws of one seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

const KEYS: usize = 4;
const CLIENTS: usize = 5;

type Lists = Vec<Vec<i64>>;

/// A transaction that is open.
struct Open {
    process: u64,
    invoke: u64,
    left: usize,
    snapshot: Lists,
    own: Lists,
    mops: Vec<Mop>,
}

struct Store {
    promise: Promise,
    register: bool,
    dice: Dice,
    index: u64,
    value: i64,
    committed: Lists,
    open: Vec<Open>,
    processes: u64,
    ops: Vec<Op>,
}

/// A history of `txns` transactions against a store.
pub(crate) fn history(promise: Promise, register: bool, seed: u64, txns: usize) -> Vec<Op> {
    let committed = vec![Vec::new(); KEYS];
    let dice = Dice(seed);
    let open = Vec::new();
    let mut store = Store {
        promise,
        register,
        dice,
        index: 0,
        value: 0,
        committed,
        open,
        processes: 0,
        ops: Vec::new(),
    };
    while store.ops.len() < txns {
        store.step();
    }
    store.ops
}

impl Store {
    fn step(&mut self) {
        if self.open.len() < CLIENTS {
            self.processes += 1;
            self.begin(self.processes);
        }
        let at = self.dice.below(self.open.len());
        if self.promise == Promise::Serial {
            self.open[at].snapshot.clone_from(&self.committed);
            while self.open[at].left > 0 {
                self.mop(at);
            }
        }
        if self.open[at].left > 0 {
            self.mop(at);
        } else {
            self.end(at);
        }
    }

    fn tick(&mut self) -> u64 {
        self.index += 1;
        self.index
    }

    fn begin(&mut self, process: u64) {
        let invoke = self.tick();
        let left = self.dice.below(4) + 1;
        let (snapshot, own) = (self.committed.clone(), vec![Vec::new(); KEYS]);
        self.open.push(Open {
            process,
            invoke,
            left,
            snapshot,
            own,
            mops: Vec::new(),
        });
    }

    fn mop(&mut self, at: usize) {
        let key = self.dice.below(KEYS);
        let writes = self.dice.below(2) == 0;
        let locked = self.promise == Promise::ReadCommitted
            && self
                .open
                .iter()
                .enumerate()
                .any(|(other, open)| other != at && !open.own[key].is_empty());
        let open = &mut self.open[at];
        open.left -= 1;
        if writes && !locked {
            self.value += 1;
            open.own[key].push(self.value);
            open.mops.push(Mop::Write(key as i64, self.value));
        } else {
            let base = if self.promise == Promise::ReadCommitted {
                &self.committed
            } else {
                &open.snapshot
            };
            let mut found = [&base[key][..], &open.own[key]].concat();
            if self.register {
                found = found.last().copied().into_iter().collect();
            }
            open.mops.push(Mop::Read(key as i64, Some(found)));
        }
    }

    fn end(&mut self, at: usize) {
        let mut open = self.open.remove(at);
        let conflict = self.promise == Promise::Snapshot
            && (0..KEYS).any(|key| !open.own[key].is_empty() && self.committed[key] != open.snapshot[key]);
        let (told, applied) = match self.dice.below(20) {
            _ if conflict => (Outcome::Fail, false),
            0 => (Outcome::Fail, false),
            1 => (Outcome::Info, true),
            2 => (Outcome::Info, false),
            _ => (Outcome::Ok, true),
        };
        if applied {
            (0..KEYS).for_each(|key| self.committed[key].append(&mut open.own[key]));
        }
        let complete = Some(self.tick());
        let process = open.process;
        if told == Outcome::Info {
            open.mops.iter_mut().for_each(|mop| {
                if let Mop::Read(_, found) = mop {
                    *found = None;
                }
            });
        } else {
            self.begin(process);
        }
        let txn = Txn {
            process,
            invoke: open.invoke,
            complete,
            outcome: told,
        };
        self.ops.push(Op { txn, mops: open.mops });
    }
}

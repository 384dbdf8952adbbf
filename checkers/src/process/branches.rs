//! Atomicity of branches: at the end, all branches of a transaction took effect, or none did.
//!
//! For histories of distributed transactions (XA, TCC, saga, local message tables) that show when the effect of each
//! branch is there and when it is taken back.
//! - `partial`: at the end some branches are in effect and some are not.
//! - `lost`: the transaction was reported committed, and no branch is in effect.
//! - `aborted`: it was reported rolled back, and every branch is in effect.
//! - `contradiction`: it was reported committed and rolled back.
//! - `unexpected-branch`: a branch in effect that the transaction does not have.
//!
//! During the run branches may differ: that is soft state (see [`soft_state`](super::soft_state)). So all but
//! contradictions and unexpected branches are judged at [`Event::Settled`]; without it, or when something happens
//! after it, what is open is unknown. A transaction that ended info may be either way, but not half of each.
//!
//! Sees: whether each branch is in effect. Cannot see: how often it is (see
//! [`exactly_once`](crate::queues::exactly_once)). O(1) per event, 32 bytes per transaction, up to
//! [`BRANCHES_MAX`] branches.

use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at, plural};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "branches";

/// The most branches a transaction may have.
pub const BRANCHES_MAX: u8 = 64;

/// What was seen. A branch is known by its position in its transaction; one beyond [`BRANCHES_MAX`] makes the verdict
/// unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A transaction began, and has this many branches.
    Begun {
        /// The transaction.
        id: u32,
        /// How many branches.
        branches: u8,
    },
    /// The effect of a branch is there.
    Applied {
        /// The transaction.
        id: u32,
        /// Its branch.
        branch: u8,
    },
    /// The effect of a branch was taken back.
    Reverted {
        /// The transaction.
        id: u32,
        /// Its branch.
        branch: u8,
    },
    /// The client was told that it is committed.
    Committed(u32),
    /// The client was told that it is rolled back.
    RolledBack(u32),
    /// Every effect of the events before has been observed.
    Settled,
}

#[derive(Clone, Copy, Default)]
struct Transaction {
    /// In effect, by branch.
    applied: u64,
    branches: u8,
    begun_at: Mark,
    changed_at: Mark,
    committed_at: Mark,
    rolled_back_at: Mark,
}

impl Transaction {
    fn expected(&self) -> u64 {
        if self.branches == 0 {
            0
        } else {
            u64::MAX >> (64 - u32::from(self.branches))
        }
    }

    fn is_known(&self) -> bool {
        self.begun_at != Mark::NONE
    }
}

/// The checker.
#[derive(Default)]
pub struct Branches {
    transactions: Dense<Transaction>,
    settled: bool,
    beyond: u64,
    applied: u64,
    reverted: u64,
}

impl Branches {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Branches {
        Branches::default()
    }

    #[inline]
    fn set(&mut self, at: At, id: u32, branch: u8, applied: bool) {
        if branch >= BRANCHES_MAX {
            self.beyond += 1;
            return;
        }
        let transaction = self.transactions.at(id);
        transaction.changed_at = Mark::new(at.index);
        if applied {
            self.applied += 1;
            transaction.applied |= 1 << branch;
        } else {
            self.reverted += 1;
            transaction.applied &= !(1 << branch);
        }
    }
}

impl Streaming for Branches {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        self.settled = event == Event::Settled;
        match event {
            Event::Begun { id, branches } => {
                let transaction = self.transactions.at(id);
                transaction.begun_at.first(at.index);
                transaction.branches = transaction.branches.max(branches.min(BRANCHES_MAX));
                self.beyond += u64::from(branches > BRANCHES_MAX);
            }
            Event::Applied { id, branch } => self.set(at, id, branch, true),
            Event::Reverted { id, branch } => self.set(at, id, branch, false),
            Event::Committed(id) => self.transactions.at(id).committed_at.first(at.index),
            Event::RolledBack(id) => self.transactions.at(id).rolled_back_at.first(at.index),
            Event::Settled => {}
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let (mut transactions, mut committed, mut open) = (0_u64, 0_u64, 0_u64);
        for (id, transaction) in self.transactions.iter() {
            transactions += u64::from(transaction.is_known());
            committed += u64::from(transaction.committed_at != Mark::NONE);
            let case = |how: &str| Case {
                subject: names.id(id),
                sentence: format!("{} {how}", names.said("transaction", id)),
                witness: transaction.witness(),
            };
            for (kind, how) in transaction.contradictions().into_iter().flatten() {
                tally.anomaly(kind, || case(how));
            }
            match transaction.outcome(names) {
                Some((kind, how)) if self.settled => tally.anomaly(kind, || case(&how)),
                Some(_) => open += 1,
                None => {}
            }
        }
        if transactions == 0 || self.applied == 0 && committed == 0 {
            tally.doubt("no transaction had a branch in effect or was committed: there is nothing to judge");
        }
        if !self.settled {
            tally.doubt(format!(
                "effects were not observed to the end; {} not whole so far",
                plural(open, "transaction")
            ));
        }
        if self.beyond > 0 {
            tally.doubt(format!(
                "{} beyond branch {BRANCHES_MAX} cannot be judged",
                plural(self.beyond, "event")
            ));
        }
        for (name, value) in [
            ("transactions", transactions),
            ("committed", committed),
            ("applied", self.applied),
            ("reverted", self.reverted),
        ] {
            tally.count(name, value);
        }
        tally.result(NAME)
    }
}

impl Transaction {
    fn witness(&self) -> Vec<u64> {
        at([self.begun_at, self.changed_at, self.committed_at, self.rolled_back_at])
    }

    /// What is wrong whatever comes next.
    fn contradictions(&self) -> [Option<(&'static str, &'static str)>; 2] {
        let both = self.committed_at != Mark::NONE && self.rolled_back_at != Mark::NONE;
        let strange = self.applied & !self.expected() != 0;
        [
            both.then_some(("contradiction", "was reported committed and rolled back")),
            strange.then_some(("unexpected-branch", "has a branch in effect that it does not have")),
        ]
    }

    /// Which branches are in effect and which are not; how many, where they have no names.
    fn partly(&self, applied: u64, names: &dyn Names) -> String {
        let named = |there: u64| -> Option<Vec<String>> {
            let those = (0..self.branches).filter(|branch| applied >> branch & 1 == there);
            those.map(|branch| names.branch(branch)).collect()
        };
        match (named(1), named(0)) {
            (Some(there), Some(missing)) => {
                format!("is in effect in {} and not in {}", there.join(", "), missing.join(", "))
            }
            _ => format!("has {} of {} branches in effect", applied.count_ones(), self.branches),
        }
    }

    /// What is wrong if nothing more comes.
    fn outcome(&self, names: &dyn Names) -> Option<(&'static str, String)> {
        let expected = self.expected();
        let applied = self.applied & expected;
        let (whole, none) = (applied == expected, applied == 0);
        let only = |at: Mark, other: Mark| at != Mark::NONE && other == Mark::NONE;
        if !whole && !none {
            return Some(("partial", self.partly(applied, names)));
        }
        if none && self.branches > 0 && only(self.committed_at, self.rolled_back_at) {
            return Some(("lost", "was reported committed, and no branch is in effect".into()));
        }
        if whole && self.branches > 0 && only(self.rolled_back_at, self.committed_at) {
            return Some((
                "aborted",
                "was reported rolled back, and every branch is in effect".into(),
            ));
        }
        None
    }
}

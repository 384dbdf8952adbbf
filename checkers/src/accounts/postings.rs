//! Ledger: every balance that was read is one that the postings before it explain.
//!
//! For histories of postings (credits positive, debits negative; a transfer is two) and of reads of single balances.
//! A balance must hold every posting of its account that was acknowledged before the read began, may hold any that
//! was asked for before it ended, and must not hold one that definitely failed: a posting that ends info widens the
//! interval by its amount, for good.
//! - `divergence`: a balance outside its interval; one per account, the first. With [`Options::eventual`] only an
//!   account whose last balance is outside, the last.
//!
//! Counts `divergent-reads`, the index of the `first-divergence`, `diverged-accounts`, those that `converged`, and `converged-at-us`: when the last of
//! them was first read right again for good.
//!
//! Sees: sums. Cannot see: a missing and a surplus posting of one amount, a posting on the wrong account that was
//! undone in time. One accumulator (i128) per account; O(1) per event at bounded concurrency.

use super::bounds::{Begun, Bounds, End, Judged, Open};
use crate::streaming::{At, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "ledger";

/// What is promised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Balances may lag behind: only the last one of each account is judged.
    pub eventual: bool,
}

/// What happened. An operation is known by a number of the caller's, which is free again when it has ended: a process,
/// where a process does one thing at a time. Reads that failed or ended info are told by their invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account begins with a balance other than zero; before anything is posted to it.
    Opened {
        /// The account.
        account: u32,
        /// Its balance.
        balance: i128,
    },
    /// A posting was invoked.
    Post {
        /// The operation.
        op: u32,
        /// Where to.
        account: u32,
        /// How much.
        amount: i128,
    },
    /// It ended ok.
    Posted(u32),
    /// It definitely failed.
    PostFailed(u32),
    /// It ended info.
    PostUnknown(u32),
    /// A read of one balance was invoked.
    ReadInvoked {
        /// The operation.
        op: u32,
        /// Of which account.
        account: u32,
    },
    /// It ended ok.
    Balance {
        /// The operation.
        op: u32,
        /// What it returned.
        balance: i128,
    },
}

/// The beginning and the end of a read, and when it ended.
#[derive(Clone, Copy)]
struct Read {
    marks: [Mark; 2],
    time: u64,
}

#[derive(Clone, Copy, Default)]
enum Doing {
    #[default]
    Nothing,
    Posting(u32, Open),
    Reading(u32, Begun, Mark),
}

/// What the reads of an account came to.
#[derive(Clone, Copy, Default)]
struct Course {
    reads: u64,
    divergent: u64,
    first: Option<Judged<Read>>,
    last: Option<Judged<Read>>,
    /// Since when every read was right.
    right_since: Option<u64>,
}

#[derive(Clone, Default)]
struct Account {
    bounds: Bounds<Read>,
    course: Course,
}

/// The checker.
#[derive(Default)]
pub struct Postings {
    options: Options,
    accounts: Dense<Account>,
    ops: Dense<Doing>,
    posts: u64,
}

impl Course {
    #[inline]
    fn settle(&mut self, judged: Judged<Read>) {
        self.reads += 1;
        if judged.fits() {
            self.right_since.get_or_insert(judged.read.time);
        } else {
            self.divergent += 1;
            self.first.get_or_insert(judged);
            self.last = Some(judged);
            self.right_since = None;
        }
    }
}

impl Postings {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Postings {
        Postings {
            options,
            ..Postings::default()
        }
    }

    #[inline]
    fn end(&mut self, op: u32, end: End) {
        if let Doing::Posting(account, open) = std::mem::take(self.ops.at(op)) {
            let Account { bounds, course } = self.accounts.at(account);
            bounds.end(open, end, |judged| course.settle(judged));
        }
    }

    #[inline]
    fn balance(&mut self, at: At, op: u32, balance: i128) {
        if let Doing::Reading(account, begun, begun_at) = std::mem::take(self.ops.at(op)) {
            let read = Read {
                marks: [begun_at, Mark::new(at.index)],
                time: at.time,
            };
            let Account { bounds, course } = self.accounts.at(account);
            bounds.read(begun, balance, read, |judged| course.settle(judged));
        }
    }

    fn judge(&self, account: u32, course: &Course, names: &dyn Names, tally: &mut Tally) {
        let converged = course.right_since.filter(|_| course.divergent > 0);
        let judged = if self.options.eventual {
            course.last.filter(|_| converged.is_none())
        } else {
            course.first
        };
        if let Some(Judged { read, value, low, high }) = judged {
            tally.anomaly("divergence", || {
                let name = names.key(account);
                let later = match converged {
                    Some(time) => format!("it was right again from {} ms on", time / 1_000_000),
                    None => "it was not read right after that".to_owned(),
                };
                let allowed = if low == high {
                    low.to_string()
                } else {
                    format!("from {low} to {high}")
                };
                let sentence = format!("account {name} was read as {value} where its postings make {allowed}; {later}");
                Case {
                    subject: name,
                    sentence,
                    witness: at(read.marks),
                }
            });
        }
    }
}

impl Streaming for Postings {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Opened { account, balance } => {
                let bounds = &mut self.accounts.at(account).bounds;
                let opening = bounds.ask(balance);
                bounds.end(opening, End::Ok, |_| {});
            }
            Event::Post { op, account, amount } => {
                self.posts += 1;
                // What is still open under this number can end no more: it stays unknown.
                self.end(op, End::Info);
                let open = self.accounts.at(account).bounds.ask(amount);
                *self.ops.at(op) = Doing::Posting(account, open);
            }
            Event::Posted(op) => self.end(op, End::Ok),
            Event::PostFailed(op) => self.end(op, End::Fail),
            Event::PostUnknown(op) => self.end(op, End::Info),
            Event::ReadInvoked { op, account } => {
                self.end(op, End::Info);
                let begun = self.accounts.at(account).bounds.begin();
                *self.ops.at(op) = Doing::Reading(account, begun, Mark::new(at.index));
            }
            Event::Balance { op, balance } => self.balance(at, op, balance),
        }
    }

    fn finish_named(mut self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut totals = Totals::default();
        let mut accounts = std::mem::take(&mut self.accounts);
        for (id, Account { bounds, course }) in accounts.iter_mut() {
            bounds.close(|judged| course.settle(judged));
            totals.add(course);
            self.judge(id, course, names, &mut tally);
        }
        if totals.reads == 0 {
            tally.doubt("no balance was read: there is nothing to judge");
        }
        tally.count("postings", self.posts);
        totals.count(&mut tally);
        tally.result(NAME)
    }
}

/// What the reads of all accounts came to.
#[derive(Default)]
struct Totals {
    reads: u64,
    divergent: u64,
    diverged: u64,
    converged: u64,
    converged_at: Option<u64>,
    first_divergence: Option<u64>,
}

impl Totals {
    fn add(&mut self, course: &Course) {
        self.reads += course.reads;
        let Some(first) = course.first else { return };
        self.divergent += course.divergent;
        self.diverged += 1;
        if let Some(time) = course.right_since {
            self.converged += 1;
            self.converged_at = self.converged_at.max(Some(time));
        }
        let index = first.read.marks[1].get().unwrap_or(u64::MAX);
        self.first_divergence = Some(self.first_divergence.map_or(index, |earlier| earlier.min(index)));
    }

    fn count(&self, tally: &mut Tally) {
        tally.count("reads", self.reads);
        tally.count("divergent-reads", self.divergent);
        tally.count("diverged-accounts", self.diverged);
        tally.count("converged", self.converged);
        if let Some(index) = self.first_divergence {
            tally.count("first-divergence", index);
        }
        if let Some(time) = self.converged_at {
            tally.count("converged-at-us", time / 1_000);
        }
    }
}

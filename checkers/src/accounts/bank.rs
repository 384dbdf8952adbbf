//! Bank: money moves between accounts, and every read of all of them adds up.
//!
//! For histories of transfers and of reads that name every account. Transfers are not looked at: a read alone shows
//! what is wrong. Of one read the first of these is reported:
//! - `unexpected-key`: it names an account that does not exist.
//! - `nil-balance`: an account has no balance.
//! - `wrong-total`: the balances do not add up to the total.
//! - `negative-value`: an account is overdrawn, unless [`Options::negative_balances`].
//!
//! Where the accounts are not given they are those of the first read; where the total is not given it is that of the
//! first read in which every account has a balance.
//!
//! After `jepsen.tests.bank`. Sees: each read on its own. Cannot see: an account that a read leaves out and whose
//! balance is zero, or money that moved between the wrong accounts. O(accounts) per read, memory O(accounts).

use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "bank";

/// What is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The accounts that exist.
    pub accounts: Option<Vec<u32>>,
    /// What all balances add up to.
    pub total: Option<i128>,
    /// Whether a balance may be negative.
    pub negative_balances: bool,
}

/// A read that ended ok: every account and its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read<'a>(pub &'a [(u32, Option<i128>)]);

/// What is wrong with a read, and the account or the total.
#[derive(Clone, Copy)]
enum Wrong {
    UnexpectedKey(u32),
    NilBalance(u32),
    Total(i128),
    Negative(u32, i128),
}

/// The checker.
#[derive(Default)]
pub struct Bank {
    negative_balances: bool,
    total: Option<i128>,
    accounts: Option<Dense<bool>>,
    wrong: [Capped<(Mark, Wrong)>; KINDS.len()],
    first_error: Mark,
    totals_seen: Option<(i128, i128)>,
    reads: u64,
}

/// Kinds of anomalies, in the order in which a read is searched for them.
const KINDS: [&str; 4] = ["unexpected-key", "nil-balance", "wrong-total", "negative-value"];

impl Bank {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Bank {
        Bank {
            negative_balances: options.negative_balances,
            total: options.total,
            accounts: options.accounts.map(|accounts| existing(accounts.into_iter())),
            ..Bank::default()
        }
    }

    fn wrong(&mut self, balances: &[(u32, Option<i128>)]) -> Option<Wrong> {
        let accounts = self
            .accounts
            .get_or_insert_with(|| existing(balances.iter().map(|(account, _)| *account)));
        let (mut strange, mut empty, mut negative, mut sum) = (None, None, None, 0_i128);
        for (account, balance) in balances {
            if !accounts.get(*account).copied().unwrap_or(false) {
                strange = strange.or(Some(Wrong::UnexpectedKey(*account)));
            }
            match balance {
                None => empty = empty.or(Some(Wrong::NilBalance(*account))),
                Some(value) => {
                    sum = sum.saturating_add(*value);
                    if *value < 0 {
                        negative = negative.or(Some(Wrong::Negative(*account, *value)));
                    }
                }
            }
        }
        if strange.is_some() || empty.is_some() {
            return strange.or(empty);
        }
        if sum != *self.total.get_or_insert(sum) {
            let (lowest, highest) = self.totals_seen.unwrap_or((sum, sum));
            self.totals_seen = Some((lowest.min(sum), highest.max(sum)));
            return Some(Wrong::Total(sum));
        }
        negative.filter(|_| !self.negative_balances)
    }

    fn case(&self, read: Mark, wrong: Wrong, names: &dyn Names) -> Case {
        let total = self.total.unwrap_or(0);
        let (subject, how) = match wrong {
            Wrong::UnexpectedKey(account) => (names.key(account), "which does not exist".to_owned()),
            Wrong::NilBalance(account) => (names.key(account), "without a balance".to_owned()),
            Wrong::Negative(account, value) => {
                (names.key(account), format!("with a balance of {}", names.amount(value)))
            }
            Wrong::Total(sum) => {
                let ((subject, of), sum, total) = (names.total(), names.amount(sum), names.amount(total));
                return Case {
                    subject,
                    sentence: format!("{of} adds up to {sum} instead of {total}"),
                    witness: at([read]),
                };
            }
        };
        Case {
            sentence: format!("a read shows {}, {how}", names.holder(&subject)),
            subject,
            witness: at([read]),
        }
    }
}

fn existing(accounts: impl Iterator<Item = u32>) -> Dense<bool> {
    let mut exists = Dense::default();
    for account in accounts {
        *exists.at(account) = true;
    }
    exists
}

impl Streaming for Bank {
    type Event<'a> = Read<'a>;

    #[inline]
    fn push(&mut self, at: At, Read(balances): Read<'_>) {
        self.reads += 1;
        if let Some(wrong) = self.wrong(balances) {
            let kind = match wrong {
                Wrong::UnexpectedKey(_) => 0,
                Wrong::NilBalance(_) => 1,
                Wrong::Total(_) => 2,
                Wrong::Negative(..) => 3,
            };
            self.wrong[kind].push((Mark::new(at.index), wrong));
            self.first_error.first(at.index);
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let mut errors = 0;
        for (kind, wrong) in KINDS.into_iter().zip(&self.wrong) {
            errors += wrong.total();
            tally.anomalies(kind, wrong, |(read, wrong)| self.case(*read, *wrong, names));
        }
        if self.reads == 0 {
            tally.doubt("no read ended ok: there is nothing to judge");
        }
        tally.count("read-count", self.reads);
        tally.count("error-count", errors);
        if let Some(index) = self.first_error.get() {
            tally.count("first-error", index);
        }
        if let (Some((lowest, highest)), Some(total)) = (self.totals_seen, self.total) {
            tally.remark(format!(
                "wrong totals from {} to {}; the total is {}",
                names.amount(lowest),
                names.amount(highest),
                names.amount(total)
            ));
        }
        tally.result(NAME)
    }
}

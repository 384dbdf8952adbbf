//! What is left at the end of the pass: which accounts are settled, and their counts.

use crate::history::ReadMoment;
use crate::ledger::Role;
use crate::parallel;
use crate::verdict::CheckerResult;

use super::events::NONE;
use super::pass::{Account, Pass, Payment, small};

/// Payments, or accounts, that a thread looks at in one go.
const PART: usize = 1 << 12;

/// The counts of the settled accounts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    pub(super) any_ok: bool,
    pub(super) successful: u64,
    attempted: u64,
    acknowledged: u64,
    recorded: u64,
    delivered: u64,
    redelivered: u64,
    credited: u64,
    opened_late: u64,
    accounts: u64,
}

/// What is left at the end.
impl Pass {
    /// Finds the accounts that are not settled. False when there are none.
    pub(super) fn settle(&mut self) -> bool {
        let balances = Role::Balances as usize;
        let read = |at: ReadMoment| self.read[at as usize][balances];
        let (has_ends, has_before) = (
            read(ReadMoment::Initial) && read(ReadMoment::Final),
            read(ReadMoment::BeforeCompensate),
        );
        let is_open = |payment: &Payment| {
            // A number that was given for one payment, and chosen by the client of another.
            let given = (payment.given != NONE).then(|| self.texts[payment.given as usize]);
            let taken = given.is_some_and(|text| text.payment != NONE);
            taken || payment.acknowledged && !payment.recorded
        };
        let is_off = |account: &Account| {
            let [initial, before, last] = account.at;
            let gained = |end: Option<i128>| end.and_then(|end| end.checked_sub(initial.unwrap_or(0)));
            let as_expected = gained(last) == Some(account.expected);
            let in_time = match (before, initial) {
                _ if !has_before => true,
                (None, None) => account.expected == 0,
                (before, _) => gained(before) == Some(account.expected),
            };
            !(has_ends && as_expected && in_time)
        };
        let mut unsettled = each_part(&self.payments, |_, payments| {
            let open = payments.iter().filter(|payment| is_open(payment));
            open.map(|payment| payment.account).collect::<Vec<_>>()
        });
        unsettled.extend(each_part(&self.accounts, |first, accounts| {
            let off = accounts.iter().enumerate().filter(|(_, account)| is_off(account));
            off.map(|(at, _)| small(first + at)).collect()
        }));
        for account in unsettled.into_iter().flatten() {
            self.accounts[account as usize].unsettled = true;
        }
        self.accounts.iter().any(|a| a.unsettled)
    }

    /// Whether the payment that a number belongs to is not settled; a number of nobody's is not.
    pub(super) fn is_number_unsettled(&self, tx: u32) -> bool {
        let Some(text) = self.texts.get(tx as usize) else {
            return true;
        };
        let owner = if text.payment == NONE { text.given } else { text.payment };
        owner == NONE || self.accounts[self.payments[owner as usize].account as usize].unsettled
    }

    /// Whether an account is not settled.
    pub(super) fn is_account_unsettled(&self, account: u32) -> bool {
        let known = self
            .texts
            .get(account as usize)
            .map_or(NONE, |text| self.account_of(text));
        known == NONE || self.accounts[known as usize].unsettled
    }

    /// The counts of the settled accounts and their payments.
    pub(super) fn settled(&self) -> Settled {
        let mut settled = Settled::default();
        for part in each_part(&self.payments, |_, payments| self.settled_among(payments)) {
            settled.add(part);
        }
        for account in self.accounts.iter().filter(|a| !a.unsettled) {
            settled.accounts += 1;
            settled.opened_late += u64::from(account.opened && account.at[0].is_none());
        }
        settled
    }

    fn settled_among(&self, payments: &[Payment]) -> Settled {
        let mut settled = Settled::default();
        for payment in payments {
            if self.accounts[payment.account as usize].unsettled {
                continue;
            }
            let under = |id: u32| {
                if id == NONE {
                    0
                } else {
                    self.texts[id as usize].delivered
                }
            };
            let delivered = under(payment.tx).saturating_add(under(payment.given));
            settled.any_ok |= payment.ok;
            settled.attempted += 1;
            settled.acknowledged += u64::from(payment.acknowledged);
            settled.recorded += u64::from(payment.recorded);
            settled.successful += u64::from(payment.successful);
            settled.delivered += u64::from(delivered > 0);
            settled.redelivered += u64::from(delivered > 1);
            settled.credited += u64::from(payment.successful);
        }
        settled
    }
}

/// What `look` says of each part of a long list, which it gets with the position of its first.
fn each_part<T: Sync, R: Send>(items: &[T], look: impl Fn(usize, &[T]) -> R + Sync) -> Vec<R> {
    let parts = items.len().div_ceil(PART);
    let looked = parallel::each(parts, |_: &mut (), part| {
        let first = part * PART;
        Some(look(first, &items[first..items.len().min(first + PART)]))
    });
    looked.into_iter().map(|(_, result)| result).collect()
}

impl Settled {
    fn add(&mut self, other: Settled) {
        let Settled {
            any_ok,
            successful,
            attempted,
            acknowledged,
            recorded,
            delivered,
            redelivered,
            credited,
            opened_late,
            accounts,
        } = other;
        self.any_ok |= any_ok;
        self.successful += successful;
        self.attempted += attempted;
        self.acknowledged += acknowledged;
        self.recorded += recorded;
        self.delivered += delivered;
        self.redelivered += redelivered;
        self.credited += credited;
        self.opened_late += opened_late;
        self.accounts += accounts;
    }

    /// Adds to what the checkers counted among the others.
    pub(super) fn add_to(&self, exactly_once: &mut CheckerResult, convergence: &mut CheckerResult) {
        let add = |result: &mut CheckerResult, name: &str, count: u64| {
            // A checker that could not look at all has counted nothing.
            if let Some(sum) = result.counts.get_mut(name) {
                *sum += count;
            }
        };
        for (name, count) in [
            ("attempted", self.attempted),
            ("acknowledged", self.acknowledged),
            ("recorded", self.recorded),
            ("successful", self.successful),
            ("delivered", self.delivered),
            ("redelivered", self.redelivered),
            ("credited", self.credited),
            ("accounts-opened-late", self.opened_late),
        ] {
            add(exactly_once, name, count);
        }
        add(convergence, "accounts", self.accounts);
        add(convergence, "converged", self.accounts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_part_at_its_position() {
        for count in [0, 1, PART - 1, PART, PART + 1, 40 * PART + 7] {
            let items: Vec<usize> = (0..count).collect();
            let parts = each_part(&items, |first, part| (first, part.to_vec()));
            assert!(parts.iter().all(|(first, part)| part.first() == Some(first)), "{count}");
            assert_eq!(parts.into_iter().flat_map(|(_, part)| part).collect::<Vec<_>>(), items);
        }
    }

    #[test]
    fn the_counts_of_parts_add_up() {
        let part = |n| Settled {
            any_ok: n == 1,
            successful: n,
            attempted: n + 1,
            acknowledged: n + 2,
            recorded: n + 3,
            delivered: n + 4,
            redelivered: n + 5,
            credited: n + 6,
            opened_late: n + 7,
            accounts: n + 8,
        };
        let mut sum = part(1);
        sum.add(part(100));
        sum.add(part(1));
        let told = format!("{sum:?}");
        let wanted = "Settled { any_ok: true, successful: 102, attempted: 105, acknowledged: 108, recorded: 111, delivered: 114, \
                      redelivered: 117, credited: 120, opened_late: 123, accounts: 126 }";
        assert_eq!(told, wanted);
    }
}

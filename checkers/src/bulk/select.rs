//! The second reading: the events of the accounts that are not settled, and those about no account.

use std::collections::HashSet;

use crate::history::{BalanceRow, Body, CreditRow, Event, Kind, PaymentRow, ReadMoment, Rows};
use crate::ledger::Role;

use super::Odd;
use super::events::{Head, NONE, Recharge, RowSeen, Seen, Sink, Words, empty_read, is_compensation};
use super::pass::Pass;

/// Collects them.
pub(super) struct Select<'a> {
    pass: &'a Pass,
    /// Processes whose open operation is among them.
    open: HashSet<u64>,
    compensated: bool,
    initial: bool,
    pub(super) events: Vec<Event>,
}

impl<'a> Select<'a> {
    pub(super) fn new(pass: &'a Pass) -> Select<'a> {
        Select {
            pass,
            open: HashSet::new(),
            compensated: false,
            initial: false,
            events: Vec::new(),
        }
    }

    fn wants(&mut self, head: &Head, seen: &Seen) -> bool {
        if head.kind != Kind::Invoke
            && let Some(process) = head.process
        {
            return self.open.remove(&process);
        }
        let wanted = match *seen {
            Seen::Recharge(Recharge { account, .. }) | Seen::OpenAccount { account } => {
                self.pass.is_account_unsettled(account)
            }
            Seen::Query { tx, .. } => {
                let first = is_compensation(seen) && !std::mem::replace(&mut self.compensated, true);
                first || self.pass.is_number_unsettled(tx)
            }
            Seen::Delivery { tx, .. } => return tx.iter().any(|tx| self.pass.is_number_unsettled(*tx)),
            Seen::Balance | Seen::Frame => false,
        };
        if let Some(process) = head.process.filter(|_| wanted) {
            self.open.insert(process);
        }
        wanted
    }
}

impl Sink for Select<'_> {
    fn seen(
        &mut self,
        head: &Head,
        seen: &Seen,
        _: &impl Words,
        event: impl FnOnce() -> Result<Event, Odd>,
    ) -> Result<(), Odd> {
        if self.wants(head, seen) {
            self.events.push(event()?);
        }
        Ok(())
    }

    fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd> {
        self.initial = at == ReadMoment::Initial;
        self.events.push(empty_read(head, at, role));
        Ok(())
    }

    fn row(&mut self, row: &RowSeen, words: &impl Words) {
        let pass = self.pass;
        let wanted = match *row {
            // What was recorded before the run is nobody's, whatever account it is about.
            RowSeen::Payment { account, .. } => self.initial || pass.is_account_unsettled(account),
            RowSeen::Balance { account, .. } => pass.is_account_unsettled(account),
            RowSeen::Credit { tx } => pass.is_number_unsettled(tx),
        };
        let Some(Event {
            body: Body::Read(read), ..
        }) = self.events.last_mut().filter(|_| wanted)
        else {
            return;
        };
        let text = |id: u32| words.text(id).to_owned();
        let maybe = |id: u32| (id != NONE).then(|| text(id));
        match (&mut read.rows, *row) {
            (
                Rows::Payments(rows),
                RowSeen::Payment {
                    tx,
                    account,
                    amount,
                    result,
                },
            ) => rows.push(PaymentRow {
                tx: text(tx),
                account: text(account),
                amount: text(amount),
                result: maybe(result),
            }),
            (Rows::Balances(rows), RowSeen::Balance { account, balance }) => rows.push(BalanceRow {
                account: text(account),
                balance: maybe(balance),
            }),
            (Rows::Credits(rows), RowSeen::Credit { tx }) => rows.push(CreditRow { tx: text(tx) }),
            _ => {}
        }
    }

    fn event(&mut self, event: Event, _: &Head) -> Result<(), Odd> {
        self.events.push(event);
        Ok(())
    }

    fn know(&mut self, _: usize) {}
}

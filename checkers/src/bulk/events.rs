//! What the readers of payments find, and who takes it in: events and rows in dense numbers.

use crate::history::{Body, Event, Kind, Process, QueryPath, Read, ReadMoment, Rows};
use crate::ledger::Role;

use super::Odd;

/// No such number.
pub(super) const NONE: u32 = u32::MAX;

/// The texts behind the numbers.
pub(super) trait Words {
    fn text(&self, id: u32) -> &str;
}

/// Who takes in what a reader has found, in the order of the file.
pub(super) trait Sink {
    /// An operation of a client, or something on the wire; `event` parses it as a whole.
    fn seen(
        &mut self,
        head: &Head,
        seen: &Seen,
        words: &impl Words,
        event: impl FnOnce() -> Result<Event, Odd>,
    ) -> Result<(), Odd>;

    /// A read that succeeded; its rows follow.
    fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd>;

    /// A row of it.
    fn row(&mut self, row: &RowSeen, words: &impl Words);

    /// Anything else.
    fn event(&mut self, event: Event, head: &Head) -> Result<(), Odd>;

    /// There are texts with numbers below `count`.
    fn know(&mut self, count: usize);
}

/// What every event has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) index: u64,
    pub(super) time: u64,
    /// None for a named process.
    pub(super) process: Option<u64>,
    pub(super) kind: Kind,
}

/// An operation of a client, or a frame on the wire, in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen<'a> {
    Recharge(Recharge),
    Query {
        path: QueryPath,
        tx: u32,
    },
    Balance,
    OpenAccount {
        account: u32,
    },
    /// A delivery of these numbers, unless it was dropped on its way.
    Delivery {
        tx: &'a [u32],
        times: u32,
    },
    /// Anything else that crossed a link.
    Frame,
}

/// What a client asks for, or is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recharge {
    pub(super) tx: u32,
    pub(super) account: u32,
    pub(super) amount: u32,
    pub(super) conflict: bool,
    pub(super) result: u32,
    pub(super) answer_tx: u32,
}

/// A row of a read, in numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowSeen {
    Payment {
        tx: u32,
        account: u32,
        amount: u32,
        result: u32,
    },
    Balance {
        account: u32,
        balance: u32,
    },
    Credit {
        tx: u32,
    },
}

/// Whether it is a query of the compensation phase.
pub(super) fn is_compensation(seen: &Seen) -> bool {
    matches!(seen, Seen::Query { path, .. } if *path == QueryPath::Compensate)
}

/// The event of a read, without its rows.
pub(super) fn empty_read(head: &Head, at: ReadMoment, role: Role) -> Event {
    let rows = match role {
        Role::Payments => Rows::Payments(Vec::new()),
        Role::Balances => Rows::Balances(Vec::new()),
        Role::Credits => Rows::Credits(Vec::new()),
    };
    Event {
        index: head.index,
        time: head.time,
        process: Process::Named("final".into()),
        kind: head.kind,
        body: Body::Read(Read { at, rows }),
        error: None,
    }
}

pub(super) fn odd<T>(head: &Head, what: &str) -> Result<T, Odd> {
    Err(Odd(format!("event {}: {what}", head.index)))
}

//! What one pass over a history leaves behind: payments, rows, accounts, queries, in small numbers.

use crate::history::{Kind, QueryPath};
use crate::money::Money;

use super::Id;

/// What a `result` says, by the promise of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// One of the values that mean success.
    Success,
    /// One of the values that mean failure.
    Failed,
    /// Anything else: unknown, pending, missing.
    Other,
}

/// One try of a recharge.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Index of the invocation.
    pub index: u64,
    /// Time of the invocation.
    pub time: u64,
    /// How it ended; None when it never did.
    pub end: Option<Answer>,
}

/// How a recharge ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Index of the event.
    pub index: u64,
    /// Time of the event.
    pub time: u64,
    /// ok, fail or info.
    pub kind: Kind,
    /// HTTP status.
    pub status: Option<u16>,
    /// Transaction number of the answer (a [`Ledger::txs`](super::Ledger) name).
    pub tx: Option<Id>,
    /// `result` of the answer (a word).
    pub result: Option<Id>,
    /// What that result means.
    pub class: Class,
    /// Account of the answer (a word).
    pub account: Option<Id>,
    /// Amount of the answer (a word).
    pub amount: Option<Id>,
}

/// A delivery seen on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Index of the wire event.
    pub index: u64,
    /// Its time.
    pub time: u64,
    /// 1, or 0 where it was dropped on its way.
    pub times: u32,
}

/// One payment as its client meant it, with all that the history knows about it.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Transaction number of the client.
    pub tx: Id,
    /// Account.
    pub account: Id,
    /// Minor units.
    pub amount: i128,
    /// `amount == base^k`; None when the amount is not coded.
    pub k: Option<u32>,
    /// The tries, in order.
    pub attempts: Vec<Attempt>,
    /// Positions in [`Ledger::rows`](super::Ledger) of the rows recorded for it at the end.
    pub rows: Vec<usize>,
    /// Rows recorded as successful for its account with its amount: how often it has to be credited.
    pub successes: u32,
    /// Deliveries seen on the wire, in order.
    pub deliveries: Vec<Delivery>,
    /// Positions in [`Ledger::queries`](super::Ledger) of the queries to the crediting service: each may credit.
    pub asks: Vec<usize>,
    /// How often the crediting service lists it as credited.
    pub listed: u32,
    /// Credits at the end; None when the balance does not tell.
    pub credited: Option<u32>,
    /// Credits at quiescence, before the compensation phase.
    pub credited_before: Option<u32>,
}

impl Payment {
    /// Deliveries, without those that were dropped on their way.
    pub fn delivered(&self) -> u32 {
        self.deliveries.iter().map(|d| d.times).sum()
    }

    /// How the tries ended, in their order.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> + Clone {
        self.attempts.iter().filter_map(|a| a.end.as_ref())
    }

    /// What the client knows: ok when a try ended so, fail when every try did, info otherwise.
    pub fn outcome(&self) -> Kind {
        if self.answers().any(|a| a.kind == Kind::Ok) {
            return Kind::Ok;
        }
        let failed = self.answers().filter(|a| a.kind == Kind::Fail).count();
        if failed == self.attempts.len() {
            Kind::Fail
        } else {
            Kind::Info
        }
    }

    /// The first `ok` answer that reports success.
    pub fn acknowledged(&self) -> Option<&Answer> {
        self.answers().find(|a| a.kind == Kind::Ok && a.class == Class::Success)
    }

    /// Indices of its invocations, answers and deliveries, in order.
    pub fn trail(&self) -> Vec<u64> {
        let attempts = self.attempts.iter().map(|a| a.index);
        let answers = self.answers().map(|a| a.index);
        let deliveries = self.deliveries.iter().map(|d| d.index);
        let mut trail: Vec<u64> = attempts.chain(answers).chain(deliveries).collect();
        trail.sort_unstable();
        trail
    }
}

/// A deliberate request with a known number and another payload.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The number.
    pub tx: Id,
    /// The account asked for.
    pub account: Id,
    /// The amount asked for.
    pub amount: i128,
    /// The try.
    pub attempt: Attempt,
}

/// Whose a recorded row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A payment's, with its account and amount.
    Payment(usize),
    /// A payment's by its number, but with another account or amount.
    Changed(usize),
    /// A deliberate conflict's, which got a number of its own.
    Conflict(usize),
    /// Nobody's that this history knows.
    Nobody,
}

/// A payment recorded at the end.
#[derive(Clone, Debug)]
pub struct Row {
    /// Transaction number (the service's own, where it makes them).
    pub tx: Id,
    /// Account.
    pub account: Id,
    /// Amount; None where the text is no amount.
    pub amount: Option<Money>,
    /// The amount as it stood there (a word).
    pub text: Id,
    /// `result` (a word); None for NULL.
    pub result: Option<Id>,
    /// What that means.
    pub class: Class,
    /// Whose it is.
    pub owner: Owner,
}

/// A balance as it was read.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The balance; None for NULL.
    pub value: Option<Balance>,
    /// How many rows the account had: more than one is an anomaly of its own.
    pub copies: u32,
}

/// The text of a balance, and what it says.
#[derive(Clone, Debug)]
pub struct Balance {
    /// As it stood there (a word).
    pub text: Id,
    /// What it says; None where it is no amount.
    pub money: Option<Money>,
}

/// Whether an account was opened during the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opened {
    /// Nobody tried.
    No,
    /// Somebody tried; the outcome is unknown or it failed.
    Tried,
    /// It certainly was.
    Yes,
}

/// Why the credits of an account cannot be read from its balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// No such read.
    #[error("its balance was not read")]
    NoRead,
    /// The balance is NULL.
    #[error("its balance is NULL")]
    Null,
    /// The account is not there.
    #[error("it is not among the accounts")]
    Missing,
    /// The account was never certainly there.
    #[error("it was never certainly opened")]
    NeverOpened,
    /// The balance, or a row that should explain it, is no number.
    #[error("its balance or a payment of it is not a number")]
    NoNumber,
    /// The balance fell.
    #[error("its balance is below what credits can explain")]
    Negative,
    /// The balance drifted too far from whole minor units.
    #[error("its balance drifted too far from whole minor units")]
    Drift,
    /// Amounts that are not coded, or coded twice, and a balance that is not as expected.
    #[error("its amounts cannot be told apart")]
    Uncoded,
}

/// One account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its balances: initial, before compensation, final.
    pub at: [Option<Holding>; 3],
    /// Whether it was opened during the run.
    pub opened: Opened,
    /// Index and time of the event that says so.
    pub opened_at: Option<(u64, u64)>,
    /// Its payments, in order of their first try.
    pub payments: Vec<usize>,
    /// Its rows that no payment of it explains.
    pub others: Vec<usize>,
    /// Sum of the successful rows; None where an amount is no number.
    pub expected: Option<i128>,
    /// What the final balance has gained; None where that cannot be said.
    pub gained: Option<i128>,
    /// The part of it that the counts of no payment explain.
    pub residue: i128,
    /// Whether the final balance is off only by what binary floating point rounds away.
    pub drifted: bool,
    /// Why the credits cannot be read from the final balance.
    pub unread: Option<Unread>,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            at: [None, None, None],
            opened: Opened::No,
            opened_at: None,
            payments: Vec::new(),
            others: Vec::new(),
            expected: Some(0),
            gained: None,
            residue: 0,
            drifted: false,
            unread: None,
        }
    }
}

/// A query for the result of a payment.
#[derive(Clone, Debug)]
pub struct QueryOp {
    /// Which way.
    pub path: QueryPath,
    /// The number asked for.
    pub tx: Id,
    /// Index of the invocation.
    pub index: u64,
    /// Index of the end, its kind and what the answer says; None when it never ended.
    pub end: Option<(u64, Kind, Class)>,
}

/// An operation as statistics see it.
#[derive(Clone, Copy, Debug)]
pub struct OpSpan {
    /// Its `f` (a word).
    pub f: Id,
    /// Time of the invocation.
    pub from_ns: u64,
    /// Time and kind of the end; None when it never ended.
    pub end: Option<(u64, Kind)>,
}

/// A phase of the run.
#[derive(Clone, Debug)]
pub struct PhaseSpan {
    /// Its name.
    pub name: String,
    /// When it began.
    pub from_ns: u64,
    /// When it ended; None when it never did.
    pub to_ns: Option<u64>,
    /// Whether its end says ok.
    pub ok: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// State of one kind of read at one moment: the last attempt counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReadState {
    /// Nobody tried.
    #[default]
    Absent,
    /// It failed.
    Failed(String),
    /// It is there: the event's index.
    Done(u64),
}

/// A sample of what must come to rest.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// When.
    pub time: u64,
    /// Lag, half messages, retries, delayed and in flight; and the rows counted.
    pub counters: [i64; 6],
}

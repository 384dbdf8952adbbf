//! What one pass over a history leaves behind: subjects, rows, holders, queries, in small numbers.

use crate::history::Kind;
use crate::money::Money;

use super::Id;

/// What a record or an answer says, by the promise of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// One of the values that mean success.
    Success,
    /// One of the values that mean failure.
    Failed,
    /// Anything else: unknown, pending, missing.
    Other,
}

/// What a client asked for: the holder and the value of the coded field, and every field as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The holder; the same for all where nothing holds a sum.
    pub holder: Id,
    /// The coded field in its smallest units; 0 where there is none.
    pub amount: i128,
    /// Each field of the kind (a word), in the order of [`Follow::fields`](super::Follow); None where it was not sent.
    pub fields: Box<[Option<Id>]>,
}

/// One try to start a subject.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Index of the invocation.
    pub index: u64,
    /// Time of the invocation.
    pub time: u64,
    /// How it ended; None when it never did.
    pub end: Option<Answer>,
}

/// How a try ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Index of the event.
    pub index: u64,
    /// Time of the event.
    pub time: u64,
    /// ok, fail or info.
    pub kind: Kind,
    /// The key in the answer (a [`Ledger::keys`](super::Ledger) name).
    pub key: Option<Id>,
    /// What the answer says of the outcome (a word).
    pub result: Option<Id>,
    /// What that means.
    pub class: Class,
    /// Fields that the answer repeats (words), in the order of [`Follow::fields`](super::Follow).
    pub fields: Box<[Option<Id>]>,
}

/// A delivery seen on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Index of the wire event.
    pub index: u64,
    /// Its time.
    pub time: u64,
    /// 1, or 0 where it did not arrive.
    pub times: u32,
    /// The holder that it names, where it names one.
    pub holder: Option<Id>,
}

/// What a link did to a frame of a subject.
#[derive(Clone, Debug)]
pub struct Strike {
    /// Index of the wire event.
    pub index: u64,
    /// `account->mysql COMMIT reply was lost with the connection`.
    pub sentence: String,
    /// Whether it only came later.
    pub only_late: bool,
}

/// One subject as its client meant it, with all that the history knows about it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Key of the client.
    pub key: Id,
    /// Whether its client sends the key: only then is a request that comes again the same request.
    pub keyed: bool,
    /// What its client asked for.
    pub payload: Payload,
    /// `amount == base^k`; None when the amount is not coded.
    pub k: Option<u32>,
    /// The tries, in order.
    pub attempts: Vec<Attempt>,
    /// Positions in [`Ledger::rows`](super::Ledger) of the rows recorded for it at the end.
    pub rows: Vec<usize>,
    /// Rows recorded as successful with its payload: how often it has to take effect. Where no records are viewed: 1 when a
    /// client was told of its success.
    pub successes: u32,
    /// Deliveries seen on the wire, in order.
    pub deliveries: Vec<Delivery>,
    /// Indices of the frames that are its effects, where effects are frames.
    pub frames: Vec<u64>,
    /// Positions in [`Ledger::queries`](super::Ledger) of the queries that may have brought its effect.
    pub asks: Vec<usize>,
    /// How often the target lists it as done.
    pub listed: u32,
    /// How often it took effect, for the subscriber for whom it did so least often; None when that cannot be read.
    pub effects: Option<u32>,
    /// The same at rest, before anything was repaired.
    pub effects_before: Option<u32>,
}

impl Subject {
    /// Deliveries, without those that did not arrive.
    pub fn delivered(&self) -> u32 {
        self.deliveries.iter().map(|d| d.times).sum()
    }

    /// How the tries ended, in their order.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> + Clone {
        self.attempts.iter().filter_map(|a| a.end.as_ref())
    }

    /// Tries that were begun after an answer that said ok, where the client sends no key: each of them asks for another one.
    pub fn asked_anew(&self) -> usize {
        let first = self.answers().find(|answer| answer.kind == Kind::Ok);
        let anew = |ok: &Answer| self.attempts.iter().filter(|attempt| attempt.index > ok.index).count();
        first.filter(|_| !self.keyed).map_or(0, anew)
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

    /// Indices of its invocations, answers, deliveries and frames, in order.
    pub fn trail(&self) -> Vec<u64> {
        let attempts = self.attempts.iter().map(|a| a.index);
        let answers = self.answers().map(|a| a.index);
        let deliveries = self.deliveries.iter().map(|d| d.index);
        let frames = self.frames.iter().copied();
        let mut trail: Vec<u64> = attempts.chain(answers).chain(deliveries).chain(frames).collect();
        trail.sort_unstable();
        trail
    }
}

/// A deliberate request with a known key and another payload.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The key.
    pub key: Id,
    /// What was asked for.
    pub payload: Payload,
    /// The try.
    pub attempt: Attempt,
}

/// Whose a recorded row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A subject's, with its payload.
    Subject(usize),
    /// A subject's by its key, but with another payload.
    Changed(usize),
    /// A deliberate conflict's, which got a key of its own.
    Conflict(usize),
    /// Nobody's that this history knows.
    Nobody,
}

/// A record of a subject at the end.
#[derive(Clone, Debug)]
pub struct Row {
    /// Key (the service's own, where it makes them).
    pub key: Id,
    /// The holder; the same for all where nothing holds a sum.
    pub holder: Id,
    /// The coded field; None where the text is no number, or the view does not show it.
    pub amount: Option<Money>,
    /// The coded field as it stood there (a word).
    pub text: Id,
    /// Fields that the view shows (words), in the order of [`Follow::fields`](super::Follow).
    pub fields: Box<[Option<Id>]>,
    /// The cell that says how it ended (a word); None for NULL, or where the view shows none.
    pub result: Option<Id>,
    /// What that means.
    pub class: Class,
    /// Whose it is.
    pub owner: Owner,
}

/// A sum as it was read.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The sum; None for NULL.
    pub value: Option<Sum>,
    /// How many rows the holder had: more than one is an anomaly of its own.
    pub copies: u32,
}

/// The text of a sum, and what it says.
#[derive(Clone, Debug)]
pub struct Sum {
    /// As it stood there (a word).
    pub text: Id,
    /// What it says; None where it is no number.
    pub money: Option<Money>,
}

/// Whether a holder was made during the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opened {
    /// Nobody tried.
    No,
    /// Somebody tried; the outcome is unknown or it failed.
    Tried,
    /// It certainly was.
    Yes,
}

/// Why the effects of a holder cannot be read from its sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// No such read.
    #[error("its balance was not read")]
    NoRead,
    /// The balance is NULL.
    #[error("its balance is NULL")]
    Null,
    /// The holder is not there.
    #[error("it is not among the rows")]
    Missing,
    /// The holder was never certainly there.
    #[error("it was never certainly opened")]
    NeverOpened,
    /// It was opened during the run, and those before it began with different balances.
    #[error("it was opened during the run, and nothing tells what it began with")]
    Opening,
    /// The balance, or a row that should explain it, is no number.
    #[error("its balance or a record of it is not a number")]
    NoNumber,
    /// The balance fell.
    #[error("its balance is below what effects can explain")]
    Negative,
    /// The balance drifted too far from whole minor units.
    #[error("its balance drifted too far from whole minor units")]
    Drift,
    /// Amounts that are not coded, or coded twice, and a balance that is not as expected.
    #[error("its amounts cannot be told apart")]
    Uncoded,
    /// Some subject may have taken effect `base` times or more: then a digit carries into its neighbour's.
    #[error("one of its subjects may have taken effect so often that its digit carries into the next")]
    Ambiguous,
}

/// What holds the sum of effects.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its sums: initial, at rest, final.
    pub at: [Option<Holding>; 3],
    /// Whether it was opened during the run.
    pub opened: Opened,
    /// Index and time of the event that says so.
    pub opened_at: Option<(u64, u64)>,
    /// Its subjects, in order of their first try.
    pub subjects: Vec<usize>,
    /// Its rows that no subject of it explains.
    pub others: Vec<usize>,
    /// Sum of the successful rows; None where an amount is no number.
    pub expected: Option<i128>,
    /// What the final sum has gained; None where that cannot be said.
    pub gained: Option<i128>,
    /// The part of it that the counts of no subject explain.
    pub residue: i128,
    /// Whether the final sum is off only by what binary floating point rounds away.
    pub drifted: bool,
    /// Why the effects cannot be read from the final sum.
    pub unread: Option<Unread>,
}

impl Default for Holder {
    fn default() -> Self {
        Holder {
            at: [None, None, None],
            opened: Opened::No,
            opened_at: None,
            subjects: Vec::new(),
            others: Vec::new(),
            expected: Some(0),
            gained: None,
            residue: 0,
            drifted: false,
            unread: None,
        }
    }
}

/// A query about a subject.
#[derive(Clone, Debug)]
pub struct QueryOp {
    /// The action (a word).
    pub action: Id,
    /// Whether that action brings about what is missing.
    pub repairs: bool,
    /// Whether it was made to do so, once everything was at rest.
    pub repair: bool,
    /// The key asked for.
    pub key: Id,
    /// Index of the invocation.
    pub index: u64,
    /// Index of the end, its kind and what the answer says; None when it never ended.
    pub end: Option<(u64, Kind, Class)>,
}

/// State of one view at one moment: the last attempt counts.
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

/// Effects counted one by one, for one subscriber or for all.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The subscriber (a word); None where effects are not told apart by it.
    pub subscriber: Option<Id>,
    /// Effects by key at the end.
    pub counts: std::collections::HashMap<Id, u32>,
    /// The same at rest, before anything was repaired.
    pub before: std::collections::HashMap<Id, u32>,
}

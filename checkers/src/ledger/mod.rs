//! The ledger of a run: per payment what was attempted, answered, recorded, delivered and credited.
//!
//! Gathered in one pass over the history and shared by every checker. Never judges: it says what was seen, the
//! checkers say what that breaks. Rows whose number no client knows (numbers made by the service) are matched by
//! the number in an answer, then by account and amount, which are unique by construction.

mod credits;
mod faults;
mod intern;
mod model;
mod observe;
mod resolve;

use std::collections::HashMap;

pub use faults::FaultSpan;
pub use intern::{Id, Names};
pub use model::{
    Account, Answer, Attempt, Balance, Class, Conflict, Delivery, Holding, OpSpan, Opened, Owner, Payment, PhaseSpan,
    QueryOp, ReadState, Rest, Row, Unread,
};

use crate::history::{Header, History, Kind, Promise, ReadMoment};
use crate::money::{self, Major};

/// The role of a read, as a position in [`Ledger::reads`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Recorded payments.
    Payments,
    /// Balances.
    Balances,
    /// What the crediting service lists as credited.
    Credits,
}

/// What is known of payments that a ledger leaves out, because nothing is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Some recharge of them ended ok.
    pub acknowledged: bool,
    /// Some of them is recorded as successful.
    pub recorded: bool,
}

/// Everything that the checkers need to know about a history.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What the target promises.
    pub promise: Promise,
    /// Transaction numbers, of clients and services.
    pub txs: Names,
    /// Accounts, numbered like [`Ledger::accounts`].
    pub names: Names,
    /// Other words: operations, results, amounts as text.
    pub words: Names,
    /// Payments in order of their first try.
    pub payments: Vec<Payment>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Payments recorded at the end, without those from before the run.
    pub rows: Vec<Row>,
    /// Deliberate conflicts.
    pub conflicts: Vec<Conflict>,
    /// Queries.
    pub queries: Vec<QueryOp>,
    /// Operations of clients.
    pub ops: Vec<OpSpan>,
    /// Faults, in order of their first step.
    pub faults: Vec<FaultSpan>,
    /// Phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// Samples of what must come to rest.
    pub samples: Vec<Rest>,
    /// State of the reads: by moment, then by role.
    pub reads: [[ReadState; 3]; 3],
    /// Deliveries seen on the wire, of whatever payment.
    pub deliveries_seen: u64,
    /// Whether the service records payments under numbers of its own.
    pub makes_numbers: bool,
    /// Time of the last event.
    pub end_ns: u64,
    /// Whether the history ends before the run did.
    pub cut_short: bool,
    /// A contradiction in what the writer says, which forbids any verdict.
    pub contradiction: Option<String>,
    /// What is known of payments that are not in this ledger.
    pub elsewhere: Elsewhere,
    /// Payment of a number, the client's or the service's.
    owners: HashMap<Id, usize>,
    /// Row of a number.
    recorded: HashMap<Id, usize>,
}

impl Ledger {
    /// Gathers the ledger of a history. O(events) time, O(payments) memory.
    pub fn of(history: &History) -> Ledger {
        let mut observer = observe::Observer::new(&history.header);
        for event in &history.events {
            observer.observe(event);
        }
        let mut ledger = resolve::resolve(observer);
        ledger.cut_short = history.is_cut_short();
        credits::count(&mut ledger);
        ledger
    }

    fn new(header: &Header) -> Ledger {
        Ledger {
            promise: header.promise.clone(),
            txs: Names::default(),
            names: Names::default(),
            words: Names::default(),
            payments: Vec::new(),
            accounts: Vec::new(),
            rows: Vec::new(),
            conflicts: Vec::new(),
            queries: Vec::new(),
            ops: Vec::new(),
            faults: Vec::new(),
            phases: Vec::new(),
            samples: Vec::new(),
            reads: Default::default(),
            deliveries_seen: 0,
            makes_numbers: false,
            end_ns: 0,
            cut_short: false,
            contradiction: None,
            elsewhere: Elsewhere::default(),
            owners: HashMap::new(),
            recorded: HashMap::new(),
        }
    }

    /// Whether any recharge ended ok.
    pub fn has_acknowledged(&self) -> bool {
        self.elsewhere.acknowledged || self.payments.iter().any(|p| p.outcome() == Kind::Ok)
    }

    /// Whether any payment is recorded as successful.
    pub fn has_recorded(&self) -> bool {
        self.elsewhere.recorded || self.rows.iter().any(|row| row.class == Class::Success)
    }

    /// Transaction number of a payment, as its client chose it.
    pub fn tx(&self, payment: usize) -> &str {
        self.txs.name(self.payments[payment].tx)
    }

    /// Name of an account.
    pub fn account_name(&self, account: Id) -> &str {
        self.names.name(account)
    }

    /// An amount in major units.
    pub fn money(&self, minor: i128) -> Major {
        money::major(minor, self.promise.scale)
    }

    /// The payment that a number belongs to: the client's own, or one that the service made for it.
    pub fn payment_of(&self, tx: Id) -> Option<usize> {
        self.owners.get(&tx).copied()
    }

    /// The row recorded under exactly this number.
    pub fn row_of(&self, tx: Id) -> Option<&Row> {
        self.recorded.get(&tx).map(|row| &self.rows[*row])
    }

    /// State of a read.
    pub fn read(&self, at: ReadMoment, role: Role) -> &ReadState {
        &self.reads[at as usize][role as usize]
    }

    /// Index of the event that holds a read, if it succeeded.
    pub fn read_index(&self, at: ReadMoment, role: Role) -> Option<u64> {
        match self.read(at, role) {
            ReadState::Done(index) => Some(*index),
            ReadState::Absent | ReadState::Failed(_) => None,
        }
    }

    /// The last phase of that name.
    pub fn phase(&self, name: &str) -> Option<&PhaseSpan> {
        self.phases.iter().rev().find(|p| p.name == name)
    }

    /// Why the end of the history does not show the end of the run; None when it does.
    pub fn incomplete(&self) -> Option<String> {
        if self.cut_short {
            let stopped = self
                .phases
                .iter()
                .rev()
                .find(|p| p.error.is_some() && !p.name.starts_with("settle"));
            return Some(match stopped {
                Some(PhaseSpan { name, error, .. }) => format!(
                    "the history ends without final reads: the run stopped in {name}: {}",
                    first_line(error.as_deref(), "no reason given")
                ),
                None => "the history is cut short: its final reads did not end".into(),
            });
        }
        if let Some(phase) = self.phase("final-reads").filter(|p| !p.ok) {
            let why = first_line(phase.error.as_deref(), "no reason given");
            return Some(format!("the final reads are incomplete: {why}"));
        }
        for (role, name) in [
            (Role::Payments, "payments"),
            (Role::Balances, "balances"),
            (Role::Credits, "credits"),
        ] {
            match self.read(ReadMoment::Final, role) {
                ReadState::Failed(why) => {
                    return Some(format!("the final read of {name} is incomplete: {why}"));
                }
                ReadState::Absent if role != Role::Credits => {
                    return Some(format!("there is no final read of {name}"));
                }
                ReadState::Absent | ReadState::Done(_) => {}
            }
        }
        None
    }

    /// Why nobody can say that the target had come to rest before its final reads; None when it had.
    pub fn restless(&self) -> Option<String> {
        let last = self.phase("settle-compensate").or_else(|| self.phase("settle"));
        self.unsettled(last)
    }

    /// Why nobody can say that the target had come to rest before the compensation phase; None when it had.
    pub fn restless_before(&self) -> Option<String> {
        self.unsettled(self.phase("settle"))
    }

    fn unsettled(&self, phase: Option<&PhaseSpan>) -> Option<String> {
        if self.phase("heal").is_some_and(|heal| !heal.ok) {
            return Some("not everything was healed after the workload".into());
        }
        if let Some(fault) = self.faults.iter().find(|f| f.is_open()) {
            return Some(format!("the fault {} was never seen healed", fault.name()));
        }
        match phase {
            None => Some("there is no settle phase: nothing says that the target came to rest".into()),
            Some(phase) if !phase.ok => {
                let why = first_line(phase.error.as_deref(), "it was cut short");
                Some(format!("the target did not come to rest in {}: {why}", phase.name))
            }
            Some(_) => None,
        }
    }
}

/// The first line of an error: reasons are sentences, logs are kept elsewhere.
fn first_line<'a>(error: Option<&'a str>, otherwise: &'a str) -> &'a str {
    error.and_then(|e| e.lines().next()).unwrap_or(otherwise)
}

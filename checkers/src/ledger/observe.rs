//! The one pass over a history: every event is seen once and leaves only what the checkers need.
//!
//! O(1) per event but for final reads, which cost their rows.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::history::{
    BalanceRow, Body, CreditRow, Event, FaultStep, Header, Kind, PaymentRow, Phase, Process, Query, QueryPath, Read,
    ReadMoment, Recharge, Role, Rows, Sample, Wire,
};
use crate::money;

use super::model::{
    Account, Answer, Attempt, Balance, Class, Conflict, Delivery, Holding, OpSpan, Opened, Owner, Payment, PhaseSpan,
    QueryOp, ReadState, Rest, Row,
};
use super::{FaultSpan, Id, Ledger};

/// Counters of a sample that do not change any more at rest.
const MOVING: [&str; 6] = ["lag", "half", "retry", "delayed", "in-flight", "rows"];

/// A ledger in the making.
pub(super) struct Observer {
    pub(super) ledger: Ledger,
    /// Payment of a client's number.
    pub(super) by_tx: HashMap<Id, usize>,
    /// Deliveries per number, in order.
    pub(super) deliveries: HashMap<Id, Vec<Delivery>>,
    /// Numbers that the crediting service lists at the end.
    pub(super) listed: Vec<Id>,
    /// Numbers recorded before the workload: not this run's.
    earlier: Vec<Id>,
    open: HashMap<Process, Open>,
    spans: HashMap<u32, usize>,
}

struct Open {
    op: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Attempt { payment: usize, attempt: usize },
    Conflict(usize),
    Query(usize),
    OpenAccount(Id),
    Other,
}

impl Observer {
    pub(super) fn new(header: &Header) -> Observer {
        Observer {
            ledger: Ledger::new(header),
            by_tx: HashMap::new(),
            deliveries: HashMap::new(),
            listed: Vec::new(),
            earlier: Vec::new(),
            open: HashMap::new(),
            spans: HashMap::new(),
        }
    }

    pub(super) fn observe(&mut self, event: &Event) {
        self.ledger.end_ns = event.time;
        match &event.body {
            Body::Other(f, value) if f == "read-failed" => self.read_failed(value, event),
            Body::Header(_) | Body::Other(..) => {}
            Body::Phase(phase) => self.phase(phase, event),
            Body::Fault(step) => self.fault(step, event),
            Body::Wire(wire) => self.wire(wire, event),
            Body::Read(read) => self.read(read, event),
            Body::Sample(sample) => self.sample(sample, event.time),
            Body::Recharge(_) | Body::Query(..) | Body::Balance(_) | Body::OpenAccount(_) => self.operation(event),
        }
    }

    fn operation(&mut self, event: &Event) {
        if event.kind == Kind::Invoke {
            let f = self.ledger.words.id(event.body.f());
            let op = self.ledger.ops.len();
            self.ledger.ops.push(OpSpan {
                f,
                from_ns: event.time,
                end: None,
            });
            let what = self.invoke(event);
            self.open.insert(event.process.clone(), Open { op, what });
        } else if let Some(open) = self.open.remove(&event.process) {
            self.ledger.ops[open.op].end = Some((event.time, event.kind));
            self.complete(open.what, event);
        }
    }

    fn invoke(&mut self, event: &Event) -> What {
        match &event.body {
            Body::Recharge(recharge) => self.invoke_recharge(recharge, event),
            Body::Query(path, query) => self.invoke_query(*path, query, event),
            Body::OpenAccount(open) => {
                let account = self.account(&open.account);
                let state = &mut self.ledger.accounts[account as usize].opened;
                *state = Opened::Tried.max(*state);
                What::OpenAccount(account)
            }
            _ => What::Other,
        }
    }

    fn invoke_recharge(&mut self, recharge: &Recharge, event: &Event) -> What {
        let tx = self.ledger.txs.id(&recharge.tx);
        let account = self.account(&recharge.account);
        let amount = recharge.amount.0;
        let attempt = Attempt {
            index: event.index,
            time: event.time,
            end: None,
        };
        if recharge.conflict {
            self.ledger.conflicts.push(Conflict {
                tx,
                account,
                amount,
                attempt,
            });
            return What::Conflict(self.ledger.conflicts.len() - 1);
        }
        let payment = match self.by_tx.get(&tx) {
            Some(payment) => *payment,
            None => self.begin_payment(tx, account, amount),
        };
        let known = &mut self.ledger.payments[payment];
        if (known.account, known.amount) != (account, amount) {
            let said = format!(
                "event {}: {} is tried again with another payload, and not marked as a conflict",
                event.index, recharge.tx
            );
            self.ledger.contradiction.get_or_insert(said);
        }
        known.attempts.push(attempt);
        What::Attempt {
            payment,
            attempt: known.attempts.len() - 1,
        }
    }

    fn begin_payment(&mut self, tx: Id, account: Id, amount: i128) -> usize {
        let payment = self.ledger.payments.len();
        self.ledger.payments.push(Payment {
            tx,
            account,
            amount,
            k: money::position(amount, self.ledger.promise.base),
            attempts: Vec::new(),
            rows: Vec::new(),
            successes: 0,
            deliveries: Vec::new(),
            asks: Vec::new(),
            listed: 0,
            credited: None,
            credited_before: None,
        });
        self.ledger.accounts[account as usize].payments.push(payment);
        self.by_tx.insert(tx, payment);
        payment
    }

    fn invoke_query(&mut self, path: QueryPath, query: &Query, event: &Event) -> What {
        let tx = self.ledger.txs.id(&query.tx);
        self.ledger.queries.push(QueryOp {
            path,
            tx,
            index: event.index,
            end: None,
        });
        What::Query(self.ledger.queries.len() - 1)
    }

    fn complete(&mut self, what: What, event: &Event) {
        match (what, &event.body) {
            (What::Attempt { payment, attempt }, Body::Recharge(recharge)) => {
                let answer = self.answer(recharge, event);
                self.ledger.payments[payment].attempts[attempt].end = Some(answer);
            }
            (What::Conflict(conflict), Body::Recharge(recharge)) => {
                let answer = self.answer(recharge, event);
                self.ledger.conflicts[conflict].attempt.end = Some(answer);
            }
            (What::Query(query), Body::Query(_, value)) => {
                let class = self.ledger.class(value.result.as_deref());
                self.ledger.queries[query].end = Some((event.index, event.kind, class));
            }
            (What::OpenAccount(account), _) if event.kind == Kind::Ok => {
                let opened = &mut self.ledger.accounts[account as usize];
                opened.opened = Opened::Yes;
                opened.opened_at = opened.opened_at.or(Some((event.index, event.time)));
            }
            _ => {}
        }
    }

    fn answer(&mut self, recharge: &Recharge, event: &Event) -> Answer {
        let class = self.ledger.class(recharge.result.as_deref());
        let words = &mut self.ledger.words;
        let mut word = |text: &Option<String>| text.as_deref().map(|t| words.id(t));
        let (result, account, amount) = (
            word(&recharge.result),
            word(&recharge.answer_account),
            word(&recharge.answer_amount),
        );
        Answer {
            index: event.index,
            time: event.time,
            kind: event.kind,
            status: recharge.status,
            tx: recharge.answer_tx.as_deref().map(|tx| self.ledger.txs.id(tx)),
            result,
            class,
            account,
            amount,
        }
    }

    fn account(&mut self, name: &str) -> Id {
        let id = self.ledger.names.id(name);
        let size = self.ledger.names.len();
        self.ledger.accounts.resize_with(size, Account::default);
        id
    }

    fn phase(&mut self, phase: &Phase, event: &Event) {
        let phases = &mut self.ledger.phases;
        if event.kind == Kind::Invoke {
            phases.push(PhaseSpan {
                name: phase.name.clone(),
                from_ns: event.time,
                to_ns: None,
                ok: false,
                error: None,
            });
            return;
        }
        let open = |p: &&mut PhaseSpan| p.name == phase.name && p.to_ns.is_none();
        if let Some(span) = phases.iter_mut().rev().find(open) {
            span.to_ns = Some(event.time);
            span.ok = event.kind == Kind::Ok;
            span.error.clone_from(&event.error);
        }
    }

    fn fault(&mut self, step: &FaultStep, event: &Event) {
        let faults = &mut self.ledger.faults;
        let at = *self.spans.entry(step.id).or_insert_with(|| {
            faults.push(FaultSpan::new(step, event.time));
            faults.len() - 1
        });
        faults[at].observe(step, event);
    }

    fn wire(&mut self, wire: &Wire, event: &Event) {
        if wire.role != Role::Delivered {
            return;
        }
        // A duplicated frame is two events, the original and its copy: each counts once.
        let times = u32::from(wire.arrived());
        for name in wire.key("tx") {
            let tx = self.ledger.txs.id(name);
            let deliveries = self.deliveries.entry(tx).or_default();
            if deliveries.last().is_some_and(|last| last.index == event.index) {
                continue; // the same message, found by its key and by its body
            }
            self.ledger.deliveries_seen += u64::from(times);
            deliveries.push(Delivery {
                index: event.index,
                time: event.time,
                times,
            });
        }
    }

    fn sample(&mut self, sample: &Sample, time: u64) {
        let counters = MOVING.map(|name| sample.counters.get(name).copied().unwrap_or(0));
        self.ledger.samples.push(Rest { time, counters });
    }

    /// Nothing could be read at that moment: no role of it is complete.
    fn read_failed(&mut self, value: &Value, event: &Event) {
        let at = value.get("at").and_then(|at| ReadMoment::deserialize(at).ok());
        if let Some(at) = at {
            let why = event.error.clone().unwrap_or_else(|| "it failed".into());
            self.ledger.reads[at as usize].fill(ReadState::Failed(why));
        }
    }

    fn read(&mut self, read: &Read, event: &Event) {
        let role = match &read.rows {
            Rows::Payments(_) => 0,
            Rows::Balances(_) => 1,
            Rows::Credits(_) => 2,
        };
        let state = &mut self.ledger.reads[read.at as usize][role];
        if event.kind == Kind::Invoke {
            return;
        }
        if event.kind == Kind::Fail || event.error.is_some() {
            *state = ReadState::Failed(event.error.clone().unwrap_or_else(|| "it failed".into()));
            return;
        }
        *state = ReadState::Done(event.index);
        match (&read.rows, read.at) {
            (Rows::Payments(rows), ReadMoment::Initial) => self.read_earlier(rows),
            (Rows::Payments(rows), ReadMoment::Final) => self.read_payments(rows),
            (Rows::Balances(rows), at) => self.read_balances(rows, at),
            (Rows::Credits(rows), ReadMoment::Final) => self.read_credits(rows),
            _ => {}
        }
    }

    fn read_earlier(&mut self, rows: &[PaymentRow]) {
        self.earlier = rows.iter().map(|row| self.ledger.txs.id(&row.tx)).collect();
        self.earlier.sort_unstable();
    }

    fn read_payments(&mut self, rows: &[PaymentRow]) {
        self.ledger.rows.clear();
        for row in rows {
            let tx = self.ledger.txs.id(&row.tx);
            if self.earlier.binary_search(&tx).is_ok() {
                continue;
            }
            let account = self.account(&row.account);
            let ledger = &mut self.ledger;
            let row = Row {
                tx,
                account,
                amount: money::parse(&row.amount, ledger.promise.scale).ok(),
                text: ledger.words.id(&row.amount),
                result: row.result.as_deref().map(|result| ledger.words.id(result)),
                class: ledger.class(row.result.as_deref()),
                owner: Owner::Nobody,
            };
            ledger.rows.push(row);
        }
    }

    fn read_balances(&mut self, rows: &[BalanceRow], at: ReadMoment) {
        for account in &mut self.ledger.accounts {
            account.at[at as usize] = None;
        }
        for row in rows {
            let account = self.account(&row.account);
            let scale = self.ledger.promise.scale;
            let value = row.balance.as_deref().map(|text| Balance {
                text: self.ledger.words.id(text),
                money: money::parse(text, scale).ok(),
            });
            let held = &mut self.ledger.accounts[account as usize].at[at as usize];
            *held = Some(match held.take() {
                None => Holding { value, copies: 1 },
                Some(first) => first.and(value),
            });
        }
    }

    fn read_credits(&mut self, rows: &[CreditRow]) {
        self.listed = rows.iter().map(|row| self.ledger.txs.id(&row.tx)).collect();
    }
}

impl Holding {
    /// Two rows of one account hold what both hold together.
    fn and(self, more: Option<Balance>) -> Holding {
        let copies = self.copies + 1;
        let value = match (self.value, more) {
            (Some(a), Some(b)) => Some(Balance {
                text: a.text,
                money: sum(a.money, b.money),
            }),
            _ => None,
        };
        Holding { value, copies }
    }
}

fn sum(a: Option<money::Money>, b: Option<money::Money>) -> Option<money::Money> {
    use money::Money::{Exact, Inexact};
    let (a, b) = (a?, b?);
    let nearest = a.nearest().checked_add(b.nearest())?;
    Some(match (a, b) {
        (Exact(_), Exact(_)) => Exact(nearest),
        (Inexact { remainder, .. }, _) | (_, Inexact { remainder, .. }) => Inexact { nearest, remainder },
    })
}

impl Ledger {
    /// What a `result` means by the promise.
    pub(super) fn class(&self, result: Option<&str>) -> Class {
        let among = |values: &[String]| result.is_some_and(|r| values.iter().any(|v| v == r));
        if among(&self.promise.success) {
            Class::Success
        } else if among(&self.promise.failed) {
            Class::Failed
        } else {
            Class::Other
        }
    }
}

//! Histories by construction: a scenario says what happened, and renders the history that tells of it.
//!
//! A scenario that is generated is valid: every fact in it agrees with every other. A planted anomaly changes
//! single facts of one payment, the victim.

#![expect(unused, reason = "each test binary uses its own part")]

mod generate;
mod plant;
mod render;

pub(crate) use generate::scenario;
pub(crate) use plant::{PLANTS, Plant};

use std::collections::BTreeMap;

use paytwice_checkers::history::{Body, Event, Header, History, Kind, Moment, Op, Rows, View, Wire};
use serde_json::json;

pub(crate) const MS: u64 = 1_000_000;

/// The action that starts a payment.
pub(crate) const RECHARGE: &str = "recharge";
/// Asks the recording service.
pub(crate) const QUERY_PAY: &str = "query-pay";
/// Asks the crediting service, which credits what is missing.
pub(crate) const QUERY_ACCOUNT: &str = "query-account";
/// Opens an account.
pub(crate) const OPEN: &str = "open-account";

/// What happened in a run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub base: u32,
    pub late_is_valid: bool,
    /// Whether the service makes the numbers of recorded payments.
    pub server_ids: bool,
    /// Whether the run has a repair phase.
    pub repairs: bool,
    pub accounts: Vec<Account>,
    pub payments: Vec<Payment>,
    pub faults: Vec<Fault>,
    /// Rows that no payment below explains.
    pub rows: Vec<Row>,
    pub settle: Kind,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub initial: i128,
    /// Opened during the workload.
    pub late: bool,
    /// Money beyond what the payments' credits bring.
    pub stray: i128,
    /// What the final read prints instead of the balance.
    pub shown: Shown,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shown {
    AsIs,
    Null,
    Absent,
    Twice,
    /// The balance with these digits behind it.
    Tail(&'static str),
    Text(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub tx: String,
    pub account: usize,
    pub k: u32,
    pub start_ms: u64,
    pub tries: Vec<Try>,
    pub rows: Vec<Row>,
    pub deliveries: u32,
    /// The account that its deliveries name, where they name one.
    pub delivered_to: Option<usize>,
    /// Transactions that committed with its key on the wire.
    pub commits: u32,
    pub credits_before: u32,
    pub credits: u32,
    /// Actions that ask about it, and what they are answered.
    pub queries: Vec<(&'static str, &'static str)>,
    /// Answer to the repairing query, where it is asked.
    pub repair: Option<&'static str>,
    pub conflict: Option<Conflict>,
    pub declined: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Try {
    /// None: it never ends.
    pub kind: Option<Kind>,
    pub status: Option<u16>,
    pub result: Option<&'static str>,
    pub answer_tx: Option<String>,
    pub answer_account: Option<String>,
    pub answer_amount: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub tx: String,
    pub account: usize,
    pub amount: i128,
    pub result: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    pub amount: i128,
    /// Another card.
    pub card: Option<&'static str>,
    pub kind: Kind,
}

impl Conflict {
    pub(crate) fn amount(amount: i128, kind: Kind) -> Conflict {
        Conflict {
            amount,
            card: None,
            kind,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub fault: &'static str,
    pub on: &'static str,
    pub from_ms: u64,
    pub to_ms: u64,
}

impl Try {
    pub(crate) fn ended(kind: Kind) -> Try {
        Try {
            kind: Some(kind),
            status: None,
            result: None,
            answer_tx: None,
            answer_account: None,
            answer_amount: None,
        }
    }

    pub(crate) fn ok(result: &'static str, tx: &str) -> Try {
        Try {
            status: Some(200),
            result: Some(result),
            answer_tx: Some(tx.to_owned()),
            ..Try::ended(Kind::Ok)
        }
    }
}

/// Two accounts and one payment, t0, that was asked for.
pub(crate) fn run_of_one() -> Scenario {
    let mut scenario = Scenario::empty();
    scenario.account(0);
    scenario.account(10_000);
    let first = scenario.pay(0, 5);
    scenario.payments[first].queries = vec![(QUERY_PAY, "success")];
    scenario
}

/// The same, and three payments more, t1 to t3, on the second account.
pub(crate) fn run_of_four() -> Scenario {
    let mut scenario = run_of_one();
    for n in 1..4 {
        scenario.pay(1, 100 * n);
    }
    scenario
}

impl Scenario {
    /// A run without payments: one account, no faults.
    pub(crate) fn empty() -> Scenario {
        Scenario {
            base: 10,
            late_is_valid: false,
            server_ids: false,
            repairs: true,
            accounts: Vec::new(),
            payments: Vec::new(),
            faults: Vec::new(),
            rows: Vec::new(),
            settle: Kind::Ok,
        }
    }

    /// The service has made the numbers of all payments, and told each client its own.
    pub(crate) fn number_by_the_service(&mut self) {
        self.server_ids = true;
        for at in 0..self.payments.len() {
            let tx = self.recorded_tx(at);
            self.payments[at].tries = vec![Try::ok("success", &tx)];
            self.payments[at].rows[0].tx = tx;
        }
    }

    pub(crate) fn amount(&self, payment: usize) -> i128 {
        i128::from(self.base).pow(self.payments[payment].k)
    }

    /// Position that the next payment of an account takes.
    pub(crate) fn next_k(&self, account: usize) -> u32 {
        self.payments.iter().filter(|p| p.account == account).count() as u32
    }

    pub(crate) fn account(&mut self, initial: i128) -> usize {
        self.accounts.push(Account {
            initial,
            late: false,
            stray: 0,
            shown: Shown::AsIs,
        });
        self.accounts.len() - 1
    }

    /// The number under which the service records a payment.
    pub(crate) fn recorded_tx(&self, payment: usize) -> String {
        if self.server_ids {
            format!("s{payment}")
        } else {
            self.payments[payment].tx.clone()
        }
    }

    /// Adds a payment that was acknowledged, recorded, delivered once and credited once.
    pub(crate) fn pay(&mut self, account: usize, start_ms: u64) -> usize {
        let at = self.payments.len();
        let k = self.next_k(account);
        self.payments.push(Payment {
            tx: format!("t{at}"),
            account,
            k,
            start_ms,
            tries: Vec::new(),
            rows: Vec::new(),
            deliveries: 1,
            delivered_to: None,
            commits: 0,
            credits_before: 1,
            credits: 1,
            queries: Vec::new(),
            repair: None,
            conflict: None,
            declined: false,
        });
        let tx = self.recorded_tx(at);
        let amount = self.amount(at);
        self.payments[at].tries = vec![Try::ok("success", &tx)];
        self.payments[at].rows = vec![Row {
            tx,
            account,
            amount,
            result: Some("success"),
        }];
        at
    }

    /// Credits a payment so often, before anything is repaired.
    pub(crate) fn credit(&mut self, payment: usize, times: u32) {
        self.payments[payment].credits = times;
        self.payments[payment].credits_before = times;
    }

    /// Makes a payment one that nobody recorded: its client never got an answer.
    pub(crate) fn forget(&mut self, payment: usize) {
        let payment = &mut self.payments[payment];
        payment.tries = vec![Try::ended(Kind::Info)];
        payment.rows.clear();
        payment.deliveries = 0;
        payment.credits = 0;
        payment.credits_before = 0;
    }

    /// What a target of payments says of itself.
    pub(crate) fn header(&self) -> Header {
        let late = if self.late_is_valid { "valid" } else { "invalid" };
        let header = json!({
            "format": "paytwice-history", "version": 1, "target": "pay-account", "run": "test", "stack": "none",
            "seed": 7, "started_at": "2026-01-01T00:00:00Z", "policies": {},
            "subjects": {
                "account": {},
                "payment": { "key": "tx", "fields": {
                    "account": { "names": "account" },
                    "amount": { "coded": { "per": "account", "base": self.base, "scale": 2 } },
                    "card": {},
                } },
            },
            "actions": {
                RECHARGE: { "starts": "payment", "service": "pay" },
                QUERY_PAY: { "asks": "payment", "service": "pay" },
                QUERY_ACCOUNT: { "asks": "payment", "repairs": "payment", "service": "account" },
                OPEN: { "opens": "account" },
            },
            "views": {
                "payments": ["initial", "rest", "final"],
                "balances": ["initial", "rest", "final"],
                "credits": ["final"],
            },
            "promises": [
                {
                    "checker": "exactly-once", "subject": "payment", "started": RECHARGE,
                    "recorded": { "view": "payments", "success": { "result": ["success"] }, "failed": { "result": ["fail"] } },
                    "effect": { "view": "balances", "by": "amount" },
                    "listed": { "view": "credits" },
                    "words": { "recorded": "recorded", "effect": "credited" },
                    "late": late,
                },
                { "checker": "balance-convergence" },
                { "checker": "idempotent-requests" },
                { "checker": "honest-answers" },
            ],
        });
        serde_json::from_value(header).expect("it is a header")
    }

    pub(crate) fn history(&self) -> History {
        render::render(self)
    }

    pub(crate) fn jsonl(&self) -> String {
        jsonl(&self.history())
    }
}

pub(crate) fn jsonl(history: &History) -> String {
    let line = |event| paytwice_checkers::history::to_line(event).expect("an event is JSON") + "\n";
    history.events.iter().map(line).collect()
}

/// Gives the events their indices again.
pub(crate) fn renumber(history: &mut History) {
    for (index, event) in (0..).zip(&mut history.events) {
        event.index = index;
    }
}

/// The operation of an event, where it is one of that action.
pub(crate) fn op<'a>(event: &'a Event, action: &str) -> Option<&'a Op> {
    match &event.body {
        Body::Op(op) if op.action == action => Some(op),
        _ => None,
    }
}

/// The frame of an event, where it delivers that payment alone.
pub(crate) fn delivery<'a>(event: &'a mut Event, tx: &str) -> Option<&'a mut Wire> {
    match &mut event.body {
        Body::Wire(wire) if wire.key("tx") == [tx] => Some(wire),
        _ => None,
    }
}

/// Whether an event is a view of that name, read at that moment.
pub(crate) fn is_view(event: &Event, name: &str, at: Moment) -> bool {
    matches!(&event.body, Body::View(view) if view.view == name && view.at == at)
}

/// Whether a phase of that name begins (`Invoke`) or ends there.
pub(crate) fn is_phase(event: &Event, name: &str, kind: Kind) -> bool {
    event.kind == kind && matches!(&event.body, Body::Phase(phase) if phase.name == name)
}

/// Changes the cells of each row of a view; a row for which `edit` returns false goes.
pub(crate) fn edit_rows(event: &mut Event, edit: impl Fn(&mut BTreeMap<String, Option<String>>) -> bool) {
    let Body::View(View { rows: Some(rows), .. }) = &mut event.body else {
        panic!("{event:?} shows no rows");
    };
    let columns = rows.columns().to_vec();
    let mut edited = Rows::new(columns.clone());
    for row in rows.iter() {
        let cell = |name: &String| (name.clone(), row.get(name).map(str::to_owned));
        let mut cells: BTreeMap<String, Option<String>> = columns.iter().map(cell).collect();
        if edit(&mut cells) {
            edited.push(columns.iter().map(|name| cells[name].as_deref()));
        }
    }
    *rows = edited;
}

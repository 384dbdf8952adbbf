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

use paytwice_checkers::history::{Header, History, Kind, Promise, QueryPath};

pub(crate) const MS: u64 = 1_000_000;

/// What happened in a run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub base: u32,
    pub late_is_valid: bool,
    /// Whether the service makes the numbers of recorded payments.
    pub server_ids: bool,
    /// Whether the run has a compensation phase.
    pub compensates: bool,
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
    pub credits_before: u32,
    pub credits: u32,
    pub queries: Vec<(QueryPath, &'static str)>,
    /// Answer of the compensation query, where it is asked.
    pub compensate: Option<&'static str>,
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
    pub kind: Kind,
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
    scenario.payments[first].queries = vec![(QueryPath::Pay, "success")];
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
            compensates: true,
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
            credits_before: 1,
            credits: 1,
            queries: Vec::new(),
            compensate: None,
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

    /// Makes a payment one that nobody recorded: its client never got an answer.
    pub(crate) fn forget(&mut self, payment: usize) {
        let payment = &mut self.payments[payment];
        payment.tries = vec![Try::ended(Kind::Info)];
        payment.rows.clear();
        payment.deliveries = 0;
        payment.credits = 0;
        payment.credits_before = 0;
    }

    pub(crate) fn header(&self) -> Header {
        Header {
            format: "paytwice-history".into(),
            version: 1,
            target: "pay-account".into(),
            run: "test".into(),
            stack: "none".into(),
            seed: 7,
            started_at: "2026-01-01T00:00:00Z".into(),
            policies: std::collections::BTreeMap::new(),
            promise: Promise {
                base: self.base,
                scale: 2,
                late_is_valid: self.late_is_valid,
                success: vec!["success".into()],
                failed: vec!["fail".into()],
            },
        }
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

//! Anomalies, planted one at a time into a payment of their own: the victim.

use paytwice_checkers::history::Kind;

use super::{Conflict, QUERY_ACCOUNT, QUERY_PAY, Row, Scenario, Shown, Try};

/// What a planted anomaly must be found as.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    pub kind: &'static str,
    pub subject: String,
    /// Accounts whose sums no longer agree because of it.
    pub accounts: Vec<String>,
}

/// A way to break one promise.
pub(crate) struct Plant {
    pub name: &'static str,
    pub kind: &'static str,
    plant: fn(&mut Scenario, usize) -> Spot,
}

/// Where it shows: the subject, and the accounts whose sums change.
struct Spot {
    subject: String,
    accounts: Vec<usize>,
}

impl Plant {
    /// Adds a victim to the scenario and breaks it.
    pub(crate) fn apply(&self, scenario: &mut Scenario, account: usize, start_ms: u64) -> Planted {
        let account = account % scenario.accounts.len();
        let victim = scenario.pay(account, start_ms);
        let spot = (self.plant)(scenario, victim);
        Planted {
            kind: self.kind,
            subject: spot.subject,
            accounts: spot.accounts.iter().map(|a| format!("a{a}")).collect(),
        }
    }
}

const fn plant(name: &'static str, kind: &'static str, plant: fn(&mut Scenario, usize) -> Spot) -> Plant {
    Plant { name, kind, plant }
}

pub(crate) const PLANTS: [Plant; 30] = [
    plant("lost", "lost", |s, v| {
        s.credit(v, 0);
        money(s, v)
    }),
    plant("lost, asked for in vain", "lost", |s, v| {
        s.repairs = true;
        s.payments[v].repair = Some("unknown");
        s.credit(v, 0);
        money(s, v)
    }),
    plant("double", "double", |s, v| {
        s.payments[v].deliveries = 2;
        s.credit(v, 2);
        money(s, v)
    }),
    plant("double by the query", "double", |s, v| {
        s.payments[v].queries = vec![(QUERY_ACCOUNT, "success")];
        s.credit(v, 2);
        money(s, v)
    }),
    plant("ghost, not recorded", "ghost", |s, v| {
        s.forget(v);
        s.payments[v].deliveries = 1;
        s.credit(v, 1);
        money(s, v)
    }),
    plant("ghost, declined", "ghost", |s, v| {
        s.payments[v].declined = true;
        let tx = s.recorded_tx(v);
        s.payments[v].tries = vec![Try::ok("fail", &tx)];
        s.payments[v].rows[0].result = Some("fail");
        money(s, v)
    }),
    plant("ghost, recorded without a result", "ghost", |s, v| {
        s.payments[v].tries = vec![Try::ended(Kind::Info)];
        s.payments[v].rows[0].result = None;
        money(s, v)
    }),
    plant("ghost, money of nobody", "ghost", |s, v| {
        let account = s.payments[v].account;
        s.accounts[account].stray = beyond(s, v);
        about(account, &[account])
    }),
    plant("late", "late", |s, v| {
        s.repairs = true;
        s.late_is_valid = false;
        for payment in &mut s.payments {
            payment.credits_before = payment.credits;
        }
        s.payments[v].repair = Some("success");
        s.payments[v].credits_before = 0;
        spot(s, v, &[])
    }),
    plant("lost write", "lost-write", |s, v| {
        let tries = s.payments[v].tries.clone();
        s.forget(v);
        s.payments[v].tries = tries;
        spot(s, v, &[])
    }),
    plant("wrong account, a fresh one", "wrong-account", |s, v| {
        let other = s.account(0);
        move_to(s, v, other)
    }),
    plant("wrong account, with a payment like it", "wrong-account", |s, v| {
        let other = s.account(0);
        for _ in 0..=s.payments[v].k {
            s.pay(other, 100);
        }
        move_to(s, v, other)
    }),
    plant("wrong amount", "wrong-amount", |s, v| {
        let account = s.payments[v].account;
        s.accounts[account].stray = beyond(s, v);
        s.credit(v, 0);
        money(s, v)
    }),
    plant("recorded with another amount", "wrong-amount", |s, v| {
        s.server_ids = false;
        let (tx, amount) = (s.payments[v].tx.clone(), 7 * s.amount(v));
        s.payments[v].tries[0].answer_tx = Some(tx.clone());
        s.payments[v].rows[0].tx = tx;
        s.payments[v].rows[0].amount = amount;
        money(s, v)
    }),
    plant("duplicate record", "duplicate-record", |s, v| {
        let row = Row {
            tx: "again".into(),
            ..s.payments[v].rows[0].clone()
        };
        s.payments[v].rows.insert(0, row);
        s.payments[v].tries.insert(0, Try::ended(Kind::Info));
        s.payments[v].deliveries = 2;
        s.credit(v, 2);
        spot(s, v, &[])
    }),
    plant("recorded with another account", "wrong-account", |s, v| {
        let other = s.account(0);
        s.server_ids = false;
        let tx = s.payments[v].tx.clone();
        s.payments[v].tries[0].answer_tx = Some(tx.clone());
        s.payments[v].rows[0].tx = tx;
        s.payments[v].rows[0].account = other;
        s.accounts[other].stray = s.amount(v);
        s.credit(v, 0);
        spot(s, v, &[])
    }),
    plant("payload overwritten", "payload-overwritten", |s, v| {
        let amount = 7 * s.amount(v);
        s.payments[v].conflict = Some(Conflict::amount(amount, Kind::Info));
        s.payments[v].rows[0].amount = amount;
        money(s, v)
    }),
    plant("conflict accepted", "conflict-accepted", |s, v| {
        let amount = 7 * s.amount(v);
        s.payments[v].conflict = Some(Conflict::amount(amount, Kind::Ok));
        spot(s, v, &[])
    }),
    plant("divergent number", "divergent-answer", |s, v| {
        // Where no client sends a number, a request after an answer is another one.
        s.server_ids = false;
        let tx = s.payments[v].tx.clone();
        s.payments[v].tries[0].answer_tx = Some(tx.clone());
        s.payments[v].rows[0].tx = tx;
        s.payments[v].tries.push(Try::ok("success", "other"));
        spot(s, v, &[])
    }),
    plant("divergent amount", "divergent-answer", |s, v| {
        s.payments[v].tries[0].answer_amount = Some("0.07".into());
        spot(s, v, &[])
    }),
    plant("answered fail, recorded as success", "answer-contradicted", |s, v| {
        let tx = s.recorded_tx(v);
        s.payments[v].tries = vec![Try::ok("fail", &tx)];
        spot(s, v, &[])
    }),
    plant("refused, recorded as success", "answer-contradicted", |s, v| {
        s.payments[v].tries = vec![Try {
            status: Some(409),
            ..Try::ended(Kind::Fail)
        }];
        spot(s, v, &[])
    }),
    plant("answered success, recorded as fail", "answer-contradicted", |s, v| {
        s.payments[v].rows[0].result = Some("fail");
        s.credit(v, 0);
        spot(s, v, &[])
    }),
    plant("false fail", "false-fail", |s, v| {
        s.payments[v].queries = vec![(QUERY_ACCOUNT, "fail"), (QUERY_ACCOUNT, "success")];
        spot(s, v, &[])
    }),
    plant("false success", "false-success", |s, v| {
        s.forget(v);
        s.payments[v].queries = vec![(QUERY_PAY, "success")];
        spot(s, v, &[])
    }),
    plant("unexpected record", "unexpected-record", |s, v| {
        let (account, amount) = (s.payments[v].account, beyond(s, v));
        s.rows.push(Row {
            tx: "stranger".into(),
            account,
            amount,
            result: Some("success"),
        });
        s.accounts[account].stray = amount;
        Spot {
            subject: "stranger".into(),
            accounts: Vec::new(),
        }
    }),
    plant("null balance", "null-balance", |s, v| show(s, v, Shown::Null)),
    plant("missing account", "missing-account", |s, v| show(s, v, Shown::Absent)),
    plant("inexact", "inexact", |s, v| show(s, v, Shown::Tail("0000000004"))),
    plant("two rows of one account", "duplicate-account", |s, v| {
        show(s, v, Shown::Twice)
    }),
];

fn spot(scenario: &Scenario, victim: usize, accounts: &[usize]) -> Spot {
    Spot {
        subject: scenario.payments[victim].tx.clone(),
        accounts: accounts.to_vec(),
    }
}

/// The victim, and its account with a sum that no longer agrees.
fn money(scenario: &Scenario, victim: usize) -> Spot {
    spot(scenario, victim, &[scenario.payments[victim].account])
}

fn about(account: usize, accounts: &[usize]) -> Spot {
    Spot {
        subject: format!("a{account}"),
        accounts: accounts.to_vec(),
    }
}

fn show(scenario: &mut Scenario, victim: usize, shown: Shown) -> Spot {
    let account = scenario.payments[victim].account;
    scenario.accounts[account].shown = shown;
    about(account, &[])
}

/// An amount above every payment of the victim's account.
fn beyond(scenario: &Scenario, victim: usize) -> i128 {
    i128::from(scenario.base).pow(scenario.next_k(scenario.payments[victim].account))
}

fn move_to(scenario: &mut Scenario, victim: usize, other: usize) -> Spot {
    scenario.accounts[other].stray = scenario.amount(victim);
    scenario.payments[victim].delivered_to = Some(other);
    scenario.credit(victim, 0);
    spot(scenario, victim, &[scenario.payments[victim].account, other])
}

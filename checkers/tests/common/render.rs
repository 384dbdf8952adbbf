//! A scenario as the history that a harness would have written.

use paytwice_checkers::history::{
    BalanceRow, Body, CreditRow, FaultStage, FaultStep, History, HistoryBuilder, Kind, Minor, OpenAccount, PaymentRow,
    Process, Query, QueryPath, Read, ReadMoment, Recharge, Role, Rows, Sample, Wire,
};
use paytwice_checkers::money::major;

use super::{MS, Payment, Row, Scenario, Shown, Try};

/// Events to come: time, process, kind, body.
struct Script {
    events: Vec<(u64, Process, Kind, Body)>,
    client: u64,
}

impl Script {
    fn named(&mut self, at_ms: u64, process: &str, kind: Kind, body: Body) {
        self.events
            .push((at_ms * MS, Process::Named(process.into()), kind, body));
    }

    /// One operation of a process of its own.
    fn op(&mut self, at_ms: u64, ask: Body, end: Option<(Kind, Body)>) {
        self.client += 1;
        let process = Process::Client(self.client);
        self.events.push((at_ms * MS, process.clone(), Kind::Invoke, ask));
        if let Some((kind, body)) = end {
            self.events.push(((at_ms + 7) * MS, process, kind, body));
        }
    }
}

pub(super) fn render(scenario: &Scenario) -> History {
    let mut builder = HistoryBuilder::new(scenario.header());
    builder.phase("setup", Kind::Invoke);
    add(&mut builder, balances(scenario, ReadMoment::Initial));
    builder.phase("setup", Kind::Ok);
    builder.phase("workload", Kind::Invoke);
    workload(scenario, &mut builder);
    builder.phase("workload", Kind::Ok);
    for phase in ["heal", "settle"] {
        builder.phase(phase, Kind::Invoke);
        let counters = [("lag".to_owned(), 0), ("rows".to_owned(), 12)].into();
        builder.add(
            Process::Named("run".into()),
            Kind::Info,
            Body::Sample(Sample { counters }),
        );
        builder.phase(phase, if phase == "settle" { scenario.settle } else { Kind::Ok });
    }
    if scenario.compensates {
        compensation(scenario, &mut builder);
    }
    builder.phase("final-reads", Kind::Invoke);
    let rows = payments(scenario);
    add(&mut builder, (ReadMoment::Final, Rows::Payments(rows)));
    add(&mut builder, balances(scenario, ReadMoment::Final));
    add(&mut builder, (ReadMoment::Final, Rows::Credits(credits(scenario))));
    builder.phase("final-reads", Kind::Ok);
    builder.build()
}

fn add(builder: &mut HistoryBuilder, (at, rows): (ReadMoment, Rows)) {
    let body = Body::Read(Read { at, rows });
    builder.add(Process::Named("final".into()), Kind::Ok, body);
}

fn workload(scenario: &Scenario, builder: &mut HistoryBuilder) {
    let mut script = Script {
        events: Vec::new(),
        client: 0,
    };
    for (at, account) in scenario.accounts.iter().enumerate() {
        if account.late {
            let open = Body::OpenAccount(OpenAccount { account: name(at) });
            script.op(40, open.clone(), Some((Kind::Ok, open)));
        }
    }
    for (id, fault) in (1..).zip(&scenario.faults) {
        let step = |step| {
            Body::Fault(FaultStep {
                id,
                fault: fault.fault.into(),
                on: fault.on.into(),
                step,
                detail: String::new(),
                counts: std::collections::BTreeMap::new(),
            })
        };
        script.named(fault.from_ms, "nemesis", Kind::Info, step(FaultStage::Asked));
        script.named(fault.from_ms, "nemesis", Kind::Info, step(FaultStage::Done));
        script.named(fault.to_ms, "nemesis", Kind::Info, step(FaultStage::Healed));
    }
    for at in 0..scenario.payments.len() {
        payment(scenario, at, &mut script);
    }
    let Script { mut events, client } = script;
    events.sort_by_key(|(time, ..)| *time);
    let offset = 10 * MS;
    for (time, process, kind, body) in events {
        builder.at(offset + time).add(process, kind, body);
    }
    let _ = client;
}

fn payment(scenario: &Scenario, at: usize, script: &mut Script) {
    let payment = &scenario.payments[at];
    let mut now = payment.start_ms;
    for (n, attempt) in (1..).zip(&payment.tries) {
        let ask = recharge(scenario, at, n);
        let answered = Body::Recharge(answer(ask.clone(), attempt));
        script.op(
            now,
            Body::Recharge(ask),
            attempt.kind.map(|kind| (kind, answered.clone())),
        );
        now += 20;
    }
    if let Some(conflict) = &payment.conflict {
        let ask = Recharge {
            amount: Minor(conflict.amount),
            k: None,
            conflict: true,
            ..recharge(scenario, at, 1)
        };
        let body = Body::Recharge(ask);
        script.op(now, body.clone(), Some((conflict.kind, body)));
        now += 20;
    }
    for n in 0..payment.deliveries {
        let rows = payment.rows.get(n as usize).or(payment.rows.first());
        let tx = rows.map_or_else(|| scenario.recorded_tx(at), |row| row.tx.clone());
        script.named(now, "wire", Kind::Info, Body::Wire(delivery(tx)));
        now += 30;
    }
    for (path, result) in &payment.queries {
        let tx = payment.rows.first().map_or(&payment.tx, |row| &row.tx);
        let (ask, end) = query(tx, result);
        script.op(now, Body::Query(*path, ask), Some((Kind::Ok, Body::Query(*path, end))));
        now += 20;
    }
}

fn recharge(scenario: &Scenario, at: usize, attempt: u32) -> Recharge {
    let payment = &scenario.payments[at];
    Recharge {
        tx: payment.tx.clone(),
        account: name(payment.account),
        amount: Minor(scenario.amount(at)),
        k: Some(payment.k),
        attempt,
        good: !payment.declined,
        ..Recharge::default()
    }
}

fn answer(ask: Recharge, attempt: &Try) -> Recharge {
    Recharge {
        status: attempt.status,
        result: attempt.result.map(str::to_owned),
        answer_tx: attempt.answer_tx.clone(),
        answer_account: attempt.answer_account.clone(),
        answer_amount: attempt.answer_amount.clone(),
        ..ask
    }
}

fn delivery(tx: String) -> Wire {
    Wire {
        link: "rocketmq->account".into(),
        conn: 1,
        point: "DELIVER topic_notifymsg".into(),
        role: Role::Delivered,
        keys: [("tx".to_owned(), vec![tx])].into(),
        bytes: 100,
        ..Wire::default()
    }
}

fn query(tx: &str, result: &str) -> (Query, Query) {
    let ask = Query {
        tx: tx.to_owned(),
        ..Query::default()
    };
    let end = Query {
        status: Some(200),
        result: Some(result.to_owned()),
        ..ask.clone()
    };
    (ask, end)
}

fn compensation(scenario: &Scenario, builder: &mut HistoryBuilder) {
    add(builder, balances(scenario, ReadMoment::BeforeCompensate));
    builder.phase("compensate", Kind::Invoke);
    for (process, payment) in (1_000_000..).zip(&scenario.payments) {
        let Some(result) = payment.compensate else { continue };
        let tx = payment.rows.first().map_or(&payment.tx, |row| &row.tx);
        let (ask, end) = query(tx, result);
        builder.client(process, Kind::Invoke, Body::Query(QueryPath::Compensate, ask));
        builder.client(process, Kind::Ok, Body::Query(QueryPath::Compensate, end));
    }
    builder.phase("compensate", Kind::Ok);
    builder.phase("settle-compensate", Kind::Invoke);
    builder.phase("settle-compensate", scenario.settle);
}

fn payments(scenario: &Scenario) -> Vec<PaymentRow> {
    let own = scenario.payments.iter().flat_map(|p| &p.rows);
    let row = |row: &Row| PaymentRow {
        tx: row.tx.clone(),
        account: name(row.account),
        amount: major(row.amount, 2).to_string(),
        result: row.result.map(str::to_owned),
    };
    own.chain(&scenario.rows).map(row).collect()
}

fn balances(scenario: &Scenario, at: ReadMoment) -> (ReadMoment, Rows) {
    let mut rows = Vec::new();
    for (id, account) in scenario.accounts.iter().enumerate() {
        if at == ReadMoment::Initial && account.late {
            continue;
        }
        let own = |p: &&Payment| p.account == id;
        let credits: i128 = scenario
            .payments
            .iter()
            .filter(own)
            .map(|p| {
                let times = match at {
                    ReadMoment::Initial => 0,
                    ReadMoment::BeforeCompensate => p.credits_before,
                    ReadMoment::Final => p.credits,
                };
                i128::from(times) * i128::from(scenario.base).pow(p.k)
            })
            .sum();
        let stray = if at == ReadMoment::Initial { 0 } else { account.stray };
        let text = major(account.initial + credits + stray, 2).to_string();
        let row = |balance| BalanceRow {
            account: name(id),
            balance,
        };
        match &account.shown {
            shown if at != ReadMoment::Final || *shown == Shown::AsIs => rows.push(row(Some(text))),
            Shown::AsIs => {}
            Shown::Null => rows.push(row(None)),
            Shown::Absent => {}
            Shown::Twice => rows.extend([row(Some(text)), row(Some("0.00".into()))]),
            Shown::Tail(tail) => rows.push(row(Some(text + tail))),
            Shown::Text(text) => rows.push(row(Some(text.clone()))),
        }
    }
    (at, Rows::Balances(rows))
}

fn credits(scenario: &Scenario) -> Vec<CreditRow> {
    let credited = scenario.payments.iter().filter(|p| p.credits > 0);
    let tx = |p: &Payment| p.rows.first().map_or_else(|| p.tx.clone(), |row| row.tx.clone());
    credited.map(|p| CreditRow { tx: tx(p) }).collect()
}

pub(super) fn name(account: usize) -> String {
    format!("a{account}")
}

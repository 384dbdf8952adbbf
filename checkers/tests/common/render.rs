//! A scenario as the history that a harness would have written.

use std::collections::BTreeMap;

use paytwice_checkers::history::{
    Body, FaultStage, FaultStep, History, HistoryBuilder, Kind, Moment, Op, Process, Role, Rows, Sample, View, Wire,
};
use paytwice_checkers::money::major;

use super::{MS, OPEN, Payment, QUERY_ACCOUNT, RECHARGE, Row, Scenario, Shown, Try};

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
    fn op(&mut self, at_ms: u64, ask: Op, end: Option<(Kind, Op)>) {
        self.client += 1;
        let process = Process::Client(self.client);
        self.events
            .push((at_ms * MS, process.clone(), Kind::Invoke, Body::Op(ask)));
        if let Some((kind, op)) = end {
            self.events.push(((at_ms + 7) * MS, process, kind, Body::Op(op)));
        }
    }
}

pub(super) fn render(scenario: &Scenario) -> History {
    let mut builder = HistoryBuilder::new(scenario.header());
    builder.phase("setup", Kind::Invoke);
    balances(scenario, Moment::Initial, &mut builder);
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
    if scenario.repairs {
        repair(scenario, &mut builder);
    }
    builder.phase("final-reads", Kind::Invoke);
    payments(scenario, Moment::Final, &mut builder);
    balances(scenario, Moment::Final, &mut builder);
    let mut credits = Rows::new(["tx"]);
    for payment in scenario.payments.iter().filter(|p| p.credits > 0) {
        credits.push([Some(known_as(payment))]);
    }
    add_view(&mut builder, "credits", Moment::Final, credits);
    builder.phase("final-reads", Kind::Ok);
    builder.build()
}

fn add_view(builder: &mut HistoryBuilder, view: &str, at: Moment, rows: Rows) {
    let body = Body::View(View {
        view: view.into(),
        at,
        rows: Some(rows),
    });
    builder.add(Process::Named("view".into()), Kind::Ok, body);
}

fn workload(scenario: &Scenario, builder: &mut HistoryBuilder) {
    let mut script = Script {
        events: Vec::new(),
        client: 0,
    };
    for (at, account) in scenario.accounts.iter().enumerate() {
        if account.late {
            let open = Op {
                action: OPEN.into(),
                subject: name(at).into(),
                ..Op::default()
            };
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
                counts: BTreeMap::new(),
            })
        };
        script.named(fault.from_ms, "nemesis", Kind::Info, step(FaultStage::Asked));
        script.named(fault.from_ms, "nemesis", Kind::Info, step(FaultStage::Done));
        script.named(fault.to_ms, "nemesis", Kind::Info, step(FaultStage::Healed));
    }
    for at in 0..scenario.payments.len() {
        payment(scenario, at, &mut script);
    }
    let mut events = script.events;
    events.sort_by_key(|(time, ..)| *time);
    let offset = 10 * MS;
    for (time, process, kind, body) in events {
        builder.at(offset + time).add(process, kind, body);
    }
}

fn payment(scenario: &Scenario, at: usize, script: &mut Script) {
    let payment = &scenario.payments[at];
    let mut now = payment.start_ms;
    for (n, attempt) in (1..).zip(&payment.tries) {
        let ask = recharge(scenario, at, n);
        let answered = answer(ask.clone(), attempt);
        script.op(now, ask, attempt.kind.map(|kind| (kind, answered)));
        now += 20;
    }
    if let Some(conflict) = &payment.conflict {
        let mut ask = recharge(scenario, at, 1);
        let amount = major(conflict.amount, 2).to_string();
        let fields = [("amount", Some(amount)), ("card", conflict.card.map(str::to_owned))];
        for (field, value) in fields {
            if let Some(value) = value.filter(|value| ask.args[field] != *value) {
                ask.args.insert(field.into(), value.into());
                ask.changed.push(field.into());
            }
        }
        script.op(now, ask.clone(), Some((conflict.kind, ask)));
        now += 20;
    }
    for n in 0..payment.deliveries {
        let row = payment.rows.get(n as usize).or(payment.rows.first());
        let tx = row.map_or_else(|| scenario.recorded_tx(at), |row| row.tx.clone());
        let frame = delivery(tx, payment.delivered_to.map(name));
        script.named(now, "wire", Kind::Info, Body::Wire(frame));
        now += 30;
    }
    for _ in 0..payment.commits {
        let frame = Wire {
            link: "account->mysql".into(),
            point: "COMMIT reply".into(),
            role: Role::Committed,
            ..delivery(known_as(payment).to_owned(), None)
        };
        script.named(now, "wire", Kind::Info, Body::Wire(frame));
    }
    for (action, result) in &payment.queries {
        let (ask, end) = query(action, known_as(payment), result);
        script.op(now, ask, Some((Kind::Ok, end)));
        now += 20;
    }
}

/// The key of a payment's first row, or its client's.
fn known_as(payment: &Payment) -> &str {
    payment.rows.first().map_or(&payment.tx, |row| &row.tx)
}

fn recharge(scenario: &Scenario, at: usize, attempt: u32) -> Op {
    let payment = &scenario.payments[at];
    let own = (!scenario.server_ids).then(|| ("tx", payment.tx.clone()));
    let args = [
        ("account", name(payment.account)),
        ("amount", major(scenario.amount(at), 2).to_string()),
        ("card", if payment.declined { "4000" } else { "4242" }.to_owned()),
    ];
    Op {
        action: RECHARGE.into(),
        subject: payment.tx.clone().into(),
        attempt,
        args: args
            .into_iter()
            .chain(own)
            .map(|(field, value)| (field.into(), value.into()))
            .collect(),
        ..Op::default()
    }
}

fn answer(ask: Op, attempt: &Try) -> Op {
    let said = [
        ("result", attempt.result.map(str::to_owned)),
        ("tx", attempt.answer_tx.clone()),
        ("account", attempt.answer_account.clone()),
        ("amount", attempt.answer_amount.clone()),
    ];
    let said = said
        .into_iter()
        .filter_map(|(part, text)| Some((part.into(), text?.into())));
    Op {
        status: attempt.status,
        answer: said.collect(),
        ..ask
    }
}

fn delivery(tx: String, account: Option<String>) -> Wire {
    let account = account.map(|account| ("account".into(), vec![account.into()]));
    Wire {
        link: "rocketmq->account".into(),
        conn: 1,
        point: "DELIVER topic_notifymsg".into(),
        role: Role::Delivered,
        keys: [("tx".into(), vec![tx.into()])].into_iter().chain(account).collect(),
        bytes: 100,
        outcome: None,
        did: Vec::new(),
    }
}

fn query(action: &str, tx: &str, result: &str) -> (Op, Op) {
    let ask = Op {
        action: action.into(),
        subject: tx.into(),
        args: [("tx".into(), tx.into())].into(),
        ..Op::default()
    };
    let end = Op {
        status: Some(200),
        answer: [("result".into(), result.into())].into(),
        ..ask.clone()
    };
    (ask, end)
}

fn repair(scenario: &Scenario, builder: &mut HistoryBuilder) {
    builder.phase("repair", Kind::Invoke);
    payments(scenario, Moment::Rest, builder);
    balances(scenario, Moment::Rest, builder);
    for (process, payment) in (1_000_000..).zip(&scenario.payments) {
        let Some(result) = payment.repair else { continue };
        let (mut ask, mut end) = query(QUERY_ACCOUNT, known_as(payment), result);
        (ask.repair, end.repair) = (true, true);
        builder.client(process, Kind::Invoke, Body::Op(ask));
        builder.client(process, Kind::Ok, Body::Op(end));
    }
    builder.phase("repair", Kind::Ok);
    builder.phase("settle-repair", Kind::Invoke);
    builder.phase("settle-repair", scenario.settle);
}

fn payments(scenario: &Scenario, at: Moment, builder: &mut HistoryBuilder) {
    let mut rows = Rows::new(["tx", "account", "amount", "result"]);
    let own = scenario.payments.iter().flat_map(|p| &p.rows);
    for Row {
        tx,
        account,
        amount,
        result,
    } in own.chain(&scenario.rows)
    {
        let (account, amount) = (name(*account), major(*amount, 2).to_string());
        rows.push([Some(tx.as_str()), Some(&account), Some(&amount), *result]);
    }
    add_view(builder, "payments", at, rows);
}

fn balances(scenario: &Scenario, at: Moment, builder: &mut HistoryBuilder) {
    let mut rows = Rows::new(["account", "balance"]);
    for (id, account) in scenario.accounts.iter().enumerate() {
        if at == Moment::Initial && account.late {
            continue;
        }
        let own = |p: &&Payment| p.account == id;
        let gained = |p: &Payment| {
            let times = match at {
                Moment::Initial => 0,
                Moment::Rest => p.credits_before,
                _ => p.credits,
            };
            i128::from(times) * i128::from(scenario.base).pow(p.k)
        };
        let credits: i128 = scenario.payments.iter().filter(own).map(gained).sum();
        let stray = if at == Moment::Initial { 0 } else { account.stray };
        let text = major(account.initial + credits + stray, 2).to_string();
        let name = name(id);
        let mut show = |balance: Option<&str>| rows.push([Some(name.as_str()), balance]);
        match &account.shown {
            shown if at != Moment::Final || *shown == Shown::AsIs => show(Some(&text)),
            Shown::AsIs | Shown::Absent => {}
            Shown::Null => show(None),
            Shown::Twice => {
                show(Some(&text));
                show(Some("0.00"));
            }
            Shown::Tail(tail) => show(Some(&(text + tail))),
            Shown::Text(text) => show(Some(text)),
        }
    }
    add_view(builder, "balances", at, rows);
}

pub(super) fn name(account: usize) -> String {
    format!("a{account}")
}

//! What happens at one moment, what could be one thing or another, and what stands where nothing should.

mod common;

use common::{Fault, OPEN, RECHARGE, Scenario, delivery, is_phase, op, renumber, run_of_four as run};
use paytwice_checkers::history::{Body, Event, FaultStage, Kind, Phase, Process, ReadError, read};
use paytwice_checkers::judge;
use paytwice_checkers::ops::Tape;
use paytwice_checkers::verdict::Results;

/// Kind, subject and sentence of what the checker of credits found.
fn found(results: &Results) -> Vec<(&str, &str, &str)> {
    let credits = results.checkers.iter().find(|c| c.name == "exactly-once");
    let anomalies = credits.expect("the checker").anomalies.iter();
    anomalies.map(|a| (&*a.kind, &*a.subject, &*a.sentence)).collect()
}

fn edited(scenario: &Scenario, edit: impl FnOnce(&mut Vec<Event>)) -> Results {
    let mut history = scenario.history();
    edit(&mut history.events);
    renumber(&mut history);
    judge(&history)
}

fn stranger(amount: i128) -> common::Row {
    common::Row {
        tx: "stranger".into(),
        account: 1,
        amount,
        result: Some("success"),
    }
}

/// One payment of 1 on the second account, credited so often, and what a row of nobody brought it.
fn credited(times: u32, recorded: i128, stray: i128) -> Vec<(String, String)> {
    let mut scenario = Scenario::empty();
    scenario.account(0);
    scenario.account(0);
    let payment = scenario.pay(1, 0);
    scenario.payments[payment].credits = times;
    scenario.payments[payment].credits_before = times;
    scenario.rows = vec![stranger(recorded)];
    scenario.accounts[1].stray = stray;
    let results = judge(&scenario.history());
    let found = found(&results).into_iter();
    found
        .map(|(kind, subject, _)| (kind.to_owned(), subject.to_owned()))
        .collect()
}

#[test]
fn what_explains_a_balance_as_well_as_another_is_what_was_recorded() {
    let lost = [("lost".to_owned(), "t0".to_owned())];
    // Two came where three were recorded: the row's 2, or twice the payment.
    assert_eq!(credited(0, 2, 2), lost);
    // Money that nobody explains is one more thing that went wrong.
    let double = [("double".to_owned(), "t0".to_owned())];
    assert_eq!(credited(2, 10, 10), double);
}

#[test]
fn the_end_of_a_phase_ends_the_phase_of_that_name() {
    let scenario = run();
    let phase = |name: &str, kind: Kind, time: u64| Event {
        index: 0,
        time,
        process: Process::Named("run".into()),
        kind,
        body: Body::Phase(Phase { name: name.into() }),
        error: None,
    };
    let results = edited(&scenario, |events| {
        let end = events.iter().position(|e| is_phase(e, "workload", Kind::Ok)).unwrap();
        let time = events[end].time;
        events.insert(end, phase("within", Kind::Invoke, time - 5));
        events.insert(end + 2, phase("within", Kind::Ok, time));
        let end = events.iter().position(|e| is_phase(e, "heal", Kind::Ok)).unwrap();
        events.insert(end + 1, phase("heal", Kind::Ok, events[end].time));
    });
    let plain = judge(&scenario.history());
    let of = |results: &Results, name: &str| {
        let phase = results.phases.iter().find(|(phase, ..)| phase == name).unwrap();
        (phase.1, phase.2)
    };
    for name in ["workload", "heal"] {
        assert_eq!(of(&results, name), of(&plain, name), "{name}");
    }
    let (from, to) = of(&results, "within");
    assert_eq!(to, Some(from + 5));
}

/// The scenario's payments on the second account come when it is opened, or so much later.
fn told_when_opened(later_ns: u64) -> Vec<String> {
    let mut scenario = run();
    scenario.accounts[1].initial = 0;
    scenario.accounts[1].late = true;
    for payment in 1..4 {
        scenario.credit(payment, 0);
    }
    let results = edited(&scenario, |events| {
        let opened = |e: &Event| e.kind == Kind::Ok && op(e, OPEN).is_some();
        let at = events.iter().position(opened).unwrap();
        let delivered = |events: &mut Vec<Event>| events.iter_mut().position(|e| delivery(e, "t1").is_some());
        let first = delivered(events).unwrap();
        events[at].time = events[first].time - later_ns;
        let opened = events.remove(at);
        let first = delivered(events).unwrap();
        events.insert(first, opened);
    });
    found(&results).iter().map(|(.., told)| (*told).to_owned()).collect()
}

#[test]
fn what_is_delivered_when_its_account_opens_is_not_too_early() {
    for later_ns in [0, 1] {
        let told = told_when_opened(later_ns);
        assert!(
            !told.is_empty() && told.iter().all(|told| !told.contains("before its account")),
            "{told:?}"
        );
    }
}

#[test]
fn what_is_delivered_when_something_is_killed_is_not_delivered_after_that() {
    let mut scenario = run();
    let payment = &mut scenario.payments[3];
    (payment.deliveries, payment.credits, payment.credits_before) = (2, 2, 2);
    let at = payment.start_ms + 22;
    scenario.faults = vec![Fault {
        fault: "kill",
        on: "account",
        from_ms: at,
        to_ms: at + 5,
    }];
    let results = edited(&scenario, |events| {
        let first = events.iter_mut().position(|e| delivery(e, "t3").is_some());
        let time = events[first.unwrap()].time;
        for event in events {
            if matches!(&event.body, Body::Fault(step) if step.step != FaultStage::Healed) {
                event.time = time;
            }
        }
    });
    let [(kind, subject, sentence)] = found(&results)[..] else {
        panic!("{results:#?}");
    };
    assert_eq!((kind, subject), ("double", "t3"));
    assert!(
        sentence.ends_with("delivered twice, once after account was killed"),
        "{sentence}"
    );
}

#[test]
fn a_workload_that_took_no_time_has_no_rates() {
    let results = edited(&run(), |events| {
        let begin = events
            .iter()
            .position(|e| is_phase(e, "workload", Kind::Invoke))
            .unwrap();
        let end = events.iter().position(|e| is_phase(e, "workload", Kind::Ok)).unwrap();
        let time = events[begin].time;
        for event in &mut events[begin..=end] {
            event.time = time;
        }
    });
    assert!(!results.figures.contains_key("ops_per_s"), "{:?}", results.figures);
    assert!(judge(&run().history()).figures.contains_key("ops_per_s"));
}

#[test]
fn operations_belong_to_the_workload_from_its_first_moment_to_its_last() {
    let invoked = |move_by: i64| {
        let results = edited(&run(), |events| {
            let begin = events
                .iter()
                .position(|e| is_phase(e, "workload", Kind::Invoke))
                .unwrap();
            let first = events.iter().position(|e| op(e, RECHARGE).is_some()).unwrap();
            events[first].time = events[begin].time.checked_add_signed(move_by).unwrap();
            if move_by < 0 {
                let first = events.remove(first);
                events.insert(begin, first);
            }
        });
        results.windows[0].ops[RECHARGE].invoked
    };
    assert_eq!([-1, 0, 1].map(invoked), [3, 4, 4]);
}

#[test]
fn what_stands_where_a_line_breaks_is_told_from_its_first_byte() {
    let header = run().jsonl().lines().next().unwrap().to_owned();
    // The last of four digits ends within a character.
    for (letters, text) in [
        ("aa\u{20ac}", "`\u{20ac}"),
        ("a\u{e9}\u{e9}", "`\u{e9}"),
        ("zzzz", "`z"),
    ] {
        let long = "x".repeat(80);
        let line = format!("{{\"index\":1,\"time\":1,\"process\":\"{long}\\u{letters}{long}\"}}");
        let history = format!("{header}\n{line}\n");
        let Err(ReadError::Line { found, line, .. }) = read(history.as_bytes(), "h.jsonl") else {
            panic!("{letters}");
        };
        assert_eq!(line, 2);
        assert!(found.starts_with(text), "{letters}: {found}");
    }
}

#[test]
fn what_was_never_read_is_nil() {
    assert!(Tape::default().root().is_nil());
}

//! What cannot be decided is unknown, with its reason; what is proved without final reads stands without them.

mod common;

use common::{PLANTS, QUERY_ACCOUNT, QUERY_PAY, RECHARGE, is_phase, is_view, op, run_of_four as run};
use paytwice_checkers::history::{Body, Event, FaultStage, FaultStep, History, Kind, Moment, Process, read};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::Verdict;

/// What makes a run unknown, and the reason it gives.
#[test]
fn what_cannot_be_decided_is_unknown_with_its_reason() {
    let whole = run().history();
    let edited = |edit: fn(&mut Vec<Event>)| {
        let mut history = whole.clone();
        edit(&mut history.events);
        renumber(&mut history);
        judge(&history)
    };
    for (reason, edit) in [
        (
            "exactly-once: the history is cut short: its final reads did not end",
            (|events| drop(events.pop())) as fn(&mut Vec<Event>),
        ),
        ("exactly-once: there is no final read of payments", |events| {
            events.retain(|e| !is_view(e, "payments", Moment::Final));
        }),
        ("exactly-once: there is no final read of balances", |events| {
            events.retain(|e| !is_view(e, "balances", Moment::Final));
        }),
        ("exactly-once: there is no initial read of balances", |events| {
            events.retain(|e| !is_view(e, "balances", Moment::Initial));
        }),
        (
            "exactly-once: the final read of payments is incomplete: no answer",
            |events| {
                fail_read(events);
            },
        ),
        ("exactly-once: the final reads are incomplete: no answer", |events| {
            let end = events.last_mut().expect("an end");
            end.kind = Kind::Info;
            end.error = Some("no answer\nand a log".into());
        }),
        (
            "exactly-once: the target did not come to rest in settle-repair: lag 3",
            |events| {
                let end = events
                    .iter_mut()
                    .find(|e| is_phase(e, "settle-repair", Kind::Ok))
                    .expect("its end");
                end.kind = Kind::Info;
                end.error = Some("lag 3".into());
            },
        ),
        (
            "exactly-once: there is no settle phase: nothing says that the target came to rest",
            |events| events.retain(|e| !matches!(&e.body, Body::Phase(p) if p.name.starts_with("settle"))),
        ),
        (
            "exactly-once: the fault cut pay->mysql #9 was never seen healed",
            |events| {
                let at = events
                    .iter()
                    .position(|e| is_phase(e, "workload", Kind::Ok))
                    .expect("its end");
                for (offset, step) in [FaultStage::Done, FaultStage::Healing, FaultStage::Failed]
                    .into_iter()
                    .enumerate()
                {
                    events.insert(at + offset, fault_step(step));
                }
            },
        ),
        (
            "honest-answers: no query-account or query-pay ended ok: there is nothing to judge",
            |events| {
                events.retain(|e| [QUERY_PAY, QUERY_ACCOUNT].iter().all(|action| op(e, action).is_none()));
            },
        ),
        (
            "exactly-once: no recharge ended ok: there is nothing to judge",
            |events| {
                events.retain(|e| op(e, RECHARGE).is_none());
            },
        ),
        (
            "exactly-once: the history is malformed: event 13: time runs back",
            |events| {
                events[13].time = 1;
            },
        ),
        (
            "exactly-once: the history is malformed: event 5: recharge of process 1 ends without an open invocation",
            |events| drop(events.remove(5)),
        ),
        (
            "exactly-once: event 10: t1 is tried again with another payload, and not marked as a conflict",
            |events| {
                for event in events {
                    if let Body::Op(op) = &mut event.body {
                        op.subject = "t1".into();
                    }
                }
            },
        ),
    ] {
        let results = edited(edit);
        // A row that nobody asked for is proof enough; everything else is undecided.
        if !reason.contains("no recharge") {
            assert_eq!(results.verdict, Verdict::Unknown, "{reason}: {}", results.sentence);
            assert!(
                results.sentence.starts_with(&format!("UNKNOWN: {reason}")),
                "{reason}\n{}",
                results.sentence
            );
        }
        assert!(
            results.checkers.iter().any(|c| c.verdict == Verdict::Unknown),
            "{reason}"
        );
    }
}

/// Only this view failed: the others follow it.
fn fail_read(events: &mut [Event]) {
    let read = events
        .iter_mut()
        .find(|e| is_view(e, "payments", Moment::Final))
        .expect("the view");
    if let Body::View(view) = &mut read.body {
        view.rows = None;
    }
    read.kind = Kind::Info;
    read.error = Some("no answer\nand a log".into());
}

fn fault_step(step: FaultStage) -> Event {
    Event {
        index: 0,
        time: u64::MAX,
        process: Process::Named("nemesis".into()),
        kind: Kind::Info,
        body: Body::Fault(FaultStep {
            id: 9,
            fault: "cut".into(),
            on: "pay->mysql".into(),
            step,
            detail: String::new(),
            counts: std::collections::BTreeMap::new(),
        }),
        error: None,
    }
}

/// Gives the events their indices again, and the inserted ones a time.
fn renumber(history: &mut History) {
    let mut now = 0;
    for (index, event) in (0..).zip(&mut history.events) {
        event.index = index;
        if event.time == u64::MAX {
            event.time = now;
        }
        now = event.time;
    }
}

#[test]
fn proof_that_needs_no_final_reads_stands_without_them() {
    for (plant, kind) in [
        ("conflict accepted", "conflict-accepted"),
        ("divergent number", "divergent-answer"),
        ("false fail", "false-fail"),
    ] {
        let mut scenario = run();
        let plant = PLANTS.iter().find(|p| p.name == plant).expect("it is among the plants");
        plant.apply(&mut scenario, 0, 400);
        let text = scenario.jsonl();
        let cut = text.find("\"final-reads\"").expect("final reads");
        let history = read(&text.as_bytes()[..cut], "history.jsonl").expect("it is readable");
        let results = judge(&history);
        assert_eq!(results.verdict, Verdict::Invalid, "{kind}: {}", results.sentence);
        assert!(results.truncated);
        let found: Vec<_> = results.anomalies().into_iter().map(|a| &*a.kind).collect();
        assert_eq!(found, [kind]);
        assert_eq!(results.checkers[0].verdict, Verdict::Unknown);
    }
}

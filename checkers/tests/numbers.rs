//! Statistics per window and the figures of a run, counted by hand.

mod common;

use common::{Fault, MS, Scenario, Try};
use paytwice_checkers::history::{Body, Deed, History, Kind, Process, Sample};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{OpStats, Results};

fn ops<'a>(results: &'a Results, window: &str, f: &str) -> &'a OpStats {
    let window = results.windows.iter().find(|w| w.window == window).expect("the window");
    window.ops.get(f).expect("operations of that kind")
}

/// Five payments: at 0, 100 (two tries, one without an answer), 200, 300 and 400 ms; each try takes 7 ms.
fn run() -> Scenario {
    let mut scenario = Scenario::empty();
    scenario.account(0);
    for n in 0..5 {
        scenario.pay(0, n * 100);
    }
    scenario.payments[1].tries.insert(0, Try::ended(Kind::Info));
    scenario
}

#[test]
fn operations_are_counted_per_window() {
    let mut scenario = run();
    scenario.faults = vec![
        Fault {
            fault: "kill",
            on: "pay",
            from_ms: 94,
            to_ms: 105,
        },
        Fault {
            fault: "delay",
            on: "client->pay",
            from_ms: 103,
            to_ms: 350,
        },
    ];
    let results = judge(&scenario.history());
    let names: Vec<_> = results.windows.iter().map(|w| (w.window.as_str(), w.fault)).collect();
    assert_eq!(
        names,
        [
            ("workload", None),
            ("no fault", None),
            ("kill pay #1", Some(1)),
            ("delay client->pay #2", Some(2))
        ]
    );
    let all = ops(&results, "workload", "recharge");
    assert_eq!((all.invoked, all.ok, all.fail, all.info), (6, 5, 0, 1));
    assert_eq!(all.availability, Some(5.0 / 6.0));
    assert_eq!((all.latency_p50_us, all.latency_max_us), (Some(7_000), Some(7_000)));
    // The lost try was under both, the rest of the second to the fourth payment under the delay alone.
    let kill = ops(&results, "kill pay #1", "recharge");
    assert_eq!(
        (kill.invoked, kill.ok, kill.info, kill.availability),
        (1, 0, 1, Some(0.0))
    );
    assert_eq!(kill.latency_p99_us, None);
    let delay = ops(&results, "delay client->pay #2", "recharge");
    assert_eq!((delay.invoked, delay.ok, delay.info), (4, 3, 1));
    let calm = ops(&results, "no fault", "recharge");
    assert_eq!((calm.invoked, calm.ok, calm.availability), (2, 2, Some(1.0)));
    let kill = &results.windows[2];
    assert_eq!(kill.to_ns - kill.from_ns, 10 * MS);
}

#[test]
fn figures_tell_what_was_credited_how_and_how_fast() {
    let mut scenario = run();
    scenario.payments[2].credits_before = 0;
    scenario.payments[2].compensate = Some("success");
    scenario.payments[3].credits = 0;
    scenario.payments[3].credits_before = 0;
    let results = judge(&scenario.history());
    let figure = |name: &str| results.figures.get(name).copied();
    assert_eq!(figure("credited_by_message"), Some(3.0));
    assert_eq!(figure("credited_by_query"), Some(1.0));
    assert_eq!(figure("rpo_messages"), Some(1.0));
    assert_eq!(figure("rpo_minor_units"), Some(1_000.0));
    // Each delivery comes 20 ms after its try began, 13 ms after its answer.
    assert_eq!(figure("soft_state_p50_ms"), Some(13.0));
    assert_eq!(figure("soft_state_max_ms"), Some(13.0));
    let (_, from, to) = results.phases[1].clone();
    #[expect(clippy::cast_precision_loss, reason = "a test")]
    let seconds = (to.unwrap() - from) as f64 / 1e9;
    assert_eq!(figure("recharges_acknowledged_per_s"), Some(5.0 / seconds));
    assert_eq!(figure("ops_per_s"), Some(5.0 / seconds));
}

#[test]
fn convergence_is_the_first_look_from_which_nothing_changed() {
    let mut history = run().history();
    let is_phase = |kind: Kind, name: &'static str| {
        move |e: &paytwice_checkers::history::Event| {
            e.kind == kind && matches!(&e.body, Body::Phase(p) if p.name == name)
        }
    };
    let healed = history
        .events
        .iter()
        .position(is_phase(Kind::Ok, "heal"))
        .expect("heal");
    let settled = history
        .events
        .iter()
        .position(is_phase(Kind::Ok, "settle"))
        .expect("settle");
    let start = history.events[healed].time;
    let sample = |at_ms: u64, lag: i64, rows: i64| {
        let counters = [
            ("lag".to_owned(), lag),
            ("rows".to_owned(), rows),
            ("dead".to_owned(), 1),
        ]
        .into();
        paytwice_checkers::history::Event {
            index: 0,
            time: start + at_ms * MS,
            process: Process::Named("run".into()),
            kind: Kind::Info,
            body: Body::Sample(Sample { counters }),
            error: None,
        }
    };
    history.events.retain(|e| !matches!(e.body, Body::Sample(_)));
    let settled = settled - 2;
    let looks = [
        sample(10, 4, 9),
        sample(20, 0, 9),
        sample(30, 0, 10),
        sample(40, 0, 10),
        sample(50, 0, 10),
    ];
    history.events.splice(settled..settled, looks);
    let results = judge(&renumbered(history));
    assert_eq!(
        results.figures.get("convergence_ms"),
        Some(&30.0),
        "{}",
        results.sentence
    );
}

/// Indices without gaps again, and time that never runs back.
fn renumbered(mut history: History) -> History {
    let mut now = 0;
    for (index, event) in (0..).zip(&mut history.events) {
        event.index = index;
        now = now.max(event.time);
        event.time = now;
    }
    history
}

#[test]
fn a_history_cut_short_claims_no_losses() {
    let mut history = run().history();
    history.events.pop();
    let results = judge(&history);
    assert!(!results.figures.contains_key("rpo_messages"));
    assert!(results.figures.contains_key("recharges_acknowledged_per_s"));
}

/// A run in which t1 is refused twice, and t0 and t2 are asked for: at the ends of the workload, before it, and after.
#[test]
fn operations_before_and_after_the_workload_are_not_of_it() {
    let mut scenario = run();
    scenario.payments[4].compensate = Some("success");
    let refused = Try {
        result: Some("fail"),
        ..Try::ended(Kind::Fail)
    };
    scenario.payments[1].tries = vec![refused.clone(), refused];
    scenario.payments[1].rows.clear();
    scenario.payments[1].deliveries = 0;
    scenario.payments[1].credits = 0;
    scenario.payments[1].credits_before = 0;
    let mut history = scenario.history();
    let asked = |history: &mut History, at: usize, process: u64| {
        let time = history.events[at].time;
        let query = |kind| paytwice_checkers::history::Event {
            index: 0,
            time,
            process: Process::Client(process),
            kind,
            body: Body::Query(
                paytwice_checkers::history::QueryPath::Pay,
                paytwice_checkers::history::Query {
                    tx: "t0".into(),
                    ..Default::default()
                },
            ),
            error: None,
        };
        history.events.splice(at..at, [query(Kind::Invoke), query(Kind::Info)]);
    };
    let find = |history: &History, kind: Kind| {
        let is = |e: &paytwice_checkers::history::Event| {
            e.kind == kind && matches!(&e.body, Body::Phase(phase) if phase.name == "workload")
        };
        history.events.iter().position(is).expect("the phase")
    };
    // Just before its end, just after its beginning, and well before it.
    let end = find(&history, Kind::Ok);
    asked(&mut history, end, 501);
    let begin = find(&history, Kind::Invoke);
    asked(&mut history, begin + 1, 502);
    history.events[begin + 1].time = history.events[begin].time;
    history.events[begin + 2].time = history.events[begin].time;
    asked(&mut history, 2, 503);
    assert!(history.events[2].time < history.events[begin + 2].time);
    let results = judge(&renumbered(history));
    assert_eq!(ops(&results, "workload", "query-pay").invoked, 2);
    assert!(!results.windows[0].ops.contains_key("query-compensate"));
    let all = ops(&results, "workload", "recharge");
    assert_eq!((all.invoked, all.ok, all.fail, all.availability), (6, 4, 2, Some(1.0)));
}

#[test]
fn figures_leave_out_what_did_not_arrive_and_what_is_not_definite() {
    let mut scenario = run();
    scenario.payments[1].tries.truncate(0);
    scenario.payments[1].tries = vec![Try::ok("unknown", "t1"), Try::ok("success", "t1")];
    // Acknowledged, and not recorded.
    scenario.payments[3].rows.clear();
    scenario.payments[3].credits = 0;
    scenario.payments[3].credits_before = 0;
    scenario.payments[3].deliveries = 0;
    for at in [0, 1, 4] {
        scenario.payments[at].deliveries = 0;
    }
    scenario.payments[2].deliveries = 2;
    let mut history = scenario.history();
    let wires = history.events.iter_mut().filter_map(|event| match &mut event.body {
        Body::Wire(wire) => Some(wire),
        _ => None,
    });
    for wire in wires.take(1) {
        wire.did = vec![Deed::Dropped];
    }
    let results = judge(&history);
    let figure = |name: &str| results.figures.get(name).copied();
    assert_eq!(
        (figure("rpo_messages"), figure("rpo_minor_units")),
        (Some(1.0), Some(1_000.0))
    );
    assert_eq!(figure("soft_state_max_ms"), Some(43.0));
    let (_, from, to) = results.phases[1].clone();
    #[expect(clippy::cast_precision_loss, reason = "a test")]
    let seconds = (to.unwrap() - from) as f64 / 1e9;
    assert_eq!(figure("recharges_acknowledged_per_s"), Some(5.0 / seconds));
}

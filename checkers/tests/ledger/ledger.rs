//! What is taken from a history, event by event: reads, deliveries, faults, accounts and what they gained.

use paytwice_checkers::history::{Again, Body, Deed, Event, FaultStage, FaultStep, Kind, Moment, Process, Rows, View};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{Results, Verdict};

use crate::common::{OPEN, Row, Scenario, Shown, delivery, edit_rows, is_phase, is_view, op, run_of_one};
use crate::{VICTIM, counts, edited, found, kinds, reason, run, run_with_a_loss};

fn named(process: &str, kind: Kind, body: Body) -> Event {
    Event {
        index: 0,
        time: 0,
        process: Process::Named(process.into()),
        kind,
        body,
        error: None,
    }
}

/// Puts events before the one that is found, at its time.
fn insert(events: &mut Vec<Event>, before: impl Fn(&Event) -> bool, inserted: Vec<Event>) {
    let at = events.iter().position(before).expect("it is there");
    let time = events[at].time;
    events.splice(at..at, inserted.into_iter().map(|event| Event { time, ..event }));
}

fn stranger(amount: i128) -> Row {
    Row {
        tx: "stranger".into(),
        account: 1,
        amount,
        result: Some("success"),
    }
}

#[test]
fn money_of_a_row_of_nobody_is_taken_off_where_that_explains_the_balance() {
    // It came, or it did not, though without it the rest would stand for fewer payments.
    for (amount, stray) in [(500, 500), (110, 110), (110, 0), (500, 0), (7_000, 7_000), (7_000, 0)] {
        let mut scenario = run();
        scenario.rows = vec![stranger(amount)];
        scenario.accounts[1].stray = stray;
        let results = judge(&scenario.history());
        assert_eq!(found(&results, "exactly-once"), [], "{amount} {stray}");
    }
}

#[test]
fn money_of_a_row_of_nobody_does_not_stand_for_payments_that_are_missing() {
    let mut scenario = run();
    scenario.rows = vec![stranger(500)];
    scenario.accounts[1].stray = 500;
    scenario.credit(1, 0);
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("lost", "t1")]);
}

#[test]
fn money_at_a_position_that_no_payment_has_is_of_nobody() {
    let mut scenario = run();
    scenario.payments[2].k = 3;
    scenario.payments[2].rows[0].amount = 1_000;
    scenario.accounts[1].stray = 10;
    let results = judge(&scenario.history());
    let sentence = "account a1 gained 0.10 that no payment explains";
    assert_eq!(found(&results, "exactly-once"), [("ghost", "a1", sentence)]);
}

#[test]
fn only_a_balance_in_exponent_form_may_have_drifted_and_only_a_little() {
    // One cent of ten million million.
    let mut scenario = run();
    for n in 0..13 {
        scenario.pay(1, 400 + 10 * n);
    }
    scenario.credit(1, 0);
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("lost", "t1")]);
    let mut scenario = run_with_a_loss();
    scenario.accounts[1].shown = Shown::Text("1.0011E2".into());
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("lost", "t3")]);
}

#[test]
fn an_account_that_was_not_there_at_rest_had_gained_nothing() {
    let mut scenario = run();
    let account = scenario.account(0);
    scenario.accounts[account].late = true;
    scenario.pay(account, 400);
    let results = edited(&scenario, |events| {
        for event in events {
            if is_view(event, "balances", Moment::Rest) {
                edit_rows(event, |row| row["account"].as_deref() != Some("a2"));
            }
        }
    });
    assert_eq!(kinds(&results, "exactly-once"), [("late", "t4")]);
}

#[test]
fn without_a_repair_every_credit_came_before_it() {
    let before_repair = |scenario: &Scenario| {
        let results = edited(scenario, |events| {
            events.retain(|e| !is_view(e, "balances", Moment::Rest));
        });
        results.fates[VICTIM].effects_before_repair
    };
    let mut scenario = run();
    scenario.repairs = false;
    assert_eq!(before_repair(&scenario), Some(1));
    scenario.repairs = true;
    scenario.payments[VICTIM].repair = Some("success");
    assert_eq!(before_repair(&scenario), None);
}

#[test]
fn two_rows_of_one_account_hold_what_both_hold_together() {
    let mut scenario = run();
    scenario.accounts[1].shown = Shown::Twice;
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "balance-convergence"), [("duplicate-account", "a1")]);
    assert_eq!(
        (found(&results, "exactly-once"), reason(&results, "exactly-once")),
        (vec![], None)
    );
}

#[test]
fn an_account_whose_opening_failed_is_not_opened() {
    let mut scenario = run();
    let account = scenario.account(0);
    scenario.accounts[account].late = true;
    scenario.accounts[account].shown = Shown::Absent;
    scenario.pay(account, 400);
    scenario.forget(4);
    let opened = |kind: Kind| {
        edited(&scenario, |events| {
            for event in events {
                if event.kind == Kind::Ok && op(event, OPEN).is_some() {
                    event.kind = kind;
                }
            }
        })
    };
    assert_eq!(opened(Kind::Fail).verdict, Verdict::Valid);
    assert_eq!(
        kinds(&opened(Kind::Ok), "balance-convergence"),
        [("missing-account", "a2")]
    );
}

#[test]
fn rows_of_an_earlier_run_are_not_of_this_one() {
    let mut scenario = run();
    scenario.rows = vec![stranger(700)];
    scenario.rows[0].account = 0;
    let mut rows = Rows::new(["tx", "account", "amount", "result"]);
    rows.push(["stranger", "a0", "7.00", "success"].map(Some));
    let earlier = Body::View(View {
        view: "payments".into(),
        at: Moment::Initial,
        rows: Some(rows),
    });
    let results = edited(&scenario, |events| {
        insert(
            events,
            |e| is_phase(e, "setup", Kind::Ok),
            vec![named("view", Kind::Ok, earlier)],
        );
    });
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    assert_eq!(
        kinds(&judge(&scenario.history()), "idempotent-requests"),
        [("unexpected-record", "stranger")]
    );
}

#[test]
fn a_read_that_failed_or_ended_with_an_error_is_incomplete() {
    let final_payments = |e: &Event| is_view(e, "payments", Moment::Final);
    for (kind, error, why) in [
        (Kind::Fail, None, "the final read of payments is incomplete: it failed"),
        (
            Kind::Info,
            Some("no answer"),
            "the final read of payments is incomplete: no answer",
        ),
    ] {
        let results = edited(&run(), |events| {
            let read = events.iter_mut().find(|e| final_payments(e)).expect("it is there");
            (read.kind, read.error) = (kind, error.map(str::to_owned));
        });
        assert_eq!(reason(&results, "exactly-once"), Some(why));
    }
    // The credits that a service lists are an extra.
    let results = edited(&run(), |events| {
        events.retain(|e| !is_view(e, "credits", Moment::Final));
    });
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    // What somebody else notes of that moment is no read.
    let note = Body::Other("note".into(), serde_json::json!({"at": "final"}));
    let results = edited(&run(), |events| {
        insert(
            events,
            |e| is_phase(e, "final-reads", Kind::Ok),
            vec![named("run", Kind::Info, note)],
        );
    });
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
}

#[test]
fn a_run_that_stopped_says_where() {
    let results = edited(&run(), |events| {
        let end = events
            .iter()
            .position(|e| is_phase(e, "workload", Kind::Ok))
            .expect("its end");
        events.truncate(end + 1);
        (events[end].kind, events[end].error) = (Kind::Info, Some("the broker is gone".into()));
    });
    let why = "the history ends without final reads: the run stopped in workload: the broker is gone";
    assert_eq!(reason(&results, "exactly-once"), Some(why));
}

/// Changes the deliveries of t3: what was done to each, and how often each names it.
fn delivered(scenario: &Scenario, did: &[Option<Deed>], names: usize) -> Results {
    edited(scenario, |events| {
        let of_victim = events.iter_mut().filter_map(|event| delivery(event, "t3"));
        for (wire, did) in of_victim.zip(did) {
            wire.did = did.iter().copied().collect();
            wire.keys.insert("tx".into(), vec!["t3".into(); names]);
        }
    })
}

#[test]
fn a_delivery_that_did_not_arrive_is_none() {
    let mut scenario = run();
    scenario.payments[VICTIM].deliveries = 2;
    for (did, times) in [
        ([None, None], 2),
        ([Some(Deed::Dropped), None], 1),
        ([None, Some(Deed::Lost)], 1),
        ([Some(Deed::DelayedMs(200)), None], 2),
        ([Some(Deed::Duplicated(Again::Frame)), Some(Deed::Copy)], 2),
        // What stops a process before a frame holds the frame; where it never arrives, that is said beside it.
        ([Some(Deed::StoppedBefore), Some(Deed::StoppedAfter)], 2),
    ] {
        let results = delivered(&scenario, &did, 1);
        assert_eq!(results.fates[VICTIM].delivered, times, "{did:?}");
    }
    let [first, second] = [None, Some(Deed::Dropped)].map(|did| {
        let results = delivered(&scenario, &[did, None], 1);
        results.fates[VICTIM].first_delivered_ns.expect("it was delivered")
    });
    assert!(first < second);
    // One that carries the number twice, or more often, is one.
    for names in [2, 63, 64, 1000] {
        let results = delivered(&scenario, &[None, None], names);
        assert_eq!(results.fates[VICTIM].delivered, 2, "{names}");
    }
}

#[test]
fn what_a_link_did_to_a_subjects_own_frame_is_named_before_a_fault_around_it() {
    let mut scenario = run();
    scenario.payments[VICTIM].deliveries = 2;
    scenario.credit(VICTIM, 2);
    scenario.faults = vec![crate::common::Fault {
        fault: "kill",
        on: "account",
        from_ms: 335,
        to_ms: 336,
    }];
    for did in [[Some(Deed::Dropped), None], [None, Some(Deed::Dropped)]] {
        let results = delivered(&scenario, &did, 1);
        let told = found(&results, "exactly-once")[0].2;
        assert!(
            told.ends_with("delivered once; rocketmq->account DELIVER topic_notifymsg was dropped"),
            "{told}"
        );
    }
    let told = |did: [Option<Deed>; 2]| {
        let results = delivered(&scenario, &did, 1);
        found(&results, "exactly-once")[0].2.to_owned()
    };
    let both = told([Some(Deed::DelayedMs(40)), Some(Deed::Dropped)]);
    assert!(
        both.ends_with("delivered once; rocketmq->account DELIVER topic_notifymsg was dropped"),
        "{both}"
    );
    // Where none was lost, the kill between them; one that only came later is named where there was none.
    for did in [[None, None], [Some(Deed::DelayedMs(40)), None]] {
        assert!(told(did).ends_with("delivered twice, once after account was killed"));
    }
    scenario.faults.clear();
    let results = delivered(&scenario, &[Some(Deed::DelayedMs(40)), None], 1);
    let told = found(&results, "exactly-once")[0].2;
    assert!(
        told.ends_with("delivered twice; rocketmq->account DELIVER topic_notifymsg was delayed 40 ms"),
        "{told}"
    );
}

#[test]
fn a_view_in_which_no_key_is_that_of_any_payment_accuses_nobody() {
    let results = edited(&run(), |events| {
        for event in events {
            if is_view(event, "payments", Moment::Final) {
                edit_rows(event, |row| {
                    row.insert("tx".into(), Some("1".into()));
                    row.insert("amount".into(), Some("0.99".into()));
                    true
                });
            }
        }
    });
    let why = "the final read of payments shows 4 rows, and no tx in it is that of any payment: the view does not show what the \
               promise is about";
    for promise in ["exactly-once", "idempotent-requests", "honest-answers"] {
        assert_eq!(found(&results, promise), []);
        assert_eq!(reason(&results, promise), Some(why));
    }
    assert_eq!(results.verdict, Verdict::Unknown);
}

#[test]
fn money_from_elsewhere_accuses_no_payment_that_was_brought_once() {
    // t0 and t1 are of 0.01, each on an account of its own; what t1 should have brought went to the account of t0.
    let mut scenario = run_of_one();
    let other = scenario.pay(1, 100);
    for payment in &mut scenario.payments {
        payment.commits = 1;
    }
    scenario.credit(other, 0);
    scenario.accounts[0].stray = scenario.amount(other);
    let told = |scenario: &Scenario| {
        let results = judge(&scenario.history());
        let found = found(&results, "exactly-once").into_iter();
        found
            .map(|(kind, subject, _)| format!("{kind} {subject}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&scenario), ["ghost a0", "lost t1"]);
    // Where a second commit of its own may have brought it, it is a second credit.
    scenario.payments[0].commits = 2;
    assert_eq!(told(&scenario), ["double t0", "lost t1"]);
    // And so it is where a second delivery may have.
    scenario.payments[0].commits = 1;
    scenario.payments[0].deliveries = 2;
    assert_eq!(told(&scenario), ["double t0", "lost t1"]);
    // Or where nobody misses it.
    scenario.payments[0].deliveries = 1;
    scenario.credit(other, 1);
    assert_eq!(told(&scenario), ["double t0"]);
}

fn step(step: FaultStage, detail: &str) -> Event {
    let body = Body::Fault(FaultStep {
        id: 1,
        fault: "pause".into(),
        on: "account".into(),
        step,
        detail: detail.into(),
        counts: std::collections::BTreeMap::new(),
    });
    named("nemesis", Kind::Info, body)
}

/// Judges a run in which t3 is lost, with these steps of a fault just before its delivery.
fn with_fault(steps: Vec<Event>) -> Results {
    edited(&run_with_a_loss(), |events| {
        insert(
            events,
            |e| matches!(&e.body, Body::Wire(wire) if wire.key("tx") == ["t3"]),
            steps,
        );
    })
}

#[test]
fn a_fault_that_was_never_seen_to_take_effect_explains_nothing() {
    use FaultStage::{Asked, Done, Failed, Healed, Healing, Seen};
    let told = |steps: &[FaultStage]| {
        let results = with_fault(steps.iter().map(|stage| step(*stage, "")).collect());
        found(&results, "exactly-once")[0].2.contains("account was paused")
    };
    assert!(told(&[Asked, Done, Seen, Healing, Healed]));
    assert!(told(&[Asked, Done, Seen, Healed, Failed]));
    assert!(!told(&[Asked, Done, Healed, Failed]));
    assert!(!told(&[Asked, Failed]));
}

#[test]
fn a_fault_that_nobody_undid_leaves_the_target_restless() {
    use FaultStage::{Asked, Done, Healed, Healing};
    for (steps, open) in [
        (vec![Asked, Done], true),
        (vec![Asked, Healing], true),
        (vec![Asked, Done, Healing, Healed], false),
        (vec![Asked], false),
    ] {
        let results = with_fault(steps.iter().map(|stage| step(*stage, "")).collect());
        let why = reason(&results, "honest-answers");
        assert_eq!(why, None);
        let restless = reason(&results, "balance-convergence")
            .is_some_and(|why| why.contains("the fault pause account #1 was never seen healed"));
        assert_eq!(restless, open, "{steps:?}");
    }
}

#[test]
fn the_evidence_of_a_fault_is_what_its_steps_say() {
    use FaultStage::{Asked, Done, Healed, Seen};
    let results = with_fault(vec![
        step(Asked, ""),
        step(Done, "SIGSTOP"),
        step(Seen, "no answer for 40 ms"),
        step(Healed, ""),
    ]);
    let fault = &results.faults[0];
    assert_eq!(
        (fault.seen, &fault.evidence[..]),
        (true, &["SIGSTOP".to_owned(), "no answer for 40 ms".to_owned()][..])
    );
}

#[test]
fn anomalies_are_counted_and_of_many_doubts_the_first_three_are_named() {
    let mut scenario = run_with_a_loss();
    scenario.credit(2, 0);
    let results = judge(&scenario.history());
    assert_eq!(counts(&results, "exactly-once", ["lost", "successful"]), [2, 4]);
    let mut scenario = run();
    for n in 0..3 {
        let account = scenario.account(0);
        scenario.accounts[account].shown = Shown::Text("much".into());
        let why = reason(&judge(&scenario.history()), "balance-convergence")
            .unwrap()
            .to_owned();
        assert_eq!(why.matches("; ").count(), n, "{why}");
        assert!(!why.contains(" more"), "{why}");
    }
    for more in 1..3 {
        let account = scenario.account(0);
        scenario.accounts[account].shown = Shown::Text("much".into());
        let why = reason(&judge(&scenario.history()), "balance-convergence")
            .unwrap()
            .to_owned();
        assert_eq!(why.matches("account a").count(), 3, "{why}");
        assert!(why.ends_with(&format!("; and {more} more")), "{why}");
    }
}

#[test]
fn what_was_attempted_and_what_is_recorded_are_told_apart() {
    let mut scenario = run();
    scenario.forget(VICTIM);
    let results = judge(&scenario.history());
    assert_eq!(
        results.sentence,
        "VALID: 4 payments attempted, 3 recorded as successful, each of these credited exactly once"
    );
    for payment in 0..3 {
        scenario.forget(payment);
    }
    let results = judge(&scenario.history());
    let why = reason(&results, "balance-convergence").unwrap();
    assert_eq!(why, "no payment is recorded as successful: there is nothing to add up");
}

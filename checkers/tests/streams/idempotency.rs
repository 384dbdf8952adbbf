use paytwice_checkers::accounts::idempotency::{Event, Idempotency};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, interleave, kinds, outcome, renamed, run, run_at};

fn event() -> impl Strategy<Value = Event> {
    (0_u8..10, 0_u32..2, 0_u32..3).prop_map(|(what, id, payload)| match what {
        0..4 => Event::Sent { id, payload },
        4..6 => Event::Accepted { id, payload },
        6 => Event::Refused { id, payload },
        _ => Event::Recorded { id, payload },
    })
}

/// Number by number, payload by payload, by scanning the whole history.
fn reference(events: &[Event], complete: bool) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let count = |event: Event| events.iter().filter(|e| **e == event).count();
    let mut wrong = [
        ("divergence", 0),
        ("duplicate", 0),
        ("lost", 0),
        ("unexpected", 0),
        ("aborted", 0),
    ];
    for id in 0..2 {
        let sent = |payload| count(Event::Sent { id, payload });
        let accepted = |payload| count(Event::Accepted { id, payload }) > 0;
        let recorded = |payload| count(Event::Recorded { id, payload });
        let may =
            |payload: &u32| accepted(*payload) || sent(*payload) > count(Event::Refused { id, payload: *payload });
        let rightly = |payload: &u32| recorded(*payload) > 0 && may(payload);
        let wrongly = |payload: &u32| recorded(*payload) > 0 && !may(payload);
        let involved = (0..3).filter(|p| accepted(*p) || rightly(p)).count();
        let stranger = (0..3).any(|p| wrongly(&p) && sent(p) == 0);
        wrong[0].1 += u64::from(involved > 1);
        wrong[1].1 += u64::from((0..3).any(|p| recorded(p) > 1));
        wrong[2].1 += u64::from(complete && (0..3).any(accepted) && !(0..3).any(|p| rightly(&p)));
        wrong[3].1 += u64::from(stranger);
        wrong[4].1 += u64::from(!stranger && (0..3).any(|p| wrongly(&p)));
    }
    let seen = events
        .iter()
        .any(|e| matches!(e, Event::Accepted { .. } | Event::Recorded { .. }));
    expected(seen && complete, &wrong)
}

fn rename(event: Event) -> Event {
    match event {
        Event::Sent { id, payload } => Event::Sent {
            id: renamed(id),
            payload: renamed(payload),
        },
        Event::Accepted { id, payload } => Event::Accepted {
            id: renamed(id),
            payload: renamed(payload),
        },
        Event::Refused { id, payload } => Event::Refused {
            id: renamed(id),
            payload: renamed(payload),
        },
        Event::Recorded { id, payload } => Event::Recorded {
            id: renamed(id),
            payload: renamed(payload),
        },
        Event::ReadComplete => Event::ReadComplete,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_scanning(events in prop::collection::vec(event(), 0..14), complete: bool) {
        let mut all = events.clone();
        if complete {
            all.push(Event::ReadComplete);
        }
        let result = run(Idempotency::new(), all.clone());
        prop_assert_eq!(outcome(&result), reference(&events, complete));
        let other = run_at(Idempotency::new(), all.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        let unobserved = std::iter::once(Event::Sent { id: 40, payload: 1 }).chain(all);
        prop_assert_eq!(outcome(&run(Idempotency::new(), unobserved)), outcome(&result));
    }

    #[test]
    fn a_server_that_keeps_the_first_payload_is_valid(fates in prop::collection::vec(0_u8..5, 1..20), order in any::<u64>()) {
        prop_assert_eq!(run(Idempotency::new(), valid(&fates, order)).verdict, Verdict::Valid);
    }
}

/// Numbers by fate: accepted and retried; info and recorded; info and absent; refused with another payload; refused.
fn valid(fates: &[u8], order: u64) -> Vec<Event> {
    let mut recorded = Vec::new();
    let lives = (0..).zip(fates.iter().chain([&0])).map(|(id, fate)| {
        let [sent, accepted, refused, record] = life(id, 10);
        if *fate != 2 && *fate != 4 {
            recorded.push(record);
        }
        match fate {
            1 => vec![sent, sent],
            2 => vec![sent],
            3 => vec![sent, accepted, life(id, 11)[0], life(id, 11)[2]],
            4 => vec![sent, refused],
            _ => vec![sent, accepted, sent, accepted],
        }
    });
    let mut events = interleave(lives.collect(), order);
    events.extend(recorded);
    events.push(Event::ReadComplete);
    events
}

/// Sent, accepted, refused, recorded.
fn life(id: u32, payload: u32) -> [Event; 4] {
    [
        Event::Sent { id, payload },
        Event::Accepted { id, payload },
        Event::Refused { id, payload },
        Event::Recorded { id, payload },
    ]
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let [sent, accepted, refused, recorded] = life(90, 1);
    let [sent_other, accepted_other, _, recorded_other] = life(90, 2);
    let plants: [(&str, &str, &[Event]); 7] = [
        ("duplicate", "is recorded twice", &[sent, accepted, recorded, recorded]),
        (
            "divergence",
            "was accepted with 2 payloads",
            &[sent, sent_other, accepted, accepted_other, recorded],
        ),
        (
            "divergence",
            "is recorded with another payload than was accepted",
            &[sent, accepted, sent_other, recorded_other],
        ),
        (
            "divergence",
            "is recorded with 2 payloads",
            &[sent, sent_other, recorded, recorded_other],
        ),
        ("lost", "was accepted and is not recorded", &[sent, accepted]),
        (
            "unexpected",
            "is recorded with a payload that was never sent",
            &[sent, recorded, recorded_other],
        ),
        (
            "aborted",
            "is recorded, and every send of it was refused",
            &[sent, refused, recorded],
        ),
    ];
    for (kind, how, plant) in plants {
        let mut events = valid(&[0, 1, 2, 3, 4], 7);
        events.extend(plant);
        events.push(Event::ReadComplete);
        let result = run(Idempotency::new(), events);
        assert_eq!(kinds(&result), [kind]);
        assert_eq!(result.anomalies[0].sentence, format!("request 90 {how}"));
        assert!(!result.anomalies[0].witness.is_empty());
    }
}

#[test]
fn final_reads_resolve_what_ended_info() {
    let result = run(Idempotency::new(), valid(&[0, 1, 1, 2, 3, 4], 7));
    let names = [
        "requests",
        "duplicate-sends",
        "divergent-requests",
        "info-recorded",
        "info-absent",
    ];
    assert_eq!(names.map(|name| result.counts[name]), [7, 4, 1, 2, 1]);
}

#[test]
fn what_is_sent_after_the_final_reads_makes_them_incomplete() {
    let mut events = valid(&[0], 7);
    events.push(Event::Sent { id: 0, payload: 10 });
    let result = run(Idempotency::new(), events);
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(
        result.reason.as_deref(),
        Some("the final reads are incomplete: what is recorded is not known")
    );
}

#[test]
fn of_more_sends_than_a_counter_holds_one_that_stands_is_enough() {
    let [sent, _, refused, recorded] = life(0, 1);
    for failed in [65_534, 65_535, 65_536, 70_000] {
        let life = |last: &[Event]| {
            let tried = std::iter::repeat_n([sent, refused], failed);
            let events: Vec<Event> = tried.flatten().chain(last.iter().copied()).collect();
            run(Idempotency::new(), events)
        };
        let right = [sent, recorded, Event::ReadComplete];
        assert_eq!(life(&right).verdict, Verdict::Valid, "{failed}");
        assert_eq!(kinds(&life(&right[1..])), ["aborted"], "{failed}");
    }
}

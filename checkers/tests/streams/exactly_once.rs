use paytwice_checkers::queues::exactly_once::{Event, ExactlyOnce};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, interleave, kinds, outcome, renamed, run, run_at};

fn event() -> impl Strategy<Value = Event> {
    (0_u8..12, 0_u32..3).prop_map(|(what, id)| match what {
        0..4 => Event::Attempted(id),
        4..6 => Event::Acked(id),
        6 => Event::Failed(id),
        7 => Event::Delivered(id),
        8..11 => Event::Applied(id),
        _ => Event::Settled,
    })
}

/// Message by message, by scanning the whole history for each.
fn reference(events: &[Event]) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let mut wrong = [("unexpected", 0), ("aborted", 0), ("duplicated", 0), ("lost", 0)];
    let count = |event: Event| events.iter().filter(|e| **e == event).count();
    let last = events
        .iter()
        .rposition(|e| !matches!(e, Event::Settled | Event::Delivered(_)));
    let settled = events.iter().rposition(|e| *e == Event::Settled);
    let settled = settled.is_some_and(|at| last.is_none_or(|last| last < at));
    for id in 0..8 {
        let (tried, applied) = (count(Event::Attempted(id)), count(Event::Applied(id)));
        let kind = match applied {
            0 if settled && count(Event::Acked(id)) > 0 => 3,
            0 => continue,
            _ if tried == 0 => 0,
            _ if count(Event::Failed(id)) >= tried => 1,
            1 => continue,
            _ => 2,
        };
        wrong[kind].1 += 1;
    }
    let seen = events.iter().any(|e| matches!(e, Event::Acked(_) | Event::Applied(_)));
    expected(seen && settled, &wrong)
}

fn rename(event: Event) -> Event {
    match event {
        Event::Attempted(id) => Event::Attempted(renamed(id)),
        Event::Acked(id) => Event::Acked(renamed(id)),
        Event::Failed(id) => Event::Failed(renamed(id)),
        Event::Delivered(id) => Event::Delivered(renamed(id)),
        Event::Applied(id) => Event::Applied(renamed(id)),
        Event::Settled => Event::Settled,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_scanning(mut events in prop::collection::vec(event(), 0..16), settles in any::<bool>()) {
        if settles {
            events.push(Event::Settled);
        }
        let result = run(ExactlyOnce::new(), events.clone());
        prop_assert_eq!(outcome(&result), reference(&events));
        let other = run_at(ExactlyOnce::new(), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        // An attempt that ended info and that nobody observed.
        let unobserved = events.iter().copied().chain([Event::Attempted(60)]).collect::<Vec<_>>();
        let mut dropped = unobserved.clone();
        dropped.pop();
        if settles {
            let ends = [Event::Settled];
            let with = run(ExactlyOnce::new(), unobserved.into_iter().chain(ends));
            prop_assert_eq!(outcome(&with), outcome(&run(ExactlyOnce::new(), dropped.into_iter().chain(ends))));
        }
    }

    #[test]
    fn one_effect_each_is_valid(fates in prop::collection::vec(0_u8..5, 1..20), order in any::<u64>()) {
        prop_assert_eq!(run(ExactlyOnce::new(), valid(&fates, order)).verdict, Verdict::Valid);
    }
}

fn valid(fates: &[u8], order: u64) -> Vec<Event> {
    use Event::{Acked, Applied, Attempted, Delivered, Failed};
    let lives = (0..).zip(fates).map(|(id, fate)| match fate {
        1 => vec![Attempted(id), Delivered(id), Applied(id), Delivered(id)],
        2 => vec![Attempted(id)],
        3 => vec![
            Attempted(id),
            Failed(id),
            Attempted(id),
            Acked(id),
            Delivered(id),
            Applied(id),
        ],
        4 => vec![Attempted(id), Failed(id)],
        _ => vec![Attempted(id), Acked(id), Delivered(id), Applied(id)],
    });
    let mut lives: Vec<Vec<Event>> = lives.collect();
    let id = u32::try_from(lives.len()).unwrap();
    lives.push(vec![Attempted(id), Acked(id), Applied(id)]);
    let mut events = interleave(lives, order);
    events.push(Event::Settled);
    events
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    use Event::{Acked, Applied, Attempted, Failed, Settled};
    let plants: [(&str, &[Event]); 4] = [
        ("lost", &[Attempted(9), Acked(9)]),
        ("duplicated", &[Applied(0)]),
        ("unexpected", &[Applied(9)]),
        ("aborted", &[Attempted(9), Failed(9), Applied(9)]),
    ];
    for (kind, plant) in plants {
        let mut events = valid(&[0, 1, 2, 3, 4], 7);
        events.extend(plant);
        events.push(Settled);
        assert_eq!(kinds(&run(ExactlyOnce::new(), events)), [kind]);
    }
}

#[test]
fn counters_saturate_and_stay_wrong() {
    let asked = [Event::Attempted(0), Event::Acked(0)];
    let events = asked
        .into_iter()
        .chain(std::iter::repeat_n(Event::Applied(0), 700))
        .chain([Event::Settled]);
    let result = run(ExactlyOnce::new(), events);
    assert_eq!(
        result.anomalies[0].sentence,
        "message 0 took effect 255 times; it was delivered never"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1, 701]);
}

#[test]
fn what_did_not_settle_is_unknown_and_says_what_is_missing() {
    let result = run(ExactlyOnce::new(), [Event::Attempted(0), Event::Acked(0)]);
    assert_eq!(result.verdict, Verdict::Unknown);
    let reason = "effects were not observed to the end; 1 acknowledged without effect so far";
    assert_eq!(result.reason.as_deref(), Some(reason));
}

#[test]
fn counts_are_of_messages() {
    let result = run(ExactlyOnce::new(), valid(&[0, 1, 2, 3, 4], 7));
    let names = [
        "attempted",
        "acknowledged",
        "delivered",
        "applied",
        "redelivered",
        "recovered",
    ];
    assert_eq!(names.map(|name| result.counts[name]), [6, 3, 3, 4, 1, 1]);
}

#[test]
fn of_more_attempts_than_a_counter_holds_one_that_stands_is_enough() {
    for failed in [254, 255, 256, 300] {
        let life = |last: &[Event]| {
            let tried = std::iter::repeat_n([Event::Attempted(0), Event::Failed(0)], failed);
            let events: Vec<Event> = tried.flatten().chain(last.iter().copied()).collect();
            run(ExactlyOnce::new(), events)
        };
        let right = [Event::Attempted(0), Event::Acked(0), Event::Applied(0), Event::Settled];
        assert_eq!(life(&right).verdict, Verdict::Valid, "{failed}");
        assert_eq!(kinds(&life(&right[2..])), ["aborted"], "{failed}");
    }
}

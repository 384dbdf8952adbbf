use paytwice_checkers::queues::key_order::{Event, KeyOrder};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

/// Sends of messages 0.. (each key is its number modulo 2), their acks, and deliveries, in any order.
fn event() -> impl Strategy<Value = Event> {
    (0_u8..8, 0_u32..5).prop_map(|(what, id)| match what {
        0..3 => Event::Send { id, key: id % 2 },
        3..5 => Event::Sent(id),
        _ => Event::Delivered(id),
    })
}

/// Keeps the first send of each message, and the acks that follow one.
fn well_formed(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::new();
    for event in events {
        let sent = |id| {
            kept.iter()
                .any(|e| matches!(e, Event::Send { id: other, .. } if *other == id))
        };
        let keep = match event {
            Event::Send { id, .. } => !sent(id) && !kept.contains(&Event::Delivered(id)),
            Event::Sent(id) => sent(id) && !kept.contains(&event),
            Event::Delivered(_) | Event::DeliveredSince { .. } => true,
        };
        if keep {
            kept.push(event);
        }
    }
    kept
}

/// Every pair of messages.
fn reference(events: &[Event]) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let find = |event: Event| events.iter().position(|e| *e == event);
    let sent = |id: u32| find(Event::Send { id, key: id % 2 });
    let first = |id: u32| find(Event::Delivered(id));
    let overtaken = |a: u32, b: u32| {
        let acked = find(Event::Sent(a));
        let (Some(acked), Some(b_sent), Some(a_out), Some(b_out)) = (acked, sent(b), first(a), first(b)) else {
            return false;
        };
        a % 2 == b % 2 && acked < b_sent && b_out < a_out
    };
    let disorder = (0..5).filter(|a| (0..5).any(|b| overtaken(*a, b))).count() as u64;
    let is_strange = |e: &&Event| matches!(e, Event::Delivered(id) if sent(*id).is_none());
    let strange = events.iter().filter(is_strange).count() as u64;
    let judged = (0..5).any(|id| sent(id).is_some() && first(id).is_some());
    expected(judged, &[("out-of-order", disorder), ("unexpected", strange)])
}

fn rename(event: Event) -> Event {
    match event {
        Event::Send { id, key } => Event::Send {
            id: renamed(id),
            key: renamed(key),
        },
        Event::Sent(id) => Event::Sent(renamed(id)),
        Event::Delivered(id) => Event::Delivered(renamed(id)),
        Event::DeliveredSince { id, began } => Event::DeliveredSince { id: renamed(id), began },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_every_pair(events in prop::collection::vec(event(), 0..24)) {
        let events = well_formed(events);
        let result = run(KeyOrder::new(), events.clone());
        prop_assert_eq!(outcome(&result), reference(&events));
        let other = run_at(KeyOrder::new(), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        // An unrelated key, in order and in between.
        let unrelated = [Event::Send { id: 50, key: 9 }, Event::Sent(50), Event::Delivered(50)];
        let both = unrelated[..2].iter().chain(&events).chain(&unrelated[2..]).copied();
        let both = run(KeyOrder::new(), both);
        prop_assert_eq!(&both.anomalies.len(), &result.anomalies.len());
    }

    /// A log per key: messages go in and come out in one order, some again, some not at all.
    #[test]
    fn a_log_is_valid(steps in prop::collection::vec((any::<bool>(), 0_u32..3), 1..40)) {
        let mut events = vec![Event::Send { id: 0, key: 0 }, Event::Sent(0), Event::Delivered(0)];
        let mut sent = [vec![0_u32], vec![], vec![]];
        let mut read = [0_usize; 3];
        let mut next = 1;
        for (sends, key) in steps {
            let log = &mut sent[key as usize];
            if sends {
                events.extend([Event::Send { id: next, key }, Event::Sent(next)]);
                log.push(next);
                next += 1;
            } else if let Some(id) = log.get(read[key as usize]) {
                events.push(Event::Delivered(*id));
                read[key as usize] += 1;
            } else if let Some(id) = log.first() {
                events.push(Event::Delivered(*id));
            }
        }
        prop_assert_eq!(run(KeyOrder::new(), events).verdict, Verdict::Valid);
    }
}

fn send(id: u32, key: u32) -> [Event; 2] {
    [Event::Send { id, key }, Event::Sent(id)]
}

#[test]
fn a_message_overtaken_is_out_of_order_and_says_by_which() {
    let events = [send(0, 0), send(1, 0), [Event::Delivered(1), Event::Delivered(0)]].concat();
    let result = run(KeyOrder::new(), events);
    assert_eq!(kinds(&result), ["out-of-order"]);
    assert_eq!(
        result.anomalies[0].sentence,
        "message 0 of key 0 was sent before 1 was, and delivered after it"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1, 2, 4, 5]);
}

#[test]
fn keys_concurrent_sends_and_redeliveries_are_no_disorder() {
    let two_keys = [send(0, 0), send(1, 1), [Event::Delivered(1), Event::Delivered(0)]].concat();
    let together = vec![
        Event::Send { id: 0, key: 0 },
        Event::Send { id: 1, key: 0 },
        Event::Sent(0),
        Event::Sent(1),
        Event::Delivered(1),
        Event::Delivered(0),
    ];
    let again = [
        send(0, 0),
        send(1, 0),
        [Event::Delivered(0), Event::Delivered(1)],
        [Event::Delivered(0); 2],
    ]
    .concat();
    for events in [two_keys, together] {
        assert_eq!(run(KeyOrder::new(), events).verdict, Verdict::Valid);
    }
    let again = run(KeyOrder::new(), again);
    assert_eq!(
        (again.verdict, again.counts["redelivered"], again.counts["delivered"]),
        (Verdict::Valid, 2, 2)
    );
}

#[test]
fn what_was_never_sent_is_unexpected() {
    let events = [
        vec![Event::Delivered(7)],
        send(0, 0).to_vec(),
        vec![Event::Delivered(0)],
    ]
    .concat();
    assert_eq!(kinds(&run(KeyOrder::new(), events)), ["unexpected"]);
}

use paytwice_checkers::queues::total_queue::{Event, Options, TotalQueue};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

const LAX: Options = Options {
    exactly_once: false,
    info_dequeues_take: false,
};
const STRICT: Options = Options {
    exactly_once: true,
    info_dequeues_take: false,
};

fn event() -> impl Strategy<Value = Event> {
    (0_u8..9, 0_u32..4).prop_map(|(what, id)| match what {
        0..3 => Event::Enqueue(id),
        3..5 => Event::Enqueued(id),
        5 => Event::EnqueueFailed(id),
        6..8 => Event::Dequeued(id),
        _ => Event::DequeueUnknown,
    })
}

fn pick(events: &[Event], which: impl Fn(&Event) -> Option<u32>) -> Vec<u32> {
    events.iter().filter_map(which).collect()
}

/// A bag without the elements of another.
fn minus(bag: &[u32], other: &[u32]) -> Vec<u32> {
    let mut left = bag.to_vec();
    for element in other {
        if let Some(at) = left.iter().position(|e| e == element) {
            left.remove(at);
        }
    }
    left
}

struct Bags {
    attempts: Vec<u32>,
    acks: Vec<u32>,
    fails: Vec<u32>,
    dequeues: Vec<u32>,
    unknown: usize,
}

fn bags(events: &[Event]) -> Bags {
    Bags {
        attempts: pick(events, |e| if let Event::Enqueue(id) = e { Some(*id) } else { None }),
        acks: pick(events, |e| if let Event::Enqueued(id) = e { Some(*id) } else { None }),
        fails: pick(events, |e| {
            if let Event::EnqueueFailed(id) = e {
                Some(*id)
            } else {
                None
            }
        }),
        dequeues: pick(events, |e| if let Event::Dequeued(id) = e { Some(*id) } else { None }),
        unknown: events.iter().filter(|e| **e == Event::DequeueUnknown).count(),
    }
}

/// By bags, as Jepsen does it.
fn check_against_bags(events: &[Event]) {
    let Bags {
        attempts,
        acks,
        dequeues,
        ..
    } = bags(events);
    let unexpected: Vec<u32> = dequeues.iter().copied().filter(|e| !attempts.contains(e)).collect();
    let ok = minus(&dequeues, &minus(&dequeues, &attempts));
    let lost = minus(&acks, &dequeues);
    let duplicated = minus(&minus(&dequeues, &attempts), &unexpected);
    let recovered = minus(&ok, &acks);
    let result = run(TotalQueue::new(LAX), events.to_vec());
    let judged = !acks.is_empty() || !dequeues.is_empty();
    let wrong = [("lost", lost.len() as u64), ("unexpected", unexpected.len() as u64)];
    assert_eq!(outcome(&result), expected(judged, &wrong));
    let sizes = [&attempts, &acks, &ok, &unexpected, &duplicated, &lost, &recovered].map(|bag| bag.len() as u64);
    let names = [
        "attempt",
        "acknowledged",
        "ok",
        "unexpected",
        "duplicated",
        "lost",
        "recovered",
    ];
    assert_eq!(names.map(|name| result.counts[name]), sizes);
}

/// Message by message.
fn check_exactly_once(events: &[Event]) {
    let Bags {
        attempts,
        acks,
        fails,
        dequeues,
        ..
    } = bags(events);
    let count = |bag: &[u32], id| bag.iter().filter(|e| **e == id).count() as u64;
    let sum = |of: &dyn Fn(u32) -> u64| (0..8).map(of).sum::<u64>();
    let lost = sum(&|id| count(&acks, id).saturating_sub(count(&dequeues, id)));
    let unexpected = sum(&|id| {
        if count(&attempts, id) == 0 {
            count(&dequeues, id)
        } else {
            0
        }
    });
    let duplicated = sum(&|id| {
        if count(&attempts, id) > 0 {
            count(&dequeues, id).saturating_sub(1)
        } else {
            0
        }
    });
    let aborted = sum(&|id| {
        let tried = count(&attempts, id);
        u64::from(tried > 0 && count(&dequeues, id) > 0 && count(&fails, id) >= tried)
    });
    let wrong = [
        ("lost", lost),
        ("unexpected", unexpected),
        ("duplicated", duplicated),
        ("aborted", aborted),
    ];
    let judged = !acks.is_empty() || !dequeues.is_empty();
    assert_eq!(
        outcome(&run(TotalQueue::new(STRICT), events.to_vec())),
        expected(judged, &wrong)
    );
}

fn rename(event: Event) -> Event {
    match event {
        Event::Enqueue(id) => Event::Enqueue(renamed(id)),
        Event::Enqueued(id) => Event::Enqueued(renamed(id)),
        Event::EnqueueFailed(id) => Event::EnqueueFailed(renamed(id)),
        Event::Dequeued(id) => Event::Dequeued(renamed(id)),
        Event::DequeueUnknown | Event::DrainUnknown => event,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_bags(events in prop::collection::vec(event(), 0..24)) {
        check_against_bags(&events);
        check_exactly_once(&events);
        let result = run(TotalQueue::new(STRICT), events.clone());
        let other = run_at(TotalQueue::new(STRICT), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        let Bags { acks, dequeues, unknown, .. } = bags(&events);
        let losses = minus(&acks, &dequeues).len();
        let excused = run(TotalQueue::new(Options { info_dequeues_take: true, ..LAX }), events.clone());
        let is_lost = excused.anomalies.iter().any(|a| a.kind == "lost");
        prop_assert_eq!(is_lost, losses > unknown);
        prop_assert!(losses == 0 || unknown < losses || excused.verdict != Verdict::Valid);
    }

    /// Messages in any interleaving: each is tried once or again after an info, and comes out once if it went in.
    #[test]
    fn what_comes_out_once_is_valid(fates in prop::collection::vec(0_u8..5, 1..20), order in any::<u64>()) {
        prop_assert_eq!(run(TotalQueue::new(STRICT), valid(&fates, order)).verdict, Verdict::Valid);
    }
}

/// Events of messages by fate: acknowledged; info and taken; info and not taken; retried; failed.
fn valid(fates: &[u8], order: u64) -> Vec<Event> {
    let lives = (0..).zip(fates).map(|(id, fate)| match fate {
        1 => vec![Event::Enqueue(id), Event::Dequeued(id)],
        2 => vec![Event::Enqueue(id)],
        3 => vec![
            Event::Enqueue(id),
            Event::Enqueue(id),
            Event::Enqueued(id),
            Event::Dequeued(id),
        ],
        4 => vec![Event::Enqueue(id), Event::EnqueueFailed(id)],
        _ => vec![Event::Enqueue(id), Event::Enqueued(id), Event::Dequeued(id)],
    });
    let mut lives: Vec<Vec<Event>> = lives.collect();
    let id = u32::try_from(lives.len()).unwrap();
    lives.push(vec![Event::Enqueue(id), Event::Enqueued(id), Event::Dequeued(id)]);
    crate::harness::interleave(lives, order)
}

fn planted(more: &[Event], options: Options) -> CheckerResult {
    let mut events = valid(&[0, 1, 2, 3, 4], 7);
    events.extend(more);
    run(TotalQueue::new(options), events)
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    use Event::{Dequeued, Enqueue, EnqueueFailed, Enqueued};
    for options in [LAX, STRICT] {
        assert_eq!(kinds(&planted(&[Enqueue(9), Enqueued(9)], options)), ["lost"]);
        assert_eq!(kinds(&planted(&[Dequeued(9)], options)), ["unexpected"]);
    }
    assert_eq!(kinds(&planted(&[Dequeued(0)], STRICT)), ["duplicated"]);
    assert_eq!(
        kinds(&planted(&[Enqueue(9), EnqueueFailed(9), Dequeued(9)], STRICT)),
        ["aborted"]
    );
    let lax = planted(&[Dequeued(0)], LAX);
    assert_eq!((lax.verdict, lax.counts["duplicated"]), (Verdict::Valid, 1));
    assert!(lax.reason.is_some());
}

#[test]
fn a_dequeue_that_ended_info_excuses_one_loss_where_it_may() {
    use Event::{DequeueUnknown, Enqueue, Enqueued};
    let lenient = Options {
        info_dequeues_take: true,
        ..LAX
    };
    let one = planted(&[Enqueue(9), Enqueued(9), DequeueUnknown], lenient);
    assert_eq!((one.verdict, one.counts["lost"]), (Verdict::Unknown, 1));
    assert_eq!(
        one.reason.as_deref(),
        Some("1 lost, and 1 dequeues ended info, which may have taken them")
    );
    assert_eq!(
        planted(&[Enqueue(9), Enqueued(9), DequeueUnknown], LAX).verdict,
        Verdict::Invalid
    );
    let drained = [Enqueue(8), Enqueued(8), Enqueue(9), Enqueued(9), Event::DrainUnknown];
    let many = planted(&drained, lenient);
    assert_eq!((many.verdict, many.counts["lost"]), (Verdict::Unknown, 2));
    assert_eq!(
        many.reason.as_deref(),
        Some("2 lost, and 1 drains ended info, which may have taken them")
    );
    assert_eq!(planted(&drained, LAX).verdict, Verdict::Invalid);
    let two = [Enqueue(8), Enqueued(8), Enqueue(9), Enqueued(9), DequeueUnknown];
    assert_eq!(planted(&two, lenient).verdict, Verdict::Invalid);
    assert_eq!(planted(&[DequeueUnknown], lenient).verdict, Verdict::Valid);
}

#[test]
fn a_sentence_says_how_often() {
    use Event::{Dequeued, Enqueue, Enqueued};
    let result = planted(&[Enqueue(9), Enqueued(9), Enqueue(9), Enqueued(9), Dequeued(9)], LAX);
    assert_eq!(
        result.anomalies[0].sentence,
        "element 9 was acknowledged twice and dequeued only once"
    );
    assert_eq!(
        (result.anomalies[0].subject.as_str(), result.anomalies[0].witness.len()),
        ("9", 3)
    );
}

use paytwice_checkers::process::leftovers::{Event, Leftovers};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

fn event() -> impl Strategy<Value = Event> {
    (0_u8..10, 0_u32..3).prop_map(|(what, id)| match what {
        0..4 => Event::Appeared { id, kind: 0 },
        4..8 => Event::Disappeared(id),
        8 => Event::Searched,
        _ => Event::Quiescent,
    })
}

/// What is there when the history is replayed up to the last rest.
fn reference(events: &[Event]) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let rest = events.iter().rposition(|e| *e == Event::Quiescent);
    let there = |id: u32, upto: usize| {
        let last = events[..upto]
            .iter()
            .rfind(|e| matches!(e, Event::Appeared { id: i, .. } | Event::Disappeared(i) if *i == id));
        matches!(last, Some(Event::Appeared { .. }))
    };
    let left = rest.map_or(0, |rest| (0..3).filter(|id| there(*id, rest)).count() as u64);
    let appears = |at: &usize| matches!(events[*at], Event::Appeared { id, .. } if !there(id, *at));
    let any = (0..events.len()).any(|at| appears(&at)) || events.contains(&Event::Searched);
    let since = rest.is_some_and(|rest| (rest..events.len()).any(|at| appears(&at)));
    expected(rest.is_some() && any && !since, &[("leftover", left)])
}

fn rename(event: Event) -> Event {
    match event {
        Event::Appeared { id, kind } => Event::Appeared {
            id: renamed(id),
            kind: renamed(kind),
        },
        Event::Disappeared(id) => Event::Disappeared(renamed(id)),
        Event::Searched => Event::Searched,
        Event::Quiescent => Event::Quiescent,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_replaying(events in prop::collection::vec(event(), 0..16)) {
        let result = run(Leftovers::new(), events.clone());
        prop_assert_eq!(outcome(&result), reference(&events));
        let other = run_at(Leftovers::new(), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
    }

    #[test]
    fn what_comes_and_goes_is_valid(order in any::<u64>(), count in 1_u32..9) {
        let life = |id| vec![Event::Appeared { id, kind: 0 }, Event::Disappeared(id), Event::Appeared { id, kind: 1 }, Event::Disappeared(id)];
        let mut events = crate::harness::interleave((0..count).map(life).collect(), order);
        events.push(Event::Quiescent);
        prop_assert_eq!(run(Leftovers::new(), events).verdict, Verdict::Valid);
    }
}

#[test]
fn what_is_still_there_is_a_leftover_even_if_it_goes_later() {
    let events = [Event::Appeared { id: 4, kind: 2 }, Event::Quiescent];
    let result = run(Leftovers::new(), events);
    assert_eq!(
        (kinds(&result), result.anomalies[0].witness.as_slice()),
        (vec!["leftover"], &[0, 1][..])
    );
    assert_eq!(
        result.anomalies[0].sentence,
        "4 (2) was still there when the system had come to rest"
    );
    let later = run(Leftovers::new(), events.into_iter().chain([Event::Disappeared(4)]));
    assert_eq!(
        later.anomalies[0].sentence,
        "4 (2) was still there when the system had come to rest; it went later"
    );
    assert_eq!(later.anomalies[0].witness, [0, 1, 2]);
}

#[test]
fn nothing_that_was_looked_for_is_valid_and_nothing_that_was_not_is_unknown() {
    let searched = run(Leftovers::new(), [Event::Searched, Event::Quiescent]);
    assert_eq!((searched.verdict, searched.reason), (Verdict::Valid, None));
    let unseen = run(Leftovers::new(), [Event::Quiescent]);
    assert_eq!(
        unseen.reason.as_deref(),
        Some("nothing temporary was seen: there is nothing to judge")
    );
}

#[test]
fn counts_say_what_came_and_went() {
    let events = [
        Event::Disappeared(9),
        Event::Appeared { id: 0, kind: 0 },
        Event::Appeared { id: 0, kind: 0 },
    ];
    let result = run(
        Leftovers::new(),
        events.into_iter().chain([Event::Disappeared(0), Event::Quiescent]),
    );
    assert_eq!(
        ["appeared", "disappeared", "unknown-origin"].map(|name| result.counts[name]),
        [1, 1, 1]
    );
    assert_eq!(result.verdict, Verdict::Valid);
    let busy = run(Leftovers::new(), [Event::Quiescent, Event::Appeared { id: 0, kind: 0 }]);
    assert_eq!(
        busy.reason.as_deref(),
        Some("1 appeared after the system had come to rest")
    );
}

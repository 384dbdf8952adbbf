use paytwice_checkers::stores::counter::{Counter, Event};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

/// Three processes that add and read, one operation at a time; any of them may never end.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let step = (0_u32..3, 0_u8..8, -3_i64..6, -4_i64..12);
    prop::collection::vec(step, 0..20).prop_map(|steps| {
        let mut doing = [None; 3];
        let steps = steps.into_iter().map(|(process, what, amount, value)| {
            let current = &mut doing[process as usize];
            let event = match (*current, what) {
                (None, 0..4) => Event::Add { process, amount },
                (None, _) => Event::ReadInvoked(process),
                (Some(Event::Add { .. }), 0..4) => Event::Added(process),
                (Some(Event::Add { .. }), 4..6) => Event::AddFailed(process),
                (Some(Event::Add { .. }), _) => Event::AddUnknown(process),
                _ => Event::Read { process, value },
            };
            *current = if current.is_none() { Some(event) } else { None };
            event
        });
        steps.collect()
    })
}

/// For every read, every add: must it be in, may it, or can it not?
fn reference(events: &[Event]) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let process_of = |event: &Event| match event {
        Event::Add { process, .. } | Event::Read { process, .. } => *process,
        Event::Added(p) | Event::AddFailed(p) | Event::AddUnknown(p) | Event::ReadInvoked(p) => *p,
    };
    let end_of = |at: usize| (at + 1..events.len()).find(|e| process_of(&events[*e]) == process_of(&events[at]));
    let (mut reads, mut wrong) = (0_u64, 0);
    for begin in 0..events.len() {
        let Event::ReadInvoked(_) = events[begin] else { continue };
        let Some(end) = end_of(begin) else { continue };
        let Event::Read { value, .. } = events[end] else {
            panic!("a read ends")
        };
        reads += 1;
        let (mut low, mut high) = (0, 0);
        for (add, event) in events.iter().enumerate() {
            let Event::Add { amount, .. } = *event else { continue };
            let ended = end_of(add).map(|e| (e, events[e]));
            match ended {
                Some((_, Event::AddFailed(_))) => {}
                Some((e, Event::Added(_))) if e < begin => (low, high) = (low + amount, high + amount),
                _ if add < end => (low, high) = (low + amount.min(0), high + amount.max(0)),
                _ => {}
            }
        }
        wrong += u64::from(value < low || value > high);
    }
    let acked = events.iter().any(|e| matches!(e, Event::Added(_)));
    expected(reads > 0 || acked, &[("out-of-bounds", wrong)])
}

fn rename(event: Event) -> Event {
    match event {
        Event::Add { process, amount } => Event::Add {
            process: renamed(process),
            amount,
        },
        Event::Read { process, value } => Event::Read {
            process: renamed(process),
            value,
        },
        Event::Added(process) => Event::Added(renamed(process)),
        Event::AddFailed(process) => Event::AddFailed(renamed(process)),
        Event::AddUnknown(process) => Event::AddUnknown(renamed(process)),
        Event::ReadInvoked(process) => Event::ReadInvoked(renamed(process)),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_every_add_for_every_read(events in events()) {
        let result = run(Counter::new(), events.clone());
        prop_assert_eq!(outcome(&result), reference(&events));
        let other = run_at(Counter::new(), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        let adds = events.iter().filter(|e| matches!(e, Event::Add { .. })).count();
        let acked = events.iter().filter(|e| matches!(e, Event::Added(_))).count();
        prop_assert_eq!([result.counts["adds"], result.counts["acknowledged"]], [adds as u64, acked as u64]);
    }

    /// A counter that takes effect at some moment between invocation and end.
    #[test]
    fn an_atomic_counter_is_valid(steps in prop::collection::vec((0_u32..4, 0_u8..4, -5_i64..9), 0..40)) {
        let mut events = vec![Event::ReadInvoked(9), Event::Read { process: 9, value: 0 }];
        let mut value = 0;
        let mut open: [Option<Event>; 4] = [None; 4];
        for (process, what, amount) in steps {
            match open[process as usize].take() {
                Some(end) => {
                    value += if matches!(end, Event::Added(_)) { amount } else { 0 };
                    events.push(end);
                }
                None if what == 0 => {
                    events.push(Event::ReadInvoked(process));
                    open[process as usize] = Some(Event::Read { process, value });
                }
                // What fails has no effect.
                None if what == 1 => {
                    events.push(Event::Add { process, amount });
                    open[process as usize] = Some(Event::AddFailed(process));
                }
                // What ends info had its effect here.
                None if what == 2 => {
                    events.push(Event::Add { process, amount });
                    value += amount;
                    open[process as usize] = Some(Event::AddUnknown(process));
                }
                None => {
                    events.extend([Event::Add { process, amount }, Event::Added(process)]);
                    value += amount;
                }
            }
        }
        prop_assert_eq!(run(Counter::new(), events).verdict, Verdict::Valid);
    }
}

#[test]
fn a_read_outside_says_where_it_should_have_been() {
    let add = |process, amount| Event::Add { process, amount };
    let read = |value| [Event::ReadInvoked(2), Event::Read { process: 2, value }];
    let before = [add(0, 5), Event::Added(0), add(1, 3)];
    for value in [5, 6, 8] {
        assert_eq!(
            run(Counter::new(), [&before[..], &read(value)].concat()).verdict,
            Verdict::Valid
        );
    }
    for value in [4, 9] {
        let result = run(Counter::new(), [&before[..], &read(value)].concat());
        assert_eq!(kinds(&result), ["out-of-bounds"]);
        let sentence = format!("the counter was read as {value}, and must have been from 5 to 8");
        assert_eq!(result.anomalies[0].sentence, sentence);
        assert_eq!(result.anomalies[0].witness, [3, 4]);
    }
}

#[test]
fn adds_that_nobody_read_are_valid_with_a_remark() {
    let result = run(Counter::new(), [Event::Add { process: 0, amount: 5 }, Event::Added(0)]);
    let remark = "no read ended ok: nothing could contradict the adds";
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Valid, Some(remark))
    );
    assert_eq!(
        run(Counter::new(), [Event::Add { process: 0, amount: 5 }]).verdict,
        Verdict::Unknown
    );
}

#[test]
fn an_add_that_fails_later_explains_nothing() {
    let add = Event::Add { process: 0, amount: 3 };
    let read = [Event::ReadInvoked(1), Event::Read { process: 1, value: 3 }];
    let with = |end: Event| run(Counter::new(), [&[add], &read[..], &[end]].concat()).verdict;
    assert_eq!(with(Event::AddFailed(0)), Verdict::Invalid);
    assert_eq!(with(Event::AddUnknown(0)), Verdict::Valid);
    assert_eq!(with(Event::Added(0)), Verdict::Valid);
}

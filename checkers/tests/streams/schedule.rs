use paytwice_checkers::process::schedule::{Event, Options, Schedule, Since};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run_at};

type History = Vec<(u64, Event)>;

fn options(since: Since) -> Options {
    Options {
        delays_ns: vec![0, 10, 30],
        since,
        early_ns_max: 2,
        late_ns_max: 4,
        silence_ns: 3,
    }
}

fn check(history: &[(u64, Event)], since: Since) -> CheckerResult {
    run_at(Schedule::new(options(since)), history.iter().copied(), 0)
}

fn history() -> impl Strategy<Value = History> {
    let step = (0_u64..20, 0_u8..12, 0_u32..3).prop_map(|(wait, what, id)| match what {
        0..2 => (wait, Event::Due(id)),
        2..9 => (wait, Event::Attempt(id)),
        9 => (wait, Event::AckUnknown(id)),
        10 => (wait, Event::Allowed { id, ns: wait }),
        _ => (wait, Event::Acked(id)),
    });
    (prop::collection::vec(step, 0..16), any::<bool>()).prop_map(|(steps, ends)| {
        let mut now = 0;
        let ended = ends.then_some((25, Event::Ended));
        let steps = steps.into_iter().chain(ended);
        steps
            .map(|(wait, event)| {
                now += wait;
                (now, event)
            })
            .collect()
    })
}

/// Id by id: its attempts against the times they should have had.
fn reference(history: &[(u64, Event)], since: Since) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let mut wrong = [
        ("early", 0),
        ("late", 0),
        ("extra", 0),
        ("after-ack", 0),
        ("missing", 0),
    ];
    let delays = [0_i64, 10, 30];
    let ended = history
        .iter()
        .find(|(_, e)| *e == Event::Ended)
        .map(|(time, _)| *time as i64);
    let mut unsure = false;
    for id in 0..3 {
        let times = |event: Event| {
            history
                .iter()
                .filter(move |(_, e)| *e == event)
                .map(|(time, _)| *time as i64)
        };
        let attempts: Vec<i64> = times(Event::Attempt(id)).collect();
        let acked_at = history.iter().position(|(_, e)| *e == Event::Acked(id));
        let attempt_at: Vec<usize> = (0..history.len())
            .filter(|at| history[*at].1 == Event::Attempt(id))
            .collect();
        let due_at = history.iter().position(|(_, e)| *e == Event::Due(id));
        let is_due = due_at.is_some_and(|due| attempt_at.first().is_none_or(|first| due < *first));
        let begin = if is_due {
            times(Event::Due(id)).next()
        } else {
            attempts.first().copied()
        };
        // An id that begins after its acknowledgement takes its first attempt as begun on time all the same.
        let Some(begin) = begin else { continue };
        let base = |n: usize| {
            if since == Since::Previous && n > 0 {
                attempts[n - 1]
            } else {
                begin
            }
        };
        // The last allowance since the attempt before.
        let allowed = |n: usize| {
            let from = n.checked_sub(1).map_or(0, |before| attempt_at[before]);
            let to = attempt_at.get(n).copied().unwrap_or(history.len());
            let mut since = history[from..to].iter().rev();
            since.find_map(|(_, e)| match e {
                Event::Allowed { id: of, ns } if *of == id => Some(*ns as i64),
                _ => None,
            })
        };
        for (n, time) in attempts.iter().enumerate() {
            if let Some(ack) = acked_at.filter(|ack| *ack < attempt_at[n]) {
                wrong[3].1 += u64::from(time - history[ack].0 as i64 > 3);
            } else if n >= delays.len() {
                wrong[2].1 += 1;
            } else {
                let off = time - (base(n) + delays[n]);
                wrong[0].1 += u64::from(off < -2);
                wrong[1].1 += u64::from(off > 4 + allowed(n).unwrap_or(0));
            }
        }
        if let (Some(end), None, Some(delay)) = (ended, acked_at, delays.get(attempts.len())) {
            let late = 4 + allowed(attempts.len()).unwrap_or(0);
            let missing = end - (base(attempts.len()) + delay) > late;
            let answered = history.iter().any(|(_, e)| *e == Event::AckUnknown(id));
            wrong[4].1 += u64::from(missing && !answered);
            unsure |= missing && answered;
        }
    }
    let tried = history.iter().any(|(_, e)| matches!(e, Event::Attempt(_)));
    expected(ended.is_some() && tried && !unsure, &wrong)
}

fn rename(event: Event) -> Event {
    match event {
        Event::Due(id) => Event::Due(renamed(id)),
        Event::Attempt(id) => Event::Attempt(renamed(id)),
        Event::Acked(id) => Event::Acked(renamed(id)),
        Event::AckUnknown(id) => Event::AckUnknown(renamed(id)),
        Event::Allowed { id, ns } => Event::Allowed { id: renamed(id), ns },
        Event::Ended => Event::Ended,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_the_times_written_out(history in history(), from_begin: bool) {
        let since = if from_begin { Since::Begin } else { Since::Previous };
        let result = check(&history, since);
        prop_assert_eq!(outcome(&result), reference(&history, since));
        let moved = history.iter().map(|(time, event)| (*time, rename(*event)));
        let moved = run_at(Schedule::new(options(since)), moved, 5_000_000_000);
        prop_assert_eq!(outcome(&result), outcome(&moved));
    }

    #[test]
    fn attempts_within_tolerance_are_valid(off in prop::collection::vec(0_u64..7, 3), begin in 2_u64..50, acks: bool) {
        let at = |delay: u64, off: u64| begin + delay + off - 2;
        let mut history = vec![(begin, Event::Due(0)), (at(2, off[0].min(4)), Event::Attempt(0))];
        history.push((at(10, off[1]), Event::Attempt(0)));
        if acks {
            history.push((at(10, off[1]), Event::Acked(0)));
            history.push((at(10, off[1]) + 3, Event::Attempt(0)));
        } else {
            history.push((at(30, off[2]), Event::Attempt(0)));
        }
        history.push((begin + 90, Event::Ended));
        prop_assert_eq!(check(&history, Since::Begin).verdict, Verdict::Valid);
    }
}

/// Kind, sentence, what is planted.
type Plant = (&'static str, &'static str, &'static [(u64, Event)]);

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    use Event::{Acked, Attempt};
    let plants: [Plant; 5] = [
        (
            "early",
            "attempt 2 of 0 came 0 us too early",
            &[(0, Attempt(0)), (7, Attempt(0)), (30, Attempt(0))],
        ),
        (
            "late",
            "attempt 2 of 0 came 0 us too late",
            &[(0, Attempt(0)), (15, Attempt(0)), (30, Attempt(0))],
        ),
        (
            "extra",
            "attempt 4 of 0 came after the last one of the schedule",
            &[(0, Attempt(0)), (10, Attempt(0)), (30, Attempt(0)), (60, Attempt(0))],
        ),
        (
            "after-ack",
            "attempt 2 of 0 came 0 us after the acknowledgement",
            &[(0, Attempt(0)), (5, Acked(0)), (10, Attempt(0))],
        ),
        (
            "missing",
            "attempt 3 of 0 was 0 us overdue when the history ended",
            &[(0, Attempt(0)), (10, Attempt(0))],
        ),
    ];
    for (kind, sentence, plant) in plants {
        let result = check(&[plant, &[(80, Event::Ended)]].concat(), Since::Begin);
        assert_eq!(
            (kinds(&result), result.anomalies[0].sentence.as_str()),
            (vec![kind], sentence)
        );
    }
}

#[test]
fn the_edges_of_the_tolerance_are_inside() {
    use Event::{Acked, Attempt, Due, Ended};
    for times in [[8, 28], [14, 34]] {
        let history = [
            (0, Attempt(0)),
            (times[0], Attempt(0)),
            (times[1], Attempt(0)),
            (99, Ended),
        ];
        assert_eq!(check(&history, Since::Begin).verdict, Verdict::Valid);
    }
    assert_eq!(
        check(
            &[(0, Attempt(0)), (2, Acked(0)), (5, Attempt(0)), (99, Ended)],
            Since::Begin
        )
        .verdict,
        Verdict::Valid
    );
    assert_eq!(
        check(&[(0, Attempt(0)), (14, Ended)], Since::Begin).verdict,
        Verdict::Valid
    );
    assert_eq!(
        kinds(&check(&[(0, Attempt(0)), (15, Ended)], Since::Begin)),
        ["missing"]
    );
    assert_eq!(kinds(&check(&[(0, Due(0)), (5, Ended)], Since::Begin)), ["missing"]);
}

#[test]
fn durations_are_told_in_milliseconds_from_one_on() {
    let late = |time| check(&[(0, Event::Attempt(0)), (time, Event::Attempt(0))], Since::Begin);
    assert_eq!(
        late(10 + 999_999).anomalies[0].sentence,
        "attempt 2 of 0 came 999 us too late"
    );
    let ms = late(10 + 1_500_000);
    assert_eq!(ms.anomalies[0].sentence, "attempt 2 of 0 came 1 ms too late");
    assert_eq!(ms.anomalies[0].witness, [0, 1]);
    assert_eq!(late(10).verdict, Verdict::Unknown);
}

#[test]
fn the_largest_times_do_not_overflow() {
    let options = Options {
        delays_ns: vec![u64::MAX, 0],
        ..Options::default()
    };
    let history = [
        (0, Event::Attempt(0)),
        (u64::MAX, Event::Attempt(0)),
        (u64::MAX, Event::Ended),
    ];
    assert_eq!(kinds(&run_at(Schedule::new(options), history, 0)), ["late"]);
}

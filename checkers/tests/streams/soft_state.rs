use paytwice_checkers::process::soft_state::{Event, Options, SoftState};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run_at};

const MS: u64 = 1_000_000;
const LIMITS: Options = Options {
    window_ns_max: Some(10),
    recovery_ns_max: Some(8),
};
const NONE: Options = Options {
    window_ns_max: None,
    recovery_ns_max: None,
};

type History = Vec<(u64, Event)>;

fn history() -> impl Strategy<Value = History> {
    let step = (0_u64..6, 0_u8..9, 0_u32..4).prop_map(|(wait, what, id)| match what {
        0..4 => (wait, Event::Entered(id)),
        4..8 => (wait, Event::Left(id)),
        _ => (wait, Event::Healed(id)),
    });
    (prop::collection::vec(step, 0..20), any::<bool>()).prop_map(|(steps, ends)| {
        let mut now = 0;
        let steps = steps.into_iter().chain(ends.then_some((3, Event::Ended)));
        let steps = steps.map(|(wait, event)| {
            now += wait;
            (now, event)
        });
        steps.collect()
    })
}

/// Visits: id, entered at, left at (position and time).
fn visits(history: &[(u64, Event)]) -> Vec<(u32, usize, Option<usize>)> {
    let mut visits: Vec<(u32, usize, Option<usize>)> = Vec::new();
    for (at, (_, event)) in history.iter().enumerate() {
        match event {
            Event::Entered(id) if !visits.iter().any(|v| v.0 == *id && v.2.is_none()) => visits.push((*id, at, None)),
            Event::Left(id) => {
                if let Some(visit) = visits.iter_mut().find(|v| v.0 == *id && v.2.is_none()) {
                    visit.2 = Some(at);
                }
            }
            _ => {}
        }
    }
    visits
}

fn reference(history: &[(u64, Event)], options: Options) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let mut wrong = [("window-exceeded", 0), ("recovery-exceeded", 0), ("unfinished", 0)];
    let visits = visits(history);
    let ended = history.iter().find(|(_, e)| *e == Event::Ended).map(|(time, _)| *time);
    for (_, entered, left) in &visits {
        let exceeds = |until: u64| options.window_ns_max.map(|max| until - history[*entered].0 > max);
        match (left, ended) {
            (Some(left), _) => wrong[0].1 += u64::from(exceeds(history[*left].0) == Some(true)),
            (None, Some(end)) => wrong[2].1 += u64::from(exceeds(end) != Some(false)),
            (None, None) => {}
        }
    }
    for (healed, (time, _)) in history
        .iter()
        .enumerate()
        .filter(|(_, (_, e))| matches!(e, Event::Healed(_)))
    {
        let inside = visits
            .iter()
            .filter(|v| v.1 < healed && v.2.is_none_or(|left| left > healed));
        let over = inside
            .map(|v| v.2.map(|left| history[left].0).or(ended))
            .max_by_key(|over| over.unwrap_or(u64::MAX));
        if let Some(Some(over)) = over {
            wrong[1].1 += u64::from(options.recovery_ns_max.is_some_and(|max| over - time > max));
        }
    }
    let healed = history.iter().any(|(_, e)| matches!(e, Event::Healed(_)));
    let judged = ended.is_some() && !visits.is_empty() && (healed || options.recovery_ns_max.is_none());
    expected(judged, &wrong)
}

fn rename(event: Event) -> Event {
    match event {
        Event::Entered(id) => Event::Entered(renamed(id)),
        Event::Left(id) => Event::Left(renamed(id)),
        Event::Healed(id) => Event::Healed(renamed(id)),
        Event::Ended => Event::Ended,
    }
}

fn check(history: &[(u64, Event)], options: Options) -> CheckerResult {
    run_at(SoftState::new(options), history.iter().copied(), 0)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_visits_written_out(history in history(), limited: bool) {
        let options = if limited { LIMITS } else { NONE };
        let result = check(&history, options);
        prop_assert_eq!(outcome(&result), reference(&history, options));
        let moved = history.iter().map(|(time, event)| (*time, rename(*event)));
        prop_assert_eq!(outcome(&run_at(SoftState::new(options), moved, 7_000_000_000)), outcome(&result));
        let visits = visits(&history);
        let left = visits.iter().filter(|v| v.2.is_some()).count() as u64;
        prop_assert_eq!([result.counts["entered"], result.counts["left"]], [visits.len() as u64, left]);
        let inside = |at: usize| visits.iter().filter(|v| v.1 <= at && v.2.is_none_or(|left| left > at)).count() as u64;
        let most = (0..history.len()).map(inside).max().unwrap_or(0);
        prop_assert_eq!(result.counts["inside-max"], most);
    }

    #[test]
    fn short_visits_are_valid(stays in prop::collection::vec((0_u64..5, 0_u64..=10), 1..20)) {
        let mut history: History = Vec::new();
        let mut now = 0;
        for (id, (wait, stay)) in (0..).zip(stays) {
            now += wait;
            history.extend([(now, Event::Entered(id)), (now + stay, Event::Left(id))]);
        }
        history.sort_by_key(|(time, event)| (*time, matches!(event, Event::Left(_))));
        history.extend([(now + 98, Event::Healed(0)), (now + 99, Event::Ended)]);
        prop_assert_eq!(check(&history, LIMITS).verdict, Verdict::Valid);
    }
}

/// Kind, sentence, what is planted.
type Plant = (&'static str, &'static str, &'static [(u64, Event)]);

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    use Event::{Ended, Entered, Healed, Left};
    let limits = Options {
        window_ns_max: Some(10 * MS),
        recovery_ns_max: Some(8 * MS),
    };
    let plants: [Plant; 4] = [
        (
            "window-exceeded",
            "0 was half done for 11 ms",
            &[(0, Entered(0)), (11, Left(0)), (20, Ended)],
        ),
        (
            "recovery-exceeded",
            "recovery from 5 took 9 ms",
            &[(0, Entered(0)), (1, Healed(5)), (10, Left(0)), (20, Ended)],
        ),
        (
            "recovery-exceeded",
            "recovery from 5 was not over after 9 ms",
            &[(0, Entered(0)), (1, Healed(5)), (10, Ended)],
        ),
        (
            "unfinished",
            "0 was still half done at the end, after 11 ms",
            &[(0, Entered(0)), (11, Ended)],
        ),
    ];
    for (kind, sentence, plant) in plants {
        let history: History = plant.iter().map(|(ms, event)| (ms * MS, *event)).collect();
        let result = check(&history, limits);
        assert_eq!(
            (kinds(&result), result.anomalies[0].sentence.as_str()),
            (vec![kind], sentence)
        );
        assert_eq!(result.anomalies[0].witness.len(), 2);
    }
}

#[test]
fn the_edges_of_the_limits_are_inside() {
    use Event::{Ended, Entered, Healed, Left};
    let history = [(0, Entered(0)), (2, Healed(0)), (10, Left(0)), (10, Ended)];
    assert_eq!(check(&history, LIMITS).verdict, Verdict::Valid);
    let open = [(0, Entered(0)), (2, Healed(0)), (10, Ended)];
    assert_eq!(check(&open, LIMITS).verdict, Verdict::Valid);
}

#[test]
fn it_measures_windows_and_recoveries() {
    use Event::{Ended, Entered, Healed, Left};
    let events = [
        (0, Entered(0)),
        (1, Entered(1)),
        (2, Healed(0)),
        (3, Left(0)),
        (7, Left(1)),
        (8, Healed(1)),
        (9, Ended),
    ];
    let history: History = events.iter().map(|(ms, event)| (ms * MS, *event)).collect();
    let result = check(&history, NONE);
    assert_eq!(result.verdict, Verdict::Valid);
    let names = [
        "window-us-p0",
        "window-us-p100",
        "recovery-us-p0",
        "recovery-us-p100",
        "recovered",
        "inside-max",
    ];
    assert_eq!(names.map(|name| result.counts[name]), [3_000, 6_000, 0, 5_000, 2, 2]);
}

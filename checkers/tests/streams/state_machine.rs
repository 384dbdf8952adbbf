use paytwice_checkers::process::state_machine::{Event, StateMachine, Table, TableError};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

const STATES: [&str; 4] = ["trying", "confirmed", "cancelled", "frozen"];

/// Trying, perhaps frozen, then confirmed or cancelled; frozen again and again.
fn table() -> Table {
    let table = Table::new(&STATES).unwrap().initial(&["trying"]).unwrap();
    let table = table.terminal(&["confirmed", "cancelled"]).unwrap();
    let table = table.allow("trying", &["frozen", "cancelled"]).unwrap();
    table.allow("frozen", &["frozen", "confirmed", "cancelled"]).unwrap()
}

fn may_go(from: u8, to: u8) -> bool {
    [(0, 3), (0, 2), (3, 3), (3, 1), (3, 2)].contains(&(from, to))
}

/// Whether there is a way, by trying all ways.
fn can_reach(from: u8, to: u8, steps: u8) -> bool {
    may_go(from, to) || steps > 0 && (0..4).any(|via| may_go(from, via) && can_reach(via, to, steps - 1))
}

/// Id by id, over what was seen of it.
fn reference(seen: &[(u32, u8)], sampled: bool, settled: bool) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let mut wrong = [
        ("illegal-start", 0),
        ("illegal-transition", 0),
        ("unknown-state", 0),
        ("stuck", 0),
    ];
    let mut unfinished = false;
    for id in 0..3 {
        let states: Vec<u8> = seen.iter().filter(|s| s.0 == id).map(|s| s.1).collect();
        let Some((first, last)) = states.first().zip(states.last()) else {
            continue;
        };
        let may_begin = *first == 0 || sampled && can_reach(0, *first, 4);
        wrong[0].1 += u64::from(*first < 4 && !may_begin);
        wrong[2].1 += states.iter().filter(|s| **s > 3).count() as u64;
        for pair in states.windows(2).filter(|pair| pair[0] < 4 && pair[1] < 4) {
            let may = if sampled {
                can_reach(pair[0], pair[1], 4)
            } else {
                may_go(pair[0], pair[1])
            };
            wrong[1].1 += u64::from(pair[0] != pair[1] && !may);
        }
        let stuck = *last == 0 || *last == 3;
        unfinished |= stuck;
        wrong[3].1 += u64::from(stuck && settled);
    }
    expected(!seen.is_empty() && (settled || !unfinished), &wrong)
}

fn check(seen: &[(u32, u8)], table: Table, settled: bool) -> CheckerResult {
    let seen = seen.iter().map(|(id, state)| Event::Seen { id: *id, state: *state });
    run(StateMachine::new(table), seen.chain(settled.then_some(Event::Settled)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_trying_all_ways(
        seen in prop::collection::vec((0_u32..3, prop_oneof![9 => 0_u8..4, 1 => Just(9_u8)]), 0..14),
        sampled: bool,
        settled: bool,
    ) {
        let table = if sampled { table().sampled() } else { table() };
        let result = check(&seen, table.clone(), settled);
        prop_assert_eq!(outcome(&result), reference(&seen, sampled, settled));
        let others = seen.iter().map(|(id, state)| Event::Seen { id: renamed(*id), state: *state });
        let others = others.chain(settled.then_some(Event::Settled)).map(|event| (0, event));
        prop_assert_eq!(outcome(&run_at(StateMachine::new(table), others, 900)), outcome(&result));
    }

    #[test]
    fn walks_of_the_table_are_valid(ways in prop::collection::vec(0_u8..4, 1..9), skip: bool) {
        let mut seen = Vec::new();
        for (id, way) in (0..).zip(ways) {
            let walk: &[u8] = [&[0, 2][..], &[0, 3, 1], &[0, 0, 3, 3, 3, 2], &[0, 3, 3, 1, 1]][usize::from(way)];
            seen.extend(walk.iter().skip(usize::from(skip)).map(|state| (id, *state)));
        }
        let table = if skip { table().sampled() } else { table() };
        prop_assert_eq!(check(&seen, table, true).verdict, Verdict::Valid);
    }
}

/// Kind, sentence, what is planted.
type Plant = (&'static str, &'static str, &'static [(u32, u8)]);

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let good = [(0, 0), (0, 2), (1, 0)];
    let plants: [Plant; 5] = [
        ("illegal-start", "7 began as frozen", &[(7, 3), (7, 1)]),
        (
            "illegal-transition",
            "7 went from trying to confirmed",
            &[(7, 0), (7, 1)],
        ),
        ("illegal-transition", "0 went from cancelled to confirmed", &[(0, 1)]),
        (
            "unknown-state",
            "7 was in state 64, which is not in the table",
            &[(7, 64)],
        ),
        ("stuck", "7 is frozen at the end", &[(7, 0), (7, 3)]),
    ];
    for (kind, sentence, plant) in plants {
        let result = check(&[&good[..], &[(1, 2)], plant].concat(), table(), true);
        assert_eq!(
            (kinds(&result), result.anomalies[0].sentence.as_str()),
            (vec![kind], sentence)
        );
    }
}

#[test]
fn a_witness_shows_when_each_state_was_entered() {
    let result = check(&[(0, 0), (0, 3), (0, 3), (0, 0)], table(), false);
    assert_eq!(result.anomalies[0].witness, [1, 3]);
    let stuck = check(&[(0, 0), (0, 3), (0, 3)], table(), true);
    assert_eq!(
        (stuck.anomalies[0].witness.as_slice(), stuck.counts["transitions"]),
        (&[1][..], 2)
    );
}

#[test]
fn what_is_unfinished_is_unknown_while_the_run_goes_on() {
    let result = check(&[(0, 0), (0, 3), (1, 0), (1, 2)], table(), false);
    let reason = "the run was not seen to be over, and 1 are not in a terminal state";
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Unknown, Some(reason))
    );
    let later = [Event::Settled, Event::Seen { id: 0, state: 0 }];
    assert_eq!(run(StateMachine::new(table()), later).verdict, Verdict::Unknown);
}

#[test]
fn a_table_says_what_is_wrong_with_it() {
    assert_eq!(
        table().allow("trying", &["gone"]).unwrap_err().to_string(),
        "\"gone\" is not among the states"
    );
    assert_eq!(table().number("gone"), Err(TableError::NoSuchState("gone".into())));
    assert_eq!(table().number("frozen"), Ok(3));
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        Table::new(&many).unwrap_err().to_string(),
        "65 states; a table has at most 64"
    );
    let most = Table::new(&many[..64])
        .unwrap()
        .initial(&["63"])
        .unwrap()
        .terminal(&["0"])
        .unwrap();
    let most = most.allow("63", &["0"]).unwrap();
    assert_eq!(check(&[(0, 63), (0, 0)], most, true).verdict, Verdict::Valid);
}

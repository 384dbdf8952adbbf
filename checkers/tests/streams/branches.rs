use paytwice_checkers::process::branches::{BRANCHES_MAX, Branches, Event};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, interleave, kinds, outcome, renamed, run, run_at};

fn event() -> impl Strategy<Value = Event> {
    (0_u8..12, 0_u32..2, 0_u8..3).prop_map(|(what, id, branch)| match what {
        0..3 => Event::Begun { id, branches: 2 },
        3..7 => Event::Applied { id, branch },
        7..9 => Event::Reverted { id, branch },
        9 => Event::Committed(id),
        10 => Event::RolledBack(id),
        _ => Event::Settled,
    })
}

/// Transaction by transaction: the last thing that happened to each branch.
fn reference(events: &[Event]) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let mut wrong = [
        ("partial", 0),
        ("lost", 0),
        ("aborted", 0),
        ("contradiction", 0),
        ("unexpected-branch", 0),
    ];
    let settled = events.last() == Some(&Event::Settled);
    let mut begun = false;
    for id in 0..2 {
        let in_effect = |branch: u8| {
            let touches = |e: &&Event| **e == Event::Applied { id, branch } || **e == Event::Reverted { id, branch };
            matches!(events.iter().rfind(touches), Some(Event::Applied { .. }))
        };
        let branches = if events.contains(&Event::Begun { id, branches: 2 }) {
            2
        } else {
            0
        };
        begun |= branches > 0;
        let (committed, rolled_back) = (
            events.contains(&Event::Committed(id)),
            events.contains(&Event::RolledBack(id)),
        );
        let applied = (0..branches).filter(|b| in_effect(*b)).count();
        wrong[0].1 += u64::from(settled && applied == 1);
        wrong[1].1 += u64::from(settled && branches > 0 && applied == 0 && committed && !rolled_back);
        wrong[2].1 += u64::from(settled && applied == 2 && rolled_back && !committed);
        wrong[3].1 += u64::from(committed && rolled_back);
        wrong[4].1 += u64::from((branches..3).any(in_effect));
    }
    let any = events
        .iter()
        .any(|e| matches!(e, Event::Applied { .. } | Event::Committed(_)));
    expected(settled && begun && any, &wrong)
}

fn rename(event: Event) -> Event {
    match event {
        Event::Begun { id, branches } => Event::Begun {
            id: renamed(id),
            branches,
        },
        Event::Applied { id, branch } => Event::Applied {
            id: renamed(id),
            branch,
        },
        Event::Reverted { id, branch } => Event::Reverted {
            id: renamed(id),
            branch,
        },
        Event::Committed(id) => Event::Committed(renamed(id)),
        Event::RolledBack(id) => Event::RolledBack(renamed(id)),
        Event::Settled => Event::Settled,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_the_last_word_on_each_branch(mut events in prop::collection::vec(event(), 0..16), settles: bool) {
        if settles {
            events.push(Event::Settled);
        }
        let result = run(Branches::new(), events.clone());
        prop_assert_eq!(outcome(&result), reference(&events));
        let other = run_at(Branches::new(), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&result), outcome(&other));
        let unobserved = std::iter::once(Event::Begun { id: 9, branches: 3 }).chain(events.clone());
        let kinds = |events: Vec<Event>| outcome(&run(Branches::new(), events)).1;
        prop_assert_eq!(kinds(unobserved.collect()), kinds(events));
    }

    #[test]
    fn all_or_none_is_valid(fates in prop::collection::vec(0_u8..4, 1..9), order in any::<u64>()) {
        prop_assert_eq!(run(Branches::new(), valid(&fates, order)).verdict, Verdict::Valid);
    }
}

/// Committed; rolled back after half of it; info and whole; info and none.
fn valid(fates: &[u8], order: u64) -> Vec<Event> {
    let lives = (0..).zip(fates.iter().chain([&0])).map(|(id, fate)| {
        let begun = Event::Begun { id, branches: 3 };
        let all = |to: fn(u32, u8) -> Event| (0..3).map(|b| to(id, b)).collect::<Vec<_>>();
        let applied = all(|id, branch| Event::Applied { id, branch });
        let reverted = all(|id, branch| Event::Reverted { id, branch });
        match fate {
            1 => [
                vec![begun],
                applied[..2].to_vec(),
                reverted,
                vec![Event::RolledBack(id)],
            ]
            .concat(),
            2 => [vec![begun], applied].concat(),
            3 => vec![begun],
            _ => [vec![begun], applied, vec![Event::Committed(id)]].concat(),
        }
    });
    let mut events = interleave(lives.collect(), order);
    events.push(Event::Settled);
    events
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let begun = Event::Begun { id: 9, branches: 2 };
    let applied = |branch| Event::Applied { id: 9, branch };
    let plants: [(&str, &str, &[Event]); 5] = [
        ("partial", "has 1 of 2 branches in effect", &[begun, applied(1)]),
        (
            "lost",
            "was reported committed, and no branch is in effect",
            &[begun, Event::Committed(9)],
        ),
        (
            "aborted",
            "was reported rolled back, and every branch is in effect",
            &[begun, applied(0), applied(1), Event::RolledBack(9)],
        ),
        (
            "contradiction",
            "was reported committed and rolled back",
            &[begun, Event::Committed(9), Event::RolledBack(9)],
        ),
        (
            "unexpected-branch",
            "has a branch in effect that it does not have",
            &[begun, applied(0), applied(1), applied(2), Event::Committed(9)],
        ),
    ];
    for (kind, how, plant) in plants {
        let mut events = valid(&[0, 1, 2, 3], 7);
        events.extend(plant);
        events.push(Event::Settled);
        let result = run(Branches::new(), events);
        assert_eq!(
            (kinds(&result), &result.anomalies[0].sentence),
            (vec![kind], &format!("transaction 9 {how}"))
        );
        assert!(result.anomalies[0].witness.len() > 1);
    }
}

#[test]
fn half_of_it_is_soft_state_until_it_settles() {
    let half = [Event::Begun { id: 0, branches: 2 }, Event::Applied { id: 0, branch: 0 }];
    let result = run(Branches::new(), half);
    let reason = "effects were not observed to the end; 1 transaction not whole so far";
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Unknown, Some(reason))
    );
}

#[test]
fn the_last_branch_counts_and_one_beyond_is_unknown() {
    let most = |last: u8| {
        let begun = Event::Begun { id: 0, branches: last };
        let all = (0..last).map(|branch| Event::Applied { id: 0, branch });
        run(
            Branches::new(),
            std::iter::once(begun).chain(all).chain([Event::Settled]),
        )
    };
    assert_eq!(most(BRANCHES_MAX).verdict, Verdict::Valid);
    let beyond = most(BRANCHES_MAX + 1);
    let reason = "2 events beyond branch 64 cannot be judged";
    assert_eq!(
        (beyond.verdict, beyond.reason.as_deref()),
        (Verdict::Unknown, Some(reason))
    );
}

#[test]
fn counts_are_of_events_and_transactions() {
    let result = run(Branches::new(), valid(&[0, 1, 2, 3], 7));
    assert_eq!(
        ["transactions", "committed", "applied", "reverted"].map(|name| result.counts[name]),
        [5, 2, 11, 3]
    );
}

use paytwice_checkers::accounts::postings::{Event, Options, Postings};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed, run, run_at};

const STRICT: Options = Options { eventual: false };
const EVENTUAL: Options = Options { eventual: true };

/// Three operations at a time on two accounts; any of them may never end.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let step = (0_u32..3, 0_u8..8, 0_u32..2, -3_i128..6, -4_i128..12);
    prop::collection::vec(step, 0..24).prop_map(|steps| {
        let mut doing = [None; 3];
        let steps = steps.into_iter().map(|(op, what, account, amount, balance)| {
            let current = &mut doing[op as usize];
            let event = match (*current, what) {
                (None, 0..4) => Event::Post { op, account, amount },
                (None, _) => Event::ReadInvoked { op, account },
                (Some(Event::Post { .. }), 0..4) => Event::Posted(op),
                (Some(Event::Post { .. }), 4..6) => Event::PostFailed(op),
                (Some(Event::Post { .. }), _) => Event::PostUnknown(op),
                _ => Event::Balance { op, balance },
            };
            *current = if current.is_none() { Some(event) } else { None };
            event
        });
        let opened = Event::Opened { account: 1, balance: 2 };
        std::iter::once(opened).chain(steps).collect()
    })
}

fn op_of(event: &Event) -> Option<u32> {
    match event {
        Event::Opened { .. } => None,
        Event::Post { op, .. } | Event::ReadInvoked { op, .. } | Event::Balance { op, .. } => Some(*op),
        Event::Posted(op) | Event::PostFailed(op) | Event::PostUnknown(op) => Some(*op),
    }
}

/// For every read, every posting: must it be in, may it, or can it not? By account, in the order of the reads' ends:
/// was it right, and when did it end?
fn reads(events: &[Event], account: u32) -> Vec<(bool, usize)> {
    let end_of = |at: usize| (at + 1..events.len()).find(|e| op_of(&events[*e]) == op_of(&events[at]));
    let mut reads = Vec::new();
    for (end, event) in events.iter().enumerate() {
        let Event::Balance { op, balance } = *event else {
            continue;
        };
        let begin = events[..end].iter().rposition(|e| op_of(e) == Some(op)).unwrap();
        if !matches!(events[begin], Event::ReadInvoked { account: a, .. } if a == account) {
            continue;
        }
        let opening = if account == 1 { 2 } else { 0 };
        let (mut low, mut high) = (opening, opening);
        for (post, event) in events.iter().enumerate() {
            let Event::Post {
                account: to, amount, ..
            } = *event
            else {
                continue;
            };
            match end_of(post).map(|e| (e, events[e])) {
                _ if to != account => {}
                Some((_, Event::PostFailed(_))) => {}
                Some((e, Event::Posted(_))) if e < begin => (low, high) = (low + amount, high + amount),
                _ if post < end => (low, high) = (low + amount.min(0), high + amount.max(0)),
                _ => {}
            }
        }
        reads.push((low <= balance && balance <= high, end));
    }
    reads
}

fn rename(event: Event) -> Event {
    let name = renamed;
    match event {
        Event::Opened { account, balance } => Event::Opened {
            account: name(account),
            balance,
        },
        Event::Post { op, account, amount } => Event::Post {
            op: name(op),
            account: name(account),
            amount,
        },
        Event::Posted(op) => Event::Posted(name(op)),
        Event::PostFailed(op) => Event::PostFailed(name(op)),
        Event::PostUnknown(op) => Event::PostUnknown(name(op)),
        Event::ReadInvoked { op, account } => Event::ReadInvoked {
            op: name(op),
            account: name(account),
        },
        Event::Balance { op, balance } => Event::Balance { op: name(op), balance },
    }
}

/// One event per microsecond.
fn check(events: &[Event], options: Options) -> paytwice_checkers::verdict::CheckerResult {
    run_at(
        Postings::new(options),
        (0..).step_by(1_000).zip(events.iter().copied()),
        0,
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_every_posting_for_every_read(events in events()) {
        let accounts = [reads(&events, 0), reads(&events, 1)];
        let wrong = |reads: &&Vec<(bool, usize)>| reads.iter().any(|(right, _)| !right);
        let last_wrong = |reads: &&Vec<(bool, usize)>| reads.last().is_some_and(|(right, _)| !right);
        let judged = accounts.iter().any(|reads| !reads.is_empty());
        let strict = check(&events, STRICT);
        let diverged = accounts.iter().filter(wrong).count() as u64;
        prop_assert_eq!(outcome(&strict), expected(judged, &[("divergence", diverged)]));
        let eventual = check(&events, EVENTUAL);
        let never = accounts.iter().filter(last_wrong).count() as u64;
        prop_assert_eq!(outcome(&eventual), expected(judged, &[("divergence", never)]));

        let divergent = accounts.iter().flatten().filter(|(right, _)| !right);
        prop_assert_eq!(strict.counts["divergent-reads"], divergent.clone().count() as u64);
        let first = divergent.map(|(_, end)| *end as u64).min();
        prop_assert_eq!(strict.counts.get("first-divergence").copied(), first);
        prop_assert_eq!(strict.counts["converged"], diverged - never);
        let since = |reads: &Vec<(bool, usize)>| {
            let last = reads.iter().rposition(|(right, _)| !right)?;
            reads.get(last + 1).map(|(_, end)| *end as u64)
        };
        let converged = accounts.iter().filter_map(since).max();
        prop_assert_eq!(strict.counts.get("converged-at-us").copied(), converged);
        let other = run_at(Postings::new(STRICT), events.iter().map(|e| (0, rename(*e))), 900);
        prop_assert_eq!(outcome(&strict), outcome(&other));
    }

    /// Transfers that take effect at some moment, balances read at others.
    #[test]
    fn an_atomic_ledger_is_valid(steps in prop::collection::vec((0_u32..4, 0_u8..5, 0_u32..3, -9_i128..9), 0..40)) {
        let mut balances = [50_i128, 0, 0];
        let mut events = vec![Event::Opened { account: 0, balance: 50 }];
        let mut open: [Option<Event>; 4] = [None; 4];
        for (op, what, account, amount) in steps {
            match open[op as usize].take() {
                Some(end) => events.push(end),
                None if what < 2 => {
                    let balance = balances[account as usize];
                    events.push(Event::ReadInvoked { op, account });
                    open[op as usize] = Some(Event::Balance { op, balance });
                }
                None => {
                    events.push(Event::Post { op, account, amount });
                    balances[account as usize] += if what == 2 { 0 } else { amount };
                    let ends = [Event::PostFailed(op), Event::PostUnknown(op), Event::Posted(op)];
                    open[op as usize] = Some(ends[usize::from(what) - 2]);
                }
            }
        }
        events.extend([Event::ReadInvoked { op: 9, account: 1 }, Event::Balance { op: 9, balance: balances[1] }]);
        prop_assert_eq!(check(&events, STRICT).verdict, Verdict::Valid);
    }
}

fn read(account: u32, balance: i128) -> [Event; 2] {
    [Event::ReadInvoked { op: 5, account }, Event::Balance { op: 5, balance }]
}

fn credit(op: u32, amount: i128) -> Event {
    Event::Post { op, account: 3, amount }
}

#[test]
fn a_balance_that_no_posting_explains_diverges() {
    let posted = [credit(0, 100), Event::Posted(0), credit(1, 30)];
    for right in [100, 130] {
        assert_eq!(
            check(&[&posted[..], &read(3, right)].concat(), STRICT).verdict,
            Verdict::Valid
        );
    }
    let result = check(&[&posted[..], &read(3, 200)].concat(), STRICT);
    assert_eq!(kinds(&result), ["divergence"]);
    assert_eq!(
        result.anomalies[0].sentence,
        "account 3 was read as 200 where its postings make from 100 to 130; it was not read right after that"
    );
    assert_eq!(result.anomalies[0].witness, [3, 4]);
}

#[test]
fn a_balance_that_lags_converges() {
    let late = [&[credit(0, 100), Event::Posted(0)][..], &read(3, 0), &read(3, 100)].concat();
    let strict = check(&late, STRICT);
    let sentence = "account 3 was read as 0 where its postings make 100; it was right again from 0 ms on";
    assert_eq!(strict.anomalies[0].sentence, sentence);
    assert_eq!((strict.counts["converged"], strict.counts["converged-at-us"]), (1, 5));
    assert_eq!(check(&late, EVENTUAL).verdict, Verdict::Valid);
    let never = [&late[..], &read(3, 50), &read(3, 60)].concat();
    let never = check(&never, EVENTUAL);
    assert_eq!(
        (kinds(&never), never.anomalies[0].witness.as_slice()),
        (vec!["divergence"], &[8, 9][..])
    );
}

#[test]
fn a_number_used_again_leaves_its_posting_open() {
    let events = [&[credit(0, 100), credit(0, 30), Event::Posted(0)][..], &read(3, 130)].concat();
    assert_eq!(run(Postings::new(STRICT), events.clone()).verdict, Verdict::Valid);
    let low = [&[credit(0, 100), credit(0, 30), Event::Posted(0)][..], &read(3, 20)].concat();
    assert_eq!(kinds(&run(Postings::new(STRICT), low)), ["divergence"]);
}

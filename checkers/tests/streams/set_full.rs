use paytwice_checkers::stores::set_full::{Event, Options, SetFull};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, kinds, outcome, renamed};

/// An event that owns what it lists.
#[derive(Clone, Debug, PartialEq)]
enum Op {
    Add(u32),
    Added(u32),
    Invoke(u32),
    Read(u32, Vec<u32>),
}

const LINEARIZABLE: Options = Options {
    linearizable: true,
    no_unexpected: true,
};

/// Processes that read and, independently, adds and acks of a few elements.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let step = (0_u8..8, 0_u32..4, 0_u32..3, prop::collection::vec(0_u32..4, 0..5));
    prop::collection::vec(step, 0..24).prop_map(|steps| {
        let mut reading = [false; 3];
        let mut ops: Vec<Op> = Vec::new();
        for (what, id, process, listed) in steps {
            let busy = &mut reading[process as usize];
            match what {
                0..2 => ops.push(Op::Add(id)),
                2 if ops.contains(&Op::Add(id)) => ops.push(Op::Added(id)),
                2 => {}
                _ if *busy => {
                    *busy = false;
                    ops.push(Op::Read(process, listed));
                }
                _ => {
                    *busy = true;
                    ops.push(Op::Invoke(process));
                }
            }
        }
        ops
    })
}

fn check(ops: &[Op], options: Options, name: fn(u32) -> u32) -> CheckerResult {
    let mut checker = SetFull::new(options);
    for (index, op) in (0..).zip(ops) {
        let at = At {
            index,
            time: index * 1_000_000,
        };
        match op {
            Op::Add(id) => checker.push(at, Event::Add(name(*id))),
            Op::Added(id) => checker.push(at, Event::Added(name(*id))),
            Op::Invoke(process) => checker.push(
                at,
                Event::ReadInvoked {
                    process: name(*process),
                },
            ),
            Op::Read(process, ids) => {
                let elements: Vec<u32> = ids.iter().map(|id| name(*id)).collect();
                checker.push(
                    at,
                    Event::Read {
                        process: name(*process),
                        elements: &elements,
                    },
                );
            }
        }
    }
    checker.finish()
}

/// What Jepsen makes of one element, looking at it in every read.
#[derive(Debug, Default, PartialEq)]
struct Fates {
    attempt: u64,
    stable: u64,
    lost: u64,
    stale: u64,
    never_read: u64,
    duplicated: u64,
    unexpected: u64,
    worst_stable_ms: Option<u64>,
    worst_lost_ms: Option<u64>,
}

fn reference(ops: &[Op]) -> Fates {
    let mut fates = Fates::default();
    for element in 0..4 {
        let added = ops.iter().position(|op| *op == Op::Add(element));
        let before = &ops[..added.unwrap_or(ops.len())];
        let lists = |op: &Op| matches!(op, Op::Read(_, ids) if ids.contains(&element));
        fates.unexpected += u64::from(before.iter().any(lists));
        let Some(added) = added else { continue };
        fates.attempt += 1;
        let acked = ops.iter().position(|op| *op == Op::Added(element));
        let seen = (added..ops.len()).find(|at| lists(&ops[*at]));
        let known = acked.into_iter().chain(seen).min();
        let (mut present, mut absent) = (None, None);
        for at in added..ops.len() {
            let Op::Read(process, ids) = &ops[at] else { continue };
            let began = ops[..at].iter().rposition(|op| *op == Op::Invoke(*process)).unwrap();
            let last = if ids.contains(&element) {
                &mut present
            } else {
                &mut absent
            };
            *last = (*last).max(Some(began));
            let times = ids.iter().filter(|id| **id == element).count();
            if times > 1
                && !ops[added..at]
                    .iter()
                    .any(|op| matches!(op, Op::Read(_, ids) if ids.iter().filter(|id| **id == element).count() > 1))
            {
                fates.duplicated += 1;
            }
        }
        let missed = known.is_some() && absent > known;
        let since = |moment: Option<usize>| match (moment, known) {
            (Some(moment), Some(known)) => (moment as u64).saturating_sub(known as u64),
            _ => 0,
        };
        if present > absent {
            fates.stable += 1;
            fates.stale += u64::from(missed);
            fates.worst_stable_ms = fates.worst_stable_ms.max(Some(since(absent)));
        } else if missed {
            fates.lost += 1;
            fates.worst_lost_ms = fates.worst_lost_ms.max(Some(since(present)));
        } else {
            fates.never_read += 1;
        }
    }
    fates
}

fn found(result: &CheckerResult) -> Fates {
    let count = |name: &str| result.counts[name];
    let ms = |name: &str| result.counts.get(name).map(|us| us / 1_000);
    Fates {
        attempt: count("attempt"),
        stable: count("stable"),
        lost: count("lost"),
        stale: count("stale"),
        never_read: count("never-read"),
        duplicated: count("duplicated"),
        unexpected: count("unexpected"),
        worst_stable_ms: ms("stable-latency-us-p100"),
        worst_lost_ms: ms("lost-latency-us-p100"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_looking_at_every_element_in_every_read(ops in ops()) {
        let fates = reference(&ops);
        let result = check(&ops, Options::default(), |id| id);
        prop_assert_eq!(&found(&result), &fates);
        let wrong = fates.lost > 0 || fates.duplicated > 0;
        let verdict = match (wrong, fates.stable) {
            (true, _) => Verdict::Invalid,
            (false, 0) => Verdict::Unknown,
            (false, _) => Verdict::Valid,
        };
        prop_assert_eq!(result.verdict, verdict);
        let strict = check(&ops, LINEARIZABLE, |id| id);
        let wrong = wrong || fates.stale > 0 || fates.unexpected > 0;
        prop_assert_eq!(strict.verdict == Verdict::Invalid, wrong);
        let renamed = check(&ops, LINEARIZABLE, renamed);
        prop_assert_eq!(outcome(&strict), outcome(&renamed));
        // An add that ended info and that no read shows.
        let unobserved: Vec<Op> = [Op::Add(30)].into_iter().chain(ops).collect();
        prop_assert_eq!(outcome(&check(&unobserved, LINEARIZABLE, |id| id)), outcome(&strict));
    }

    /// A set that is added to at once and read as it is.
    #[test]
    fn a_linearizable_set_is_valid(steps in prop::collection::vec(0_u8..4, 0..30)) {
        let mut ops = vec![Op::Add(0), Op::Added(0)];
        let mut there = vec![0];
        for (id, step) in (1..).zip(steps) {
            match step {
                0 => ops.extend([Op::Invoke(0), Op::Read(0, there.clone())]),
                1 => ops.push(Op::Add(id)),
                _ => {
                    there.push(id);
                    // A read that runs while the element is added does not show it.
                    ops.extend([Op::Add(id), Op::Invoke(1), Op::Added(id), Op::Read(1, there.clone())]);
                }
            }
        }
        ops.extend([Op::Invoke(2), Op::Read(2, there)]);
        prop_assert_eq!(check(&ops, LINEARIZABLE, |id| id).verdict, Verdict::Valid);
    }
}

fn read(ids: &[u32]) -> [Op; 2] {
    [Op::Invoke(0), Op::Read(0, ids.to_vec())]
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let added = [Op::Add(0), Op::Added(0), Op::Add(1), Op::Added(1)];
    let then = |reads: &[[Op; 2]]| check(&[&added[..], &reads.concat()].concat(), LINEARIZABLE, |id| id);
    let lost = then(&[read(&[0, 1]), read(&[1])]);
    assert_eq!(kinds(&lost), ["lost"]);
    assert_eq!(
        lost.anomalies[0].sentence,
        "element 0 was read, and is missing from the read that began last"
    );
    assert_eq!(lost.anomalies[0].witness, [0, 1, 5, 6, 7]);
    let never = then(&[read(&[1])]);
    assert_eq!(never.anomalies[0].sentence, "element 0 was known, and never read");
    assert_eq!(kinds(&then(&[read(&[0]), read(&[0, 1])])), ["stale"]);
    assert_eq!(kinds(&then(&[read(&[0, 1, 0])])), ["duplicated"]);
    assert_eq!(kinds(&then(&[read(&[0, 1, 5])])), ["unexpected"]);
}

#[test]
fn a_late_read_that_began_early_proves_no_loss() {
    // The second read ends last, but began before the element was known.
    let ops = [
        Op::Invoke(1),
        Op::Add(0),
        Op::Added(0),
        Op::Invoke(0),
        Op::Read(0, vec![0]),
        Op::Read(1, vec![]),
    ];
    let result = check(&ops, LINEARIZABLE, |id| id);
    assert_eq!((result.verdict, result.counts["stable"]), (Verdict::Valid, 1));
}

#[test]
fn a_long_absence_is_found_among_many_reads() {
    let mut ops = vec![Op::Add(0), Op::Added(0), Op::Add(1), Op::Added(1)];
    ops.extend(read(&[0, 1]));
    (0..500).for_each(|_| ops.extend(read(&[1])));
    ops.extend(read(&[0, 1]));
    let stale = check(&ops, Options::default(), |id| id);
    assert_eq!((stale.verdict, stale.counts["stale"]), (Verdict::Valid, 1));
    // From when it was known (op 1) to the last read that missed it (op 1004).
    assert_eq!(stale.counts["stable-latency-us-p100"], 1_003_000);
    assert_eq!(stale.counts["stable-latency-us-p0"], 0);
    ops.truncate(ops.len() - 2);
    assert_eq!(kinds(&check(&ops, Options::default(), |id| id)), ["lost"]);
}

#[test]
fn reads_follow_each_other_by_their_invocations() {
    let read = |process, elements: &'static [u32]| Event::Read { process, elements };
    let begins = |process| Event::ReadInvoked { process };
    let added = [Event::Add(0), Event::Added(0)];
    // The read that began first ends last, and holds the element: that tells nothing of what comes after it began.
    let lost = [&added[..], &[begins(1), begins(2), read(2, &[]), read(1, &[0])]].concat();
    let result = crate::harness::run(SetFull::new(Options::default()), lost);
    assert_eq!(kinds(&result), ["lost"]);
    assert_eq!(
        result.anomalies[0].sentence,
        "element 0 was read, and is missing from the read that began last"
    );
    let stays = [&added[..], &[begins(2), begins(1), read(2, &[]), read(1, &[0])]].concat();
    assert_eq!(
        crate::harness::run(SetFull::new(Options::default()), stays).verdict,
        Verdict::Valid
    );
}

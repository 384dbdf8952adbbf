use std::collections::BTreeSet;

use paytwice_checkers::stores::set::{Event, Set};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed};

/// An event that owns what it lists.
#[derive(Clone, Debug, PartialEq)]
enum Op {
    Add(u32),
    Added(u32),
    Read(Vec<u32>),
}

fn op() -> impl Strategy<Value = Op> {
    (0_u8..6, 0_u32..5, prop::collection::vec(0_u32..5, 0..5)).prop_map(|(what, id, listed)| match what {
        0..3 => Op::Add(id),
        3..5 => Op::Added(id),
        _ => Op::Read(listed),
    })
}

fn check(ops: &[Op], name: fn(u32) -> u32) -> CheckerResult {
    let mut checker = Set::new();
    for (index, op) in (0..).zip(ops) {
        let at = At { index, time: 0 };
        match op {
            Op::Add(id) => checker.push(at, Event::Add(name(*id))),
            Op::Added(id) => checker.push(at, Event::Added(name(*id))),
            Op::Read(ids) => checker.push(at, Event::Read(&ids.iter().map(|id| name(*id)).collect::<Vec<_>>())),
        }
    }
    checker.finish()
}

proptest! {
    #![proptest_config(config())]

    /// By the algebra of sets, as Jepsen does it.
    #[test]
    fn agrees_with_set_algebra(ops in prop::collection::vec(op(), 0..20)) {
        let attempts: BTreeSet<u32> = ops.iter().filter_map(|o| if let Op::Add(id) = o { Some(*id) } else { None }).collect();
        let adds: BTreeSet<u32> = ops.iter().filter_map(|o| if let Op::Added(id) = o { Some(*id) } else { None }).collect();
        let last = ops.iter().rev().find_map(|o| if let Op::Read(ids) = o { Some(ids) } else { None });
        let result = check(&ops, |id| id);
        prop_assert_eq!(outcome(&result), outcome(&check(&ops, renamed)));
        let Some(last) = last else {
            prop_assert_eq!(result.verdict, Verdict::Unknown);
            return Ok(());
        };
        let last: BTreeSet<u32> = last.iter().copied().collect();
        let lost = (&adds - &last).len() as u64;
        let unexpected = (&last - &attempts).len() as u64;
        let judged = !adds.is_empty() || !last.is_empty();
        prop_assert_eq!(outcome(&result), expected(judged, &[("lost", lost), ("unexpected", unexpected)]));
        let ok = &last & &attempts;
        let sizes = [attempts.len(), adds.len(), ok.len(), (&ok - &adds).len()].map(|n| n as u64);
        prop_assert_eq!(["attempt", "acknowledged", "ok", "recovered"].map(|name| result.counts[name]), sizes);
        prop_assert_eq!([result.counts["lost"], result.counts["unexpected"]], [lost, unexpected]);
    }

    #[test]
    fn reading_what_was_added_is_valid(fates in prop::collection::vec(0_u8..3, 1..20)) {
        let ids = 0..u32::try_from(fates.len()).unwrap();
        let mut ops: Vec<Op> = ids.clone().map(Op::Add).collect();
        ops.extend(ids.clone().filter(|id| fates[*id as usize] == 0).map(Op::Added));
        ops.push(Op::Read(ids.filter(|id| fates[*id as usize] < 2).chain([99]).collect()));
        ops.extend([Op::Add(99), Op::Added(99)]);
        prop_assert_eq!(check(&ops, |id| id).verdict, Verdict::Valid);
    }
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let added = [Op::Add(0), Op::Added(0), Op::Add(1), Op::Added(1)];
    let read = |ids: &[u32]| check(&[&added[..], &[Op::Read(ids.to_vec())]].concat(), |id| id);
    let lost = read(&[1]);
    assert_eq!(kinds(&lost), ["lost"]);
    assert_eq!(lost.anomalies[0].witness, [0, 1, 4]);
    assert_eq!(kinds(&read(&[1, 0, 7])), ["unexpected"]);
    assert_eq!(read(&[1, 0, 0]).verdict, Verdict::Valid);
}

#[test]
fn only_the_last_read_counts() {
    let ops = [
        Op::Read(vec![5]),
        Op::Add(0),
        Op::Added(0),
        Op::Read(vec![]),
        Op::Read(vec![0]),
    ];
    let result = check(&ops, |id| id);
    assert_eq!((result.verdict, result.counts["reads"]), (Verdict::Valid, 3));
}

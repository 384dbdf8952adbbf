use paytwice_checkers::stores::long_fork::{Event, LongFork, Options};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, kinds, renamed};

type Read = Vec<(u32, Option<u32>)>;

#[derive(Clone, Debug)]
enum Op {
    Write(u32),
    Read(Read),
}

fn check(ops: &[Op], group_size: usize, name: fn(u32) -> u32) -> CheckerResult {
    let mut checker = LongFork::new(Options { group_size });
    for (index, op) in (0..).zip(ops) {
        let at = At { index, time: 0 };
        match op {
            Op::Write(key) => checker.push(at, Event::Write(name(*key))),
            Op::Read(read) => {
                let read: Read = read.iter().map(|(key, value)| (name(*key), *value)).collect();
                checker.push(at, Event::Read(&read));
            }
        }
    }
    checker.finish()
}

/// A read of group 0 (keys 0 to 2) or 1 (keys 3 to 5) that sees the keys of a mask, in some order.
fn read(group: u32, mask: u32, turn: usize) -> Read {
    let mut read: Read = (0..3)
        .map(|k| (group * 3 + k, (mask >> k & 1 == 1).then_some(k + 1)))
        .collect();
    read.rotate_left(turn);
    read
}

fn comparable(a: &Read, b: &Read) -> bool {
    let saw = |read: &Read, key: u32| read.iter().any(|(k, value)| *k == key && value.is_some());
    let within = |a: &Read, b: &Read| (0..6).all(|key| !saw(a, key) || saw(b, key));
    within(a, b) || within(b, a)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_every_pair_of_reads(masks in prop::collection::vec((0_u32..2, 0_u32..8, 0_usize..3), 0..7)) {
        let reads: Vec<Read> = masks.iter().map(|(group, mask, turn)| read(*group, *mask, *turn)).collect();
        let same = |a: &Read, b: &Read| a.iter().any(|(key, _)| b.iter().any(|(other, _)| key == other));
        let forked = reads.iter().any(|a| reads.iter().any(|b| same(a, b) && !comparable(a, b)));
        let verdict = match (forked, reads.is_empty()) {
            (true, _) => Verdict::Invalid,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Valid,
        };
        let ops: Vec<Op> = reads.into_iter().map(Op::Read).collect();
        let result = check(&ops, 3, |key| key);
        prop_assert_eq!(result.verdict, verdict);
        prop_assert_eq!(check(&ops, 3, renamed).verdict, verdict);
        let early = masks.iter().filter(|(_, mask, _)| *mask == 0).count() as u64;
        let late = masks.iter().filter(|(_, mask, _)| *mask == 7).count() as u64;
        prop_assert_eq!([result.counts["early-reads"], result.counts["late-reads"]], [early, late]);
    }

    /// One order of writes, read at any moments.
    #[test]
    fn reads_of_one_order_are_valid(order in Just([0_u32, 1, 2]).prop_shuffle(), moments in prop::collection::vec(0_usize..4, 1..9)) {
        let mut ops: Vec<Op> = (0..3).map(Op::Write).collect();
        ops.extend(moments.into_iter().map(|n| Op::Read(read(0, order[..n].iter().map(|k| 1 << k).sum(), n % 3))));
        prop_assert_eq!(check(&ops, 3, |key| key).verdict, Verdict::Valid);
    }
}

#[test]
fn a_fork_names_its_keys_and_reads() {
    let ops = [
        Op::Read(read(0, 0b001, 0)),
        Op::Read(read(0, 0b111, 0)),
        Op::Read(read(0, 0b010, 1)),
    ];
    let result = check(&ops, 3, |key| key);
    assert_eq!(kinds(&result), ["long-fork"]);
    assert_eq!(result.anomalies[0].subject, "0, 1");
    assert_eq!(result.anomalies[0].witness, [0, 2]);
    let sentence = "one read saw the write of 0 and not that of 1, another saw 1 and not 0";
    assert_eq!(result.anomalies[0].sentence, sentence);
}

#[test]
fn what_cannot_be_compared_is_unknown_and_says_why() {
    let one = Op::Read(read(0, 1, 0));
    let key = |k: u32| (k, None);
    let cases = [
        (Op::Read(vec![key(0), key(1)]), "op 1 does not read one whole group"),
        (Op::Read(vec![key(0), key(1), key(9)]), "op 1 reads keys of two groups"),
        (Op::Read(vec![key(0), key(1), key(1)]), "op 1 reads a key twice"),
        (
            Op::Read(vec![(0, Some(9)), key(1), key(2)]),
            "op 1 reads another value of a key that is written once",
        ),
    ];
    for (op, why) in cases {
        let result = check(&[one.clone(), op, Op::Read(read(0, 2, 0))], 3, |key| key);
        assert_eq!(result.verdict, Verdict::Unknown);
        assert_eq!(result.reason, Some(format!("1 operation cannot be judged: {why}")));
    }
    let twice = [Op::Write(0), Op::Write(0), one.clone(), Op::Read(read(0, 2, 0))];
    assert_eq!(check(&twice, 3, |key| key).verdict, Verdict::Unknown);
    for size in [0, 65] {
        let wide: Read = (0..u32::try_from(size).unwrap()).map(key).collect();
        assert_eq!(check(&[Op::Read(wide)], size, |key| key).verdict, Verdict::Unknown);
    }
}

#[test]
fn an_illegal_write_does_not_hide_a_fork_of_another_group() {
    let fork = [Op::Read(read(1, 1, 0)), Op::Read(read(1, 2, 0))];
    let ops = [&[Op::Write(0), Op::Write(0), Op::Read(read(0, 1, 0))], &fork[..]].concat();
    assert_eq!(kinds(&check(&ops, 3, |key| key)), ["long-fork"]);
}

#[test]
fn the_largest_group_is_judged_whole() {
    let all = |seen: u32| Op::Read((0..64).map(|key| (key, (key != seen).then_some(1))).collect());
    assert_eq!(kinds(&check(&[all(63), all(63), all(0)], 64, |key| key)), ["long-fork"]);
    assert_eq!(check(&[all(63), all(64)], 64, |key| key).verdict, Verdict::Valid);
}

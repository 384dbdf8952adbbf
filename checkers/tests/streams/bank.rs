use paytwice_checkers::accounts::bank::{Bank, Options, Read};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome, renamed};

type Balances = Vec<(u32, Option<i128>)>;

fn check(reads: &[Balances], options: &Options, name: fn(u32) -> u32) -> CheckerResult {
    let accounts = options
        .accounts
        .clone()
        .map(|accounts| accounts.into_iter().map(name).collect());
    let mut checker = Bank::new(Options {
        accounts,
        ..options.clone()
    });
    for (index, read) in (0..).zip(reads) {
        let read: Balances = read
            .iter()
            .map(|(account, balance)| (name(*account), *balance))
            .collect();
        checker.push(At { index, time: 0 }, Read(&read));
    }
    checker.finish()
}

fn balances() -> impl Strategy<Value = Balances> {
    let balance = prop_oneof![8 => (-1_i128..4).prop_map(Some), 1 => Just(None)];
    prop::collection::btree_map(0_u32..4, balance, 0..4).prop_map(|map| map.into_iter().collect())
}

/// The first thing wrong with each read, by the questions in their order.
fn reference(reads: &[Balances], options: &Options) -> (Verdict, std::collections::BTreeMap<String, u64>) {
    let first: Vec<u32> = reads
        .first()
        .map(|read| read.iter().map(|b| b.0).collect())
        .unwrap_or_default();
    let accounts = options.accounts.clone().unwrap_or(first);
    let sum = |read: &Balances| read.iter().map(|b| b.1).sum::<Option<i128>>();
    let legal = |read: &&Balances| read.iter().all(|b| accounts.contains(&b.0)) && sum(read).is_some();
    let total = options.total.or_else(|| reads.iter().find(legal).and_then(sum));
    let mut wrong = [
        ("unexpected-key", 0),
        ("nil-balance", 0),
        ("wrong-total", 0),
        ("negative-value", 0),
    ];
    for read in reads {
        let questions = [
            read.iter().any(|b| !accounts.contains(&b.0)),
            sum(read).is_none(),
            sum(read) != total,
            !options.negative_balances && read.iter().any(|b| b.1 < Some(0)),
        ];
        if let Some(kind) = questions.iter().position(|yes| *yes) {
            wrong[kind].1 += 1;
        }
    }
    expected(!reads.is_empty(), &wrong)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_asking_every_question(
        reads in prop::collection::vec(balances(), 0..6),
        accounts in prop::option::of(Just(vec![0, 1, 2])),
        total in prop::option::of(0_i128..4),
        negative_balances: bool,
    ) {
        let options = Options { accounts, total, negative_balances };
        let result = check(&reads, &options, |a| a);
        prop_assert_eq!(outcome(&result), reference(&reads, &options));
        prop_assert_eq!(outcome(&check(&reads, &options, renamed)), outcome(&result));
        prop_assert_eq!(result.counts["read-count"], reads.len() as u64);
        let errors: u64 = outcome(&result).1.values().sum();
        prop_assert_eq!(result.counts["error-count"], errors);
    }

    #[test]
    fn transfers_keep_the_total(transfers in prop::collection::vec((0_u32..4, 0_u32..4, 0_i128..9), 0..20)) {
        let mut balances = [100_i128; 4];
        let mut reads = Vec::new();
        for (from, to, amount) in transfers {
            if balances[from as usize] >= amount {
                balances[from as usize] -= amount;
                balances[to as usize] += amount;
            }
            reads.push((0..).zip(balances).map(|(account, balance)| (account, Some(balance))).collect());
        }
        reads.push((0..4).rev().map(|account| (account, Some(balances[account as usize]))).collect());
        prop_assert_eq!(check(&reads, &Options::default(), |a| a).verdict, Verdict::Valid);
    }
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let good: Balances = vec![(0, Some(7)), (1, Some(3))];
    let then = |read: Balances| check(&[good.clone(), read], &Options::default(), |a| a);
    let total = then(vec![(0, Some(7)), (1, Some(4))]);
    assert_eq!(kinds(&total), ["wrong-total"]);
    assert_eq!(
        total.anomalies[0].sentence,
        "a read of all accounts adds up to 11 instead of 10"
    );
    assert_eq!(
        (total.anomalies[0].witness.as_slice(), total.counts["first-error"]),
        (&[1][..], 1)
    );
    assert_eq!(
        total.reason.as_deref(),
        Some("wrong totals from 11 to 11; the total is 10")
    );
    let negative = then(vec![(0, Some(12)), (1, Some(-2))]);
    assert_eq!(
        negative.anomalies[0].sentence,
        "a read shows account 1, with a balance of -2"
    );
    assert_eq!(kinds(&negative), ["negative-value"]);
    assert_eq!(kinds(&then(vec![(0, Some(10)), (1, None)])), ["nil-balance"]);
    assert_eq!(
        kinds(&then(vec![(0, Some(7)), (1, Some(3)), (2, Some(0))])),
        ["unexpected-key"]
    );
}

#[test]
fn wrong_totals_say_how_wrong() {
    let read = |value| vec![(0, Some(value))];
    let result = check(&[read(10), read(12), read(9), read(11)], &Options::default(), |a| a);
    assert_eq!(
        result.reason.as_deref(),
        Some("wrong totals from 9 to 12; the total is 10")
    );
    assert_eq!((result.counts["error-count"], result.counts["first-error"]), (3, 1));
}

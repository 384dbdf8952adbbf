//! Whose a sum is, and what its digits can say: effects that moved to another holder, digits that may carry.

use paytwice_checkers::judge;
use paytwice_checkers::verdict::Verdict;

use crate::common::{QUERY_ACCOUNT, Scenario};
use crate::{VICTIM, found, kinds, reason, run, run_with_a_loss};

/// A run in which t3 was not credited, and another account, a2, gained its amount.
fn astray(twin: bool) -> Scenario {
    let mut scenario = run_with_a_loss();
    let other = scenario.account(0);
    if twin {
        for _ in 0..3 {
            scenario.pay(other, 400);
        }
    }
    scenario.accounts[other].stray = scenario.amount(VICTIM);
    scenario
}

#[test]
fn only_a_delivery_that_names_the_other_account_says_that_it_went_there() {
    // Whether a payment there has the same digit or not: it was brought once, and is not accused.
    let apart = [("ghost", "a2"), ("lost", "t3")];
    for twin in [false, true] {
        let mut scenario = astray(twin);
        let of = |scenario: &Scenario| judge(&scenario.history());
        // None names an account; t3's names its own; a third one is named.
        assert_eq!(kinds(&of(&scenario), "exactly-once"), apart);
        scenario.payments[VICTIM].delivered_to = Some(1);
        assert_eq!(kinds(&of(&scenario), "exactly-once"), apart);
        scenario.payments[VICTIM].delivered_to = Some(0);
        assert_eq!(kinds(&of(&scenario), "exactly-once"), apart);
        scenario.payments[VICTIM].delivered_to = Some(2);
        let sentence = "payment t3 (account a1, 1.00) was credited to account a2 instead: delivered once";
        assert_eq!(
            found(&of(&scenario), "exactly-once"),
            [("wrong-account", "t3", sentence)]
        );
    }
}

#[test]
fn an_account_that_is_named_and_gained_something_else_was_not_credited_instead() {
    let mut scenario = astray(false);
    scenario.payments[VICTIM].delivered_to = Some(2);
    scenario.accounts[2].stray += 1;
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("ghost", "a2"), ("lost", "t3")]);
}

/// What is said of a run in which t3 had so many chances to be credited.
fn chances(deliveries: u32, asks: usize, commits: u32, credits: u32) -> (Verdict, Option<String>) {
    let mut scenario = run();
    let victim = &mut scenario.payments[VICTIM];
    victim.deliveries = deliveries;
    victim.queries = vec![(QUERY_ACCOUNT, "success"); asks];
    victim.commits = commits;
    scenario.credit(VICTIM, credits);
    let results = judge(&scenario.history());
    let exactly_once = results
        .checkers
        .iter()
        .find(|c| c.name == "exactly-once")
        .expect("the checker");
    (
        exactly_once.verdict,
        reason(&results, "exactly-once").map(str::to_owned),
    )
}

#[test]
fn where_a_digit_may_carry_the_account_cannot_be_read() {
    let ambiguous = "the effects on account a1 cannot be read: one of its subjects may have taken effect so often that its \
                     digit carries into the next";
    for (deliveries, asks, commits) in [(10, 0, 0), (6, 4, 0), (0, 10, 0), (12, 0, 10), (30, 3, 11)] {
        // Ten credits of 1.00 are one of 10.00: whatever the sum says, nothing is said of it.
        for credits in [0, 1, 2, 10] {
            let said = chances(deliveries, asks, commits, credits);
            assert_eq!(
                said,
                (Verdict::Unknown, Some(ambiguous.to_owned())),
                "{deliveries} {asks} {commits} {credits}"
            );
        }
    }
    // Nine chances cannot fill a digit, nor can fewer transactions than that, where they are on record.
    for (deliveries, asks, commits) in [(9, 0, 0), (5, 4, 0), (10, 0, 1), (30, 3, 9)] {
        for (credits, verdict) in [(0, Verdict::Invalid), (1, Verdict::Valid), (2, Verdict::Invalid)] {
            let said = chances(deliveries, asks, commits, credits);
            assert_eq!(said, (verdict, None), "{deliveries} {asks} {commits} {credits}");
        }
    }
}

#[test]
fn the_other_accounts_are_read_all_the_same() {
    let mut scenario = run();
    scenario.payments[VICTIM].deliveries = 10;
    scenario.credit(0, 2);
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("double", "t0")]);
    let effects: Vec<_> = results.fates.iter().map(|fate| fate.effects).collect();
    assert_eq!(effects, [Some(2), None, None, None]);
    // Its sum is what it should be, whoever brought it.
    assert_eq!(kinds(&results, "balance-convergence"), [("wrong-balance", "a0")]);
    scenario.credit(0, 1);
    scenario.credit(VICTIM, 10);
    let results = judge(&scenario.history());
    let sentence = "account a1: expected 101.11, found 110.11: one of its subjects may have taken effect so often that its \
                    digit carries into the next";
    assert_eq!(
        found(&results, "balance-convergence"),
        [("wrong-balance", "a1", sentence)]
    );
}

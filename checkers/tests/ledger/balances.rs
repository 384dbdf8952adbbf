//! Balances against rows: what makes the difference, and what cannot be added up.

use paytwice_checkers::history::{Kind, Moment};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::Verdict;

use crate::common::{OPEN, Row, Scenario, Shown, edit_rows, is_view, op};
use crate::{VICTIM, counts, edited, found, kinds, proof, reason, run, run_with_a_loss};

#[test]
fn a_balance_is_told_with_what_makes_the_difference() {
    let scenario = run_with_a_loss();
    let results = judge(&scenario.history());
    let lost = "account a1: expected 101.11, found 100.11: payment t3 (k=2, 1.00) was never credited";
    assert_eq!(found(&results, "balance-convergence"), [("wrong-balance", "a1", lost)]);
    assert_eq!(proof(&scenario, &results, "balance-convergence"), ["view"; 3]);
    // A row of nobody counts where it is successful.
    let mut scenario = run();
    let row = |tx: &str, result| Row {
        tx: tx.into(),
        account: 1,
        amount: 500,
        result: Some(result),
    };
    scenario.rows = vec![row("stranger", "success"), row("another", "fail")];
    let sentence = "account a1: expected 106.11, found 101.11: row stranger (5.00) is not what a client asked for";
    let results = judge(&scenario.history());
    assert_eq!(
        found(&results, "balance-convergence"),
        [("wrong-balance", "a1", sentence)]
    );
    // Not recorded, and recorded as something else.
    let mut scenario = run();
    scenario.forget(2);
    scenario.payments[VICTIM].rows[0].result = Some("fail");
    scenario.credit(2, 1);
    let sentence = "account a1: expected 100.01, found 101.11: payment t2 (k=1, 0.10) was credited once though not \
                    recorded, payment t3 (k=2, 1.00) was credited once though not recorded as successful";
    let results = judge(&scenario.history());
    assert_eq!(
        found(&results, "balance-convergence"),
        [("wrong-balance", "a1", sentence)]
    );
}

#[test]
fn of_many_differences_the_first_five_are_told() {
    let mut scenario = run();
    for n in 0..4 {
        scenario.pay(1, 400 + 10 * n);
    }
    for payment in 1..8 {
        scenario.credit(payment, 0);
    }
    let results = judge(&scenario.history());
    let told = found(&results, "balance-convergence")[0].2;
    assert!(
        told.ends_with("payment t5 (k=4, 100.00) was never credited, and 2 differences more"),
        "{told}"
    );
}

#[test]
fn a_balance_that_is_nearly_right_has_not_converged() {
    let mut scenario = run();
    scenario.accounts[1].shown = Shown::Tail("00000000000001");
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "balance-convergence"), [("inexact", "a1")]);
    assert_eq!(
        counts(&results, "balance-convergence", ["accounts", "converged"]),
        [2, 1]
    );
}

#[test]
fn an_amount_that_is_no_amount_is_told_with_its_row() {
    let results = edited(&run(), |events| {
        for event in events {
            if is_view(event, "payments", Moment::Final) {
                edit_rows(event, |row| {
                    if row["tx"].as_deref() == Some("t3") {
                        row.insert("amount".into(), Some("1.0000000000001".into()));
                    }
                    true
                });
            }
        }
    });
    let sentence = "payment t3 is recorded with 1.0000000000001, which is no exact amount";
    assert!(
        found(&results, "balance-convergence").contains(&("inexact", "t3", sentence)),
        "{results:?}"
    );
}

#[test]
fn what_a_restless_target_has_not_credited_may_come_yet() {
    let mut scenario = run_with_a_loss();
    scenario.credit(2, 0);
    scenario.settle = Kind::Info;
    let results = judge(&scenario.history());
    assert_eq!(results.verdict, Verdict::Unknown);
    let why = reason(&results, "exactly-once").unwrap();
    assert!(why.ends_with("2 payments not credited yet"), "{why}");
    let why = reason(&results, "balance-convergence").unwrap();
    assert!(
        why.ends_with("account a1 has not gained all of its payments yet"),
        "{why}"
    );
    // What was credited too often stays so.
    scenario.credit(2, 2);
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("double", "t2")]);
    assert_eq!(kinds(&results, "balance-convergence"), [("wrong-balance", "a1")]);
}

/// A run in which t4 is to an account that nobody opened.
fn run_without_an_account() -> Scenario {
    let mut scenario = run();
    let account = scenario.account(0);
    scenario.accounts[account].late = true;
    scenario.accounts[account].shown = Shown::Absent;
    scenario.pay(account, 400);
    scenario.credit(4, 0);
    scenario
}

#[test]
fn an_account_that_nobody_opened_matters_once_it_is_to_have_money() {
    let judged = |scenario: &Scenario| {
        edited(scenario, |events| {
            events.retain(|event| op(event, OPEN).is_none());
            // Nor was it there before the repair.
            for event in events {
                if is_view(event, "balances", Moment::Rest) {
                    edit_rows(event, |row| row["account"].as_deref() != Some("a2"));
                }
            }
        })
    };
    let mut scenario = run_without_an_account();
    let results = judged(&scenario);
    for (name, why) in [
        ("exactly-once", "the effects on account a2 cannot be read: "),
        ("balance-convergence", "account a2 cannot be added up: "),
    ] {
        let told = reason(&results, name).unwrap_or_default();
        assert!(told.contains(why), "{name}: {told}");
    }
    assert_eq!(counts(&results, "exactly-once", ["opened-late"]), [0]);
    scenario.forget(4);
    let results = judged(&scenario);
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    assert_eq!(
        ["exactly-once", "balance-convergence"].map(|name| reason(&results, name)),
        [None, None]
    );
}

#[test]
fn an_account_without_payments_may_hold_anything() {
    let mut scenario = run();
    let account = scenario.account(700);
    scenario.accounts[account].shown = Shown::Text("much".into());
    let results = judge(&scenario.history());
    assert_eq!(reason(&results, "exactly-once"), None);
    assert!(reason(&results, "balance-convergence").unwrap().contains("account a2"));
}

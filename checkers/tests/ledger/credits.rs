//! Credits of each payment: lost, double, late, astray, and what happened around them.

use paytwice_checkers::history::{Body, Kind, Moment, View};
use paytwice_checkers::judge;

use crate::common::{Fault, Row, Scenario, is_phase, is_view};
use crate::{VICTIM, counts, edited, found, kinds, proof, reason, run, run_with_a_loss};

#[test]
fn a_credit_that_was_missing_at_rest_is_lost_whatever_comes_after_the_repair() {
    let restless = |scenario: &Scenario| {
        let results = edited(scenario, |events| {
            let end = events.iter_mut().rev().find(|e| is_phase(e, "settle-repair", Kind::Ok));
            let end = end.expect("its end");
            (end.kind, end.error) = (Kind::Info, Some("lag 3".into()));
        });
        kinds(&results, "exactly-once").contains(&("lost", "t3"))
    };
    let mut scenario = run_with_a_loss();
    assert!(restless(&scenario));
    scenario.late_is_valid = true;
    assert!(!restless(&scenario));
    scenario.late_is_valid = false;
    scenario.payments[VICTIM].credits_before = 1;
    assert!(!restless(&scenario));
}

#[test]
fn late_credits_cannot_be_told_without_a_view_at_rest() {
    let mut scenario = run();
    scenario.payments[VICTIM].repair = Some("success");
    let judged = |scenario: &Scenario| {
        edited(scenario, |events| {
            events.retain(|e| !is_view(e, "balances", Moment::Rest));
        })
    };
    let why = "balances was not read at rest, before the repair: late effects cannot be told";
    assert_eq!(reason(&judged(&scenario), "exactly-once"), Some(why));
    scenario.late_is_valid = true;
    assert_eq!(reason(&judged(&scenario), "exactly-once"), None);
}

#[test]
fn one_credit_of_two_that_went_astray_went_to_another_account() {
    let mut scenario = run();
    let other = scenario.account(0);
    scenario.accounts[other].stray = 100;
    scenario.payments[VICTIM].delivered_to = Some(other);
    let again = Row {
        tx: "again".into(),
        ..scenario.payments[VICTIM].rows[0].clone()
    };
    scenario.payments[VICTIM].rows.push(again);
    assert_eq!(
        kinds(&judge(&scenario.history()), "exactly-once"),
        [("wrong-account", "t3")]
    );
}

#[test]
fn one_lost_and_one_double_of_the_same_amount_are_two_anomalies_without_deliveries() {
    let mut scenario = run_with_a_loss();
    let other = scenario.account(0);
    for _ in 0..3 {
        scenario.pay(other, 400);
    }
    scenario.credit(6, 2);
    for payment in &mut scenario.payments {
        payment.deliveries = 0;
    }
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "exactly-once"), [("double", "t6"), ("lost", "t3")]);
    let told = found(&results, "exactly-once")[1].2;
    assert!(
        told.ends_with("was never credited: deliveries were not recorded"),
        "{told}"
    );
}

#[test]
fn of_two_that_are_missing_the_one_that_was_delivered_came_as_something_else() {
    let mut scenario = run_with_a_loss();
    scenario.credit(2, 0);
    scenario.accounts[1].stray = 50_000;
    scenario.payments[2].deliveries = 0;
    let of = |scenario: &Scenario| -> Vec<(String, String)> {
        let results = judge(&scenario.history());
        let kinds = kinds(&results, "exactly-once").into_iter();
        kinds
            .map(|(kind, subject)| (kind.to_owned(), subject.to_owned()))
            .collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(kind, of)| ((*kind).to_owned(), (*of).to_owned()))
            .collect()
    };
    assert_eq!(of(&scenario), pairs(&[("lost", "t2"), ("wrong-amount", "t3")]));
    // Neither can be told from the other.
    scenario.payments[2].deliveries = 1;
    assert_eq!(of(&scenario), pairs(&[("ghost", "a1"), ("lost", "t2"), ("lost", "t3")]));
    // There is but one that it can be.
    scenario.credit(2, 1);
    scenario.payments[VICTIM].deliveries = 0;
    assert_eq!(of(&scenario), pairs(&[("wrong-amount", "t3")]));
}

#[test]
fn a_lost_payment_says_whether_the_service_lists_it() {
    let scenario = run_with_a_loss();
    let results = edited(&scenario, |events| {
        for event in events {
            if is_view(event, "credits", Moment::Final)
                && let Body::View(View { rows: Some(rows), .. }) = &mut event.body
            {
                rows.push([Some("t3")]);
            }
        }
    });
    let sentence = "payment t3 (account a1, 1.00) was never credited: delivered once; the target lists it as \
                    credited";
    assert_eq!(found(&results, "exactly-once"), [("lost", "t3", sentence)]);
}

#[test]
fn credits_that_only_the_query_brought_are_counted() {
    let mut scenario = run();
    let again = Row {
        tx: "again".into(),
        ..scenario.payments[VICTIM].rows[0].clone()
    };
    scenario.payments[VICTIM].rows.push(again);
    scenario.payments[VICTIM].repair = Some("success");
    scenario.payments[VICTIM].credits = 2;
    let late = scenario.account(0);
    scenario.accounts[late].late = true;
    scenario.pay(late, 400);
    let results = judge(&scenario.history());
    let names = ["in-effect-by-repair", "opened-late"];
    assert_eq!(counts(&results, "exactly-once", names), [1, 1]);
}

fn fault(fault: &'static str, from_ms: u64, to_ms: u64) -> Fault {
    Fault {
        fault,
        on: "account",
        from_ms,
        to_ms,
    }
}

#[test]
fn a_lost_payment_is_told_with_the_faults_around_it() {
    for (faults, told) in [
        (
            vec![fault("kill", 310, 320)],
            "delivered once, around the time when account was killed",
        ),
        // Each is named once, and those that were over before, or came long after, are not.
        (
            vec![
                fault("kill", 310, 312),
                fault("pause", 313, 314),
                fault("kill", 315, 316),
            ],
            "delivered once, around the time when account was killed and account was paused",
        ),
        (vec![fault("kill", 10, 299)], "delivered once"),
        (vec![fault("kill", 2_000, 2_010)], "delivered once"),
        (
            vec![fault("kill", 10, 305)],
            "delivered once, around the time when account was killed",
        ),
        (
            vec![fault("kill", 1_300, 2_010)],
            "delivered once, around the time when account was killed",
        ),
    ] {
        let mut scenario = run_with_a_loss();
        scenario.faults.clone_from(&faults);
        let results = judge(&scenario.history());
        let sentence = format!("payment t3 (account a1, 1.00) was never credited: {told}");
        assert_eq!(
            found(&results, "exactly-once"),
            [("lost", "t3", &*sentence)],
            "{faults:?}"
        );
        let shown = proof(&scenario, &results, "exactly-once");
        assert_eq!(shown.contains(&"fault"), told.contains("around"), "{faults:?}");
    }
}

#[test]
fn a_process_that_was_killed_explains_a_redelivery_best() {
    let mut scenario = run();
    scenario.payments[VICTIM].deliveries = 2;
    scenario.credit(VICTIM, 2);
    scenario.faults = vec![fault("kill", 325, 326), fault("pause", 335, 336)];
    let results = judge(&scenario.history());
    let sentence = "payment t3 (account a1, 1.00) was credited twice: delivered twice, once after account was killed";
    assert_eq!(found(&results, "exactly-once"), [("double", "t3", sentence)]);
}

#[test]
fn what_came_before_the_account_was_there_is_told_apart() {
    let mut scenario = run();
    let account = scenario.account(0);
    scenario.accounts[account].late = true;
    let early = scenario.pay(account, 5);
    scenario.payments[early].deliveries = 2;
    scenario.credit(early, 0);
    let results = judge(&scenario.history());
    let told = found(&results, "exactly-once")[0].2;
    assert!(
        told.ends_with("delivered twice, once before its account was opened"),
        "{told}"
    );
    // What arrives as the account is opened is not early.
    scenario.payments[early].start_ms = 27;
    let results = judge(&scenario.history());
    let told = found(&results, "exactly-once")[0].2;
    assert!(told.ends_with("delivered twice"), "{told}");
}

#[test]
fn a_number_that_the_service_made_is_not_known_without_a_row() {
    let mut scenario = run();
    scenario.number_by_the_service();
    scenario.forget(VICTIM);
    scenario.credit(VICTIM, 1);
    let results = judge(&scenario.history());
    let sentence = "payment t3 (account a1, 1.00) was credited once although it is not recorded: the key it was \
                    delivered under is not known";
    assert_eq!(found(&results, "exactly-once"), [("ghost", "t3", sentence)]);
}

//! What clients were answered, against each other and against what became of the payment.

use paytwice_checkers::history::{Body, Kind};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::Verdict;

use crate::common::{Conflict, QUERY_ACCOUNT, QUERY_PAY, RECHARGE, Row, Scenario, Try};
use crate::{VICTIM, counts, edited, found, kinds, proof, reason, run};

#[test]
fn requests_and_their_answers_are_counted() {
    let names = ["subjects", "retried", "ok-answers", "conflicts", "conflicts-refused"];
    let remark = Some("no request was repeated: only answers and rows were compared");
    let mut scenario = run();
    let results = judge(&scenario.history());
    assert_eq!(counts(&results, "idempotent-requests", names), [4, 0, 4, 0, 0]);
    assert_eq!(reason(&results, "idempotent-requests"), remark);
    let again = scenario.payments[1].tries[0].clone();
    scenario.payments[1].tries.push(again);
    let results = judge(&scenario.history());
    assert_eq!(counts(&results, "idempotent-requests", names), [4, 1, 5, 0, 0]);
    assert_eq!(reason(&results, "idempotent-requests"), None);
    for (payment, kind) in [(1, Kind::Fail), (2, Kind::Fail), (VICTIM, Kind::Info)] {
        scenario.payments[payment].conflict = Some(Conflict::amount(300, kind));
    }
    scenario.payments[1].tries.pop();
    let results = judge(&scenario.history());
    assert_eq!(counts(&results, "idempotent-requests", names), [4, 0, 4, 3, 2]);
    assert_eq!(reason(&results, "idempotent-requests"), None);
}

#[test]
fn answers_differ_where_both_are_definite_and_mean_another_thing() {
    let judged = |tries: Vec<Try>| {
        let mut scenario = run();
        scenario.payments[VICTIM].tries = tries;
        judge(&scenario.history())
    };
    let amount = |amount: &str| Try {
        answer_amount: Some(amount.into()),
        ..Try::ok("success", "t3")
    };
    for tries in [
        vec![Try::ok("unknown", "t3"), Try::ok("success", "t3")],
        vec![Try::ok("success", "t3"), Try::ok("unknown", "t3")],
        vec![Try::ok("unknown", "t3")],
        vec![amount("1.00"), amount("1.0")],
    ] {
        let results = judged(tries);
        assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    }
    let results = judged(vec![amount("1.00"), amount("2.00")]);
    let sentence =
        "payment t3 (account a1, 1.00) was answered differently: first with amount 1.00, then with amount 2.00";
    assert_eq!(
        found(&results, "idempotent-requests"),
        [("divergent-answer", "t3", sentence)]
    );
    let refused = Try {
        kind: Some(Kind::Fail),
        ..Try::ok("fail", "t3")
    };
    let results = judged(vec![refused]);
    let sentence = "payment t3 (account a1, 1.00) was refused but is recorded as successful";
    assert_eq!(
        found(&results, "idempotent-requests"),
        [("answer-contradicted", "t3", sentence)]
    );
}

#[test]
fn a_conflict_that_was_accepted_is_proved_by_both_requests() {
    let mut scenario = run();
    scenario.payments[VICTIM].conflict = Some(Conflict::amount(300, Kind::Ok));
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "idempotent-requests"), [("conflict-accepted", "t3")]);
    let shown = proof(&scenario, &results, "idempotent-requests");
    assert_eq!(shown.iter().filter(|f| **f == RECHARGE).count(), 4, "{shown:?}");
}

/// What the checker of answers finds when a query about t3 is answered so.
fn asked(scenario: &mut Scenario, action: &'static str, answer: &'static str) -> Vec<(String, String)> {
    scenario.payments[VICTIM].queries = vec![(action, answer)];
    let results = judge(&scenario.history());
    assert_eq!(
        counts(&results, "honest-answers", ["queries", "answered", "definite"]),
        [2, 2, 2]
    );
    let found = found(&results, "honest-answers").into_iter();
    found
        .map(|(kind, _, sentence)| (kind.to_owned(), sentence.to_owned()))
        .collect()
}

fn one(kind: &str, sentence: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), format!("payment t3 (account a1, 1.00) {sentence}"))]
}

#[test]
fn an_answer_is_held_against_what_became_of_the_payment() {
    let mut scenario = run();
    assert_eq!(asked(&mut scenario, QUERY_PAY, "success"), []);
    let lie = "is recorded as successful, but pay said in 1 answer that it failed";
    assert_eq!(asked(&mut scenario, QUERY_PAY, "fail"), one("false-fail", lie));
    scenario.payments[VICTIM].rows[0].result = Some("fail");
    let lie = "is not recorded as successful, but pay said in 1 answer that it succeeded";
    assert_eq!(asked(&mut scenario, QUERY_PAY, "success"), one("false-success", lie));
    scenario.forget(VICTIM);
    assert_eq!(asked(&mut scenario, QUERY_ACCOUNT, "fail"), []);
    let lie = "is not recorded, but account said in 1 answer that it succeeded";
    assert_eq!(
        asked(&mut scenario, QUERY_ACCOUNT, "success"),
        one("false-success", lie)
    );
    scenario.credit(VICTIM, 1);
    assert_eq!(
        asked(&mut scenario, QUERY_ACCOUNT, "success"),
        one("false-success", lie)
    );
    let lie = "was credited, but account said in 1 answer that it failed";
    assert_eq!(asked(&mut scenario, QUERY_ACCOUNT, "fail"), one("false-fail", lie));
}

#[test]
fn an_answer_about_the_clients_number_is_held_against_the_rows_of_the_service() {
    let mut scenario = run();
    scenario.number_by_the_service();
    scenario.payments[VICTIM].queries = vec![(QUERY_PAY, "fail")];
    let by_clients_number = |result: Option<&'static str>| {
        let mut scenario = scenario.clone();
        scenario.payments[VICTIM].rows[0].result = result;
        let results = edited(&scenario, |events| {
            for event in events {
                if let Body::Op(op) = &mut event.body
                    && op.subject == "s3"
                {
                    op.subject = "t3".into();
                }
            }
        });
        let kinds = kinds(&results, "honest-answers").into_iter();
        kinds
            .map(|(kind, subject)| format!("{kind} {subject}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(by_clients_number(Some("success")), ["false-fail t3"]);
    assert_eq!(by_clients_number(Some("fail")), [""; 0]);
}

#[test]
fn without_a_key_of_its_client_a_request_after_an_answer_is_another_one() {
    let mut scenario = run();
    scenario.number_by_the_service();
    let again = Row {
        tx: "again".into(),
        ..scenario.payments[VICTIM].rows[0].clone()
    };
    scenario.payments[VICTIM].rows.push(again);
    scenario.credit(VICTIM, 2);
    scenario.payments[VICTIM].deliveries = 2;
    let first = scenario.payments[VICTIM].tries[0].clone();
    // After an answer it is a second payment, with a number of its own.
    scenario.payments[VICTIM].tries = vec![first.clone(), Try::ok("success", "again")];
    let results = judge(&scenario.history());
    assert_eq!(results.verdict, Verdict::Valid, "{}", results.sentence);
    // After an unknown outcome it is the same one.
    scenario.payments[VICTIM].tries = vec![Try::ended(Kind::Info), first.clone()];
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "idempotent-requests"), [("duplicate-record", "t3")]);
    // And so it is where the client sends its number.
    scenario.server_ids = false;
    scenario.payments[VICTIM].tries = vec![first, Try::ok("success", "again")];
    let results = judge(&scenario.history());
    let both = [("duplicate-record", "t3"), ("divergent-answer", "t3")];
    assert_eq!(kinds(&results, "idempotent-requests"), both);
}

#[test]
fn an_answer_is_held_against_the_row_of_its_own_number() {
    let mut scenario = run();
    let again = Row {
        tx: "again".into(),
        ..scenario.payments[VICTIM].rows[0].clone()
    };
    scenario.payments[VICTIM].rows[0].result = Some("fail");
    scenario.payments[VICTIM].rows.push(again);
    scenario.payments[VICTIM].tries = vec![Try::ok("fail", "t3")];
    let results = judge(&scenario.history());
    assert_eq!(kinds(&results, "idempotent-requests"), [("duplicate-record", "t3")]);
    scenario.payments[VICTIM].tries = vec![Try::ok("fail", "again")];
    let results = judge(&scenario.history());
    let both = [("duplicate-record", "t3"), ("answer-contradicted", "t3")];
    assert_eq!(kinds(&results, "idempotent-requests"), both);
}

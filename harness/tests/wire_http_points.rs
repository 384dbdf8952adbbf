//! Rules at points of an HTTP link before the real pay service: what each action did is read from the table in which pay
//! records payments.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{on_a_stack, pay_account_image, require_docker};
use paytwice::plan::{Moment, Refusal};
use paytwice::stack::{ContainerStack, Pause as _};
use paytwice::wire::{Action, At};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire_common::pay::{PATIENCE, Pay};

const REQUEST: &str = "POST /pay/recharge request";
const REPLY: &str = "POST /pay/recharge reply";
/// Longer than a recharge takes.
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_real_service() {
    require_docker!();
    let image = pay_account_image("pay").await;
    on_a_stack(async move |stack| {
        let pay = Pay::start(&stack, &image, "client").await;
        assert_eq!(pay.recharge("plain").await, Some(200));
        assert_eq!(pay.rows("plain").await, 1);
        a_dropped_request_records_nothing_and_a_dropped_reply_does(&pay).await;
        a_reset_before_the_request_records_nothing_and_one_before_the_reply_does(&pay).await;
        an_unavailable_service_records_nothing(&pay).await;
        a_held_request_is_recorded_when_the_rule_is_lifted(&pay).await;
        a_delayed_request_is_recorded_later(&pay).await;
        a_throttled_request_is_recorded_with_its_last_byte(&pay).await;
        a_duplicated_request_is_recorded_once_by_its_number(&pay).await;
        a_request_that_is_overtaken_comes_behind(&pay).await;
        a_cut_from_a_reply_on_keeps_everything_back(&pay).await;
        a_corrupted_request_is_refused_and_a_corrupted_reply_is_not_undone(&pay).await;
        a_shut_gate_records_exactly_what_had_passed(&pay).await;
        a_paused_service_records_when_it_goes_on(&pay, &stack).await;
        pay.close().await;
        let pay = Pay::start(&stack, &image, "server").await;
        a_duplicated_request_is_recorded_twice_without_a_number(&pay).await;
        pay.close().await;
    })
    .await;
}

async fn a_dropped_request_records_nothing_and_a_dropped_reply_does(pay: &Pay) {
    for (account, point, rows) in [("drop-request", REQUEST, 0), ("drop-reply", REPLY, 1)] {
        let rule = pay.at(point, Action::Drop);
        assert_eq!(pay.recharge(account).await, None);
        assert_eq!(rule.stats().dropped, 1);
        assert_eq!(pay.rows(account).await, rows, "{point}");
    }
}

async fn a_reset_before_the_request_records_nothing_and_one_before_the_reply_does(pay: &Pay) {
    for (account, point, rows) in [("reset-request", REQUEST, 0), ("reset-reply", REPLY, 1)] {
        let rule = pay.at(point, Action::Sever(Moment::Before));
        assert_eq!(pay.recharge(account).await, None);
        assert_eq!(rule.stats().reset, 1);
        assert_eq!(pay.rows(account).await, rows, "{point}");
    }
    // Right behind the request the service finds its client gone, and may stop where it is: recorded or not, but never
    // twice, and the client's next try settles it.
    let rule = pay.at(REQUEST, Action::Sever(Moment::After));
    assert_eq!(pay.recharge("reset-behind").await, None);
    assert_eq!(rule.stats().reset, 1);
    drop(rule);
    assert_eq!(pay.recharge("reset-behind").await, Some(200));
    assert_eq!(pay.rows("reset-behind").await, 1);
}

async fn an_unavailable_service_records_nothing(pay: &Pay) {
    let rule = pay.at(REQUEST, Action::Refuse(Refusal::ServiceUnavailable));
    assert_eq!(pay.recharge("unavailable").await, Some(503));
    assert_eq!(rule.stats().answered, 1);
    assert_eq!(pay.rows("unavailable").await, 0);
    drop(rule);
    assert_eq!(pay.recharge("unavailable").await, Some(200));
    assert_eq!(pay.rows("unavailable").await, 1);
}

async fn a_held_request_is_recorded_when_the_rule_is_lifted(pay: &Pay) {
    let rule = pay.at(REQUEST, Action::Hold);
    let lifted = async {
        rule.fired().await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(pay.rows("held").await, 0);
        drop(rule);
    };
    let (answer, ()) = tokio::join!(pay.recharge("held"), lifted);
    assert_eq!((answer, pay.rows("held").await), (Some(200), 1));
}

async fn a_delayed_request_is_recorded_later(pay: &Pay) {
    let (fixed, jitter, begun) = (A_WHILE, Duration::ZERO, Instant::now());
    let rule = pay.at(REQUEST, Action::Delay { fixed, jitter });
    let meanwhile = async {
        tokio::time::sleep(fixed / 2).await;
        pay.rows("delayed").await
    };
    let (answer, early) = tokio::join!(pay.recharge("delayed"), meanwhile);
    assert_eq!((answer, early, pay.rows("delayed").await), (Some(200), 0, 1));
    assert!(begun.elapsed() >= fixed);
    assert_eq!(rule.stats().delayed, 1);
}

async fn a_throttled_request_is_recorded_with_its_last_byte(pay: &Pay) {
    let rule = pay.at(REQUEST, Action::Throttle { bytes_per_s: 400 });
    let meanwhile = async {
        tokio::time::sleep(A_WHILE / 2).await;
        pay.rows("throttled").await
    };
    let (answer, early) = tokio::join!(pay.recharge("throttled"), meanwhile);
    assert_eq!((answer, early, pay.rows("throttled").await), (Some(200), 0, 1));
    assert_eq!(rule.stats().delayed, 1);
}

async fn a_duplicated_request_is_recorded_once_by_its_number(pay: &Pay) {
    let rule = pay.at(
        REQUEST,
        Action::Duplicate {
            what: None,
            share: 1.0,
            copies: 1,
            after: Duration::ZERO,
        },
    );
    assert_eq!(pay.recharge("twice").await, Some(200));
    assert_eq!(rule.stats().duplicated, 1);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(pay.rows("twice").await, 1);
}

/// The defect that the number of a client is there to prevent.
async fn a_duplicated_request_is_recorded_twice_without_a_number(pay: &Pay) {
    let rule = pay.at(
        REQUEST,
        Action::Duplicate {
            what: None,
            share: 1.0,
            copies: 1,
            after: Duration::ZERO,
        },
    );
    assert_eq!(pay.recharge("twice").await, Some(200));
    assert_eq!(rule.stats().duplicated, 1);
    pay.until_rows("twice", 2).await;
}

/// Two requests of one number, one right behind the other on the same connection: the service records what comes first.
async fn a_request_that_is_overtaken_comes_behind(pay: &Pay) {
    let request = |account: &str| {
        let body =
            format!(r#"{{"tx_no":"of-two","account_no":"{account}","amount":"1.00","card":"4242424242424242"}}"#);
        format!(
            "POST /pay/recharge HTTP/1.1\r\nhost: pay\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let first = At {
        nth: Some(1),
        ..At::point(REQUEST)
    };
    let rule = pay.rule(first, Action::Reorder { behind: 1 });
    let mut client = TcpStream::connect(pay.addr).await.unwrap();
    let both = [request("written-first"), request("written-second")].concat();
    client.write_all(both.as_bytes()).await.unwrap();
    let (mut answers, begun) = (Vec::new(), Instant::now());
    while String::from_utf8_lossy(&answers).matches("HTTP/1.1 ").count() < 2 {
        assert!(begun.elapsed() < PATIENCE * 10, "{}", String::from_utf8_lossy(&answers));
        let read = tokio::time::timeout(PATIENCE, client.read_buf(&mut answers)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "{}", String::from_utf8_lossy(&answers));
    }
    assert_eq!(rule.stats().reordered, 1);
    assert_eq!(
        [pay.rows("written-first").await, pay.rows("written-second").await],
        [0, 1]
    );
}

async fn a_cut_from_a_reply_on_keeps_everything_back(pay: &Pay) {
    let rule = pay.at(REPLY, Action::Cut);
    assert_eq!(pay.recharge("cut").await, None);
    assert_eq!(pay.recharge("black-hole").await, None);
    assert_eq!([pay.rows("cut").await, pay.rows("black-hole").await], [1, 0]);
    drop(rule);
    assert_eq!(pay.recharge("healed").await, Some(200));
}

async fn a_corrupted_request_is_refused_and_a_corrupted_reply_is_not_undone(pay: &Pay) {
    // Its last byte closes the JSON object.
    let rule = pay.at(REQUEST, Action::Corrupt { from_end: 0 });
    let refused = pay.recharge("corrupt-request").await;
    assert!(
        refused.is_some_and(|status| (400..500).contains(&status)),
        "{refused:?}"
    );
    assert_eq!((rule.stats().corrupted, pay.rows("corrupt-request").await), (1, 0));
    drop(rule);
    let rule = pay.at(REPLY, Action::Corrupt { from_end: 0 });
    assert_eq!(pay.recharge("corrupt-reply").await, Some(200));
    assert_eq!((rule.stats().corrupted, pay.rows("corrupt-reply").await), (1, 1));
}

async fn a_shut_gate_records_exactly_what_had_passed(pay: &Pay) {
    for (account, moment, rows) in [("shut-before", Moment::Before, 0), ("shut-after", Moment::After, 1)] {
        let gate = pay.gates.of("client");
        let rule = pay.at(REQUEST, Action::Shut(Arc::clone(&gate), moment));
        assert_eq!(pay.recharge(account).await, None);
        rule.fired().await;
        gate.dead();
        gate.reborn();
        drop(rule);
        match moment {
            Moment::Before => assert_eq!(pay.rows(account).await, rows),
            Moment::After => pay.until_rows(account, rows).await,
        }
        assert_eq!(pay.recharge(&format!("{account}-reborn")).await, Some(200));
        assert_eq!(
            pay.rows(account).await,
            rows,
            "nothing of its former life comes after all"
        );
    }
}

async fn a_paused_service_records_when_it_goes_on(pay: &Pay, stack: &ContainerStack) {
    let gate = pay.gates.of("pay");
    let rule = pay.at(REQUEST, Action::Shut(Arc::clone(&gate), Moment::Before));
    let paused = async {
        rule.fired().await;
        stack.pause("pay").await.unwrap();
        gate.open();
        tokio::time::sleep(PATIENCE / 2).await;
        assert_eq!(pay.rows("paused").await, 0);
        stack.unpause("pay").await.unwrap();
    };
    let (_, ()) = tokio::join!(pay.recharge("paused"), paused);
    pay.until_rows("paused", 1).await;
}

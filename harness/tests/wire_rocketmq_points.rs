//! Rules at points of a RocketMQ link before a real broker: what each action did is read from the broker's own state.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{on_a_stack, require_docker};
use paytwice::plan::{Moment, Redelivery};
use paytwice::remoting::{Records, codes};
use paytwice::stack::{ContainerStack, Pause as _};
use paytwice::wire::{Action, At};
use wire_common::broker::{Bench, GROUP, SHOWN, TOPIC, commit, pull, pull_all, pull_and_wait, send};
use wire_common::until;

/// A topic to which nobody sends.
const QUIET: &str = "topic_quiet";
/// Longer than the broker takes to show what it has stored.
const A_WHILE: Duration = Duration::from_millis(500);

fn request() -> At {
    At::point(format!("SEND {SHOWN} request"))
}

fn reply() -> At {
    At::point(format!("SEND {SHOWN} reply"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_real_broker() {
    require_docker!();
    on_a_stack(async |stack| {
        let bench = Bench::open(&stack).await;
        a_dropped_request_is_not_stored(&bench).await;
        a_dropped_reply_leaves_a_stored_message(&bench).await;
        a_reset_before_the_request_stores_nothing_and_one_after_it_does(&bench).await;
        a_held_reply_comes_when_the_rule_is_lifted(&bench).await;
        a_delayed_request_is_stored_later(&bench).await;
        a_request_that_is_overtaken_comes_behind(&bench).await;
        a_duplicated_request_is_stored_twice(&bench).await;
        copies_of_a_request_are_stored_one_after_the_other(&bench).await;
        a_message_is_delivered_again_in_the_way_that_is_named(&bench).await;
        a_connection_that_fails_answers_all_that_waits(&bench).await;
        a_cut_from_a_reply_on_keeps_everything_back(&bench).await;
        a_lost_end_of_a_transaction_leaves_a_half_message(&bench).await;
        a_shut_gate_stores_exactly_what_had_passed(&bench).await;
        a_paused_producer_goes_on_where_it_was(&bench).await;
        a_paused_broker_stores_when_it_goes_on(&bench, &stack).await;
        a_throttled_request_is_stored_with_its_last_byte(&bench).await;
        a_corrupted_request_stores_another_body(&bench).await;
        a_corrupted_answer_reaches_the_producer_and_the_message_is_stored(&bench).await;
        bench.link.close().await;
    })
    .await;
}

/// Sends on a connection of its own; whether an answer came in time.
async fn answered(bench: &Bench, tx: &str) -> bool {
    let client = bench.client().await;
    let sent = tokio::time::timeout(A_WHILE, send(&client, tx, false)).await;
    matches!(sent, Ok(Ok(_)))
}

async fn a_dropped_request_is_not_stored(bench: &Bench) {
    let before = bench.stored().await;
    let rule = bench.at(request(), Action::Drop);
    assert!(!answered(bench, "dropped").await);
    assert_eq!(rule.stats().dropped, 1);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(bench.stored().await, before);
}

async fn a_dropped_reply_leaves_a_stored_message(bench: &Bench) {
    let before = bench.stored().await;
    let rule = bench.at(reply(), Action::Drop);
    assert!(!answered(bench, "unanswered").await);
    assert_eq!(rule.stats().dropped, 1);
    bench.until_stored(before + 1).await;
}

async fn a_reset_before_the_request_stores_nothing_and_one_after_it_does(bench: &Bench) {
    for (moment, stored) in [(Moment::Before, 0), (Moment::After, 1)] {
        let before = bench.stored().await;
        let rule = bench.at(request(), Action::Sever(moment));
        assert!(!answered(bench, &format!("reset-{moment}")).await);
        assert_eq!(rule.stats().reset, 1);
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(bench.stored().await - before, stored, "{moment}");
    }
}

async fn a_held_reply_comes_when_the_rule_is_lifted(bench: &Bench) {
    let before = bench.stored().await;
    let rule = bench.at(reply(), Action::Hold);
    let client = bench.client().await;
    let sending = tokio::spawn(async move { send(&client, "held", false).await });
    bench.until_stored(before + 1).await;
    assert!(!sending.is_finished(), "stored, and nobody knows");
    rule.fired().await;
    drop(rule);
    sending.await.unwrap().unwrap();
}

async fn a_delayed_request_is_stored_later(bench: &Bench) {
    let fixed = Duration::from_millis(400);
    let rule = bench.at(
        request(),
        Action::Delay {
            fixed,
            jitter: Duration::ZERO,
        },
    );
    let (client, before, begun) = (bench.client().await, bench.stored().await, Instant::now());
    let sending = tokio::spawn(async move { send(&client, "late", false).await });
    tokio::time::sleep(fixed / 2).await;
    assert_eq!(bench.stored().await, before);
    sending.await.unwrap().unwrap();
    assert!(begun.elapsed() >= fixed);
    assert_eq!(rule.stats().delayed, 1);
    bench.until_stored(before + 1).await;
}

async fn a_request_that_is_overtaken_comes_behind(bench: &Bench) {
    let before = bench.stored().await;
    let first = At {
        key: Some("first".to_owned()),
        ..request()
    };
    let rule = bench.at(first, Action::Reorder { behind: 1 });
    let client = Arc::new(bench.client().await);
    let of_first = Arc::clone(&client);
    let first = tokio::spawn(async move { send(&of_first, "first", false).await });
    rule.fired().await;
    send(&client, "second", false).await.unwrap();
    first.await.unwrap().unwrap();
    bench.until_stored(before + 2).await;
    // The broker works at both at the same time, so that its offsets do not tell which came first.
    let came = bench
        .seen
        .of(&request().point)
        .into_iter()
        .flat_map(|event| event.key("tx").to_vec());
    let came: Vec<_> = came.filter(|tx| tx == "first" || tx == "second").collect();
    assert_eq!(came, ["second", "first"]);
}

async fn a_duplicated_request_is_stored_twice(bench: &Bench) {
    let before = bench.stored().await;
    let rule = bench.at(request(), duplicate(1, Duration::ZERO));
    assert!(answered(bench, "double").await);
    bench.until_stored(before + 2).await;
    assert_eq!(rule.stats().duplicated, 1);
}

fn duplicate(copies: u32, after: Duration) -> Action {
    let (what, share) = (None, 1.0);
    Action::Duplicate {
        what,
        share,
        copies,
        after,
    }
}

async fn copies_of_a_request_are_stored_one_after_the_other(bench: &Bench) {
    let (before, after) = (bench.stored().await, Duration::from_millis(600));
    let rule = bench.at(request(), duplicate(3, after));
    let (client, begun) = (bench.client().await, Instant::now());
    send(&client, "copied", false).await.unwrap();
    assert!(begun.elapsed() < after, "its answer does not wait");
    for n in 1..=3u32 {
        bench.until_stored(before + 1 + i64::from(n)).await;
        assert!(begun.elapsed() >= after * n, "copy {n} after {:?}", begun.elapsed());
    }
    drop(rule);
    let came = pull_all(&client, before, before + 4, 32).await;
    assert_eq!(came, [("copied".to_owned(), 4)].into());
}

async fn a_message_is_delivered_again_in_the_way_that_is_named(bench: &Bench) {
    let (client, before) = (bench.client().await, bench.stored().await);
    let all = ["first", "second", "third"];
    for tx in all {
        send(&client, tx, false).await.unwrap();
    }
    bench.until_stored(before + 3).await;
    let at = At {
        key: Some("second".to_owned()),
        ..At::point(format!("DELIVER {SHOWN}"))
    };
    let twice = bench.at(at.clone(), Action::Redeliver(Redelivery::Twice));
    let (keys, next) = pull(&client, before, 32).await;
    assert_eq!(
        (keys, next),
        (
            vec![
                "first".to_owned(),
                "second".to_owned(),
                "second".to_owned(),
                "third".to_owned()
            ],
            before + 3
        )
    );
    assert_eq!(twice.stats().duplicated, 1);
    drop(twice);

    let before = bench.stored().await;
    for tx in all {
        send(&client, tx, false).await.unwrap();
    }
    bench.until_stored(before + 3).await;
    let rewind = bench.at(at, Action::Redeliver(Redelivery::Rewind));
    let (keys, next) = pull(&client, before, 32).await;
    assert_eq!(
        (keys, next),
        (all.map(str::to_owned).to_vec(), before + 1),
        "set back to the second"
    );
    let (keys, next) = pull(&client, next, 32).await;
    assert_eq!(
        (keys, next),
        (vec!["second".to_owned(), "third".to_owned()], before + 3),
        "the broker serves them again, once"
    );
    assert_eq!(rewind.stats().duplicated, 1);
}

/// At the request nothing is stored, at the reply it is; either way the client hears of it at once, on every request that
/// waits, and then its connection ends.
async fn a_connection_that_fails_answers_all_that_waits(bench: &Bench) {
    bench.admin.create_topic(QUIET, 1, false).await.unwrap();
    for (at, stored) in [(request(), 0), (reply(), 1)] {
        let before = bench.stored().await;
        let rule = bench.at(at.clone(), Action::FailAndClose);
        let client = Arc::new(bench.client().await);
        // Waits at the broker for a message that never comes.
        let (pulling, frames) = (Arc::clone(&client), bench.link.stats().frames);
        let pulling = tokio::spawn(async move { pull_and_wait(&pulling, QUIET).await });
        until("the pull is on its way", || bench.link.stats().frames > frames).await;
        let begun = Instant::now();
        let error = send(&client, "failed", false).await.unwrap_err();
        assert!(error.to_string().contains("the broker failed"), "{error}");
        let pulled = pulling.await.unwrap();
        assert_eq!(pulled, codes::SYSTEM_ERROR, "{at:?}");
        assert!(begun.elapsed() < A_WHILE, "{:?}", begun.elapsed());
        let again = send(&client, "on-the-same", false).await.unwrap_err();
        assert!(again.to_string().contains("closed the connection"), "{again}");
        assert_eq!((rule.stats().reset, rule.stats().answered), (1, 2));
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(bench.stored().await - before, stored, "{at:?}");
        drop(rule);
        assert!(answered(bench, "on-another").await);
        bench.until_stored(before + stored + 1).await;
    }
}

async fn a_cut_from_a_reply_on_keeps_everything_back(bench: &Bench) {
    let before = bench.stored().await;
    let rule = bench.at(reply(), Action::Cut);
    assert!(!answered(bench, "cut").await);
    assert!(!answered(bench, "black-hole").await);
    bench.until_stored(before + 1).await;
    drop(rule);
    assert!(answered(bench, "healed").await);
    // What was sent into the cut arrives after it, as TCP sends it again.
    bench.until_stored(before + 3).await;
}

async fn a_lost_end_of_a_transaction_leaves_a_half_message(bench: &Bench) {
    let (client, before) = (bench.client().await, bench.stored().await);
    let rule = bench.at(At::point("END_TRANSACTION commit request"), Action::Drop);
    let half = send(&client, "half", true).await.unwrap();
    commit(&client, "half", &half).await;
    rule.fired().await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(bench.stored().await, before, "nobody can see it");
    assert!(bench.counters().await.half > 0);
    drop(rule);
    commit(&client, "half", &half).await;
    bench.until_stored(before + 1).await;
}

async fn a_shut_gate_stores_exactly_what_had_passed(bench: &Bench) {
    for (moment, stored) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (gate, before) = (bench.gates.of("pay"), bench.stored().await);
        let rule = bench.at(request(), Action::Shut(Arc::clone(&gate), moment));
        let other = bench.client().await;
        assert!(!answered(bench, &format!("last-{moment}")).await);
        rule.fired().await;
        // Another connection of the same process, which goes on for a while.
        let late = tokio::time::timeout(A_WHILE, send(&other, "too-late", false)).await;
        assert!(late.is_err());
        assert_eq!(bench.stored().await - before, stored, "{moment}");
        gate.dead();
        gate.reborn();
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(
            bench.stored().await - before,
            stored,
            "nothing of its former life comes after all"
        );
        drop(rule);
        assert!(answered(bench, "reborn").await);
        bench.until_stored(before + stored + 1).await;
        until("the first frame is known", || gate.first_after().is_some()).await;
        let came = pull_all(&bench.client().await, before, before + stored + 1, 32).await;
        assert!(
            came.contains_key("reborn") && !came.contains_key("too-late"),
            "{came:?}"
        );
    }
}

/// The producer is stopped before or right after its message, and goes on later: nothing is lost, and nothing was stored
/// meanwhile that had not passed.
async fn a_paused_producer_goes_on_where_it_was(bench: &Bench) {
    for (moment, meanwhile) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (gate, before) = (bench.gates.of("pay"), bench.stored().await);
        let client = bench.client().await;
        let rule = bench.at(request(), Action::Shut(Arc::clone(&gate), moment));
        let tx = format!("paused-{moment}");
        let sending = tokio::spawn(async move { send(&client, &tx, false).await });
        rule.fired().await;
        tokio::time::sleep(A_WHILE).await;
        assert!(!sending.is_finished(), "{moment}: nothing reaches who is paused");
        assert_eq!(bench.stored().await - before, meanwhile, "{moment}");
        gate.open();
        sending.await.unwrap().unwrap();
        bench.until_stored(before + 1).await;
    }
}

async fn a_paused_broker_stores_when_it_goes_on(bench: &Bench, stack: &ContainerStack) {
    let (gate, before) = (bench.gates.of("broker"), bench.stored().await);
    let client = bench.client().await;
    let rule = bench.at(request(), Action::Shut(Arc::clone(&gate), Moment::Before));
    let sending = tokio::spawn(async move { send(&client, "asleep", false).await });
    rule.fired().await;
    stack.pause("broker").await.unwrap();
    gate.open();
    tokio::time::sleep(A_WHILE).await;
    assert!(
        !sending.is_finished(),
        "the message waits in a process that does not run"
    );
    stack.unpause("broker").await.unwrap();
    sending.await.unwrap().unwrap();
    bench.until_stored(before + 1).await;
}

async fn a_throttled_request_is_stored_with_its_last_byte(bench: &Bench) {
    let rule = bench.at(request(), Action::Throttle { bytes_per_s: 400 });
    let (client, before, begun) = (bench.client().await, bench.stored().await, Instant::now());
    let sending = tokio::spawn(async move { send(&client, "slow", false).await });
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(bench.stored().await, before, "half of a message is none");
    sending.await.unwrap().unwrap();
    let bytes = bench.seen.of(&format!("SEND {SHOWN} request")).last().unwrap().bytes;
    assert!(
        begun.elapsed() >= Duration::from_secs_f64(bytes as f64 / 400.0),
        "{bytes} bytes"
    );
    assert_eq!(rule.stats().delayed, 1);
    bench.until_stored(before + 1).await;
}

/// The broker computes its checksum from what arrives: it stores what nobody sent, and says that all is well.
async fn a_corrupted_request_stores_another_body(bench: &Bench) {
    let (client, before) = (bench.client().await, bench.stored().await);
    let rule = bench.at(request(), Action::Corrupt { from_end: 0 });
    send(&client, "mangled", false).await.unwrap();
    assert_eq!(rule.stats().corrupted, 1);
    drop(rule);
    bench.until_stored(before + 1).await;
    let mut expected = br#"{"tx_no":"mangled"}"#.to_vec();
    *expected.last_mut().unwrap() ^= 0x55;
    assert_eq!(body_at(bench, before).await, expected);
}

async fn a_corrupted_answer_reaches_the_producer_and_the_message_is_stored(bench: &Bench) {
    let (client, before) = (bench.client().await, bench.stored().await);
    // Its last byte closes the header.
    let rule = bench.at(reply(), Action::Corrupt { from_end: 0 });
    let answered = tokio::time::timeout(A_WHILE, send(&client, "unreadable", false)).await;
    assert!(!matches!(answered, Ok(Ok(_))), "{answered:?}");
    assert_eq!(rule.stats().corrupted, 1);
    bench.until_stored(before + 1).await;
}

/// The body of the message at an offset, as the broker has it.
async fn body_at(bench: &Bench, offset: i64) -> Vec<u8> {
    let offset = offset.to_string();
    let fields = [
        ("consumerGroup", GROUP),
        ("topic", TOPIC),
        ("queueId", "0"),
        ("queueOffset", &offset),
        ("maxMsgNums", "1"),
        ("sysFlag", "4"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", "*"),
        ("subVersion", "0"),
        ("expressionType", "TAG"),
    ];
    let client = bench.client().await;
    let response = client.request(codes::PULL_MESSAGE, &fields, b"").await.unwrap();
    let response = response.success().unwrap();
    let record = Records::new(response.body()).next().unwrap().unwrap();
    record.body.to_vec()
}

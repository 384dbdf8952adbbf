//! POP consumption on a link before a real broker, which must have its timer wheel on.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::time::Duration;

use common::{TestStack, left_of, require_docker};
use paytwice::remoting::{Records, codes};
use paytwice::stack::Stack as _;
use paytwice_checkers::history::Role;
use wire_common::broker::{Bench, pop, send_v2};
use wire_common::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_popped_message_is_delivered_and_acknowledged_on_a_real_broker() {
    require_docker!();
    let stack = TestStack::of("rocketmq = { kind = 'rocketmq', config = { timerWheelEnable = true } }").await;
    let id = stack.id().to_string();
    let bench = Bench::open(&stack).await;
    a_popped_message_is_acknowledged_by_its_key(&bench).await;
    bench.link.close().await;
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
}

async fn a_popped_message_is_acknowledged_by_its_key(bench: &Bench) {
    const POPPED: &str = "topic_popped";
    const GROUP: &str = "group_popped";
    bench.admin.create_topic(POPPED, 1, false).await.unwrap();
    bench.admin.create_group(GROUP).await.unwrap();
    let client = bench.client().await;
    for tx in ["pop1", "pop2"] {
        let properties = format!("KEYS\u{1}{tx}\u{2}WAIT\u{1}true\u{2}");
        send_v2(
            &client,
            POPPED,
            (codes::SEND_MESSAGE_V2, false),
            "0",
            &properties,
            b"{}",
        )
        .await
        .unwrap();
    }
    let delivered = || bench.seen.of(&format!("DELIVER {POPPED}"));
    let begun = std::time::Instant::now();
    let mut offsets = Vec::new();
    let mut infos = Vec::new();
    while offsets.len() < 2 {
        let answer = pop(&client, POPPED, GROUP).await;
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{offsets:?} popped: {:?}",
            answer.header()
        );
        if answer.code() != codes::SUCCESS {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let field = |name: &str| answer.header().field(name).unwrap().to_owned();
        // `0 0 START` by topic and queue, as clients read it.
        let start = field("startOffsetInfo");
        let start = start.split([' ', ';']).nth(2).unwrap().to_owned();
        for record in Records::new(answer.body()) {
            let record = record.unwrap();
            offsets.push(record.queue_offset.to_string());
            infos.push(format!(
                "{start} {} {} {} 0 broker-a 0 {}",
                field("popTime"),
                field("invisibleTime"),
                field("reviveQid"),
                record.queue_offset
            ));
        }
    }
    until("each is delivered", || delivered().len() == 2).await;
    assert!(delivered().iter().all(|event| event.role == Role::Delivered));
    assert_eq!(delivered()[1].key("tx"), ["pop2"]);
    for ((offset, info), tx) in offsets.iter().zip(&infos).zip(["pop1", "pop2"]) {
        let fields = [
            ("consumerGroup", GROUP),
            ("topic", POPPED),
            ("queueId", "0"),
            ("extraInfo", info),
            ("offset", offset),
        ];
        client
            .request(codes::ACK_MESSAGE, &fields, b"")
            .await
            .unwrap()
            .success()
            .unwrap();
        let point = format!("ACK_MESSAGE {POPPED} reply");
        until("it is acknowledged", || {
            bench
                .seen
                .of(&point)
                .last()
                .is_some_and(|event| event.key("tx") == [tx])
        })
        .await;
        assert_eq!(bench.seen.of(&point)[0].role, Role::Acknowledged);
    }
}

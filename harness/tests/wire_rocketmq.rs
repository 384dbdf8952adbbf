//! RocketMQ links before a real broker: what happened is read from the broker's own state.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::time::Duration;

use common::{on_a_stack, require_docker};
use paytwice::dependency::rocketmq::{Admin, Client};
use paytwice::plan::{Direction, Duplicated};
use paytwice::remoting::codes;
use paytwice::stack::{ContainerStack, Kill as _, Stack as _};
use paytwice::wire::Action;
use paytwice_checkers::history::{Again, Deed, Role, Text, Wire};
use wire_common::broker::{
    Bench, GROUP, PATIENCE, PRODUCERS, SHOWN, TOPIC, batched, commit, pull_all, pull_one, send, send_v2,
};
use wire_common::{rule, until};

#[tokio::test(flavor = "multi_thread")]
async fn links_on_a_real_broker() {
    require_docker!();
    on_a_stack(async |stack| {
        let bench = Bench::open(&stack).await;
        routes_lead_through_the_link(&bench).await;
        sends_are_named_and_stored_once(&bench).await;
        a_duplicated_send_is_stored_twice(&bench).await;
        a_batch_carries_its_keys_and_is_stored_twice(&bench).await;
        a_compressed_body_carries_its_key_there_and_back(&bench).await;
        the_vip_channel_leads_to_the_broker(&bench).await;
        a_duplicated_delivery_comes_twice(&bench).await;
        a_cut_send_is_stored_after_healing(&bench).await;
        lag_goes_to_rest_when_offsets_are_committed(&bench).await;
        half_messages_go_to_rest(&bench).await;
        a_duplicated_half_leaves_an_orphan_that_is_checked(&bench).await;
        retries_and_dead_letters_are_counted(&bench).await;
        the_broker_is_found_again_after_a_restart(&bench, &stack).await;
        bench.link.close().await;
    })
    .await;
}

async fn routes_lead_through_the_link(bench: &Bench) {
    let real = Admin::route(bench.name_server, TOPIC).await.unwrap();
    let through = Admin::route(bench.link.listen_addr("name-server").unwrap(), TOPIC)
        .await
        .unwrap();
    let proxy = bench.link.listen_addr("broker").unwrap().to_string();
    assert_eq!(real.len(), 1);
    assert_eq!(real[0].addrs, [(0, bench.admin.addr().to_string())]);
    assert_eq!(through[0].addrs, [(0, proxy.clone())]);
    assert_eq!(through[0].broker, real[0].broker);
    let client = Client::connect(bench.link.listen_addr("name-server").unwrap(), PATIENCE)
        .await
        .unwrap();
    let cluster = client
        .request(codes::GET_BROKER_CLUSTER_INFO, &[], b"")
        .await
        .unwrap()
        .success()
        .unwrap();
    let cluster = String::from_utf8_lossy(cluster.body()).into_owned();
    assert!(
        cluster.contains(&proxy) && !cluster.contains(&bench.admin.addr().to_string()),
        "{cluster}"
    );
    assert!(
        Admin::route(bench.name_server, "no_such_topic")
            .await
            .unwrap()
            .is_empty()
    );
}

async fn sends_are_named_and_stored_once(bench: &Bench) {
    let client = bench.client().await;
    let before = bench.stored().await;
    for n in 0..5 {
        send(&client, &format!("plain{n}"), false).await.unwrap();
    }
    bench.until_stored(before + 5).await;
    let requests = bench.seen.of(&format!("SEND {SHOWN} request"));
    assert_eq!(requests.len(), 5);
    assert_eq!(
        (requests[0].key("tx"), requests[0].did.len(), requests[0].role),
        (&[Text::from("plain0")][..], 0, Role::Sent)
    );
    until("the replies are named", || {
        bench.seen.of(&format!("SEND {SHOWN} reply")).len() == 5
    })
    .await;
    assert_eq!(bench.link.stats().unparsed_bytes, 0);
}

async fn a_duplicated_send_is_stored_twice(bench: &Bench) {
    let client = bench.client().await;
    let guard = bench.duplicate(Duplicated::Send);
    let before = bench.stored().await;
    for n in 0..10 {
        send(&client, &format!("twice{n}"), false).await.unwrap();
    }
    until("both answers came", || {
        let replies = bench.seen.of(&format!("SEND {SHOWN} reply"));
        replies.iter().filter(|e| e.key("tx")[0].starts_with("twice")).count() == 20
    })
    .await;
    bench.until_stored(before + 20).await;
    assert_eq!(guard.stats().duplicated, 10);
    let stored = pull_all(&bench.client().await, before, before + 20, 32).await;
    assert!(stored.len() == 10 && stored.values().all(|n| *n == 2), "{stored:?}");
    eprintln!("10 duplicated SENDs: {} stored", bench.stored().await - before);
}

/// The newest event of a point.
fn last(bench: &Bench, point: &str) -> Wire {
    let mut events = bench.seen.of(point);
    events.pop().unwrap_or_else(|| panic!("no {point}"))
}

async fn a_batch_carries_its_keys_and_is_stored_twice(bench: &Bench) {
    let client = bench.client().await;
    let before = bench.stored().await;
    let body = [
        batched("KEYS\u{1}batch1\u{2}UNIQ_KEY\u{1}U-batch1\u{2}", b"{}"),
        batched("UNIQ_KEY\u{1}U-batch2\u{2}", b"{\"tx_no\":\"batch2\"}"),
    ]
    .concat();
    let batch = (codes::SEND_BATCH_MESSAGE, true);
    send_v2(&client, TOPIC, batch, "0", "WAIT\u{1}true\u{2}", &body)
        .await
        .unwrap();
    bench.until_stored(before + 2).await;
    let guard = bench.duplicate(Duplicated::Send);
    send_v2(&client, TOPIC, batch, "0", "WAIT\u{1}true\u{2}", &body)
        .await
        .unwrap();
    bench.until_stored(before + 6).await;
    assert_eq!(guard.stats().duplicated, 1);
    for way in ["request", "reply"] {
        let event = last(bench, &format!("SEND {SHOWN} {way}"));
        assert_eq!(
            (event.key("tx"), event.role),
            (&["batch1", "batch2"].map(Text::from)[..], Role::Sent)
        );
    }
    assert_eq!(bench.link.stats().unparsed_bytes, 0);
}

async fn a_compressed_body_carries_its_key_there_and_back(bench: &Bench) {
    use std::io::Write as _;
    let client = bench.client().await;
    let before = bench.stored().await;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(b"{\"tx_no\":\"pressed\"}").unwrap();
    let zlib = zlib.finish().unwrap();
    for sysflag in ["1", "769"] {
        send_v2(
            &client,
            TOPIC,
            (codes::SEND_MESSAGE_V2, false),
            sysflag,
            "WAIT\u{1}true\u{2}",
            &zlib,
        )
        .await
        .unwrap();
        assert_eq!(last(bench, &format!("SEND {SHOWN} request")).key("tx"), ["pressed"]);
    }
    bench.until_stored(before + 2).await;
    let code = pull_one(&client, before).await;
    assert_eq!(code, codes::SUCCESS);
    until("it is delivered", || {
        last(bench, &format!("DELIVER {SHOWN}")).key("tx") == ["pressed"]
    })
    .await;
}

async fn the_vip_channel_leads_to_the_broker(bench: &Bench) {
    let vip = Client::connect(bench.link.listen_addr("broker-vip").unwrap(), PATIENCE)
        .await
        .unwrap();
    let before = bench.stored().await;
    send(&vip, "vip", false).await.unwrap();
    bench.until_stored(before + 1).await;
    assert_eq!(last(bench, &format!("SEND {SHOWN} request")).key("tx"), ["vip"]);
}

async fn a_duplicated_delivery_comes_twice(bench: &Bench) {
    let client = bench.client().await;
    let before = bench.stored().await;
    for n in 0..40 {
        send(&client, &format!("again{n}"), false).await.unwrap();
    }
    bench.until_stored(before + 40).await;
    let guard = bench.duplicate(Duplicated::Delivery);
    let came = pull_all(&client, before, before + 40, 1).await;
    assert!(came.len() == 40 && came.values().all(|n| *n == 2), "{came:?}");
    assert_eq!(guard.stats().duplicated, 40);
    assert_eq!(bench.stored().await - before, 40, "the broker holds each once");
    let did = |how: Again| {
        let events = bench.seen.of(&format!("DELIVER {SHOWN}"));
        events
            .iter()
            .filter(|e| e.role == Role::Delivered && e.did.first() == Some(&Deed::Duplicated(how)))
            .count()
    };
    let (rewound, twinned) = (did(Again::PulledAgain), did(Again::TwiceInOne));
    eprintln!("40 duplicated deliveries: {rewound} pulled again, {twinned} twice in one answer");
    assert!(rewound > 5 && twinned > 5 && rewound + twinned == 40);
}

async fn a_cut_send_is_stored_after_healing(bench: &Bench) {
    let client = Client::connect(bench.link.listen_addr("broker").unwrap(), Duration::from_secs(1))
        .await
        .unwrap();
    let before = bench.stored().await;
    let guard = bench.link.install(rule(Direction::Both, Action::Cut));
    let error = send(&client, "cut", false).await.unwrap_err();
    eprintln!("under a cut: {error}; {}", guard.stats());
    drop(client);
    assert_eq!(bench.stored().await, before);
    drop(guard);
    bench.until_stored(before + 1).await;
}

async fn lag_goes_to_rest_when_offsets_are_committed(bench: &Bench) {
    let end = bench.stored().await;
    assert_eq!(bench.counters().await.lag, end);
    let offset = end.to_string();
    let fields = [
        ("consumerGroup", GROUP),
        ("topic", TOPIC),
        ("queueId", "0"),
        ("commitOffset", &offset),
    ];
    bench
        .client()
        .await
        .request(codes::UPDATE_CONSUMER_OFFSET, &fields, b"")
        .await
        .unwrap()
        .success()
        .unwrap();
    bench.until_counters("no lag", |c| c.at_rest()).await;
}

async fn half_messages_go_to_rest(bench: &Bench) {
    let client = bench.client().await;
    let before = bench.stored().await;
    let sent = send(&client, "half1", true).await.unwrap();
    assert_eq!(bench.stored().await, before, "a half message is not in its topic");
    bench
        .until_counters("a half message waits", |c| c.half > 0 && !c.at_rest())
        .await;
    commit(&client, "half1", &sent).await;
    bench
        .until_counters("the half message is resolved", |c| c.half == 0)
        .await;
    bench.until_stored(before + 1).await;
    let end = bench.seen.of("END_TRANSACTION commit request");
    assert_eq!(end[0].key("tx"), ["half1"]);
    assert_eq!(
        bench.seen.of(&format!("SEND half {SHOWN} request"))[0].key("tx"),
        ["half1"]
    );
}

async fn a_duplicated_half_leaves_an_orphan_that_is_checked(bench: &Bench) {
    let client = bench.client().await;
    let hello =
        format!(r#"{{"clientID":"c1","producerDataSet":[{{"groupName":"{PRODUCERS}"}}],"consumerDataSet":[]}}"#);
    client
        .request(codes::HEART_BEAT, &[], hello.as_bytes())
        .await
        .unwrap()
        .success()
        .unwrap();
    let before = bench.stored().await;
    let guard = bench.duplicate(Duplicated::Send);
    let sent = send(&client, "half2", true).await.unwrap();
    drop(guard);
    commit(&client, "half2", &sent).await;
    until("the orphan is checked", || {
        bench
            .seen
            .of(&format!("CHECK_TRANSACTION_STATE {SHOWN} request"))
            .iter()
            .any(|e| e.role == Role::AskedBack && e.key("tx") == ["half2"])
    })
    .await;
    assert_eq!(
        bench.stored().await,
        before + 1,
        "the original is committed, its duplicate is not"
    );
    assert!(!bench.counters().await.at_rest());
}

async fn retries_and_dead_letters_are_counted(bench: &Bench) {
    let client = bench.client().await;
    let record_at = bench.stored().await - 1;
    let fields = [("topic", TOPIC), ("queueId", "0")];
    assert!(
        client
            .request(codes::GET_MIN_OFFSET, &fields, b"")
            .await
            .unwrap()
            .success()
            .is_ok()
    );
    let sent = send(&client, "back", false).await.unwrap();
    let log_offset = i64::from_str_radix(&sent.header().field("msgId").unwrap()[16..], 16)
        .unwrap()
        .to_string();
    let back = |level: &'static str| {
        let fields = [
            ("group", GROUP),
            ("offset", &log_offset),
            ("delayLevel", level),
            ("originMsgId", "U-back"),
            ("originTopic", TOPIC),
            ("unitMode", "false"),
            ("maxReconsumeTimes", "16"),
        ];
        let client = &client;
        let owned: Vec<(String, String)> = fields.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        async move {
            let fields: Vec<(&str, &str)> = owned.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            client
                .request(codes::CONSUMER_SEND_MSG_BACK, &fields, b"")
                .await
                .unwrap()
                .success()
                .unwrap();
        }
    };
    assert!(record_at >= 0);
    back("3").await;
    bench
        .until_counters("a retry waits for its delay", |c| c.delayed == 1)
        .await;
    bench
        .until_counters("a retry waits for its consumer", |c| c.delayed == 0 && c.retry == 1)
        .await;
    back("-1").await;
    bench.until_counters("a dead letter", |c| c.dead == 1).await;
    assert_eq!(
        bench.seen.of(&format!("CONSUMER_SEND_MSG_BACK {SHOWN} request"))[0].key("tx"),
        ["back"]
    );
}

async fn the_broker_is_found_again_after_a_restart(bench: &Bench, stack: &ContainerStack) {
    let client = bench.client().await;
    send(&client, "before the kill", false).await.unwrap();
    let before = bench.stored().await;
    stack.kill("broker").await.unwrap();
    until("the client's connection ended", || !client.is_open()).await;
    assert!(bench.admin.max_offsets(TOPIC, 1).await.is_err());
    stack.start("broker").await.unwrap();
    stack.ready("broker").await.unwrap();
    bench.link.set_upstream("broker", stack.addr("broker", 10911).unwrap());
    send(&bench.client().await, "after the restart", false).await.unwrap();
    assert!(bench.stored().await > before);
}

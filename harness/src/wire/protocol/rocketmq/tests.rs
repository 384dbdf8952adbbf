use paytwice_checkers::history::Role;
use proptest::prelude::*;

use super::*;
use crate::remoting::test_support::{encode_binary, test_batch, test_record, test_record_with};
use crate::remoting::{Header, Records};
use crate::wire::Redelivery;
use crate::wire::correlation::Correlation;

fn session() -> RocketMq {
    let correlation = Correlation {
        names: [("t__r1", "t"), ("g__r1", "g")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .into(),
        ..Correlation::default()
    };
    let correlation = correlation.with_key("tx", &["message:key", "message:/tx_no"]).unwrap();
    RocketMq::new(Arc::new(Terms::new(correlation, Some("127.0.0.1:7".parse().unwrap()))))
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn request(code: i32, opaque: i32, pairs: &[(&str, &str)], body: &[u8]) -> Bytes {
    Remoting::request(code, opaque, false, &fields(pairs), body)
}

fn answer(code: i32, opaque: i32, pairs: &[(&str, &str)], body: &[u8]) -> Bytes {
    let header = Header {
        code,
        opaque,
        flag: 1,
        remark: None,
        fields: fields(pairs),
    };
    encode_binary(&header, body)
}

fn feed(session: &mut RocketMq, way: Way, bytes: &[u8]) -> Vec<Frame> {
    let mut buffer = BytesMut::from(bytes);
    let mut out = Vec::new();
    session.frames(way, &mut buffer, &mut out);
    assert!(buffer.is_empty());
    out
}

fn one(session: &mut RocketMq, way: Way, bytes: &[u8]) -> Frame {
    let mut frames = feed(session, way, bytes);
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn point(frame: &Frame) -> (&str, Vec<&str>) {
    let point = &frame.points[0];
    (
        &point.label.name,
        point.label.keys.iter().map(|(_, value)| value).collect(),
    )
}

const HALF: &str = "KEYS\u{1}tx1\u{2}TRAN_MSG\u{1}true\u{2}UNIQ_KEY\u{1}U1\u{2}";

#[test]
fn a_transaction_is_named_from_its_half_to_its_end() {
    let mut s = session();
    let send = one(
        &mut s,
        Way::Request,
        &request(310, 4, &[("b", "t__r1"), ("i", HALF)], b"{}"),
    );
    assert_eq!(point(&send), ("SEND half t request", vec!["tx1"]));
    assert_eq!(send.kind, FrameKind::Send);
    let reply = one(&mut s, Way::Reply, &answer(0, 4, &[], b""));
    assert_eq!(point(&reply), ("SEND half t reply", vec!["tx1"]));
    let end = [("commitOrRollback", "8"), ("transactionId", "U1")];
    let end = one(
        &mut s,
        Way::Request,
        &Remoting::request(37, 5, true, &fields(&end), b""),
    );
    assert_eq!(point(&end), ("END_TRANSACTION commit request", vec!["tx1"]));
    let half = test_record("t__r1", 0, HALF, b"{}");
    let check = one(
        &mut s,
        Way::Reply,
        &Remoting::request(39, 900, true, &BTreeMap::new(), &half),
    );
    assert_eq!(point(&check), ("CHECK_TRANSACTION_STATE t request", vec!["tx1"]));
}

fn pull_answer(s: &mut RocketMq) -> Frame {
    one(
        s,
        Way::Request,
        &request(11, 8, &[("topic", "t__r1"), ("queueId", "2")], b""),
    );
    let mut body = test_record("t__r1", 6, "KEYS\u{1}a\u{2}", b"{\"tx_no\":\"b\"}");
    body.extend(test_record("%RETRY%g__r1", 7, "KEYS\u{1}c\u{2}", b""));
    one(s, Way::Reply, &answer(0, 8, &[("nextBeginOffset", "8")], &body))
}

#[test]
fn each_frame_has_the_role_of_its_protocol() {
    let role = |frame: &Frame| frame.points.iter().map(|point| point.label.role).collect::<Vec<_>>();
    let mut s = session();
    let send = request(310, 4, &[("b", "t__r1"), ("i", HALF)], b"{}");
    assert_eq!(role(&one(&mut s, Way::Request, &send)), [Role::Sent]);
    let refused = one(&mut s, Way::Reply, &answer(14, 4, &[], b""));
    assert_eq!(role(&refused), [Role::Sent]);
    assert_eq!(refused.points[0].outcome, Some(Outcome::Error(14)));
    for (outcome, expected) in [("8", Role::Committed), ("12", Role::RolledBack), ("0", Role::Plain)] {
        let end = fields(&[("commitOrRollback", outcome), ("transactionId", "U1")]);
        let end = Remoting::request(37, 5, true, &end, b"");
        assert_eq!(role(&one(&mut s, Way::Request, &end)), [expected]);
    }
    let half = test_record("t__r1", 0, HALF, b"{}");
    let check = Remoting::request(39, 900, true, &BTreeMap::new(), &half);
    assert_eq!(role(&one(&mut s, Way::Reply, &check)), [Role::AskedBack]);
    assert_eq!(role(&pull_answer(&mut s)), [Role::Delivered; 2]);
    let done = [("topic", "t__r1"), ("consumerGroup", "g__r1"), ("commitOffset", "8")];
    let done = one(&mut s, Way::Request, &request(15, 9, &done, b""));
    assert_eq!(
        (point(&done).0, role(&done)),
        ("UPDATE_CONSUMER_OFFSET t request", vec![Role::Acknowledged])
    );
    let route = one(&mut s, Way::Request, &request(105, 10, &[("topic", "t__r1")], b""));
    assert_eq!(role(&route), [Role::Plain]);
}

#[test]
fn each_message_of_a_pull_answer_is_a_delivery() {
    let mut s = session();
    let frame = pull_answer(&mut s);
    assert_eq!(frame.points.len(), 2);
    assert_eq!(point(&frame), ("DELIVER t", vec!["a", "b"]));
    assert_eq!(frame.points[1].label.name, "DELIVER %RETRY%g");
    let back = [("group", "g__r1"), ("originTopic", "t__r1"), ("offset", "6000")];
    let back = one(&mut s, Way::Request, &request(36, 9, &back, b""));
    assert_eq!(point(&back), ("CONSUMER_SEND_MSG_BACK t request", vec!["a", "b"]));
}

#[test]
fn a_batch_carries_the_keys_of_its_messages_and_can_be_sent_twice() {
    let body = test_batch(&[("KEYS\u{1}tx1\u{2}", b"{}"), ("", b"{\"tx_no\":\"tx2\"}")]);
    for (code, fields) in [
        (320, [("b", "t__r1"), ("m", "true")]),
        (310, [("b", "t__r1"), ("m", "true")]),
        (10, [("topic", "t__r1"), ("batch", "true")]),
    ] {
        let mut s = session();
        let send = one(&mut s, Way::Request, &request(code, 4, &fields, &body));
        assert_eq!(point(&send), ("SEND t request", vec!["tx1", "tx2"]));
        assert_eq!(send.kind, FrameKind::Send);
        let Copied::Behind(_, copy) = s.duplicate(Way::Request, send, &drawn(0)) else {
            panic!("not repeated");
        };
        assert_eq!(Remoting::parse(copy.bytes).unwrap().body(), body);
        assert_eq!(
            point(&one(&mut s, Way::Reply, &answer(0, 4, &[], b""))).1,
            ["tx1", "tx2"]
        );
    }
    let mut s = session();
    let fields = [("b", "t__r1"), ("m", "true")];
    feed(&mut s, Way::Request, &request(320, 4, &fields, b"{\"tx_no\":\"tx2\"}"));
    let stats = s.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (0, 1), "what is no batch is counted");
}

#[test]
fn a_compressed_body_carries_its_key_or_is_counted_without() {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(b"{\"tx_no\":\"t1\"}").unwrap();
    let zlib = zlib.finish().unwrap();
    for (sysflag, keys) in [("1", vec!["t1"]), ("769", vec!["t1"]), ("257", vec![]), ("513", vec![])] {
        let mut s = session();
        let send = one(
            &mut s,
            Way::Request,
            &request(310, 4, &[("b", "t__r1"), ("f", sysflag)], &zlib),
        );
        assert_eq!(point(&send), ("SEND t request", keys.clone()));
        one(&mut s, Way::Request, &request(11, 8, &[("topic", "t__r1")], b""));
        let stored = test_record_with("t__r1", 6, sysflag.parse().unwrap(), "", &zlib);
        let delivered = one(&mut s, Way::Reply, &answer(0, 8, &[], &stored));
        assert_eq!(point(&delivered), ("DELIVER t", keys.clone()));
        let stats = s.terms.finder.stats()["tx"];
        assert_eq!((stats.found, stats.of), (2 * keys.len() as u64, 2));
    }
}

#[test]
fn what_is_popped_is_delivered_and_its_acknowledgement_carries_its_keys() {
    let mut s = session();
    let pop = [("consumerGroup", "g__r1"), ("topic", "t__r1")];
    feed(&mut s, Way::Request, &request(200_050, 8, &pop, b""));
    let mut body = test_record("t__r1", 6, "KEYS\u{1}a\u{2}", b"");
    body.extend(test_record("t__r1", 7, "KEYS\u{1}b\u{2}", b""));
    let popped = one(&mut s, Way::Reply, &answer(0, 8, &[("popTime", "1")], &body));
    // The record of the tests was given back once, which a broker keeps under another topic.
    assert_eq!((point(&popped), popped.points.len()), (("DELIVER t", vec!["a"]), 2));
    assert!(popped.points.iter().all(|point| point.label.role == Role::Delivered));
    assert!(matches!(s.duplicate(Way::Reply, popped, &drawn(1)), Copied::No));
    let about = |code: i32, topic: &str, offset: &str, place: &str| {
        let info = format!("6 1 60000 0 {place} broker-a 2 {offset}");
        let fields = [
            ("consumerGroup", "g__r1"),
            ("topic", topic),
            ("queueId", "2"),
            ("offset", offset),
            ("extraInfo", &info),
        ];
        request(code, 9, &fields, b"")
    };
    let ack = one(&mut s, Way::Request, &about(200_051, "%RETRY%g__r1_t__r1", "6", "1"));
    assert_eq!(point(&ack), ("ACK_MESSAGE t request", vec!["a"]));
    assert_eq!(ack.points[0].label.role, Role::Acknowledged);
    assert_eq!(
        point(&one(&mut s, Way::Reply, &answer_to(9))),
        ("ACK_MESSAGE t reply", vec!["a"])
    );
    let later = one(&mut s, Way::Request, &about(200_053, "t__r1", "7", "2"));
    assert_eq!(point(&later), ("CHANGE_MESSAGE_INVISIBLETIME t request", vec!["b"]));
    assert_eq!(later.points[0].label.role, Role::Plain);
    let other = one(&mut s, Way::Request, &about(200_051, "t__r1", "6", "0"));
    assert_eq!(
        point(&other),
        ("ACK_MESSAGE t request", vec![]),
        "of the topic itself, another message"
    );
    let many = one(&mut s, Way::Request, &request(200_151, 10, &[], b"{}"));
    assert_eq!(
        (point(&many).0, many.points[0].label.role),
        ("BATCH_ACK_MESSAGE request", Role::Acknowledged)
    );
}

fn drawn(dice: u64) -> Again {
    Again {
        dice,
        copies: 1,
        after: std::time::Duration::ZERO,
        how: None,
        point: None,
    }
}

#[test]
fn a_named_message_is_rewound_to_once_however_much_comes_behind_it() {
    let mut s = session();
    let frame = pull_answer(&mut s);
    let rewind = |point| Again {
        how: Some(Redelivery::Rewind),
        point: Some(point),
        ..drawn(0)
    };
    assert!(matches!(
        s.duplicate(Way::Reply, frame.clone(), &rewind(0)),
        Copied::Whole(_)
    ));
    assert!(matches!(s.duplicate(Way::Reply, frame.clone(), &rewind(0)), Copied::No));
    assert!(
        matches!(s.duplicate(Way::Reply, frame, &rewind(1)), Copied::Whole(_)),
        "another message has its own turn"
    );
}

#[test]
fn a_delivery_comes_again_in_the_way_that_is_named() {
    for (which, back_to) in [(0, 6), (1, 7)] {
        let mut s = session();
        let frame = pull_answer(&mut s);
        let rewind = Again {
            how: Some(Redelivery::Rewind),
            point: Some(which),
            // Would draw the other way.
            ..drawn(1)
        };
        let Copied::Whole(rewound) = s.duplicate(Way::Reply, frame, &rewind) else {
            panic!("not rewound");
        };
        let did: Vec<bool> = rewound.points.iter().map(|point| point.did.is_some()).collect();
        assert_eq!(did, [which == 0, true], "what is pulled again");
        let header = Remoting::parse(rewound.bytes).unwrap().header;
        assert_eq!(header.number("nextBeginOffset"), Some(back_to));

        let mut s = session();
        let frame = pull_answer(&mut s);
        let twice = Again {
            how: Some(Redelivery::Twice),
            point: Some(which),
            ..drawn(0)
        };
        let Copied::Whole(twice) = s.duplicate(Way::Reply, frame, &twice) else {
            panic!("not twice");
        };
        let remoting = Remoting::parse(twice.bytes).unwrap();
        let offsets: Vec<_> = Records::new(remoting.body()).map(|r| r.unwrap().queue_offset).collect();
        assert_eq!(offsets, [[6, 6, 7], [6, 7, 7]][which]);
    }
}

#[test]
fn all_that_waits_is_failed_and_nothing_else() {
    let mut s = session();
    let send = request(310, 4, &[("b", "t__r1"), ("i", HALF)], b"x");
    feed(&mut s, Way::Request, &request(11, 3, &[("topic", "t__r1")], b""));
    let send = one(&mut s, Way::Request, &send);
    // A copy that the link made: nobody waits for its answer.
    s.duplicate(Way::Request, send, &drawn(0));
    feed(&mut s, Way::Request, &Remoting::request(37, 5, true, &fields(&[]), b""));
    let heartbeat = one(&mut s, Way::Request, &request(34, 6, &[], b""));
    let failed = s.fail_all(Way::Request, &heartbeat).unwrap();
    let answers: Vec<_> = failed
        .iter()
        .map(|frame| Remoting::parse(frame.bytes.clone()).unwrap().header)
        .collect();
    assert!(answers.iter().all(|header| header.is_response() && header.code == 1));
    assert_eq!(
        answers.iter().map(|header| header.opaque).collect::<Vec<_>>(),
        [3, 4, 6]
    );
    assert_eq!(point(&failed[1]), ("SEND half t reply", vec!["tx1"]));
    assert!(failed[0].points.is_empty() && failed[0].did == [Deed::Answered(1)]);
    assert!(s.fail_all(Way::Request, &heartbeat).unwrap().is_empty(), "once");
}

#[test]
fn an_answer_at_which_a_connection_fails_becomes_an_error() {
    let mut s = session();
    let delivery = pull_answer(&mut s);
    let failed = s.fail_all(Way::Reply, &delivery).unwrap();
    let header = Remoting::parse(failed[0].bytes.clone()).unwrap().header;
    assert_eq!((failed.len(), header.code, header.opaque), (1, 1, 8));
    assert!(failed[0].points.is_empty(), "nothing is delivered in it");
}

#[test]
fn a_delivery_is_duplicated_in_two_ways_and_once() {
    let mut s = session();
    let frame = pull_answer(&mut s);
    let Copied::Whole(rewound) = s.duplicate(Way::Reply, frame.clone(), &drawn(0)) else {
        panic!("not rewound");
    };
    let header = Remoting::parse(rewound.bytes).unwrap().header;
    assert_eq!(header.number("nextBeginOffset"), Some(7));
    assert!(
        matches!(s.duplicate(Way::Reply, frame, &drawn(0)), Copied::No),
        "the same message is not rewound for ever"
    );

    let mut s = session();
    let frame = pull_answer(&mut s);
    let Copied::Whole(twinned) = s.duplicate(Way::Reply, frame, &drawn(1)) else {
        panic!("not twinned");
    };
    let remoting = Remoting::parse(twinned.bytes).unwrap();
    let offsets: Vec<_> = Records::new(remoting.body()).map(|r| r.unwrap().queue_offset).collect();
    assert_eq!(offsets, [6, 6, 7]);
    assert_eq!(remoting.header.number("nextBeginOffset"), Some(8));
    assert_eq!(twinned.points.len(), 3);
}

#[test]
fn a_send_is_repeated_and_its_answer_ends_here() {
    let mut s = session();
    let send = one(
        &mut s,
        Way::Request,
        &request(10, 4, &[("topic", "t__r1"), ("properties", HALF)], b"x"),
    );
    let Copied::Behind(first, copy) = s.duplicate(Way::Request, send, &drawn(0)) else {
        panic!("not repeated");
    };
    assert_eq!(Remoting::parse(first.bytes).unwrap().header.opaque, 4);
    let copy = Remoting::parse(copy.bytes).unwrap();
    assert_eq!((copy.header.opaque, copy.body()), (OWN_OPAQUE, &b"x"[..]));
    assert!(one(&mut s, Way::Reply, &answer(0, 4, &[], b"")).forward);
    assert!(!one(&mut s, Way::Reply, &answer(0, OWN_OPAQUE, &[], b"")).forward);
}

#[test]
fn route_answers_lead_through_the_link() {
    let mut s = session();
    feed(&mut s, Way::Request, &request(105, 1, &[("topic", "t__r1")], b""));
    let body = br#"{"brokerDatas":[{"brokerAddrs":{0:"172.17.0.3:10911"}}]}"#;
    let frame = one(&mut s, Way::Reply, &answer(0, 1, &[], body));
    let body = Remoting::parse(frame.bytes).unwrap().body().to_vec();
    assert_eq!(body, br#"{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:7"}}]}"#);
}

#[test]
fn foreign_and_overlong_frames_pass_and_are_counted() {
    let mut s = session();
    let tls = b"\x16\x03\x01\x00\xa5\x01\x00";
    assert_eq!(one(&mut s, Way::Request, tls).bytes, &tls[..]);
    assert_eq!(s.unparsed_bytes(), tls.len() as u64);
    let mut s = session();
    let mut long = ((WHOLE_BYTES_MAX + 100) as u32).to_be_bytes().to_vec();
    long.extend([0, 0, 0, 4]);
    assert_eq!(feed(&mut s, Way::Request, &long).len(), 1, "its beginning is not held");
    let rest = vec![0; WHOLE_BYTES_MAX + 96];
    let after = request(10, 4, &[("topic", "t__r1")], b"");
    let frames = feed(&mut s, Way::Request, &[&rest[..], &after].concat());
    assert_eq!(frames.last().unwrap().points[0].label.name, "SEND t request");
}

proptest! {
    #[test]
    fn any_split_and_any_damage_passes_unchanged(
        sizes in proptest::collection::vec(1usize..60, 1..9),
        damage in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let pull = request(11, 8, &[("topic", "t")], b"");
        let send = request(310, 9, &[("b", "t"), ("i", HALF)], b"{\"tx_no\":\"1\"}");
        let binary = answer(5, 3, &[("x", "y")], b"zzz");
        let mut bytes = [&pull[..], &send, &binary].concat();
        if let Some((at, byte)) = damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (mut s, mut buffer, mut out) = (session(), BytesMut::new(), Vec::new());
        let (mut rest, mut sizes) = (&bytes[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            rest = after;
            buffer.extend_from_slice(piece);
            s.frames(Way::Request, &mut buffer, &mut out);
        }
        if damage.is_none() {
            prop_assert_eq!(out.len(), 3);
        }
        let mut passed: Vec<u8> = out.iter().flat_map(|f| f.bytes.to_vec()).collect();
        passed.extend(&buffer);
        prop_assert_eq!(passed, bytes);
    }
}

/// Refuses what comes of a request.
fn refuse(s: &mut RocketMq, raw: &[u8], error: Refusal) -> Option<Refused> {
    let frame = one(s, Way::Request, raw);
    s.refuse(&frame, error)
}

#[test]
fn a_send_is_refused_in_the_brokers_words() {
    for (error, code) in [(Refusal::SystemBusy, 2i32), (Refusal::ServiceUnavailable, 14)] {
        for send in [
            request(10, 4, &[("topic", "t__r1"), ("properties", HALF)], b"x"),
            request(310, 4, &[("b", "t__r1"), ("i", HALF)], b"x"),
            request(320, 4, &[("b", "t__r1"), ("m", "true")], b"x"),
        ] {
            let mut s = session();
            let refused = refuse(&mut s, &send, error).unwrap();
            assert!(refused.instead.is_none());
            assert_eq!(refused.answer.did, [Deed::Answered(code.unsigned_abs())]);
            assert!(
                refused.answer.points[0].label.name.ends_with("t reply"),
                "{:?}",
                refused.answer
            );
            let answer = Remoting::parse(refused.answer.bytes).unwrap();
            assert!(answer.header.is_response());
            assert_eq!((answer.header.code, answer.header.opaque), (code, 4));
            // The opaque may be used again, for something else.
            one(&mut s, Way::Request, &request(34, 4, &[], b""));
            assert!(one(&mut s, Way::Reply, &answer_to(4)).points.is_empty());
        }
    }
}

fn answer_to(opaque: i32) -> Bytes {
    answer(0, opaque, &[], b"")
}

#[test]
fn a_route_is_refused_in_the_name_servers_words() {
    let mut s = session();
    let raw = request(105, 1, &[("topic", "t__r1")], b"");
    let refused = refuse(&mut s, &raw, Refusal::NoRoute).unwrap();
    assert_eq!(point(&refused.answer).0, "ROUTE t reply");
    let header = Remoting::parse(refused.answer.bytes).unwrap().header;
    assert_eq!((header.code, header.opaque), (17, 1));
}

#[test]
fn nothing_else_is_refused() {
    let oneway = Remoting::request(310, 4, true, &fields(&[("b", "t")]), b"x");
    let requests = [
        oneway,
        request(34, 5, &[], b""),
        request(11, 6, &[("topic", "t")], b""),
        request(106, 7, &[], b""),
        answer_to(8),
        Bytes::from_static(b"\x16\x03\x01\x00\xa5\x01\x00"),
    ];
    for error in Refusal::ALL {
        for raw in &requests {
            assert!(refuse(&mut session(), raw, error).is_none(), "{error} {raw:?}");
        }
    }
    let send = request(10, 4, &[("topic", "t__r1")], b"x");
    for error in [Refusal::LockWaitTimeout, Refusal::Deadlock, Refusal::NoRoute] {
        assert!(refuse(&mut session(), &send, error).is_none());
    }
}

proptest! {
    /// Some sends are refused, the rest is answered in any order: every answer keeps its name.
    #[test]
    fn answers_keep_their_names_behind_a_refusal(
        sends in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<u16>()), 1..20),
    ) {
        let mut s = session();
        let mut open = Vec::new();
        for (opaque, (binary, refused, order)) in sends.into_iter().enumerate() {
            let topic = format!("topic{opaque}");
            let pairs = [("b", topic.as_str()), ("i", "KEYS\u{1}k\u{2}")];
            let header = Header { code: 310, opaque: opaque as i32, flag: 0, remark: None, fields: fields(&pairs) };
            let raw = if binary { encode_binary(&header, b"x") } else { request(310, opaque as i32, &pairs, b"x") };
            let frame = one(&mut s, Way::Request, &raw);
            if refused {
                let refused = s.refuse(&frame, Refusal::SystemBusy).unwrap();
                let answer = Remoting::parse(refused.answer.bytes.clone()).unwrap();
                prop_assert_eq!(answer.header.opaque, opaque as i32);
                prop_assert_eq!(point(&refused.answer).0, format!("SEND {topic} reply"));
            } else {
                open.push((order, opaque));
            }
        }
        open.sort_unstable();
        for (_, opaque) in open {
            let reply = one(&mut s, Way::Reply, &answer_to(opaque as i32));
            prop_assert_eq!(point(&reply).0, format!("SEND topic{opaque} reply"));
        }
        prop_assert_eq!(s.unparsed_bytes(), 0);
        prop_assert!(s.pending.iter().all(BTreeMap::is_empty));
    }
}

use proptest::prelude::*;

use super::*;
use crate::wire::correlation::Correlation;

fn http() -> Http {
    let places = ["http:/tx_no", "path:/pay/payresult/{tx}", "header:Idempotency-Key"];
    let correlation = Correlation::default().with_key("tx", &places);
    Http::new(Arc::new(Terms::new(correlation.unwrap(), None)))
}

fn feed(http: &mut Http, way: Way, bytes: &[u8]) -> Vec<Frame> {
    let mut buffer = BytesMut::from(bytes);
    let mut out = Vec::new();
    http.frames(way, &mut buffer, &mut out);
    assert!(buffer.is_empty(), "left over: {buffer:?}");
    out
}

fn names(frames: &[Frame]) -> Vec<String> {
    let name = |f: &Frame| {
        f.points
            .iter()
            .map(|p| format!("{} [{}]", p.label.name, p.label.keys))
            .collect::<String>()
    };
    frames.iter().map(name).collect()
}

const ORDER: &[u8] = b"POST /pay/order?x=1 HTTP/1.1\r\ncontent-length: 14\r\n\r\n{\"tx_no\":\"t1\"}";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn requests_and_answers_are_paired() {
    let mut http = http();
    let query = b"GET /pay/payresult/t9 HTTP/1.1\r\n\r\n";
    let frames = feed(&mut http, Way::Request, &[ORDER, query].concat());
    assert_eq!(
        names(&frames),
        [
            r#"POST /pay/order request [t1]"#,
            r#"GET /pay/payresult/{tx} request [t9]"#
        ]
    );
    assert!(frames.iter().all(|f| f.kind == FrameKind::HttpRequest));
    let chunked =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let frames = feed(&mut http, Way::Reply, &[ANSWER, chunked].concat());
    assert_eq!(
        names(&frames),
        [r#"POST /pay/order reply [t1]"#, r#"GET /pay/payresult/{tx} reply [t9]"#]
    );
}

#[test]
fn a_key_stands_in_a_header_and_a_status_is_told() {
    let mut http = http();
    let frames = feed(
        &mut http,
        Way::Request,
        b"POST /pay HTTP/1.1\r\nidempotency-key: t7 \r\n\r\n",
    );
    assert_eq!(names(&frames), ["POST /pay request [t7]"]);
    let frames = feed(
        &mut http,
        Way::Reply,
        b"HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n",
    );
    assert_eq!(names(&frames), ["POST /pay reply [t7]"]);
    assert_eq!(frames[0].points[0].outcome, Some(Outcome::Status(409)));
    feed(&mut http, Way::Request, b"GET /healthz HTTP/1.1\r\n\r\n");
    let stats = http.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (2, 3));
}

#[test]
fn answers_without_a_body_do_not_wait_for_one() {
    let mut http = http();
    let requests = b"HEAD / HTTP/1.1\r\n\r\nDELETE / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert_eq!(feed(&mut http, Way::Request, requests).len(), 3);
    let answers =
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Same\r\n\r\n";
    let frames = feed(&mut http, Way::Reply, answers);
    assert_eq!(
        names(&frames),
        ["HEAD / reply []", "DELETE / reply []", "GET / reply []"]
    );
}

#[test]
fn a_head_that_expects_100_goes_on_alone() {
    let mut http = http();
    let head = b"POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    assert_eq!(names(&feed(&mut http, Way::Request, head)), ["POST /a request []"]);
    assert_eq!(
        names(&feed(&mut http, Way::Reply, b"HTTP/1.1 100 Continue\r\n\r\n")),
        [""]
    );
    assert_eq!(feed(&mut http, Way::Request, b"body").len(), 1);
    assert_eq!(names(&feed(&mut http, Way::Reply, ANSWER)), ["POST /a reply []"]);
    assert_eq!(
        names(&feed(&mut http, Way::Request, ORDER)),
        [r#"POST /pay/order request [t1]"#]
    );
}

#[test]
fn streams_are_not_held() {
    let mut http = http();
    feed(&mut http, Way::Request, b"GET /s HTTP/1.1\r\n\r\n");
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(feed(&mut http, Way::Reply, head).len(), 1);
    assert_eq!(feed(&mut http, Way::Reply, b"3\r\nab").len(), 1, "half a chunk passes");
    assert_eq!(feed(&mut http, Way::Reply, b"c\r\n0\r\n\r\n").len(), 1);
    feed(&mut http, Way::Request, b"GET /t HTTP/1.1\r\n\r\n");
    assert_eq!(names(&feed(&mut http, Way::Reply, ANSWER)), ["GET /t reply []"]);
}

#[test]
fn large_bodies_pass_in_pieces() {
    let mut http = http();
    let size = WHOLE_BYTES_MAX * 3;
    let head = format!("POST /big HTTP/1.1\r\ncontent-length: {size}\r\n\r\n");
    let mut buffer = BytesMut::from(head.as_bytes());
    let mut out = Vec::new();
    let (mut sent, mut held_max) = (0, 0);
    while sent < size {
        let piece = (size - sent).min(10_000);
        buffer.extend_from_slice(&vec![b'x'; piece]);
        sent += piece;
        http.frames(Way::Request, &mut buffer, &mut out);
        held_max = held_max.max(buffer.len());
    }
    assert!(held_max <= WHOLE_BYTES_MAX + 10_000, "{held_max}");
    assert_eq!(out.iter().map(|f| f.bytes.len()).sum::<usize>(), head.len() + size);
    assert_eq!(out[0].points[0].label.name, "POST /big request");
    assert!(
        out.iter().all(|f| f.kind != FrameKind::HttpRequest),
        "what is not whole is not duplicated"
    );
}

#[test]
fn what_is_no_http_passes_and_is_counted() {
    for foreign in [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        b"\x16\x03\x01\x00\xa5\x01",
        b"\0\0\0\0",
    ] {
        let mut http = http();
        let frames = feed(&mut http, Way::Request, foreign);
        assert_eq!(
            frames.iter().flat_map(|f| f.bytes.to_vec()).collect::<Vec<_>>(),
            foreign
        );
        assert_eq!(http.unparsed_bytes(), foreign.len() as u64);
        assert_eq!(feed(&mut http, Way::Reply, b"\x01\x02")[0].kind, FrameKind::Bytes);
    }
}

#[test]
fn after_an_upgrade_only_bytes_pass() {
    let mut http = http();
    feed(
        &mut http,
        Way::Request,
        b"GET /ws HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
    );
    feed(
        &mut http,
        Way::Reply,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi",
    );
    assert_eq!(feed(&mut http, Way::Request, b"\x81\x01").len(), 1);
    assert_eq!(http.unparsed_bytes(), 4 + 2, "of the server and of the client");
}

/// A session that no rule needs whole messages of.
fn streaming() -> Http {
    let mut http = http();
    http.hold_whole(false);
    http
}

#[test]
fn what_no_rule_needs_whole_passes_as_it_comes_and_is_named_at_its_end() {
    let mut http = streaming();
    let (head, body) = ORDER.split_at(ORDER.len() - 14);
    let first = feed(&mut http, Way::Request, &[head, &body[..3]].concat());
    assert_eq!((names(&first), first[0].kind), (vec![String::new()], FrameKind::Bytes));
    let last = feed(&mut http, Way::Request, &[&body[3..], ORDER].concat());
    assert_eq!(
        names(&last),
        ["POST /pay/order request [t1]", "POST /pay/order request [t1]"]
    );
    assert_eq!(last[0].points[0].bytes, ORDER.len());
    assert_eq!((last[0].kind, last[1].kind), (FrameKind::Bytes, FrameKind::HttpRequest));

    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(
        names(&feed(&mut http, Way::Reply, head)),
        [""],
        "it does not wait for its body"
    );
    assert_eq!(names(&feed(&mut http, Way::Reply, b"8\r\n{\"tx_no\"\r\n")), [""]);
    let last = feed(&mut http, Way::Reply, b"6\r\n:\"t9\"}\r\n0\r\n\r\n");
    assert_eq!(names(&last), ["POST /pay/order reply [t1,t9]"]);
    assert_eq!(last[0].points[0].outcome, Some(Outcome::Status(200)));
    assert_eq!(
        names(&feed(&mut http, Way::Reply, ANSWER)),
        ["POST /pay/order reply [t1]"]
    );
}

#[test]
fn an_answer_may_come_before_the_body_is_through() {
    let mut http = streaming();
    let head = b"POST /pay/order HTTP/1.1\r\nidempotency-key: t7\r\ncontent-length: 1000\r\n\r\n";
    assert_eq!(names(&feed(&mut http, Way::Request, head)), [""]);
    let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(
        names(&feed(&mut http, Way::Reply, answer)),
        ["POST /pay/order reply [t7]"]
    );
    let rest = feed(&mut http, Way::Request, &[b'x'; 1000]);
    assert_eq!(names(&rest), ["POST /pay/order request [t7]"]);
    feed(&mut http, Way::Request, b"GET /t HTTP/1.1\r\n\r\n");
    assert_eq!(names(&feed(&mut http, Way::Reply, ANSWER)), ["GET /t reply []"]);
    assert_eq!(http.unparsed_bytes(), 0);
}

#[test]
fn what_is_too_long_to_be_kept_is_counted_without_its_key() {
    let mut http = streaming();
    let size = 3 * WHOLE_BYTES_MAX;
    let head = format!("POST /big HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n");
    feed(&mut http, Way::Request, head.as_bytes());
    let mut frames = Vec::new();
    for _ in 0..3 {
        frames.extend(feed(&mut http, Way::Request, &[b'x'; WHOLE_BYTES_MAX]));
    }
    assert_eq!(names(&frames), ["", "", "POST /big request []"]);
    assert_eq!(frames[2].points[0].bytes, head.len() + size);
    let stats = http.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (0, 1));
}

#[test]
fn a_coded_body_carries_its_key_or_is_counted_without() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"{\"tx_no\":\"t1\"}").unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(b"{\"tx_no\":\"t1\"}").unwrap();
    let zlib = zlib.finish().unwrap();
    for (coding, body, key) in [
        ("gzip", &gzip, "t1"),
        ("deflate", &zlib, "t1"),
        ("br", &gzip, ""),
        ("gzip", &zlib, ""),
    ] {
        let head = format!(
            "POST /a HTTP/1.1\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut http = http();
        let frames = feed(&mut http, Way::Request, &[head.as_bytes(), body].concat());
        assert_eq!(names(&frames), [format!("POST /a request [{key}]")], "{coding}");
        let stats = http.terms.finder.stats()["tx"];
        assert_eq!((stats.found, stats.of), (u64::from(!key.is_empty()), 1), "{coding}");
    }
}

#[test]
fn http2_is_counted_to_its_last_byte() {
    let mut http = streaming();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    feed(&mut http, Way::Request, preface);
    feed(&mut http, Way::Reply, b"\0\0\0\x04\0\0\0\0\0");
    feed(&mut http, Way::Request, b"\0\0\x01\0");
    assert_eq!(http.unparsed_bytes(), preface.len() as u64 + 9 + 4);
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let body = proptest::collection::vec(any::<u8>(), 0..80);
    (any::<bool>(), body, "[a-z/]{1,8}").prop_map(|(chunked, body, path)| {
        let mut out = format!("POST /{path} HTTP/1.1\r\nhost: h\r\n").into_bytes();
        if chunked && !body.is_empty() {
            out.extend(format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len()).bytes());
            out.extend(&body);
            out.extend(b"\r\n0\r\n\r\n");
        } else {
            out.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
            out.extend(&body);
        }
        out
    })
}

/// Feeds in pieces of the given sizes (again from the first when they run out).
fn feed_pieces(bytes: &[u8], sizes: &[usize]) -> Vec<Frame> {
    let (mut http, mut buffer, mut out) = (http(), BytesMut::new(), Vec::new());
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = after;
        buffer.extend_from_slice(piece);
        http.frames(Way::Request, &mut buffer, &mut out);
    }
    out.push(Frame::plain(buffer.freeze(), FrameKind::Bytes));
    out
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(
        messages in proptest::collection::vec(message(), 1..5),
        sizes in proptest::collection::vec(1usize..50, 1..9),
    ) {
        let frames = feed_pieces(&messages.concat(), &sizes);
        let bytes: Vec<Vec<u8>> = frames.iter().map(|f| f.bytes.to_vec()).filter(|b| !b.is_empty()).collect();
        prop_assert_eq!(bytes, messages);
    }

    #[test]
    fn garbage_passes_unchanged(
        message in message(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        sizes in proptest::collection::vec(1usize..50, 1..9),
    ) {
        let mut bytes = [message.clone(), message].concat();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let out: Vec<u8> = feed_pieces(&bytes, &sizes).iter().flat_map(|f| f.bytes.to_vec()).collect();
        prop_assert_eq!(out, bytes);
    }
}

#[test]
fn a_request_is_refused_with_503_and_the_next_keeps_its_name() {
    let mut http = http();
    let query = b"GET /pay/payresult/t9 HTTP/1.1\r\n\r\n";
    let frames = feed(&mut http, Way::Request, &[ORDER, query].concat());
    assert!(
        http.refuse(&frames[1], Refusal::ServiceUnavailable).is_none(),
        "not before the first"
    );
    let refused = http.refuse(&frames[0], Refusal::ServiceUnavailable).unwrap();
    assert!(refused.instead.is_none());
    assert_eq!(
        names(std::slice::from_ref(&refused.answer)),
        [r#"POST /pay/order reply [t1]"#]
    );
    assert_eq!(refused.answer.did, [Deed::Answered(503)]);
    assert_eq!(
        refused.answer.bytes,
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 20\r\nconnection: \
         keep-alive\r\n\r\nService Unavailable\n"
    );
    assert!(http.refuse(&frames[0], Refusal::ServiceUnavailable).is_none(), "once");
    let frames = feed(&mut http, Way::Reply, ANSWER);
    assert_eq!(names(&frames), [r#"GET /pay/payresult/{tx} reply [t9]"#]);
}

#[test]
fn what_is_not_whole_or_no_request_is_not_refused() {
    let expects = b"POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    let mut http = self::http();
    let frames = feed(&mut http, Way::Request, expects);
    assert!(http.refuse(&frames[0], Refusal::ServiceUnavailable).is_none());
    for error in Refusal::ALL {
        let mut http = self::http();
        let frames = feed(&mut http, Way::Request, ORDER);
        assert_eq!(
            http.refuse(&frames[0], error).is_some(),
            error == Refusal::ServiceUnavailable
        );
        feed(&mut http, Way::Request, ORDER);
        let answer = feed(&mut http, Way::Reply, ANSWER);
        assert!(http.refuse(&answer[0], error).is_none());
    }
    let mut http = self::http();
    feed(&mut http, Way::Request, b"GET /s HTTP/1.1\r\n\r\n");
    let streamed = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab";
    feed(&mut http, Way::Reply, streamed);
    let frames = feed(&mut http, Way::Request, ORDER);
    assert!(
        http.refuse(&frames[0], Refusal::ServiceUnavailable).is_none(),
        "an answer is under way"
    );
}

#[test]
fn a_refusal_of_head_has_no_body() {
    let mut http = http();
    let frames = feed(&mut http, Way::Request, b"HEAD / HTTP/1.1\r\n\r\n");
    let refused = http.refuse(&frames[0], Refusal::ServiceUnavailable).unwrap();
    assert!(refused.answer.bytes.ends_with(b"\r\n\r\n"));
}

proptest! {
    /// Requests one after the other, some of them refused: what the client gets is answers that another session reads.
    #[test]
    fn answers_keep_their_names_behind_a_refusal(
        requests in proptest::collection::vec((message(), any::<bool>()), 1..9),
        burst in any::<bool>(),
    ) {
        let (mut http, mut client) = (http(), http());
        let mut frames = Vec::new();
        if burst {
            let all: Vec<u8> = requests.iter().flat_map(|(request, _)| request.clone()).collect();
            frames = feed(&mut http, Way::Request, &all);
        }
        for (at, (request, refused)) in requests.iter().enumerate() {
            let frame = if burst { frames[at].clone() } else { feed(&mut http, Way::Request, request).remove(0) };
            let asked = frame.points[0].label.name.replace(" request", " reply");
            let refusal = refused.then(|| http.refuse(&frame, Refusal::ServiceUnavailable));
            let answer = match refusal.flatten() {
                Some(refused) => {
                    prop_assert_eq!(&refused.answer.points[0].label.name, &asked);
                    refused.answer.bytes.to_vec()
                }
                None => {
                    prop_assert!(!refused, "each was the first that waited");
                    let answer = feed(&mut http, Way::Reply, ANSWER);
                    prop_assert_eq!(&answer[0].points[0].label.name, &asked);
                    ANSWER.to_vec()
                }
            };
            feed(&mut client, Way::Request, request);
            prop_assert_eq!(&feed(&mut client, Way::Reply, &answer)[0].points[0].label.name, &asked);
        }
        prop_assert_eq!(http.unparsed_bytes() + client.unparsed_bytes(), 0);
        prop_assert!(http.unanswered.is_empty());
    }
}

use super::*;

const SSL: u32 = 1 << 11;
const COMPRESS: u32 = 1 << 5;
const ZSTD: u32 = 1 << 26;

#[test]
fn encryption_and_compression_are_withheld_and_nothing_else() {
    let mut talk = Talk::new();
    let offered = PLAIN | DEPRECATE_EOF | SSL | COMPRESS | ZSTD;
    let frames = talk.server(&greeting(offered));
    assert_eq!(names(&frames), ["-"]);
    assert_eq!(bytes_of(&frames), greeting(PLAIN | DEPRECATE_EOF));
    let frames = talk.client(&login(PLAIN | DEPRECATE_EOF));
    assert_eq!(names(&frames), ["CONNECT request"]);
    assert_eq!(frames[0].points[0].bytes, frames[0].bytes.len());
    assert_eq!(names(&talk.server(&ok(2, AUTOCOMMIT))), ["CONNECT reply"]);
    let names = talk.exchange(&packet(0, b"\x0e"), &[ok(1, AUTOCOMMIT)]);
    assert_eq!(names, ["PING request", "PING reply"]);
}

fn tls_request(capabilities: u32) -> Vec<u8> {
    packet(1, &[&capabilities.to_le_bytes()[..], &[0; 28]].concat())
}

#[test]
fn tls_that_the_link_ends_is_offered_and_its_handshake_is_left_alone() {
    let mut talk = Talk::on(session(true));
    let frames = talk.server(&greeting(PLAIN | SSL | COMPRESS | ZSTD));
    assert_eq!(bytes_of(&frames), greeting(PLAIN | SSL));
    let hello = b"\x16\x03\x01\x02\x00hello";
    let frames = talk.client(&[&tls_request(PLAIN | SSL)[..], hello].concat());
    assert_eq!(
        (names(&frames), frames[0].kind),
        (vec!["-".to_owned()], FrameKind::StartTls)
    );
    assert_eq!(bytes_of(&frames), tls_request(PLAIN | SSL));
    assert_eq!(talk.buffers[0].split(), hello[..], "the handshake's");
    let mut second = login(PLAIN | SSL);
    second[3] = 2;
    assert_eq!(names(&talk.client(&second)), ["CONNECT request"]);
    assert_eq!(
        names(&talk.server(&packet(3, b"\x01\x04"))),
        ["-"],
        "the password is asked for"
    );
    assert_eq!(names(&talk.client(&packet(4, b"secret\0"))), ["-"]);
    assert_eq!(names(&talk.server(&ok(5, AUTOCOMMIT))), ["CONNECT reply"]);
    let names = talk.exchange(&query("SELECT 1 FROM t"), &[error(1, 1146)]);
    assert_eq!(names, ["SELECT t request", "SELECT t reply"]);
}

#[test]
fn a_client_need_not_take_the_tls_that_it_is_offered() {
    let mut talk = Talk::on(session(true));
    talk.server(&greeting(PLAIN | SSL));
    assert_eq!(names(&talk.client(&login(PLAIN))), ["CONNECT request"]);
    assert_eq!(names(&talk.server(&ok(2, AUTOCOMMIT))), ["CONNECT reply"]);
    assert_eq!(talk.session.unparsed_bytes(), 0);
}

#[test]
fn tls_that_the_server_does_not_offer_passes_as_bytes() {
    let mut talk = Talk::on(session(true));
    talk.server(&greeting(PLAIN));
    let frames = talk.client(&tls_request(PLAIN | SSL));
    assert_eq!(
        (bytes_of(&frames), frames[0].kind),
        (tls_request(PLAIN | SSL), FrameKind::Bytes)
    );
}

#[test]
fn questions_and_answers_of_a_login_pass_without_a_name() {
    let mut talk = Talk::new();
    talk.server(&greeting(PLAIN));
    talk.client(&login(PLAIN));
    let switch = packet(2, b"\xfecaching_sha2_password\0nonce");
    assert_eq!(names(&talk.server(&switch)), ["-"]);
    assert_eq!(names(&talk.client(&packet(3, b"hash"))), ["-"]);
    assert_eq!(names(&talk.server(&packet(4, b"\x01\x04"))), ["-"], "more data");
    assert_eq!(names(&talk.client(&packet(5, b"\x03not a query"))), ["-"]);
    assert_eq!(names(&talk.server(&ok(6, AUTOCOMMIT))), ["CONNECT reply"]);
    assert_eq!(names(&talk.client(&query("SELECT 1"))), ["SELECT request"]);
}

#[test]
fn a_server_may_turn_a_client_away() {
    let mut talk = Talk::new();
    let frames = talk.server(&packet(0, b"\xff\x10\x04Too many connections"));
    assert_eq!(names(&frames), ["CONNECT reply"]);
    let mut talk = Talk::new();
    talk.server(&greeting(PLAIN));
    talk.client(&login(PLAIN));
    assert_eq!(names(&talk.server(&error(2, 1045))), ["CONNECT reply"]);
    assert_eq!(talk.session.unparsed_bytes(), 0);
}

#[test]
fn what_cannot_be_read_passes_as_bytes_and_is_counted() {
    let ssl_request = tls_request(PLAIN | SSL);
    for unreadable in [
        &ssl_request[..],
        &login(PLAIN | COMPRESS),
        &login(PLAIN | ZSTD),
        &login(0),
    ] {
        let mut talk = Talk::new();
        talk.server(&greeting(PLAIN | COMPRESS | ZSTD));
        let tls = [unreadable, b"\x16\x03\x01\x02\x00"].concat();
        let frames = talk.client(&tls);
        assert_eq!(bytes_of(&frames), tls);
        assert!(frames.iter().all(|frame| frame.points.is_empty()));
        assert_eq!(bytes_of(&talk.server(b"\x16\x03")), b"\x16\x03");
        assert_eq!(talk.session.unparsed_bytes(), tls.len() as u64 + 2);
    }
}

#[test]
fn another_protocol_does_not_wait() {
    for foreign in [
        &b"SSH-2.0-OpenSSH"[..],
        b"HTTP/1.1 400",
        b"\x04\0\0\0\x09abc",
        b"\0\0\0\0",
        b"\x10\0\0\0\x0a8\0",
    ] {
        let mut talk = Talk::new();
        let whole = [foreign, &[0; 16]].concat();
        assert_eq!(bytes_of(&talk.server(&whole)), whole, "{foreign:?}");
    }
    let mut talk = Talk::new();
    assert_eq!(
        bytes_of(&talk.client(b"GET / HTTP/1.1")),
        b"GET / HTTP/1.1",
        "the server speaks first"
    );
}

#[test]
fn a_connection_may_change_its_user() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&prepare("SELECT 1"), &prepared(1, 1, 0));
    assert_eq!(
        names(&talk.client(&packet(0, b"\x11bob\0\x06secretdb\0"))),
        ["CHANGE USER request"]
    );
    assert_eq!(names(&talk.server(&packet(1, b"\xfeplugin\0nonce"))), ["-"]);
    assert_eq!(names(&talk.client(&packet(2, b"\x01hash"))), ["-"], "no command");
    assert_eq!(names(&talk.server(&ok(3, AUTOCOMMIT))), ["CHANGE USER reply"]);
    let names = talk.exchange(&execute(1, false, &[]), &[error(1, 1243)]);
    assert_eq!(
        names,
        ["EXECUTE STATEMENT request", "EXECUTE STATEMENT reply"],
        "it is gone"
    );
}

use super::*;

const MODES: [u32; 2] = [PLAIN, PLAIN | DEPRECATE_EOF];

/// What ends columns (nothing, where EOF packets are of the past) and what ends rows.
fn ends(mode: u32, sequence: u8, status: u16) -> (Vec<Vec<u8>>, Vec<u8>) {
    match mode & DEPRECATE_EOF {
        0 => (vec![eof(sequence, status)], eof(sequence, status)),
        _ => (Vec::new(), ok_end(sequence, status)),
    }
}

/// A result of two columns and some rows.
fn result(mode: u32, mut sequence: u8, rows: usize, status: u16) -> Vec<Vec<u8>> {
    let mut next = || {
        sequence = sequence.wrapping_add(1);
        sequence.wrapping_sub(1)
    };
    let mut out = vec![packet(next(), &[2]), column(next()), column(next())];
    if mode & DEPRECATE_EOF == 0 {
        out.push(eof(next(), AUTOCOMMIT));
    }
    out.extend((0..rows).map(|_| row(next(), b"some row")));
    out.push(ends(mode, next(), status).1);
    out
}

#[test]
fn a_result_is_one_frame_however_it_ends() {
    for mode in MODES {
        let mut talk = Talk::open(mode);
        for rows in [0, 1, 400] {
            let names = talk.exchange(&query("SELECT a FROM t"), &result(mode, 1, rows, AUTOCOMMIT));
            assert_eq!(names, ["SELECT t request", "SELECT t reply"]);
        }
        let binary: Vec<Vec<u8>> = result(mode, 1, 0, AUTOCOMMIT);
        let (columns, end) = binary.split_at(binary.len() - 1);
        let at = columns.len() as u8 + 1;
        let rows = [packet(at, b"\0\0\x01a"), packet(at + 1, &[0, 0, 0xfe, 0xff])];
        let end = [&end[0][..3], &[at + 2], &end[0][4..]].concat();
        let names = talk.exchange(&query("SELECT b"), &[columns, &rows, &[end]].concat());
        assert_eq!(names[1], "SELECT reply");
    }
}

#[test]
fn an_error_ends_a_reply_wherever_it_stands() {
    for mode in MODES {
        let whole = result(mode, 1, 3, AUTOCOMMIT);
        for before in 0..whole.len() {
            let mut talk = Talk::open(mode);
            let broken = [&whole[..before], &[error(before as u8 + 1, 1317)]].concat();
            talk.exchange(&query("SELECT a FROM t"), &broken);
            talk.exchange(&query("COMMIT"), &[ok(1, AUTOCOMMIT)]);
        }
    }
}

#[test]
fn several_results_are_one_reply() {
    for mode in MODES {
        let mut talk = Talk::open(mode);
        let mut reply = vec![ok(1, MORE_RESULTS)];
        reply.extend(result(mode, 2, 2, MORE_RESULTS));
        reply.push(ok(reply.len() as u8 + 1, AUTOCOMMIT));
        for before in 0..reply.len() - 1 {
            assert!(reply[..=before].concat().len() < reply.concat().len());
        }
        let asked = talk.client(&query("INSERT INTO t VALUES (1); SELECT 1; SET @a = 1"));
        assert_eq!(names(&asked), ["INSERT t request"]);
        let (last, before) = reply.split_last().unwrap();
        assert!(talk.server(&before.concat()).is_empty(), "not before its end");
        assert_eq!(names(&talk.server(last)), ["INSERT t reply"]);
        let failed = [ok(1, MORE_RESULTS), error(2, 1064)];
        assert_eq!(
            talk.exchange(&query("INSERT INTO t VALUES (1); NO"), &failed)[1],
            "INSERT t reply"
        );
    }
}

#[test]
fn statements_are_prepared_with_what_describes_them() {
    for (mode, columns, parameters) in [(0, 0, 0), (0, 1, 0), (0, 0, 2), (0, 3, 2), (1, 3, 2), (1, 0, 0)] {
        let mut talk = Talk::open(MODES[mode]);
        let mut reply = prepared(1, columns, parameters);
        if mode == 1 {
            reply.retain(|packet| packet[4] != 0xfe);
            (1..)
                .zip(&mut reply)
                .for_each(|(sequence, packet)| packet[3] = sequence);
        }
        let names = talk.exchange(&prepare("SELECT a FROM t WHERE b = ?"), &reply);
        assert_eq!(names, ["PREPARE SELECT t request", "PREPARE SELECT t reply"]);
        let names = talk.exchange(&execute(1, true, &[text("x")]), &result(MODES[mode], 1, 2, AUTOCOMMIT));
        assert_eq!(names, ["SELECT t request", "SELECT t reply"]);
    }
    let mut talk = Talk::open(PLAIN);
    let names = talk.exchange(&prepare("NO"), &[error(1, 1064)]);
    assert_eq!(names, ["PREPARE NO request", "PREPARE NO reply"]);
}

#[test]
fn a_cursor_gives_its_rows_when_they_are_fetched() {
    for mode in MODES {
        let mut talk = Talk::open(mode);
        let reply = match mode & DEPRECATE_EOF {
            0 => prepared(5, 1, 0),
            _ => vec![prepared(5, 1, 0)[0].clone(), column(2)],
        };
        talk.exchange(&prepare("SELECT a FROM t"), &reply);
        let opened = [packet(1, &[1]), column(2), ends(mode, 3, CURSOR_EXISTS).1];
        let names = talk.exchange(&about(0x17, 5, &[1, 1, 0, 0, 0]), &opened);
        assert_eq!(names, ["SELECT t request", "SELECT t reply"]);
        let fetched = [packet(1, b"\0\0\x01a"), ends(mode, 2, CURSOR_EXISTS).1];
        let names = talk.exchange(&about(0x1c, 5, &[1, 0, 0, 0]), &fetched);
        assert_eq!(names, ["FETCH SELECT t request", "FETCH SELECT t reply"]);
        let names = talk.exchange(&about(0x1a, 5, &[]), &[ok(1, AUTOCOMMIT)]);
        assert_eq!(names, ["RESET STATEMENT request", "RESET STATEMENT reply"]);
    }
}

#[test]
fn commands_without_a_reply_wait_for_none() {
    let mut talk = Talk::open(PLAIN);
    let insert = "INSERT INTO account_pay (id, note) VALUES (?, ?)";
    talk.exchange(&prepare(insert), &prepared(9, 0, 2));
    // As one write, the way sqlx does it.
    let long = about(0x18, 9, b"\x01\0a long note");
    let run = execute(9, true, &[text("t1"), Value(0xfc, Vec::new())]);
    let frames = talk.client(&[long, run, about(0x19, 9, &[])].concat());
    assert_eq!(
        names(&frames),
        [
            "SEND LONG DATA request",
            "INSERT account_pay request t1",
            "CLOSE STATEMENT request"
        ]
    );
    assert_eq!(names(&talk.server(&ok(1, AUTOCOMMIT))), ["INSERT account_pay reply t1"]);
    assert_eq!(names(&talk.client(&packet(0, b"\x01"))), ["QUIT request"]);
    assert!(talk.session.unanswered.is_empty());
}

#[test]
fn a_file_of_the_client_is_between_question_and_reply() {
    let mut talk = Talk::open(PLAIN);
    let asked = talk.client(&query("LOAD DATA LOCAL INFILE 'a.csv' INTO TABLE t"));
    assert_eq!(names(&asked), ["LOAD request"]);
    assert_eq!(
        names(&talk.server(&packet(1, b"\xfba.csv"))),
        ["-"],
        "the client must see it"
    );
    assert!(
        talk.client(&[packet(2, b"1,2\n"), packet(3, b"\x01,4\n")].concat())
            .is_empty()
    );
    assert_eq!(names(&talk.client(&packet(4, b""))), ["LOCAL INFILE request"]);
    assert_eq!(names(&talk.server(&ok(5, AUTOCOMMIT))), ["LOAD reply"]);
    talk.exchange(&packet(0, b"\x0e"), &[ok(1, AUTOCOMMIT)]);
}

#[test]
fn small_commands_have_one_packet_back() {
    let mut talk = Talk::open(PLAIN);
    let state = [&[0, 0, 0, 2, 0x40, 0, 0, 0][..], &[0x2a, 1], &[b'x'; 300]].concat();
    for (command, reply, name) in [
        (&b"\x02shop"[..], packet(1, &state), "USE"),
        (b"\x09", packet(1, b"Uptime: 1"), "STATISTICS"),
        (b"\x1b\0\0", eof(1, AUTOCOMMIT), "SET OPTION"),
        (b"\x1f", ok(1, AUTOCOMMIT), "RESET CONNECTION"),
        (b"\x0c\x01\0\0\0", ok(1, AUTOCOMMIT), "KILL"),
        (b"\x1d", error(1, 1047), "COMMAND 29"),
        (b"\xc8", error(1, 1047), "COMMAND 200"),
    ] {
        let names = talk.exchange(&packet(0, command), &[reply]);
        assert_eq!(names, [format!("{name} request"), format!("{name} reply")]);
    }
    let names = talk.exchange(&packet(0, b"\x04t\0"), &[column(1), column(2), eof(3, 0)]);
    assert_eq!(names, ["FIELD LIST request", "FIELD LIST reply"]);
}

#[test]
fn results_may_come_without_their_columns() {
    for mode in MODES.map(|mode| mode | OPTIONAL_METADATA) {
        let mut talk = Talk::open(mode);
        let (columns_end, _) = ends(mode, 2, AUTOCOMMIT);
        let at = columns_end.len() as u8 + 2;
        let rows = [row(at, b"x"), ends(mode, at + 1, AUTOCOMMIT).1];
        let bare = [&[packet(1, &[2, 0])][..], &columns_end, &rows].concat();
        talk.exchange(&query("SELECT a, b FROM t"), &bare);
        let full = [&[packet(1, &[1, 1]), column(2)][..], &ends(mode, 3, AUTOCOMMIT).0].concat();
        let at = full.len() as u8 + 1;
        talk.exchange(
            &query("SELECT a FROM t"),
            &[full, vec![ends(mode, at, AUTOCOMMIT).1]].concat(),
        );
        let bare = packet(1, &[0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
        talk.exchange(&prepare("SELECT a FROM t WHERE b = ?"), &[bare]);
    }
}

#[test]
fn an_error_that_nobody_asked_for_passes() {
    let mut talk = Talk::open(PLAIN);
    assert_eq!(names(&talk.server(&error(0, 4031))), ["-"]);
    assert_eq!(talk.session.unparsed_bytes(), 0);
    talk.client(&packet(0, b"\x0e"));
    assert_eq!(names(&talk.server(&error(0, 4031))), ["PING reply"], "out of its turn");
}

#[test]
fn what_breaks_the_rules_passes_as_bytes() {
    let wrong: [(&[u8], Vec<u8>); 6] = [
        (b"", ok(1, AUTOCOMMIT)),
        (b"\x0e", ok(2, AUTOCOMMIT)),
        (b"\x03SELECT 1", packet(1, b"")),
        (b"\x03SELECT 1", packet(1, b"\x02\x03")),
        (b"\x03SELECT 1", packet(1, b"\xfe\0\0\0\0\0\0\0\x01")),
        (b"\x16SELECT 1", packet(1, b"\0\x01\0")),
    ];
    for (command, reply) in wrong {
        let mut talk = Talk::open(PLAIN);
        if !command.is_empty() {
            talk.client(&packet(0, command));
        }
        let frames = talk.server(&reply);
        assert_eq!(
            (names(&frames), bytes_of(&frames)),
            (vec!["-".to_owned()], reply.clone()),
            "{reply:?}"
        );
        assert_eq!(talk.session.unparsed_bytes(), reply.len() as u64);
    }
    for command in [packet(1, b"\x0e"), packet(0, b""), packet(0, b"\x12\0\0\0\0")] {
        let mut talk = Talk::open(PLAIN);
        assert_eq!(bytes_of(&talk.client(&command)), command);
        assert_eq!(talk.session.unparsed_bytes(), command.len() as u64);
    }
}

#[test]
fn what_is_large_passes_in_pieces_and_its_point_is_on_the_last() {
    let mut talk = Talk::open(PLAIN);
    let note = "x".repeat(3 * COMMAND_BYTES);
    let insert = format!("INSERT INTO account_pay (id, note) VALUES ('t1', '{note}')");
    let command = query(&insert);
    let mut frames = Vec::new();
    for piece in command.chunks(10_000) {
        frames.extend(talk.client(piece));
        assert!(talk.buffers[0].len() <= COMMAND_BYTES + 10_000);
    }
    assert_eq!(names(&frames), ["-", "-", "-", "INSERT account_pay request t1"]);
    assert!(frames.iter().all(|frame| frame.kind == FrameKind::Bytes));
    assert_eq!(bytes_of(&frames), command);
    talk.server(&ok(1, AUTOCOMMIT));

    talk.client(&query("SELECT note FROM t"));
    let reply = result(PLAIN, 1, 20_000, AUTOCOMMIT).concat();
    let mut frames = Vec::new();
    for piece in reply.chunks(9_999) {
        frames.extend(talk.server(piece));
        assert!(talk.buffers[1].len() <= PIECE_BYTES + 9_999);
    }
    assert_eq!(names(&frames).last().unwrap(), "SELECT t reply");
    assert!(
        frames
            .iter()
            .rev()
            .skip(1)
            .all(|frame| frame.points.is_empty() && frame.bytes.len() == PIECE_BYTES)
    );
    assert_eq!(bytes_of(&frames), reply);
}

#[test]
fn a_packet_of_the_full_length_goes_on_in_the_next() {
    let mut talk = Talk::open(PLAIN);
    let full = |sequence: u8, first: u8| {
        let mut bytes = vec![0; packet::PACKET_BYTES_MAX + 4];
        bytes[..5].copy_from_slice(&[0xff, 0xff, 0xff, sequence, first]);
        bytes
    };
    let command = [&full(0, 0x03)[..], &packet(1, b"")].concat();
    let frames = talk.client(&command);
    assert_eq!(names(&frames).last().unwrap(), "QUERY request");
    assert_eq!(frames.iter().filter(|frame| !frame.points.is_empty()).count(), 1);
    // A row that begins like an end, and its continuation that begins like an error.
    let rows = [&full(5, 0xfe)[..], &packet(6, b"\xff\0\0"), &eof(7, AUTOCOMMIT)].concat();
    let mut reply = [packet(2, &[1]), column(3), eof(4, AUTOCOMMIT)].concat();
    reply.extend(rows);
    let frames = talk.server(&reply);
    assert_eq!(names(&frames).last().unwrap(), "QUERY reply");
    assert!(bytes_of(&frames) == reply);
    assert_eq!(talk.session.unparsed_bytes(), 0);
}

use proptest::prelude::*;

use super::*;

const BOTH: [Refusal; 2] = [Refusal::LockWaitTimeout, Refusal::Deadlock];

/// Refuses the frame that comes of a command.
fn refuse(talk: &mut Talk, command: &[u8], error: Refusal) -> Option<Refused> {
    let frames = talk.client(command);
    assert_eq!(frames.len(), 1);
    talk.session.refuse(&frames[0], error)
}

#[test]
fn a_statement_that_waited_too_long_is_not_passed_on() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&query("BEGIN"), &[ok(1, IN_TRANSACTION)]);
    let insert = query("INSERT INTO account_pay (id) VALUES ('t1')");
    let refused = refuse(&mut talk, &insert, Refusal::LockWaitTimeout).unwrap();
    let text = b"\xff\xb5\x04#HY000Lock wait timeout exceeded; try restarting transaction";
    assert_eq!(refused.answer.bytes, packet(1, text));
    assert_eq!(
        names(std::slice::from_ref(&refused.answer)),
        ["INSERT account_pay reply t1"]
    );
    assert_eq!(refused.answer.did, [Deed::Answered(1205)]);
    assert!(refused.instead.is_none());
    let commit = talk.exchange(&query("COMMIT"), &[ok(1, AUTOCOMMIT)]);
    assert_eq!(
        commit,
        ["COMMIT request t1", "COMMIT reply t1"],
        "the transaction goes on"
    );
}

#[test]
fn a_deadlock_undoes_the_transaction_for_real() {
    for (capabilities, expected) in [
        (PLAIN, &b"\x03ROLLBACK"[..]),
        (PLAIN | QUERY_ATTRIBUTES, b"\x03\0\x01ROLLBACK"),
    ] {
        let mut talk = Talk::open(capabilities);
        let (before, after) = match capabilities {
            PLAIN => (&b"\x03"[..], &b"UPDATE b SET a = 1"[..]),
            _ => (&b"\x03\0\x01"[..], &b"UPDATE b SET a = 1"[..]),
        };
        let update = packet(0, &[before, after].concat());
        let refused = refuse(&mut talk, &update, Refusal::Deadlock).unwrap();
        assert!(refused.answer.bytes[3..].starts_with(b"\x01\xff\xbd\x04#40001Deadlock found"));
        let instead = refused.instead.unwrap();
        assert_eq!(instead.bytes, packet(0, expected));
        assert_eq!(
            (names(std::slice::from_ref(&instead)), instead.asked),
            (vec!["ROLLBACK request".to_owned()], 0)
        );
        // The client tries again before the server has answered the link.
        assert_eq!(names(&talk.client(&update)), ["UPDATE b request"]);
        let frames = talk.server(&[ok(1, AUTOCOMMIT), ok(1, AUTOCOMMIT)].concat());
        assert_eq!(names(&frames), ["ROLLBACK reply", "UPDATE b reply"]);
        assert_eq!((frames[0].forward, frames[1].forward), (false, true));
    }
}

#[test]
fn only_what_may_wait_for_a_lock_is_refused() {
    for error in Refusal::ALL {
        for passed_on in [
            query("BEGIN"),
            query("COMMIT"),
            query("ROLLBACK"),
            query("SET autocommit=0"),
            query("SELECT 1"),
            prepare("SELECT a FROM t"),
            packet(0, b"\x0e"),
            about(0x17, 99, &[0, 1, 0, 0, 0]),
            about(0x19, 99, &[]),
            query(&format!("INSERT INTO t VALUES ('{}')", "x".repeat(COMMAND_BYTES))),
        ] {
            let mut talk = Talk::open(PLAIN);
            let frames = talk.client(&passed_on);
            assert!(
                talk.session.refuse(frames.last().unwrap(), error).is_none(),
                "{error} {frames:?}"
            );
        }
        let mut talk = Talk::open(PLAIN);
        let refused = refuse(&mut talk, &query("SELECT a FROM t"), error);
        assert_eq!(refused.is_some(), BOTH.contains(&error), "{error}");
    }
}

#[test]
fn an_answer_does_not_overtake_an_earlier_one() {
    let mut talk = Talk::open(PLAIN);
    let frames = talk.client(&[query("UPDATE a SET x = 1"), query("UPDATE b SET x = 1")].concat());
    assert!(talk.session.refuse(&frames[1], Refusal::LockWaitTimeout).is_none());
    assert!(talk.session.refuse(&frames[0], Refusal::LockWaitTimeout).is_some());
    assert!(
        talk.session.refuse(&frames[1], Refusal::LockWaitTimeout).is_some(),
        "now it is the first"
    );
    assert!(
        talk.session.refuse(&frames[1], Refusal::LockWaitTimeout).is_none(),
        "once"
    );
    assert!(talk.session.unanswered.is_empty());
}

#[test]
fn types_that_the_server_did_not_see_are_told_with_the_next_execution() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&prepare("UPDATE b SET a = ? WHERE c = ?"), &prepared(1, 0, 2));
    let run = |types: bool| execute(1, types, &[text("new"), text("t1")]);
    let done = [ok(1, AUTOCOMMIT)];
    for _ in 0..2 {
        assert!(refuse(&mut talk, &run(true), Refusal::LockWaitTimeout).is_some());
        assert!(refuse(&mut talk, &run(false), Refusal::LockWaitTimeout).is_some());
        let frames = talk.client(&run(false));
        assert_eq!(bytes_of(&frames), run(true));
        assert_eq!(names(&frames), ["UPDATE b request"]);
        talk.server(&done.concat());
        assert_eq!(bytes_of(&talk.client(&run(false))), run(false), "it knows them now");
        talk.server(&done.concat());
    }
}

#[test]
fn what_came_in_commands_of_its_own_is_not_left_behind() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&prepare("UPDATE b SET a = ?"), &prepared(1, 0, 1));
    talk.client(&about(0x18, 1, b"\0\0long"));
    let run = execute(1, true, &[Value(0xfc, Vec::new())]);
    assert!(refuse(&mut talk, &run, Refusal::LockWaitTimeout).is_none());
    talk.server(&ok(1, AUTOCOMMIT));
    talk.client(&about(0x18, 1, b"\0\0long"));
    talk.exchange(&about(0x1a, 1, &[]), &[ok(1, AUTOCOMMIT)]);
    assert!(
        refuse(&mut talk, &run, Refusal::LockWaitTimeout).is_some(),
        "it was reset"
    );
}

/// A statement, and its refusal if any.
fn step() -> impl Strategy<Value = (u8, Option<Refusal>)> {
    (0u8..5, proptest::option::of(proptest::sample::select(&BOTH[..])))
}

proptest! {
    /// What the client sees and what the server sees are each a conversation that another session reads.
    #[test]
    fn both_sides_stay_readable(
        steps in proptest::collection::vec(step(), 1..12),
        late in any::<bool>(),
    ) {
        let mut talk = Talk::open(PLAIN);
        let (mut before, mut behind) = (Talk::open(PLAIN), Talk::open(PLAIN));
        let prepare = prepare("INSERT INTO account_pay (id) VALUES (?)");
        for talk in [&mut talk, &mut before, &mut behind] {
            talk.exchange(&prepare, &prepared(1, 0, 1));
        }
        let mut swallowed = Vec::new();
        for (number, (statement, error)) in steps.into_iter().enumerate() {
            let (command, name) = match statement {
                0 => (query("BEGIN"), "BEGIN"),
                1 => (query("UPDATE b SET a = 1"), "UPDATE b"),
                2 => (execute(1, number % 3 == 0, &[text("t1")]), "INSERT account_pay"),
                3 => (query("SELECT a FROM c"), "SELECT c"),
                _ => (query("COMMIT"), "COMMIT"),
            };
            let reply_name = format!("{name} reply");
            let asked = talk.client(&command);
            before.client(&command);
            let refused = error.and_then(|error| talk.session.refuse(&asked[0], error));
            let answered = match refused {
                Some(Refused { answer, instead }) => {
                    if let Some(instead) = instead {
                        prop_assert_eq!(names(&behind.client(&instead.bytes)), ["ROLLBACK request"]);
                        behind.server(&ok(1, AUTOCOMMIT));
                        swallowed.push(ok(1, AUTOCOMMIT));
                    }
                    answer.bytes.to_vec()
                }
                None => {
                    prop_assert!(names(&behind.client(&asked[0].bytes))[0].starts_with(name));
                    let reply = ok(1, AUTOCOMMIT);
                    behind.server(&reply);
                    swallowed.push(reply.clone());
                    let frames = talk.server(&std::mem::take(&mut swallowed).concat());
                    let last = frames.last().unwrap();
                    prop_assert!(names(std::slice::from_ref(last))[0].starts_with(&reply_name));
                    prop_assert!(frames.iter().rev().skip(1).all(|frame| !frame.forward));
                    reply
                }
            };
            if !late {
                let frames = talk.server(&std::mem::take(&mut swallowed).concat());
                prop_assert!(frames.iter().all(|frame| !frame.forward));
            }
            prop_assert!(names(&before.server(&answered))[0].starts_with(&reply_name));
        }
        for talk in [talk, before, behind] {
            prop_assert_eq!(talk.session.unparsed_bytes(), 0);
            prop_assert!(talk.session.unanswered.iter().all(|asked| asked.own));
        }
    }
}

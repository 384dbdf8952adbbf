use proptest::prelude::*;

use super::*;

/// Something one party sends, and who.
type Turn = (Way, Vec<u8>);

/// A connection with a bit of everything.
fn conversation(capabilities: u32, exchanges: &[u8], long: usize) -> Vec<Turn> {
    let ask = |bytes: Vec<u8>| (Way::Request, bytes);
    let say = |packets: &[Vec<u8>]| (Way::Reply, packets.concat());
    let end = |sequence: u8, status: u16| match capabilities & DEPRECATE_EOF {
        0 => eof(sequence, status),
        _ => ok_end(sequence, status),
    };
    let old = capabilities & DEPRECATE_EOF == 0;
    let mut out = vec![
        say(&[greeting(capabilities)]),
        ask(login(capabilities)),
        say(&[packet(2, b"\xfeplugin\0nonce")]),
        ask(packet(3, b"hash")),
        say(&[ok(4, AUTOCOMMIT)]),
    ];
    for exchange in exchanges {
        let more: Vec<Turn> = match exchange {
            0 => vec![ask(query("BEGIN")), say(&[ok(1, IN_TRANSACTION)])],
            1 => vec![ask(query("COMMIT")), say(&[ok(1, AUTOCOMMIT)])],
            2 => {
                let sql = format!(
                    "INSERT INTO account_pay (id, note) VALUES ('t1', '{}')",
                    "x".repeat(long)
                );
                vec![ask(query(&sql)), say(&[error(1, 1062)])]
            }
            3 => {
                let mut reply = vec![packet(1, &[1]), column(2)];
                if old {
                    reply.push(eof(3, AUTOCOMMIT));
                }
                for _ in 0..1 + long / 200 {
                    reply.push(row((reply.len() + 1) as u8, &[b'y'; 200]));
                }
                reply.push(end((reply.len() + 1) as u8, MORE_RESULTS));
                reply.push(ok((reply.len() + 1) as u8, AUTOCOMMIT));
                vec![ask(query("SELECT y FROM t; SET @a = 1")), say(&reply)]
            }
            4 => {
                let mut reply = prepared(3, 0, 1);
                if !old {
                    reply.pop();
                }
                let run = [execute(3, true, &[text("t2")]), about(0x19, 3, &[])].concat();
                let sql = "INSERT INTO de_duplication (tx_no) VALUES (?)";
                vec![ask(prepare(sql)), say(&reply), ask(run), say(&[ok(1, AUTOCOMMIT)])]
            }
            _ => vec![
                ask(query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t")),
                say(&[packet(1, b"\xfbf")]),
                ask([packet(2, &vec![b'z'; long + 1]), packet(3, b"")].concat()),
                say(&[ok(4, AUTOCOMMIT)]),
            ],
        };
        out.extend(more);
    }
    out
}

/// Frames of a conversation: who sent it, what it is called, its bytes.
type Seen = Vec<(Way, String, Vec<u8>)>;

/// Feeds each turn in pieces of the given sizes (again from the first when they run out); what is left over comes last.
fn feed(turns: &[Turn], sizes: &[usize]) -> (Seen, u64) {
    let mut talk = Talk::new();
    let mut sizes = sizes.iter().cycle();
    let mut seen = Vec::new();
    for (way, bytes) in turns {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            rest = after;
            let frames = talk.feed(*way, piece);
            seen.extend(
                frames
                    .iter()
                    .map(|frame| (*way, names(std::slice::from_ref(frame)).concat(), frame.bytes.to_vec())),
            );
        }
    }
    for way in Way::BOTH {
        let left = talk.buffers[way as usize].to_vec();
        seen.extend((!left.is_empty()).then_some((way, "left over".to_owned(), left)));
    }
    (seen, talk.session.unparsed_bytes())
}

fn joined<'a>(way: Way, parts: impl IntoIterator<Item = (Way, &'a [u8])>) -> Vec<u8> {
    let of_way = parts.into_iter().filter(|(from, _)| *from == way);
    of_way.flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

fn unchanged(turns: &[Turn], seen: &Seen) -> Result<(), TestCaseError> {
    for way in Way::BOTH {
        let sent = joined(way, turns.iter().map(|(way, bytes)| (*way, &bytes[..])));
        let passed = joined(way, seen.iter().map(|(way, _, bytes)| (*way, &bytes[..])));
        prop_assert!(passed == sent, "{way:?}: bytes were changed");
    }
    Ok(())
}

fn capabilities() -> impl Strategy<Value = u32> {
    prop_oneof![Just(PLAIN), Just(PLAIN | DEPRECATE_EOF)]
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(
        capabilities in capabilities(),
        exchanges in proptest::collection::vec(0u8..6, 1..6),
        long in prop_oneof![Just(0usize), 60_000usize..200_000],
        sizes in prop_oneof![
            proptest::collection::vec(1usize..9, 1..9),
            proptest::collection::vec(1usize..40_000, 1..9),
        ],
    ) {
        let turns = conversation(capabilities, &exchanges, long);
        let (whole, unparsed) = feed(&turns, &[usize::MAX]);
        prop_assert_eq!(unparsed, 0);
        prop_assert!(whole.iter().all(|(_, name, _)| name != "left over"));
        unchanged(&turns, &whole)?;
        let (split, _) = feed(&turns, &sizes);
        prop_assert!(split == whole, "other frames");
    }

    #[test]
    fn damage_passes_unchanged(
        capabilities in capabilities(),
        exchanges in proptest::collection::vec(0u8..6, 1..6),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        sizes in proptest::collection::vec(1usize..90, 1..9),
    ) {
        let mut turns = conversation(capabilities, &exchanges, 30);
        for (turn, at, byte) in damage {
            let at_turn = turn.index(turns.len());
            if at_turn > 0 { // What a damaged greeting offers may be withheld.
                let bytes = &mut turns[at_turn].1;
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let (seen, _) = feed(&turns, &sizes);
        unchanged(&turns, &seen)?;
    }

    #[test]
    fn garbage_passes_unchanged(
        logged_in in any::<bool>(),
        garbage in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 1..300)), 1..6),
        sizes in proptest::collection::vec(1usize..90, 1..9),
    ) {
        let mut turns = if logged_in { conversation(PLAIN, &[], 0) } else { Vec::new() };
        turns.extend(garbage.into_iter().map(|(request, bytes)| (if request { Way::Request } else { Way::Reply }, bytes)));
        let (seen, _) = feed(&turns, &sizes);
        // What follows a greeting by chance may be one with bits to withhold.
        prop_assume!(logged_in || turns.iter().all(|(_, bytes)| bytes[3.min(bytes.len() - 1)] != 0));
        unchanged(&turns, &seen)?;
    }
}

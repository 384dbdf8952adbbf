//! Each anomaly of a log, planted into a valid history.

use paytwice_checkers::queues::log::{Event, Log, Message, Options, Outcome};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

use super::{Op, What, check, message, valid};
use crate::harness::kinds;

fn send(process: u32, list: &[(u32, u64)]) -> Op {
    let sent = list
        .iter()
        .map(|(id, offset)| Message {
            id: *id,
            key: 9,
            offset: Some(*offset),
        })
        .collect();
    Op {
        process,
        took: 0,
        what: What::Txn {
            outcome: Outcome::Ok,
            sent,
            polled: None,
            rebalanced: vec![],
        },
    }
}

fn poll(process: u32, list: &[(u32, u64)]) -> Op {
    let polled = list
        .iter()
        .map(|(id, offset)| Message {
            id: *id,
            key: 9,
            offset: Some(*offset),
        })
        .collect();
    Op {
        process,
        took: 0,
        what: What::Txn {
            outcome: Outcome::Ok,
            sent: vec![],
            polled: Some(polled),
            rebalanced: vec![],
        },
    }
}

/// The same operation, ended another way.
fn ended(mut op: Op, as_what: Outcome) -> Op {
    if let What::Txn { outcome, .. } = &mut op.what {
        *outcome = as_what;
    }
    op
}

fn after_valid(plant: &[Op], options: Options) -> CheckerResult {
    let steps = [(0, 0, 0, 2), (1, 2, 1, 1), (0, 1, 0, 1), (2, 3, 0, 2)];
    check(&[&valid(&steps), plant].concat(), options, |id| id)
}

#[test]
fn each_anomaly_alone_is_that_anomaly() {
    let away = |process| Op {
        process,
        took: 0,
        what: What::Assign(vec![]),
    };
    let both = |process: u32, sent: &[(u32, u64)], polled: &[(u32, u64)]| {
        let (What::Txn { sent, .. }, What::Txn { polled, .. }) = (send(0, sent).what, poll(0, polled).what) else {
            unreachable!()
        };
        Op {
            process,
            took: 0,
            what: What::Txn {
                outcome: Outcome::Ok,
                sent,
                polled,
                rebalanced: vec![],
            },
        }
    };
    let plants: [(&str, Vec<Op>); 14] = [
        ("lost-write", vec![send(0, &[(50, 0), (51, 1)]), poll(1, &[(51, 1)])]),
        ("duplicate", vec![send(0, &[(50, 0)]), poll(1, &[(50, 0), (50, 1)])]),
        (
            "inconsistent-offsets",
            vec![
                send(0, &[(50, 0)]),
                send(1, &[(51, 0)]),
                poll(0, &[(50, 0)]),
                poll(1, &[(51, 0)]),
            ],
        ),
        ("unseen", vec![send(0, &[(50, 0)])]),
        (
            "nonmonotonic-send",
            vec![send(0, &[(50, 1)]), send(0, &[(51, 0)]), poll(1, &[(51, 0), (50, 1)])],
        ),
        (
            "int-nonmonotonic-send",
            vec![send(0, &[(50, 1), (51, 0)]), poll(1, &[(51, 0), (50, 1)])],
        ),
        (
            "nonmonotonic-poll",
            vec![
                send(0, &[(50, 0), (51, 1)]),
                poll(1, &[(50, 0), (51, 1)]),
                poll(1, &[(51, 1)]),
            ],
        ),
        (
            "int-nonmonotonic-poll",
            vec![send(0, &[(50, 0), (51, 1)]), poll(1, &[(51, 1), (50, 0)])],
        ),
        (
            "poll-skip",
            vec![
                send(0, &[(50, 0), (51, 1), (52, 2)]),
                poll(1, &[(50, 0)]),
                poll(1, &[(52, 2)]),
                poll(2, &[(51, 1)]),
            ],
        ),
        (
            "int-poll-skip",
            vec![
                send(0, &[(50, 0), (51, 1), (52, 2)]),
                poll(1, &[(50, 0), (52, 2)]),
                poll(2, &[(51, 1)]),
            ],
        ),
        (
            "G1a",
            vec![ended(send(0, &[(50, 0)]), Outcome::Fail), poll(1, &[(50, 0)])],
        ),
        ("precommitted-read", vec![both(0, &[(50, 0)], &[(50, 0)])]),
        ("unexpected", vec![poll(1, &[(50, 0)])]),
        (
            "lost-write",
            vec![
                ended(send(0, &[(50, 0), (51, 1)]), Outcome::Info),
                away(1),
                poll(1, &[(51, 1)]),
            ],
        ),
    ];
    for (kind, plant) in plants {
        let found = after_valid(&plant, Options::default());
        assert_eq!(kinds(&found), [kind], "{found:?}");
        assert!(!found.anomalies[0].witness.is_empty() && found.anomalies[0].sentence.len() > 20);
    }
}

#[test]
fn subscribers_may_jump_between_operations_and_not_within() {
    let sent = send(0, &[(50, 0), (51, 1), (52, 2)]);
    let between = [
        sent.clone(),
        poll(1, &[(50, 0)]),
        poll(1, &[(52, 2)]),
        poll(1, &[(51, 1)]),
    ];
    let subscribe = Options {
        subscribe: true,
        ..Options::default()
    };
    let result = after_valid(&between, subscribe);
    assert_eq!(
        (
            result.verdict,
            result.counts["poll-skip"],
            result.counts["nonmonotonic-poll"]
        ),
        (Verdict::Valid, 1, 1)
    );
    let within = [sent, poll(1, &[(50, 0), (52, 2), (51, 1)])];
    assert_eq!(
        kinds(&after_valid(&within, subscribe)),
        ["int-nonmonotonic-poll", "int-poll-skip"]
    );
}

#[test]
fn an_assignment_forgets_what_it_leaves_out() {
    let sent = send(0, &[(50, 0), (51, 1)]);
    let read = || poll(1, &[(50, 0), (51, 1)]);
    for what in [What::Assign(vec![]), What::Subscribe(vec![0])] {
        let again = [
            sent.clone(),
            read(),
            Op {
                process: 1,
                took: 0,
                what,
            },
            read(),
        ];
        assert_eq!(after_valid(&again, Options::default()).verdict, Verdict::Valid);
    }
    for what in [What::Assign(vec![0, 9]), What::Subscribe(vec![9])] {
        let again = [
            sent.clone(),
            read(),
            Op {
                process: 1,
                took: 0,
                what,
            },
            read(),
        ];
        assert_eq!(kinds(&after_valid(&again, Options::default())), ["nonmonotonic-poll"]);
    }
}

#[test]
fn an_info_send_is_proven_by_a_read_of_its_operation() {
    let info = ended(send(0, &[(50, 0), (51, 1)]), Outcome::Info);
    assert_eq!(
        after_valid(std::slice::from_ref(&info), Options::default()).verdict,
        Verdict::Valid
    );
    assert_eq!(
        kinds(&after_valid(&[info, poll(1, &[(51, 1)])], Options::default())),
        ["lost-write"]
    );
}

#[test]
fn offsets_far_apart_are_one_log() {
    let far = 1_u64 << 40;
    let sent = send(0, &[(50, far), (51, far + 1), (52, 3 * far), (53, 3 * far + 1)]);
    let all = poll(1, &[(50, far), (51, far + 1), (52, 3 * far), (53, 3 * far + 1)]);
    assert_eq!(
        after_valid(&[sent.clone(), all.clone()], Options::default()).verdict,
        Verdict::Valid
    );
    let below = [send(2, &[(49, 5)]), sent.clone(), poll(2, &[(49, 5)]), all];
    assert_eq!(after_valid(&below, Options::default()).verdict, Verdict::Valid);
    let skips = [
        sent,
        poll(1, &[(50, far), (53, 3 * far + 1)]),
        poll(2, &[(51, far + 1), (52, 3 * far)]),
    ];
    assert_eq!(kinds(&after_valid(&skips, Options::default())), ["int-poll-skip"]);
    let crowded = [
        send(0, &[(50, 0), (51, far)]),
        send(1, &[(52, far)]),
        poll(1, &[(50, 0)]),
        poll(2, &[(51, far)]),
        poll(0, &[(52, far)]),
    ];
    let crowded = after_valid(
        &crowded,
        Options {
            subscribe: true,
            undrained: false,
        },
    );
    assert_eq!(kinds(&crowded), ["inconsistent-offsets"]);
    assert_eq!(
        crowded.anomalies[0].sentence,
        format!("offset {far} of key 9 holds messages 51 and 52")
    );
}

#[test]
fn sentences_name_message_key_and_offset() {
    let result = after_valid(&[send(0, &[(50, 0), (51, 1)]), poll(1, &[(51, 1)])], Options::default());
    let sentence = "message 50 of key 9 at offset 0 was committed and never read, though 51 after it was";
    assert_eq!(
        (
            result.anomalies[0].sentence.as_str(),
            result.anomalies[0].subject.as_str()
        ),
        (sentence, "50")
    );
    let duplicate = after_valid(&[send(0, &[(50, 0)]), poll(1, &[(50, 0), (50, 1)])], Options::default());
    assert_eq!(
        duplicate.anomalies[0].sentence,
        "message 50 of key 9 at offset 0 is at 2 offsets, from 0 to 1"
    );
}

#[test]
fn of_several_sends_of_a_message_the_most_certain_counts() {
    let sent = [message(0, None)];
    let ends = |outcome| Event::Ended {
        process: 0,
        outcome,
        sent: &sent,
        polled: None,
        rebalanced: &[],
    };
    let polled = [message(0, Some(0))];
    let read = Event::Ended {
        process: 1,
        outcome: Outcome::Ok,
        sent: &[],
        polled: Some(&polled),
        rebalanced: &[],
    };
    let kinds = |outcomes: &[Outcome]| {
        let mut log = Log::new(Options::default());
        let invoked = Event::Invoked {
            process: 0,
            sends: &[0],
        };
        let events = outcomes
            .iter()
            .flat_map(|outcome| [invoked, ends(*outcome)])
            .chain([read]);
        for (index, event) in (0..).zip(events) {
            log.push(At { index, time: 0 }, event);
        }
        let anomalies = log.finish().anomalies;
        anomalies.into_iter().map(|a| a.kind).collect::<Vec<_>>()
    };
    use Outcome::{Fail, Info, Ok};
    for may in [&[Info, Fail][..], &[Fail, Info], &[Ok, Fail], &[Fail, Ok], &[Ok, Info]] {
        assert_eq!(kinds(may), [""; 0], "{may:?}");
    }
    assert_eq!(kinds(&[Fail, Fail]), ["G1a"]);
}

#[test]
fn operations_beyond_four_billion_are_not_taken_for_one() {
    let (proven, open) = ([message(0, Some(5))], [message(2, Some(1))]);
    let ended = |process, outcome, sent, polled| Event::Ended {
        process,
        outcome,
        sent,
        polled,
        rebalanced: &[],
    };
    let events = [
        ended(0, Outcome::Info, &proven[..], None),
        ended(1, Outcome::Info, &open[..], None),
        ended(2, Outcome::Ok, &[][..], Some(&proven[..])),
    ];
    for first in [0, 1 << 33] {
        let mut log = Log::new(Options::default());
        for (index, event) in (first..).zip(events) {
            log.push(At { index, time: 0 }, event);
        }
        assert_eq!(log.finish().verdict, Verdict::Valid, "{first}");
    }
}

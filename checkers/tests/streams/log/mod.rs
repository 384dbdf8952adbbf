//! Logs against lists over their whole history, and logs that are valid by construction.

mod plants;
mod reference;

use paytwice_checkers::queues::log::{Event, Log, Message, Options, Outcome};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, outcome};
use reference::Reference;

/// An operation that ended, or an assignment.
#[derive(Clone, Debug)]
struct Op {
    process: u32,
    /// How many operations ended between its invocation and its end.
    took: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Txn {
        outcome: Outcome,
        sent: Vec<Message>,
        polled: Option<Vec<Message>>,
        rebalanced: Vec<u32>,
    },
    Assign(Vec<u32>),
    Subscribe(Vec<u32>),
}

const STEP_NS: u64 = 1_000;

/// Messages belong to the key of their parity; offsets are any.
fn message(id: u32, offset: Option<u64>) -> Message {
    Message {
        id,
        key: id % 2,
        offset,
    }
}

fn messages(ids: std::ops::Range<u32>, max: usize) -> impl Strategy<Value = Vec<Message>> {
    let offset = prop_oneof![6 => (0_u64..7).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((ids, offset).prop_map(|(id, offset)| message(id, offset)), 0..max)
}

/// Random operations; every message is sent once at most, whatever is polled.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let outcome = prop_oneof![6 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 2 => Just(Outcome::Info)];
    let polled = prop_oneof![4 => messages(0..10, 5).prop_map(Some), 1 => Just(None)];
    let rebalanced = prop_oneof![5 => Just(vec![]), 1 => Just(vec![0])];
    let txn =
        (outcome, messages(0..8, 4), polled, rebalanced).prop_map(|(outcome, sent, polled, rebalanced)| What::Txn {
            outcome,
            sent,
            polled,
            rebalanced,
        });
    let keys = prop::collection::vec(0_u32..2, 0..3);
    let what = prop_oneof![
        8 => txn,
        1 => keys.clone().prop_map(What::Assign),
        1 => keys.prop_map(What::Subscribe),
    ];
    let op = (0_u32..2, 0_usize..3, what).prop_map(|(process, took, what)| Op { process, took, what });
    prop::collection::vec(op, 0..9).prop_map(|mut ops| {
        let mut seen = Vec::new();
        for op in &mut ops {
            if let What::Txn { sent, .. } = &mut op.what {
                sent.retain(|message| {
                    !seen.contains(&message.id) && {
                        seen.push(message.id);
                        true
                    }
                });
            }
        }
        ops
    })
}

fn check(ops: &[Op], options: Options, name: fn(u32) -> u32) -> CheckerResult {
    let mut log = Log::new(options);
    let named = |list: &[Message]| -> Vec<Message> {
        list.iter()
            .map(|m| Message {
                id: name(m.id),
                key: name(m.key),
                ..*m
            })
            .collect()
    };
    for (at, op) in ops.iter().enumerate() {
        let index = 2 * at as u64;
        let process = name(op.process);
        match &op.what {
            What::Txn {
                outcome,
                sent,
                polled,
                rebalanced,
            } => {
                let invoked = At {
                    index,
                    time: at.saturating_sub(op.took) as u64 * STEP_NS,
                };
                let (sent, polled) = (named(sent), polled.as_deref().map(named));
                let rebalanced: Vec<u32> = rebalanced.iter().map(|key| name(*key)).collect();
                let sends: Vec<u32> = sent.iter().map(|m| m.id).collect();
                log.push(invoked, Event::Invoked { process, sends: &sends });
                let ended = At {
                    index: index + 1,
                    time: at as u64 * STEP_NS,
                };
                let polled = polled.as_deref();
                let event = Event::Ended {
                    process,
                    outcome: *outcome,
                    sent: &sent,
                    polled,
                    rebalanced: &rebalanced,
                };
                log.push(ended, event);
            }
            What::Assign(keys) | What::Subscribe(keys) => {
                let keys: Vec<u32> = keys.iter().map(|key| name(*key)).collect();
                let keys = keys.as_slice();
                let assigns = matches!(op.what, What::Assign(_));
                let event = if assigns {
                    Event::Assigned { process, keys }
                } else {
                    Event::Subscribed { process, keys }
                };
                log.push(
                    At {
                        index,
                        time: at as u64 * STEP_NS,
                    },
                    event,
                );
            }
        }
    }
    log.finish()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_lists(ops in ops(), subscribe: bool, undrained: bool) {
        let options = Options { subscribe, undrained };
        let result = check(&ops, options, |id| id);
        let reference = Reference::of(&ops);
        let count = |kind: &str| reference.wrong.get(kind).copied().unwrap_or(0);
        let allowed = |kind: &str| {
            kind == "int-send-skip"
                || kind == "unseen" && undrained
                || subscribe && (kind == "poll-skip" || kind == "nonmonotonic-poll")
        };
        let read = (0..10).any(|id| reference.was_read(id));
        let wrong: Vec<(&str, u64)> = reference.wrong.iter().map(|(k, n)| (*k, *n)).filter(|(k, _)| !allowed(k)).collect();
        let (verdict, mut found) = outcome(&result);
        // The count of unseen holds the lost ones that were acknowledged, as in Jepsen.
        if let Some(unseen) = found.get_mut("unseen") {
            *unseen = result.anomalies.iter().filter(|a| a.kind == "unseen").count() as u64;
        }
        prop_assert_eq!((verdict, found), expected(read, &wrong));
        for kind in ["int-send-skip", "poll-skip", "nonmonotonic-poll"] {
            prop_assert_eq!(result.counts[kind], count(kind), "{}", kind);
        }
        let unread = |id: &u32| reference.txns().any(|t| t.2 == Outcome::Ok && t.3.iter().any(|m| m.id == *id)) && !reference.was_read(*id);
        prop_assert_eq!(result.counts["unseen"], (0..10).filter(unread).count() as u64);
        prop_assert_eq!(result.counts["worst-realtime-lag-us"], reference.worst_lag_us());
    }

    #[test]
    fn names_of_messages_keys_and_processes_do_not_matter(ops in ops()) {
        let result = check(&ops, Options::default(), |id| id);
        prop_assert_eq!(outcome(&check(&ops, Options::default(), |id| (id * 7 + 3) % 11)), outcome(&result));
    }

    #[test]
    fn a_log_read_to_its_end_is_valid(steps in prop::collection::vec((0_u32..3, 0_u8..5, 0_u32..2, 1_u32..4), 0..24)) {
        prop_assert_eq!(check(&valid(&steps), Options::default(), |id| id).verdict, Verdict::Valid);
    }
}

/// Producers and consumers of two logs, whose transactions leave a gap for their marker; drained in the end.
fn valid(steps: &[(u32, u8, u32, u32)]) -> Vec<Op> {
    let mut logs: [Vec<Message>; 2] = [Vec::new(), Vec::new()];
    let mut ends = [0_u64; 2];
    let mut read = [[0_usize; 2]; 3];
    let mut next = [0_u32, 1];
    let mut ops = Vec::new();
    let drain = (0..2).map(|key| (2, 4, key, u32::MAX));
    let sends = (0..2).map(|key| (0, 0, key, 1));
    for (process, what, key, count) in sends.chain(steps.iter().copied()).chain(drain) {
        let log = &mut logs[key as usize];
        let end = &mut ends[key as usize];
        let mut sent = Vec::new();
        let mut polled = None;
        let outcome = [Outcome::Ok, Outcome::Fail, Outcome::Info, Outcome::Ok, Outcome::Ok][usize::from(what)];
        if what < 3 {
            for _ in 0..count {
                let id = next[key as usize];
                next[key as usize] += 2;
                // What failed takes its offset, and nobody sees it; what ended info is there, but not known where.
                let offset = Some(*end).filter(|_| outcome == Outcome::Ok);
                sent.push(Message { id, key, offset });
                if outcome != Outcome::Fail {
                    log.push(Message {
                        id,
                        key,
                        offset: Some(*end),
                    });
                }
                *end += 1;
            }
            *end += 1;
        } else {
            let from = &mut read[process as usize][key as usize];
            let upto = log.len().min(from.saturating_add(count as usize));
            polled = Some(log[*from..upto].to_vec());
            *from = upto;
        }
        ops.push(Op {
            process,
            took: 0,
            what: What::Txn {
                outcome,
                sent,
                polled,
                rebalanced: Vec::new(),
            },
        });
    }
    ops
}

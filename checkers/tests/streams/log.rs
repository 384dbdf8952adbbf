use std::collections::BTreeMap;

use paytwice_checkers::queues::log::{Event, Log, Message, Options, Outcome};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;

use crate::harness::{config, expected, kinds, outcome};

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

/// Position, process, outcome, sent, polled, rebalanced.
type Txn<'a> = (usize, u32, Outcome, &'a [Message], Option<&'a [Message]>, &'a [u32]);

/// The whole history at once, with lists.
struct Reference<'a> {
    ops: &'a [Op],
    /// What is known to be where: key, offset, message; in the order in which it became known.
    entries: Vec<(u32, u64, u32)>,
    wrong: BTreeMap<&'static str, u64>,
}

impl<'a> Reference<'a> {
    fn txns(&self) -> impl Iterator<Item = Txn<'a>> + use<'a> {
        self.ops.iter().enumerate().filter_map(|(at, op)| match &op.what {
            What::Txn {
                outcome,
                sent,
                polled,
                rebalanced,
            } => Some((
                at,
                op.process,
                *outcome,
                sent.as_slice(),
                polled.as_deref(),
                rebalanced.as_slice(),
            )),
            _ => None,
        })
    }

    fn was_read(&self, id: u32) -> bool {
        self.txns()
            .any(|t| t.2 == Outcome::Ok && t.4.unwrap_or_default().iter().any(|m| m.id == id))
    }

    fn was_committed(&self, outcome: Outcome, sent: &[Message]) -> bool {
        outcome == Outcome::Ok || outcome == Outcome::Info && sent.iter().any(|m| self.was_read(m.id))
    }

    fn add(&mut self, kind: &'static str, times: usize) {
        *self.wrong.entry(kind).or_default() += times as u64;
    }

    fn of(ops: &'a [Op]) -> Reference<'a> {
        let mut reference = Reference {
            ops,
            entries: Vec::new(),
            wrong: BTreeMap::new(),
        };
        let mut late = Vec::new();
        let mut entries = Vec::new();
        for (_, _, outcome, sent, polled, _) in reference.txns() {
            let place = |m: &Message| m.offset.map(|offset| (m.key, offset, m.id));
            match outcome {
                Outcome::Ok => entries.extend(sent.iter().filter_map(place)),
                _ if reference.was_committed(outcome, sent) => late.extend(sent.iter().filter_map(place)),
                _ => {}
            }
            entries.extend(polled.unwrap_or_default().iter().filter_map(place));
        }
        entries.extend(late);
        reference.entries = entries;
        reference.offsets();
        reference.fates();
        reference.sends();
        reference.polls();
        reference
    }

    fn places(&self, id: u32) -> Vec<u64> {
        let mut places = Vec::new();
        for (_, offset, _) in self.entries.iter().filter(|e| e.2 == id) {
            if !places.contains(offset) {
                places.push(*offset);
            }
        }
        places
    }

    fn between(&self, key: u32, from: u64, to: u64) -> bool {
        self.entries
            .iter()
            .any(|(k, offset, _)| *k == key && from < *offset && *offset < to)
    }

    fn offsets(&mut self) {
        self.add("duplicate", (0..10).filter(|id| self.places(*id).len() > 1).count());
        let holds = |key, offset| {
            let mut ids: Vec<u32> = self
                .entries
                .iter()
                .filter(|e| e.0 == key && e.1 == offset)
                .map(|e| e.2)
                .collect();
            ids.sort_unstable();
            ids.dedup();
            ids.len()
        };
        let crowded = (0..2).flat_map(|key| (0..7).map(move |offset| (key, offset)));
        let crowded = crowded.filter(|(key, offset)| holds(*key, *offset) > 1).count();
        self.add("inconsistent-offsets", crowded);
    }

    fn fates(&mut self) {
        for id in 0..10 {
            let writer = self.txns().find(|t| t.3.iter().any(|m| m.id == id));
            let polled = self.txns().any(|t| t.4.unwrap_or_default().iter().any(|m| m.id == id));
            let Some((_, _, outcome, sent, _, _)) = writer else {
                self.add("unexpected", usize::from(polled));
                continue;
            };
            let read = self.was_read(id);
            self.add("G1a", usize::from(read && outcome == Outcome::Fail));
            let bound = (0..10).filter(|r| r % 2 == id % 2 && self.was_read(*r));
            let bound = bound.filter_map(|r| self.places(r).into_iter().min()).max();
            let passed = self
                .places(id)
                .into_iter()
                .max()
                .is_some_and(|last| Some(last) <= bound);
            if !read && passed && self.was_committed(outcome, sent) {
                self.add("lost-write", 1);
            } else if !read && outcome == Outcome::Ok {
                self.add("unseen", 1);
            }
        }
        for (_, _, _, sent, polled, _) in self.txns() {
            let own = polled
                .unwrap_or_default()
                .iter()
                .filter(|m| sent.iter().any(|s| s.id == m.id))
                .count();
            self.add("precommitted-read", own);
        }
    }

    /// Whether a process kept its place in a key between two operations.
    fn kept(&self, process: u32, key: u32, from: usize, to: usize) -> bool {
        self.ops[from..to]
            .iter()
            .filter(|op| op.process == process)
            .all(|op| match &op.what {
                What::Assign(keys) | What::Subscribe(keys) => keys.contains(&key),
                What::Txn { .. } => true,
            })
    }

    fn sends(&mut self) {
        for (process, key) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let ops = self.txns().filter(|t| t.1 == process && t.2 != Outcome::Fail);
            let sent: Vec<(usize, u32)> = ops
                .flat_map(|t| t.3.iter().filter(|m| m.key == key).map(move |m| (t.0, m.id)))
                .collect();
            for pair in sent.windows(2) {
                let [(op, id), (next_op, next)] = [pair[0], pair[1]];
                let (Some(a), Some(b)) = (self.places(id).first().copied(), self.places(next).first().copied()) else {
                    continue;
                };
                if !self.kept(process, key, op, next_op) {
                    continue;
                }
                let kind = if op == next_op {
                    "int-nonmonotonic-send"
                } else {
                    "nonmonotonic-send"
                };
                self.add(kind, usize::from(b <= a));
                self.add("int-send-skip", usize::from(op == next_op && self.between(key, a, b)));
            }
        }
    }

    fn polls(&mut self) {
        for (process, key) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut last: Option<(usize, Message)> = None;
            let txns: Vec<_> = self.txns().filter(|t| t.1 == process).collect();
            for (at, _, outcome, _, polled, rebalanced) in txns {
                let polled: Vec<Message> = polled
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .filter(|m| m.key == key)
                    .collect();
                let Some(first) = polled.first() else { continue };
                if let Some((op, before)) = last
                    && self.kept(process, key, op, at)
                {
                    self.pair(before, *first, ["nonmonotonic-poll", "poll-skip"]);
                }
                for pair in polled.windows(2).filter(|_| !rebalanced.contains(&key)) {
                    self.pair(pair[0], pair[1], ["int-nonmonotonic-poll", "int-poll-skip"]);
                }
                if outcome == Outcome::Ok {
                    last = polled.last().map(|m| (at, *m));
                }
            }
        }
    }

    fn pair(&mut self, a: Message, b: Message, [backwards, skip]: [&'static str; 2]) {
        if let (Some(from), Some(to)) = (a.offset, b.offset) {
            self.add(backwards, usize::from(to <= from));
            self.add(skip, usize::from(self.between(a.key, from, to)));
        }
    }

    /// The longest lag, from a table of when each offset was first known to exist.
    fn worst_lag_us(&self) -> u64 {
        let known = |key: u32, offset: u64| {
            let reaches = |t: &Txn<'_>| {
                let all = t.3.iter().chain(t.4.unwrap_or_default());
                t.2 != Outcome::Fail && all.into_iter().any(|m| m.key == key && m.offset >= Some(offset))
            };
            self.txns().filter(reaches).map(|t| t.0 as u64).min()
        };
        let mut worst = 0;
        for process in 0..2 {
            let mut next: BTreeMap<u32, u64> = BTreeMap::new();
            for (at, op) in self.ops.iter().enumerate().filter(|(_, op)| op.process == process) {
                match &op.what {
                    What::Subscribe(_) => next.clear(),
                    What::Assign(keys) => {
                        next = keys
                            .iter()
                            .map(|key| (*key, next.get(key).copied().unwrap_or(0)))
                            .collect();
                    }
                    What::Txn {
                        outcome: Outcome::Ok,
                        sent,
                        polled,
                        ..
                    } => {
                        for m in sent.iter().chain(polled.as_deref().unwrap_or_default()) {
                            if let Some(offset) = m.offset {
                                let next = next.entry(m.key).or_default();
                                *next = (*next).max(offset + 1);
                            }
                        }
                        let invoked = at.saturating_sub(op.took) as u64;
                        let lags = next
                            .iter()
                            .filter_map(|(key, next)| Some(invoked.saturating_sub(known(*key, *next)?)));
                        worst = worst.max(if polled.is_some() { lags.max().unwrap_or(0) } else { 0 });
                    }
                    What::Txn { .. } => {}
                }
            }
        }
        worst
    }
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

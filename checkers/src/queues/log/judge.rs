//! The end of a log's history: what the whole of it shows.

use std::collections::{BTreeMap, HashMap};

use super::{Log, NAME, NOWHERE, Record, Sent, Step};
use crate::streaming::{Capped, Case, Dense, Mark, Names, Tally, at};
use crate::verdict::CheckerResult;

/// The lowest and the highest offset of a message.
type Extent = (u64, u64);

/// A log whose history is over.
pub(super) struct Judgement<'a> {
    log: Log,
    /// Extents of messages that are at several offsets, and how many those are.
    spread: BTreeMap<u32, (Extent, u64)>,
    /// By key, the message with the highest lowest offset of those that were read.
    bounds: Dense<Option<(u64, u32)>>,
    /// Sorted offsets of keys in which something was jumped over.
    offsets: HashMap<u32, Vec<u64>>,
    names: &'a dyn Names,
    tally: Tally,
}

impl<'a> Judgement<'a> {
    /// Decides.
    pub(super) fn of(mut log: Log, names: &'a dyn Names) -> CheckerResult {
        prove(&mut log);
        let mut spread: BTreeMap<u32, (Extent, u64)> = BTreeMap::new();
        for (id, offset) in &log.elsewhere {
            let place = log.records.get(*id).map_or(*offset, |record| record.place);
            let ((low, high), count) = spread.entry(*id).or_insert(((place, place), 1));
            (*low, *high, *count) = ((*low).min(*offset), (*high).max(*offset), *count + 1);
        }
        let mut judgement = Judgement {
            log,
            spread,
            bounds: Dense::default(),
            offsets: HashMap::new(),
            names,
            tally: Tally::default(),
        };
        judgement.bound();
        judgement.messages();
        judgement.offsets();
        judgement.steps();
        judgement.jumps();
        judgement.result()
    }

    fn extent(&self, id: u32, record: &Record) -> Option<Extent> {
        let alone = (record.place != NOWHERE).then_some((record.place, record.place));
        self.spread.get(&id).map(|(extent, _)| *extent).or(alone)
    }

    /// Finds how far each key was read.
    fn bound(&mut self) {
        let mut bounds: Dense<Option<(u64, u32)>> = Dense::default();
        for (id, record) in self
            .log
            .records
            .iter()
            .filter(|(_, record)| record.read_at != Mark::NONE)
        {
            let Some((low, _)) = self.extent(id, record) else {
                continue;
            };
            let bound = bounds.at(record.key);
            if bound.is_none_or(|(offset, _)| offset < low) {
                *bound = Some((low, id));
            }
        }
        self.bounds = bounds;
    }

    /// What happened to each message: lost, unseen, aborted, from nowhere.
    fn messages(&mut self) {
        let (mut sent, mut acknowledged, mut read, mut unseen) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut tally = std::mem::take(&mut self.tally);
        for (id, record) in self.log.records.iter() {
            let was_read = record.read_at != Mark::NONE;
            let was_polled = record.polled_at != Mark::NONE;
            sent += u64::from(record.sent != Sent::Never);
            acknowledged += u64::from(record.sent == Sent::Ok);
            read += u64::from(was_read);
            unseen += u64::from(record.sent == Sent::Ok && !was_read);
            let case = |how: String, marks| self.case(id, record, &how, marks);
            if was_polled && record.sent == Sent::Never {
                tally.anomaly("unexpected", || {
                    case("was polled and never sent".into(), vec![record.polled_at])
                });
            }
            if was_read && record.sent == Sent::Fail {
                let marks = vec![record.sent_at, record.read_at];
                tally.anomaly("G1a", || case("was read, and its send failed".into(), marks));
            }
            if was_read || !matches!(record.sent, Sent::Ok | Sent::Proven) {
                continue;
            }
            let passed = self.bounds.get(record.key).copied().flatten();
            let passed = passed.filter(|(bound, _)| self.extent(id, record).is_some_and(|(_, high)| high <= *bound));
            if let Some((_, other)) = passed {
                tally.anomaly("lost-write", || {
                    let reader = self.log.records.get(other).map_or(Mark::NONE, |other| other.read_at);
                    let how = format!(
                        "was committed and never read, though {} after it was",
                        self.names.id(other)
                    );
                    case(how, vec![record.sent_at, reader])
                });
            } else if record.sent == Sent::Ok && !self.log.options.undrained {
                tally.anomaly("unseen", || {
                    case("was acknowledged and never read".into(), vec![record.sent_at])
                });
            }
        }
        if read == 0 {
            tally.doubt("no message was read: there is nothing to judge");
        }
        for (name, value) in [
            ("sent", sent),
            ("acknowledged", acknowledged),
            ("read", read),
            ("unseen", unseen),
        ] {
            tally.count(name, value);
        }
        self.tally = tally;
    }

    fn case(&self, id: u32, record: &Record, how: &str, marks: Vec<Mark>) -> Case {
        let (name, key) = (self.names.id(id), self.names.key(record.key));
        let place = if record.place == NOWHERE {
            String::new()
        } else {
            format!(" at offset {}", record.place)
        };
        Case {
            sentence: format!("message {name} of key {key}{place} {how}"),
            subject: name,
            witness: marks.into_iter().flat_map(|mark| at([mark])).collect(),
        }
    }

    /// Messages and offsets that are not one to one.
    fn offsets(&mut self) {
        let mut tally = std::mem::take(&mut self.tally);
        for (id, ((low, high), count)) in &self.spread {
            let Some(record) = self.log.records.get(*id) else {
                continue;
            };
            tally.anomaly("duplicate", || {
                let how = format!("is at {count} offsets, from {low} to {high}");
                self.case(*id, record, &how, vec![record.sent_at, record.polled_at])
            });
        }
        let mut conflicts: BTreeMap<(u32, u64), Vec<u32>> = BTreeMap::new();
        for (key, offset, id) in &self.log.conflicts {
            conflicts.entry((*key, *offset)).or_default().push(*id);
        }
        for ((key, offset), others) in &mut conflicts {
            others.sort_unstable();
            let there = self
                .log
                .partitions
                .get(*key)
                .and_then(|partition| partition.get(*offset));
            let messages: Vec<u32> = there.into_iter().chain(others.iter().copied()).collect();
            tally.anomaly("inconsistent-offsets", || {
                let names: Vec<String> = messages.iter().map(|id| self.names.id(*id)).collect();
                let records = messages.iter().filter_map(|id| self.log.records.get(*id));
                let key = self.names.key(*key);
                Case {
                    sentence: format!("offset {offset} of key {key} holds messages {}", names.join(" and ")),
                    subject: key,
                    witness: records
                        .flat_map(|record| at([record.sent_at, record.polled_at]))
                        .collect(),
                }
            });
        }
        self.tally = tally;
    }

    /// Sends and polls that went backwards.
    fn steps(&mut self) {
        let mut tally = std::mem::take(&mut self.tally);
        for (kind, steps) in [
            ("nonmonotonic-poll", &self.log.backwards),
            ("int-nonmonotonic-poll", &self.log.int_backwards),
        ] {
            if kind == "nonmonotonic-poll" && self.log.options.subscribe {
                tally.count(kind, steps.total());
            } else {
                tally.anomalies(kind, steps, |step| self.step(step, "and then"));
            }
        }
        tally.anomalies("precommitted-read", &self.log.precommitted, |(id, read_at)| Case {
            subject: self.names.id(*id),
            sentence: format!(
                "message {} was polled by the transaction that sends it",
                self.names.id(*id)
            ),
            witness: at([*read_at]),
        });
        for (id, record) in self.log.records.iter() {
            let Some((before, internal)) = self.sent_before(id, record) else {
                continue;
            };
            if before.place >= record.place {
                let kind = if internal {
                    "int-nonmonotonic-send"
                } else {
                    "nonmonotonic-send"
                };
                tally.anomaly(kind, || {
                    let how = format!(
                        "was sent after {} at offset {}",
                        self.names.id(record.after),
                        before.place
                    );
                    self.case(id, record, &how, vec![before.sent_at, record.sent_at])
                });
            }
        }
        self.tally = tally;
    }

    /// The message that a process sent before this one, if both have a place; and whether by the same operation.
    fn sent_before(&self, id: u32, record: &Record) -> Option<(Record, bool)> {
        let placed = |record: &Record| record.place != NOWHERE;
        let before = (record.after != u32::MAX && record.after != id).then(|| self.log.records.get(record.after))??;
        (placed(record) && placed(before)).then_some((*before, before.sent_at == record.sent_at))
    }

    /// Polls and sends that jumped over something that exists.
    fn jumps(&mut self) {
        let jumps = std::mem::take(&mut self.log.jumps);
        let (mut external, mut internal) = (Capped::default(), Capped::default());
        for step in &jumps {
            let (Some(from), Some(to)) = (step.from.offset, step.to.offset) else {
                continue;
            };
            if self.between(step.key, from, to) > 0 {
                if step.internal {
                    internal.push(*step);
                } else {
                    external.push(*step);
                }
            }
        }
        let mut tally = std::mem::take(&mut self.tally);
        tally.anomalies("int-poll-skip", &internal, |step| {
            self.step(step, "and, past others, then")
        });
        if self.log.options.subscribe {
            tally.count("poll-skip", external.total());
        } else {
            tally.anomalies("poll-skip", &external, |step| self.step(step, "and, past others, then"));
        }
        let pairs = self
            .log
            .records
            .iter()
            .filter_map(|(id, record)| Some((self.sent_before(id, record)?, record)));
        let pairs = pairs.filter(|((before, internal), record)| *internal && before.place + 1 < record.place);
        let pairs: Vec<(u32, u64, u64)> = pairs
            .map(|((b, _), record)| (record.key, b.place, record.place))
            .collect();
        let skipped = pairs
            .iter()
            .filter(|(key, from, to)| self.between(*key, *from, *to) > 0)
            .count();
        tally.count("int-send-skip", skipped as u64);
        self.tally = tally;
    }

    fn step(&self, step: &Step, then: &str) -> Case {
        let (from, to) = (step.from, step.to);
        let place = |offset: Option<u64>| offset.map_or_else(String::new, |offset| format!(" (offset {offset})"));
        let (first, second) = (self.names.id(from.message), self.names.id(to.message));
        let key = self.names.key(step.key);
        let sentence = format!(
            "process {} polled message {first}{} of key {key} {then} {second}{}",
            step.process,
            place(from.offset),
            place(to.offset)
        );
        Case {
            subject: key,
            sentence,
            witness: at([from.at, to.at]),
        }
    }

    /// How many known offsets of a key lie between two.
    fn between(&mut self, key: u32, from: u64, to: u64) -> usize {
        let partitions = &self.log.partitions;
        let known = self
            .offsets
            .entry(key)
            .or_insert_with(|| partitions.get(key).map(|p| p.offsets()).unwrap_or_default());
        let upto = |bound: u64| known.partition_point(|offset| *offset < bound);
        upto(to).saturating_sub(upto(from.saturating_add(1)))
    }

    fn result(mut self) -> CheckerResult {
        if let Some(lag) = self.log.worst_lag.filter(|lag| lag.ns > 0) {
            self.tally.count("worst-realtime-lag-us", lag.ns / 1_000);
            let key = self.names.key(lag.key);
            self.tally.remark(format!(
                "process {} was {} ms behind on key {key}",
                lag.process,
                lag.ns / 1_000_000
            ));
        } else {
            self.tally.count("worst-realtime-lag-us", 0);
        }
        self.tally.result(NAME)
    }
}

/// Operations that ended info took effect if anything that they sent was read.
fn prove(log: &mut Log) {
    let sends = std::mem::take(&mut log.info_sends);
    // Operations whose index no mark can hold share one: each of their sends is proven alone.
    for op in sends.chunk_by(|a, b| a.op == b.op && a.op.get().is_some()) {
        let is_read = |id: u32| log.records.get(id).is_some_and(|record| record.read_at != Mark::NONE);
        if op.iter().any(|send| is_read(send.message.id)) {
            for send in op {
                let record = log.records.at(send.message.id);
                record.sent = record.sent.max(Sent::Proven);
                if let Some(offset) = send.message.offset {
                    log.place(send.message, offset);
                }
            }
        }
    }
}

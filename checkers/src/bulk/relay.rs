//! Has one thread read and another one count: a sink that passes on what it is given, in the same order.
//!
//! Never: takes anything in, or lets a reader run ahead by more than a few batches.

use std::sync::mpsc::{Receiver, SyncSender};

use crate::history::{Event, ReadMoment};
use crate::ledger::Role;
use crate::parallel::pipeline;

use super::Odd;
use super::events::{Head, RowSeen, Seen, Sink, Words};

/// What goes from thread to thread at once.
const BATCH: usize = 1024;
/// How many batches may wait.
const BATCHES_WAITING: usize = 16;

/// Something that was found.
enum Told {
    Seen(Head, Seen<'static>),
    /// A delivery of so many of the batch's numbers, counted so often.
    Delivery(Head, usize, u32),
    Read(Head, ReadMoment, Role),
    /// So many of the batch's rows.
    Rows(usize),
    Event(Box<Event>, Head),
}

/// Things that were found, in order.
#[derive(Default)]
struct Batch {
    told: Vec<Told>,
    /// The numbers of its deliveries, one after the other.
    numbers: Vec<u32>,
    rows: Vec<RowSeen>,
}

/// The reader's end.
pub(super) struct Relay {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

/// Gives to the sink what `read` tells on a thread of its own; `event` parses the event of an index as a whole.
pub(super) fn relay<S: Sink>(
    read: impl FnOnce(&mut Relay) -> Result<(), Odd> + Send,
    words: &impl Words,
    mut event: impl FnMut(u64) -> Result<Event, Odd>,
    sink: &mut S,
) -> Result<(), Odd> {
    let read = |full, empty| {
        let batch = Batch::default();
        let mut relay = Relay { batch, full, empty };
        let read = read(&mut relay);
        relay.pass_on().and(read)
    };
    pipeline(BATCHES_WAITING, read, |batch| give(batch, words, &mut event, sink))?
}

fn give<S: Sink>(
    batch: &mut Batch,
    words: &impl Words,
    event: &mut impl FnMut(u64) -> Result<Event, Odd>,
    sink: &mut S,
) -> Result<(), Odd> {
    let (mut numbers, mut rows) = (&batch.numbers[..], &batch.rows[..]);
    for told in batch.told.drain(..) {
        match told {
            Told::Seen(head, seen) => sink.seen(&head, &seen, words, || event(head.index))?,
            Told::Delivery(head, count, times) => {
                let (tx, rest) = numbers.split_at(count);
                numbers = rest;
                sink.seen(&head, &Seen::Delivery { tx, times }, words, || event(head.index))?;
            }
            Told::Read(head, at, role) => sink.read(&head, at, role)?,
            Told::Rows(count) => {
                let (these, rest) = rows.split_at(count);
                rows = rest;
                these.iter().for_each(|row| sink.row(row, words));
            }
            Told::Event(event, head) => sink.event(*event, &head)?,
        }
    }
    batch.numbers.clear();
    batch.rows.clear();
    Ok(())
}

impl Relay {
    #[inline]
    fn tell(&mut self, told: Told) -> Result<(), Odd> {
        self.batch.told.push(told);
        match self.batch.told.len() < BATCH {
            true => Ok(()),
            false => self.pass_on(),
        }
    }

    fn pass_on(&mut self) -> Result<(), Odd> {
        let next = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        // Whoever takes has ended with an error of its own, which is the one that is told.
        self.full.send(full).map_err(|_| Odd("nobody takes it".into()))
    }
}

impl Sink for Relay {
    #[inline]
    fn seen(
        &mut self,
        head: &Head,
        seen: &Seen,
        _: &impl Words,
        _: impl FnOnce() -> Result<Event, Odd>,
    ) -> Result<(), Odd> {
        let seen = match *seen {
            Seen::Delivery { tx, times } => {
                self.batch.numbers.extend_from_slice(tx);
                return self.tell(Told::Delivery(*head, tx.len(), times));
            }
            Seen::Recharge(said) => Seen::Recharge(said),
            Seen::Query { path, tx } => Seen::Query { path, tx },
            Seen::Balance => Seen::Balance,
            Seen::OpenAccount { account } => Seen::OpenAccount { account },
            Seen::Frame => Seen::Frame,
        };
        self.tell(Told::Seen(*head, seen))
    }

    fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd> {
        self.tell(Told::Read(*head, at, role))
    }

    #[inline]
    fn row(&mut self, row: &RowSeen, _: &impl Words) {
        match self.batch.told.last_mut() {
            Some(Told::Rows(count)) => *count += 1,
            _ => self.batch.told.push(Told::Rows(1)),
        }
        self.batch.rows.push(*row);
        if self.batch.rows.len() == BATCH {
            // Where nobody takes it, what follows the rows is told so.
            let _ = self.pass_on();
        }
    }

    fn event(&mut self, event: Event, head: &Head) -> Result<(), Odd> {
        self.tell(Told::Event(Box::new(event), *head))
    }

    /// Whoever reads the binary form knows all texts before.
    fn know(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::events::Recharge;
    use crate::history::{Body, Kind, Process};

    struct NoWords;

    impl Words for NoWords {
        fn text(&self, _: u32) -> &str {
            ""
        }
    }

    /// Writes down what it is given; refuses the event of an index.
    #[derive(Default)]
    struct Written {
        lines: Vec<String>,
        refuses: Option<u64>,
    }

    impl Sink for Written {
        fn seen(
            &mut self,
            head: &Head,
            seen: &Seen,
            _: &impl Words,
            event: impl FnOnce() -> Result<Event, Odd>,
        ) -> Result<(), Odd> {
            if self.refuses == Some(head.index) {
                return Err(Odd(format!("refused {}", event()?.index)));
            }
            self.lines.push(format!("{} {seen:?}", head.index));
            Ok(())
        }

        fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd> {
            self.lines.push(format!("{} {at:?} {role:?}", head.index));
            Ok(())
        }

        fn row(&mut self, row: &RowSeen, _: &impl Words) {
            self.lines.push(format!("{row:?}"));
        }

        fn event(&mut self, event: Event, head: &Head) -> Result<(), Odd> {
            self.lines.push(format!("{} whole {}", head.index, event.index));
            Ok(())
        }

        fn know(&mut self, _: usize) {}
    }

    fn event(index: u64) -> Event {
        Event {
            index,
            time: 0,
            process: Process::Named("run".into()),
            kind: Kind::Info,
            body: Body::Other("thing".into(), serde_json::Value::Null),
            error: None,
        }
    }

    /// Tells of so many events, each of another kind than the one before it, and of a few rows behind each read.
    fn tell<S: Sink>(count: u64, sink: &mut S) -> Result<(), Odd> {
        for index in 0..count {
            let head = Head {
                index,
                time: 0,
                process: None,
                kind: Kind::Ok,
            };
            let n = index as u32;
            let seen = match index % 8 {
                0 => Seen::Delivery {
                    tx: &[n, n + 1, n + 2][..n as usize / 8 % 4],
                    times: 2,
                },
                1 => Seen::Recharge(Recharge {
                    tx: n,
                    account: n + 1,
                    amount: n + 2,
                    conflict: n.is_multiple_of(3),
                    result: n + 3,
                    answer_tx: n + 4,
                }),
                2 => Seen::Query {
                    path: crate::history::QueryPath::Pay,
                    tx: n,
                },
                3 => Seen::Balance,
                4 => Seen::OpenAccount { account: n },
                5 => Seen::Frame,
                6 => {
                    sink.read(&head, ReadMoment::Final, Role::Credits)?;
                    (0..n % 100).for_each(|tx| sink.row(&RowSeen::Credit { tx }, &NoWords));
                    continue;
                }
                _ => {
                    sink.event(event(index), &head)?;
                    continue;
                }
            };
            sink.seen(&head, &seen, &NoWords, || Ok(event(index)))?;
        }
        Ok(())
    }

    #[test]
    fn what_is_told_comes_in_the_same_order() {
        for count in [0, 1, 9, 1023, 1024, 1025, 20_000] {
            let (mut told, mut relayed) = (Written::default(), Written::default());
            tell(count, &mut told).unwrap();
            relay(
                |relay| tell(count, relay),
                &NoWords,
                |index| Ok(event(index)),
                &mut relayed,
            )
            .unwrap();
            assert_eq!(relayed.lines, told.lines, "{count}");
        }
    }

    #[test]
    fn many_rows_come_as_they_are_told() {
        let head = Head {
            index: 0,
            time: 0,
            process: None,
            kind: Kind::Ok,
        };
        let mut rows = Written::default();
        let read = |relay: &mut Relay| {
            relay.read(&head, ReadMoment::Final, Role::Credits)?;
            (0..5_000).for_each(|tx| relay.row(&RowSeen::Credit { tx }, &NoWords));
            Ok(())
        };
        relay(read, &NoWords, |index| Ok(event(index)), &mut rows).unwrap();
        let wanted = (0..5_000).map(|tx| format!("{:?}", RowSeen::Credit { tx }));
        assert!(rows.lines.into_iter().skip(1).eq(wanted));
    }

    #[test]
    fn what_is_wrong_first_is_told() {
        let broken = |relay: &mut Relay| {
            tell(5_000, relay)?;
            Err(Odd("broken".into()))
        };
        let run = |refuses| {
            let mut written = Written {
                refuses,
                ..Written::default()
            };
            let Odd(why) = relay(broken, &NoWords, |index| Ok(event(index)), &mut written).unwrap_err();
            (why, written.lines)
        };
        let mut told = Written::default();
        tell(5_000, &mut told).unwrap();
        assert_eq!(run(None), ("broken".to_owned(), told.lines));
        assert_eq!(run(Some(4_001)).0, "refused 4001");
        // The reader is far from its end.
        assert_eq!(
            run(Some(1)),
            (
                "refused 1".to_owned(),
                vec!["0 Delivery { tx: [], times: 2 }".to_owned()]
            )
        );
    }

    #[test]
    #[should_panic(expected = "as the test wants it")]
    fn a_reader_that_panics_is_not_kept_quiet() {
        let read = |_: &mut Relay| -> Result<(), Odd> { panic!("as the test wants it") };
        let _ = relay(read, &NoWords, |index| Ok(event(index)), &mut Written::default());
    }
}

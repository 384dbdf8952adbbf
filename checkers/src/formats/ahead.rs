//! Reads ahead: one thread parses operations, another one takes them, in the order of the file.
//!
//! Never: reads on beside a long operation, or holds more than some megabytes of short ones.

use std::sync::mpsc::{Receiver, SyncSender};

use crate::ops::{Op, Tape};
use crate::parallel::pipeline;

use super::error::ReadError;
use super::forms::Forms;

/// Operations, and bytes of their tapes, that go from thread to thread at once.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;
/// How many batches may wait.
const BATCHES_WAITING: usize = 4;
/// An operation whose tape has taken more room than this, in bytes, is long: nothing is read until it has been taken.
const LONG_BYTES: usize = 1 << 16;

/// Operations that were parsed.
#[derive(Default)]
struct Batch {
    /// Those of the operations, and behind them some to be written on.
    tapes: Vec<Tape>,
    /// The line in which each operation ends.
    lines: Vec<u64>,
}

/// Gives every operation to `take` until that has enough: the inner error, and the line of that operation.
pub(super) fn each<E>(
    forms: &mut Forms,
    take: &mut impl FnMut(&Op<'_>) -> Result<(), E>,
) -> Result<Result<(), (E, u64)>, ReadError> {
    let mut position = forms.position();
    let taken = pipeline(
        BATCHES_WAITING,
        |full, empty| read(forms, &full, &empty),
        |batch: &mut Batch| {
            for (tape, line) in batch.tapes.iter().zip(&batch.lines) {
                let op = Op::of(tape, position).expect("the reader has read it as an operation");
                take(&op).map_err(|enough| (enough, *line))?;
                position += 1;
            }
            batch.clear();
            Ok(())
        },
    );
    match taken {
        Ok(read) => read.map(Ok),
        Err(enough) => Ok(Err(enough)),
    }
}

fn read(forms: &mut Forms, full: &SyncSender<Batch>, empty: &Receiver<Batch>) -> Result<(), ReadError> {
    let (mut batch, mut bytes, mut under_way) = (Batch::default(), 0, 0);
    loop {
        if batch.tapes.len() == batch.lines.len() {
            batch.tapes.push(Tape::default());
        }
        let tape = &mut batch.tapes[batch.lines.len()];
        let line = forms.next_on(tape);
        let long = tape.room() > LONG_BYTES;
        bytes += tape.room();
        if let Ok(Some(line)) = line {
            batch.lines.push(line);
            if batch.lines.len() < BATCH && bytes < BATCH_BYTES && !long {
                continue;
            }
        }
        if full.send(batch).is_err() {
            return Ok(()); // whoever took it has enough
        }
        if line?.is_none() {
            return Ok(());
        }
        (batch, bytes, under_way) = (Batch::default(), 0, under_way + 1);
        if long {
            for _ in 0..std::mem::take(&mut under_way) {
                let Ok(back) = empty.recv() else { return Ok(()) };
                batch = back;
            }
        } else if let Ok(back) = empty.try_recv() {
            under_way -= 1;
            batch = back;
        }
    }
}

impl Batch {
    /// Has it hold no operation, and no more than a batch of short tapes to be written on.
    fn clear(&mut self) {
        let mut bytes = 0;
        self.tapes.retain(|tape| {
            bytes += tape.room();
            tape.room() <= LONG_BYTES && bytes <= BATCH_BYTES
        });
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Format, Reader, edn};

    /// So many operations; every hundredth is a long one, and every thousandth a very long one.
    fn history(ops: u64) -> String {
        let line = |n: u64| {
            let long = match n {
                n if n % 1000 == 999 => 200_000,
                n if n % 100 == 99 => 20_000,
                _ => 3,
            };
            let values = vec![n.to_string(); long];
            format!("{{:process 0, :type :ok, :f :read, :value [{}]}}\n", values.join(" "))
        };
        (0..ops).map(line).collect()
    }

    fn reader(text: &str) -> Reader {
        Reader::new(std::io::Cursor::new(text.to_owned()), "some.edn", Format::JepsenEdn).unwrap()
    }

    /// Index and value of each.
    type Ops = Vec<(u64, String)>;

    /// How it ends: with the operation that was enough and its line, or with an error.
    type Ended = Result<Result<(), (u64, u64)>, String>;

    /// What is taken of it until the operation `enough` has been.
    fn taken(text: &str, enough: u64) -> (Ops, Ended) {
        let mut ops = Vec::new();
        let ended = reader(text).each(|op| {
            ops.push((op.index, format!("{:?}", op.value)));
            if op.index == enough { Err(op.index) } else { Ok(()) }
        });
        (ops, ended.map_err(|e| e.to_string()))
    }

    #[test]
    fn operations_come_as_they_stand_in_the_file() {
        for count in [0, 1, 127, 128, 129, 5_000] {
            let text = history(count);
            let (mut reader, mut wanted) = (reader(&text), Vec::new());
            while let Some(op) = reader.next().unwrap() {
                wanted.push((op.index, format!("{:?}", op.value)));
            }
            assert_eq!(wanted.len() as u64, count);
            let (ops, ended) = taken(&text, u64::MAX);
            assert!(ops == wanted, "{count}: {} operations", ops.len());
            assert_eq!(ended, Ok(Ok(())));
        }
    }

    #[test]
    fn whoever_has_enough_gets_no_more() {
        let text = history(5_000);
        for enough in [0, 98, 99, 100, 2_999, 4_999] {
            let (ops, ended) = taken(&text, enough);
            assert_eq!((ops.len() as u64, ended), (enough + 1, Ok(Err((enough, enough + 1)))));
        }
    }

    #[test]
    fn what_stands_before_a_flaw_is_taken_first() {
        let text = history(1_000) + "{:process 0, :type :ok]\n" + &history(1_000);
        let (ops, ended) = taken(&text, u64::MAX);
        assert_eq!(ops.len(), 1_000);
        let said = ended.unwrap_err();
        assert!(said.starts_with("some.edn:1001:"), "{said}");
        assert_eq!(taken(&text, 999).1, Ok(Err((999, 1_000))), "nobody gets there");
    }

    #[test]
    fn nothing_is_read_beside_a_long_operation() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        /// Counts the bytes that were read.
        struct Counted(std::io::Cursor<String>, std::sync::Arc<AtomicUsize>);

        impl std::io::Read for Counted {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                let n = self.0.read(out)?;
                self.1.fetch_add(n, Ordering::SeqCst);
                Ok(n)
            }
        }

        let op = |values| {
            format!(
                "{{:process 0, :type :ok, :f :read, :value [{}]}}\n",
                "1 ".repeat(values)
            )
        };
        // In front of each long one there are some short ones.
        let (short, long) = (op(1), op(200_000));
        let text = (short.repeat(10) + &long).repeat(40);
        let read = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = Counted(std::io::Cursor::new(text), std::sync::Arc::clone(&read));
        let mut reader = Reader::new(counted, "some.edn", Format::JepsenEdn).unwrap();
        let mut ahead = Vec::new();
        let mut taken = 0;
        let ended = reader.each(|op| {
            if op.index % 11 != 10 {
                taken += short.len();
                return Ok(());
            }
            // Time enough to read on.
            std::thread::sleep(std::time::Duration::from_millis(10));
            taken += long.len();
            ahead.push(read.load(Ordering::SeqCst) - taken);
            Ok::<_, ()>(())
        });
        assert!(matches!(ended, Ok(Ok(()))));
        // The window holds the beginning of the next ones.
        assert!(ahead.iter().all(|bytes| *bytes < 2 * long.len()), "{ahead:?}");
        assert_eq!(ahead.len(), 40);
    }

    #[test]
    fn a_tape_takes_room_for_nodes_and_text() {
        let room = |text: &str| {
            let mut tape = Tape::default();
            edn::scan(text.as_bytes(), 0, false, &mut tape).unwrap();
            tape.room()
        };
        for (text, at_least) in [
            ("[".to_owned() + &"1 ".repeat(3_000) + "]", 48_000),
            (format!("\"{}\"", "x".repeat(50_000)), 50_000),
        ] {
            let room = room(&text);
            assert!((at_least..4 * at_least).contains(&room), "{room}");
        }
    }

    #[test]
    fn what_is_written_on_again_stays_small() {
        let tape = |bytes: usize| {
            let mut tape = Tape::default();
            tape.push_string(&"x".repeat(bytes));
            tape
        };
        let sizes = |sizes: &[usize]| {
            let mut batch = Batch {
                tapes: sizes.iter().map(|bytes| tape(*bytes)).collect(),
                lines: vec![1; sizes.len()],
            };
            batch.clear();
            assert!(batch.lines.is_empty());
            batch.tapes.len()
        };
        assert_eq!(sizes(&[10, 20, 30]), 3);
        assert_eq!(sizes(&[10, LONG_BYTES, 30]), 2, "what is long is let go");
        assert_eq!(sizes(&[BATCH_BYTES / 20; 40]), 19, "and what is too much in all");
    }

    #[test]
    fn a_flaw_in_the_reader_is_not_kept_quiet() {
        /// Reads a few operations, and panics.
        struct Flawed(std::io::Cursor<String>);

        impl std::io::Read for Flawed {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                match self.0.read(out)? {
                    0 => panic!("as the test wants it"),
                    n => Ok(n),
                }
            }
        }

        let run = |enough| {
            let flawed = Flawed(std::io::Cursor::new(history(90)));
            let mut reader = Reader::new(flawed, "some.edn", Format::JepsenEdn).unwrap();
            let take = |op: &Op<'_>| if op.index == enough { Err(()) } else { Ok(()) };
            let each = std::panic::AssertUnwindSafe(|| reader.each(take).map_err(|e| e.to_string()));
            std::panic::catch_unwind(each).ok()
        };
        assert_eq!(run(u64::MAX), None);
    }
}

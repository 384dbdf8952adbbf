//! Reads ahead: one thread parses operations, another one takes them, in the order of the file.
//!
//! Never: holds more than a few batches of operations, or another one beside a long one.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::ops::{Op, Tape};

use super::error::ReadError;
use super::forms::Forms;

/// Operations that go from thread to thread at once.
const BATCH: usize = 128;
/// How many batches may wait.
const BATCHES_WAITING: usize = 4;
/// What takes more on its tape is long: nothing is read until it has been taken.
const LONG_BYTES: usize = 1 << 16;

/// The tapes of so many operations; the others are to be written on.
#[derive(Default)]
struct Batch {
    tapes: Vec<Tape>,
    ops: usize,
}

/// Gives every operation to `take` until that has enough, which is the inner error.
pub(super) fn each<E>(
    forms: &mut Forms,
    take: &mut impl FnMut(&Op<'_>) -> Result<(), E>,
) -> Result<Result<(), E>, ReadError> {
    let (full, batches) = sync_channel(BATCHES_WAITING);
    let (back, empty) = channel();
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(forms, &full, &empty));
        let taken = take_all(batches, &back, take);
        // Whoever waits for an empty batch hears that none will come.
        drop(back);
        match (taken, reader.join()) {
            (_, Err(panic)) => resume_unwind(panic),
            // What was taken stands before what could not be read behind it.
            (Err(enough), _) => Ok(Err(enough)),
            (Ok(()), Ok(read)) => read.map(Ok),
        }
    })
}

fn read(forms: &mut Forms, full: &SyncSender<Batch>, empty: &Receiver<Batch>) -> Result<(), ReadError> {
    let (mut batch, mut under_way) = (Batch::default(), 0);
    loop {
        if batch.tapes.len() == batch.ops {
            batch.tapes.push(Tape::default());
        }
        let tape = &mut batch.tapes[batch.ops];
        let more = forms.next_on(tape);
        let long = tape.room() > LONG_BYTES;
        if let Ok(true) = more {
            batch.ops += 1;
            if batch.ops < BATCH && !long {
                continue;
            }
        }
        if full.send(batch).is_err() {
            return Ok(()); // nobody takes it: there was enough
        }
        if !more? {
            return Ok(());
        }
        under_way += 1;
        batch = Batch::default();
        while under_way > 0 && (long || batch.tapes.is_empty()) {
            let taken = if long { empty.recv().ok() } else { empty.try_recv().ok() };
            let Some(taken) = taken else { break };
            under_way -= 1;
            batch = taken;
        }
    }
}

fn take_all<E>(
    batches: Receiver<Batch>,
    back: &Sender<Batch>,
    take: &mut impl FnMut(&Op<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut position = 0;
    for mut batch in batches {
        for tape in &batch.tapes[..batch.ops] {
            // The reader has looked at it before.
            if let Ok(op) = Op::of(tape, position) {
                take(&op)?;
            }
            position += 1;
        }
        batch.ops = 0;
        batch.tapes.retain(|tape| tape.room() <= LONG_BYTES);
        let _ = back.send(batch); // the reader may have ended
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Format, Reader};

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

    /// What is taken of it until the operation `enough` has been, and how it ends.
    fn taken(text: &str, enough: u64) -> (Ops, Result<Result<(), u64>, String>) {
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
            assert_eq!((ops.len() as u64, ended), (enough + 1, Ok(Err(enough))));
        }
    }

    #[test]
    fn what_stands_before_a_flaw_is_taken_first() {
        let text = history(1_000) + "{:process 0, :type :ok]\n" + &history(1_000);
        let (ops, ended) = taken(&text, u64::MAX);
        assert_eq!(ops.len(), 1_000);
        let said = ended.unwrap_err();
        assert!(said.starts_with("some.edn:1001:"), "{said}");
        assert_eq!(taken(&text, 999).1, Ok(Err(999)), "nobody gets there");
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

        let long = format!(
            "{{:process 0, :type :ok, :f :read, :value [{}]}}\n",
            "1 ".repeat(200_000)
        );
        let read = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = Counted(std::io::Cursor::new(long.repeat(40)), std::sync::Arc::clone(&read));
        let mut reader = Reader::new(counted, "some.edn", Format::JepsenEdn).unwrap();
        let mut ahead = Vec::new();
        let mut taken = 0;
        let ended = reader.each(|_| {
            // Time enough to read on.
            thread::sleep(std::time::Duration::from_millis(10));
            taken += long.len();
            ahead.push(read.load(Ordering::SeqCst) - taken);
            Ok::<_, ()>(())
        });
        assert!(matches!(ended, Ok(Ok(()))));
        // The window holds the beginning of the next ones.
        assert!(ahead.iter().all(|bytes| *bytes < 2 * long.len()), "{ahead:?}");
        assert_eq!(ahead.len(), 40);
    }
}

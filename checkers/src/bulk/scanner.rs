//! Scans the lines of a history of payments, and sends what it finds from its thread to the one that counts.
//!
//! Never decides anything: a line that is not known is sent as it is.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::formats::ReadError;
use crate::formats::pieces::{Piece, Pieces};

use super::found::{Found, Span, offset};
use super::rows::{self, Rows};
use super::shape::{Shapes, without_end};

/// How many lines or rows go from thread to thread at once.
const BATCH: usize = 2048;

/// Scans every line of every piece, batch by batch.
pub(super) fn scan(pieces: &mut Pieces, full: &SyncSender<Batch>, empty: &Receiver<Batch>) -> Result<(), ReadError> {
    let mut shapes = Shapes::default();
    while let Some(piece) = pieces.next()? {
        let mut batches = Batches::of(&piece, full, empty);
        if let Err(Gone) = scan_piece(&piece, &mut shapes, &mut batches) {
            break;
        }
    }
    Ok(())
}

fn scan_piece(piece: &Piece, shapes: &mut Shapes, batches: &mut Batches) -> Result<(), Gone> {
    let mut rest: &[u8] = piece;
    while !rest.is_empty() {
        let bytes = batches.ready(piece, rest)?;
        if let Some((found, behind)) = shapes.known(rest, bytes) {
            rest = behind;
            batches.push(found);
        } else if let Some((head, at, rows)) = rows::read(rest).filter(|_| has_end(rest, piece)) {
            batches.push(Found::Read(head, at, rows.role()));
            rest = scan_rows(rows, piece, batches)?;
        } else {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
            let (line, behind) = rest.split_at(end);
            rest = behind;
            scan_line(line, bytes, shapes, batches);
        }
    }
    batches.send()
}

/// Whether the line that `rest` begins with has an end: it may be hundreds of megabytes away.
fn has_end(rest: &[u8], piece: &Piece) -> bool {
    piece.ends_with(b"\n") || memchr::memchr(b'\n', rest).is_some()
}

/// Scans a line of no known shape, its end included.
fn scan_line(line: &[u8], bytes: &[u8], shapes: &mut Shapes, batches: &mut Batches) {
    let content = without_end(line);
    if content.trim_ascii().is_empty() {
        return;
    }
    let whole = |found: fn(Span) -> Found| {
        let span = Span::of(content, bytes);
        span.map_or(Found::Broken("a line is too long"), found)
    };
    batches.push(match line.ends_with(b"\n") {
        true => shapes.learn(line, bytes).unwrap_or_else(|| whole(Found::Line)),
        false => whole(Found::LastLine),
    });
}

/// Scans the rows of a read; returns what stands behind its line.
fn scan_rows<'a>(mut rows: Rows<'a>, piece: &Piece, batches: &mut Batches) -> Result<&'a [u8], Gone> {
    loop {
        let bytes = batches.ready(piece, rows.rest())?;
        if let Some(behind) = rows.behind() {
            return Ok(behind);
        }
        let Some(row) = rows.next(bytes) else {
            batches.push(Found::Broken("the rows of a read are not as the harness writes them"));
            batches.send()?;
            return Err(Gone);
        };
        batches.push(Found::Row(row));
    }
}

/// Nobody takes the batches any more, or will.
struct Gone;

/// What was found in some lines or rows of a piece.
pub(super) struct Batch {
    piece: Arc<Piece>,
    /// Where the first of them begins.
    start: usize,
    pub(super) found: Vec<Found>,
}

impl Batch {
    /// What the finds refer to.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.piece[self.start..]
    }
}

/// What is found, on its way to the other thread.
struct Batches<'a> {
    batch: Batch,
    full: &'a SyncSender<Batch>,
    empty: &'a Receiver<Batch>,
}

impl<'a> Batches<'a> {
    fn of(piece: &Arc<Piece>, full: &'a SyncSender<Batch>, empty: &'a Receiver<Batch>) -> Batches<'a> {
        let batch = Batch {
            piece: Arc::clone(piece),
            start: 0,
            found: Vec::with_capacity(BATCH),
        };
        Batches { batch, full, empty }
    }

    /// Makes room for a find at the beginning of `rest`; returns the bytes that it has to refer to.
    #[inline]
    fn ready<'w>(&mut self, piece: &'w Piece, rest: &[u8]) -> Result<&'w [u8], Gone> {
        if self.batch.found.len() >= BATCH {
            self.send()?;
        }
        if self.batch.found.is_empty() {
            self.batch.start = offset(rest, piece);
        }
        Ok(&piece[self.batch.start..])
    }

    #[inline]
    fn push(&mut self, found: Found) {
        self.batch.found.push(found);
    }

    /// Sends the batch, and takes an empty one for it.
    fn send(&mut self) -> Result<(), Gone> {
        let mut found = self
            .empty
            .try_recv()
            .map_or_else(|_| Vec::with_capacity(BATCH), |batch| batch.found);
        found.clear();
        let next = Batch {
            piece: Arc::clone(&self.batch.piece),
            start: 0,
            found,
        };
        self.full
            .send(std::mem::replace(&mut self.batch, next))
            .map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, sync_channel};

    #[test]
    fn batches_are_full_but_for_the_last() {
        let path = std::env::temp_dir().join(format!("paytwice-batches-{}", std::process::id()));
        std::fs::write(&path, "a line\n".repeat(2 * BATCH + 1)).unwrap();
        let (full, batches) = sync_channel(3);
        let (_back, empty) = channel();
        let scanner = std::thread::spawn({
            let mut pieces = Pieces::open(&path).unwrap();
            move || scan(&mut pieces, &full, &empty).unwrap()
        });
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.found.len()).collect();
        scanner.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(sizes, [BATCH, BATCH, 1]);
    }
}

//! Reads a history of payments from JSON lines: one thread scans, one counts.
//!
//! The scanner knows the lines that there are millions of, as the harness writes them. A line that it does not know
//! is parsed as [`history::read`](crate::history::read) parses it.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::formats::ReadError;
use crate::formats::map::Bytes;
use crate::history::{Body, Event, Kind, Process};
use crate::intern::{TOUCHED, Texts};

use super::events::{Head, NONE, RowSeen, Seen, Sink, Words};
use super::found::{Answer, AnswerTx, Found, Row, Word, times};
use super::pass::Pass;
use super::rows::{self, Rows};
use super::select::Select;
use super::shape::{Shapes, without_end};
use super::{BulkResults, Odd, conclude};

/// How many lines or rows go from thread to thread at once.
const BATCH: usize = 2048;
/// How many of them are looked up at once; each has two texts at most.
const GROUP: usize = TOUCHED / 2;
/// How many batches may wait.
const BATCHES_WAITING: usize = 4;

/// Judges the history at `path`. The inner error says why that cannot be done here.
pub(super) fn read(path: &Path) -> Result<Result<BulkResults, Odd>, ReadError> {
    let bytes = Bytes::open(path)?;
    Ok(judge(&bytes))
}

fn judge(bytes: &[u8]) -> Result<BulkResults, Odd> {
    let mut texts = Texts::default();
    let mut pass = Pass::new();
    let truncated = drive(bytes, &mut texts, &mut pass)?;
    if !pass.settle() {
        let globals = std::mem::take(&mut pass.globals);
        return conclude(&pass, globals, truncated);
    }
    pass.globals = Vec::new();
    let mut select = Select::new(&pass);
    drive(bytes, &mut texts, &mut select)?;
    let events = select.events;
    conclude(&pass, events, truncated)
}

impl Words for Texts {
    fn text(&self, id: u32) -> &str {
        self.str(id)
    }
}

impl Found<'_> {
    /// The hashes of the texts that are looked up for it; of those that need not be the same few every time.
    #[inline]
    fn hashes(&self, out: &mut Vec<u64>) {
        match self {
            Found::Recharge(_, said, _) => out.extend([said.tx.hash, said.account.hash]),
            Found::Row(Row::Payment(tx, account, ..)) => out.extend([tx.hash, account.hash]),
            Found::Answer(_, Answer { tx: word, .. }, _)
            | Found::Query(_, _, word, _)
            | Found::OpenAccount(_, word, _)
            | Found::Delivery(_, [Some(word), _], ..)
            | Found::Row(Row::Balance(word, _) | Row::Credit(word)) => out.push(word.hash),
            _ => {}
        }
    }
}

/// Scans the bytes on a thread of its own, and gives what it finds to the sink. Returns whether the file is cut off.
fn drive<S: Sink>(bytes: &[u8], texts: &mut Texts, sink: &mut S) -> Result<bool, Odd> {
    let (full, batches) = sync_channel(BATCHES_WAITING);
    let (back, empty) = channel();
    std::thread::scope(|scope| {
        let mut found = Batches {
            batch: Vec::with_capacity(BATCH),
            full,
            empty,
        };
        scope.spawn(move || scan(bytes, &mut found));
        take(&batches, &back, texts, sink)
    })
}

type Batch<'a> = Vec<Found<'a>>;

fn take<'a, S: Sink>(
    batches: &Receiver<Batch<'a>>,
    back: &Sender<Batch<'a>>,
    texts: &mut Texts,
    sink: &mut S,
) -> Result<bool, Odd> {
    let mut truncated = false;
    let mut recent = Recent::default();
    let mut hashes = Vec::with_capacity(TOUCHED);
    for mut batch in batches {
        for group in batch.chunks(GROUP) {
            hashes.clear();
            group.iter().for_each(|found| found.hashes(&mut hashes));
            std::hint::black_box(texts.touch(&hashes));
            for found in group {
                truncated |= give(found, texts, &mut recent, sink)?;
            }
        }
        batch.clear();
        let _ = back.send(batch); // the scanner may have ended
    }
    Ok(truncated)
}

/// The result that came last: nearly all are the same few.
#[derive(Default)]
struct Recent<'a> {
    text: &'a [u8],
    id: Option<u32>,
}

impl<'a> Recent<'a> {
    #[inline]
    fn id(&mut self, text: &'a [u8], texts: &mut Texts) -> u32 {
        match self.id {
            Some(id) if self.text == text => id,
            _ => {
                let id = texts.id(text);
                *self = Recent { text, id: Some(id) };
                id
            }
        }
    }
}

/// Gives one find to the sink; true where it is a line that is cut off.
#[inline]
fn give<'a, S: Sink>(found: &Found<'a>, texts: &mut Texts, recent: &mut Recent<'a>, sink: &mut S) -> Result<bool, Odd> {
    let id = |texts: &mut Texts, word: &Word| texts.id_hashed(word.text, word.hash);
    let maybe = |texts: &mut Texts, word: &Option<Word>| word.as_ref().map_or(NONE, |word| id(texts, word));
    let mut numbers = [0; 2];
    let (head, seen, line) = match found {
        Found::Recharge(head, said, line) => {
            let seen = Seen::Recharge {
                tx: id(texts, &said.tx),
                account: id(texts, &said.account),
                amount: id(texts, &said.amount),
                conflict: said.conflict,
                result: NONE,
                answer_tx: NONE,
            };
            (head, seen, *line)
        }
        Found::Answer(head, said, line) => {
            let tx = id(texts, &said.tx);
            let seen = Seen::Recharge {
                tx,
                account: NONE,
                amount: NONE,
                conflict: false,
                result: said.result.map_or(NONE, |result| recent.id(result, texts)),
                answer_tx: match &said.answer_tx {
                    AnswerTx::None => NONE,
                    AnswerTx::Same => tx,
                    AnswerTx::Other(word) => id(texts, word),
                },
            };
            (head, seen, *line)
        }
        Found::Query(head, path, tx, line) => {
            let tx = id(texts, tx);
            (head, Seen::Query { path: *path, tx }, *line)
        }
        Found::Balance(head, line) => (head, Seen::Balance, *line),
        Found::OpenAccount(head, account, line) => {
            let account = id(texts, account);
            (head, Seen::OpenAccount { account }, *line)
        }
        Found::Delivery(head, tx, times, line) => {
            let mut count = 0;
            for word in tx.iter().flatten() {
                numbers[count] = id(texts, word);
                count += 1;
            }
            let tx = &numbers[..count];
            (head, Seen::Delivery { tx, times: *times }, *line)
        }
        Found::Frame(head, line) => (head, Seen::Frame, *line),
        Found::Read(head, at, role) => return sink.read(head, *at, *role).map(|()| false),
        Found::Row(row) => {
            let row = match row {
                Row::Payment(tx, account, amount, result) => RowSeen::Payment {
                    tx: id(texts, tx),
                    account: id(texts, account),
                    amount: id(texts, amount),
                    result: result.map_or(NONE, |result| recent.id(result, texts)),
                },
                Row::Balance(account, balance) => RowSeen::Balance {
                    account: id(texts, account),
                    balance: maybe(texts, balance),
                },
                Row::Credit(tx) => RowSeen::Credit { tx: id(texts, tx) },
            };
            sink.know(texts.len());
            sink.row(&row, texts);
            return Ok(false);
        }
        Found::Line(line) => return whole(line, texts, sink).map(|()| false),
        Found::LastLine(line) => {
            return match parse(line) {
                Ok(_) => whole(line, texts, sink).map(|()| false),
                Err(_) => Ok(true),
            };
        }
        Found::Broken => return Err(Odd("the rows of a read are not as the harness writes them".into())),
    };
    sink.know(texts.len());
    sink.seen(head, &seen, texts, || parse(line))?;
    Ok(false)
}

fn parse(line: &[u8]) -> Result<Event, Odd> {
    let text = std::str::from_utf8(line).map_err(|_| Odd("a line is not UTF-8".into()))?;
    Event::from_line(text).map_err(|(_, e)| Odd(format!("a line is malformed: {e}")))
}

/// Parses a line as a whole, and gives it to the sink.
fn whole<S: Sink>(line: &[u8], texts: &mut Texts, sink: &mut S) -> Result<(), Odd> {
    let event = parse(line)?;
    let head = Head {
        index: event.index,
        time: event.time,
        process: match &event.process {
            Process::Client(number) => Some(*number),
            Process::Named(_) => None,
        },
        kind: event.kind,
    };
    let mut id = |text: &str| texts.id(text.as_bytes());
    let mut numbers = Vec::new();
    let seen = match &event.body {
        Body::Recharge(said) => Seen::Recharge {
            tx: id(&said.tx),
            account: id(&said.account),
            amount: id(&said.amount.to_string()),
            conflict: said.conflict,
            result: said.result.as_deref().map_or(NONE, &mut id),
            answer_tx: said.answer_tx.as_deref().map_or(NONE, &mut id),
        },
        Body::Query(path, query) => Seen::Query {
            path: *path,
            tx: id(&query.tx),
        },
        Body::Balance(_) => Seen::Balance,
        Body::OpenAccount(open) => Seen::OpenAccount {
            account: id(&open.account),
        },
        Body::Wire(wire) if wire.point.starts_with("DELIVER") => {
            let did = wire.did.as_deref().unwrap_or_default();
            numbers.extend(wire.tx.iter().map(|tx| id(tx)));
            Seen::Delivery {
                tx: &numbers,
                times: times(did.as_bytes()),
            }
        }
        Body::Wire(_) => Seen::Frame,
        Body::Read(_) if event.kind == Kind::Ok && event.error.is_none() => {
            return Err(Odd(format!(
                "event {}: a read that is not as the harness writes it",
                event.index
            )));
        }
        _ => return sink.event(event, &head),
    };
    sink.know(texts.len());
    sink.seen(&head, &seen, texts, || Ok(event.clone()))
}

/// Scans every line, batch by batch.
fn scan<'a>(bytes: &'a [u8], batches: &mut Batches<'a>) -> Result<(), Gone> {
    let mut shapes = Shapes::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some((found, behind)) = shapes.known(rest) {
            rest = behind;
            batches.push(found)?;
            continue;
        }
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
        let (line, behind) = rest.split_at(end);
        rest = behind;
        scan_line(line, &mut shapes, batches)?;
    }
    batches.send()
}

/// Scans a line of no known shape, its end included.
fn scan_line<'a>(line: &'a [u8], shapes: &mut Shapes, batches: &mut Batches<'a>) -> Result<(), Gone> {
    let content = without_end(line);
    if content.trim_ascii().is_empty() {
        return Ok(());
    }
    if !line.ends_with(b"\n") {
        return batches.push(Found::LastLine(content));
    }
    if let Some(found) = shapes.learn(line) {
        return batches.push(found);
    }
    let Some((head, at, mut rows)) = rows::read(content) else {
        return batches.push(Found::Line(content));
    };
    batches.push(Found::Read(head, at, rows.role()))?;
    scan_rows(&mut rows, batches)
}

fn scan_rows<'a>(rows: &mut Rows<'a>, batches: &mut Batches<'a>) -> Result<(), Gone> {
    loop {
        match rows.next() {
            Some(Some(row)) => batches.push(Found::Row(row))?,
            Some(None) => return Ok(()),
            None => return batches.push(Found::Broken),
        }
    }
}

/// Nobody takes the batches any more.
struct Gone;

/// What is found, on its way to the other thread.
struct Batches<'a> {
    batch: Batch<'a>,
    full: SyncSender<Batch<'a>>,
    empty: Receiver<Batch<'a>>,
}

impl<'a> Batches<'a> {
    #[inline]
    fn push(&mut self, found: Found<'a>) -> Result<(), Gone> {
        self.batch.push(found);
        if self.batch.len() >= BATCH { self.send() } else { Ok(()) }
    }

    /// Sends the batch, and takes an empty one for it.
    fn send(&mut self) -> Result<(), Gone> {
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
        self.full
            .send(std::mem::replace(&mut self.batch, next))
            .map_err(|_| Gone)
    }
}

//! Reads a history of payments from JSON lines: one thread scans, one counts.
//!
//! The scanner knows the lines that there are millions of, as the harness writes them. A line that it does not know
//! is parsed as [`history::read`](crate::history::read) parses it.

use std::path::Path;

use crate::formats::ReadError;
use crate::formats::pieces::Pieces;
use crate::history::{Body, Event, Process, Role};
use crate::intern::{TOUCHED, Texts};
use crate::parallel::pipeline;

use super::events::{Head, NONE, Recharge, RowSeen, Seen, Sink, Words};
use super::found::{Answer, AnswerTx, Found, Row, Word};
use super::pass::Pass;
use super::scanner::{Batch, scan};
use super::select::Select;
use super::{BulkResults, Odd, conclude};

/// How many finds are looked up at once; each has two texts at most.
const GROUP: usize = TOUCHED / 2;
/// How many batches may wait.
const BATCHES_WAITING: usize = 16;

/// Judges the history at `path`. The inner error says why that cannot be done here.
pub(super) fn read(path: &Path) -> Result<Result<BulkResults, Odd>, ReadError> {
    judge(&mut Pieces::open(path)?)
}

fn judge(pieces: &mut Pieces) -> Result<Result<BulkResults, Odd>, ReadError> {
    let mut texts = Texts::default();
    let mut pass = Pass::new();
    let truncated = match drive(pieces, &mut texts, &mut pass)? {
        Ok(truncated) => truncated,
        Err(odd) => return Ok(Err(odd)),
    };
    if !pass.settle() {
        let globals = std::mem::take(&mut pass.globals);
        return Ok(conclude(&pass, globals, truncated));
    }
    pass.globals = Vec::new();
    pieces.rewind();
    let mut select = Select::new(&pass);
    let selected = drive(pieces, &mut texts, &mut select)?;
    let events = select.events;
    Ok(selected.and_then(|_| conclude(&pass, events, truncated)))
}

impl Words for Texts {
    fn text(&self, id: u32) -> &str {
        self.str(id)
    }
}

impl Found {
    /// The hashes of the texts that are looked up for it; of those that need not be the same few every time.
    #[inline]
    fn hashes(&self, out: &mut Vec<u32>) {
        match self {
            Found::Recharge(_, said, _) => out.extend([said.tx.hash, said.account.hash]),
            Found::Row(Row::Payment(tx, account, ..)) => out.extend([tx.hash, account.hash]),
            Found::Answer(_, Answer { tx: word, .. }, _)
            | Found::Query(_, _, word, _)
            | Found::OpenAccount(_, word, _)
            | Found::Row(Row::Balance(word, _) | Row::Credit(word)) => out.push(word.hash),
            _ => {}
        }
    }
}

/// Scans the pieces on a thread of its own, and gives what it finds to the sink. Returns whether the file is cut off.
pub(super) fn drive<S: Sink>(
    pieces: &mut Pieces,
    texts: &mut Texts,
    sink: &mut S,
) -> Result<Result<bool, Odd>, ReadError> {
    let mut truncated = false;
    let mut hashes = Vec::with_capacity(TOUCHED);
    let scanned = pipeline(
        BATCHES_WAITING,
        |full, empty| scan(pieces, &full, &empty),
        |batch: &mut Batch| {
            truncated |= take(batch, &mut hashes, texts, sink)?;
            Ok(())
        },
    );
    match scanned {
        Ok(scanned) => scanned.map(|()| Ok(truncated)),
        Err(odd) => Ok(Err(odd)),
    }
}

/// Gives what was found to the sink; true where the last of it is a line that is cut off.
fn take<S: Sink>(batch: &Batch, hashes: &mut Vec<u32>, texts: &mut Texts, sink: &mut S) -> Result<bool, Odd> {
    let bytes = batch.bytes();
    let (mut truncated, mut recent) = (false, Recent::default());
    for group in batch.found.chunks(GROUP) {
        hashes.clear();
        group.iter().for_each(|found| found.hashes(hashes));
        std::hint::black_box(texts.touch(hashes));
        for found in group {
            truncated |= give(found, bytes, texts, &mut recent, sink)?;
        }
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
fn give<'a, S: Sink>(
    found: &Found,
    bytes: &'a [u8],
    texts: &mut Texts,
    recent: &mut Recent<'a>,
    sink: &mut S,
) -> Result<bool, Odd> {
    let id = |texts: &mut Texts, word: &Word| texts.id_hashed(word.span.text(bytes), word.hash);
    let maybe = |texts: &mut Texts, word: &Option<Word>| word.as_ref().map_or(NONE, |word| id(texts, word));
    let (head, seen, line) = match found {
        Found::Recharge(head, said, line) => {
            let seen = Seen::Recharge(Recharge {
                tx: id(texts, &said.tx),
                account: id(texts, &said.account),
                amount: id(texts, &said.amount),
                conflict: said.conflict,
                result: NONE,
                answer_tx: NONE,
            });
            (head, seen, *line)
        }
        Found::Answer(head, said, line) => {
            let tx = id(texts, &said.tx);
            let seen = Seen::Recharge(Recharge {
                tx,
                account: NONE,
                amount: NONE,
                conflict: false,
                result: said.result.map_or(NONE, |result| recent.id(result.text(bytes), texts)),
                answer_tx: match &said.answer_tx {
                    AnswerTx::None => NONE,
                    AnswerTx::Same => tx,
                    AnswerTx::Other(word) => id(texts, word),
                },
            });
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
        Found::Read(head, at, role) => return sink.read(head, *at, *role).map(|()| false),
        Found::Row(row) => {
            let row = match row {
                Row::Payment(tx, account, amount, result) => RowSeen::Payment {
                    tx: id(texts, tx),
                    account: id(texts, account),
                    amount: id(texts, amount),
                    result: result.map_or(NONE, |result| recent.id(result.text(bytes), texts)),
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
        Found::Line(line) => return whole(line.text(bytes), texts, sink).map(|()| false),
        Found::LastLine(line) => {
            return match parse(line.text(bytes)) {
                Ok(_) => whole(line.text(bytes), texts, sink).map(|()| false),
                Err(_) => Ok(true),
            };
        }
        Found::Broken(what) => return Err(Odd((*what).into())),
    };
    sink.know(texts.len());
    sink.seen(head, &seen, texts, || parse(line.text(bytes)))?;
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
        Body::Recharge(said) => Seen::Recharge(Recharge {
            tx: id(&said.tx),
            account: id(&said.account),
            amount: id(&said.amount.to_string()),
            conflict: said.conflict,
            result: said.result.as_deref().map_or(NONE, &mut id),
            answer_tx: said.answer_tx.as_deref().map_or(NONE, &mut id),
        }),
        Body::Query(path, query) => Seen::Query {
            path: *path,
            tx: id(&query.tx),
        },
        Body::Balance(_) => Seen::Balance,
        Body::OpenAccount(open) => Seen::OpenAccount {
            account: id(&open.account),
        },
        Body::Wire(wire) if wire.role == Role::Delivered => {
            numbers.extend(wire.key("tx").iter().map(|tx| id(tx)));
            Seen::Delivery {
                tx: &numbers,
                times: u32::from(wire.arrived()),
            }
        }
        Body::Wire(_) => Seen::Frame,
        _ => return sink.event(event, &head),
    };
    sink.know(texts.len());
    sink.seen(&head, &seen, texts, || Ok(event.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Payments of one account, which gained so much more than they were.
    fn history(payments: u32, more: u32) -> String {
        let mut lines = String::new();
        let mut index = 0;
        let mut line = |process: &str, kind: &str, f: &str, value: &str| {
            let head = format!(r#"{{"index":{index},"time":{index},"process":{process},"type":"{kind}""#);
            let _ = writeln!(lines, r#"{head},"f":"{f}","value":{value}}}"#);
            index += 1;
        };
        line(
            "\"run\"",
            "info",
            "history",
            r#"{"format":"paytwice-history","version":1,"target":"t","run":"r","stack":"none","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"promise":{"base":10,"scale":2,"late_is_valid":false,"success":["success"],"failed":["fail"]}}"#,
        );
        let balance = |minor: u32| format!(r#"{{"account":"a","balance":"{}.{:02}"}}"#, minor / 100, minor % 100);
        let read = |line: &mut dyn FnMut(&str, &str, &str, &str), at: &str, role: &str, rows: &str| {
            let value = format!(r#"{{"at":"{at}","read":"{role}","rows":[{rows}]}}"#);
            line("\"final\"", "ok", "read", &value);
        };
        read(&mut line, "initial", "balances", &balance(0));
        for n in 0..payments {
            let value = format!(r#"{{"tx":"tx-{n}","account":"a","amount":"1","attempt":1"#);
            line("7", "invoke", "recharge", &format!("{value}}}"));
            line(
                "7",
                "ok",
                "recharge",
                &format!(r#"{value},"answer_tx":"tx-{n}","result":"success"}}"#),
            );
        }
        let row = |n| format!(r#"{{"tx":"tx-{n}","account":"a","amount":"0.01","result":"success"}}"#);
        let rows: Vec<String> = (0..payments).map(row).collect();
        read(&mut line, "final", "payments", &rows.join(","));
        read(&mut line, "final", "balances", &balance(payments + more));
        lines
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        let path = std::env::temp_dir().join(format!("paytwice-pieces-{}.jsonl", std::process::id()));
        for more in [0, 1] {
            std::fs::write(&path, history(50, more)).unwrap();
            let whole = read(&path).unwrap().unwrap();
            assert_eq!(whole.events, 104);
            for piece_bytes in [1, 100, 1000] {
                let mut pieces = Pieces::with(&path, piece_bytes).unwrap();
                assert_eq!(judge(&mut pieces).unwrap().unwrap(), whole);
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}

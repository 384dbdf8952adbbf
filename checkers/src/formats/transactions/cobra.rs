//! Cobra's logs: a directory with a file `*.log` per client, each a session.
//!
//! A record is a letter and numbers of 8 bytes in big endian: `S txn` begins a transaction and `C txn` commits it, `W write
//! key value` writes, `R txn write key value` reads what that write of that transaction wrote. Keys and values are hashes;
//! a write has a number of its own, which is what is compared. Records with timestamps, which Cobra writes when it is told
//! to, are not read. Aborted transactions are not logged. One without its end at the end of a log may have committed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::ops::Kind;

use super::super::error::{CutOff, ReadError};
use super::super::reader::io;
use super::{Initial, Transactions, Word};

/// In the place of a transaction and of a write: the initial one, and none at all.
const INITIAL: i64 = 0xbebe_ebee;
const NULL: i64 = 0xdead_beef;
/// Reads of these writes are of the flag of Cobra's own garbage collection.
const COLLECTED: [i64; 2] = [0x2333_2333, 0x6666_6666];

/// Reads the logs of a directory, by their names.
pub(in super::super) fn open(directory: &Path) -> Result<Transactions, ReadError> {
    let name = directory.display().to_string();
    let logs = logs(directory).map_err(io(&name))?;
    if logs.is_empty() {
        let problem = "holds no file *.log: Cobra writes one per client".to_owned();
        return Err(ReadError::Unreadable { file: name, problem });
    }
    let mut gathered = Transactions::default();
    for (session, log) in logs.iter().enumerate() {
        let file = log.display().to_string();
        let bytes = std::fs::read(log).map_err(io(&file))?;
        session_of(&bytes, &file, session as i64, &mut gathered)?;
    }
    Ok(gathered.gathered(Initial::Nothing))
}

/// Reads one log.
pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut gathered = Transactions::default();
    session_of(bytes, file, 0, &mut gathered)?;
    Ok(gathered.gathered(Initial::Nothing))
}

/// Whether a directory holds such logs: each `*.log` begins like one.
pub(in super::super) fn holds(directory: &Path) -> bool {
    logs(directory).is_ok_and(|logs| !logs.is_empty() && logs.iter().all(|log| begins(log).is_ok_and(|it| it)))
}

/// Whether a log begins with the start of a transaction, if with anything.
fn begins(log: &Path) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    File::open(log)?.take(10).read_to_end(&mut bytes)?;
    let next = bytes.get(9).is_none_or(|letter| b"RWC".contains(letter));
    Ok(bytes.first().is_none_or(|letter| *letter == b'S') && next)
}

fn logs(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") && path.is_file() {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}

/// A record, by its letter.
enum Record {
    Start(i64),
    Commit(i64),
    Write { write: i64, key: i64 },
    Read { txn: i64, write: i64, key: i64 },
}

fn session_of(bytes: &[u8], file: &str, session: i64, gathered: &mut Transactions) -> Result<(), ReadError> {
    let damaged = |offset: usize, expected: &str, found: String| ReadError::Damaged {
        file: file.to_owned(),
        offset: offset as u64,
        expected: expected.to_owned(),
        found,
    };
    let (mut at, mut open) = (0, None);
    while at < bytes.len() {
        let (record, length) = match record(&bytes[at..]) {
            Ok(Some(read)) => read,
            Ok(None) => {
                let (line, bytes) = (gathered.txns.len() as u64, (bytes.len() - at) as u64);
                gathered.cut_off.get_or_insert(CutOff { line, bytes });
                return Ok(());
            }
            Err(letter) => {
                let found = format!("byte {letter:#04x}");
                return Err(damaged(at, "a record S, C, W or R", found));
            }
        };
        match (record, open) {
            (Record::Start(name), None) => {
                let txn = gathered.begin(session, Kind::Info, gathered.txns.len() as u64 + 1);
                open = Some((name, txn));
            }
            (Record::Start(name), Some((begun, _))) => {
                let expected = format!("the commit of transaction {begun:#x}");
                return Err(damaged(at, &expected, format!("the start of {name:#x}")));
            }
            (Record::Commit(name), Some((begun, txn))) if name == begun => {
                gathered.txns[txn as usize].kind = Kind::Ok;
                open = None;
            }
            (Record::Commit(name), _) => {
                let found = format!("the commit of {name:#x}");
                return Err(damaged(at, "a record of the transaction that began last", found));
            }
            (Record::Write { write, key }, Some((_, txn))) => {
                gathered.write(txn, Word::Int(key), Word::Int(write));
            }
            (
                Record::Read {
                    txn: INITIAL, write, ..
                },
                Some(_),
            ) if COLLECTED.contains(&write) => {}
            (Record::Read { txn: from, write, key }, Some((_, txn))) => {
                let initial = matches!(from, INITIAL | NULL) && matches!(write, INITIAL | NULL);
                gathered.read(txn, Word::Int(key), (!initial).then_some(Word::Int(write)));
            }
            (Record::Write { .. } | Record::Read { .. }, None) => {
                return Err(damaged(
                    at,
                    "the start of a transaction",
                    "a read or a write".to_owned(),
                ));
            }
        }
        at += length;
    }
    Ok(())
}

/// The first record and its length; None where the bytes end within it; its letter where that is none of a record.
fn record(bytes: &[u8]) -> Result<Option<(Record, usize)>, u8> {
    let numbers = match bytes[0] {
        b'S' | b'C' => 1,
        b'W' => 3,
        b'R' => 4,
        letter => return Err(letter),
    };
    let length = 1 + 8 * numbers;
    let Some(fields) = bytes.get(1..length) else {
        return Ok(None);
    };
    let (numbers, _) = fields.as_chunks::<8>();
    let number = |nth: usize| i64::from_be_bytes(numbers[nth]);
    let record = match bytes[0] {
        b'S' => Record::Start(number(0)),
        b'C' => Record::Commit(number(0)),
        b'W' => Record::Write {
            write: number(0),
            key: number(1),
        },
        _ => Record::Read {
            txn: number(0),
            write: number(1),
            key: number(2),
        },
    };
    Ok(Some((record, length)))
}

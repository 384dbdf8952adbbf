//! Replies: what comes back for a command, packet by packet, to its end.
//!
//! Never: looks at columns or rows.

use paytwice_checkers::history::Outcome;

use super::handshake::Capabilities;
use super::packet::{Broken, Head, PACKET_BYTES_MAX, Reader};

/// So much of a packet tells all that is needed: an OK packet up to its status.
pub(super) const LOOK_BYTES: usize = 32;
/// A table or result has fewer columns.
const COLUMNS_MAX: u64 = 0xffff;

const OK: u8 = 0x00;
const LOCAL_FILE: u8 = 0xfb;
const END: u8 = 0xfe;
const ERROR: u8 = 0xff;

const STATUS_IN_TRANSACTION: u16 = 0x0001;
const STATUS_AUTOCOMMIT: u16 = 0x0002;
const STATUS_MORE_RESULTS: u16 = 0x0008;
const STATUS_CURSOR_EXISTS: u16 = 0x0040;
const STATUS_NO_BACKSLASH_ESCAPES: u16 = 0x0200;

/// What is still to come of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// One packet, whatever it is.
    One,
    /// The end of a login; before it, questions that the client answers.
    Login,
    /// OK, an error, the wish for a file of the client, or the number of columns.
    Result,
    /// So many columns.
    Columns(u64),
    /// The packet between columns and rows.
    ColumnsEnd,
    /// Rows, or anything else that has no number and goes on to an end.
    Rows,
    /// The outcome of preparing a statement.
    Prepared,
    /// So many packets that tell about parameters and columns.
    Described(u32),
}

/// What one packet says about its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more.
    More,
    /// The client must see this packet before there can be more.
    Question {
        /// It must send a file now.
        file: bool,
    },
    /// This is the last packet.
    Ended,
}

/// What a reply told on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The last status of the connection; None where nothing was said.
    pub(super) status: Option<Status>,
    /// The code of the error that it ended with.
    pub(super) error: Option<u16>,
    /// How many rows were changed.
    pub(super) affected: u64,
    /// The statement that was prepared: its number, and that of its parameters.
    pub(super) prepared: Option<(u32, u16)>,
}

impl Told {
    /// What came of the command.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match (self.error, self.affected) {
            (Some(code), _) => Some(Outcome::Error(code.into())),
            (None, 0) => None,
            (None, rows) => Some(Outcome::Affected(rows)),
        }
    }
}

/// How things stand on a connection, as the server says behind most commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u16);

impl Status {
    /// Whether a transaction is open.
    pub(super) fn in_transaction(self) -> bool {
        self.0 & STATUS_IN_TRANSACTION != 0
    }

    /// Whether a statement outside of a transaction is one of its own.
    pub(super) fn autocommit(self) -> bool {
        self.0 & STATUS_AUTOCOMMIT != 0
    }

    /// Whether a backslash in a text is a character like any other.
    pub(super) fn no_backslash_escapes(self) -> bool {
        self.0 & STATUS_NO_BACKSLASH_ESCAPES != 0
    }
}

/// True for a packet that reports an error; it may come at any time.
pub(super) fn is_error(head: &Head<'_>) -> bool {
    head.bytes.first() == Some(&ERROR)
}

impl Reply {
    /// Takes the next packet.
    pub(super) fn take(
        &mut self,
        head: &Head<'_>,
        capabilities: Capabilities,
        told: &mut Told,
    ) -> Result<Progress, Broken> {
        let first = head.first()?;
        if first == ERROR {
            let mut rest = Reader(head.bytes);
            rest.take(1);
            told.error = Some(rest.number(2).map_or(0, |code| code as u16));
            return Ok(Progress::Ended);
        }
        match self {
            Reply::Login if first != OK => Ok(Progress::Question { file: false }),
            Reply::One | Reply::Login => {
                if let Some((_, status)) = ok(head) {
                    told.status = Some(Status(status));
                }
                Ok(Progress::Ended)
            }
            Reply::Result => self.result(head, capabilities, told),
            Reply::Columns(left) => {
                *left -= 1;
                if *left == 0 {
                    *self = after_columns(capabilities);
                }
                Ok(Progress::More)
            }
            Reply::ColumnsEnd => self.columns_end(head, told),
            Reply::Rows if is_end(head) => self.rows_end(head, capabilities, told),
            Reply::Rows => Ok(Progress::More),
            Reply::Prepared => self.prepared(head, capabilities, told),
            Reply::Described(left) => {
                *left -= 1;
                Ok(if *left == 0 { Progress::Ended } else { Progress::More })
            }
        }
    }

    fn result(&mut self, head: &Head<'_>, capabilities: Capabilities, told: &mut Told) -> Result<Progress, Broken> {
        match head.first()? {
            OK => {
                let (affected, status) = ok(head).ok_or(Broken)?;
                told.affected = told.affected.saturating_add(affected);
                Ok(self.end_of_result(status, told))
            }
            LOCAL_FILE => Ok(Progress::Question { file: true }),
            _ => {
                let mut rest = Reader(head.bytes);
                let columns = rest.length().filter(|n| (1..=COLUMNS_MAX).contains(n)).ok_or(Broken)?;
                let described = match capabilities.optional_metadata() {
                    true => rest.number(1).ok_or(Broken)? != 0,
                    false => true,
                };
                if !head.is_whole() || !rest.0.is_empty() {
                    return Err(Broken);
                }
                *self = match described {
                    true => Reply::Columns(columns),
                    false => after_columns(capabilities),
                };
                Ok(Progress::More)
            }
        }
    }

    /// With a cursor there are no rows behind the columns: they are fetched.
    fn columns_end(&mut self, head: &Head<'_>, told: &mut Told) -> Result<Progress, Broken> {
        let status = eof_status(head).filter(|_| is_end(head)).ok_or(Broken)?;
        if status & STATUS_CURSOR_EXISTS != 0 {
            return Ok(self.end_of_result(status, told));
        }
        *self = Reply::Rows;
        Ok(Progress::More)
    }

    fn rows_end(&mut self, head: &Head<'_>, capabilities: Capabilities, told: &mut Told) -> Result<Progress, Broken> {
        let status = match capabilities.deprecate_eof() {
            true => ok(head).map(|(_, status)| status),
            false => eof_status(head),
        };
        Ok(self.end_of_result(status.ok_or(Broken)?, told))
    }

    fn end_of_result(&mut self, status: u16, told: &mut Told) -> Progress {
        told.status = Some(Status(status));
        if status & STATUS_MORE_RESULTS == 0 {
            return Progress::Ended;
        }
        *self = Reply::Result;
        Progress::More
    }

    /// OK, number (4), columns (2), parameters (2), 1 of nothing, warnings (2), whether they are told about.
    fn prepared(&mut self, head: &Head<'_>, capabilities: Capabilities, told: &mut Told) -> Result<Progress, Broken> {
        let mut rest = Reader(head.bytes);
        let mut number = |bytes| rest.number(bytes).ok_or(Broken);
        if number(1)? != u64::from(OK) {
            return Err(Broken);
        }
        let (statement, columns, parameters) = (number(4)?, number(2)?, number(2)?);
        let _nothing_and_warnings = number(3)?;
        let described = !capabilities.optional_metadata() || number(1).is_ok_and(|told| told != 0);
        told.prepared = Some((statement as u32, parameters as u16));
        let end = u32::from(!capabilities.deprecate_eof());
        let packets = [parameters, columns]
            .into_iter()
            .filter(|count| *count > 0 && described)
            .map(|count| count as u32 + end)
            .sum();
        if packets == 0 {
            return Ok(Progress::Ended);
        }
        *self = Reply::Described(packets);
        Ok(Progress::More)
    }
}

fn after_columns(capabilities: Capabilities) -> Reply {
    match capabilities.deprecate_eof() {
        true => Reply::Rows,
        false => Reply::ColumnsEnd,
    }
}

/// A row may begin with the same byte, but only when it is longer than one packet.
fn is_end(head: &Head<'_>) -> bool {
    head.bytes.first() == Some(&END) && head.length < PACKET_BYTES_MAX
}

/// OK: affected rows, last inserted number, status. The first and the last of these.
fn ok(head: &Head<'_>) -> Option<(u64, u16)> {
    let mut rest = Reader(head.bytes);
    if ![OK, END].contains(&(rest.number(1)? as u8)) {
        return None;
    }
    let affected = rest.length()?;
    rest.length()?;
    rest.number(2).map(|status| (affected, status as u16))
}

/// EOF: warnings, status.
fn eof_status(head: &Head<'_>) -> Option<u16> {
    let mut rest = Reader(head.bytes);
    rest.take(1 + 2)?;
    rest.number(2).map(|status| status as u16)
}

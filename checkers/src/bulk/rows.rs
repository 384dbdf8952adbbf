//! Scans a read of a history of payments, and its rows: a line that may be as long as all others together.
//!
//! Knows the rows as the harness writes them, and only reads that succeeded.

use crate::history::{Kind, ReadMoment};
use crate::ledger::Role;

use super::events::Head;
use super::found::{Row, Span, Word};
use super::line::begin;
use super::tokens;

/// What is left of the rows. Every method is None where they are not as expected.
pub(super) struct Rows<'a> {
    role: Role,
    rest: &'a [u8],
}

/// A read that succeeded, up to its rows: of a line that has an end, and of which `lines` is the beginning.
pub(super) fn read(lines: &[u8]) -> Option<(Head, ReadMoment, Rows<'_>)> {
    let (index, time, rest) = begin(lines)?;
    let mut rows = Rows {
        role: Role::Payments,
        rest,
    };
    rows.string()?;
    rows.skip(b",\"type\":\"ok\",\"f\":\"read\",\"value\":{\"at\":")?;
    let at = match rows.string()? {
        b"initial" => ReadMoment::Initial,
        b"before-compensate" => ReadMoment::BeforeCompensate,
        b"final" => ReadMoment::Final,
        _ => return None,
    };
    rows.skip(b",\"read\":")?;
    rows.role = match rows.string()? {
        b"payments" => Role::Payments,
        b"balances" => Role::Balances,
        b"credits" => Role::Credits,
        _ => return None,
    };
    rows.skip(b",\"rows\":[")?;
    let head = Head {
        index,
        time,
        process: None,
        kind: Kind::Ok,
    };
    Some((head, at, rows))
}

impl<'a> Rows<'a> {
    /// What the rows are about.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// What is left of them.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// What stands behind their line, once they are at an end.
    #[inline]
    pub(super) fn behind(&self) -> Option<&'a [u8]> {
        let end = self.rest.strip_prefix(b"]}}")?;
        end.strip_prefix(b"\n").or_else(|| end.strip_prefix(b"\r\n"))
    }

    /// The next row, in the bytes of a batch.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<Row> {
        let row = match self.role {
            Role::Payments => {
                self.skip(b"{\"tx\":")?;
                let tx = self.string()?;
                self.skip(b",\"account\":")?;
                let account = self.string()?;
                self.skip(b",\"amount\":")?;
                let amount = self.string()?;
                self.skip(b",\"result\":")?;
                let result = match self.string_or_null()? {
                    None => None,
                    Some(result) => Some(Span::of(result, bytes)?),
                };
                let word = |text| Word::of(text, bytes);
                Row::Payment(word(tx)?, word(account)?, word(amount)?, result)
            }
            Role::Balances => {
                self.skip(b"{\"account\":")?;
                let account = self.string()?;
                self.skip(b",\"balance\":")?;
                let balance = match self.string_or_null()? {
                    None => None,
                    Some(balance) => Some(Word::of(balance, bytes)?),
                };
                Row::Balance(Word::of(account, bytes)?, balance)
            }
            Role::Credits => {
                self.skip(b"{\"tx\":")?;
                Row::Credit(Word::of(self.string()?, bytes)?)
            }
        };
        self.skip(b"}")?;
        // Rows are divided by commas; the bracket behind the last has none before it.
        match self.rest {
            [b',', b'{', ..] => self.rest = &self.rest[1..],
            [b']', b'}', b'}', ..] => {}
            _ => return None,
        }
        Some(row)
    }

    #[inline]
    fn skip(&mut self, what: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    #[inline]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.skip(b"\"")?;
        let (text, behind) = self.rest.split_at(tokens::plain(self.rest));
        self.rest = behind.strip_prefix(b"\"")?;
        Some(text)
    }

    #[inline]
    fn string_or_null(&mut self) -> Option<Option<&'a [u8]>> {
        if let Some(rest) = self.rest.strip_prefix(b"null") {
            self.rest = rest;
            return Some(None);
        }
        self.string().map(Some)
    }
}

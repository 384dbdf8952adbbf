//! Scans a line of a history of payments key by key, in whatever order its keys come: no allocation, no copy.
//!
//! Knows the lines that there are millions of. Of any other line it says nothing. Where the numbers and texts stand is
//! noted, so that the next line of the same [shape](super::shape) needs no look at its keys.

use crate::history::{Kind, QueryPath};

use super::events::Head;
use super::found::{Name, Said, What};
use super::tokens;

/// What stands where in a line, as far as lines of one shape differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Process,
    /// A number that only has to be no larger.
    Number(u64),
    /// A text, between its quotes.
    Text(Name),
}

/// A slot, and where it begins and ends in its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) slot: Slot,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What is left of a line to scan. Every method is None where the line is not as expected.
pub(super) struct Line<'a, 'p> {
    rest: &'a [u8],
    line: &'a [u8],
    said: Said<'a>,
    places: &'p mut Vec<Place>,
}

/// `{"index":0,"time":0,"process":`: index, time, and what stands behind it.
#[inline]
pub(super) fn begin(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (index, rest) = tokens::number(line.strip_prefix(b"{\"index\":")?)?;
    let (time, rest) = tokens::number(rest.strip_prefix(b",\"time\":")?)?;
    Some((index, time, rest.strip_prefix(b",\"process\":")?))
}

impl<'a, 'p> Line<'a, 'p> {
    /// The places of its slots are pushed to `places`.
    pub(super) fn new(line: &'a [u8], places: &'p mut Vec<Place>) -> Line<'a, 'p> {
        Line {
            rest: line,
            line,
            said: Said::default(),
            places,
        }
    }

    /// What the line is about, and what it says.
    pub(super) fn scan(mut self) -> Option<(Head, What, Said<'a>)> {
        let (head, f) = self.head()?;
        let what = match f {
            b"recharge" => self.recharge()?,
            b"query-pay" => self.query(QueryPath::Pay)?,
            b"query-account" => self.query(QueryPath::Account)?,
            b"compensate" => self.query(QueryPath::Compensate)?,
            b"balance" => self.balance()?,
            b"open-account" => self.open_account()?,
            _ => return None,
        };
        Some((head, what, self.said))
    }

    fn skip(&mut self, what: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    fn place(&mut self, slot: Slot, length: usize) {
        let start = self.line.len() - self.rest.len();
        let end = start + length;
        self.places.push(Place { slot, start, end });
    }

    fn digits(&mut self, slot: Slot) -> Option<u64> {
        let (value, rest) = tokens::number(self.rest)?;
        self.place(slot, self.rest.len() - rest.len());
        self.rest = rest;
        Some(value)
    }

    /// A plain text.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.skip(b"\"")?;
        let (text, behind) = self.rest.split_at(tokens::plain(self.rest));
        self.rest = behind.strip_prefix(b"\"")?;
        Some(text)
    }

    fn text(&mut self, name: Name) -> Option<()> {
        let from = self.rest;
        let text = self.string()?;
        let behind = std::mem::replace(&mut self.rest, from.strip_prefix(b"\"")?);
        self.place(Slot::Text(name), text.len());
        self.rest = behind;
        self.said.put(name, text);
        Some(())
    }

    fn number(&mut self, max: u64) -> Option<()> {
        self.digits(Slot::Number(max)).filter(|value| *value <= max).map(|_| ())
    }

    fn bool(&mut self) -> Option<bool> {
        if self.rest.starts_with(b"true") {
            self.rest = &self.rest[4..];
            return Some(true);
        }
        self.skip(b"false").map(|()| false)
    }

    /// `{"index":0,"time":0,"process":0,"type":"ok","f":"recharge","value":{` and the `f`.
    fn head(&mut self) -> Option<(Head, &'a [u8])> {
        let (index, time, rest) = begin(self.rest)?;
        self.rest = rest;
        if self.rest.first() == Some(&b'"') {
            self.string()?;
        } else {
            self.said.process = Some(self.digits(Slot::Process)?);
        }
        self.skip(b",\"type\":")?;
        let kind = match self.string()? {
            b"invoke" => Kind::Invoke,
            b"ok" => Kind::Ok,
            b"fail" => Kind::Fail,
            b"info" => Kind::Info,
            _ => return None,
        };
        self.skip(b",\"f\":")?;
        let f = self.string()?;
        self.skip(b",\"value\":{")?;
        let head = Head {
            index,
            time,
            process: self.said.process,
            kind,
        };
        Some((head, f))
    }

    /// The next key of the value, behind its colon; None within at its end, behind which only an error may follow.
    fn key(&mut self, first: bool) -> Option<Option<&'a [u8]>> {
        match self.rest.first()? {
            b'}' => {
                self.rest = &self.rest[1..];
                if self.rest.starts_with(b",\"error\":") {
                    self.skip(b",\"error\":")?;
                    self.text(Name::Other)?;
                }
                return (self.rest == b"}").then_some(None);
            }
            b',' if !first => self.rest = &self.rest[1..],
            _ if !first => return None,
            _ => {}
        }
        let key = self.string()?;
        self.skip(b":")?;
        Some(Some(key))
    }

    /// Every key of the value; `take` takes in what stands behind one, and says which of the keys it is.
    fn keys(&mut self, mut take: impl FnMut(&mut Self, &[u8]) -> Option<u16>) -> Option<Keys> {
        let mut seen = Keys(0);
        let mut first = true;
        while let Some(key) = self.key(std::mem::take(&mut first))? {
            let bit = 1 << take(self, key)?;
            if seen.0 & bit != 0 {
                return None;
            }
            seen.0 |= bit;
        }
        Some(seen)
    }

    fn recharge(&mut self) -> Option<What> {
        let mut conflict = false;
        let seen = self.keys(|line, key| match key {
            b"tx" => line.text(Name::Tx).map(|()| 0),
            b"account" => line.text(Name::Account).map(|()| 1),
            b"amount" => line.text(Name::Amount).map(|()| 2),
            b"attempt" => line.number(u64::from(u32::MAX)).map(|()| 3),
            b"k" => line.number(u64::from(u32::MAX)).map(|()| 4),
            b"status" => line.number(u64::from(u16::MAX)).map(|()| 5),
            b"result" => line.text(Name::Result).map(|()| 6),
            b"answer_tx" => line.text(Name::AnswerTx).map(|()| 7),
            b"answer_account" => line.text(Name::Other).map(|()| 8),
            b"answer_amount" => line.text(Name::Other).map(|()| 9),
            b"good" => line.bool().map(|_| 10),
            b"conflict" => {
                conflict = line.bool()?;
                Some(11)
            }
            _ => None,
        })?;
        seen.all([0, 1, 2, 3]).then_some(What::Recharge { conflict })
    }

    /// A question about the text called `about`, with the status and the text called `answer` of its answer.
    fn question(&mut self, about: &[u8], name: Name, answer: &[u8]) -> Option<()> {
        let seen = self.keys(|line, key| {
            if key == about {
                line.text(name).map(|()| 0)
            } else if key == b"status" {
                line.number(u64::from(u16::MAX)).map(|()| 1)
            } else if key == answer {
                line.text(Name::Other).map(|()| 2)
            } else {
                None
            }
        })?;
        seen.all([0]).then_some(())
    }

    fn query(&mut self, path: QueryPath) -> Option<What> {
        self.question(b"tx", Name::Tx, b"result")?;
        Some(What::Query(path))
    }

    fn balance(&mut self) -> Option<What> {
        self.question(b"account", Name::Account, b"balance")?;
        Some(What::Balance)
    }

    fn open_account(&mut self) -> Option<What> {
        let seen = self.keys(|line, key| match key {
            b"account" => line.text(Name::Account).map(|()| 0),
            _ => None,
        })?;
        seen.all([0]).then_some(What::OpenAccount)
    }
}

/// Which keys there were: none may come twice.
struct Keys(u16);

impl Keys {
    fn all<const N: usize>(&self, bits: [u16; N]) -> bool {
        bits.iter().all(|bit| self.0 & 1 << bit != 0)
    }
}

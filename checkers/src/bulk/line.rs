//! Scans a line of a history of payments, as the harness writes it: no allocation, no copy.
//!
//! Knows the lines that there are millions of, and the rows of reads. Of any other line it says nothing.

use crate::history::{Kind, QueryPath, ReadMoment};
use crate::intern::hash;
use crate::ledger::Role;

use super::events::Head;

/// A text of a line, with its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) hash: u64,
}

impl<'a> Word<'a> {
    fn new(text: &'a [u8]) -> Word<'a> {
        Word { text, hash: hash(text) }
    }
}

/// What the scanner has found: a line, or a row of a read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    Recharge(Head, Recharge<'a>, &'a [u8]),
    Answer(Head, Answer<'a>, &'a [u8]),
    Query(Head, QueryPath, Word<'a>, &'a [u8]),
    Balance(Head, &'a [u8]),
    OpenAccount(Head, Word<'a>, &'a [u8]),
    Delivery(Head, [Option<Word<'a>>; 2], u32, &'a [u8]),
    Frame(Head, &'a [u8]),
    Read(Head, ReadMoment, Role),
    Row(Row<'a>),
    /// To be parsed as a whole.
    Line(&'a [u8]),
    /// The last line, without its end; it may be cut off.
    LastLine(&'a [u8]),
    /// A read whose rows are not as they should be.
    Broken,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Recharge<'a> {
    pub(super) tx: Word<'a>,
    pub(super) account: Word<'a>,
    pub(super) amount: Word<'a>,
    pub(super) conflict: bool,
}

/// The number in an answer: nearly always the one that was asked with.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnswerTx<'a> {
    None,
    Same,
    Other(Word<'a>),
}

/// How a recharge ended: what it was begun with is known already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) tx: Word<'a>,
    pub(super) result: Option<&'a [u8]>,
    pub(super) answer_tx: AnswerTx<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'a> {
    Payment(Word<'a>, Word<'a>, Word<'a>, Option<&'a [u8]>),
    Balance(Word<'a>, Option<Word<'a>>),
    Credit(Word<'a>),
}

/// How often a frame arrived: not at all where it was dropped on its way.
pub(super) fn times(did: &[u8]) -> u32 {
    let has = |what: &[u8]| memchr::memmem::find(did, what).is_some();
    u32::from(did.is_empty() || !has(b"dropped") && !has(b"lost"))
}

/// What is left of a line to scan. Every method is None where the line is not as expected.
pub(super) struct Line<'a> {
    pub(super) rest: &'a [u8],
    pub(super) line: &'a [u8],
}

/// How many bytes are plain text: ASCII without quotes, escapes and control characters. Eight bytes at a time.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * 0x22));
        let escape = zero(word ^ (ONES * 0x5c));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let ends = (quote | escape | control | word) & HIGH;
        if ends != 0 {
            return 8 * at + ends.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |b: &u8| matches!(b, 0x20..0x80) && !matches!(b, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(|b| !is_plain(b)).unwrap_or(rest.len())
}

impl<'a> Line<'a> {
    pub(super) fn new(line: &'a [u8]) -> Line<'a> {
        Line { rest: line, line }
    }

    #[inline]
    fn skip(&mut self, what: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    /// A whole number without leading zeros.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        let mut length = 0;
        for byte in self.rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + u64::from(digit);
            length += 1;
            if length > 18 {
                return None;
            }
        }
        if length == 0 || length > 1 && self.rest[0] == b'0' {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(value)
    }

    /// A plain text, behind its opening quote.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        let (text, behind) = self.rest.split_at(plain(self.rest));
        self.rest = behind.strip_prefix(b"\"")?;
        Some(text)
    }

    #[inline]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.skip(b"\"")?;
        self.text()
    }

    fn bool(&mut self) -> Option<bool> {
        if self.rest.starts_with(b"true") {
            self.rest = &self.rest[4..];
            return Some(true);
        }
        self.skip(b"false").map(|()| false)
    }

    fn string_or_null(&mut self) -> Option<Option<&'a [u8]>> {
        if let Some(rest) = self.rest.strip_prefix(b"null") {
            self.rest = rest;
            return Some(None);
        }
        self.string().map(Some)
    }

    /// `{"index":0,"time":0,"process":0,"type":"ok","f":"recharge","value":{` and the `f`.
    #[inline]
    fn head(&mut self) -> Option<(Head, &'a [u8])> {
        self.skip(b"{\"index\":")?;
        let index = self.number()?;
        self.skip(b",\"time\":")?;
        let time = self.number()?;
        self.skip(b",\"process\":")?;
        let process = if self.rest.first() == Some(&b'"') {
            self.string()?;
            None
        } else {
            Some(self.number()?)
        };
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
            process,
            kind,
        };
        Some((head, f))
    }

    /// The next key of the value, behind its colon; None within at its end, behind which only an error may follow.
    #[inline]
    fn key(&mut self, first: bool) -> Option<Option<&'a [u8]>> {
        match self.rest.first()? {
            b'}' => {
                self.rest = &self.rest[1..];
                if self.rest.starts_with(b",\"error\":") {
                    self.skip(b",\"error\":")?;
                    self.string()?;
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

    pub(super) fn found(mut self) -> Option<Found<'a>> {
        let (head, f) = self.head()?;
        match f {
            b"recharge" => self.recharge(head),
            b"wire" => self.wire(head),
            b"query-pay" => self.query(head, QueryPath::Pay),
            b"query-account" => self.query(head, QueryPath::Account),
            b"compensate" => self.query(head, QueryPath::Compensate),
            b"balance" => self.balance(head),
            b"open-account" => self.open_account(head),
            _ => None,
        }
    }

    fn recharge(&mut self, head: Head) -> Option<Found<'a>> {
        let (mut tx, mut account, mut amount) = (None, None, None);
        let (mut result, mut answer_tx) = (None, None);
        let mut conflict = false;
        let mut seen = Once::default();
        let mut first = true;
        while let Some(key) = self.key(std::mem::take(&mut first))? {
            match key {
                b"tx" => seen.text(0, &mut tx, self.string()?)?,
                b"account" => seen.text(1, &mut account, self.string()?)?,
                b"amount" => seen.text(2, &mut amount, self.string()?)?,
                b"attempt" => seen.number(3, self.number()?, u64::from(u32::MAX))?,
                b"k" => seen.number(4, self.number()?, u64::from(u32::MAX))?,
                b"status" => seen.number(5, self.number()?, u64::from(u16::MAX))?,
                b"result" => seen.text(6, &mut result, self.string()?)?,
                b"answer_tx" => seen.text(7, &mut answer_tx, self.string()?)?,
                b"answer_account" => seen.text(8, &mut None, self.string()?)?,
                b"answer_amount" => seen.text(9, &mut None, self.string()?)?,
                b"good" => {
                    self.bool()?;
                    seen.once(10)?;
                }
                b"conflict" => {
                    conflict = self.bool()?;
                    seen.once(11)?;
                }
                _ => return None,
            }
        }
        seen.has(3)?;
        let amount = amount.filter(|text| is_minor(text))?;
        let (tx, account) = (tx?, account?);
        if head.kind != Kind::Invoke {
            let answer = Answer {
                tx: Word::new(tx),
                result,
                answer_tx: match answer_tx {
                    None => AnswerTx::None,
                    Some(answer) if answer == tx => AnswerTx::Same,
                    Some(answer) => AnswerTx::Other(Word::new(answer)),
                },
            };
            return Some(Found::Answer(head, answer, self.line));
        }
        let recharge = Recharge {
            tx: Word::new(tx),
            account: Word::new(account),
            amount: Word::new(amount),
            conflict,
        };
        Some(Found::Recharge(head, recharge, self.line))
    }

    fn wire(&mut self, head: Head) -> Option<Found<'a>> {
        let (mut link, mut point, mut did) = (None, None, None);
        let mut tx = [None; 2];
        let mut seen = Once::default();
        let mut first = true;
        while let Some(key) = self.key(std::mem::take(&mut first))? {
            match key {
                b"link" => seen.text(0, &mut link, self.string()?)?,
                b"conn" => seen.number(1, self.number()?, u64::MAX)?,
                b"point" => seen.text(2, &mut point, self.string()?)?,
                b"tx" => {
                    tx = self.two()?;
                    seen.once(3)?;
                }
                b"bytes" => seen.number(4, self.number()?, u64::MAX)?,
                b"did" => seen.text(5, &mut did, self.string()?)?,
                _ => return None,
            }
        }
        link?;
        seen.has(1).and(seen.has(4))?;
        if !point?.starts_with(b"DELIVER") {
            return Some(Found::Frame(head, self.line));
        }
        let times = times(did.unwrap_or_default());
        Some(Found::Delivery(head, tx, times, self.line))
    }

    /// An array of at most two plain texts.
    fn two(&mut self) -> Option<[Option<Word<'a>>; 2]> {
        self.skip(b"[")?;
        let mut words = [None; 2];
        for (at, word) in words.iter_mut().enumerate() {
            if self.rest.first() == Some(&b']') {
                break;
            }
            if at > 0 {
                self.skip(b",")?;
            }
            *word = Some(Word::new(self.string()?));
        }
        self.skip(b"]")?;
        Some(words)
    }

    /// A question about what is called `about`, with the status and the text called `answer` of its answer.
    #[inline]
    fn question(&mut self, about: &[u8], answer: &[u8]) -> Option<&'a [u8]> {
        let mut asked = None;
        let mut seen = Once::default();
        let mut first = true;
        while let Some(key) = self.key(std::mem::take(&mut first))? {
            if key == about {
                seen.text(0, &mut asked, self.string()?)?;
            } else if key == b"status" {
                seen.number(1, self.number()?, u64::from(u16::MAX))?;
            } else if key == answer {
                seen.text(2, &mut None, self.string()?)?;
            } else {
                return None;
            }
        }
        asked
    }

    fn query(&mut self, head: Head, path: QueryPath) -> Option<Found<'a>> {
        let tx = self.question(b"tx", b"result")?;
        Some(Found::Query(head, path, Word::new(tx), self.line))
    }

    fn balance(&mut self, head: Head) -> Option<Found<'a>> {
        self.question(b"account", b"balance")?;
        Some(Found::Balance(head, self.line))
    }

    fn open_account(&mut self, head: Head) -> Option<Found<'a>> {
        let mut account = None;
        let mut seen = Once::default();
        let mut first = true;
        while let Some(key) = self.key(std::mem::take(&mut first))? {
            match key {
                b"account" => seen.text(0, &mut account, self.string()?)?,
                _ => return None,
            }
        }
        Some(Found::OpenAccount(head, Word::new(account?), self.line))
    }

    /// A read that succeeded, up to its rows.
    pub(super) fn read(mut self) -> Option<(Head, ReadMoment, Role, &'a [u8])> {
        let (head, f) = self.head()?;
        if f != b"read" || head.kind != Kind::Ok || head.process.is_some() {
            return None;
        }
        self.skip(b"\"at\":")?;
        let at = match self.string()? {
            b"initial" => ReadMoment::Initial,
            b"before-compensate" => ReadMoment::BeforeCompensate,
            b"final" => ReadMoment::Final,
            _ => return None,
        };
        self.skip(b",\"read\":")?;
        let role = match self.string()? {
            b"payments" => Role::Payments,
            b"balances" => Role::Balances,
            b"credits" => Role::Credits,
            _ => return None,
        };
        self.skip(b",\"rows\":[")?;
        Some((head, at, role, self.rest))
    }

    /// The next row of a read; None within at its end.
    pub(super) fn row(&mut self, role: Role) -> Option<Option<Row<'a>>> {
        match self.rest {
            b"]}}" => return Some(None),
            [b'{', ..] => {}
            [b',', b'{', ..] => self.rest = &self.rest[1..],
            _ => return None,
        }
        let row = match role {
            Role::Payments => {
                self.skip(b"{\"tx\":")?;
                let tx = self.string()?;
                self.skip(b",\"account\":")?;
                let account = self.string()?;
                self.skip(b",\"amount\":")?;
                let amount = self.string()?;
                self.skip(b",\"result\":")?;
                let result = self.string_or_null()?;
                Row::Payment(Word::new(tx), Word::new(account), Word::new(amount), result)
            }
            Role::Balances => {
                self.skip(b"{\"account\":")?;
                let account = self.string()?;
                self.skip(b",\"balance\":")?;
                Row::Balance(Word::new(account), self.string_or_null()?.map(Word::new))
            }
            Role::Credits => {
                self.skip(b"{\"tx\":")?;
                Row::Credit(Word::new(self.string()?))
            }
        };
        self.skip(b"}")?;
        // Rows are divided by commas; the bracket behind the last has none before it.
        match self.rest {
            [b',', b'{', ..] | b"]}}" => Some(Some(row)),
            _ => None,
        }
    }
}

/// Which keys have been seen: none may come twice.
#[derive(Default)]
struct Once(u16);

impl Once {
    #[inline]
    fn once(&mut self, bit: u16) -> Option<()> {
        let new = self.0 & 1 << bit == 0;
        self.0 |= 1 << bit;
        new.then_some(())
    }

    #[inline]
    fn text<'a>(&mut self, bit: u16, slot: &mut Option<&'a [u8]>, text: &'a [u8]) -> Option<()> {
        *slot = Some(text);
        self.once(bit)
    }

    #[inline]
    fn number(&mut self, bit: u16, value: u64, max: u64) -> Option<()> {
        if value > max {
            return None;
        }
        self.once(bit)
    }

    fn has(&self, bit: u16) -> Option<()> {
        (self.0 & 1 << bit != 0).then_some(())
    }
}

/// Minor units as the harness writes them, which an `i128` certainly holds.
fn is_minor(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.len() <= 38 && digits.iter().all(u8::is_ascii_digit)
}

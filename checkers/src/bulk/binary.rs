//! Reads a history of payments from the binary form: numbers only, but for the few texts that have to be understood.
//!
//! One thread looks at the checksums, one reads, one counts. An event that is not as the harness writes it is decoded as a
//! whole.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::path::Path;

use crate::formats::ReadError;
use crate::formats::binary::{
    Binary, Cell, FLAG_ERROR, FLAG_HEAP, FLAG_INDEX, FLAG_KEY, FLAG_PROCESS, FLAG_REST, FLAG_TIME, Record, Tag,
};
use crate::history::{Body, Event, Kind, QueryPath, ReadMoment, Wire};
use crate::ledger::Role;
use crate::ops::{Tape, write_op_json};

use super::events::{Head, NONE, Recharge, RowSeen, Seen, Sink, Words, odd};
use super::fields::{Cells, Key, NO_FIELDS, Shape, Unusual};
use super::pass::Pass;
use super::relay::relay;
use super::select::Select;
use super::{BulkResults, Odd, conclude};

/// Judges the history at `path`. The inner error says why that cannot be done here.
pub(super) fn read(path: &Path) -> Result<Result<BulkResults, Odd>, ReadError> {
    let mut binary = Binary::open(path)?;
    for _ in 0..binary.block_count() {
        binary.enter_unverified()?;
    }
    let binary = &binary;
    std::thread::scope(|scope| {
        let checksums = scope.spawn(move || (0..binary.block_count()).try_for_each(|block| binary.verify(block)));
        let judged = judge(binary);
        match checksums.join() {
            Ok(Ok(())) => Ok(judged),
            Ok(Err(damage)) => Err(damage),
            Err(panic) => resume_unwind(panic),
        }
    })
}

fn judge(binary: &Binary) -> Result<BulkResults, Odd> {
    let truncated = binary.cut_off().is_some();
    let mut pass = Pass::new();
    pass.know(binary.text_count() as usize);
    drive(binary, &mut pass)?;
    if !pass.settle() {
        let globals = std::mem::take(&mut pass.globals);
        return conclude(&pass, globals, truncated);
    }
    pass.globals = Vec::new();
    let mut select = Select::new(&pass);
    drive(binary, &mut select)?;
    let events = select.events;
    conclude(&pass, events, truncated)
}

/// Reads on a thread of its own, and gives what it finds to the sink.
fn drive<S: Sink>(binary: &Binary, sink: &mut S) -> Result<(), Odd> {
    let (mut tape, mut line) = (Tape::default(), String::new());
    let mut begins = Vec::with_capacity(binary.block_count());
    let mut events = 0;
    for block in 0..binary.block_count() {
        begins.push(events);
        events += binary.block(block).records.len() as u64;
    }
    let whole = |index: u64| {
        let (block, nth) = place(&begins, index);
        event(binary, block, nth, &mut tape, &mut line)
    };
    relay(|sink| Driver::new(binary).drive(sink), binary, whole, sink)
}

/// The block that an event is in, and its place there, where these are the indices that the blocks begin with.
fn place(begins: &[u64], index: u64) -> (usize, usize) {
    let block = begins.partition_point(|begin| *begin <= index).saturating_sub(1);
    (block, (index - begins[block]) as usize)
}

impl Words for Binary {
    fn text(&self, id: u32) -> &str {
        Binary::text(self, id).unwrap_or_default()
    }
}

/// What an `f` is, once its text has been looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum F {
    Unknown,
    Recharge,
    Query(QueryPath),
    Balance,
    OpenAccount,
    Wire,
    Read,
    Other,
}

pub(super) struct Driver<'a> {
    binary: &'a Binary,
    texts: u32,
    fs: Vec<F>,
    /// The number of each text, once it is needed.
    ids: HashMap<&'a str, u32>,
    shapes: Vec<Shape>,
    tape: Tape,
    line: String,
}

impl<'a> Driver<'a> {
    pub(super) fn new(binary: &'a Binary) -> Driver<'a> {
        Driver {
            binary,
            texts: binary.text_count(),
            fs: Vec::new(),
            ids: HashMap::new(),
            shapes: binary.shapes().map(|keys| Shape::of(binary, keys)).collect(),
            tape: Tape::default(),
            line: String::new(),
        }
    }

    pub(super) fn drive<S: Sink>(&mut self, sink: &mut S) -> Result<(), Odd> {
        let mut index = 0;
        let mut list = Vec::new();
        for at in 0..self.binary.block_count() {
            let block = self.binary.block(at);
            for (nth, bytes) in block.records.iter().enumerate() {
                let record = Record::from_bytes(bytes);
                let f = self.f(record.f);
                let fast = match (self.head(&record, index), f) {
                    (Some(head), F::Read) => self.read(&head, &record, block.heap, sink)?,
                    (Some(head), f) => {
                        let seen = self.seen(f, &record, block.heap, &mut list);
                        match seen {
                            Ok(seen) => {
                                sink.seen(&head, &seen, self.binary, || {
                                    event(self.binary, at, nth, &mut self.tape, &mut self.line)
                                })?;
                                true
                            }
                            Err(Unusual) => false,
                        }
                    }
                    (None, _) => false,
                };
                if !fast {
                    let event = event(self.binary, at, nth, &mut self.tape, &mut self.line)?;
                    if let Body::Wire(wire) = &event.body
                        && let Some(head) = self.head(&record, index)
                    {
                        let seen = self.wire(wire, &mut list);
                        sink.seen(&head, &seen, self.binary, || Ok(event.clone()))?;
                        index += 1;
                        continue;
                    }
                    if event.index != index || f != F::Other && f != F::Read {
                        return Err(Odd(format!("event {index} is not as the harness writes it")));
                    }
                    let head = Head {
                        index,
                        time: event.time,
                        process: None,
                        kind: event.kind,
                    };
                    sink.event(event, &head)?;
                }
                index += 1;
            }
        }
        Ok(())
    }

    /// What crossed a link; its keys are texts of the file.
    fn wire<'b>(&mut self, wire: &Wire, list: &'b mut Vec<u32>) -> Seen<'b> {
        if wire.role != crate::history::Role::Delivered {
            return Seen::Frame;
        }
        if self.ids.is_empty() {
            let binary = self.binary;
            let texts = (0..self.texts).filter_map(|id| Some((binary.text(id)?, id)));
            self.ids = texts.collect();
        }
        list.clear();
        list.extend(wire.key("tx").iter().filter_map(|tx| self.ids.get(tx.as_str())));
        Seen::Delivery {
            tx: list,
            times: u32::from(wire.arrived()),
        }
    }

    #[inline]
    fn f(&mut self, id: u32) -> F {
        let at = id as usize;
        match self.fs.get(at) {
            Some(F::Unknown) | None => self.understand(at),
            Some(f) => *f,
        }
    }

    #[cold]
    fn understand(&mut self, at: usize) -> F {
        // Only the numbers of an `f` come here, and these are few; others get no room.
        let Some(text) = u32::try_from(at).ok().and_then(|id| self.binary.text(id)) else {
            return F::Other;
        };
        let f = match text {
            "recharge" => F::Recharge,
            "query-pay" => F::Query(QueryPath::Pay),
            "query-account" => F::Query(QueryPath::Account),
            "compensate" => F::Query(QueryPath::Compensate),
            "balance" => F::Balance,
            "open-account" => F::OpenAccount,
            "wire" => F::Wire,
            "read" => F::Read,
            _ => F::Other,
        };
        if self.fs.len() <= at {
            self.fs.resize(at + 1, F::Unknown);
        }
        self.fs[at] = f;
        f
    }

    #[inline]
    fn head(&self, record: &Record, index: u64) -> Option<Head> {
        let odd = FLAG_INDEX | FLAG_PROCESS | FLAG_KEY | FLAG_REST;
        if record.flags & odd != 0 || record.flags & FLAG_TIME == 0 {
            return None;
        }
        Some(Head {
            index,
            time: record.time,
            process: match record.process.tag() {
                Tag::Int => Some(u64::try_from(record.process.signed()).ok()?),
                Tag::Keyword => None,
                _ => return None,
            },
            kind: match record.kind {
                0 => Kind::Invoke,
                1 => Kind::Ok,
                2 => Kind::Fail,
                3 => Kind::Info,
                _ => return None,
            },
        })
    }

    /// The cells of the value, behind those of an error.
    #[inline]
    fn value<'b>(&self, record: &Record, heap: &'b [[u8; 4]]) -> Result<Cells<'b>, Unusual> {
        if record.flags & FLAG_HEAP == 0 {
            return Err(Unusual);
        }
        let mut cells = Cells::new(heap.get(record.value as usize..).ok_or(Unusual)?, self.texts);
        if record.flags & FLAG_ERROR != 0 {
            cells.string()?;
        }
        Ok(cells)
    }

    #[inline]
    fn seen<'b>(
        &mut self,
        f: F,
        record: &Record,
        heap: &[[u8; 4]],
        list: &'b mut Vec<u32>,
    ) -> Result<Seen<'b>, Unusual> {
        let mut cells = self.value(record, heap)?;
        let cell = cells.next()?;
        if cell.tag() != Tag::Shaped {
            return Err(Unusual);
        }
        let shape = self.shapes.get(cell.number() as usize).ok_or(Unusual)?;
        let mut fields = NO_FIELDS;
        list.clear();
        for key in &shape.keys {
            cells.field(*key, &mut fields, list)?;
        }
        let needs = |id: u32| if id == NONE { Err(Unusual) } else { Ok(id) };
        match f {
            F::Recharge if shape.is_recharge => Ok(Seen::Recharge(Recharge {
                tx: needs(fields.tx)?,
                account: needs(fields.account)?,
                amount: needs(fields.amount)?,
                conflict: fields.conflict,
                result: fields.result,
                answer_tx: fields.answer_tx,
            })),
            F::Query(path) => Ok(Seen::Query {
                path,
                tx: needs(fields.tx)?,
            }),
            F::Balance => needs(fields.account).map(|_| Seen::Balance),
            F::OpenAccount => Ok(Seen::OpenAccount {
                account: needs(fields.account)?,
            }),
            _ => Err(Unusual),
        }
    }

    /// A read that succeeded, with its rows; false when it is another.
    fn read<S: Sink>(&self, head: &Head, record: &Record, heap: &[[u8; 4]], sink: &mut S) -> Result<bool, Odd> {
        if head.kind != Kind::Ok || head.process.is_some() || record.flags & FLAG_ERROR != 0 {
            return Ok(false);
        }
        self.rows(head, record, heap, sink)
            .unwrap_or_else(|Unusual| odd(head, "a read that is not as the harness writes it"))
    }

    fn rows<S: Sink>(
        &self,
        head: &Head,
        record: &Record,
        heap: &[[u8; 4]],
        sink: &mut S,
    ) -> Result<Result<bool, Odd>, Unusual> {
        let mut cells = self.value(record, heap)?;
        let shape = self.shape(cells.next()?)?;
        if shape.keys != [Key::At, Key::Read, Key::Rows] {
            return Err(Unusual);
        }
        let at = match self.binary.text(cells.string()?) {
            Some("initial") => ReadMoment::Initial,
            Some("before-compensate") => ReadMoment::BeforeCompensate,
            Some("final") => ReadMoment::Final,
            _ => return Err(Unusual),
        };
        let role = match self.binary.text(cells.string()?) {
            Some("payments") => Role::Payments,
            Some("balances") => Role::Balances,
            Some("credits") => Role::Credits,
            _ => return Err(Unusual),
        };
        let list = cells.next()?;
        if list.tag() != Tag::Vector {
            return Err(Unusual);
        }
        if let Err(odd) = sink.read(head, at, role) {
            return Ok(Err(odd));
        }
        for _ in 0..list.number() {
            let keys = &self.shape(cells.next()?)?.keys[..];
            let row = match (role, keys) {
                (Role::Payments, [Key::Tx, Key::Account, Key::Amount, Key::Result]) => RowSeen::Payment {
                    tx: cells.string()?,
                    account: cells.string()?,
                    amount: cells.string()?,
                    result: cells.string_or_nil()?,
                },
                (Role::Balances, [Key::Account, Key::Balance]) => RowSeen::Balance {
                    account: cells.string()?,
                    balance: cells.string_or_nil()?,
                },
                (Role::Credits, [Key::Tx]) => RowSeen::Credit { tx: cells.string()? },
                _ => return Err(Unusual),
            };
            sink.row(&row, self.binary);
        }
        Ok(Ok(true))
    }

    fn shape(&self, cell: Cell) -> Result<&Shape, Unusual> {
        if cell.tag() != Tag::Shaped {
            return Err(Unusual);
        }
        self.shapes.get(cell.number() as usize).ok_or(Unusual)
    }
}

/// Decodes an event as a whole.
fn event(binary: &Binary, block: usize, nth: usize, tape: &mut Tape, line: &mut String) -> Result<Event, Odd> {
    let placed = binary.place(block, nth, tape).map_err(|e| Odd(e.to_string()))?;
    line.clear();
    write_op_json(&binary.assemble(block, nth, placed, tape), line);
    Event::from_line(line).map_err(|(_, e)| Odd(format!("an event is malformed: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::binary::BinaryWriter;

    #[test]
    fn an_event_is_in_the_block_that_begins_at_it_or_before() {
        let places = [0, 1, 4, 5, 6, 9, 10, 99].map(|index| place(&[0, 5, 10], index));
        let wanted = [(0, 0), (0, 1), (0, 4), (1, 0), (1, 1), (1, 4), (2, 0), (2, 89)];
        assert_eq!(places, wanted);
    }

    #[test]
    fn only_records_with_nothing_but_what_the_harness_writes_are_known() {
        let file = BinaryWriter::new(Vec::new()).unwrap().finish(None).unwrap();
        let binary = Binary::new(file, "none").unwrap();
        let driver = Driver::new(&binary);
        let known = |flags: u8, kind: u8, process: Cell| {
            let record = Record {
                time: 5,
                process,
                f: 0,
                value: 0,
                kind,
                flags,
            };
            let value = driver.value(&record, &[[0; 4]]).is_ok();
            (driver.head(&record, 3).is_some(), value)
        };
        let client = Cell::new(Tag::Int, 1);
        let usual = FLAG_TIME | FLAG_HEAP;
        assert_eq!(known(usual, 3, client), (true, true));
        assert_eq!(known(usual, 3, Cell::new(Tag::Keyword, 1)), (true, true));
        for (flags, kind, process) in [
            (usual | FLAG_INDEX, 3, client),
            (usual | FLAG_PROCESS, 3, client),
            (usual | FLAG_KEY, 3, client),
            (usual | FLAG_REST, 3, client),
            (FLAG_HEAP, 3, client),
            (usual, 4, client),
            (usual, 3, Cell::NIL),
            (usual, 3, Cell::int(-1).unwrap()),
        ] {
            assert!(!known(flags, kind, process).0, "{flags} {kind} {process:?}");
        }
        assert!(!known(FLAG_TIME, 3, client).1, "a value that is one cell");
    }
}

//! Generic operations: what a line of anybody's history says, whatever format it was written in.
//!
//! An [`Op`] has the fields of Jepsen's operations. Its value is a [`Ref`]: a cursor over a [`Tape`], the flat array
//! into which the scanners of [`formats`](crate::formats) parse one operation at a time. The tape is reused from
//! operation to operation, so that reading allocates nothing once its buffers have grown to the longest operation.
//!
//! Never interprets: what an `f` and a value mean is said by whoever feeds a checker with them.

mod form;
pub(crate) mod number;
mod tape;
mod write;

pub use crate::history::Kind;
pub use form::{Entries, Items, Ref, Value};
pub(crate) use tape::Inside;
pub use tape::{DEPTH_MAX, Flaw, Sequence, Tape};
pub use write::{JsonWriter, write_edn, write_json, write_op_edn, write_op_json};
pub(crate) use write::{is_tag, write_edn_float};

/// One operation, as long as the tape under it stands.
#[derive(Clone, Copy, Debug)]
pub struct Op<'a> {
    /// Its own index, or its position in the history where it has none.
    pub index: u64,
    /// Nanoseconds since the run began, where it says so.
    pub time: Option<u64>,
    /// Who.
    pub process: Process<'a>,
    /// Jepsen's `type`.
    pub kind: Kind,
    /// What: empty where it does not say.
    pub f: &'a str,
    /// With what, or what came of it; nil where it does not say.
    pub value: Ref<'a>,
    /// Why a `fail` or `info` is one.
    pub error: Option<Ref<'a>>,
    /// The key that it is about, where that stands apart from the value.
    pub key: Option<Ref<'a>>,
    /// The whole map, for the fields that have no name here.
    pub whole: Ref<'a>,
}

/// An operation on a tape of its own, apart from whose it is.
#[derive(Clone, Debug)]
pub(crate) struct OwnedOp {
    index: u64,
    time: Option<u64>,
    kind: Kind,
    f: String,
    tape: Tape,
    /// Where value, error, key and the whole are on the tape.
    value: u32,
    error: Option<u32>,
    key: Option<u32>,
    whole: u32,
}

impl OwnedOp {
    /// A copy.
    pub(crate) fn of(op: &Op) -> OwnedOp {
        let mut tape = Tape::default();
        OwnedOp {
            index: op.index,
            time: op.time,
            kind: op.kind,
            f: op.f.to_owned(),
            whole: op.whole.copy_tape(&mut tape),
            value: op.value.place(),
            error: op.error.map(Ref::place),
            key: op.key.map(Ref::place),
            tape,
        }
    }

    /// The operation, as nobody's.
    pub(crate) fn op(&self) -> Op<'_> {
        Op {
            index: self.index,
            time: self.time,
            process: Process::Nobody,
            kind: self.kind,
            f: &self.f,
            value: self.tape.at(self.value),
            error: self.error.map(|at| self.tape.at(at)),
            key: self.key.map(|at| self.tape.at(at)),
            whole: self.tape.at(self.whole),
        }
    }
}

/// Who an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process<'a> {
    /// A logical client process.
    Client(i64),
    /// A named one: `nemesis`, ...
    Named(&'a str),
    /// It does not say.
    Nobody,
}

/// The fields of an operation that [`Op`] has names for.
pub(crate) const FIELDS: [&str; 8] = ["index", "time", "process", "type", "f", "value", "error", "key"];

/// What is expected where an operation should begin.
pub(crate) const A_MAP: &str = "a map with :process, :type, :f and :value";

impl<'a> Op<'a> {
    /// Reads the map at the root of a tape as an operation; `position` is its index where it has none of its own.
    ///
    /// The error says what was expected, and of which field; an operation has to have a `type`.
    pub fn of(tape: &'a Tape, position: u64) -> Result<Op<'a>, Mismatch> {
        let mut whole = tape.root();
        while let Value::Tagged(_, form) = whole.value() {
            whole = form; // #jepsen.history.Op{...}
        }
        let Some(entries) = whole.entries() else {
            return Err(Mismatch::new("", A_MAP));
        };
        let mut kind = None;
        let mut op = Op {
            index: position,
            time: None,
            process: Process::Nobody,
            kind: Kind::Info,
            f: "",
            value: tape.nil(),
            error: None,
            key: None,
            whole,
        };
        for (key, value) in entries {
            let Some(name) = key.name() else { continue };
            match name {
                "index" => op.index = index(value, position)?,
                "time" => op.time = value.int().and_then(|t| u64::try_from(t).ok()),
                "process" => op.process = process(value)?,
                "type" => kind = Some(self::kind(value)?),
                "f" => op.f = value.name().unwrap_or_default(),
                "value" => op.value = value,
                "error" => op.error = Some(value).filter(|v| !v.is_nil()),
                "key" => op.key = Some(value).filter(|v| !v.is_nil()),
                _ => {}
            }
        }
        op.kind = kind.ok_or_else(|| Mismatch::new("type", "an operation with a type"))?;
        Ok(op)
    }

    /// The entries of the whole map that [`Op`] has no field for.
    pub fn rest(&self) -> impl Iterator<Item = (Ref<'a>, Ref<'a>)> + use<'a> {
        let known = |key: &Ref, value: &Ref| match key.name() {
            Some("f") => value.name().is_some(),
            Some(name) => FIELDS.contains(&name),
            None => false,
        };
        let entries = self.whole.entries().into_iter().flatten();
        entries.filter(move |(key, value)| !known(key, value))
    }
}

fn index(value: Ref, position: u64) -> Result<u64, Mismatch> {
    match value.value() {
        Value::Nil => Ok(position),
        Value::Int(index) => u64::try_from(index).map_err(|_| Mismatch::new("index", "an index from 0 up")),
        _ => Err(Mismatch::new("index", "a whole number")),
    }
}

fn process<'a>(value: Ref<'a>) -> Result<Process<'a>, Mismatch> {
    match (value.value(), value.name()) {
        (Value::Int(process), _) => Ok(Process::Client(process)),
        (Value::Nil, _) => Ok(Process::Nobody),
        (_, Some(name)) => Ok(Process::Named(name)),
        _ => Err(Mismatch::new("process", "a number or a name")),
    }
}

fn kind(value: Ref) -> Result<Kind, Mismatch> {
    match value.name() {
        Some("invoke") => Ok(Kind::Invoke),
        Some("ok") => Ok(Kind::Ok),
        Some("fail") => Ok(Kind::Fail),
        Some("info") => Ok(Kind::Info),
        _ => Err(Mismatch::new("type", "invoke, ok, fail or info")),
    }
}

/// A form that is no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The field, empty for the form as a whole.
    pub field: &'static str,
    /// What was expected there.
    pub expected: &'static str,
}

impl Mismatch {
    fn new(field: &'static str, expected: &'static str) -> Mismatch {
        Mismatch { field, expected }
    }
}

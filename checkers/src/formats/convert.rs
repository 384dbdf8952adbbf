//! Writes a history in another format, one operation at a time. Different values stay different, and equal ones equal:
//! every format has a form for each kind of value (for JSON, see the table in `tags.rs`).
//!
//! Memory: one operation, and for JSON every distinct name.

use std::io::{self, Write};

use crate::ops::{JsonWriter, Op, write_op_edn};

use super::binary::BinaryWriter;
use super::{CutOff, Format, ReadError, Reader};

/// Why a history could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("cannot write the history: {0}")]
    Write(#[from] io::Error),
    /// The format is only read.
    #[error("histories are not written as {0}: choose jsonl, jepsen-edn, jepsen-json or binary")]
    ReadOnly(Format),
}

/// What was converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Operations.
    pub ops: u64,
    /// Where the history was cut off.
    pub cut_off: Option<CutOff>,
}

/// The format that a file's name asks for.
pub fn format_of_name(name: &str) -> Option<Format> {
    match name.rsplit_once('.')?.1 {
        "jsonl" => Some(Format::Jsonl),
        "edn" => Some(Format::JepsenEdn),
        "json" => Some(Format::JepsenJson),
        "ptw" => Some(Format::Binary),
        _ => None,
    }
}

/// Writes what is left of `reader` to `out`.
pub fn convert(reader: &mut Reader, out: impl Write, to: Format) -> Result<Converted, ConvertError> {
    let mut json = JsonWriter::default();
    let json = |op: &Op, out: &mut String| json.op(op, out);
    match to {
        Format::Binary => binary(reader, out),
        Format::Jsonl => lines(reader, out, json, ["", "\n", "\n"]),
        Format::JepsenEdn => lines(reader, out, write_op_edn, ["", "\n", "\n"]),
        Format::JepsenJson => lines(reader, out, json, ["[", ",\n", "]\n"]),
        _ => Err(ConvertError::ReadOnly(to)),
    }
}

fn binary(reader: &mut Reader, out: impl Write) -> Result<Converted, ConvertError> {
    let mut writer = BinaryWriter::new(out)?;
    let mut ops = 0;
    while let Some(op) = reader.next()? {
        writer.push(&op)?;
        ops += 1;
    }
    let cut_off = reader.cut_off();
    writer.finish(cut_off)?;
    Ok(Converted { ops, cut_off })
}

/// What stands before, between and behind the operations.
type Around = [&'static str; 3];

fn lines(
    reader: &mut Reader,
    mut out: impl Write,
    mut write: impl FnMut(&Op, &mut String),
    [before, between, behind]: Around,
) -> Result<Converted, ConvertError> {
    let mut ops = 0;
    let mut line = before.to_owned();
    while let Some(op) = reader.next()? {
        if ops > 0 {
            line.push_str(between);
        }
        write(&op, &mut line);
        out.write_all(line.as_bytes())?;
        line.clear();
        ops += 1;
    }
    if ops > 0 || !before.is_empty() {
        line.push_str(behind);
    }
    out.write_all(line.as_bytes())?;
    out.flush()?;
    let cut_off = reader.cut_off();
    Ok(Converted { ops, cut_off })
}

//! Parameters of statements, and the named attributes that may stand before them: where they are, and what the few
//! that hold keys say.
//!
//! Never: reads the value of any other parameter.

use super::handshake::Capabilities;
use super::packet::Reader;
use super::statement::value as key_value;

/// Set in the flags of an EXECUTE that says how many parameters it has.
const PARAMETER_COUNT_AVAILABLE: u64 = 8;
/// Set in the second byte of a type.
const UNSIGNED: u8 = 0x80;

/// The beginning of an EXECUTE that could be read.
pub(super) struct Execute<'a> {
    /// What says that no types follow, where they might: at this byte of the payload.
    pub(super) types_flag_at: usize,
    /// The types as they stand there; None where those of the last time hold.
    pub(super) types: Option<&'a [u8]>,
    count: usize,
    nulls: &'a [u8],
    values: Reader<'a>,
    attributes: bool,
}

impl<'a> Execute<'a> {
    /// Command (1), statement (4), flags (1), iterations (4); with parameters: their count (if so agreed), which are
    /// NULL, whether types follow, types, values. None without parameters, or where it cannot be read.
    pub(super) fn read(payload: &'a [u8], parameters: u16, capabilities: Capabilities) -> Option<Execute<'a>> {
        let attributes = capabilities.query_attributes();
        let mut rest = Reader(payload);
        rest.take(1 + 4)?;
        let flags = rest.number(1)?;
        rest.take(4)?;
        let mut count = usize::from(parameters);
        if attributes && (count > 0 || flags & PARAMETER_COUNT_AVAILABLE != 0) {
            count = usize::try_from(rest.length()?).ok()?;
        }
        if count == 0 {
            return None;
        }
        let nulls = rest.take(count.div_ceil(8))?;
        let types_flag_at = payload.len() - rest.0.len();
        let types = match rest.number(1)? {
            0 => None,
            _ => Some(take_types(&mut rest, count, attributes)?),
        };
        Some(Execute {
            types_flag_at,
            types,
            count,
            nulls,
            values: rest,
            attributes,
        })
    }

    /// What the wanted parameters hold, by their place. `known` are the types where none stand here; `sent_before` tells
    /// of parameters that came in commands of their own.
    pub(super) fn numbers(
        &self,
        known: &[u8],
        wanted: &[usize],
        sent_before: impl Fn(usize) -> bool,
    ) -> Vec<(usize, String)> {
        let last = wanted.iter().max().map_or(0, |last| last + 1);
        let mut types = Reader(self.types.unwrap_or(known));
        let mut values = self.values;
        let mut found = Vec::new();
        for at in 0..last.min(self.count) {
            let null = self.nulls[at / 8] & 1 << (at % 8) != 0;
            let Some(of_type) = next_type(&mut types, self.attributes) else {
                break;
            };
            if null || sent_before(at) {
                continue;
            }
            let Some(value) = value(&mut values, of_type) else {
                break;
            };
            if wanted.contains(&at)
                && let Some(number) = value
            {
                found.push((at, number));
            }
        }
        found
    }
}

/// The SQL of a QUERY, behind its attributes.
pub(super) fn sql(payload: &[u8], capabilities: Capabilities) -> Option<&[u8]> {
    let mut rest = Reader(payload);
    rest.take(1)?;
    if !capabilities.query_attributes() {
        return Some(rest.0);
    }
    let count = usize::try_from(rest.length()?).ok()?;
    rest.length()?; // How many sets of them: one.
    if count > 0 {
        rest.take(count.div_ceil(8)).and_then(|nulls| {
            rest.take(1)?;
            let mut types = Reader(take_types(&mut rest, count, true)?);
            for at in 0..count {
                let of_type = next_type(&mut types, true)?;
                if nulls[at / 8] & 1 << (at % 8) == 0 {
                    value(&mut rest, of_type)?;
                }
            }
            Some(())
        })?;
    }
    Some(rest.0)
}

/// Takes the types of all parameters, each with a name where there may be attributes.
fn take_types<'a>(rest: &mut Reader<'a>, count: usize, attributes: bool) -> Option<&'a [u8]> {
    let from = rest.0;
    for _ in 0..count {
        next_type(rest, attributes)?;
    }
    Some(&from[..from.len() - rest.0.len()])
}

fn next_type(types: &mut Reader<'_>, attributes: bool) -> Option<[u8; 2]> {
    let of_type = types.take(2)?;
    if attributes {
        types.text()?;
    }
    of_type.try_into().ok()
}

/// Takes one value; its text where it may be a key. None where it cannot be told where it ends.
fn value(values: &mut Reader<'_>, [of_type, flags]: [u8; 2]) -> Option<Option<String>> {
    let bytes = match of_type {
        0x06 => 0,                                   // NULL
        0x01 => 1,                                   // TINY
        0x02 | 0x0d => 2,                            // SHORT, YEAR
        0x03 | 0x09 => 4,                            // LONG, INT24
        0x08 => 8,                                   // LONGLONG
        0x04 => return values.take(4).map(|_| None), // FLOAT
        0x05 => return values.take(8).map(|_| None), // DOUBLE
        0x07 | 0x0a | 0x0b | 0x0c => {
            // Points in time, and spans of it.
            let bytes = values.number(1)?;
            return values.take(bytes as usize).map(|_| None);
        }
        0x00 | 0x0f | 0x10 | 0xf2 | 0xf5..=0xff => return values.text().map(key_value),
        _ => return None,
    };
    let whole = values.number(bytes)?;
    if bytes == 0 {
        return Some(None);
    }
    let signed = ((whole << (64 - 8 * bytes)) as i64) >> (64 - 8 * bytes);
    Some(Some(match flags & UNSIGNED {
        0 => signed.to_string(),
        _ => whole.to_string(),
    }))
}

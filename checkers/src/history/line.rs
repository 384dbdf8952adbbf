//! How an event stands on a line: `index, time, process, type, f, value, error`.
//!
//! `value` is kept as text until `f` says what it holds, so that no value is parsed twice.

use serde::de::{self, Deserializer};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Body, Event, Kind, Op, Process};

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("f", self.body.f())?;
        match &self.body {
            Body::Header(v) => map.serialize_entry("value", v)?,
            Body::Phase(v) => map.serialize_entry("value", v)?,
            Body::Op(v) => map.serialize_entry("value", v)?,
            Body::View(v) => map.serialize_entry("value", v)?,
            Body::Wire(v) => map.serialize_entry("value", v)?,
            Body::Fault(v) => map.serialize_entry("value", v)?,
            Body::Sample(v) => map.serialize_entry("value", v)?,
            Body::Other(_, v) => map.serialize_entry("value", v)?,
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let line = Line::deserialize(d)?;
        let body = parse_body(&line.f, &line.process, line.raw())
            .map_err(|e| de::Error::custom(format!("value of f={:?}: {e}", line.f)))?;
        Ok(line.with(body))
    }
}

impl Event {
    /// Reads one line of JSON. An error's column counts bytes of the line, from 1.
    pub(crate) fn from_line(text: &str) -> Result<Event, (usize, serde_json::Error)> {
        let line: Line = serde_json::from_str(text).map_err(|e| {
            let column = if e.is_eof() { text.len() + 1 } else { e.column() };
            (column, e)
        })?;
        let body = parse_body(&line.f, &line.process, line.raw()).map_err(|e| {
            // The value is a slice of the line: its place in memory is its column.
            let start = match line.value {
                Some(_) => line.raw().as_ptr() as usize - text.as_ptr() as usize,
                None => 0,
            };
            (start + e.column(), e)
        })?;
        Ok(line.with(body))
    }
}

/// An event whose value is still text.
#[derive(Deserialize)]
struct Line<'a> {
    index: u64,
    time: u64,
    process: Process,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow)]
    f: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<String>,
}

impl Line<'_> {
    fn raw(&self) -> &str {
        self.value.map_or("null", RawValue::get)
    }

    fn with(self, body: Body) -> Event {
        Event {
            index: self.index,
            time: self.time,
            process: self.process,
            kind: self.kind,
            body,
            error: self.error,
        }
    }
}

/// What `value` holds follows from `f`, and for an action from who did it: only clients do something.
fn parse_body(f: &str, process: &Process, raw: &str) -> Result<Body, serde_json::Error> {
    Ok(match f {
        "history" => Body::Header(serde_json::from_str(raw)?),
        "phase" => Body::Phase(serde_json::from_str(raw)?),
        "view" => Body::View(serde_json::from_str(raw)?),
        "wire" => Body::Wire(serde_json::from_str(raw)?),
        "fault" => Body::Fault(serde_json::from_str(raw)?),
        "sample" => Body::Sample(serde_json::from_str(raw)?),
        _ if matches!(process, Process::Client(_)) => Body::Op(Op {
            action: f.to_owned(),
            ..serde_json::from_str(raw)?
        }),
        _ => Body::Other(f.to_owned(), serde_json::from_str(raw)?),
    })
}

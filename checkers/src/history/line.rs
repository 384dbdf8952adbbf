//! How an event stands on a line: `index, time, process, type, f, value, error`.
//!
//! `f` says what `value` holds: where it stands before it, as every writer puts it, nothing is read twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Body, Event, Op, Process};

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
        d.deserialize_map(EventVisitor)
    }
}

impl Event {
    /// Reads one line of JSON. An error's column counts bytes of the line, from 1.
    pub(crate) fn from_line(text: &str) -> Result<Event, (usize, serde_json::Error)> {
        serde_json::from_str(text).map_err(|e| {
            let column = if e.is_eof() { text.len() + 1 } else { e.column() };
            (column, e)
        })
    }
}

/// Text that is copied only where it is escaped.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Borrowed<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The members of an event; those of other harnesses are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Member {
    Index,
    Time,
    Process,
    Type,
    F,
    Value,
    Error,
    #[serde(other)]
    Other,
}

/// A `value`: read as what it is, or text as long as it is not known what that is.
enum Read<'a> {
    Body(Body),
    Later(&'a RawValue),
}

struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Event;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: a map of index, time, process, type, f, value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let (mut index, mut time, mut process, mut kind) = (None, None, None, None);
        let (mut f, mut value, mut error) = (None::<Borrowed<'de>>, None, None);
        while let Some(member) = map.next_key()? {
            match member {
                Member::Index => once(&mut index, "index", map.next_value()?)?,
                Member::Time => once(&mut time, "time", map.next_value()?)?,
                Member::Process => once(&mut process, "process", map.next_value()?)?,
                Member::Type => once(&mut kind, "type", map.next_value()?)?,
                Member::F => once(&mut f, "f", map.next_value()?)?,
                Member::Error => once(&mut error, "error", map.next_value()?)?,
                Member::Value => {
                    let read = match (&f, &process) {
                        (Some(f), Some(process)) => Read::Body(map.next_value_seed(Value { f: &f.0, process })?),
                        _ => Read::Later(map.next_value()?),
                    };
                    once(&mut value, "value", read)?;
                }
                Member::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let missing = A::Error::missing_field;
        let process = process.ok_or_else(|| missing("process"))?;
        let f = f.ok_or_else(|| missing("f"))?;
        let later = Value {
            f: &f.0,
            process: &process,
        };
        let body = match value {
            Some(Read::Body(body)) => body,
            Some(Read::Later(raw)) => later.deserialize(raw).map_err(A::Error::custom)?,
            None => later.deserialize(().into_deserializer())?,
        };
        Ok(Event {
            index: index.ok_or_else(|| missing("index"))?,
            time: time.ok_or_else(|| missing("time"))?,
            kind: kind.ok_or_else(|| missing("type"))?,
            process,
            body,
            error: error.flatten(),
        })
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// What `value` holds follows from `f`, and for an action from who did it: only clients do something.
struct Value<'a> {
    f: &'a str,
    process: &'a Process,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Body;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Body, D::Error> {
        Ok(match self.f {
            "history" => Body::Header(Deserialize::deserialize(d)?),
            "phase" => Body::Phase(Deserialize::deserialize(d)?),
            "view" => Body::View(Deserialize::deserialize(d)?),
            "wire" => Body::Wire(Deserialize::deserialize(d)?),
            "fault" => Body::Fault(Deserialize::deserialize(d)?),
            "sample" => Body::Sample(Deserialize::deserialize(d)?),
            f if matches!(self.process, Process::Client(_)) => Body::Op(Op {
                action: f.into(),
                ..Op::deserialize(d)?
            }),
            f => Body::Other(f.to_owned(), Deserialize::deserialize(d)?),
        })
    }
}

//! `[subjects.*]`: what promises are about. Either it is started by clients and followed by a key, or it is there
//! beforehand and known by a name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Manifest;
use super::action::{Body, Call, HttpRequest, Request, usual_ok};

/// A kind of subject.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The key by which it is followed; none for what is there beforehand.
    #[serde(default)]
    pub key: Option<String>,
    /// Who makes the key.
    #[serde(default)]
    pub makes_key: Maker,
    /// The values that the workload draws for each one, by name.
    #[serde(default)]
    pub fields: BTreeMap<String, Field>,
    /// There beforehand: how many there are; at least as many, where they are opened, as the coded fields of the workload
    /// need.
    #[serde(default)]
    pub count: Option<u32>,
    /// There beforehand: how many of them are opened only while the workload runs.
    #[serde(default)]
    pub late: Option<u32>,
    /// There beforehand: the form of their names, with `{n}` for the number: `sku-{n}`.
    #[serde(default)]
    pub names: Option<String>,
    /// There beforehand: how one is opened; nobody opens them where it is not said.
    #[serde(default)]
    pub open: Option<Open>,
}

/// Who makes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    /// The client, before it sends anything.
    #[default]
    Client,
    /// The server; the client learns it from the answer.
    Server,
}

/// A value that the workload draws.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// The name of a subject of this kind, which is there beforehand; one after the other. Where several fields of a
    /// subject name the same kind, the second one (in the order of the fields' names) is one member ahead of the first.
    Names(String),
    /// Powers of a base, so that a sum tells what it is made of.
    Coded(Coded),
    /// One of these values, each with its share (or weight).
    Of(BTreeMap<String, f64>),
    /// A whole number from the first to the last, both included.
    Between(i64, i64),
    /// Always the same.
    Value(String),
}

/// Within a holder the k-th subject has the value `base^k`, in units of `10^-scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The field that names the holder of the sum.
    pub per: String,
    /// The base: sums tell `base - 1` effects of each subject apart.
    pub base: u32,
    /// Digits behind the point.
    pub scale: u32,
    /// Decimal digits in all that the target keeps exactly.
    pub digits: u32,
}

/// How something that is there beforehand is opened: by a statement or by a call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The database of the statement.
    #[serde(default)]
    pub database: Option<String>,
    /// The statement; `${KIND}` is the name.
    #[serde(default)]
    pub sql: Option<String>,
    /// The call: `METHOD SERVICE PATH`.
    #[serde(default)]
    pub call: Option<Call>,
    /// What is sent as JSON.
    #[serde(default)]
    pub body: Option<Body>,
    /// What is sent as a form.
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Statuses that say that it is open.
    #[serde(default = "usual_ok")]
    pub ok: Vec<u16>,
}

impl Open {
    /// How it is opened; None only for a manifest that was not checked.
    pub fn request(&self) -> Option<Request<'_>> {
        if let (Some(database), Some(sql)) = (&self.database, &self.sql) {
            return Some(Request::Sql { database, sql });
        }
        Some(Request::Http(HttpRequest {
            call: self.call.as_ref()?,
            body: self.body.as_ref(),
            form: self.form.as_ref(),
            headers: &self.headers,
            cookies: false,
            ok: &self.ok,
            fail: &[],
            answer: None,
        }))
    }
}

impl Subject {
    /// Whether it is there beforehand.
    pub fn is_beforehand(&self) -> bool {
        self.key.is_none()
    }

    /// Its coded fields, by name.
    pub fn coded(&self) -> impl Iterator<Item = (&str, &Coded)> {
        self.fields.iter().filter_map(|(name, field)| match field {
            Field::Coded(coded) => Some((name.as_str(), coded)),
            _ => None,
        })
    }
}

impl Subject {
    /// Whether a field of it names a subject of that kind.
    pub fn names_kind(&self, field: &str, kind: &str) -> bool {
        matches!(self.fields.get(field), Some(Field::Names(named)) if named == kind)
    }
}

impl Coded {
    /// How many subjects of one holder the code tells apart. The highest digit is kept for deliberate conflicts, so that
    /// no subject is blamed for one that is accepted.
    pub fn per_holder(&self) -> u32 {
        digits_in_base(self.digits, self.base).saturating_sub(1).max(1)
    }

    /// The value of the k-th subject of a holder, in units of `10^-scale`.
    pub fn value(&self, k: u32) -> i128 {
        i128::from(self.base).saturating_pow(k)
    }

    /// The value of a deliberate conflict: the code above those of all subjects.
    pub fn conflict(&self) -> i128 {
        self.value(self.per_holder())
    }
}

/// How many digits in `base` always fit into `digits` decimal digits.
fn digits_in_base(digits: u32, base: u32) -> u32 {
    let limit = 10u128.saturating_pow(digits);
    let mut count = 0;
    let mut power = 1u128;
    while let Some(next) = power.checked_mul(u128::from(base.max(2))).filter(|next| *next <= limit) {
        power = next;
        count += 1;
    }
    count
}

impl Manifest {
    /// The name of the n-th subject of a kind that is there beforehand: `a000`, or as its `names` say.
    pub fn name_of(&self, kind: &str, n: u32) -> String {
        match self.subjects.get(kind).and_then(|subject| subject.names.as_ref()) {
            Some(form) => form.replace("{n}", &n.to_string()),
            None => format!("{}{n:03}", self.letters(kind)),
        }
    }

    /// The key that a client makes for the n-th subject of a kind under a seed: `t00017-2a`.
    pub fn key_of(&self, kind: &str, n: u64, seed: u64) -> String {
        format!("{}{n:05}-{seed:x}", self.letters(kind))
    }

    /// The first letters of a kind's key, or of the kind where it has none: as many as tell it apart from the others.
    fn letters(&self, kind: &str) -> &str {
        let label = |kind: &str| -> Option<&str> {
            let (kind, subject) = self.subjects.get_key_value(kind)?;
            Some(subject.key.as_deref().unwrap_or(kind))
        };
        let Some(own) = label(kind) else { return "" };
        let others: Vec<&str> = self
            .subjects
            .keys()
            .filter(|other| *other != kind)
            .filter_map(|other| label(other))
            .collect();
        let ends = own.char_indices().map(|(at, c)| at + c.len_utf8());
        ends.map(|end| &own[..end])
            .find(|letters| !others.iter().any(|other| other.starts_with(letters)))
            .unwrap_or(own)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

/// A field as a table writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldTable {
    coded: Option<String>,
    base: Option<u32>,
    scale: Option<u32>,
    digits: Option<u32>,
    of: Option<BTreeMap<String, f64>>,
    between: Option<(i64, i64)>,
    value: Option<String>,
}

const BASE: u32 = 10;
const SCALE: u32 = 2;
/// What fits into every 64-bit number.
const DIGITS: u32 = 18;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a subject, or a table with `coded`, `of`, `between` or `value`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Names(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        let table = FieldTable::deserialize(MapAccessDeserializer::new(map))?;
        let code = [("base", table.base), ("scale", table.scale), ("digits", table.digits)];
        if table.coded.is_none()
            && let Some((key, _)) = code.iter().find(|(_, value)| value.is_some())
        {
            return Err(A::Error::custom(format!(
                "has `{key}`, which belongs to `coded`; say which field it is coded per"
            )));
        }
        match (table.coded, table.of, table.between, table.value) {
            (Some(per), None, None, None) => Ok(Field::Coded(Coded {
                per,
                base: table.base.unwrap_or(BASE),
                scale: table.scale.unwrap_or(SCALE),
                digits: table.digits.unwrap_or(DIGITS),
            })),
            (None, Some(of), None, None) => Ok(Field::Of(of)),
            (None, None, Some((from, to)), None) => Ok(Field::Between(from, to)),
            (None, None, None, Some(value)) => Ok(Field::Value(value)),
            _ => Err(A::Error::custom(
                "must have exactly one of `coded`, `of`, `between` and `value`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_base_fit_into_decimal_digits() {
        assert_eq!(digits_in_base(38, 10), 38);
        assert_eq!(digits_in_base(15, 10), 15);
        assert_eq!(digits_in_base(15, 4), 24);
    }
}

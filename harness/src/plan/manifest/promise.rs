//! `[[promises]]`: checkers, and where their inputs come from.

use std::fmt;

use paytwice_checkers::history::Promise;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A promise: its checker, and everything else that the manifest says of it. The checker knows what that means.
#[derive(Clone, Debug, PartialEq)]
pub struct PromiseDef(pub Promise);

impl<'de> Deserialize<'de> for PromiseDef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(PromiseVisitor)
    }
}

struct PromiseVisitor;

impl<'de> Visitor<'de> for PromiseVisitor {
    type Value = PromiseDef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with `checker`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PromiseDef, A::Error> {
        let (mut checker, mut options) = (None, Map::new());
        while let Some(key) = map.next_key::<String>()? {
            if key == "checker" {
                checker = Some(map.next_value()?);
            } else {
                let value: toml::Value = map.next_value()?;
                let value = super::action::json(value)
                    .map_err(|problem| A::Error::custom(format!("has {key}, and {problem}")))?;
                options.insert(key, value);
            }
        }
        let checker = checker.ok_or_else(|| A::Error::missing_field("checker"))?;
        Ok(PromiseDef(Promise { checker, options }))
    }
}

impl PromiseDef {
    /// An option of it.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.0.options.get(name)
    }
}

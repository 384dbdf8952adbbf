//! The options of a workload: `model=serializable`, `group-size=3`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::names::UnknownName;

/// Options by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, String>);

/// An option that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// The workload has no such option.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// Its value is not of its kind.
    #[error("option {name}={value}: expected {expected}")]
    Value {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What was expected.
        expected: String,
    },
    /// The workload cannot do without it.
    #[error("option {name} is missing: expected {name}={expected}")]
    Missing {
        /// Its name.
        name: String,
        /// What was expected.
        expected: String,
    },
    /// It has no value.
    #[error("option {0:?}: expected name=value")]
    NoValue(String),
}

impl Options {
    /// Sets an option; the last value counts.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Reads `name=value` pairs between commas; `-` is none.
    pub fn parse(text: &str) -> Result<Options, OptionError> {
        let mut options = Options::default();
        for pair in text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty() && *pair != "-")
        {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(OptionError::NoValue(pair.to_owned()));
            };
            options.set(name.trim(), value.trim());
        }
        Ok(options)
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// No option is set.
    pub(crate) fn none(&self) -> Result<(), OptionError> {
        self.check(std::iter::empty())
    }

    /// Every option is one of these.
    pub(super) fn check<'a>(&self, possible: impl Iterator<Item = &'a str> + Clone) -> Result<(), OptionError> {
        match self
            .0
            .keys()
            .find(|name| !possible.clone().any(|known| known == name.as_str()))
        {
            Some(name) => Err(UnknownName::new("option", name, possible).into()),
            None => Ok(()),
        }
    }

    /// An option that is true or false; false where it is not set.
    pub(super) fn flag(&self, name: &str) -> Result<bool, OptionError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(wrong(name, value, "true or false")),
        }
    }

    /// An option of another kind, where it is set.
    pub(super) fn value<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, OptionError> {
        let value = self.get(name);
        let parsed = value.map(|value| value.parse().map_err(|_| wrong(name, value, expected)));
        parsed.transpose()
    }

    /// An option without which there is nothing to judge by.
    pub(super) fn needed(&self, name: &str, expected: &str) -> Result<&str, OptionError> {
        self.get(name).ok_or_else(|| OptionError::Missing {
            name: name.to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// An option of milliseconds, in nanoseconds, where it is set.
    pub(super) fn ms(&self, name: &str) -> Result<Option<u64>, OptionError> {
        self.get(name).map(|value| ns_of_ms(name, value, value)).transpose()
    }
}

/// Milliseconds of an option's `value`, of which `text` is all or a part, in nanoseconds.
pub(super) fn ns_of_ms(name: &str, value: &str, text: &str) -> Result<u64, OptionError> {
    let ms: Option<u64> = text.parse().ok();
    let ns = ms.and_then(|ms| ms.checked_mul(1_000_000));
    ns.ok_or_else(|| wrong(name, value, "milliseconds, as a whole number"))
}

pub(super) fn wrong(name: &str, value: &str, expected: &str) -> OptionError {
    OptionError::Value {
        name: name.to_owned(),
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&pairs.join(","))
    }
}

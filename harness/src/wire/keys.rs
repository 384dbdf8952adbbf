//! Keys of a frame: values by the name of the key.
//!
//! Never: holds a value twice, or more than a bounded list of them.

use std::collections::BTreeMap;

use paytwice_checkers::history::Text;

/// This many values of one key are kept.
const VALUES_MAX: usize = 256;

/// Values of keys, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys(BTreeMap<Text, Vec<Text>>);

impl Keys {
    /// True when there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a value, unless it is empty or there.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if let Some(values) = self.0.get_mut(key) {
            if values.len() < VALUES_MAX && !values.iter().any(|known| known == value) {
                values.push(value.into());
            }
        } else {
            self.0.insert(key.into(), vec![value.into()]);
        }
    }

    /// Adds those of another frame.
    pub(super) fn join(&mut self, more: &Keys) {
        for (key, value) in more.iter() {
            self.add(key, value);
        }
    }

    /// Takes from another frame the keys of which this one has no value.
    pub(super) fn or(mut self, other: &Keys) -> Keys {
        for (key, values) in &other.0 {
            if !self.0.contains_key(key) {
                self.0.insert(key.clone(), values.clone());
            }
        }
        self
    }

    /// Whether there is a value of that key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Whether any key has that value.
    pub(super) fn has_value(&self, value: &str) -> bool {
        self.iter().any(|(_, known)| known == value)
    }

    /// Each value with the name of its key, in the order of names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |value| (key.as_str(), value.as_str())))
    }

    /// As an event holds them.
    pub(super) fn into_map(self) -> BTreeMap<Text, Vec<Text>> {
        self.0
    }
}

#[cfg(test)]
impl Keys {
    /// `tx=t1 tx=t2 order=o1`
    pub(super) fn of(text: &str) -> Keys {
        let mut keys = Keys::default();
        for pair in text.split_whitespace() {
            let (key, value) = pair.split_once('=').unwrap();
            keys.add(key, value);
        }
        keys
    }
}

#[cfg(test)]
impl std::fmt::Display for Keys {
    /// The values alone where there is only one key, `tx`, as most tests have it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts = self.iter().map(|(key, value)| match key {
            "tx" => value.to_owned(),
            key => format!("{key}={value}"),
        });
        f.write_str(&texts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_held_once_and_values_are_bounded() {
        let mut keys = Keys::of("tx=t1 tx=t1 order=o1");
        keys.add("tx", "");
        assert_eq!(keys.to_string(), "order=o1,t1");
        for n in 0..2 * VALUES_MAX {
            keys.add("tx", &n.to_string());
        }
        assert_eq!(keys.into_map()["tx"].len(), VALUES_MAX);
    }

    #[test]
    fn one_has_its_own_values_before_those_of_another() {
        let keys = Keys::of("tx=t2").or(&Keys::of("tx=t1 order=o1"));
        assert_eq!(keys, Keys::of("tx=t2 order=o1"));
        assert!(keys.has("tx") && keys.has_value("o1") && !keys.has_value("t1"));
    }
}

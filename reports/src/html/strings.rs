//! A table of strings that the page's data refers to by number.

use std::collections::HashMap;

use crate::text::abridged;

/// Strings in order of their first use.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    numbers: HashMap<String, usize>,
    list: Vec<String>,
}

impl Strings {
    /// The number of a string.
    pub(crate) fn intern(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.list.len();
        self.numbers.insert(text.to_owned(), number);
        self.list.push(abridged(text));
        number
    }

    /// The table.
    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}

//! `[keys.*]`: the values by which a frame, a message or a row is known to belong to a subject.

use serde::Deserialize;

/// Where a key stands in what crosses the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its places: `http:/POINTER`, `path:/PATH/{KEY}`, `header:NAME`, `message:key`, `message:/POINTER`,
    /// `sql:TABLE.COLUMN`, `xa:gtrid`.
    #[serde(default)]
    pub at: Vec<String>,
}

impl Key {
    /// What its places of one form say: for `path`, the templates of paths.
    pub fn places<'a>(&'a self, form: &'a str) -> impl Iterator<Item = &'a str> {
        let split = self.at.iter().filter_map(|place| place.split_once(':'));
        split.filter(move |(of, _)| *of == form).map(|(_, rest)| rest)
    }
}

//! Rows of a view: columns by name, cells as text or null, all cells of a read in one buffer.
//!
//! In JSON each row is a map. In memory a cell costs eight bytes beside its text, so that
//! a read of millions of rows fits beside its history.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::line::Borrowed;

/// Where a cell's text ends that is null.
const NULL: u32 = u32::MAX;

/// Rows of text, one read of one view.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rows {
    columns: Vec<String>,
    text: String,
    /// Begin and end of each cell in `text`, row by row.
    cells: Vec<(u32, u32)>,
    count: usize,
}

/// One row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    rows: &'a Rows,
    at: usize,
}

impl Rows {
    /// No rows yet, of these columns.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Rows {
        Rows {
            columns: columns.into_iter().map(Into::into).collect(),
            ..Rows::default()
        }
    }

    /// Adds a row: one cell for each column, in their order. Missing cells are null, further ones are left out.
    pub fn push<'a>(&mut self, cells: impl IntoIterator<Item = Option<&'a str>>) {
        let mut cells = cells.into_iter();
        for _ in 0..self.columns.len() {
            let cell = cells.next().flatten();
            self.cell(cell);
        }
        self.count += 1;
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The names of the columns. Rows that were read from an empty JSON list have none.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> + Clone {
        (0..self.count).map(|at| Row { rows: self, at })
    }

    fn cell(&mut self, text: Option<&str>) {
        let offset = |n: usize| u32::try_from(n).ok().filter(|n| *n < NULL).expect("a read below 4 GiB");
        let from = offset(self.text.len());
        let to = match text {
            None => NULL,
            Some(text) => {
                self.text.push_str(text);
                offset(self.text.len())
            }
        };
        self.cells.push((from, to));
    }
}

impl<'a> Row<'a> {
    /// The cell of a column by its position; None where it is null.
    pub fn at(self, column: usize) -> Option<&'a str> {
        let (from, to) = *self.rows.cells.get(self.at * self.rows.columns.len() + column)?;
        (to != NULL).then(|| &self.rows.text[from as usize..to as usize])
    }

    /// The cell of a column by its name; None where it is null, or where there is no such column.
    pub fn get(self, column: &str) -> Option<&'a str> {
        self.at(self.rows.column(column)?)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.rows.columns.iter().enumerate();
        f.debug_map()
            .entries(cells.map(|(at, name)| (name, self.at(at))))
            .finish()
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(Some(self.count))?;
        for row in self.iter() {
            seq.serialize_element(&row)?;
        }
        seq.end()
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.rows.columns.len()))?;
        for (at, column) in self.rows.columns.iter().enumerate() {
            map.serialize_entry(column, &self.at(at))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(RowsVisitor)
    }
}

struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::default();
        while seq.next_element_seed(OneRow(&mut rows))?.is_some() {}
        Ok(rows)
    }
}

/// Reads one row behind those that are there.
struct OneRow<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for OneRow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: a map of columns to text or null")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let rows = self.0;
        let first = rows.count == 0;
        let mut at = 0;
        while let Some(name) = map.next_key::<Borrowed<'de>>()? {
            let name = name.0;
            let cell = map.next_value::<Option<Borrowed<'de>>>()?;
            if first {
                if rows.columns.iter().any(|column| *column == name) {
                    return Err(A::Error::custom(format!("a row has the column {name:?} twice")));
                }
                rows.columns.push(name.into_owned());
            } else if rows.columns.get(at).is_none_or(|column| *column != name) {
                let columns = rows.columns.join(", ");
                return Err(A::Error::custom(format!(
                    "every row has the columns {columns}, in this order; found {name:?}"
                )));
            }
            at += 1;
            rows.cell(cell.as_ref().map(|cell| &*cell.0));
        }
        if at < rows.columns.len() {
            let missing = &rows.columns[at];
            return Err(A::Error::custom(format!("a row lacks the column {missing:?}")));
        }
        rows.count += 1;
        Ok(())
    }
}

/// The position of a column in what a view shows; 0 where it shows no row.
pub(crate) fn column(rows: &Rows, name: &str) -> Result<usize, String> {
    match rows.column(name) {
        Some(column) => Ok(column),
        None if rows.is_empty() => Ok(0),
        None => Err(format!(
            "it has no column {name}; it shows {}",
            rows.columns().join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_maps_in_json_and_back() {
        let mut rows = Rows::new(["account", "balance"]);
        rows.push([Some("a1"), Some("1.00")]);
        rows.push([Some("a2"), None]);
        let text = serde_json::to_string(&rows).unwrap();
        assert_eq!(
            text,
            r#"[{"account":"a1","balance":"1.00"},{"account":"a2","balance":null}]"#
        );
        let back: Rows = serde_json::from_str(&text).unwrap();
        assert_eq!(back, rows);
        let cells: Vec<_> = back
            .iter()
            .map(|row| (row.get("account"), row.get("balance")))
            .collect();
        assert_eq!(cells, [(Some("a1"), Some("1.00")), (Some("a2"), None)]);
        assert_eq!(back.iter().next().unwrap().get("nothing"), None);
    }

    #[test]
    fn rows_of_other_columns_are_refused() {
        let read = |text: &str| serde_json::from_str::<Rows>(text).map_err(|e| e.to_string());
        assert!(
            read(r#"[{"a":"1"},{"b":"2"}]"#)
                .unwrap_err()
                .contains("every row has the columns a")
        );
        assert!(
            read(r#"[{"a":"1","b":"2"},{"a":"2"}]"#)
                .unwrap_err()
                .contains("lacks the column \"b\"")
        );
        assert!(read(r#"[{"a":"1","a":"2"}]"#).unwrap_err().contains("twice"));
        assert!(read(r#"[{"a":1}]"#).is_err());
        assert_eq!(read("[]").unwrap(), Rows::default());
    }
}

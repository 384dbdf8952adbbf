//! `[keys.*]`: the forms of places.

use paytwice_checkers::names::{did_you_mean, list};

use super::Check;
use crate::plan::manifest::Key;

/// The forms of a place, each with an example.
const FORMS: [(&str, &str); 6] = [
    ("http", "http:/order_id"),
    ("path", "path:/orders/{order}"),
    ("header", "header:Idempotency-Key"),
    ("message", "message:key"),
    ("sql", "sql:orders.id"),
    ("xa", "xa:gtrid"),
];

impl Check<'_> {
    pub(super) fn key(&mut self, name: &str, key: &Key) {
        for (n, place) in key.at.iter().enumerate() {
            if let Err(problem) = place_problem(place) {
                self.say(format!("keys.{name}.at[{n}] is {place:?}; {problem}"));
            }
        }
    }
}

fn place_problem(place: &str) -> Result<(), String> {
    let example = |form: &str| {
        FORMS
            .iter()
            .find(|(known, _)| *known == form)
            .map(|(_, example)| *example)
    };
    let (form, rest) = place.split_once(':').unwrap_or((place, ""));
    let Some(example) = example(form) else {
        let forms = FORMS.map(|(form, _)| form);
        let hint = did_you_mean(form, forms);
        let examples = list(FORMS.map(|(_, example)| example));
        return Err(format!("a place is one of the forms {examples}{hint}"));
    };
    let what = match form {
        "http" if !rest.starts_with('/') => "a JSON pointer begins with /",
        "path" if !rest.starts_with('/') || !rest.split('/').any(is_variable) => {
            "a path begins with / and has a name in braces between slashes"
        }
        "header" if rest.is_empty() || rest.contains(char::is_whitespace) => "a header has a name",
        "message" if rest != "key" && !rest.starts_with('/') => {
            "it must be `key`, or a JSON pointer that begins with /"
        }
        "sql" if rest.split('.').count() != 2 || !rest.split('.').all(is_column) => "it must be TABLE.COLUMN",
        "xa" if rest != "gtrid" => "of a transaction it can be `gtrid`",
        _ => return Ok(()),
    };
    Err(format!("{what}, as in {example:?}"))
}

/// Whether a part of a path is `{name}`.
fn is_variable(part: &str) -> bool {
    part.len() > 2 && part.starts_with('{') && part.ends_with('}')
}

fn is_column(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "`'\"()".contains(c))
}

//! Places: where a key stands in what crosses a link, as a manifest writes them.
//!
//! ```text
//! http:/tx_no                  a JSON pointer into HTTP bodies, of requests and answers
//! path:/pay/payresult/{tx}     a segment of a path; the template names the points of such paths too
//! header:Idempotency-Key       a header of HTTP requests and answers
//! message:key                  the keys that a producer gives a message
//! message:/tx_no               a JSON pointer into message bodies
//! property:orderId             a property of messages
//! sql:account_pay.id           a column of a table
//! xa:gtrid                     the global part of an XA transaction's identifier
//! ```
//!
//! Text and types only: what is found there is decided in `correlation`.

use std::fmt;
use std::str::FromStr;

use paytwice_checkers::names::did_you_mean;

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A JSON pointer into HTTP bodies.
    HttpBody(String),
    /// A path template with a segment in braces that has the key's name; other braces match anything.
    HttpPath(String),
    /// The name of a header.
    HttpHeader(String),
    /// The keys of a message.
    MessageKey,
    /// A JSON pointer into message bodies.
    MessageBody(String),
    /// The name of a property of messages.
    MessageProperty(String),
    /// A column of a table.
    Sql {
        /// The table, without its database.
        table: String,
        /// The column.
        column: String,
    },
    /// The gtrid of an XA transaction.
    XaGtrid,
}

/// What a place begins with, and how it is written.
const KINDS: [(&str, &str); 7] = [
    ("http", "http:/tx_no"),
    ("path", "path:/pay/payresult/{tx}"),
    ("header", "header:Idempotency-Key"),
    ("message", "message:key` or `message:/tx_no"),
    ("property", "property:orderId"),
    ("sql", "sql:account_pay.id"),
    ("xa", "xa:gtrid"),
];

impl Place {
    /// Whether the place can hold the key of that name.
    pub fn check(&self, key: &str) -> Result<(), String> {
        let Place::HttpPath(template) = self else {
            return Ok(());
        };
        let braces: Vec<&str> = template.split('/').filter_map(in_braces).collect();
        if braces.contains(&key) {
            return Ok(());
        }
        let hint = did_you_mean(key, braces.iter().copied());
        Err(format!(
            "`{self}` has no segment {{{key}}}{hint}; the segment that holds the key {key:?} has its name in braces, like \
             `path:/orders/{{{key}}}`"
        ))
    }
}

/// The name in a segment `{name}`.
pub(super) fn in_braces(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let (kind, rest) = text.split_once(':').ok_or_else(|| {
            format!(
                "{text:?} is no place: it lacks the `:` behind its kind; write it like {}",
                forms()
            )
        })?;
        let wrong = |problem: &str| {
            let form = KINDS
                .iter()
                .find(|(known, _)| *known == kind)
                .map_or("", |(_, form)| form);
            Err(format!("{text:?} {problem}; write it like `{form}`"))
        };
        match kind {
            "http" if rest.starts_with('/') => Ok(Place::HttpBody(rest.to_owned())),
            "http" => wrong("is no JSON pointer into HTTP bodies: it does not begin with `/`"),
            "path" if !rest.starts_with('/') => wrong("is no path: it does not begin with `/`"),
            "path"
                if !rest
                    .split('/')
                    .any(|segment| in_braces(segment).is_some_and(|name| !name.is_empty())) =>
            {
                wrong("has no segment in braces, so no key can stand there")
            }
            "path" => Ok(Place::HttpPath(rest.to_owned())),
            "header" if is_header(rest) => Ok(Place::HttpHeader(rest.to_owned())),
            "header" => wrong("names no HTTP header"),
            "message" if rest == "key" => Ok(Place::MessageKey),
            "message" if rest.starts_with('/') => Ok(Place::MessageBody(rest.to_owned())),
            "message" => wrong(&format!(
                "is neither the keys of a message nor a JSON pointer into its body{}",
                did_you_mean(rest, ["key"])
            )),
            "property" if is_property(rest) => Ok(Place::MessageProperty(rest.to_owned())),
            "property" => wrong("names no property of a message"),
            "sql" => match rest.split_once('.') {
                Some((table, column)) if [table, column].iter().all(|name| is_name(name)) => Ok(Place::Sql {
                    table: table.to_owned(),
                    column: column.to_owned(),
                }),
                _ => wrong("is no column of a table (table and column, with one dot between them)"),
            },
            "xa" if rest == "gtrid" => Ok(Place::XaGtrid),
            "xa" => wrong(&format!(
                "is no part of an XA identifier that holds a key{}",
                did_you_mean(rest, ["gtrid"])
            )),
            other => {
                let known = KINDS.map(|(kind, _)| kind);
                let hint = did_you_mean(other, known);
                Err(format!(
                    "{text:?} is no place: {other:?} is no kind of place{hint}; write it like {}",
                    forms()
                ))
            }
        }
    }
}

fn forms() -> String {
    KINDS.map(|(_, form)| format!("`{form}`")).join(", ")
}

fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn is_property(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::is_control)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "`'\".;()".contains(c))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::HttpBody(pointer) => write!(f, "http:{pointer}"),
            Place::HttpPath(template) => write!(f, "path:{template}"),
            Place::HttpHeader(name) => write!(f, "header:{name}"),
            Place::MessageKey => f.write_str("message:key"),
            Place::MessageBody(pointer) => write!(f, "message:{pointer}"),
            Place::MessageProperty(name) => write!(f, "property:{name}"),
            Place::Sql { table, column } => write!(f, "sql:{table}.{column}"),
            Place::XaGtrid => f.write_str("xa:gtrid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "http:/tx_no",
            "path:/pay/payresult/{tx}",
            "header:Idempotency-Key",
            "message:key",
            "message:/a/0/b",
            "property:orderId",
            "sql:account_pay.id",
            "xa:gtrid",
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_form() {
        for (text, says) in [
            (
                "tx_no",
                "\"tx_no\" is no place: it lacks the `:` behind its kind; write it like `http:/tx_no`, ",
            ),
            (
                "htp:/tx_no",
                "\"htp:/tx_no\" is no place: \"htp\" is no kind of place (did you mean http?); write it like ",
            ),
            ("http:tx_no", "does not begin with `/`; write it like `http:/tx_no`"),
            (
                "path:pay/{tx}",
                "does not begin with `/`; write it like `path:/pay/payresult/{tx}`",
            ),
            ("path:/pay/{}", "has no segment in braces"),
            (
                "header:",
                "names no HTTP header; write it like `header:Idempotency-Key`",
            ),
            ("header:a b", "names no HTTP header"),
            (
                "message:keys",
                "(did you mean key?); write it like `message:key` or `message:/tx_no`",
            ),
            (
                "property:",
                "names no property of a message; write it like `property:orderId`",
            ),
            ("sql:account_pay", "is no column of a table"),
            ("sql:shop.orders.id", "is no column of a table"),
            ("sql:account_pay.", "write it like `sql:account_pay.id`"),
            ("xa:gtrd", "(did you mean gtrid?); write it like `xa:gtrid`"),
        ] {
            let error = text.parse::<Place>().unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_path_names_the_key_that_stands_in_it() {
        let place: Place = "path:/orders/{order}/items/{item}".parse().unwrap();
        assert_eq!((place.check("order"), place.check("item")), (Ok(()), Ok(())));
        let error = place.check("ordr").unwrap_err();
        assert!(error.contains("no segment {ordr} (did you mean order?)"), "{error}");
        assert_eq!("xa:gtrid".parse::<Place>().unwrap().check("tx"), Ok(()));
    }
}

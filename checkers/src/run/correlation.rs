//! Whether what crossed the links could be told apart by subject: how often each key was found where the manifest says that it
//! stands, and how many bytes nobody understood.
//!
//! A link counts for itself and says so at the end of a run. Where a key was hardly ever found, its places are wrong, and
//! whatever was concluded from frames without it was not earned.

use serde_json::Value;

use super::Facts;
use crate::findings::unknown;
use crate::verdict::{CheckerResult, KeyCount};

/// The name under which the results say that a key was not found.
const NAME: &str = "keys";
/// Frames without which nothing is said about a key.
const FRAMES_MIN: u64 = 20;
/// A key is not found where fewer than one frame in so many carries it.
const ONE_IN: u64 = 20;

/// Takes in what a link counted.
pub(super) fn observe(facts: &mut Facts, f: &str, value: &Value) {
    match f {
        "keys" => facts.keys.extend(serde_json::from_value::<KeyCount>(value.clone())),
        "unparsed" => {
            let link = value.get("link").and_then(Value::as_str);
            let bytes = value.get("bytes").and_then(Value::as_u64);
            if let (Some(link), Some(bytes)) = (link, bytes) {
                *facts.unparsed.entry(link.to_owned()).or_default() += bytes;
            }
        }
        _ => {}
    }
}

/// What makes a verdict unknown: keys that were hardly found where they should stand.
pub(crate) fn uncorrelated(facts: &Facts) -> Option<CheckerResult> {
    let mut keys: Vec<&str> = facts.keys.iter().map(|count| count.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let missed = keys.into_iter().find_map(|key| {
        let counts = facts.keys.iter().filter(|count| count.key == key && count.of > 0);
        let (found, of) = counts.clone().fold((0, 0), |(f, o), count| (f + count.found, o + count.of));
        let links: Vec<String> = counts.map(KeyCount::to_string).collect();
        (of >= FRAMES_MIN && found.saturating_mul(ONE_IN) < of).then(|| {
            format!(
                "{key} was found in {found} of the {of} frames where keys.{key} says that it stands ({}): its places in the \
                 manifest match next to nothing, and what crossed the wire belongs to no subject",
                links.join(", ")
            )
        })
    });
    missed.map(|why| unknown(NAME, &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(counts: &[(&str, u64, u64)]) -> Option<String> {
        let mut facts = Facts::default();
        for (link, found, of) in counts {
            let value = serde_json::json!({ "link": link, "key": "tx", "found": found, "of": of });
            observe(&mut facts, "keys", &value);
        }
        uncorrelated(&facts).and_then(|result| result.reason)
    }

    #[test]
    fn a_key_that_is_hardly_found_is_said() {
        let said = told(&[("pay->mysql", 0, 300), ("client->pay", 4, 100), ("idle", 0, 0)]).unwrap();
        assert!(said.starts_with("tx was found in 4 of the 400 frames"), "{said}");
        assert!(said.contains("(pay->mysql 0 of 300, client->pay 4 of 100)"), "{said}");
    }

    #[test]
    fn a_key_that_is_found_or_could_not_be_is_no_doubt() {
        assert_eq!(told(&[("pay->mysql", 0, 300), ("client->pay", 100, 100)]), None);
        assert_eq!(told(&[("pay->mysql", 0, FRAMES_MIN - 1)]), None);
        assert_eq!(told(&[]), None);
    }
}

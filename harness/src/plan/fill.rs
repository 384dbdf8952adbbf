//! Placeholders: `${name}` in strings of a manifest, filled in per run.
//!
//! Must never leave a placeholder standing or fill in nothing: what the lookup does not know is an error.

use super::error::PlanError;

/// `template` with each `${name}` replaced by what `lookup` says.
///
/// ```
/// let addr = |name: &str| (name == "pay.addr").then(|| "10.0.0.2:8080".to_owned());
/// assert_eq!(paytwice::plan::fill("http://${pay.addr}/", &addr).unwrap(), "http://10.0.0.2:8080/");
/// ```
pub fn fill(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, PlanError> {
    let mut filled = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Name(name) => filled.push_str(&lookup(name).ok_or_else(|| {
                PlanError::value(
                    format!("${{{name}}}"),
                    format!("nothing to fill in for it in {template:?}"),
                )
            })?),
            Part::Open(rest) => return Err(PlanError::value(template, format!("{rest:?} has no closing brace"))),
        }
    }
    Ok(filled)
}

/// The names of the placeholders of `template`, in order; an unclosed one is an error that says so.
pub fn placeholders(template: &str) -> Result<Vec<&str>, String> {
    parts(template)
        .into_iter()
        .filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Name(name) => Some(Ok(name)),
            Part::Open(rest) => Some(Err(format!("has {rest:?} without a closing brace"))),
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
    Open(&'a str),
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find("${") {
        parts.push(Part::Text(&rest[..start]));
        let Some(end) = rest[start..].find('}') else {
            parts.push(Part::Open(&rest[start..]));
            return parts;
        };
        parts.push(Part::Name(&rest[start + 2..start + end]));
        rest = &rest[start + end + 1..];
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "a" => Some("1".to_owned()),
            "b.addr" => Some("h:2".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn fills_every_placeholder() {
        assert_eq!(fill("x${a}y${b.addr}z$ {}", &known).unwrap(), "x1yh:2z$ {}");
        assert_eq!(placeholders("${a}${b.addr}"), Ok(vec!["a", "b.addr"]));
    }

    #[test]
    fn refuses_the_unknown_and_the_unclosed() {
        let unknown = fill("x${c}", &known).unwrap_err().to_string();
        assert_eq!(unknown, r#"${c}: nothing to fill in for it in "x${c}""#);
        assert!(fill("x${a", &known).is_err());
        assert!(placeholders("x${a").is_err());
    }
}

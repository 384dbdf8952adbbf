//! Placeholders: `${name}` in strings of a manifest, filled in per run.
//!
//! Must never fill in nothing for a placeholder that the lookup does not know.

use super::error::PlanError;

/// `template` with each `${name}` replaced by what `lookup` says. What it does not know stays as it is: strings of a
/// manifest that has been read have known placeholders only, so that a missing one is a mistake of the caller, seen
/// at once where the string is used.
///
/// ```
/// let addr = |name: &str| (name == "pay.addr").then(|| "10.0.0.2:8080".to_owned());
/// assert_eq!(paytwice::plan::fill("http://${pay.addr}/", &addr), "http://10.0.0.2:8080/");
/// ```
pub fn fill(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) | Part::Open(text) => filled.push_str(text),
            Part::Name(name) => match lookup(name) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(&format!("${{{name}}}")),
            },
        }
    }
    filled
}

/// [`fill`], where a placeholder without a value is an error: for strings whose use would hide it.
pub fn try_fill(template: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, PlanError> {
    let names = placeholders(template).map_err(|problem| PlanError::value(format!("{template:?}"), problem))?;
    match names.into_iter().find(|name| lookup(name).is_none()) {
        Some(name) => Err(PlanError::value(
            format!("${{{name}}}"),
            format!("there is nothing to fill in for it in {template:?}"),
        )),
        None => Ok(fill(template, lookup)),
    }
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
        assert_eq!(fill("x${a}y${b.addr}z$ {}", &known), "x1yh:2z$ {}");
        assert_eq!(try_fill("${a}", &known).unwrap(), "1");
        assert_eq!(placeholders("${a}${b.addr}"), Ok(vec!["a", "b.addr"]));
    }

    #[test]
    fn refuses_the_unknown_and_the_unclosed() {
        assert_eq!(fill("x${c}${a", &known), "x${c}${a");
        let unknown = try_fill("x${c}", &known).unwrap_err().to_string();
        assert_eq!(unknown, r#"${c}: there is nothing to fill in for it in "x${c}""#);
        assert!(try_fill("x${a", &known).is_err());
        assert!(placeholders("x${a").is_err());
    }
}

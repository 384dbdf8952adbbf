//! Names that users mistype: which known one is near, and how messages say so.

/// A name that is none of the possible ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} is not known{}; possible are {}", did_you_mean(.name, borrowed(.possible)), list(borrowed(.possible)))]
pub struct UnknownName {
    /// What it should name: `format`, `workload`, `model`, `option`.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// All possible names.
    pub possible: Vec<String>,
}

impl UnknownName {
    /// With all possible names.
    pub fn new<'a>(what: &'static str, name: &str, possible: impl IntoIterator<Item = &'a str>) -> UnknownName {
        UnknownName {
            what,
            name: name.chars().take(60).collect(),
            possible: possible.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// The known name nearest to a mistyped one, if one is near enough.
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed || (name.len() >= 3 && candidate.to_lowercase().starts_with(&name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean X?)`, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    near(name, known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// `a, b, c`, or `none`.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn borrowed(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_neighbour_and_nonsense_finds_none() {
        let known = ["mysql", "rocketmq", "pay"];
        assert_eq!(near("mysq1", known), Some("mysql"));
        assert_eq!(near("MySQL", known), Some("mysql"));
        assert_eq!(near("rocket", known), Some("rocketmq"));
        assert_eq!(near("kafka", known), None);
    }
}

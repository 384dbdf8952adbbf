//! Just enough EDN for the operations of recorded histories.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edn {
    Word(String),
    List(Vec<Edn>),
    Map(Vec<Edn>),
}

impl Edn {
    /// A field of a map, as a word; nothing where it has none.
    pub(crate) fn word(&self, name: &str) -> String {
        field(self, name).map(|value| value.text()).unwrap_or_default()
    }

    /// A word, or nothing.
    pub(crate) fn text(&self) -> String {
        match self {
            Edn::Word(word) => word.clone(),
            _ => String::new(),
        }
    }

    /// The words of a list.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Edn::List(values) => values.iter().map(Edn::text).collect(),
            _ => Vec::new(),
        }
    }
}

/// A field of a map.
pub(crate) fn field<'a>(map: &'a Edn, name: &str) -> Option<&'a Edn> {
    let Edn::Map(entries) = map else { return None };
    let entry = entries
        .chunks(2)
        .find(|entry| matches!(&entry[0], Edn::Word(word) if word[1..] == *name))?;
    entry.get(1)
}

/// The outermost maps of a text, whatever lists they are in.
pub(crate) fn maps(text: &str) -> Vec<Edn> {
    let tokens = tokens(text);
    let mut at = 0;
    let mut found = Vec::new();
    while at < tokens.len() {
        match &tokens[at][..] {
            "{" => found.push(value(&tokens, &mut at)),
            _ => at += 1,
        }
    }
    found
}

fn value(tokens: &[String], at: &mut usize) -> Edn {
    let opening = &tokens[*at];
    *at += 1;
    match &opening[..] {
        "{" | "[" | "(" => {
            let mut values = Vec::new();
            while !matches!(&tokens[*at][..], "}" | "]" | ")") {
                values.push(value(tokens, at));
            }
            *at += 1;
            if opening == "{" {
                Edn::Map(values)
            } else {
                Edn::List(values)
            }
        }
        word => Edn::Word(word.to_owned()),
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ';' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let mut string = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    string.push(if c == '\\' { chars.next().unwrap_or_default() } else { c });
                }
                tokens.push(string);
            }
            '{' | '}' | '[' | ']' | '(' | ')' => tokens.push(c.to_string()),
            c if c.is_whitespace() || c == ',' || c == '#' => {}
            c => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"{}[](),;\"".contains(*c)) {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    tokens
}

//! One operation of a client: an action of the target, what was asked, what was answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Text;

/// An operation. Its event's `f` is the action; `invoke` carries what was asked, `ok`, `fail` and `info` repeat it and add the
/// answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The action, as the header names it. In JSON it is the event's `f`.
    #[serde(skip)]
    pub action: Text,
    /// The subject that it is about: the key's value as the client knows it, or the name of what is there beforehand.
    pub subject: Text,
    /// 1 for the first try, counting up with each retry of the same operation.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempt: u32,
    /// What was asked, by field; the key included where the client chose it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<Text, Text>,
    /// Fields that deliberately differ from what the same key was sent with before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Whether it was made to bring about what was missing once everything was at rest.
    #[serde(default, skip_serializing_if = "is_false")]
    pub repair: bool,
    /// Whether nothing of it was sent, for want of a connection: it certainly did not happen, and nobody answered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unsent: bool,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What the answer said, by the names that the target gives to its parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answer: BTreeMap<Text, Text>,
}

impl Op {
    /// Whether its action is one of these.
    pub fn is_one_of(&self, actions: &[String]) -> bool {
        actions.iter().any(|action| self.action == *action)
    }

    /// The operation with these for what was asked.
    #[must_use]
    pub fn asking<T: Into<Text>>(mut self, args: impl IntoIterator<Item = (T, T)>) -> Op {
        self.args = args
            .into_iter()
            .map(|(field, value)| (field.into(), value.into()))
            .collect();
        self
    }

    /// What was asked for a field.
    pub fn arg(&self, field: &str) -> Option<&str> {
        self.args.get(field).map(Text::as_str)
    }

    /// What a part of the answer said.
    pub fn said(&self, part: &str) -> Option<&str> {
        self.answer.get(part).map(Text::as_str)
    }
}

impl Default for Op {
    /// A first try of nothing yet.
    fn default() -> Op {
        Op {
            action: Text::default(),
            subject: Text::default(),
            attempt: one(),
            args: BTreeMap::new(),
            changed: Vec::new(),
            repair: false,
            unsent: false,
            status: None,
            answer: BTreeMap::new(),
        }
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(b: &bool) -> bool {
    !*b
}

//! Points as rules name them, with what can be done at each. Whoever makes up the name says so: nothing reads it.

use paytwice_checkers::history::Role;

use super::protocol::Refusal;
use super::vocabulary::Duplicated;

/// A point of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PointDef {
    /// Its name, with its way: `COMMIT reply`.
    pub name: String,
    /// What its frames mean in its protocol.
    pub role: Role,
    /// Whether its frames are answers.
    pub is_reply: bool,
    /// Whether only some targets have such frames, or runs in which something went wrong: nothing is drawn for them.
    pub seldom: bool,
    /// As what its frames can arrive twice; None where they cannot.
    pub twice: Option<Duplicated>,
    /// Errors that the server may answer its frames with.
    pub refusals: &'static [Refusal],
}

impl PointDef {
    /// One whose frames can neither arrive twice nor be refused.
    pub fn plain(name: impl Into<String>) -> PointDef {
        PointDef {
            name: name.into(),
            role: Role::Plain,
            is_reply: false,
            seldom: false,
            twice: None,
            refusals: &[],
        }
    }

    /// One whose frames mean that.
    pub fn meaning(self, role: Role) -> PointDef {
        PointDef { role, ..self }
    }

    /// One whose frames do not come by in every run.
    pub fn seldom(self, seldom: bool) -> PointDef {
        PointDef { seldom, ..self }
    }

    /// One whose frames can arrive twice.
    pub fn twice(self, what: Duplicated) -> PointDef {
        PointDef {
            twice: Some(what),
            ..self
        }
    }

    /// A request and its reply.
    pub fn both(name: &str) -> [PointDef; 2] {
        [("request", false), ("reply", true)].map(|(way, is_reply)| PointDef {
            is_reply,
            ..PointDef::plain(format!("{name} {way}"))
        })
    }

    /// A request that the server may refuse, and its reply.
    pub fn refused(name: &str, refusals: &'static [Refusal]) -> [PointDef; 2] {
        let [request, reply] = PointDef::both(name);
        [PointDef { refusals, ..request }, reply]
    }

    /// An HTTP request and its answer.
    pub fn http(call: &str) -> [PointDef; 2] {
        let [request, reply] = PointDef::refused(call, &[Refusal::ServiceUnavailable]);
        [request.twice(Duplicated::HttpRequest), reply]
    }
}

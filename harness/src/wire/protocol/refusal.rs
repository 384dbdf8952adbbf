//! Refusals: the errors that a link may answer a request with in the server's place, as users write them.
//!
//! Each is one that the server's own contract allows. Never: an error that the protocol at hand does not know.

use std::fmt;
use std::str::FromStr;

/// A legal error in the place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// MySQL: the statement waited too long for a lock; it alone is undone.
    LockWaitTimeout,
    /// MySQL: the statement was chosen to end a deadlock; its transaction is undone.
    Deadlock,
    /// RocketMQ: the broker has too much to do to store a message.
    SystemBusy,
    /// RocketMQ: the name server knows no broker for the topic.
    NoRoute,
    /// HTTP 503, or RocketMQ's answer of a broker that is shutting down to a message (code 14).
    ServiceUnavailable,
}

impl Refusal {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Refusal; 5] = [
        Refusal::LockWaitTimeout,
        Refusal::Deadlock,
        Refusal::SystemBusy,
        Refusal::NoRoute,
        Refusal::ServiceUnavailable,
    ];

    /// What stands behind the word `error`.
    fn code(self) -> &'static str {
        match self {
            Refusal::LockWaitTimeout => "1205",
            Refusal::Deadlock => "1213",
            Refusal::SystemBusy => "busy",
            Refusal::NoRoute => "no-route",
            Refusal::ServiceUnavailable => "503",
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Refusal::LockWaitTimeout => "MySQL lock wait timeout",
            Refusal::Deadlock => "MySQL deadlock",
            Refusal::SystemBusy => "RocketMQ system busy",
            Refusal::NoRoute => "RocketMQ topic without a route",
            Refusal::ServiceUnavailable => "HTTP 503, RocketMQ service not available",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.code())
    }
}

/// A text that names no refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no error that a link can answer with; it can answer with {known}, and lose the connection with \
     `reset before` or `reset after`",
    known = known()
)]
pub struct UnknownRefusal(String);

fn known() -> String {
    let each = Refusal::ALL.map(|refusal| format!("`{refusal}` ({})", refusal.about()));
    each.join(", ")
}

impl FromStr for Refusal {
    type Err = UnknownRefusal;

    fn from_str(text: &str) -> Result<Refusal, UnknownRefusal> {
        let mut words = text.split_whitespace();
        let known = match (words.next(), words.next(), words.next()) {
            (Some("error"), Some(code), None) => Refusal::ALL.into_iter().find(|refusal| refusal.code() == code),
            _ => None,
        };
        known.ok_or_else(|| UnknownRefusal(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.to_string().parse(), Ok(refusal));
        }
        assert_eq!(" error  1205 ".parse(), Ok(Refusal::LockWaitTimeout));
    }

    #[test]
    fn what_is_not_known_is_told_with_what_is() {
        for wrong in ["error 1206", "1205", "error", "error busy now", ""] {
            let message = wrong.parse::<Refusal>().unwrap_err().to_string();
            assert!(message.starts_with(&format!("{wrong:?} is no error")), "{message}");
            assert!(message.ends_with("`reset after`"), "{message}");
        }
        assert_eq!(
            "error 1206".parse::<Refusal>().unwrap_err().to_string(),
            "\"error 1206\" is no error that a link can answer with; it can answer with `error 1205` (MySQL lock wait \
             timeout), `error 1213` (MySQL deadlock), `error busy` (RocketMQ system busy), `error no-route` (RocketMQ \
             topic without a route), `error 503` (HTTP 503, RocketMQ service not available), and lose the connection with \
             `reset before` or `reset after`"
        );
    }
}

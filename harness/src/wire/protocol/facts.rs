//! What can be done to the frames of each protocol, by the names of their points. Never: looks at a frame.

use super::Protocol;
use crate::dependency::rocketmq::BROKER_LEG;
use crate::plan::{Duplicated, Refusal};

impl Protocol {
    /// The leg whose address clients learn from an answer of another one.
    pub(in crate::wire) fn announced_leg(self) -> Option<&'static str> {
        (self == Protocol::RocketMq).then_some(BROKER_LEG)
    }

    /// Whether the point is one at which a message reaches its consumer.
    pub fn delivers(self, point: &str) -> bool {
        self == Protocol::RocketMq && point.starts_with("DELIVER ")
    }

    /// Whether a request can be answered with an error and the end of the connection at once, as clients recover from.
    pub fn fails_and_closes(self) -> bool {
        self == Protocol::RocketMq
    }

    /// Whether there is a way to make such a frame arrive twice.
    pub fn can_duplicate(self, point: &str) -> bool {
        match self {
            Protocol::Http => point.ends_with(" request"),
            Protocol::RocketMq => self.delivers(point) || (point.starts_with("SEND ") && point.ends_with(" request")),
            Protocol::MySql | Protocol::Tcp => false,
        }
    }

    /// What can be duplicated on a link on which messages are sent, or received, or both.
    pub fn duplicates(self, sends: bool, receives: bool) -> Vec<Duplicated> {
        match self {
            Protocol::Http => vec![Duplicated::HttpRequest],
            Protocol::MySql | Protocol::Tcp => Vec::new(),
            Protocol::RocketMq => {
                let each = [(sends, Duplicated::Send), (receives, Duplicated::Delivery)];
                each.into_iter()
                    .filter(|(here, _)| *here)
                    .map(|(_, what)| what)
                    .collect()
            }
        }
    }

    /// Errors that the server may answer such a request with.
    pub fn refusals(self, point: &str) -> Vec<Refusal> {
        let request = point.ends_with(" request");
        let verb = point.split(' ').next().unwrap_or_default();
        match self {
            Protocol::Http if request => vec![Refusal::ServiceUnavailable],
            Protocol::RocketMq if request && verb == "SEND" => vec![Refusal::SystemBusy],
            Protocol::MySql if request && ["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&verb) => {
                vec![Refusal::LockWaitTimeout, Refusal::Deadlock]
            }
            _ => Vec::new(),
        }
    }
}

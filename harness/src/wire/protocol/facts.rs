//! What can be done on a link of each protocol. Never: looks at a frame.

use super::Protocol;
use crate::wire::Duplicated;

/// The leg that RocketMQ's route answers lead to.
pub(crate) const BROKER_LEG: &str = "broker";

impl Protocol {
    /// The leg whose address clients learn from an answer of another one.
    pub(in crate::wire) fn announced_leg(self) -> Option<&'static str> {
        (self == Protocol::RocketMq).then_some(BROKER_LEG)
    }

    /// Whether a request can be answered with an error and the end of the connection at once, as clients recover from.
    pub fn fails_and_closes(self) -> bool {
        self == Protocol::RocketMq
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
}

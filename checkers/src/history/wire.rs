//! What crossed a link: a named point of a protocol, the keys found in it, and what the link did to it.
//!
//! Deeds and roles are types: nothing reads a name or a sentence to learn what happened. Sentences are made from deeds by
//! their `Display`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Text;

/// Something crossed a link (process `wire`, type `info`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// `account->rocketmq`, `client->pay`, ...
    pub link: Text,
    /// Connection number on that link, from 1.
    pub conn: u64,
    /// Name of the point: `SEND topic request`, `DELIVER topic`, `POST /orders reply`.
    pub point: Text,
    /// What the frame means in its protocol.
    #[serde(default, skip_serializing_if = "Role::is_plain")]
    pub role: Role,
    /// Keys found in it, by the key's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<Text, Vec<Text>>,
    /// Bytes of the frame.
    pub bytes: u64,
    /// What a reply says came of its request, where the protocol says it in its first bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What was done to it, in order; empty when it just passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did: Vec<Deed>,
}

/// What a reply says came of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The server refused or failed: its error code (MySQL, RocketMQ).
    Error(u32),
    /// The statement changed this many rows (MySQL).
    Affected(u64),
    /// Status of an HTTP answer.
    Status(u16),
}

/// What a frame means in its protocol. The protocol sets it.
///
/// A request and its reply have the same role: the request asks for it, the reply decides it. [`Wire::is_reply`] tells which
/// of both a frame is; a reply without [`Outcome::Error`] says that it is done. A delivery is neither: the consumer's pull is
/// plain, and each message in the answer to it is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing more than its name says.
    #[default]
    Plain,
    /// A producer hands a message to a broker, the half message of a transaction included.
    Sent,
    /// A broker hands a message to a consumer.
    Delivered,
    /// A consumer says that it is done with a message, or with all messages up to one.
    Acknowledged,
    /// A branch of a distributed transaction promises that it can commit.
    Prepared,
    /// A transaction commits: in a database, or a broker's, whose half message becomes visible.
    Committed,
    /// A transaction rolls back. Not to a savepoint: the transaction goes on.
    RolledBack,
    /// A broker asks a producer how its transaction ended.
    AskedBack,
}

/// One thing that a link did to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It never arrived; its connection goes on.
    Dropped,
    /// It never arrived: its connection ended first.
    Lost,
    /// It never arrived: a rule reset its connection at it.
    Reset,
    /// It never arrived: the link answered what was open with an error and ended the connection at it.
    Failed,
    /// It arrived this many milliseconds later.
    DelayedMs(u64),
    /// It was held for this many milliseconds.
    HeldMs(u64),
    /// It arrives again; this is the original.
    Duplicated(Again),
    /// This is the copy.
    Copy,
    /// The answer to a copy: it ends at the link.
    CopyAnswer,
    /// A process was stopped before it arrived. It arrives where the process goes on, and is [`Deed::Lost`] otherwise.
    StoppedBefore,
    /// A process was stopped right after it arrived.
    StoppedAfter,
    /// This many later frames overtook it.
    Overtaken(u32),
    /// One byte of it was changed.
    Corrupted,
    /// A request that the link answered in the server's place: it was not passed on.
    NotPassedOn,
    /// The link's own answer, with this error code, in the server's place.
    Answered(u32),
    /// The link sent it: something that an answer of its own needs besides.
    FromLink,
    /// The answer to something that the link sent: it ends at the link.
    LinkAnswer,
}

/// How a frame arrives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// The same frame once more.
    Frame,
    /// A message: the consumer will pull it again.
    PulledAgain,
    /// A message: it stands twice in one answer.
    TwiceInOne,
}

impl Wire {
    /// The keys of that name.
    pub fn key(&self, name: &str) -> &[Text] {
        self.keys.get(name).map_or(&[], Vec::as_slice)
    }

    /// True for an answer, whose name says so. A delivery is neither request nor reply.
    pub fn is_reply(&self) -> bool {
        self.point.ends_with(" reply")
    }

    /// True for a frame that the link made itself or that ends at it: a copy, an answer in the server's place, what an
    /// answer needs besides, and answers to those.
    pub fn is_of_the_link(&self) -> bool {
        self.did.iter().any(|deed| deed.is_of_the_link())
    }

    /// Whether it reached the other end. A duplicated frame is two events, the original and its copy.
    pub fn arrived(&self) -> bool {
        !self.did.iter().any(|deed| deed.withholds())
    }
}

impl Role {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_plain(&self) -> bool {
        *self == Role::Plain
    }
}

impl Deed {
    /// Whether a frame with this deed never reached the other end.
    pub fn withholds(self) -> bool {
        matches!(
            self,
            Deed::Dropped
                | Deed::Lost
                | Deed::Reset
                | Deed::Failed
                | Deed::NotPassedOn
                | Deed::CopyAnswer
                | Deed::LinkAnswer
        )
    }

    /// Whether a frame with this deed ended together with its connection.
    pub fn loses_connection(self) -> bool {
        matches!(self, Deed::Lost | Deed::Reset | Deed::Failed)
    }

    /// Whether the link made the frame itself, or the frame ends at it.
    pub fn is_of_the_link(self) -> bool {
        matches!(
            self,
            Deed::Copy | Deed::CopyAnswer | Deed::Answered(_) | Deed::FromLink | Deed::LinkAnswer
        )
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Dropped => f.write_str("dropped"),
            Deed::Lost => f.write_str("lost with the connection"),
            Deed::Reset => f.write_str("lost with the connection, which was reset before it"),
            Deed::Failed => f.write_str("lost with the connection, which failed at it"),
            Deed::DelayedMs(ms) => write!(f, "delayed {ms} ms"),
            Deed::HeldMs(ms) => write!(f, "held {ms} ms"),
            Deed::Duplicated(Again::Frame) => f.write_str("duplicated"),
            Deed::Duplicated(Again::PulledAgain) => f.write_str("duplicated (will be pulled again)"),
            Deed::Duplicated(Again::TwiceInOne) => f.write_str("duplicated (twice in one answer)"),
            Deed::Copy => f.write_str("duplicate"),
            Deed::CopyAnswer => f.write_str("answer to a duplicate, dropped"),
            Deed::StoppedBefore => f.write_str("stopped before it arrived"),
            Deed::StoppedAfter => f.write_str("stopped right after it arrived"),
            Deed::Overtaken(n) => write!(f, "overtaken by {n}"),
            Deed::Corrupted => f.write_str("one byte changed"),
            Deed::NotPassedOn => f.write_str("answered by the link, not passed on"),
            Deed::Answered(code) => write!(f, "error {code}"),
            Deed::FromLink => f.write_str("sent by the link"),
            Deed::LinkAnswer => f.write_str("answer to a request of the link, dropped"),
        }
    }
}

/// Deeds as words: `delayed 200 ms, duplicated`.
pub fn deeds(did: &[Deed]) -> String {
    did.iter().map(Deed::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_line_of_json_and_back() {
        let wire = Wire {
            link: "account->mysql".into(),
            conn: 3,
            point: "COMMIT reply".into(),
            role: Role::Committed,
            keys: [("tx".into(), vec!["t1".into()])].into(),
            bytes: 11,
            outcome: Some(Outcome::Error(1213)),
            did: vec![Deed::DelayedMs(200), Deed::Dropped],
        };
        let text = serde_json::to_string(&wire).unwrap();
        assert_eq!(
            text,
            r#"{"link":"account->mysql","conn":3,"point":"COMMIT reply","role":"committed","keys":{"tx":["t1"]},"bytes":11,"outcome":{"error":1213},"did":[{"delayed-ms":200},"dropped"]}"#
        );
        assert_eq!(serde_json::from_str::<Wire>(&text).unwrap(), wire);
        assert!(!wire.arrived());
        assert_eq!(deeds(&wire.did), "delayed 200 ms, dropped");
    }

    #[test]
    fn a_frame_arrives_unless_something_withholds_it() {
        let arrived = |did: &[Deed]| {
            let did = did.to_vec();
            Wire { did, ..Wire::default() }.arrived()
        };
        for did in [
            &[][..],
            &[Deed::HeldMs(5)],
            &[Deed::StoppedBefore],
            &[Deed::StoppedAfter],
            &[Deed::Duplicated(Again::Frame)],
            &[Deed::Copy],
            &[Deed::Answered(1205)],
        ] {
            assert!(arrived(did), "{did:?}");
        }
        for did in [
            &[Deed::Dropped][..],
            &[Deed::DelayedMs(5), Deed::Lost],
            &[Deed::StoppedBefore, Deed::Lost],
            &[Deed::Reset],
            &[Deed::Failed],
            &[Deed::NotPassedOn],
            &[Deed::CopyAnswer],
            &[Deed::LinkAnswer],
        ] {
            assert!(!arrived(did), "{did:?}");
        }
    }
}

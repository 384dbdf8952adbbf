//! What a connection tells of its frames: one event for each named point, with what was done to it.

use std::borrow::Cow;

use paytwice_checkers::history::{Again, Deed, Role, Wire};

use super::Connection;
use crate::plan::WireDetail;
use crate::wire::core::Frame;
use crate::wire::order;

/// What a frame without a name is called where every frame is told.
const NAMELESS: &str = "frame";
/// The key that links know.
const KEY: &str = "tx";

impl Connection {
    pub(super) fn record(&mut self, frame: Frame, on_its_way: Option<&str>) {
        if frame.points.is_empty() && self.shared.detail() == WireDetail::All {
            let did = deeds(&frame.did, None, on_its_way);
            self.tell(NAMELESS.to_owned(), Vec::new(), frame.bytes.len(), did);
        }
        for point in frame.points {
            let did = deeds(&frame.did, point.did.as_deref(), on_its_way);
            if self.shared.detail() != WireDetail::Off || !did.is_empty() {
                self.tell(point.name, point.tx, point.bytes, did);
            }
        }
    }

    fn tell(&mut self, point: String, tx: Vec<String>, bytes: usize, did: Vec<Deed>) {
        let event = Wire {
            link: self.shared.name().to_owned(),
            conn: self.number,
            role: role(&point),
            point,
            keys: if tx.is_empty() {
                [].into()
            } else {
                [(KEY.to_owned(), tx)].into()
            },
            bytes: bytes as u64,
            did,
        };
        match &mut self.turn {
            Some(turn) => turn.add(event),
            None => order::tell(self.shared.sink(), event),
        }
    }
}

fn role(point: &str) -> Role {
    match point.split(' ').next().unwrap_or_default() {
        "DELIVER" => Role::Delivered,
        "SEND" if point.ends_with(" request") => Role::Sent,
        "COMMIT" => Role::Committed,
        "ROLLBACK" => Role::RolledBack,
        "CHECK_TRANSACTION_STATE" => Role::AskedBack,
        "END_TRANSACTION" if point.contains(" commit ") => Role::Committed,
        "END_TRANSACTION" if point.contains(" rollback ") => Role::RolledBack,
        _ => Role::Plain,
    }
}

/// What was done to a frame, to one point of it, and on its way.
fn deeds(frame: &[Cow<'static, str>], point: Option<&str>, on_its_way: Option<&str>) -> Vec<Deed> {
    let words = frame.iter().map(AsRef::as_ref).chain(point).chain(on_its_way);
    let mut did = Vec::new();
    for word in words.flat_map(|words| words.split(", ")) {
        let number = |before: &str, behind: &str| word.strip_prefix(before)?.strip_suffix(behind)?.parse::<u64>().ok();
        let (ms, held) = (number("delayed ", " ms"), number("held ", " ms"));
        let deed = match word {
            "which failed at it" => {
                did.pop();
                Deed::Failed
            }
            // What the word before says of it already.
            "dropped" if matches!(did.last(), Some(Deed::CopyAnswer | Deed::LinkAnswer)) => continue,
            "dropped" => Deed::Dropped,
            "lost with the connection" => Deed::Lost,
            "duplicated" => Deed::Duplicated(Again::Frame),
            "duplicated (will be pulled again)" => Deed::Duplicated(Again::PulledAgain),
            "duplicated (twice in one answer)" => Deed::Duplicated(Again::TwiceInOne),
            "duplicate" => Deed::Copy,
            "answer to a duplicate" => Deed::CopyAnswer,
            "answer to a request of the link" => Deed::LinkAnswer,
            "sent by the link" => Deed::FromLink,
            "answered by the link" => Deed::Refused,
            // RocketMQ errors are named by words.
            "error busy" => Deed::Answered(2),
            "error no-route" => Deed::Answered(17),
            "stopped before it arrived" => Deed::StoppedBefore,
            "stopped right after it arrived" => Deed::StoppedAfter,
            "one byte changed" => Deed::Corrupted,
            _ => match (ms, held, number("overtaken by ", ""), number("error ", "")) {
                (Some(ms), ..) => Deed::DelayedMs(ms),
                (_, Some(ms), ..) => Deed::HeldMs(ms),
                (_, _, Some(n), _) => Deed::Overtaken(u32::try_from(n).unwrap_or(u32::MAX)),
                (.., Some(code)) => Deed::Answered(u32::try_from(code).unwrap_or(u32::MAX)),
                _ => continue,
            },
        };
        did.push(deed);
    }
    did
}

//! The same message twice: stored twice, or delivered twice.
//!
//! A second SEND goes under an opaque of the link's own, and its answer ends here. A second delivery is made in one
//! of two ways that a consumer may see on any broker: its position is set back by one, so that it pulls the last
//! message again, or one record stands twice in the answer. Never: moves a position forward.

use paytwice_checkers::history::{Again as How, Deed};

use super::{Asked, RocketMq, What};
use crate::remoting::{Frame as Remoting, Record, Records};
use crate::wire::Redelivery;
use crate::wire::core::{Again, Copied, Frame, Point, Way};
use crate::wire::protocol::Terms;

impl RocketMq {
    /// The SEND again, right behind the first.
    pub(super) fn send_again(&mut self, way: Way, frame: Frame) -> Copied {
        let opaque = self.own_opaque();
        let Some((remoting, bytes)) = Remoting::parse(frame.bytes.clone())
            .ok()
            .and_then(|remoting| remoting.with_opaque(opaque).ok().map(|bytes| (remoting, bytes)))
        else {
            return Copied::No;
        };
        if !remoting.header.is_oneway() {
            let what = match self.pending[way as usize].get(&remoting.header.opaque) {
                Some(asked) => asked.what.clone(),
                None => What::Other,
            };
            self.ask(way, opaque, Asked { what, own: true });
        }
        let mut copy = frame.clone().did(Deed::Copy);
        copy.bytes = bytes;
        Copied::Behind(frame.did(Deed::Duplicated(How::Frame)), copy)
    }
}

/// The pull answer, changed so that one of its messages arrives twice.
pub(super) fn deliver_again(terms: &Terms, frame: &Frame, again: &Again) -> Copied {
    let Ok(remoting) = Remoting::parse(frame.bytes.clone()) else {
        return Copied::No;
    };
    let records: Result<Vec<_>, _> = Records::new(remoting.body()).collect();
    let Ok(records) = records else {
        return Copied::No;
    };
    if records.is_empty() || records.len() != frame.points.len() {
        return Copied::No;
    }
    let last = records.len() - 1;
    let drawn = match again.dice.is_multiple_of(2) {
        true => (Redelivery::Rewind, last),
        false => (Redelivery::Twice, (again.dice / 2) as usize % records.len()),
    };
    let (how, which) = match (again.how, again.point) {
        (Some(how), point) => (how, point.unwrap_or(last)),
        (None, point) => (drawn.0, point.unwrap_or(drawn.1)),
    };
    // A message that is pulled again comes by here again: once is enough.
    let again_is_new = |record: &Record<'_>| {
        terms
            .memory()
            .may_duplicate(record.topic, record.queue_id, record.queue_offset)
    };
    if !records.get(which).is_some_and(again_is_new) {
        return Copied::No;
    }
    let changed = match how {
        Redelivery::Twice => twinned(&remoting, &records, frame, which),
        Redelivery::Rewind => {
            let rewound = rewound(&remoting, &records, frame, which);
            // Where the position stands elsewhere; a rule that asked for this way gets no other.
            rewound.or_else(|| (again.how.is_none()).then(|| twinned(&remoting, &records, frame, which))?)
        }
    };
    changed.map_or(Copied::No, Copied::Whole)
}

/// `nextBeginOffset` stands behind the last message: set back to a message, and the consumer pulls it again, with those
/// behind it.
fn rewound(remoting: &Remoting, records: &[Record<'_>], frame: &Frame, which: usize) -> Option<Frame> {
    let behind = records.last()?.queue_offset + 1;
    let next = remoting.header.number("nextBeginOffset");
    next.filter(|next| *next == behind)?;
    let mut frame = frame.clone();
    let back_to = records.get(which)?.queue_offset.to_string();
    frame.bytes = remoting.with_field("nextBeginOffset", &back_to).ok()?;
    for point in frame.points.get_mut(which..)? {
        point.did = Some(Deed::Duplicated(How::PulledAgain));
    }
    Some(frame)
}

/// One record twice, right behind each other.
fn twinned(remoting: &Remoting, records: &[Record<'_>], frame: &Frame, which: usize) -> Option<Frame> {
    let (span, body) = (records.get(which)?.span.clone(), remoting.body());
    let twice = [&body[..span.end], &body[span.clone()], &body[span.end..]].concat();
    let mut frame = frame.clone();
    frame.bytes = remoting.with_body(&twice);
    let point = frame.points.get_mut(which)?;
    point.did = Some(Deed::Duplicated(How::TwiceInOne));
    let twin = Point {
        did: Some(Deed::Copy),
        ..point.clone()
    };
    frame.points.insert(which + 1, twin);
    Some(frame)
}

//! What a connection tells of its frames: one event for each named point, with what was done to it.

use std::borrow::Cow;

use paytwice_checkers::history::WireEvent;

use super::Connection;
use crate::plan::WireDetail;
use crate::wire::core::Frame;
use crate::wire::order;

/// What a frame without a name is called where every frame is told.
const NAMELESS: &str = "frame";

impl Connection {
    pub(super) fn record(&mut self, frame: Frame, on_its_way: Option<&str>) {
        if frame.points.is_empty() && self.shared.detail() == WireDetail::All {
            let did = words(&frame.did, None, on_its_way);
            self.tell(NAMELESS.to_owned(), Vec::new(), frame.bytes.len(), did);
        }
        for point in frame.points {
            let did = words(&frame.did, point.did.as_deref(), on_its_way);
            if self.shared.detail() != WireDetail::Off || !did.is_empty() {
                self.tell(point.name, point.tx, point.bytes, did);
            }
        }
    }

    fn tell(&mut self, point: String, tx: Vec<String>, bytes: usize, did: String) {
        let event = WireEvent {
            link: self.shared.name().to_owned(),
            conn: self.number,
            point,
            tx,
            bytes: bytes as u64,
            did: (!did.is_empty()).then_some(did),
        };
        match &mut self.turn {
            Some(turn) => turn.add(event),
            None => order::tell(self.shared.sink(), event),
        }
    }
}

/// What was done to a frame, to one point of it, and on its way.
fn words(frame: &[Cow<'static, str>], point: Option<&str>, on_its_way: Option<&str>) -> String {
    let words = frame.iter().map(AsRef::as_ref).chain(point).chain(on_its_way);
    words.collect::<Vec<&str>>().join(", ")
}

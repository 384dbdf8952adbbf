//! What a connection tells of its frames: one event for each named point, with what was done to it.

use paytwice_checkers::history::WireEvent;

use super::Connection;
use crate::plan::WireDetail;
use crate::wire::core::Frame;

/// What a frame without a name is called where every frame is told.
const NAMELESS: &str = "frame";

impl Connection {
    pub(super) fn record(&self, frame: &Frame, on_its_way: Option<&str>) {
        for point in &frame.points {
            let words = frame.did.iter().chain(&point.did).map(AsRef::as_ref).chain(on_its_way);
            let did = words.collect::<Vec<&str>>().join(", ");
            if self.shared.detail() != WireDetail::Off || !did.is_empty() {
                self.tell(point.name.clone(), point.tx.clone(), point.bytes, did);
            }
        }
        if frame.points.is_empty() && self.shared.detail() == WireDetail::All {
            let words = frame.did.iter().map(AsRef::as_ref).chain(on_its_way);
            let did = words.collect::<Vec<&str>>().join(", ");
            self.tell(NAMELESS.to_owned(), Vec::new(), frame.bytes.len(), did);
        }
    }

    fn tell(&self, point: String, tx: Vec<String>, bytes: usize, did: String) {
        self.shared.record(WireEvent {
            link: self.shared.name().to_owned(),
            conn: self.number,
            point,
            tx,
            bytes: bytes as u64,
            did: (!did.is_empty()).then_some(did),
        });
    }
}

//! What a connection tells of its frames: one event for each named point, with what was done to it.

use paytwice_checkers::history::{Deed, Outcome, Wire};

use super::Connection;
use crate::wire::WireDetail;
use crate::wire::core::{Frame, Label};
use crate::wire::keys::Keys;

/// What a frame without a name is called where every frame is told.
const NAMELESS: &str = "frame";

impl Connection {
    /// Tells the sink of a frame; `on_its_way` is what was done to it besides what it says itself.
    pub(super) fn record(&self, frame: Frame, on_its_way: impl IntoIterator<Item = Deed>) {
        let on_its_way: Vec<Deed> = on_its_way.into_iter().collect();
        let Frame { points, bytes, did, .. } = frame;
        let did = |point: Option<Deed>| -> Vec<Deed> {
            let all = did.iter().copied().chain(point);
            all.chain(on_its_way.iter().copied()).collect()
        };
        if points.is_empty() && self.shared.detail() == WireDetail::All {
            self.tell(Label::plain(NAMELESS, Keys::default()), bytes.len(), None, did(None));
        }
        for point in points {
            let did = did(point.did);
            if self.shared.detail() != WireDetail::Off || !did.is_empty() {
                self.tell(point.label, point.bytes, point.outcome, did);
            }
        }
    }

    fn tell(&self, label: Label, bytes: usize, outcome: Option<Outcome>, did: Vec<Deed>) {
        self.shared.sink().record(Wire {
            link: self.shared.name().into(),
            conn: self.number,
            point: label.name.into(),
            role: label.role,
            keys: label.keys.into_map(),
            bytes: bytes as u64,
            outcome,
            did,
        });
    }
}

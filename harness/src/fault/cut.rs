//! Cut: a black hole. No byte passes; what was under way arrives after healing, as TCP retransmits it.
//! Never: closes a connection, or loses a byte of one that outlives the cut.

use super::wire_rule::WireRule;
use crate::plan::Direction;
use crate::wire::Action;

/// A link through which nothing passes, in one direction or both.
pub(super) fn cut(on: String, direction: Direction, seed: u64) -> WireRule {
    let action = Action::Cut;
    WireRule::new(on, direction, action, seed)
}

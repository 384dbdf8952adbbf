//! Reset: every connection of the link is reset (RST), and each new one as soon as it comes, until healed.
//! Never: resets a connection of another link, or one that was made after healing.

use super::wire_rule::WireRule;
use crate::plan::Direction;
use crate::wire::Action;

/// A link whose connections do not live.
pub(super) fn reset(on: String, seed: u64) -> WireRule {
    let action = Action::Reset { again: true };
    WireRule::new(on, Direction::Both, action, seed)
}

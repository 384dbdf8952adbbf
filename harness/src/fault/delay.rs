//! Delay: every frame arrives later, in order; a fixed part and a random one.
//! Never: slows the link's throughput (frames that are under way at the same time wait at the same time).

use std::time::Duration;

use super::wire_rule::WireRule;
use crate::plan::Direction;
use crate::wire::Action;

/// A slow link.
pub(super) fn delay(on: String, direction: Direction, fixed_ms: u64, jitter_ms: u64, seed: u64) -> WireRule {
    let action = Action::Delay {
        fixed: Duration::from_millis(fixed_ms),
        jitter: Duration::from_millis(jitter_ms),
    };
    WireRule::new(on, direction, action, seed)
}

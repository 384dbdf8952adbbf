//! Duplicate: some frames arrive twice: an HTTP request, a message that is sent, a delivery to a consumer.
//! Never: makes a copy that differs from its original in anything that its receiver may see as content.

use std::time::Duration;

use super::wire_rule::WireRule;
use crate::plan::{Direction, Duplicated};
use crate::wire::Action;

/// A link on which some frames arrive twice.
pub(super) fn duplicate(on: String, what: Duplicated, share: f64, seed: u64) -> WireRule {
    let action = Action::Duplicate {
        what: Some(what),
        share,
        copies: 1,
        after: Duration::ZERO,
    };
    WireRule::new(on, Direction::Both, action, seed)
}

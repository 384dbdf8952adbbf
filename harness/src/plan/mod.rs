//! Plans: what a run will do, decided from what the user asked for and one seed.
//!
//! A target's manifest says what there is; a request says what is wanted; `expand` turns both and a seed into a plan
//! that leaves nothing open. Must never read a clock, draw from anything but the seed, or start anything.

pub mod catalogue;
mod check;
mod draw;
mod duration;
mod error;
mod expand;
mod fault_kinds;
mod fill;
mod machine;
pub mod manifest;
mod point_action;
mod point_rule;
mod points;
mod provoke;
mod read;
mod request;
mod row;
mod schedule;
mod stored;
mod target;
mod types;

pub(crate) use check::{CLIENTS, RATE_MAX, is_rate};
pub(crate) use draw::Draw;
pub use duration::{Span, duration_ms, show_ms};
pub use error::PlanError;
pub use expand::expand;
pub use fault_kinds::{FAULTS, FaultKind, On};
pub use fill::{fill, placeholders, try_fill};
pub use machine::{MachineFault, MachineKind};
pub use manifest::Manifest;
pub use point_action::{Legality, PointAction};
pub use point_rule::{PointRule, PointSelection};
pub use points::{Point, points};
pub(crate) use points::{in_a_name, points_of};
pub use request::{PlanFile, PlanRequest, key_number, key_value};
pub(crate) use target::CLIENT;
pub use target::{LinkDef, Target};
pub use types::*;

pub use crate::dependency::{PartyDef, PartyKind};
pub use crate::wire::{Direction, Duplicated, Moment, Redelivery, Refusal, UnknownRefusal, WireDetail};

//! `[workload]`: what clients do where the user does not say otherwise.

use serde::Deserialize;

use crate::plan::duration::Span;

/// The usual workload of a target; the command line and plan files win over it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// New subjects per second, over all clients.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Rates that follow one another; they say how long the workload lasts.
    #[serde(default)]
    pub shape: Vec<Stage>,
    /// Clients at work at the same time.
    #[serde(default)]
    pub clients: Option<u32>,
    /// Share of subjects whose client gives up at the first answer that leaves the outcome unknown.
    #[serde(default)]
    pub give_up: Option<f64>,
    /// Share of subjects after which the same key is sent with another value of a field.
    #[serde(default)]
    pub conflict: Option<f64>,
    /// Share of subjects whose request is sent again though its answer is known.
    #[serde(default)]
    pub repeat: Option<f64>,
    /// Share of subjects after whose start a client asks about a recent one.
    #[serde(default)]
    pub ask: Option<f64>,
}

/// A rate that holds for a while.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// New subjects per second, over all clients.
    pub rate: f64,
    /// How long it holds.
    #[serde(rename = "for")]
    pub lasts: Span,
}

//! Figures of one window of the run.

use paytwice_checkers::verdict::{Results, WindowStats};

/// Operations of all kinds in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    /// Invoked.
    pub(crate) invoked: u64,
    /// Ended as ok, or as fail of what was sent.
    pub(crate) definite: u64,
    /// Ended as info, or never.
    pub(crate) info: u64,
}

impl Total {
    /// Share of definite answers; None when nothing was invoked.
    pub(crate) fn availability(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share is shown with four digits")]
        let share = |a: u64, b: u64| a as f64 / b as f64;
        (self.invoked > 0).then(|| share(self.definite, self.invoked))
    }
}

/// The whole workload, which is the first window; None when nothing was measured.
pub(crate) fn workload(results: &Results) -> Option<Total> {
    results.windows.iter().find(|w| w.fault.is_none()).map(total)
}

/// The action whose latency a summary shows: of those that start a subject (of all, where none does) the most invoked.
pub(crate) fn main_action(results: &Results) -> Option<&str> {
    let starts = |action: &str| {
        let known = results.header.actions.get(action);
        known.is_some_and(|action| action.starts.is_some())
    };
    let workload = results.windows.iter().find(|w| w.fault.is_none())?;
    let most = workload
        .ops
        .iter()
        .max_by_key(|(action, op)| (starts(action), op.invoked))?;
    Some(most.0)
}

/// Sums up a window.
pub(crate) fn total(window: &WindowStats) -> Total {
    window.ops.values().fold(Total::default(), |sum, op| Total {
        invoked: sum.invoked + op.invoked,
        definite: sum.definite + op.ok + op.fail - op.unsent,
        info: sum.info + op.info,
    })
}

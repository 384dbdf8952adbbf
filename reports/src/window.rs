//! A window of the run over all its operations.

use paytwice_checkers::verdict::WindowStats;

/// Operations of all kinds in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    /// Invoked.
    pub(crate) invoked: u64,
    /// Ended as ok or fail.
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

/// Sums up a window.
pub(crate) fn total(window: &WindowStats) -> Total {
    window.ops.values().fold(Total::default(), |sum, op| Total {
        invoked: sum.invoked + op.invoked,
        definite: sum.definite + op.ok + op.fail,
        info: sum.info + op.info,
    })
}

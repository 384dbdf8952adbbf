//! `[[promises]]`: whether the checkers understand what is said to them.

use paytwice_checkers::promises;

use super::Check;

impl Check<'_> {
    pub(super) fn promises(&mut self) {
        if self.manifest.promises.is_empty() {
            self.say("promises is empty: a run is judged by them and by nothing else; `paytwice list checkers` shows what there is");
        }
        self.problems.extend(promises::problems(&self.manifest.header()));
    }

    /// Every anomaly that a checker of this target reports.
    pub(super) fn anomalies(&self) -> Vec<&'static str> {
        let checkers = self
            .manifest
            .promises
            .iter()
            .filter_map(|promise| promises::find(&promise.0.checker).ok());
        checkers.flat_map(|checker| checker.anomalies).copied().collect()
    }
}

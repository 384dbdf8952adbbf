//! The summary of a campaign: one line per run, and a total.

use std::time::Duration;

use paytwice_checkers::verdict::Verdict;

use crate::layout::{Paint, Side, Table, paint};
use crate::terminal::Options;
use crate::text::{self, plain};
use crate::verdict;

/// One run of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignRun {
    /// Its seed.
    pub seed: u64,
    /// Its outcome.
    pub outcome: RunOutcome,
    /// How long it took.
    pub wall: Duration,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// It was judged.
    Judged {
        /// The verdict.
        verdict: Verdict,
        /// Its sentence.
        sentence: String,
    },
    /// The harness itself failed, and says why.
    Failed(String),
}

impl RunOutcome {
    fn cell(&self) -> (&'static str, Paint) {
        match self {
            Self::Judged {
                verdict: Verdict::Valid,
                ..
            } => ("valid", Paint::Green),
            Self::Judged { verdict: v, .. } => (verdict::loud(*v), Paint::of(*v)),
            Self::Failed(_) => ("FAILED", Paint::Red),
        }
    }

    fn sentence(&self) -> &str {
        match self {
            Self::Judged { verdict: v, sentence } => verdict::reason(*v, sentence),
            Self::Failed(error) => error,
        }
    }
}

/// The table of the runs and a line that sums them up, with a final line break.
pub fn render(runs: &[CampaignRun], options: &Options) -> String {
    let columns = options.width();
    let mut table = Table::new(&[Side::Right, Side::Left, Side::Right, Side::Left]);
    table.row(
        ["seed", "verdict", "wall", ""]
            .map(|head| (head.to_owned(), Paint::Dim))
            .into(),
    );
    for run in runs {
        let (word, look) = run.outcome.cell();
        table.row(vec![
            (run.seed.to_string(), Paint::Plain),
            (word.to_owned(), look),
            (seconds(run.wall), Paint::Plain),
            (plain(run.outcome.sentence()), Paint::Plain),
        ]);
    }
    let mut lines = table.lines("", columns, options.color);
    lines.push(String::new());
    lines.push(total(runs, options.color));
    lines.push(String::new());
    lines.join("\n")
}

fn total(runs: &[CampaignRun], color: bool) -> String {
    let words = [
        ("valid", Paint::Green),
        ("INVALID", Paint::Red),
        ("UNKNOWN", Paint::Yellow),
        ("FAILED", Paint::Red),
    ];
    let counts = words.iter().filter_map(|(word, look)| {
        let n = runs.iter().filter(|run| run.outcome.cell().0 == *word).count();
        (n > 0).then(|| paint(&format!("{} {word}", text::count(n as u64)), *look, color))
    });
    let counts: Vec<String> = counts.collect();
    let Some(median) = median(runs) else {
        return "no runs".to_owned();
    };
    format!(
        "{}: {}; median wall time {}",
        text::plural(runs.len() as u64, "run"),
        counts.join(", "),
        seconds(median)
    )
}

/// The lower of the two in the middle, where their number is even.
fn median(runs: &[CampaignRun]) -> Option<Duration> {
    let mut walls: Vec<Duration> = runs.iter().map(|run| run.wall).collect();
    walls.sort_unstable();
    walls.get(walls.len().saturating_sub(1) / 2).copied()
}

fn seconds(wall: Duration) -> String {
    format!("{:.1} s", wall.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_wall_time_that_was_seen() {
        let run = |s| CampaignRun {
            seed: s,
            outcome: RunOutcome::Failed(String::new()),
            wall: Duration::from_secs(s),
        };
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[run(3), run(1), run(2), run(9)]), Some(Duration::from_secs(2)));
        assert_eq!(median(&[run(3), run(1), run(2)]), Some(Duration::from_secs(2)));
    }
}

//! The data that the page's scripts draw from, as JSON inside a script element.

use serde::Serialize;

use super::points::{self, Points};
use super::series::{self, Series};
use super::stories::{self, Story};
use super::strings::Strings;
use super::subjects::Rows;
use crate::witness::Subjects;
use crate::{ReportError, RunReport, ops, text};

/// Everything that is embedded.
#[derive(Debug, Serialize)]
pub(crate) struct Data {
    words: Option<Words>,
    /// Subjects, one row each.
    pub(crate) subjects: Rows,
    /// Stories of the subjects, by row; null where it was left out.
    stories: Vec<Option<Story>>,
    /// What the plots show.
    pub(crate) timeline: Timeline,
    strings: Vec<String>,
}

/// What the target calls its subjects, in singular and plural, and what happens to them.
#[derive(Debug, Serialize)]
struct Words {
    subject: String,
    subjects: String,
    recorded: String,
    effect: String,
    holder: Option<String>,
}

/// What the plots show.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    /// The run's end in microseconds.
    pub(crate) end: u64,
    /// Single operations.
    pub(crate) points: Points,
    /// Rates and percentiles over time.
    pub(crate) series: Series,
    /// Name, begin, end.
    phases: Vec<(String, u64, Option<u64>)>,
    /// Number, kind, on, begin, end, whether it was seen to take effect.
    faults: Vec<(u32, String, String, u64, Option<u64>, bool)>,
}

impl Data {
    pub(crate) fn new(report: &RunReport<'_>, subjects: &Subjects<'_>) -> Self {
        let mut strings = Strings::default();
        let rows = Rows::new(report, &mut strings);
        let words = report.results.words.as_ref().map(|words| Words {
            subject: words.subject.clone(),
            subjects: text::plural_of(&words.subject),
            recorded: words.recorded.clone(),
            effect: words.effect.clone(),
            holder: words.holder.clone(),
        });
        let stories = stories::tell(report, subjects, &rows, &mut strings);
        let timeline = Timeline::new(report, subjects, &rows, &mut strings);
        Self {
            words,
            subjects: rows,
            stories,
            timeline,
            strings: strings.into_list(),
        }
    }

    /// JSON without a `<`: an end tag or a comment in it would end the script element.
    pub(crate) fn embed(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string(self)?.replace('<', "\\u003c"))
    }
}

impl Timeline {
    fn new(report: &RunReport<'_>, subjects: &Subjects<'_>, rows: &Rows, strings: &mut Strings) -> Self {
        let ops = ops::pair(report.events);
        let end_ns = ops::end_ns(report);
        let row_of = |subject: &str| subjects.find(subject).and_then(|at| rows.row_of(at));
        let phases = report.results.phases.iter();
        let faults = report.results.faults.iter();
        Self {
            end: us(end_ns),
            points: points::sample(&ops, end_ns, row_of, strings),
            series: series::over_time(&ops, end_ns),
            phases: phases
                .map(|(name, from, to)| (name.clone(), us(*from), to.map(us)))
                .collect(),
            faults: faults
                .map(|f| {
                    (
                        f.id,
                        f.fault.clone(),
                        f.on.clone(),
                        us(f.from_ns),
                        f.to_ns.map(us),
                        f.seen,
                    )
                })
                .collect(),
        }
    }
}

fn us(ns: u64) -> u64 {
    ns / 1000
}

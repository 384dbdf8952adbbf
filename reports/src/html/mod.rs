//! `report.html`: one file, for review.
//!
//! The page holds its own style, scripts and data. It loads nothing (its content security policy forbids it) and works from a
//! disk. Text of the history reaches the page through the template's escaping, or through JSON that a script puts into
//! text nodes; it never becomes markup. The size of the page is bounded for any history: where something is left out, the
//! page says so.

pub(crate) mod data;
mod points;
mod series;
mod stories;
mod strings;
pub(crate) mod subjects;

use askama::Template;

use crate::sections::{coverage, faults, promises, run, subjects as table, timeline, verdict, windows};
use crate::witness::Subjects;
use crate::{ReportError, RunReport};

const STYLE: &str = concat!(
    include_str!("../assets/page.css"),
    include_str!("../assets/tables.css"),
    include_str!("../assets/timeline.css"),
);

const SCRIPT: &str = concat!(
    include_str!("../assets/core.js"),
    include_str!("../assets/story.js"),
    include_str!("../assets/subjects.js"),
    include_str!("../assets/scales.js"),
    include_str!("../assets/timeline.js"),
    include_str!("../assets/hover.js"),
    include_str!("../assets/page.js"),
);

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    target: &'a str,
    word: &'static str,
    style: &'static str,
    script: &'static str,
    data: String,
    verdict: verdict::Section<'a>,
    promises: promises::Section<'a>,
    timeline: timeline::Section,
    faults: faults::Section<'a>,
    coverage: coverage::Section<'a>,
    windows: windows::Section<'a>,
    subjects: Option<table::Section<'a>>,
    run: run::Section<'a>,
    replay: &'a str,
}

/// The page.
pub fn render(report: &RunReport<'_>) -> Result<String, ReportError> {
    let subjects = Subjects::new(report);
    let data = data::Data::new(report, &subjects);
    let page = Page {
        target: &report.results.header.target,
        word: crate::verdict::word(report.results.verdict),
        style: STYLE,
        script: SCRIPT,
        verdict: verdict::Section::new(report),
        promises: promises::Section::new(report, &subjects),
        timeline: timeline::Section::new(report, &data.timeline),
        faults: faults::Section::new(report),
        coverage: coverage::Section::new(report),
        windows: windows::Section::new(report),
        subjects: table::Section::new(report, &data.subjects),
        run: run::Section::new(report),
        replay: report.replay,
        data: data.embed()?,
    };
    Ok(page.render()?)
}

//! `report.html`: one file, for review.
//!
//! It holds its own style, scripts and data, asks no network for anything (its content security policy forbids it),
//! and works from a disk. Text of others reaches the page through the template's escaping, or through JSON that a
//! script puts into text nodes; it is never markup. However large the history, the page stays within a size that a
//! browser handles: what was left out is said where it is missing.

pub(crate) mod data;
pub(crate) mod payments;
mod points;
mod series;
mod stories;
mod strings;

use askama::Template;

use crate::sections::{checkers, coverage, faults, payments as payment_table, run, timeline, verdict, windows};
use crate::witness::Payments;
use crate::{ReportError, RunReport};

const STYLE: &str = concat!(
    include_str!("../assets/page.css"),
    include_str!("../assets/tables.css"),
    include_str!("../assets/timeline.css"),
);

const SCRIPT: &str = concat!(
    include_str!("../assets/core.js"),
    include_str!("../assets/story.js"),
    include_str!("../assets/payments.js"),
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
    checkers: checkers::Section<'a>,
    timeline: timeline::Section,
    faults: faults::Section<'a>,
    coverage: coverage::Section<'a>,
    windows: windows::Section<'a>,
    payments: payment_table::Section<'a>,
    run: run::Section<'a>,
    replay: &'a str,
}

/// The page.
pub fn render(report: &RunReport<'_>) -> Result<String, ReportError> {
    let payments = Payments::new(report);
    let data = data::Data::new(report, &payments);
    let page = Page {
        target: &report.results.header.target,
        word: crate::verdict::word(report.results.verdict),
        style: STYLE,
        script: SCRIPT,
        verdict: verdict::Section::new(report),
        checkers: checkers::Section::new(report, &payments),
        timeline: timeline::Section::new(report, &data.timeline),
        faults: faults::Section::new(report),
        coverage: coverage::Section::new(report),
        windows: windows::Section::new(report),
        payments: payment_table::Section::new(report, &data.payments),
        run: run::Section::new(report),
        replay: report.replay,
        data: data.embed()?,
    };
    Ok(page.render()?)
}

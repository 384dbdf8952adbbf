//! Which actions were tried at which wire points, and which were never tried.

use askama::Template;

use crate::coverage::Coverage;
use crate::{RunReport, text};

/// The table; nothing where the coverage is not known.
#[derive(Template)]
#[template(path = "coverage.html")]
pub(crate) struct Section<'a> {
    total: Option<String>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    point: &'a str,
    tried: Vec<Done<'a>>,
    never: String,
}

struct Done<'a> {
    action: &'a str,
    times: String,
    /// In which states of the subject.
    states: String,
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let rows = report.coverage.map(rows).unwrap_or_default();
        Self {
            total: report.coverage.and_then(Coverage::total),
            rows,
        }
    }
}

fn rows(coverage: &Coverage) -> Vec<Row<'_>> {
    let never = coverage.never();
    let row = |at: &'_ crate::coverage::PointActions| {
        let left = never.iter().find(|left| left.point == at.point);
        left.map_or_else(String::new, |left| left.actions.join(", "))
    };
    coverage
        .points
        .iter()
        .map(|at| Row {
            point: &at.point,
            tried: done(coverage, &at.point),
            never: row(at),
        })
        .collect()
}

fn done<'a>(coverage: &'a Coverage, point: &str) -> Vec<Done<'a>> {
    let mut actions: Vec<&str> = Vec::new();
    for tried in coverage.tried.iter().filter(|tried| tried.point == point) {
        if !actions.contains(&&*tried.action) {
            actions.push(&tried.action);
        }
    }
    let of = |action: &'a str| {
        let all = coverage.tried.iter().filter(|t| t.point == point && t.action == action);
        let states: Vec<String> = all.map(|t| format!("{} × {}", text::count(t.times), t.state)).collect();
        Done {
            action,
            times: text::count(coverage.times(point, action)),
            states: states.join("\n"),
        }
    };
    actions.into_iter().map(of).collect()
}

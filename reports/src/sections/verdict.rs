//! The verdict: what a reader takes home after five seconds.

use askama::Template;
use paytwice_checkers::history::Header;

use crate::{RunReport, ops, text, verdict, window};

/// The banner.
#[derive(Template)]
#[template(path = "verdict.html")]
pub(crate) struct Section<'a> {
    word: &'static str,
    sentence: String,
    truncated: bool,
    header: &'a Header,
    duration: String,
    events: String,
    tiles: Vec<Tile>,
}

/// One figure that stands under the sentence.
struct Tile {
    label: &'static str,
    value: String,
    /// `good`, `bad`, `odd` or nothing.
    mood: &'static str,
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let results = report.results;
        let sentence = verdict::reason(results.verdict, &results.sentence);
        Self {
            word: verdict::word(results.verdict),
            sentence: verdict::capitalized(sentence),
            truncated: results.truncated,
            header: &results.header,
            duration: text::span_ns(ops::end_ns(report)),
            events: text::count(results.events),
            tiles: tiles(report),
        }
    }
}

fn tiles(report: &RunReport<'_>) -> Vec<Tile> {
    let results = report.results;
    let payments = results.payments.len() as u64;
    let troubled = verdict::troubled(results);
    let mut tiles = vec![
        Tile {
            label: "Payments",
            value: text::count(payments),
            mood: "",
        },
        Tile {
            label: "With anomalies",
            value: text::count(troubled),
            mood: if troubled > 0 { "bad" } else { "" },
        },
    ];
    if !results.faults.is_empty() {
        let seen = results.faults.iter().filter(|f| f.seen).count();
        let mood = if seen < results.faults.len() { "odd" } else { "" };
        tiles.push(Tile {
            label: "Faults that took effect",
            value: format!("{seen} of {}", results.faults.len()),
            mood,
        });
    }
    // The first window is the whole workload.
    let workload = results.windows.iter().find(|w| w.fault.is_none()).map(window::total);
    if let Some(share) = workload.and_then(|total| total.availability()) {
        tiles.push(Tile {
            label: "Definite answers",
            value: text::percent(share),
            mood: "",
        });
    }
    if let Some(ms) = results.figures.get("convergence_ms") {
        tiles.push(Tile {
            label: "Converged after heal",
            value: text::span_ms(*ms),
            mood: "",
        });
    }
    tiles
}

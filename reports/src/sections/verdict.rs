//! The verdict: its word, its sentence and the figures that matter most.

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
    troubles: Vec<String>,
    header: &'a Header,
    duration: String,
    events: String,
    tiles: Vec<Tile>,
}

/// One figure below the sentence.
struct Tile {
    label: String,
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
            sentence: text::abridged(&verdict::capitalized(sentence)),
            truncated: results.truncated,
            troubles: results.troubles.iter().map(|trouble| text::plain(trouble)).collect(),
            header: &results.header,
            duration: text::span_ns(ops::end_ns(report)),
            events: text::count(results.events),
            tiles: tiles(report),
        }
    }
}

fn tiles(report: &RunReport<'_>) -> Vec<Tile> {
    let results = report.results;
    let mut tiles = Vec::new();
    let mut tile = |label: &str, value: String, mood| {
        tiles.push(Tile {
            label: label.to_owned(),
            value,
            mood,
        });
    };
    if let Some(words) = &results.words {
        let subjects = verdict::capitalized(&text::plural_of(&words.subject));
        tile(&subjects, text::count(results.fates.len() as u64), "");
        let troubled = verdict::troubled(results);
        tile(
            "With anomalies",
            text::count(troubled),
            if troubled > 0 { "bad" } else { "" },
        );
    }
    if !results.faults.is_empty() {
        let seen = results.faults.iter().filter(|f| f.seen).count();
        let mood = if seen < results.faults.len() { "odd" } else { "" };
        tile(
            "Faults that took effect",
            format!("{seen} of {}", results.faults.len()),
            mood,
        );
    }
    if let Some(share) = window::workload(results).and_then(|total| total.availability()) {
        tile("Definite answers", text::percent(share), "");
    }
    if let Some(ms) = results.figures.get("convergence_ms") {
        tile("Converged after heal", text::span_ms(*ms), "");
    }
    tiles
}

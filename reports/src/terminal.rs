//! The summary of a run for people, on a terminal.
//!
//! The verdict is the first line. The command that replays or re-checks the run is the last: it is never wrapped, so that it can
//! be copied. Every other line keeps within the width.

use paytwice_checkers::verdict::{Anomaly, CheckerResult, Completeness, FaultSummary, Results, Verdict, WindowStats};

use crate::coverage::Coverage;
use crate::layout::{Paint, Side, Table, paint, wrap};
use crate::readable::Line;
use crate::text::{self, escaped, plain};
use crate::witness::{self, Subjects};
use crate::{REPORT_HTML, RunReport, ops, verdict, window};

/// Anomalies that a verbose summary writes out, each with its witness.
pub const WITNESSES_MAX: usize = 10;
/// Anomalies that a short summary writes out, one of each kind; the first with its witness.
const KINDS_MAX: usize = 3;
/// Events of one witness that are written out.
const EVENTS_MAX: usize = 14;
/// Events of the witness in a short summary.
const EVENTS_MAX_SHORT: usize = 10;
/// How many events after a gap in a witness are written out.
const EVENTS_TAIL: usize = 4;
/// The narrowest width that is kept.
const WIDTH_MIN: usize = 80;

pub use crate::text::lines;

/// How the summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to add faults with their evidence, availability, more witnesses, policies and figures.
    pub verbose: bool,
    /// The width that no line exceeds, in characters; at least 80.
    pub width: usize,
    /// Whether to use ANSI colors.
    pub color: bool,
}

impl Default for Options {
    /// The short summary, 100 characters wide, without colors.
    fn default() -> Self {
        Self {
            verbose: false,
            width: 100,
            color: false,
        }
    }
}

impl Options {
    /// The width to write in.
    pub(crate) fn width(&self) -> usize {
        self.width.max(WIDTH_MIN)
    }
}

/// The summary, with a final line break.
pub fn render(report: &RunReport<'_>, options: &Options) -> String {
    let mut out = Output {
        lines: Vec::new(),
        width: options.width(),
        color: options.color,
    };
    headline(&mut out, report, options.verbose);
    troubles(&mut out, report.results);
    promises(&mut out, report.results);
    if options.verbose {
        faults(&mut out, &report.results.faults);
        coverage(&mut out, report);
        availability(&mut out, report.results);
        witnesses(&mut out, report);
        figures(&mut out, report.results);
    } else {
        anomalies(&mut out, report);
        in_sentences(&mut out, report);
    }
    out.blank();
    if let Some(folder) = report.folder {
        out.lines.push(escaped(&folder.join(REPORT_HTML).display().to_string()));
    }
    out.lines.extend(report.replay.lines().map(escaped));
    out.lines.push(String::new());
    out.lines.join("\n")
}

struct Output {
    lines: Vec<String>,
    width: usize,
    color: bool,
}

impl Output {
    fn blank(&mut self) {
        self.lines.push(String::new());
    }

    fn wrapped(&mut self, text: &str, first: &str, hang: &str, look: Paint) {
        let lines = wrap(text, self.width, first, hang);
        self.lines
            .extend(lines.iter().map(|line| paint(line, look, self.color)));
    }

    fn heading(&mut self, title: &str, remark: &str) {
        self.blank();
        let gap = if remark.is_empty() { "" } else { " " };
        self.lines.push(format!(
            "{}{gap}{}",
            paint(title, Paint::Bold, self.color),
            paint(remark, Paint::Dim, self.color)
        ));
    }

    fn table(&mut self, table: &Table, indent: &str) {
        self.lines.extend(table.lines(indent, self.width, self.color));
    }
}

fn headline(out: &mut Output, report: &RunReport<'_>, verbose: bool) {
    let results = report.results;
    let word = verdict::loud(results.verdict);
    let sentence = plain(verdict::reason(results.verdict, &results.sentence));
    let hang = " ".repeat(word.len() + 2);
    let mut lines = wrap(&format!("{word}: {sentence}"), out.width, "", &hang);
    if let Some(first) = lines.first_mut() {
        first.replace_range(..word.len(), &paint(word, Paint::of(results.verdict), out.color));
    }
    out.lines.append(&mut lines);

    let header = &results.header;
    let mut run = format!("{} on {}, seed {}", header.target, header.stack, header.seed);
    if verbose {
        run.push_str(&format!(", started {}, run {}", header.started_at, header.run));
    }
    let run = format!("{run}: {}", size(report));
    out.wrapped(&plain(&run), "  ", "  ", Paint::Dim);
    if verbose && !header.policies.is_empty() {
        let policies: Vec<String> = header.policies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        out.wrapped(&plain(&policies.join(" ")), "  policies ", "    ", Paint::Dim);
    }
    if results.truncated {
        let cut = "The history is cut short: the harness ended before the run did.";
        out.wrapped(cut, "  ", "  ", Paint::Yellow);
    }
}

/// `400 orders, 827 operations, 4,370 events in 36.0 s`.
fn size(report: &RunReport<'_>) -> String {
    let results = report.results;
    let words = results.words.as_ref();
    let subjects = words.map(|words| format!("{}, ", text::plural(results.fates.len() as u64, &words.subject)));
    format!(
        "{}{}, {} in {}",
        subjects.unwrap_or_default(),
        text::plural(ops::pair(report.events).len() as u64, "operation"),
        text::plural(results.events, "event"),
        text::span_ns(ops::end_ns(report)),
    )
}

/// What went wrong with the run itself.
fn troubles(out: &mut Output, results: &Results) {
    for trouble in &results.troubles {
        out.wrapped(&plain(trouble), "  ! ", "    ", Paint::Yellow);
    }
}

/// Every promise with its verdict and its counts.
fn promises(out: &mut Output, results: &Results) {
    if results.checkers.is_empty() {
        return;
    }
    out.blank();
    let mut table = Table::new(&[Side::Left, Side::Left, Side::Left]);
    for checker in &results.checkers {
        table.row(vec![
            (verdict_cell(checker.verdict).to_owned(), Paint::of(checker.verdict)),
            (plain(&checker.name), Paint::Plain),
            (plain(&promise_line(checker)), Paint::Plain),
        ]);
    }
    out.table(&table, "  ");
}

/// In capitals unless it is valid.
fn verdict_cell(v: Verdict) -> &'static str {
    if v == Verdict::Valid {
        verdict::word(v)
    } else {
        verdict::loud(v)
    }
}

fn promise_line(checker: &CheckerResult) -> String {
    let kinds = verdict::kinds(checker);
    let mut parts = Vec::new();
    if !kinds.is_empty() {
        let kinds = kinds.iter().map(|(kind, n)| format!("{} {kind}", text::count(*n)));
        parts.push(kinds.collect::<Vec<_>>().join(", "));
    }
    // Decided is what a verdict means; what falls short of it is said.
    let short = checker.completeness.filter(|c| *c != Completeness::Decided);
    parts.extend(short.map(|completeness| completeness.name().to_owned()));
    parts.extend(checker.reason.clone());
    let counts: Vec<String> = verdict::other_counts(checker, &kinds)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{name} {}", text::count(n)))
        .collect();
    if !counts.is_empty() {
        parts.push(counts.join(", "));
    }
    parts.join("; ")
}

/// The weightiest anomaly with its witness, and one anomaly of each other kind.
fn anomalies(out: &mut Output, report: &RunReport<'_>) {
    let all = report.results.anomalies();
    let mut kinds: Vec<&Anomaly> = Vec::new();
    for anomaly in &all {
        if kinds.len() < KINDS_MAX && kinds.iter().all(|known| known.kind != anomaly.kind) {
            kinds.push(anomaly);
        }
    }
    let Some((first, others)) = kinds.split_first() else {
        return;
    };
    out.blank();
    if report.results.sentence.contains(&first.sentence) {
        let witness = format!("{}: the witness of {}", first.kind, first.subject);
        out.wrapped(&plain(&witness), "  ", "    ", Paint::Plain);
    } else {
        said(out, first, "  ");
    }
    let lines = proof(report, &Subjects::new(report), first, EVENTS_MAX_SHORT, out);
    out.lines.extend(lines);
    for anomaly in others {
        said(out, anomaly, "  ");
    }
    let more = all.len() - kinds.len();
    if more > 0 {
        let more = text::plural(more as u64, "more anomaly");
        out.wrapped(&format!("{more} in {REPORT_HTML}"), "  ", "  ", Paint::Dim);
    }
}

/// The kind of an anomaly and its sentence.
fn said(out: &mut Output, anomaly: &Anomaly, first: &str) {
    let sentence = format!("{}: {}", plain(&anomaly.kind), plain(&anomaly.sentence));
    let hang = " ".repeat(first.len() + 2);
    out.wrapped(&sentence, first, &hang, Paint::Plain);
}

/// Faults, availability and coverage, a sentence each.
fn in_sentences(out: &mut Output, report: &RunReport<'_>) {
    let results = report.results;
    let mut sentences = Vec::new();
    if !results.faults.is_empty() {
        let unseen = results.faults.iter().filter(|fault| !fault.seen);
        let unseen: Vec<String> = unseen.map(|f| format!("#{} {} {}", f.id, f.fault, f.on)).collect();
        let n = results.faults.len();
        let seen = format!(
            "{} of {} took effect",
            n - unseen.len(),
            text::plural(n as u64, "fault")
        );
        sentences.push(match unseen.is_empty() {
            true => seen,
            false => format!("{seen}; not seen: {}", unseen.join(", ")),
        });
    }
    if let Some(share) = window::workload(results).and_then(|total| total.availability()) {
        sentences.push(format!(
            "{} of the operations got a definite answer",
            text::percent(share)
        ));
    }
    sentences.extend(report.coverage.and_then(Coverage::total));
    if !sentences.is_empty() {
        out.blank();
    }
    for sentence in sentences {
        out.wrapped(&plain(&sentence), "  ", "    ", Paint::Plain);
    }
}

fn coverage(out: &mut Output, report: &RunReport<'_>) {
    let Some(total) = report.coverage.and_then(Coverage::total) else {
        return;
    };
    out.heading("Coverage", "");
    out.wrapped(&total, "  ", "  ", Paint::Plain);
    let never = report.coverage.map_or(0, Coverage::never_count);
    if never > 0 {
        let never = text::plural(never as u64, "case");
        let text = format!("{never} never tried; {} names them", crate::RESULTS_JSON);
        out.wrapped(&text, "  ", "  ", Paint::Dim);
    }
}

fn faults(out: &mut Output, faults: &[FaultSummary]) {
    if faults.is_empty() {
        return;
    }
    let seen = faults.iter().filter(|f| f.seen).count();
    out.heading("Faults", &format!("({seen} of {} seen to take effect)", faults.len()));
    let mut table = Table::new(&[
        Side::Right,
        Side::Left,
        Side::Right,
        Side::Left,
        Side::Right,
        Side::Left,
    ]);
    for fault in faults {
        table.row(fault_cells(fault));
    }
    for (fault, line) in faults.iter().zip(table.lines("  ", out.width, out.color)) {
        out.lines.push(line);
        if !fault.evidence.is_empty() {
            out.wrapped(&plain(&fault.evidence.join("; ")), "      ", "      ", Paint::Dim);
        }
    }
}

fn fault_cells(fault: &FaultSummary) -> Vec<(String, Paint)> {
    let to = fault.to_ns.map_or("never healed".to_owned(), text::moment);
    let name = plain(&format!("{} {}", fault.fault, fault.on));
    let (seen, look) = if fault.seen {
        ("seen", Paint::Green)
    } else {
        ("NOT SEEN", Paint::Yellow)
    };
    vec![
        (format!("#{}", fault.id), Paint::Plain),
        (text::cut(&name, 40), Paint::Plain),
        (text::moment(fault.from_ns), Paint::Plain),
        (format!("to {to}"), Paint::Plain),
        (seen.to_owned(), look),
    ]
}

fn availability(out: &mut Output, results: &Results) {
    if results.windows.is_empty() {
        return;
    }
    let action = window::main_action(results);
    let latency = action.map_or(String::new(), |action| {
        format!("; latency of {}", text::cut(&plain(action), 40))
    });
    out.heading("Availability", &format!("(share of definite answers{latency})"));
    let mut sides = vec![Side::Left];
    sides.resize(8, Side::Right);
    let mut table = Table::new(&sides);
    let heads = ["window", "from", "to", "ops", "info", "available", "p50", "p99"];
    table.row(heads.iter().map(|head| ((*head).to_owned(), Paint::Dim)).collect());
    for window in &results.windows {
        let cells = window_cells(window, action, out.width);
        table.row(cells.into_iter().map(|cell| (cell, Paint::Plain)).collect());
    }
    out.table(&table, "  ");
}

fn window_cells(w: &WindowStats, action: Option<&str>, width: usize) -> [String; 8] {
    let total = window::total(w);
    let stats = action.and_then(|action| w.ops.get(action));
    let latency = |us: Option<u64>| us.map_or("-".to_owned(), text::span_us);
    [
        text::cut(&plain(&w.window), width - 68),
        text::moment(w.from_ns),
        text::moment(w.to_ns),
        text::count(total.invoked),
        text::count(total.info),
        total.availability().map_or("-".to_owned(), text::percent),
        latency(stats.and_then(|stats| stats.latency_p50_us)),
        latency(stats.and_then(|stats| stats.latency_p99_us)),
    ]
}

fn witnesses(out: &mut Output, report: &RunReport<'_>) {
    let anomalies = report.results.anomalies();
    if anomalies.is_empty() {
        return;
    }
    let subjects = Subjects::new(report);
    let shown = anomalies.len().min(WITNESSES_MAX);
    let of = if shown < anomalies.len() {
        format!("({shown} of {})", anomalies.len())
    } else {
        format!("({shown})")
    };
    out.heading("Anomalies", &of);
    for (n, anomaly) in anomalies.iter().take(WITNESSES_MAX).enumerate() {
        said(out, anomaly, &format!(" {:>2}. ", n + 1));
        let lines = proof(report, &subjects, anomaly, EVENTS_MAX, out);
        out.lines.extend(lines);
    }
    if shown < anomalies.len() {
        out.lines.push(format!(
            "  and {} more in {REPORT_HTML}",
            text::count((anomalies.len() - shown) as u64)
        ));
    }
}

/// The events of a witness; of a long one, the first and the last.
fn proof(report: &RunReport<'_>, subjects: &Subjects<'_>, anomaly: &Anomaly, max: usize, out: &Output) -> Vec<String> {
    let events = witness::lines(report, subjects, anomaly);
    let mut table = Table::new(&[Side::Right, Side::Left, Side::Left, Side::Left]);
    let left_out = events.len().saturating_sub(max);
    let head = max - EVENTS_TAIL;
    let gap = if left_out > 0 { head..head + left_out } else { 0..0 };
    for (n, line) in events.iter().enumerate() {
        if !gap.contains(&n) {
            table.row(event_cells(line));
        } else if n == gap.start {
            let more = format!("{left_out} more in {REPORT_HTML}");
            let dim = |text: &str| (text.to_owned(), Paint::Dim);
            table.row(vec![dim("..."), dim(""), dim(""), dim(&more)]);
        }
    }
    table.lines("     ", out.width, out.color)
}

fn event_cells(line: &Line) -> Vec<(String, Paint)> {
    vec![
        (line.time.clone(), Paint::Dim),
        (text::cut(&plain(&line.who), 24), Paint::Dim),
        (text::cut(&plain(&line.what()), 24), Paint::Dim),
        (plain(&line.value), Paint::Plain),
    ]
}

fn figures(out: &mut Output, results: &Results) {
    if results.figures.is_empty() {
        return;
    }
    out.heading("Figures", "");
    let figures: Vec<String> = results
        .figures
        .iter()
        .map(|(name, value)| {
            let (name, value) = text::figure(name, *value);
            format!("{} {value}", plain(&name)).replace(' ', "\u{a0}")
        })
        .collect();
    // Lines do not break inside a figure: its gaps are no-break spaces until the lines are made.
    for line in wrap(&figures.join(" · "), out.width, "  ", "  ") {
        out.lines.push(line.replace('\u{a0}', " "));
    }
}

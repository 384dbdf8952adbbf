//! The summary of a run for people, on a terminal.
//!
//! The verdict is the first line and the command that replays or re-checks the run the last. Everything but that
//! command, which must survive being copied, keeps within the columns it was given.

use paytwice_checkers::verdict::{Anomaly, CheckerResult, FaultSummary, Results, Verdict, WindowStats};

use crate::coverage::Coverage;
use crate::layout::{Paint, Side, Table, paint, wrap};
use crate::readable::Line;
use crate::text::{self, plain};
use crate::witness::{self, Payments};
use crate::{REPORT_HTML, RunReport, ops, verdict, window};

/// Witnesses that are written out.
pub const WITNESSES_MAX: usize = 10;
/// Events of one witness that are written out.
const EVENTS_MAX: usize = 14;
/// Of those, how many stand before the gap when there are more.
const EVENTS_HEAD: usize = 10;

/// How the summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to use ANSI colors.
    pub color: bool,
    /// Columns that no line exceeds, at least 80.
    pub columns: usize,
}

impl Default for Options {
    /// No colors, 100 columns.
    fn default() -> Self {
        Self {
            color: false,
            columns: 100,
        }
    }
}

/// The summary, with a final line break.
pub fn render(report: &RunReport<'_>, options: &Options) -> String {
    let mut out = Output {
        lines: Vec::new(),
        columns: options.columns.max(80),
        color: options.color,
    };
    headline(&mut out, report);
    checkers(&mut out, report.results);
    faults(&mut out, &report.results.faults);
    coverage(&mut out, report);
    availability(&mut out, &report.results.windows);
    witnesses(&mut out, report);
    figures(&mut out, report.results);
    out.lines.push(String::new());
    out.lines.extend(report.replay.lines().map(plain));
    out.lines.push(String::new());
    out.lines.join("\n")
}

struct Output {
    lines: Vec<String>,
    columns: usize,
    color: bool,
}

impl Output {
    fn wrapped(&mut self, text: &str, first: &str, hang: &str, look: Paint) {
        let lines = wrap(text, self.columns, first, hang);
        self.lines
            .extend(lines.iter().map(|line| paint(line, look, self.color)));
    }

    fn heading(&mut self, title: &str, remark: &str) {
        self.lines.push(String::new());
        let gap = if remark.is_empty() { "" } else { " " };
        self.lines.push(format!(
            "{}{gap}{}",
            paint(title, Paint::Bold, self.color),
            paint(remark, Paint::Dim, self.color)
        ));
    }

    fn table(&mut self, table: &Table, indent: &str) {
        self.lines.extend(table.lines(indent, self.columns, self.color));
    }
}

fn headline(out: &mut Output, report: &RunReport<'_>) {
    let results = report.results;
    let word = verdict::loud(results.verdict);
    let sentence = plain(verdict::reason(results.verdict, &results.sentence));
    let mut lines = wrap(
        &format!("{word}: {sentence}"),
        out.columns,
        "",
        &" ".repeat(word.len() + 2),
    );
    if let Some(first) = lines.first_mut() {
        first.replace_range(..word.len(), &paint(word, Paint::of(results.verdict), out.color));
    }
    out.lines.append(&mut lines);

    let header = &results.header;
    let run = format!(
        "{} on {}, seed {}, started {}, run {}",
        header.target, header.stack, header.seed, header.started_at, header.run
    );
    out.wrapped(&plain(&run), "  ", "  ", Paint::Dim);
    let size = format!(
        "{}, {}, {} in {}",
        text::plural(results.payments.len() as u64, "payment"),
        text::plural(ops::pair(report.events).len() as u64, "operation"),
        text::plural(results.events, "event"),
        text::span_ns(ops::end_ns(report)),
    );
    out.wrapped(&size, "  ", "  ", Paint::Dim);
    if !header.policies.is_empty() {
        let policies: Vec<String> = header.policies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        out.wrapped(&plain(&policies.join(" ")), "  policies ", "    ", Paint::Dim);
    }
    if results.truncated {
        out.wrapped(
            "The history is cut short: the harness ended before the run did, and what came after is not known.",
            "  ",
            "  ",
            Paint::Yellow,
        );
    }
}

fn checkers(out: &mut Output, results: &Results) {
    if results.checkers.is_empty() {
        return;
    }
    out.heading("Checkers", "");
    let mut table = Table::new(&[Side::Left, Side::Left, Side::Left]);
    for checker in &results.checkers {
        table.row(vec![
            (verdict_cell(checker.verdict).to_owned(), Paint::of(checker.verdict)),
            (plain(&checker.name), Paint::Plain),
            (plain(&checker_line(checker)), Paint::Plain),
        ]);
    }
    out.table(&table, "  ");
}

/// Loud only where it is worth a look.
fn verdict_cell(v: Verdict) -> &'static str {
    if v == Verdict::Valid {
        verdict::word(v)
    } else {
        verdict::loud(v)
    }
}

fn checker_line(checker: &CheckerResult) -> String {
    let kinds = verdict::kinds(checker);
    let mut parts = Vec::new();
    if !kinds.is_empty() {
        parts.push(
            kinds
                .iter()
                .map(|(kind, n)| format!("{} {kind}", text::count(*n)))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
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

fn coverage(out: &mut Output, report: &RunReport<'_>) {
    let Some(total) = report.coverage.and_then(Coverage::total) else {
        return;
    };
    out.heading("Coverage", "");
    out.wrapped(&total, "  ", "  ", Paint::Plain);
    let never = report.coverage.map_or(0, Coverage::never_count);
    if never > 0 {
        let text = format!(
            "{} never tried: {} names them",
            text::plural(never as u64, "case"),
            crate::RESULTS_JSON
        );
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
        let (from, to) = (
            text::moment(fault.from_ns),
            fault.to_ns.map_or("never healed".to_owned(), text::moment),
        );
        let seen = if fault.seen {
            ("seen", Paint::Green)
        } else {
            ("NOT SEEN", Paint::Yellow)
        };
        table.row(vec![
            (format!("#{}", fault.id), Paint::Plain),
            (
                text::cut(&plain(&format!("{} {}", fault.fault, fault.on)), 40),
                Paint::Plain,
            ),
            (from, Paint::Plain),
            (format!("to {to}"), Paint::Plain),
            (seen.0.to_owned(), seen.1),
        ]);
    }
    for (fault, line) in faults.iter().zip(table.lines("  ", out.columns, out.color)) {
        out.lines.push(line);
        if !fault.evidence.is_empty() {
            out.wrapped(&plain(&fault.evidence.join("; ")), "      ", "      ", Paint::Dim);
        }
    }
}

fn availability(out: &mut Output, windows: &[WindowStats]) {
    if windows.is_empty() {
        return;
    }
    out.heading(
        "Availability",
        "(share of definite answers; latency of the answers to recharges)",
    );
    let mut table = Table::new(&[
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
    ]);
    let heads = ["window", "from", "to", "ops", "info", "available", "p50", "p99"];
    table.row(heads.iter().map(|head| ((*head).to_owned(), Paint::Dim)).collect());
    for w in windows {
        let total = window::total(w);
        let recharge = w.ops.get("recharge");
        let latency = |us: Option<u64>| us.map_or("-".to_owned(), text::span_us);
        let cells = [
            text::cut(&plain(&w.window), out.columns - 68),
            text::moment(w.from_ns),
            text::moment(w.to_ns),
            text::count(total.invoked),
            text::count(total.info),
            total.availability().map_or("-".to_owned(), text::percent),
            latency(recharge.and_then(|r| r.latency_p50_us)),
            latency(recharge.and_then(|r| r.latency_p99_us)),
        ];
        table.row(cells.into_iter().map(|cell| (cell, Paint::Plain)).collect());
    }
    out.table(&table, "  ");
}

fn witnesses(out: &mut Output, report: &RunReport<'_>) {
    let anomalies = report.results.anomalies();
    if anomalies.is_empty() {
        return;
    }
    let payments = Payments::new(report);
    let shown = anomalies.len().min(WITNESSES_MAX);
    let of = if shown < anomalies.len() {
        format!("({shown} of {})", anomalies.len())
    } else {
        format!("({shown})")
    };
    out.heading("Witnesses", &of);
    for (n, anomaly) in anomalies.iter().take(WITNESSES_MAX).enumerate() {
        let sentence = format!("{}: {}", plain(&anomaly.kind), plain(&anomaly.sentence));
        out.wrapped(&sentence, &format!(" {:>2}. ", n + 1), "     ", Paint::Plain);
        out.lines.extend(proof(report, &payments, anomaly, out));
    }
    if shown < anomalies.len() {
        out.lines.push(format!(
            "  and {} more in {REPORT_HTML}",
            text::count((anomalies.len() - shown) as u64)
        ));
    }
}

/// The events of a witness; of a long one, how it begins and how it ends.
fn proof(report: &RunReport<'_>, payments: &Payments<'_>, anomaly: &Anomaly, out: &Output) -> Vec<String> {
    let events = witness::lines(report, payments, anomaly);
    let mut table = Table::new(&[Side::Right, Side::Left, Side::Left, Side::Left]);
    let left_out = events.len().saturating_sub(EVENTS_MAX);
    let gap = if left_out > 0 {
        EVENTS_HEAD..EVENTS_HEAD + left_out
    } else {
        0..0
    };
    for (n, line) in events.iter().enumerate() {
        if !gap.contains(&n) {
            table.row(event_cells(line));
        } else if n == gap.start {
            let more = format!("{left_out} more in {REPORT_HTML}");
            let blank = || (String::new(), Paint::Plain);
            table.row(vec![
                ("...".to_owned(), Paint::Dim),
                blank(),
                blank(),
                (more, Paint::Dim),
            ]);
        }
    }
    table.lines("     ", out.columns, out.color)
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
            let (name, value) = text::figure(name, *value, results.header.promise.scale);
            format!("{} {value}", plain(&name)).replace(' ', "\u{a0}")
        })
        .collect();
    // A figure stays with its name: the gaps inside are not those that lines break at.
    for line in wrap(&figures.join(" · "), out.columns, "  ", "  ") {
        out.lines.push(line.replace('\u{a0}', " "));
    }
}

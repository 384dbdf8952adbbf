//! One event as a line that people read: when, who, what, and its value in words.
//!
//! Every line is made from the event's types and from the names of the target (actions, fields, views). Text of the history
//! is passed on unchanged; each output escapes it in its own way. Never: reads a name to learn what it means.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use paytwice_checkers::history::{
    Body, Event, FaultStage, FaultStep, Header, Kind, Moment, Op, Process, Row, Rows, Sample, View, Wire, deeds,
};

use crate::text;

/// Values of other programs are cut here.
const OTHER_CHARS_MAX: usize = 200;
/// Characters of a shortened key.
const SHORT_CHARS: usize = 8;
/// Rows of a view that are shown when no subject selects them.
const ROWS_MAX: usize = 3;

/// The subject that a reader looks at: what is known of it is not repeated, and views shrink to its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lens {
    /// Its keys: the client's, and those that the server gave.
    pub(crate) keys: Vec<String>,
    /// Columns that hold keys.
    pub(crate) key_columns: Vec<String>,
    /// What its client asked for, by field.
    pub(crate) fields: BTreeMap<String, String>,
    /// Column and name of its holder.
    pub(crate) holder: Option<(String, String)>,
    /// Whether it is a subject or a holder of this run, so that its absence from a view tells something.
    pub(crate) known: bool,
}

impl Lens {
    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|k| k == key)
    }

    /// The key, unless it is the one that the reader looks at anyway; another key of the same subject is shortened.
    fn name(&self, key: &str) -> String {
        match self.keys.iter().position(|k| k == key) {
            Some(0) => String::new(),
            Some(_) => short(key),
            None => key.to_owned(),
        }
    }

    /// Whether a row is about the subject: by its key, else, in a view without keys, by its holder.
    fn shows(&self, row: Row<'_>) -> bool {
        if let Some(cell) = self.key_columns.iter().find_map(|column| row.get(column)) {
            return self.has(cell);
        }
        match &self.holder {
            Some((column, name)) => row.get(column) == Some(name),
            None => false,
        }
    }

    /// Whether a cell tells something that the reader does not know from what was asked.
    fn tells(&self, row: Row<'_>, column: &str, cell: Option<&str>) -> bool {
        let keyed = self.key_columns.iter().any(|column| row.get(column).is_some());
        match cell {
            Some(cell) if keyed => {
                let known = self.fields.get(column).map(String::as_str);
                known != Some(cell) && !(self.key_columns.iter().any(|c| c == column) && self.has(cell))
            }
            _ => true,
        }
    }
}

/// The end of a long key, where keys that a server makes differ most.
fn short(key: &str) -> String {
    match key.char_indices().rev().nth(SHORT_CHARS - 1) {
        Some((at, _)) if at > 4 => format!("…{}", &key[at..]),
        _ => key.to_owned(),
    }
}

/// An event in readable form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Position in the history.
    pub(crate) index: u64,
    /// `12.345 s`.
    pub(crate) time: String,
    /// `client 5`, `nemesis`; the link of a frame; the name of a view.
    pub(crate) who: String,
    /// The action, `fault`, `wire`, ...
    pub(crate) f: String,
    /// `invoke`, `ok`, `fail`, `info`; empty for a remark, whose type carries no information.
    pub(crate) kind: &'static str,
    /// The value, and the error where there is one.
    pub(crate) value: String,
}

impl Line {
    /// The action with its outcome: `order ok`, `wire`.
    pub(crate) fn what(&self) -> String {
        match self.kind {
            "" => self.f.clone(),
            kind => format!("{} {kind}", self.f),
        }
    }

    /// `fail` or `info` where an operation or a view ended so.
    pub(crate) fn mood(&self) -> Option<&'static str> {
        matches!(self.kind, "fail" | "info").then_some(self.kind)
    }
}

/// When, who and what, without the value.
pub(crate) fn bare(event: &Event) -> Line {
    let remark = match event.body {
        Body::Wire(_) | Body::Fault(_) | Body::Sample(_) | Body::Header(_) => event.kind == Kind::Info,
        Body::View(_) => event.kind == Kind::Ok,
        Body::Phase(_) | Body::Op(_) | Body::Other(..) => false,
    };
    Line {
        index: event.index,
        time: text::moment(event.time),
        who: who(event),
        f: event.body.f().to_owned(),
        kind: if remark { "" } else { kind(event.kind) },
        value: String::new(),
    }
}

/// Puts an event into words.
pub(crate) fn line(event: &Event, lens: &Lens) -> Line {
    let mut value = value(event, lens);
    if let Some(error) = &event.error {
        let gap = if value.is_empty() { "" } else { ": " };
        push(&mut value, format_args!("{gap}{error}"));
    }
    Line { value, ..bare(event) }
}

fn who(event: &Event) -> String {
    match (&event.process, &event.body) {
        (_, Body::Wire(v)) => v.link.to_string(),
        (_, Body::View(v)) => v.view.clone(),
        (Process::Client(n), _) => format!("client {n}"),
        (Process::Named(name), _) => name.to_string(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    }
}

fn value(event: &Event, lens: &Lens) -> String {
    match &event.body {
        Body::Header(v) => header(v),
        Body::Phase(v) => v.name.clone(),
        Body::Op(v) if event.kind == Kind::Invoke => asked(v, lens),
        Body::Op(v) => answered(v, lens),
        Body::View(v) => view(v, lens),
        Body::Wire(v) => wire(v, lens),
        Body::Fault(v) => fault(v),
        Body::Sample(v) => sample(v),
        Body::Other(_, v) => text::cut(&v.to_string(), OTHER_CHARS_MAX),
    }
}

fn header(v: &Header) -> String {
    format!("{} on {}, seed {}", v.target, v.stack, v.seed)
}

/// `t17: account a3, amount 10.00, attempt 2, with another amount than before`.
fn asked(op: &Op, lens: &Lens) -> String {
    let args = op.args.iter().filter(|(_, value)| **value != op.subject);
    let mut parts: Vec<String> = args.map(|(name, value)| format!("{name} {value}")).collect();
    if op.attempt > 1 {
        parts.push(format!("attempt {}", op.attempt));
    }
    if !op.changed.is_empty() {
        parts.push(format!("with another {} than before", op.changed.join(", ")));
    }
    if op.repair {
        parts.push("as a repair".to_owned());
    }
    after(lens.name(&op.subject), &parts.join(", "))
}

/// `t17: HTTP 200, result success`, as far as it is known.
fn answered(op: &Op, lens: &Lens) -> String {
    let status = op.status.map(|status| format!("HTTP {status}"));
    let parts = op.answer.iter().filter(|(_, value)| **value != op.subject);
    let parts = parts.map(|(name, value)| format!("{name} {value}"));
    let parts: Vec<String> = status.into_iter().chain(parts).collect();
    after(lens.name(&op.subject), &parts.join(", "))
}

/// What follows a name, with a colon between them where both are there.
fn after(mut name: String, rest: &str) -> String {
    let gap = if name.is_empty() || rest.is_empty() { "" } else { ": " };
    push(&mut name, format_args!("{gap}{rest}"));
    name
}

/// `SEND orders request (t17), delayed 200 ms`.
fn wire(v: &Wire, lens: &Lens) -> String {
    let mut out = v.point.to_string();
    let mut keys: Vec<String> = Vec::new();
    for key in v.keys.values().flatten().map(|key| lens.name(key)) {
        if !key.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    if !keys.is_empty() {
        push(&mut out, format_args!(" ({})", keys.join(", ")));
    }
    if !v.did.is_empty() {
        push(&mut out, format_args!(", {}", deeds(&v.did)));
    }
    out
}

fn fault(v: &FaultStep) -> String {
    let mut out = format!("#{} {} {}: {}", v.id, v.fault, v.on, stage(v.step));
    if !v.detail.is_empty() {
        push(&mut out, format_args!(", {}", v.detail));
    }
    out
}

fn stage(stage: FaultStage) -> &'static str {
    match stage {
        FaultStage::Asked => "asked",
        FaultStage::Done => "done",
        FaultStage::Seen => "seen to take effect",
        FaultStage::Healing => "healing",
        FaultStage::Healed => "healed",
        FaultStage::Failed => "failed",
    }
}

fn moment(at: Moment) -> &'static str {
    match at {
        Moment::Initial => "before the workload",
        Moment::Look => "during the workload",
        Moment::Rest => "at rest",
        Moment::AfterRepair => "after the repair",
        Moment::Final => "at the end",
    }
}

/// `at the end: account a3, balance 12.00 (1 of 33 rows)`.
fn view(v: &View, lens: &Lens) -> String {
    let name = moment(v.at);
    let Some(rows) = &v.rows else {
        return format!("{name}: not read");
    };
    let all = text::plural(rows.len() as u64, "row");
    let (shown, matched) = selected(rows, lens);
    let told = shown.iter().map(|row| cells(rows.columns(), *row, lens));
    let cells: Vec<String> = told.filter(|cells| !cells.is_empty()).collect();
    match (rows.is_empty(), matched) {
        (true, _) => format!("{name}: no rows"),
        (_, 0) => format!("{name}: not among {all}"),
        (_, n) if cells.is_empty() => format!("{name}: {} of {all}", text::count(n)),
        (_, n) => {
            let rest = if n > shown.len() as u64 { "; ..." } else { "" };
            format!(
                "{name}: {}{rest} ({} of {all})",
                cells.join("; "),
                text::count(shown.len() as u64)
            )
        }
    }
}

/// The rows about the subject, and how many there are; the first rows where the view cannot be searched for it.
fn selected<'a>(rows: &'a Rows, lens: &Lens) -> (Vec<Row<'a>>, u64) {
    let holder = lens.holder.as_ref().map(|(column, _)| column);
    let mut columns = lens.key_columns.iter().chain(holder);
    let searchable = !lens.keys.is_empty() && columns.any(|column| rows.column(column).is_some());
    let mine = rows.iter().filter(|row| searchable && lens.shows(*row));
    let mine: Vec<Row<'_>> = mine.collect();
    if mine.is_empty() && !(searchable && lens.known) {
        return (rows.iter().take(ROWS_MAX).collect(), rows.len() as u64);
    }
    let n = mine.len() as u64;
    (mine, n)
}

/// What a row tells about the subject: `result success`; empty where it repeats what was asked.
fn cells(columns: &[String], row: Row<'_>, lens: &Lens) -> String {
    let cells = columns.iter().map(|column| (column, row.get(column)));
    let told = cells.filter(|(column, cell)| lens.tells(row, column, *cell));
    let told: Vec<String> = told
        .map(|(column, cell)| format!("{column} {}", cell.unwrap_or("NULL")))
        .collect();
    told.join(", ")
}

/// One row of a view as a step in the story of a subject.
pub(crate) fn row(view: &View, row: Row<'_>, lens: &Lens) -> String {
    let columns = view.rows.as_ref().map_or(&[][..], Rows::columns);
    let told = cells(columns, row, lens);
    let told = if told.is_empty() { "found" } else { told.as_str() };
    format!("{}: {told}", moment(view.at))
}

fn sample(v: &Sample) -> String {
    let counters: Vec<String> = v.counters.iter().map(|(name, n)| format!("{name} {n}")).collect();
    counters.join(", ")
}

fn push(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(args);
}

#[cfg(test)]
mod tests {
    use super::*;
    use paytwice_checkers::history::{Again, Deed};

    fn event(kind: Kind, body: Body) -> Event {
        Event {
            index: 4,
            time: 1_500_000_000,
            process: Process::Client(3),
            kind,
            body,
            error: None,
        }
    }

    fn words(kind: Kind, body: Body, lens: &Lens) -> String {
        line(&event(kind, body), lens).value
    }

    fn strings<T: for<'a> From<&'a str> + Ord>(pairs: &[(&str, &str)]) -> BTreeMap<T, T> {
        let owned = pairs.iter().map(|(k, v)| (T::from(k), T::from(v)));
        owned.collect()
    }

    /// Looks at order o12 of shop s7, which asked for 3.
    fn lens() -> Lens {
        Lens {
            keys: vec!["o12".into(), "0123456789-abcdefgh".into()],
            key_columns: vec!["order".into()],
            fields: strings(&[("shop", "s7"), ("quantity", "3")]),
            holder: Some(("shop".into(), "s7".into())),
            known: true,
        }
    }

    fn of(columns: &[&str], rows: &[&[&str]]) -> Body {
        let mut all = Rows::new(columns.iter().copied());
        for row in rows {
            all.push(row.iter().map(|cell| (*cell != "NULL").then_some(*cell)));
        }
        Body::View(View {
            view: "orders".into(),
            at: Moment::Final,
            rows: Some(all),
        })
    }

    #[test]
    fn an_operation_reads_as_asked_and_as_answered() {
        let op = Op {
            action: "buy".into(),
            subject: "o12".into(),
            attempt: 2,
            args: strings(&[("order", "o12"), ("quantity", "3"), ("shop", "s7")]),
            changed: vec!["quantity".into()],
            status: Some(200),
            answer: strings(&[("order", "srv-1"), ("result", "taken")]),
            ..Op::default()
        };
        let lens = Lens::default();
        assert_eq!(
            words(Kind::Invoke, Body::Op(op.clone()), &lens),
            "o12: quantity 3, shop s7, attempt 2, with another quantity than before"
        );
        let answered = line(&event(Kind::Ok, Body::Op(op)), &lens);
        assert_eq!(answered.value, "o12: HTTP 200, order srv-1, result taken");
        assert_eq!(answered.what(), "buy ok");
        assert_eq!(answered.mood(), None);
    }

    #[test]
    fn an_error_follows_the_value() {
        let mut e = event(Kind::Info, Body::Op(Op::default()));
        e.error = Some("timeout after 2 s".into());
        assert_eq!(line(&e, &Lens::default()).value, "timeout after 2 s");
        let view = View {
            view: "orders".into(),
            at: Moment::Rest,
            rows: None,
        };
        e.body = Body::View(view);
        let line = line(&e, &lens());
        assert_eq!(line.value, "at rest: not read: timeout after 2 s");
        assert_eq!(
            (&*line.who, &*line.what(), line.mood()),
            ("orders", "view info", Some("info"))
        );
    }

    #[test]
    fn a_frame_reads_with_its_deeds_and_without_the_key_that_is_looked_at() {
        let frame = Body::Wire(Wire {
            point: "DELIVER orders".into(),
            keys: [(
                "order".into(),
                ["o12", "0123456789-abcdefgh", "o13"].map(Into::into).into(),
            )]
            .into(),
            did: vec![Deed::DelayedMs(200), Deed::Duplicated(Again::Frame)],
            ..Wire::default()
        });
        assert_eq!(
            words(Kind::Info, frame, &lens()),
            "DELIVER orders (…abcdefgh, o13), delayed 200 ms, duplicated"
        );
    }

    #[test]
    fn a_view_shrinks_to_the_rows_of_the_subject() {
        let columns = ["order", "shop", "quantity", "state"];
        let rows: [&[&str]; 3] = [
            &["o11", "s7", "3", "sent"],
            &["o12", "s7", "4", "NULL"],
            &["o13", "s7", "3", "new"],
        ];
        assert_eq!(
            words(Kind::Ok, of(&columns, &rows), &lens()),
            "at the end: quantity 4, state NULL (1 of 3 rows)"
        );
        assert_eq!(
            words(Kind::Ok, of(&columns, &rows[2..]), &lens()),
            "at the end: not among 1 row"
        );
        assert_eq!(
            words(Kind::Ok, of(&["order"], &[&["o12"]]), &lens()),
            "at the end: 1 of 1 row"
        );
        assert_eq!(words(Kind::Ok, of(&columns, &[]), &lens()), "at the end: no rows");
    }

    #[test]
    fn a_view_without_keys_shows_the_row_of_the_holder() {
        let stock = of(&["shop", "left"], &[&["s6", "9"], &["s7", "8"]]);
        assert_eq!(
            words(Kind::Ok, stock, &lens()),
            "at the end: shop s7, left 8 (1 of 2 rows)"
        );
    }

    #[test]
    fn a_view_that_cannot_be_searched_shows_its_first_rows() {
        let rows: [&[&str]; 4] = [&["1"], &["2"], &["3"], &["4"]];
        let said = "at the end: n 1; n 2; n 3; ... (3 of 4 rows)";
        assert_eq!(words(Kind::Ok, of(&["n"], &rows), &lens()), said);
        assert_eq!(words(Kind::Ok, of(&["n"], &rows), &Lens::default()), said);
        let stranger = Lens {
            keys: vec!["negative-stock".into()],
            key_columns: vec!["n".into()],
            ..Lens::default()
        };
        assert_eq!(words(Kind::Ok, of(&["n"], &rows), &stranger), said);
    }
}

//! One event as a line that people read: when, who, what, and its value in words.
//!
//! Text of others is passed on as it stands; each output escapes it in its own way.

use std::fmt::Write as _;

use paytwice_checkers::history::{
    Balance, Body, Event, FaultStage, FaultStep, Header, Kind, Process, Query, Read, ReadMoment, Recharge, Rows,
    Sample, Wire, deeds,
};

use crate::{money, text};

/// Values of other programs are cut here.
const OTHER_CHARS_MAX: usize = 200;
/// Characters of a number in short.
const SHORT_CHARS: usize = 8;
/// Rows of one read that are written out when it is about nothing in particular.
const ROWS_MAX: usize = 3;

/// What a reader looks at the events for: reads shrink to the rows that matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lens {
    /// Numbers of the payment: the client's, and those that the server gave.
    pub(crate) txs: Vec<String>,
    /// Its account.
    pub(crate) account: Option<String>,
}

impl Lens {
    fn sees_tx(&self, tx: &str) -> bool {
        self.txs.iter().any(|t| t == tx)
    }

    /// The number, unless it is the one that the reader looks at anyway; another of the same payment, in short.
    fn name(&self, tx: &str) -> String {
        match self.txs.iter().position(|t| t == tx) {
            Some(0) => String::new(),
            Some(_) => short(tx),
            None => tx.to_owned(),
        }
    }
}

/// The end of a long number, where those that a server makes differ most.
fn short(tx: &str) -> String {
    match tx.char_indices().rev().nth(SHORT_CHARS - 1) {
        Some((at, _)) if at > 4 => format!("…{}", &tx[at..]),
        _ => tx.to_owned(),
    }
}

/// An event in readable form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Position in the history.
    pub(crate) index: u64,
    /// `12.345 s`.
    pub(crate) time: String,
    /// `client 5`, `nemesis`; for what crossed a link, the link.
    pub(crate) who: String,
    /// `recharge`, `fault`, ...
    pub(crate) f: String,
    /// `invoke`, `ok`, `fail`, `info`.
    pub(crate) kind: &'static str,
    /// The value, and the error where there is one.
    pub(crate) value: String,
}

impl Line {
    /// `recharge ok`; the type of a remark says nothing.
    pub(crate) fn what(&self) -> String {
        match (self.kind, self.f.as_str()) {
            ("info", f @ ("wire" | "fault" | "sample" | "history")) => f.to_owned(),
            (kind, f) => format!("{f} {kind}"),
        }
    }

    /// `fail` or `info` where an operation ended so; a remark of a named process is neither.
    pub(crate) fn mood(&self) -> Option<&'static str> {
        let remark = self.what() == self.f;
        (!remark && matches!(self.kind, "fail" | "info")).then_some(self.kind)
    }
}

/// Who and what, without the value.
pub(crate) fn bare(event: &Event) -> Line {
    Line {
        index: event.index,
        time: text::moment(event.time),
        who: who(event),
        f: event.body.f().to_owned(),
        kind: kind(event.kind),
        value: String::new(),
    }
}

/// Puts an event into words.
pub(crate) fn line(event: &Event, scale: u32, lens: &Lens) -> Line {
    let mut value = value(event, scale, lens);
    if let Some(error) = &event.error {
        let gap = if value.is_empty() { "" } else { ": " };
        push(&mut value, format_args!("{gap}{error}"));
    }
    Line { value, ..bare(event) }
}

fn who(event: &Event) -> String {
    match (&event.process, &event.body) {
        (_, Body::Wire(v)) => v.link.clone(),
        (Process::Client(n), _) => format!("client {n}"),
        (Process::Named(name), _) => name.clone(),
    }
}

/// Jepsen's word for the type.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    }
}

fn value(event: &Event, scale: u32, lens: &Lens) -> String {
    let invoked = event.kind == Kind::Invoke;
    match &event.body {
        Body::Header(v) => header(v),
        Body::Phase(v) => v.name.clone(),
        Body::Recharge(v) if invoked => recharge_asked(v, scale, lens),
        Body::Recharge(v) => recharge_answered(v, lens),
        Body::Query(_, v) => query(v, lens),
        Body::Balance(v) => balance(v),
        Body::OpenAccount(v) => v.account.clone(),
        Body::Fault(v) => fault(v),
        Body::Wire(v) => wire(v, lens),
        Body::Read(v) => read(v, lens),
        Body::Sample(v) => sample(v),
        Body::Other(_, v) => text::cut(&v.to_string(), OTHER_CHARS_MAX),
    }
}

fn header(v: &Header) -> String {
    format!("{} on {}, seed {}", v.target, v.stack, v.seed)
}

fn recharge_asked(v: &Recharge, scale: u32, lens: &Lens) -> String {
    let mut out = lens.name(&v.tx);
    let gap = gap(&out, ": ");
    push(
        &mut out,
        format_args!(
            "{gap}{} to {}, attempt {}",
            money::show(v.amount, scale),
            v.account,
            v.attempt
        ),
    );
    if !v.good {
        out.push_str(", with a card that is declined");
    }
    if v.conflict {
        out.push_str(", a known number with another payload");
    }
    out
}

fn recharge_answered(v: &Recharge, lens: &Lens) -> String {
    let mut out = lens.name(&v.tx);
    answer(&mut out, v.status, v.result.as_deref());
    if let Some(tx) = v.answer_tx.as_ref().filter(|tx| **tx != v.tx) {
        let gap = gap(&out, ", ");
        push(&mut out, format_args!("{gap}recorded as {tx}"));
    }
    out
}

fn query(v: &Query, lens: &Lens) -> String {
    let mut out = lens.name(&v.tx);
    answer(&mut out, v.status, v.result.as_deref());
    out
}

fn balance(v: &Balance) -> String {
    let mut out = v.account.clone();
    answer(&mut out, v.status, None);
    if let Some(balance) = &v.balance {
        push(&mut out, format_args!(", balance {balance}"));
    }
    out
}

/// `HTTP 200, result success`, as far as it is known.
pub(crate) fn answer(out: &mut String, status: Option<u16>, result: Option<&str>) {
    if let Some(status) = status {
        let gap = gap(out, ": ");
        push(out, format_args!("{gap}HTTP {status}"));
    }
    if let Some(result) = result {
        let gap = gap(out, ", ");
        push(out, format_args!("{gap}result {result}"));
    }
}

fn gap<'g>(out: &str, gap: &'g str) -> &'g str {
    if out.is_empty() { "" } else { gap }
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

fn wire(v: &Wire, lens: &Lens) -> String {
    let mut out = v.point.clone();
    let keys: Vec<String> = v
        .key_values()
        .map(|key| lens.name(key))
        .filter(|name| !name.is_empty())
        .collect();
    if !keys.is_empty() {
        push(&mut out, format_args!(" ({})", keys.join(", ")));
    }
    if !v.did.is_empty() {
        push(&mut out, format_args!(", {}", deeds(&v.did)));
    }
    out
}

/// `final`, `before compensate`, `initial`.
pub(crate) fn moment_of_read(at: ReadMoment) -> &'static str {
    match at {
        ReadMoment::Initial => "initial",
        ReadMoment::BeforeCompensate => "before compensation",
        ReadMoment::Final => "final",
    }
}

fn read(v: &Read, lens: &Lens) -> String {
    let at = moment_of_read(v.at);
    match &v.rows {
        Rows::Payments(rows) => {
            let shown = rows.iter().map(|r| (lens.sees_tx(&r.tx), r));
            rows_of(at, "payments", lens, shown, |r| {
                let mut out = lens.name(&r.tx);
                let gap = gap(&out, ": ");
                let result = r.result.as_deref().unwrap_or("NULL");
                push(
                    &mut out,
                    format_args!("{gap}{} to {}, result {result}", r.amount, r.account),
                );
                out
            })
        }
        Rows::Balances(rows) => {
            let shown = rows.iter().map(|r| (lens.account.as_ref() == Some(&r.account), r));
            rows_of(at, "balances", lens, shown, |r| {
                format!("{} has {}", r.account, r.balance.as_deref().unwrap_or("NULL"))
            })
        }
        Rows::Credits(rows) => {
            let shown = rows.iter().map(|r| (lens.sees_tx(&r.tx), r));
            rows_of(at, "credits", lens, shown, |r| r.tx.clone())
        }
    }
}

/// The rows under the lens; without a lens, the first few.
fn rows_of<'r, R: 'r>(
    at: &str,
    role: &str,
    lens: &Lens,
    rows: impl ExactSizeIterator<Item = (bool, &'r R)>,
    show: impl Fn(&R) -> String,
) -> String {
    let all = rows.len();
    let any = lens.txs.is_empty() && lens.account.is_none();
    let shown: Vec<String> = rows
        .filter(|(seen, _)| any || *seen)
        .take(if any { ROWS_MAX } else { usize::MAX })
        .map(|(_, r)| show(r))
        .collect();
    let of = text::plural(all as u64, "row");
    if shown.is_empty() {
        return if any {
            format!("{at} {role}: {of}")
        } else {
            format!("{at} {role}: not among {of}")
        };
    }
    let rest = if any && all > shown.len() { "; ..." } else { "" };
    format!("{at} {role}: {}{rest} ({of})", shown.join("; "))
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
    use paytwice_checkers::history::{BalanceRow, Minor, PaymentRow};

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
        line(&event(kind, body), 2, lens).value
    }

    #[test]
    fn a_recharge_reads_as_asked_and_as_answered() {
        let mut v = Recharge {
            tx: "7-12".into(),
            account: "acct-3".into(),
            amount: Minor(1000),
            attempt: 2,
            good: true,
            ..Recharge::default()
        };
        let lens = Lens::default();
        assert_eq!(
            words(Kind::Invoke, Body::Recharge(v.clone()), &lens),
            "7-12: 10.00 to acct-3, attempt 2"
        );
        v.status = Some(200);
        v.result = Some("success".into());
        v.answer_tx = Some("srv-1".into());
        assert_eq!(
            words(Kind::Ok, Body::Recharge(v), &lens),
            "7-12: HTTP 200, result success, recorded as srv-1"
        );
    }

    #[test]
    fn an_error_follows_the_value() {
        let mut e = event(
            Kind::Info,
            Body::Query(paytwice_checkers::history::QueryPath::Pay, Query::default()),
        );
        e.error = Some("timeout after 2 s".into());
        assert_eq!(line(&e, 2, &Lens::default()).value, "timeout after 2 s");
    }

    #[test]
    fn a_read_shows_the_rows_under_the_lens() {
        let balance = |n: u32| BalanceRow {
            account: format!("acct-{n}"),
            balance: Some(format!("{n}.00")),
        };
        let read = Body::Read(Read {
            at: ReadMoment::Final,
            rows: Rows::Balances((1..=20).map(balance).collect()),
        });
        let lens = Lens {
            txs: vec!["7-1".into()],
            account: Some("acct-7".into()),
        };
        assert_eq!(
            words(Kind::Ok, read.clone(), &lens),
            "final balances: acct-7 has 7.00 (20 rows)"
        );
        assert_eq!(
            words(Kind::Ok, read, &Lens::default()),
            "final balances: acct-1 has 1.00; acct-2 has 2.00; acct-3 has 3.00; ... (20 rows)"
        );
        let row = PaymentRow {
            tx: "7-2".into(),
            account: "a".into(),
            amount: "1".into(),
            result: None,
        };
        let read = Body::Read(Read {
            at: ReadMoment::Final,
            rows: Rows::Payments(vec![row]),
        });
        assert_eq!(words(Kind::Ok, read, &lens), "final payments: not among 1 row");
    }
}

//! What is taken from lines is what they say, in both formats.

use proptest::prelude::*;

use super::Scratch;
use crate::bulk::binary::Driver;
use crate::bulk::events::{Head, NONE, Recharge, RowSeen, Seen, Sink, Words};
use crate::bulk::found::{AnswerTx, Found};
use crate::bulk::jsonl::drive;
use crate::bulk::shape::Shapes;
use crate::bulk::*;
use crate::history::{Body, Event, Kind, Process, ReadMoment, Rows};
use crate::intern::Texts;
use crate::ledger::Role;

#[derive(Debug, PartialEq)]
enum Taken {
    /// What was seen in the numbers, in words, and the event that stands for it.
    Seen(Head, String, Option<Event>),
    Read(Head, ReadMoment, Role),
    Row(String),
    Event(Event),
}

/// Takes in everything.
struct Recorder {
    taken: Vec<Taken>,
    /// Whether every event is parsed, as few are.
    parses: bool,
}

impl Recorder {
    fn new(parses: bool) -> Recorder {
        let taken = Vec::new();
        Recorder { taken, parses }
    }
}

impl Sink for Recorder {
    fn seen(
        &mut self,
        head: &Head,
        seen: &Seen,
        words: &impl Words,
        event: impl FnOnce() -> Result<Event, Odd>,
    ) -> Result<(), Odd> {
        let text = |id: u32| (id != NONE).then(|| words.text(id));
        let said = match *seen {
            Seen::Recharge(Recharge {
                tx,
                account,
                amount,
                conflict,
                ..
            }) if head.kind == Kind::Invoke => {
                let Ok(minor) = words.text(amount).parse::<i128>() else {
                    return Err(Odd("no amount".into()));
                };
                format!("{:?} {:?} {minor} {conflict}", text(tx), text(account))
            }
            Seen::Recharge(Recharge { amount, .. })
                if amount != NONE && words.text(amount).parse::<i128>().is_err() =>
            {
                return Err(Odd("no amount".into()));
            }
            Seen::Recharge(Recharge { result, answer_tx, .. }) => format!("{:?} {:?}", text(result), text(answer_tx)),
            Seen::Query { path, tx } => format!("{path:?} {:?}", text(tx)),
            Seen::Balance => "balance".into(),
            Seen::OpenAccount { account } => format!("open {:?}", text(account)),
            Seen::Delivery { tx, times } => format!("{times} {:?}", tx.iter().map(|tx| text(*tx)).collect::<Vec<_>>()),
            Seen::Frame => "frame".into(),
        };
        let event = self.parses.then(event).transpose()?;
        self.taken.push(Taken::Seen(*head, said, event));
        Ok(())
    }

    fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd> {
        self.taken.push(Taken::Read(*head, at, role));
        Ok(())
    }

    fn row(&mut self, row: &RowSeen, words: &impl Words) {
        let text = |id: u32| (id != NONE).then(|| words.text(id));
        self.taken.push(Taken::Row(match *row {
            RowSeen::Payment {
                tx,
                account,
                amount,
                result,
            } => format!(
                "{:?} {:?} {:?} {:?}",
                text(tx),
                text(account),
                text(amount),
                text(result)
            ),
            RowSeen::Balance { account, balance } => format!("{:?} {:?}", text(account), text(balance)),
            RowSeen::Credit { tx } => format!("{:?}", text(tx)),
        }));
    }

    fn event(&mut self, event: Event, head: &Head) -> Result<(), Odd> {
        assert_eq!(
            (event.index, event.time, event.kind),
            (head.index, head.time, head.kind)
        );
        self.taken.push(Taken::Event(event));
        Ok(())
    }

    fn know(&mut self, _: usize) {}
}

/// What has to be taken from an event.
fn says(event: &Event, out: &mut Vec<Taken>) {
    let head = Head {
        index: event.index,
        time: event.time,
        process: match event.process {
            Process::Client(number) => Some(number),
            Process::Named(_) => None,
        },
        kind: event.kind,
    };
    let said = match &event.body {
        Body::Recharge(r) if event.kind == Kind::Invoke => {
            format!("{:?} {:?} {} {}", Some(&r.tx), Some(&r.account), r.amount, r.conflict)
        }
        Body::Recharge(r) => format!("{:?} {:?}", r.result, r.answer_tx),
        Body::Query(path, query) => format!("{path:?} {:?}", Some(&query.tx)),
        Body::Balance(_) => "balance".into(),
        Body::OpenAccount(open) => format!("open {:?}", Some(&open.account)),
        Body::Wire(wire) if wire.role == crate::history::Role::Delivered => {
            let times = u32::from(wire.arrived());
            format!("{times} {:?}", wire.key("tx").iter().map(Some).collect::<Vec<_>>())
        }
        Body::Wire(_) => "frame".into(),
        Body::Read(read) if event.kind == Kind::Ok && event.error.is_none() && head.process.is_none() => {
            let (role, rows): (Role, Vec<String>) = match &read.rows {
                Rows::Payments(rows) => {
                    let row = |r: &crate::history::PaymentRow| {
                        format!(
                            "{:?} {:?} {:?} {:?}",
                            Some(&r.tx),
                            Some(&r.account),
                            Some(&r.amount),
                            r.result
                        )
                    };
                    (Role::Payments, rows.iter().map(row).collect())
                }
                Rows::Balances(rows) => {
                    let row = |r: &crate::history::BalanceRow| format!("{:?} {:?}", Some(&r.account), r.balance);
                    (Role::Balances, rows.iter().map(row).collect())
                }
                Rows::Credits(rows) => (
                    Role::Credits,
                    rows.iter().map(|r| format!("{:?}", Some(&r.tx))).collect(),
                ),
            };
            out.push(Taken::Read(head, read.at, role));
            out.extend(rows.into_iter().map(Taken::Row));
            return;
        }
        _ => return out.push(Taken::Event(event.clone())),
    };
    out.push(Taken::Seen(head, said, Some(event.clone())));
}

/// How a part of a line is written: `Plain` as the harness does, `Long` with a number that the binary form writes in
/// two cells, `Otherwise` in any other way, or wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Plain,
    Long,
    Otherwise,
}
use Way::{Long, Otherwise, Plain};

type Part = (String, Way);
type Field = (&'static str, BoxedStrategy<Part>);

fn one_of(plain: &'static [&str], otherwise: &'static [&str]) -> BoxedStrategy<Part> {
    let part = |way| move |text: &str| (text.to_owned(), way);
    prop_oneof![
        24 => prop::sample::select(plain).prop_map(part(Plain)),
        1 => prop::sample::select(otherwise).prop_map(part(Otherwise)),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<Part> {
    one_of(
        &[
            r#""t0""#,
            r#""t1""#,
            r#""a0""#,
            r#""""#,
            r#""success""#,
            r#""DELIVER x""#,
            r#""DELIVER""#,
            r#""COMMIT""#,
            r#""dropped""#,
            r#""delayed, lost""#,
            r#""delayed""#,
            r#""longer than eight bytes""#,
        ],
        &[
            r#""\u0041""#,
            r#""é""#,
            r#""\n""#,
            r#""\"""#,
            "7",
            "null",
            "true",
            "[]",
            "{}",
            r#""t0"#,
        ],
    )
}

fn minor() -> BoxedStrategy<Part> {
    one_of(
        &[
            r#""1""#,
            r#""-5""#,
            r#""007""#,
            r#""99999999999999999999999999999999999999""#,
        ],
        &[
            r#""""#,
            r#""-""#,
            r#""+5""#,
            r#""x""#,
            r#""1.5""#,
            "5",
            "null",
            r#""--5""#,
            r#""199999999999999999999999999999999999999""#,
            r#""170141183460469231731687303715884105727""#,
        ],
    )
}

fn number(max: u64) -> BoxedStrategy<Part> {
    let long = (max < u64::MAX && max > 1 << 27).then(|| (max.to_string(), Long));
    let longest = long.unwrap_or((max.min(134_217_727).to_string(), Plain));
    let beyond = (u128::from(max) + 1).to_string();
    prop_oneof![
        16 => (0..10_000_u32).prop_map(|n| (n.to_string(), Plain)),
        4 => Just(longest),
        1 => prop_oneof![
            Just(beyond), Just("01".to_owned()), Just("-1".to_owned()), Just("1.0".to_owned()), Just("\"1\"".to_owned()),
            Just("99999999999999999999".to_owned()), Just("null".to_owned()),
        ].prop_map(|text| (text, Otherwise)),
    ]
    .boxed()
}

/// The fields of a value, and how many of them it owes.
fn fields(f: &str) -> (Vec<(&'static str, BoxedStrategy<Part>)>, usize) {
    let bool = || one_of(&["true", "false"], &["null", "1", r#""true""#, "falsetrue"]);
    let (u16_max, u32_max) = (u64::from(u16::MAX), u64::from(u32::MAX));
    match f {
        "recharge" => {
            let owed = vec![
                ("tx", text()),
                ("account", text()),
                ("amount", minor()),
                ("attempt", number(u32_max)),
            ];
            let more = vec![
                ("k", number(u32_max)),
                ("status", number(u16_max)),
                ("result", text()),
                ("answer_tx", text()),
                ("answer_account", text()),
                ("answer_amount", text()),
                ("good", bool()),
                ("conflict", bool()),
            ];
            (owed.into_iter().chain(more).collect(), 4)
        }
        "balance" => (
            vec![("account", text()), ("status", number(u16_max)), ("balance", text())],
            1,
        ),
        "open-account" => (vec![("account", text())], 1),
        _ => (vec![("tx", text()), ("status", number(u16_max)), ("result", text())], 1),
    }
}

/// A value with its fields in any order; now and then one is missing, or there is one too many.
fn value(f: &'static str) -> BoxedStrategy<Part> {
    let (fields, owed) = fields(f);
    let keys: Vec<&str> = fields.iter().map(|field| field.0).collect();
    let parts: Vec<_> = fields
        .into_iter()
        .map(|field| (field.1, any::<bool>(), 0..40_u8))
        .collect();
    let defect = prop_oneof![20 => Just(0_u8), 1 => 1..8_u8];
    (parts, defect, any::<u64>())
        .prop_map(move |(parts, defect, order)| {
            let mut way = Plain;
            let mut all = Vec::new();
            for (at, ((text, how), wanted, chance)) in parts.into_iter().enumerate() {
                let is_there = if at < owed { chance > 0 } else { wanted };
                if is_there {
                    way = way.max(how);
                    all.push(format!("\"{}\":{text}", keys[at]));
                } else if at < owed {
                    way = Otherwise;
                }
            }
            for at in (1..all.len()).rev() {
                all.swap(at, (order >> (5 * at % 60)) as usize % (at + 1));
            }
            match defect {
                1 => all.extend(all.first().cloned()),
                2 => all.push("\"more\":1".into()),
                _ => {}
            }
            let inner = all.join(",");
            let value = match defect {
                3 => format!("{{,{inner}}}"),
                4 => format!("{{{inner},}}"),
                5 => format!("{{{}}}", inner.replacen(',', "", 1)),
                6 => format!("{{{}}}", inner.replacen(',', ",,", 1)),
                7 => format!("{{{}}}", inner.replace("\":", "\" : ")),
                _ => format!("{{{inner}}}"),
            };
            (value, if defect > 0 { Otherwise } else { way })
        })
        .boxed()
}

/// A read, and its rows.
fn read() -> BoxedStrategy<Part> {
    let at = one_of(
        &[r#""initial""#, r#""before-compensate""#, r#""final""#],
        &[r#""later""#, "1"],
    );
    let maybe = || prop_oneof![1 => Just(("null".to_owned(), Plain)), 3 => text()].boxed();
    let roles: Vec<(&str, Vec<Field>)> = vec![
        (
            "payments",
            vec![
                ("tx", text()),
                ("account", text()),
                ("amount", text()),
                ("result", maybe()),
            ],
        ),
        ("balances", vec![("account", text()), ("balance", maybe())]),
        ("credits", vec![("tx", text())]),
    ];
    let mut reads = Vec::new();
    for (role, fields) in roles {
        let keys: Vec<&str> = fields.iter().map(|field| field.0).collect();
        let parts: Vec<_> = fields.into_iter().map(|field| field.1).collect();
        reads.push(
            (at.clone(), prop::collection::vec(parts, 0..3)).prop_map(move |((at, mut way), rows)| {
                let mut all = Vec::new();
                for row in rows {
                    way = row.iter().fold(way, |way, part| way.max(part.1));
                    let fields = keys.iter().zip(&row).map(|(key, part)| format!("\"{key}\":{}", part.0));
                    all.push(format!("{{{}}}", fields.collect::<Vec<_>>().join(",")));
                }
                (
                    format!(r#"{{"at":{at},"read":"{role}","rows":[{}]}}"#, all.join(",")),
                    way,
                )
            }),
        );
    }
    proptest::strategy::Union::new(reads).boxed()
}

/// A line without its index and time, and whether it is a read.
fn line() -> impl Strategy<Value = (Part, bool)> {
    const FS: [&str; 7] = [
        "recharge",
        "recharge",
        "query-pay",
        "query-account",
        "compensate",
        "balance",
        "open-account",
    ];
    let known = prop::sample::select(&FS[..]).prop_flat_map(|f| value(f).prop_map(move |value| (f, value)));
    let body = prop_oneof![
        8 => known,
        2 => read().prop_map(|value| ("read", value)),
        1 => Just(("remark", (r#"{"tx":"t0"}"#.to_owned(), Plain))),
    ];
    let process = one_of(
        &["7", "0", "4711", r#""wire""#, r#""final""#],
        &["-1", "null", r#""w\n""#],
    );
    let kind = one_of(&[r#""invoke""#, r#""ok""#, r#""fail""#, r#""info""#], &[r#""Ok""#, "1"]);
    let error = prop_oneof![
        16 => Just((String::new(), Plain)),
        4 => Just((r#","error":"timeout""#.to_owned(), Plain)),
        1 => prop::sample::select(&[r#","error":null"#, r#","error":"a\nb""#, r#","key":{"tx":"t1"}"#, ","][..])
            .prop_map(|text| (text.to_owned(), Otherwise)),
    ];
    (
        process,
        kind,
        body,
        error,
        prop::sample::select(&["\n", "\n", "\n", "\r\n"][..]),
    )
        .prop_map(|(process, kind, (f, value), error, end)| {
            let is_read = f == "read";
            let parts = [&process, &kind, &value, &error];
            let mut way = parts.iter().map(|part| part.1).max().unwrap_or(Plain);
            if is_read && (kind.0 != r#""ok""# || !error.0.is_empty() || !process.0.starts_with('"')) {
                way = Otherwise; // only reads that succeeded are known
            }
            let line = format!(
                r#""process":{},"type":{},"f":"{f}","value":{}{}}}{end}"#,
                process.0, kind.0, value.0, error.0
            );
            ((line, way), is_read || f == "remark")
        })
}

/// What was taken, where reads that came as a whole are as those that did not; how many did.
fn by_rows(taken: Vec<Taken>) -> (Vec<Taken>, usize) {
    let (mut out, mut whole) = (Vec::new(), 0);
    for one in taken {
        match one {
            Taken::Event(event) if matches!(event.body, Body::Read(_)) => {
                let before = out.len();
                says(&event, &mut out);
                whole += usize::from(matches!(out[before], Taken::Read(..)));
            }
            one => out.push(one),
        }
    }
    (out, whole)
}

/// What all lines say; None where one is no event.
fn all_say(text: &str, parsed: bool) -> Option<Vec<Taken>> {
    let mut all = Vec::new();
    for line in text.lines() {
        says(&Event::from_line(line).ok()?, &mut all);
    }
    for one in &mut all {
        if let Taken::Seen(.., event) = one {
            event.take_if(|_| !parsed);
        }
    }
    Some(all)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn lines_are_taken_as_they_say(lines in prop::collection::vec(line(), 1..4)) {
        let mut text = String::new();
        let mut way = Plain;
        for (index, ((line, how), is_other)) in lines.iter().enumerate() {
            let line = format!("{{\"index\":{index},\"time\":{index},{line}");
            way = way.max(*how);
            if *how != Otherwise && !is_other {
                let mut shapes = Shapes::default();
                let learned = shapes.learn(line.as_bytes(), line.as_bytes());
                prop_assert!(learned.is_some(), "{line} is not known");
                let more = format!("{line}{line}");
                let known = shapes.known(more.as_bytes(), more.as_bytes());
                prop_assert_eq!(known.map(|(found, behind)| (Some(found), behind)), Some((learned, line.as_bytes())));
            }
            text += &line;
        }
        let file = Scratch::new(&text);
        let binary = file.binary();
        for parses in [false, true] {
            let expected = all_say(&text, parses);
            let mut taken = Recorder::new(parses);
            let driven = drive(&mut file.pieces(), &mut Texts::default(), &mut taken).unwrap();
            prop_assert!(driven.is_ok() || way == Otherwise, "{:?}", driven);
            let (taken, whole) = by_rows(taken.taken);
            prop_assert!(driven.is_err() || whole == 0 || way == Otherwise);
            prop_assert!(driven.is_err() || Some(&taken) == expected.as_ref(), "{:#?}, {:#?}", taken, expected);
            let Some(binary) = &binary else { continue };
            let mut taken = Recorder::new(parses);
            let driven = Driver::new(binary).drive(&mut taken);
            prop_assert!(driven.is_ok() || way != Plain, "{:?}", driven);
            let (taken, whole) = by_rows(taken.taken);
            prop_assert!(driven.is_err() || whole == 0 || way == Otherwise);
            prop_assert!(driven.is_err() || Some(&taken) == expected.as_ref(), "{:#?}, {:#?}", taken, expected);
        }
    }
}

#[test]
fn an_answer_with_the_number_asked_for_is_told_from_another() {
    let found = |tx: &str| {
        let value = format!(r#"{{"tx":"t0","account":"a","amount":"1","attempt":1,"answer_tx":"{tx}"}}"#);
        let line = format!(r#"{{"index":1,"time":1,"process":1,"type":"ok","f":"recharge","value":{value}}}"#) + "\n";
        match Shapes::default().learn(line.as_bytes(), line.as_bytes()) {
            Some(Found::Answer(_, answer, _)) => answer.answer_tx == AnswerTx::Same,
            other => panic!("{other:?}"),
        }
    };
    assert!(found("t0") && !found("t1"));
}

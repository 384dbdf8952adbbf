//! No more is left to the checkers than has to be.

use super::Scratch;
use crate::bulk::binary::Driver;
use crate::bulk::events::{NONE, Sink, Words};
use crate::bulk::jsonl::drive;
use crate::bulk::pass::Pass;
use crate::bulk::select::Select;
use crate::history::Event;
use crate::intern::Texts;

const HEADER: &str = r#""process":"run","type":"info","f":"history","value":{"format":"paytwice-history","version":1,"target":"t","run":"r","stack":"none","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"promise":{"base":10,"scale":2,"late_is_valid":false,"success":["success"],"failed":["fail"]}}"#;

fn event(process: &str, kind: &str, f: &str, value: &str) -> String {
    format!(r#""process":{process},"type":"{kind}","f":"{f}","value":{value}"#)
}

fn rows(at: &str, role: &str, rows: &str) -> String {
    event(
        "\"final\"",
        "ok",
        "read",
        &format!(r#"{{"at":"{at}","read":"{role}","rows":[{rows}]}}"#),
    )
}

fn recharge(kind: &str, tx: &str, account: &str, more: &str) -> String {
    let value = format!(r#"{{"tx":"{tx}","account":"{account}","amount":"1","attempt":1{more}}}"#);
    event("7", kind, "recharge", &value)
}

fn row(tx: &str, account: &str) -> String {
    format!(r#"{{"tx":"{tx}","account":"{account}","amount":"0.01","result":"success"}}"#)
}

fn balances(of: &[(&str, &str)]) -> String {
    let rows: Vec<String> = of
        .iter()
        .map(|(account, balance)| format!(r#"{{"account":"{account}","balance":"{balance}"}}"#))
        .collect();
    rows.join(",")
}

fn query(f: &str, tx: &str) -> [String; 2] {
    let value = format!(r#"{{"tx":"{tx}"}}"#);
    [event("7", "invoke", f, &value), event("7", "ok", f, &value)]
}

/// What is left to the checkers.
#[derive(Debug, PartialEq)]
struct Left {
    unsettled: Vec<String>,
    globals: Vec<u64>,
    selected: Vec<u64>,
}

fn left(events: &[String]) -> Left {
    let mut text = String::new();
    for (index, event) in events.iter().enumerate() {
        text += &format!("{{\"index\":{index},\"time\":{index},{event}}}\n");
    }
    let file = Scratch::new(&text);
    let names = |pass: &Pass, words: &dyn Fn(u32) -> String| {
        let mut names = Vec::new();
        for (id, text) in (0..).zip(&pass.texts) {
            let account = pass.account_of(text);
            if account != NONE && pass.accounts[account as usize].unsettled {
                names.push(words(id));
            }
        }
        names.sort();
        names
    };
    let indices = |events: &[Event]| events.iter().map(|event| event.index).collect();
    let (mut texts, mut pass) = (Texts::default(), Pass::new());
    drive(&mut file.pieces(), &mut texts, &mut pass).unwrap().unwrap();
    let has_unsettled = pass.settle();
    let mut select = Select::new(&pass);
    drive(&mut file.pieces(), &mut texts, &mut select).unwrap().unwrap();
    let from_lines = Left {
        unsettled: names(&pass, &|id| texts.str(id).to_owned()),
        globals: indices(&pass.globals),
        selected: indices(&select.events),
    };
    assert_eq!(has_unsettled, !from_lines.unsettled.is_empty());

    let binary = file.binary().unwrap();
    let mut pass = Pass::new();
    pass.know(binary.text_count() as usize);
    Driver::new(&binary).drive(&mut pass).unwrap();
    pass.settle();
    let mut select = Select::new(&pass);
    Driver::new(&binary).drive(&mut select).unwrap();
    let from_binary = Left {
        unsettled: names(&pass, &|id| Words::text(&binary, id).to_owned()),
        globals: indices(&pass.globals),
        selected: indices(&select.events),
    };
    assert_eq!(from_binary, from_lines);
    from_lines
}

#[test]
fn an_account_that_gained_what_it_should_is_settled() {
    for told in ["t0", "s0"] {
        for before in [true, false] {
            let mut events = vec![
                HEADER.to_owned(),
                rows("initial", "balances", &balances(&[("a", "5.00")])),
                event("8", "invoke", "open-account", r#"{"account":"late"}"#),
                event("8", "ok", "open-account", r#"{"account":"late"}"#),
                recharge("invoke", "t0", "a", ""),
                recharge("ok", "t0", "a", &format!(r#","answer_tx":"{told}","result":"success""#)),
                rows("final", "payments", &row(told, "a")),
                rows("final", "balances", &balances(&[("a", "5.01"), ("late", "0.00")])),
            ];
            if before {
                events.insert(6, rows("before-compensate", "balances", &balances(&[("a", "5.01")])));
            }
            let left = left(&events);
            assert!(left.unsettled.is_empty(), "{told} {before} {left:?}");
            assert_eq!(
                left.globals,
                if before { vec![0, 1, 6, 7, 8] } else { vec![0, 1, 6, 7] }
            );
        }
    }
}

#[test]
fn numbers_that_are_told_twice_leave_their_accounts_to_the_checkers() {
    let told = |first: &str, second: &str, again: &str| {
        let answer = |tx: &str| format!(r#","answer_tx":"{tx}","result":"fail""#);
        let payment = |tx: &str, account: &str, told: &str| {
            [
                recharge("invoke", tx, account, ""),
                recharge("ok", tx, account, &answer(told)),
            ]
        };
        let mut events = vec![HEADER.to_owned(), rows("initial", "balances", "")];
        events.extend(payment("t0", "a", first));
        events.extend(payment("t1", "b", second));
        events.extend(payment("t1", "b", again));
        events.extend(payment("t2", "c", "t2"));
        events.push(rows("final", "payments", ""));
        events.push(rows(
            "final",
            "balances",
            &balances(&[("a", "0.00"), ("b", "0.00"), ("c", "0.00")]),
        ));
        left(&events).unsettled.concat()
    };
    assert_eq!(told("s0", "s1", "s1"), "");
    assert_eq!(told("s0", "s1", "s2"), "b");
    assert_eq!(told("s", "s", "s"), "ab");
    assert_eq!(told("s0", "t0", "t0"), "b");
    assert_eq!(told("t2", "t1", "t1"), "a");
}

#[test]
fn only_what_is_about_unsettled_accounts_is_read_again() {
    let delivery = |tx: &str| {
        let value = format!(
            r#"{{"link":"l","conn":1,"point":"DELIVER x","role":"delivered","keys":{{"tx":["{tx}"]}},"bytes":1}}"#
        );
        event("\"wire\"", "info", "wire", &value)
    };
    let mut events = vec![
        HEADER.to_owned(),
        rows("initial", "balances", &balances(&[("a", "0.00"), ("b", "0.00")])),
    ];
    for (tx, account) in [("t0", "a"), ("t1", "b")] {
        events.push(recharge("invoke", tx, account, ""));
        events.push(delivery(tx));
        events.push(recharge("ok", tx, account, r#","result":"success""#));
    }
    for f in ["query-pay", "compensate", "compensate"] {
        events.extend(query(f, "t0"));
        events.extend(query(f, "t1"));
    }
    events.push(rows("final", "payments", &[row("t0", "a"), row("t1", "b")].join(",")));
    events.push(rows("final", "balances", &balances(&[("a", "0.01"), ("b", "0.00")])));
    let left = left(&events);
    assert_eq!(left.unsettled, ["b"]);
    // The first of the compensations is about no account.
    assert_eq!(left.globals, [0, 1, 12, 20, 21]);
    assert_eq!(left.selected, [0, 1, 5, 6, 7, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21]);
}

//! The bulk way and the whole way come to the same results, in every word.

#[path = "../common/mod.rs"]
mod common;
mod odd;

use std::path::{Path, PathBuf};

use common::{PLANTS, Scenario, jsonl, scenario};
use paytwice_checkers::bulk::{BulkResults, check_path};
use paytwice_checkers::formats::binary::BinaryWriter;
use paytwice_checkers::formats::{Format, Reader};
use paytwice_checkers::history::read;
use paytwice_checkers::judge;
use paytwice_checkers::verdict::Results;
use proptest::prelude::*;

/// A file that is gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Scratch {
        let thread = format!("{:?}", std::thread::current().id());
        let path = std::env::temp_dir().join(format!("paytwice-bulk-{}-{thread}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// None where the last line has no end and is wrong within: the payments' reader takes it for one that is cut off.
fn to_binary(path: &Path) -> Option<Vec<u8>> {
    let mut reader = Reader::open(path, Some(Format::Jsonl)).unwrap();
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    while let Some(op) = reader.next().ok()? {
        writer.push(&op).unwrap();
    }
    Some(writer.finish(reader.cut_off()).unwrap())
}

/// Both ways from both formats, or both errors.
fn agrees(text: &[u8]) -> Result<Option<BulkResults>, TestCaseError> {
    let file = Scratch::new("history.jsonl", text);
    let whole = read(text, &file.0.display().to_string());
    let bulk = check_path(&file.0, Format::Jsonl);
    let (whole, truncated, bulk) = match (whole, bulk) {
        (Ok(whole), Ok(bulk)) => (judge(&whole), whole.truncated, bulk),
        (Err(whole), Err(bulk)) => {
            prop_assert_eq!(whole.to_string(), bulk.to_string());
            return Ok(None);
        }
        (whole, bulk) => {
            return Err(TestCaseError::fail(format!("{:?} but {bulk:?}", whole.map(|_| ()))));
        }
    };
    same(&whole, truncated, &bulk)?;
    let Some(bytes) = to_binary(&file.0) else {
        prop_assert!(bulk.truncated, "only a last line that is cut off may be read otherwise");
        return Ok(Some(bulk));
    };
    let binary = Scratch::new("history.ptw", &bytes);
    let from_binary = check_path(&binary.0, Format::Binary).map_err(|e| TestCaseError::fail(e.to_string()))?;
    same(&whole, truncated, &from_binary)?;
    Ok(Some(bulk))
}

fn same(whole: &Results, truncated: bool, bulk: &BulkResults) -> Result<(), TestCaseError> {
    prop_assert_eq!(&whole.checkers[0], &bulk.exactly_once);
    prop_assert_eq!(&whole.checkers[1], &bulk.balance_convergence);
    prop_assert_eq!(whole.events, bulk.events);
    prop_assert_eq!(truncated, bulk.truncated);
    Ok(())
}

fn cases(default: u32) -> ProptestConfig {
    let set = std::env::var("PAYTWICE_PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(set.unwrap_or(default))
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn valid_runs(scenario in scenario()) {
        let text = jsonl(&scenario.history());
        let bulk = agrees(text.as_bytes())?.expect("it is readable");
        prop_assert_eq!(bulk.slow, None);
        let file = Scratch::new("valid.jsonl", text.as_bytes());
        let binary = Scratch::new("valid.ptw", &to_binary(&file.0).expect("it is whole"));
        prop_assert_eq!(check_path(&binary.0, Format::Binary).unwrap().slow, None);
    }

    #[test]
    fn planted_anomalies(scenario in scenario(), plants in proptest::collection::vec((0..PLANTS.len(), 0..8_usize, 0..2_000_u64), 1..4)) {
        let mut scenario = scenario;
        for (plant, account, start_ms) in plants {
            PLANTS[plant].apply(&mut scenario, account, start_ms);
        }
        let text = jsonl(&scenario.history());
        agrees(text.as_bytes())?;
    }

    #[test]
    fn lines_that_are_gone_or_come_twice(scenario in scenario(), line in any::<prop::sample::Index>(), what in 0..4_u8, renumber: bool) {
        let text = jsonl(&scenario.history());
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = 1 + line.index(lines.len() - 1);
        match what {
            0 => { lines.remove(at); }
            1 => { let twice = lines[at].clone(); lines.insert(at, twice); }
            2 => { lines.truncate(at); }
            _ => { let last = lines.len() - 1; lines.swap(at, last); }
        }
        if renumber {
            number(&mut lines);
        }
        agrees((lines.join("\n") + "\n").as_bytes())?;
    }

    #[test]
    fn lines_written_in_another_way(scenario in scenario(), seed: u64) {
        let text = jsonl(&scenario.history());
        let mut rewritten = String::new();
        for (number, line) in (0..).zip(text.lines()) {
            if seed >> (number % 64) & 1 == 0 {
                rewritten.push_str(line);
            } else {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                // Keys in another order, and spaces: a text never holds a line's end as it stands.
                rewritten.push_str(&serde_json::to_string_pretty(&value).unwrap().replace('\n', " "));
            }
            rewritten.push('\n');
        }
        let (as_written, otherwise) = (agrees(text.as_bytes())?, agrees(rewritten.as_bytes())?);
        prop_assert_eq!(as_written.map(|r| r.exactly_once), otherwise.map(|r| r.exactly_once));
    }

    #[test]
    fn bytes_that_are_wrong(scenario in scenario(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut text = jsonl(&scenario.history()).into_bytes();
        let at = at.index(text.len());
        if cut { text.truncate(at) } else { text[at] = byte }
        agrees(&text)?;
    }
}

#[test]
fn commas_between_rows_are_as_json_has_them() {
    let text = three_payments();
    assert!(text.contains("},{") && text.contains(r#""rows":[{"#));
    assert!(agrees(text.as_bytes()).unwrap().is_some());
    for (right, wrong) in [
        (r#""rows":[{"#, r#""rows":[,{"#),
        ("},{", "},,{"),
        ("},{", "}{"),
        ("}]}}\n", "},]}}\n"),
        ("}]}}\n", "}]}\n"),
        ("}]}}\n", "}]}}}\n"),
    ] {
        let read = agrees(text.replacen(right, wrong, 1).as_bytes()).unwrap();
        assert_eq!(read, None, "{wrong}");
    }
}

fn three_payments() -> String {
    let mut scenario = Scenario::empty();
    let account = scenario.account(0);
    for payment in 0..3 {
        scenario.pay(account, 10 * payment);
    }
    jsonl(&scenario.history())
}

/// Gives each line its index.
fn number(lines: &mut [String]) {
    for (index, line) in lines.iter_mut().enumerate() {
        let (_, rest) = line.split_once(',').expect("more fields");
        *line = format!("{{\"index\":{index},{rest}");
    }
}

/// Three payments, with their lines changed; both ways must agree on them, from both formats.
fn agrees_on(edit: impl FnOnce(&mut Vec<String>)) -> Option<BulkResults> {
    agrees_edited(&three_payments(), edit)
}

fn agrees_edited(text: &str, edit: impl FnOnce(&mut Vec<String>)) -> Option<BulkResults> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    edit(&mut lines);
    number(&mut lines);
    agrees((lines.join("\n") + "\n").as_bytes()).unwrap()
}

/// Puts a line of these fields before the one at a place, at the same time.
fn insert(lines: &mut Vec<String>, at: usize, fields: &str) {
    let time = lines[at].split(',').nth(1).expect("a time").to_owned();
    lines.insert(at, format!("{{\"index\":0,{time},{fields}}}"));
}

fn first_with(lines: &[String], words: &str) -> usize {
    lines
        .iter()
        .position(|line| line.contains(words))
        .unwrap_or_else(|| panic!("no {words} in {lines:#?}"))
}

#[test]
fn a_delivery_counts_unless_it_was_lost() {
    for (did, deliveries) in [
        ("", 3),
        (r#"{"delayed-ms":5}"#, 3),
        (r#"{"duplicated":"frame"}"#, 3),
        (r#""dropped""#, 2),
        (r#"{"delayed-ms":5},"dropped""#, 2),
        (r#""lost""#, 2),
        (r#""copy-answer""#, 2),
    ] {
        let read = agrees_on(|lines| {
            let at = first_with(lines, "DELIVER");
            lines[at] = lines[at].replace("}}", &format!(",\"did\":[{did}]}}}}"));
        });
        assert_eq!(read.expect(did).exactly_once.counts["delivered"], deliveries, "{did}");
    }
}

#[test]
fn a_number_counts_once_in_one_delivery() {
    for more in ["", "T,", "T,T,", "T,\"x\",T,", &"T,".repeat(100)] {
        let read = agrees_on(|lines| {
            let at = first_with(lines, "DELIVER");
            let begin = lines[at].find("\"tx\":[").expect("numbers") + 6;
            let number = lines[at][begin..].split(']').next().expect("a number").to_owned();
            lines[at] = lines[at].replace(&number, &format!("{}{number}", more.replace('T', &number)));
        });
        let counts = read.expect(more).exactly_once.counts;
        assert_eq!((counts["delivered"], counts["redelivered"]), (3, 0), "{more}");
    }
}

#[test]
fn what_is_read_early_is_told_from_what_is_read_at_the_end() {
    let row = |tx: &str| format!("{{\"tx\":\"{tx}\",\"account\":\"a000\",\"amount\":\"1.00\",\"result\":\"success\"}}");
    for rows in [
        String::new(),
        row("earlier"),
        format!("{},{}", row("earlier"), row("other")),
    ] {
        let read = agrees_on(|lines| {
            let at = first_with(lines, "\"at\":\"initial\"");
            let value = format!("{{\"at\":\"initial\",\"read\":\"payments\",\"rows\":[{rows}]}}");
            let read = "\"process\":\"final\",\"type\":\"ok\",\"f\":\"read\"";
            insert(lines, at, &format!("{read},\"value\":{value}"));
        });
        assert!(read.is_some(), "{rows}");
    }
}

#[test]
fn lines_of_every_kind_are_read_as_both_ways_read_them() {
    for (line, readable) in [
        (
            r#""process":5,"type":"invoke","f":"balance","value":{"account":"a000"}"#,
            true,
        ),
        (
            r#""process":5,"type":"ok","f":"balance","value":{"account":"a000","status":200,"balance":"0.00"}"#,
            true,
        ),
        (r#""process":5,"type":"invoke","f":"balance""#, false),
        (r#""process":5,"type":"invoke","f":"balance","value":{}"#, false),
        (
            r#""process":5,"type":"invoke","f":"open-account","value":{"account":"a777"}"#,
            true,
        ),
        (
            r#""process":5,"type":"invoke","f":"open-account","value":{"account":7}"#,
            false,
        ),
        (
            r#""process":"final","type":"info","f":"read","value":{"at":"final","read":"payments","rows":[]},"error":"gone""#,
            true,
        ),
        (
            r#""process":"final","type":"ok","f":"read","value":{"at":"final","read":"payments"}"#,
            false,
        ),
        (
            r#""process":"final","type":"invoke","f":"read","value":{"at":"final","read":"balances","rows":[]}"#,
            true,
        ),
        (
            r#""process":"wire","type":"info","f":"wire","value":{"link":"a->b","conn":1,"point":"COMMIT request","bytes":1}"#,
            true,
        ),
        (
            r#""process":"wire","type":"info","f":"wire","value":{"link":"a->b","conn":1,"bytes":1}"#,
            false,
        ),
        (r#""process":"nobody","type":"info","f":"wire""#, false),
    ] {
        for spaced in [false, true] {
            let line = if spaced {
                line.replace("\":", "\" : ")
            } else {
                line.to_owned()
            };
            let read = agrees_on(|lines| {
                let at = first_with(lines, "DELIVER");
                insert(lines, at, &line);
            });
            assert_eq!(read.is_some(), readable, "{line}");
        }
    }
    let twice = agrees_on(|lines| lines.insert(1, lines[0].clone()));
    let slow = twice.expect("both read it").slow;
    assert_eq!(slow.as_deref(), Some("event 1: a second header"));
}

#[test]
fn most_accounts_need_no_second_look() {
    // One account of many is wrong: only its events are judged one by one, and it is found.
    let mut scenario = Scenario::empty();
    for _ in 0..50 {
        let account = scenario.account(0);
        for payment in 0..5 {
            scenario.pay(account, 10 * payment);
        }
    }
    let planted = PLANTS
        .iter()
        .find(|p| p.name == "double")
        .unwrap()
        .apply(&mut scenario, 7, 100);
    let bulk = agrees(jsonl(&scenario.history()).as_bytes()).unwrap().unwrap();
    assert_eq!(bulk.slow, None);
    assert_eq!(bulk.exactly_once.counts["attempted"], 251);
    assert_eq!(bulk.exactly_once.anomalies.len(), 1);
    assert_eq!(bulk.exactly_once.anomalies[0].subject, planted.subject);
}

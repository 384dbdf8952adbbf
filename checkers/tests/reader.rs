//! The reader of `history.jsonl`: what it gives back, what it forgives, how it complains, and that it never panics.

mod common;

use common::{PLANTS, QUERY_PAY, Scenario, jsonl, scenario};
use paytwice_checkers::history::{Body, History, HistoryBuilder, Kind, Op, ReadError, read, read_path};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn from_bytes(bytes: &[u8]) -> Result<History, ReadError> {
    read(bytes, "history.jsonl")
}

/// Judging whatever could be read never trips over it.
fn judge_anything(bytes: &[u8]) {
    if let Ok(history) = from_bytes(bytes) {
        let results = judge(&history);
        for checker in results.checkers {
            let reason = checker.reason.unwrap_or_default();
            assert!(!reason.contains("panicked"), "{}: {reason}", checker.name);
        }
    }
}

fn small_run() -> Scenario {
    let mut scenario = Scenario::empty();
    scenario.account(0);
    let first = scenario.pay(0, 1);
    scenario.payments[first].queries = vec![(QUERY_PAY, "success")];
    scenario
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn what_was_written_is_read_back(scenario in scenario()) {
        let text = scenario.jsonl();
        let back = from_bytes(text.as_bytes()).expect("it is well formed");
        prop_assert_eq!(jsonl(&back), text);
    }

    /// However much of a valid run is on disk: never invalid, and not valid before its final reads have ended.
    #[test]
    fn a_cut_history_is_readable_and_unknown(scenario in scenario(), cut in any::<proptest::sample::Index>()) {
        let whole = scenario.jsonl().into_bytes();
        let header = whole.iter().position(|b| *b == b'\n').expect("a first line") + 1;
        let cut = header + cut.index(whole.len() - header - 1);
        let history = from_bytes(&whole[..cut]).expect("whole lines are read, a torn one is forgiven");
        prop_assert!(history.is_cut_short() || cut + 1 == whole.len());
        let results = judge(&history);
        let expected = if history.is_cut_short() { Verdict::Unknown } else { Verdict::Valid };
        prop_assert_eq!(results.verdict, expected, "{}", results.sentence);
        prop_assert_eq!(results.truncated, history.is_cut_short());
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        judge_anything(&bytes);
        let mut after_header = small_run().jsonl().into_bytes();
        after_header.extend(bytes);
        judge_anything(&after_header);
    }
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Damage {
    Byte(proptest::sample::Index, u8),
    Cut(proptest::sample::Index, usize),
    Insert(proptest::sample::Index, Vec<u8>),
    SwapLines(proptest::sample::Index, proptest::sample::Index),
    DropLine(proptest::sample::Index),
    Number(proptest::sample::Index, i64),
}

fn damage() -> impl Strategy<Value = Damage> {
    use proptest::sample::Index;
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, len)| Damage::Cut(at, len)),
        (any::<Index>(), proptest::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, b)| Damage::Insert(at, b)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        any::<Index>().prop_map(Damage::DropLine),
        (any::<Index>(), any::<i64>()).prop_map(|(at, n)| Damage::Number(at, n)),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let mut lines: Vec<Vec<u8>> = bytes.lines_of();
    match damage {
        Damage::Byte(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Damage::Cut(at, len) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + len).min(bytes.len()));
        }
        Damage::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::SwapLines(a, b) => {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            *bytes = lines.concat();
        }
        Damage::DropLine(at) => {
            lines.remove(at.index(lines.len()));
            *bytes = lines.concat();
        }
        Damage::Number(at, number) => {
            let digits: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                let at = digits[at.index(digits.len())];
                bytes.splice(at..=at, number.to_string().bytes());
            }
        }
    }
}

trait LinesOf {
    fn lines_of(&self) -> Vec<Vec<u8>>;
}

impl LinesOf for Vec<u8> {
    fn lines_of(&self) -> Vec<Vec<u8>> {
        self.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_damaged_history_never_panics(
        plant in 0..PLANTS.len(),
        damages in proptest::collection::vec(damage(), 1..5),
    ) {
        let mut scenario = small_run();
        PLANTS[plant].apply(&mut scenario, 0, 9);
        let mut bytes = scenario.jsonl().into_bytes();
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        judge_anything(&bytes);
    }
}

fn complaint(text: &str) -> String {
    from_bytes(text.as_bytes()).expect_err("it is malformed").to_string()
}

/// The lines of a small run with one of them replaced.
fn with_line(line: usize, text: &str) -> String {
    let whole = small_run().jsonl();
    let mut lines: Vec<&str> = whole.lines().collect();
    lines[line - 1] = text;
    lines.join("\n") + "\n"
}

#[test]
fn a_malformed_line_is_named_with_what_was_expected_and_found() {
    let cases = [
        (
            r#"{"index":"x","time":1,"process":0,"type":"ok","f":"g"}"#,
            r#"history.jsonl:3:12: expected u64 (invalid type: string "x"), found `"x","time":1,"process":0,"type":"ok","f"...`"#,
        ),
        (
            r#"{"index":2,"time":1,"process":[],"type":"ok","f":"g"}"#,
            "history.jsonl:3:32: expected a process: a number or a name (invalid type: sequence), found `],\"type",
        ),
        (
            r#"{"index":2,"time":1,"process":0,"type":"good","f":"g"}"#,
            "history.jsonl:3:45: expected one of `invoke`, `ok`, `fail`, `info` (unknown variant `good`), found `\"good\",",
        ),
        (
            r#"{"index":2,"time":1,"process":0,"type":"ok","f":"balance","value":{"subject":7}}"#,
            "history.jsonl:3:78: expected a string (invalid type: integer `7`), found `7}}`",
        ),
        (
            r#"{"index":2,"time":1,"process":0,"type":"ok""#,
            "history.jsonl:3:44: expected an event (EOF while parsing an object), found the end of the line after",
        ),
        ("nonsense", "history.jsonl:3:2: expected ident, found `nonsense`"),
    ];
    for (line, message) in cases {
        let said = complaint(&with_line(3, line));
        assert!(said.starts_with(message), "{said}\nshould be\n{message}");
    }
    let mut bytes = with_line(3, "{\"index\":2,").into_bytes();
    let third = bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(1)
        .expect("two lines")
        .0
        + 1;
    bytes[third + 4] = 0xff;
    let said = from_bytes(&bytes).expect_err("it is not UTF-8").to_string();
    assert_eq!(said, "history.jsonl:3:5: expected UTF-8, found byte 0xff");
}

#[test]
fn a_history_begins_with_its_header() {
    assert_eq!(
        complaint(""),
        "history.jsonl:1:1: expected the header (f: \"history\") on the first line, found the end of the file"
    );
    assert_eq!(
        complaint("{\"index\":0,"),
        "history.jsonl:1:1: expected the header (f: \"history\") on the first line, found a line that is cut off"
    );
    let line = r#"{"index":0,"time":0,"process":"run","type":"invoke","f":"phase","value":{"name":"setup"}}"#;
    assert_eq!(
        complaint(&format!("{line}\n")),
        "history.jsonl:1:1: expected the header (f: \"history\") on the first line, found f: \"phase\""
    );
}

#[test]
fn a_later_format_is_refused() {
    let text = small_run().jsonl().replacen("\"version\":1", "\"version\":2", 1);
    assert_eq!(
        complaint(&text),
        "history.jsonl: the history has format version 2; this program reads up to 1: use a newer one"
    );
}

#[test]
fn a_torn_last_line_is_forgiven_and_said() {
    let whole = small_run().jsonl();
    let torn = &whole[..whole.len() - 20];
    let history = from_bytes(torn.as_bytes()).expect("a torn last line is forgiven");
    assert!(history.truncated && history.is_cut_short());
    assert_eq!(history.events.len(), whole.lines().count() - 1);
    let results = judge(&history);
    assert!(results.truncated);
    assert_eq!(
        results.sentence,
        "UNKNOWN: exactly-once: the history is cut short: its final reads did not end"
    );
    let unended = whole.trim_end();
    assert!(!from_bytes(unended.as_bytes()).expect("whole").is_cut_short());
}

#[test]
fn a_file_is_read_by_its_path() {
    let missing = read_path("no/such/history.jsonl")
        .expect_err("there is no such file")
        .to_string();
    assert!(missing.starts_with("no/such/history.jsonl: "), "{missing}");
}

#[test]
fn what_is_not_known_survives_a_round_trip() {
    for line in [
        r#"{"index":1,"time":5,"process":"monitor","type":"info","f":"txn","value":[["append",1,2]],"error":"x"}"#,
        r#"{"index":1,"time":5,"process":3,"type":"ok","f":"ship","value":{"subject":"o1","args":{"sku":"s1"}}}"#,
    ] {
        let text = small_run().jsonl();
        let header = text.lines().next().expect("a header");
        let history = from_bytes(format!("{header}\n{line}\n").as_bytes()).expect("it is well formed");
        assert_eq!(jsonl(&history).lines().nth(1), Some(line));
    }
}

#[test]
fn what_a_client_does_is_an_operation_with_a_subject() {
    let line = r#"{"index":2,"time":1,"process":0,"type":"ok","f":"ship","value":7}"#;
    let said = complaint(&with_line(3, line));
    assert!(
        said.starts_with("history.jsonl:3:64: expected struct Op (invalid type: integer `7`)"),
        "{said}"
    );
}

#[test]
fn a_line_that_ends_too_early_shows_its_end() {
    for (line, shown) in [
        (
            r#"{"index":0,"time":0,"process":"run","type":"info","f":"phase","value":{"name":"settle""#,
            "after `lue\":{\"name\":\"settle\"`",
        ),
        ("{\"index\":0", "after `{\"index\":0`"),
    ] {
        let error = read(format!("{line}\n").as_bytes(), "h.jsonl").unwrap_err().to_string();
        assert!(error.contains("found the end of the line after "), "{error}");
        assert!(error.contains(shown), "{error}");
    }
}

#[test]
fn what_stands_in_the_middle_of_a_long_word_is_shown_from_a_whole_character() {
    for shift in ["", "x", "xx"] {
        let word = format!("{shift}{}\\\u{20ac}{}", "\u{e9}".repeat(60), "\u{e9}".repeat(60));
        let line = format!("{{\"index\":0,\"time\":0,\"process\":\"{word}\"}}\n");
        let error = read(line.as_bytes(), "h.jsonl").unwrap_err().to_string();
        assert!(error.contains("found `\u{20ac}"), "{error}");
    }
}

#[test]
fn a_line_says_only_what_is_not_so_anyway() {
    let mut scenario = small_run();
    let plain = scenario.jsonl();
    for word in ["\"attempt\"", "\"changed\"", "\"repair\":true", "\"did\"", "\"error\""] {
        assert!(!plain.contains(word), "{word}: {plain}");
    }
    let again = scenario.payments[0].tries[0].clone();
    scenario.payments[0].tries.push(again);
    scenario.payments[0].repair = Some("success");
    scenario.payments[0].conflict = Some(common::Conflict::amount(300, Kind::Fail));
    let told = scenario.jsonl();
    assert_eq!(told.matches("\"attempt\":2").count(), 2, "{told}");
    assert_eq!(told.matches("\"changed\":[\"amount\"]").count(), 2, "{told}");
    assert_eq!(told.matches("\"repair\":true").count(), 2, "{told}");
}

#[test]
fn events_are_numbered_as_they_are_added() {
    let mut builder = HistoryBuilder::new(small_run().header());
    let op = Body::Op(Op::default());
    assert!(op.is_op());
    let first = builder.client(7, Kind::Invoke, op.clone());
    let second = builder.client(7, Kind::Ok, op);
    let third = builder.phase("settle", Kind::Invoke);
    assert_eq!((second, third), (first + 1, first + 2));
    let history = builder.build();
    assert_eq!(history.events[usize::try_from(second).unwrap()].index, second);
    assert!(!history.events.last().unwrap().body.is_op());
}

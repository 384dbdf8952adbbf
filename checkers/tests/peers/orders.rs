//! Sessions without times: no verdict rests on the order of the lines, and none claims an order that is not known.

use paytwice_checkers::check::{Request, check_file};
use paytwice_checkers::formats::Format;
use paytwice_checkers::isolation::Model;
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;
use proptest::prelude::*;
use tempfile::TempDir;

use super::write;

/// A transaction: whether each of its operations is a write, its key, and of a read what it found.
type Txn = Vec<(bool, u8, u8)>;

/// The operations of a transaction: f, key and value.
type Ops = Vec<(char, u8, u8)>;

/// Sessions of transactions. Values that are read may be those of any write, or 0.
fn sessions(per_session: usize) -> impl Strategy<Value = Vec<Vec<Txn>>> {
    let op = (any::<bool>(), 0..2_u8, 0..6_u8);
    let txn = prop::collection::vec(op, 1..4);
    prop::collection::vec(prop::collection::vec(txn, 1..=per_session), 2..4)
}

/// The operations of each transaction as `f key value`, with values that are written once.
fn operations(sessions: &[Vec<Txn>]) -> Vec<Vec<Ops>> {
    let mut written = 0;
    let mut op = |(write, key, read): &(bool, u8, u8)| {
        written += u8::from(*write);
        if *write {
            ('w', *key, written)
        } else {
            ('r', *key, *read)
        }
    };
    let mut txn = |txn: &Txn| txn.iter().map(&mut op).collect();
    sessions
        .iter()
        .map(|session| session.iter().map(&mut txn).collect())
        .collect()
}

/// Verdicts by every model.
fn verdicts(text: &str, format: Format) -> Vec<(Model, Verdict)> {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "history", text);
    let verdict = |model: Model| {
        let request = Request {
            path: path.clone(),
            format: Some(format),
            as_: "rw-register".to_owned(),
            options: Options::parse(&format!("model={model},closed=true")).unwrap(),
        };
        check_file(&request).unwrap().verdict()
    };
    Model::all().map(|model| (model, verdict(model))).collect()
}

/// The lines of sessions, each next one of a session that `turns` tells.
fn plume(sessions: &[Vec<Ops>], turns: &[usize]) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (session, txns) in sessions.iter().enumerate() {
        let line = |(nth, txn): (usize, &Ops)| {
            let op =
                |(f, key, value): &(char, u8, u8)| format!("{f}({key},{value},{session},{})\n", 100 * session + nth);
            txn.iter().map(op).collect::<Vec<String>>()
        };
        lines.push(txns.iter().enumerate().flat_map(line).rev().collect());
    }
    let mut text = String::new();
    for turn in turns.iter().copied().chain(0..) {
        lines.retain(|session| !session.is_empty());
        if lines.is_empty() {
            return text;
        }
        let session = turn % lines.len();
        text.extend(lines[session].pop());
    }
    text
}

/// Whether a model needs real time.
fn timed(model: Model) -> bool {
    model == Model::StrictSerializable || model.name().starts_with("strong-") && !model.name().contains("session")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_lines_of_different_sessions_changes_nothing(
        sessions in sessions(3),
        turns in prop::collection::vec(0..6_usize, 0..40),
    ) {
        let sessions = operations(&sessions);
        let one_by_one = verdicts(&plume(&sessions, &[0; 100]), Format::Plume);
        prop_assert_eq!(&one_by_one, &verdicts(&plume(&sessions, &turns), Format::Plume));
        for (model, verdict) in one_by_one {
            prop_assert!(!timed(model) || verdict != Verdict::Valid, "{}", model);
        }
    }

    /// Transactions of sessions of their own are as those that all ran at once.
    #[test]
    fn sessions_of_one_transaction_are_all_at_once(sessions in sessions(1)) {
        let sessions = operations(&sessions);
        let untimed = verdicts(&plume(&sessions, &[]), Format::Plume);
        let mops = |txn: &Ops| {
            let mop = |(f, key, value): &(char, u8, u8)| match value {
                0 => format!("[:{f} {key} nil]"),
                _ => format!("[:{f} {key} {value}]"),
            };
            txn.iter().map(mop).collect::<Vec<String>>().join(" ")
        };
        let mut lines: Vec<String> = Vec::new();
        for kind in ["invoke", "ok"] {
            let line = |(process, session): (usize, &Vec<Ops>)| {
                format!("{{:process {process}, :type :{kind}, :f :txn, :value [{}]}}", mops(&session[0]))
            };
            lines.extend(sessions.iter().enumerate().map(line));
        }
        for ((model, at_once), (_, verdict)) in verdicts(&lines.join("\n"), Format::JepsenEdn).into_iter().zip(untimed) {
            let expected = match at_once {
                Verdict::Valid if timed(model) => Verdict::Unknown,
                other => other,
            };
            prop_assert_eq!(verdict, expected, "{}", model);
        }
    }
}

//! Histories in the formats of other checkers of isolation: how they are read, told apart and complained about, and that
//! nothing is made of the order of their lines.

#[path = "../formats_support/blocks.rs"]
mod blocks;
mod jepsen;
mod orders;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use paytwice_checkers::check::{Checked, Request, check_file};
use paytwice_checkers::formats::{CutOff, Format, Reader, convert};
use paytwice_checkers::ops::write_op_edn;
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;
use tempfile::TempDir;

/// The operations as EDN, each without its index, or the error.
fn read(bytes: impl Into<Vec<u8>>, format: Format) -> Result<Vec<String>, String> {
    let mut reader = Reader::new(Cursor::new(bytes.into()), "h", format).map_err(|e| e.to_string())?;
    edn(&mut reader)
}

fn edn(reader: &mut Reader) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    while let Some(op) = reader.next().map_err(|e| e.to_string())? {
        let mut line = String::new();
        write_op_edn(&op, &mut line);
        lines.push(
            line.split_once(", ")
                .expect("fields behind the index")
                .1
                .replace("}", ""),
        );
    }
    Ok(lines)
}

/// One transaction as it is read.
fn txn(session: u32, kind: &str, value: &str) -> String {
    format!(":process {session}, :type :{kind}, :f :txn, :value {value}")
}

fn request(path: &Path, model: &str) -> Request {
    Request {
        path: path.to_owned(),
        format: None,
        as_: "rw-register".to_owned(),
        options: Options::parse(&format!("model={model}")).unwrap(),
    }
}

fn write(dir: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn checked(bytes: impl AsRef<[u8]>, model: &str) -> Checked {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "history", bytes);
    check_file(&request(&path, model)).unwrap()
}

fn verdict(bytes: impl AsRef<[u8]>, model: &str) -> Verdict {
    checked(bytes, model).verdict()
}

/// Of dbcop's first version: whether it is a write, its variable, its value, and whether it succeeded.
type Event = (bool, u64, u64, bool);

/// A file of dbcop's first version: per session its transactions, each with its events and whether it succeeded.
fn bincode(sessions: &[&[(&[Event], bool)]]) -> Vec<u8> {
    let mut bytes: Vec<u8> = [0_u64, 2, 2, 2, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
    for text in ["generated", "2019-01-01T00:00:00+00:00", "2019-01-01T00:00:01+00:00"] {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend((sessions.len() as u64).to_le_bytes());
    for session in sessions {
        bytes.extend((session.len() as u64).to_le_bytes());
        for (events, success) in *session {
            bytes.extend((events.len() as u64).to_le_bytes());
            for (write, variable, value, success) in *events {
                bytes.push(u8::from(*write));
                bytes.extend(variable.to_le_bytes());
                bytes.extend(value.to_le_bytes());
                bytes.push(u8::from(*success));
            }
            bytes.push(u8::from(*success));
        }
    }
    bytes
}

/// Records of Cobra's: a letter and its numbers.
fn cobra(records: &[(u8, &[i64])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (letter, numbers) in records {
        bytes.push(*letter);
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    }
    bytes
}

#[test]
fn plume_is_an_operation_a_line() {
    let text = "w(1,5,0,0)\r\nr(2,0,7,3)\n\nw(2,18446744073709551615,0,0)\nw(1,9,7,-1)\nr(1,7,7,-1)\nr(1,5,7,3)\nr(3,0,0,8)\nw(3,0,7,9)";
    let read = read(text, Format::Plume).unwrap();
    assert_eq!(
        read,
        [
            txn(0, "ok", "[[:w 1 5] [:w 2 18446744073709551615]]"),
            txn(7, "ok", "[[:r 2 nil] [:r 1 5]]"),
            txn(7, "fail", "[[:w 1 9]]"),
            txn(7, "fail", "[[:r 1 7]]"),
            txn(0, "ok", "[[:r 3 0]]"),
            txn(7, "ok", "[[:w 3 0]]"),
        ]
    );
}

#[test]
fn awdit_has_rules_between_transactions_and_sessions() {
    let text = "w 0 0\nw 1 0\n=====\n-----\n w  0\t1 \n-----\nr 0 1\nr 1 0\n=\nr 0 0";
    let read = read(text, Format::Awdit).unwrap();
    assert_eq!(
        read,
        [
            txn(0, "ok", "[[:w 0 0] [:w 1 0]]"),
            txn(1, "ok", "[[:w 0 1]]"),
            txn(1, "ok", "[[:r 0 1] [:r 1 0]]"),
            txn(2, "ok", "[[:r 0 0]]"),
        ]
    );
}

#[test]
fn dbcop_says_the_same_in_three_ways() {
    let expected = [
        txn(0, "ok", "[[:w \"x\" 1] [:r \"y\" nil]]"),
        txn(0, "fail", "[[:w \"y\" 2]]"),
        txn(1, "ok", "[[:r \"x\" 1] [:r \"z\" nil]]"),
    ];
    let text = "// first\n[x:=1 y==?]\n\n [y:=2]! \n---\n// second\n[x==1 z==0]\n";
    assert_eq!(read(text, Format::DbcopText).unwrap(), expected);
    let long = r#"[[{"events":[{"Write":{"variable":"x","version":1}},{"Read":{"variable":"y","version":null}}],"committed":true},
        {"committed":false,"events":[{"Write":{"variable":"y","version":2}}]}],
        [{"events":[{"Read":{"variable":"x","version":1}},{"Read":{"variable":"z","version":0}}],"committed":true}]]"#;
    let short = r#"[[{"events":[["w","x",1],["r","y",null]],"committed":true},{"events":[["w","y",2]],"committed":false}],
        [{"events":[["r","x",1],["r","z",0]],"committed":true}]]"#;
    let wrapped =
        format!("{{ \"params\": {{\"id\": 0}}, \"info\": \"generated\", \"data\": {long}, \"end\": \"x\" }}\n");
    for json in [long, short, &wrapped] {
        assert_eq!(read(json, Format::DbcopJson).unwrap(), expected, "{json}");
    }
}

#[test]
fn dbcops_first_version_says_what_succeeded() {
    let expected = [
        txn(0, "ok", "[[:w 0 1] [:r 1 nil]]"),
        txn(0, "fail", "[[:w 1 2]]"),
        txn(1, "fail", "[[:w 1 3]]"),
        txn(1, "ok", "[[:r 0 1]]"),
    ];
    let first = [
        (true, 0, 1, true),
        (false, 1, 0, true),
        (true, 1, 2, false),
        (false, 0, 9, false),
    ];
    let history = bincode(&[
        &[(&first, true)],
        &[(&[(true, 1, 3, true)], false), (&[(false, 0, 1, true)], true)],
    ]);
    assert_eq!(read(history, Format::DbcopBincode).unwrap(), expected);
    let event = |(write, variable, value, success): Event| {
        format!(r#"{{"write":{write},"variable":{variable},"value":{value},"success":{success}}}"#)
    };
    let json = format!(
        r#"{{"params":{{}},"data":[[{{"events":[{}],"success":true}}],[{{"events":[{}],"success":false}},{{"events":[{}],"success":true}}]]}}"#,
        first.map(event).join(","),
        event((true, 1, 3, true)),
        event((false, 0, 1, true)),
    );
    assert_eq!(read(json, Format::DbcopJson).unwrap(), expected);
}

const INITIAL: i64 = 0xbebe_ebee;
const NULL: i64 = 0xdead_beef;

#[test]
fn cobra_logs_are_the_sessions_of_a_directory() {
    let dir = TempDir::new().unwrap();
    write(
        &dir,
        "T1.log",
        cobra(&[
            (b'S', &[11]),
            (b'W', &[100, -5, 77]),
            (b'R', &[INITIAL, INITIAL, 6, 0]),
            (b'R', &[INITIAL, 0x2333_2333, 7, 0]),
            (b'C', &[11]),
            (b'S', &[12]),
            (b'W', &[101, 6, 78]),
        ]),
    );
    write(
        &dir,
        "T2.log",
        cobra(&[
            (b'S', &[21]),
            (b'R', &[11, 100, -5, 77]),
            (b'R', &[NULL, NULL, 6, 0]),
            (b'C', &[21]),
        ]),
    );
    write(&dir, "client.txt", "no log");
    let mut reader = Reader::open(dir.path(), None).unwrap();
    assert_eq!((reader.format(), reader.cut_off()), (Format::Cobra, None));
    assert_eq!(
        edn(&mut reader).unwrap(),
        [
            txn(0, "ok", "[[:w -5 100] [:r 6 nil]]"),
            txn(0, "info", "[[:w 6 101]]"),
            txn(1, "ok", "[[:r -5 100] [:r 6 nil]]"),
        ]
    );
    let mut torn = std::fs::read(dir.path().join("T2.log")).unwrap();
    torn.truncate(torn.len() - 3);
    write(&dir, "T2.log", torn);
    let mut reader = Reader::open(dir.path(), Some(Format::Cobra)).unwrap();
    let read = edn(&mut reader).unwrap();
    assert_eq!(read[2], txn(1, "info", "[[:r -5 100] [:r 6 nil]]"));
    assert_eq!(reader.cut_off(), Some(CutOff { line: 3, bytes: 6 }));
    write(&dir, "jepsen.log", "2026-01-01 INFO jepsen.core: Running");
    let error = Reader::open(dir.path(), None).unwrap_err().to_string();
    assert!(error.contains("holds no history.edn"), "{error}");
    let empty = TempDir::new().unwrap();
    let error = Reader::open(empty.path(), Some(Format::Cobra)).unwrap_err().to_string();
    assert!(error.contains("holds no file *.log"), "{error}");
}

#[test]
fn jepsens_history_txt_has_the_error_behind_the_value() {
    let text = "0\t:invoke\t:txn\t[[:append 5 1] [:r \"a\\tb\" nil]]\n:nemesis\t:info\t:start-partition\t{:n1 #{\"n2\"}}\n0\t:info\t:txn\t[[:append 5 1] [:r \"a\\tb\" nil]]\t[:timeout \"n\\1\" it is]\n12\t:invoke\t:read\tnil\n12\t:fail\t:read\t:timed-out\n3\t:invoke\tnil\t[2 nil]\n";
    let read = read(text, Format::JepsenTxt).unwrap();
    assert_eq!(
        read,
        [
            ":process 0, :type :invoke, :f :txn, :value [[:append 5 1] [:r \"a\\tb\" nil]]",
            ":process :nemesis, :type :info, :f :start-partition, :value {:n1 #{\"n2\"",
            ":process 0, :type :info, :f :txn, :value [[:append 5 1] [:r \"a\\tb\" nil]], :error \"[:timeout \\\"n\\\\1\\\" it is]\"",
            ":process 12, :type :invoke, :f :read, :value nil",
            ":process 12, :type :fail, :f :read, :value nil, :error :timed-out",
            ":process 3, :type :invoke, :value [2 nil]",
        ]
    );
}

#[test]
fn a_store_without_history_edn_is_its_history_txt() {
    let dir = TempDir::new().unwrap();
    write(&dir, "jepsen.log", "2026-01-01 INFO jepsen.core: Running");
    write(&dir, "history.txt", "0\t:invoke\t:read\tnil\n0\t:ok\t:read\t3\n");
    for format in [None, Some(Format::JepsenStore), Some(Format::JepsenTxt)] {
        let mut reader = Reader::open(dir.path(), format).unwrap();
        assert_eq!(reader.format(), Format::JepsenTxt);
        assert_eq!(edn(&mut reader).unwrap().len(), 2);
    }
    write(&dir, "history.edn", "{:process 0, :type :invoke, :f :read}\n");
    let reader = Reader::open(dir.path(), Some(Format::JepsenStore)).unwrap();
    assert_eq!(reader.format(), Format::JepsenEdn);
}

#[test]
fn formats_are_told_by_what_stands_in_the_file() {
    let dir = TempDir::new().unwrap();
    let history = bincode(&[&[(&[(true, 0, 1, true)], true)]]);
    for (name, bytes, format) in [
        ("galera.txt", &b"r(0,0,1,1)\nw(0,1,1,1)\n"[..], Format::Plume),
        ("a", b"w(12,1,0,-1)", Format::Plume),
        ("test.txt", b"w 0 0\n=====\nr 0 0\n", Format::Awdit),
        ("b", b"=====\nr 0 0\n", Format::Awdit),
        ("c.hist", b"// a comment\n\n---\n[x:=1]", Format::DbcopText),
        ("d", b"[abc==? y:=2]!\n", Format::DbcopText),
        ("e.json", b"{\n  \"params\": {}, \"data\": []}", Format::DbcopJson),
        (
            "f.json",
            b"[\n [ {\"events\": [], \"committed\": true} ] ]",
            Format::DbcopJson,
        ),
        ("g", b"[[]]", Format::DbcopJson),
        ("h.json", b"[{\"type\": \"ok\"}]", Format::JepsenJson),
        ("i.json", b"{\"type\": \"ok\"}", Format::JepsenJson),
        ("history.txt", b"0\t:invoke\t:read\tnil\n", Format::JepsenTxt),
        ("j", b":nemesis :info :start nil\n", Format::JepsenTxt),
        ("history.bincode", &history, Format::DbcopBincode),
    ] {
        let path = write(&dir, name, bytes);
        assert_eq!(Reader::open(&path, None).unwrap().format(), format, "{name}");
    }
    assert_eq!("polysi".parse::<Format>().unwrap(), Format::Plume);
    let only = TempDir::new().unwrap();
    write(&only, "history.bincode", &history);
    let reader = Reader::open(only.path(), None).unwrap();
    assert_eq!(reader.format(), Format::DbcopBincode);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, format, message) in [
        (
            "w(1,2,0,0)\nx(1,2,0,0)\n",
            Format::Plume,
            "h:2:1: expected r(key,value,session,transaction) or w(...), found `x(1,2,0,0)`",
        ),
        (
            "r(1,-2,0,0)\n",
            Format::Plume,
            "h:1:5: expected a value, from 0 up, found `-2,0,0)`",
        ),
        (
            "r(1,2,0,-3)\n",
            Format::Plume,
            "h:1:9: expected a transaction, from 0 up, or -1 for an aborted one, found `-3)`",
        ),
        (
            "r(1,2,0,0) w(1,3,0,0)\n",
            Format::Plume,
            "h:1:12: expected the end of the line, found `w(1,3,0,0)`",
        ),
        (
            "r(1,99999999999999999999,0,0)\n",
            Format::Plume,
            "h:1:5: expected a number below 2^64, found `99999999999999999999,0,0)`",
        ),
        (
            "r(1,2,0,0)\nw(1,3,4,0)\n",
            Format::Plume,
            "h:2:1: expected a transaction of one session: this one has operations in another, found `w(1,3,4,0)`",
        ),
        (
            "w 0 0\n\nr 0 x\n",
            Format::Awdit,
            "h:3:5: expected a blank and a value, from 0 up, found `x`",
        ),
        (
            "w 0\nr 0 0\n",
            Format::Awdit,
            "h:1:4: expected a blank and a value, from 0 up, found the end of the line",
        ),
        (
            "append 0 1\n",
            Format::Awdit,
            "h:1:1: expected r key value, w key value, or a line of - or =, found `append 0 1`",
        ),
        (
            "[x:=1]\n[y=2]\n",
            Format::DbcopText,
            "h:2:3: expected := or ==, found `=2]`",
        ),
        (
            "[x:=1y==2]\n",
            Format::DbcopText,
            "h:1:6: expected a blank or ], found `y==2]`",
        ),
        (
            "[]\n",
            Format::DbcopText,
            "h:1:2: expected x:=1, x==1 or x==?, found `]`",
        ),
        (
            "x:=1\n",
            Format::DbcopText,
            "h:1:1: expected a transaction [x:=1 y==2], // and a comment, or a line of -, found `x:=1`",
        ),
        (
            "[[\n{\"events\":[[\"w\",0,null]],\"committed\":true}]]",
            Format::DbcopJson,
            "h:2:1: expected events like {\"Write\": {\"variable\": 0, \"version\": 1}} or [\"w\", 0, 1], found `{\"events\":[[\"w\",0,null]],\"committed\":tru...`",
        ),
        (
            "[[\n {\"events\":[]}]]",
            Format::DbcopJson,
            "h:2:2: expected a transaction {\"events\": [...], \"committed\": true}, found `{\"events\":[]}]]`",
        ),
        (
            "[[\n {\"events\":[,",
            Format::DbcopJson,
            "h:2:13: expected a value or ], found `,`",
        ),
        (
            "[[]",
            Format::DbcopJson,
            "h:1:4: expected a comma or ] behind a session, found the end of the line",
        ),
        (
            "[[\n{\"events\":[",
            Format::DbcopJson,
            "h:2:12: expected the rest of the history, found the end of the line",
        ),
        (
            "{\"params\":{}}",
            Format::DbcopJson,
            "h:1:1: expected a list of sessions, or an object with one as data, found `{\"params\":{}}`",
        ),
        (
            "[[]]\n]",
            Format::DbcopJson,
            "h:2:1: expected the end of the file behind the sessions, found `]`",
        ),
        (
            "0\t:invoke\t:read\tnil\n0\t:began\t:read\tnil\n",
            Format::JepsenTxt,
            "h:2:3: expected :invoke, :ok, :fail or :info, found `:began\t:read\tnil`",
        ),
        (
            "0\t:ok\t:read\t[1 2\n",
            Format::JepsenTxt,
            "h:1:17: expected the rest of the value, found the end of the line",
        ),
    ] {
        assert_eq!(read(text, format), Err(message.to_owned()), "{text}");
    }
    let whole = bincode(&[&[(&[(true, 0, 1, true)], true)]]);
    let start = cobra(&[(b'S', &[1])]);
    for (bytes, format, message) in [
        (
            whole[..whole.len() - 1].to_vec(),
            Format::DbcopBincode,
            "expected whether the transaction succeeded, found the end of the file",
        ),
        (
            whole[..30].to_vec(),
            Format::DbcopBincode,
            "h: byte 24: expected the history's sizes, found the end of the file",
        ),
        (
            [&whole[..], &[0]].concat(),
            Format::DbcopBincode,
            "expected the end of the file behind the last session, found 1 bytes more",
        ),
        (
            [&whole[..whole.len() - 1], &[2]].concat(),
            Format::DbcopBincode,
            "expected 0 or 1: whether the transaction succeeded, found 2",
        ),
        (
            [&start[..], b"X"].concat(),
            Format::Cobra,
            "h: byte 9: expected a record S, C, W or R, found byte 0x58",
        ),
        (
            [&start[..], &start[..]].concat(),
            Format::Cobra,
            "h: byte 9: expected the commit of transaction 0x1, found the start of 0x1",
        ),
        (
            cobra(&[(b'W', &[1, 2, 3])]),
            Format::Cobra,
            "h: byte 0: expected the start of a transaction, found a read or a write",
        ),
        (
            cobra(&[(b'S', &[1]), (b'C', &[2])]),
            Format::Cobra,
            "h: byte 9: expected a record of the transaction that began last, found the commit of 0x2",
        ),
    ] {
        let error = read(bytes, format).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_last_line_that_is_cut_off_is_left_out_and_said() {
    for (text, format, line, txns) in [
        ("w(1,2,0,0)\nw(1,3,0", Format::Plume, 2, 1),
        ("w(1,2,0,0)\nr", Format::Plume, 2, 1),
        ("w 0 1\nr 0", Format::Awdit, 2, 1),
        ("[x:=1]\n[y:=1] [x==1 y=", Format::DbcopText, 2, 2),
        ("0\t:invoke\t:read\tnil\n0\t:ok\t:re", Format::JepsenTxt, 2, 1),
    ] {
        let mut reader = Reader::new(Cursor::new(text), "h", format).unwrap();
        assert_eq!(edn(&mut reader).unwrap().len(), txns, "{text}");
        assert_eq!(reader.cut_off().map(|cut| cut.line), Some(line), "{text}");
    }
    let whole = "w(1,2,0,0)\nr(1,2,1,1)";
    let mut reader = Reader::new(Cursor::new(whole), "h", Format::Plume).unwrap();
    assert_eq!((edn(&mut reader).unwrap().len(), reader.cut_off()), (2, None));
    assert!(read("hello", Format::Plume).is_err());
}

#[test]
fn lines_of_different_sessions_tell_no_order_and_those_of_one_do() {
    let stale = "w(0,1,0,0)\nr(0,0,1,1)\n";
    for (text, model, expected) in [
        (stale, "serializable", Verdict::Valid),
        (stale, "strong-session-serializable", Verdict::Valid),
        (stale, "strict-serializable", Verdict::Unknown),
        (stale, "strong-snapshot-isolation", Verdict::Unknown),
        ("w(0,1,0,0)\nr(0,0,0,1)\n", "serializable", Verdict::Valid),
        (
            "w(0,1,0,0)\nr(0,0,0,1)\n",
            "strong-session-serializable",
            Verdict::Invalid,
        ),
        ("w(0,1,0,0)\nr(0,0,0,1)\n", "strict-serializable", Verdict::Invalid),
        (
            "r(0,0,0,0)\nr(1,0,0,0)\nw(0,1,0,0)\nr(0,0,1,1)\nr(1,0,1,1)\nw(1,1,1,1)\n",
            "serializable",
            Verdict::Invalid,
        ),
    ] {
        assert_eq!(verdict(text, model), expected, "{model}: {text}");
    }
    let said = checked(stale, "strict-serializable").results[0].reason.clone().unwrap();
    assert!(
        said.contains("not decided: strict-serializable, as no invocation is on record"),
        "{said}"
    );
}

#[test]
fn what_the_peers_call_inconsistent_is_invalid() {
    for (text, model) in [
        // dbcop: a lost update, from a version 0 that nothing wrote.
        ("[x==0 x:=1]\n---\n[x==0 x:=2]\n", "snapshot-isolation"),
        // AWDIT: a lost update.
        ("w 0 0\n=====\nr 0 0\nw 0 1\n=====\nr 0 0\nw 0 2", "snapshot-isolation"),
        // Plume: a read of an aborted write, and one of a value that nothing wrote.
        ("w(0,1,0,-1)\nr(0,1,1,1)\n", "read-committed"),
        ("w(0,1,0,0)\nr(0,2,1,1)\n", "read-committed"),
        ("[x:=1]!\n---\n[x==1]\n", "read-committed"),
        (
            "[[{\"events\":[[\"w\",0,1],[\"w\",0,2]],\"committed\":true}],[{\"events\":[[\"r\",0,1]],\"committed\":true}]]",
            "read-committed",
        ),
    ] {
        assert_eq!(verdict(text, model), Verdict::Invalid, "{text}");
    }
}

/// AWDIT's own small histories, each with how many of its levels it satisfies. Its levels hold the order of sessions.
#[test]
fn what_awdit_calls_consistent_is_valid_and_the_rest_invalid() {
    let levels = ["strong-session-read-committed", "strong-session-read-atomic", "causal"];
    for (text, satisfied) in [
        ("r 1 1\n-----\nw 0 0\n=====\nr 0 0\n-----\nw 1 1", 0),
        (
            "w 0 1\nw 1 1\n=====\nw 0 2\nw 1 2\n=====\nw 2 2\n=====\nr 0 1\nr 1 2\nr 2 2",
            1,
        ),
        ("w 0 0\n=====\nw 0 1\n=====\nr 0 0\nr 0 1", 1),
        ("w 0 1\n-----\nw 0 2\n=====\nr 0 2\nw 1 1\n=====\nr 0 1\nr 1 1", 2),
        (
            "w 0 0\nw 1 0\n=====\nw 0 1\n-----\nr 0 1\nr 1 0\n=====\nw 1 1\n-----\nr 1 1\nr 0 0",
            3,
        ),
        ("w 0 0\nw 1 1\n=====\nw 0 2\n=====\nr 0 2\n-----\nr 1 1", 3),
    ] {
        assert_eq!(verdict(text, levels[0]) == Verdict::Invalid, satisfied == 0, "{text}");
        for level in &levels[..satisfied] {
            assert_eq!(verdict(text, level), Verdict::Valid, "{level}: {text}");
        }
        for level in &levels[satisfied..] {
            assert_eq!(verdict(text, level), Verdict::Invalid, "{level}: {text}");
        }
    }
}

#[test]
fn a_log_of_cobra_may_lack_the_writer_of_what_was_read() {
    let dir = TempDir::new().unwrap();
    write(
        &dir,
        "T1.log",
        cobra(&[(b'S', &[1]), (b'R', &[9, 99, 5, 0]), (b'C', &[1])]),
    );
    let checked = check_file(&request(dir.path(), "serializable")).unwrap();
    assert_ne!(checked.verdict(), Verdict::Invalid);
}

#[test]
fn converted_they_are_completions_only() {
    let text = "w(0,1,0,0)\nr(0,0,1,1)\nw(1,1,0,2)\n";
    let mut reader = Reader::new(Cursor::new(text), "h", Format::Plume).unwrap();
    let mut jsonl = Vec::new();
    convert(&mut reader, &mut jsonl, Format::Jsonl).unwrap();
    assert_eq!(read(jsonl.clone(), Format::Jsonl).unwrap().len(), 3);
    for model in ["serializable", "strong-session-serializable", "strict-serializable"] {
        assert_eq!(verdict(&jsonl, model), verdict(text, model), "{model}");
    }
    for format in [
        Format::Plume,
        Format::Awdit,
        Format::DbcopJson,
        Format::DbcopText,
        Format::DbcopBincode,
        Format::Cobra,
        Format::JepsenTxt,
    ] {
        let mut reader = Reader::new(Cursor::new(text), "h", Format::Plume).unwrap();
        assert!(
            convert(&mut reader, Vec::new(), format).is_err(),
            "{format} is only read"
        );
    }
}

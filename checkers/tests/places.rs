//! Where readers are in a file, however it comes to them: operations over the end of what has been read, lines, columns,
//! what is cut off, and what stands at a place that is wrong.

use std::io::{Cursor, Error, ErrorKind, Read};

use paytwice_checkers::formats::binary::BinaryWriter;
use paytwice_checkers::formats::{CutOff, Format, ReadError, Reader};
use paytwice_checkers::ops::write_op_edn;

/// How much of a file is read at first, in bytes.
const FIRST_BYTES: usize = 1 << 13;

const EDN: &str = "{:process 0, :type :ok, :f :read, :value [\"a\\n\\u00e9\u{20ac}\u{1f600}\" \\\u{1f600} \\newline -1.5 12 ##Inf #t {:\u{e9} nil}]}";
const JSON: &str = "{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":[\"\\ud83d\\ude00\\n\u{20ac}\u{1f600}\",true,-1.5e3,null,12]}";
const LOG: &str = "INFO  jepsen.util - 3\t:ok\t:cas\t[\"\u{1f600}\" 4]\n";

fn reader(text: &str, format: Format) -> Reader {
    Reader::new(Cursor::new(text.to_owned()), "h", format).expect("a reader")
}

/// The operations as EDN, each without its index, and how the reading ended.
fn ops(reader: &mut Reader) -> (Vec<String>, Option<String>) {
    let mut read = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(op)) => {
                let mut line = String::new();
                write_op_edn(&op, &mut line);
                read.push(line.split_once(", ").expect("fields behind the index").1.to_owned());
            }
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error.to_string())),
        }
    }
}

fn error(text: &str, format: Format) -> String {
    ops(&mut reader(text, format)).1.expect(text)
}

#[test]
fn an_operation_is_whole_wherever_in_it_what_was_read_first_ends() {
    let other = "INFO  jepsen.core - ";
    for (op, format, before, after) in [
        (EDN, Format::JepsenEdn, "", ""),
        (EDN, Format::JepsenEdn, ";", "\n"),
        (EDN, Format::PorcupineKv, "[", ""),
        (JSON, Format::Jsonl, "", "\n"),
        (JSON, Format::JepsenJson, "[", ""),
        (LOG, Format::PorcupineEtcd, other, "\n"),
    ] {
        let alone = ops(&mut reader(op, format)).0;
        assert_eq!(alone.len(), 1, "{op}");
        let close = if before == "[" { "]" } else { "" };
        let comma = if format == Format::JepsenJson { "," } else { "" };
        for within in 0..=op.len() + 1 {
            let blanks = FIRST_BYTES - within - before.len() - after.len();
            let text = format!("{before}{}{after}{op}{comma}{op}{close}", " ".repeat(blanks));
            let mut reader = reader(&text, format);
            assert_eq!(
                ops(&mut reader),
                ([&alone[..], &alone[..]].concat(), None),
                "{format} {within}"
            );
            assert_eq!(reader.cut_off(), None);
        }
    }
}

#[test]
fn a_comma_and_a_bracket_may_be_far_from_the_operations() {
    let blanks = " ".repeat(FIRST_BYTES);
    let op = "{\"type\":\"ok\"}";
    let text = format!("{blanks}[{blanks}{op}{blanks},{blanks}{op}{blanks}]{blanks}");
    let mut far = reader(&text, Format::JepsenJson);
    assert_eq!((ops(&mut far).0.len(), far.cut_off()), (2, None));
    let text = format!("{}{{:type :ok}}", ";[\n".repeat(FIRST_BYTES));
    assert_eq!(ops(&mut reader(&text, Format::JepsenEdn)).0.len(), 1);
}

#[test]
fn a_place_is_told_however_far_into_the_file_it_is() {
    let op = "{\"type\":\"ok\"},";
    for times in [1, 584, 585, 586, 3000, 60_000] {
        // All in one line.
        let text = format!("[{}x\n]", op.repeat(times));
        let column = 1 + op.len() * times + 1;
        let told = format!("h:1:{column}: expected a map with :process, :type, :f and :value, found `x`");
        assert_eq!(error(&text, Format::JepsenJson), told);
        // Lines, and then some of the line.
        let text = format!("[\n\n{} x\n]", format!("{op}\n").repeat(times));
        let told = format!(
            "h:{}:2: expected a map with :process, :type, :f and :value, found `x`",
            times + 3
        );
        assert_eq!(error(&text, Format::JepsenJson), told);
        // One long line, and then others.
        let text = format!("[{}\n{op}\n{op}{{\"type\":\"good\"}}]", op.repeat(times));
        let told = "h:3:15: expected invoke, ok, fail or info, found type \"good\"";
        assert_eq!(error(&text, Format::JepsenJson), told);
        // Within the operation.
        let text = format!("[{}\n{op}\n {{\"type\":\"ok\",\n\"value\":[1 2]}}]", op.repeat(times));
        assert_eq!(
            error(&text, Format::JepsenJson),
            "h:4:12: expected a comma or ], found `2]}]`"
        );
    }
}

#[test]
fn an_array_has_one_comma_between_two_operations() {
    let op = "{\"type\":\"ok\"}";
    for (text, column) in [
        (format!("[{op},,{op}]"), 16),
        (format!("[,{op}]"), 2),
        (format!("{op},{op}"), 14),
    ] {
        let told = error(&text, Format::JepsenJson);
        assert!(
            told.starts_with(&format!("h:1:{column}: expected a map with")),
            "{told}"
        );
    }
    assert_eq!(
        error(&format!("[{op}}}"), Format::JepsenJson),
        "h:1:15: expected a comma or ], found `}`"
    );
    assert_eq!(
        error(&format!("[{op}]]"), Format::JepsenJson),
        "h:1:16: expected the end of the file behind the last operation, found `]`"
    );
    // To EDN they are blanks.
    let text = "[{:type :ok},,{:type :ok},]";
    assert_eq!(ops(&mut reader(text, Format::JepsenEdn)).0.len(), 2);
}

#[test]
fn what_is_not_utf8_is_no_end_of_the_file() {
    for (bytes, format, column) in [
        (&b"{:type :ok, :value \"a\xff\"}"[..], Format::JepsenEdn, 22),
        (b"{:type :ok, :value \"\xe2\x82\"}", Format::JepsenEdn, 21),
        (b"{\"type\":\"ok\",\"value\":\"a\xf0\x9f\"}", Format::Jsonl, 24),
    ] {
        for pad in [0, FIRST_BYTES - 25, FIRST_BYTES - 22, FIRST_BYTES - 21, FIRST_BYTES] {
            let text = [&b" ".repeat(pad), bytes].concat();
            let mut reader = Reader::new(Cursor::new(text), "h", format).unwrap();
            let told = ops(&mut reader).1.expect("an error");
            let place = format!("h:1:{}: expected UTF-8, found ", pad + column);
            assert!(told.starts_with(&place), "{told}, {place}");
        }
    }
}

#[test]
fn an_operation_that_does_not_end_before_the_next_is_no_end_of_the_file() {
    for (text, format, line, column) in [
        ("{:type :ok, :value [1\n  {:type :ok}\n", Format::JepsenEdn, 2, 3),
        ("\n{:type :ok, :value [1\n\n \n{:type :ok}\n", Format::JepsenEdn, 5, 1),
        ("{:type :ok, :value \"\n\t{:type :ok}", Format::JepsenEdn, 2, 2),
        (
            "[{\"type\":\"ok\",\"value\":[\n \r\n  {\"type\":\"ok\"}",
            Format::JepsenJson,
            3,
            3,
        ),
    ] {
        let told = error(text, format);
        assert!(
            told.starts_with(&format!(
                "h:{line}:{column}: expected the end of the operation that begins at line "
            )),
            "{told}"
        );
    }
}

#[test]
fn what_is_cut_off_is_told_with_its_line_and_its_bytes() {
    let first = "{:type :ok}\n\n";
    let last = "{:type :ok, :value [\u{20ac}";
    let mut cut = reader(&format!("{first}{last}"), Format::JepsenEdn);
    assert_eq!(ops(&mut cut).0.len(), 1);
    let said = cut.cut_off().expect("it is cut off");
    assert_eq!(
        said,
        CutOff {
            line: 3,
            bytes: last.len() as u64
        }
    );
    assert_eq!(said.to_string(), "cut off at line 3: its last 23 bytes were left out");
    let lines = format!("{LOG}\n{LOG}");
    let mut whole = reader(&lines, Format::PorcupineEtcd);
    assert_eq!((ops(&mut whole).0.len(), whole.cut_off()), (2, None));
    for left in 1..LOG.len() {
        let mut cut = reader(
            &format!("{LOG}\n{}", &LOG.as_bytes()[..left].escape_ascii()),
            Format::PorcupineEtcd,
        );
        assert_eq!(ops(&mut cut).0.len(), 1);
        assert_eq!(cut.cut_off().map(|cut| cut.line), Some(3));
    }
    let mut cut = reader(&format!("{LOG}INFO  jepsen.util - 3"), Format::PorcupineEtcd);
    assert_eq!(ops(&mut cut).0.len(), 1);
    assert_eq!(cut.cut_off(), Some(CutOff { line: 2, bytes: 21 }));
}

#[test]
fn a_reader_knows_how_far_it_has_read() {
    let edn = "{:type :ok}\n\n{:type\n:ok}{:type :ok}\n";
    for (text, format, lines) in [
        (edn, Format::JepsenEdn, &[1, 4, 4][..]),
        ("[{\"type\":\"ok\"}\n,\n{\"type\":\"ok\"}]", Format::JepsenJson, &[1, 3]),
        (
            "INFO  jepsen.util - 3\t:ok\t:read\t1\nINFO other\n\nINFO  jepsen.util - 3\t:ok\t:read\t1\n",
            Format::PorcupineEtcd,
            &[1, 4],
        ),
    ] {
        let mut reader = reader(text, format);
        for line in lines {
            assert!(reader.next().unwrap().is_some());
            assert_eq!(reader.line(), *line, "{text}");
        }
        assert!(reader.next().unwrap().is_none());
    }
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    let mut plain = reader(edn, Format::JepsenEdn);
    while let Some(op) = plain.next().unwrap() {
        writer.push(&op).unwrap();
    }
    let mut binary = Reader::new(Cursor::new(writer.finish(None).unwrap()), "h", Format::Binary).unwrap();
    for position in 0..3 {
        assert_eq!(binary.line(), position);
        assert!(binary.next().unwrap().is_some());
    }
    assert_eq!(binary.line(), 3);
}

#[test]
fn a_line_of_a_log_is_told_with_what_it_lacks() {
    const KIND: &str = ":invoke, :ok, :fail or :info";
    const F: &str = "what was asked for: :read, :write, :cas";
    const DASH: &str = "` - ` behind the logger's name";
    let end = "the end of the line";
    for (line, column, expected, found) in [
        ("INFO  jepsen.util", 18, DASH, end),
        ("INFO  jepsen.util  ", 18, DASH, "`  `"),
        ("INFO  jepsen.util 3 :ok :read 1", 20, DASH, "` :ok :read 1`"),
        ("INFO  jepsen.util -", 20, "a process", end),
        ("INFO  jepsen.util - 3", 22, KIND, end),
        ("INFO  jepsen.util - 3 ok :read 1", 23, KIND, "`ok :read 1`"),
        ("INFO  jepsen.util - 3 :ok\r", 26, F, end),
        ("INFO  jepsen.util - 3 :ok :", 27, F, "`:`"),
        ("INFO  jepsen.util - 3 :ok :read", 32, "a value", end),
        ("INFO  jepsen.util - 3 :ok :read \t", 32, "a value", "` \t`"),
        ("INFO  jepsen.util - 3 :ok :read nil} x", 33, "a value", "`nil} x`"),
        (
            "INFO  jepsen.util - 3 :ok :read 1 2",
            36,
            "a value for the key before it",
            end,
        ),
        ("INFO  jepsen.util - 3 :ok :read [1x]", 34, "a number", "`1x]`"),
        (
            "INFO  jepsen.util - 3( :ok :read 1",
            21,
            "a process",
            "`3( :ok :read 1`",
        ),
        (
            "INFO  jepsen.util - 1.5 :ok :read 1",
            1,
            "a number or a name",
            "`INFO  jepsen.util - 1.5 :ok :read 1`",
        ),
    ] {
        let text = format!("{LOG}{line}\n{LOG}");
        let told = format!("h:2:{column}: expected {expected}, found {found}");
        assert_eq!(ops(&mut reader(&text, Format::PorcupineEtcd)).1, Some(told), "{line}");
    }
}

#[test]
fn what_stands_at_a_place_is_shown_in_forty_characters() {
    for c in ["x", "\u{e9}", "\u{20ac}", "\u{1f600}"] {
        for (n, shown) in [(39, 39), (40, 40), (41, 40), (300, 40)] {
            let told = error(&c.repeat(n), Format::JepsenEdn);
            let dots = if n > shown { "..." } else { "" };
            assert!(
                told.ends_with(&format!(", found `{}{dots}`", c.repeat(shown))),
                "{told}"
            );
        }
    }
    assert!(error("x\r\ny", Format::JepsenEdn).ends_with(", found `x`"));
}

#[test]
fn what_stands_at_a_place_is_shown_wherever_what_was_read_ends() {
    let long = "\u{e9}".repeat(60);
    for (text, format, shown) in [
        (
            format!("x {long}"),
            Format::JepsenEdn,
            format!("`x {}...`", &long[..76]),
        ),
        ("x yz".into(), Format::JepsenEdn, "`x yz`".into()),
        ("x\r\nyz".into(), Format::JepsenEdn, "`x`".into()),
        (
            format!("{{\"type\":\"ok\",\"value\":[1 {long}"),
            Format::Jsonl,
            format!("`{}...`", &long[..80]),
        ),
        (
            "{\"type\":\"ok\",\"value\":[1 2}}".into(),
            Format::Jsonl,
            "`2}}`".into(),
        ),
        ("[{\"type\":\"ok\"} x y".into(), Format::JepsenJson, "`x y`".into()),
        ("[{\"type\":\"ok\"}] x y".into(), Format::JepsenJson, "`x y`".into()),
        ("[{\"type\":\"ok\"},] x y".into(), Format::JepsenJson, "`] x y`".into()),
        (
            "{\"value\":1} ".repeat(5),
            Format::Jsonl,
            "`{\"value\":1} {\"value\":1} {\"value\":1} {\"va...`".into(),
        ),
    ] {
        for within in 0..text.len() + 1 {
            let told = error(&format!("{}{text}", " ".repeat(FIRST_BYTES - within)), format);
            assert!(told.ends_with(&format!(", found {shown}")), "{within}: {told}");
        }
    }
    // What cannot be read is not shown.
    let begun = format!("{}x y", " ".repeat(FIRST_BYTES - 1));
    let bytes = Cursor::new(begun.into_bytes());
    let end = Some(ErrorKind::ConnectionReset);
    let mut reader = Reader::new(Hesitant { bytes, reads: 0, end }, "h", Format::JepsenEdn).unwrap();
    assert!(ops(&mut reader).1.expect("an error").ends_with(", found `x y`"));
}

/// Gives its bytes one by one, and says now and then that it was interrupted; in the end, what it is told.
struct Hesitant {
    bytes: Cursor<Vec<u8>>,
    reads: u32,
    end: Option<ErrorKind>,
}

impl Read for Hesitant {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads += 1;
        if self.reads % 3 == 1 {
            return Err(Error::from(ErrorKind::Interrupted));
        }
        let one = buffer.len().min(1);
        let read = self.bytes.read(&mut buffer[..one])?;
        match self.end {
            Some(end) if read == 0 && one > 0 => Err(Error::new(end, "gone")),
            _ => Ok(read),
        }
    }
}

#[test]
fn interrupted_reads_are_tried_again_and_others_are_errors() {
    for (text, format) in [
        (EDN, Format::JepsenEdn),
        (JSON, Format::Jsonl),
        (LOG, Format::PorcupineEtcd),
    ] {
        let alone = ops(&mut reader(text, format)).0;
        for end in [None, Some(ErrorKind::ConnectionReset)] {
            let bytes = Cursor::new(text.as_bytes().to_vec());
            let hesitant = Hesitant { bytes, reads: 0, end };
            let mut reader = Reader::new(hesitant, "h", format).unwrap();
            match end {
                None => assert_eq!(ops(&mut reader), (alone.clone(), None)),
                Some(_) => assert!(matches!(
                    reader.next(),
                    Err(ReadError::Io { file, source }) if file == "h" && source.to_string() == "gone"
                )),
            }
        }
    }
}

//! Histories as files: what a name or a directory asks for, which file is opened, and what is written in another format.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use paytwice_checkers::formats::{ConvertError, Converted, CutOff, Format, Reader, convert, format_of_name};
use tempfile::TempDir;

const OPS: &str = "{:type :invoke, :process 0, :f :r}{:type :ok, :process 0, :f :r, :value {:a \"b\"}}";

fn reader(edn: &str) -> Reader {
    Reader::new(Cursor::new(edn.to_owned()), "h", Format::JepsenEdn).unwrap()
}

fn converted(edn: &str, to: Format) -> (Vec<u8>, Converted) {
    let mut out = Vec::new();
    let said = convert(&mut reader(edn), &mut out, to).unwrap();
    (out, said)
}

fn ops(reader: &mut Reader) -> u64 {
    let mut ops = 0;
    while reader.next().unwrap().is_some() {
        ops += 1;
    }
    ops
}

#[test]
fn a_name_asks_for_its_format() {
    for (name, format) in [
        ("a.jsonl", Some(Format::Jsonl)),
        ("dir.json/a.edn", Some(Format::JepsenEdn)),
        ("a.edn.json", Some(Format::JepsenJson)),
        (".ptw", Some(Format::Binary)),
        ("a.txt", None),
        ("a.", None),
        ("edn", None),
    ] {
        assert_eq!(format_of_name(name), format, "{name}");
    }
}

#[test]
fn a_history_is_written_with_what_stands_around_its_operations() {
    let edn = [
        "{:index 0, :process 0, :type :invoke, :f :r, :value nil}",
        "{:index 1, :process 0, :type :ok, :f :r, :value {:a \"b\"}}",
    ];
    let json = [
        "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"r\",\"value\":null}",
        "{\"index\":1,\"process\":0,\"type\":\"ok\",\"f\":\"r\",\"value\":{\"a\":\"b\"}}",
    ];
    for (count, text) in [(0, ""), (1, &OPS[..34]), (2, OPS)] {
        let ended = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let said = Converted {
            ops: count as u64,
            cut_off: None,
        };
        for (format, written) in [
            (Format::JepsenEdn, ended(&edn[..count])),
            (Format::Jsonl, ended(&json[..count])),
            (Format::JepsenJson, format!("[{}]\n", json[..count].join(",\n"))),
        ] {
            let (out, converted) = converted(text, format);
            assert_eq!((String::from_utf8(out).unwrap(), converted), (written, said));
        }
        let (out, converted) = converted(text, Format::Binary);
        assert_eq!((converted, out.len() > 32 + 64), (said, count > 0));
        let mut binary = Reader::new(Cursor::new(out), "h", Format::Binary).unwrap();
        assert_eq!((ops(&mut binary), binary.cut_off()), (count as u64, None));
    }
}

#[test]
fn a_history_that_is_cut_off_stays_so_and_some_formats_are_only_read() {
    for format in [Format::Jsonl, Format::JepsenEdn, Format::JepsenJson, Format::Binary] {
        let (_, said) = converted(&OPS[..60], format);
        let cut_off = Some(CutOff { line: 1, bytes: 26 });
        assert_eq!(said, Converted { ops: 1, cut_off }, "{format}");
    }
    for format in [Format::JepsenStore, Format::PorcupineEtcd, Format::PorcupineKv] {
        let error = convert(&mut reader(OPS), Vec::new(), format).unwrap_err();
        assert!(matches!(error, ConvertError::ReadOnly(only) if only == format));
    }
}

/// A directory that is gone afterwards.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(TempDir::new().unwrap())
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn a_directory_gives_the_history_in_the_format_asked_for() {
    let dir = Scratch::new();
    let none = Reader::open(&dir.0, None).unwrap_err().to_string();
    assert!(none.contains("holds no history.edn: name the directory"), "{none}");
    for (name, format) in [
        ("history.edn", Format::JepsenEdn),
        ("history.jsonl", Format::Jsonl),
        ("history.ptw", Format::Binary),
    ] {
        dir.write(name, &converted(OPS, format).0);
    }
    for (asked, name, format) in [
        (None, "history.edn", Format::JepsenEdn),
        (Some(Format::JepsenStore), "history.edn", Format::JepsenEdn),
        (Some(Format::JepsenEdn), "history.edn", Format::JepsenEdn),
        (Some(Format::Jsonl), "history.jsonl", Format::Jsonl),
        (Some(Format::Binary), "history.ptw", Format::Binary),
    ] {
        let mut reader = Reader::open(&dir.0, asked).unwrap();
        assert_eq!((reader.path(), reader.format()), (&*dir.0.path().join(name), format));
        assert_eq!(ops(&mut reader), 2, "{name}");
    }
    assert!(Reader::open(&dir.0, Some(Format::PorcupineKv)).is_err());
    let file = Reader::open(dir.0.path().join("history.edn"), Some(Format::JepsenStore));
    let error = file.unwrap_err().to_string();
    assert!(error.contains("a directory of Jepsen's store is expected"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_is_known_by_its_name_even_where_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let dir = Scratch::new();
    let path = dir.write(std::ffi::OsStr::from_bytes(b"h\xff.edn"), OPS.as_bytes());
    let mut reader = Reader::open(&path, None).unwrap();
    assert_eq!(reader.path(), path);
    assert_eq!(ops(&mut reader), 2);
}

#[test]
fn a_reader_says_what_it_reads() {
    for (format, bytes, inner) in [
        (Format::JepsenEdn, &b""[..], "Forms"),
        (Format::PorcupineEtcd, b"", "Log"),
        (Format::Binary, &converted("", Format::Binary).0, "Binary"),
    ] {
        let reader = Reader::new(Cursor::new(bytes.to_vec()), "h", format).unwrap();
        let said = format!("Reader {{ format: {format:?}, path: \"h\", inner: {inner} }}");
        assert_eq!(format!("{reader:?}"), said);
    }
}

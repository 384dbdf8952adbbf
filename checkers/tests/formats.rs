//! What the readers of every format owe their callers, through the public API.

mod formats_support {
    pub(super) mod corpora;
}

use paytwice_checkers::formats::binary::{Binary, BinaryWriter};
use paytwice_checkers::formats::{Format, ReadError, Reader};
use paytwice_checkers::ops::{Op, Process, write_op_edn, write_op_json};

use formats_support::corpora;

const EDN: &str = "\
{:index 0, :time 5, :process 0, :type :invoke, :f :txn, :value [[:append 253 1] [:r x nil]]}
{:index 1, :time 9, :process 0, :type :ok, :f :txn, :value [[:append 253 1] [:r x [1 2]]]}
{:index 2, :process :nemesis, :type :info, :f :start, :value {:a 1.5, \"b\" #{1}}, :error [:cut \"n1\"], :op-index 7}
{:index 17, :time 11, :process 123456789012, :type :invoke, :f :add, :value 12345678901}
";

fn reader(text: &str, format: Format) -> Reader {
    Reader::new(std::io::Cursor::new(text.to_owned()), "h", format).unwrap()
}

/// Every operation as a line of EDN, or the error.
fn lines(mut reader: Reader) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(op)) => lines.push(edn(&op)),
            Ok(None) => return Ok(lines),
            Err(e) => return Err(e.to_string()),
        }
    }
}

fn edn(op: &Op) -> String {
    let mut line = String::new();
    write_op_edn(op, &mut line);
    line
}

fn binary(mut reader: Reader) -> Vec<u8> {
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    while let Some(op) = reader.next().unwrap() {
        writer.push(&op).unwrap();
    }
    writer.finish(reader.cut_off()).unwrap()
}

#[test]
fn edn_comes_back_as_it_was() {
    let read = lines(reader(EDN, Format::JepsenEdn)).unwrap();
    assert_eq!(read.join("\n") + "\n", EDN);
}

#[test]
fn a_vector_of_maps_is_read_like_lines() {
    let plain = lines(reader(EDN, Format::JepsenEdn)).unwrap();
    for (open, close) in [("[", "]"), ("; said by\n(", ")\n\n"), ("\u{feff}[\n", "\n] ; end")] {
        let text = format!("{open}{EDN}{close}");
        assert_eq!(lines(reader(&text, Format::JepsenEdn)).unwrap(), plain);
    }
}

#[test]
fn json_is_one_array_or_one_object_per_line() {
    let mut json: Vec<String> = Vec::new();
    let mut ops = reader(EDN, Format::JepsenEdn);
    while let Some(op) = ops.next().unwrap() {
        let mut line = String::new();
        write_op_json(&op, &mut line);
        json.push(line);
    }
    let by_line = lines(reader(&json.join("\n"), Format::Jsonl)).unwrap();
    let array = lines(reader(&format!("[{}]\n", json.join(",\n ")), Format::JepsenJson)).unwrap();
    assert_eq!(by_line, array);
    assert_eq!(by_line.len(), 4);
    let none = lines(reader("[ ]", Format::JepsenJson)).unwrap();
    assert_eq!(none, Vec::<String>::new());
}

#[test]
fn a_malformed_line_names_its_place_and_what_stood_there() {
    let ok = "{:process 0, :type :invoke, :f :read}\n";
    for (text, format, message) in [
        (
            format!("{ok}{{:process 0, :type :ok, :f }}\n"),
            Format::JepsenEdn,
            "h:2:28: expected a value for the key before it, found `}`",
        ),
        (
            format!("{ok}  {{:process 0, :type :done, :f :read}}\n"),
            Format::JepsenEdn,
            "h:2:3: expected invoke, ok, fail or info, found type :done",
        ),
        (
            format!("{ok}[1 2]\n"),
            Format::JepsenEdn,
            "h:2:1: expected a map with :process, :type, :f and :value, found `[1 2]`",
        ),
        (
            format!("{ok}{{:process 0, :f [1\n{ok}"),
            Format::JepsenEdn,
            "h:3:1: expected the end of the operation that begins at line 2, found `{:process 0, :type :invoke, :f :read}`",
        ),
        (
            format!("[{ok}] {ok}"),
            Format::JepsenEdn,
            "h:2:3: expected the end of the file behind the last operation, found `{:process 0, :type :invoke, :f :read}`",
        ),
        (
            "{\"type\":\"ok\"}\n{\"type\":\"ok\",}\n".into(),
            Format::Jsonl,
            "h:2:14: expected a string as key, found `}`",
        ),
        (
            "[{\"type\":\"ok\"}\n{\"type\":\"ok\"}]".into(),
            Format::JepsenJson,
            "h:2:1: expected a comma or ], found `{\"type\":\"ok\"}]`",
        ),
        (
            "[{\"type\":\"ok\"},]".into(),
            Format::JepsenJson,
            "h:1:16: expected an operation behind the comma, found `]`",
        ),
        (
            "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\t[1\nINFO".into(),
            Format::PorcupineEtcd,
            "h:2:35: expected a form or ], found the end of the line",
        ),
        (
            "INFO  jepsen.util - 0\t:went\t:read\tnil\n".into(),
            Format::PorcupineEtcd,
            "h:1:23: expected :invoke, :ok, :fail or :info, found `:went\t:read\tnil`",
        ),
        (
            "hello\n".into(),
            Format::PorcupineEtcd,
            "h:1:1: expected a line of a log: INFO  jepsen.util - 0 :invoke :read nil, found `hello`",
        ),
    ] {
        assert_eq!(lines(reader(&text, format)), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn a_last_line_that_is_cut_off_is_left_out_and_said() {
    let etcd = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:re";
    for (text, format, line) in [
        (&EDN[..EDN.len() - 30], Format::JepsenEdn, 4),
        ("{\"type\":\"ok\"}\n{\"type\":\"o", Format::Jsonl, 2),
        ("[{:type :ok}\n", Format::JepsenEdn, 2),
        ("[{\"type\":\"ok\"},", Format::JepsenJson, 1),
        (etcd, Format::PorcupineEtcd, 2),
    ] {
        let mut reader = reader(text, format);
        let mut ops = 0;
        while reader.next().unwrap().is_some() {
            ops += 1;
        }
        assert_eq!(reader.cut_off().map(|c| c.line), Some(line), "{text}");
        assert!(ops > 0);
        assert!(reader.next().unwrap().is_none(), "the end stays the end");
    }
}

#[test]
fn every_cut_of_a_file_is_read_up_to_there() {
    for cut in 0..EDN.len() {
        let mut reader = reader(&EDN[..cut], Format::JepsenEdn);
        let mut ops = 0;
        while reader.next().unwrap().is_some() {
            ops += 1;
        }
        let whole = EDN[..cut].matches("}\n").count();
        assert!(ops == whole || ops == whole + 1, "{cut}");
    }
}

#[test]
fn what_begins_no_operation_is_no_cut_off_one() {
    for (text, format) in [
        ("hello", Format::JepsenEdn),
        ("tru", Format::Jsonl),
        ("12", Format::JepsenJson),
    ] {
        assert!(lines(reader(text, format)).is_err(), "{text}");
    }
}

#[test]
fn etcd_logs_say_what_jepsen_said() {
    let log = "\nINFO  jepsen.core - Running\nINFO  jepsen.util - 10  :invoke :cas    [3 4]\nINFO  jepsen.util - 10\t:info\t:cas\t:timed-out\nINFO  jepsen.util - :nemesis\t:info\t:start\t\"cut\"\n";
    let read = lines(reader(log, Format::PorcupineEtcd)).unwrap();
    assert_eq!(
        read,
        [
            "{:index 0, :process 10, :type :invoke, :f :cas, :value [3 4]}",
            "{:index 1, :process 10, :type :info, :f :cas, :value nil, :error :timed-out}",
            "{:index 2, :process :nemesis, :type :info, :f :start, :value \"cut\"}",
        ]
    );
}

#[test]
fn the_binary_form_keeps_everything() {
    let bytes = binary(reader(EDN, Format::JepsenEdn));
    let read = Reader::new(std::io::Cursor::new(bytes), "h", Format::Binary).unwrap();
    assert_eq!(lines(read).unwrap().join("\n") + "\n", EDN);
}

#[test]
fn a_truncated_binary_file_is_read_up_to_its_last_whole_block() {
    // Values as long as a block: one operation per block.
    let value = vec!["7"; 1 << 20].join(" ");
    let text: String = (0..3)
        .map(|n| format!("{{:index {n}, :process {n}, :type :ok, :f :read, :value [{value}]}}\n"))
        .collect();
    let whole = binary(reader(&text, Format::JepsenEdn));
    let block = (whole.len() - 32 - 64) / 3;
    for (length, ops, is_cut) in [
        (whole.len(), 3, false),
        (whole.len() - 1, 3, true),
        (32 + 3 * block, 3, true),
        (32 + 3 * block - 5, 2, true),
        (32 + block + 70, 1, true),
        (32 + 10, 0, true),
    ] {
        let mut read = Binary::new(whole[..length].to_vec(), "h").unwrap();
        let mut seen = 0;
        while read.next().unwrap().is_some() {
            seen += 1;
        }
        assert_eq!((seen, read.cut_off().is_some()), (ops, is_cut), "{length}");
    }
    // What the file system had not written yet reads as zeros.
    let mut torn = whole[..32 + block].to_vec();
    torn.resize(whole.len(), 0);
    let read = Binary::new(torn, "h").unwrap();
    assert_eq!((read.len(), read.cut_off().is_some()), (1, true));
}

#[test]
fn a_damaged_binary_file_is_never_believed() {
    let whole = binary(reader(EDN, Format::JepsenEdn));
    let good = lines(Reader::new(std::io::Cursor::new(whole.clone()), "h", Format::Binary).unwrap());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let read = Reader::new(std::io::Cursor::new(bytes), "h", Format::Binary);
        let said = read.map_err(|e| e.to_string()).and_then(lines);
        assert!(said.is_err() || said == good && at < 32, "{at}: {said:?}");
        assert!(said.is_err(), "byte {at} is under no checksum");
    }
}

#[test]
fn a_binary_file_of_a_later_version_is_refused() {
    let mut bytes = binary(reader(EDN, Format::JepsenEdn));
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&crc);
    let error = Binary::new(bytes, "h.ptw").unwrap_err().to_string();
    assert_eq!(
        error,
        "h.ptw: is in version 2 of the binary form; this program reads version 1: convert it again"
    );
}

#[test]
fn a_directory_of_jepsens_store_is_its_history() {
    let dir = std::env::temp_dir().join(format!("paytwice-store-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("test.fressian"), b"").unwrap();
    let only_binary = Reader::open(&dir, None).unwrap_err();
    assert!(
        matches!(&only_binary, ReadError::Unreadable { problem, .. } if problem.contains("only Jepsen's binary test.fressian"))
    );
    std::fs::write(dir.join("history.edn"), EDN).unwrap();
    let read = lines(Reader::open(&dir, None).unwrap()).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(read.len(), 4);
}

#[test]
fn formats_are_told_by_their_content() {
    let dir = std::env::temp_dir().join(format!("paytwice-guess-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let bytes = binary(reader(EDN, Format::JepsenEdn));
    for (name, content, format) in [
        ("a", EDN.as_bytes(), Some(Format::JepsenEdn)),
        ("b", b"[\n{:type :ok}]", Some(Format::JepsenEdn)),
        ("c", b"{\"type\":\"ok\"}", Some(Format::Jsonl)),
        ("d", b" [{\"type\":\"ok\"}]", Some(Format::JepsenJson)),
        (
            "e",
            b"INFO  jepsen.util - 0 :invoke :read nil",
            Some(Format::PorcupineEtcd),
        ),
        ("f", &bytes, Some(Format::Binary)),
        ("g", b"hello", None),
    ] {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        let opened = Reader::open(&path, None);
        assert_eq!(opened.as_ref().ok().map(Reader::format), format, "{name}");
        if let Err(e) = opened {
            assert!(
                e.to_string().contains("say --format with one of jsonl, jepsen-edn"),
                "{e}"
            );
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn names_that_are_not_known_get_the_near_one() {
    let error = "jepsen-end".parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        error,
        "format \"jepsen-end\" is not known (did you mean jepsen-edn?); possible are jsonl, jepsen-edn, jepsen-json, \
         jepsen-txt, jepsen-binary, jepsen-store, porcupine-etcd, porcupine-kv, plume, awdit, dbcop-json, dbcop-text, dbcop-bincode, \
         cobra, binary"
    );
}

#[test]
fn processes_are_numbers_or_names_or_missing() {
    let text = "{:type :ok, :process 3}{:type :ok, :process :nemesis}{:type :ok}";
    let mut reader = reader(text, Format::JepsenEdn);
    let mut seen = |wanted: Process| assert_eq!(reader.next().unwrap().unwrap().process, wanted);
    seen(Process::Client(3));
    seen(Process::Named("nemesis"));
    seen(Process::Nobody);
}

#[test]
fn recorded_histories_survive_the_binary_form() {
    for row in corpora::rows() {
        let plain = lines(Reader::open(&row.path, Some(row.format)).unwrap()).unwrap();
        assert!(!plain.is_empty(), "{}", row.path.display());
        let bytes = binary(Reader::open(&row.path, Some(row.format)).unwrap());
        let back = Reader::new(std::io::Cursor::new(bytes), "h", Format::Binary).unwrap();
        assert_eq!(lines(back).unwrap(), plain, "{}", row.path.display());
    }
}

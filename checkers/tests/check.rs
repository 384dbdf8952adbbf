//! What `paytwice check FILE --as CHECKER` decides and says, through the library behind it.

use std::path::{Path, PathBuf};

use paytwice_checkers::check::{CheckError, Checked, Request, catalogue, check_corpus, check_file};
use paytwice_checkers::formats::{Format, Reader, convert};
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::{Options, WORKLOADS};

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("paytwice-check-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn request(path: &Path, as_: &str, options: &str) -> Request {
    Request {
        path: path.to_owned(),
        format: None,
        as_: as_.to_owned(),
        options: Options::parse(options).unwrap(),
    }
}

/// Checks lines of EDN, each `process type f value`.
fn checked(as_: &str, options: &str, lines: &[&str]) -> Result<Checked, CheckError> {
    let folder = Folder::new(&format!("{as_}-{options}-{}", lines.len()));
    let ops: Vec<String> = lines.iter().map(|line| edn(line)).collect();
    let path = folder.file("history.edn", &ops.join("\n"));
    check_file(&request(&path, as_, options))
}

fn edn(line: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or("nil").to_owned();
    format!(
        "{{:process {}, :type :{}, :f :{}, :value {}}}",
        word(),
        word(),
        word(),
        word()
    )
}

fn verdict(as_: &str, options: &str, lines: &[&str]) -> Verdict {
    checked(as_, options, lines).unwrap().verdict()
}

#[test]
fn every_workload_tells_right_from_wrong() {
    let (valid, invalid) = (Verdict::Valid, Verdict::Invalid);
    for (as_, options, lines, expected) in [
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read 1"][..],
            valid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read 2"],
            invalid,
        ),
        ("cas-register", "initial=2", &["0 invoke read", "0 ok read 2"], valid),
        ("cas-register", "-", &["0 invoke cas [1 2]", "0 ok cas [1 2]"], invalid),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 fail write 1", "0 invoke read", "0 ok read 1"],
            invalid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "0 info write nil", "1 invoke read", "1 ok read 1"],
            valid,
        ),
        (
            "cas-register",
            "-",
            &["0 invoke write 1", "1 invoke read", "1 ok read 1"],
            valid,
        ),
        (
            "cas-register",
            "independent=true",
            &[
                "0 invoke write [x 1]",
                "0 ok write [x 1]",
                "0 invoke read [y nil]",
                "0 ok read [y 1]",
            ],
            invalid,
        ),
        (
            "cas-register",
            "nil-reads=initial",
            &["0 invoke write 1", "0 ok write 1", "0 invoke read", "0 ok read nil"],
            invalid,
        ),
        (
            "cas-register",
            "failed-cas=refused",
            &[
                "0 invoke write 1",
                "0 ok write 1",
                "0 invoke cas [1 2]",
                "0 fail cas [1 2]",
            ],
            invalid,
        ),
        (
            "cas-register",
            "failed-cas=nothing",
            &[
                "0 invoke write 1",
                "0 ok write 1",
                "0 invoke cas [1 2]",
                "0 fail cas [1 2]",
            ],
            valid,
        ),
        (
            "kv",
            "-",
            &[
                "0 invoke append \"a\"",
                "0 ok append \"a\"",
                "0 invoke append \"b\"",
                "0 ok append \"b\"",
                "0 invoke get",
                "0 ok get \"ab\"",
            ],
            valid,
        ),
        (
            "kv",
            "-",
            &["0 invoke put \"a\"", "0 ok put \"a\"", "0 invoke get", "0 ok get \"\""],
            invalid,
        ),
        (
            "multi-register",
            "-",
            &[
                "0 invoke txn [[:write x 1] [:write y 1]]",
                "0 ok txn [[:write x 1] [:write y 1]]",
                "0 invoke txn [[:read x nil] [:read y nil]]",
                "0 ok txn [[:read x 1] [:read y 1]]",
            ],
            valid,
        ),
        (
            "multi-register",
            "initial=0",
            &[
                "0 invoke txn [[:write x 1] [:write y 1]]",
                "0 ok txn [[:write x 1] [:write y 1]]",
                "0 invoke txn [[:read x nil] [:read y nil]]",
                "0 ok txn [[:read x 1] [:read y 0]]",
            ],
            invalid,
        ),
        (
            "mutex",
            "-",
            &[
                "0 invoke acquire",
                "0 ok acquire",
                "1 invoke acquire",
                "0 invoke release",
                "0 ok release",
                "1 ok acquire",
            ],
            valid,
        ),
        (
            "mutex",
            "-",
            &["0 invoke acquire", "0 ok acquire", "1 invoke acquire", "1 ok acquire"],
            invalid,
        ),
        (
            "fifo-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke enqueue 2",
                "0 ok enqueue 2",
                "0 invoke dequeue",
                "0 ok dequeue 1",
            ],
            valid,
        ),
        (
            "fifo-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke enqueue 2",
                "0 ok enqueue 2",
                "0 invoke dequeue",
                "0 ok dequeue 2",
                "0 invoke dequeue",
                "0 ok dequeue 1",
            ],
            invalid,
        ),
        (
            "total-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain [1]",
            ],
            valid,
        ),
        (
            "total-queue",
            "-",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain []",
            ],
            invalid,
        ),
        (
            "total-queue",
            "exactly-once=true",
            &[
                "0 invoke enqueue 1",
                "0 ok enqueue 1",
                "0 invoke drain",
                "0 ok drain [1 1]",
            ],
            invalid,
        ),
        (
            "set",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read #{1}"],
            valid,
        ),
        (
            "set",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read #{}"],
            invalid,
        ),
        (
            "set-full",
            "-",
            &[
                "0 invoke add [1 a]",
                "0 ok add [1 a]",
                "0 invoke read",
                "0 ok read [(1 a)]",
            ],
            valid,
        ),
        (
            "set-full",
            "-",
            &["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 ok read []"],
            invalid,
        ),
        ("bank", "total=3", &["0 invoke read", "0 ok read {a 1, b 2}"], valid),
        ("bank", "total=3", &["0 invoke read", "0 ok read {a 1, b 1}"], invalid),
        (
            "bank",
            "negative-balances=true",
            &["0 invoke read", "0 ok read {a -1, b 2}"],
            valid,
        ),
        (
            "counter",
            "-",
            &["0 invoke add 2", "0 ok add 2", "0 invoke read", "0 ok read 2"],
            valid,
        ),
        (
            "counter",
            "-",
            &["0 invoke add 2", "0 ok add 2", "0 invoke read", "0 ok read 1"],
            invalid,
        ),
        (
            "long-fork",
            "-",
            &[
                "0 invoke write [[:w 0 1]]",
                "0 ok write [[:w 0 1]]",
                "0 invoke write [[:w 1 1]]",
                "0 ok write [[:w 1 1]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 1] [:r 1 nil]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 nil] [:r 1 1]]",
            ],
            invalid,
        ),
        (
            "long-fork",
            "-",
            &[
                "0 invoke write [[:w 0 1]]",
                "0 ok write [[:w 0 1]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 nil] [:r 1 nil]]",
                "0 invoke read [[:r 0 nil] [:r 1 nil]]",
                "0 ok read [[:r 0 1] [:r 1 nil]]",
            ],
            valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate 1",
                "0 invoke generate",
                "0 ok generate 2",
            ],
            valid,
        ),
        (
            "unique-ids",
            "-",
            &[
                "0 invoke generate",
                "0 ok generate 1",
                "0 invoke generate",
                "0 ok generate 1",
            ],
            invalid,
        ),
        (
            "log",
            "-",
            &[
                "0 invoke send [[:send k 1]]",
                "0 ok send [[:send k [0 1]]]",
                "1 invoke poll [[:poll]]",
                "1 ok poll [[:poll {k [[0 1]]}]]",
            ],
            valid,
        ),
        (
            "log",
            "-",
            &[
                "0 invoke send [[:send k 1]]",
                "0 ok send [[:send k [0 1]]]",
                "0 invoke send [[:send k 2]]",
                "0 ok send [[:send k [1 2]]]",
                "1 invoke poll [[:poll]]",
                "1 ok poll [[:poll {k [[1 2]]}]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x [1]]]",
            ],
            valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 fail txn nil",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x [1]]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x nil]]",
            ],
            invalid,
        ),
        (
            "list-append",
            "model=serializable",
            &[
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x nil]]",
            ],
            valid,
        ),
        (
            "list-append",
            "-",
            &[
                "0 invoke txn [[:append x 1]]",
                "1 invoke txn [[:r x nil]]",
                "1 ok txn [[:r x [1]]]",
            ],
            valid,
        ),
        (
            "rw-register",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 ok txn [[:w x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x 1]]",
            ],
            valid,
        ),
        (
            "rw-register",
            "-",
            &[
                "0 invoke txn [[:w x 1]]",
                "0 fail txn [[:w x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x 1]]",
            ],
            invalid,
        ),
    ] {
        assert_eq!(verdict(as_, options, lines), expected, "{as_} {options} {lines:?}");
    }
}

#[test]
fn every_workload_says_unknown_of_a_history_that_is_empty() {
    for entry in WORKLOADS {
        assert_eq!(verdict(entry.name, "-", &[]), Verdict::Unknown, "{}", entry.name);
        assert!(catalogue().contains(entry.name));
    }
}

#[test]
fn a_nemesis_is_no_client() {
    for entry in WORKLOADS {
        let nemesis = ["0 invoke read", ":nemesis info start {:a 1}", ":nemesis info stop"];
        assert_eq!(
            verdict(entry.name, "-", &nemesis[1..]),
            Verdict::Unknown,
            "{}",
            entry.name
        );
    }
}

#[test]
fn mistakes_name_the_way_out() {
    let said = |as_: &str, options: &str, lines: &[&str]| checked(as_, options, lines).unwrap_err().to_string();
    let error = said("list-apend", "-", &[]);
    assert!(
        error.starts_with("checker \"list-apend\" is not known (did you mean list-append?); possible are payments"),
        "{error}"
    );
    let error = said("list-append", "model=serialisable", &[]);
    assert!(
        error.starts_with("model \"serialisable\" is not known (did you mean serializable?)"),
        "{error}"
    );
    let error = said("bank", "negative-balance=true", &[]);
    assert_eq!(
        error,
        "option \"negative-balance\" is not known (did you mean negative-balances?); possible are negative-balances, total"
    );
    assert_eq!(
        said("bank", "total=much", &[]),
        "option total=much: expected a whole number"
    );
    assert_eq!(
        said("bank", "negative-balances=yes", &[]),
        "option negative-balances=yes: expected true or false"
    );
    assert!(Options::parse("total").is_err());
}

#[test]
fn what_is_not_of_the_workloads_shape_has_its_place() {
    for (as_, lines, expected) in [
        (
            "counter",
            &["0 invoke add 1", "0 ok add 1", "0 invoke add x"][..],
            "history.edn:3: as counter: operation 2: expected a whole number, found x",
        ),
        (
            "set",
            &["0 invoke pop 1"],
            "history.edn:1: as set: operation 0: expected an f of add or read, found pop",
        ),
        (
            "mutex",
            &["0 invoke acquire", "0 invoke release"],
            "history.edn:2: as mutex: operation 1: expected one operation of a process at a time, found an invocation while operation 0 of its process is open",
        ),
        (
            "mutex",
            &["0 ok acquire"],
            "history.edn:1: as mutex: operation 0: expected the end of an operation that was invoked, found no invocation of its process",
        ),
        (
            "list-append",
            &["0 invoke txn [[:append x 1]]", "0 ok txn [[:apend x 1]]"],
            "history.edn:2: as list-append: operation 1: expected a transaction of [:append k v] and [:r k [v ...]], found [:apend x 1]",
        ),
    ] {
        let error = checked(as_, "-", lines).unwrap_err();
        assert!(error.is_users());
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn the_binary_form_is_judged_like_what_it_was_made_from() {
    let folder = Folder::new("binary");
    let lines = [
        "0 invoke txn [[:append x 1]]",
        "0 ok txn [[:append x 1]]",
        "0 invoke txn [[:r x nil]]",
        "0 ok txn [[:r x nil]]",
    ];
    let text: Vec<String> = lines.iter().map(|line| edn(line)).collect();
    let path = folder.file("history.edn", &text.join("\n"));
    let plain = check_file(&request(&path, "list-append", "-")).unwrap();
    for (name, format) in [
        ("h.ptw", Format::Binary),
        ("h.jsonl", Format::Jsonl),
        ("h.json", Format::JepsenJson),
        ("h.edn", Format::JepsenEdn),
    ] {
        let out = folder.0.join(name);
        let mut reader = Reader::open(&path, None).unwrap();
        convert(&mut reader, std::fs::File::create(&out).unwrap(), format).unwrap();
        let converted = check_file(&request(&out, "list-append", "-")).unwrap();
        assert_eq!((converted.format, &converted.results), (format, &plain.results));
    }
}

#[test]
fn a_corpus_says_what_agrees_and_what_does_not() {
    let folder = Folder::new("corpus");
    folder.file(
        "good.edn",
        &[edn("0 invoke generate"), edn("0 ok generate 1")].join("\n"),
    );
    folder.file("bad.edn", "{:type :ok :f [}");
    let table = "path\tformat\tas\toptions\tverdict\tsource\n\
                 good.edn\tjepsen-edn\tunique-ids\t-\tvalid\tus\n\
                 good.edn\tjepsen-edn\tunique-ids\t-\tinvalid\tthem\n\
                 bad.edn\tjepsen-edn\tset\t-\tvalid\tthem\n\
                 none.edn\tjepsen-edn\tset\t-\tvalid\tthem\n";
    folder.file("VERDICTS.tsv", table);
    let corpus = check_corpus(&folder.0, |_| {}).unwrap();
    assert!(!corpus.agrees());
    let shown = corpus.to_string();
    assert!(shown.ends_with("agree 1 of 4"), "{shown}");
    assert!(
        shown.contains("disagrees: good.edn is invalid by them, here valid"),
        "{shown}"
    );
    assert!(
        shown.contains("bad.edn:1:16: expected a form or ], found `}`"),
        "{shown}"
    );
    for (row, message) in [
        (
            "a\tjepsen-eden\tset\t-\tvalid\tx",
            "VERDICTS.tsv:1: format: format \"jepsen-eden\" is not known (did you mean jepsen-edn?)",
        ),
        (
            "a\tjepsen-edn\tset\t-\tgood\tx",
            "VERDICTS.tsv:1: verdict: expected valid, invalid or unknown, found \"good\"",
        ),
        (
            "a\tjepsen-edn\tset",
            "VERDICTS.tsv:1: options: missing: a row is path, format, as, options, verdict, source",
        ),
    ] {
        folder.file("VERDICTS.tsv", row);
        let error = check_corpus(&folder.0, |_| {}).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

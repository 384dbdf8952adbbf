//! Every reader takes every input: no panic, no hang, no memory beyond a multiple of the input.
//!
//! Inputs are bytes, tokens of the formats in any order, and mutated histories (recorded ones too, where
//! `PAYTWICE_CORPORA` names a folder of them). `PAYTWICE_PROPTEST_CASES` sets how many cases there are; a case is
//! [`INPUTS_PER_CASE`] inputs, each of which goes through one reader to its end. One test, so that its memory is its own.

mod formats_support {
    pub(super) mod blocks;
    pub(super) mod checksums;
}

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering};

use paytwice_checkers::formats::binary::BinaryWriter;
use paytwice_checkers::formats::{FORMATS, Format, Reader};
use paytwice_checkers::ops::{write_op_edn, write_op_json};
use paytwice_checkers::workloads::{Context, Options, WORKLOADS, workload};
use proptest::prelude::*;

use formats_support::blocks::repair_blocks;
use formats_support::checksums::repair;

const INPUTS_PER_CASE: usize = 64;
/// Memory that a reader may take: for its window, and per byte of the input.
const MEMORY_BYTES: usize = 2 << 20;
const MEMORY_PER_BYTE: usize = 64;

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by nature; this one counts and passes on"
)]
// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A small generator of numbers: what proptest draws is its seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

const TOKENS: [&str; 49] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "#{",
    "#_",
    "#tag ",
    "##Inf",
    "\"",
    "\\",
    "\\u00",
    "\\ud800",
    ":type",
    ":ok",
    ":invoke",
    ":f",
    ":value",
    ":process",
    ":index",
    " ",
    "\n",
    ",",
    ":",
    ";",
    "nil",
    "null",
    "true",
    "12",
    "-",
    "1e9",
    "1/3",
    "99999999999999999999",
    "\"type\":\"ok\"",
    "\"value\":",
    "\"f\":\"txn\"",
    "INFO  jepsen.util - 0 :ok :read ",
    "\u{e9}",
    "{:type :ok, :process 0, :f :read, :value ",
    "{\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":",
    ":append",
    ":r",
    "paytwice",
    "w(1,2,0,-1)",
    "[x:=1 y==?]!",
    "\n-----\n",
    "\n=\nr 0 1\n",
    "[\"w\",0,1]",
];

const HISTORIES: [(Format, &str); 11] = [
    (
        Format::JepsenEdn,
        "{:index 0, :time 5, :process 0, :type :invoke, :f :txn, :value [[:append 253 1] [:r x nil]]}\n\
         {:index 1, :time 9, :process 0, :type :ok, :f :txn, :value [[:append 253 1] [:r x [1 2]]], :error [\"n1\" #{1.5}]}\n\
         ; a comment\n[{:type :info, :process :nemesis, :f :start, :value #inst \"2020\"}]",
    ),
    (
        Format::Jsonl,
        "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"recharge\",\"value\":{\"tx\":\"t17\",\"account\":\"a3\",\"amount\":\"1000\",\"k\":3,\"attempt\":1}}\n\
         {\"index\":1,\"time\":2,\"process\":\"wire\",\"type\":\"info\",\"f\":\"wire\",\"value\":{\"tx\":[\"t17\",null,-1.5e3],\"x\":{}}}\n",
    ),
    (
        Format::JepsenJson,
        "[{\"index\":0,\"process\":1,\"type\":\"invoke\",\"value\":[[\"append\",253,1],[\"r\",2,null]]},\n{\"type\":\"ok\",\"process\":1,\"value\":[[\"r\",\"\\u00e9\\n\",[1,2]]]}]",
    ),
    (
        Format::PorcupineEtcd,
        "INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]\nINFO  jepsen.core - Running\nINFO  jepsen.util - 0\t:info\t:cas\t:timed-out\n",
    ),
    (
        Format::JepsenTxt,
        "0\t:invoke\t:cas\t[1 2]\n:nemesis\t:info\t:start\t{:a #{1}}\n0\t:info\t:cas\t[1 2]\t[:timeout \"n1\" \u{e9}]\n",
    ),
    (
        Format::Plume,
        "w(1,5,0,0)\nr(2,0,7,3)\nw(2,18446744073709551615,0,0)\nw(1,9,7,-1)\nr(1,5,7,3)\n",
    ),
    (Format::Awdit, "w 0 0\nw 1 0\n=====\nw 0 1\n-----\nr 0 1\nr 1 0\n"),
    (
        Format::DbcopText,
        "// a comment\n[x:=1 y==?] [y:=2]!\n---\n[x==1 z==0]\n",
    ),
    (
        Format::DbcopJson,
        "{\"params\":{\"id\":0},\"data\":[[{\"events\":[{\"Write\":{\"variable\":0,\"version\":1}},[\"r\",\"y\",null]],\"committed\":true}],\n\
         [{\"events\":[{\"write\":true,\"variable\":1,\"value\":2,\"success\":false}],\"success\":true}]]}",
    ),
    (
        Format::DbcopBincode,
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0i\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
         \u{1}\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\u{1}\u{5}\0\0\0\0\0\0\0\u{7}\0\0\0\0\0\0\0\u{1}\u{1}",
    ),
    (
        Format::Cobra,
        "S\0\0\0\0\0\0\0\u{1}W\0\0\0\0\0\0\0\u{2}\0\0\0\0\0\0\0\u{3}\0\0\0\0\0\0\0\0R\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0\u{2}\0\0\0\0\0\0\0\u{3}\0\0\0\0\0\0\0\0C\0\0\0\0\0\0\0\u{1}S",
    ),
];

/// Histories to mutate, each with its reader; binary ones, too.
fn seeds() -> Vec<(Format, Vec<u8>)> {
    let mut seeds: Vec<(Format, Vec<u8>)> = HISTORIES
        .iter()
        .map(|(format, text)| (*format, text.as_bytes().to_vec()))
        .collect();
    seeds.push((Format::JepsenBinary, include_bytes!("peers/test.jepsen").to_vec()));
    if let Some(dir) = std::env::var_os("PAYTWICE_CORPORA").map(std::path::PathBuf::from) {
        let table = std::fs::read_to_string(dir.join("VERDICTS.tsv")).expect("VERDICTS.tsv");
        for row in table.lines().skip(1) {
            let fields: Vec<&str> = row.split('\t').collect();
            let mut bytes = std::fs::read(dir.join(fields[0])).expect("a history");
            bytes.truncate(1500);
            seeds.push((fields[1].parse().expect("a format"), bytes));
        }
    }
    for at in 0..seeds.len().min(16) {
        let (format, bytes) = &seeds[at];
        let mut reader = Reader::new(Cursor::new(bytes.clone()), "seed", *format).expect("a reader");
        let mut writer = BinaryWriter::new(Vec::new()).expect("a writer");
        while let Ok(Some(op)) = reader.next() {
            writer.push(&op).expect("a writer");
        }
        seeds.push((Format::Binary, writer.finish(None).expect("a writer")));
    }
    seeds
}

/// An input and its reader.
fn input(dice: &mut Dice, seeds: &[(Format, Vec<u8>)], out: &mut Vec<u8>) -> Format {
    out.clear();
    match dice.below(8) {
        0 => {
            let length = dice.below(200);
            out.extend((0..length).map(|_| dice.next() as u8));
            FORMATS[dice.below(FORMATS.len())].0
        }
        1 => {
            for _ in 0..dice.below(60) {
                out.extend_from_slice(TOKENS[dice.below(TOKENS.len())].as_bytes());
            }
            FORMATS[dice.below(FORMATS.len())].0
        }
        _ => {
            let (format, bytes) = &seeds[dice.below(seeds.len())];
            out.extend_from_slice(bytes);
            for _ in 0..1 + dice.below(6) {
                mutate(dice, out);
            }
            if *format == Format::Binary && dice.below(4) > 0 {
                repair(out);
            }
            if *format == Format::JepsenBinary && dice.below(8) > 0 {
                repair_blocks(out);
            }
            if dice.below(16) == 0 {
                return FORMATS[dice.below(FORMATS.len())].0;
            }
            *format
        }
    }
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(24)).min(bytes.len());
    match dice.below(7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => bytes[at] = dice.next() as u8,
        2 => drop(bytes.drain(at..end)),
        3 => {
            let part = bytes[at..end].to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        4 => {
            let token = TOKENS[dice.below(TOKENS.len())].as_bytes().to_vec();
            bytes.splice(at..at, token);
        }
        5 => bytes.truncate(at),
        _ => {
            let token = TOKENS[dice.below(TOKENS.len())];
            let many = token.repeat(dice.below(40));
            bytes.splice(at..end, many.into_bytes());
        }
    }
}

/// Reads an input to its end, and writes what it reads. Returns how many operations there were.
fn read(bytes: Vec<u8>, format: Format, scratch: &mut String) -> usize {
    let Ok(mut reader) = Reader::new(Cursor::new(bytes), "fuzz", format) else {
        return 0;
    };
    let mut ops = 0;
    while let Ok(Some(op)) = reader.next() {
        scratch.clear();
        write_op_edn(&op, scratch);
        scratch.clear();
        write_op_json(&op, scratch);
        ops += 1;
    }
    let _ = reader.line();
    ops
}

fn inputs(seed: u64, seeds: &[(Format, Vec<u8>)], scratch: &mut String) -> Result<(), TestCaseError> {
    let mut dice = Dice(seed | 1);
    let mut bytes = Vec::new();
    for _ in 0..INPUTS_PER_CASE {
        let format = input(&mut dice, seeds, &mut bytes);
        let length = bytes.len();
        let before = NOW.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let ops = read(bytes.clone(), format, scratch);
        let taken = PEAK.load(Ordering::Relaxed) - before;
        prop_assert!(ops <= length, "{ops} operations in {length} bytes");
        prop_assert!(
            taken <= MEMORY_BYTES + MEMORY_PER_BYTE * length,
            "{taken} bytes of memory for {length}"
        );
    }
    Ok(())
}

/// Mutated histories through every workload: glue and checkers take whatever can be read.
fn judged(seed: u64, seeds: &[(Format, Vec<u8>)]) {
    let mut dice = Dice(seed | 1);
    let mut bytes = Vec::new();
    let format = input(&mut dice, seeds, &mut bytes);
    for entry in WORKLOADS {
        let mut options = Options::default();
        for (name, value) in [("transitions", "a:b"), ("delays-ms", "0")] {
            if entry.options.iter().any(|(option, _)| *option == name) {
                options.set(name, value);
            }
        }
        let context = Context { format, options };
        let mut workload = workload(entry.name, &context).expect("it is listed");
        let Ok(mut reader) = Reader::new(Cursor::new(bytes.clone()), "fuzz", format) else {
            return;
        };
        while let Ok(Some(op)) = reader.next() {
            if workload.push(&op).is_err() {
                break;
            }
        }
        workload.finish();
    }
}

fn deep() {
    let many = 300_000;
    for (format, text) in [
        (Format::JepsenEdn, format!("{{:type :ok, :value {}", "[".repeat(many))),
        (Format::JepsenEdn, format!("{{:type :ok, :value {}", "#a ".repeat(many))),
        (Format::JepsenEdn, format!("{{:type :ok, :value {}", "#_ ".repeat(many))),
        (
            Format::JepsenEdn,
            format!("{{:type :ok, :value {}", "{:a ".repeat(many)),
        ),
        (
            Format::Jsonl,
            format!("{{\"type\":\"ok\",\"value\":{}", "[".repeat(many)),
        ),
        (
            Format::JepsenJson,
            format!("[{{\"type\":\"ok\",\"value\":{}", "{\"a\":".repeat(many)),
        ),
        (
            Format::PorcupineEtcd,
            format!("INFO  jepsen.util - 0 :ok :read {}\n", "(".repeat(many)),
        ),
    ] {
        let mut reader = Reader::new(Cursor::new(text.into_bytes()), "deep", format).unwrap();
        let error = reader.next().unwrap_err().to_string();
        assert!(error.contains("nests less than 256 deep"), "{error}");
    }
    // As deep as it may be: everything that recurses goes all the way down.
    let deep = format!("{{:type :ok, :f :txn, :value {}{}}}", "[".repeat(255), "]".repeat(255));
    let mut reader = Reader::new(Cursor::new(deep.into_bytes()), "deep", Format::JepsenEdn).unwrap();
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    writer.push(&reader.next().unwrap().unwrap()).unwrap();
    let bytes = writer.finish(None).unwrap();
    assert_eq!(read(bytes, Format::Binary, &mut String::new()), 1);
}

#[test]
fn every_reader_takes_every_input() {
    deep();
    let cases = std::env::var("PAYTWICE_PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(200_u32);
    let seeds = seeds();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let scratch = std::cell::RefCell::new(String::new());
    let run = runner.run(&any::<u64>(), |seed| {
        inputs(seed, &seeds, &mut scratch.borrow_mut())?;
        if seed % 8 == 0 {
            judged(seed, &seeds);
        }
        Ok(())
    });
    run.unwrap();
    println!("{} inputs", u64::from(cases) * INPUTS_PER_CASE as u64);
}

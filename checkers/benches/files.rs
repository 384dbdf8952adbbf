//! Files from end to end: reading, the workload's glue and the checker.
//!
//! `cargo bench -p paytwice-checkers --bench files -- [TRANSACTIONS]` (1 million by default): list-append for strict
//! serializability, from JSON lines, EDN and the binary form. The store is serial, so the history is valid; a key is
//! retired after 32 appends. Peak memory is the process's, so each measurement is a process of its own; the best of three.
//! `ADYA` names the program of the crate of that name, which then judges the same JSON lines.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use paytwice_checkers::check::{Request, check_file};
use paytwice_checkers::formats::{Format, Reader, convert, format_of_name};
use paytwice_checkers::verdict::Verdict;
use paytwice_checkers::workloads::Options;

const CLIENTS: u64 = 16;
const ACTIVE_KEYS: u64 = 64;
const APPENDS_PER_KEY: usize = 32;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [path, read_only] = &args[..] {
        return measure(Path::new(path), read_only == "read");
    }
    let txns = args.first().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let dir = std::env::temp_dir();
    let jsonl = dir.join(format!("paytwice-files-{}.jsonl", std::process::id()));
    generate(&jsonl, txns);
    println!("list-append, {txns} transactions, strict-serializable");
    println!("| format | MB | read s | whole s | peak MB |");
    println!("| --- | --- | --- | --- | --- |");
    for extension in ["jsonl", "edn", "ptw"] {
        let path = jsonl.with_extension(extension);
        if extension != "jsonl" {
            let mut reader = Reader::open(&jsonl, None).expect("it is there");
            let format = format_of_name(&path.display().to_string()).unwrap_or(Format::Jsonl);
            let out = BufWriter::new(File::create(&path).expect("a file"));
            convert(&mut reader, out, format).expect("a history");
        }
        // What the kernel still had to write would take a processor's time from whoever reads.
        File::open(&path).and_then(|file| file.sync_all()).expect("a file");
        let said = |what: &str| {
            best_of_three(|| {
                let program = std::env::current_exe().expect("a program");
                let output = Command::new(program).arg(&path).arg(what).output().expect("a process");
                String::from_utf8_lossy(&output.stdout).trim().to_owned()
            })
        };
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        println!(
            "| {extension} | {} | {} | {} |",
            bytes >> 20,
            said("read"),
            said("check")
        );
    }
    if let Some(program) = std::env::var_os("ADYA") {
        println!("| adya, jsonl | | | {} |", best_of_three(|| peer(&program, &jsonl)));
    }
    for extension in ["jsonl", "edn", "ptw"] {
        let _ = std::fs::remove_file(jsonl.with_extension(extension));
    }
}

/// What begins with the fewest seconds.
fn best_of_three(measure: impl Fn() -> String) -> String {
    let seconds = |said: &String| said.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or(f64::MAX);
    let said = (0..3).map(|_| measure());
    said.min_by(|a, b| seconds(a).total_cmp(&seconds(b)))
        .unwrap_or_default()
}

/// Prints the seconds, and behind those of a check the peak of memory.
fn measure(path: &Path, read_only: bool) {
    let start = Instant::now();
    if read_only {
        let mut reader = Reader::open(path, None).expect("it is there");
        while reader.next().expect("a history").is_some() {}
        return println!("{:.2}", start.elapsed().as_secs_f64());
    }
    let request = Request {
        path: PathBuf::from(path),
        format: None,
        as_: "list-append".into(),
        options: Options::default(),
    };
    let checked = check_file(&request).expect("a history");
    assert_eq!(checked.verdict(), Verdict::Valid);
    println!("{:.2} | {}", start.elapsed().as_secs_f64(), peak_mb("self"));
}

/// Seconds of the peer, and its peak of memory, which is looked at while it works.
fn peer(program: &OsStr, history: &Path) -> String {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(["check", "-m", "list-append", "-c", "strict-serializable"])
        .arg(history)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ADYA names a program");
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break status;
        }
        peak = peak.max(peak_mb(&child.id().to_string()));
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "adya: {status}");
    format!("{:.2} | {peak}", start.elapsed().as_secs_f64())
}

fn peak_mb(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = peak.and_then(|kb| kb.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}

/// Transactions that overlap in time and take place one after the other.
fn generate(path: &Path, txns: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move |n: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % n
    };
    let mut lists: Vec<(u64, Vec<u64>)> = (0..ACTIVE_KEYS).map(|key| (key, Vec::new())).collect();
    let (mut next_key, mut next_value, mut index) = (ACTIVE_KEYS, 0, 0_u64);
    let mut open: Vec<Option<String>> = vec![None; CLIENTS as usize];
    let mut begun = 0;
    while begun < txns || open.iter().any(Option::is_some) {
        let client = roll(CLIENTS) as usize;
        let (kind, value) = match open[client].take() {
            Some(answer) => ("ok", answer),
            None if begun == txns => continue,
            None => {
                begun += 1;
                let (mut ask, mut answer) = (String::new(), String::new());
                for at in 0..1 + roll(4) {
                    let comma = if at == 0 { "" } else { "," };
                    let slot = roll(ACTIVE_KEYS) as usize;
                    let (key, list) = &mut lists[slot];
                    if roll(2) == 0 {
                        let _ = write!(ask, "{comma}[\"r\",{key},null]");
                        let _ = write!(answer, "{comma}[\"r\",{key},{list:?}]");
                        continue;
                    }
                    next_value += 1;
                    list.push(next_value);
                    let _ = write!(ask, "{comma}[\"append\",{key},{next_value}]");
                    let _ = write!(answer, "{comma}[\"append\",{key},{next_value}]");
                    if list.len() == APPENDS_PER_KEY {
                        lists[slot] = (next_key, Vec::new());
                        next_key += 1;
                    }
                }
                open[client] = Some(answer);
                ("invoke", ask)
            }
        };
        let time = index * 1000;
        writeln!(
            out,
            "{{\"index\":{index},\"time\":{time},\"process\":{client},\"type\":\"{kind}\",\"f\":\"txn\",\"value\":[{value}]}}"
        )
        .expect("a file");
        index += 1;
    }
}

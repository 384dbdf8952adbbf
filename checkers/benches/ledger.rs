//! A long run judged by its promises: exactly-once, balances, idempotent requests and honest answers of payments.
//!
//! `cargo bench -p paytwice-checkers --bench ledger -- [EVENTS ...]` (10 million by default). The histories are JSON lines,
//! generated: per payment an invocation, an answer, a delivery; one in eight is tried again after an answer that got lost,
//! one in sixteen delivered again, one in sixteen asked about. Valid, and once more with one payment in 100,000 credited
//! twice. They are read and judged event by event, as `paytwice check` does. Each check is a process of its own: seconds by
//! the wall, of processors, and its peak of memory; the best of three.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use paytwice_checkers::Judging;
use paytwice_checkers::history::Events;
use paytwice_checkers::verdict::Verdict;

/// Payments per account; amounts are `10^k` minor units.
const PER_ACCOUNT: u64 = 12;

const HEADER: &str = r#"{"format":"paytwice-history","version":1,"target":"bench","run":"bench","stack":"none","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"subjects":{"account":{},"payment":{"key":"tx","fields":{"account":{"names":"account"},"amount":{"coded":{"per":"account","base":10,"scale":2}},"card":{}}}},"actions":{"recharge":{"starts":"payment","service":"pay"},"query":{"asks":"payment","service":"pay"}},"views":{"payments":["final"],"balances":["initial","final"]},"promises":[{"checker":"exactly-once","subject":"payment","recorded":{"view":"payments","success":{"result":["success"]},"failed":{"result":["fail"]}},"effect":{"view":"balances","by":"amount"},"words":{"effect":"credited"}},{"checker":"balance-convergence"},{"checker":"idempotent-requests"},{"checker":"honest-answers"}]}"#;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [path] = &args[..]
        && Path::new(path).is_file()
    {
        return check(Path::new(path));
    }
    let wanted: Vec<u64> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if wanted.is_empty() { vec![10_000_000] } else { wanted };
    println!("| events | history | MB | s | processor s | peak MB | verdict |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for events in sizes {
        for doubles in [false, true] {
            measure(events, doubles);
        }
    }
}

fn measure(events: u64, doubles: bool) {
    let name = format!("paytwice-bench-{}-{events}-{doubles}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    let written = generate(&path, events, doubles);
    let history = if doubles { "doubles" } else { "valid" };
    let told = (0..3).map(|_| {
        let program = std::env::current_exe().expect("a program");
        let output = Command::new(program).arg(&path).output().expect("a process");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    });
    let best = told.min().unwrap_or_default();
    let bytes = path.metadata().map_or(0, |m| m.len());
    println!("| {written} | {history} | {} | {best} |", bytes >> 20);
    let _ = std::fs::remove_file(path);
}

/// Checks a file, and prints the columns that are about it.
fn check(path: &Path) {
    let start = Instant::now();
    let events = Events::open(path).expect("it is a history");
    let mut judging = Judging::new(events.header());
    let cut_off = events.each(|event| judging.observe(event)).expect("it is a history");
    let results = judging.checkers(cut_off);
    let wall = start.elapsed().as_secs_f64();
    println!(
        "{wall:6.3} | {:.2} | {} | {:?}, {} anomalies",
        processor_seconds(),
        peak_mb(),
        results
            .iter()
            .fold(Verdict::Valid, |worst, result| worst.merge(result.verdict)),
        results.iter().map(|result| result.anomalies.len()).sum::<usize>()
    );
}

fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks = behind
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = peak.and_then(|kb| kb.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}

struct Lines {
    out: BufWriter<File>,
    line: String,
    index: u64,
}

impl Lines {
    fn line(&mut self, process: &str, kind: &str, f: &str, value: &str) {
        self.line.clear();
        let (index, time) = (self.index, self.index * 1_000 + 12_345_678);
        let _ = writeln!(
            self.line,
            "{{\"index\":{index},\"time\":{time},\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}"
        );
        self.out.write_all(self.line.as_bytes()).expect("a file");
        self.index += 1;
    }
}

/// Writes a history of about as many events; returns how many.
fn generate(path: &Path, events: u64, doubles: bool) -> u64 {
    let out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut lines = Lines {
        out,
        line: String::new(),
        index: 0,
    };
    let payments = events * 16 / 55;
    let accounts = payments.div_ceil(PER_ACCOUNT);
    lines.line("\"run\"", "info", "history", HEADER);
    let zeros: Vec<String> = (0..accounts)
        .map(|a| format!("{{\"account\":\"acct-{a:07}\",\"balance\":\"100.00\"}}"))
        .collect();
    read(&mut lines, "initial", "balances", &zeros);
    phase(&mut lines, "workload");
    workload(&mut lines, payments, accounts);
    for name in ["heal", "settle"] {
        phase(&mut lines, name);
    }
    lines.line("\"run\"", "invoke", "phase", "{\"name\":\"final-reads\"}");
    let mut rows = Vec::new();
    let mut balances = vec![10_000_u128; usize::try_from(accounts).expect("few")];
    for n in 0..payments {
        let (account, amount) = (n % accounts, 10_u128.pow((n / accounts) as u32));
        let credits = if doubles && n % 100_000 == 77 { 2 } else { 1 };
        balances[account as usize] += credits * amount;
        rows.push(format!(
            "{{\"tx\":\"tx-{n:09}\",\"account\":\"acct-{account:07}\",\"amount\":\"{}.{:02}\",\"result\":\"success\"}}",
            amount / 100,
            amount % 100
        ));
    }
    read(&mut lines, "final", "payments", &rows);
    let held: Vec<String> = (0..)
        .zip(&balances)
        .map(|(a, b): (u64, _)| {
            format!(
                "{{\"account\":\"acct-{a:07}\",\"balance\":\"{}.{:02}\"}}",
                b / 100,
                b % 100
            )
        })
        .collect();
    read(&mut lines, "final", "balances", &held);
    lines.line("\"run\"", "ok", "phase", "{\"name\":\"final-reads\"}");
    lines.out.flush().expect("a file");
    lines.index
}

fn read(lines: &mut Lines, at: &str, view: &str, rows: &[String]) {
    let value = format!("{{\"view\":\"{view}\",\"at\":\"{at}\",\"rows\":[{}]}}", rows.join(","));
    lines.line("\"view\"", "ok", "view", &value);
}

fn phase(lines: &mut Lines, name: &str) {
    for kind in ["invoke", "ok"] {
        lines.line("\"run\"", kind, "phase", &format!("{{\"name\":\"{name}\"}}"));
    }
}

fn workload(lines: &mut Lines, payments: u64, accounts: u64) {
    let mut clients: Vec<u64> = (0..64).collect();
    for n in 0..payments {
        let (account, amount) = (n % accounts, 10_u128.pow((n / accounts) as u32));
        let client = (n % 64) as usize;
        let shown = format!("{}.{:02}", amount / 100, amount % 100);
        let ask = |attempt: u32| {
            let attempt = if attempt > 1 {
                format!(",\"attempt\":{attempt}")
            } else {
                String::new()
            };
            format!(
                "{{\"subject\":\"tx-{n:09}\"{attempt},\"args\":{{\"account\":\"acct-{account:07}\",\"amount\":\"{shown}\",\"card\":\"4242424242424242\",\"tx\":\"tx-{n:09}\"}}"
            )
        };
        let mut attempt = 1;
        if n % 8 == 3 {
            let process = clients[client].to_string();
            lines.line(&process, "invoke", "recharge", &(ask(1) + "}"));
            lines.line(&process, "info", "recharge", &(ask(1) + "}"));
            clients[client] += 64;
            attempt = 2;
        }
        let process = clients[client].to_string();
        lines.line(&process, "invoke", "recharge", &(ask(attempt) + "}"));
        let ok = format!(
            "{},\"status\":200,\"answer\":{{\"result\":\"success\",\"tx\":\"tx-{n:09}\"}}}}",
            ask(attempt)
        );
        lines.line(&process, "ok", "recharge", &ok);
        for _ in 0..1 + u32::from(n % 16 == 5) {
            let wire = format!(
                "{{\"link\":\"rocketmq->account\",\"conn\":{},\"point\":\"DELIVER topic_notifymsg\",\"role\":\"delivered\",\"keys\":{{\"tx\":[\"tx-{n:09}\"]}},\"bytes\":214}}",
                1 + n % 4
            );
            lines.line("\"wire\"", "info", "wire", &wire);
        }
        if n % 16 == 7 {
            let query = format!("{{\"subject\":\"tx-{n:09}\",\"args\":{{\"tx\":\"tx-{n:09}\"}}");
            lines.line(&process, "invoke", "query", &format!("{query}}}"));
            let ok = format!("{query},\"status\":200,\"answer\":{{\"result\":\"success\"}}}}");
            lines.line(&process, "ok", "query", &ok);
        }
    }
}

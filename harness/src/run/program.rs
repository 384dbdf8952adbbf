//! Promises that a program of the user decides: it gets the history on its standard input and prints its verdict.
//!
//! It runs in the target's folder, within a bound of time. Whatever goes wrong with it makes its promise unknown, never valid.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use paytwice_checkers::Findings;
use paytwice_checkers::promises::of_command;
use paytwice_checkers::verdict::{CheckerResult, Results};

/// The checker whose promises are decided so.
const COMMAND: &str = "command";
/// How long a program may take.
const TIME_MAX: Duration = Duration::from_secs(120);
/// The longest verdict that is read.
const VERDICT_BYTES_MAX: u64 = 64 << 20;

/// Decides the promises of a judged history that name a program; programs are started in `folder`.
pub(super) fn decide(folder: &Path, history: &Path, results: &mut Results) {
    let promises = results.header.promises.clone();
    for promise in promises.iter().filter(|promise| promise.checker == COMMAND) {
        let name = promise
            .options
            .get("name")
            .and_then(|name| name.as_str())
            .unwrap_or(COMMAND);
        let words = promise.options.get("run").and_then(|run| run.as_array());
        let words: Vec<&str> = words.into_iter().flatten().filter_map(|word| word.as_str()).collect();
        results.put(match said(folder, history, &words) {
            Ok(said) => of_command(name, &said),
            Err(why) => undecided(name, &why),
        });
    }
}

fn undecided(name: &str, why: &str) -> CheckerResult {
    let mut findings = Findings::default();
    findings.doubt(why);
    findings.result(name)
}

/// What a program writes about a history.
fn said(folder: &Path, history: &Path, words: &[&str]) -> Result<Vec<u8>, String> {
    let [program, arguments @ ..] = words else {
        return Err("its `run` names no program".to_owned());
    };
    let input = File::open(history).map_err(|e| format!("{}: {e}", history.display()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::from(input))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|e| format!("the program {program:?} cannot be started in {}: {e}", folder.display()))?;
    let read = reading(&mut child);
    let Ok(said) = read.recv_timeout(TIME_MAX) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "the program {program:?} did not end within {} s",
            TIME_MAX.as_secs()
        ));
    };
    let status = child.wait().map_err(|e| format!("the program {program:?}: {e}"))?;
    if status.success() {
        Ok(said)
    } else {
        Err(format!("the program {program:?} failed: {status}"))
    }
}

/// Reads what a program writes, on a thread of its own, until it writes no more.
fn reading(child: &mut Child) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(output) = output {
            // What cannot be read is not there; the verdict in it is no verdict then.
            let _ = output.take(VERDICT_BYTES_MAX).read_to_end(&mut said);
        }
        let _ = send.send(said);
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(script: &str) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.jsonl");
        std::fs::write(&history, "one\ntwo\n").unwrap();
        said(folder.path(), &history, &["sh", "-c", script])
    }

    #[test]
    fn a_program_reads_the_history_and_is_heard() {
        assert_eq!(of("wc -l").unwrap().trim_ascii(), b"2");
    }

    #[test]
    fn a_program_that_fails_or_is_not_there_says_so() {
        assert!(of("exit 3").unwrap_err().contains("failed: exit status: 3"));
        let folder = tempfile::tempdir().unwrap();
        let history = folder.path().join("history.jsonl");
        std::fs::write(&history, "").unwrap();
        let missing = said(folder.path(), &history, &["no-such-program"]).unwrap_err();
        assert!(missing.contains("\"no-such-program\" cannot be started"), "{missing}");
    }
}

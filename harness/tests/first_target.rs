//! The target that `docs/first-target.md` writes: its snippets, taken from the page, run on real containers.

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::require_docker;
use paytwice::{Campaign, Session};
use paytwice_checkers::Findings;
use paytwice_checkers::history::{Body, History};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

const PAGE: &str = include_str!("../../docs/first-target.md");

/// Writes the page's snippets into the files that they name; `more` goes behind the manifest.
fn written(name: &str, more: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("schema")).unwrap();
    let manifest = snippet("toml target.toml") + more;
    std::fs::write(folder.join("target.toml"), manifest).unwrap();
    std::fs::write(folder.join("schema/shop.sql"), snippet("sql schema/shop.sql")).unwrap();
    folder
}

/// Every block of the page with this heading, one behind the other.
fn snippet(heading: &str) -> String {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let own = blocks.filter_map(|block| block.strip_prefix(heading));
    let text: String = own.collect();
    assert!(!text.is_empty(), "the page has no block {heading:?}");
    text
}

/// A checker from Rust: somebody was killed, and every client asked for something.
fn somebody_was_killed(history: &History) -> CheckerResult {
    let mut findings = Findings::default();
    let killed = |body: &Body| matches!(body, Body::Fault(step) if step.fault == "kill");
    if !history.events.iter().any(|event| killed(&event.body)) {
        findings.doubt("nobody was killed");
    }
    findings.count("events", history.events.len() as u64);
    findings.result("somebody-was-killed")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_target_of_the_documentation_keeps_its_promises() {
    require_docker!();
    let counted = r#"

[[promises]]
checker = "command"
name = "counted"
run = ["sh", "-c", "wc -l | sed 's/^ */{\"verdict\": \"valid\", \"counts\": {\"events\": /; s/$/}}/'"]

[[promises]]
checker = "command"
name = "confused"
run = ["echo", "all is well"]
"#;
    let store = tempfile::tempdir().unwrap();
    let campaign = |folder: &Path| {
        Campaign::target(folder.display().to_string())
            .store(store.path())
            .seed(1)
            .time(Duration::from_secs(6))
            .faults(["kill:shop@2s+1s", "cut:shop->store@4s+1s"])
    };
    let plain = campaign(&written("first-target", ""));
    let session = Session::up(&plain).await.unwrap();
    let run = session.run(&plain, (1, 1)).await.unwrap();
    run.assert_valid();
    assert!(run.results().fates.len() > 80, "{}", run.summary());

    // The same with programs that decide, and with a checker from Rust.
    let more = campaign(&written("first-target-programs", counted)).checker("somebody-was-killed", somebody_was_killed);
    let run = session.run(&more, (1, 1)).await.unwrap();
    session.down().await.unwrap();
    let result = |name: &str| {
        let all = &run.results().checkers;
        all.iter()
            .find(|result| result.name == name)
            .unwrap_or_else(|| panic!("{name}: {}", run.summary()))
    };
    let events = run.history().events.len() as u64;
    assert_eq!(
        (result("counted").verdict, result("counted").counts["events"]),
        (Verdict::Valid, events)
    );
    assert_eq!(result("confused").verdict, Verdict::Unknown);
    let reason = result("confused").reason.as_deref().unwrap();
    assert!(reason.contains("it wrote: all is well"), "{reason}");
    assert_eq!(result("somebody-was-killed").verdict, Verdict::Valid);
    assert_eq!(run.verdict(), Verdict::Unknown, "{}", run.summary());
}

//! The page in a real browser, where one is installed: its scripts run, and names in the history run nothing.

mod fixture;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let candidates = std::env::split_paths(&path).flat_map(|folder| BROWSERS.map(|name| folder.join(name)));
    candidates.into_iter().find(|file| file.is_file())
}

/// The document after its scripts ran; None, with a message, where no browser is installed.
fn opened(run: &fixture::Run, name: &str, fragment: &str) -> Option<String> {
    let Some(browser) = browser() else {
        eprintln!("skipped: none of {} is installed", BROWSERS.join(", "));
        return None;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    paytwice_reports::write_all(&folder, &run.report()).expect("written");
    let dom = folder.join("dom.html");
    let output = std::fs::File::create(&dom).expect("a file");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,900",
            "--virtual-time-budget=5000",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args([
            "--dump-dom".to_owned(),
            format!("file://{}#{fragment}", folder.join("report.html").display()),
        ])
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .expect("the browser starts");
    wait(&mut child);
    Some(std::fs::read_to_string(dom).expect("the browser wrote the document"))
}

fn wait(child: &mut Child) {
    let start = Instant::now();
    while child.try_wait().expect("the browser can be waited for").is_none() {
        if start.elapsed() > Duration::from_secs(120) {
            child.kill().expect("the browser can be killed");
            panic!("the browser did not end within 120 s");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_link_to_a_subject_opens_its_story() {
    let Some(dom) = opened(&fixture::invalid(300), "story", "subject=7-0023") else {
        return;
    };
    assert!(
        dom.contains("data-ready=\"true\"") && !dom.contains("data-failed"),
        "the scripts ran"
    );
    assert!(dom.contains("Story of payment 7-0023"), "the story is open");
    assert!(dom.contains("Credited <b>twice</b>"), "and says what happened");
    let rows = dom.matches("aria-rowindex=").count();
    assert!((10..120).contains(&rows), "only the rows in sight exist, not {rows}");
}

#[test]
fn a_link_to_a_kind_of_anomaly_filters_the_table() {
    let Some(dom) = opened(&fixture::invalid(300), "filter", "anomaly=late") else {
        return;
    };
    assert!(dom.contains("3 of 300 payments</output>"), "the count says so");
}

#[test]
fn names_in_the_history_run_nothing() {
    let name = "</script><script>document.documentElement.dataset.owned=1</script><img src=x onerror=alert(1)>";
    let Some(dom) = opened(&fixture::hostile(name), "hostile", "subject=none") else {
        return;
    };
    assert!(
        dom.contains("data-ready=\"true\"") && !dom.contains("data-failed"),
        "the scripts ran"
    );
    assert!(!dom.contains("data-owned") && !dom.contains("<img"), "and no other");
}

#[test]
fn a_run_without_results_is_a_page_without_subjects() {
    let Some(dom) = opened(&fixture::empty(), "empty", "subject=none") else {
        return;
    };
    assert!(
        dom.contains("data-ready=\"true\"") && !dom.contains("data-failed"),
        "the scripts ran"
    );
    assert!(!dom.contains("id=\"subjects\""), "the section is left out");
}

#[test]
fn a_cut_history_shows_what_is_unknown() {
    let Some(dom) = opened(&fixture::truncated(60), "truncated", "subject=7-0001") else {
        return;
    };
    assert!(dom.contains("Whether it was recorded is unknown."), "the story says so");
    assert!(
        dom.contains("<td class=\"c-recorded odd\" title=\"unknown\">unknown</td>"),
        "the table says so"
    );
    assert!(!dom.contains("title=\"no\""), "and nothing is said to be missing");
}

#[test]
fn a_flow_without_balances_reads_in_its_own_words() {
    let Some(dom) = opened(&fixture::shipping(), "shipping", "subject=o00003") else {
        return;
    };
    assert!(
        dom.contains("data-ready=\"true\"") && !dom.contains("data-failed"),
        "the scripts ran"
    );
    assert!(dom.contains("6 orders</output>"), "the count says so");
    assert!(
        dom.contains("quantity 1, sku ink. Shipped <b>once</b>."),
        "the story is in the words of the target"
    );
    assert!(
        !dom.contains("class=\"c-recorded") && !dom.contains("class=\"n c-delivered"),
        "no column for what the target does not have"
    );
}

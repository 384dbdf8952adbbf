//! The page: what it says without scripts, what its data holds, and what it must never do.

mod fixture;

use std::time::Instant;

use paytwice_reports::{ReportError, html, write_all};
use serde_json::Value;

fn page(run: &fixture::Run) -> String {
    html::render(&run.report()).expect("rendered")
}

/// The embedded data.
fn data(page: &str) -> Value {
    let begin = "<script type=\"application/json\" id=\"data\">";
    let json = page
        .split(begin)
        .nth(1)
        .and_then(|rest| rest.split("</script>").next())
        .expect("the page has data");
    serde_json::from_str(json).expect("the data is JSON")
}

/// What people read: without style, scripts and data.
fn prose(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some(at) = ["<style>", "<script"].iter().filter_map(|tag| rest.find(tag)).min() {
        let end = if rest[at..].starts_with("<style") {
            "</style>"
        } else {
            "</script>"
        };
        let open = at + rest[at..].find('>').expect("a tag ends") + 1;
        let close = at + rest[at..].find(end).expect("an element ends");
        out.push_str(&rest[..open]);
        out.push_str("...");
        out.push_str(end);
        rest = &rest[close + end.len()..];
    }
    out + rest
}

#[test]
fn a_valid_run() {
    insta::assert_snapshot!(prose(&page(&fixture::valid(120))));
}

#[test]
fn an_invalid_run() {
    insta::assert_snapshot!(prose(&page(&fixture::invalid(120))));
}

#[test]
fn a_truncated_run() {
    insta::assert_snapshot!(prose(&page(&fixture::truncated(120))));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert!(page(&fixture::invalid(300)) == page(&fixture::invalid(300)));
}

#[test]
fn the_page_stands_alone() {
    let page = page(&fixture::invalid(60));
    for outside in [
        "http:",
        "https:",
        "src=",
        "url(",
        "@import",
        "<link",
        "<iframe",
        "fetch(",
        "XMLHttpRequest",
    ] {
        assert!(!page.contains(outside), "{outside} leads out of the page");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("innerHTML"), "text of others would become markup");
}

#[test]
fn names_of_others_stay_text() {
    for name in [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\"><img onerror=alert(1)>",
        "{{ 7 * 7 }}",
    ] {
        let page = page(&fixture::hostile(name));
        assert_eq!(page.matches("<script").count(), 2, "{name}");
        assert_eq!(page.matches("</script>").count(), 2, "{name}");
        assert!(!page.contains("<img") && !page.contains("<!--"), "{name}");
        let rows = &data(&page)["payments"]["rows"];
        assert!(
            rows.as_array().expect("rows").iter().any(|row| row[0] == name),
            "{name} is in the table as it stands"
        );
    }
}

#[test]
fn the_data_holds_every_payment_and_its_story() {
    let run = fixture::invalid(120);
    let data = data(&page(&run));
    let rows = data["payments"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 120);
    let double = rows
        .iter()
        .position(|row| row[0] == "7-0023")
        .expect("the payment has a row");
    assert_eq!(rows[double][9], 2, "credited twice");
    let story = told(&data, double);
    let count = |words: &str| story.iter().filter(|step| step.contains(words)).count();
    assert_eq!(
        count("client 23 | recharge invoke | 1.00 to acct-03, attempt 1"),
        1,
        "{story:#?}"
    );
    assert_eq!(
        count("account->rocketmq | wire | DELIVER topic_notifymsg"),
        2,
        "{story:#?}"
    );
    assert_eq!(count("final read: acct-03 has"), 1, "{story:#?}");
    assert_eq!(count("final read: marked as credited"), 1, "{story:#?}");
}

/// The steps of a story as the page's script reads them: who | what | value.
fn told(data: &Value, row: usize) -> Vec<String> {
    let flat = data["stories"][row].as_array().expect("a story");
    let word = |at: &Value| {
        let at = usize::try_from(at.as_u64().expect("a number of a string")).expect("small");
        data["strings"][at].as_str().expect("a string")
    };
    let who = |number: &Value| match number.as_i64().expect("a number") {
        client @ ..0 => format!("client {}", -1 - client),
        _ => word(number).to_owned(),
    };
    let step = |step: &[Value]| format!("{} | {} | {}", who(&step[2]), word(&step[3]), word(&step[4]));
    flat.chunks(5).map(step).collect()
}

#[test]
fn a_server_made_number_leads_to_the_payment() {
    let mut run = fixture::invalid(60);
    let text = serde_json::to_string(&run.events).expect("JSON");
    // The server answers with its own number and uses it on the wire from then on.
    let text = text.replace("\"answer_tx\":\"7-0023\"", "\"answer_tx\":\"srv-23\"");
    let text = text.replace("\"tx\":[\"7-0023\"]", "\"tx\":[\"srv-23\"]");
    run.events = serde_json::from_str(&text).expect("events");
    let data = data(&page(&run));
    let rows = data["payments"]["rows"].as_array().expect("rows");
    let row = rows
        .iter()
        .position(|row| row[0] == "7-0023")
        .expect("the payment has a row");
    let story = told(&data, row);
    assert!(
        story.iter().any(|step| step.ends_with("recorded as srv-23")),
        "{story:#?}"
    );
    assert!(
        story
            .iter()
            .any(|step| step.ends_with("DELIVER topic_notifymsg (srv-23)")),
        "{story:#?}"
    );
}

#[test]
fn ten_thousand_payments_make_a_page_that_a_browser_likes() {
    let run = fixture::invalid(10_000);
    let report = run.report();
    let start = Instant::now();
    let page = html::render(&report).expect("rendered");
    let took = start.elapsed();
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert!(
        data(&page)["timeline"]["points"]["points"]
            .as_array()
            .expect("points")
            .len()
            <= 8_000
    );
    assert!(
        page.contains("operations are drawn as points"),
        "the page says that it was thinned"
    );
    // Without optimization the time says nothing.
    if !cfg!(debug_assertions) {
        assert!(took.as_secs_f64() < 1.0, "{took:?}");
    }
}

#[test]
fn all_reports_are_written_or_the_file_is_named() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written");
    std::fs::create_dir_all(&folder).expect("a folder");
    let run = fixture::valid(60);
    write_all(&folder, &run.report()).expect("written");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["junit.xml", "report.html", "results.json"]);

    let error = write_all(&folder.join("missing"), &run.report()).expect_err("there is no such folder");
    assert!(matches!(&error, ReportError::Write { path, .. } if path.ends_with("results.json")));
    assert!(error.to_string().contains("results.json: cannot be written"), "{error}");
}

#[test]
fn the_reports_fit_what_the_checkers_say() {
    for (run, payments) in [(fixture::valid(300), 300), (fixture::invalid(300), 300)] {
        let history = fixture::history(&run);
        let results = paytwice_checkers::judge(&history);
        let report = paytwice_reports::RunReport::new(&results, &history.events, "paytwice check run-7");
        let page = html::render(&report).expect("rendered");
        assert_eq!(data(&page)["payments"]["total"], payments);
        assert_eq!(page.matches("<article").count(), paytwice_checkers::CHECKERS.len());
        assert_eq!(
            page.matches("class=\"about\"").count(),
            paytwice_checkers::CHECKERS.len()
        );
        let text = paytwice_reports::terminal::render(&report, &paytwice_reports::terminal::Options::default());
        assert!(text.starts_with(&results.sentence[..40]), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

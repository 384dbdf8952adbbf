//! The page: what it says without scripts, what its data holds, and what it must never do.

mod fixture;

use paytwice_checkers::history::Body;
use paytwice_checkers::promises;
use paytwice_reports::{ReportError, RunReport, html, terminal, write_all};
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

/// What people read: without style, scripts, data, and the checkers' own descriptions.
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
    let lines = (out + rest)
        .lines()
        .filter(|line| !line.contains("class=\"about\""))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    lines.join("\n")
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
fn a_flow_without_balances() {
    insta::assert_snapshot!(prose(&page(&fixture::shipping())));
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
fn names_in_the_history_stay_text() {
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
        let rows = &data(&page)["subjects"]["rows"];
        assert!(
            rows.as_array().expect("rows").iter().any(|row| row[0] == name),
            "{name} is in the table as it stands"
        );
    }
}

#[test]
fn the_data_holds_every_subject_and_its_story() {
    let run = fixture::invalid(120);
    let data = data(&page(&run));
    let rows = data["subjects"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 120);
    let double = rows
        .iter()
        .position(|row| row[0] == "7-0023")
        .expect("the payment has a row");
    assert_eq!(rows[double][7], 2, "credited twice");
    let story = told(&data, double);
    let count = |words: &str| story.iter().filter(|step| step.contains(words)).count();
    assert_eq!(
        count("client 23 | recharge invoke | account acct-03, amount 1.00"),
        1,
        "{story:#?}"
    );
    assert_eq!(
        count("account->rocketmq | wire | DELIVER topic_notifymsg"),
        2,
        "{story:#?}"
    );
    assert_eq!(count("DELIVER topic_notifymsg, duplicate"), 1, "{story:#?}");
    assert_eq!(
        count("balances | view | at rest: account acct-03, balance"),
        1,
        "{story:#?}"
    );
    assert_eq!(
        count("balances | view | at the end: account acct-03, balance"),
        1,
        "{story:#?}"
    );
    assert_eq!(count("payments | view | at the end: result success"), 1, "{story:#?}");
    assert_eq!(count("credits | view | at the end: found"), 1, "{story:#?}");
    assert_eq!(count("before the workload"), 0, "{story:#?}");
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
fn a_key_that_the_server_gave_leads_to_the_subject() {
    let mut run = fixture::invalid(60);
    for event in &mut run.events {
        match &mut event.body {
            Body::Op(op) if op.subject == "7-0023" && op.action == "recharge" => {
                op.answer
                    .entry("tx".into())
                    .and_modify(|tx| *tx = "srv-000000023".into());
            }
            Body::Wire(frame) if frame.key("tx") == ["7-0023"] => {
                frame.keys.insert("tx".into(), vec!["srv-000000023".into()]);
            }
            _ => {}
        }
    }
    let data = data(&page(&run));
    let rows = data["subjects"]["rows"].as_array().expect("rows");
    let row = rows
        .iter()
        .position(|row| row[0] == "7-0023")
        .expect("the payment has a row");
    let story = told(&data, row);
    assert!(
        story.iter().any(|step| step.ends_with("tx srv-000000023")),
        "{story:#?}"
    );
    assert!(
        story
            .iter()
            .any(|step| step.ends_with("DELIVER topic_notifymsg (…00000023)")),
        "{story:#?}"
    );
}

#[test]
fn ten_thousand_subjects_make_a_page_of_bounded_size() {
    let run = fixture::invalid(10_000);
    let report = run.report();
    let page = html::render(&report).expect("rendered");
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
    for (run, n) in [
        (fixture::valid(300), 4),
        (fixture::invalid(300), 4),
        (fixture::shipping(), 3),
    ] {
        let history = fixture::history(&run);
        let results = paytwice_checkers::judge(&history);
        assert_eq!(results.checkers.len(), n);
        let report = RunReport::new(&results, &history.events, "paytwice check run-7");
        let page = html::render(&report).expect("rendered");
        assert_eq!(data(&page)["subjects"]["total"], run.results.fates.len());
        assert_eq!(page.matches("<article").count(), n);
        let known = results.checkers.iter().filter(|c| promises::find(&c.name).is_ok());
        assert_eq!(page.matches("class=\"about\"").count(), known.count());
        let text = terminal::render(&report, &terminal::Options::default());
        assert!(text.starts_with(&results.sentence[..40]), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

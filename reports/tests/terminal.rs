//! The summary on a terminal, as people see it.

mod fixture;

use std::time::Duration;

use paytwice_checkers::verdict::Verdict;
use paytwice_reports::campaign::{self, CampaignRun, RunOutcome};
use paytwice_reports::terminal::{self, Options};

fn plain(run: &fixture::Run) -> String {
    terminal::render(&run.report(), &Options::default())
}

fn verbose(run: &fixture::Run) -> String {
    let options = Options {
        verbose: true,
        ..Options::default()
    };
    terminal::render(&run.report(), &options)
}

#[test]
fn a_valid_run() {
    insta::assert_snapshot!(plain(&fixture::valid(400)));
}

#[test]
fn an_invalid_run() {
    insta::assert_snapshot!(plain(&fixture::invalid(400)));
}

#[test]
fn a_flow_without_balances() {
    insta::assert_snapshot!(plain(&fixture::shipping()));
}

#[test]
fn a_summary_fits_on_a_screen() {
    let lines = |text: String| text.lines().count();
    assert!(lines(plain(&fixture::valid(400))) <= 13);
    assert!(lines(plain(&fixture::invalid(400))) <= 32);
}

#[test]
fn a_verbose_valid_run() {
    insta::assert_snapshot!(verbose(&fixture::valid(400)));
}

#[test]
fn a_verbose_invalid_run() {
    insta::assert_snapshot!(verbose(&fixture::invalid(400)));
}

#[test]
fn more_than_ten_witnesses_are_counted() {
    let text = verbose(&fixture::invalid(1_200));
    assert!(text.contains("\nAnomalies (10 of "), "{text}");
    assert!(text.contains(" more in report.html\n"), "{text}");
}

#[test]
fn the_folder_of_the_report_is_named() {
    let run = fixture::valid(60);
    let report = run.report().in_folder("runs/seven".as_ref());
    let text = terminal::render(&report, &Options::default());
    assert!(
        text.ends_with(&format!("\nruns/seven/report.html\n{}\n", run.replay)),
        "{text}"
    );
}

#[test]
fn a_truncated_run() {
    insta::assert_snapshot!(plain(&fixture::truncated(400)));
}

#[test]
fn no_line_is_wider_than_asked_but_the_command() {
    for (verbose, width) in [(false, 80), (false, 100), (true, 80), (true, 90), (true, 100)] {
        let run = fixture::invalid(1_200);
        let options = Options {
            verbose,
            width,
            color: false,
        };
        let text = terminal::render(&run.report(), &options);
        let summary = text
            .strip_suffix(&format!("\n{}\n", run.replay))
            .expect("the command is the last line");
        for line in summary.lines() {
            let within = line.chars().count() <= width;
            assert!(within, "{} characters: {line}", line.chars().count());
            assert_eq!(line, line.trim_end(), "no blanks at the end of a line");
        }
    }
}

#[test]
fn colors_change_no_text() {
    let run = fixture::invalid(400);
    let colored = terminal::render(
        &run.report(),
        &Options {
            color: true,
            ..Options::default()
        },
    );
    assert!(colored.starts_with("\u{1b}[1;31mINVALID\u{1b}[0m: payment"));
    let mut bare = String::new();
    for (n, part) in colored.split('\u{1b}').enumerate() {
        bare.push_str(if n == 0 {
            part
        } else {
            part.split_once('m').expect("a whole sequence").1
        });
    }
    assert_eq!(bare, plain(&run));
}

#[test]
fn names_in_the_history_cannot_drive_the_terminal() {
    let text = plain(&fixture::hostile("\u{1b}]0;owned\u{7}\r\n"));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn a_run_without_results() {
    insta::assert_snapshot!(plain(&fixture::empty()));
}

#[test]
fn a_campaign() {
    let judged = |verdict, sentence: &str| RunOutcome::Judged {
        verdict,
        sentence: sentence.to_owned(),
    };
    let run = |seed, outcome, ms| CampaignRun {
        seed,
        outcome,
        wall: Duration::from_millis(ms),
    };
    let runs = [
        run(
            7,
            judged(
                Verdict::Valid,
                "VALID: all 600 recorded payments were credited exactly once",
            ),
            41_230,
        ),
        run(
            8,
            judged(Verdict::Invalid, &fixture::invalid(60).results.sentence),
            43_900,
        ),
        run(
            9,
            judged(Verdict::Unknown, "UNKNOWN: the final views are incomplete"),
            39_000,
        ),
        run(
            1_000_000_007,
            RunOutcome::Failed("rocketmq did not become ready within 60 s".into()),
            61_500,
        ),
    ];
    insta::assert_snapshot!(campaign::render(&runs, &Options::default()));
}

#[test]
fn what_went_wrong_with_the_run_is_in_every_report() {
    let mut run = fixture::truncated(60);
    run.results.troubles = vec!["workload: the container of pay is\u{1b}[2J gone".to_owned()];
    let shown = "workload: the container of pay is\\u{1b}[2J gone";
    for text in [plain(&run), verbose(&run)] {
        assert!(text.contains(shown), "{text}");
    }
    let xml = paytwice_reports::junit::render(&run.report()).unwrap();
    assert!(xml.contains(shown), "{xml}");
    let page = paytwice_reports::html::render(&run.report()).unwrap();
    assert!(page.contains("workload: the container of pay is"), "{page}");
}

//! Parties that end, or are removed, though no fault of the run did it: a service is started again as its manifest says, and a
//! run whose party is gone ends within seconds and names it.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{build_sample_service, docker, require_docker};
use paytwice::run::{Notice, Observer};
use paytwice::stack::{Engine, LABEL_OWNER, LABEL_PARTY, ServiceSource, service_image};
use paytwice::{Campaign, Run, Session};
use paytwice_checkers::history::Body;
use paytwice_checkers::verdict::Verdict;

/// From the removal of a party to the verdict.
const VERDICT_AFTER_MAX: Duration = Duration::from_secs(15);

/// Stacks of one process have one owner: tests that look for containers by it take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The container of a party of this process, as Docker's own client names it.
fn container_of(party: &str) -> String {
    let label = format!("label={LABEL_PARTY}={party}");
    let format = format!("{{{{.Label \"{LABEL_OWNER}\"}}}} {{{{.Names}}}}");
    let all = docker(&["ps", "--filter", &label, "--format", &format]);
    let own = format!("{}:", std::process::id());
    let line = all.lines().find(|line| line.starts_with(&own));
    let line = line.unwrap_or_else(|| panic!("no container of {party} in: {all}"));
    line.split(' ').next_back().unwrap().to_owned()
}

/// A campaign, and what resolves when its clients have worked for a moment.
fn campaign(target: &str, store: &Path) -> (Campaign, impl Future<Output = ()> + use<>) {
    let (at_work, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let observer = Observer::new(move |notice| {
        if let Notice::Tick(tick) = notice
            && tick.ok > 10
        {
            let _ = at_work.send(());
        }
    });
    let campaign = Campaign::target(target)
        .seed(3)
        .time(Duration::from_secs(8))
        .faults(["none"; 0])
        .store(store)
        .observer(observer);
    (campaign, async move {
        seen.recv().await.unwrap();
    })
}

fn others(run: &Run, name: &str) -> Vec<String> {
    let events = run.history().events.iter();
    let named = events.filter_map(|event| match &event.body {
        Body::Other(what, of) if what == name => of["party"].as_str().map(str::to_owned),
        _ => None,
    });
    named.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_container_is_removed_ends_at_once_and_names_it() {
    require_docker!();
    let _turn = TURN.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = campaign("pay-account", dir.path());
    let session = Session::up(&first).await.unwrap();
    for party in ["account", "pay", "mysql", "broker", "namesrv"] {
        let (campaign, at_work) = campaign("pay-account", dir.path());
        let removing = async {
            at_work.await;
            let container = container_of(party);
            docker(&["rm", "-f", &container]);
            (container, Instant::now())
        };
        let (run, (container, removed)) = tokio::join!(session.run(&campaign, (1, 1)), removing);
        let run = run.unwrap();
        let took = removed.elapsed();
        eprintln!("{party}: {:.1} s, {}", took.as_secs_f64(), run.results().sentence);
        assert_eq!(run.verdict(), Verdict::Unknown, "{}", run.summary());
        assert!(took < VERDICT_AFTER_MAX, "{party}: a verdict after {took:?}");
        let sentence = format!("the container {container} of {party} was removed by somebody else");
        assert!(run.results().sentence.contains(&sentence), "{}", run.results().sentence);
        let trouble = format!("workload: {sentence}");
        let read = |file: &str| std::fs::read_to_string(run.folder().join(file)).unwrap();
        for (report, text) in [
            (
                "terminal",
                run.summary().split_whitespace().collect::<Vec<_>>().join(" "),
            ),
            ("junit.xml", read("junit.xml")),
            ("report.html", read("report.html")),
        ] {
            assert!(text.contains(&trouble), "{report}: {text}");
        }
    }
    // Whatever was removed is there again for the next run.
    let (last, _) = campaign("pay-account", dir.path());
    session.run(&last, (1, 1)).await.unwrap().assert_valid();
    session.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_by_itself_is_started_again_and_said_so() {
    require_docker!();
    let _turn = TURN.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let (campaign, at_work) = campaign("pay-account", dir.path());
    let ending = async {
        at_work.await;
        docker(&["kill", &container_of("account")]);
    };
    let (run, ()) = tokio::join!(campaign.run(), ending);
    let run = run.unwrap();
    run.assert_valid();
    assert_eq!(others(&run, "ended-by-itself"), ["account"]);
    assert_eq!(others(&run, "started-again"), ["account"]);
    let said = run.summary();
    assert!(
        said.contains("account ended by itself at ") && said.contains("exit code 137"),
        "{said}"
    );
}

/// A target with one service, the sample service, that behaves as `env` says.
async fn sample_target(folder: &Path, service: &str) -> String {
    let source = ServiceSource::Binary(build_sample_service(folder));
    let engine = Engine::connect().await.unwrap();
    let image = service_image(&engine, "sample", &source, &|_| ()).await.unwrap();
    let manifest = format!(
        r#"
version = 1
name = "sample"

[services.sample]
image = "{image}"
port = 8080
ready = "/healthz"
{service}

[keys.id]
at = ["path:/healthz/{{id}}"]

[subjects.visit]
key = "id"

[actions.visit]
starts = "visit"
call = "GET sample /healthz/${{id}}"

[[promises]]
checker = "command"
name = "content"
run = ["sh", "-c", "cat > /dev/null; echo '{{\"verdict\": \"valid\"}}'"]
"#
    );
    std::fs::write(folder.join("target.toml"), manifest).unwrap();
    folder.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_to_be_started_again_stays_down() {
    require_docker!();
    let _turn = TURN.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let target = sample_target(dir.path(), "restart = \"never\"").await;
    let (campaign, at_work) = campaign(&target, dir.path());
    let ending = async {
        at_work.await;
        docker(&["kill", &container_of("sample")]);
        Instant::now()
    };
    let (run, ended) = tokio::join!(campaign.run(), ending);
    let run = run.unwrap();
    assert!(ended.elapsed() < Duration::from_secs(40), "after {:?}", ended.elapsed());
    assert_eq!(others(&run, "ended-by-itself"), ["sample"]);
    assert_eq!(others(&run, "started-again"), Vec::<String>::new());
    let said = run.summary();
    assert!(said.contains("restart = \"never\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_again_and_again_though_nothing_is_broken_ends_the_run() {
    require_docker!();
    let _turn = TURN.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let target = sample_target(dir.path(), "env = { DIE_AFTER_MS = \"1500\" }").await;
    let (campaign, _) = campaign(&target, dir.path());
    let run = campaign.time(Duration::from_secs(60)).run().await.unwrap();
    assert_eq!(run.verdict(), Verdict::Unknown, "{}", run.summary());
    let sentence = &run.results().sentence;
    assert!(
        sentence.contains("sample ended by itself with exit code 4"),
        "{sentence}"
    );
    assert_eq!(others(&run, "started-again"), ["sample"; 3]);
    let worked = run
        .results()
        .phases
        .iter()
        .find(|(name, ..)| name == "workload")
        .unwrap();
    let ended_s = worked.2.unwrap() / 1_000_000_000;
    assert!(ended_s < 40, "the workload of 60 s ended at {ended_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_soon_after_it_was_ready_fails_the_set_up_with_its_last_words() {
    require_docker!();
    let _turn = TURN.lock().await;
    for service in [
        "env = { FAIL = \"no account to pay from\" }",
        "env = { DIE_AFTER_MS = \"0\" }",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let target = sample_target(dir.path(), service).await;
        let (campaign, _) = campaign(&target, dir.path());
        let begun = Instant::now();
        let error = campaign.run().await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains("sample ended by itself with exit code"), "{said}");
        let words = ["cannot start: no account to pay from", "the name server is away"];
        assert!(words.iter().any(|words| said.contains(words)), "{said}");
        assert!(error.is_users(), "{said}");
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "noticed at once, not by time-out"
        );
    }
}

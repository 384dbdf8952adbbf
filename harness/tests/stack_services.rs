//! Services are packed, started, reached through the gateway, killed and restarted; their failures are explained.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{TestStack, build_sample_service, left_of, require_docker};
use paytwice::stack::{
    ContainerStack, Engine, Fallen, HttpReady, Kill as _, PartySpec, Pause as _, Place, ServiceSource, Stack as _,
    service_image,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn spec(name: &str, image: &str) -> PartySpec {
    let health = HttpReady {
        port: 8080,
        path: "/healthz".to_string(),
    };
    PartySpec {
        place: Place::Own,
        ..PartySpec::new(name, image, health)
    }
}

async fn sample_image(engine: &Engine, folder: &Path) -> String {
    let source = ServiceSource::Binary(build_sample_service(folder));
    service_image(engine, "sample", &source, &|_| ()).await.unwrap()
}

async fn get(stack: &ContainerStack, party: &str, path: &str) -> String {
    let url = format!("http://{}{path}", stack.addr(party, 8080).unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_packed_once_reaches_its_gateway_and_survives_a_kill() {
    require_docker!();
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::connect().await.unwrap();
    let image = sample_image(&engine, folder.path()).await;
    let again = std::time::Instant::now();
    let source = ServiceSource::Binary(folder.path().join("sample_service"));
    assert_eq!(service_image(&engine, "sample", &source, &|_| ()).await.unwrap(), image);
    eprintln!("image found again after {:?}", again.elapsed());

    let stack = TestStack::up().await;
    let logs = folder.path().join("logs");
    stack.attach_logs(&logs).unwrap();
    let gateway = stack.listen_address("pay").await.unwrap();
    let listener = TcpListener::bind((gateway, 3306)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"greetings from the link\n").await.unwrap();
        }
    });

    let mut pay = spec("pay", &image);
    pay.env = BTreeMap::from([("GREETING".to_string(), "first".to_string())]);
    pay.hosts = BTreeMap::from([("mysql".to_string(), gateway)]);
    let started = stack.launch(pay.clone()).await.unwrap();
    eprintln!("service ready after {:?}", started.ready_after);
    assert_eq!(get(&stack, "pay", "/ask/mysql/3306").await, "greetings from the link\n");

    let addr = stack.addr("pay", 8080).unwrap();
    eprintln!("{}", stack.kill("pay").await.unwrap());
    eprintln!("{}", stack.start("pay").await.unwrap());
    assert_eq!(stack.addr("pay", 8080).unwrap(), addr);
    assert_eq!(get(&stack, "pay", "/ask/mysql/3306").await, "greetings from the link\n");
    eprintln!("{}", stack.pause("pay").await.unwrap());
    eprintln!("{}", stack.unpause("pay").await.unwrap());

    // The next run starts it anew, with another environment and another folder.
    let log = await_text(&logs.join("pay.log"), 2, "GREETING=first").await;
    assert_eq!(
        log.matches("GREETING=first").count(),
        2,
        "both starts are in the log: {log}"
    );
    stack.detach_logs();
    let second = folder.path().join("second");
    stack.attach_logs(&second).unwrap();
    pay.env = BTreeMap::from([("GREETING".to_string(), "second".to_string())]);
    stack.launch(pay).await.unwrap();
    let log = await_text(&second.join("pay.log"), 1, "GREETING=second").await;
    assert!(!log.contains("GREETING=first"), "{log}");
    stack.dependencies.save_logs(&second).await.unwrap();
    assert!(second.join("broker-broker.log").exists());
    stack.down().await.unwrap();
    assert_eq!(left_of(stack.id().as_str()), "");
}

/// The log, once `text` stands in it as often as wanted (lines arrive a moment after they were written).
async fn await_text(path: &Path, times: usize, text: &str) -> String {
    for _ in 0..200 {
        let log = std::fs::read_to_string(path).unwrap_or_default();
        if log.matches(text).count() >= times {
            return log;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{}: no {text}", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_cannot_start_is_explained_by_its_own_words() {
    require_docker!();
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::connect().await.unwrap();
    let image = sample_image(&engine, folder.path()).await;
    let stack = TestStack::up().await;

    let mut failing = spec("pay", &image);
    failing.env = BTreeMap::from([("FAIL".to_string(), "no account to pay from".to_string())]);
    let begun = std::time::Instant::now();
    let error = stack.launch(failing).await.unwrap_err().to_string();
    assert!(error.contains("pay ended by itself with exit code 3"), "{error}");
    assert!(error.contains("cannot start: no account to pay from"), "{error}");
    assert!(begun.elapsed().as_secs() < 20, "noticed at once, not by time-out");
    assert_eq!(stack.fallen().await.unwrap(), [Fallen::Ended("pay".to_owned())]);
    let exit = stack.exit_info("pay").await.unwrap().unwrap();
    assert_eq!((exit.party.as_str(), exit.code), ("pay", 3));

    let missing = stack
        .launch(spec("pay", "paytwice/none:none"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("pay") && missing.contains("paytwice/none:none"),
        "{missing}"
    );
    let unknown = stack.kill("pya").await.unwrap_err().to_string();
    assert!(
        unknown.contains("no party pya") && unknown.contains("broker"),
        "{unknown}"
    );
    stack.down().await.unwrap();
}

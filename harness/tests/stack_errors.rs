//! What is missing is named, with the way out. None of these tests needs Docker to be there.

mod common;

use std::process::Command;

use common::{TestStack, options, require_docker};
use paytwice::dependency::{LaunchOptions, full_disks, images};
use paytwice::stack::{CheckState, ContainerStack, Engine, ServiceSource, doctor, service_image};

const CHILD: &str = "PAYTWICE_TEST_CHILD";

#[tokio::test]
async fn child_without_an_engine() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let error = ContainerStack::up(options()).await.err().unwrap();
    println!("ERROR {error}");
    for check in doctor(&images(), &full_disks()).await {
        println!("{check}");
    }
}

#[test]
fn an_engine_that_does_not_answer_is_named_with_what_to_do() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child_without_an_engine", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("ERROR Docker cannot be reached at unix:///nonexistent/docker.sock"),
        "{text}"
    );
    assert!(text.contains("ci/docker-up"), "{text}");
    assert!(text.contains("missing      docker"), "{text}");
}

#[tokio::test]
async fn an_image_that_is_nowhere_is_named_with_what_to_do() {
    require_docker!();
    let named = "localhost:1/no/such:image";
    // The user's word for one run comes before the manifest's.
    let launch = LaunchOptions {
        images: [("store".to_string(), named.to_string())].into(),
        ..LaunchOptions::default()
    };
    for declared in [
        "store = { kind = 'mysql' }",
        "store = { kind = 'mysql', image = 'paytwice/mysql:local' }",
    ] {
        let error = TestStack::start(declared, options(), &launch).await.err().unwrap();
        assert!(
            error.contains(&format!("image {named} for store is not here")),
            "{error}"
        );
        assert!(error.contains("--image store=IMAGE"), "{error}");
    }
    // And the manifest's before the usual one.
    let declared = format!("store = {{ kind = 'mysql', image = '{named}' }}");
    let error = TestStack::start(&declared, options(), &LaunchOptions::default())
        .await
        .err()
        .unwrap();
    assert!(
        error.contains(&format!("image {named} for store is not here")),
        "{error}"
    );
    assert!(error.contains("dependencies.store.image"), "{error}");
}

#[tokio::test]
async fn a_service_that_cannot_be_built_shows_why() {
    require_docker!();
    let engine = Engine::connect().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = ServiceSource::Cargo {
        folder: folder.path().to_path_buf(),
        package: "nothing".to_string(),
        bin: "none".to_string(),
    };
    let error = service_image(&engine, "pay", &source, &|_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("service pay: cargo build --workspace --bin none failed"),
        "{error}"
    );
    assert!(error.contains("Cargo.toml"), "{error}");
    let source = ServiceSource::Binary(folder.path().join("absent"));
    let error = service_image(&engine, "pay", &source, &|_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("absent") && error.contains("No such file"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_a_run_needs() {
    require_docker!();
    let checks = doctor(&images(), &full_disks()).await;
    for check in &checks {
        eprintln!("{check}");
    }
    for name in ["docker", "links", "watchdog"] {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.state, CheckState::Ok, "{check}");
    }
}

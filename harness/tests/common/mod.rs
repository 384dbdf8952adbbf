//! Shared by the tests that need real containers.
//! Never: lets a test pass in silence where Docker is missing.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use paytwice::dependency::manifest::Dependency;
use paytwice::dependency::{Dependencies, LaunchOptions};
use paytwice::stack::{ContainerStack, Engine, LABEL_STACK, ServiceSource, Stack, StackOptions, service_image};

/// Whether Docker answers. Where it does not, the test says that it was skipped and why;
/// `PAYTWICE_REQUIRE_DOCKER=1` turns that into a failure.
pub(crate) async fn docker_or_skip(test: &str) -> bool {
    let Err(error) = Engine::connect().await else {
        return true;
    };
    let required = std::env::var("PAYTWICE_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
    assert!(!required, "{test} needs Docker (PAYTWICE_REQUIRE_DOCKER=1): {error}");
    eprintln!("SKIPPED {test}: {error}");
    false
}

/// Returns from a test where Docker is missing: `require_docker!();`
macro_rules! require_docker {
    () => {{
        let here = concat!(module_path!(), ":", line!());
        if !common::docker_or_skip(here).await {
            return;
        }
    }};
}
pub(crate) use require_docker;

/// Containers, networks and volumes of a stack, as Docker's own client sees them; empty where nothing is left.
pub(crate) fn left_of(stack: &str) -> String {
    let label = format!("label={LABEL_STACK}={stack}");
    let filter = ["--filter", label.as_str()];
    [
        ["ps", "-aq"].as_slice(),
        &["network", "ls", "-q"],
        &["volume", "ls", "-q"],
    ]
    .map(|list| docker(&[list, &filter].concat()))
    .concat()
}

/// Containers, networks and volumes whose owner is this process.
pub(crate) fn left_by(pid: u32) -> Vec<String> {
    let owner = "{{.Label \"paytwice.owner\"}} {{.Names}}";
    let all = docker(&["ps", "-a", "--format", owner])
        + &docker(&["network", "ls", "--format", &owner.replace("Names", "Name")])
        + &docker(&["volume", "ls", "--format", &owner.replace("Names", "Name")]);
    let owned = all.lines().filter(|line| line.starts_with(&format!("{pid}:")));
    owned.map(str::to_owned).collect()
}

/// What Docker's own client prints.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What most tests stand on, as the manifest of the sample target declares it.
pub(crate) const USUAL: &str = "mysql = { kind = 'mysql' }\nrocketmq = { kind = 'rocketmq' }";

/// A stack with dependencies, reached like the stack itself.
pub(crate) struct TestStack {
    pub(crate) stack: Arc<ContainerStack>,
    pub(crate) dependencies: Dependencies,
}

impl Deref for TestStack {
    type Target = ContainerStack;

    fn deref(&self) -> &ContainerStack {
        &self.stack
    }
}

impl TestStack {
    /// A MySQL server and a RocketMQ; tells its steps on stderr.
    pub(crate) async fn up() -> TestStack {
        TestStack::of(USUAL).await
    }

    /// The dependencies that are declared, as a manifest's `[dependencies]` would.
    pub(crate) async fn of(declared: &str) -> TestStack {
        let launch = LaunchOptions::default();
        TestStack::start(declared, options(), &launch)
            .await
            .unwrap_or_else(|e| panic!("{e}"))
    }

    pub(crate) async fn start(
        declared: &str,
        options: StackOptions,
        launch: &LaunchOptions,
    ) -> Result<TestStack, String> {
        let declared = declared_in(declared);
        let stack = Arc::new(ContainerStack::up(options).await.map_err(|e| e.to_string())?);
        let shared: Arc<dyn Stack> = Arc::<ContainerStack>::clone(&stack);
        let progress = |line: &str| eprintln!("{line}");
        let dependencies = Dependencies::start(&shared, &declared, launch, &progress).await;
        let dependencies = dependencies.map_err(|e| e.to_string())?;
        Ok(TestStack { stack, dependencies })
    }
}

/// The dependencies of a piece of a manifest.
pub(crate) fn declared_in(declared: &str) -> BTreeMap<String, Dependency> {
    toml::from_str(declared).unwrap_or_else(|e| panic!("{e}"))
}

/// Options of a stack that tells its steps on stderr.
pub(crate) fn options() -> StackOptions {
    StackOptions {
        progress: Some(Arc::new(|line| eprintln!("{line}"))),
        ..StackOptions::default()
    }
}

/// Brings up a stack without services for some scenarios, and takes it down again however they end.
pub(crate) async fn on_a_stack<F>(scenarios: impl FnOnce(Arc<TestStack>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let stack = Arc::new(TestStack::up().await);
    let id = stack.id().to_string();
    let outcome = tokio::spawn(scenarios(Arc::clone(&stack))).await;
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// The image of a service of the sample target.
pub(crate) async fn pay_account_image(bin: &str) -> String {
    let source = ServiceSource::Cargo {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/pay-account"),
        package: "paytwice-targets".to_owned(),
        bin: bin.to_owned(),
    };
    let engine = Engine::connect().await.unwrap();
    service_image(&engine, bin, &source, &|line| eprintln!("{line}"))
        .await
        .unwrap()
}

/// A small service for tests, built in `folder` by the compiler alone (its source says what it does).
pub(crate) fn build_sample_service(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/sample_service.rs");
    let binary = folder.join("sample_service");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let built = Command::new(rustc)
        .args(["--edition", "2024", "-o"])
        .arg(&binary)
        .arg(source)
        .status()
        .unwrap();
    assert!(built.success());
    binary
}

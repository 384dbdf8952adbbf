//! Shared by the tests that need real containers.
//! Never: lets a test pass in silence where Docker is missing.

use paytwice::stack::Engine;

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

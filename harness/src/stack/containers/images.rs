//! Which image a dependency runs: the user's choice, the official one, or the one built here.
//! Never: replaces an image that the user named by another.

use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::docker::Engine;
use super::error::{StackError, explain};
use crate::stack::ImageChoice;

const PULL_TIMEOUT: Duration = Duration::from_secs(300);

/// The image that the user named for a kind in the environment.
fn of_environment(usual: &ImageChoice) -> Option<String> {
    let named = std::env::var(usual.variable).ok();
    named.filter(|name| !name.trim().is_empty())
}

/// The usual image of a kind that would be used without pulling anything; none if nothing fitting is here.
pub(super) async fn present(engine: &Engine, usual: &ImageChoice) -> Result<Option<String>, StackError> {
    let candidates = match of_environment(usual) {
        Some(named) => vec![named],
        None => vec![usual.official.to_string(), usual.local.to_string()],
    };
    for candidate in candidates {
        if engine.has_image(&candidate).await? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// The usual image as messages call it.
pub(super) fn wanted(usual: &ImageChoice) -> String {
    of_environment(usual).unwrap_or_else(|| usual.official.to_string())
}

/// The image to run, pulled if need be: the named one, else that of the environment, else the usual one.
pub(super) async fn resolve(
    engine: &Engine,
    dependency: &str,
    named: Option<&str>,
    usual: Option<&ImageChoice>,
) -> Result<String, StackError> {
    let (image, remedy) = match (named, usual) {
        (Some(named), _) => {
            let places = format!("--image {dependency}=IMAGE, or dependencies.{dependency}.image in target.toml");
            (
                named.to_string(),
                format!("pull or build {named}, or correct its name ({places})"),
            )
        }
        (None, Some(usual)) => {
            if let Some(present) = present(engine, usual).await? {
                return Ok(present);
            }
            let remedy = format!(
                "run ci/images (as root on Debian), which builds {}; or name an image that you have in {}",
                usual.local, usual.variable
            );
            (wanted(usual), remedy)
        }
        (None, None) => {
            return Err(StackError::NoImage {
                dependency: dependency.to_string(),
            });
        }
    };
    if engine.has_image(&image).await? {
        return Ok(image);
    }
    let pulled = pull(engine, &image).await;
    pulled.map_err(|cause| StackError::ImageMissing {
        party: dependency.to_string(),
        image: image.clone(),
        cause,
        remedy,
    })?;
    Ok(image)
}

/// Pulls an image; the error is the reason in words.
pub(super) async fn pull(engine: &Engine, image: &str) -> Result<(), String> {
    let (name, tag) = split(image);
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let mut progress = engine.api_client().create_image(Some(options), None, None);
    let pulling = async {
        while let Some(step) = progress.next().await {
            step.map_err(|error| explain(&error))?;
        }
        Ok(())
    };
    tokio::time::timeout(PULL_TIMEOUT, pulling)
        .await
        .unwrap_or_else(|_| Err(format!("pulling took longer than {PULL_TIMEOUT:?}")))
}

/// Name and tag (or digest) of an image.
pub(super) fn split(image: &str) -> (&str, &str) {
    let after_host = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[after_host..].rfind(':') {
        Some(colon) => (&image[..after_host + colon], &image[after_host + colon + 1..]),
        None => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_a_tag() {
        assert_eq!(split("mysql"), ("mysql", "latest"));
        assert_eq!(split("mysql:8.4"), ("mysql", "8.4"));
        assert_eq!(split("localhost:5000/a/b"), ("localhost:5000/a/b", "latest"));
        assert_eq!(split("localhost:5000/a/b:1"), ("localhost:5000/a/b", "1"));
        assert_eq!(split("a/b@sha256:00ff"), ("a/b@sha256", "00ff"));
    }
}

//! Which image a dependency runs: the user's choice, the official one, or the one built here.
//! Never: replaces an image that the user named by another.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::docker::Engine;
use super::error::{StackError, explain};

const PULL_TIMEOUT: Duration = Duration::from_secs(300);

/// A kind of dependency that has an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageChoice {
    /// Its key in the plan's `images`.
    pub key: &'static str,
    /// The official image.
    pub official: &'static str,
    /// The one that `ci/images` makes where nothing can be pulled.
    pub local: &'static str,
    /// The environment variable that names another.
    pub variable: &'static str,
}

/// MySQL.
pub const MYSQL: ImageChoice = ImageChoice {
    key: "mysql",
    official: "mysql:8.4",
    local: "paytwice/mysql:local",
    variable: "PAYTWICE_MYSQL_IMAGE",
};

/// RocketMQ: name server and broker.
pub const ROCKETMQ: ImageChoice = ImageChoice {
    key: "rocketmq",
    official: "apache/rocketmq:5.3.2",
    local: "paytwice/rocketmq:local",
    variable: "PAYTWICE_ROCKETMQ_IMAGE",
};

impl ImageChoice {
    /// The image that the user named, in the plan or in the environment.
    pub fn named(&self, plan: &BTreeMap<String, String>) -> Option<String> {
        let of_plan = plan.get(self.key).cloned();
        of_plan
            .or_else(|| std::env::var(self.variable).ok())
            .filter(|name| !name.trim().is_empty())
    }

    /// What would be used without pulling anything; none if nothing fitting is here.
    pub async fn present(
        &self,
        engine: &Engine,
        plan: &BTreeMap<String, String>,
    ) -> Result<Option<String>, StackError> {
        let candidates = match self.named(plan) {
            Some(named) => vec![named],
            None => vec![self.official.to_string(), self.local.to_string()],
        };
        for candidate in candidates {
            if engine.has_image(&candidate).await? {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The image to run, pulled if need be.
    pub async fn resolve(&self, engine: &Engine, plan: &BTreeMap<String, String>) -> Result<String, StackError> {
        if let Some(present) = self.present(engine, plan).await? {
            return Ok(present);
        }
        let named = self.named(plan);
        let image = named.clone().unwrap_or_else(|| self.official.to_string());
        pull(engine, &image).await.map_err(|cause| StackError::ImageMissing {
            party: self.key.to_string(),
            image: image.clone(),
            cause,
            remedy: match named {
                Some(_) => format!(
                    "pull or build {image}, or correct its name (plan: images.{}, environment: {})",
                    self.key, self.variable
                ),
                None => format!(
                    "run ci/images (as root on Debian), which builds {}; or name an image that you have in {}",
                    self.local, self.variable
                ),
            },
        })?;
        Ok(image)
    }
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

    #[test]
    fn the_plan_beats_the_usual_image() {
        let plan = BTreeMap::from([("mysql".to_string(), "mine:1".to_string())]);
        assert_eq!(MYSQL.named(&plan), Some("mine:1".to_string()));
        assert_eq!(ROCKETMQ.named(&plan), None);
    }
}

//! Which engine is meant, as Docker's own client decides it: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT`, else the
//! one of `docker context use`, else the usual socket.
//! Never: guesses where a context that is named cannot be read.

use std::path::{Path, PathBuf};

use serde::Deserialize;

const USUAL_ADDRESS: &str = "unix:///var/run/docker.sock";
/// The context that means the usual socket.
const DEFAULT: &str = "default";

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub(super) host: Option<String>,
    pub(super) context: Option<String>,
    /// The folder of Docker's own configuration.
    pub(super) config: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
}

impl Wishes {
    /// Those of this process.
    pub(super) fn read() -> Wishes {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let config = set("DOCKER_CONFIG").map(PathBuf::from);
        Wishes {
            host: set("DOCKER_HOST"),
            context: set("DOCKER_CONTEXT"),
            config: config.or_else(|| Some(Path::new(&set("HOME")?).join(".docker"))),
        }
    }

    /// The address of the engine; the error names the context and says why it cannot be used.
    pub(super) fn address(&self) -> Result<String, String> {
        if let Some(host) = &self.host {
            return Ok(host.clone());
        }
        match self.context.clone().or_else(|| self.current()) {
            Some(name) if name != DEFAULT => self.of_context(&name),
            _ => Ok(USUAL_ADDRESS.to_owned()),
        }
    }

    /// The context of `docker context use`.
    fn current(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.config.as_ref()?.join("config.json")).ok()?;
        let config: Config = serde_json::from_str(&text).ok()?;
        config.current_context.filter(|name| !name.is_empty())
    }

    fn of_context(&self, name: &str) -> Result<String, String> {
        let folder = self.config.as_ref().map(|config| config.join("contexts/meta"));
        let all = folder.and_then(|folder| std::fs::read_dir(folder).ok());
        let contexts = all.into_iter().flatten().flatten().filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path().join("meta.json")).ok()?;
            serde_json::from_str::<Context>(&text).ok()
        });
        let found = contexts.into_iter().find(|context| context.name == name);
        let Some(found) = found else {
            return Err(format!(
                "there is no Docker context {name:?} (docker context ls shows all)"
            ));
        };
        let host = found.endpoints.docker.and_then(|endpoint| endpoint.host);
        host.ok_or_else(|| format!("the Docker context {name:?} names no host"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(config: &Path) -> Wishes {
        Wishes {
            config: Some(config.to_owned()),
            ..Wishes::default()
        }
    }

    #[test]
    fn the_engine_is_the_one_that_docker_s_client_would_take() {
        let dir = tempfile::tempdir().unwrap();
        let plain = wishes(dir.path());
        assert_eq!(plain.address().unwrap(), USUAL_ADDRESS);
        for (name, host) in [("one", "unix:///run/one.sock"), ("two", "tcp://10.0.0.2:2375")] {
            let meta = dir.path().join("contexts/meta").join(format!("digest-of-{name}"));
            std::fs::create_dir_all(&meta).unwrap();
            let text = format!(
                r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
            );
            std::fs::write(meta.join("meta.json"), text).unwrap();
        }
        assert_eq!(plain.address().unwrap(), USUAL_ADDRESS);
        std::fs::write(dir.path().join("config.json"), r#"{"auths":{},"currentContext":"one"}"#).unwrap();
        assert_eq!(plain.address().unwrap(), "unix:///run/one.sock");
        let mut wished = plain;
        wished.context = Some("two".to_owned());
        assert_eq!(wished.address().unwrap(), "tcp://10.0.0.2:2375");
        wished.context = Some("default".to_owned());
        assert_eq!(wished.address().unwrap(), USUAL_ADDRESS);
        wished.context = Some("tow".to_owned());
        assert!(wished.address().unwrap_err().contains("\"tow\""));
        wished.host = Some("unix:///run/host.sock".to_owned());
        assert_eq!(wished.address().unwrap(), "unix:///run/host.sock");
    }
}

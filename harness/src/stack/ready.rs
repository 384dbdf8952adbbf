//! When a process is ready: `"/path"`, `"http:/path"`, `"tcp"`, `{ command = [...] }` or `{ log = "pattern" }`.
//! Must never guess: any other form is an error that says which there are.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CommandReady, Health, HttpReady, LogReady, PortReady};

/// When a process is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// When its first port takes connections.
    Tcp,
    /// When a GET of this path on its first port is answered with 2xx.
    Http(String),
    /// When this command inside its container ends with 0.
    Command(Vec<String>),
    /// When it has written a line that this pattern matches (a regular expression; plain text matches itself).
    Log(String),
}

impl Ready {
    /// How a stack asks for it; `port` is the first one of the process.
    pub(crate) fn health(&self, port: u16) -> Arc<dyn Health> {
        match self.clone() {
            Ready::Tcp => Arc::new(PortReady { port }),
            Ready::Http(path) => Arc::new(HttpReady { port, path }),
            Ready::Command(command) => Arc::new(CommandReady { command }),
            // A pattern that is none was refused when the manifest was read.
            Ready::Log(pattern) => match regex::Regex::new(&pattern) {
                Ok(pattern) => Arc::new(LogReady { pattern }),
                Err(_) => Arc::new(PortReady { port }),
            },
        }
    }

    /// Whether it is asked for at a port.
    pub(crate) fn needs_port(&self) -> bool {
        matches!(self, Ready::Tcp | Ready::Http(_))
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ready::Tcp => f.write_str("tcp"),
            Ready::Http(path) => write!(f, "http:{path}"),
            Ready::Command(command) => write!(f, "command {command:?}"),
            Ready::Log(pattern) => write!(f, "log {pattern:?}"),
        }
    }
}

impl Serialize for Ready {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Ready::Tcp | Ready::Http(_) => s.collect_str(self),
            Ready::Command(command) => {
                let mut map = s.serialize_map(Some(1))?;
                map.serialize_entry("command", command)?;
                map.end()
            }
            Ready::Log(pattern) => {
                let mut map = s.serialize_map(Some(1))?;
                map.serialize_entry("log", pattern)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Ready {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ReadyVisitor)
    }
}

struct ReadyVisitor;

impl<'de> Visitor<'de> for ReadyVisitor {
    type Value = Ready;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#""/path", "tcp", { command = ["PROGRAM"] } or { log = "PATTERN" }"#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Ready, E> {
        let path = text.strip_prefix("http:").unwrap_or(text);
        match text {
            "tcp" => Ok(Ready::Tcp),
            _ if path.starts_with('/') => Ok(Ready::Http(path.to_owned())),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ready, A::Error> {
        let ready = match map.next_key::<String>()?.as_deref() {
            Some("command") => Ready::Command(map.next_value()?),
            Some("log") => Ready::Log(map.next_value()?),
            Some(other) => return Err(A::Error::unknown_field(other, &["command", "log"])),
            None => return Err(A::Error::invalid_length(0, &self)),
        };
        match map.next_key::<String>()? {
            None => Ok(ready),
            Some(_) => Err(A::Error::custom("has two keys; keep `command` or `log`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Ready, String> {
        #[derive(Deserialize)]
        struct Holder {
            ready: Ready,
        }
        let read: Result<Holder, _> = toml::from_str(&format!("ready = {value}"));
        read.map(|holder| holder.ready).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(read(r#""tcp""#), Ok(Ready::Tcp));
        assert_eq!(read(r#""/healthz""#), Ok(Ready::Http("/healthz".to_owned())));
        assert_eq!(read(r#""http:/healthz""#), Ok(Ready::Http("/healthz".to_owned())));
        let command = Ready::Command(vec!["redis-cli".to_owned(), "ping".to_owned()]);
        assert_eq!(read(r#"{ command = ["redis-cli", "ping"] }"#), Ok(command));
        assert_eq!(read(r#"{ log = "ready to" }"#), Ok(Ready::Log("ready to".to_owned())));
    }

    #[test]
    fn other_forms_are_refused_with_those_that_there_are() {
        for wrong in [
            r#""healthz""#,
            r#"{ comand = ["a"] }"#,
            "true",
            r#"{ log = "a", command = ["b"] }"#,
            "{}",
        ] {
            let problem = read(wrong).unwrap_err();
            assert!(problem.contains("command"), "{wrong}: {problem}");
        }
    }
}

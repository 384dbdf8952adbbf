//! What one client keeps from call to call: its process number, its cookies, and what actions that set up answered.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A client between its calls.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Its process number; a new one after an operation whose outcome is unknown.
    pub(super) process: u64,
    /// By service: cookies by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// What actions that set up answered: `ACTION.NAME`.
    answers: Arc<BTreeMap<String, String>>,
}

impl Session {
    /// A client that has done nothing yet.
    pub(super) fn new(process: u64) -> Session {
        Session {
            process,
            ..Session::default()
        }
    }

    /// Keeps what a `Set-Cookie` header says, or forgets what it ends.
    pub(super) fn keep_cookie(&mut self, service: &str, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let jar = self.cookies.entry(service.to_owned()).or_default();
        if parts.any(|attribute| attribute.eq_ignore_ascii_case("Max-Age=0")) {
            jar.remove(name);
        } else {
            jar.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The cookies of a service as a `Cookie` header says them; None where there are none.
    pub(super) fn cookies(&self, service: &str) -> Option<String> {
        let jar = self.cookies.get(service).filter(|jar| !jar.is_empty())?;
        let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(pairs.join("; "))
    }

    /// Keeps what an action that sets up answered.
    pub(super) fn keep_answers(&mut self, action: &str, parts: &BTreeMap<String, String>) {
        let named = parts
            .iter()
            .map(|(name, value)| (format!("{action}.{name}"), value.clone()));
        Arc::make_mut(&mut self.answers).extend(named);
    }

    /// What every `ACTION.NAME` stands for.
    pub(super) fn answers(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_by_service_until_they_end() {
        let mut session = Session::default();
        session.keep_cookie("shop", "sid=1; Path=/; HttpOnly");
        session.keep_cookie("shop", "lang=en");
        session.keep_cookie("shop", "nonsense");
        assert_eq!(session.cookies("shop").as_deref(), Some("lang=en; sid=1"));
        assert_eq!(session.cookies("bank"), None);
        session.keep_cookie("shop", "sid=; max-age=0");
        session.keep_cookie("shop", "lang=de");
        assert_eq!(session.cookies("shop").as_deref(), Some("lang=de"));
    }
}

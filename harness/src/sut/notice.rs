//! What a run tells whoever watches it: the only way from a run to a terminal.
//!
//! Notices decide nothing and are stored nowhere; what counts is in the history.

use std::sync::Arc;

/// Something worth showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A run of a campaign begins: its number, how many there are, its seed, its folder.
    Run {
        /// From 1.
        number: u32,
        /// How many.
        of: u32,
        /// Its seed.
        seed: u64,
        /// Its folder.
        folder: String,
    },
    /// A phase begins.
    Phase(String),
    /// A line of detail: a container is ready, an image was chosen, a parameter of the plan.
    Detail(String),
    /// A step of a fault: `#3 kill pay: seen, exit code 137 after 12 ms`.
    Fault(String),
    /// How the workload stands, about twice a second.
    Tick(Tick),
    /// Something that the user should know though the run goes on.
    Warning(String),
}

/// How the workload stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Seconds since the phase began, and how long it is planned to be (0: open).
    pub elapsed_s: u64,
    /// Planned length.
    pub of_s: u64,
    /// Subjects begun.
    pub begun: u64,
    /// Requests that start one, answered ok.
    pub ok: u64,
    /// Requests that start one, answered fail.
    pub fail: u64,
    /// Requests that start one, whose outcome is unknown.
    pub info: u64,
    /// Requests that start one, answered ok in the last second.
    pub rate: u64,
    /// Faults in force.
    pub faults: Vec<String>,
    /// While settling: what has not come to rest.
    pub waiting_for: String,
}

/// Receives notices.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Notice) + Send + Sync>);

impl Observer {
    /// Calls `f` for each notice.
    pub fn new(f: impl Fn(Notice) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(f))
    }

    /// Nobody watches.
    pub fn silent() -> Observer {
        Observer::new(|_| ())
    }

    /// Tells.
    pub fn tell(&self, notice: Notice) {
        (self.0)(notice);
    }

    /// Tells a detail.
    pub fn detail(&self, text: impl Into<String>) {
        self.tell(Notice::Detail(text.into()));
    }
}

//! What a target runs on: real servers and the services under test.
//!
//! [`Stack`] is what every stack can do; what not every stack can (kill, pause, disks, limits, clocks, packets) are
//! traits of their own, as Jepsen's DB, Kill and Pause. [`ContainerStack`] is the stack of Docker containers.
//!
//! A stack knows parties by name and by [`PartySpec`], and nothing of what runs in them: what a MySQL server or a
//! service is stands in `dependency` and in the manifest. Never: publishes a port, or leaves anything behind.

mod containers;
mod error;
mod evidence;
mod health;
mod ready;
mod spec;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use async_trait::async_trait;

pub use containers::{
    Check, CheckState, ContainerStack, Content, Engine, LABEL_OWNER, LABEL_PARTY, LABEL_STACK, Lost, Progress,
    ServiceSource, StackId, StackOptions, Swept, doctor, nearly_full, service_image, sweep, sweep_all, sweep_dead,
    sweep_stack, unsupported,
};
pub use error::StackError;
pub use evidence::{Evidence, ExitInfo, Fallen, MemoryUse, Throttling};
pub use health::{CommandReady, Health, HttpReady, LogReady, PortReady};
pub use ready::Ready;
pub use spec::{DataFolder, ImageChoice, PartySpec, Place, Started};

/// How often counters of the kernel are looked at.
pub(crate) const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(50);

/// What every stack can do.
#[async_trait]
pub trait Stack: Send + Sync {
    /// Starts a party and waits until it is ready; one of the same name is removed first.
    async fn launch(&self, spec: PartySpec) -> Result<Started, StackError>;

    /// Removes a party, whatever it does. One that is not there is no error.
    async fn remove(&self, party: &str) -> Result<(), StackError>;

    /// Replaces a party by a fresh one without data, and waits until it is ready.
    async fn renew(&self, party: &str) -> Result<(), StackError>;

    /// The image to run: the named one, or the usual one of its kind; fetched if need be.
    async fn image(
        &self,
        dependency: &str,
        named: Option<&str>,
        usual: Option<&ImageChoice>,
    ) -> Result<String, StackError>;

    /// Where a party listens, past every link. A restart keeps the address.
    fn addr(&self, party: &str, port: u16) -> Result<SocketAddr, StackError>;

    /// The name under which parties in one network reach each other.
    fn host_name(&self, party: &str) -> String;

    /// Where the links of a party listen: this machine's own address in the party's network.
    async fn listen_address(&self, party: &str) -> Result<Ipv4Addr, StackError>;

    /// Names of all parties that were started.
    fn party_names(&self) -> Vec<String>;

    /// Asks until the party is ready. One that ends meanwhile is noticed at once.
    async fn await_ready(&self, party: &str) -> Result<(), StackError>;

    /// Whether the party's process runs (a paused one does).
    async fn is_running(&self, party: &str) -> Result<bool, StackError>;

    /// How the party ended; none while it runs.
    async fn exit_info(&self, party: &str) -> Result<Option<ExitInfo>, StackError>;

    /// Parties that do not run although nobody here stopped them, looked at all at once.
    async fn fallen(&self) -> Result<Vec<Fallen>, StackError>;

    /// Undoes whatever was done to a party: resumes it or starts it again, and waits until it is ready.
    async fn bring_back(&self, party: &str) -> Result<Evidence, StackError>;

    /// Runs a command inside a party; its exit code and what it wrote.
    async fn exec(&self, party: &str, command: &[String]) -> Result<(i64, String), StackError>;

    /// What the party wrote since it was started last.
    async fn log_since_start(&self, party: &str) -> Result<String, StackError>;

    /// One file of a party.
    async fn read_file(&self, party: &str, path: &str) -> Result<Vec<u8>, StackError>;

    /// Copies the files of a party's folder to `to`, each with the party's name in front; returns how many.
    async fn save_files(&self, party: &str, from: &str, to: &Path) -> Result<usize, StackError>;

    /// From now on every party's lines go to `folder`, one file per party.
    fn attach_logs(&self, folder: &Path) -> Result<(), StackError>;

    /// The run that attached the logs is over.
    fn detach_logs(&self);

    /// Leaves everything up when this process ends, to be looked at. The next stack, or `paytwice clean`, removes it.
    fn keep(&self);

    /// Removes everything of this stack. What is left to others then fails.
    async fn down(&self) -> Result<(), StackError>;

    /// Where it can kill.
    fn as_kill(&self) -> Option<&dyn Kill> {
        None
    }

    /// Where it can pause.
    fn as_pause(&self) -> Option<&dyn Pause> {
        None
    }

    /// Where parties can have disks of their own.
    fn as_disk(&self) -> Option<&dyn Disk> {
        None
    }

    /// Where it can limit processor and memory.
    fn as_limits(&self) -> Option<&dyn Limits> {
        None
    }

    /// Where it can set clocks.
    fn as_clock(&self) -> Option<&dyn Clock> {
        None
    }

    /// Where it can lose packets.
    fn as_packets(&self) -> Option<&dyn Packets> {
        None
    }
}

/// Ends processes at once, and starts them again.
#[async_trait]
pub trait Kill: Send + Sync {
    /// Ends the party's process at once (SIGKILL). Its data stays.
    async fn kill(&self, party: &str) -> Result<Evidence, StackError>;

    /// Starts the party again and waits until it is ready. One that runs is only waited for.
    async fn start(&self, party: &str) -> Result<Evidence, StackError>;
}

/// Freezes processes, and lets them go on.
#[async_trait]
pub trait Pause: Send + Sync {
    /// Freezes every process of the party.
    async fn pause(&self, party: &str) -> Result<Evidence, StackError>;

    /// Lets a paused party go on and waits until it is ready. One that is not paused (any more) is only waited for.
    async fn unpause(&self, party: &str) -> Result<Evidence, StackError>;
}

/// Breaks the disk of a party that was given one of its own.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Cuts the power of a party: what its disk was not told to keep is gone. Returns what the disk seemed to hold.
    async fn cut_power(&self, party: &str) -> Result<(Evidence, Content), StackError>;

    /// Gives a party its power back: its file system is mounted again, with its journal replayed, and it is started.
    async fn restore_power(&self, party: &str, before: Option<Content>) -> Result<Evidence, StackError>;

    /// Fills the disk of a party to its last block, and sees that it is full.
    async fn fill_disk(&self, party: &str) -> Result<Evidence, StackError>;

    /// Frees the disk again, and starts the party again where it needs that.
    async fn free_disk(&self, party: &str) -> Result<Evidence, StackError>;

    /// Has the device of the disk report an error: its file system refuses every write from now on.
    async fn break_disk(&self, party: &str) -> Result<Evidence, StackError>;

    /// Ends the party, mends its disk, mounts it for writing, and starts the party again.
    async fn mend_disk(&self, party: &str) -> Result<Evidence, StackError>;

    /// Has on the disks what was written so far.
    async fn sync_disks(&self) -> Result<(), StackError>;
}

/// Leaves parties less processor time or memory.
#[async_trait]
pub trait Limits: Send + Sync {
    /// Leaves a party that share of one core.
    async fn limit_cpu(&self, party: &str, percent: u32) -> Result<Throttling, StackError>;

    /// Gives a party all the processor time again.
    async fn unlimit_cpu(&self, party: &str) -> Result<Throttling, StackError>;

    /// The kernel's counters of a party's processor time.
    async fn throttling(&self, party: &str) -> Result<Throttling, StackError>;

    /// Lets a party take so much memory and no more.
    async fn limit_memory(&self, party: &str, bytes: u64) -> Result<MemoryUse, StackError>;

    /// Lifts the limit of a party's memory.
    async fn unlimit_memory(&self, party: &str) -> Result<(), StackError>;

    /// The kernel's counters of a party's memory.
    async fn memory(&self, party: &str) -> Result<MemoryUse, StackError>;

    /// A party that died is started; one that lives is only waited for.
    async fn back_to_life(&self, party: &str) -> Result<String, StackError>;
}

/// Sets wall clocks wrong.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Sets the clock of a party wrong by so much; 0 sets it right.
    async fn set_clock(&self, party: &str, offset_ms: i64) -> Result<(), StackError>;

    /// By how much the clock of a party is wrong, as its own answers say: whole seconds.
    async fn clock_offset(&self, party: &str) -> Result<i64, String>;
}

/// Drops packets between a party and its links.
#[async_trait]
pub trait Packets: Send + Sync {
    /// Drops a share of what a party and these listeners send each other, until it is lifted.
    async fn lose_packets(
        &self,
        party: &str,
        to: &[SocketAddr],
        percent: u32,
    ) -> Result<Box<dyn PacketLoss>, StackError>;
}

/// Packets of one party that are being dropped.
#[async_trait]
pub trait PacketLoss: Send + Sync {
    /// How many were dropped so far.
    async fn dropped(&self) -> Result<u64, StackError>;

    /// Drops no more; says how many were, where that is still known.
    async fn lift(&self) -> Result<Option<u64>, StackError>;
}

impl dyn Stack {
    /// This stack, where it can kill.
    pub fn killing(&self) -> Result<&dyn Kill, StackError> {
        self.as_kill().ok_or(StackError::Unable { what: "kill a party" })
    }

    /// This stack, where it can pause.
    pub fn pausing(&self) -> Result<&dyn Pause, StackError> {
        self.as_pause().ok_or(StackError::Unable { what: "pause a party" })
    }

    /// This stack, where parties can have disks of their own.
    pub fn disks(&self) -> Result<&dyn Disk, StackError> {
        self.as_disk().ok_or(StackError::Unable { what: "break a disk" })
    }

    /// This stack, where it can limit processor and memory.
    pub fn limits(&self) -> Result<&dyn Limits, StackError> {
        let what = "limit processor or memory";
        self.as_limits().ok_or(StackError::Unable { what })
    }

    /// This stack, where it can set clocks.
    pub fn clocks(&self) -> Result<&dyn Clock, StackError> {
        self.as_clock().ok_or(StackError::Unable { what: "set a clock" })
    }

    /// This stack, where it can lose packets.
    pub fn packets(&self) -> Result<&dyn Packets, StackError> {
        self.as_packets().ok_or(StackError::Unable { what: "lose packets" })
    }
}

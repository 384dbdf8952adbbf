//! What a target runs on: real servers and the services under test, in containers.
//!
//! A [`ContainerStack`] brings up MySQL, a RocketMQ name server and a broker side by side, and services on demand;
//! every party is ready when it answers, not when time has passed. Links listen on [`ContainerStack::gateway`] and
//! connect to [`ContainerStack::addr`]. Faults of parties are methods that return [`Evidence`].
//!
//! Never: publishes a port, leaves anything behind, or touches what carries no label of ours.

mod archive;
mod cgroup;
mod containers;
mod disk;
mod docker;
mod doctor;
mod error;
mod images;
mod launch;
mod leftovers;
mod limits;
mod logs;
mod machine;
mod mysql;
mod network;
mod owner;
mod packets;
mod party;
mod power;
mod probe;
mod rocketmq;
mod service_image;
mod services;
mod sweep;
mod wall_clock;
mod watchdog;

pub use containers::{ContainerStack, Progress, StackOptions};
pub use disk::{Content, Lost};
pub use docker::Engine;
pub use doctor::{Check, CheckState, doctor};
pub use error::StackError;
pub use images::{ImageChoice, MYSQL, ROCKETMQ};
pub(crate) use limits::LOOK_EVERY;
pub use limits::{MemoryUse, Throttling};
pub use machine::unsupported;
pub use owner::{LABEL_OWNER, LABEL_PARTY, LABEL_STACK, StackId};
pub use packets::PacketLoss;
pub use party::{Evidence, ExitInfo};
pub use service_image::{ServiceSource, service_image};
pub use services::{ServiceSpec, Started};
pub use sweep::{Swept, sweep, sweep_all, sweep_dead, sweep_stack};

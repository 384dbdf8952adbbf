//! What can go wrong with a stack: every message names the party, image or folder, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use super::evidence::ExitInfo;

/// An error of the container stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// No engine answers.
    #[error("Docker cannot be reached at {address}: {cause}\n  {remedy}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What the attempt ran into.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The engine refused or broke off a request.
    #[error("Docker: {doing}: {cause}")]
    Engine {
        /// What was being done, and to whom.
        doing: String,
        /// The engine's answer.
        cause: String,
    },
    /// An image that is neither here nor can be pulled.
    #[error("image {image} for {party} is not here and cannot be pulled: {cause}\n  {remedy}")]
    ImageMissing {
        /// Who needs it.
        party: String,
        /// Its name.
        image: String,
        /// Why pulling failed.
        cause: String,
        /// What to do.
        remedy: String,
    },
    /// A service could not be built or packed.
    #[error("service {service}: {problem}\n  {remedy}")]
    Build {
        /// The service.
        service: String,
        /// What went wrong, with the last lines of the build.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// No subnet is free for another network.
    #[error(
        "no free subnet for network {network} in {pool} ({cause})\n  remove unused networks (paytwice clean, docker network prune), or name another pool in PAYTWICE_SUBNET_POOL, e.g. 10.99.0.0/16"
    )]
    NoSubnet {
        /// The network that was to be made.
        network: String,
        /// Where subnets are taken from.
        pool: String,
        /// What the last attempt ran into.
        cause: String,
    },
    /// The engine's networks are not this machine's.
    #[error(
        "the engine's bridge address {gateway} is not an address of this machine ({cause})\n  run paytwice where the engine runs: not against a remote engine, one in a virtual machine, or from inside a container"
    )]
    NotHere {
        /// The gateway of a network that was just made.
        gateway: std::net::Ipv4Addr,
        /// Why nothing can listen there.
        cause: std::io::Error,
    },
    /// A party ended while it was expected to run.
    #[error("{party} ended by itself with exit code {code}; its last lines:\n{log}\n  {remedy}")]
    Died {
        /// The party.
        party: String,
        /// Its exit code.
        code: i64,
        /// The last lines that it wrote.
        log: String,
        /// What to do.
        remedy: String,
    },
    /// Somebody else has removed a party.
    #[error(
        "the container {container} of {party} was removed by somebody else while the stack was in use\n  \
         see that nothing on this machine removes containers meanwhile (docker rm, docker container prune, another paytwice clean --all)"
    )]
    Removed {
        /// The party.
        party: String,
        /// Its container.
        container: String,
    },
    /// A party runs and does not become ready.
    #[error("{party} is not ready after {waited:.1?}: {cause}; its last lines:\n{log}\n  {remedy}")]
    NotReady {
        /// The party.
        party: String,
        /// How long was waited.
        waited: Duration,
        /// What the last probe ran into.
        cause: String,
        /// The last lines that it wrote.
        log: String,
        /// What to do.
        remedy: String,
    },
    /// What was asked did not show.
    #[error("{party}: {asked} was accepted by Docker but did not take effect: {seen}")]
    NoEffect {
        /// The party.
        party: String,
        /// What was asked.
        asked: String,
        /// What was seen instead.
        seen: String,
    },
    /// A name that no party of this stack has.
    #[error("this stack has no party {party}; it has {known}")]
    UnknownParty {
        /// The name that was asked for.
        party: String,
        /// The names there are.
        known: String,
    },
    /// Something was to be done to the machine under a party.
    #[error("{doing}: {cause}")]
    Machine {
        /// What was being done.
        doing: String,
        /// What stood in its way.
        cause: String,
    },
    /// A dependency whose kind has no usual image, and that names none.
    #[error("dependencies.{dependency} names no image, and its kind has no usual one; add `image = \"NAME:TAG\"`")]
    NoImage {
        /// The dependency.
        dependency: String,
    },
    /// Something that this stack has no way to do.
    #[error("this stack cannot {what}; leave the fault out, or run on a stack that can")]
    Unable {
        /// What was asked.
        what: &'static str,
    },
    /// A file of ours could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

impl StackError {
    /// Whether what the user gave is wrong: an image, a binary, or a process that ends or never gets ready with the
    /// configuration that it was given.
    pub fn is_users(&self) -> bool {
        match self {
            StackError::ImageMissing { .. }
            | StackError::NoImage { .. }
            | StackError::Build { .. }
            | StackError::NotReady { .. } => true,
            // Killed from outside.
            StackError::Died { code, .. } => *code != 137,
            _ => false,
        }
    }

    /// A party that ended while it was expected to run.
    pub(crate) fn died(exit: ExitInfo) -> StackError {
        let remedy = match exit.code {
            137 => "it was killed from outside, or the machine is out of memory",
            127 => "a program or library is missing in its image",
            _ => "its last lines say why; check its environment in the manifest",
        };
        StackError::Died {
            party: exit.party,
            code: exit.code,
            log: exit.log,
            remedy: remedy.to_string(),
        }
    }
}

/// Names what was being done when the engine answered with an error.
pub(super) trait Doing<T> {
    /// Attaches the deed.
    fn doing(self, deed: impl FnOnce() -> String) -> Result<T, StackError>;
}

impl<T> Doing<T> for Result<T, bollard::errors::Error> {
    fn doing(self, deed: impl FnOnce() -> String) -> Result<T, StackError> {
        self.map_err(|error| StackError::Engine {
            doing: deed(),
            cause: explain(&error),
        })
    }
}

/// The engine's own sentence, without the wrapping.
pub(super) fn explain(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_string(),
        other => other.to_string(),
    }
}

/// Whether the engine said that there is no such thing.
pub(super) fn is_absent(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }
    )
}

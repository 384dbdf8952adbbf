//! The watchdog: a small process that removes the stack when the harness is gone without having done so itself.
//! Never: acts while the harness lives, or on a stack other than its own.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::disk;
use super::owner::{LABEL_STACK, StackId};

/// Reads until the pipe's other end is closed, which the kernel does for a process that ended in any way. After the
/// word `done` there is nothing left to do. The engine may still finish a creation, hence several passes.
const SCRIPT: &str = r#"
trap '' HUP INT TERM QUIT
read -r word && [ "$word" = done ] && exit 0
quiet=0
for pass in 1 2 3 4 5 6 7 8 9 10; do
    containers=$(docker ps -aq --filter "label=$1")
    [ -z "$containers" ] || docker rm -fv $containers
    networks=$(docker network ls -q --filter "label=$1")
    [ -z "$networks" ] || docker network rm $networks
    volumes=$(docker volume ls -q --filter "label=$1")
    [ -z "$volumes" ] || docker volume rm -f $volumes
    disks=
    if [ -d "$2" ]; then
        disks=some
        for point in "$2"/*/mnt; do umount "$point"; done
        grep -qF " $2/" /proc/self/mountinfo || rm -rf "$2" "$2.owner"
    fi
    if [ -z "$containers$networks$volumes$disks" ]; then quiet=$((quiet + 1)); else quiet=0; fi
    [ "$quiet" -lt 2 ] || exit 0
    sleep 0.5
done
"#;

/// A watchdog at work. Dropped without [`Watchdog::dismiss`], it acts.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Whether one is possible: it needs a shell and Docker's own client.
    pub(super) fn is_possible() -> bool {
        is_on_path("sh") && is_on_path("docker")
    }

    /// Starts one in a process group of its own, out of reach of the terminal's Ctrl-C.
    pub(super) fn start(stack: &StackId) -> Option<Watchdog> {
        if !Watchdog::is_possible() {
            return None;
        }
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "paytwice-watchdog", &format!("{LABEL_STACK}={stack}")])
            .arg(disk::folder_of(stack))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn();
        child
            .inspect_err(|error| tracing::warn!("no watchdog: sh cannot be started: {error}"))
            .ok()
            .map(|child| Watchdog { child })
    }

    /// Sends it home: the stack is gone.
    pub(super) fn dismiss(mut self) {
        if let Some(mut pipe) = self.child.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.child.wait();
    }
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

//! What the kernel counts for the processes of a container, in either version of cgroups.
//! Never: writes anything; limits are the engine's to set.

use std::path::{Path, PathBuf};

/// The group of a process under one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cgroup {
    folder: PathBuf,
    /// Whether it is of the first version, where files have other names.
    pub(super) first: bool,
}

impl Cgroup {
    /// The group of a process, if it can be seen from here.
    pub(super) fn of(pid: i64, controller: &str) -> Option<Cgroup> {
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        Cgroup::find(&groups, &mounts, controller).filter(|group| group.folder.is_dir())
    }

    /// Whether processes of this machine can have groups under that controller.
    pub(super) fn is_possible(controller: &str) -> bool {
        Cgroup::of(i64::from(std::process::id()), controller).is_some()
    }

    fn find(groups: &str, mounts: &str, controller: &str) -> Option<Cgroup> {
        let mut lines = groups.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
        let first = lines.find_map(|fields| match fields.as_slice() {
            [_, controllers, path] if controllers.split(',').any(|c| c == controller) => Some((*path).to_owned()),
            _ => None,
        });
        if let Some(path) = first {
            let point = mount_point(mounts, "cgroup", Some(controller))?;
            return Some(Cgroup {
                folder: below(&point, &path),
                first: true,
            });
        }
        let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
        Some(Cgroup {
            folder: below(&mount_point(mounts, "cgroup2", None)?, path),
            first: false,
        })
    }

    /// A file of the group.
    pub(super) fn text(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(file)).ok()
    }

    /// A file that is one number; `max` is none.
    pub(super) fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.split_whitespace().next()?.parse().ok()
    }

    /// The number behind a word of a file.
    pub(super) fn entry(&self, file: &str, word: &str) -> Option<u64> {
        let text = self.text(file)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == word)?.1.trim().parse().ok()
    }

    /// Every process in the group.
    pub(super) fn processes(&self) -> Vec<i32> {
        let text = self.text("cgroup.procs").unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }
}

fn below(point: &str, path: &str) -> PathBuf {
    Path::new(point).join(path.trim_start_matches('/'))
}

/// Where a kind of cgroup file system is mounted.
fn mount_point(mounts: &str, kind: &str, controller: Option<&str>) -> Option<String> {
    mounts.lines().find_map(|line| {
        let (place, system) = line.split_once(" - ")?;
        let system: Vec<&str> = system.split(' ').collect();
        let fits = system.first() == Some(&kind)
            && controller.is_none_or(|c| system.last().is_some_and(|options| options.split(',').any(|o| o == c)));
        fits.then(|| place.split(' ').nth(4).map(str::to_owned))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn the_first_version_is_looked_for_first() {
        let groups = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
        let cpu = Cgroup::find(groups, MOUNTS, "cpu").unwrap();
        assert_eq!(cpu.folder, Path::new("/sys/fs/cgroup/cpu/docker/abc"));
        assert!(cpu.first);
        let second = Cgroup::find("0::/system.slice/docker-abc.scope\n", MOUNTS, "memory").unwrap();
        assert_eq!(
            second.folder,
            Path::new("/sys/fs/cgroup/unified/system.slice/docker-abc.scope")
        );
        assert!(!second.first);
    }
}

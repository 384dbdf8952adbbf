//! A file system of a party's own, in an image file: its power can be cut, it can be filled, its device can fail.
//! Made only where a plan asks for it, below one folder, under the name of its stack.
//! Never: touches a file system that it did not make, or outlives its stack (the watchdog and every sweep remove it).

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::error::StackError;
use super::owner::{Owner, StackId};

/// Where disks are kept, and the variable that names another place.
const FOLDER: &str = "/var/tmp/paytwice-disks";
const FOLDER_VARIABLE: &str = "PAYTWICE_DISKS";
/// The image is sparse: it takes what is written.
const SIZE_BYTES: u64 = 1 << 30;
const BLOCK_BYTES: u64 = 4096;
/// How long a mount may still be held by a container that has just ended.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Where the superblock keeps what a reader must understand, and the bit that says: replay the journal first.
const INCOMPAT_AT: u64 = 1024 + 0x60;
const NEEDS_RECOVERY: u32 = 0x4;
/// `EXT4_IOC_SHUTDOWN`, and its way of not even writing the journal.
const SHUTDOWN: rustix::ioctl::Opcode = 0x8004_587d;
const NO_LOG_FLUSH: u32 = 2;

/// A disk of one party.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    folder: PathBuf,
}

/// What every block of every file holds, as its readers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content(BTreeMap<PathBuf, Vec<u64>>);

/// What of a content is not there any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Files that are gone, or back to nothing.
    pub files: u64,
    /// Blocks of 4 KiB whose content is another, those of lost files included.
    pub blocks: u64,
}

impl Disk {
    /// Makes the disk and mounts it. The name of its owner is there before it is.
    pub(super) fn make(stack: &StackId, party: &str) -> Result<Disk, StackError> {
        let folder = folder_of(stack).join(party);
        let made = || -> io::Result<()> {
            make_private(&root())?;
            std::fs::write(owner_file(stack), Owner::this_process().to_string())?;
            make_private(&folder.join("mnt"))
        };
        made().map_err(|e| failed("make a disk", &e))?;
        let disk = Disk { folder };
        disk.format()?;
        Ok(disk)
    }

    /// Makes it an empty file system, and mounts it.
    fn format(&self) -> Result<(), StackError> {
        let made = || -> io::Result<()> {
            let image = File::create(self.image())?;
            image.set_len(SIZE_BYTES)
        };
        made().map_err(|e| failed("make the image of a disk", &e))?;
        let image = self.image();
        let words = ["-q", "-F", "-m", "0", "-b", "4096", "-E", "nodiscard"];
        tool(Command::new("mkfs.ext4").args(words).arg(&image))?;
        self.mount()?;
        let made = || -> io::Result<()> {
            std::fs::create_dir(self.data())?;
            // The servers run under numbers of their images' own.
            std::fs::set_permissions(self.data(), std::fs::Permissions::from_mode(0o777))
        };
        made().map_err(|e| failed("make the folder of a disk", &e))?;
        self.sync()
    }

    /// Makes it empty again. Nobody may use it.
    pub(super) fn renew(&self) -> Result<(), StackError> {
        self.unmount()?;
        self.format()
    }

    /// The folder that its party gets.
    pub(super) fn data(&self) -> PathBuf {
        self.point().join("data")
    }

    fn image(&self) -> PathBuf {
        self.folder.join("image")
    }

    fn point(&self) -> PathBuf {
        self.folder.join("mnt")
    }

    /// Mounts it; an error of its device turns it read-only.
    pub(super) fn mount(&self) -> Result<(), StackError> {
        let options = "loop,errors=remount-ro,nodev,nosuid";
        let (image, point) = (self.image(), self.point());
        tool(
            Command::new("mount")
                .args(["-t", "ext4", "-o", options])
                .args([&image, &point]),
        )
    }

    /// Unmounts it, which frees its loop device; a container that has just ended may hold it for a moment.
    pub(super) fn unmount(&self) -> Result<(), StackError> {
        unmount(&self.point())
    }

    /// Whether it is mounted.
    pub(super) fn is_mounted(&self) -> bool {
        mount_source(&self.point()).is_some()
    }

    /// Has everything on the disk that was written so far.
    pub(super) fn sync(&self) -> Result<(), StackError> {
        let synced = File::open(self.point()).and_then(|point| Ok(rustix::fs::syncfs(point)?));
        synced.map_err(|e| failed("write a disk's content to it", &e))
    }

    /// Cuts the power: from now on no block reaches the disk, the journal's included.
    #[expect(unsafe_code, reason = "an ioctl that no safe wrapper has")]
    pub(super) fn cut_power(&self) -> Result<(), StackError> {
        let point = File::open(self.point()).map_err(|e| failed("open a disk", &e))?;
        // SAFETY: the request takes a pointer to one u32 that the kernel only reads, which is what the setter gives it.
        let cut = unsafe {
            let request = rustix::ioctl::Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH);
            rustix::ioctl::ioctl(&point, request)
        };
        cut.map_err(|e| failed("cut the power of a disk", &e.into()))
    }

    /// Whether the next mount has to replay the journal.
    pub(super) fn needs_recovery(&self) -> bool {
        let mut bits = [0; 4];
        let read = File::open(self.image()).and_then(|image| image.read_exact_at(&mut bits, INCOMPAT_AT));
        read.is_ok() && u32::from_le_bytes(bits) & NEEDS_RECOVERY != 0
    }

    /// Has its device report an error: the file system takes no write any more.
    pub(super) fn break_device(&self) -> Result<(), StackError> {
        let device = mount_source(&self.point()).unwrap_or_default();
        let name = device.trim_start_matches("/dev/");
        let trigger = format!("/sys/fs/ext4/{name}/trigger_fs_error");
        std::fs::write(&trigger, "paytwice").map_err(|e| failed(&format!("write {trigger}"), &e))
    }

    /// Mends what an error has left. It must not be mounted.
    pub(super) fn repair(&self) -> Result<String, StackError> {
        let image = self.image();
        let output = Command::new("e2fsck").args(["-p", "-f"]).arg(&image).output();
        let output = output.map_err(|e| failed("run e2fsck", &e))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_string();
        // 1: errors were found and corrected.
        match output.status.code() {
            Some(0 | 1) => Ok(said),
            code => Err(failed(
                "mend a disk",
                &io::Error::other(format!("e2fsck: {code:?}: {said}")),
            )),
        }
    }

    /// Why a new file cannot be written; none where it can.
    pub(super) fn refuses(&self) -> Option<io::Error> {
        let path = self.point().join("probe");
        let tried = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(&[1; BLOCK_BYTES as usize])?;
            file.sync_all()
        };
        let refused = tried().err();
        let _ = std::fs::remove_file(&path);
        refused
    }

    /// Takes every free block; returns how many bytes that were.
    pub(super) fn fill(&self) -> Result<u64, StackError> {
        let free = self.free_bytes();
        let taken = || -> io::Result<u64> {
            let filler = File::create(self.filler())?;
            let (mut at, mut step) = (0, SIZE_BYTES);
            while step >= BLOCK_BYTES {
                match rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), at, step) {
                    Ok(()) => at += step,
                    Err(rustix::io::Errno::NOSPC) => step /= 2,
                    Err(e) => return Err(e.into()),
                }
            }
            Ok(free.saturating_sub(self.free_bytes()))
        };
        taken().map_err(|e| failed("fill a disk", &e))
    }

    /// Gives the blocks back.
    pub(super) fn free(&self) -> Result<(), StackError> {
        match std::fs::remove_file(self.filler()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(failed("free a disk", &e)),
        }
    }

    fn filler(&self) -> PathBuf {
        self.point().join("filler")
    }

    /// Free bytes.
    pub(super) fn free_bytes(&self) -> u64 {
        File::open(self.point())
            .ok()
            .and_then(|point| free_bytes(&point))
            .unwrap_or(0)
    }

    /// What every block of its files holds now, holes left out.
    pub(super) fn content(&self) -> Result<Content, StackError> {
        let mut content = Content::default();
        read_folder(&self.data(), &mut content.0).map_err(|e| failed("read a disk", &e))?;
        Ok(content)
    }
}

impl Content {
    /// What of it the other does not hold.
    pub(super) fn lost(&self, now: &Content) -> Lost {
        let mut lost = Lost::default();
        for (path, before) in &self.0 {
            let after = now.0.get(path).map_or(&[][..], Vec::as_slice);
            let differ = |(at, hash): &(usize, &u64)| after.get(*at) != Some(*hash);
            // A hole was never written: nothing of it can be lost.
            let blocks = before
                .iter()
                .enumerate()
                .filter(|(_, hash)| **hash != 0)
                .filter(differ)
                .count();
            lost.blocks += blocks as u64;
            lost.files += u64::from(after.is_empty() && !before.is_empty());
        }
        lost
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.blocks == 0 {
            return f.write_str("nothing that was written is missing");
        }
        write!(
            f,
            "{} KiB that were written are not on it",
            self.blocks * BLOCK_BYTES / 1024
        )?;
        match self.files {
            0 => Ok(()),
            files => write!(f, ", {files} files among them"),
        }
    }
}

/// The disks' folder of a stack.
pub(super) fn folder_of(stack: &StackId) -> PathBuf {
    root().join(stack.as_str())
}

/// The stacks that have left disks, each with its owner.
pub(super) fn stacks() -> Vec<(StackId, String)> {
    let entries = std::fs::read_dir(root()).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let stack = name.strip_suffix(".owner")?.to_owned();
        Some((StackId::from_label(&stack), std::fs::read_to_string(entry.path()).ok()?))
    });
    named.collect()
}

/// Removes the disks of a stack; returns how many there were. Their containers must be gone.
pub(super) fn remove(stack: &StackId) -> Result<usize, StackError> {
    let folder = folder_of(stack);
    if !owner_file(stack).exists() && !folder.exists() {
        return Ok(0);
    }
    let mut disks = 0;
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let point = entry.path().join("mnt");
        let_go(&point)?;
        disks += 1;
    }
    for removed in [
        std::fs::remove_dir_all(&folder),
        std::fs::remove_file(owner_file(stack)),
    ] {
        match removed {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed("remove a disk", &e)),
            _ => {}
        }
    }
    // It stays while it holds the disks of another stack.
    let _ = std::fs::remove_dir(root());
    Ok(disks)
}

fn root() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).map_or_else(|| PathBuf::from(FOLDER), PathBuf::from)
}

fn owner_file(stack: &StackId) -> PathBuf {
    root().join(format!("{stack}.owner"))
}

fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Unmounts, and waits until the loop device is free: for a moment it may be held by a container that has just ended,
/// or by one that is just starting (its view of the mounts is a copy of the machine's). Mounted again before that, a
/// disk without power would still be without it.
fn unmount(point: &Path) -> Result<(), StackError> {
    let image = point.with_file_name("image");
    let begun = Instant::now();
    let mut refused = None;
    while mount_source(point).is_some() || is_on_a_loop_device(&image) {
        if begun.elapsed() > BUSY_TIMEOUT {
            return Err(refused.unwrap_or_else(|| failed("unmount a disk", &io::Error::other("its loop device stays"))));
        }
        if mount_source(point).is_some() {
            refused = tool(Command::new("umount").arg(point)).err();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Unmounts for good. Where a process elsewhere still holds a copy of the mount (its view of the mounts was made meanwhile),
/// the loop device is left to the kernel, which frees it, and the space of the image, with the last user.
fn let_go(point: &Path) -> Result<(), StackError> {
    let image = point.with_file_name("image");
    match unmount(point) {
        Err(_) if mount_source(point).is_none() => {
            if let Some(device) = loop_device(&image) {
                // A device in use is marked to be freed with its last user.
                tool(Command::new("losetup").arg("--detach").arg(&device))?;
                tracing::warn!(
                    "{}: another process still holds its mount; the kernel frees {} when it ends",
                    point.display(),
                    device.display()
                );
            }
            Ok(())
        }
        unmounted => unmounted,
    }
}

fn is_on_a_loop_device(image: &Path) -> bool {
    loop_device(image).is_some()
}

/// The loop device that a file is behind.
fn loop_device(image: &Path) -> Option<PathBuf> {
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let mut found = devices.filter(|device| {
        let file = std::fs::read_to_string(device.path().join("loop/backing_file"));
        file.is_ok_and(|file| Path::new(file.trim_end()) == image)
    });
    Some(Path::new("/dev").join(found.next()?.file_name()))
}

/// The device that is mounted at a place; the topmost, if there are several.
fn mount_source(point: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let point = point.to_str()?;
    let mut found = mounts.lines().filter_map(|line| {
        let (place, system) = line.split_once(" - ")?;
        let here = place.split(' ').nth(4)? == point;
        here.then(|| system.split(' ').nth(1).map(str::to_owned))?
    });
    found.next_back()
}

fn free_bytes(file: &File) -> Option<u64> {
    let stat = rustix::fs::fstatvfs(file).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

fn read_folder(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u64>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_folder(&entry.path(), into)?;
        } else if kind.is_file() {
            let blocks = read_blocks(&entry.path())?;
            into.insert(entry.path(), blocks);
        }
    }
    Ok(())
}

/// A number for the content of each block; 0 for a hole.
fn read_blocks(path: &Path) -> io::Result<Vec<u64>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut blocks = vec![0; usize::try_from(length.div_ceil(BLOCK_BYTES)).unwrap_or(0)];
    let mut at = 0;
    let mut block = [0; BLOCK_BYTES as usize];
    while let Ok(data) = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(at)) {
        let hole = rustix::fs::seek(&file, rustix::fs::SeekFrom::Hole(data)).unwrap_or(length);
        at = data / BLOCK_BYTES * BLOCK_BYTES;
        file.seek(io::SeekFrom::Start(at))?;
        while at < hole {
            let mut filled = 0;
            while filled < block.len() {
                match file.read(&mut block[filled..])? {
                    0 => break,
                    n => filled += n,
                }
            }
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(&block[..filled]);
            // A block of zeros that was never written reads like one that was.
            let empty = block[..filled].iter().all(|byte| *byte == 0);
            if let Some(slot) = blocks.get_mut(usize::try_from(at / BLOCK_BYTES).unwrap_or(usize::MAX)) {
                *slot = if empty { 0 } else { hasher.finish().max(1) };
            }
            at += BLOCK_BYTES;
        }
    }
    Ok(blocks)
}

fn tool(command: &mut Command) -> Result<(), StackError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| failed(&format!("run {name}"), &e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(failed(&format!("run {name}"), &io::Error::other(said)))
}

fn failed(doing: &str, cause: &io::Error) -> StackError {
    StackError::Machine {
        doing: doing.to_string(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(files: &[(&str, &[u64])]) -> Content {
        let file = |(name, blocks): &(&str, &[u64])| (PathBuf::from(name), blocks.to_vec());
        Content(files.iter().map(file).collect())
    }

    #[test]
    fn what_is_lost_is_counted_in_blocks_and_files() {
        let before = content(&[("a", &[1, 2, 0]), ("b", &[7]), ("c", &[5])]);
        let after = content(&[("a", &[1, 3, 9]), ("c", &[5]), ("new", &[1])]);
        let lost = before.lost(&after);
        assert_eq!(lost, Lost { files: 1, blocks: 2 });
        assert_eq!(
            lost.to_string(),
            "8 KiB that were written are not on it, 1 files among them"
        );
        assert_eq!(before.lost(&before), Lost::default());
    }

    #[test]
    fn a_block_of_a_file_has_its_own_number_and_a_hole_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(5 * BLOCK_BYTES).unwrap();
        file.write_all_at(&[1; 4096], BLOCK_BYTES).unwrap();
        file.write_all_at(&[2; 10], 3 * BLOCK_BYTES).unwrap();
        let blocks = read_blocks(&path).unwrap();
        assert_eq!(blocks.len(), 5);
        let written: Vec<bool> = blocks.iter().map(|hash| *hash != 0).collect();
        assert_eq!(written, [false, true, false, true, false]);
        assert_ne!(blocks[1], blocks[3]);
    }

    #[test]
    fn a_mount_that_another_process_still_holds_is_left_to_the_kernel() {
        let id = StackId::fresh();
        let disk = match Disk::make(&id, "store") {
            Ok(disk) => disk,
            Err(e) => return eprintln!("SKIPPED: no disk can be made here: {e}"),
        };
        let (image, point) = (disk.image(), disk.point());
        // Its view of the mounts is a copy that does not follow ours.
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sleep", "120"])
            .current_dir(&point)
            .spawn()
            .unwrap();
        let command = format!("/proc/{}/comm", holder.id());
        let apart = || std::fs::read_to_string(&command).is_ok_and(|name| name.trim() == "sleep");
        while !apart() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let removed = remove(&id);
        let device = std::fs::read_dir("/sys/block").unwrap().flatten().find(|device| {
            let file = std::fs::read_to_string(device.path().join("loop/backing_file"));
            file.is_ok_and(|file| file.starts_with(image.to_str().unwrap()))
        });
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert_eq!(removed.unwrap(), 1);
        assert!(mount_source(&point).is_none() && !image.exists());
        let device = device.expect("the holder had kept the device").path();
        let begun = Instant::now();
        while device.join("loop/backing_file").exists() {
            assert!(begun.elapsed() < BUSY_TIMEOUT, "{} is never freed", device.display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

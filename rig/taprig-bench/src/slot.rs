//! Folders for everything that outlives emulated and hosted boards. There is one slot for each bench that runs at the
//! same time.
//!
//! A slot is a folder with a lock file. The kernel releases the lock when the process that holds it dies, however it
//! dies. So a run never finds a bench that is locked by a dead process.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::BenchError;

/// Number of slots of one bench file on one machine. No machine can usefully run more benches at the same time.
const SLOTS: u32 = 64;

/// Name of a slot's lock file in its folder.
const LOCK: &str = "lock";

/// Prefix of the names of socket folders.
const RUNTIME: &str = "taprig-";

/// Name of a link in a socket folder. It points to the lock of the slot that the folder belongs to.
const OWNER: &str = "owner";

/// A slot. It is held until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    number: u32,
    state: PathBuf,
    runtime: RuntimeDir,
    _lock: File,
}

impl Slot {
    /// Takes the first free slot of the bench `name`.
    ///
    /// # Errors
    /// [`BenchError::State`] if the folders can't be made, [`BenchError::NoSlot`] if all slots are taken.
    pub(super) fn take(name: &str) -> Result<Self, BenchError> {
        // Only one process does this at a time, because a slot looks taken for a moment while its lock is tried below.
        static TAKING: Mutex<()> = Mutex::new(());
        let _taking = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
        sweep(&runtime_base());
        let base = state_dir().join("boards").join(name);
        for number in 1..=SLOTS {
            let state = base.join(format!("slot-{number}"));
            let failed = |source| BenchError::State { path: state.clone(), source };
            std::fs::create_dir_all(&state).map_err(failed)?;
            let lock = File::create(state.join(LOCK)).map_err(failed)?;
            match lock.try_lock() {
                Ok(()) => {
                    let runtime = RuntimeDir::make(&state)?;
                    return Ok(Self { number, state, runtime, _lock: lock });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Err(BenchError::NoSlot { bench: name.to_owned(), slots: SLOTS })
    }

    /// Number of the slot, from 1.
    #[must_use]
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Folder for what outlives the boards: flash and non-volatile memory.
    #[must_use]
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Folder for sockets. Its path is short, because the path of a socket has at most 108 bytes.
    #[must_use]
    pub(super) fn runtime(&self) -> &Path {
        &self.runtime.0
    }
}

/// A folder that is removed at the end of the run.
#[derive(Debug)]
struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// Makes a folder for the slot at `state`.
    fn make(state: &Path) -> Result<Self, BenchError> {
        // One process may have benches of several kinds open, each in a slot with the same number.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = runtime_base().join(format!("{RUNTIME}{}-{number}", std::process::id()));
        let failed = |source| BenchError::State { path: path.clone(), source };
        // A killed process with the same id may have left this folder.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(failed)?;
        // This comes first, so that a run that is killed now leaves only what can be recognised as its own.
        let owner = std::path::absolute(state).unwrap_or_else(|_| state.into());
        std::os::unix::fs::symlink(owner.join(LOCK), path.join(OWNER)).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        // Only a few sockets in a temporary folder are left over. That is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The folder that contains the socket folders.
fn runtime_base() -> PathBuf {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir() && short(dir));
    base.unwrap_or_else(std::env::temp_dir)
}

/// Removes the socket folders of killed runs. If the slot of a folder is locked, its run is alive. A folder that names
/// no slot does not belong to taprig.
fn sweep(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(RUNTIME));
        // This is the type of the entry itself: a link to a folder does not count as a folder.
        if !is_one || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(lock) = std::fs::read_link(entry.path().join(OWNER)) else { continue };
        let is_gone = match File::open(&lock) {
            // The lock is held until the folder is removed. Otherwise another run could take the slot and make the
            // folder anew in the meantime.
            Ok(lock) if lock.try_lock().is_ok() => Some(lock),
            // A slot that was deleted belongs to nobody.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            _ => continue,
        };
        // What another user left can only be removed by that user.
        let _ = std::fs::remove_dir_all(entry.path());
        drop(is_gone);
    }
}

fn short(path: &Path) -> bool {
    path.as_os_str().len() < 48
}

/// `$TAPRIG_STATE`, or `taprig` in the user's folder for state data.
fn state_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("TAPRIG_STATE") {
        return dir.into();
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .unwrap_or_else(std::env::temp_dir)
        .join("taprig")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_two_benches_have_folders_of_their_own() {
        let names = ["a", "b"].map(|kind| format!("slot-test-{kind}-{}", std::process::id()));
        let [first, second] = [Slot::take(&names[0]).unwrap(), Slot::take(&names[1]).unwrap()];
        assert_ne!(first.runtime(), second.runtime());
        drop(first);
        assert!(second.runtime().is_dir());
        drop(second);
        for name in names {
            std::fs::remove_dir_all(state_dir().join("boards").join(name)).unwrap();
        }
    }

    #[test]
    fn only_what_nobody_owns_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let owned = |name: &str, lock: &Path| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("air-1"), "").unwrap();
            std::os::unix::fs::symlink(lock, path.join(OWNER)).unwrap();
            path
        };
        let [held, free] = ["held", "free"].map(|name| folder.path().join(name));
        let holder = File::create(&held).unwrap();
        holder.try_lock().unwrap();
        File::create(&free).unwrap();
        let lives = owned("taprig-1-1", &held);
        let killed = owned("taprig-1-2", &free);
        let forgotten = owned("taprig-1-3", &folder.path().join("deleted"));
        let foreign = owned("other-1", &free);
        let nameless = folder.path().join("taprig-notes");
        std::fs::create_dir(&nameless).unwrap();
        let link = folder.path().join("taprig-link");
        std::os::unix::fs::symlink(&foreign, &link).unwrap();

        sweep(folder.path());
        for (path, is_kept) in
            [(lives, true), (killed, false), (forgotten, false), (foreign, true), (nameless, true), (link, true)]
        {
            assert_eq!(path.exists(), is_kept, "{}", path.display());
        }
    }

    #[test]
    fn two_at_a_time_get_two_slots_and_a_freed_one_is_taken_again() {
        let name = format!("slot-test-{}", std::process::id());
        let first = Slot::take(&name).unwrap();
        let second = Slot::take(&name).unwrap();
        assert_eq!((first.number(), second.number()), (1, 2));
        let gone = first.runtime().to_owned();
        drop(first);
        assert!(!gone.exists());
        assert_eq!(Slot::take(&name).unwrap().number(), 1);
        std::fs::remove_dir_all(state_dir().join("boards").join(name)).unwrap();
    }
}

//! Where emulated and hosted boards keep what outlives them, one slot for each bench that runs at a time.
//!
//! A slot is a folder with a lock file; the kernel drops the lock when the process that holds it dies, however it
//! dies, so that no run ever finds a bench locked by one that is gone.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::BenchError;

/// Slots of one bench file on one machine; more benches than this at a time make no sense on any.
const SLOTS: u32 = 64;

/// A slot, held until it is dropped.
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
    /// [`BenchError::State`] when the folders can't be made, [`BenchError::NoSlot`] when all are taken.
    pub(super) fn take(name: &str) -> Result<Self, BenchError> {
        let base = state_dir().join("boards").join(name);
        for number in 1..=SLOTS {
            let state = base.join(format!("slot-{number}"));
            let failed = |source| BenchError::State { path: state.clone(), source };
            std::fs::create_dir_all(&state).map_err(failed)?;
            let lock = File::create(state.join("lock")).map_err(failed)?;
            match lock.try_lock() {
                Ok(()) => {
                    let runtime = RuntimeDir::make()?;
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

    /// Folder of what outlives the boards: flash and non-volatile memory.
    #[must_use]
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Folder of sockets; its path is short, as a socket's path has 108 bytes.
    #[must_use]
    pub(super) fn runtime(&self) -> &Path {
        &self.runtime.0
    }
}

/// A folder that goes when the run does.
#[derive(Debug)]
struct RuntimeDir(PathBuf);

impl RuntimeDir {
    fn make() -> Result<Self, BenchError> {
        // Benches of several kinds may be open in one process, each with a slot of the same number.
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir() && short(dir));
        let base = base.unwrap_or_else(std::env::temp_dir);
        let path = base.join(format!("taprig-{}-{number}", std::process::id()));
        // Left over from a process of the same id that was killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|source| BenchError::State { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        // What is left is a few sockets in a temporary folder: no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn short(path: &Path) -> bool {
    path.as_os_str().len() < 48
}

/// `$TAPRIG_STATE`, or `taprig` in the user's folder for state.
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

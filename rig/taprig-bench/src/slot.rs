//! Folders for everything that outlives emulated and hosted boards. There is one slot for each bench that runs at the
//! same time.
//!
//! A slot is a folder with a lock file. The kernel releases the lock when the process that holds it dies, however it
//! dies. So a run never finds a bench that is locked by a dead process.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::BenchError;

/// Number of slots of a bench whose parts all run on this host. No machine can usefully run more benches at the same
/// time.
pub(super) const SLOTS: u32 = 64;

/// Folder with a folder for each bench.
const BOARDS: &str = "boards";

/// Prefix of the names of slots' folders.
const SLOT: &str = "slot-";

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

/// Who holds a slot. It stands in the lock file, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Id of the process.
    pub pid: u32,
    /// Name of the user.
    pub user: String,
    /// The command line.
    pub command: String,
    /// Time at which the slot was taken, in seconds since 1970.
    pub since: u64,
}

impl Holder {
    fn here() -> Self {
        let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            pid: std::process::id(),
            user: user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            since: now.as_secs(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of {}: {}", self.pid, self.user, self.command)
    }
}

/// A slot that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Name of the bench.
    pub bench: String,
    /// Number of the slot.
    pub slot: u32,
    /// Who holds it. `None` in the moment in which it is taken.
    pub holder: Option<Holder>,
}

/// All slots that somebody holds on this machine, by bench and number.
#[must_use]
pub fn held() -> Vec<Held> {
    let folders = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().collect::<Vec<_>>();
    let mut all = Vec::new();
    for bench in folders(&state_dir().join(BOARDS)) {
        for slot in folders(&bench.path()) {
            let name = slot.file_name().to_string_lossy().into_owned();
            let Some(number) = name.strip_prefix(SLOT).and_then(|number| number.parse().ok()) else { continue };
            if let Some(holder) = holder(&slot.path().join(LOCK)) {
                all.push(Held { bench: bench.file_name().to_string_lossy().into_owned(), slot: number, holder });
            }
        }
    }
    all.sort_by(|a, b| (&a.bench, a.slot).cmp(&(&b.bench, b.slot)));
    all
}

/// Who holds a lock, if anybody does.
fn holder(path: &Path) -> Option<Option<Holder>> {
    let lock = File::open(path).ok()?;
    // A shared lock is refused while somebody holds the slot, and it gets in the way of nobody who only looks.
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(serde_json::from_reader(&lock).ok()),
        _ => None,
    }
}

impl Slot {
    /// Takes the first free slot of the bench `name`, which has `slots` of them. If all are taken, it waits for the first
    /// one to become free.
    ///
    /// # Errors
    /// [`BenchError::State`] if the folders can't be made, [`BenchError::NoSlot`] if all slots are taken and none becomes
    /// free in time.
    pub(super) async fn take(name: &str, slots: u32, wait: Duration) -> Result<Self, BenchError> {
        // Only one process does this at a time, because a slot looks taken for a moment while its lock is tried below.
        static TAKING: Mutex<()> = Mutex::new(());
        {
            let _taking = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
            sweep(&runtime_base());
            for number in 1..=slots {
                let (state, lock) = Self::lock_file(name, number)?;
                match lock.try_lock() {
                    Ok(()) => return Self::of(number, state, lock),
                    Err(TryLockError::WouldBlock) => {}
                    Err(TryLockError::Error(source)) => return Err(BenchError::State { path: state, source }),
                }
            }
        }
        let (state, lock) = Self::lock_file(name, 1)?;
        let (tell, taken) = tokio::sync::oneshot::channel();
        if !wait.is_zero() {
            // The thread ends when it has the lock. If nobody waits any more by then, it gives it back.
            std::thread::spawn(move || drop(tell.send(lock.lock().map(|()| lock))));
        }
        match tokio::time::timeout(wait, taken).await {
            Ok(Ok(Ok(lock))) => Self::of(1, state, lock),
            Ok(Ok(Err(source))) => Err(BenchError::State { path: state, source }),
            Ok(Err(_)) | Err(_) => {
                let held = held().into_iter().filter(|held| held.bench == name);
                let holders = held.filter_map(|held| Some(held.holder?.to_string())).collect::<Vec<_>>();
                Err(BenchError::NoSlot { bench: name.to_owned(), slots, holders: holders.join(", ") })
            }
        }
    }

    /// The folder of a slot, and its lock file.
    fn lock_file(name: &str, number: u32) -> Result<(PathBuf, File), BenchError> {
        let state = bench_folder(name).join(format!("{SLOT}{number}"));
        let failed = |source| BenchError::State { path: state.clone(), source };
        std::fs::create_dir_all(&state).map_err(failed)?;
        // Whoever holds the lock has written its name there.
        let lock = File::options().read(true).write(true).create(true).truncate(false).open(state.join(LOCK));
        let lock = lock.map_err(failed)?;
        Ok((state, lock))
    }

    fn of(number: u32, state: PathBuf, mut lock: File) -> Result<Self, BenchError> {
        let failed = |source| BenchError::State { path: state.join(LOCK), source };
        let text = serde_json::to_vec(&Holder::here()).unwrap_or_default();
        lock.set_len(0).and_then(|()| lock.write_all(&text)).map_err(failed)?;
        let runtime = RuntimeDir::make(&state)?;
        Ok(Self { number, state, runtime, _lock: lock })
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

/// The folder of a bench: its slots, and its mark if it is wedged.
#[must_use]
pub(super) fn bench_folder(name: &str) -> PathBuf {
    state_dir().join(BOARDS).join(name)
}

/// Writes a file of a bench, as JSON. It has its old content or all of the new one, and it is on the disk when this returns.
pub(super) fn keep(path: &Path, content: &impl Serialize) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    taprig_record::replace(path, &taprig_record::pretty(content))?;
    File::open(path)?.sync_all()?;
    File::open(folder)?.sync_all()
}

/// The folder of everything that outlives a run: `$TAPRIG_STATE`, or `taprig` in the user's folder for state data.
#[must_use]
pub fn state_dir() -> PathBuf {
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

    fn take(name: &str, slots: u32, wait_ms: u64) -> Result<Slot, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Slot::take(name, slots, Duration::from_millis(wait_ms)))
    }

    #[test]
    fn slots_of_two_benches_have_folders_of_their_own() {
        let names = ["a", "b"].map(|kind| format!("slot-test-{kind}-{}", std::process::id()));
        let [first, second] = [take(&names[0], SLOTS, 0).unwrap(), take(&names[1], SLOTS, 0).unwrap()];
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
        let first = take(&name, SLOTS, 0).unwrap();
        let second = take(&name, SLOTS, 0).unwrap();
        assert_eq!((first.number(), second.number()), (1, 2));
        let gone = first.runtime().to_owned();
        drop(first);
        assert!(!gone.exists());
        assert_eq!(take(&name, SLOTS, 0).unwrap().number(), 1);
        std::fs::remove_dir_all(state_dir().join("boards").join(name)).unwrap();
    }

    #[test]
    fn a_bench_with_one_slot_is_waited_for_and_its_holder_is_told() {
        let name = format!("slot-test-one-{}", std::process::id());
        let first = take(&name, 1, 0).unwrap();
        let told = take(&name, 1, 0).unwrap_err().to_string();
        assert!(told.contains(&format!("process {} of ", std::process::id())), "{told}");
        let found = held().into_iter().find(|held| held.bench == name).unwrap();
        assert_eq!((found.slot, found.holder.unwrap().pid), (1, std::process::id()));
        assert!(take(&name, 1, 50).is_err());
        let waits = std::thread::spawn({
            let name = name.clone();
            move || take(&name, 1, 20_000).map(|slot| slot.number())
        });
        drop(first);
        assert_eq!(waits.join().unwrap().unwrap(), 1);
        assert!(held().iter().all(|held| held.bench != name));
        std::fs::remove_dir_all(state_dir().join(BOARDS).join(name)).unwrap();
    }
}

//! How the memory of this process is managed.

/// So much free memory at the end of the heap stays with the process.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 64 * 1024 * 1024;

/// Larger pieces than this come from the system and go back to it.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 16 * 1024 * 1024;

/// Lets all threads take memory from one place. By default glibc gives each thread a place of its own, and what one thread has
/// freed no other can take. In a run of all cases that is a third of the memory of taprig.
///
/// What was freed is kept and used again. By default it goes back to the system after each case, which has to empty it for the next one.
#[cfg(target_env = "gnu")]
pub(super) fn shared_and_kept() {
    #[expect(
        unsafe_code,
        reason = "mallopt: it takes two numbers, may be called at any time, and fails by doing nothing"
    )]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Other libraries have no such places.
#[cfg(not(target_env = "gnu"))]
pub(super) const fn shared_and_kept() {}

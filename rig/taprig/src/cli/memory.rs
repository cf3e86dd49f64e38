//! How the memory of this process is managed.

/// Lets all threads take memory from one place. By default glibc gives each thread a place of its own, and what one thread has
/// freed no other can take. In a run of all cases that is a third of the memory of taprig.
#[cfg(target_env = "gnu")]
pub(super) fn shared_by_threads() {
    #[expect(
        unsafe_code,
        reason = "mallopt: it takes two numbers, may be called at any time, and fails by doing nothing"
    )]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Other libraries have no such places.
#[cfg(not(target_env = "gnu"))]
pub(super) const fn shared_by_threads() {}

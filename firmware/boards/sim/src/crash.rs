//! What a panic of the firmware comes to: on a board it is told on the console and ends in a reset, so it is here, too.

use std::cell::RefCell;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use validator::End;

thread_local! {
    /// Where the last panic of this thread was, `file:line`.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the firmware. When it panics, `say` gets the line that a board's console gets, and the end is a reset.
pub(crate) fn watched(firmware: impl FnOnce() -> End, say: impl FnOnce(&[u8])) -> End {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        // Words that can't be written are no reason to panic in a panic.
        let _ = writeln!(std::io::stderr(), "{info}");
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        PLACE.with(|last| *last.borrow_mut() = place);
    }));
    // What the firmware leaves half done is in memory that the next start does not read.
    let end = catch_unwind(AssertUnwindSafe(firmware));
    std::panic::set_hook(before);
    end.unwrap_or_else(|_| {
        let place = PLACE.with(|last| last.borrow_mut().take());
        let at = place.map(|place| format!(" at={place}")).unwrap_or_default();
        say(format!("\n! fault what=panic{at}\n").as_bytes());
        End::Reset
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};

    /// The panic hook belongs to the whole process, so only one test may use it at a time.
    static HOOK: Mutex<()> = Mutex::new(());

    #[test]
    fn a_panic_is_told_and_a_reset() {
        let _alone = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
        let mut said = Vec::new();
        let end = watched(|| panic!("for the test"), |line| said.extend(line));
        assert!(matches!(end, End::Reset));
        let said = String::from_utf8(said).expect("text");
        assert!(said.starts_with("\n! fault what=panic at=") && said.contains("crash.rs:"), "{said}");
    }

    #[test]
    fn an_end_is_an_end() {
        let _alone = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(matches!(watched(|| End::Stopped, |_| panic!("said something")), End::Stopped));
    }
}

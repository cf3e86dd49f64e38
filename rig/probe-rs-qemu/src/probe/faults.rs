//! Faults of probe, wiring and flash, on demand: for tests of what stands above.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// What is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The target does not acknowledge: no power, or not wired.
    pub no_target: bool,
    /// Accesses through the port fault: debug is locked (read-out protection).
    pub locked: bool,
    /// After that many more transfers the probe is unplugged.
    pub unplug_after: Option<u64>,
    /// Cells at these addresses are bad: bit 0 of each word reads inverted.
    pub bad_cells: Option<Range<u32>>,
}

/// Shared with the test, so that it can break things while a session is open.
#[derive(Debug, Clone, Default)]
pub struct FaultHandle(Arc<Mutex<Faults>>);

impl FaultHandle {
    /// Breaks or repairs.
    pub fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Looks at the faults, and counts down what has to be.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Faults) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Faults {
    /// Applies `bad_cells` to words read from `address` on.
    pub(super) fn spoil(&self, address: u32, words: &mut [u32]) {
        if let Some(bad) = &self.bad_cells {
            for (word, at) in words.iter_mut().zip((address..).step_by(4)) {
                if bad.contains(&at) {
                    *word ^= 1;
                }
            }
        }
    }

    /// Counts one transfer. `false` once the probe is unplugged.
    pub(super) fn count_transfer(&mut self) -> bool {
        match &mut self.unplug_after {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_cells_are_bad_and_no_others() {
        let faults = Faults { bad_cells: Some(0x104..0x108), ..Faults::default() };
        let mut words = [8; 3];
        faults.spoil(0x100, &mut words);
        assert_eq!(words, [8, 9, 8]);
    }

    #[test]
    fn unplugged_stays_unplugged() {
        let mut faults = Faults { unplug_after: Some(1), ..Faults::default() };
        assert!(faults.count_transfer());
        assert!(!faults.count_transfer());
        assert!(!faults.count_transfer());
    }
}

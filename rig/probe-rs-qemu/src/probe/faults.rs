//! Faults of the probe, the wiring and the flash, on demand, for tests of the layers above.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// The present faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Whether the target does not acknowledge, because it has no power or is not connected.
    pub no_target: bool,
    /// Whether accesses through the port fault, because debug access is locked (read-out protection).
    pub locked: bool,
    /// The probe is unplugged after this number of further transfers.
    pub unplug_after: Option<u64>,
    /// The cells at these addresses are bad: bit 0 of each word reads inverted.
    pub bad_cells: Option<Range<u32>>,
}

/// A handle that the test shares, so that it can break things while a session is open.
#[derive(Debug, Clone, Default)]
pub struct FaultHandle(Arc<Mutex<Faults>>);

impl FaultHandle {
    /// Changes the faults.
    pub fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Reads the faults, and counts down those that have a counter.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Faults) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Faults {
    /// Applies `bad_cells` to words that were read from `address` on.
    pub(super) fn spoil(&self, address: u32, words: &mut [u32]) {
        if let Some(bad) = &self.bad_cells {
            for (word, at) in words.iter_mut().zip((address..).step_by(4)) {
                if bad.contains(&at) {
                    *word ^= 1;
                }
            }
        }
    }

    /// Counts one transfer. Returns `false` after the probe is unplugged.
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

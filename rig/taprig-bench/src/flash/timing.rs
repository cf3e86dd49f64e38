//! Progress and duration of flashing.

use probe_rs::flashing::{ProgressEvent, ProgressOperation};
use std::time::{Duration, Instant};

/// An operation of flashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading what must be kept of a sector that is only partly written.
    Fill,
    /// Erasing sectors.
    Erase,
    /// Writing pages.
    Program,
    /// Reading back and comparing.
    Verify,
}

impl From<ProgressOperation> for Operation {
    fn from(operation: ProgressOperation) -> Self {
        match operation {
            ProgressOperation::Fill => Self::Fill,
            ProgressOperation::Erase => Self::Erase,
            ProgressOperation::Program => Self::Program,
            ProgressOperation::Verify => Self::Verify,
        }
    }
}

/// A progress event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The probe is open, and the chip answers.
    Attached,
    /// Bytes were erased, written or compared.
    Working {
        /// The operation.
        operation: Operation,
        /// Number of bytes so far.
        done: u64,
        /// Number of bytes in total, if known.
        total: Option<u64>,
    },
    /// The chip was reset and runs.
    Running,
}

/// The result of flashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlashReport {
    /// SHA-256 of the image.
    pub digest: [u8; 32],
    /// Number of bytes of the image.
    pub bytes: u64,
    /// Time for opening the probe and attaching to the chip.
    pub attach: Duration,
    /// Time for erasing.
    pub erase: Duration,
    /// Time for writing.
    pub program: Duration,
    /// Time for reading back.
    pub verify: Duration,
}

/// Adds up the events of probe-rs.
#[derive(Debug, Default)]
pub(super) struct Meter {
    tracks: [Track; 4],
    /// The operation that is in progress, or the last one after it ended.
    current: Option<Operation>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Track {
    done: u64,
    total: Option<u64>,
    started: Option<Instant>,
    took: Duration,
}

impl Meter {
    /// Processes an event. Returns a progress event if there is one to report.
    pub(super) fn take(&mut self, event: &ProgressEvent) -> Option<Progress> {
        match *event {
            ProgressEvent::AddProgressBar { operation, total } => {
                let track = self.track(operation.into());
                track.total = total.map(|more| track.total.unwrap_or(0) + more).or(track.total);
                None
            }
            ProgressEvent::Started(operation) => {
                self.current = Some(operation.into());
                self.track(operation.into()).started = Some(Instant::now());
                None
            }
            ProgressEvent::Progress { operation, size, .. } => {
                let operation = Operation::from(operation);
                let track = self.track(operation);
                track.done += size;
                Some(Progress::Working { operation, done: track.done, total: track.total })
            }
            ProgressEvent::Finished(operation) | ProgressEvent::Failed(operation) => {
                let track = self.track(operation.into());
                track.took += track.started.take().map_or(Duration::ZERO, |started| started.elapsed());
                None
            }
            ProgressEvent::FlashLayoutReady { .. } | ProgressEvent::DiagnosticMessage { .. } => None,
        }
    }

    /// Duration of an operation.
    pub(super) fn took(&self, operation: Operation) -> Duration {
        self.tracks[operation as usize].took
    }

    /// The last operation that was in progress.
    pub(super) fn current(&self) -> Option<Operation> {
        self.current
    }

    fn track(&mut self, operation: Operation) -> &mut Track {
        &mut self.tracks[operation as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_add_up_towards_the_total() {
        let mut meter = Meter::default();
        let operation = ProgressOperation::Program;
        for total in [Some(30), Some(10), None] {
            assert_eq!(meter.take(&ProgressEvent::AddProgressBar { operation, total }), None);
        }
        assert_eq!(meter.take(&ProgressEvent::Started(operation)), None);
        let stage = ProgressEvent::Progress { operation, size: 16, time: Duration::ZERO };
        meter.take(&stage);
        let working = Progress::Working { operation: Operation::Program, done: 32, total: Some(40) };
        assert_eq!(meter.take(&stage), Some(working));
        meter.take(&ProgressEvent::Finished(operation));
        assert_eq!(meter.current(), Some(Operation::Program));
        assert!(meter.took(Operation::Program) > Duration::ZERO);
        assert_eq!(meter.took(Operation::Erase), Duration::ZERO);
    }
}

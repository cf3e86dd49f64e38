//! The output of a display, and whether writing it worked.

use std::io::{Error, ErrorKind, Write};
use std::sync::{Arc, OnceLock};

/// Receives what is shown. After a failure nothing more is written, but the run continues for its record.
pub struct Out {
    to: Box<dyn Write + Send>,
    failure: Failure,
}

/// The first failure of an [`Out`]. The code that ends the run reads it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Failure(Arc<OnceLock<Error>>);

impl Out {
    /// An output that writes there.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self { to: Box::new(to), failure: Failure::default() }
    }

    /// The failure that has happened or will happen.
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// Writes all of the bytes and flushes them.
    pub fn put(&mut self, text: &[u8]) {
        if self.failure.0.get().is_some() {
            return;
        }
        if let Err(error) = self.to.write_all(text).and_then(|()| self.to.flush()) {
            // Only the first failure is set, and only this method sets it.
            let _ = self.failure.0.set(error);
        }
    }
}

impl Failure {
    /// What went wrong. It is not a failure if the reader has gone away (`| head`).
    pub fn get(&self) -> Option<&Error> {
        self.0.get().filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }
}

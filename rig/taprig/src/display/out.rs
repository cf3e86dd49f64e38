//! Where a run is shown, and whether that went well.

use std::io::{Error, ErrorKind, Write};
use std::sync::{Arc, OnceLock};

/// Takes what is shown. After a failure nothing more is written, and the run goes on for its record.
pub struct Out {
    to: Box<dyn Write + Send>,
    failure: Failure,
}

/// The first failure of an [`Out`], for the one who ends the run. Its clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Failure(Arc<OnceLock<Error>>);

impl Out {
    /// Shows there.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self { to: Box::new(to), failure: Failure::default() }
    }

    /// What went wrong, now or later.
    pub fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// Writes all of it, and does not keep it for later.
    pub fn put(&mut self, text: &[u8]) {
        if self.failure.0.get().is_some() {
            return;
        }
        if let Err(error) = self.to.write_all(text).and_then(|()| self.to.flush()) {
            // Only the first is set, and only this sets it.
            let _ = self.failure.0.set(error);
        }
    }
}

impl Failure {
    /// What went wrong. A reader that has gone away (`| head`) is no failure.
    pub fn get(&self) -> Option<&Error> {
        self.0.get().filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }
}

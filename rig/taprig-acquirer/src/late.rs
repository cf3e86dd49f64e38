//! Answers that are not due yet.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Answers of one line, in the order in which they are due. Two that are due at the same moment keep their order.
#[derive(Debug)]
pub struct Late<T> {
    answers: BTreeMap<(Instant, u64), T>,
    number: u64,
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self { answers: BTreeMap::new(), number: 0 }
    }
}

impl<T> Late<T> {
    /// Adds an answer that is due so much later.
    pub fn add(&mut self, after: Duration, answer: T) {
        self.number += 1;
        self.answers.insert((Instant::now() + after, self.number), answer);
    }

    /// Waits until the next answer is due, or for ever without one.
    pub async fn due(&self) {
        until(self.answers.first_key_value().map(|((due, _), _)| *due)).await;
    }

    /// Takes the next answer.
    pub fn take(&mut self) -> Option<T> {
        self.answers.pop_first().map(|(_, answer)| answer)
    }

    /// Whether no answer is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Forgets all answers.
    pub fn clear(&mut self) {
        self.answers.clear();
    }
}

/// Waits for a moment, or for ever without one.
pub async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

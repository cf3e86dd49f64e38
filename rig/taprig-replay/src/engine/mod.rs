//! Plays a plan, bus by bus. The unit of work is one bus: its boards begin with an empty memory, and nothing of another bus reaches
//! it. So the books of a bus do not depend on which worker played it, or when.
//!
//! ```text
//!  run (threads) --> worker (bench) --> bus --> watch: what the tap came to
//!                                        |
//!                                        +----> ledger: each evening to the files of the bus --> books
//! ```
//!
//! Nothing in memory grows with the rides of a bus: what is decided is written in the evening, and kept as sums.

mod bus;
mod claims;
mod ledger;
mod rows;
mod run;
mod watch;
mod worker;

use async_trait::async_trait;
use taprig_bench::{BenchError, Links};
use taprig_card::Card;
use taprig_model::event::ReadyAgain;
use taprig_record::Scope;

pub use run::{Ended, Progress, run};
pub use worker::{Setting, prepare};

/// Holds one card to the reader, as a case does.
#[async_trait(?Send)]
pub trait Player: Send + Sync {
    /// Plays a tap and emits all its events to `scope`. The name of the card is for the events only.
    ///
    /// # Errors
    /// [`BenchError`] if a link fails. A wrong reaction of the device is not an error.
    async fn tap(
        &self,
        links: &mut Links,
        scope: &Scope,
        name: &str,
        card: &mut Card,
    ) -> Result<ReadyAgain, BenchError>;
}

//! Verdicts and transcripts: events in, judgements out, nothing else.
//!
//! Nothing here reads a file, waits for a board or knows a bench. The same events give the same verdicts, whether a run
//! has just told them or a record has kept them.

pub mod transcript;
pub mod verdict;

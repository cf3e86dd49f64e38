//! Seals a record, so that nobody can alter it unseen, and verifies the seal.
//!
//! A seal is four files in the folder of the record:
//!
//! ```text
//! statement.json      an in-toto statement: which firmware, which verdicts, on which bench, authorised by whom
//! SHA256SUMS          the SHA-256 of every other file, including statement.json
//! SHA256SUMS.sig      the signature of SHA256SUMS by `ssh-keygen -Y sign -n record@taprig`
//! SHA256SUMS.sig.tsr  the reply of a time-stamping authority for SHA256SUMS.sig (RFC 3161), if there is one
//! ```
//!
//! `sha256sum -c SHA256SUMS` and `ssh-keygen -Y verify` check it without taprig. [`verify`] does more: it finds files that were
//! added, it computes the statement from the record again, and it judges all events again.
//!
//! taprig never sees a private key. `ssh-keygen` signs, with a key file, an agent or a FIDO token.

mod finding;
mod reports;
mod seal;
mod signature;
mod statement;
mod sums;
mod time_stamp;
mod verify;

pub use finding::Finding;
pub use seal::{SealError, Sealed, Sealing, add_time_stamp, seal};
pub use signature::{
    NAMESPACE, Signature, SignatureError, Signers, SignersError, check_signers, sign, verify_signature,
};
pub use statement::{
    Case, Device, FirmwareImage, PREDICATE, Predicate, Run, SCHEMA, STATEMENT_TYPE, Statement, Subject, Tool,
};
pub use sums::{Sums, SumsError, sha256};
pub use taprig_record::seal::{SIGNATURE, STATEMENT, SUMS, TIME_STAMP, is_sealed, refuse};
pub use time_stamp::TimeStamp;
pub use verify::{Verified, verify};

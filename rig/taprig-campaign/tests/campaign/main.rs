//! Campaigns with two counties and five buses: what opens a gate, and everything that closes it.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

mod example;
mod gates;
mod input;
mod shown;

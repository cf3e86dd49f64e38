//! What a person gets when the rig fails, when the input is wrong, and when a case fails: the real program, on benches
//! of this host, in projects of its own.
//!
//! The emulated boards' images must have been built (`ci/firmware`).

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

mod acquirer;
mod adapter;
mod antenna;
mod attached;
mod boards;
mod campaign;
mod capture;
mod checking;
mod device_check;
mod device_new;
mod input;
mod interrupt;
mod judging;
mod maker;
mod new;
mod operator;
mod output;
mod place;
mod power;
mod powercuts;
#[path = "../support/pty.rs"]
mod pty;
#[path = "../../../probe-rs-qemu/tests/emulator/qemu.rs"]
mod qemu;
mod reconcile;
mod replay;
mod rules;
mod running;
mod sealing;
mod serving;
mod shared;
mod starting;
mod swapped;
mod udev;
mod unplugged;
mod wedged;

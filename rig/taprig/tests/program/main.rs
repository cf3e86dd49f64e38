//! What a person gets when the rig fails, when the input is wrong, and when a case fails: the real program, on benches
//! of this host, in projects of its own.
//!
//! The emulated boards' images must have been built (`ci/firmware`).

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

mod acquirer;
mod adapter;
mod antenna;
mod attached;
mod bisect;
mod boards;
mod campaign;
mod capture;
mod checking;
mod conformance;
mod device_check;
mod device_new;
mod history;
mod html;
mod input;
mod interrupt;
mod judging;
mod laboratory;
mod maker;
mod network;
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
mod quarantine;
mod reconcile;
mod replay;
mod rules;
mod running;
mod sealing;
mod serving;
mod shared;
mod starting;
mod submitting;
mod swapped;
mod udev;
mod unplugged;
mod uplinked;
mod wedged;
mod wrong_parts;

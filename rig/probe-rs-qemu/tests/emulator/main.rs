//! Tests on the real emulator. They need `qemu-system-arm`, and the flash algorithm built by `ci/firmware` (or named by
//! TAPRIG_FLASH_ALGORITHM).

mod board;
mod common;
mod cut;
mod probe;

//! Tests on the real emulator. They need QEMU, `qemu-system-arm` or what TAPRIG_QEMU names, unless TAPRIG_WITHOUT_QEMU
//! leaves them out; and the flash algorithm built by `ci/firmware` (or named by TAPRIG_FLASH_ALGORITHM).

mod board;
mod common;
mod cut;
mod probe;
mod qemu;

//! The card emulator on QEMU's mps2-an386.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let board = board_mps2_an386::Mps2::start(false);
    emulator::run(&board);
    // A board never stops.
    board_arm::reset()
}

#[cfg(not(target_os = "none"))]
fn main() {}

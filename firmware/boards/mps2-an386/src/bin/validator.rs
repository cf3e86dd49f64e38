//! The validator on QEMU's mps2-an386.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let board = board_mps2_an386::Mps2::start(true);
    // It ends only when it wants to start again.
    validator::run(&board);
    board_arm::reset()
}

#[cfg(not(target_os = "none"))]
fn main() {}

//! The validator on the B-L475E-IOT01A.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let board = board_b_l475e_iot01a::BL475eIot01a::start(true);
    // It ends only when it wants to start again.
    validator::run(&board);
    board_arm::reset()
}

#[cfg(not(target_os = "none"))]
fn main() {}

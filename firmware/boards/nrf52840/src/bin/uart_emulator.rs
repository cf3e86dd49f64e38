//! The card emulator on the nRF52840, with a UART as the air.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let board = board_nrf52840::Nrf52840::start_with_uart();
    emulator::run(&board);
    // A board never stops.
    board_arm::reset()
}

#[cfg(not(target_os = "none"))]
fn main() {}

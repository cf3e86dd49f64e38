//! The card emulator on the STM32F405.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let board = board_stm32f405::Stm32f405::start(false);
    emulator::run(&board);
    // A board never stops.
    board_arm::reset()
}

#[cfg(not(target_os = "none"))]
fn main() {}

//! Flash algorithm of the emulated boards: functions that probe-rs loads into RAM and calls, after the convention of
//! CMSIS-Pack ("Flash Programming Algorithms"). Each returns 0, or a code that the debugger shows.
//!
//! The main board's code memory is RAM. It is treated as the NOR flash it stands for: erasing sets all bits of a 4 KiB
//! sector, programming only clears bits, and both look at the result.
//!
//! The STM32F405 of QEMU has its flash as a ROM that no store reaches. There the `Host...` functions call the debug
//! probe by a breakpoint, and the probe does the same from outside.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod host;
#[cfg(target_os = "none")]
mod nor;

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here panics, which the linker proves: the message would be a constant, and there may be none.
    loop {}
}

/// On the host there is nothing to do.
#[cfg(not(target_os = "none"))]
fn main() {}

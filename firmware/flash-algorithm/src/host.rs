//! Flash that only the debug probe can write: it sees the breakpoint, does the work, sets r0 and moves on.
#![expect(unsafe_code, reason = "entry points have fixed names and are nothing but a breakpoint")]

use core::arch::naked_asm;

/// As `EraseSector`: r0 is the address.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn HostEraseSector(_address: u32) -> u32 {
    naked_asm!("bkpt #0xF2", "bx lr")
}

/// As `ProgramPage`: r0 is the address, r1 the size, r2 where the data is.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn HostProgramPage(_address: u32, _size: u32, _data: u32) -> u32 {
    naked_asm!("bkpt #0xF1", "bx lr")
}

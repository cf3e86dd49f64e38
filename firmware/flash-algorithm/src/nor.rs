//! Flash that the core writes.
#![expect(unsafe_code, reason = "entry points have fixed names, and flash is written through addresses")]

/// Bytes of a sector.
const SECTOR: u32 = 0x1000;
const ERASED: u32 = 0xFFFF_FFFF;

/// Result codes; 0 is success.
const OK: u32 = 0;
const NOT_A_SECTOR: u32 = 1;
const NOT_ERASED: u32 = 2;
const OUT_OF_RANGE: u32 = 3;
const NOT_WRITTEN: u32 = 4;
const UNKNOWN_FUNCTION: u32 = 5;

/// Before calls of one kind: 1 erase, 2 program, 3 verify.
#[unsafe(no_mangle)]
extern "C" fn Init(_address: u32, _clock: u32, function: u32) -> u32 {
    if matches!(function, 1..=3) { OK } else { UNKNOWN_FUNCTION }
}

/// After calls of one kind.
#[unsafe(no_mangle)]
extern "C" fn UnInit(_function: u32) -> u32 {
    OK
}

/// Sets all bits of the sector that starts at `address`.
#[unsafe(no_mangle)]
extern "C" fn EraseSector(address: u32) -> u32 {
    if !address.is_multiple_of(SECTOR) {
        return NOT_A_SECTOR;
    }
    let mut at = address;
    while at < address + SECTOR {
        // SAFETY: the debugger halted the program and owns all memory; the address is word-aligned.
        let result = unsafe {
            core::ptr::write_volatile(at as *mut u32, ERASED);
            core::ptr::read_volatile(at as *const u32)
        };
        if result != ERASED {
            return NOT_WRITTEN;
        }
        at += 4;
    }
    OK
}

/// Clears bits of `size` bytes at `address` so that they equal those at `data`. Both are word-aligned; a last part of a
/// word can't be written alone.
#[unsafe(no_mangle)]
extern "C" fn ProgramPage(address: u32, size: u32, data: u32) -> u32 {
    if (address | size | data) & 3 != 0 {
        return OUT_OF_RANGE;
    }
    let mut offset = 0;
    while offset < size {
        let flash = address.wrapping_add(offset);
        // SAFETY: the debugger halted the program, owns all memory, and has put `size` bytes at `data`.
        let (old, new) = unsafe {
            (
                core::ptr::read_volatile(flash as *const u32),
                core::ptr::read_volatile(data.wrapping_add(offset) as *const u32),
            )
        };
        if new & !old != 0 {
            return NOT_ERASED;
        }
        // SAFETY: as above.
        let result = unsafe {
            core::ptr::write_volatile(flash as *mut u32, new);
            core::ptr::read_volatile(flash as *const u32)
        };
        if result != new {
            return NOT_WRITTEN;
        }
        offset += 4;
    }
    OK
}

//! What survives a reset, but no loss of power: memory that start-up does not clear.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

/// Written when the rest means something. After a loss of power the memory holds anything at all: 128 bits, so that
/// chance never makes a reset of it.
const MAGIC: [u32; 4] = [0x5441_5052, 0x9E37_79B9, 0x4B45_5054, 0xC2B2_AE35];

#[unsafe(link_section = ".uninit.KEPT")]
#[expect(unsafe_code, reason = "a section that start-up leaves alone")]
static KEPT: MaybeUninit<[AtomicU32; 7]> = MaybeUninit::uninit();

fn words() -> &'static [AtomicU32; 7] {
    #[expect(unsafe_code, reason = "memory that holds whatever was in it")]
    // SAFETY: every bit pattern is a value of these words. The barrier keeps the compiler from taking them for
    // undefined: it can't know that the chip had something there.
    unsafe {
        core::hint::black_box(&KEPT).assume_init_ref()
    }
}

/// At start, once: the wall clock in seconds if it was set before the reset. `None`: power was off.
pub(crate) fn recall() -> Option<Option<u64>> {
    let [magic @ .., low, high, check] = words();
    let (low_value, high_value) = (low.load(Ordering::Relaxed), high.load(Ordering::Relaxed));
    let survived = magic.iter().zip(MAGIC).all(|(word, wanted)| word.load(Ordering::Relaxed) == wanted);
    let whole = check.load(Ordering::Relaxed) == !(low_value ^ high_value);
    let seconds = u64::from(high_value) << 32 | u64::from(low_value);
    let rtc = (whole && seconds != 0).then_some(seconds);
    for (word, value) in magic.iter().zip(MAGIC) {
        word.store(value, Ordering::Relaxed);
    }
    remember(if survived { rtc } else { None });
    survived.then_some(rtc)
}

/// Notes the wall clock for after the next reset.
pub(crate) fn remember(rtc: Option<u64>) {
    let [.., low, high, check] = words();
    let seconds = rtc.unwrap_or(0);
    // The halves are meant: a word is 32 bits.
    let (low_value, high_value) = (seconds as u32, (seconds >> 32) as u32);
    low.store(low_value, Ordering::Relaxed);
    high.store(high_value, Ordering::Relaxed);
    check.store(!(low_value ^ high_value), Ordering::Relaxed);
}

//! Stretches of memory that Rust knows nothing of.

use crate::register::Register;

/// A stretch of memory, or two of which one continues the other, word by word: the backup memory of some chips takes nothing
/// else.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    base: usize,
    size: usize,
    /// Base and size of the second stretch.
    rest: (usize, usize),
}

impl Memory {
    /// `size` bytes from `base` on.
    ///
    /// # Safety
    /// Both are multiples of 4; the stretch is readable and writable memory that neither linker nor stack uses.
    #[expect(unsafe_code, reason = "the stretch is the caller's word")]
    #[must_use]
    pub const unsafe fn at(base: usize, size: usize) -> Self {
        Self { base, size, rest: (0, 0) }
    }

    /// This stretch, continued by the one at `rest`. A second one takes the place of an earlier one.
    #[must_use]
    pub const fn continued(self, rest: Self) -> Self {
        Self { rest: (rest.base, rest.size), ..self }
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        self.size + self.rest.1
    }

    #[expect(unsafe_code, reason = "the stretch was vouched for")]
    fn word(self, offset: usize) -> Register {
        let base = if offset < self.size { self.base } else { self.rest.0 - self.size };
        // SAFETY: by the promise at `at`; the callers stay within the size.
        unsafe { Register::at(base + (offset & !3)) }
    }

    /// Copies bytes out. What is beyond the end stays as it was.
    pub fn read(self, offset: usize, buffer: &mut [u8]) {
        for (at, byte) in (offset..self.size()).zip(buffer) {
            *byte = self.word(at).read().to_le_bytes()[at % 4];
        }
    }

    /// Copies bytes in. What is beyond the end is left out.
    pub fn write(self, offset: usize, bytes: &[u8]) {
        let mut places = (offset..self.size()).zip(bytes).peekable();
        while let Some(&(first, _)) = places.peek() {
            let word = self.word(first);
            let mut value = word.read().to_le_bytes();
            while let Some((at, byte)) = places.next_if(|(at, _)| at & !3 == first & !3) {
                value[at % 4] = *byte;
            }
            word.write(u32::from_le_bytes(value));
        }
    }
}

/// The image in flash, by the symbols of the board's linker script.
pub(crate) fn image() -> &'static [u8] {
    #[expect(unsafe_code, reason = "symbols of the linker script")]
    unsafe extern "C" {
        static __image_start: u8;
        static __image_end: u8;
    }
    let (start, end) = (&raw const __image_start, &raw const __image_end);
    // The vector table may be at address 0, where Rust allows no slice: the barrier keeps the compiler from knowing, and
    // the hardware has memory there.
    let start = core::hint::black_box(start);
    #[expect(unsafe_code, reason = "the linker script says where the image is")]
    // SAFETY: flash from the first to the last loaded byte; nothing writes to it while the firmware runs.
    unsafe {
        core::slice::from_raw_parts(start, end.addr() - start.addr())
    }
}

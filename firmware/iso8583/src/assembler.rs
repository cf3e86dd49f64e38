//! From the bytes of a line to whole frames.

use core::fmt;

/// The length of a frame is 0, or more than the buffer holds. Nobody can tell where the next frame begins, so the
/// connection has to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlong {
    /// The length that the frame has by its first two bytes.
    pub len: usize,
}

impl fmt::Display for Overlong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame of {} bytes can't be read", self.len)
    }
}

impl core::error::Error for Overlong {}

/// Collects the bytes of a line until a frame is whole. `N` is the number of bytes that a frame may have after its length.
#[derive(Debug)]
pub struct Assembler<const N: usize> {
    content: heapless::Vec<u8, N>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The first byte of the length is awaited.
    Between,
    /// The first byte of the length has come.
    Length(u8),
    /// So many bytes make the frame whole.
    Within(usize),
    Failed(Overlong),
}

impl<const N: usize> Default for Assembler<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Assembler<N> {
    /// Waits for the beginning of a frame.
    #[must_use]
    pub const fn new() -> Self {
        Self { content: heapless::Vec::new(), state: State::Between }
    }

    /// Takes one byte of the line. Returns the content of a frame, from its TPDU on, if this byte was the last one of it.
    ///
    /// # Errors
    /// The length of a frame is 0 or above `N`. Each further byte gets the same error until [`reset`](Self::reset).
    pub fn push(&mut self, byte: u8) -> Result<Option<&[u8]>, Overlong> {
        match self.state {
            State::Between => {
                self.content.clear();
                self.state = State::Length(byte);
                Ok(None)
            }
            State::Length(high) => {
                let len = usize::from(u16::from_be_bytes([high, byte]));
                if len == 0 || len > N {
                    return self.fail(len);
                }
                self.state = State::Within(len);
                Ok(None)
            }
            State::Within(len) => {
                if self.content.push(byte).is_err() {
                    return self.fail(len);
                }
                if self.content.len() < len {
                    return Ok(None);
                }
                self.state = State::Between;
                Ok(Some(&self.content))
            }
            State::Failed(overlong) => Err(overlong),
        }
    }

    /// Whether a part of a frame has come and the rest has not. If that lasts, the rest is lost.
    #[must_use]
    pub fn is_within(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Within(_))
    }

    /// Forgets everything, as for a new connection.
    pub fn reset(&mut self) {
        self.content.clear();
        self.state = State::Between;
    }

    fn fail(&mut self, len: usize) -> Result<Option<&[u8]>, Overlong> {
        let overlong = Overlong { len };
        self.content.clear();
        self.state = State::Failed(overlong);
        Err(overlong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes bytes of which none ends a frame.
    fn quiet<const N: usize>(assembler: &mut Assembler<N>, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(assembler.push(*byte), Ok(None));
        }
    }

    #[test]
    fn a_frame_comes_out_with_its_last_byte() {
        let mut assembler = Assembler::<3>::new();
        assert!(!assembler.is_within());
        quiet(&mut assembler, &[0]);
        assert!(assembler.is_within());
        quiet(&mut assembler, &[3, 1, 2]);
        assert!(assembler.is_within());
        assert_eq!(assembler.push(3), Ok(Some(&[1, 2, 3][..])));
        assert!(!assembler.is_within());
        quiet(&mut assembler, &[0, 1]);
        assert_eq!(assembler.push(9), Ok(Some(&[9][..])));
    }

    #[test]
    fn an_impossible_length_stops_everything_until_a_reset() {
        for (length, len) in [([0, 0], 0), ([0, 4], 4), ([1, 0], 256), ([0xFF, 0xFF], 65535)] {
            let mut assembler = Assembler::<3>::new();
            quiet(&mut assembler, &length[..1]);
            for byte in [length[1], 0, 1, 9] {
                assert_eq!(assembler.push(byte), Err(Overlong { len }));
            }
            assert!(!assembler.is_within());
            assembler.reset();
            quiet(&mut assembler, &[0, 1]);
            assert_eq!(assembler.push(9), Ok(Some(&[9][..])));
        }
    }

    #[test]
    fn a_reset_forgets_half_a_frame() {
        for part in 1..5 {
            let mut assembler = Assembler::<3>::default();
            quiet(&mut assembler, &[0, 3, 1, 2][..part]);
            assembler.reset();
            quiet(&mut assembler, &[0, 1]);
            assert_eq!(assembler.push(9), Ok(Some(&[9][..])));
        }
    }
}

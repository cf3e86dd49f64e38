//! Frames on the chip's serial port: `00 00 FF LEN LCS TFI data DCS 00`, and the extended form for more than 255 bytes.

/// TFI of frames to the chip.
pub const TO_CHIP: u8 = 0xD4;
/// TFI of frames from the chip.
pub const FROM_CHIP: u8 = 0xD5;
/// The only byte of the frame with which the chip refuses a command that it can't read.
const ERROR: u8 = 0x7F;

/// Acknowledges a frame. From the host it also aborts the command that the chip is working on.
pub const ACK: [u8; 6] = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];
/// Asks for the last frame again.
pub const NACK: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00];
/// Wakes a chip that sleeps. It ignores the first bytes after sleep, so the zeros give it time.
pub const WAKE_UP: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Most bytes in a frame after TFI. An extended frame carries 265 with TFI.
pub const MAX_DATA: usize = 264;

/// How many bytes outside frames are kept for [`Decoder::take_noise`].
const NOISE: usize = 256;

/// The data is longer than a frame can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes do not fit a frame of the PN532, which carries {MAX_DATA}")]
pub struct TooLong(pub usize);

/// The frame to the chip that carries `data`: a command code and its parameters.
///
/// # Errors
/// [`TooLong`] if `data` has more than [`MAX_DATA`] bytes.
pub fn encode(data: &[u8]) -> Result<Vec<u8>, TooLong> {
    pack(TO_CHIP, data)
}

fn pack(tfi: u8, data: &[u8]) -> Result<Vec<u8>, TooLong> {
    if data.len() > MAX_DATA {
        return Err(TooLong(data.len()));
    }
    let length = data.len() + 1;
    let mut frame = vec![0x00, 0x00, 0xFF];
    match u8::try_from(length) {
        Ok(length) => frame.extend([length, length.wrapping_neg()]),
        Err(_) => {
            // At most 265, so both bytes hold it.
            let [high, low] = [(length >> 8) as u8, (length & 0xFF) as u8];
            frame.extend([0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]);
        }
    }
    frame.push(tfi);
    frame.extend(data);
    frame.extend([sum(data).wrapping_add(tfi).wrapping_neg(), 0x00]);
    Ok(frame)
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The other side got a frame.
    Ack,
    /// The other side asks for the last frame again.
    Nack,
    /// The chip can't read the command.
    Error,
    /// A command or a reply.
    Data {
        /// [`FROM_CHIP`] for a reply. [`TO_CHIP`] shows that the line returns what the host sends.
        tfi: u8,
        /// The code and its parameters. It can be empty.
        data: Vec<u8>,
    },
}

/// What the decoder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame whose check sums are right.
    Frame(Frame),
    /// A frame whose length is right and whose data is damaged.
    Damaged,
}

/// Finds frames in a stream of bytes. It starts at `00 FF`, whatever comes before, and looks again inside whatever turns
/// out not to be a frame, so that a false start costs no true frame that follows.
///
/// A frame with data is whole with the zero behind its check sum. Without that zero, a frame that has lost a zero in its
/// data would pass, with its check sum as data and the last zero as check sum.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    /// Bytes that begin with a possible start of a frame.
    held: Vec<u8>,
    noise: Vec<u8>,
}

/// What the held bytes are.
enum Found {
    /// They may become a frame.
    Unfinished,
    /// The first one starts no frame.
    NoStart,
    /// A frame of so many bytes.
    Whole(usize, Frame),
    /// The length is right, the data is not.
    Damaged,
}

impl Decoder {
    /// Takes bytes, and passes on what they complete.
    pub fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Event)) {
        for &byte in bytes {
            self.held.push(byte);
            self.sift(emit);
        }
    }

    fn sift(&mut self, emit: &mut dyn FnMut(Event)) {
        while !self.held.is_empty() {
            match look(&self.held) {
                Found::Unfinished => return,
                Found::NoStart => self.skip(),
                Found::Damaged => {
                    emit(Event::Damaged);
                    self.skip();
                }
                Found::Whole(length, frame) => {
                    self.held.drain(..length);
                    emit(Event::Frame(frame));
                }
            }
        }
    }

    fn skip(&mut self) {
        let byte = self.held.remove(0);
        // Any number of zeros may stand before and after a frame.
        if byte != 0 && self.noise.len() < NOISE {
            self.noise.push(byte);
        }
    }

    /// Takes what is held for no frame, because the rest of it does not come.
    pub fn give_up(&mut self, emit: &mut dyn FnMut(Event)) {
        if !self.held.is_empty() {
            self.skip();
            self.sift(emit);
        }
    }

    /// Whether the start of a frame was read and its end was not.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.held.len() > 1
    }

    /// The bytes outside frames since the last call, without zeros: at most the first 256.
    pub fn take_noise(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.noise)
    }
}

fn look(held: &[u8]) -> Found {
    let (header, length) = match *held {
        [0x00] | [0x00, 0xFF] | [0x00, 0xFF, _] => return Found::Unfinished,
        [0x00, 0xFF, 0x00, 0xFF, ..] => return Found::Whole(4, Frame::Ack),
        [0x00, 0xFF, 0xFF, 0x00, ..] => return Found::Whole(4, Frame::Nack),
        [0x00, 0xFF, 0xFF, 0xFF, ref rest @ ..] => match *rest {
            [high, low, check, ..] => {
                let length = usize::from(high) << 8 | usize::from(low);
                if high.wrapping_add(low).wrapping_add(check) != 0 || length > MAX_DATA + 1 {
                    return Found::NoStart;
                }
                (7, length)
            }
            _ => return Found::Unfinished,
        },
        [0x00, 0xFF, length, check, ..] if length.wrapping_add(check) == 0 => (4, usize::from(length)),
        _ => return Found::NoStart,
    };
    if length == 0 {
        return Found::NoStart;
    }
    let Some(body) = held.get(header..=header + length) else { return Found::Unfinished };
    match held.get(header + length + 1) {
        _ if sum(body) != 0 => return Found::Damaged,
        None => return Found::Unfinished,
        Some(0x00) => {}
        Some(_) => return Found::Damaged,
    }
    let frame = match body {
        [ERROR, _] => Frame::Error,
        [tfi, data @ .., _] => Frame::Data { tfi: *tfi, data: data.to_vec() },
        &[] | &[_] => return Found::NoStart,
    };
    Found::Whole(header + length + 2, frame)
}

#[cfg(test)]
mod tests;

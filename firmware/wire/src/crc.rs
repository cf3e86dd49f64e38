//! Check sums.

use ::crc::{CRC_16_IBM_3740, CRC_16_IBM_SDLC, CRC_16_ISO_IEC_14443_3_A, Crc};

const A: Crc<u16> = Crc::<u16>::new(&CRC_16_ISO_IEC_14443_3_A);
const B: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);
const LINK: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// CRC_A of ISO/IEC 14443-3 (initial value 6363), in the order it is sent: low byte first.
#[must_use]
pub fn crc_a(bytes: &[u8]) -> [u8; 2] {
    A.checksum(bytes).to_le_bytes()
}

/// CRC_B of ISO/IEC 14443-3 (initial value FFFF, inverted), in the order it is sent: low byte first.
#[must_use]
pub fn crc_b(bytes: &[u8]) -> [u8; 2] {
    B.checksum(bytes).to_le_bytes()
}

/// True when the last two bytes of `frame` are the CRC_A of those before them.
#[must_use]
pub fn crc_a_ok(frame: &[u8]) -> bool {
    frame.split_last_chunk::<2>().is_some_and(|(body, crc)| crc_a(body) == *crc)
}

/// CRC-16 that closes each message of the serial link and of the air between two boards, high byte first. It covers the
/// length, too: without it, a message whose last byte is lost passes whenever that byte is a zero of the CRC.
#[must_use]
pub fn link(bytes: &[u8]) -> [u8; 2] {
    let mut digest = LINK.digest();
    digest.update(bytes);
    // No message is that long; a longer one would only share its CRC with a shorter one.
    digest.update(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    digest.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        // ISO/IEC 14443-3 Annex B gives 00 00 -> A0 1E and 12 34 -> 26 CF for type A, 00 00 00 -> CC C6 for type B.
        assert_eq!(crc_a(&[0x00, 0x00]), [0xA0, 0x1E]);
        assert_eq!(crc_a(&[0x12, 0x34]), [0x26, 0xCF]);
        assert_eq!(crc_b(&[0x00, 0x00, 0x00]), [0xCC, 0xC6]);
        assert_eq!(crc_a(&[0x50, 0x00]), [0x57, 0xCD], "HLTA");
    }

    #[test]
    fn a_frame_too_short_for_a_crc_is_not_ok() {
        assert!(!crc_a_ok(&[]));
        assert!(!crc_a_ok(&[0x63]));
        assert!(crc_a_ok(&[0x50, 0x00, 0x57, 0xCD]));
    }
}

//! What a card announces in its ATS (ISO/IEC 14443-4, 5.2).

/// Longest frame and times of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ats {
    /// FSC: the longest frame that the card takes, in bytes, CRC included.
    pub(super) fsc: usize,
    /// FWT: how long the reader waits for an answer to begin, in us.
    pub(super) fwt_us: u64,
    /// SFGT: how long the reader waits before its first block, in us.
    pub(super) sfgt_us: u64,
}

/// 4096/fc, in ns: 256 x 16/fc.
const UNIT_NS: u64 = 302_065;

/// FWT, or SFGT, for an exponent.
fn time_us(exponent: u8) -> u64 {
    (UNIT_NS << exponent) / 1000
}

impl Ats {
    /// The values of an ATS without CRC. Absent bytes have the defaults of the standard. Values that are reserved stand for the
    /// defaults, too (EMV Level 1, ATS). `None`: the ATS is malformed.
    pub(super) fn read(ats: &[u8]) -> Option<Self> {
        const FSC: [usize; 9] = [16, 24, 32, 40, 48, 64, 96, 128, 256];
        let (tl, mut rest) = ats.split_first()?;
        if usize::from(*tl) != ats.len() {
            return None;
        }
        let mut read = Self { fsc: 32, fwt_us: time_us(4), sfgt_us: 0 };
        let Some((t0, after)) = rest.split_first() else { return Some(read) };
        rest = after;
        read.fsc = FSC[usize::from(t0 & 0x0F).min(8)];
        let mut take = |announced: bool| -> Option<Option<u8>> {
            if !announced {
                return Some(None);
            }
            let (byte, after) = rest.split_first()?;
            rest = after;
            Some(Some(*byte))
        };
        take(t0 & 0x10 != 0)?;
        if let Some(tb) = take(t0 & 0x20 != 0)? {
            let (fwi, sfgi) = (tb >> 4, tb & 0x0F);
            read.fwt_us = time_us(if fwi == 15 { 4 } else { fwi });
            read.sfgt_us = if matches!(sfgi, 0 | 15) { 0 } else { time_us(sfgi) };
        }
        take(t0 & 0x40 != 0)?;
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_defaults() {
        let read = |ats: &[u8]| Ats::read(ats).map(|ats| (ats.fsc, ats.fwt_us, ats.sfgt_us));
        assert_eq!(read(&[1]), Some((32, 4_833, 0)));
        assert_eq!(read(&[5, 0x78, 0x80, 0x70, 0x02]), Some((256, 38_664, 0)));
        assert_eq!(read(&[3, 0x25, 0x41]), Some((64, 4_833, 604)), "TB without TA");
        assert_eq!(read(&[3, 0x2F, 0xFF]), Some((256, 4_833, 0)), "reserved values");
        for malformed in [&[][..], &[2], &[3, 0x78, 0x80]] {
            assert_eq!(read(malformed), None, "{malformed:02X?}");
        }
    }
}

//! How long things would have taken on a real antenna.

use wire::air::{Pace, frame_time_ns};

/// One etu at 106 kbit/s, 128/fc, in tenths of a ns.
const ETU_TENTHS_NS: u64 = 94_395;

/// Frame waiting time of activation, 71680/fc, in ns (EMV Contactless Interface Specification, FWT_ACTIVATION).
pub const FWT_ACTIVATION_NS: u64 = 5_286_135;

/// Frame waiting time for a frame waiting integer, 4096/fc x 2^FWI, in ns (ISO/IEC 14443-4). FWI 15 is reserved and
/// read as the default, 4.
#[must_use]
pub const fn fwt_ns(fwi: u8) -> u64 {
    let fwi = if fwi < 15 { fwi } else { 4 };
    302_065 << fwi
}

/// FWI that an ATS announces in TB(1), 4 where it has none.
#[must_use]
pub fn fwi(ats: &[u8]) -> u8 {
    let Some(&t0) = ats.get(1) else { return 4 };
    let tb = 2 + usize::from(t0 & 0x10 != 0);
    match ats.get(tb) {
        Some(tb) if t0 & 0x20 != 0 => tb >> 4,
        _ => 4,
    }
}

/// The modelled time on the air since the card was presented: frames, frame delays, the card's own time, and the pauses and
/// waits of which the reader tells. What the reader computes is not in it.
#[derive(Debug, Default)]
pub struct AirTime {
    ns: u64,
    /// How long the reader waits for the next answer, once it has said so.
    waiting_ns: Option<u64>,
}

impl AirTime {
    /// In us; stays at the greatest value after 71 minutes.
    #[must_use]
    pub fn us(&self) -> u32 {
        u32::try_from(self.ns / 1000).unwrap_or(u32::MAX)
    }

    /// The reader let the air rest, and says how long it waits for the answer to its next frame.
    pub fn pace(&mut self, pace: Pace) {
        self.pass(u64::from(pace.pause_us) * 1000);
        self.waiting_ns = Some(u64::from(pace.wait_us) * 1000);
    }

    fn pass(&mut self, ns: u64) {
        self.ns = self.ns.saturating_add(ns);
    }

    /// The reader sent seven bits.
    pub fn short(&mut self) {
        self.pass(9 * ETU_TENTHS_NS / 10);
    }

    /// The reader sent so many bytes.
    pub fn command(&mut self, bytes: usize) {
        self.pass(frame_time_ns(bytes));
    }

    /// The card sent so many bytes so long after the reader. Returns false if that was too late: then the reader has gone on at
    /// the end of its wait.
    pub fn answer(&mut self, delay_us: u32, bytes: usize) -> bool {
        let delay = u64::from(delay_us) * 1000;
        let in_time = self.waiting_ns.is_none_or(|waiting_ns| delay <= waiting_ns);
        if in_time {
            self.pass(delay + frame_time_ns(bytes));
        } else {
            self.silence();
        }
        in_time
    }

    /// The reader waited in vain.
    pub fn silence(&mut self) {
        self.pass(self.waiting_ns.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_waiting_times_are_those_of_the_standard() {
        assert_eq!(fwt_ns(4) / 1000, 4_833);
        assert_eq!(fwt_ns(7) / 1000, 38_664);
        assert_eq!(fwt_ns(14) / 1_000_000, 4_949);
        assert_eq!(fwt_ns(15), fwt_ns(4));
    }

    #[test]
    fn fwi_is_found_behind_ta() {
        assert_eq!(fwi(&[]), 4);
        assert_eq!(fwi(&[0x01]), 4);
        assert_eq!(fwi(&[0x02, 0x08]), 4, "no TB");
        assert_eq!(fwi(&[0x03, 0x28, 0x71]), 7, "TB first");
        assert_eq!(fwi(&[0x05, 0x78, 0x80, 0x70, 0x02]), 7, "TA, TB, TC");
        assert_eq!(fwi(&[0x05, 0x78]), 4, "cut off");
    }

    #[test]
    fn an_exchange_costs_two_frames_and_the_times_between() {
        let mut air = AirTime::default();
        air.command(10);
        air.pace(Pace { pause_us: 0, wait_us: 92 });
        assert!(air.answer(92, 20));
        air.pace(Pace { pause_us: 700, wait_us: 92 });
        air.command(10);
        let expected = frame_time_ns(10) + 92_000 + frame_time_ns(20) + 700_000 + frame_time_ns(10);
        assert_eq!(u64::from(air.us()), expected / 1000);
    }

    #[test]
    fn silence_and_a_late_answer_cost_what_the_reader_waits() {
        let mut air = AirTime::default();
        air.pace(Pace { pause_us: 0, wait_us: 5_287 });
        air.silence();
        assert_eq!(air.us(), 5_287);
        air.pace(Pace { pause_us: 0, wait_us: 1_000_000 });
        assert!(!air.answer(1_000_001, 2));
        assert_eq!(air.us(), 1_005_287, "a reader that waits for a second does not look quick");
    }
}

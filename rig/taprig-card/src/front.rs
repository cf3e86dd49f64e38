//! The card as the reader sees it before any application.

use taprig_model::card::change::FrontPart;
use taprig_model::card::{Activation, Ats, Front};
use taprig_model::units::Duration;

/// The longest ATS that the link to the card emulator carries.
const LONGEST_ATS: usize = 32;

/// The parts of the front as bytes, so that a case can alter them.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    uid: Vec<u8>,
    atqa: Vec<u8>,
    sak: Vec<u8>,
    ats: Vec<u8>,
    delay: Duration,
    chain: u8,
}

impl Parts {
    pub(crate) fn new(front: &Front) -> Self {
        Self {
            uid: front.uid.0.clone(),
            atqa: front.atqa.0.clone(),
            sak: front.sak.0.clone(),
            ats: ats(&front.ats),
            delay: front.delay.unwrap_or_default(),
            chain: front.chain.unwrap_or(0),
        }
    }

    pub(crate) fn part(&mut self, part: FrontPart) -> &mut Vec<u8> {
        match part {
            FrontPart::Uid => &mut self.uid,
            FrontPart::Atqa => &mut self.atqa,
            FrontPart::Sak => &mut self.sak,
            FrontPart::Ats => &mut self.ats,
        }
    }

    /// What the card side needs to know.
    pub(crate) fn finish(&self) -> Result<Activation, String> {
        if !matches!(self.uid.len(), 4 | 7 | 10) {
            return Err(format!("front.uid: {} bytes; a UID has 4, 7 or 10", self.uid.len()));
        }
        let atqa = self.atqa.as_slice().try_into();
        let [sak] = self.sak[..] else { return Err(format!("front.sak: {} bytes instead of 1", self.sak.len())) };
        if self.ats.len() > LONGEST_ATS {
            return Err(format!("front.ats: {} bytes; a card side sends at most {LONGEST_ATS}", self.ats.len()));
        }
        if self.delay.us > u32::MAX.into() {
            return Err("front.delay: longer than an hour".into());
        }
        Ok(Activation {
            uid: self.uid.clone(),
            atqa: atqa.map_err(|_| format!("front.atqa: {} bytes instead of 2", self.atqa.len()))?,
            sak,
            ats: self.ats.clone(),
            delay: self.delay,
            chain: self.chain,
        })
    }
}

/// TL, T0, TA(1), TB(1), TC(1), historical bytes (ISO/IEC 14443-4, clause 5.2).
fn ats(ats: &Ats) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x70 | ats.fsci & 0x0F];
    bytes.extend(&ats.rates.0);
    bytes.push(ats.fwi << 4 | ats.sfgi & 0x0F);
    bytes.extend(&ats.options.0);
    bytes.extend(&ats.historical.0);
    bytes[0] = bytes.len().to_le_bytes()[0];
    bytes
}

//! One card in the field: activation, block protocol, company, and what was on the air.

use crate::activation::{self, Activation};
use crate::air_time::{self, AirTime};
use crate::blocks::{self, Blocks};
pub use crate::stage::Stage;
use crate::{Frame, with_crc};
use wire::Command;
use wire::air::{FDT_PICC_US, Pace};
use wire::crc::crc_b;
use wire::link::{Answer, Company, Front, Release, Traffic};

/// A frame of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromReader<'a> {
    /// Seven bits.
    Short(u8),
    /// Whole bytes.
    Bytes(&'a [u8]),
}

/// What the reader hears.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a board has no heap, and one of these is alive at a time")]
pub enum OnAir {
    /// Nothing.
    Silence,
    /// Two cards at once.
    Collision,
    /// A frame, so long after the reader's.
    Frame {
        /// Frame delay in us.
        delay_us: u32,
        /// The bytes.
        frame: Frame,
    },
    /// Nothing yet: the host thinks.
    Later,
}

/// What the host is told.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a board has no heap, and one of these is alive at a time")]
pub enum Event {
    /// RATS was answered.
    Activated {
        /// FSD in bytes.
        fsd: u16,
    },
    /// A command waits for the host's answer.
    Command(Command),
    /// The reader let the card go.
    Released(Release),
    /// The card left the field by itself.
    Left,
}

/// A card that somebody holds to the reader.
#[derive(Debug)]
pub struct Card {
    front: Front,
    activation: Activation,
    /// Since RATS.
    blocks: Option<Blocks>,
    mute: bool,
    traffic: Traffic,
    air_time: AirTime,
    /// The card's last frame began after the reader had stopped waiting.
    late: bool,
}

impl Card {
    /// The card as it enters the field.
    #[must_use]
    pub fn new(front: Front) -> Self {
        Self {
            front,
            activation: Activation::default(),
            blocks: None,
            mute: false,
            traffic: Traffic::default(),
            air_time: AirTime::default(),
            late: false,
        }
    }

    /// What was on the air so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Modelled time on the air so far, in us.
    #[must_use]
    pub fn air_us(&self) -> u32 {
        self.air_time.us()
    }

    /// The card's last frame began after the reader had stopped waiting for it.
    #[must_use]
    pub fn was_late(&self) -> bool {
        self.late
    }

    /// A command waits for the host's answer.
    #[must_use]
    pub fn is_awaiting(&self) -> bool {
        self.blocks.as_ref().is_some_and(Blocks::is_awaiting)
    }

    /// Where the card is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match (&self.blocks, self.mute) {
            (_, true) => Stage::Mute,
            (Some(_), false) => Stage::Blocks,
            (None, false) => self.activation.stage(),
        }
    }

    /// The reader has selected the card, and something else answered it up to there.
    pub fn select(&mut self) {
        self.blocks = None;
        self.activation.select();
    }

    /// How long the reader waits for the answer to the last block, in us: the frame waiting time, multiplied by what
    /// S(WTX) asked for and the reader confirmed.
    #[must_use]
    pub fn waiting_us(&self) -> u64 {
        let granted = self.blocks.as_ref().map_or(1, Blocks::granted);
        self.fwt_ns() * u64::from(granted.clamp(1, 59)) / 1000
    }

    fn fwt_ns(&self) -> u64 {
        air_time::fwt_ns(air_time::fwi(&self.front.ats))
    }

    /// The field is off: the card forgets where it was.
    pub fn field_off(&mut self) -> Option<Event> {
        self.activation = Activation::default();
        self.blocks.take().map(|_| Event::Released(Release::FieldOff))
    }

    /// The reader let the air rest, and waits for the answer to its next frame, as it says.
    pub fn pace(&mut self, pace: Pace) {
        self.air_time.pace(pace);
    }

    /// A frame of the reader.
    pub fn hear(&mut self, frame: FromReader<'_>) -> (OnAir, Option<Event>) {
        self.traffic.from_reader = self.traffic.from_reader.saturating_add(1);
        match frame {
            FromReader::Short(_) => self.air_time.short(),
            FromReader::Bytes(bytes) => self.air_time.command(bytes.len()),
        }
        let (on_air, event) = self.react(frame);
        (self.account(on_air), event)
    }

    fn react(&mut self, frame: FromReader<'_>) -> (OnAir, Option<Event>) {
        if let (Company::TypeB, FromReader::Bytes(bytes)) = (self.front.company, frame)
            && let Some(frame) = type_b(bytes)
        {
            return (OnAir::Frame { delay_us: FDT_PICC_US, frame }, None);
        }
        if self.mute {
            return (OnAir::Silence, None);
        }
        if self.blocks.is_some() {
            return match frame {
                FromReader::Short(_) => (OnAir::Silence, None),
                FromReader::Bytes(bytes) => self.block(bytes),
            };
        }
        let heard = match frame {
            FromReader::Short(bits) => self.activation.short(&self.front, bits),
            FromReader::Bytes(bytes) => self.activation.command(&self.front, bytes),
        };
        match heard {
            activation::Heard::Silence => (OnAir::Silence, None),
            activation::Heard::Shared(_) if self.front.company == Company::TypeA => (OnAir::Collision, None),
            // The bit grid of ISO/IEC 14443-3 fixes the frame delay of the activation.
            activation::Heard::Answer(frame) | activation::Heard::Shared(frame) => {
                (OnAir::Frame { delay_us: FDT_PICC_US, frame }, None)
            }
            activation::Heard::Halted => (OnAir::Silence, Some(Event::Released(Release::Halted))),
            activation::Heard::Rats(parameter) => self.rats(parameter),
        }
    }

    fn rats(&mut self, parameter: u8) -> (OnAir, Option<Event>) {
        // SAK bit 6: the card speaks ISO/IEC 14443-4.
        if self.front.ats.is_empty() || self.front.sak & 0x20 == 0 {
            return (OnAir::Silence, None);
        }
        let fsd = blocks::fsd(parameter >> 4);
        self.blocks = Some(Blocks::new(fsd, self.front.chain));
        let on_air = OnAir::Frame { delay_us: self.delay(0), frame: with_crc(&self.front.ats) };
        (on_air, Some(Event::Activated { fsd }))
    }

    fn block(&mut self, bytes: &[u8]) -> (OnAir, Option<Event>) {
        let Some(blocks) = &mut self.blocks else { return (OnAir::Silence, None) };
        let retry = blocks.asks_again(bytes);
        self.traffic.retries = self.traffic.retries.saturating_add(retry.into());
        let reply = blocks.command(bytes);
        self.reply(reply)
    }

    /// The host's answer to the command that waits. [`OnAir::Later`]: it is kept for the confirmation of S(WTX).
    pub fn answer(&mut self, answer: Answer) -> (OnAir, Option<Event>) {
        let reply = self.blocks.as_mut().and_then(|blocks| blocks.answer(answer));
        let (on_air, event) = reply.map_or((OnAir::Later, None), |reply| self.reply(reply));
        (self.account(on_air), event)
    }

    /// The multiplier with which S(WTX) asks for `us`.
    fn multiplier(&self, us: u64) -> u8 {
        u8::try_from(us.div_ceil(self.fwt_ns() / 1000)).unwrap_or(59).clamp(1, 59)
    }

    /// The frame of [`Card::extend`]. The card does not ask yet.
    #[must_use]
    pub fn extension(&self, us: u64) -> OnAir {
        OnAir::Frame { delay_us: self.delay(0), frame: blocks::extension(self.multiplier(us)) }
    }

    /// The host thinks for long: S(WTX) asks for at least `us`.
    pub fn extend(&mut self, us: u64) -> OnAir {
        let wtxm = self.multiplier(us);
        let Some(blocks) = &mut self.blocks else { return OnAir::Silence };
        let reply = blocks.extend(wtxm);
        let (on_air, _) = self.reply(reply);
        self.account(on_air)
    }

    fn reply(&mut self, reply: blocks::Reply) -> (OnAir, Option<Event>) {
        match reply {
            blocks::Reply::Silence => (OnAir::Silence, None),
            blocks::Reply::Block { frame, delay_us, exact } => {
                let delay_us = if exact { delay_us } else { self.delay(delay_us) };
                (OnAir::Frame { delay_us, frame }, None)
            }
            blocks::Reply::Command(command) => (OnAir::Later, Some(Event::Command(command))),
            blocks::Reply::Thinking => (OnAir::Later, None),
            blocks::Reply::Deselected(frame) => {
                self.blocks = None;
                self.activation.halt();
                let on_air = OnAir::Frame { delay_us: self.delay(0), frame };
                (on_air, Some(Event::Released(Release::Deselected)))
            }
            blocks::Reply::Left => (OnAir::Silence, Some(Event::Left)),
            blocks::Reply::Muted => {
                self.mute = true;
                (OnAir::Silence, None)
            }
        }
    }

    fn delay(&self, own_us: u32) -> u32 {
        FDT_PICC_US.saturating_add(self.front.delay_us).saturating_add(own_us)
    }

    /// Counts what goes on the air, and its time.
    fn account(&mut self, on_air: OnAir) -> OnAir {
        let extension = self.blocks.as_ref().and_then(Blocks::extension);
        match &on_air {
            OnAir::Later => return on_air,
            OnAir::Silence => self.air_time.silence(),
            OnAir::Collision => {
                // Both cards send at once; ATQA and UID differ little in length.
                self.late = !self.air_time.answer(FDT_PICC_US, 2);
                self.traffic.from_card = self.traffic.from_card.saturating_add(1);
            }
            OnAir::Frame { delay_us, frame } => {
                self.late = !self.air_time.answer(*delay_us, frame.len());
                self.traffic.from_card = self.traffic.from_card.saturating_add(1);
                let is_wtx = extension.is_some() && frame.first() == Some(&0xF2);
                self.traffic.wtx = self.traffic.wtx.saturating_add(is_wtx.into());
            }
        }
        on_air
    }
}

/// What a card of type B that came along says: ATQB to REQB and WUPB, and a word to HLTB (ISO/IEC 14443-3).
fn type_b(bytes: &[u8]) -> Option<Frame> {
    const PUPI: [u8; 4] = [0x54, 0x52, 0x49, 0x47];
    let (body, crc) = bytes.split_last_chunk::<2>()?;
    if crc_b(body) != *crc {
        return None;
    }
    let mut answer = Frame::new();
    match body {
        // One slot: the card answers at once, whatever the application family.
        [0x05, _, parameter] if parameter & 0x07 == 0 => {
            answer.push(0x50).ok()?;
            answer.extend(PUPI);
            // No application data; 106 kbit/s, FSCI 8 and ISO/IEC 14443-4, FWI 7.
            answer.extend([0, 0, 0, 0, 0x00, 0x81, 0x70]);
        }
        [0x50, pupi @ ..] if *pupi == PUPI => answer.push(0x00).ok()?,
        _ => return None,
    }
    let crc = crc_b(&answer);
    answer.extend(crc);
    Some(answer)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::testing::front;

    #[test]
    fn a_card_of_type_b_answers_wupb_whatever_the_other_does() {
        let mut wupb = std::vec![0x05, 0x00, 0x08];
        wupb.extend(crc_b(&wupb));
        let mut card = Card::new(Front { company: Company::TypeB, ..front() });
        let (OnAir::Frame { frame, .. }, None) = card.hear(FromReader::Bytes(&wupb)) else { panic!("no ATQB") };
        assert_eq!((frame.len(), frame[0]), (14, 0x50));
        let (body, crc) = frame.split_last_chunk::<2>().expect("long enough");
        assert_eq!(crc_b(body), *crc);
        assert!(matches!(card.hear(FromReader::Short(0x52)), (OnAir::Frame { .. }, None)), "type A is there too");
        let mut alone = Card::new(front());
        assert_eq!(alone.hear(FromReader::Bytes(&wupb)), (OnAir::Silence, None));
    }

    #[test]
    fn two_cards_of_type_a_collide() {
        let mut card = Card::new(Front { company: Company::TypeA, ..front() });
        assert_eq!(card.hear(FromReader::Short(0x52)), (OnAir::Collision, None));
        assert_eq!(card.hear(FromReader::Bytes(&[0x93, 0x20])), (OnAir::Collision, None));
    }
}

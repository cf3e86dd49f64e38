//! The chip's contactless side: the card that it plays.

use emulator::activation::{Activation, Heard};
use emulator::card::{Card, Event, FromReader, OnAir};
use wire::air::FDT_PICC_US;
use wire::crc::{crc_a, crc_a_ok};
use wire::link::{Answer, Company, Front, Release};

/// ATS of the chip's own block protocol, without historical bytes: FSC 64, 212 and 424 kbit/s, FWI 9, NAD and CID.
const ATS: [u8; 5] = [0x05, 0x75, 0x33, 0x92, 0x03];

/// Most INF bytes in a block of the chip. What a real chip does is not known; its buffer for the air holds 64 bytes.
const INF: u8 = 61;

/// Bit 5 of the parameters of SetParameters.
pub(crate) const PICC_14443_4: u8 = 0x20;

/// Most historical bytes that this model carries. The chip takes 48.
const MAX_HISTORICAL: usize = 27;

/// The parameters of TgInitAsTarget.
#[derive(Debug)]
pub(crate) struct Wanted {
    mode: u8,
    front: Front,
}

impl Wanted {
    /// Reads mode, SENS_RES, NFCID1t, SEL_RES, FeliCa (18), NFCID3t (10), general and historical bytes.
    pub(crate) fn parse(parameters: &[u8]) -> Option<Self> {
        let [mode, a, b, uid1, uid2, uid3, sak, rest @ ..] = parameters else { return None };
        let (_, rest) = rest.split_at_checked(28)?;
        let (general, rest) = rest.split_first()?;
        let (_, rest) = rest.split_at_checked((*general).into())?;
        // Hosts leave out what is last and empty.
        let historical = match rest.split_first() {
            None => &[][..],
            Some((length, bytes)) if usize::from(*length) == bytes.len() && bytes.len() <= MAX_HISTORICAL => bytes,
            Some(_) => return None,
        };
        let mut ats: Vec<u8> = ATS.into_iter().chain(historical.iter().copied()).collect();
        ats[0] = u8::try_from(ats.len()).ok()?;
        Some(Self {
            mode: *mode,
            front: Front {
                uid: [0x08, *uid1, *uid2, *uid3].into_iter().collect(),
                atqa: [*a, *b],
                sak: *sak,
                ats: ats.as_slice().try_into().ok()?,
                company: Company::Alone,
                delay_us: 0,
                chain: INF,
            },
        })
    }
}

/// What the host learns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The reply of TgInitAsTarget: mode and the reader's first command.
    Activated(Vec<u8>),
    /// A command of the reader: an APDU, or a frame without CRC in raw mode.
    Command(Vec<u8>),
    /// The session is over, with this status.
    Over(u8),
    /// A frame with a wrong CRC in raw mode.
    BadCrc,
}

/// The status after S(DESELECT).
const RELEASED: u8 = 0x29;
/// The status after the field went off.
const FIELD_OFF: u8 = 0x31;

/// What the chip plays.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a chip has one of these")]
pub(crate) enum Target {
    /// Nothing: no frame is answered.
    Off,
    /// A card whose block protocol the chip does itself.
    Picc {
        card: Card,
        /// RATS was answered.
        live: bool,
    },
    /// A card of which the chip does the anticollision only.
    Raw {
        front: Front,
        activation: Activation,
        /// The host has got RATS.
        live: bool,
    },
    /// A session that is over. The host may want another one.
    Over(u8),
}

impl Target {
    /// Plays what the host wants.
    pub(crate) fn start(wanted: Wanted, parameters: u8) -> Self {
        let Wanted { mode, front } = wanted;
        // Without the flag of SetParameters the chip leaves RATS and blocks to the host.
        if parameters & PICC_14443_4 != 0 && front.sak & 0x20 != 0 && mode & 0x02 == 0 {
            Self::Picc { card: Card::new(front), live: false }
        } else {
            Self::Raw { front, activation: Activation::default(), live: false }
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Picc { live: true, .. } | Self::Raw { live: true, .. })
    }

    /// The field went off.
    pub(crate) fn field_off(&mut self) -> Option<News> {
        match self {
            Self::Picc { card, live } => {
                card.field_off();
                live.then_some(News::Over(FIELD_OFF))
            }
            Self::Raw { activation, live, .. } => {
                *activation = Activation::default();
                live.then_some(News::Over(FIELD_OFF))
            }
            Self::Off | Self::Over(_) => None,
        }
    }

    /// A frame of the reader: what the reader hears, and what the host learns.
    pub(crate) fn hear(&mut self, frame: FromReader<'_>) -> (OnAir, Option<News>) {
        match self {
            Self::Off | Self::Over(_) => (OnAir::Silence, None),
            Self::Picc { card, live } => {
                let (on_air, event) = card.hear(frame);
                let news = match (event, frame) {
                    (Some(Event::Activated { .. }), FromReader::Bytes(rats)) => {
                        *live = true;
                        // Bit 3: a card with a block protocol, at 106 kbit/s.
                        Some(News::Activated([&[0x08], without_crc(rats)].concat()))
                    }
                    (Some(Event::Command(command)), _) => Some(News::Command(command.to_vec())),
                    (Some(Event::Released(Release::Deselected)), _) => Some(News::Over(RELEASED)),
                    _ => None,
                };
                (on_air, news)
            }
            Self::Raw { front, activation, live } => raw(front, activation, live, frame),
        }
    }

    /// The host's response to a command. `None`: no command waits for one. [`OnAir::Later`]: the response follows the
    /// confirmation of S(WTX).
    pub(crate) fn answer(&mut self, response: &[u8]) -> Option<OnAir> {
        match self {
            Self::Picc { card, .. } if card.is_awaiting() => {
                let response = response.try_into().ok()?;
                Some(card.answer(Answer { response, delay_us: 0, fault: None }).0)
            }
            _ => None,
        }
    }

    /// The host's frame in raw mode.
    pub(crate) fn answer_raw(&self, bytes: &[u8], with_crc: bool) -> Option<OnAir> {
        let Self::Raw { live: true, .. } = self else { return None };
        let mut frame = emulator::Frame::new();
        frame.extend_from_slice(bytes).ok()?;
        if with_crc {
            frame.extend_from_slice(&crc_a(bytes)).ok()?;
        }
        Some(OnAir::Frame { delay_us: FDT_PICC_US, frame })
    }

    /// The host takes long: S(WTX) of the chip, or silence in raw mode.
    pub(crate) fn extend(&mut self, patience_us: u64) -> OnAir {
        match self {
            Self::Picc { card, .. } => card.extend(patience_us),
            _ => OnAir::Silence,
        }
    }
}

fn raw(front: &Front, activation: &mut Activation, live: &mut bool, frame: FromReader<'_>) -> (OnAir, Option<News>) {
    let bytes = match frame {
        FromReader::Short(_) if *live => return (OnAir::Silence, None),
        FromReader::Short(bits) => match activation.short(front, bits) {
            Heard::Answer(frame) | Heard::Shared(frame) => {
                return (OnAir::Frame { delay_us: FDT_PICC_US, frame }, None);
            }
            Heard::Silence | Heard::Halted | Heard::Rats(_) => return (OnAir::Silence, None),
        },
        FromReader::Bytes(bytes) => bytes,
    };
    if *live {
        let news = if crc_a_ok(bytes) { News::Command(without_crc(bytes).to_vec()) } else { News::BadCrc };
        return (OnAir::Later, Some(news));
    }
    match activation.command(front, bytes) {
        Heard::Silence | Heard::Halted => (OnAir::Silence, None),
        Heard::Answer(frame) | Heard::Shared(frame) => (OnAir::Frame { delay_us: FDT_PICC_US, frame }, None),
        Heard::Rats(_) => {
            *live = true;
            // No bit 3: the host speaks the block protocol.
            (OnAir::Later, Some(News::Activated([&[0x00], without_crc(bytes)].concat())))
        }
    }
}

fn without_crc(frame: &[u8]) -> &[u8] {
    &frame[..frame.len().saturating_sub(2)]
}

/// Most bytes of a response that this model carries.
pub(crate) const MAX_RESPONSE: usize = wire::MAX_RESPONSE;

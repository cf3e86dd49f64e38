//! The frames and the field of one tap, in order.

use taprig_model::event::Body;
use taprig_model::expect::FrameName;
use wire::air::frame_time_ns;
use wire::crc::crc_a_ok;

use crate::link::LinkFaults;
use crate::tap::TapEvents;

/// A frame of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent<'a> {
    pub(super) short: bool,
    /// With its CRC.
    pub(super) bytes: &'a [u8],
    /// Digits of an account number are hidden in it, and its CRC with them.
    pub(super) masked: bool,
    /// It grants time that the emulator asked for while its host computed. No case asked for it.
    pub(super) unasked: bool,
    /// When it begins.
    pub(super) at_us: Option<u64>,
}

impl Sent<'_> {
    pub(super) fn name(self) -> FrameName {
        FrameName::of(self.short, self.bytes)
    }

    /// When it ends.
    pub(super) fn end_us(self) -> Option<u64> {
        self.at_us.map(|at_us| at_us + time_us(self.short, self.bytes.len()))
    }

    /// The bytes without CRC.
    pub(super) fn body(&self) -> &[u8] {
        body(self.bytes)
    }
}

/// How a frame of the card reaches the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrives {
    /// As it was sent.
    Whole,
    /// With a wrong check sum.
    Damaged,
    /// After the reader had stopped waiting for it.
    Late,
}

/// A frame of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// With its CRC.
    pub(super) bytes: &'a [u8],
    pub(super) arrives: Arrives,
    /// When it ends.
    pub(super) end_us: Option<u64>,
}

impl Answer<'_> {
    /// The bytes without CRC.
    pub(super) fn body(&self) -> &[u8] {
        body(self.bytes)
    }
}

/// Something on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment<'a> {
    /// The reader sent a frame.
    Reader(Sent<'a>),
    /// The card sent a frame.
    Card(Answer<'a>),
    /// The reader switched its field.
    Field { on: bool, at_us: Option<u64> },
}

impl Moment<'_> {
    /// The name of what the reader did. Frames of the card and a field that comes on have none.
    pub(super) fn name(&self) -> Option<FrameName> {
        match self {
            Self::Reader(sent) => Some(sent.name()),
            Self::Field { on: false, .. } => Some(FrameName::FieldOff),
            Self::Card(_) | Self::Field { on: true, .. } => None,
        }
    }
}

/// The moments of a tap in which the card is in the field, up to its removal. If it left and came back, there is a span for each
/// time. A span begins when the reader looks for cards: what it does before belongs to the card that left, and no card counted
/// the time.
pub(super) fn spans(tap: TapEvents<'_>) -> Vec<Vec<Moment<'_>>> {
    let mut faults = LinkFaults::default();
    let (mut spans, mut moments) = (Vec::new(), Vec::new());
    let (mut there, mut back) = (true, false);
    for event in tap.events {
        match event.body {
            Body::InField { there: false } => {
                (there, back) = (false, false);
                spans.push(std::mem::take(&mut moments));
            }
            Body::InField { there: true } => back = true,
            Body::Field { .. } | Body::Frame { from_card: false, short: true, .. } => there |= back,
            _ => {}
        }
        match &event.body {
            Body::Frame { .. } | Body::Field { .. } if !there => {}
            Body::Injected { fault, values, .. } => faults.injected(fault, values),
            Body::Exchange(_) => faults.answered(),
            Body::Removed { .. } => break,
            Body::Field { on, air_us } => moments.push(Moment::Field { on: *on, at_us: *air_us }),
            &Body::Frame { from_card: false, short, ref bytes, masked, air_us, .. } => {
                let unasked = !faults.now.extensions && FrameName::of(short, bytes) == FrameName::SWtx;
                moments.push(Moment::Reader(Sent { short, bytes, masked, unasked, at_us: air_us }));
            }
            &Body::Frame { from_card: true, ref bytes, masked, late, air_us, .. } => {
                let damaged = if masked { faults.now.damaged > 0 } else { !crc_a_ok(bytes) };
                faults.now.damaged = faults.now.damaged.saturating_sub(damaged.into());
                let arrives = match (late, damaged) {
                    (true, _) => Arrives::Late,
                    (false, true) => Arrives::Damaged,
                    (false, false) => Arrives::Whole,
                };
                moments.push(Moment::Card(Answer { bytes, arrives, end_us: air_us }));
            }
            _ => {}
        }
    }
    spans.push(moments);
    spans.retain(|span| !span.is_empty());
    spans
}

/// The names of what the reader sent from the first activation of the card to its last release. Polling around it is left out,
/// because it depends on time how often a reader looks for a card. Waiting time extensions that no case asked for are left out, too.
pub(super) fn served(moments: &[Moment<'_>]) -> Vec<FrameName> {
    let unasked = |moment: &Moment<'_>| matches!(moment, Moment::Reader(sent) if sent.unasked);
    let names: Vec<FrameName> = moments.iter().filter(|moment| !unasked(moment)).filter_map(Moment::name).collect();
    let Some(activated) = names.iter().position(|name| *name == FrameName::Anticollision) else { return vec![] };
    let is_release = |name: &FrameName| matches!(name, FrameName::SDeselect | FrameName::FieldOff);
    let is_polling = |name: &FrameName| {
        matches!(name, FrameName::Reqa | FrameName::Wupa | FrameName::Reqb | FrameName::Wupb | FrameName::Hlta)
    };
    let rest = &names[activated..];
    let last = rest.iter().rposition(|name| is_release(name) || !is_polling(name)).map_or(0, |last| last + 1);
    rest[..last].to_vec()
}

fn body(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().saturating_sub(2)]
}

/// Time of a frame on the air at 106 kbit/s, in us. A short frame is seven bits between start and end.
fn time_us(short: bool, bytes: usize) -> u64 {
    const SHORT_NS: u64 = 9 * 9_440;
    if short { SHORT_NS / 1000 } else { frame_time_ns(bytes) / 1000 }
}

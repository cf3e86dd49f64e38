//! Names of the frames that a reader sends.

use super::malformed;
use crate::repeat::{Repeat, repeats_match};
use crate::text::text;
use crate::units::Malformed;
use std::fmt;
use std::str::FromStr;

/// A frame of the reader, or the end of its field, by name (ISO/IEC 14443-3 and -4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameName {
    /// Seven bits: is a card of type A there that was not halted?
    Reqa,
    /// Seven bits: is a card of type A there?
    Wupa,
    /// Is a card of type B there that was not halted?
    Reqb,
    /// Is a card of type B there?
    Wupb,
    /// Asks for the rest of a UID at one cascade level.
    Anticollision,
    /// Selects a card at one cascade level.
    Select,
    /// Halts a card of type A.
    Hlta,
    /// Asks a card for its ATS.
    Rats,
    /// Asks for other bit rates.
    Pps,
    /// A block with a part of a command.
    IBlock,
    /// R(ACK): the next block, please.
    RAck,
    /// R(NAK): once more, please.
    RNak,
    /// Grants the card more time.
    SWtx,
    /// Releases the card.
    SDeselect,
    /// The reader switched its field off.
    FieldOff,
    /// None of these.
    Other,
}

impl FrameName {
    const ALL: [Self; 16] = [
        Self::Reqa,
        Self::Wupa,
        Self::Reqb,
        Self::Wupb,
        Self::Anticollision,
        Self::Select,
        Self::Hlta,
        Self::Rats,
        Self::Pps,
        Self::IBlock,
        Self::RAck,
        Self::RNak,
        Self::SWtx,
        Self::SDeselect,
        Self::FieldOff,
        Self::Other,
    ];

    /// The name of a frame of the reader. A short frame has seven bits, in the low end of its only byte. The other frames come with
    /// their CRC.
    #[must_use]
    pub fn of(short: bool, bytes: &[u8]) -> Self {
        match *bytes {
            [0x26] if short => Self::Reqa,
            [0x52] if short => Self::Wupa,
            _ if short => Self::Other,
            // APf, AFI, PARAM: bit 4 wakes halted cards, too.
            [0x05, _, parameter, _, _] if parameter & 0x08 == 0 => Self::Reqb,
            [0x05, _, _, _, _] => Self::Wupb,
            [0x50, 0x00, _, _] => Self::Hlta,
            [0x93 | 0x95 | 0x97, 0x70, ref rest @ ..] if rest.len() == 7 => Self::Select,
            [0x93 | 0x95 | 0x97, nvb, ..] if (0x20..0x70).contains(&nvb) => Self::Anticollision,
            [0xE0, _, _, _] => Self::Rats,
            [0xD0..=0xDF, _, ..] => Self::Pps,
            [pcb, ..] => Self::of_block(pcb),
            [] => Self::Other,
        }
    }

    /// The name of a block by its PCB (ISO/IEC 14443-4, 7.1.1.1), with or without CID and NAD.
    fn of_block(pcb: u8) -> Self {
        match pcb {
            _ if pcb & 0xE2 == 0x02 => Self::IBlock,
            _ if pcb & 0xF6 == 0xA2 => Self::RAck,
            _ if pcb & 0xF6 == 0xB2 => Self::RNak,
            _ if pcb & 0xF7 == 0xF2 => Self::SWtx,
            _ if pcb & 0xF7 == 0xC2 => Self::SDeselect,
            _ => Self::Other,
        }
    }

    /// The word that cases use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reqa => "reqa",
            Self::Wupa => "wupa",
            Self::Reqb => "reqb",
            Self::Wupb => "wupb",
            Self::Anticollision => "anticollision",
            Self::Select => "select",
            Self::Hlta => "hlta",
            Self::Rats => "rats",
            Self::Pps => "pps",
            Self::IBlock => "i-block",
            Self::RAck => "r-ack",
            Self::RNak => "r-nak",
            Self::SWtx => "s-wtx",
            Self::SDeselect => "s-deselect",
            Self::FieldOff => "field-off",
            Self::Other => "other",
        }
    }
}

text!(
    FrameName,
    "FrameName",
    r"^(reqa|wupa|reqb|wupb|anticollision|select|hlta|rats|pps|i-block|r-ack|r-nak|s-wtx|s-deselect|field-off|other)$",
    "a frame of the reader such as `r-nak`"
);

impl FromStr for FrameName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match Self::ALL.into_iter().find(|name| name.as_str() == text) {
            Some(name) => Ok(name),
            None => malformed(format!("`{text}` is not a frame of the reader"), "one such as `i-block` or `r-nak`"),
        }
    }
}

impl fmt::Display for FrameName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A frame and how often it occurs: `rats`, `i-block+` (once or more), `r-nak?`, `r-ack*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameItem {
    /// The frame.
    pub frame: FrameName,
    /// How often it occurs.
    pub repeat: Repeat,
}

text!(
    FrameItem,
    "FrameItem",
    r"^(reqa|wupa|reqb|wupb|anticollision|select|hlta|rats|pps|i-block|r-ack|r-nak|s-wtx|s-deselect|field-off|other)[+?*]?$",
    "a frame of the reader such as `r-nak` or `i-block+`"
);

impl FromStr for FrameItem {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, repeat) = Repeat::split(text);
        Ok(Self { frame: name.parse()?, repeat })
    }
}

impl fmt::Display for FrameItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.frame, self.repeat.sign())
    }
}

/// Whether the frames of a tap match those that a case expects.
#[must_use]
pub fn frames_match(wanted: &[FrameItem], seen: &[FrameName]) -> bool {
    let wanted: Vec<_> = wanted.iter().map(|item| (item.frame, item.repeat)).collect();
    repeats_match(&wanted, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_have_the_names_of_the_standard() {
        for (short, bytes, name) in [
            (true, &[0x26][..], "reqa"),
            (true, &[0x52], "wupa"),
            (true, &[0x7A], "other"),
            (false, &[0x05, 0x00, 0x00, 0, 0], "reqb"),
            (false, &[0x05, 0x00, 0x08, 0, 0], "wupb"),
            (false, &[0x93, 0x20], "anticollision"),
            (false, &[0x95, 0x70, 1, 2, 3, 4, 5, 0, 0], "select"),
            (false, &[0x50, 0x00, 0, 0], "hlta"),
            (false, &[0xE0, 0x80, 0, 0], "rats"),
            (false, &[0xD0, 0x11, 0x00, 0, 0], "pps"),
            (false, &[0x02, 1, 0, 0], "i-block"),
            (false, &[0x13, 1, 0, 0], "i-block"),
            (false, &[0x0A, 1, 2, 0, 0], "i-block"),
            (false, &[0xA3, 0, 0], "r-ack"),
            (false, &[0xB2, 0, 0], "r-nak"),
            (false, &[0xF2, 1, 0, 0], "s-wtx"),
            (false, &[0xC2, 0, 0], "s-deselect"),
            (false, &[0x93, 0x90], "other"),
            (false, &[], "other"),
        ] {
            assert_eq!(FrameName::of(short, bytes).to_string(), name, "{bytes:02X?}");
            assert_eq!(name.parse(), Ok(FrameName::of(short, bytes)));
        }
        assert!("r-block".parse::<FrameName>().is_err());
        assert_eq!("i-block+".parse::<FrameItem>().unwrap().to_string(), "i-block+");
    }

    proptest! {
        #[test]
        fn no_frame_panics(short: bool, bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let name = FrameName::of(short, &bytes);
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}

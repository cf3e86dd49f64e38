//! Commands of a card emulation, their replies, and the chip's status byte.

/// Most data bytes in one [`Command::TgSetData`] or [`Command::TgSetMetaData`].
pub const MAX_PART: usize = 262;

/// Most historical bytes in [`Target`].
pub const MAX_HISTORICAL: usize = 48;

/// [`Command::SetParameters`]: the chip answers RATS and the block protocol of ISO/IEC 14443-4 by itself.
pub const PICC_14443_4: u8 = 0x20;

/// What IC of [`Firmware`] says for this chip.
pub const IC_PN532: u8 = 0x32;

/// A speed of the serial port, by the code that the chip uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Baud {
    /// 9,600 bit/s.
    B9600 = 0,
    /// 19,200 bit/s.
    B19200 = 1,
    /// 38,400 bit/s.
    B38400 = 2,
    /// 57,600 bit/s.
    B57600 = 3,
    /// 115,200 bit/s, with which the chip starts.
    #[default]
    B115200 = 4,
    /// 230,400 bit/s.
    B230400 = 5,
    /// 460,800 bit/s.
    B460800 = 6,
    /// 921,600 bit/s.
    B921600 = 7,
}

impl Baud {
    /// All speeds.
    pub const ALL: [Self; 8] = [
        Self::B9600,
        Self::B19200,
        Self::B38400,
        Self::B57600,
        Self::B115200,
        Self::B230400,
        Self::B460800,
        Self::B921600,
    ];

    /// The speed of so many bits per second, if the chip has it.
    #[must_use]
    pub fn of(bits_per_second: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|baud| baud.bits_per_second() == bits_per_second)
    }

    /// Bits per second.
    #[must_use]
    pub const fn bits_per_second(self) -> u32 {
        match self {
            Self::B57600 => 57_600,
            Self::B115200 => 115_200,
            Self::B230400 => 230_400,
            Self::B460800 => 460_800,
            Self::B921600 => 921_600,
            slow => 9_600 << (slow as u32),
        }
    }
}

/// The card that the chip plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Mode byte: bit 0 passive only, bit 1 DEP only, bit 2 ISO/IEC 14443-4 PICC only.
    pub mode: u8,
    /// ATQA in the order in which it is sent.
    pub sens_res: [u8; 2],
    /// The last three bytes of the UID. The chip puts 08 in front.
    pub nfcid1t: [u8; 3],
    /// SAK.
    pub sel_res: u8,
    /// Historical bytes of the ATS, at most [`MAX_HISTORICAL`]. More are cut off.
    pub historical: Vec<u8>,
}

/// A command to the chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Asks for the chip's [`Firmware`].
    GetFirmwareVersion,
    /// Sets the security module's mode to normal: there is none. It also ends the sleep after power-on.
    SamConfiguration,
    /// Changes the speed of the serial port, after the host has acknowledged the reply.
    SetSerialBaudRate(Baud),
    /// Sets flags such as [`PICC_14443_4`].
    SetParameters(u8),
    /// Plays a card. The reply comes when a reader has activated it.
    TgInitAsTarget(Target),
    /// Asks for the reader's next command. The reply comes with it.
    TgGetData,
    /// Sends the last part of a response.
    TgSetData(Vec<u8>),
    /// Sends a part of a response that is not the last.
    TgSetMetaData(Vec<u8>),
    /// Ends everything with all targets, and with it the emulation.
    InRelease,
}

impl Command {
    /// The command's code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::GetFirmwareVersion => 0x02,
            Self::SetSerialBaudRate(_) => 0x10,
            Self::SetParameters(_) => 0x12,
            Self::SamConfiguration => 0x14,
            Self::InRelease => 0x52,
            Self::TgGetData => 0x86,
            Self::TgInitAsTarget(_) => 0x8C,
            Self::TgSetData(_) => 0x8E,
            Self::TgSetMetaData(_) => 0x94,
        }
    }

    /// The code of the reply.
    #[must_use]
    pub const fn reply(&self) -> u8 {
        self.code() + 1
    }

    /// The name that the chip's manual gives the command.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::GetFirmwareVersion => "GetFirmwareVersion",
            Self::SetSerialBaudRate(_) => "SetSerialBaudRate",
            Self::SetParameters(_) => "SetParameters",
            Self::SamConfiguration => "SAMConfiguration",
            Self::InRelease => "InRelease",
            Self::TgGetData => "TgGetData",
            Self::TgInitAsTarget(_) => "TgInitAsTarget",
            Self::TgSetData(_) => "TgSetData",
            Self::TgSetMetaData(_) => "TgSetMetaData",
        }
    }

    /// Code and parameters, for [`frame::encode`](crate::frame::encode).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.code()];
        match self {
            Self::GetFirmwareVersion | Self::TgGetData => {}
            Self::SamConfiguration => bytes.push(0x01),
            Self::SetSerialBaudRate(baud) => bytes.push(*baud as u8),
            Self::SetParameters(flags) => bytes.push(*flags),
            Self::InRelease => bytes.push(0x00),
            Self::TgSetData(data) | Self::TgSetMetaData(data) => bytes.extend(data),
            Self::TgInitAsTarget(target) => {
                bytes.push(target.mode);
                bytes.extend(target.sens_res);
                bytes.extend(target.nfcid1t);
                bytes.push(target.sel_res);
                // Parameters of FeliCa (18 bytes) and NFCID3t (10 bytes), neither of which a reader of type A sees.
                bytes.extend([0; 28]);
                // No general bytes.
                bytes.push(0);
                let historical = &target.historical[..target.historical.len().min(MAX_HISTORICAL)];
                // At most 48.
                bytes.push(historical.len() as u8);
                bytes.extend(historical);
            }
        }
        bytes
    }
}

/// What the chip says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware {
    /// The kind of chip, [`IC_PN532`] for a PN532.
    pub ic: u8,
    /// Version of the chip's firmware.
    pub version: u8,
    /// Revision of the chip's firmware.
    pub revision: u8,
}

impl Firmware {
    /// The reply to [`Command::GetFirmwareVersion`] after its code: IC, version, revision, supported functions.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Option<Self> {
        match *reply {
            [ic, version, revision, _] => Some(Self { ic, version, revision }),
            _ => None,
        }
    }
}

/// The chip's status byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u8);

/// What a [`Status`] says about the session with the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// All went well.
    Fine,
    /// The reader released the card.
    Released,
    /// The field is gone, and the session with it.
    FieldLost,
    /// A frame on the air was damaged.
    Radio,
    /// The command does not fit the chip's state.
    WrongState,
    /// Anything else.
    Other,
}

impl Status {
    /// Whether more data follows: the host has to ask again.
    #[must_use]
    pub const fn more(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The error code without flags, 0 for none.
    #[must_use]
    pub const fn error(self) -> u8 {
        self.0 & 0x3F
    }

    /// What the error code says about the session.
    #[must_use]
    pub const fn meaning(self) -> Meaning {
        match self.error() {
            0x00 => Meaning::Fine,
            0x29 => Meaning::Released,
            0x0A | 0x2B | 0x31 => Meaning::FieldLost,
            0x02 | 0x03 | 0x05 | 0x0B => Meaning::Radio,
            0x25..=0x27 => Meaning::WrongState,
            _ => Meaning::Other,
        }
    }

    /// The error code in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self.error() {
            0x00 => "no error",
            0x01 => "the other side did not answer in time",
            0x02 => "a frame with a wrong CRC",
            0x03 => "a frame with wrong parity",
            0x04 => "a wrong number of bits during anticollision",
            0x05 => "a frame with wrong framing",
            0x06 => "an abnormal collision of bits",
            0x07 | 0x0E => "the chip's buffer is too small",
            0x09 => "the chip's buffer ran over",
            0x0A => "the field was not switched on in time",
            0x0B => "an error of the block protocol",
            0x0D => "the chip is too hot",
            0x10 => "a parameter is out of range",
            0x25 => "the chip's state does not allow it",
            0x26 => "the chip's configuration does not allow it",
            0x27 => "the command does not fit what the chip is doing",
            0x29 => "the reader released the card",
            0x2B => "the other side is gone",
            0x2D => "too much current",
            0x31 => "the field went off",
            _ => "an error that this version of taprig does not know",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_and_their_codes() {
        assert_eq!(Baud::ALL.map(Baud::bits_per_second), [9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]);
        assert_eq!(Baud::of(921_600), Some(Baud::B921600));
        assert_eq!(Baud::of(1_000_000), None);
        assert_eq!(Command::SetSerialBaudRate(Baud::B921600).to_bytes(), [0x10, 0x07]);
    }

    #[test]
    fn a_target_as_libnfc_sends_it() {
        let target = Target {
            mode: 0x05,
            sens_res: [0x04, 0x00],
            nfcid1t: [0x11, 0x22, 0x33],
            sel_res: 0x20,
            historical: vec![0x80],
        };
        let bytes = Command::TgInitAsTarget(target.clone()).to_bytes();
        assert_eq!(bytes[..8], [0x8C, 0x05, 0x04, 0x00, 0x11, 0x22, 0x33, 0x20]);
        assert_eq!(bytes[8..36], [0; 28]);
        assert_eq!(bytes[36..], [0x00, 0x01, 0x80]);
        let long = Target { historical: vec![7; 60], ..target };
        assert_eq!(Command::TgInitAsTarget(long).to_bytes().len(), 38 + MAX_HISTORICAL);
    }

    #[test]
    fn replies_and_names() {
        assert_eq!(Command::TgGetData.reply(), 0x87);
        assert_eq!(Command::TgSetData(vec![0x90, 0x00]).to_bytes(), [0x8E, 0x90, 0x00]);
        assert_eq!(Command::InRelease.to_bytes(), [0x52, 0x00]);
        let firmware = Firmware::parse(&[0x32, 0x01, 0x06, 0x07]).unwrap();
        assert_eq!((firmware.ic, firmware.version, firmware.revision), (IC_PN532, 1, 6));
        assert_eq!(Firmware::parse(&[0x32, 0x01, 0x06]), None);
    }

    #[test]
    fn what_a_status_means() {
        let of = |code| Status(code).meaning();
        assert_eq!(of(0x00), Meaning::Fine);
        assert_eq!(of(0x40), Meaning::Fine);
        assert!(Status(0x40).more() && !Status(0x29).more());
        assert_eq!(of(0x29), Meaning::Released);
        assert_eq!([0x0A, 0x2B, 0x31].map(of), [Meaning::FieldLost; 3]);
        assert_eq!([0x02, 0x03, 0x05, 0x0B].map(of), [Meaning::Radio; 4]);
        assert_eq!([0x25, 0x26, 0x27].map(of), [Meaning::WrongState; 3]);
        assert_eq!(of(0x10), Meaning::Other);
    }
}

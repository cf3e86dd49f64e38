//! The names of commands and status words in ISO/IEC 7816-4 and EMV Book 3.

/// The parts of a command APDU, as far as it can be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// CLA, INS, P1, P2.
    pub header: [u8; 4],
    /// Command data, or as much of it as there is.
    pub data: &'a [u8],
}

/// Name of the PPSE, the directory of contactless applications.
const PPSE: &[u8] = b"2PAY.SYS.DDF01";

impl<'a> Command<'a> {
    /// Parses a command. Returns `None` if the header is incomplete.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<4>()?;
        let data = match rest {
            // The command has no body, or only Le.
            [] | [_] => &[],
            [len, data @ ..] => &data[..data.len().min(usize::from(*len))],
        };
        Some(Self { header: *header, data })
    }

    /// The name that cases use in `exchange`, such as `select ppse`, `select aid`, `gpo` or `read record`.
    pub fn name(&self) -> &'static str {
        match (self.header[0], self.header[1]) {
            (0x00, 0xA4) if self.data == PPSE => "select ppse",
            (0x00, 0xA4) => "select aid",
            (0x80, 0xA8) => "gpo",
            (0x00, 0xB2) => "read record",
            (0x80, 0xAE) => "generate ac",
            (0x00, 0x88) => "internal authenticate",
            (0x80, 0xCA) => "get data",
            (0x00, 0x84) => "get challenge",
            (0x00, 0x82) => "external authenticate",
            (0x00, 0x20) => "verify",
            (0x00, 0xC0) => "get response",
            (0x80, 0xDC) => "update capp data",
            (0x80, 0xB4) => "read capp data",
            _ => "unknown command",
        }
    }

    /// The command with its parameters in words, such as `read record 1 of SFI 2`.
    pub fn describe(&self) -> String {
        let [class, instruction, p1, p2] = self.header;
        let name = self.name();
        match name {
            "select ppse" => name.to_owned(),
            "select aid" => {
                let next = if p2 & 0x03 == 0x02 { ", next" } else { "" };
                format!("{name} {}{next}", super::hex(self.data))
            }
            "read record" => format!("{name} {p1} of SFI {}", p2 >> 3),
            "get data" => format!("{name} {:02X}", u16::from_be_bytes([p1, p2])),
            "gpo" => name.to_owned(),
            "unknown command" => format!("{name} {class:02X} {instruction:02X} {p1:02X} {p2:02X}"),
            _ => format!("{name} {p1:02X} {p2:02X}"),
        }
    }
}

/// The name that cases use for a command in `exchange`.
pub fn name(command: &[u8]) -> &'static str {
    Command::parse(command).map_or("unknown command", |command| command.name())
}

/// The meaning of a status word.
pub fn status(word: u16) -> &'static str {
    match word {
        0x9000 => "ok",
        0x6100..=0x61FF => "more bytes are there",
        0x6283 => "selected file invalidated",
        0x6285 => "no longer in use",
        0x6200..=0x62FF => "warning, nothing changed",
        0x63C0..=0x63CF => "tries left",
        0x6300..=0x63FF => "warning, something changed",
        0x6581 => "memory failure",
        0x6400..=0x65FF => "execution error",
        0x6700 => "wrong length",
        0x6800..=0x68FF => "function of the class not supported",
        0x6982 => "security status not satisfied",
        0x6983 => "authentication blocked",
        0x6984 => "data invalidated",
        0x6985 => "conditions not satisfied",
        0x6986 => "not allowed (see phone)",
        0x6900..=0x69FF => "not allowed",
        0x6A80 => "wrong data",
        0x6A81 => "function not supported",
        0x6A82 => "file not found",
        0x6A83 => "record not found",
        0x6A84 => "no space",
        0x6A86 => "wrong P1 P2",
        0x6A88 => "data not found",
        0x6A00..=0x6AFF => "wrong parameters",
        0x6B00 => "wrong P1 P2",
        0x6C00..=0x6CFF => "wrong Le",
        0x6D00 => "instruction not supported",
        0x6E00 => "class not supported",
        0x6F00..=0x6FFF => "no diagnosis",
        _ => "unknown status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_in_words() {
        let ppse = [&[0, 0xA4, 4, 0, 14], PPSE, &[0]].concat();
        assert_eq!(name(&ppse), "select ppse");
        assert_eq!(Command::parse(&[0, 0xB2, 2, 0x14, 0]).unwrap().describe(), "read record 2 of SFI 2");
        let aid = [0, 0xA4, 4, 2, 3, 0xA0, 0, 3, 0];
        assert_eq!(Command::parse(&aid).unwrap().describe(), "select aid A00003, next");
        assert_eq!(Command::parse(&[0x80, 0xCA, 0x9F, 0x36, 0]).unwrap().describe(), "get data 9F36");
        assert_eq!(Command::parse(&[0xFF, 1, 2, 3]).unwrap().describe(), "unknown command FF 01 02 03");
        assert_eq!(Command::parse(&[0, 0xA4, 4]), None);
    }

    #[test]
    fn a_body_that_is_cut_off() {
        assert_eq!(Command::parse(&[0x80, 0xA8, 0, 0, 9, 0x83, 7]).unwrap().data, [0x83, 7]);
    }

    #[test]
    fn status_words() {
        assert_eq!(status(0x6986), "not allowed (see phone)");
        assert_eq!(status(0x6A99), "wrong parameters");
        assert_eq!(status(0x0000), "unknown status");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>(), word: u16) {
            if let Some(command) = Command::parse(&bytes) {
                command.describe();
            }
            status(word);
        }
    }
}

//! Writes the format pcapng (draft-ietf-opsawg-pcapng): a section, interfaces, packets with comments.
//!
//! These are four kinds of blocks and six options. At the time of writing, the crates that write the format were a release candidate
//! (pcap-file 3.0, whose stable version writes wrong times) and a parser.

use super::packet::Packet;
use std::time::Duration;

/// Link type ISO 14443 of the registry of tcpdump.org.
const LINK_TYPE: u16 = 264;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const APPLICATION: u16 = 4;

/// The longest text of an option, in bytes. An option of the format takes 65535, and no window shows so much.
const LONGEST: usize = 2000;

/// Writes packets. Each bench is an interface.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    blocks: Vec<u8>,
    interfaces: Vec<String>,
    /// Time from 1970 to the start of the run.
    start: Duration,
    application: String,
}

impl Pcapng {
    /// Says how the run began.
    pub(super) fn head(&mut self, start: Duration, application: String) {
        (self.start, self.application) = (start, application);
    }

    /// Writes packets of a bench. `bench` is the name of an interface, and `what` describes it.
    pub(super) fn write(&mut self, bench: &str, what: &str, packets: &[Packet]) {
        if packets.is_empty() {
            return;
        }
        let known = self.interfaces.iter().position(|name| name == bench);
        let interface = known.unwrap_or_else(|| {
            let mut body = [LINK_TYPE.to_le_bytes(), [0; 2]].concat();
            // No limit of the length of a packet.
            body.extend([0; 4]);
            options(&mut body, [(INTERFACE_NAME, bench), (INTERFACE_DESCRIPTION, what)]);
            block(&mut self.blocks, INTERFACE, &body);
            self.interfaces.push(bench.to_owned());
            self.interfaces.len() - 1
        });
        for packet in packets {
            // Times are in us, which is what the format assumes.
            let time = self.start + Duration::from_micros(packet.at_us);
            let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            let (high, low) = ((time >> 32) as u32, (time & 0xFFFF_FFFF) as u32);
            let length = number(packet.bytes.len());
            let mut body: Vec<u8> =
                [number(interface), high, low, length, length].into_iter().flat_map(u32::to_le_bytes).collect();
            padded(&mut body, &packet.bytes);
            options(&mut body, packet.comments.iter().map(|text| (COMMENT, text.as_str())));
            block(&mut self.blocks, PACKET, &body);
        }
    }

    /// The content of the file.
    pub(super) fn finish(self) -> Vec<u8> {
        // The magic number says the order of bytes, then come the version 1.0 and a length that is not stated.
        let mut body = [0x1A2B_3C4D_u32.to_le_bytes(), [1, 0, 0, 0]].concat();
        body.extend([0xFF; 8]);
        options(&mut body, [(APPLICATION, self.application.as_str())]);
        let mut file = vec![];
        block(&mut file, SECTION, &body);
        file.extend(self.blocks);
        file
    }
}

/// A length or a number in a field of the format. What a run has always fits.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A block says its length at both ends.
fn block(to: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = number(body.len() + 12).to_le_bytes();
    to.extend(kind.to_le_bytes());
    to.extend(length);
    to.extend(body);
    to.extend(length);
}

fn options<'a>(to: &mut Vec<u8>, all: impl IntoIterator<Item = (u16, &'a str)>) {
    let mut any = false;
    for (code, text) in all {
        let text = &text[..text.floor_char_boundary(LONGEST)];
        to.extend(code.to_le_bytes());
        to.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
        padded(to, text.as_bytes());
        any = true;
    }
    if any {
        to.extend(END_OF_OPTIONS.to_le_bytes());
        to.extend([0; 2]);
    }
}

/// Bytes up to a multiple of four.
fn padded(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(bytes);
    to.extend(std::iter::repeat_n(0, bytes.len().next_multiple_of(4) - bytes.len()));
}

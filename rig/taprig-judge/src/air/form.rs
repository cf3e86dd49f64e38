//! The form of the reader's frames.

use taprig_model::expect::FrameName;
use wire::crc::crc_a_ok;

use super::Findings;
use super::ats::Ats;
use super::moment::{Arrives, Moment, Sent};

/// CID and NAD bits of a PCB. EMV uses neither. In R-blocks and S-blocks the bit of the NAD means something else.
const CID: u8 = 0x08;
const NAD: u8 = 0x04;

/// Judges each frame from the first anticollision on. Before that, a reader may look for cards of any kind.
pub(super) fn judge(moments: &[Moment<'_>], found: &mut Findings) {
    let mut serving = false;
    let mut fsc = None;
    let mut asked = FrameName::Other;
    for moment in moments {
        match moment {
            Moment::Field { on: false, .. } => (serving, fsc) = (false, None),
            Moment::Field { .. } => {}
            Moment::Card(answer) => {
                if asked == FrameName::Rats && answer.arrives == Arrives::Whole {
                    fsc = Ats::read(answer.body()).map(|ats| ats.fsc);
                }
            }
            Moment::Reader(sent) => {
                asked = sent.name();
                if sent.short {
                    (serving, fsc) = (false, None);
                    continue;
                }
                serving |= matches!(asked, FrameName::Anticollision | FrameName::Select);
                if serving {
                    let wrong = fault(*sent, asked, fsc);
                    found.look(wrong.is_none(), || wrong.unwrap_or_default());
                }
                // What comes after the release may be a look for other cards.
                serving &= !matches!(asked, FrameName::SDeselect | FrameName::Hlta);
            }
        }
    }
}

/// What is wrong with a frame.
fn fault(sent: Sent<'_>, name: FrameName, fsc: Option<usize>) -> Option<String> {
    let is_block =
        matches!(name, FrameName::IBlock | FrameName::RAck | FrameName::RNak | FrameName::SWtx | FrameName::SDeselect);
    let pcb = sent.bytes.first().copied().unwrap_or(0);
    let unused = if name == FrameName::IBlock { CID | NAD } else { CID };
    Some(match name {
        FrameName::Other => format!("a frame that is none of the standard's: {:02X?}", sent.bytes),
        FrameName::Pps => "PPS, although EMV stays at 106 kbit/s".to_owned(),
        _ if is_block && pcb & unused != 0 => format!("{name} with CID or NAD (PCB {pcb:02X})"),
        _ if name != FrameName::Anticollision && !sent.masked && !crc_a_ok(sent.bytes) => {
            format!("{name} with a wrong check sum")
        }
        FrameName::Select if !bcc_fits(sent.bytes) => "select with a wrong BCC".to_owned(),
        FrameName::Rats if sent.bytes[1] & 0x0F != 0 => format!("rats with a CID ({:02X})", sent.bytes[1]),
        _ if is_block && fsc.is_some_and(|fsc| sent.bytes.len() > fsc) => {
            format!("{name} of {} bytes, and the card takes {}", sent.bytes.len(), fsc.unwrap_or_default())
        }
        FrameName::RAck | FrameName::RNak | FrameName::SDeselect if sent.body().len() != 1 => {
            format!("{name} of {} bytes", sent.bytes.len())
        }
        FrameName::SWtx if sent.body().len() != 2 => format!("{name} of {} bytes", sent.bytes.len()),
        _ => return None,
    })
}

/// The check byte of a UID is the exclusive or of its four bytes.
fn bcc_fits(select: &[u8]) -> bool {
    select.get(2..7).is_some_and(|uid| uid.iter().fold(0, |sum, byte| sum ^ byte) == 0)
}

//! The block protocol, as the reader has to keep it (ISO/IEC 14443-4, 7.5).

use taprig_model::expect::FrameName;

use super::Findings;
use super::ats::Ats;
use super::moment::{Answer, Arrives, Moment, Sent};

/// FSD of an EMV reader, in bytes.
const FSD: usize = 256;

/// How often a block may be asked for again: two or three times (EMV Level 1, error handling).
const REPETITIONS: u32 = 3;

/// What a card's block is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// I-block.
    Information { number: u8, more: bool },
    /// R(ACK).
    Ack { number: u8 },
    /// S(WTX) with a multiplier that the standard allows.
    Wtx { multiplier: u8 },
    /// S(DESELECT).
    Deselect,
    /// A card never sends this.
    Wrong,
}

impl Block {
    fn of(body: &[u8]) -> Self {
        match *body {
            [pcb, ..] if pcb & 0xEE == 0x02 => Self::Information { number: pcb & 1, more: pcb & 0x10 != 0 },
            [pcb] if pcb & 0xFE == 0xA2 => Self::Ack { number: pcb & 1 },
            [0xF2, multiplier @ 1..=59] => Self::Wtx { multiplier },
            [0xC2] => Self::Deselect,
            _ => Self::Wrong,
        }
    }
}

/// What the reader may do next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// Anything that the block numbers allow.
    Go,
    /// Ask again: nothing came, or it came damaged or late.
    Again,
    /// Send its last I-block again: the card did not get it.
    Resend,
    /// The card chains: acknowledge.
    Acknowledge,
    /// Grant this multiple of the waiting time.
    Grant(u8),
    /// End, without a further block: the card broke the protocol.
    End(&'static str),
}

/// Follows the blocks from one ATS to the release.
struct Link<'a> {
    /// The reader's block number.
    number: u8,
    next: Next,
    /// The reader's last I-block, S(WTX) left out.
    information: Option<&'a [u8]>,
    /// The card chains its response, so the reader asks again by R(ACK).
    chained: bool,
    /// How often the reader has asked again since the last good block.
    asked_again: u32,
}

/// Judges all blocks of a tap.
pub(super) fn judge(moments: &[Moment<'_>], found: &mut Findings) {
    let mut link: Option<Link<'_>> = None;
    let mut asked: Option<Sent<'_>> = None;
    for (place, moment) in moments.iter().enumerate() {
        match moment {
            Moment::Field { .. } => (link, asked) = (None, None),
            Moment::Card(answer) => {
                let Some(sent) = asked.take() else { continue };
                match &mut link {
                    Some(link) => link.hear(Some(*answer)),
                    None if sent.name() == FrameName::Rats && answer.arrives == Arrives::Whole => {
                        link = Ats::read(answer.body()).map(|_| Link::new());
                    }
                    None => {}
                }
            }
            Moment::Reader(sent) => {
                // Nothing came after the frame before, as far as the card knows.
                if asked.take().is_some()
                    && let Some(link) = &mut link
                {
                    link.hear(None);
                }
                // The reader looks for a card: it has given this one up.
                if sent.short {
                    link = None;
                    continue;
                }
                if let Some(link) = &mut link {
                    link.send(*sent, found);
                }
                if sent.name() == FrameName::SDeselect && confirmed(moments.get(place + 1)) {
                    link = None;
                }
                asked = Some(*sent);
            }
        }
    }
}

/// Whether the card confirms its release.
fn confirmed(next: Option<&Moment<'_>>) -> bool {
    matches!(next, Some(Moment::Card(answer)) if answer.arrives == Arrives::Whole && Block::of(answer.body()) == Block::Deselect)
}

impl<'a> Link<'a> {
    fn new() -> Self {
        Self { number: 0, next: Next::Go, information: None, chained: false, asked_again: 0 }
    }

    /// The reader sends a block.
    fn send(&mut self, sent: Sent<'a>, found: &mut Findings) {
        let name = sent.name();
        let body = sent.bytes;
        let number = body.first().map_or(0, |pcb| pcb & 1);
        let resent = name == FrameName::IBlock && self.information.is_some_and(|before| same(before, sent));
        let wrong = match (&self.next, name) {
            // A reader may give a card up at any time.
            (_, FrameName::SDeselect) => None,
            (Next::End(why), _) => Some(format!("{name} after {why}")),
            (Next::Grant(multiplier), FrameName::SWtx) => {
                let granted = body.get(1).copied().unwrap_or(0);
                (granted != *multiplier).then(|| format!("s-wtx grants {granted}, and the card asked for {multiplier}"))
            }
            (Next::Grant(_), _) => Some(format!("{name} where the card waits for s-wtx")),
            (_, FrameName::SWtx) => Some("s-wtx that the card did not ask for".to_owned()),
            (Next::Again, FrameName::RNak) if self.chained => Some("r-nak while the card chains".to_owned()),
            (Next::Again, FrameName::RAck) if !self.chained => {
                Some("r-ack where nothing is to be acknowledged".to_owned())
            }
            (Next::Again, FrameName::RNak | FrameName::RAck) => {
                self.asked_again += 1;
                (self.asked_again > REPETITIONS).then(|| format!("asks for a block again {} times", self.asked_again))
            }
            (Next::Again, FrameName::IBlock) => Some("i-block in place of a request to repeat".to_owned()),
            (Next::Resend, FrameName::IBlock) if resent => {
                self.asked_again += 1;
                (self.asked_again > REPETITIONS).then(|| format!("sends a block again {} times", self.asked_again))
            }
            (Next::Resend, _) => Some(format!("{name} where the card has not got the last i-block")),
            (Next::Acknowledge, FrameName::RAck) => None,
            (Next::Acknowledge, _) => Some(format!("{name} while the card chains")),
            // The form of the frame is another rule.
            (Next::Again, _) => None,
            (Next::Go, FrameName::RAck) => Some("r-ack where nothing is to be acknowledged".to_owned()),
            (Next::Go, _) => None,
        };
        let numbered = matches!(name, FrameName::IBlock | FrameName::RAck | FrameName::RNak);
        let wrong = wrong.or_else(|| {
            (numbered && number != self.number).then(|| format!("{name} {number} where {} is next", self.number))
        });
        found.look(wrong.is_none(), || wrong.unwrap_or_default());
        if name == FrameName::IBlock {
            self.information = Some(sent.bytes);
            self.chained = false;
            if !resent {
                self.asked_again = 0;
            }
            // One fault is told once, and not again at each block that follows.
            self.number = number;
        }
        // If nothing comes now, the reader has to ask again.
        if name != FrameName::SDeselect {
            self.next = Next::Again;
        }
    }

    /// The card answers, or does not.
    fn hear(&mut self, answer: Option<Answer<'_>>) {
        let Some(answer) = answer.filter(|answer| answer.arrives == Arrives::Whole) else {
            self.next = match &self.next {
                Next::End(why) => Next::End(why),
                _ => Next::Again,
            };
            return;
        };
        let chains = self.information.is_some_and(|bytes| bytes[0] & 0x10 != 0);
        self.next = if answer.bytes.len() > FSD {
            Next::End("a block longer than FSD")
        } else {
            match Block::of(answer.body()) {
                Block::Wtx { multiplier } => Next::Grant(multiplier),
                Block::Information { number, .. } if number != self.number => {
                    Next::End("a block with the wrong number")
                }
                Block::Information { more, .. } => {
                    self.number ^= 1;
                    self.asked_again = 0;
                    self.chained = more;
                    if more { Next::Acknowledge } else { Next::Go }
                }
                Block::Ack { number } if number == self.number && chains => {
                    self.number ^= 1;
                    self.asked_again = 0;
                    Next::Go
                }
                Block::Ack { number } if number != self.number && !self.chained => Next::Resend,
                Block::Ack { .. } => Next::End("an r-ack out of place"),
                Block::Deselect | Block::Wrong => Next::End("a block that no card may send"),
            }
        };
    }
}

/// Whether the reader sends the same I-block again. Of a masked one only the length is known for certain.
fn same(before: &[u8], sent: Sent<'_>) -> bool {
    if sent.masked { before.len() == sent.bytes.len() && before[0] == sent.bytes[0] } else { before == sent.bytes }
}

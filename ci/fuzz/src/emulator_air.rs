//! A reader that sends anything: the card side answers every frame.

use emulator::card::{Card, FromReader};
use wire::link::{Answer, Company, Front};

/// One input.
pub fn run(input: &[u8]) {
    let Some((&[choice, chain], mut frames)) = input.split_first_chunk::<2>() else { return };
    let uid: &[u8] =
        [&[1, 2, 3, 4][..], &[4, 2, 3, 4, 5, 6, 7], &[4, 2, 3, 4, 5, 6, 7, 8, 9, 10]][usize::from(choice) % 3];
    let Ok(uid) = heapless::Vec::from_slice(uid) else { return };
    let Ok(ats) = heapless::Vec::from_slice(&[5, 0x78, 0x80, 0x70, 0x02]) else { return };
    let company = [Company::Alone, Company::TypeA, Company::TypeB][usize::from(choice / 3) % 3];
    let mut card = Card::new(Front { uid, atqa: [4, 0], sak: 0x20, ats, company, delay_us: 0, chain });
    while let Some((&len, rest)) = frames.split_first() {
        let (frame, rest) = rest.split_at(usize::from(len).min(rest.len()));
        frames = rest;
        let _ = match frame {
            [bits] => card.hear(FromReader::Short(*bits)),
            bytes => card.hear(FromReader::Bytes(bytes)),
        };
        if card.is_awaiting() {
            let response = wire::Response::from_slice(frame).unwrap_or_default();
            let _ = card.answer(Answer { response, delay_us: 0, fault: None });
        }
    }
}

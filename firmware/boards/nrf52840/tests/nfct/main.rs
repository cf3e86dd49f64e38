//! The driver of NFCT, with a model of the peripheral below it and the validator's reader opposite.

mod chip;
mod faults;
mod readers;
mod taps;
mod times;
mod world;

use wire::link::{Answer, Company, Fault, Front};

/// An ordinary card with this UID and frame waiting integer.
fn front(uid: &[u8], fwi: u8) -> Front {
    let size = match uid.len() {
        4 => 0x04,
        7 => 0x44,
        _ => 0x84,
    };
    Front {
        uid: uid.try_into().expect("fits"),
        atqa: [size, 0x00],
        sak: 0x20,
        ats: [0x05, 0x78, 0x80, fwi << 4, 0x02].as_slice().try_into().expect("fits"),
        company: Company::Alone,
        delay_us: 0,
        chain: 0,
    }
}

const UID: [u8; 4] = [0x08, 0x12, 0x34, 0x56];

fn answer(response: &[u8], delay_us: u32, fault: Option<Fault>) -> Answer {
    Answer { response: response.try_into().expect("fits"), delay_us, fault }
}

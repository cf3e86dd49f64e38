//! GET PROCESSING OPTIONS: what the card is told, and the cryptogram it answers with (Book C-7).

use heapless::Vec;

use crate::{
    Cryptogram, Reason, Settings, Transaction, Ttq,
    data::CardData,
    date::to_bcd,
    dol::{self, Format, Value},
    tag,
    tlv::{Malformed, Tag},
};

/// Purchase (tag 9C).
pub(crate) const PURCHASE: u8 = 0x00;

/// What the terminal knows when a card asks.
pub(crate) struct Terminal<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) transaction: &'a Transaction,
    pub(crate) ttq: Ttq,
    /// The reader asks for SM2.
    pub(crate) sm2: bool,
}

/// Twelve digits of BCD.
pub(crate) fn amount_bcd(amount: u32) -> [u8; 6] {
    let mut rest = amount;
    let mut bytes = [0; 6];
    for byte in bytes.iter_mut().rev() {
        *byte = to_bcd((rest % 100) as u8);
        rest /= 100;
    }
    bytes
}

/// Three digits in two bytes of BCD, as country and currency codes are written.
pub(crate) fn code_bcd(code: u16) -> [u8; 2] {
    [to_bcd((code / 100 % 100) as u8), to_bcd((code % 100) as u8)]
}

impl Terminal<'_> {
    /// The value of a tag, as far as the terminal has one.
    pub(crate) fn value(&self, tag: Tag) -> Option<Value> {
        use Format::{Numeric, Other};
        let value = |format, bytes: &[u8]| Some(Value { format, bytes: Vec::from_slice(bytes).ok()? });
        let Self { settings, transaction, ttq, sm2 } = self;
        match tag {
            tag::TTQ => value(Other, &ttq.0),
            tag::AMOUNT => value(Numeric, &amount_bcd(transaction.amount)),
            tag::AMOUNT_OTHER => value(Numeric, &[0; 6]),
            tag::COUNTRY => value(Numeric, &code_bcd(settings.country)),
            tag::CURRENCY => value(Numeric, &code_bcd(settings.currency)),
            tag::TVR => value(Other, &[0; 5]),
            tag::DATE => value(Numeric, &transaction.time.date.to_yymmdd()),
            tag::TIME => value(Numeric, &transaction.time.to_hhmmss()),
            tag::TRANSACTION_TYPE => value(Numeric, &[PURCHASE]),
            tag::UNPREDICTABLE_NUMBER => value(Other, &transaction.unpredictable_number),
            tag::CAPABILITIES => value(Other, &settings.terminal_capabilities),
            tag::TERMINAL_TYPE => value(Numeric, &[settings.terminal_type]),
            tag::TERMINAL => value(Other, &settings.terminal),
            tag::MERCHANT => value(Other, &settings.merchant),
            tag::SM_INDICATOR => value(Other, &[u8::from(*sm2)]),
            _ => None,
        }
    }

    /// The command, for a card's list.
    ///
    /// # Errors
    /// [`Reason::Pdol`] when the list is malformed or wants more than a command holds.
    pub(crate) fn command(&self, pdol: &[u8]) -> Result<wire::Command, Reason> {
        let malformed = |_| Reason::Pdol;
        let mut values = Vec::<u8, 252>::new();
        dol::fill(pdol, |tag| self.value(tag), &mut values).map_err(|Malformed| Reason::Pdol)?;
        let mut template = Vec::<u8, 255>::new();
        crate::tlv::write(0x83, &values, &mut template).map_err(|_| Reason::Pdol)?;
        let mut command = wire::Command::new();
        command.extend_from_slice(&[0x80, 0xA8, 0x00, 0x00, template.len() as u8]).map_err(malformed)?;
        command.extend_from_slice(&template).map_err(malformed)?;
        command.push(0x00).map_err(|_| Reason::Pdol)?;
        Ok(command)
    }
}

/// The cryptogram and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    pub(crate) aip: [u8; 2],
    pub(crate) afl: Vec<u8, 252>,
    pub(crate) atc: u16,
    pub(crate) cryptogram: [u8; 8],
    pub(crate) cryptogram_type: Cryptogram,
    pub(crate) cid: u8,
    pub(crate) iad: Vec<u8, 32>,
    /// The card takes the standard flow: its cryptogram comes after the records.
    pub(crate) standard: bool,
}

/// The type of cryptogram in cryptogram information data.
pub(crate) const fn cryptogram_type(cid: u8) -> Option<Cryptogram> {
    match cid & 0xC0 {
        0x00 => Some(Cryptogram::Aac),
        0x40 => Some(Cryptogram::Tc),
        0x80 => Some(Cryptogram::Arqc),
        _ => None,
    }
}

fn present<T>(tag: Tag, value: Option<T>) -> Result<T, Reason> {
    value.ok_or(Reason::Missing(tag))
}

/// Checks the response that `data` holds: mandatory objects by type of cryptogram, their lengths, the file locator.
///
/// # Errors
/// [`Reason::Missing`] and [`Reason::Invalid`] name the object.
pub(crate) fn check(data: &CardData) -> Result<Generated, Reason> {
    let iad: Vec<u8, 32> = present(tag::IAD, data.limited(tag::IAD)?)?;
    let cid = match data.fixed::<1>(tag::CID)? {
        Some([cid]) => cid,
        // 07 DKI CVN CVR: the second byte of the CVR holds the type in b6 and b5.
        None => match iad.as_slice() {
            [_, _, _, 0x03, second, ..] => (second & 0x30) << 2,
            _ => return Err(Reason::Invalid(tag::IAD)),
        },
    };
    let cryptogram_type =
        cryptogram_type(cid).ok_or(Reason::Invalid(if data.get(tag::CID).is_some() { tag::CID } else { tag::IAD }))?;
    let aip = present(tag::AIP, data.fixed(tag::AIP)?)?;
    let atc = u16::from_be_bytes(present(tag::ATC, data.fixed(tag::ATC)?)?);
    let cryptogram = present(tag::CRYPTOGRAM, data.fixed(tag::CRYPTOGRAM)?)?;
    let afl = data.limited(tag::AFL)?;
    // Track 2 may also be in a record, when there are records to be read.
    let records_follow = afl.is_some() && cryptogram_type == Cryptogram::Arqc;
    match cryptogram_type {
        Cryptogram::Tc => drop(present(tag::AFL, afl.as_ref())?),
        Cryptogram::Arqc | Cryptogram::Aac if !records_follow => drop(present(tag::TRACK_2, data.get(tag::TRACK_2))?),
        Cryptogram::Arqc | Cryptogram::Aac => {}
    }
    let afl = match afl {
        Some(afl) => {
            crate::records::check_locator(&afl)?;
            afl
        }
        None => Vec::new(),
    };
    Ok(Generated { aip, afl, atc, cryptogram, cryptogram_type, cid, iad, standard: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv;

    type Bytes = std::vec::Vec<u8>;

    fn response(objects: &[(Tag, &[u8])]) -> Result<Generated, Reason> {
        let mut body = Vec::<u8, 250>::new();
        for (tag, value) in objects {
            tlv::write(*tag, value, &mut body).unwrap();
        }
        let mut whole = Vec::<u8, 256>::new();
        tlv::write(0x77, &body, &mut whole).unwrap();
        let mut data = CardData::new();
        data.add_response(&whole)?;
        check(&data)
    }

    const ARQC: [(Tag, &[u8]); 6] = [
        (0x82, &[0x7C, 0]),
        (0x94, &[0x08, 1, 1, 1]),
        (0x9F36, &[0, 1]),
        (0x9F26, &[9; 8]),
        (0x9F10, &[7, 1, 1, 3, 0xA0, 0, 0, 1]),
        (0x57, &[0x62, 0x26, 0xD4, 0x91, 0x22]),
    ];

    fn without(tag: Tag, cid: u8) -> Result<Generated, Reason> {
        let mut objects: std::vec::Vec<(Tag, &[u8])> = ARQC.iter().copied().filter(|(t, _)| *t != tag).collect();
        let cid = [cid];
        objects.push((0x9F27, &cid));
        response(&objects)
    }

    #[test]
    fn mandatory_objects_by_type() {
        for cid in [0x00, 0x40, 0x80] {
            for tag in [0x82, 0x9F36, 0x9F26, 0x9F10] {
                assert_eq!(without(tag, cid), Err(Reason::Missing(tag)), "{cid:x} {tag:x}");
            }
        }
        assert_eq!(without(0x94, 0x40), Err(Reason::Missing(0x94)));
        assert!(without(0x94, 0x80).is_ok());
        assert!(without(0x57, 0x40).is_ok());
        assert_eq!(without(0x57, 0x00), Err(Reason::Missing(0x57)));
        assert!(without(0x57, 0x80).is_ok(), "a record may have it");
    }

    #[test]
    fn track_two_is_mandatory_where_no_records_follow() {
        let objects: std::vec::Vec<_> = ARQC.iter().copied().filter(|(t, _)| *t != 0x57 && *t != 0x94).collect();
        assert_eq!(response(&objects), Err(Reason::Missing(0x57)));
    }

    #[test]
    fn the_type_comes_from_the_cid_else_from_the_issuer_data() {
        for (second, cid) in [(0x80, 0x00), (0x90, 0x40), (0xA0, 0x80)] {
            let iad = [7, 1, 1, 3, second, 0, 0, 1];
            let mut objects = ARQC;
            objects[4].1 = &iad;
            assert_eq!(response(&objects).unwrap().cid, cid);
        }
        let mut objects = ARQC;
        objects[4].1 = &[7, 1, 1, 3, 0xB0];
        assert_eq!(response(&objects), Err(Reason::Invalid(0x9F10)));
        objects[4].1 = &[7, 1, 1, 3];
        assert_eq!(response(&objects), Err(Reason::Invalid(0x9F10)));
        assert_eq!(without(0, 0x40).unwrap().cryptogram_type, Cryptogram::Tc);
        assert_eq!(without(0, 0xC0), Err(Reason::Invalid(0x9F27)));
    }

    #[test]
    fn lengths_are_checked() {
        for (at, tag) in [(0, 0x82), (1, 0x94), (2, 0x9F36), (3, 0x9F26)] {
            let mut objects = ARQC;
            objects[at].1 = &[1, 2, 3];
            assert_eq!(response(&objects), Err(Reason::Invalid(tag)));
        }
    }

    #[test]
    fn only_template_77_is_taken() {
        for bytes in [&[0x80, 2, 0x7C, 0][..], &[0x77, 3, 0x82, 2, 0], &[0x77, 0, 0x77, 0], &[]] {
            assert_eq!(CardData::new().add_response(bytes), Err(Reason::GpoMalformed), "{bytes:x?}");
        }
    }

    #[test]
    fn a_real_cards_list_is_filled() {
        let settings = Settings::default();
        let transaction = Transaction {
            amount: 123_456,
            time: crate::DateTime {
                date: crate::Date { year: 2018, month: 5, day: 21 },
                hour: 8,
                minute: 30,
                second: 59,
            },
            unpredictable_number: [1, 2, 3, 4],
        };
        let terminal = Terminal { settings: &settings, transaction: &transaction, ttq: Ttq::OFFLINE_ONLY, sm2: false };
        let pdol = [
            0x9F, 0x66, 4, 0x9F, 0x02, 6, 0x9F, 0x03, 6, 0x9F, 0x1A, 2, 0x95, 5, 0x5F, 0x2A, 2, 0x9A, 3, 0x9C, 1, 0x9F,
            0x37, 4, 0x9F, 0x21, 3,
        ];
        let expected: Bytes = [
            &[0x80, 0xA8, 0, 0, 38, 0x83, 36, 0x28, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56][..],
            &[0; 6],
            &[0x01, 0x56],
            &[0; 5],
            &[0x01, 0x56, 0x18, 0x05, 0x21, 0, 1, 2, 3, 4, 0x08, 0x30, 0x59, 0],
        ]
        .concat();
        assert_eq!(terminal.command(&pdol).unwrap().as_slice(), expected);
    }

    #[test]
    fn the_longest_list_fits_and_a_longer_one_is_refused() {
        let settings = Settings::default();
        let transaction = Transaction { amount: 0, time: crate::DateTime::default(), unpredictable_number: [0; 4] };
        let terminal = Terminal { settings: &settings, transaction: &transaction, ttq: Ttq::ONLINE, sm2: false };
        let command = terminal.command(&[0x9F, 0x66, 126, 0x95, 126]).unwrap();
        assert_eq!(command[4..8], [255, 0x83, 0x81, 252]);
        assert_eq!(command.len(), 5 + 255 + 1);
        assert_eq!(terminal.command(&[0x9F, 0x66, 126, 0x95, 127]), Err(Reason::Pdol));
    }
}

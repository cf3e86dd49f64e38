//! The standard debit/credit flow (JR/T 0025.5, EMV Books 2 and 3).
//!
//! A reader that announces it (TTQ byte 1 bit 7) leaves the choice to the card. A card that takes it answers GET PROCESSING OPTIONS
//! with interchange profile and file locator alone. After the records the reader has the card sign its unpredictable number
//! (INTERNAL AUTHENTICATE, dynamic data authentication), and asks for an ARQC (GENERATE AC).

use heapless::Vec;

use crate::{
    Cryptogram, Reason,
    data::CardData,
    dol,
    environment::MAX_MODULUS,
    gpo::{self, Generated, Terminal},
    oda::{OdaFailure, Signed},
    tag,
    tlv::{self, Tag},
};

/// A response without tags: values one after the other.
const FORMAT_1: Tag = 0x80;

/// What a card without a list of its own signs: the unpredictable number.
const DEFAULT_DDOL: [u8; 3] = [0x9F, 0x37, 4];

/// A command with data.
fn command(head: [u8; 4], data: &[u8]) -> Option<wire::Command> {
    let length = u8::try_from(data.len()).ok()?;
    let mut command = wire::Command::from_slice(&head).ok()?;
    command.push(length).ok()?;
    command.extend_from_slice(data).ok()?;
    command.push(0x00).ok()?;
    Some(command)
}

/// What a card answered that takes this flow; nothing for any other answer.
///
/// # Errors
/// The reason when interchange profile or file locator are impossible.
pub(crate) fn begun(body: &[u8], data: &mut CardData) -> Result<Option<Generated>, Reason> {
    let (aip, afl) = if let Ok(values) = tlv::template(body, FORMAT_1) {
        let (aip, afl) = values.value.split_first_chunk::<2>().ok_or(Reason::Invalid(tag::AIP))?;
        (*aip, Vec::from_slice(afl).map_err(|_| Reason::Invalid(tag::AFL))?)
    } else {
        let Ok(template) = tlv::template(body, tag::RESPONSE) else { return Ok(None) };
        let has = |tag| !matches!(tlv::find(template.value, tag), Ok(None));
        if [tag::CRYPTOGRAM, tag::ATC, tag::IAD, tag::CID].into_iter().any(has) || !has(tag::AIP) || !has(tag::AFL) {
            return Ok(None);
        }
        data.add_response(body)?;
        let missing = |tag| Reason::Missing(tag);
        let aip = data.fixed(tag::AIP)?.ok_or(missing(tag::AIP))?;
        (aip, data.limited(tag::AFL)?.ok_or(missing(tag::AFL))?)
    };
    crate::records::check_locator(&afl)?;
    Ok(Some(Generated {
        aip,
        afl,
        atc: 0,
        cryptogram: [0; 8],
        // What the reader is going to ask for.
        cryptogram_type: Cryptogram::Arqc,
        cid: 0x80,
        iad: Vec::new(),
        standard: true,
    }))
}

/// INTERNAL AUTHENTICATE, and the data in it, which the card signs.
///
/// # Errors
/// The card's list is malformed, too long, or leaves out a part of the unpredictable number.
pub(crate) fn internal_authenticate(
    terminal: &Terminal<'_>,
    data: &CardData,
) -> Result<(wire::Command, Vec<u8, 252>), OdaFailure> {
    let list = data.get(tag::DDOL).unwrap_or(&DEFAULT_DDOL);
    let failure = OdaFailure::Missing(tag::UNPREDICTABLE_NUMBER);
    // All 4 bytes of the number (EMV Book 2, 6.5.1). An entry of fewer bytes names it, too, but then a recorded signature fits another tap.
    if !dol::entries(list).flatten().any(|entry| entry.tag == tag::UNPREDICTABLE_NUMBER && entry.length >= 4) {
        return Err(failure);
    }
    let mut values = Vec::new();
    dol::fill(list, |tag| terminal.value(tag), &mut values).map_err(|_| failure)?;
    Ok((command([0x00, 0x88, 0x00, 0x00], &values).ok_or(failure)?, values))
}

/// The card's signature in its answer to INTERNAL AUTHENTICATE.
pub(crate) fn signed(body: &[u8], input: Vec<u8, 252>) -> Option<Signed> {
    let value = match tlv::template(body, FORMAT_1) {
        Ok(values) => values.value,
        Err(_) => tlv::find(tlv::template(body, tag::RESPONSE).ok()?.value, tag::SDAD).ok()??,
    };
    Some(Signed { sdad: Vec::<u8, MAX_MODULUS>::from_slice(value).ok()?, input })
}

/// GENERATE AC for an ARQC.
///
/// # Errors
/// [`Reason::Missing`] or [`Reason::Invalid`] for the card's list.
pub(crate) fn generate_ac(terminal: &Terminal<'_>, data: &CardData) -> Result<wire::Command, Reason> {
    let list = data.get(tag::CDOL1).ok_or(Reason::Missing(tag::CDOL1))?;
    let mut values = Vec::<u8, 252>::new();
    dol::fill(list, |tag| terminal.value(tag), &mut values).map_err(|_| Reason::Invalid(tag::CDOL1))?;
    command([0x80, 0xAE, 0x80, 0x00], &values).ok_or(Reason::Invalid(tag::CDOL1))
}

/// The cryptogram in the answer to GENERATE AC: with tags, or CID 1, ATC 2, cryptogram 8 and issuer data.
///
/// # Errors
/// [`Reason::Missing`], [`Reason::Invalid`] or [`Reason::GpoMalformed`].
pub(crate) fn generated(body: &[u8], before: &Generated) -> Result<Generated, Reason> {
    let mut made = before.clone();
    if let Ok(values) = tlv::template(body, FORMAT_1) {
        let [cid, high, low, rest @ ..] = values.value else { return Err(Reason::Missing(tag::CRYPTOGRAM)) };
        let (cryptogram, iad) = rest.split_first_chunk::<8>().ok_or(Reason::Missing(tag::CRYPTOGRAM))?;
        made.cid = *cid;
        made.atc = u16::from_be_bytes([*high, *low]);
        made.cryptogram = *cryptogram;
        made.iad = Vec::from_slice(iad).map_err(|_| Reason::Invalid(tag::IAD))?;
    } else {
        let mut data = CardData::new();
        data.add_response(body)?;
        let missing = |tag| Reason::Missing(tag);
        let [cid] = data.fixed(tag::CID)?.ok_or(missing(tag::CID))?;
        made.cid = cid;
        made.atc = u16::from_be_bytes(data.fixed(tag::ATC)?.ok_or(missing(tag::ATC))?);
        made.cryptogram = data.fixed(tag::CRYPTOGRAM)?.ok_or(missing(tag::CRYPTOGRAM))?;
        made.iad = data.limited(tag::IAD)?.ok_or(missing(tag::IAD))?;
    }
    made.cryptogram_type = gpo::cryptogram_type(made.cid).ok_or(Reason::Invalid(tag::CID))?;
    Ok(made)
}

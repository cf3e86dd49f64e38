//! Selection of the application (EMV Contactless Book B, 3.3): PPSE, candidates, final SELECT.

use heapless::Vec;

use crate::{
    Aid, Product, Reason, dol, tag,
    tlv::{self, Malformed, Reader, Tag},
};

/// Name of the proximity payment system environment.
pub const PPSE: &[u8; 14] = b"2PAY.SYS.DDF01";

/// Most directory entries that one response has room for.
const MAX_CANDIDATES: usize = 24;

/// An application that card and reader have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Name of the card's application.
    pub aid: Aid,
    /// Account kind.
    pub product: Product,
    /// Priority, 1 first; 0 when the card gave none.
    pub priority: u8,
}

/// What is used of the file control information of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fci<'a> {
    /// List of what the card wants to be told; asks for 9F66.
    pub pdol: &'a [u8],
    /// DF61: the card knows ODA for online authorisation.
    pub new_card: bool,
}

/// SELECT by name, first occurrence, with the file control information in return.
#[must_use]
pub fn select_command(name: &[u8]) -> wire::Command {
    let mut command = wire::Command::new();
    // A name is at most 16 bytes, so that nothing here can be too long.
    let _ = command.extend_from_slice(&[0x00, 0xA4, 0x04, 0x00, name.len().min(16) as u8]);
    let _ = command.extend_from_slice(&name[..name.len().min(16)]);
    let _ = command.push(0x00);
    command
}

/// The value of a mandatory object.
fn mandatory(bytes: &[u8], tag: Tag) -> Result<&[u8], Malformed> {
    tlv::find(bytes, tag)?.ok_or(Malformed)
}

/// The candidates in the response to SELECT PPSE (status word taken off), best first. Priority 0 comes last;
/// equals keep the card's order.
///
/// # Errors
/// [`Reason::PpseMalformed`] when a mandatory object is missing or the response is no TLV;
/// [`Reason::NoApplication`] when nothing matches.
pub fn candidates(response: &[u8]) -> Result<Vec<Candidate, MAX_CANDIDATES>, Reason> {
    let mut list = directory(response).map_err(|Malformed| Reason::PpseMalformed)?;
    if list.is_empty() {
        return Err(Reason::NoApplication);
    }
    // A stable sort of a few entries; the core library has none without a heap.
    for end in 1..list.len() {
        let mut at = end;
        while at > 0 && rank(&list[at]) < rank(&list[at - 1]) {
            list.swap(at, at - 1);
            at -= 1;
        }
    }
    Ok(list)
}

fn rank(candidate: &Candidate) -> u8 {
    if candidate.priority == 0 { u8::MAX } else { candidate.priority }
}

fn directory(response: &[u8]) -> Result<Vec<Candidate, MAX_CANDIDATES>, Malformed> {
    let fci = tlv::template(response, tag::FCI)?.value;
    mandatory(fci, tag::DF_NAME)?;
    let discretionary = mandatory(mandatory(fci, tag::FCI_PROPRIETARY)?, tag::FCI_DISCRETIONARY)?;
    let mut list = Vec::new();
    let mut entries = 0;
    for element in Reader::new(discretionary) {
        let element = element?;
        if element.tag != tag::DIRECTORY_ENTRY {
            continue;
        }
        entries += 1;
        if let Some(candidate) = entry(element.value)? {
            list.push(candidate).map_err(|_| Malformed)?;
        }
    }
    if entries == 0 { Err(Malformed) } else { Ok(list) }
}

/// A candidate, when the reader knows the entry's application. An entry with a name of an impossible length or
/// with a malformed kernel identifier is passed over.
fn entry(bytes: &[u8]) -> Result<Option<Candidate>, Malformed> {
    let Some(aid) = Aid::new(mandatory(bytes, tag::ADF_NAME)?) else { return Ok(None) };
    let Some(product) = aid.product() else { return Ok(None) };
    if !kernel_fits(tlv::find(bytes, tag::KERNEL)?) {
        return Ok(None);
    }
    let priority = tlv::find(bytes, tag::PRIORITY)?.and_then(<[u8]>::first).map_or(0, |byte| byte & 0x0F);
    Ok(Some(Candidate { aid, product, priority }))
}

/// Kernel 7 is UnionPay's default and also serves identifiers of other kernels of UnionPay. The long forms (b8 set)
/// name a kernel in bytes 2 and 3 and are passed over when those are missing.
fn kernel_fits(identifier: Option<&[u8]>) -> bool {
    match identifier {
        None | Some([]) => true,
        Some(long @ [0x80..=0xFF, ..]) => (3..=8).contains(&long.len()),
        Some(short) => short.len() <= 8,
    }
}

/// The file control information in the response to the final SELECT (status word taken off).
///
/// # Errors
/// [`Reason::Pdol`] when it is malformed, or there is no list that asks for 9F66: the next application is tried.
pub fn fci(response: &[u8]) -> Result<Fci<'_>, Reason> {
    parse_fci(response).map_err(|Malformed| Reason::Pdol)
}

fn parse_fci(response: &[u8]) -> Result<Fci<'_>, Malformed> {
    let fci = tlv::template(response, tag::FCI)?.value;
    mandatory(fci, tag::DF_NAME)?;
    let proprietary = mandatory(fci, tag::FCI_PROPRIETARY)?;
    let pdol = mandatory(proprietary, tag::PDOL)?;
    let mut asks_for_ttq = false;
    for entry in dol::entries(pdol) {
        asks_for_ttq |= entry?.tag == tag::TTQ;
    }
    if !asks_for_ttq {
        return Err(Malformed);
    }
    let discretionary = tlv::find(proprietary, tag::FCI_DISCRETIONARY)?.unwrap_or_default();
    let indicator = match tlv::find(discretionary, tag::EXTENDED_INDICATOR)? {
        Some(value) => Some(value),
        None => tlv::find(proprietary, tag::EXTENDED_INDICATOR)?,
    };
    let new_card = indicator.and_then(<[u8]>::first).is_some_and(|byte| byte & 0x40 != 0);
    Ok(Fci { pdol, new_card })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Bytes = std::vec::Vec<u8>;

    fn tlv(tag: Tag, value: &[u8]) -> Bytes {
        let mut out = Vec::<u8, 512>::new();
        tlv::write(tag, value, &mut out).unwrap();
        out.to_vec()
    }

    fn name(last: u8) -> Bytes {
        std::vec![0xA0, 0, 0, 3, 0x33, 1, 1, last]
    }

    fn ppse(entries: &[Bytes]) -> Bytes {
        let list: Bytes = entries.iter().flat_map(|entry| tlv(0x61, entry)).collect();
        tlv(0x6F, &[tlv(0x84, PPSE), tlv(0xA5, &tlv(0xBF0C, &list))].concat())
    }

    fn entry(last: u8, priority: Option<u8>, kernel: Option<&[u8]>) -> Bytes {
        let mut entry = tlv(0x4F, &name(last));
        entry.extend(priority.map(|p| tlv(0x87, &[p])).unwrap_or_default());
        entry.extend(kernel.map(|k| tlv(0x9F2A, k)).unwrap_or_default());
        entry
    }

    fn order(response: &[u8]) -> Bytes {
        candidates(response).unwrap().iter().map(|c| *c.aid.as_bytes().last().unwrap()).collect()
    }

    #[test]
    fn the_command_is_the_one_of_book_b() {
        let bytes = [&[0x00, 0xA4, 0x04, 0x00, 0x0E][..], PPSE, &[0]].concat();
        assert_eq!(select_command(PPSE).as_slice(), bytes);
    }

    #[test]
    fn priority_one_first_none_and_zero_last_equals_in_order() {
        let response = ppse(&[
            entry(6, None, None),
            entry(3, Some(0xF2), None),
            entry(2, Some(1), None),
            entry(1, Some(2), None),
            entry(2, Some(0), None),
        ]);
        assert_eq!(order(&response), [2, 3, 1, 6, 2]);
    }

    #[test]
    fn other_kernels_of_unionpay_fall_back_to_seven() {
        for kernel in [&[][..], &[0], &[7], &[3], &[0x87, 1, 2]] {
            assert_eq!(order(&ppse(&[entry(1, None, Some(kernel))])), [1], "{kernel:x?}");
        }
        for kernel in [&[0x87][..], &[0xC7, 1], &[7; 9]] {
            assert_eq!(candidates(&ppse(&[entry(1, None, Some(kernel))])), Err(Reason::NoApplication), "{kernel:x?}");
        }
    }

    #[test]
    fn unknown_applications_are_passed_over() {
        let foreign = tlv(0x4F, &[0xA0, 0, 0, 0, 4, 0x10, 0x10]);
        assert_eq!(order(&ppse(&[foreign.clone(), entry(2, None, None)])), [2]);
        assert_eq!(candidates(&ppse(&[foreign])), Err(Reason::NoApplication));
        assert_eq!(candidates(&ppse(&[tlv(0x4F, &[0xA0; 4])])), Err(Reason::NoApplication));
    }

    #[test]
    fn every_mandatory_object_is_missed() {
        let list = tlv(0x61, &entry(1, None, None));
        let a5 = tlv(0xA5, &tlv(0xBF0C, &list));
        assert!(candidates(&tlv(0x6F, &[tlv(0x84, PPSE), a5.clone()].concat())).is_ok());
        for broken in [
            tlv(0x70, &[tlv(0x84, PPSE), a5.clone()].concat()),
            tlv(0x6F, &a5),
            tlv(0x6F, &tlv(0x84, PPSE)),
            tlv(0x6F, &[tlv(0x84, PPSE), tlv(0xA5, &list)].concat()),
            ppse(&[]),
            ppse(&[tlv(0x87, &[1])]),
            std::vec![],
        ] {
            assert_eq!(candidates(&broken), Err(Reason::PpseMalformed));
        }
    }

    fn application(a5: &[Bytes]) -> Bytes {
        tlv(0x6F, &[tlv(0x84, &name(1)), tlv(0xA5, &a5.concat())].concat())
    }

    #[test]
    fn a_pdol_must_ask_for_the_qualifiers() {
        let good = application(&[tlv(0x9F38, &[0x9F, 0x66, 4])]);
        assert_eq!(fci(&good), Ok(Fci { pdol: &[0x9F, 0x66, 4], new_card: false }));
        for pdol in [&[][..], &[0x9F, 0x37, 4], &[0x9F, 0x66], &[0x9F, 0x66, 4, 0x95]] {
            assert_eq!(fci(&application(&[tlv(0x9F38, pdol)])), Err(Reason::Pdol), "{pdol:x?}");
        }
        assert_eq!(fci(&application(&[tlv(0x50, b"QPBOC")])), Err(Reason::Pdol));
    }

    #[test]
    fn df61_tells_a_new_card_in_either_place() {
        let pdol = tlv(0x9F38, &[0x9F, 0x66, 4]);
        let new = |a5: &[Bytes]| fci(&application(a5)).unwrap().new_card;
        assert!(new(&[pdol.clone(), tlv(0xBF0C, &tlv(0xDF61, &[0x40]))]));
        assert!(new(&[pdol.clone(), tlv(0xDF61, &[0xC1, 0])]));
        assert!(!new(&[pdol.clone(), tlv(0xDF61, &[0x3F])]));
        assert!(!new(&[pdol, tlv(0xDF61, &[])]));
    }
}

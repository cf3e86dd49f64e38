//! The data of an application while a change can still alter them, before anything is computed.

use crate::application::{Data, Lists, Record};
use crate::error::PersonaliseError;
use crate::purse::{self, Purse};
use taprig_model::card::change::{Assignment, Object, Place};
use taprig_model::card::{self, Month};
use taprig_model::name::Tag;

/// The data of an application. The account has the form in which cards carry it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The digits of the PAN.
    pub(crate) pan: String,
    pub(crate) sequence: Option<u8>,
    /// The date, as YYMMDD.
    pub(crate) expires: [u8; 3],
    pub(crate) effective: Option<[u8; 3]>,
    pub(crate) service_code: u16,
    pub(crate) label: Vec<u8>,
    pub(crate) priority: Option<u8>,
    pub(crate) pdol: Option<Vec<u8>>,
    pub(crate) fci: Data,
    pub(crate) discretionary: Data,
    pub(crate) data: Data,
    pub(crate) fixed: Data,
    pub(crate) purse: Option<Purse>,
    pub(crate) records: Vec<Record>,
    pub(crate) lists: Lists,
    pub(crate) atc: u16,
    pub(crate) ctq: Option<Vec<u8>>,
    pub(crate) ctq_when_cvm_required: Option<Vec<u8>>,
}

/// The tag's digits as a number.
pub(crate) fn number(tag: &Tag) -> u32 {
    // There are at most six hexadecimal digits. The type has checked this.
    u32::from_str_radix(tag.as_str(), 16).unwrap_or_default()
}

pub(crate) fn bcd(value: u8) -> u8 {
    ((value / 10 % 10) << 4) | (value % 10)
}

/// The date, as YYMMDD.
fn date(month: Month, day: u8) -> [u8; 3] {
    let year = (month.year % 100).to_le_bytes()[0];
    [bcd(year), bcd(month.month), bcd(day)]
}

/// The last day of a month, as YYMMDD.
pub(crate) fn last_day(month: Month) -> [u8; 3] {
    date(month, month.days())
}

/// The date as MMYY, the form in certificates.
pub(crate) fn month_year(month: Month) -> [u8; 2] {
    let [year, month, _] = date(month, 1);
    [month, year]
}

fn numbers(tags: &[Tag]) -> Vec<u32> {
    tags.iter().map(number).collect()
}

impl Draft {
    pub(crate) fn new(application: &card::Application) -> Result<Self, PersonaliseError> {
        let data = |map: &std::collections::BTreeMap<Tag, card::Datum>| -> Data {
            map.iter().map(|(tag, datum)| (number(tag), datum.0.clone())).collect()
        };
        let account = &application.account;
        let two = |name: &str, value: &Option<taprig_model::units::Hex>| match value {
            Some(value) if value.0.len() != 2 => {
                Err(PersonaliseError::value(name, format!("{} bytes instead of 2", value.0.len())))
            }
            value => Ok(value.as_ref().map(|value| value.0.clone())),
        };
        if account.sequence.is_some_and(|sequence| sequence > 99) || account.service_code > 999 {
            return Err(PersonaliseError::value("account", "`sequence` must be 0 to 99, and `service-code` 0 to 999"));
        }
        let mut pool = data(&application.data);
        pool.insert(0x82, application.aip.0.clone());
        if let Some(lists) = &application.standard {
            pool.insert(0x8C, lists.cdol1.0.clone());
            pool.extend(lists.ddol.as_ref().map(|list| (0x9F49, list.0.clone())));
        }
        Ok(Self {
            pan: account.pan.digits().to_owned(),
            sequence: account.sequence,
            expires: last_day(account.expires),
            effective: account.effective.map(|month| date(month, 1)),
            service_code: account.service_code,
            label: application.label.as_bytes().to_vec(),
            priority: application.priority,
            pdol: application.pdol.as_ref().map(|pdol| pdol.0.clone()),
            fci: data(&application.fci),
            discretionary: data(&application.discretionary),
            data: pool,
            fixed: Data::new(),
            purse: application.purse.as_ref().map(Purse::new),
            records: application
                .records
                .iter()
                .map(|record| Record {
                    sfi: record.sfi,
                    number: record.number,
                    signed: record.signed,
                    only: record.only,
                    holds: numbers(&record.holds),
                })
                .collect(),
            lists: Lists {
                tc: numbers(&application.responses.tc),
                arqc_with_oda: numbers(&application.responses.arqc_with_oda),
                arqc: numbers(&application.responses.arqc),
                aac: numbers(&application.responses.aac),
            },
            atc: application.atc,
            ctq: two("ctq", &application.ctq)?,
            ctq_when_cvm_required: two("ctq-when-cvm-required", &application.ctq_when_cvm_required)?,
        })
    }

    /// Gives an object another value. If a place is given and the object was not there, it is added.
    pub(crate) fn set(&mut self, change: &Assignment, words: &str) -> Result<(), PersonaliseError> {
        let refuse = |problem: &str| Err(PersonaliseError::change(words, problem));
        let Object::Tag { place, tag } = &change.object else {
            return refuse("this is not a data object");
        };
        let (tag, value) = (number(tag), change.value.0.clone());
        match place {
            Some(Place::Ppse) => return refuse("the directory is not computed from anything: use `replace`"),
            Some(Place::Fci) if !self.fci.contains_key(&tag) && !matches!(tag, 0x50 | 0x87 | 0x9F38) => {
                self.discretionary.insert(tag, value);
                return Ok(());
            }
            Some(Place::Gpo) => {
                let Lists { tc, arqc_with_oda, arqc, aac } = &mut self.lists;
                for list in [tc, arqc_with_oda, arqc, aac] {
                    if !list.contains(&tag) {
                        list.push(tag);
                    }
                }
            }
            Some(Place::Record { sfi, number }) => {
                let Some(record) =
                    self.records.iter_mut().find(|record| (record.sfi, record.number) == (*sfi, *number))
                else {
                    return refuse("the card has no such record");
                };
                if !record.holds.contains(&tag) {
                    record.holds.push(tag);
                }
            }
            Some(Place::Fci | Place::InternalAuthenticate | Place::GenerateAc) | None => {}
        }
        if let Some(purse) = self.purse.as_mut().filter(|_| Purse::has(tag)) {
            return purse.set(tag, &value).or_else(refuse);
        }
        match (tag, value.as_slice()) {
            (purse::AVAILABLE, _) if self.purse.is_some() => {
                self.fixed.insert(tag, value);
            }
            (0x5A, digits) => {
                let text: String = digits.iter().map(|byte| format!("{byte:02X}")).collect();
                let pan = text.trim_end_matches('F');
                if pan.len() > 19 || pan.is_empty() || !pan.bytes().all(|digit| digit.is_ascii_digit()) {
                    return refuse(
                        "this is not a PAN of up to 19 digits, padded with F: use `replace` to send it anyway",
                    );
                }
                self.pan = pan.to_owned();
            }
            (0x5F34, [sequence]) if sequence >> 4 < 10 && sequence & 0x0F < 10 => {
                self.sequence = Some((sequence >> 4) * 10 + (sequence & 0x0F));
            }
            (0x5F24, [year, month, day]) => self.expires = [*year, *month, *day],
            (0x9F36, [high, low]) => self.atc = u16::from_be_bytes([*high, *low]),
            (0x9F6C, _) => {
                self.ctq = Some(value);
                self.ctq_when_cvm_required = None;
            }
            (0x5F34 | 0x5F24 | 0x9F36, _) => return refuse("the length is wrong: use `replace` to send it anyway"),
            (0x9F38, _) => self.pdol = Some(value),
            (0x50, _) => self.label = value,
            (0x87, [priority]) => self.priority = Some(*priority),
            (0x84 | 0x87, _) => return refuse("use `replace`"),
            (0x9F10 | 0x9F26 | 0x9F27 | 0x9F4B | 0x9F69, _) => {
                self.fixed.insert(tag, value);
            }
            _ => {
                let own = [&mut self.fci, &mut self.discretionary].into_iter().find_map(|map| map.get_mut(&tag));
                *own.unwrap_or_else(|| self.data.entry(tag).or_default()) = value;
            }
        }
        Ok(())
    }

    /// The digits of the PAN, padded with F to `bytes` bytes.
    pub(crate) fn padded_pan(&self, bytes: usize) -> Vec<u8> {
        packed(&self.pan, bytes)
    }

    /// Adds the objects that are made from the account: 57, 5A, 5F24, 5F25, 5F30, 5F34. Objects that `data` already has
    /// stay.
    pub(crate) fn add_account(&mut self) {
        let [year, month, _] = self.expires;
        // D is the separator. The ten zeros are the issuer's discretionary data.
        let track = format!("{}D{year:02X}{month:02X}{:03}0000000000", self.pan, self.service_code);
        let mut made = vec![
            (0x57, packed(&track, track.len().div_ceil(2))),
            (0x5A, self.padded_pan(self.pan.len().div_ceil(2))),
            (0x5F24, self.expires.to_vec()),
            (0x5F30, packed(&format!("{:04}", self.service_code), 2)),
        ];
        made.extend(self.effective.map(|date| (0x5F25, date.to_vec())));
        made.extend(self.sequence.map(|sequence| (0x5F34, vec![bcd(sequence)])));
        for (tag, value) in made {
            self.data.entry(tag).or_insert(value);
        }
    }
}

/// Hexadecimal digits as bytes, padded with F to `bytes` bytes.
fn packed(digits: &str, bytes: usize) -> Vec<u8> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map_or(0x0F, |digit| digit.to_le_bytes()[0]);
    let mut nibbles = digits.bytes().map(nibble).chain(std::iter::repeat(0x0F));
    let mut next = || nibbles.next().unwrap_or(0x0F);
    (0..bytes).map(|_| next() << 4 | next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_packed_and_padded() {
        assert_eq!(packed("62260", 4), [0x62, 0x26, 0x0F, 0xFF]);
        assert_eq!(packed("62D1", 2), [0x62, 0xD1]);
        assert_eq!(last_day("2028-02".parse().unwrap()), [0x28, 0x02, 0x29]);
        assert_eq!(month_year("2031-12".parse().unwrap()), [0x12, 0x31]);
    }
}

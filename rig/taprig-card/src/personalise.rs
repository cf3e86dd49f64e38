//! Makes a card from an image: data, certificates, records, changes.

use crate::application::{Application, Data, Issuing, Record, Signer};
use crate::card::{Card, PPSE, Script, ScriptKind};
use crate::certificate::{self, FieldChange, FieldEdit, Subject, remainder};
use crate::cryptogram;
use crate::draft::{Draft, last_day, month_year, number};
use crate::edit::{Edit, Kind};
use crate::error::PersonaliseError;
use crate::front::Parts;
use crate::keyring::KeyRing;
use crate::tlv::{Node, data_object_list, encode};
use taprig_model::card::change::{Change, Expiring, Field, FrontPart, Object, Place, Signed};
use taprig_model::card::{self, CardImage, DirectoryEntry, Oda};

/// Makes a card from an image: certificates, file locator and FCI. Then it applies the changes, first those of the
/// image and then `changes`.
///
/// Everything that can be wrong with the image, the keys and the changes is reported here, before a run. A card that
/// has been made answers every command.
///
/// # Errors
/// [`PersonaliseError`] that names what is wrong.
pub fn personalise(image: &CardImage, keys: &KeyRing, changes: &[Change]) -> Result<Card, PersonaliseError> {
    if let Some(name) = &image.include {
        return Err(PersonaliseError::Include(name.clone()));
    }
    let mut front = Parts::new(image.front.as_ref().ok_or(PersonaliseError::NoFront)?);
    let mut drafts = image.applications.iter().map(Draft::new).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = Sorted::default();
    let mut set = Vec::new();
    for change in image.changes.iter().chain(changes) {
        let words = change.to_string();
        match change {
            Change::Set(assignment) if matches!(assignment.object, Object::Tag { .. }) => {
                for draft in &mut drafts {
                    draft.set(assignment, &words)?;
                }
                set.push((assignment.object.clone(), words));
            }
            Change::Expire(expiry) if expiry.what == Expiring::Application => {
                for draft in &mut drafts {
                    draft.expires = last_day(expiry.month);
                }
            }
            _ => sorted.add(change, words, &mut front)?,
        }
    }
    let applications = image
        .applications
        .iter()
        .zip(drafts)
        .map(|(application, draft)| build(application, draft, keys, &sorted.fields))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(edit) = sorted.fields.iter().find(|edit| !concerns_a_key(edit, &image.applications)) {
        return Err(PersonaliseError::change(&edit.words, "the card has no offline data authentication"));
    }
    let directory = image.ppse.as_deref().map(directory);
    let mut samples: Vec<_> = directory.iter().map(|nodes| (Place::Ppse, nodes.clone())).collect();
    samples.extend(applications.iter().flat_map(Application::samples));
    for (object, words) in set {
        let Object::Tag { place, tag } = &object else { continue };
        let tag = number(tag);
        // These bytes are not sent, but the bytes computed from them are.
        let behind = matches!(tag, 0x5A | 0x5F24 | 0x5F34 | 0x9F36) && !applications.is_empty();
        if !behind && !samples.iter().any(|(at, nodes)| place.is_none_or(|place| place == *at) && holds(nodes, tag)) {
            return Err(PersonaliseError::change(words, no_such(&samples, *place)));
        }
    }
    check_edits(&sorted.edits, samples)?;
    let front = front.finish().map_err(|problem| match &sorted.last_front_change {
        Some(words) => PersonaliseError::change(words, problem),
        None => PersonaliseError::value("front", problem),
    })?;
    Ok(Card::new(front, directory, applications, sorted.edits, sorted.scripts))
}

/// Changes, by the moment at which they are applied.
#[derive(Default)]
struct Sorted {
    fields: Vec<FieldEdit>,
    edits: Vec<Edit>,
    scripts: Vec<Script>,
    last_front_change: Option<String>,
}

impl Sorted {
    fn add(&mut self, change: &Change, words: String, front: &mut Parts) -> Result<(), PersonaliseError> {
        let (object, kind) = match change {
            Change::Set(change) | Change::Replace(change) => (&change.object, Kind::Replace(change.value.0.clone())),
            Change::Flip(change) => (&change.object, Kind::Flip(change.bit.into())),
            Change::Drop(change) => (&change.object, Kind::Drop),
            Change::Truncate(change) => (&change.object, Kind::Truncate(change.to.into())),
            Change::Extend(change) => (&change.object, Kind::Extend(change.with.0.clone())),
            Change::Length(change) => (&change.object, Kind::Length(change.bytes.0.clone())),
            Change::Duplicate(change) => (&change.object, Kind::Duplicate),
            Change::Insert(change) => (&change.object, Kind::Insert(change.with.0.clone())),
            Change::Expire(expiry) => {
                let signed = match expiry.what {
                    Expiring::IssuerCertificate => Signed::IssuerCertificate,
                    Expiring::CardCertificate => Signed::CardCertificate,
                    Expiring::Application => return Ok(()),
                };
                (&Object::Field(signed, Field::Expiry), Kind::Replace(month_year(expiry.month).to_vec()))
            }
            Change::Answer(refusal) => {
                if refusal.sw.0.len() != 2 {
                    return Err(PersonaliseError::change(words, "a status word has 2 bytes"));
                }
                self.scripts.push(Script { at: refusal.at, kind: ScriptKind::Respond(refusal.sw.0.clone()) });
                return Ok(());
            }
            Change::Respond(fixed) => {
                if fixed.bytes.0.len() > wire::MAX_RESPONSE {
                    let problem = format!("a response has at most {} bytes", wire::MAX_RESPONSE);
                    return Err(PersonaliseError::change(words, problem));
                }
                self.scripts.push(Script { at: fixed.at, kind: ScriptKind::Respond(fixed.bytes.0.clone()) });
                return Ok(());
            }
            Change::Delay(delay) => {
                self.scripts.push(Script { at: delay.at, kind: ScriptKind::Delay(delay.by) });
                return Ok(());
            }
            Change::Mute(moment) => {
                self.scripts.push(Script { at: moment.at, kind: ScriptKind::Mute });
                return Ok(());
            }
        };
        match object {
            Object::Tag { place, tag } => {
                self.edits.push(Edit { place: *place, tag: number(tag), kind, words });
            }
            Object::Field(signed, field) => {
                let kind = match kind {
                    Kind::Replace(value) => FieldChange::Set(value),
                    Kind::Flip(bit) => FieldChange::Flip(bit),
                    _ => {
                        let problem =
                            "only `set` and `flip` apply to a signed field; the whole object is 90, 9F46 or 9F4B";
                        return Err(PersonaliseError::change(words, problem));
                    }
                };
                self.fields.push(FieldEdit { signed: *signed, field: *field, kind, words });
            }
            Object::Front(part) => {
                alter_front(front, *part, kind).map_err(|problem| PersonaliseError::change(&words, problem))?;
                self.last_front_change = Some(words);
            }
        }
        Ok(())
    }
}

fn alter_front(front: &mut Parts, part: FrontPart, kind: Kind) -> Result<(), String> {
    let bytes = front.part(part);
    let mut nodes = vec![Node::value(1, bytes.clone())];
    match kind {
        Kind::Drop => nodes[0] = Node::value(1, []),
        Kind::Length(_) | Kind::Duplicate | Kind::Insert(_) => {
            return Err("it is not a data object: use `set`, `flip`, `drop`, `truncate` or `extend`".into());
        }
        kind => {
            Edit { place: None, tag: 1, kind, words: String::new() }.apply(&mut nodes)?;
        }
    }
    *bytes = nodes[0].content();
    Ok(())
}

fn concerns_a_key(edit: &FieldEdit, applications: &[card::Application]) -> bool {
    applications
        .iter()
        .filter_map(|application| application.oda.as_ref())
        .any(|oda| edit.signed != Signed::DynamicSignature || oda.fdda != card::Fdda::None)
}

fn holds(nodes: &[Node], tag: u32) -> bool {
    nodes
        .iter()
        .any(|node| node.tag == tag || matches!(&node.body, crate::tlv::Body::Template(nodes) if holds(nodes, tag)))
}

/// Describes what a card sends, for a change of an object that the card does not send.
fn no_such(samples: &[(Place, Vec<Node>)], place: Option<Place>) -> String {
    fn collect(nodes: &[Node], tags: &mut std::collections::BTreeSet<String>) {
        for node in nodes {
            tags.insert(format!("{:02X}", node.tag));
            if let crate::tlv::Body::Template(nodes) = &node.body {
                collect(nodes, tags);
            }
        }
    }
    let mut tags = std::collections::BTreeSet::new();
    for (_, nodes) in samples.iter().filter(|(at, _)| place.is_none_or(|place| place == *at)) {
        collect(nodes, &mut tags);
    }
    let tags: Vec<_> = tags.into_iter().collect();
    match place {
        Some(place) if tags.is_empty() => format!("the card has no {place}"),
        Some(place) => format!("{place} has no such object; it has {}", tags.join(" ")),
        None => format!("the card sends no such object; it sends {}", tags.join(" ")),
    }
}

/// Checks that each change of a response finds an object and fits it, and that responses stay short enough.
fn check_edits(edits: &[Edit], mut samples: Vec<(Place, Vec<Node>)>) -> Result<(), PersonaliseError> {
    let before = samples.clone();
    for edit in edits {
        let mut found = 0;
        for (_, nodes) in samples.iter_mut().filter(|(place, _)| edit.concerns(*place)) {
            found += edit.apply(nodes).map_err(|problem| PersonaliseError::change(&edit.words, problem))?;
        }
        if found == 0 {
            return Err(PersonaliseError::change(&edit.words, no_such(&before, edit.place)));
        }
    }
    for (place, nodes) in samples {
        let length = encode(&nodes).len();
        if length > wire::MAX_RESPONSE - 2 {
            return Err(PersonaliseError::TooLong { place: place.to_string(), length });
        }
    }
    Ok(())
}

fn directory(entries: &[DirectoryEntry]) -> Vec<Node> {
    let entries = entries
        .iter()
        .map(|entry| {
            let mut nodes = vec![Node::value(0x4F, entry.aid.0.clone())];
            nodes.extend(entry.label.as_ref().map(|label| Node::value(0x50, label.as_bytes())));
            nodes.extend(entry.priority.map(|priority| Node::value(0x87, [priority])));
            nodes.extend(entry.kernel.as_ref().map(|kernel| Node::value(0x9F2A, kernel.0.clone())));
            nodes.extend(entry.data.iter().map(|(tag, datum)| Node::value(number(tag), datum.0.clone())));
            Node::template(0x61, nodes)
        })
        .collect();
    let proprietary = Node::template(0xA5, vec![Node::template(0xBF0C, entries)]);
    vec![Node::template(0x6F, vec![Node::value(0x84, PPSE), proprietary])]
}

fn build(
    image: &card::Application,
    mut draft: Draft,
    keys: &KeyRing,
    edits: &[FieldEdit],
) -> Result<Application, PersonaliseError> {
    if !(5..=16).contains(&image.aid.0.len()) {
        return Err(PersonaliseError::value("aid", format!("{} bytes; a DF name has 5 to 16", image.aid.0.len())));
    }
    draft.add_account();
    check_records(&draft.records)?;
    if !draft.data.contains_key(&0x94) && !draft.records.is_empty() {
        draft.data.insert(0x94, file_locator(&draft.records));
    }
    let signer = match &image.oda {
        Some(oda) => Some(certify(oda, &mut draft, keys, edits)?),
        None => None,
    };
    let one = |name: &str, bytes: &[u8]| match bytes {
        [byte] => Ok(*byte),
        _ => Err(PersonaliseError::value(name, format!("{} bytes instead of 1", bytes.len()))),
    };
    let issuing = &image.cryptogram;
    let pdol = draft.pdol.as_deref().unwrap_or_default();
    let pdol_entries = data_object_list(pdol).ok_or_else(|| {
        PersonaliseError::value("pdol", "it ends within an entry: write tag and length of each, `9F66 04 9F02 06`")
    })?;
    if pdol_entries.iter().map(|entry| entry.length).sum::<usize>() > 252 {
        return Err(PersonaliseError::value(
            "pdol",
            "it asks for more than 252 bytes, but no command can carry so many",
        ));
    }
    Ok(Application {
        aid: image.aid.0.clone(),
        fci: file_control_information(&image.aid.0, &draft),
        pdol: pdol_entries,
        issuing: Issuing {
            card_key: cryptogram::card_key(keys.master(&issuing.key)?, &draft.pan, draft.sequence.unwrap_or(0)),
            session: issuing.session,
            policy: issuing.policy,
            offline: issuing.offline,
            key_index: one("cryptogram.key-index", &issuing.key_index.0)?,
            version: one("cryptogram.version", &issuing.version.0)?,
            discretionary: issuing.discretionary.as_ref().map(|data| data.0.clone()),
        },
        signer,
        records: draft.records,
        data: draft.data,
        fixed: draft.fixed,
        ctq: draft.ctq,
        ctq_when_cvm_required: draft.ctq_when_cvm_required,
        atc: draft.atc,
        lists: draft.lists,
        locked: image.locked,
        timing: image.timing,
    })
}

fn file_control_information(aid: &[u8], draft: &Draft) -> Vec<Node> {
    let nodes = |data: &Data| data.iter().map(|(tag, value)| Node::value(*tag, value.clone())).collect::<Vec<_>>();
    let mut proprietary = vec![Node::value(0x50, draft.label.clone())];
    proprietary.extend(draft.priority.map(|priority| Node::value(0x87, [priority])));
    proprietary.extend(draft.pdol.as_ref().map(|pdol| Node::value(0x9F38, pdol.clone())));
    proprietary.extend(nodes(&draft.fci));
    if !draft.discretionary.is_empty() {
        proprietary.push(Node::template(0xBF0C, nodes(&draft.discretionary)));
    }
    vec![Node::template(0x6F, vec![Node::value(0x84, aid), Node::template(0xA5, proprietary)])]
}

fn check_records(records: &[Record]) -> Result<(), PersonaliseError> {
    for (at, record) in records.iter().enumerate() {
        let name = || format!("record {}.{}", record.sfi, record.number);
        if !(1..=30).contains(&record.sfi) || record.number == 0 {
            return Err(PersonaliseError::value(
                name(),
                "file numbers must be 1 to 30, and record numbers begin with 1",
            ));
        }
        if records[..at].iter().any(|other| (other.sfi, other.number) == (record.sfi, record.number)) {
            return Err(PersonaliseError::value(name(), "the image contains this record twice"));
        }
    }
    Ok(())
}

/// Application file locator (94), EMV Book 3, clause 10.2: SFI, first record, last record, number of signed records, in
/// the order of the image. The signed records of an entry must come first. So an entry ends before a signed record that
/// follows an unsigned one.
fn file_locator(records: &[Record]) -> Vec<u8> {
    let mut entries: Vec<[u8; 4]> = Vec::new();
    for record in records {
        match entries.last_mut() {
            Some([sfi, first, last, signed])
                if *sfi == record.sfi << 3
                    && last.checked_add(1) == Some(record.number)
                    && (!record.signed || *signed == *last - *first + 1) =>
            {
                *last = record.number;
                *signed += u8::from(record.signed);
            }
            _ => entries.push([record.sfi << 3, record.number, record.number, u8::from(record.signed)]),
        }
    }
    entries.concat()
}

/// Adds the objects that offline data authentication needs (8F, 90, 92, 9F32, 9F46, 9F47, 9F48). Objects that a change
/// has set stay, and the hash of the certificate covers them.
fn certify(oda: &Oda, draft: &mut Draft, keys: &KeyRing, edits: &[FieldEdit]) -> Result<Signer, PersonaliseError> {
    let (index, authority) = keys.authority(&oda.authority)?;
    let issuer = keys.rsa(&oda.issuer)?;
    let key = keys.rsa(&oda.card)?;
    let sized = |name: &'static str, bytes: &[u8], length: usize| {
        if bytes.len() == length {
            return Ok(());
        }
        Err(PersonaliseError::value(name, format!("{} bytes instead of {length}", bytes.len())))
    };
    sized("issuer-certificate.serial", &oda.issuer_certificate.serial.0, 3)?;
    sized("card-certificate.serial", &oda.card_certificate.serial.0, 3)?;
    let iin = match &oda.issuer_certificate.iin {
        Some(iin) => iin.0.clone(),
        None => {
            let mut iin = draft.padded_pan(3);
            iin.push(0xFF);
            iin
        }
    };
    sized("issuer-certificate.iin", &iin, 4)?;

    let beside: [(u32, Option<Vec<u8>>); 5] = [
        (0x8F, Some(vec![index])),
        (0x9F32, Some(issuer.exponent.clone())),
        (0x92, remainder(&issuer.modulus, authority, 36)),
        (0x9F47, Some(key.exponent.clone())),
        (0x9F48, remainder(&key.modulus, issuer, 42)),
    ];
    for (tag, value) in beside {
        if let Some(value) = value {
            draft.data.entry(tag).or_insert(value);
        }
    }
    let sent = |tag: u32| draft.data.get(&tag).map_or(&[][..], Vec::as_slice);
    let subject = Subject {
        modulus: &issuer.modulus,
        exponent: sent(0x9F32),
        remainder: Some(sent(0x92)),
        expiry: month_year(oda.issuer_certificate.expires),
        serial: &oda.issuer_certificate.serial.0,
    };
    let issuer_certificate = certificate::issuer(authority, &iin, &subject, edits)
        .map_err(PersonaliseError::sealing("issuer's certificate (90)"))?;
    let subject = Subject {
        modulus: &key.modulus,
        exponent: sent(0x9F47),
        remainder: Some(sent(0x9F48)),
        expiry: month_year(oda.card_certificate.expires),
        serial: &oda.card_certificate.serial.0,
    };
    let card_certificate = certificate::card(issuer, &draft.padded_pan(10), &subject, &static_data(draft)?, edits)
        .map_err(PersonaliseError::sealing("card's certificate (9F46)"))?;
    draft.data.entry(0x90).or_insert(issuer_certificate);
    draft.data.entry(0x9F46).or_insert(card_certificate);

    let number_length = usize::from(oda.dynamic_number);
    if number_length > 64 {
        return Err(PersonaliseError::value("oda.dynamic-number", "at most 64 bytes; EMV allows 2 to 8"));
    }
    let edits: Vec<_> = edits.iter().filter(|edit| edit.signed == Signed::DynamicSignature).cloned().collect();
    if !edits.is_empty() {
        // This is a trial, so that a change that does not fit is reported here.
        certificate::dynamic(key, &vec![0; number_length], &[], &edits)
            .map_err(PersonaliseError::sealing("dynamic signature (9F4B)"))?;
    }
    Ok(Signer { key: key.clone(), fdda: oda.fdda, number_length, edits })
}

/// Static data to be authenticated (EMV Book 3, clause 10.3): the signed records, where those of files 1 to 10 come
/// without their template 70. Then 82 follows if 9F4A says so.
fn static_data(draft: &Draft) -> Result<Vec<u8>, PersonaliseError> {
    let mut data = Vec::new();
    for record in draft.records.iter().filter(|record| record.signed) {
        if let Some(tag) = record.holds.iter().find(|tag| matches!(tag, 0x9F46 | 0x9F4B | 0x9F69 | 0x9F26 | 0x9F36)) {
            return Err(PersonaliseError::value(
                format!("record {}.{}", record.sfi, record.number),
                format!("{tag:02X} is made after signing, so a signed record can't hold it"),
            ));
        }
        let nodes: Vec<_> =
            record.holds.iter().filter_map(|tag| Some(Node::value(*tag, draft.data.get(tag)?.clone()))).collect();
        match record.sfi {
            ..=10 => data.extend(encode(&nodes)),
            _ => data.extend(encode(&[Node::template(0x70, nodes)])),
        }
    }
    if draft.data.get(&0x9F4A).is_some_and(|list| list == &[0x82]) {
        data.extend(draft.data.get(&0x82).map_or(&[][..], Vec::as_slice));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(list: &[(u8, u8, bool)]) -> Vec<Record> {
        list.iter()
            .map(|(sfi, number, signed)| Record { sfi: *sfi, number: *number, signed: *signed, holds: vec![] })
            .collect()
    }

    #[test]
    fn the_file_locator_follows_the_records() {
        let locator = |list: &[(u8, u8, bool)]| file_locator(&records(list));
        assert_eq!(locator(&[(1, 1, true), (1, 2, true), (1, 3, false)]), [8, 1, 3, 2]);
        assert_eq!(locator(&[(1, 1, true), (2, 1, false)]), [8, 1, 1, 1, 16, 1, 1, 0]);
        assert_eq!(locator(&[(1, 1, false), (1, 2, true)]), [8, 1, 1, 0, 8, 2, 2, 1]);
        assert_eq!(locator(&[(1, 1, false), (1, 3, false)]), [8, 1, 1, 0, 8, 3, 3, 0]);
    }

    #[test]
    fn a_record_is_there_once() {
        assert!(check_records(&records(&[(1, 1, true), (1, 1, false)])).is_err());
        assert!(check_records(&records(&[(31, 1, true)])).is_err());
        assert!(check_records(&records(&[(30, 1, true)])).is_ok());
    }
}

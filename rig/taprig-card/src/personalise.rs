//! Makes a card from an image: data, certificates, records, changes.

use crate::application::{Application, Data, Issuing, Record, Signer, SmSide};
use crate::card::{Card, PPSE, Script, ScriptKind};
use crate::certificate::{self, FieldChange, FieldEdit};
use crate::certify::certify;
use crate::cryptogram;
use crate::draft::{Draft, last_day, month_year, number};
use crate::edit::{Edit, Kind};
use crate::error::PersonaliseError;
use crate::front::Parts;
use crate::keyring::{Algorithm, KeyRing};
use crate::purse::Purse;
use crate::standard::Standard;
use crate::tlv::{Node, data_object_list, encode};
use taprig_model::card::change::{Change, Expiring, Field, FrontPart, Object, Place, Signed};
use taprig_model::card::{self, CardImage, DirectoryEntry, Family, Policy, Session};
use taprig_model::name::Name;

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
    for edit in &sorted.fields {
        concerns_a_key(edit, &applications).map_err(|problem| PersonaliseError::change(&edit.words, problem))?;
    }
    let directory = image.ppse.as_deref().map(directory);
    let mut samples: Vec<_> = directory.iter().map(|nodes| (Place::Ppse, nodes.clone())).collect();
    samples.extend(applications.iter().flat_map(Application::samples));
    for (object, words) in set {
        let Object::Tag { place, tag } = &object else { continue };
        let tag = number(tag);
        // These bytes are not sent, but the bytes computed from them are.
        let behind = matches!(tag, 0x5A | 0x5F24 | 0x5F34 | 0x9F36) && !applications.is_empty()
            || Purse::has(tag) && applications.iter().any(|application| application.purse.is_some());
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

/// Checks that the change finds its field in a certificate or signature of the card.
fn concerns_a_key(edit: &FieldEdit, applications: &[Application]) -> Result<(), String> {
    let made = |signer: &&Signer| edit.signed != Signed::DynamicSignature || signer.fdda != card::Fdda::None;
    let signers: Vec<_> = applications.iter().flat_map(Application::signers).filter(made).collect();
    if signers.is_empty() {
        return Err("the card has no offline data authentication".into());
    }
    if signers.iter().any(|signer| certificate::has(signer.key.algorithm(), edit.field)) {
        return Ok(());
    }
    let algorithms: Vec<_> = signers.iter().map(|signer| signer.key.algorithm().to_string()).collect();
    Err(format!("what the card signs by {} has no such field", algorithms.join(" and ")))
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
    if let Some(record) = draft.records.iter().find(|record| record.only.is_some() && image.sm.is_none()) {
        let name = format!("record {}.{}", record.sfi, record.number);
        return Err(PersonaliseError::value(name, "`only` is for cards with `sm`"));
    }
    // What a change has set holds for both families of algorithms.
    let set = draft.data.clone();
    if !set.contains_key(&0x94) && !draft.records.is_empty() {
        draft.data.insert(0x94, file_locator(&draft.records, Family::International));
    }
    let signer = match &image.oda {
        Some(oda) => {
            let (signer, made) = certify(oda, &draft, &draft.data, Family::International, keys, edits)?;
            made.into_iter().for_each(|(tag, value)| _ = draft.data.entry(tag).or_insert(value));
            Some(signer)
        }
        None => None,
    };
    let next = match &image.oda {
        Some(oda) => next_signers(oda, &draft, &set, keys, edits)?,
        None => Vec::new(),
    };
    let sm = match &image.sm {
        Some(sm) => Some(sm_side(sm, image, &draft, &set, keys, edits)?),
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
    if let Some(purse) = &draft.purse {
        let asks =
            |tag: u32, length: usize| pdol_entries.iter().any(|entry| (entry.tag, entry.length) == (tag, length));
        let problem = match purse.problem() {
            Some(problem) => Some(problem),
            None if issuing.policy != Policy::ByTtq || !issuing.offline => {
                Some("a purse decides by itself: write `policy: by-ttq` and `offline: true` under `cryptogram`".into())
            }
            None if !asks(0x9F66, 4) || !asks(0x9F02, 6) => {
                Some("the PDOL does not ask for what a purse decides by: add `9F66 04` and `9F02 06` to it".into())
            }
            None => None,
        };
        if let Some(problem) = problem {
            return Err(PersonaliseError::value("purse", problem));
        }
    }
    let standard = match &image.standard {
        Some(lists) => {
            let problem = "a list ends within an entry: write tag and length of each, `9F02 06 9F37 04`";
            Some(Standard::new(lists).ok_or_else(|| PersonaliseError::value("standard", problem))?)
        }
        None => None,
    };
    Ok(Application {
        aid: image.aid.0.clone(),
        fci: file_control_information(&image.aid.0, &draft),
        pdol: pdol_entries,
        issuing: Issuing {
            card_key: card_key(&issuing.key, issuing.session, &draft, keys)?,
            session: issuing.session,
            policy: issuing.policy,
            offline: issuing.offline,
            key_index: one("cryptogram.key-index", &issuing.key_index.0)?,
            version: one("cryptogram.version", &issuing.version.0)?,
            discretionary: issuing.discretionary.as_ref().map(|data| data.0.clone()),
        },
        purse: draft.purse,
        standard,
        signer,
        next,
        turn: 0,
        sm,
        records: draft.records,
        data: draft.data,
        fixed: draft.fixed,
        ctq: draft.ctq,
        ctq_when_cvm_required: draft.ctq_when_cvm_required,
        atc: draft.atc,
        lists: draft.lists,
        locked: image.locked,
        locked_when_cvm_required: image.locked_when_cvm_required,
        timing: image.timing,
    })
}

/// The card's key for cryptograms, derived from a master key.
fn card_key(
    master: &Name,
    session: Session,
    draft: &Draft,
    keys: &KeyRing,
) -> Result<cryptogram::Key, PersonaliseError> {
    let key = keys.master(master)?.card_key(&draft.pan, draft.sequence.unwrap_or(0));
    if matches!((&key, session), (cryptogram::Key::Sm4(_), Session::Emv)) {
        let problem = "session keys by SM4 are made as `pboc` says: EMV knows no SM4";
        return Err(PersonaliseError::value("cryptogram.session", problem));
    }
    Ok(key)
}

/// The keys of the following transactions, with the objects that are not those of the first key.
fn next_signers(
    oda: &card::Oda,
    draft: &Draft,
    set: &Data,
    keys: &KeyRing,
    edits: &[FieldEdit],
) -> Result<Vec<(Signer, Data)>, PersonaliseError> {
    /// The card's certificate, exponent and remainder.
    const OF_THE_KEY: [u32; 3] = [0x9F46, 0x9F47, 0x9F48];
    let length = |data: &Data, tag: u32| data.get(&tag).map(Vec::len);
    oda.next_cards
        .iter()
        .map(|card| {
            let other = card::Oda { card: card.clone(), next_cards: Vec::new(), ..oda.clone() };
            let (signer, mut made) = certify(&other, draft, set, Family::International, keys, edits)?;
            made.retain(|tag, _| OF_THE_KEY.contains(tag));
            if [0x9F46, 0x9F48].iter().any(|tag| length(&made, *tag) != length(&draft.data, *tag)) {
                return Err(PersonaliseError::value("oda.next-cards", "each key must have the length of `card`"));
            }
            Ok((signer, made))
        })
        .collect()
}

/// What the card uses if the reader asks for SM algorithms.
fn sm_side(
    sm: &card::Sm,
    image: &card::Application,
    draft: &Draft,
    set: &Data,
    keys: &KeyRing,
    edits: &[FieldEdit],
) -> Result<SmSide, PersonaliseError> {
    let asks = data_object_list(draft.pdol.as_deref().unwrap_or_default())
        .is_some_and(|pdol| pdol.iter().any(|entry| entry.tag == 0xDF69 && entry.length == 1));
    if !asks {
        return Err(PersonaliseError::value("sm", "the PDOL does not ask for DF69: add `DF69 01` to it"));
    }
    let (signer, mut data) = certify(&sm.oda, draft, set, Family::Sm, keys, edits)?;
    if signer.key.algorithm() != Algorithm::Sm2 {
        return Err(PersonaliseError::value("sm.oda", "its keys are RSA keys: name keys of SM2"));
    }
    if !set.contains_key(&0x94) {
        data.insert(0x94, file_locator(&draft.records, Family::Sm));
    }
    let card_key = card_key(&sm.cryptogram_key, image.cryptogram.session, draft, keys)?;
    Ok(SmSide { signer, card_key, data })
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
/// follows an unsigned one. Records of the other family of algorithms are left out.
fn file_locator(records: &[Record], family: Family) -> Vec<u8> {
    let mut entries: Vec<[u8; 4]> = Vec::new();
    for record in records.iter().filter(|record| record.is_of(family)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn records(list: &[(u8, u8, bool)]) -> Vec<Record> {
        list.iter()
            .map(|(sfi, number, signed)| Record {
                sfi: *sfi,
                number: *number,
                signed: *signed,
                only: None,
                holds: vec![],
            })
            .collect()
    }

    #[test]
    fn the_file_locator_follows_the_records() {
        let locator = |list: &[(u8, u8, bool)]| file_locator(&records(list), Family::International);
        assert_eq!(locator(&[(1, 1, true), (1, 2, true), (1, 3, false)]), [8, 1, 3, 2]);
        assert_eq!(locator(&[(1, 1, true), (2, 1, false)]), [8, 1, 1, 1, 16, 1, 1, 0]);
        assert_eq!(locator(&[(1, 1, false), (1, 2, true)]), [8, 1, 1, 0, 8, 2, 2, 1]);
        assert_eq!(locator(&[(1, 1, false), (1, 3, false)]), [8, 1, 1, 0, 8, 3, 3, 0]);
    }

    #[test]
    fn the_file_locator_of_a_family_leaves_out_the_records_of_the_other() {
        let mut both = records(&[(1, 1, true), (2, 1, false), (2, 2, false), (3, 1, false)]);
        both[2].only = Some(Family::International);
        both[3].only = Some(Family::Sm);
        assert_eq!(file_locator(&both, Family::International), [8, 1, 1, 1, 16, 1, 2, 0]);
        assert_eq!(file_locator(&both, Family::Sm), [8, 1, 1, 1, 16, 1, 1, 0, 24, 1, 1, 0]);
    }

    #[test]
    fn a_record_is_there_once() {
        assert!(check_records(&records(&[(1, 1, true), (1, 1, false)])).is_err());
        assert!(check_records(&records(&[(31, 1, true)])).is_err());
        assert!(check_records(&records(&[(30, 1, true)])).is_ok());
    }
}

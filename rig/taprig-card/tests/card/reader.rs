//! A reader just good enough to tap, and to collect what offline data authentication needs.

use emv::core::oda::{
    CaPublicKey, IccPublicKey, IssuerPublicKey, recover_icc_public_key, recover_issuer_public_key, verify_dda,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use taprig_card::{Card, KeyRing, PersonaliseError, personalise};
use taprig_model::card::key::Key;
use taprig_model::card::{CardImage, Change, KeyFile};
use taprig_model::name::Name;

/// TTQ of a bus validator to a new card: ODA for online authorisation, version 01, online cryptogram required.
pub(crate) const NEW: [u8; 4] = [0x21, 0x80, 0x00, 0x80];
/// TTQ of a reader that is offline only.
pub(crate) const OFFLINE: [u8; 4] = [0x28, 0, 0, 0];
/// Unpredictable number.
pub(crate) const NUMBER: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
/// The month of the tap, as certificates have it.
pub(crate) const TODAY: [u8; 2] = [0x05, 0x18];

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap();
    let yaml = serde_yaml::Deserializer::from_str(&text);
    serde_yaml::with::singleton_map_recursive::deserialize(yaml)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &str) -> Vec<(Name, PathBuf)> {
    let entries = std::fs::read_dir(fixtures(folder)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let mut files: Vec<_> =
        yaml.map(|path| (path.file_stem().unwrap().to_str().unwrap().parse().unwrap(), path)).collect();
    files.sort();
    files
}

pub(crate) static KEYS: LazyLock<BTreeMap<Name, KeyFile>> =
    LazyLock::new(|| files("keys").into_iter().map(|(name, path)| (name, read(&path))).collect());

pub(crate) static RING: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::load(KEYS.iter().map(|(name, file)| (name.clone(), file))).unwrap());

pub(crate) fn cards() -> Vec<String> {
    files("cards").into_iter().map(|(name, _)| name.to_string()).collect()
}

pub(crate) fn image(name: &str) -> CardImage {
    let image: CardImage = read(&fixtures("cards").join(format!("{name}.yaml")));
    match image.include.clone() {
        Some(base) => image.over(self::image(base.as_str())),
        None => image,
    }
}

pub(crate) fn change(yaml: &str) -> Change {
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(yaml)).unwrap()
}

pub(crate) fn try_card(name: &str, changes: &[&str]) -> Result<Card, PersonaliseError> {
    let changes: Vec<_> = changes.iter().map(|yaml| change(yaml)).collect();
    personalise(&image(name), &RING, &changes)
}

pub(crate) fn card(name: &str, changes: &[&str]) -> Card {
    try_card(name, changes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) type Tags = BTreeMap<u32, Vec<u8>>;

/// Primitive data objects of a response, at any depth. The first of each tag.
pub(crate) fn tags(mut bytes: &[u8], into: &mut Tags) {
    while let [first, ..] = *bytes {
        let mut at = 1;
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            tag = tag << 8 | u32::from(bytes[1]);
            at = 2;
        }
        let (length, start) = match bytes[at] {
            0x81 => (usize::from(bytes[at + 1]), at + 2),
            0x82 => (usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at + 2]), at + 3),
            length => (usize::from(length), at + 1),
        };
        let value = &bytes[start..start + length];
        if first & 0x20 != 0 {
            tags(value, into);
        } else {
            into.entry(tag).or_insert_with(|| value.to_vec());
        }
        bytes = &bytes[start + length..];
    }
}

/// What a tap brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadCard {
    pub(crate) tags: Tags,
    /// Static data to be authenticated.
    pub(crate) static_data: Vec<u8>,
    pub(crate) input: Tags,
    pub(crate) aid: Vec<u8>,
}

pub(crate) fn send(card: &mut Card, command: &[u8]) -> Result<Vec<u8>, u16> {
    let reply = card.respond(command);
    match reply.response.as_slice() {
        [body @ .., 0x90, 0x00] => Ok(body.to_vec()),
        [.., high, low] => Err(u16::from_be_bytes([*high, *low])),
        _ => panic!("no status word"),
    }
}

pub(crate) fn select(name: &[u8]) -> Vec<u8> {
    let mut command = vec![0x00, 0xA4, 0x04, 0x00, name.len() as u8];
    command.extend(name);
    command.push(0);
    command
}

/// GET PROCESSING OPTIONS for a PDOL, and what was sent by tag.
pub(crate) fn gpo(pdol: &[u8], ttq: [u8; 4]) -> (Vec<u8>, Tags) {
    gpo_asking(pdol, ttq, 0)
}

/// The same with a value for DF69.
fn gpo_asking(pdol: &[u8], ttq: [u8; 4], sm: u8) -> (Vec<u8>, Tags) {
    let mut input = Tags::new();
    let mut data: Vec<u8> = Vec::new();
    let mut rest = pdol;
    while let [first, ..] = *rest {
        let (tag, after) = match first & 0x1F {
            0x1F => (u32::from(first) << 8 | u32::from(rest[1]), &rest[2..]),
            _ => (u32::from(first), &rest[1..]),
        };
        let length = usize::from(after[0]);
        let mut value = match tag {
            0x9F66 => ttq.to_vec(),
            0x9F02 => vec![0, 0, 0, 0, 1, 0],
            0x9F37 => NUMBER.to_vec(),
            0x5F2A | 0x9F1A => vec![1, 0x56],
            0x9A => vec![0x18, 0x05, 0x21],
            0xDF69 => vec![sm],
            _ => vec![],
        };
        value.resize(length, 0);
        data.extend(&value);
        input.insert(tag, value);
        rest = &after[1..];
    }
    let mut command = vec![0x80, 0xA8, 0, 0, data.len() as u8 + 2, 0x83, data.len() as u8];
    command.extend(data);
    command.push(0);
    (command, input)
}

/// Taps the application of the directory's first entry.
pub(crate) fn tap(card: &mut Card, ttq: [u8; 4]) -> Result<ReadCard, u16> {
    tap_asking(card, ttq, 0)
}

/// The same with a value for DF69.
pub(crate) fn tap_asking(card: &mut Card, ttq: [u8; 4], sm: u8) -> Result<ReadCard, u16> {
    card.reset();
    let mut directory = Tags::new();
    tags(&send(card, &select(b"2PAY.SYS.DDF01"))?, &mut directory);
    application(card, &directory[&0x4F], ttq, sm)
}

pub(crate) fn tap_application(card: &mut Card, aid: &[u8], ttq: [u8; 4]) -> Result<ReadCard, u16> {
    application(card, aid, ttq, 0)
}

fn application(card: &mut Card, aid: &[u8], ttq: [u8; 4], sm: u8) -> Result<ReadCard, u16> {
    let mut tap = ReadCard { aid: aid.to_vec(), ..ReadCard::default() };
    tags(&send(card, &select(aid))?, &mut tap.tags);
    let (command, input) = gpo_asking(&tap.tags[&0x9F38], ttq, sm);
    tap.input = input;
    tags(&send(card, &command)?, &mut tap.tags);
    for entry in tap.tags.get(&0x94).cloned().unwrap_or_default().chunks(4) {
        for number in entry[1]..=entry[2] {
            let record = send(card, &[0x00, 0xB2, number, entry[0] | 0x04, 0])?;
            tags(&record, &mut tap.tags);
            if number - entry[1] < entry[3] {
                let header = if record[1] == 0x81 { 3 } else { 2 };
                tap.static_data.extend(if entry[0] >> 3 <= 10 { &record[header..] } else { &record });
            }
        }
    }
    if tap.tags.get(&0x9F4A).is_some_and(|list| list == &[0x82]) {
        tap.static_data.extend(&tap.tags[&0x82]);
    }
    Ok(tap)
}

/// Which step of offline data authentication refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Authority,
    Issuer,
    Card,
    Signature,
}

/// What offline data authentication recovered.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) issuer: IssuerPublicKey,
    pub(crate) card: IccPublicKey,
    pub(crate) number: Vec<u8>,
}

/// Checks a tap with the `emv` crate, trusting the authorities of the fixtures but the stranger.
pub(crate) fn verify(tap: &ReadCard) -> Result<Chain, Refused> {
    let get = |tag: u32| tap.tags.get(&tag).map_or(&[][..], Vec::as_slice);
    let [index] = *get(0x8F) else { return Err(Refused::Authority) };
    let authority = KEYS.iter().find_map(|(name, file)| match &file.key {
        Key::Authority(key) if key.index.0 == [index] && name.as_str() != "test-ca-stranger" => Some(CaPublicKey {
            rid: key.rid.0.clone().try_into().unwrap(),
            index,
            modulus: key.modulus.0.clone(),
            exponent: key.exponent.0.clone(),
        }),
        _ => None,
    });
    let authority = authority.filter(|key| key.rid == tap.aid[..5]).ok_or(Refused::Authority)?;
    let pan = get(0x5A);
    let remainder = tap.tags.get(&0x92).map(Vec::as_slice);
    let issuer = recover_issuer_public_key(&authority, get(0x90), remainder, get(0x9F32), pan, TODAY)
        .map_err(|_| Refused::Issuer)?;
    let remainder = tap.tags.get(&0x9F48).map(Vec::as_slice);
    let card = recover_icc_public_key(&issuer, get(0x9F46), remainder, get(0x9F47), &tap.static_data, pan, TODAY)
        .map_err(|_| Refused::Card)?;
    let mut hashed = NUMBER.to_vec();
    if let Some(related) = tap.tags.get(&0x9F69) {
        hashed.extend(&tap.input[&0x9F02]);
        hashed.extend(&tap.input[&0x5F2A]);
        hashed.extend(related);
    }
    let number = verify_dda(&card, get(0x9F4B), &hashed).map_err(|_| Refused::Signature)?;
    Ok(Chain { issuer, card, number })
}

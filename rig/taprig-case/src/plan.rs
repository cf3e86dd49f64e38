//! The plan: what to run, with everything that it needs. It is made before a bench is touched.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sha1::{Digest as _, Sha1};
use taprig_card::Card;
use taprig_model::acquirer::rules::Rules;
use taprig_model::acquirer::{self, Fill, GivenAcquirer};
use taprig_model::card::Change;
use taprig_model::card::key::{self, Key};
use taprig_model::criteria::Criteria;
use taprig_model::device::Device;
use taprig_model::name::Name;
use taprig_model::settings::{DenyEntry, Settings};
use taprig_model::situation::{AuthorityKey, Situation};
use taprig_model::step::Step;
use taprig_model::units::{Hex, Malformed};

use super::criteria::is_about_frames;
use super::workshop::{KeyFiles, Workshop};
use super::{Diagnostic, Problems, SubCase};

/// A sub-case that is ready to run.
#[derive(Debug)]
pub struct Planned {
    /// The sub-case.
    pub sub: SubCase,
    /// Its id as text: `ODA-004/expiry`.
    pub id: String,
    /// The required state of the validator before the first step.
    pub situation: Situation,
    /// The personalised cards that the sub-case uses, by the name that taps use. `None` stands for the card of a plain
    /// `tap`.
    pub cards: BTreeMap<Option<Name>, (String, Card)>,
    /// The keys and the rules of its acquirer, if it has one.
    pub acquirer: Option<PlannedAcquirer>,
    /// CA keys by their names, for steps that change settings.
    pub keys: Arc<Keys>,
    /// Whether the case is about frames on the air, so that its transcript shows them.
    pub frames: bool,
    /// Number of this attempt in its record, from 1. Only a run that is resumed makes a second one.
    pub attempt: u32,
}

impl Planned {
    /// The criteria of the sub-case. They are made anew for each caller: a run of many cases would need much memory to keep them all.
    #[must_use]
    pub fn criteria(&self) -> Criteria {
        self.sub.criteria()
    }

    /// The required state of a certain device before the first step. Only the length of its deny list can depend on the device.
    #[must_use]
    pub fn situation_for(&self, device: &Device) -> Cow<'_, Situation> {
        let mut situation = Cow::Borrowed(&self.situation);
        if let (true, Some(capacity)) = (self.sub.case.given.full_deny_list, device.deny_capacity()) {
            let list = situation.to_mut().settings.deny_list.get_or_insert_default();
            let missing = (capacity as usize).saturating_sub(list.len());
            list.splice(..0, acquirer::made_up_cards(missing).map(|pan| DenyEntry { pan, psn: None }));
        }
        situation
    }
}

/// The acquirer of a sub-case.
#[derive(Debug, Clone)]
pub struct PlannedAcquirer {
    /// Its keys.
    pub keys: acquirer::keys::Keys,
    /// What it does differently from a proper one.
    pub rules: Rules,
    /// How long its deny list is for a device that claims how many cards it takes.
    pub fill: Option<Fill>,
}

impl PlannedAcquirer {
    /// The rules of the acquirer for a device. If the device does not claim how long its list is, the list is not filled.
    #[must_use]
    pub fn rules_for(&self, device: &Device) -> Rules {
        let mut rules = self.rules.clone();
        if let (Some(fill), Some(list), Some(capacity)) = (self.fill, &mut rules.deny_list, device.deny_capacity()) {
            fill.fill(list, capacity);
        }
        rules
    }
}

/// Key files by name.
#[derive(Debug, Default)]
pub struct Keys {
    files: Arc<KeyFiles>,
}

impl Keys {
    /// The CA public keys that `settings` names.
    #[must_use]
    pub fn of(&self, settings: &Settings) -> Vec<AuthorityKey> {
        let names = settings.keys.as_deref().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| match &self.files.get(name)?.key {
                Key::Authority(key) => Some(key.into()),
                Key::Sm2Authority(key) => Some(key.into()),
                Key::Rsa(_) | Key::Sm2(_) | Key::Master(_) => None,
            })
            .collect()
    }

    /// The acquirer that a case describes.
    ///
    /// # Errors
    /// A key that it hands out is not the key of an authority, or it has a form that no acquirer can send.
    pub fn acquirer(&self, given: &GivenAcquirer) -> Result<PlannedAcquirer, String> {
        let published = acquirer::keys::Keys::published();
        let authorities = given.authority_keys.iter().map(|name| match self.files.get(name).map(|file| &file.key) {
            Some(Key::Authority(key)) => handed_out(key).map_err(|error| format!("the key `{name}`: {error}")),
            Some(_) | None => Err(format!("`{name}` is not the key of a certification authority")),
        });
        let made_up = (1..=given.made_up_keys.map_or(0, |number| number.0)).map(|number| {
            // At most 99 keys.
            made_up(number as u8).map_err(|error| format!("the made-up key {number}: {error}"))
        });
        let keys = acquirer::keys::Keys {
            master: given.master.clone().unwrap_or(published.master),
            working: given.working.clone().unwrap_or(published.working),
            terminals: given.terminals.clone(),
            authorities: authorities.chain(made_up).collect::<Result<_, _>>()?,
            ..published
        };
        Ok(PlannedAcquirer { keys, rules: given.rules(), fill: given.fill_deny_list })
    }

    /// The required state of a validator with these settings and the keys that they name.
    #[must_use]
    pub fn situation(&self, settings: &Settings) -> Situation {
        Situation { settings: settings.clone(), keys: self.of(settings) }
    }
}

/// The last day of the keys that an acquirer hands out.
const LAST_DAY: &str = "20301231";

/// A key of UnionPay's RID with this index, as an acquirer hands it out. Its modulus has 1024 bits and is not the product of two primes
/// that anybody knows, so no card has a certificate under it. An acquirer hands keys out by index, and those of the test authorities
/// begin at E0.
fn made_up(index: u8) -> Result<acquirer::keys::Authority, Malformed> {
    const RID: [u8; 5] = [0xA0, 0, 0, 3, 0x33];
    const EXPONENT: u8 = 3;
    let mut modulus = [0xC1; 128];
    modulus[64] = index;
    let sum =
        Sha1::new().chain_update(RID).chain_update([index]).chain_update(modulus).chain_update([EXPONENT]).finalize();
    let hex = |bytes: &[u8]| Hex(bytes.to_vec()).to_string();
    Ok(acquirer::keys::Authority {
        rid: hex(&RID).parse()?,
        index: hex(&[index]).parse()?,
        expiry: LAST_DAY.parse()?,
        modulus: hex(&modulus).parse()?,
        exponent: hex(&[EXPONENT]).parse()?,
        check_sum: hex(&sum).parse()?,
    })
}

/// The key of an authority as an acquirer hands it out.
fn handed_out(key: &key::Authority) -> Result<acquirer::keys::Authority, Malformed> {
    let hex = |bytes: &Hex| bytes.to_string();
    Ok(acquirer::keys::Authority {
        rid: hex(&key.rid).parse()?,
        index: hex(&key.index).parse()?,
        expiry: LAST_DAY.parse()?,
        modulus: hex(&key.modulus).parse()?,
        exponent: hex(&key.exponent).parse()?,
        check_sum: hex(&key.check_sum).parse()?,
    })
}

/// Makes the cards and settings of sub-cases, so that problems are reported before anything runs.
///
/// # Errors
/// All problems, for example a fixture that can't be read, or a change that does not apply to its card.
pub fn plan(workshop: &mut Workshop, cases: Vec<SubCase>) -> Result<Vec<Planned>, Problems> {
    let mut problems = Problems::default();
    let keys = keys(workshop, &mut problems);
    let mut planned = Vec::with_capacity(cases.len());
    for sub in cases {
        let id = sub.id.to_string();
        let situation = keys.situation(&sub.settings);
        let frames = is_about_frames(sub.id.case.family());
        let acquirer = sub.case.given.acquirer.as_ref().map(|given| keys.acquirer(given)).transpose();
        match cards(workshop, &sub, &mut problems).and_then(|cards| Ok((cards, acquirer?))) {
            Ok((cards, acquirer)) => {
                let keys = keys.clone();
                planned.push(Planned { id, situation, cards, acquirer, keys, frames, attempt: 1, sub });
            }
            Err(why) => problems.push(
                Diagnostic::of_file(&workshop.project().root().join(&sub.file), format!("{id}: {why}"))
                    .help("check `given.card`, `given.cards` and their `changes`"),
            ),
        }
    }
    problems.into_result(planned)
}

/// The CA keys that the settings of a sub-case may name.
pub fn keys(workshop: &mut Workshop, problems: &mut Problems) -> Arc<Keys> {
    Arc::new(Keys { files: workshop.key_files(problems) })
}

/// All cards that a sub-case uses.
fn cards(
    workshop: &mut Workshop,
    sub: &SubCase,
    problems: &mut Problems,
) -> Result<BTreeMap<Option<Name>, (String, Card)>, String> {
    let given = &sub.case.given;
    let mut cards = BTreeMap::new();
    for step in &sub.case.steps {
        let Step::Tap(tap) = step else { continue };
        if cards.contains_key(&tap.card) {
            continue;
        }
        let (name, changes): (&Name, &[Change]) = match &tap.card {
            None => match &given.card {
                Some(name) => (name, &given.changes),
                None => return Err("a tap has no card, because `given.card` is missing".into()),
            },
            Some(name) => match given.cards.get(name) {
                Some(card) => (&card.image, &card.changes),
                None => (name, &[]),
            },
        };
        let Some(card) = workshop.card(name.as_str(), changes, problems) else { continue };
        cards.insert(tap.card.clone(), (name.to_string(), card.map_err(|error| error.to_string())?));
    }
    Ok(cards)
}

//! What is to be run, with everything that it needs, before a bench is touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use taprig_card::Card;
use taprig_model::card::Change;
use taprig_model::card::key::Key;
use taprig_model::device::Device;
use taprig_model::name::Name;
use taprig_model::settings::Settings;
use taprig_model::step::Step;

use super::known_state::{CaKey, Situation};
use taprig_case::workshop::{KeyFiles, Workshop};
use taprig_case::{Diagnostic, Problems, SubCase};

/// A sub-case that is ready to run.
#[derive(Debug)]
pub struct Planned {
    /// The sub-case.
    pub sub: SubCase,
    /// Its id as text: `ODA-004/expiry`.
    pub id: String,
    /// The state of the validator before the first step.
    pub situation: Situation,
    /// The cards that it taps with, personalised, by the name that taps use; `None` is the card of a bare `tap`.
    pub cards: BTreeMap<Option<Name>, (String, Card)>,
    /// CA keys by their names, for steps that change settings.
    pub keys: Arc<Keys>,
    /// Claims that the case needs and the device does not make.
    pub lacks: Vec<Name>,
}

/// Key files by name.
#[derive(Debug, Default)]
pub struct Keys {
    files: Arc<KeyFiles>,
}

impl Keys {
    /// The CA public keys that `settings` names, as a console takes them.
    #[must_use]
    pub fn of(&self, settings: &Settings) -> Vec<CaKey> {
        let names = settings.keys.as_deref().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| match &self.files.get(name)?.key {
                Key::Authority(key) => Some(CaKey {
                    rid: key.rid.to_string(),
                    index: key.index.to_string(),
                    exponent: key.exponent.to_string(),
                    modulus: key.modulus.to_string(),
                }),
                Key::Rsa(_) | Key::Master(_) => None,
            })
            .collect()
    }
}

/// Makes the cards and settings of sub-cases, so that what is wrong with one is said before anything runs.
///
/// # Errors
/// All problems: a fixture that can't be read, a change that finds nothing to change in its card.
pub fn plan(workshop: &mut Workshop, cases: Vec<SubCase>, device: &Device) -> Result<Vec<Planned>, Problems> {
    let mut problems = Problems::default();
    let keys = keys(workshop, &mut problems);
    let mut planned = Vec::with_capacity(cases.len());
    for sub in cases {
        let id = sub.id.to_string();
        let situation = Situation::new(&sub.settings, &keys.of(&sub.settings), &device.console);
        let lacks = sub.lacks(device).into_iter().cloned().collect();
        match cards(workshop, &sub, &mut problems) {
            Ok(cards) => planned.push(Planned { id, situation, cards, keys: keys.clone(), lacks, sub }),
            Err(why) => problems.push(
                Diagnostic::of_file(&workshop.project().root().join(&sub.file), format!("{id}: {why}"))
                    .help("see `given.card`, `given.cards` and their `changes`"),
            ),
        }
    }
    problems.into_result(planned)
}

/// The CA keys that settings may name.
pub fn keys(workshop: &mut Workshop, problems: &mut Problems) -> Arc<Keys> {
    Arc::new(Keys { files: workshop.key_files(problems) })
}

/// All cards that a sub-case taps with.
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
                None => return Err("a tap without a card: `given.card` is missing".into()),
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

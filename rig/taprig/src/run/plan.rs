//! What is to be run, with everything that it needs, before a bench is touched.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use taprig_card::{Card, KeyRing, personalise};
use taprig_model::card::key::Key;
use taprig_model::card::{CardImage, Change, KeyFile};
use taprig_model::device::Device;
use taprig_model::name::Name;
use taprig_model::settings::Settings;
use taprig_model::step::Step;

use super::situate::{CaKey, Situation};
use crate::case::project::Fixture;
use crate::case::{Diagnostic, Problems, Project, SubCase, Suite};

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
    files: BTreeMap<Name, KeyFile>,
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

/// Makes the cards and settings of all sub-cases, so that what is wrong with one is said before anything runs.
///
/// # Errors
/// All problems: a fixture that can't be read, a change that finds nothing to change in its card.
pub fn plan(project: &Project, suite: Suite, device: &Device) -> Result<Vec<Planned>, Problems> {
    let mut problems = Problems::default();
    let mut workshop = Workshop::open(project, &mut problems);
    let mut planned = Vec::with_capacity(suite.cases.len());
    for sub in suite.cases {
        let id = sub.id.to_string();
        let situation = Situation::new(&sub.settings, &workshop.keys.of(&sub.settings), &device.console);
        let lacks = sub.lacks(device).into_iter().cloned().collect();
        match workshop.cards(&sub, &mut problems) {
            Ok(cards) => {
                planned.push(Planned { id, situation, cards, keys: workshop.keys.clone(), lacks, sub });
            }
            Err(why) => problems.push(
                Diagnostic::of_file(&project.root().join(&sub.file), format!("{id}: {why}"))
                    .help("see `given.card`, `given.cards` and their `changes`"),
            ),
        }
    }
    problems.into_result(planned)
}

/// The card of an image's file, with changes, outside of any case.
///
/// # Errors
/// What is wrong with the image or its keys.
pub fn card(project: &Project, image: &Path, changes: &[Change]) -> Result<Card, Problems> {
    let mut problems = Problems::default();
    let workshop = Workshop::open(project, &mut problems);
    problems.into_result(())?;
    let file: CardImage = project.load_file(Fixture::Card, image)?;
    workshop.make(&file, changes).map_err(|why| Diagnostic::of_file(image, why).into())
}

/// Settings of a validator profile, and its CA keys.
///
/// # Errors
/// What is wrong with a key file.
pub fn keys(project: &Project) -> Result<Keys, Problems> {
    let mut problems = Problems::default();
    let workshop = Workshop::open(project, &mut problems);
    problems.into_result(Keys { files: workshop.keys.files.clone() })
}

/// Where cards are made.
struct Workshop<'a> {
    project: &'a Project,
    keys: Arc<Keys>,
    ring: KeyRing,
    images: BTreeMap<Name, CardImage>,
}

impl<'a> Workshop<'a> {
    fn open(project: &'a Project, problems: &mut Problems) -> Self {
        let mut files = BTreeMap::new();
        for name in project.names(Fixture::Key) {
            match (project.load::<KeyFile>(Fixture::Key, &name), name.parse::<Name>()) {
                (Ok(file), Ok(name)) => {
                    files.insert(name, file);
                }
                (Err(wrong), _) => wrong.iter().for_each(|problem| problems.push(problem.clone())),
                (_, Err(wrong)) => {
                    problems.push(Diagnostic::of_file(&project.file(Fixture::Key, &name), wrong.to_string()));
                }
            }
        }
        let mut ring = KeyRing::default();
        for (name, file) in &files {
            if let Err(error) = ring.insert(name.clone(), file) {
                problems.push(Diagnostic::of_file(&project.file(Fixture::Key, name.as_str()), error.to_string()));
            }
        }
        Self { project, keys: Arc::new(Keys { files }), ring, images: BTreeMap::new() }
    }

    /// All cards that a sub-case taps with.
    fn cards(
        &mut self,
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
            let Some(image) = self.image(name, problems) else { continue };
            let card = self.make(&image, changes)?;
            cards.insert(tap.card.clone(), (name.to_string(), card));
        }
        Ok(cards)
    }

    fn image(&mut self, name: &Name, problems: &mut Problems) -> Option<CardImage> {
        if let Some(image) = self.images.get(name) {
            return Some(image.clone());
        }
        match self.project.load::<CardImage>(Fixture::Card, name.as_str()) {
            Ok(image) => {
                self.images.insert(name.clone(), image.clone());
                Some(image)
            }
            Err(wrong) => {
                wrong.iter().for_each(|problem| problems.push(problem.clone()));
                None
            }
        }
    }

    fn make(&self, image: &CardImage, changes: &[Change]) -> Result<Card, String> {
        personalise(image, &self.ring, changes).map_err(|error| error.to_string())
    }
}

//! A worker: a bench with everything that the buses need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use taprig_bench::{Bench, Config};
use taprig_card::Card;
use taprig_case::plan::Keys;
use taprig_case::project::Fixture;
use taprig_case::{Diagnostic, Problems, Project, Workshop, plan};
use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::Body as Happened;
use taprig_model::card::CardImage;
use taprig_model::event::{Body, Event};
use taprig_model::name::Name;
use taprig_model::settings::Settings;
use taprig_model::units::Pan;
use taprig_model::validator::Validator;
use taprig_record::{Listener, Options, Recorder};

use super::Player;
use super::claims::{DatedClaim, Heard};
use crate::error::ReplayError;
use crate::plan::Plan;

/// Begins the note that says which day of the plan it is.
const DAY: &str = "replay day ";

/// Everything that all workers share.
pub struct Setting {
    pub(super) plan: Plan,
    pub(super) config: Config,
    pub(super) player: Box<dyn Player>,
    pub(super) project: Project,
    /// The settings of the plan's profile.
    pub(super) profile: Settings,
    /// The account number and the counter of each card image.
    images: BTreeMap<Name, (Pan, u16)>,
    /// The folder of the replay.
    pub(super) folder: PathBuf,
    /// How many rides are played again as cases.
    pub(super) samples: u64,
}

impl Setting {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The folder of the replay.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The account number and the counter of an image.
    pub(super) fn image(&self, name: &Name) -> Option<&(Pan, u16)> {
        self.images.get(name)
    }
}

/// Reads what the plan names. Nothing is started.
///
/// # Errors
/// Everything that is wrong with the profile or with a card, and a card that a plan can't use.
pub fn prepare(
    plan: Plan,
    config: Config,
    player: Box<dyn Player>,
    project: &Project,
    folder: PathBuf,
    samples: u64,
) -> Result<Setting, Problems> {
    let mut problems = Problems::default();
    let profile = project.load::<Validator>(Fixture::Validator, plan.file.profile.as_str());
    let profile = profile.map_err(|wrong| problems.add(&wrong)).ok().map(|profile| profile.settings);
    let mut images = BTreeMap::new();
    let named = plan.file.cards.iter().map(|issue| issue.image.clone());
    let named: BTreeSet<Name> = named.chain(plan.accounts(0).into_iter().map(|account| account.image)).collect();
    for name in named {
        let image = match project.load::<CardImage>(Fixture::Card, name.as_str()) {
            Ok(image) => image,
            Err(wrong) => {
                problems.add(&wrong);
                continue;
            }
        };
        match image.applications.first() {
            Some(application) => {
                images.insert(name, (application.account.pan.clone(), application.atc));
            }
            None => problems.push(Diagnostic::of_file(
                &project.file(Fixture::Card, name.as_str()),
                "this card has no application, so no rider can have it",
            )),
        }
    }
    problems.into_result(())?;
    let profile = profile.unwrap_or_default();
    Ok(Setting { plan, config, player, project: project.clone(), profile, images, folder, samples })
}

/// What a listener hears of the acquirer.
#[derive(Debug, Default)]
struct Hearing {
    day: Option<Date>,
    heard: Heard,
}

/// A worker with its bench.
pub(super) struct Worker<'a> {
    pub(super) setting: &'a Setting,
    pub(super) bench: Bench,
    pub(super) recorder: Recorder,
    pub(super) keys: Arc<Keys>,
    workshop: Workshop,
    heard: Arc<Mutex<Hearing>>,
}

impl<'a> Worker<'a> {
    /// Opens a bench.
    pub(super) async fn new(setting: &'a Setting) -> Result<Self, ReplayError> {
        let heard = Arc::<Mutex<Hearing>>::default();
        let hears = heard.clone();
        let listen: Listener =
            Box::new(move |event| hear(&mut hears.lock().unwrap_or_else(PoisonError::into_inner), event));
        // Account numbers of a replay are invented.
        let recorder = Recorder::start(None, Options { whole: true }, vec![listen]);
        let recorder = recorder.map_err(ReplayError::Recorder)?;
        let mut workshop = Workshop::new(&setting.project);
        // Problems of key files were reported when the cards were read.
        let keys = plan::keys(&mut workshop, &mut Problems::default());
        let bench = Bench::open(&setting.config, &recorder).await;
        let bench =
            bench.map_err(|source| ReplayError::Bench { what: "opening a bench".into(), source: Box::new(source) })?;
        Ok(Self { setting, bench, recorder, keys, workshop, heard })
    }

    /// The cards of a bus, each with its counter.
    pub(super) fn cards(&mut self, bus: usize) -> Result<Vec<Held>, ReplayError> {
        let name = self.setting.plan.buses[bus].name.clone();
        let wrong = |what: String| ReplayError::Incomplete { bus: name.clone(), what };
        let accounts = self.setting.plan.accounts(bus);
        let make = |account: &crate::plan::Account| {
            let (image, counter) =
                self.setting.image(&account.image).ok_or_else(|| wrong(format!("no card {}", account.image)))?;
            let mut problems = Problems::default();
            let card = self.workshop.card(account.image.as_str(), &account.changes(image), &mut problems);
            match card {
                Some(Ok(card)) => Ok(Held { card, counter: *counter }),
                Some(Err(error)) => Err(wrong(format!("a card from {}: {error}", account.image))),
                None => Err(wrong(format!("a card from {} can't be made", account.image))),
            }
        };
        accounts.iter().map(make).collect()
    }

    /// Says that what follows happens on this day.
    pub(super) fn day(&self, day: Date) {
        self.bench.scope().emit(taprig_model::event::Source::Rig, Body::Note { text: format!("{DAY}{day}") });
    }

    /// What the acquirer has told since the last call, apart from what the recorder has not passed on yet. Waiting for this would take
    /// some milliseconds each day.
    pub(super) fn heard(&self) -> Heard {
        let mut hearing = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut hearing.heard)
    }

    /// All that the acquirer has told since the last call.
    pub(super) fn all_heard(&self) -> Heard {
        self.recorder.flush();
        self.heard()
    }
}

/// A card with its transaction counter.
pub(super) struct Held {
    pub(super) card: Card,
    /// What its next transaction sends as 9F36.
    pub(super) counter: u16,
}

fn hear(hearing: &mut Hearing, event: &Event) {
    match &event.body {
        Body::Note { text } => {
            if let Some(Ok(day)) = text.strip_prefix(DAY).map(str::parse) {
                hearing.day = Some(day);
            }
        }
        Body::Acquirer { happened } => {
            let (Happened::Heard(message), Some(day)) = (&**happened, hearing.day) else { return };
            let heard = &mut hearing.heard;
            heard.claims.extend(message.claims.iter().map(|claim| DatedClaim { day, claim: claim.clone() }));
            let of_claim = [MessageKind::Ride, MessageKind::Advice, MessageKind::Reversal];
            if message.claims.is_empty() && message.message.is_some_and(|kind| of_claim.contains(&kind)) {
                heard
                    .not_taken
                    .push(format!("{day}: the acquirer does not take a message about a claim: {}", message.why));
            }
        }
        _ => {}
    }
}

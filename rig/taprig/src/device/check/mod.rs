//! Tries a device file on a bench: start, identity, settings, journal, a card that the device must accept, and one that
//! it must refuse. What the device says is compared with what its file says.
//!
//! A check does not judge the device: the suite does that. It tells whether the file describes the device, so that
//! verdicts of the suite can be relied on.

mod finding;
mod heard;
mod journal;
mod taps;

pub use finding::{Finding, Places, Report, Weight};

use std::collections::BTreeSet;

use taprig_bench::link::{LinkError, VALIDATOR_CONSOLE};
use taprig_bench::validator_side::ValidatorCapability;
use taprig_bench::{Bench, BenchError, Links, with_causes};
use taprig_card::Card;
use taprig_case::document::PathStep;
use taprig_model::device::{Device, Interface, claim};
use taprig_model::event::{Body, Event, Role, Source, Status};
use taprig_model::settings::{DenyEntry, Mode, Revocation, Settings};
use taprig_model::situation::Situation;
use taprig_model::units::{DateTime, Hex, Pan};
use taprig_record::Scope;

use crate::run::tap::TapPlayer;
use finding::{in_rules, way};
pub use taps::Words;

/// How far the clock of the device may be from the time that it was set to, in seconds. Setting the other settings takes
/// a moment.
const CLOCK: i64 = 60;

/// The number of lines that are reported at most.
const LINES: usize = 40;

/// States that cases know.
const STATES: [&str; 4] = ["ready", "clock-unset", "journal-full", "card-left"];

/// What is needed for a check.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The device file.
    pub device: &'a Device,
    /// The places in it.
    pub places: &'a Places,
    /// The state in which cards are tried.
    pub situation: &'a Situation,
    /// The words that cases use.
    pub words: &'a Words,
}

/// A card of a check.
pub struct TestCard {
    /// Its name for a person.
    pub name: String,
    /// The card.
    pub card: Card,
}

/// The cards of a check.
pub struct Cards {
    /// A card that the device must accept.
    pub good: TestCard,
    /// A card that the device must refuse.
    pub refused: TestCard,
}

/// A check in progress.
#[derive(Debug)]
pub struct Check<'a> {
    subject: Subject<'a>,
    report: Report,
    /// The settings that the device has in the end: those of the profile, and those that are fixed.
    settings: Settings,
    /// The commands that the device has answered, by their names in rules. Settings are not among them.
    asked: BTreeSet<&'static str>,
    /// Number of taps that were played to their end.
    taps: u32,
}

/// Whether a check goes on after a finding.
type GoesOn = bool;

impl<'a> Check<'a> {
    /// A check that has tried nothing yet.
    #[must_use]
    pub fn new(subject: Subject<'a>) -> Self {
        let settings = subject.situation.settings.overlaid(&subject.device.fixed.settings);
        Self { subject, report: Report::default(), settings, asked: BTreeSet::new(), taps: 0 }
    }

    fn add(&mut self, weight: Weight, way: &[PathStep], what: &str, help: &str) {
        self.report.findings.push(self.subject.places.finding(weight, way, what, help));
    }

    fn wrong(&mut self, way: &[PathStep], what: &str, help: &str) {
        self.add(Weight::Wrong, way, what, help);
    }

    fn note(&mut self, way: &[PathStep], what: &str, help: &str) {
        self.add(Weight::Note, way, what, help);
    }

    /// Takes over an error of the bench if it shows that the device contradicts its file. Every other error is given back: it is
    /// a fault of the rig.
    ///
    /// # Errors
    /// The error, if it says nothing about the file.
    pub fn explain(&mut self, error: BenchError) -> Result<(), BenchError> {
        let rules = matches!(self.subject.device.interface, Interface::Rules(_));
        // A device whose reply has no end by its file looks like one that does not answer.
        let error = match error {
            BenchError::Silent { role: Role::Validator, source } if rules => BenchError::Link(source),
            error => error,
        };
        let text = with_causes(&error);
        match error {
            BenchError::WrongBoard { role: Role::Validator, seen, wanted } => {
                let what = format!("the device says that it is {seen}, but the file says {wanted}");
                let help = "correct `identity`, or the patterns of the command `identity`; or check whether this is the right \
                            device";
                let fits = seen.starts_with(&format!("{} with ", self.subject.device.identity.device));
                self.wrong(&way(&["identity", if fits { "firmware" } else { "device" }]), &what, help);
            }
            // A device that says nothing may have no power.
            BenchError::NotReady { role: Role::Validator, ref why, .. }
                if rules && !why.contains("it sent nothing") =>
            {
                let help = "compare the patterns of `started`, `ready` and the prompt with what the device sent, or raise \
                            `deadlines.ready`";
                self.wrong(&in_rules(&["events"]), &text, help);
            }
            BenchError::Nonce { role: Role::Validator, ref seen } if rules => {
                let what = format!("the device was asked to repeat a text, and the pattern found `{seen}`");
                self.wrong(&in_rules(&["commands", "echo", "lines"]), &what, "correct `lines` of the command `echo`");
            }
            BenchError::Link(LinkError::Deadline { from, .. }) if rules && from == VALIDATOR_CONSOLE => {
                let help = "no line matched the end of the reply: compare `replies`, or `ok` and `error` of the command, with \
                            the lines in the brackets; or raise `deadlines.reply`";
                self.wrong(&in_rules(&["replies"]), &text, help);
            }
            BenchError::Link(ref unexplained @ LinkError::Unexplained { place, .. }) => {
                let place: Vec<&str> = place.split('.').collect();
                self.wrong(&way(&place), &text, unexplained.advice().unwrap_or_default());
            }
            BenchError::Link(LinkError::Refused { ref what, from, ref why }) if from == VALIDATOR_CONSOLE => {
                let what = format!("the device refuses `{what}`: {why}");
                let place = self.sender(&what);
                self.wrong(&place, &what, "correct the command, or remove it if the device does not have it");
            }
            error => return Err(error),
        }
        self.report.untried("what comes after this step");
        Ok(())
    }

    /// The command whose line this message quotes, as far as it can be told by its first word.
    fn sender(&self, message: &str) -> Vec<PathStep> {
        let Interface::Rules(rules) = &self.subject.device.interface else { return way(&["interface"]) };
        let begins = |send: &str| {
            let beginning = send.split('{').next().unwrap_or_default().trim();
            !beginning.is_empty() && message.contains(&format!("`{beginning}"))
        };
        let named = rules.commands.all().into_iter().find(|(_, command)| begins(&command.send.to_string()));
        if let Some((name, _)) = named {
            return in_rules(&["commands", name, "send"]);
        }
        let mut place = in_rules(&["settings"]);
        if let Some(index) = rules.settings.iter().position(|command| begins(&command.send.to_string())) {
            place.extend([PathStep::from(index), PathStep::from("send")]);
        }
        place
    }

    /// Tries everything on a bench whose device has started and has said who it is. Events of the taps go to `scope`.
    ///
    /// # Errors
    /// The rig failed. What contradicts the file is no error.
    pub async fn play(&mut self, bench: &mut Bench, cards: &mut Cards, scope: &Scope) -> Result<(), BenchError> {
        let identity = &self.subject.device.identity;
        self.report.tried("power on and start");
        self.report.tried(format!("identity: {} with {}", identity.device, identity.firmware));
        self.asked.insert("identity");
        match self.steps(bench, cards, scope).await {
            Ok(()) => {}
            Err(error) => self.explain(ended(bench, error))?,
        }
        bench.hear_out();
        let lost = bench.take_lost();
        if lost > 0 {
            return Err(BenchError::Lost { notes: lost });
        }
        let matched = bench.links().map_or_else(BTreeSet::new, |links| links.validator.matched());
        self.rules(&matched);
        Ok(())
    }

    async fn steps(&mut self, bench: &mut Bench, cards: &mut Cards, scope: &Scope) -> Result<(), BenchError> {
        if !self.settings_taken(bench).await? {
            self.report.untried("journal and cards, because the device refuses settings");
            return Ok(());
        }
        let nonce = std::process::id().to_be_bytes().repeat(2).try_into().unwrap_or_default();
        bench.situate(self.subject.situation, nonce).await?;
        self.report.tried("the state in which a case begins");
        self.asked.insert("echo");
        let fare = self.fare();
        let modelled = bench.is_modelled();
        let Some(links) = bench.links() else { return Ok(()) };
        self.empty_journal(links, "at the beginning of a case").await?;
        tap(links, 1, &mut cards.good, modelled, scope).await?;
        self.taps = 1;
        self.report.tried(format!("a card that it must accept: {}", cards.good.name));
        let recorded = match taps::refused(&scope.events()) {
            true => {
                self.report.untried("the record of a ride, because the device refused the card");
                false
            }
            false => self.recorded(links, fare).await?,
        };
        tap(links, 2, &mut cards.refused, modelled, scope).await?;
        self.taps = 2;
        self.report.tried(format!("a card that it must refuse: {}", cards.refused.name));
        if recorded {
            self.emptied(links).await?;
        }
        Ok(())
    }

    /// What a ride costs, in fen. `None` if it is not known, or if a discount applies.
    fn fare(&self) -> Option<u64> {
        self.settings.fare.filter(|fare| fare.discount.0 == 0 && !fare.one_cent).map(|fare| fare.flat.fen)
    }

    /// Sends every setting once, and reads back what the status tells.
    async fn settings_taken(&mut self, bench: &mut Bench) -> Result<GoesOn, BenchError> {
        let device = self.subject.device;
        if device.interface.operator().is_some() {
            return Ok(true);
        }
        let mut wanted = device.fixed.tellable(&self.subject.situation.settings);
        if let Interface::Rules(rules) = &device.interface {
            wanted = rules.initial.overlaid(&wanted);
        }
        // Lists are empty at the beginning of a case, so the commands that fill them would not be tried.
        let empty = |list: Option<usize>, claim: &str| list == Some(0) && device.claims(claim);
        if empty(wanted.deny_list.as_ref().map(Vec::len), "exception-file") {
            wanted.deny_list = Some(denied());
        }
        if empty(wanted.revoked.as_ref().map(Vec::len), "revocation-list") {
            wanted.revoked = Some(vec![revoked()]);
        }
        let keys = if wanted.keys.is_some() { self.subject.situation.keys.clone() } else { vec![] };
        let Some(links) = bench.links() else { return Ok(false) };
        let applied = links.validator.apply(&wanted, &keys).await?;
        let mut accepted = 0;
        let mut goes_on = true;
        for setting in &applied {
            let key = setting.what.split(' ').next().unwrap_or_default();
            match &setting.refused {
                None => accepted += 1,
                Some(why) => {
                    let what = format!("the device refuses the setting `{}`: {why}", setting.what);
                    let place = finding::setting(device, key);
                    self.wrong(
                        &place,
                        &what,
                        "correct the command, or put the setting under `fixed` with the value it has",
                    );
                    goes_on = false;
                }
            }
        }
        self.report.tried(format!("settings: the device accepted {accepted} of {}", applied.len()));
        if links.validator.capabilities().contains(&ValidatorCapability::Status) {
            let (status, _) = links.validator.status().await?;
            self.asked.insert("status");
            self.read_back(&wanted, &status);
            self.report.tried("status");
        }
        Ok(goes_on)
    }

    /// Compares the status with the settings that were sent.
    fn read_back(&mut self, wanted: &Settings, status: &Status) {
        let rules = matches!(self.subject.device.interface, Interface::Rules(_));
        let place = if rules { in_rules(&["commands", "status"]) } else { way(&["claims", claim::STATUS]) };
        let told = if rules { in_rules(&["words", "told"]) } else { place.clone() };
        match status.state.as_deref() {
            None => self.wrong(&place, "the status tells no state", "add a pattern with the group `state`"),
            Some(state) if !STATES.contains(&state) => {
                let what = format!("the status tells the state `{state}`, which is no word of cases");
                self.wrong(&told, &what, &format!("map it under `words.told.state` to one of: {}", STATES.join(", ")));
            }
            Some("clock-unset") if wanted.clock.is_some() => {
                let place = finding::setting(self.subject.device, "clock");
                let help = "check the form of the time in `forms.time`, and the command `clock`";
                self.wrong(&place, "the clock was set, but the status says that it is unset", help);
            }
            Some(_) => {}
        }
        if let (Some(wanted), Some(seen)) = (wanted.capacity, status.capacity)
            && wanted != seen
        {
            let what = format!("the capacity was set to {wanted}, but the status tells {seen}");
            let place = finding::setting(self.subject.device, "capacity");
            self.wrong(&place, &what, "correct the command for `capacity`, or the pattern of the status");
        }
        if let (Some(wanted), Some(seen)) = (wanted.clock, &status.clock)
            && !seen.parse::<DateTime>().is_ok_and(|seen| near(wanted, seen))
        {
            let what = format!("the clock was set to {wanted}, but the status tells `{seen}`");
            let place = finding::setting(self.subject.device, "clock");
            self.wrong(&place, &what, "correct `forms.time`, the command `clock`, or the pattern of the status");
        }
    }

    /// Ends the check. `events` are all events of the bench, masked.
    #[must_use]
    pub fn finish(mut self, events: &[Event], cards: &Cards) -> Report {
        self.taps(events, cards);
        for line in crate::display::noise(events) {
            if !self.report.unexplained.iter().any(|known| known == line) && self.report.unexplained.len() < LINES {
                self.report.unexplained.push(line.to_owned());
            }
        }
        self.report
    }
}

/// If a link broke because its board has ended, the board is to blame.
fn ended(bench: &mut Bench, error: BenchError) -> BenchError {
    crate::run::sub_case::why(bench, error)
}

/// Cards of no test, with and without a sequence number.
fn denied() -> Vec<DenyEntry> {
    let pan = "6229900980000005".parse().ok();
    pan.into_iter().flat_map(|pan: Pan| [None, Some(7)].map(|psn| DenyEntry { pan: pan.clone(), psn })).collect()
}

/// A certificate of no test.
fn revoked() -> Revocation {
    Revocation { rid: Hex(vec![0xA0, 0, 0, 3, 0x33]), index: Hex(vec![0xF0]), serial: Hex(vec![0, 0, 1]) }
}

/// Whether a clock that was set to `set` may show `seen` now.
fn near(set: DateTime, seen: DateTime) -> bool {
    let civil = |time: DateTime| {
        let small = |number: u8| i8::try_from(number).unwrap_or_default();
        let date = (i16::try_from(time.year).unwrap_or_default(), small(time.month), small(time.day));
        jiff::civil::date(date.0, date.1, date.2).at(small(time.hour), small(time.minute), small(time.second), 0)
    };
    (-1..=CLOCK).contains(&civil(seen).duration_since(civil(set)).as_secs())
}

async fn tap(
    links: &mut Links,
    number: u32,
    card: &mut TestCard,
    modelled: bool,
    scope: &Scope,
) -> Result<(), BenchError> {
    scope.emit(Source::Rig, Body::StepStarted { number, step: "tap".into() });
    let TestCard { name, card } = card;
    let tap = TapPlayer::plain(number, name, card, modelled);
    tap.play(links, scope).await.map(drop)
}

/// Whether these settings let a device approve a card without an issuer.
fn approves(settings: &Settings, device: &Device) -> bool {
    settings.mode != Some(Mode::Online) || device.claims("online")
}

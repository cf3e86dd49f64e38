//! What must hold whenever the power was cut, and what must hold in the end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use taprig_model::acquirer::MessageKind;
use taprig_model::acquirer::log::{Heard, State};
use validator::journal::claims::Claim;
use validator::journal::{Purpose, Record};
use validator::store::settings::Settings;
use validator::store::{Found, Store};

use super::super::board::{Bench, Desk};
use super::super::play::Act;
use super::super::riders::Rider;
use super::Scene;
use super::scenarios::{AUTHORITIES, Scenario, rid};

type Cryptogram = [u8; 8];

/// What a scenario promises.
pub(super) struct Model<'a> {
    pub(super) scenario: &'a Scenario,
    /// The first act in which the power is cut.
    pub(super) first_act: usize,
    /// What the memory keeps before that act, and after it and each act behind it, in a play without a cut.
    marks: Vec<Kept>,
    /// For a look into a memory.
    desk: Rc<RefCell<Desk>>,
}

/// What a memory holds.
struct Contents {
    found: Found,
    records: Vec<(Record, Claim)>,
    kept: Kept,
}

/// What a command of the crew changes, whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    settings: Settings,
    /// Indices of the authorities whose keys are there.
    keys: Vec<u8>,
    /// The riders who are barred.
    barred: Vec<usize>,
    version: u32,
    revoked: bool,
    /// Rules of the fare policy, and whether they are in force.
    fares: (usize, bool),
    rides: u32,
}

impl Kept {
    /// The same without the name of the settings, which is forgotten before anything changes.
    fn unnamed(&self) -> Self {
        let mut kept = self.clone();
        kept.settings.profile.clear();
        kept
    }
}

impl Contents {
    fn of(memory: &[u8], riders: &[Rider], desk: &Rc<RefCell<Desk>>) -> Self {
        // A bench of its own, as a start may write.
        let bench = Bench::new(memory.to_vec(), desk);
        let (store, found) = Store::open(&bench);
        let journal = store.journal();
        let records = (0..journal.count).filter_map(|at| Some((store.record(at)?, store.claim(at)))).collect();
        let barred = |rider: &Rider| {
            let pan = kernel::Pan::from_digits(&rider.account).unwrap();
            store.denied(&pan, rider.sequence)
        };
        let kept = Kept {
            settings: store.settings().clone(),
            keys: AUTHORITIES
                .into_iter()
                .map(|(index, _)| index)
                .filter(|index| store.ca_key(&rid(), *index).is_some())
                .collect(),
            barred: (0..riders.len()).filter(|at| barred(&riders[*at])).collect(),
            version: store.deny_version(),
            revoked: store.revoked(&rid(), 0xE3, &[1, 2, 3]),
            fares: (store.rules().count(), !store.policy().is_flat()),
            rides: journal.count,
        };
        Self { found, records, kept }
    }
}

/// What the host has of a ride.
#[derive(Debug, Default)]
struct Booked {
    /// The traces of its messages.
    traces: BTreeSet<u32>,
    /// The states of its claims.
    states: Vec<State>,
    /// What the bank pays, in fen.
    fen: u64,
}

/// The cryptogram and the trace of a claim's message.
fn claim_of(heard: &Heard) -> Option<(Cryptogram, u32)> {
    let field =
        |number| heard.request.fields.iter().find(|field| field.number == number).map(|field| field.value.as_str());
    let trace = field(11)?.parse().ok()?;
    let (_, rest) = field(55)?.split_once("9F26 ")?;
    let digits = rest.get(..16)?;
    let bytes: Vec<u8> = (0..8).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect();
    Some((bytes.try_into().ok()?, trace))
}

/// All that the host has, by cryptogram.
fn booked(scene: &Scene) -> Result<BTreeMap<Cryptogram, Booked>, String> {
    let rides =
        scene.desk.heard.iter().filter(|heard| matches!(heard.message, Some(MessageKind::Ride | MessageKind::Advice)));
    let mut booked = BTreeMap::<_, Booked>::new();
    let mut by_trace = BTreeMap::new();
    for heard in rides {
        let (cryptogram, trace) = claim_of(heard).ok_or("a claim without cryptogram or trace")?;
        booked.entry(cryptogram).or_default().traces.insert(trace);
        if by_trace.insert(trace, cryptogram).is_some_and(|other| other != cryptogram) {
            return Err(format!("trace {trace} stands for two rides"));
        }
    }
    for (_, _, trace, claim) in scene.desk.host.claims() {
        let cryptogram = by_trace.get(&trace).ok_or_else(|| format!("the host has claim {trace} from nowhere"))?;
        let ride = booked.entry(*cryptogram).or_default();
        ride.states.push(claim.state);
        if claim.state == State::Accepted {
            ride.fen += claim.fen;
        }
    }
    Ok(booked)
}

impl<'a> Model<'a> {
    /// The model of a scenario of which the memory held this before its first act, and after it and each act behind it.
    pub(super) fn new(scenario: &'a Scenario, first_act: usize, memories: &[Vec<u8>], riders: &[Rider]) -> Self {
        let desk = super::super::proper();
        let marks = memories.iter().map(|memory| Contents::of(memory, riders, &desk).kept).collect();
        Self { scenario, first_act, marks, desk }
    }

    /// What must hold as soon as the power was cut, before anything is tried again.
    pub(super) fn holds(&self, scene: &Scene) -> Result<(), String> {
        let riders = &scene.play.riders;
        let now = Contents::of(&scene.chip.borrow(), riders, &self.desk);
        let host = booked(scene)?;
        let is_first_start = self.scenario.before.is_empty() && self.first_act == scene.play.at();
        if now.found != Found::Good && !(is_first_start && now.found == Found::Fresh) {
            return Err(format!("the settings are {:?}", now.found));
        }
        let recorded: BTreeSet<Cryptogram> = now.records.iter().map(|(record, _)| record.cryptogram).collect();
        if recorded.len() != now.records.len() {
            return Err("a ride is in the journal twice".into());
        }
        for tap in scene.play.taps.iter().filter(|tap| tap.gate) {
            let signed = tap.signed.ok_or("the gate opened for a card that signed nothing")?;
            let is_kept = |signed: Cryptogram| {
                recorded.contains(&signed) || host.get(&signed).is_some_and(|ride| !ride.states.is_empty())
            };
            // A card that paid at a tap before the power was cut rides on what it signed then.
            let pays = matches!(scene.play.acts()[tap.act], Act::Tap { rider, .. } if self.scenario.pay_in_tap.contains(&rider));
            let mut before = scene.play.taps.iter().filter(|other| pays && other.act == tap.act);
            if !is_kept(signed) && !before.any(|other| other.signed.is_some_and(is_kept)) {
                return Err("the gate opened, but the ride is lost".into());
            }
        }
        let accepted =
            |record: &Record| host.get(&record.cryptogram).is_some_and(|ride| ride.states.contains(&State::Accepted));
        let has_paid_debt = |owes: &Record| {
            let is_for = |record: &Record| record.purpose == Purpose::Debt && record.pan == owes.pan;
            now.records.iter().any(|(record, _)| is_for(record) && accepted(record))
        };
        for (record, claim) in &now.records {
            let at_host = host.get(&record.cryptogram);
            let is = |state: State| at_host.is_some_and(|ride| ride.states.contains(&state));
            let bars = || {
                let rider = riders.iter().position(|rider| record.pan() == kernel::Pan::from_digits(&rider.account));
                rider.is_some_and(|rider| now.kept.barred.contains(&rider))
            };
            match claim {
                Claim::Waiting if at_host.is_some() => {
                    return Err(format!("claim {} was sent, but the journal says that it was not", record.trace));
                }
                Claim::Accepted { .. } if !is(State::Accepted) => {
                    return Err(format!(
                        "claim {} counts as accepted, but the host has accepted nothing",
                        record.trace
                    ));
                }
                Claim::Refused { .. } if !is(State::Refused) => {
                    return Err(format!("claim {} counts as refused, but the host has refused nothing", record.trace));
                }
                Claim::Refused { .. } if !bars() && !has_paid_debt(record) => {
                    return Err(format!("claim {} is refused, but its card is not barred", record.trace));
                }
                _ => {}
            }
        }
        self.keeps(scene, &now.kept)
    }

    /// Lists and commands are there whole or not at all.
    fn keeps(&self, scene: &Scene, now: &Kept) -> Result<(), String> {
        if let Some(rider) = self.scenario.always_barred.iter().find(|rider| !now.barred.contains(rider)) {
            return Err(format!("rider {rider} is not barred for a while"));
        }
        let Some(act) = scene.play.acts().get(scene.play.at()) else { return Ok(()) };
        let [Some(old), Some(new)] = [0, 1].map(|behind| self.marks.get(scene.play.at() - self.first_act + behind))
        else {
            return Ok(());
        };
        match act {
            Act::Say(command) => {
                let unnamed = [old.unnamed(), new.unnamed()];
                if ![old, new, &unnamed[0], &unnamed[1]].contains(&now) {
                    return Err(format!("`{command}` was carried out in part: {now:?} is neither {old:?} nor {new:?}"));
                }
            }
            Act::Work("download deny")
                if ![old, new].map(|kept| (&kept.barred, kept.version)).contains(&(&now.barred, now.version)) =>
            {
                return Err(format!(
                    "the deny list is neither the old nor the new one: {:?}, version {}",
                    now.barred, now.version
                ));
            }
            Act::Work(_) | Act::Hear(_) | Act::Tap { .. } => {}
        }
        Ok(())
    }

    /// What must hold when the play is over.
    pub(super) fn ends(&self, scene: &Scene) -> Result<(), String> {
        self.holds(scene)?;
        let host = booked(scene)?;
        // What each rider rode for, in fen, and all rides.
        let (mut rode, mut all) = (BTreeMap::<usize, u64>::new(), 0);
        let mut paid = 0;
        let mut due = 0;
        for (number, act) in scene.play.acts().iter().enumerate() {
            let Act::Tap { rides, rider } = *act else { continue };
            let taps: Vec<_> = scene.play.taps.iter().filter(|tap| tap.act == number).collect();
            if rides == 0 && !self.scenario.holds && taps.iter().any(|tap| tap.gate) {
                return Err(format!("act {number}: the gate opened for a rider who was to be refused"));
            }
            let claimed: Vec<_> = taps.iter().filter_map(|tap| host.get(&tap.signed?)).collect();
            // Another card has ended the re-tap time. If the power is lost before the card pays, the validator does not know
            // that any more, and tells the rider that the ride is paid. Nothing is lost: the card has not paid.
            let again = |act: &Act| matches!(act, Act::Tap { rides: 1, rider: other } if *other == rider);
            let may_wait = self.scenario.pay_in_tap.contains(&rider) && scene.play.acts()[..number].iter().any(again);
            let rides = if may_wait { claimed.len().min(rides) } else { rides };
            all += rides;
            if claimed.len() != rides {
                return Err(format!("act {number}: {} rides are claimed, and not {rides}", claimed.len()));
            }
            for ride in claimed {
                if ride.traces.len() != 1 || ride.states.len() != 1 {
                    return Err(format!("act {number}: the ride is claimed more than once: {ride:?}"));
                }
                if ride.states[0] == State::Waiting {
                    return Err(format!("act {number}: the host has not decided"));
                }
                paid += ride.fen;
                *rode.entry(rider).or_insert(0) += self.scenario.fare(number, scene.play.acts());
                due +=
                    if ride.states[0] == State::Accepted { self.scenario.fare(number, scene.play.acts()) } else { 0 };
            }
        }
        for rider in self.scenario.pay_in_tap {
            let holds = |riders: &[Rider]| riders[*rider].card.balance().map(|money| money.fen);
            let (new, now) = (holds(&super::super::riders::riders()), holds(&scene.play.riders));
            let rode = rode.get(rider).copied().unwrap_or_default();
            if new.map(|new| new - rode) != now {
                return Err(format!("rider {rider} had {new:?} fen, rode for {rode}, and has {now:?}"));
            }
        }
        if paid != due {
            return Err(format!("the bank pays {paid} fen, and the rides cost {due}"));
        }
        if host.len() != all {
            return Err(format!("the host has {} rides, and there were {all}", host.len()));
        }
        let contents = Contents::of(&scene.chip.borrow(), &scene.play.riders, &self.desk);
        if let Some((record, claim)) = contents.records.iter().find(|(_, claim)| !claim.is_decided()) {
            return Err(format!("the claim {} is {}", record.trace, claim.slug()));
        }
        Ok(())
    }
}

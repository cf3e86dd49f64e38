//! The life of one bus: taps by day; in the evening claims, and journal and claims into the ledger.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use taprig_acquirer::{Host, Setup};
use taprig_bench::link::LinkError;
use taprig_bench::validator_side::{JournalPage, ValidatorCapability, ValidatorSide, WORK, work_ends};
use taprig_bench::{BenchError, Links};
use taprig_books::time::Moment;
use taprig_model::acquirer::keys::Keys;
use taprig_model::acquirer::log::State;
use taprig_model::acquirer::rules::Rules;
use taprig_model::acquirer::{Work, WorkResult};
use taprig_model::books::journal::Ride;
use taprig_model::books::{Fen, Label, SixDigits};
use taprig_model::event::{JournalRow, ReadyAgain, Signal, Word};
use taprig_model::settings::{Fare, Settings};
use taprig_model::units::DateTime;
use taprig_record::Scope;

use super::ledger::Ledger;
use super::run::Watch;
use super::watch::Watched;
use super::worker::{Held, Worker};
use crate::books::{BusBooks, Sample};
use crate::error::ReplayError;
use crate::plan::{Account, Bus, Kind, Nature, Plan, PlannedDay, PlannedTap, Uplink};
use crate::sample;

/// A ride is dated by the validator's clock, which runs on while the machine is busy. It may be this much later than planned, in
/// seconds. No other tap of a plan is as near.
const LATE: i64 = 2;

/// What an issuer answers to a claim that it refuses: not enough money.
const REFUSED: &str = "51";

/// How long the validator waits for an answer, and how often it asks. A line that is lost costs this time, so it is short then.
const PATIENT: (u64, u32) = (15, 3);
const IMPATIENT: (u64, u32) = (1, 1);

/// Why a bus is not done.
pub(super) enum Failed {
    /// The machine was too slow or too busy. The bus can be played again.
    Again(String),
    /// The replay can't go on.
    Error(ReplayError),
    /// Somebody has stopped it.
    Stopped,
}

impl From<ReplayError> for Failed {
    fn from(error: ReplayError) -> Self {
        Self::Error(error)
    }
}

/// A ride that was charged and whose claim is not decided yet.
struct Open {
    at: DateTime,
    card: usize,
    fen: u64,
}

/// The bus in play.
struct Life<'w, 'a> {
    worker: &'w mut Worker<'a>,
    bus: &'a Bus,
    accounts: Vec<Account>,
    cards: Vec<Held>,
    ledger: Ledger<'a>,
    open: VecDeque<Open>,
    /// Rides that were charged so far.
    charged: u64,
    /// The fare that the validator has.
    fare: Option<Fare>,
    /// Numbers of rides that are played again as cases, in descending order.
    samples: Vec<u64>,
}

impl<'a> Worker<'a> {
    /// Plays a bus from its first day to its last, and writes its books.
    /// `counted` is how many of its rides `watch` has heard of.
    pub(super) async fn play(
        &mut self,
        number: usize,
        watch: &Watch<'_>,
        counted: &mut u64,
    ) -> Result<BusBooks, Failed> {
        let setting = self.setting;
        let (plan, bus) = (&setting.plan, &setting.plan.buses[number]);
        let cards = self.cards(number)?;
        let accounts = plan.accounts(number);
        let samples = samples(plan, bus, setting.samples);
        let (ledger, open) = (Ledger::open(plan, bus, &setting.folder)?, VecDeque::new());
        let mut life = Life { worker: &mut *self, bus, accounts, cards, ledger, open, charged: 0, fare: None, samples };
        life.begin(plan).await?;
        for day in plan.days(number) {
            life.day(&day, watch).await?;
            let rides = day.taps.iter().filter(|tap| tap.kind == Kind::Ride).count() as u64;
            *counted += rides;
            watch.day(rides);
        }
        life.end().await?;
        let mut ledger = life.ledger;
        self.bench.acquirer_ends().map_err(|source| failed(bus, "ending the acquirer's log", source))?;
        if self.bench.take_lost() > 0 {
            return Err(Failed::Again("notes of the card emulator were lost".into()));
        }
        ledger.evening(&[], self.all_heard())?;
        Ok(ledger.close()?)
    }
}

impl Life<'_, '_> {
    /// Brings the boards into the state of a device from the factory, with the settings of the bus, and gets the deny list.
    async fn begin(&mut self, plan: &Plan) -> Result<(), Failed> {
        let (bus, worker) = (self.bus, &mut *self.worker);
        let failed = |what: &'static str| move |source| failed(bus, what, source);
        let emptied = worker.bench.renew().await.map_err(failed("switching the boards on"))?;
        if !emptied {
            let what = "the validator of the bench can't get an empty memory; take the bench `sim`".into();
            return Err(ReplayError::Incomplete { bus: bus.name.clone(), what }.into());
        }
        let settings = worker.setting.profile.overlaid(&of_bus(bus));
        let first = bus.days.first().map(|day| Settings { fare: Some(day.fare), ..Settings::default() });
        let settings = settings.overlaid(&first.unwrap_or_default());
        let situation = worker.keys.situation(&settings);
        let nonce = (bus.number as u64 + 1).to_be_bytes();
        worker.bench.situate(&situation, nonce).await.map_err(failed("setting the validator up"))?;
        let pan = |account: &Account| Some(account.pan(&worker.setting.image(&account.image)?.0).digits().to_owned());
        let host = Host::new(Setup::new(Keys::published()), rules(plan, bus, &self.accounts, pan));
        // An attempt that has failed may have left something.
        worker.all_heard();
        worker.bench.acquirer_begins(host.forgetting_closed_batches());
        if let Some(day) = bus.days.first() {
            worker.day(day.day);
        }
        if self.accounts.iter().any(|account| account.nature == Nature::Denied) {
            self.work(Work::DenyList, WorkResult::Done).await?;
        }
        Ok(())
    }

    async fn day(&mut self, day: &PlannedDay, watch: &Watch<'_>) -> Result<(), Failed> {
        self.worker.day(day.day);
        if self.fare != Some(day.fare) {
            self.apply(&Settings { fare: Some(day.fare), ..Settings::default() }).await?;
            self.fare = Some(day.fare);
        }
        for tap in &day.taps {
            if watch.is_stopped() {
                return Err(Failed::Stopped);
            }
            self.tap(day, tap).await?;
        }
        let mut rides = Vec::new();
        if day.uplink == Uplink::Works {
            self.work(Work::Settle, WorkResult::Done).await?;
            rides = self.export().await?;
            self.clear().await?;
        } else {
            self.be(IMPATIENT).await?;
            self.work(Work::Upload, WorkResult::Failed).await?;
            self.be(PATIENT).await?;
        }
        Ok(self.ledger.evening(&rides, self.worker.heard())?)
    }

    async fn tap(&mut self, day: &PlannedDay, tap: &PlannedTap) -> Result<(), Failed> {
        self.apply(&Settings { clock: Some(tap.at), ..Settings::default() }).await?;
        let sampled = tap.kind == Kind::Ride && self.samples.last() == Some(&(self.charged + 1));
        let scope = self.worker.recorder.scope().case("tap");
        let (bus, setting) = (self.bus, self.worker.setting);
        let account = &self.accounts[tap.card];
        let counter = self.cards[tap.card].counter;
        let links = links(&mut self.worker.bench, bus)?;
        let held = &mut self.cards[tap.card];
        let played = setting.player.tap(links, &scope, account.image.as_str(), &mut held.card).await;
        match played.map_err(|source| failed(bus, "playing a tap", source))? {
            ReadyAgain::InTime => {}
            ReadyAgain::Restarted => self.ledger.differs(|| format!("{}: the validator started again", tap.at)),
            ReadyAgain::Not | ReadyAgain::NotSeen => {
                return Err(Failed::Again(format!("the validator was not ready again in time at {}", tap.at)));
            }
        }
        let events = scope.events();
        let seen = Watched::of(&events);
        if seen.air_dead {
            return Err(Failed::Again(format!("the card side did not answer in time at {}", tap.at)));
        }
        held.counter = held.counter.wrapping_add(u16::try_from(seen.answered).unwrap_or(0));
        *self.ledger.taps.entry(tap.kind).or_default() += 1;
        self.ledger.gpos.cards += seen.gpos;
        self.ledger.authentications.cards += seen.answered;
        if let Some(what) = seen.differs(tap.kind, day.fare) {
            let kind = tap.kind.word();
            self.ledger.differs(|| format!("{} {kind}: {what}", tap.at));
        }
        if let Some(fen) = seen.charged {
            self.charged += 1;
            self.open.push_back(Open { at: tap.at, card: tap.card, fen });
        }
        if sampled {
            self.samples.pop();
            self.sample(day, tap, counter, &scope);
        }
        Ok(())
    }

    /// Keeps what a case needs to play this ride again.
    fn sample(&mut self, day: &PlannedDay, tap: &PlannedTap, counter: u16, scope: &Scope) {
        let account = &self.accounts[tap.card];
        let Some((image, _)) = self.worker.setting.image(&account.image) else { return };
        let settings = of_bus(self.bus);
        let settings = Settings { fare: Some(day.fare), clock: Some(tap.at), ..settings };
        let mut changes = serde_json::json!(account.changes(image));
        if let Some(changes) = changes.as_array_mut() {
            let value = format!("{counter:04X}");
            changes.push(serde_json::json!({ "set": { "object": "9F36", "value": value } }));
        }
        self.ledger.samples.push(Sample {
            name: format!("{} ride {}", self.bus.name, self.charged),
            settings: serde_json::json!(settings),
            card: account.image.to_string(),
            changes,
            twice: account.phone,
            transcript: sample::transcript(&scope.events()),
        });
    }

    /// Tells the validator to do something with its acquirer, and waits for the end of it.
    async fn work(&mut self, work: Work, wanted: WorkResult) -> Result<(), Failed> {
        let bus = self.bus;
        let what = |source: LinkError| failed(bus, "working with the acquirer", source.into());
        let links = links(&mut self.worker.bench, bus)?;
        if let Some(why) = links.validator.uplink(work).await.map_err(what)? {
            self.ledger.differs(|| format!("the validator refuses the work {work}: {why}"));
            return Ok(());
        }
        let ended = work_ends(&mut *links.validator, work, |signal, said, _| {
            match signal {
                Signal::Uplink { work: Word::Known(told), result } if told == work && result != Word::Known(wanted) => {
                    let day = bus.days.first().map(|day| day.day.to_string()).unwrap_or_default();
                    self.ledger.differs(|| format!("the work {work} of a bus that begins on {day} ended with {said}"));
                }
                Signal::Started {} => self.ledger.differs(|| format!("the validator started again at the work {work}")),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        if ended.await.map_err(what)? {
            return Ok(());
        }
        Err(Failed::Again(format!("the work {work} did not end within {} s", WORK.as_secs())))
    }

    /// Reads the journal: all rides since it was cleared.
    async fn export(&mut self) -> Result<Vec<Ride>, Failed> {
        let bus = self.bus;
        let failed = |source: LinkError| failed(bus, "reading the journal", source.into());
        let validator = &mut links(&mut self.worker.bench, bus)?.validator;
        let JournalPage { rows, .. } = validator.journal(1).await.map_err(failed)?;
        if rows.len() != self.open.len() {
            let charged = self.open.len();
            self.ledger.differs(|| format!("the journal has {} rides, and {charged} were charged", rows.len()));
        }
        let before = self.charged - self.open.len() as u64;
        let mut rides = Vec::with_capacity(rows.len());
        for (number, row) in (before + 1..).zip(&rows) {
            let open = self.open.pop_front();
            let open = open.as_ref();
            match self.ride(number, row, open) {
                Ok(ride) => rides.push(ride),
                Err(Odd::Late(what)) => return Err(Failed::Again(what)),
                Err(Odd::Wrong(what)) => self.ledger.differs(|| format!("record {number} of the journal: {what}")),
            }
        }
        self.open.clear();
        Ok(rides)
    }

    /// A record as the books have it. The validator's clock may have run on for a moment before the ride was dated.
    fn ride(&self, number: u64, row: &JournalRow, open: Option<&Open>) -> Result<Ride, Odd> {
        let wrong = |what: &str| Odd::Wrong(what.to_owned());
        let fen = row.charged.ok_or_else(|| wrong("no amount"))?;
        let time: DateTime = row.time.as_deref().and_then(|time| time.parse().ok()).ok_or_else(|| wrong("no time"))?;
        let (mut at, mut product) = (time, None);
        if let Some(open) = open {
            match seconds(time) - seconds(open.at) {
                0..=LATE => at = open.at,
                late if late > LATE => {
                    return Err(Odd::Late(format!("the ride of {} was dated {late} s late", open.at)));
                }
                _ => return Err(wrong(&format!("it is dated {time}, before its tap at {}", open.at))),
            }
            if fen != open.fen {
                return Err(wrong(&format!("{fen} fen, and {} were charged", open.fen)));
            }
            product = Some(self.accounts[open.card].product.clone());
        }
        let state = match row.claim.as_deref() {
            Some("accepted") => State::Accepted,
            Some("refused") => State::Refused,
            _ => State::Waiting,
        };
        // A ride that was never sent has no batch yet. Its trace is its number.
        let (batch, trace) = (row.batch.unwrap_or(0), row.trace.or_else(|| u32::try_from(number).ok()).unwrap_or(0));
        let six = |number: u32| SixDigits::try_from(number).map_err(|_| wrong("a number has more than 6 digits"));
        Ok(Ride {
            merchant: self.bus.merchant.clone(),
            terminal: self.bus.terminal.parse().map_err(|_| wrong("no terminal"))?,
            batch: six(batch)?,
            trace: six(trace)?,
            time: at,
            line: row.line.as_deref().and_then(|line| line.parse::<Label>().ok()),
            bus: self.bus.name.parse().ok(),
            product,
            amount_fen: Fen::try_from(fen).map_err(|_| wrong("an amount that no book takes"))?,
            state,
            code: row.code.as_deref().and_then(|code| code.parse().ok()),
        })
    }

    async fn clear(&mut self) -> Result<(), Failed> {
        let bus = self.bus;
        let validator = &mut links(&mut self.worker.bench, bus)?.validator;
        let refused = validator.clear_journal().await;
        let refused = refused.map_err(|source| failed(bus, "clearing the journal", source.into()))?;
        if let Some(why) = refused {
            self.ledger.differs(|| format!("the journal is not cleared: {why}"));
        }
        Ok(())
    }

    /// The last journal, and what the validator has counted.
    async fn end(&mut self) -> Result<(), Failed> {
        let rides = self.export().await?;
        self.ledger.evening(&rides, self.worker.heard())?;
        let bus = self.bus;
        let validator: &mut Box<dyn ValidatorSide> = &mut links(&mut self.worker.bench, bus)?.validator;
        if !validator.capabilities().contains(&ValidatorCapability::NativeConsole) {
            let what = "the validator of the bench has no counters; take the bench `sim`".into();
            return Err(ReplayError::Incomplete { bus: bus.name.clone(), what }.into());
        }
        let reply = validator.converse("counters").await;
        let reply = reply.map_err(|source| failed(bus, "reading the counters", source.into()))?.reply;
        let fields = taprig_model::event::Fields::parse(&reply.text);
        let number = |name: &str| fields.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
        self.ledger.gpos.validator = number("gpos");
        self.ledger.authentications.validator = number("authentications");
        let taps = self.ledger.taps.values().sum::<u64>();
        if number("taps") != taps {
            self.ledger.differs(|| format!("the validator has counted {} taps in place of {taps}", number("taps")));
        }
        Ok(())
    }

    /// How long the validator waits for its acquirer from now on.
    async fn be(&mut self, (seconds, attempts): (u64, u32)) -> Result<(), Failed> {
        let answer_time = Some(taprig_model::units::Duration::from_ms(seconds * 1000));
        self.apply(&Settings { answer_time, attempts: Some(attempts), ..Settings::default() }).await
    }

    async fn apply(&mut self, settings: &Settings) -> Result<(), Failed> {
        let bus = self.bus;
        let validator = &mut links(&mut self.worker.bench, bus)?.validator;
        let applied = validator.apply(settings, &[]).await;
        let applied = applied.map_err(|source| failed(bus, "changing a setting", source.into()))?;
        for setting in applied {
            if let Some(why) = setting.refused {
                self.ledger.differs(|| format!("the validator refuses {}: {why}", setting.what));
            }
        }
        Ok(())
    }
}

/// What is odd about a record.
enum Odd {
    /// The machine was too slow.
    Late(String),
    /// The record is wrong.
    Wrong(String),
}

/// The settings that a bus does not share with others, except its fare.
fn of_bus(bus: &Bus) -> Settings {
    let (answer, attempts) = PATIENT;
    Settings {
        county: Some(bus.county.to_string()),
        line: Some(bus.line.to_string()),
        bus: Some(bus.name.clone()),
        terminal: Some(bus.terminal.clone()),
        merchant: Some(bus.merchant.to_string()),
        capacity: Some(CAPACITY),
        retap: Some(taprig_model::units::Duration::from_ms(RETAP_S * 1000)),
        answer_time: Some(taprig_model::units::Duration::from_ms(answer * 1000)),
        attempts: Some(attempts),
        ..Settings::default()
    }
}

/// A retap comes at once, but a busy machine may need some seconds for it. The time ends with the next card in any case.
const RETAP_S: u64 = 60;

/// Places of the journal: more than a memory of 256 KiB has, so the validator takes as many as there are.
const CAPACITY: u32 = 944;

fn links<'b>(bench: &'b mut taprig_bench::Bench, bus: &Bus) -> Result<&'b mut Links, Failed> {
    let what = || ReplayError::Incomplete { bus: bus.name.clone(), what: "the boards have no power".into() };
    bench.links().ok_or_else(|| what().into())
}

fn failed(bus: &Bus, what: &str, source: BenchError) -> Failed {
    ReplayError::Bench { what: format!("bus {}, {what}", bus.name), source: Box::new(source) }.into()
}

/// What the acquirer of a bus does: its deny list, the issuers that refuse, and the evenings on which the line is lost.
fn rules(plan: &Plan, bus: &Bus, accounts: &[Account], pan: impl Fn(&Account) -> Option<String>) -> Rules {
    let of = |nature: Nature| accounts.iter().filter(move |account| account.nature == nature).filter_map(&pan);
    let mut rules = Vec::new();
    for day in plan.days(bus.number).filter(|day| day.uplink != Uplink::Works) {
        // The trace of a ride is its number, as the memory of the validator was empty.
        let then = if day.uplink == Uplink::ClaimLost { "silent" } else { "lost" };
        let when = serde_json::json!({ "message": "ride", "trace": day.first_ride, "nth": 1 });
        rules.push(serde_json::json!({ "when": when, "then": [then] }));
    }
    rules.extend(of(Nature::Refused).map(|card| {
        let when = serde_json::json!({ "message": "ride", "card": card });
        serde_json::json!({ "when": when, "then": [{ "refuse": REFUSED }, "deny-card"] })
    }));
    let denied: Vec<String> = of(Nature::Denied).collect();
    let file = serde_json::json!({ "schema": 1, "deny-list": { "version": 1, "cards": denied }, "rules": rules });
    // It has the form of a rules file, which a test shows.
    serde_json::from_value(file).unwrap_or_default()
}

/// Seconds since 1970, for differences.
fn seconds(time: DateTime) -> i64 {
    let at = Moment::of(time).and_then(|at| Some(at.day.to_datetime(at.time?)));
    at.and_then(|at| jiff::tz::Offset::UTC.to_timestamp(at).ok()).map_or(0, jiff::Timestamp::as_second)
}

/// Which rides of a bus are played again as cases, in descending order: the same share of each bus.
fn samples(plan: &Plan, bus: &Bus, wanted: u64) -> Vec<u64> {
    let wanted = wanted.min(plan.rides);
    let before: u64 = plan.buses[..bus.number].iter().map(Bus::rides).sum();
    // The sampled rides of the fleet are the middles of equal parts.
    let place = |sample: u64| (2 * sample + 1) * plan.rides / (2 * wanted.max(1));
    let of_bus = before..before + bus.rides();
    (0..wanted).map(place).filter(|place| of_bus.contains(place)).map(|place| place - before + 1).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::small;
    use taprig_model::acquirer::rules::Action;

    #[test]
    fn the_acquirer_has_a_rule_for_each_lost_line_and_each_refusal() {
        let plan = small();
        let (mut silent, mut lost) = (0, 0);
        for bus in &plan.buses {
            let accounts = plan.accounts(bus.number);
            let image = "6229900180000021".parse().unwrap();
            let rules = rules(&plan, bus, &accounts, |account| Some(account.pan(&image).digits().to_owned()));
            let has = |action: &Action| rules.rules.iter().filter(|rule| rule.then.0.contains(action)).count();
            silent += has(&Action::Silent);
            lost += has(&Action::Lost);
            assert_eq!(has(&Action::Refuse(REFUSED.parse().unwrap())), 2);
            assert_eq!(rules.deny_list.as_ref().unwrap().cards, [accounts[0].pan(&image)]);
        }
        assert_eq!(silent + lost, 3);
        assert!(silent > 0 && lost > 0);
    }

    #[test]
    fn sampled_rides_are_spread_over_all_buses() {
        let plan = small();
        let of = |wanted| -> Vec<usize> { plan.buses.iter().map(|bus| samples(&plan, bus, wanted).len()).collect() };
        assert_eq!(of(400), plan.buses.iter().map(|bus| bus.rides() as usize).collect::<Vec<_>>());
        assert_eq!(of(20).iter().sum::<usize>(), 20);
        assert_eq!(of(0).iter().sum::<usize>(), 0);
        assert_eq!(of(100_000).iter().sum::<usize>(), 400, "no ride is taken twice");
        let first = samples(&plan, &plan.buses[0], 40);
        assert!(first.is_sorted_by(|one, other| one > other) && first.last() > Some(&0), "{first:?}");
    }

    #[test]
    fn seconds_are_those_of_the_calendar() {
        let at = |text: &str| seconds(text.parse().unwrap());
        assert_eq!(at("2018-05-21T08:00:00"), 1_526_889_600);
        assert_eq!(at("2018-03-01T00:00:00") - at("2018-02-28T23:59:59"), 1);
    }
}

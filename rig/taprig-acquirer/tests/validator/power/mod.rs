//! The power is cut in every write to the non-volatile memory. The word under way is old, torn in several ways, or new.
//!
//! A [`Scenario`](scenarios::Scenario) is a play of riders, crew and bank before a whole validator: kernel, reader, journal, uplink, with the
//! card emulator's firmware and personalised cards at its reader, and an acquirer's host at its line. The play runs once without a cut, to find
//! its writes. Then it runs again for each write and for each thing that the write can leave. After each cut, [`model`] says what
//! must hold at once. Then the power comes on, whoever was interrupted tries again, the play goes on to its end, and the books of
//! riders, validator and bank must agree to the fen.
//!
//! To add a scenario, add it to [`scenarios::all`]. A table of the memory that no scenario writes fails the test.

mod early;
mod model;
mod scenarios;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Mutex;

use validator::store::memory::Layout;

use super::board::{Bench, Desk, SIZE};
use super::memory::{Chip, Cut, Left, PowerCut, Write};
use super::play::{Act, Play};
use scenarios::Scenario;

/// The longest time from power to readiness, in us.
const READY_US: u64 = 2_000_000;

/// Writes after a cut in which the power is cut once more.
const SECOND_CUTS: usize = 3;

/// All that outlives the power of the validator.
#[derive(Clone)]
struct Scene {
    chip: Chip,
    desk: Desk,
    play: Play,
    /// Time since the play began, in us.
    now_us: u64,
}

/// How a time with power ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The play is over.
    Over,
    /// The power was cut.
    Cut,
    /// Nothing went on any more.
    Stuck,
}

impl Scene {
    fn new(scenario: &Scenario, holds_back: bool) -> Self {
        let desk = super::host(scenario.host.clone());
        let desk = desk.borrow().clone();
        let mut chip = Chip::new(vec![0; SIZE]);
        chip.holds_back = holds_back;
        Self { chip, desk, play: Play::new(super::riders::riders()), now_us: 0 }
    }

    /// The power comes on, and goes with the cut or at the end of the play.
    fn power(&mut self, cut: Option<Cut>) -> Ended {
        let chip = self.chip.on(cut);
        self.power_chip(chip)
    }

    /// The same with a chip that may have a planted fault.
    fn power_chip(&mut self, chip: Chip) -> Ended {
        self.play.power_on();
        let desk = Rc::new(RefCell::new(self.desk.clone()));
        let bench = Bench::with_street(chip, &desk, self.play.clone(), self.now_us);
        let ended = match catch_unwind(AssertUnwindSafe(|| validator::run(&bench))) {
            Ok(_) if bench.is_stuck() => Ended::Stuck,
            Ok(_) => Ended::Over,
            Err(why) if why.is::<PowerCut>() => Ended::Cut,
            Err(why) => resume_unwind(why),
        };
        let (chip, play, us) = bench.off().expect("a street");
        (self.chip, self.play, self.now_us) = (chip, play, self.now_us + us);
        self.desk = desk.borrow().clone();
        ended
    }

    /// The writes of the last time with power.
    fn writes(&self) -> Vec<Write> {
        self.chip.writes.borrow().clone()
    }
}

/// What came of all cuts of a scenario.
#[derive(Debug, Default)]
struct Report {
    /// Cuts by act and table of the memory.
    cuts: BTreeMap<(String, &'static str), usize>,
    /// Writes in which the power was cut.
    writes: usize,
    /// Cuts after which the power was cut again.
    second: usize,
    /// What was violated.
    violations: Vec<String>,
}

impl Report {
    fn cuts(&self) -> usize {
        self.cuts.values().sum()
    }
}

/// The part of the memory in which a write begins.
fn part(offset: usize) -> &'static str {
    let layout = Layout::new(SIZE);
    let [first, second] = layout.deny;
    let tables = [
        ("keys", layout.keys),
        ("deny list", first),
        ("other deny list", second),
        ("revoked", layout.revoked),
        ("payments", layout.payments),
        ("fares", layout.fares),
        ("cards", layout.cards),
        ("journal", layout.journal),
        ("claims", layout.claims),
    ];
    if offset < layout.keys.offset {
        return "settings";
    }
    let within = |table: validator::store::memory::Table| {
        (table.offset..table.offset + table.slot * table.capacity as usize).contains(&offset)
    };
    tables
        .into_iter()
        .find(|(_, table)| within(*table))
        .map_or("a table that this test does not know", |(name, _)| name)
}

/// A scenario before its first act with a cut, and its play without a cut.
struct Played<'a> {
    begin: Scene,
    whole: Scene,
    model: model::Model<'a>,
    /// The first act that is not cut any more.
    last_act: usize,
}

impl<'a> Played<'a> {
    fn new(scenario: &'a Scenario, holds_back: bool) -> Self {
        let mut begin = Scene::new(scenario, holds_back);
        begin.play.goes_on(scenario.before.clone());
        if !scenario.before.is_empty() {
            assert_eq!(begin.power(None), Ended::Over, "{}: {:?}", scenario.name, begin.play.troubles);
        }
        let first_act = begin.play.at();
        let last_act = first_act + scenario.acts.len();
        begin.play.goes_on(scenario.acts.iter().cloned().chain([Act::Work("upload"), Act::Work("settle")]));

        let mut whole = begin.clone();
        *whole.chip.marks.borrow_mut() = Some(vec![whole.chip.borrow().clone()]);
        assert_eq!(whole.power(None), Ended::Over, "{}: {:?}", scenario.name, whole.play.troubles);
        let marks = whole.chip.marks.take().unwrap();
        let model = model::Model::new(scenario, first_act, &marks, &whole.play.riders);
        Self { begin, whole, model, last_act }
    }

    /// The writes in which the power is cut.
    fn writes(&self) -> Vec<Write> {
        self.whole.writes().into_iter().take_while(|write| write.act < self.last_act).collect()
    }
}

/// Cuts the power in each write of a scenario.
fn cut_everywhere(scenario: &Scenario, holds_back: bool) -> Report {
    let played = Played::new(scenario, holds_back);
    let Played { begin, whole, model, .. } = &played;
    let mut report = Report::default();
    report.violations.extend(model.ends(whole).err().map(|why| format!("{} without a cut: {why}", scenario.name)));

    for (number, write) in played.writes().into_iter().enumerate() {
        report.writes += 1;
        for left in Left::ALL {
            let cut = Cut { write: number, left };
            let act = whole.play.acts()[write.act].name();
            let what = format!("{}, {act}, write {number} ({}) {left:?}", scenario.name, part(write.offset));
            let mut scene = begin.clone();
            assert_eq!(scene.power(Some(cut)), Ended::Cut, "{what}: the same play has the same writes");
            *report.cuts.entry((act, part(write.offset))).or_default() += 1;
            let told = |why: String| format!("{what}: {why}");
            report.violations.extend(model.holds(&scene).err().map(told));
            if left == Left::FirstHalf {
                for again in 0..SECOND_CUTS {
                    let mut scene = scene.clone();
                    if scene.power(Some(Cut { write: again, left })) == Ended::Cut {
                        report.second += 1;
                        let told = |why: String| format!("{what}, and again in write {again}: {why}");
                        report.violations.extend(model.holds(&scene).err().map(told));
                        report.violations.extend(goes_on(model, &mut scene).err().map(told));
                    }
                }
            }
            report.violations.extend(goes_on(model, &mut scene).err().map(told));
        }
    }
    report
}

/// Cuts the power in each write of some scenarios, on all cores.
fn reports(scenarios: Vec<Scenario>, holds_back: bool) -> Vec<(Scenario, Report)> {
    let (todo, done) = (Mutex::new(scenarios.into_iter().enumerate()), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let next = todo.lock().unwrap().next();
            let Some((number, scenario)) = next else { break };
            let report = cut_everywhere(&scenario, holds_back);
            done.lock().unwrap().insert(number, (scenario, report));
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(work);
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// The power comes on, and the play goes on to its end.
fn goes_on(model: &model::Model<'_>, scene: &mut Scene) -> Result<(), String> {
    let ended = scene.power(None);
    if let Some(trouble) =
        scene.play.troubles.iter().find(|trouble| !model.scenario.troubles.contains(&trouble.as_str()))
    {
        return Err(format!("the validator said `{trouble}`"));
    }
    match scene.play.ready_us {
        Some(us) if us <= READY_US => {}
        ready => return Err(format!("ready {ready:?} us after the power came on")),
    }
    match ended {
        Ended::Over => model.ends(scene),
        ended => Err(format!("the play did not go on: {ended:?} in act {}", scene.play.at())),
    }
}

#[test]
fn a_power_cut_in_any_write_loses_no_ride_charges_none_twice_and_lets_no_barred_card_in() {
    let mut parts = std::collections::BTreeSet::new();
    let mut violations = Vec::new();
    let mut all = 0;
    for (scenario, report) in reports(scenarios::all(), false) {
        println!(
            "{}: {} writes, {} cuts, {} of them twice",
            scenario.name,
            report.writes,
            report.cuts(),
            report.second
        );
        for ((act, part), cuts) in &report.cuts {
            println!("    {cuts:5}  {act}: {part}");
        }
        // A scenario whose writes are not found would pass without a cut.
        assert!(report.writes >= scenario.least_writes, "{}: {} writes", scenario.name, report.writes);
        assert_eq!(report.cuts(), report.writes * Left::ALL.len(), "{}", scenario.name);
        parts.extend(report.cuts.keys().map(|(_, part)| *part));
        all += report.cuts();
        violations.extend(report.violations);
    }
    println!("{all} cuts");
    let wanted = [
        "cards",
        "claims",
        "deny list",
        "fares",
        "journal",
        "keys",
        "other deny list",
        "payments",
        "revoked",
        "settings",
    ];
    assert_eq!(parts.into_iter().collect::<Vec<_>>(), wanted, "each part of the memory is written, and no other");
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn a_write_that_comes_after_what_rests_on_it_is_found() {
    // The chip holds each write back, so the gate opens, the claim goes out and the list is swapped before the write is kept.
    let mut scenarios = scenarios::all();
    scenarios.retain(|scenario| ["rides", "claims, of which one is refused"].contains(&scenario.name));
    let violations: Vec<_> = reports(scenarios, true).into_iter().flat_map(|(_, report)| report.violations).collect();
    for wanted in ["the gate opened, but the ride is lost", "was sent, but the journal says that it was not"] {
        let found = violations.iter().filter(|violation| violation.contains(wanted)).count();
        assert!(found > 0, "`{wanted}` is not among {} violations:\n{}", violations.len(), violations.join("\n"));
    }
}

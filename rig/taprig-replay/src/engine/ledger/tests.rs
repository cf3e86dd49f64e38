use std::fs;

use super::*;
use crate::file::price;
use crate::plan::tests::two_lines;
use crate::plan::{Nature, Uplink};
use taprig_model::acquirer::log::{self, State};
use taprig_model::books::result::Class;
use taprig_model::books::{Fen, SixDigits};
use tempfile::TempDir;

/// What comes in on an evening.
#[derive(Debug, Clone, Default)]
struct Evening {
    rides: Vec<Ride>,
    claims: Vec<DatedClaim>,
    not_taken: Vec<String>,
}

/// The evenings of a bus whose validator and whose acquirer do everything right, and the journal of its last day.
fn right(plan: &Plan, bus: &Bus) -> Vec<Evening> {
    let accounts = plan.accounts(bus.number);
    let (mut evenings, mut open, mut batch, mut number) = (Vec::new(), Vec::<Ride>::new(), 1, 0);
    let mut sent = 0;
    for day in plan.days(bus.number) {
        let mut evening = Evening::default();
        for tap in day.taps.iter().filter(|tap| tap.kind == Kind::Ride) {
            number += 1;
            let refused = accounts[tap.card].nature == Nature::Refused;
            open.push(Ride {
                merchant: bus.merchant.clone(),
                terminal: bus.terminal.parse().unwrap(),
                batch: SixDigits::try_from(batch).unwrap(),
                trace: SixDigits::try_from(number).unwrap(),
                time: tap.at,
                line: Some(bus.line.clone()),
                bus: bus.name.parse().ok(),
                product: Some(accounts[tap.card].product.clone()),
                amount_fen: Fen::try_from(price(day.fare)).unwrap(),
                state: if refused { State::Refused } else { State::Accepted },
                code: refused.then(|| "51".parse().unwrap()),
            });
        }
        let tell = |ride: &Ride, state, repeat| DatedClaim { day: day.day, claim: claim(ride, state, repeat) };
        match day.uplink {
            Uplink::Works => {
                let claims = open.iter().enumerate().map(|(at, ride)| tell(ride, ride.state, at < sent));
                evening.claims = claims.collect();
                evening.rides = std::mem::take(&mut open);
                (batch, sent) = (batch + 1, 0);
            }
            lost => {
                let state = if lost == Uplink::ClaimLost { State::Waiting } else { State::Accepted };
                evening.claims.push(tell(&open[0], state, false));
                sent = 1;
            }
        }
        evenings.push(evening);
    }
    for (at, ride) in open.iter_mut().enumerate() {
        (ride.state, ride.code) = (State::Waiting, None);
        if at >= sent {
            ride.batch = SixDigits::try_from(0).unwrap();
        }
    }
    evenings.push(Evening { rides: open, ..Evening::default() });
    evenings
}

fn claim(ride: &Ride, state: State, repeat: bool) -> log::Claim {
    log::Claim {
        terminal: ride.terminal.as_str().to_owned(),
        merchant: ride.merchant.as_str().to_owned(),
        batch: ride.batch.get(),
        trace: ride.trace.get(),
        fen: ride.amount_fen.get(),
        state,
        repeat,
    }
}

/// What a ledger makes of the evenings: the summary, and the three files of the bus.
fn played(plan: &Plan, bus: &Bus, evenings: &[Evening]) -> (BusBooks, [String; 3]) {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join(crate::parts::PARTS)).unwrap();
    let parts = [Part::Journal, Part::Acquirer, Part::Clearing].map(|which| part(place.path(), &bus.name, which));
    // As an attempt that has failed leaves them.
    parts.iter().for_each(|path| fs::write(path, "a part that was cut off").unwrap());
    let mut ledger = Ledger::open(plan, bus, place.path()).unwrap();
    for evening in evenings {
        let Evening { rides, claims, not_taken } = evening.clone();
        ledger.evening(&rides, Heard { claims, not_taken }).unwrap();
    }
    let summary = ledger.close().unwrap();
    assert_eq!(crate::parts::summary(place.path(), &bus.name).as_ref(), Some(&summary));
    (summary, parts.map(|path| fs::read_to_string(path).unwrap()))
}

/// What the three files come to by themselves, as `taprig reconcile` reads them.
fn reconciled(plan: &Plan, [journal, log, clearing]: &[String; 3]) -> Reconciliation {
    let mut books = Books::new();
    let file = books.file(Side::Journal, "journal.csv");
    let text = format!("{}\n{journal}", COLUMNS.join(","));
    read::journal::read(text.as_bytes(), file, &mut books).unwrap();
    let file = books.file(Side::Acquirer, "acquirer.jsonl");
    read::log::read(log.as_bytes(), file, "acquirer.jsonl", &mut books).unwrap();
    let file = books.file(Side::Clearing, "clearing.csv");
    let text = format!("{}\n{clearing}", CLEARING.join(","));
    read::clearing::read(text.as_bytes(), &Columns::default(), file, &mut books).unwrap();
    assert_eq!(books.broken_rows(), 0);
    books.reconcile(&Options { cleared_through: Some(plan.file.to.0), ..Options::default() })
}

/// The summary and the files, after both were compared with what all rows come to as a whole.
fn compared(plan: &Plan, bus: &Bus, evenings: &[Evening]) -> (BusBooks, [String; 3]) {
    let (summary, files) = played(plan, bus, evenings);
    let whole = reconciled(plan, &files);
    let classes = whole.classes.iter().filter(|total| total.sums != Sums::default());
    let classes: BTreeMap<String, Sums> = classes.map(|total| (total.class.word().to_owned(), total.sums)).collect();
    assert_eq!((&summary.classes, &summary.gross), (&classes, &whole.gross));
    assert!(whole.balanced || !summary.balanced);
    let rides: Vec<Ride> = evenings.iter().flat_map(|evening| evening.rides.clone()).collect();
    let told: Vec<DatedClaim> = evenings.iter().flat_map(|evening| evening.claims.clone()).collect();
    let mut claims = Claims::default();
    told.iter().for_each(|told| claims.hear(told));
    let wanted =
        [rows::journal(&rides), rows::log(&told, |day| evening(day, plan.file.hours)), rows::clearing(&claims.rest())];
    assert_eq!(files.clone().map(String::into_bytes), wanted);
    (summary, files)
}

#[test]
fn the_books_of_a_bus_are_those_of_its_three_files() {
    let plan = two_lines();
    let mut waiting = 0;
    for bus in &plan.buses {
        let evenings = right(&plan, bus);
        let (summary, files) = compared(&plan, bus, &evenings);
        assert!(summary.balanced && summary.differences == 0, "{summary:?}");
        waiting += summary.gross.waiting.count;
        // What the acquirer tells may come a day later.
        let mut later: Vec<Evening> = evenings.clone();
        later.push(Evening::default());
        for at in (0..evenings.len()).rev() {
            later[at + 1].claims = std::mem::take(&mut later[at].claims);
        }
        let (again, same) = played(&plan, bus, &later);
        assert_eq!((again, same), (summary, files));
    }
    assert!(waiting > 0);
}

#[test]
fn only_what_is_open_is_kept() {
    let plan = two_lines();
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join(crate::parts::PARTS)).unwrap();
    for bus in &plan.buses {
        let mut ledger = Ledger::open(&plan, bus, place.path()).unwrap();
        for (at, Evening { rides, claims, .. }) in right(&plan, bus).into_iter().enumerate() {
            ledger.evening(&rides, Heard { claims, ..Heard::default() }).unwrap();
            // A batch is over when the next one has begun, and a line is lost for one evening at most.
            let from = at.saturating_sub(2);
            let last: u32 = bus.days.iter().take(at + 1).skip(from).map(|day| day.rides).sum();
            assert!(ledger.books.open() <= last as usize, "{} of {last}", ledger.books.open());
            assert!(ledger.claims.len() <= last as usize);
        }
    }
}

/// A fault: what it changes in the evenings of a bus, and what the books have to say.
type Fault = (&'static str, fn(&mut [Evening]), Result<(), Class>);

/// The first ride of the first evening, which is settled long before the last one.
fn first(evenings: &[Evening]) -> DatedClaim {
    evenings[0].claims[0].clone()
}

/// The last evening on which the acquirer tells something.
fn last(evenings: &mut [Evening]) -> &mut Evening {
    evenings.iter_mut().rev().find(|evening| !evening.claims.is_empty()).unwrap()
}

/// The acquirer tells the first claim once more on an evening, changed.
fn again(evenings: &mut [Evening], late: bool, change: fn(&mut log::Claim)) {
    let mut told = first(evenings);
    change(&mut told.claim);
    let evening = if late { last(evenings) } else { &mut evenings[0] };
    told.day = evening.claims[0].day;
    evening.claims.push(told);
}

const FAULTS: [Fault; 14] = [
    ("lost", |all| drop(all[0].claims.remove(0)), Err(Class::Short)),
    ("lost in the journal", |all| drop(all[0].rides.remove(0)), Err(Class::Long)),
    ("of another amount", |all| all[0].claims[0].claim.fen += 1, Err(Class::AmountDiffers)),
    ("doubled", |all| again(all, false, |_| ()), Err(Class::Duplicate)),
    ("doubled on a later day", |all| again(all, true, |_| ()), Err(Class::Duplicate)),
    (
        "doubled in a later batch",
        |all| {
            let batch = last(all).claims[0].claim.batch;
            again(all, true, |_| ());
            let told = last(all).claims.last_mut().unwrap();
            told.claim.batch = batch;
        },
        Err(Class::Long),
    ),
    ("long", |all| again(all, false, |claim| claim.trace = 999_999), Err(Class::Long)),
    ("long in a batch that is over", |all| again(all, true, |claim| claim.trace = 999_999), Err(Class::Long)),
    (
        "of another amount on a later day",
        |all| {
            again(all, true, |claim| {
                (claim.repeat, claim.fen) = (true, claim.fen + 1);
            });
        },
        Err(Class::AmountDiffers),
    ),
    ("taken back on a later day", |all| again(all, true, |claim| claim.state = State::Reversed), Err(Class::Short)),
    (
        "refused on a later day",
        |all| {
            again(all, true, |claim| {
                (claim.state, claim.repeat) = (State::Refused, true);
            });
        },
        Err(Class::Short),
    ),
    (
        "twice in the journal",
        |all| {
            let ride = all[0].rides[0].clone();
            all[0].rides.push(ride);
        },
        Err(Class::Duplicate),
    ),
    (
        "in the journal of a later day once more",
        |all| {
            let ride = all[0].rides[0].clone();
            last(all).rides.push(ride);
        },
        Err(Class::Duplicate),
    ),
    // The acquirer says that nothing has changed.
    ("repeated on a later day", |all| again(all, true, |claim| claim.repeat = true), Ok(())),
];

#[test]
fn each_fault_is_found_also_after_its_ride_was_settled() {
    let plan = two_lines();
    for bus in &plan.buses {
        let good = right(&plan, bus);
        let (summary, _) = compared(&plan, bus, &good);
        for (name, fault, wanted) in FAULTS {
            let mut evenings = good.clone();
            fault(&mut evenings);
            let (found, _) = compared(&plan, bus, &evenings);
            match wanted {
                Err(class) => {
                    assert!(!found.balanced, "a ride is {name}: {found:?}");
                    assert!(found.classes.contains_key(class.word()), "a ride is {name}: {found:?}");
                }
                Ok(()) => assert_eq!(found, BusBooks { repeats: summary.repeats + 1, ..summary.clone() }, "{name}"),
            }
        }
    }
}

#[test]
fn a_message_that_the_acquirer_does_not_take_is_a_difference() {
    let plan = two_lines();
    let bus = &plan.buses[0];
    let mut evenings = right(&plan, bus);
    last(&mut evenings).not_taken.push("the batch is 1, and the open batch is 7".into());
    let (summary, _) = played(&plan, bus, &evenings);
    assert_eq!((summary.balanced, summary.differences), (false, 1));
    assert_eq!(summary.told, ["the batch is 1, and the open batch is 7"]);
}

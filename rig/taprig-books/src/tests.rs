//! Random rides on three sides with planted differences, written to files and read again.

use crate::{Books, Options, read, show};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use taprig_model::acquirer::log::State;
use taprig_model::books::columns::Columns;
use taprig_model::books::result::{Class, Reconciliation, Side, Sums};

const LAST: Date = date(2018, 5, 31);

/// What becomes of a ride on the three sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Paid,
    /// The device has not heard the answer.
    PaidUnheard,
    PaidAlone,
    PaidThoughRefused,
    PaidThoughReversed,
    Unpaid,
    ClaimLost,
    AnswerForged,
    ClearedForMore,
    ClaimedForMore,
    ReversalLost,
    JournaledTwice,
    AcceptedTwice,
    PaidTwice,
    TakenBack,
    Denied,
    AtMidnight,
    Undecided,
}

const FATES: [Fate; 18] = [
    Fate::Paid,
    Fate::PaidUnheard,
    Fate::PaidAlone,
    Fate::PaidThoughRefused,
    Fate::PaidThoughReversed,
    Fate::Unpaid,
    Fate::ClaimLost,
    Fate::AnswerForged,
    Fate::ClearedForMore,
    Fate::ClaimedForMore,
    Fate::ReversalLost,
    Fate::JournaledTwice,
    Fate::AcceptedTwice,
    Fate::PaidTwice,
    Fate::TakenBack,
    Fate::Denied,
    Fate::AtMidnight,
    Fate::Undecided,
];

/// What the sides have of a ride, each with what it adds to the amount, and the class.
type Sides = (Option<(State, u64)>, Option<(State, u64)>, Option<u64>, Class);

impl Fate {
    fn sides(self) -> Sides {
        use State::{Accepted, Refused, Reversed, Waiting};
        let (yes, no) = (Some((Accepted, 0)), None);
        match self {
            Self::Paid | Self::JournaledTwice | Self::AcceptedTwice | Self::PaidTwice => {
                (yes, yes, Some(0), Class::Matched)
            }
            Self::PaidUnheard => (Some((Waiting, 0)), yes, Some(0), Class::Matched),
            Self::PaidAlone => (None, None, Some(0), Class::Long),
            Self::PaidThoughRefused => (Some((Refused, 0)), Some((Refused, 0)), Some(0), Class::Long),
            Self::PaidThoughReversed => (Some((Reversed, 0)), yes, Some(0), Class::Long),
            Self::Unpaid => (yes, yes, None, Class::Short),
            Self::ClaimLost => (yes, no, None, Class::Short),
            Self::AnswerForged => (yes, Some((Refused, 0)), None, Class::Short),
            Self::ClearedForMore => (yes, yes, Some(1), Class::AmountDiffers),
            Self::ClaimedForMore => (yes, Some((Accepted, 5)), Some(0), Class::AmountDiffers),
            Self::ReversalLost => (Some((Reversed, 0)), yes, None, Class::StateDiffers),
            Self::TakenBack => (Some((Reversed, 0)), Some((Reversed, 0)), None, Class::Reversed),
            Self::Denied => (Some((Refused, 0)), Some((Refused, 0)), None, Class::Refused),
            Self::AtMidnight => (yes, yes, None, Class::Waiting),
            Self::Undecided => (Some((Waiting, 0)), no, None, Class::Waiting),
        }
    }

    const fn repeated(self) -> Option<Side> {
        match self {
            Self::JournaledTwice => Some(Side::Journal),
            Self::AcceptedTwice => Some(Side::Acquirer),
            Self::PaidTwice => Some(Side::Clearing),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Planned {
    fate: Fate,
    fen: u64,
    days_ago: i64,
    second: u32,
    terminal: u32,
    line: u8,
    product: usize,
}

fn planned() -> impl Strategy<Value = Planned> {
    let ride = (0..FATES.len(), 0_u64..500, 0_i64..4, 0_u32..82_800, 0_u32..3, 0_u8..4, 0_usize..4);
    ride.prop_map(|(fate, fen, days_ago, second, terminal, line, product)| {
        let fate = FATES[fate];
        let (days_ago, second) =
            if fate == Fate::AtMidnight { (0, 82_800 + second % 3600) } else { (days_ago, second) };
        Planned { fate, fen, days_ago, second, terminal, line, product }
    })
}

/// The rows of the three files, in any order.
#[derive(Debug, Default)]
struct Rows {
    journal: Vec<String>,
    acquirer: Vec<String>,
    clearing: Vec<String>,
}

/// What the classes have to come to, and the class of each key that has to be listed.
#[derive(Debug, Default)]
struct Expected {
    sums: BTreeMap<Class, Sums>,
    listed: Vec<(String, u32, Class)>,
    rows: Rows,
}

fn expected(rides: &[Planned], rotate: usize) -> Expected {
    let mut all = Expected::default();
    for (trace, ride) in rides.iter().enumerate() {
        let trace = u32::try_from(trace).unwrap();
        let (journal, acquirer, clearing, class) = ride.fate.sides();
        let day = LAST.checked_sub(ride.days_ago.days()).unwrap();
        let second = ride.second;
        let time = format!("{day}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
        let terminal = format!("{:08}", ride.terminal);
        let mut add = |class: Class, side: Side, fen| all.sums.entry(class).or_default().of_mut(side).add(fen);
        let times = |side| if ride.fate.repeated() == Some(side) { 2 } else { 1 };
        for repeat in 0..times(Side::Journal) {
            let Some((state, more)) = journal else { continue };
            let product = ["debit", "credit", "", "\"e-cash, old\""][ride.product];
            let row = format!(
                "m1,{terminal},1,{trace},{time},{},,{product},{},{},",
                ride.line,
                ride.fen + more,
                state.word()
            );
            all.rows.journal.push(row);
            add(if repeat == 0 { class } else { Class::Duplicate }, Side::Journal, ride.fen + more);
        }
        for repeat in 0..times(Side::Acquirer) {
            let Some((state, more)) = acquirer else { continue };
            let claim = serde_json::json!({
                "terminal": terminal, "merchant": "m1             ", "batch": 1, "trace": trace, "fen": ride.fen + more,
                "state": state.word(), "repeat": false,
            });
            let entry =
                serde_json::json!({ "at": "2018-05-31T12:00:00.000Z", "body": { "kind": "heard", "claims": [claim] } });
            all.rows.acquirer.push(entry.to_string());
            add(if repeat == 0 { class } else { Class::Duplicate }, Side::Acquirer, ride.fen + more);
        }
        for repeat in 0..times(Side::Clearing) {
            let Some(more) = clearing else { continue };
            all.rows.clearing.push(format!("m1,{terminal},1,{trace},{},{time}", ride.fen + more));
            add(if repeat == 0 { class } else { Class::Duplicate }, Side::Clearing, ride.fen + more);
        }
        if class.differs() || class == Class::Waiting {
            all.listed.push((terminal.clone(), trace, class));
        }
        if ride.fate.repeated().is_some() {
            all.listed.push((terminal, trace, Class::Duplicate));
        }
    }
    for rows in [&mut all.rows.journal, &mut all.rows.acquirer, &mut all.rows.clearing] {
        let by = rotate % rows.len().max(1);
        rows.rotate_left(by);
    }
    all.listed.sort();
    all
}

fn reconcile(rows: &Rows) -> Reconciliation {
    let mut books = Books::new();
    let text = |head: &str, rows: &[String]| rows.iter().fold(format!("{head}\n"), |text, row| text + row + "\n");
    let journal = text("merchant,terminal,batch,trace,time,line,bus,product,amount_fen,state,code", &rows.journal);
    let log = text(r#"{"at":"2018-05-31T00:00:00Z","body":{"kind":"started"}}"#, &rows.acquirer);
    let clearing = text("merchant,terminal,batch,trace,amount_fen,time", &rows.clearing);
    let file = books.file(Side::Journal, "journal");
    read::journal::read(journal.as_bytes(), file, &mut books).unwrap();
    let file = books.file(Side::Acquirer, "log");
    read::log::read(log.as_bytes(), file, "log", &mut books).unwrap();
    let file = books.file(Side::Clearing, "clearing");
    read::clearing::read(clearing.as_bytes(), &Columns::default(), file, &mut books).unwrap();
    books.reconcile(&Options { cleared_through: Some(LAST), ..Options::default() })
}

/// The sums of the CSV output by class, without the reader of this crate.
fn added_up(result: &Reconciliation) -> BTreeMap<String, [u128; 6]> {
    let mut bytes = Vec::new();
    show::csv::write(result, &mut bytes).unwrap();
    let mut sums: BTreeMap<String, [u128; 6]> = BTreeMap::new();
    for line in String::from_utf8(bytes).unwrap().lines().skip(1) {
        // A product may have a comma, so the columns are counted from the end.
        let cells: Vec<&str> = line.rsplitn(8, ',').collect();
        let sum = sums.entry(cells[6].to_owned()).or_default();
        for (at, cell) in cells[..6].iter().rev().enumerate() {
            sum[at] += cell.parse::<u128>().unwrap();
        }
    }
    sums
}

proptest! {
    #[test]
    fn each_planted_difference_is_found_and_nothing_else(rides in proptest::collection::vec(planned(), 0..60), rotate: usize) {
        let expected = expected(&rides, rotate);
        let result = reconcile(&expected.rows);
        for total in &result.classes {
            let wanted = expected.sums.get(&total.class).copied().unwrap_or_default();
            prop_assert_eq!(total.sums, wanted, "{:?}", total.class);
        }
        let mut listed: Vec<_> =
            result.items.iter().map(|item| (item.terminal.clone(), item.trace, item.class)).collect();
        listed.sort();
        prop_assert_eq!(&listed, &expected.listed);
        // The classes are the sides, and so are the groups and what programs read.
        for read in &result.sides {
            let mut classes = taprig_model::books::result::Sum::default();
            result.classes.iter().for_each(|total| classes += total.sums.of(read.side));
            prop_assert_eq!(classes, read.read);
        }
        let csv = added_up(&result);
        for total in result.classes.iter().filter(|total| total.sums != Sums::default()) {
            let of = |side| { let sum = total.sums.of(side); [u128::from(sum.count), sum.fen] };
            let wanted: Vec<u128> = Side::ALL.into_iter().flat_map(of).collect();
            prop_assert_eq!(&csv[total.class.word()][..], &wanted[..]);
        }
        prop_assert_eq!(result.balanced, expected.listed.iter().all(|(.., class)| !class.differs()));
        prop_assert!(result.gross.holds() && result.broken.is_empty());
        prop_assert!(!show::text::report(&result).is_empty());
    }
}

fn books(journal: &str, clearing: &str) -> Books {
    let mut books = Books::new();
    let file = books.file(Side::Journal, "journal");
    let header = "merchant,terminal,batch,trace,time,amount_fen,state\n";
    read::journal::read(format!("{header}{journal}").as_bytes(), file, &mut books).unwrap();
    let file = books.file(Side::Clearing, "clearing");
    let header = "merchant,terminal,batch,trace,amount_fen,time\n";
    read::clearing::read(format!("{header}{clearing}").as_bytes(), &Columns::default(), file, &mut books).unwrap();
    books
}

fn classes(result: &Reconciliation) -> String {
    let mut text = String::new();
    for group in &result.groups {
        let _ = write!(text, "{} {} ", group.day.as_deref().unwrap_or("-"), group.class.word());
    }
    text.trim_end().to_owned()
}

#[test]
fn a_ride_near_midnight_waits_for_a_day() {
    let journal =
        "m1,12345678,1,1,2018-05-20T22:59:59,100,accepted\nm1,12345678,1,2,2018-05-21T23:00:00,100,accepted\n";
    let paid = "m1,12345678,1,1,100,2018-05-20T22:59:59\n";
    let of = |books: &Books, options: Options| classes(&books.reconcile(&options));
    let through = |day| Options { cleared_through: Some(day), ..Options::default() };
    let books = books(journal, paid);
    assert_eq!(books.cleared_through(), Some(date(2018, 5, 20)));
    assert_eq!(of(&books, through(date(2018, 5, 21))), "2018-05-20 matched 2018-05-21 waiting");
    assert_eq!(of(&books, through(date(2018, 5, 22))), "2018-05-20 matched 2018-05-21 short");
    let later = Options { wait_days: 1, ..through(date(2018, 5, 22)) };
    assert_eq!(of(&books, later), "2018-05-20 matched 2018-05-21 waiting");
    let midnight = Options { cut_off: jiff::civil::time(23, 30, 0, 0), ..through(date(2018, 5, 21)) };
    assert_eq!(of(&books, midnight), "2018-05-20 matched 2018-05-21 short");
}

#[test]
fn a_late_ride_of_the_day_before_the_journal_is_no_difference() {
    let journal = "m1,12345678,1,2,2018-05-21T08:00:00,100,accepted\n";
    let late = |time: &str| {
        let paid = format!("m1,12345678,1,1,100,{time}\nm1,12345678,1,2,100,2018-05-21T08:00:00\n");
        classes(&books(journal, &paid).reconcile(&Options::default()))
    };
    assert_eq!(late("2018-05-20T23:00:00"), "2018-05-20 waiting 2018-05-21 matched");
    assert_eq!(late("2018-05-20T22:59:59"), "2018-05-20 long 2018-05-21 matched");
    assert_eq!(late("2018-05-19T23:30:00"), "2018-05-19 long 2018-05-21 matched");
    // A journal that has no ride at all begins on no day.
    let alone = books("", "m1,12345678,1,1,100,2018-05-20T23:00:00\n");
    assert_eq!(classes(&alone.reconcile(&Options::default())), "2018-05-20 long");
}

#[test]
fn the_validators_own_gross_is_compared() {
    let mut books = books("m1,12345678,1,1,2018-05-20T08:00:00,100,waiting\n", "");
    let options = Options { cleared_through: Some(LAST), ..Options::default() };
    books.state_gross(100);
    assert!(books.reconcile(&options).balanced);
    books.state_gross(350);
    let result = books.reconcile(&options);
    assert!(!result.balanced);
    let text = show::text::report(&result);
    assert!(text.contains("THE VALIDATORS STATE ANOTHER GROSS, 3.50 CNY: that is 2.50 CNY more"), "{text}");
    assert!(text.ends_with("no difference; the gross of the journal does not hold; 1 item is waiting\n"), "{text}");
}

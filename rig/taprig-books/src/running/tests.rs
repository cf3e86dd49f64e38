//! Rows that come in parts, and the same rows as a whole.

use super::*;
use crate::time::Moment;
use jiff::civil::{date, time};
use proptest::prelude::*;
use taprig_model::acquirer::log::State;
use taprig_model::books::result::Class;

const MERCHANT: &str = "123456789012345";

/// So many times, what has come so far is settled.
const PARTS: usize = 4;

/// A row of a side, with everything that it says.
#[derive(Debug, Clone)]
enum Row {
    Ride(Ride),
    Claim { terminal: String, trace: u32, fen: u64, state: State, repeat: bool },
    Cleared { terminal: String, trace: u32, fen: u64 },
}

/// What takes rows.
trait Takes {
    fn ride(&mut self, ride: &Ride, place: Option<Place>);
    fn claim(&mut self, claim: &Claim<'_>, heard: Option<Heard>);
    fn cleared(&mut self, row: &Cleared<'_>, place: Option<Place>);
}

macro_rules! takes {
    ($books:ty) => {
        impl Takes for $books {
            fn ride(&mut self, ride: &Ride, place: Option<Place>) {
                self.ride(ride, place);
            }
            fn claim(&mut self, claim: &Claim<'_>, heard: Option<Heard>) {
                self.claim(claim, heard);
            }
            fn cleared(&mut self, row: &Cleared<'_>, place: Option<Place>) {
                self.cleared(row, place);
            }
        }
    };
}

takes!(Books);
takes!(Running);

impl Row {
    fn give(&self, books: &mut impl Takes, files: [FileId; 3], row: u32) {
        let place = |side: Side| Place { file: files[side as usize], row };
        match self {
            Self::Ride(ride) => books.ride(ride, Some(place(Side::Journal))),
            Self::Claim { terminal, trace, fen, state, repeat } => {
                let (trace, fen, state) = (*trace, *fen, *state);
                let at = Moment { day: date(2018, 5, 20), time: Some(time(20, 0, 0, 0)) };
                let heard = Heard { at, repeat: *repeat, place: place(Side::Acquirer) };
                // A host tells the names with blanks.
                let merchant = format!("{MERCHANT} ");
                books.claim(&Claim { merchant: &merchant, terminal, batch: 1, trace, fen, state }, Some(heard));
            }
            Self::Cleared { terminal, trace, fen } => {
                let (trace, fen, cleared) = (*trace, *fen, Some(date(2018, 5, 20)));
                let (at, line, product) = (None, None, Some("by the bank"));
                let row = Cleared { merchant: MERCHANT, terminal, batch: 1, trace, fen, at, cleared, line, product };
                books.cleared(&row, Some(place(Side::Clearing)));
            }
        }
    }
}

/// An item: what each side says and in which part.
#[derive(Debug, Clone)]
struct Item {
    ride: Option<(State, usize)>,
    claim: Option<(State, usize)>,
    paid: Option<usize>,
    fen: u64,
    /// A side that has one fen more.
    more: Option<Side>,
    /// A side that says the same once more, in which part, and whether its row says so.
    again: Option<(Side, usize, bool)>,
    terminal: u32,
    day: u8,
    product: bool,
}

fn state() -> impl Strategy<Value = State> {
    use State::{Accepted, Refused, Reversed, Waiting};
    prop::sample::select(vec![Accepted, Accepted, Accepted, Accepted, Refused, Refused, Reversed, Waiting])
}

fn item() -> impl Strategy<Value = Item> {
    let side = || prop::sample::select(Side::ALL.to_vec());
    let said = || prop::option::weighted(0.9, (state(), 0..PARTS));
    // Most items are those of a day on which everything goes well.
    let agreed = (state(), 0..PARTS).prop_map(|(state, part)| {
        (Some((state, part)), Some((state, part)), (state == State::Accepted).then_some(part))
    });
    let sides = prop_oneof![2 => agreed, 1 => (said(), said(), prop::option::of(0..PARTS))];
    let rare = (prop::option::weighted(0.1, side()), prop::option::weighted(0.1, (side(), 0..PARTS, any::<bool>())));
    (sides, 1_u64..500, rare, 0_u32..3, 19_u8..22, any::<bool>()).prop_map(
        |((ride, claim, paid), fen, (more, again), terminal, day, product)| Item {
            ride,
            claim,
            paid,
            fen,
            more,
            again,
            terminal,
            day,
            product,
        },
    )
}

impl Item {
    /// Its rows, each with its part.
    fn rows(&self, trace: u32) -> Vec<(usize, Row)> {
        let terminal = format!("{:08}", self.terminal);
        let fen = |side| self.fen + u64::from(self.more == Some(side));
        let row = |side: Side, repeat: bool| match side {
            Side::Journal => self.ride.map(|(state, part)| {
                let ride = serde_json::json!({
                    "merchant": MERCHANT, "terminal": terminal, "batch": 1, "trace": trace, "line": "3",
                    "time": format!("2018-05-{}T08:00:00", self.day), "product": self.product.then_some("credit"),
                    "amount_fen": fen(side), "state": state,
                });
                (part, Row::Ride(serde_json::from_value(ride).unwrap()))
            }),
            Side::Acquirer => self.claim.map(|(state, part)| {
                let terminal = terminal.clone();
                (part, Row::Claim { terminal, trace, fen: fen(side), state, repeat })
            }),
            Side::Clearing => {
                self.paid.map(|part| (part, Row::Cleared { terminal: terminal.clone(), trace, fen: fen(side) }))
            }
        };
        let again = self.again.and_then(|(side, part, repeat)| Some((part, row(side, repeat)?.1)));
        Side::ALL.into_iter().filter_map(|side| row(side, false)).chain(again).collect()
    }

    /// After which part all sides agree on its end, if they ever do, and no side has it more than once by then.
    fn settled(&self) -> Option<usize> {
        use State::{Accepted, Refused, Reversed, Waiting};
        let of = |side: Side, part: usize| match self.again {
            Some((again, other, _)) if again == side => (part.min(other), Some(part.max(other))),
            _ => (part, None),
        };
        let ((ride, ride_part), (claim, claim_part)) = (self.ride?, self.claim?);
        let ride_parts = of(Side::Journal, ride_part);
        let claim_parts = of(Side::Acquirer, claim_part);
        let paid_parts = self.paid.map(|part| of(Side::Clearing, part));
        (0..PARTS).find(|part| {
            let there = |parts: (usize, Option<usize>)| parts.0 <= *part;
            let paid = paid_parts.is_some_and(there);
            let sides = [(Side::Journal, true), (Side::Acquirer, true), (Side::Clearing, paid)];
            let differs = self.more.is_some_and(|more| sides.contains(&(more, true)));
            let agree = matches!(
                (ride, claim, paid),
                (Accepted | Waiting, Accepted, true) | (Refused | Reversed, Refused | Reversed, false)
            );
            let twice = |parts: (usize, Option<usize>)| parts.1.is_some_and(|again| again <= *part);
            // An acquirer that says once more what it has said counts it again only if it accepts anew.
            let anew = claim == Accepted && self.again.is_some_and(|(.., repeat)| !repeat);
            // If the row that says that it is a repeat comes first, the other one is anew.
            let first = self.again.is_some_and(|(_, other, repeat)| repeat && other < claim_part);
            let doubled = twice(ride_parts)
                || paid_parts.is_some_and(twice)
                || twice(claim_parts) && (anew || claim == Accepted && first);
            there(ride_parts) && there(claim_parts) && agree && !differs && !doubled
        })
    }

    /// Number of its rows that come after that.
    fn late(&self, trace: u32) -> u64 {
        let settled = self.settled();
        self.rows(trace).iter().filter(|(part, _)| settled.is_some_and(|settled| *part > settled)).count() as u64
    }
}

fn whole(rows: &[(usize, Row)], options: &Options) -> Reconciliation {
    let mut books = Books::new();
    let files = Side::ALL.map(|side| books.file(side, side.word()));
    for (number, (_, row)) in (1..).zip(rows) {
        row.give(&mut books, files, number);
    }
    books.reconcile(options)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn parts_come_to_the_same_as_the_whole(items in prop::collection::vec(item(), 0..20), days in 0_u8..3) {
        let mut rows: Vec<(usize, Row)> = (1..).zip(&items).flat_map(|(trace, item)| item.rows(trace)).collect();
        rows.sort_by_key(|(part, _)| *part);
        let options = Options { cleared_through: Some(date(2018, 5, 20)), wait_days: days.into(), ..Options::default() };
        let mut books = Running::new();
        let files = Side::ALL.map(|side| books.file(side, side.word()));
        let (mut number, mut left) = (0, &rows[..]);
        for part in 0..PARTS {
            let (now, later) = left.split_at(left.partition_point(|(of, _)| *of == part));
            for (_, row) in now {
                number += 1;
                row.give(&mut books, files, number);
            }
            left = later;
            books.settle();
            let open = items.iter().filter(|item| {
                item.rows(1).iter().any(|(of, _)| *of <= part) && item.settled().is_none_or(|settled| settled > part)
            });
            prop_assert_eq!(books.open(), open.count());
        }
        let late: u64 = (1..).zip(&items).map(|(trace, item)| item.late(trace)).sum();
        match books.reconcile(&options) {
            Ok(result) => {
                prop_assert_eq!(late, 0);
                prop_assert_eq!(result, whole(&rows, &options));
            }
            Err(found) => {
                prop_assert_eq!(found.rows, late);
                prop_assert!(late > 0);
            }
        }
    }
}

fn agreed(trace: u32) -> Vec<(usize, Row)> {
    let said = Some((State::Accepted, 0));
    let (more, again) = (None, None);
    Item { ride: said, claim: said, paid: Some(0), fen: 100, more, again, terminal: 1, day: 20, product: true }
        .rows(trace)
}

#[test]
fn nothing_is_settled_before_all_sides_are_given() {
    let mut books = Running::new();
    let files = [Side::Journal, Side::Acquirer, Side::Acquirer].map(|side| books.file(side, side.word()));
    let refused = Some((State::Refused, 0));
    let (more, again) = (None, None);
    let item =
        Item { ride: refused, claim: refused, paid: None, fen: 100, more, again, terminal: 1, day: 20, product: true };
    item.rows(1).iter().for_each(|(_, row)| row.give(&mut books, files, 1));
    books.settle();
    assert_eq!(books.open(), 1, "a clearing file may still come");
    books.file(Side::Clearing, "clearing");
    books.settle();
    assert_eq!(books.open(), 0);
}

#[test]
fn every_row_for_a_settled_item_is_late() {
    for late in 0..3 {
        let mut books = Running::new();
        let files = Side::ALL.map(|side| books.file(side, side.word()));
        for trace in 1..=3 {
            agreed(trace).iter().for_each(|(_, row)| row.give(&mut books, files, trace));
            books.settle();
        }
        let options = Options::default();
        let result = books.reconcile(&options).unwrap();
        assert_eq!(result.classes[Class::Matched as usize].sums.journal.count, 3);
        agreed(2)[late].1.give(&mut books, files, 4);
        assert_eq!(books.reconcile(&options), Err(Late { rows: 1 }), "{late}");
        assert_eq!(books.open(), 0);
    }
}

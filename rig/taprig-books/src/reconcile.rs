//! From the books to the result.

use crate::books::{Books, Place, Repeated};
use crate::class::{Acquirer, Clearing, class};
use crate::entries::{Entries, Key};
use crate::group::GroupNames;
use crate::names::Name;
use jiff::civil::{Date, Time};
use std::collections::BTreeMap;
use taprig_model::books::result::{
    Broken, Class, Entry, Gross, Group, Item, Place as Named, Read, Reconciliation, Side, Sums, Total,
};

/// When a ride is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A ride at or after this time of day is due a day later.
    pub cut_off: Time,
    /// So many days later a ride is due, in addition.
    pub wait_days: u16,
    /// The day up to which the clearing files are complete. Absent: the latest day of clearing in the files, or else the latest day of a
    /// ride in them.
    pub cleared_through: Option<Date>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cut_off: Time::constant(23, 0, 0, 0), wait_days: 0, cleared_through: None }
    }
}

/// The names of a [group](GroupNames) as texts, in the order of the result.
type GroupKey<'a> = (Option<Date>, &'a str, &'a str, u32, Option<&'a str>, Option<&'a str>, Class);

impl Books {
    /// The day up to which the clearing files are complete, as far as they show it.
    #[must_use]
    pub fn cleared_through(&self) -> Option<Date> {
        self.last_cleared.or(self.last_paid)
    }

    /// Puts each item into its class and adds up.
    #[must_use]
    pub fn reconcile(&self, options: &Options) -> Reconciliation {
        let through = options.cleared_through.or(self.cleared_through());
        let classes: Vec<Class> = self.items.iter().map(|(_, entries)| self.class(entries, options, through)).collect();
        let mut groups: BTreeMap<GroupKey<'_>, Sums> =
            self.settled.iter().map(|(names, sums)| (self.group(*names), *sums)).collect();
        for ((key, entries), class) in self.items.iter().zip(&classes) {
            entries.add_to(groups.entry(self.group(entries.group(*key, *class))).or_default());
        }
        for repeated in &self.repeated {
            let (key, entries) = &self.items[repeated.item];
            let sums = groups.entry(self.group(entries.group(*key, Class::Duplicate))).or_default();
            sums.of_mut(repeated.side).add(repeated.fen);
        }
        let mut totals = Class::ALL.map(|class| Total { class, differs: class.differs(), sums: Sums::default() });
        for ((.., class), sums) in &groups {
            totals[*class as usize].sums += *sums;
        }
        let gross = self.checked_gross();
        let differs = totals.iter().any(|total| total.differs && total.sums != Sums::default());
        Reconciliation {
            schema: 1,
            balanced: !differs && gross.holds(),
            cleared_through: through.filter(|_| self.has(Side::Clearing)).map(|day| day.to_string()),
            cut_off: options.cut_off.strftime("%H:%M").to_string(),
            wait_days: options.wait_days,
            sides: self.sides(),
            gross,
            classes: totals.to_vec(),
            groups: groups.into_iter().map(group).collect(),
            items: self.listed(&classes),
            broken: self.broken.iter().map(|(place, why)| self.broken_row(*place, why)).collect(),
            notices: self.notices.clone(),
        }
    }

    fn class(&self, entries: &Entries, options: &Options, through: Option<Date>) -> Class {
        if entries.amounts_differ() {
            return Class::AmountDiffers;
        }
        let acquirer = match &entries.acquirer {
            _ if !self.has(Side::Acquirer) => Acquirer::NotGiven,
            None => Acquirer::Absent,
            Some(claim) => Acquirer::Has(claim.state),
        };
        let at = entries.at();
        let due = at.map(|at| at.due(options.cut_off, options.wait_days));
        let clearing = match &entries.clearing {
            _ if !self.has(Side::Clearing) => Clearing::NotGiven,
            Some(_) => {
                let from_before = match (at, due, self.first_ride) {
                    (Some(at), Some(due), Some(first)) => at.day < first && due >= first,
                    _ => false,
                };
                if from_before { Clearing::HasFromBefore } else { Clearing::Has }
            }
            // Of a ride without a day nobody can say that it is not due.
            None => match (due, through) {
                (Some(due), Some(through)) if due > through => Clearing::NotDue,
                _ => Clearing::Missing,
            },
        };
        let journal = entries.journal.as_ref().map(|ride| ride.state);
        // Every item came with a row of a side.
        class(journal, acquirer, clearing).unwrap_or(Class::StateDiffers)
    }

    fn group(&self, names: GroupNames) -> GroupKey<'_> {
        let text = |name: Option<Name>| name.map(|name| self.names.text(name));
        let GroupNames { day, merchant, terminal, batch, line, product, class } = names;
        (day, self.names.text(merchant), self.names.text(terminal), batch, text(line), text(product), class)
    }

    fn checked_gross(&self) -> Gross {
        let mut gross = self.gross.clone();
        let states = gross.accepted.fen + gross.refused.fen + gross.waiting.fen + gross.reversed.fen;
        let signed = |fen: u128| i128::try_from(fen).unwrap_or(i128::MAX);
        gross.unexplained_fen = signed(gross.rides.fen) - signed(states);
        gross
    }

    fn sides(&self) -> Vec<Read> {
        let given = Side::ALL.into_iter().filter(|side| self.has(*side));
        given
            .map(|side| Read {
                side,
                files: self.files.iter().filter(|file| file.side == side).map(|file| file.name.clone()).collect(),
                read: self.read[side as usize],
                broken: self.broken_rows[side as usize],
            })
            .collect()
    }

    /// Everything that is different or waiting, in the order of days and keys.
    fn listed(&self, classes: &[Class]) -> Vec<Item> {
        let is_listed = |class: Class| class.differs() || class == Class::Waiting;
        let items = self.items.iter().zip(classes).filter(|(_, class)| is_listed(**class));
        let mut all: Vec<Item> = items
            .map(|((key, entries), class)| Item { entries: self.entries(entries), ..self.head(*key, entries, *class) })
            .collect();
        all.extend(self.repeated.iter().map(|repeated| self.repeated_item(repeated)));
        all.sort_by(|a, b| order(a).cmp(&order(b)));
        all
    }

    fn head(&self, key: Key, entries: &Entries, class: Class) -> Item {
        let text = |name: Option<Name>| name.map(|name| self.names.text(name).to_owned());
        Item {
            class,
            day: entries.at().map(|at| at.day.to_string()),
            merchant: self.names.text(key.merchant).to_owned(),
            terminal: self.names.text(key.terminal).to_owned(),
            batch: key.batch,
            trace: key.trace,
            line: text(entries.line()),
            bus: text(entries.journal.as_ref().and_then(|ride| ride.bus)),
            product: text(entries.product()),
            entries: Vec::new(),
            first: None,
        }
    }

    fn entries(&self, entries: &Entries) -> Vec<Entry> {
        let mut all = Vec::new();
        if let Some(ride) = &entries.journal {
            all.push(Entry {
                side: Side::Journal,
                fen: ride.fen,
                state: Some(ride.state),
                code: ride.code.as_ref().map(ToString::to_string),
                place: self.named(ride.place),
            });
        }
        if let Some(claim) = &entries.acquirer {
            let (fen, state, place) = (claim.fen, Some(claim.state), self.named(claim.place));
            all.push(Entry { side: Side::Acquirer, fen, state, code: None, place });
        }
        if let Some(paid) = &entries.clearing {
            let (fen, place) = (paid.fen, self.named(paid.place));
            all.push(Entry { side: Side::Clearing, fen, state: None, code: None, place });
        }
        all
    }

    fn repeated_item(&self, repeated: &Repeated) -> Item {
        let (key, entries) = &self.items[repeated.item];
        let (side, fen, place) = (repeated.side, repeated.fen, self.named(repeated.place));
        Item {
            entries: vec![Entry { side, fen, state: None, code: None, place }],
            first: self.named(repeated.first),
            ..self.head(*key, entries, Class::Duplicate)
        }
    }

    fn named(&self, place: Option<Place>) -> Option<Named> {
        place.map(|place| Named { file: self.files[place.file.index()].name.clone(), row: place.row.into() })
    }

    fn broken_row(&self, place: Place, why: &str) -> Broken {
        let file = &self.files[place.file.index()];
        Broken { side: file.side, place: Named { file: file.name.clone(), row: place.row.into() }, why: why.to_owned() }
    }
}

/// The order of items.
fn order(item: &Item) -> (Option<&str>, &str, &str, u32, u32) {
    (item.day.as_deref(), &item.merchant, &item.terminal, item.batch, item.trace)
}

fn group((key, sums): (GroupKey<'_>, Sums)) -> Group {
    let (day, merchant, terminal, batch, line, product, class) = key;
    Group {
        day: day.map(|day| day.to_string()),
        merchant: merchant.to_owned(),
        terminal: terminal.to_owned(),
        batch,
        line: line.map(str::to_owned),
        product: product.map(str::to_owned),
        class,
        sums,
    }
}
